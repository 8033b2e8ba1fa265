//! Who has blocked whom, among the lists of those who are online.
//!
//! Most users block nobody and are blocked by nobody, so the hot paths ask once a verb whether a
//! user is [involved](Blocks::involves) at all, and only then for single pairs. The tables are
//! keyed with the host's hasher and never walked.

use crate::tables::ids::User;
use core::hash::BuildHasher;
use hashbrown::HashTable;

#[derive(Default)]
pub(crate) struct Blocks {
    pairs: HashTable<(User, User)>,
    /// In how many pairs a user stands, on either side.
    involved: HashTable<(User, u32)>,
}

impl Blocks {
    pub(crate) fn len(&self) -> usize {
        self.pairs.len()
    }

    fn has<S: BuildHasher>(&self, hasher: &S, by: User, blocked: User) -> bool {
        self.pairs.find(hasher.hash_one((by, blocked)), |pair| *pair == (by, blocked)).is_some()
    }

    /// Returns whether one of the two has blocked the other.
    pub(crate) fn between<S: BuildHasher>(&self, hasher: &S, a: User, b: User) -> bool {
        !self.pairs.is_empty() && (self.has(hasher, a, b) || self.has(hasher, b, a))
    }

    /// Returns whether the user has blocked anyone, or anyone the user.
    pub(crate) fn involves<S: BuildHasher>(&self, hasher: &S, user: User) -> bool {
        !self.pairs.is_empty() && self.count(hasher, user) > 0
    }

    /// Returns the number of pairs in which the user stands.
    pub(crate) fn count<S: BuildHasher>(&self, hasher: &S, user: User) -> u32 {
        let entry = self.involved.find(hasher.hash_one(user), |(other, _)| *other == user);
        entry.map_or(0, |(_, count)| *count)
    }

    /// Returns the number of users who stand in pairs.
    pub(crate) fn users(&self) -> usize {
        self.involved.len()
    }

    /// Adds a pair that is not there yet.
    pub(crate) fn insert<S: BuildHasher>(&mut self, hasher: &S, by: User, blocked: User) {
        debug_assert!(!self.has(hasher, by, blocked));
        let hash = |pair: &(User, User)| hasher.hash_one(pair);
        self.pairs.insert_unique(hash(&(by, blocked)), (by, blocked), hash);
        for user in [by, blocked] {
            let hash = |(user, _): &(User, u32)| hasher.hash_one(user);
            let entry = self.involved.entry(hash(&(user, 0)), |(other, _)| *other == user, hash);
            entry.and_modify(|(_, count)| *count += 1).or_insert((user, 1));
        }
    }

    /// Removes a pair that is there.
    pub(crate) fn remove<S: BuildHasher>(&mut self, hasher: &S, by: User, blocked: User) {
        let hash = hasher.hash_one((by, blocked));
        let Ok(pair) = self.pairs.find_entry(hash, |pair| *pair == (by, blocked)) else { return };
        pair.remove();
        for user in [by, blocked] {
            let hash = hasher.hash_one(user);
            if let Ok(mut entry) = self.involved.find_entry(hash, |(other, _)| *other == user) {
                if entry.get().1 > 1 {
                    entry.get_mut().1 -= 1;
                } else {
                    entry.remove();
                }
            }
        }
    }

    /// For a test of what sees it.
    #[cfg(test)]
    pub(crate) fn miscount<S: BuildHasher>(&mut self, hasher: &S, user: User) {
        let hash = |(user, _): &(User, u32)| hasher.hash_one(user);
        self.involved.insert_unique(hash(&(user, 1)), (user, 1), hash);
    }

    pub(crate) fn shrink_to_fit<S: BuildHasher>(&mut self, hasher: &S) {
        self.pairs.shrink_to_fit(|pair| hasher.hash_one(pair));
        self.involved.shrink_to_fit(|(user, _)| hasher.hash_one(user));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hasher::tests::Plain;

    #[test]
    fn memory_comes_back_when_the_blocks_have_gone() {
        let (mut blocks, users) = (Blocks::default(), (0..1_000).map(User));
        users.clone().for_each(|user| blocks.insert(&Plain, user, User(user.0 + 1)));
        users.for_each(|user| blocks.remove(&Plain, user, User(user.0 + 1)));
        assert!(blocks.pairs.capacity() > 0 && blocks.involved.capacity() > 0);
        assert_eq!((blocks.len(), blocks.users()), (0, 0));
        blocks.shrink_to_fit(&Plain);
        assert_eq!((blocks.pairs.capacity(), blocks.involved.capacity()), (0, 0));
    }
}
