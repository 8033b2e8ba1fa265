//! What must always hold between the tables, the limits and the deadlines; making room ahead, and
//! giving memory back.

use crate::rules::State;
use crate::rules::nodes::LOOK_AGAIN_MS;
use crate::tables::expiries::Expiring;
use crate::tables::ids::TickIndex;
use crate::tables::sessions::Link;
use crate::tables::verify::ensure;
use crate::time::Time;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    pub(crate) fn verify(&self) -> Result<(), &'static str> {
        ensure!(self.is_idle(), "work is left between two inputs");
        self.tables.verify()?;
        self.verify_limits()?;
        self.verify_deadlines()?;
        self.verify_expiries()?;
        self.verify_ticks()
    }

    fn is_idle(&self) -> bool {
        let nobody_leaves = self.leaving.is_none() && self.tables.is_clean();
        !self.is_draining && self.plan.is_done() && nobody_leaves
    }

    fn verify_limits(&self) -> Result<(), &'static str> {
        let options = &self.options;
        for user in self.tables.iter_online() {
            let sessions = self.tables.sessions_of(user);
            let limit = usize::from(options.max_sessions);
            let own = sessions.iter().filter(|one| self.tables.sessions().link(**one).is_local());
            ensure!(own.clone().count() <= limit, "a user has too many sessions");
            let kinds = own.map(|session| self.tables.sessions().kind(*session));
            let limit = options.max_sessions_per_kind.map_or(usize::MAX, usize::from);
            let are_few = |kind| kinds.clone().filter(|other| *other == kind).count() <= limit;
            ensure!(kinds.clone().all(are_few), "a user has too many sessions of a kind");
            let audience = self.tables.audience_of(user);
            let limit = options.max_audience as usize;
            ensure!(audience.len() <= limit, "an audience is over its limit");
            let blocked = self.tables.blocked_by(user);
            let limit = options.max_blocked as usize;
            ensure!(blocked.len() <= limit, "a list of blocked users is over its limit");
            for session in sessions {
                let names =
                    self.tables.sessions().told(*session).map_or(0, |told| told.name_count());
                ensure!(names <= options.max_told, "too many names are remembered");
            }
            let held = self.tables.held_of(user);
            let limit = usize::from(options.max_sessions);
            ensure!(held.len() <= limit, "too much is held of a user");
        }
        Ok(())
    }

    fn verify_deadlines(&self) -> Result<(), &'static str> {
        let (options, sessions) = (&self.options, self.tables.sessions());
        let (mut waiting, mut lifetimes) = (0, 0);
        // A session that is detached at another node is looked at again and again, and not where
        // the next look would be after the end of time (rules C7 to C9).
        let is_the_end = self.now.saturating_add(LOOK_AGAIN_MS) == Time::MAX;
        for session in sessions.iter_records() {
            let timed = self.lifetimes.deadline(session).is_some();
            let must = match sessions.link(session) {
                Link::Attached | Link::Congested => self.options.lease.is_some(),
                link => link != Link::Remote,
            };
            let may = is_the_end && !timed && self.tables.remote(session).is_some();
            ensure!(
                timed == must || may,
                "a lease or a grace has no deadline, or a deadline no reason"
            );
            lifetimes += usize::from(timed);
            if let (Some(lease), true) = (options.lease, sessions.link(session).is_up()) {
                let lapses = sessions.heard(session).saturating_add(lease.lease_ms);
                ensure!(
                    !self.lifetimes.is_near(session)
                        || self.lifetimes.deadline(session) == Some(lapses),
                    "a lease that was renewed stands among those that lapse soon"
                );
            }
            let waits = sessions.has_waiting(session);
            ensure!(
                self.tokens.deadline(session).is_some() == waits,
                "a publish that waits has no deadline, or a deadline no publish"
            );
            waiting += usize::from(waits);
        }
        ensure!(waiting == self.tokens.armed(), "a deadline belongs to no publish");
        ensure!(lifetimes == self.lifetimes.armed(), "a deadline belongs to no session");
        let idle_after_ms = options.idle_after_ms.unwrap_or(0);
        for place in self.tables.iter_online().filter_map(|user| self.tables.place(user)) {
            let next = self.tables.next_idle(place, idle_after_ms).map(|(at, _)| at);
            ensure!(
                !self.idle.is_near(place) || self.idle.deadline(place) == next,
                "a user who is active stands among those who are idle soon"
            );
        }
        Ok(())
    }

    fn verify_expiries(&self) -> Result<(), &'static str> {
        let sessions = self.tables.sessions();
        let (mut entries, mut thens, mut armed) = (0, 0, 0);
        let mut verify = |index, session, of| {
            let expiry = self.expiries.get(index).filter(|e| (e.session, e.of) == (session, of));
            let Some(expiry) = expiry else { return Err("what ends points elsewhere") };
            let deadline = self.expiries.deadline(index);
            let is_waiting = of == Expiring::Waiting;
            ensure!(
                deadline.is_none() == is_waiting,
                "what ends has no deadline, or has one early"
            );
            // One that has passed by the time it is armed is due at once.
            ensure!(deadline.is_none_or(|at| at >= expiry.until), "a deadline is too early");
            entries += 1;
            thens += usize::from(expiry.then.is_some());
            armed += usize::from(!is_waiting);
            Ok(())
        };
        for session in sessions.iter_records() {
            let [shown, waiting] = sessions.expiries(session);
            ensure!(shown.is_none() || sessions.has_published(session), "nothing shown has an end");
            ensure!(
                waiting.is_none() || sessions.has_waiting(session),
                "nothing waiting has an end"
            );
            shown.map_or(Ok(()), |index| verify(index, session, Expiring::Shown))?;
            waiting.map_or(Ok(()), |index| verify(index, session, Expiring::Waiting))?;
            for (number, index) in sessions.told(session).iter().flat_map(|told| told.expiries()) {
                verify(index, session, Expiring::Call(number))?;
            }
        }
        let topics = self.tables.topics();
        for session in sessions.iter() {
            for (_, membership) in self.tables.topics_of(session) {
                let Some(own) = topics.own(membership) else { continue };
                let (said, update) = (Expiring::Said(membership), Expiring::Update(membership));
                own.said_until.map_or(Ok(()), |index| verify(index, session, said))?;
                own.update.map_or(Ok(()), |index| verify(index, session, update))?;
            }
        }
        ensure!(entries == self.expiries.len(), "something ends of which nobody knows");
        ensure!(thens == self.expiries.thens(), "presences that follow others are miscounted");
        ensure!(armed == self.expiries.armed(), "a deadline belongs to nothing that ends");
        Ok(())
    }

    /// Checks that what waits for a tick has one.
    fn verify_ticks(&self) -> Result<(), &'static str> {
        let (topics, mut armed) = (self.tables.topics(), 0);
        for topic in topics.iter() {
            for is_slow in [false, true] {
                let is_armed = self.ticks.deadline(TickIndex::of(topic, is_slow)).is_some();
                let waits = topics.pending_of(topic, is_slow).is_some();
                ensure!(is_armed || !waits, "what has changed in a topic waits for nothing");
                armed += usize::from(is_armed);
                for group in &topics.topic(topic).groups {
                    let receiving = topics.channels().receiving(group.channel);
                    let arrives = topics.channels().attached(group.channel) > receiving;
                    let is_due = self.is_slow(topic, group) == is_slow;
                    ensure!(is_armed || !arrives || !is_due, "who arrives waits for nothing");
                    let any_late = topics.are_late(group.channel);
                    let is_noted = is_armed && topics.topic(topic).has_late;
                    ensure!(is_noted || !any_late || !is_due, "who was told waits for nothing");
                }
            }
        }
        ensure!(armed == self.ticks.armed(), "a tick belongs to no topic");
        Ok(())
    }

    pub(crate) fn reserve(&mut self, users: usize, sessions: usize) {
        self.tables.reserve(users, sessions);
        self.lifetimes.reserve(sessions);
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        self.finish_drain();
        let Self { tables, idle, .. } = self;
        tables.shrink_to_fit(|before, place| {
            if let Some(deadline) = idle.deadline(before) {
                idle.disarm(before);
                // Its order is found again when its moment comes near.
                idle.arm(place, deadline, 0);
            }
        });
        self.idle.shrink_to_fit();
        self.lifetimes.shrink_to_fit();
        self.tokens.shrink_to_fit();
        self.expiries.shrink_to_fit();
        self.ticks.shrink_to_fit();
        self.plan.shrink_to_fit();
        self.scratch = Default::default();
        self.lost_and_gained = Default::default();
        (self.reached, self.unaware, self.changes) = Default::default();
        self.tick_news = Default::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Options};
    use crate::connect::Connect;
    use crate::engine::Engine;
    use crate::event::LostCause;
    use crate::hasher::tests::Plain;
    use crate::key::{DeviceKind, SessionId, SessionKey};
    use crate::remote::{Origin, RemoteLoss, RemoteSession, RemoteState};
    use crate::tables::expiries::Expiry;
    use crate::tables::ids::{ExpiryIndex, SessionIndex, TopicIndex, User};
    use crate::topic::{Join, View};
    use alloc::vec::Vec;

    type Broken = State<u64, u32, Plain>;

    /// Two friends online, one of whom has published.
    fn state() -> Broken {
        let mut state = Broken::new(Options::default(), Plain);
        for (user, audience, blocked) in [(1, [2], Some(3)), (2, [1], None)] {
            let newcomer = Connect::new(user).audience(audience).blocked(blocked);
            state.begin(Time::ZERO);
            let key = state.connect(newcomer).expect("there is room");
            state.accept();
            state.finish_drain();
            if user == 1 {
                state.begin(Time::ZERO);
                state.publish(key, 5).expect("it is attached");
                state.accept();
                state.finish_drain();
            }
        }
        state
    }

    #[test]
    fn what_is_broken_is_seen() {
        fn ends(state: &mut Broken, until: Time, then: Option<u32>) -> ExpiryIndex {
            let session = SessionIndex(0);
            state.expiries.insert(Expiry { session, of: Expiring::Shown, until, then })
        }
        let breaks: [fn(&mut Broken); 16] = [
            |state| state.plan.name_receiver(SessionIndex(0)),
            |state| _ = state.plan.list_ended(SessionId::from_bits(1)),
            |state| state.plan.say(1),
            |state| state.plan.drop_later(Some(1)),
            |state| state.is_draining = true,
            |state| state.leaving = Some(User(0)),
            |state| state.lifetimes.disarm(SessionIndex(0)),
            |state| state.tokens.arm(SessionIndex(0), Time::MAX, 0),
            // A tick of a topic that is not there.
            |state| state.ticks.arm(TickIndex::of(TopicIndex(0), false), Time::MAX, 0),
            // Nobody knows of it; it has no deadline; it is not there, for what is shown or waits.
            |state| _ = ends(state, Time::MAX, None),
            |state| {
                let expiry = ends(state, Time::MAX, Some(1));
                state.tables.sessions_mut().set_shown_until(SessionIndex(0), expiry);
            },
            |state| {
                let sessions = state.tables.sessions_mut();
                sessions.set_shown_until(SessionIndex(0), ExpiryIndex::at(3));
            },
            |state| {
                let sessions = state.tables.sessions_mut();
                sessions.set_waits_until(SessionIndex(0), ExpiryIndex::at(3));
            },
            // Who shows nothing has nothing that ends.
            |state| {
                let expiry = ends(state, Time::MAX, None);
                state.expiries.arm(expiry, 1, Time::ZERO);
                state.tables.sessions_mut().set_shown_until(SessionIndex(0), expiry);
                state.tables.take_presence(SessionIndex(0));
            },
            |state| state.options.max_audience = 0,
            |state| state.options.max_blocked = 0,
        ];
        assert_eq!(state().verify(), Ok(()));
        for (nth, break_it) in breaks.iter().enumerate() {
            let mut state = state();
            break_it(&mut state);
            assert!(state.verify().is_err(), "the break number {nth} is not seen");
        }
    }

    #[test]
    fn who_arrives_in_a_topic_that_has_no_tick_is_seen() {
        let (mut state, session) = (state(), SessionIndex(0));
        let (key, view) = (state.tables.sessions().key(session), View::Count);
        state.begin(Time::ZERO);
        state.join(key, 7, Join::Observer { view }).expect("there is room");
        state.accept();
        state.finish_drain();
        assert_eq!(state.verify(), Ok(()));
        let (topic, _) = state.tables.topics_of(session).next().expect("it is in one");
        state.ticks.disarm(TickIndex::of(topic, true));
        assert_eq!(state.verify(), Err("who arrives waits for nothing"));
    }

    /// Rule T11: of who was sent a snapshot within a tick, and is congested again, the tick has to
    /// know.
    #[test]
    fn who_is_late_in_a_topic_of_which_no_tick_knows_is_seen() {
        let late = || {
            let (mut state, session) = (state(), SessionIndex(0));
            let key = state.tables.sessions().key(session);
            let mut input = |verb: fn(&mut Broken, SessionKey)| {
                state.begin(Time::ZERO);
                verb(&mut state, key);
                state.accept();
                state.finish_drain();
            };
            input(|state, key| {
                let join = Join::Observer { view: View::Count };
                state.join(key, 7, join).expect("there is room");
            });
            input(|state, key| state.congested(key).expect("it is attached"));
            input(|state, key| state.writable(key).expect("it is attached"));
            input(|state, key| state.congested(key).expect("it is attached"));
            let (topic, _) = state.tables.topics_of(session).next().expect("it is in one");
            (state, topic)
        };
        let breaks: [fn(&mut Broken, TopicIndex); 2] = [
            |state, topic| state.ticks.disarm(TickIndex::of(topic, true)),
            |state, topic| state.tables.topics_mut().topic_mut(topic).has_late = false,
        ];
        assert_eq!(late().0.verify(), Ok(()));
        for break_it in breaks {
            let (mut state, topic) = late();
            break_it(&mut state, topic);
            assert_eq!(state.verify(), Err("who was told waits for nothing"));
        }
    }

    /// Nothing is looked at again after the end of time, and everything before it is.
    #[test]
    fn a_session_elsewhere_without_a_deadline_is_seen_until_the_end_of_time() {
        let end = u64::MAX - LOOK_AGAIN_MS;
        for (now, is_seen) in [(0, true), (end - 1, true), (end, false), (u64::MAX, false)] {
            let config = Config::new(Options::default()).expect("the options are in range");
            let mut engine = Engine::<u64, u32, _>::with_hasher(config, Plain);
            let lost = RemoteLoss { cause: LostCause::Timeout, since_ms: 0, left_ms: 10 };
            let session = RemoteSession {
                id: SessionId::from_bits(1).expect("it is not zero"),
                kind: DeviceKind(0),
                age_ms: 0,
                lost: Some(lost),
                number: 0,
                shown: None,
                idle_ms: None,
                topics: Vec::new(),
            };
            let said =
                RemoteState { lists: None, sessions: Vec::from([session]), ended: Vec::new() };
            let now = Time::from_millis(now);
            engine.remote_state(now, Origin(1), 2, said).expect("room").for_each(|_| {});
            assert_eq!(engine.verify(), Ok(()));
            engine.state.lifetimes.disarm(SessionIndex(0));
            assert_eq!(engine.verify().is_err(), is_seen, "{now:?}");
        }
    }

    #[test]
    fn an_engine_says_what_its_state_says() {
        let config = Config::new(Options::default()).expect("the options are in range");
        let mut engine = Engine::<u64, u32, _>::with_hasher(config, Plain);
        assert_eq!(engine.verify(), Ok(()));
        engine.state.is_draining = true;
        assert!(engine.verify().is_err());
    }
}
