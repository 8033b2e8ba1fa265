//! Whose state has changed that other nodes are to be told of, and how often what is shown has.
//!
//! Only an engine that is one of several keeps any of this.

use crate::tables::ids::{MembershipIndex, SessionIndex, User};
use crate::tables::segments::{Segments, per_segment};
use crate::tables::user_bits::UserBits;
use alloc::collections::VecDeque;

pub(crate) struct Changed {
    /// Whether changes are noted.
    pub(crate) is_on: bool,
    /// Whether what changes is another node's word, which is not to be sent back.
    pub(crate) is_remote_update: bool,
    /// How often what a session shows has changed, and what a member shows in a topic.
    shown: Segments<u64, { per_segment(2_048) }>,
    in_topics: Segments<u64, { per_segment(2_048) }>,
    /// The greatest number of those in topics: a member that leaves and joins again has another.
    last_in_topics: u64,
    /// Those who have changed, each once, with a reference.
    users: VecDeque<User>,
    is_listed: UserBits,
    /// The one that was taken last.
    taken: Option<User>,
}

impl Changed {
    pub(super) const fn new() -> Self {
        Self {
            is_on: false,
            is_remote_update: false,
            shown: Segments::new(),
            in_topics: Segments::new(),
            last_in_topics: 0,
            users: VecDeque::new(),
            is_listed: UserBits::new(),
            taken: None,
        }
    }

    pub(crate) fn number(&self, session: SessionIndex) -> u64 {
        self.shown.get(session.0 as usize).copied().unwrap_or(0)
    }

    pub(crate) fn set_number(&mut self, session: SessionIndex, number: u64) {
        set(&mut self.shown, session.0, number);
    }

    pub(crate) fn number_in(&self, membership: MembershipIndex) -> u64 {
        self.in_topics.get(membership.0 as usize).copied().unwrap_or(0)
    }

    pub(crate) fn set_number_in(&mut self, membership: MembershipIndex, number: u64) {
        set(&mut self.in_topics, membership.0, number);
    }

    pub(super) const fn next_in_topics(&mut self) -> u64 {
        self.last_in_topics += 1;
        self.last_in_topics
    }

    /// Lists a user, and returns whether it was not listed yet.
    pub(super) fn list(&mut self, user: User) -> bool {
        let is_new = !self.is_listed.get(user);
        if is_new {
            self.is_listed.set(user, true);
            self.users.push_back(user);
        }
        is_new
    }

    /// Takes the user who has been listed longest, and gives back the one before, to whom nothing
    /// refers any more.
    pub(super) fn take(&mut self) -> (Option<User>, Option<User>) {
        let next = self.users.pop_front();
        next.into_iter().for_each(|user| self.is_listed.set(user, false));
        (next, core::mem::replace(&mut self.taken, next))
    }

    /// Returns those to whom it refers.
    pub(super) fn iter(&self) -> impl Iterator<Item = User> + '_ {
        self.users.iter().copied().chain(self.taken)
    }

    /// Returns whether what anybody shows in a topic has ever changed.
    pub(super) const fn is_any_in_topics(&self) -> bool {
        self.in_topics.len() > 0
    }

    /// Gives back what only a past peak needed: no index is greater than these.
    pub(super) fn shrink_to_fit(&mut self, sessions: usize, memberships: usize, users: usize) {
        self.shown.truncate(sessions);
        self.shown.shrink_to_fit();
        self.in_topics.truncate(memberships);
        self.in_topics.shrink_to_fit();
        self.users.shrink_to_fit();
        self.is_listed.shrink_to(users);
    }
}

fn set<const N: usize>(of: &mut Segments<u64, N>, at: u32, number: u64) {
    while of.len() <= at as usize {
        of.push(0);
    }
    of[at as usize] = number;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hasher::tests::Plain;
    use crate::key::DeviceKind;
    use crate::time::Time;

    #[test]
    fn what_a_crowd_needed_is_given_back() {
        let mut changed = Changed::new();
        for nth in 0..20_000 {
            changed.set_number(SessionIndex(nth), 7);
            changed.set_number_in(MembershipIndex(nth), 8);
            changed.list(User(nth));
        }
        while changed.take() != (None, None) {}
        assert!(changed.list(User(0)));
        changed.shrink_to_fit(1, 1, 1);
        assert_eq!((changed.number(SessionIndex(0)), changed.number(SessionIndex(1))), (7, 0));
        let in_topics = [0, 1].map(|nth| changed.number_in(MembershipIndex(nth)));
        assert_eq!(in_topics, [8, 0]);
        let room = (changed.shown.capacity(), changed.in_topics.capacity());
        assert!(room <= (8, 8) && changed.users.capacity() <= 8, "{room:?}");
        assert!(!changed.list(User(0)), "whoever is listed is so once");
    }

    #[test]
    fn a_table_gives_back_what_is_noted_of_whom_it_has_no_more() {
        let mut tables = crate::tables::Tables::<u64, u32, Plain>::new(Plain);
        let user = tables.intern(1).expect("there is room");
        let place = tables.go_online(user, &[], &[]);
        let session = tables.add_session((user, place), DeviceKind(0), (Time::ZERO, 0));
        let gone = SessionIndex(session.0 + 1);
        for one in [session, gone] {
            tables.changed_mut().set_number(one, 7);
        }
        tables.shrink_to_fit(|_, _| {});
        assert_eq!([session, gone].map(|one| tables.changed().number(one)), [7, 0]);
    }
}
