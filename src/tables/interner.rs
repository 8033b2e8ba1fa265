//! Interns user ids: the users that the engine knows, numbered densely.
//!
//! Hashing an id costs more than everything else a verb does, so ids are looked up only where the
//! host hands them in. From there on a user is a [`User`], an index into this table. A user is
//! known while anything refers to it: its own sessions, somebody's audience or block list, or a
//! congested session that has yet to be told of it. Then its id is dropped and its index reused.

use crate::tables::free_list::FreeList;
use crate::tables::ids::{Place, SIDE_BY_SIDE, User};
use crate::tables::index::{Index, ShortHash};
use crate::tables::reach::{Reach, Reaches};
use crate::tables::segments::per_segment;
use crate::tables::segments::sparse::Sparse;
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};
use core::hint::black_box;
use smallvec::SmallVec;

/// Two near slots a user must fit below the far range.
pub(super) const MAX_USERS: usize = 1 << 30;

const CROWD: usize = if cfg!(feature = "shrunk") { 5 } else { 20_000 };

/// The table of users, a column for each question: whoever asks one of a hundred contacts should
/// not drag the answers to the others through the caches.
pub(crate) struct Users<K> {
    by_id: Index,
    /// `None` while the index is free.
    ids: Sparse<Option<K>, { per_segment(1_024) }>,
    /// So that an id is hashed once only: the host's code is not run to forget it.
    hashes: Sparse<ShortHash, { per_segment(2_048) }>,
    reaches: Reaches,
    /// Nobody's where the user is offline.
    online: Sparse<Place, { per_segment(2_048) }>,
    free: FreeList,
    /// Who has become known and may not be referred to yet.
    fresh: Vec<User>,
    /// For those whose last reference is given back.
    unreferenced: Vec<User>,
    /// Ids that nothing refers to any more. Dropping one runs the host's code, which may panic, so
    /// it is done when everything is in order.
    unused: Vec<K>,
    /// Those whom the input at hand names: until it is over, as a decision lends them.
    named: Vec<Named<K>>,
}

/// A user whom an input names.
struct Named<K> {
    user: User,
    /// So many ids stand before it in the list.
    nth: u32,
    /// The id, if the user was known already, by one that may be spelt otherwise.
    id: Option<K>,
}

impl<K> Users<K> {
    pub(crate) const fn new() -> Self {
        Self {
            by_id: Index::new(),
            ids: Sparse::new(),
            hashes: Sparse::new(),
            reaches: Reaches::new(),
            online: Sparse::new(),
            free: FreeList::new(),
            fresh: Vec::new(),
            unreferenced: Vec::new(),
            unused: Vec::new(),
            named: Vec::new(),
        }
    }

    /// Returns the number of users known.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Returns whether so many are known that it pays to fetch what is going to be read. What is
    /// kept of fewer is in the caches anyway.
    pub(crate) fn is_crowd(&self) -> bool {
        self.ids.len() >= CROWD
    }

    /// Returns one more than the greatest index in use.
    pub(crate) fn span(&self) -> usize {
        self.ids.len()
    }

    #[inline]
    pub(crate) fn id(&self, user: User) -> &K {
        let id = self.ids[user.0 as usize].as_ref();
        id.expect("whoever has a user's index has a reference that keeps its id")
    }

    /// Replaces a user's id by one that equals it. The one before is dropped when everything is in
    /// order.
    pub(crate) fn spell(&mut self, user: User, id: K) {
        let before = self.ids[user.0 as usize].replace(id);
        self.unused.extend(before);
    }

    /// Has an id dropped when everything is in order.
    pub(crate) fn discard(&mut self, id: K) {
        self.unused.push(id);
    }

    // ---- whom the input at hand names

    /// Returns the ids of those [named](Self::intern_named), spelt as they were handed in.
    pub(crate) fn named(&self) -> impl ExactSizeIterator<Item = &K> {
        self.named.iter().map(|named| named.id.as_ref().unwrap_or_else(|| self.id(named.user)))
    }

    /// Returns one of those named.
    pub(crate) fn named_at(&self, nth: usize) -> Option<User> {
        self.named.get(nth).map(|named| named.user)
    }

    /// Names nobody any more: the input is over.
    pub(crate) fn forget_named(&mut self) {
        if !self.named.is_empty() {
            self.unused.extend(self.named.drain(..).filter_map(|named| named.id));
        }
    }

    /// Fetches what is kept of a user here, who may be known no longer.
    #[inline]
    pub(crate) fn fetch(&self, user: User) {
        black_box(self.ids.get(user.0 as usize).is_some_and(Option::is_some));
        black_box(self.reaches.reach(user));
    }

    /// Returns the user's place in the table of online users. It may be known no longer.
    pub(crate) fn online(&self, user: User) -> Option<Place> {
        let place = *self.online.get(user.0 as usize)?;
        (place != Place::NONE).then_some(place)
    }

    pub(crate) fn set_online(&mut self, user: User, online: Option<Place>) {
        self.online.set(user.0 as usize, online.unwrap_or(Place::NONE));
    }

    pub(crate) const fn reaches(&self) -> &Reaches {
        &self.reaches
    }

    pub(crate) fn set_reach(&mut self, user: User, reach: Reach) {
        self.reaches.set_reach(user, reach);
    }

    #[inline]
    pub(crate) fn retain(&mut self, user: User) {
        self.reaches.retain(user);
    }

    /// Gives a reference back; the last one frees the index.
    pub(crate) fn release(&mut self, user: User) {
        if self.reaches.release(user) {
            self.forget(user);
        }
    }

    /// Gives a reference to each of them back.
    pub(crate) fn release_all(&mut self, users: &[User]) {
        self.reaches.release_all(users, &mut self.unreferenced);
        if !self.unreferenced.is_empty() {
            self.forget_unreferenced();
        }
    }

    #[cold]
    fn forget_unreferenced(&mut self) {
        let mut unreferenced = core::mem::take(&mut self.unreferenced);
        unreferenced.drain(..).for_each(|user| self.forget(user));
        self.unreferenced = unreferenced;
    }

    /// Forgets a user to whom nothing refers.
    fn forget(&mut self, user: User) {
        let Some(id) = self.ids[user.0 as usize].take() else { return };
        self.by_id.remove(self.hashes[user.0 as usize], user);
        self.free.push(user.0);
        self.unused.push(id);
    }

    /// Forgets those who became known and to whom nothing refers after all: the input was refused,
    /// or the host's code panicked in the middle of it. In reverse order, so that the same indices
    /// are given out again in the same order.
    pub(crate) fn forget_fresh(&mut self) {
        while let Some(user) = self.fresh.pop() {
            if self.reaches.references(user) == 0 {
                self.forget(user);
            }
        }
    }

    /// Returns whether nothing is left to forget or to drop.
    pub(crate) fn is_clean(&self) -> bool {
        self.fresh.is_empty() && self.unused.is_empty() && self.named.is_empty()
    }

    /// Drops the ids that nothing refers to any more.
    pub(crate) fn drop_unused(&mut self) {
        if !self.unused.is_empty() {
            self.unused.clear();
        }
    }

    /// Hands the ids that nothing here refers to any more to another table, which drops them.
    pub(crate) fn hand_unused_to(&mut self, other: &mut Self) {
        other.unused.append(&mut self.unused);
    }

    /// Makes room for so many users in all.
    pub(crate) fn reserve(&mut self, users: usize) {
        self.by_id.reserve(users);
        self.ids.reserve_and_fill(users);
        self.hashes.reserve_and_fill(users);
        self.reaches.reserve(users);
        self.online.reserve_and_fill(users);
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        let Self { free, .. } = self;
        let span = free.cut_off(self.ids.len(), |_| true);
        self.ids.shrink_to(span, |places, _| free.has_all(&places));
        self.hashes.shrink_to(span, |places, _| free.has_all(&places));
        self.online.shrink_to(span, |places, _| free.has_all(&places));
        self.reaches.shrink_to(span);
        self.by_id.shrink_to_fit();
        self.fresh.shrink_to_fit();
        self.unreferenced = Vec::new();
        self.unused.shrink_to_fit();
        self.named.shrink_to_fit();
    }

    /// Returns whether each index is either free or somebody's.
    pub(crate) fn is_free_list_right(&self) -> bool {
        let known = self.iter_known().map(|user| user.0 as usize);
        self.free.neither(self.span(), known) == Some(0)
    }

    pub(crate) fn iter_known(&self) -> impl Iterator<Item = User> {
        let known = self.ids.entries().filter(|(_, id)| id.is_some());
        known.map(|(user, _)| User(user as u32))
    }
}

impl<K: Eq + Hash> Users<K> {
    pub(crate) fn find<S, Q>(&self, hasher: &S, id: &Q) -> Option<User>
    where
        S: BuildHasher,
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.find_hashed(ShortHash::of(hasher, id), id)
    }

    /// Calls `found` for each of these ids that is known, with its place in the list.
    pub(crate) fn find_all<'q, S, Q>(
        &self,
        hasher: &S,
        ids: impl Iterator<Item = &'q Q>,
        mut found: impl FnMut(usize, User),
    ) where
        S: BuildHasher,
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized + 'q,
    {
        let mut ids = ids.fuse().enumerate();
        if !self.is_crowd() {
            for (at, id) in ids {
                self.find(hasher, id).into_iter().for_each(|user| found(at, user));
            }
            return;
        }
        loop {
            let some: SmallVec<[(usize, &Q); SIDE_BY_SIDE]> =
                ids.by_ref().take(SIDE_BY_SIDE).collect();
            if some.is_empty() {
                return;
            }
            let users = self.find_some(hasher, &some, |(_, id)| *id);
            for ((at, id), (hash, user)) in some.into_iter().zip(users) {
                let user = user.or_else(|| self.find_hashed(hash, id));
                user.into_iter().for_each(|user| found(at, user));
            }
        }
    }

    fn find_hashed<Q>(&self, hash: ShortHash, id: &Q) -> Option<User>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        // Seldom do two share a hash, so the ids are compared outside of the loop.
        let first = self.by_id.find(hash, |_| true)?;
        if self.has_id(first, id) { Some(first) } else { self.find_among(hash, id) }
    }

    /// Looks among all who share a hash.
    #[cold]
    fn find_among<Q>(&self, hash: ShortHash, id: &Q) -> Option<User>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        self.by_id.find(hash, |user| self.has_id(user, id))
    }

    fn has_id<Q>(&self, user: User, id: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        self.ids[user.0 as usize].as_ref().is_some_and(|own| own.borrow() == id)
    }

    /// Returns the hashes of these, [`SIDE_BY_SIDE`] at most, and the users who have their ids:
    /// all who are known, but for those who share a hash with another. Of look-ups one after the
    /// other each would wait for memory three times.
    fn find_some<S, Q, B>(
        &self,
        hasher: &S,
        some: &[B],
        id: impl Fn(&B) -> &Q,
    ) -> [(ShortHash, Option<User>); SIDE_BY_SIDE]
    where
        S: BuildHasher,
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let mut all = [(ShortHash::ZERO, None); SIDE_BY_SIDE];
        let found = &mut all[..some.len()];
        for ((hash, _), one) in found.iter_mut().zip(some) {
            *hash = ShortHash::of(hasher, id(one));
        }
        for (hash, _) in &*found {
            self.by_id.fetch(*hash);
        }
        for (hash, user) in &mut *found {
            *user = self.by_id.find(*hash, |_| true);
        }
        for user in found.iter().filter_map(|(_, user)| *user) {
            // The reach as well: whoever looks for many goes on to count references to them.
            self.fetch(user);
        }
        for ((_, user), one) in found.iter_mut().zip(some) {
            *user = user.filter(|user| self.has_id(*user, id(one)));
        }
        all
    }

    /// Returns the index of `id`, which is made known if it was not. No reference is taken: the
    /// caller takes one, and calls [`forget_fresh`](Self::forget_fresh) when the input is through.
    /// `None` if the table is full.
    pub(crate) fn intern<S: BuildHasher>(&mut self, hasher: &S, id: K) -> Option<User> {
        self.find_or_add(ShortHash::of(hasher, &id), id).map(|(user, _)| user)
    }

    /// Adds the indices of all these ids, likewise.
    pub(crate) fn intern_all<S: BuildHasher>(
        &mut self,
        hasher: &S,
        ids: impl Iterator<Item = K>,
        into: &mut Vec<User>,
    ) -> Option<()> {
        self.intern_each(hasher, ids, |_, user, _| into.push(user))
    }

    /// Names those who have these ids, who are made known likewise, each once and but for one.
    pub(crate) fn intern_named<S: BuildHasher>(
        &mut self,
        hasher: &S,
        ids: impl Iterator<Item = K>,
        not: User,
        into: &mut Vec<User>,
    ) -> Option<()> {
        self.intern_each(hasher, ids, |users, user, id| {
            let nth = users.named.len() as u32;
            users.named.push(Named { user, nth, id });
        })?;
        // Of several spellings in one list the first counts.
        self.named.sort_unstable_by_key(|named| (named.user, named.nth));
        self.named.dedup_by_key(|named| named.user);
        self.named.retain(|named| named.user != not);
        into.extend(self.named.iter().map(|named| named.user));
        Some(())
    }

    /// Calls `each` with the index of each of these ids, which is made known if it was not, and
    /// with the id if it was.
    fn intern_each<S: BuildHasher>(
        &mut self,
        hasher: &S,
        ids: impl Iterator<Item = K>,
        mut each: impl FnMut(&mut Self, User, Option<K>),
    ) -> Option<()> {
        if !self.is_crowd() {
            for id in ids {
                let (user, id) = self.find_or_add(ShortHash::of(hasher, &id), id)?;
                each(self, user, id);
            }
            return Some(());
        }
        let mut ids = ids.fuse();
        loop {
            let some: SmallVec<[K; SIDE_BY_SIDE]> = ids.by_ref().take(SIDE_BY_SIDE).collect();
            if some.is_empty() {
                return Some(());
            }
            let found = self.find_some(hasher, &some, |id| id);
            for (id, (hash, user)) in some.into_iter().zip(found) {
                let (user, id) = match user {
                    Some(user) => (user, Some(id)),
                    None => self.find_or_add(hash, id)?,
                };
                each(self, user, id);
            }
        }
    }

    /// Returns the index of an id, and gives the id back if it was known already.
    fn find_or_add(&mut self, hash: ShortHash, id: K) -> Option<(User, Option<K>)> {
        match self.find_hashed(hash, &id) {
            Some(user) => Some((user, Some(id))),
            None => self.add(hash, id).map(|user| (user, None)),
        }
    }

    /// Makes an id known that is not.
    #[inline(never)]
    fn add(&mut self, hash: ShortHash, id: K) -> Option<User> {
        let user = if let Some(user) = self.free.pop() {
            let at = user as usize;
            self.ids.set(at, Some(id));
            self.hashes.set(at, hash);
            User(user)
        } else if self.ids.len() < MAX_USERS {
            self.ids.push(Some(id));
            self.hashes.push(hash);
            self.reaches.push();
            self.online.push(Place::NONE);
            User(self.ids.len() as u32 - 1)
        } else {
            return None;
        };
        self.by_id.insert(hash, user);
        self.fresh.push(user);
        Some(user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hasher::tests::Plain;
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

    #[test]
    fn what_is_left_to_do_is_known() {
        let mut users = Users::<u64>::new();
        let ada = users.intern(&Plain, 1).unwrap();
        assert!(!users.is_clean(), "it may turn out that nothing refers to her");
        users.retain(ada);
        users.forget_fresh();
        assert!(users.is_clean());
        users.release(ada);
        assert!(!users.is_clean(), "her id is not dropped yet");
        users.drop_unused();
        let mut all = Vec::new();
        users.intern_named(&Plain, [2, 1, 2].into_iter(), User(9), &mut all).unwrap();
        assert_eq!(all.len(), 2, "each once");
        assert!(users.named().eq(all.iter().map(|user| users.id(*user))));
        users.forget_fresh();
        users.drop_unused();
        assert!(!users.is_clean(), "they are named as long as the input lasts");
        users.forget_named();
        users.drop_unused();
        assert!(users.is_clean());
    }

    #[test]
    fn memory_comes_back_when_users_have_gone() {
        let mut users = Users::<u64>::new();
        let all: Vec<User> = (0..1_000).map(|id| users.intern(&Plain, id).unwrap()).collect();
        all.iter().for_each(|user| users.retain(*user));
        users.forget_fresh();
        all.iter().filter(|user| user.0 != 500).for_each(|user| users.release(*user));
        users.drop_unused();
        users.shrink_to_fit();
        assert_eq!((users.len(), users.span()), (1, 501));
        assert!(users.ids.capacity() <= 1_024 && users.by_id.len() == 1);
        // Who is left is still found, and no index is given out twice.
        assert_eq!(users.find(&Plain, &500), Some(User(500)));
        let mut new: Vec<User> = (0..600).map(|id| users.intern(&Plain, id).unwrap()).collect();
        new.sort_unstable();
        new.dedup();
        assert_eq!((new.len(), users.len(), users.span()), (600, 600, 600));
    }

    #[test]
    fn a_few_who_stay_do_not_keep_the_memory_of_a_crowd() {
        const USERS: u32 = 20_000;
        let mut users = Users::<u64>::new();
        for id in 0..USERS.into() {
            let user = users.intern(&Plain, id).expect("there is room");
            users.retain(user);
            users.set_online(user, Some(Place(user.0)));
        }
        users.forget_fresh();
        let is_staying = |user: u32| user % 8_000 == 7 || user == USERS - 1;
        for user in (0..USERS).filter(|user| !is_staying(*user)).map(User) {
            users.set_online(user, None);
            users.release(user);
        }
        users.drop_unused();
        users.shrink_to_fit();
        let left = users.ids.entries().count();
        assert!(users.is_free_list_right() && left < 4 * 1_024, "{left} places are left");
        // Those who have gone are nowhere, even where a segment is made again for others.
        let is_right = |users: &Users<u64>, user: u32| {
            let expected = is_staying(user).then_some(user);
            users.online(User(user)) == expected.map(Place)
                && users.find(&Plain, &user.into()) == expected.map(User)
        };
        assert!((0..USERS).all(|user| is_right(&users, user)));
        for id in 0..100 {
            let user = users.intern(&Plain, 1_000_000 + id).expect("there is room");
            users.retain(user);
            assert!(!is_staying(user.0) && user.0 <= 100, "{user:?}");
        }
        assert!((0..USERS).all(|user| is_right(&users, user)) && users.is_free_list_right());
        users.free.push(7);
        assert!(!users.is_free_list_right(), "somebody has this index");
    }
}
