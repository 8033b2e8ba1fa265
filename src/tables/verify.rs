//! What must always hold between the tables: walks over all of them.

use crate::tables::Tables;
use crate::tables::ids::{Place, User};
use crate::tables::sessions::{Link, SessionCounts};
use alloc::vec;
use core::hash::{BuildHasher, Hash};

/// Returns the words as an error if the condition does not hold.
macro_rules! ensure {
    ($condition:expr, $words:literal) => {
        if !$condition {
            return Err($words);
        }
    };
}
pub(crate) use ensure;

impl<K: Eq + Hash, P, S: BuildHasher> Tables<K, P, S> {
    /// Checks that the tables agree with each other and with what is counted of them.
    pub(crate) fn verify(&self) -> Result<(), &'static str> {
        ensure!(self.users.is_free_list_right(), "an index is lost, or free and a user's");
        ensure!(self.online.is_free_list_right(), "a place is lost, or free and a user's");
        ensure!(self.sessions.are_free_lists_right(), "a record is lost, or free and a session's");
        self.verify_online()?;
        self.verify_sessions()?;
        ensure!(self.verify_watches(), "who watches whom is wrong");
        ensure!(self.are_remotes_right(), "a session of another node is in no list, or in two");
        self.verify_topics()?;
        self.verify_references()?;
        self.verify_blocks()
    }

    fn verify_online(&self) -> Result<(), &'static str> {
        let (mut pairs, mut entries) = (0, 0);
        for (place, online) in self.online.iter() {
            let user = online.user;
            ensure!(self.users.online(user) == Some(place), "an online user points elsewhere");
            ensure!(!online.sessions.is_empty(), "a user without a session is online");
            let rare = online.rare();
            for list in [&online.audience, &rare.blocked] {
                let list = list.as_slice();
                ensure!(list.is_sorted_by(|a, b| a < b), "a list is not a sorted set");
                ensure!(!list.contains(&user), "a user stands in its own list");
            }
            let audience = online.audience.as_slice().iter();
            let hidden = audience.filter(|contact| self.blocked_between(user, **contact));
            let own = rare.hidden.iter().map(|(contact, ())| contact);
            ensure!(hidden.copied().eq(own), "those hidden by blocks are wrong");
            ensure!(
                rare.unaware.as_ref().is_none_or(|unaware| unaware.is_sorted()),
                "the attachments that are unaware are not sorted"
            );
            self.verify_held(user)?;
            self.verify_voice(place)?;
            pairs += rare.blocked.len();
            entries += online.audience.len();
            let shown = online.visible && self.shown_records_at(place).next().is_some();
            ensure!(self.shown.get(user) == shown, "the bit for what is shown is wrong");
            for session in &online.sessions {
                ensure!(self.sessions.user(*session) == user, "a session is in another's list");
                let key = self.sessions.key(*session);
                let found = self.sessions.find(key).or_else(|| {
                    let remote = self.remote(*session)?;
                    Some(remote.session)
                });
                ensure!(found == Some(*session), "a listed session has ended");
                let id = self.sessions.id(*session);
                ensure!(self.sessions.find_id(id) == Some(*session), "a session has another's id");
            }
        }
        ensure!(pairs == self.blocks.len(), "the blocked pairs are miscounted");
        ensure!(entries == self.online.audience_entries(), "the entries are miscounted");
        Ok(())
    }

    fn verify_voice(&self, place: Place) -> Result<(), &'static str> {
        if !self.voices.is_on {
            return Ok(());
        }
        let voice = self.voices.voice(place);
        let shows = |session| self.shown_records_at(place).any(|shown| shown == session);
        ensure!(voice.is_some() == self.shown_records_at(place).next().is_some(), "nobody speaks");
        let speaks = voice.and_then(|voice| voice.session);
        ensure!(speaks.is_none_or(shows), "a session speaks that shows nothing");
        Ok(())
    }

    fn verify_held(&self, user: User) -> Result<(), &'static str> {
        let sessions = self.sessions_of(user).len();
        for held in self.held_of(user) {
            let link = self.sessions.link(held.session);
            ensure!(link == Link::Held, "a session that is held has not ended");
            ensure!(self.sessions.user(held.session) == user, "another's session is held");
            ensure!(usize::from(held.earlier) < sessions, "a session is held for nobody");
            ensure!(!self.sessions.has_waiting(held.session), "a held session will say something");
        }
        Ok(())
    }

    fn verify_sessions(&self) -> Result<(), &'static str> {
        let (mut listed, mut counts) = (0, SessionCounts::default());
        for index in self.sessions.iter_records() {
            let user = self.sessions.user(index);
            let is_there = self.sessions.link(index).is_there();
            let is_held = self.held_of(user).iter().any(|held| held.session == index);
            let is_listed = self.sessions_of(user).contains(&index);
            ensure!(is_listed == is_there && is_held != is_there, "a session is in no list");
            let place = self.users.online(user);
            ensure!(
                place == Some(self.sessions.place(index)),
                "a session points to another user's place"
            );
            listed += usize::from(is_there);
            let missed = self.sessions.missed(index);
            let link = self.sessions.link(index);
            ensure!(
                missed.is_none_or(|missed| missed.is_empty()) || link == Link::Congested,
                "what is not congested missed something"
            );
            ensure!(!self.misses_too_much(index), "too much is noted for a congested session");
            let missed = missed.map_or(0, |missed| missed.len());
            let is_elsewhere = link == Link::Detached || link.is_remote();
            ensure!(
                self.sessions.sign(index).is_none() || !is_elsewhere && !self.signs(index).is_idle,
                "a sign of a person stands where something else does, or is of who is idle"
            );
            let told = self.sessions.told(index);
            let in_order = told.is_none_or(|told| told.is_in_order());
            ensure!(in_order, "what is remembered of directed presence is not in order");
            counts.detached += usize::from(link == Link::Detached);
            counts.remote += usize::from(link.is_remote());
            counts.congested += usize::from(link == Link::Congested);
            counts.published += usize::from(self.sessions.has_published(index));
            counts.waiting += usize::from(self.sessions.has_waiting(index));
            counts.told += told.map_or(0, |told| told.len());
            counts.missed += missed;
        }
        ensure!(listed == self.sessions.len(), "the number of sessions is wrong");
        ensure!(counts == self.sessions.counts(), "what sessions are or have is miscounted");
        Ok(())
    }

    /// Counts every reference to a user anew, and works out every user's reach.
    fn verify_references(&self) -> Result<(), &'static str> {
        let mut references = vec![0_u32; self.users.span()];
        let mut refer = |user: User| references[user.0 as usize] += 1;
        for (_, online) in self.online.iter() {
            refer(online.user);
            online.audience.as_slice().iter().copied().for_each(&mut refer);
            online.rare().blocked.as_slice().iter().copied().for_each(&mut refer);
        }
        for index in self.sessions.iter() {
            let missed = self.sessions.missed(index);
            let entries = missed.into_iter().flat_map(|missed| missed.entries());
            entries.for_each(|(user, ..)| refer(user));
            self.watched_by(index).iter().for_each(|(user, _)| refer(*user));
            self.struck(index).iter().copied().for_each(&mut refer);
            let named = self.topics_of(index).flat_map(|(_, one)| self.topics.named(one));
            named.copied().for_each(&mut refer);
        }
        self.changed.iter().for_each(&mut refer);
        for topic in self.topics.iter() {
            let pending = [false, true].map(|is_slow| self.topics.pending_of(topic, is_slow));
            let gone = pending.iter().flatten().flat_map(|pending| &pending.gone);
            gone.for_each(|gone| refer(gone.user));
        }
        let mut known = 0;
        for user in self.users.iter_known() {
            known += 1;
            let counted = references[user.0 as usize];
            ensure!(counted > 0, "a user to whom nothing refers is known");
            let kept = self.users.reaches().references(user);
            ensure!(kept == counted, "the references to a user are miscounted");
            let found = self.users.find(&self.hasher, self.users.id(user));
            ensure!(found == Some(user), "a known user is not found");
        }
        ensure!(known == self.users.len(), "the number of known users is wrong");
        for user in (0..self.users.span() as u32).map(User) {
            let reach = self.users.reaches().reach(user);
            let sessions = self.sessions_of(user);
            ensure!(reach == self.reach_of(sessions) as u64, "how a user is reached is wrong");
            ensure!(
                self.online(user).is_some() || !self.shown.get(user),
                "an offline user is shown"
            );
        }
        Ok(())
    }

    /// Counts anew by how many each user is blocked.
    fn verify_blocks(&self) -> Result<(), &'static str> {
        let mut pairs = vec![0_u32; self.users.span()];
        for (_, online) in self.online.iter() {
            for other in online.rare().blocked.as_slice() {
                pairs[other.0 as usize] += 1;
            }
        }
        for (user, counted) in (0..).map(User).zip(&pairs) {
            let count = self.blocks.count(&self.hasher, user);
            ensure!(count == *counted, "those who have blocked a user are miscounted");
        }
        let blocked = pairs.iter().filter(|counted| **counted > 0).count();
        ensure!(blocked == self.blocks.users(), "somebody is blocked by nobody");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::LostCause;
    use crate::hasher::tests::Plain;
    use crate::key::DeviceKind;
    use crate::remote::Origin;
    use crate::tables::ids::{Place, SessionIndex};
    use crate::tables::missed::Note;
    use crate::tables::origins::Remote;
    use crate::tables::reach::Reach;
    use crate::tables::voices::Voice;
    use crate::time::Time;

    type Broken = Tables<u64, u32, Plain>;

    /// Two friends online, one of whom has published and blocks a third.
    fn tables() -> Broken {
        let mut tables = Broken::new(Plain);
        let users = [1, 2, 3].map(|id| tables.intern(id).expect("there is room"));
        for (at, (contact, blocked)) in
            [(users[1], &users[2..]), (users[0], &[])].iter().enumerate()
        {
            let place = tables.go_online(users[at], &[*contact], blocked);
            tables.add_session((users[at], place), DeviceKind(0), (Time::ZERO, 0));
        }
        tables.set_presence(SessionIndex(0), 5);
        tables.forget_fresh();
        tables
    }

    #[test]
    fn what_is_broken_is_seen() {
        let breaks: [fn(&mut Broken); 15] = [
            |tables| tables.shown.set(User(0), false),
            |tables| tables.users.retain(User(1)),
            |tables| tables.users.set_reach(User(1), Reach::Nobody),
            |tables| tables.users.set_online(User(0), Some(Place(1))),
            |tables| tables.online.at_mut(Place(0)).sessions.clear(),
            |tables| tables.blocks.add(&Plain, User(1)),
            |tables| tables.blocks.miscount(),
            // Another is blocked than who is listed so.
            |tables| {
                tables.blocks.remove(&Plain, User(2));
                tables.blocks.add(&Plain, User(1));
            },
            // A person has given a sign, and has no connection any more.
            |tables| {
                let key = tables.sessions.key(SessionIndex(1));
                tables.sessions.renew_lease_by_person(key, (Time::ZERO, 1), [u64::MAX; 2]);
                tables.sessions.set_lost(SessionIndex(1), Time::ZERO, LostCause::Timeout);
                tables.users.set_reach(User(1), Reach::Nobody);
            },
            |tables| _ = tables.sessions.remove(SessionIndex(0)),
            // Missed by a session that is not congested.
            |tables| tables.note(SessionIndex(1), User(0), Note::Offline { unaware: true }),
            // In the list of a node, and not its.
            |tables| {
                let node = tables.origins.find_or_new(Origin(1));
                let (session, id) = (SessionIndex(0), tables.sessions.id(SessionIndex(0)));
                tables.origins.push(node, Remote { session, id, over: None });
            },
            // Held for a session that is not there.
            |tables| {
                tables.add_session((User(0), Place(0)), DeviceKind(0), (Time::ZERO, 0));
                tables.hold_session(SessionIndex(2));
                tables.online.at_mut(Place(0)).rare_mut().held[0].earlier = 1;
            },
            // Nobody speaks for a user who shows something, or a session that shows nothing does.
            |tables| tables.voices.is_on = true,
            |tables| {
                tables.voices.is_on = true;
                let voice = Voice { session: Some(SessionIndex(1)), idle_since: None };
                tables.voices.set_voice(Place(0), Some(voice));
            },
        ];
        assert_eq!(tables().verify(), Ok(()));
        for (nth, break_it) in breaks.iter().enumerate() {
            let mut tables = tables();
            break_it(&mut tables);
            assert!(tables.verify().is_err(), "the break number {nth} is not seen");
        }
    }
    #[test]
    fn what_is_left_after_an_input_is_seen() {
        let leaves: [fn(&mut Broken); 3] = [
            |tables| tables.caught_up.push(User(0)),
            |tables| tables.overfull.push(SessionIndex(0)),
            |tables| _ = tables.intern(9),
        ];
        assert!(tables().is_clean());
        for (nth, leave_it) in leaves.iter().enumerate() {
            let mut tables = tables();
            leave_it(&mut tables);
            assert!(!tables.is_clean(), "what is left is not seen: number {nth}");
        }
    }
}
