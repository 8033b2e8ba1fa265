//! The users that the engine knows, numbered densely.
//!
//! Hashing an id costs more than everything else a verb does, so ids are looked up only where the
//! host hands them in. From there on a user is a [`User`], an index into this table. A user is
//! known while anything refers to it: its own sessions, somebody's audience or block list, or a
//! congested session that has yet to be told of it. Then its id is dropped and its index reused.

use alloc::vec::Vec;
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};
use hashbrown::HashTable;

/// A known user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct User(pub(crate) u32);

/// Two near slots a user must fit below the far range.
const MAX_USERS: usize = 1 << 30;

const OFFLINE: u32 = u32::MAX;

struct Known<K> {
    /// `None` while the index is free.
    id: Option<K>,
    /// So that the id is hashed once only: the host's code is not run to move or to forget it.
    hash: u64,
    references: u32,
    /// The user's place in the table of online users, or [`OFFLINE`].
    online: u32,
}

pub(crate) struct Users<K> {
    by_id: HashTable<User>,
    known: Vec<Known<K>>,
    free: Vec<User>,
    /// Who has become known and may not be referred to yet.
    fresh: Vec<User>,
    /// Ids that nothing refers to any more. Dropping one runs the host's code, which may panic, so
    /// it is done when everything is in order.
    dead: Vec<K>,
}

impl<K> Users<K> {
    pub(crate) const fn new() -> Self {
        Self {
            by_id: HashTable::new(),
            known: Vec::new(),
            free: Vec::new(),
            fresh: Vec::new(),
            dead: Vec::new(),
        }
    }

    /// How many users are known.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// One more than the greatest index ever given out.
    pub(crate) fn span(&self) -> usize {
        self.known.len()
    }

    pub(crate) fn id(&self, user: User) -> &K {
        let id = self.known[user.0 as usize].id.as_ref();
        id.expect("whoever holds a user's index holds a reference that keeps its id")
    }

    /// Where the user stands in the table of online users.
    pub(crate) fn online(&self, user: User) -> Option<u32> {
        let online = self.known[user.0 as usize].online;
        (online != OFFLINE).then_some(online)
    }

    pub(crate) fn set_online(&mut self, user: User, online: Option<u32>) {
        self.known[user.0 as usize].online = online.unwrap_or(OFFLINE);
    }

    pub(crate) fn references(&self, user: User) -> u32 {
        self.known[user.0 as usize].references
    }

    pub(crate) fn retain(&mut self, user: User) {
        self.known[user.0 as usize].references += 1;
    }

    /// Gives a reference back; the last one frees the index.
    pub(crate) fn release(&mut self, user: User) {
        self.known[user.0 as usize].references -= 1;
        self.forget_unreferenced(user);
    }

    fn forget_unreferenced(&mut self, user: User) {
        let entry = &mut self.known[user.0 as usize];
        if entry.references > 0 {
            return;
        }
        let Some(id) = entry.id.take() else { return };
        if let Ok(found) = self.by_id.find_entry(entry.hash, |other| *other == user) {
            found.remove();
        }
        self.free.push(user);
        self.dead.push(id);
    }

    /// Forgets those who became known and to whom nothing refers after all: the input was refused,
    /// or the host's code panicked in the middle of it. In reverse order, so that the same indices
    /// are given out again in the same order.
    pub(crate) fn forget_fresh(&mut self) {
        while let Some(user) = self.fresh.pop() {
            self.forget_unreferenced(user);
        }
    }

    /// Is nothing left to forget or to drop?
    pub(crate) fn is_clean(&self) -> bool {
        self.fresh.is_empty() && self.dead.is_empty()
    }

    /// Drops the ids that nothing refers to any more.
    pub(crate) fn bury(&mut self) {
        if !self.dead.is_empty() {
            self.dead.clear();
        }
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        while self.known.last().is_some_and(|last| last.id.is_none()) {
            self.known.pop();
        }
        let span = self.known.len() as u32;
        self.free.retain(|user| user.0 < span);
        self.known.shrink_to_fit();
        self.free.shrink_to_fit();
        self.by_id.shrink_to_fit(|user| self.known[user.0 as usize].hash);
        self.fresh.shrink_to_fit();
        self.dead.shrink_to_fit();
    }

    pub(crate) fn iter_known(&self) -> impl Iterator<Item = User> {
        (0..self.known.len() as u32)
            .map(User)
            .filter(|user| self.known[user.0 as usize].id.is_some())
    }
}

impl<K: Eq + Hash> Users<K> {
    pub(crate) fn find<S: BuildHasher>(&self, hasher: &S, id: &K) -> Option<User> {
        let hash = hasher.hash_one(id);
        self.by_id.find(hash, |user| self.id(*user) == id).copied()
    }

    pub(crate) fn find_borrowed<S: BuildHasher>(
        &self,
        hasher: &S,
        id: impl Borrow<K>,
    ) -> Option<User> {
        self.find(hasher, id.borrow())
    }

    /// The index of `id`, which is made known if it was not. No reference is taken: the caller
    /// takes one, and calls [`forget_fresh`](Self::forget_fresh) when the input is through. `None`
    /// if the table is full.
    pub(crate) fn intern<S: BuildHasher>(&mut self, hasher: &S, id: K) -> Option<User> {
        let hash = hasher.hash_one(&id);
        let known = &self.known;
        let is_id = |user: &User| known[user.0 as usize].id.as_ref() == Some(&id);
        if let Some(user) = self.by_id.find(hash, is_id) {
            return Some(*user);
        }
        let entry = Known { id: Some(id), hash, references: 0, online: OFFLINE };
        let user = if let Some(user) = self.free.pop() {
            self.known[user.0 as usize] = entry;
            user
        } else if self.known.len() < MAX_USERS {
            self.known.push(entry);
            User(self.known.len() as u32 - 1)
        } else {
            return None;
        };
        let known = &self.known;
        self.by_id.insert_unique(hash, user, |user| known[user.0 as usize].hash);
        self.fresh.push(user);
        Some(user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString};
    use core::hash::BuildHasherDefault;

    /// Everything collides.
    #[derive(Default)]
    struct Zero;
    impl core::hash::Hasher for Zero {
        fn finish(&self) -> u64 {
            0
        }
        fn write(&mut self, _: &[u8]) {}
    }

    #[test]
    fn ids_are_freed_with_their_last_reference_and_indices_reused() {
        let hasher = BuildHasherDefault::<Zero>::default();
        let mut users = Users::<String>::new();
        let ada = users.intern(&hasher, "ada".to_string()).unwrap();
        let bob = users.intern(&hasher, "bob".to_string()).unwrap();
        users.retain(ada);
        users.retain(ada);
        users.retain(bob);
        assert_eq!(users.intern(&hasher, "ada".to_string()), Some(ada));
        users.release(ada);
        assert_eq!(users.find(&hasher, &"ada".to_string()), Some(ada));
        users.release(ada);
        assert_eq!(users.find(&hasher, &"ada".to_string()), None);
        assert_eq!(users.find(&hasher, &"bob".to_string()), Some(bob));
        assert_eq!(users.intern(&hasher, "cyd".to_string()), Some(ada));
        assert_eq!((users.len(), users.span()), (2, 2));
        users.forget_fresh();
        assert_eq!(users.find(&hasher, &"cyd".to_string()), None);
        assert_eq!(users.find(&hasher, &"bob".to_string()), Some(bob));
    }
}
