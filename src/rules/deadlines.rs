//! What is due, in its order: graces, what is held, leases, publishes that waited for a token,
//! whatever ends by itself, idleness and ticks (rules 5, 6, 11, 13, 27, T10 and U4).

use crate::event::LostCause;
use crate::reason::{CloseReason, EndReason};
use crate::rules::State;
use crate::tables::ids::{Place, SessionIndex};
use crate::tables::sessions::{Link, Sessions};
use crate::tables::timers::Due;
use crate::time::Time;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    /// Fires the next deadline that has come by then, and returns whether there was one.
    pub(crate) fn fire_next(&mut self, until: Time) -> bool {
        self.plan.go_over(1);
        // Nothing is looked for beyond what is due of a node: its ends may set what is due earlier.
        let until = self.next_of_nodes().map_or(until, |(_, (at, _))| at.min(until));
        let lifetime = self.first_lifetime_over(until);
        let token = self.tokens.first_due(until, |_| None);
        // Asked at once: hardly ever is any of it so.
        let special = self.ticks.armed()
            | self.expiries.armed()
            | usize::from(self.is_clustered_or_represented);
        if special > 0 && self.fire_next_special(until, [lifetime, token]) {
            return true;
        }
        match (lifetime, token) {
            // If one input set both, what waits goes out before its session is lost.
            (Some(due), other) if other.is_none_or(|other| due < other) => {
                self.come_to(due.at);
                self.fire_lifetime(due);
            }
            (_, Some(due)) => {
                self.come_to(due.at);
                self.publish_waiting(due);
            }
            (_, None) => return false,
        }
        self.clean_up();
        true
    }

    /// Fires what is due first by then, if it is neither of these two.
    #[cold]
    #[inline(never)]
    fn fire_next_special(&mut self, until: Time, others: [Option<Due>; 2]) -> bool {
        self.fire_next_node(until, others)
            || (self.ticks.armed() > 0 && self.fire_next_tick(until, others))
            || (self.idle.armed() > 0 && self.fire_next_idle(until, others))
            || (self.expiries.armed() > 0 && self.fire_next_expiry(until, others))
    }

    /// Comes to the moment of a deadline that fires: what fired before it has had all its effect,
    /// and everybody has been told.
    pub(super) fn come_to(&mut self, at: Time) {
        self.tables.judge_notes();
        self.forget_leaving();
        self.is_choosing = false;
        // Notices are numbered by the moment of the call: a late one must not show by its number
        // how many others there were since it was due.
        self.happening = at;
    }

    /// Fires what ends by itself by then, if none of the others is due before or at the same moment
    /// (rule 27). It is not looked for beyond the next of them, which may set something that ends
    /// earlier.
    fn fire_next_expiry(&mut self, until: Time, others: [Option<Due>; 2]) -> bool {
        let other = others.into_iter().flatten().map(|due| due.at).min();
        let due = self.expiries.first_due(other.unwrap_or(until));
        let Some(due) = due.filter(|due| other.is_none_or(|other| due.at < other)) else {
            return false;
        };
        self.come_to(due.at);
        self.fire_expiry(due);
        self.clean_up();
        true
    }

    /// Returns the moment of the next of these and of what ends by itself, none of which is looked
    /// for beyond the next of the others.
    pub(super) fn first_with_expiries(
        &mut self,
        until: Time,
        others: [Option<Due>; 2],
    ) -> Option<Time> {
        let other = others.into_iter().flatten().map(|due| due.at).min();
        let any = self.expiries.armed() > 0;
        let expiry = any.then(|| self.expiries.first_due(other.unwrap_or(until))).flatten();
        other.into_iter().chain(expiry.map(|due| due.at)).min()
    }

    /// Fires what makes a user idle by then, if nothing else is due before or at the same moment,
    /// what ends by itself included.
    fn fire_next_idle(&mut self, until: Time, others: [Option<Due>; 2]) -> bool {
        let other = self.first_with_expiries(until, others);
        let due = self.first_idle(other.unwrap_or(until));
        let Some(due) = due.filter(|due| other.is_none_or(|other| due.at < other)) else {
            return false;
        };
        self.come_to(due.at);
        self.fire_idle(due);
        self.clean_up();
        true
    }

    /// Fires the next tick of a topic by then, if nothing else is due before or at the same moment,
    /// idleness included: a tick tells what has happened by its moment.
    fn fire_next_tick(&mut self, until: Time, others: [Option<Due>; 2]) -> bool {
        let other = self.first_with_expiries(until, others);
        let any = self.idle.armed() > 0;
        let idle = any.then(|| self.first_idle(other.unwrap_or(until))).flatten();
        let other = other.into_iter().chain(idle.map(|due| due.at)).min();
        let due = self.ticks.first_due(other.unwrap_or(until), |_| None);
        let Some(due) = due.filter(|due| other.is_none_or(|other| due.at < other)) else {
            return false;
        };
        self.come_to(due.at);
        self.fire_tick(due);
        self.clean_up();
        true
    }

    /// Returns the first moment by then at which a session is idle. Signs of a person do not touch
    /// it, as heartbeats do not touch leases.
    pub(super) fn first_idle(&mut self, until: Time) -> Option<Due<Place>> {
        let after_ms = self.options.idle_after_ms.unwrap_or(0);
        let Self { idle, tables, .. } = self;
        idle.first_due(until, |place| tables.next_idle(place, after_ms))
    }

    /// Returns the first lease or grace that is over by then. Leases are not touched when something
    /// is heard of their session; they move when their moment comes near.
    fn first_lifetime_over(&mut self, until: Time) -> Option<Due> {
        let lease_ms = self.lease_ms();
        let sessions = self.tables.sessions();
        self.lifetimes.first_due(until, |session| heard_since(sessions, lease_ms, session))
    }

    /// Returns when there may be something due, or to be moved: never too late.
    pub(crate) fn deadline(&self) -> Option<Time> {
        let lease_ms = self.lease_ms();
        let sessions = self.tables.sessions();
        let moved = |session| heard_since(sessions, lease_ms, session);
        let (lifetime, token) = (self.lifetimes.next_look(moved), self.tokens.next_look(|_| None));
        let after_ms = self.options.idle_after_ms.unwrap_or(0);
        let idle = self.idle.next_look(|place| self.tables.next_idle(place, after_ms));
        let first = [lifetime, token, self.expiries.next_look(), idle].into_iter().flatten().min();
        let node = self.next_of_nodes().map(|(_, (at, _))| at.max(self.now));
        let first = first.into_iter().chain(node).min();
        if self.ticks.armed() == 0 {
            return first;
        }
        first.into_iter().chain(self.ticks.next_look(|_| None)).min()
    }

    fn lease_ms(&self) -> u64 {
        self.options.lease.map_or(0, |lease| lease.lease_ms)
    }

    fn fire_lifetime(&mut self, due: Due) {
        let session = due.of;
        if self.tables.sessions().link(session).is_remote() {
            return self.fire_remote(due);
        }
        if let Some((_, cause)) = self.tables.sessions().loss(session) {
            self.end(session, EndReason::Lost(cause), due.at);
            return;
        }
        if self.tables.sessions().link(session) == Link::Held {
            self.end_held(session);
            return;
        }
        let grace_ms = self.options.grace.timeout_ms;
        let key = self.tables.sessions().key(session);
        self.plan.close(key, CloseReason::LeaseLapsed, grace_ms > 0);
        self.detach_or_end(session, due.at, LostCause::Timeout, grace_ms);
    }
}

/// Returns when the lease of a session lapses by what was heard of it last, and its order then, if
/// what is armed for it is a lease.
fn heard_since<P>(
    sessions: &Sessions<P>,
    lease_ms: u64,
    session: SessionIndex,
) -> Option<(Time, u64)> {
    let order = sessions.heard_order(session)?;
    Some((sessions.heard(session).saturating_add(lease_ms), order))
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Options};
    use crate::connect::Connect;
    use crate::decision::Decision;
    use crate::engine::Engine;
    use crate::event::LostCause;
    use crate::hasher::tests::Plain;
    use crate::notice::Notice;
    use crate::time::Time;
    use alloc::vec::Vec;

    const ANN: u32 = 100;
    const USERS: u32 = 30;

    /// All of them, but not in the order of their numbers.
    fn out_of_order() -> impl Iterator<Item = u32> {
        (0..USERS).map(|nth| nth * 7 % USERS)
    }

    const fn at(millis: u64) -> Time {
        Time::from_millis(millis)
    }

    #[test]
    fn what_is_due_at_one_moment_comes_in_the_order_in_which_it_was_set() {
        let mut engine = Engine::<u32, u32, Plain>::with_hasher(Config::default(), Plain);
        let mut connect =
            |user| engine.connect(at(0), Connect::new(user)).expect("there is room").0;
        let ann = connect(ANN);
        let keys: Vec<_> = (0..USERS).map(connect).collect();
        let lost: Vec<_> = out_of_order().map(|user| keys[user as usize]).collect();
        let mut lose = |key, grace_ms| {
            let cause = LostCause::ConnectionError;
            drop(engine.lost_with_grace(at(1), key, cause, grace_ms).expect("it is attached"));
        };
        // What is due after the others though it was set before them is in their way.
        lose(ann, 1_500);
        lost.iter().for_each(|key| lose(*key, 1_000));
        let mut ended = Vec::new();
        engine.advance(at(1_001)).for_each(|decision| {
            if let Decision::Ended { session, .. } = decision {
                ended.push(session);
            }
        });
        assert_eq!(ended, lost);
    }

    /// Rule U4: whatever they did before, it is the last that counts.
    #[test]
    fn users_who_are_idle_at_one_moment_are_told_of_in_the_order_of_their_last_signs() {
        let idle_after_ms = Some(10_000);
        let config = Config::new(Options { idle_after_ms, lease: None, ..Options::default() });
        let config = config.expect("they are in range");
        let mut engine = Engine::<u32, u32, Plain>::with_representative(config, Plain, |_| 0);
        drop(engine.connect(at(0), Connect::new(ANN)).expect("there is room"));
        let connect = |user| {
            let newcomer = Connect::new(user).audience([ANN]);
            let key = engine.connect(at(0), newcomer).expect("there is room").0;
            drop(engine.publish(at(0), key, user).expect("it is attached"));
            key
        };
        let keys: Vec<_> = (0..USERS).map(connect).collect();
        for user in out_of_order() {
            drop(engine.active(at(1_000), keys[user as usize]).expect("it is attached"));
        }
        let mut idle = Vec::new();
        engine.advance(at(11_000)).for_each(|decision| {
            if let Decision::Deliver { notice: Notice::User { user, idle_since, .. }, .. } =
                decision
            {
                assert_eq!(idle_since, Some(at(1_000)));
                idle.push(*user);
            }
        });
        assert!(idle.iter().copied().eq(out_of_order()), "{idle:?}");
    }
}
