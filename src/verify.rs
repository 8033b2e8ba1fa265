//! What must always hold, what there is, and giving memory back: walks over the whole state.

use crate::Counts;
use crate::sessions::Link;
use crate::state::State;
use crate::users::User;
use alloc::vec;
use core::hash::{BuildHasher, Hash};

/// Says in words what does not hold.
macro_rules! hold {
    ($condition:expr, $words:literal) => {
        if !$condition {
            return Err($words);
        }
    };
}

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts {
            users_online: self.online.len(),
            users_known: self.users.len(),
            sessions: self.sessions.len(),
            audience_entries: self.online.iter().map(|(_, online)| online.audience.len()).sum(),
            blocked_pairs: self.blocks.len(),
            timers: self.lifetimes.armed() + self.conflations.armed(),
            ..Counts::default()
        };
        for (index, session) in self.sessions.iter() {
            counts.detached += usize::from(session.link == Link::Detached);
            counts.congested += usize::from(session.link == Link::Congested);
            counts.presences += usize::from(self.has_published(index));
            if let Some(extras) = self.sessions.extras(index) {
                counts.conflated += usize::from(extras.conflated.is_some());
                counts.told += extras.told.len();
                counts.missed += extras.missed.len();
            }
        }
        counts.presences += counts.conflated;
        counts
    }

    pub(crate) fn verify(&self) -> Result<(), &'static str> {
        hold!(self.is_settled(), "work is left between two inputs");
        self.verify_online()?;
        self.verify_sessions()?;
        self.verify_references()
    }

    fn verify_online(&self) -> Result<(), &'static str> {
        let mut pairs = 0;
        for (place, online) in self.online.iter() {
            let user = online.user;
            hold!(self.users.online(user) == Some(place), "an online user points elsewhere");
            hold!(!online.sessions.is_empty(), "a user without a session is online");
            let limit = usize::from(self.options.max_sessions);
            hold!(online.sessions.len() <= limit, "a user has too many sessions");
            for list in [&online.audience, &*online.blocked] {
                let list = list.as_slice();
                hold!(list.is_sorted_by(|a, b| a < b), "a list is not a sorted set");
                hold!(!list.contains(&user), "a user stands in its own list");
            }
            let limit = self.options.max_audience as usize;
            hold!(online.audience.len() <= limit, "an audience is over its limit");
            let limit = self.options.max_blocked as usize;
            hold!(online.blocked.len() <= limit, "a list of blocked users is over its limit");
            for other in online.blocked.as_slice() {
                hold!(self.blocked_between(user, *other), "a blocked user is in no pair");
            }
            pairs += online.blocked.len();
            let shown = online.visible && self.any_published(user);
            hold!(self.shown.get(user) == shown, "the bit for what is shown is wrong");
            for session in &online.sessions {
                hold!(self.sessions.user(*session) == user, "a session is in another's list");
                let key = self.sessions.key(*session);
                hold!(self.sessions.find(key) == Some(*session), "a listed session has ended");
            }
        }
        hold!(pairs == self.blocks.len(), "a blocked pair is in no list");
        Ok(())
    }

    fn verify_sessions(&self) -> Result<(), &'static str> {
        let mut listed = 0;
        let mut waiting = 0;
        for (index, session) in self.sessions.iter() {
            hold!(
                self.sessions_of(self.sessions.user(index)).contains(&index),
                "a session is in no list"
            );
            let place = self.users.online(self.sessions.user(index));
            hold!(place == Some(session.place), "a session points to another user's place");
            listed += 1;
            let timed = self.lifetimes.deadline(index).is_some();
            let must = session.link == Link::Detached || self.options.lease.is_some();
            hold!(timed == must, "a lease or a grace has no deadline, or a deadline no reason");
            let extras = self.sessions.extras(index);
            let conflated = extras.is_some_and(|extras| extras.conflated.is_some());
            hold!(
                self.conflations.deadline(index).is_some() == conflated,
                "a conflated publish has no deadline, or a deadline no publish"
            );
            waiting += usize::from(conflated);
            let missed = extras.map_or(0, |extras| extras.missed.len());
            hold!(
                missed == 0 || session.link == Link::Congested,
                "what is not congested missed something"
            );
            let told = extras.map_or(0, |extras| extras.told.len());
            hold!(told <= self.options.max_told as usize, "too many receivers are remembered");
            hold!(
                extras.is_none_or(|extras| extras.told.is_sorted()),
                "the receivers remembered are not sorted"
            );
        }
        hold!(listed == self.sessions.len(), "the number of sessions is wrong");
        hold!(waiting == self.conflations.armed(), "a deadline belongs to nobody");
        Ok(())
    }

    /// Counts every reference to a user anew, and works out every user's reach.
    fn verify_references(&self) -> Result<(), &'static str> {
        let mut references = vec![0_u32; self.users.span()];
        let mut refer = |user: User| references[user.0 as usize] += 1;
        for (_, online) in self.online.iter() {
            refer(online.user);
            online.audience.as_slice().iter().copied().for_each(&mut refer);
            online.blocked.as_slice().iter().copied().for_each(&mut refer);
        }
        for (index, _) in self.sessions.iter() {
            let Some(extras) = self.sessions.extras(index) else { continue };
            extras.missed.sessions().iter().map(|entry| entry.user).for_each(&mut refer);
            extras.missed.offline().iter().copied().for_each(&mut refer);
        }
        let mut known = 0;
        for user in self.users.iter_known() {
            known += 1;
            let counted = references[user.0 as usize];
            hold!(counted > 0, "a user to whom nothing refers is known");
            hold!(
                self.users.marks.references(user) == counted,
                "the references to a user are miscounted"
            );
            let id = self.users.id(user);
            hold!(self.users.find(&self.hasher, id) == Some(user), "a known user is not found");
        }
        hold!(known == self.users.len(), "the number of known users is wrong");
        self.verify_blocks()?;
        for user in (0..self.users.span() as u32).map(User) {
            hold!(
                self.users.marks.reach(user) == self.reach_of(user) as u64,
                "how a user is reached is wrong"
            );
            hold!(self.online(user).is_some() || !self.shown.get(user), "an offline user is shown");
        }
        Ok(())
    }

    /// Counts anew in how many pairs each user stands.
    fn verify_blocks(&self) -> Result<(), &'static str> {
        let mut pairs = vec![0_u32; self.users.span()];
        for (_, online) in self.online.iter() {
            for other in online.blocked.as_slice() {
                pairs[online.user.0 as usize] += 1;
                pairs[other.0 as usize] += 1;
            }
        }
        for (user, counted) in (0..).map(User).zip(&pairs) {
            let count = self.blocks.count(&self.hasher, user);
            hold!(count == *counted, "the blocks of a user are miscounted");
        }
        let involved = pairs.iter().filter(|counted| **counted > 0).count();
        hold!(involved == self.blocks.users(), "somebody stands in no pair");
        Ok(())
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        self.settle();
        self.users.shrink_to_fit();
        self.online.shrink_to_fit();
        self.sessions.shrink_to_fit();
        self.shown.shrink_to_fit();
        self.blocks.shrink_to_fit(&self.hasher);
        self.lifetimes.shrink_to_fit();
        self.conflations.shrink_to_fit();
        self.work = crate::work::Work::default();
        self.scratch = Default::default();
        self.lost_and_gained = Default::default();
    }
}

#[cfg(all(test, feature = "std"))]
mod tests {
    use crate::sessions::{Link, SessionIndex};
    use crate::users::User;
    use crate::{Config, DeviceKind, Engine, Time};

    type Broken = Engine<u32, u32>;

    /// Two friends online, one of whom has published.
    fn engine() -> Broken {
        let mut engine = Broken::new(Config::default());
        let (kind, now) = (DeviceKind(0), Time::ZERO);
        let (session, decisions) = engine.connect(now, 1, kind, [2], [3]).expect("there is room");
        drop(decisions);
        drop(engine.connect(now, 2, kind, [1], []).expect("there is room"));
        drop(engine.publish(now, session, 5).expect("it is attached"));
        engine
    }

    #[test]
    fn what_is_broken_is_seen() {
        let first = SessionIndex(0);
        let breaks: [fn(&mut Broken); 14] = [
            |engine| engine.state.work.listed.push(SessionIndex(0)),
            |engine| engine.state.work.gone.push(engine.state.sessions.key(SessionIndex(0))),
            |engine| engine.state.work.saying = Some(1),
            |engine| engine.state.work.dead.push(1),
            |engine| engine.state.unsettled = true,
            |engine| engine.state.shown.set(User(0), false),
            |engine| engine.state.users.retain(User(1)),
            |engine| engine.state.users.marks.set_reach(User(1), crate::marks::Reach::Nobody),
            |engine| engine.state.lifetimes.disarm(SessionIndex(0)),
            |engine| engine.state.sessions.get_mut(SessionIndex(0)).place = 1,
            |engine| engine.state.online.at_mut(0).sessions.clear(),
            |engine| {
                let (hasher, blocks) = (&engine.state.hasher, &mut engine.state.blocks);
                blocks.insert(hasher, User(0), User(1));
            },
            |engine| engine.state.blocks.miscount(&engine.state.hasher, User(1)),
            |engine| engine.state.conflations.arm(SessionIndex(0), Time::MAX, 0),
        ];
        assert_eq!(engine().verify(), Ok(()));
        for (nth, break_it) in breaks.iter().enumerate() {
            let mut engine = engine();
            assert_eq!(engine.state.sessions.get(first).link, Link::Attached);
            break_it(&mut engine);
            assert!(engine.verify().is_err(), "the break number {nth} is not seen");
        }
    }
}
