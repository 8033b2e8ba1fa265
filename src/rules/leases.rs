//! What keeps a session alive (rule 11).
//!
//! Whatever is heard of a session writes to its record alone, and its deadline is put off when it
//! comes near. If it is near already, it is put off at once: the moment itself may not have to put
//! off a whole crowd.

use crate::error::Error;
use crate::key::SessionKey;
use crate::rules::State;
use crate::tables::ids::SessionIndex;
use crate::tables::sessions::Renewal;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    /// Returns the session of this key, which must be attached, and renews its lease, since this is
    /// an input of it.
    #[inline]
    pub(super) fn renew_lease_of(&mut self, key: SessionKey) -> Result<SessionIndex, Error> {
        let now = (self.moment, self.order + 1);
        match self.tables.sessions_mut().renew_lease_of(key, now, self.late_ms) {
            Renewal::Of(session) => {
                self.order += 1;
                Ok(session)
            }
            rare @ (Renewal::Late(session) | Renewal::AfterSign(session)) => {
                self.renew_rarely(rare);
                Ok(session)
            }
            Renewal::Detached => Err(Error::Detached),
            Renewal::Unknown => Err(Error::UnknownSession),
        }
    }

    /// Renews a lease where it takes more than to write to the record.
    #[cold]
    #[inline(never)]
    fn renew_rarely(&mut self, renewal: Renewal) {
        match renewal {
            Renewal::Late(session) => {
                self.order += 1;
                self.renew_late(session);
            }
            Renewal::AfterSign(session) => self.renew_lease(session),
            Renewal::Of(_) | Renewal::Detached | Renewal::Unknown => {}
        }
    }

    /// Puts off the deadline of a session whose lease was near its end.
    #[cold]
    #[inline(never)]
    pub(super) fn renew_late(&mut self, session: SessionIndex) {
        self.start_lease(session);
    }

    /// Renews the lease of a session of which there is an input.
    pub(super) fn renew_lease(&mut self, session: SessionIndex) {
        let now = (self.moment, self.next_order());
        let is_late = now.0.since(self.tables.sessions().heard(session)) >= self.late_ms;
        self.tables.renew_lease(session, now);
        if is_late {
            self.renew_late(session);
        }
    }

    /// Sets the deadline of a session by what was heard of it last.
    pub(super) fn start_lease(&mut self, session: SessionIndex) {
        let sessions = self.tables.sessions();
        match (self.options.lease, sessions.heard_order(session)) {
            (Some(lease), Some(order)) => {
                let lapses = sessions.heard(session).saturating_add(lease.lease_ms);
                self.lifetimes.arm(session, lapses, order);
            }
            _ => self.lifetimes.disarm(session),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Lease, Options};
    use crate::connect::Connect;
    use crate::decision::Decision;
    use crate::engine::Engine;
    use crate::hasher::tests::Plain;
    use crate::key::SessionKey;
    use crate::reason::CloseReason;
    use crate::tables::steps;
    use crate::time::Time;
    use alloc::vec::Vec;

    const SHRUNK: bool = cfg!(feature = "shrunk");
    const CROWD: u32 = if SHRUNK { 1_000 } else { 20_000 };
    const LEASE_MS: u64 = 90_000;
    /// The most steps of one call: what is moved ahead of time, each perhaps by some places in the
    /// heap, and what that grows by.
    const SHORT: usize = if SHRUNK { 1_500 } else { 9_000 };

    const fn at(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    /// An engine to which so many have connected, and their keys.
    fn engine_of(
        users: u32,
        lease: Option<Lease>,
        idle_after_ms: Option<u64>,
    ) -> (Engine<u32, u8, Plain>, Vec<SessionKey>) {
        let config = Config::new(Options { lease, idle_after_ms, ..Options::default() });
        let config = config.expect("they are in range");
        let mut engine = Engine::with_representative(config, Plain, |_| 0);
        let connect = |user| {
            let (key, decisions) = engine.connect(at(0), Connect::new(user)).expect("room");
            decisions.for_each(|_| {});
            key
        };
        let keys = (0..users).map(connect).collect();
        (engine, keys)
    }

    /// A crowd of all of whom something was heard in one millisecond, out of order, by a person if
    /// their users can be idle.
    fn crowd(
        lease: Option<Lease>,
        idle_after_ms: Option<u64>,
    ) -> (Engine<u32, u8, Plain>, Vec<SessionKey>) {
        let (mut engine, mut keys) = engine_of(CROWD, lease, idle_after_ms);
        // A prime that does not divide their number.
        let nth = |nth: usize| (nth as u64 * 2_654_435_761 % u64::from(CROWD)) as usize;
        keys = (0..keys.len()).map(|place| keys[nth(place)]).collect();
        for key in &keys {
            hear(&mut engine, 1, *key, idle_after_ms.is_some());
        }
        (engine, keys)
    }

    /// Something is heard of a session, by a person or not.
    fn hear(engine: &mut Engine<u32, u8, Plain>, now: u64, key: SessionKey, by_person: bool) {
        let steps = steps::tests::of(|| {
            let decisions = match by_person {
                true => engine.active(at(now), key),
                false => engine.heartbeat(at(now), key),
            };
            decisions.expect("it is there").for_each(|_| {});
        });
        assert!(steps <= 400, "{steps} steps for one that is heard of");
    }

    /// Advances, and says which leases have lapsed and how many steps the longest look took.
    fn advance(engine: &mut Engine<u32, u8, Plain>, to: u64) -> (Vec<SessionKey>, usize) {
        let (mut lapsed, mut longest, mut goes_on) = (Vec::new(), 0, true);
        let mut decisions = engine.advance(at(to));
        while goes_on {
            let steps = steps::tests::of(|| {
                let decision = decisions.next();
                goes_on = decision.is_some();
                if let Some(Decision::Close { session, reason, .. }) = decision {
                    assert_eq!(reason, CloseReason::LeaseLapsed);
                    lapsed.push(session);
                }
            });
            longest = longest.max(steps);
        }
        (lapsed, longest)
    }

    /// Those who are heard of at the last moment: not the one at this place.
    fn hear_all_but(
        silent: usize,
        engine: &mut Engine<u32, u8, Plain>,
        now: u64,
        (keys, by_person): (&[SessionKey], bool),
    ) {
        for (_, key) in keys.iter().enumerate().filter(|(nth, _)| *nth != silent) {
            hear(engine, now, *key, by_person);
        }
        assert_eq!(engine.verify(), Ok(()));
    }

    /// Hears of these of six in this order, by a person where `is_by_person` says so of the place;
    /// then all lapse, in the order that this returns.
    fn order_of_lapsing(
        now: u64,
        nths: &[usize],
        is_by_person: impl Fn(usize) -> bool,
    ) -> Vec<usize> {
        let lease = Some(Lease { lease_ms: LEASE_MS, heartbeat_ms: 30_000 });
        let (mut engine, keys) = engine_of(6, lease, Some(600_000));
        for (place, nth) in nths.iter().enumerate() {
            hear(&mut engine, now, keys[*nth], is_by_person(place));
        }
        assert_eq!(advance(&mut engine, now + LEASE_MS - 1).0, []);
        let (lapsed, _) = advance(&mut engine, now + LEASE_MS);
        assert_eq!(engine.verify(), Ok(()));
        lapsed.iter().filter_map(|key| keys.iter().position(|other| other == key)).collect()
    }

    /// Of equal deadlines that comes first which was set first: a lease is set whenever something
    /// is heard, in whichever way, whether it has hardly begun or is near its end.
    #[test]
    fn those_heard_of_in_one_millisecond_lapse_in_that_order() {
        // Of two something is heard twice: the last time counts.
        let (nths, expected) = ([4, 1, 5, 0, 3, 2, 1, 4], [5, 0, 3, 2, 1, 4]);
        for now in [1, LEASE_MS - 1] {
            assert_eq!(order_of_lapsing(now, &nths, |_| false), expected, "at {now}");
            assert_eq!(order_of_lapsing(now, &nths, |_| true), expected, "at {now}, by persons");
            for odd in [0, 1] {
                let lapsed = order_of_lapsing(now, &nths, |place| place % 2 == odd);
                assert_eq!(lapsed, expected, "at {now}, by persons and not");
            }
        }
    }

    /// After a sign of a person, whatever else is heard of a session whose lease is near its end
    /// puts that off at once.
    #[test]
    fn what_is_heard_after_a_person_did_something_puts_off_what_comes_near() {
        let lease = Some(Lease { lease_ms: LEASE_MS, heartbeat_ms: 30_000 });
        let (mut engine, keys) = engine_of(1, lease, Some(600_000));
        hear(&mut engine, 1, keys[0], true);
        assert_eq!(advance(&mut engine, LEASE_MS).0, []);
        hear(&mut engine, LEASE_MS, keys[0], false);
        assert_eq!(engine.verify(), Ok(()));
        assert!(engine.deadline() > Some(at(LEASE_MS + 1)), "{:?}", engine.deadline());
        assert_eq!(advance(&mut engine, 2 * LEASE_MS - 1).0, []);
        assert_eq!(advance(&mut engine, 2 * LEASE_MS).0, keys);
    }

    /// Whenever all but one of a crowd are heard of before their leases lapse: no call is long for
    /// a host that looks once a millisecond, and that one lapses at its moment.
    #[test]
    fn a_crowd_that_is_heard_of_at_the_last_moment_is_put_off_in_short_steps() {
        for (before_ms, by_person) in [(0, false), (0, true), (1, false), (1_500, true)] {
            let lease = Lease { lease_ms: LEASE_MS, heartbeat_ms: 30_000 };
            let (mut engine, keys) = crowd(Some(lease), by_person.then_some(600_000));
            let (lapses, mut longest) = (1 + LEASE_MS, 0);
            // From before anything has to be moved ahead of time.
            for now in lapses - 30_000..lapses + 3_000 {
                if now == lapses - before_ms {
                    hear_all_but(500, &mut engine, now, (&keys, by_person));
                }
                let (lapsed, steps) = advance(&mut engine, now);
                longest = longest.max(steps);
                let expected: &[SessionKey] = if now == lapses { &keys[500..=500] } else { &[] };
                assert_eq!(lapsed, expected, "at {now}");
            }
            assert!(longest <= SHORT, "{before_ms} ms before: {longest} steps");
            // And they lapse in the order in which they were heard of.
            let renewed = lapses - before_ms + LEASE_MS;
            let (none, _) = advance(&mut engine, renewed - 1);
            assert_eq!(none, []);
            let (lapsed, _) = advance(&mut engine, renewed);
            assert!(lapsed.iter().eq(keys.iter().filter(|key| **key != keys[500])));
        }
    }

    /// The same of those whose users would be idle, whether or not a heartbeat came in between.
    #[test]
    fn a_crowd_that_does_something_at_the_last_moment_is_put_off_in_short_steps() {
        const IDLE_MS: u64 = LEASE_MS;
        for (before_ms, beats) in [(0, false), (1, true)] {
            let (mut engine, keys) = crowd(None, Some(IDLE_MS));
            let (idle, mut longest) = (1 + IDLE_MS, 0);
            for now in idle - 30_000..idle + 3_000 {
                if now == idle - 10_000 && beats {
                    keys.iter().for_each(|key| hear(&mut engine, now, *key, false));
                }
                if now == idle - before_ms {
                    hear_all_but(500, &mut engine, now, (&keys, true));
                }
                let (_, steps) = advance(&mut engine, now);
                longest = longest.max(steps);
                let expected = CROWD as usize - usize::from(now >= idle);
                assert_eq!(engine.counts().timers, expected, "at {now}: who is not idle");
            }
            assert!(longest <= SHORT, "{before_ms} ms before: {longest} steps");
            let renewed = idle - before_ms + IDLE_MS;
            advance(&mut engine, renewed - 1);
            assert_eq!(engine.counts().timers, CROWD as usize - 1);
            while engine.deadline().is_some_and(|due| due <= at(renewed)) {
                advance(&mut engine, renewed);
            }
            assert_eq!(engine.counts().timers, 0);
        }
    }
}
