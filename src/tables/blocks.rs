//! Who is blocked, by the lists of those who are online.
//!
//! Whom a user has blocked stands in its own list, which is sorted: whether one of two has blocked
//! the other is two searches in such lists. What no list says is whether anybody has blocked a
//! user: that is counted here. Most users block nobody and are blocked by nobody, so the hot paths
//! ask that once a verb, and only then for single pairs. The table is keyed with the host's hasher,
//! since whoever blocks chooses who is in it.

use crate::tables::ids::User;
use crate::tables::index::{Index, Number, ShortHash};
use core::hash::BuildHasher;

/// A user, and how many of those online have blocked it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Blocked {
    user: User,
    by: u32,
}

impl Number for Blocked {
    const NONE: Self = Self { user: User::NONE, by: 0 };
}

pub(crate) struct Blocks {
    /// The number of entries in all lists.
    pairs: usize,
    blocked: Index<Blocked>,
}

impl Blocks {
    pub(crate) const fn new() -> Self {
        Self { pairs: 0, blocked: Index::new() }
    }

    /// Returns the number of pairs of a user and one whom it has blocked.
    pub(crate) const fn len(&self) -> usize {
        self.pairs
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.pairs == 0
    }

    fn find(&self, hash: ShortHash, user: User) -> Option<Blocked> {
        self.blocked.find(hash, |blocked| blocked.user == user)
    }

    /// Returns how many have blocked the user.
    pub(crate) fn count<S: BuildHasher>(&self, hasher: &S, user: User) -> u32 {
        self.find(ShortHash::of(hasher, &user), user).map_or(0, |blocked| blocked.by)
    }

    /// Returns the number of users whom anybody has blocked.
    pub(crate) const fn users(&self) -> usize {
        self.blocked.len()
    }

    /// Counts that one more has blocked the user.
    pub(crate) fn add<S: BuildHasher>(&mut self, hasher: &S, user: User) {
        let hash = ShortHash::of(hasher, &user);
        match self.find(hash, user) {
            Some(before) => {
                self.blocked.replace(hash, before, Blocked { by: before.by + 1, ..before });
            }
            None => self.blocked.insert(hash, Blocked { user, by: 1 }),
        }
        self.pairs += 1;
    }

    /// Counts that one of those who have blocked the user has no longer.
    pub(crate) fn remove<S: BuildHasher>(&mut self, hasher: &S, user: User) {
        let hash = ShortHash::of(hasher, &user);
        let Some(before) = self.find(hash, user) else { return };
        if before.by > 1 {
            self.blocked.replace(hash, before, Blocked { by: before.by - 1, ..before });
        } else {
            self.blocked.remove(hash, before);
        }
        self.pairs -= 1;
    }

    /// For a test of what sees it.
    #[cfg(test)]
    pub(crate) const fn miscount(&mut self) {
        self.pairs += 1;
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        self.blocked.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hasher::tests::Plain;
    use crate::tables::steps;

    #[test]
    fn it_is_counted_by_how_many_a_user_is_blocked() {
        let mut blocks = Blocks::new();
        assert_eq!((blocks.count(&Plain, User(7)), blocks.is_empty()), (0, true));
        [7, 8, 7, 7].map(User).into_iter().for_each(|user| blocks.add(&Plain, user));
        assert_eq!((blocks.len(), blocks.users(), blocks.is_empty()), (4, 2, false));
        assert_eq!([7, 8, 9].map(|user| blocks.count(&Plain, User(user))), [3, 1, 0]);
        [7, 9, 8].map(User).into_iter().for_each(|user| blocks.remove(&Plain, user));
        assert_eq!((blocks.len(), blocks.users()), (2, 1));
        assert_eq!([7, 8, 9].map(|user| blocks.count(&Plain, User(user))), [2, 0, 0]);
    }

    /// Neither as there are more and more, nor as some come and others go.
    #[test]
    fn a_change_takes_few_steps_however_many_are_blocked() {
        const USERS: u32 = if cfg!(feature = "shrunk") { 10_000 } else { 200_000 };
        let mut blocks = Blocks::new();
        let grown = (0..USERS).map(|user| steps::tests::of(|| blocks.add(&Plain, User(user))));
        let grown = grown.max();
        let rested = (0..2 * USERS).map(|user| {
            steps::tests::of(|| {
                blocks.remove(&Plain, User(user));
                blocks.add(&Plain, User(user + USERS));
            })
        });
        let most = [grown, rested.max()].map(|most| most.expect("there are some"));
        assert!(most[0] <= 6_400 && most[1] <= 400, "{most:?}");
        assert_eq!((blocks.len(), blocks.users()), (USERS as usize, USERS as usize));
    }

    #[test]
    fn memory_comes_back_when_the_blocks_have_gone() {
        let (mut blocks, users) = (Blocks::new(), (0..1_000).map(User));
        users.clone().for_each(|user| blocks.add(&Plain, user));
        users.for_each(|user| blocks.remove(&Plain, user));
        assert!(blocks.blocked.capacity() > 0);
        assert_eq!((blocks.len(), blocks.users()), (0, 0));
        blocks.shrink_to_fit();
        assert_eq!(blocks.blocked.capacity(), 0);
    }
}
