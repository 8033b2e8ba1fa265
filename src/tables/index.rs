//! Finds users by the hashes of their ids: a hash table that is asked of a hundred ids at once.
//!
//! With millions of users a look-up is a wait for memory, and a hundred look-ups are as many waits
//! as the processor cannot do side by side. It does as many as it sees coming, so here a look-up
//! begins with one access, to a place that the hash alone says, and nothing to decide before it.
//!
//! Entries stand in the order of their hashes, each in the place that its hash stands for or, if
//! that is taken, as soon after it as the order allows (linear probing as in Robin Hood hashing).
//! So who is not there is known early, and the table grows by one walk from front to back,
//! by a quarter at a time, without asking anybody for a hash.

use crate::tables::ids::User;
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};
use core::hint::black_box;

/// Half of an id's hash, which is as good as the whole for a table of at most 2^30 entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ShortHash(u32);

impl ShortHash {
    pub(crate) const ZERO: Self = Self(0);

    /// Weak hashers vary in a few bits only, wherever those are: here they come to the top, which
    /// says the place.
    pub(crate) fn of<S: BuildHasher>(hasher: &S, id: &(impl Hash + ?Sized)) -> Self {
        // 2^64 divided by the golden ratio: multiples of it lie far apart.
        const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
        let hash = hasher.hash_one(id);
        Self(((hash ^ (hash >> 32)).wrapping_mul(GOLDEN) >> 32) as u32)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Entry {
    hash: ShortHash,
    user: User,
}

/// No user has this number, and no hash is greater.
const VACANT: Entry = Entry { hash: ShortHash(u32::MAX), user: User(u32::MAX) };

impl Entry {
    const fn is_vacant(self) -> bool {
        self.user.0 == VACANT.user.0
    }
}

pub(crate) struct Index {
    /// One for each home, and behind them those who have been pushed out of the last ones.
    entries: Vec<Entry>,
    /// The number of places that hashes stand for.
    homes: usize,
    len: usize,
}

/// Fewer homes than this are not worth while.
const FEWEST: usize = 8;
/// Spare entries for overflow past the last home.
const BEHIND: usize = 32;

/// The table is full with so many: three in four homes are taken.
const fn most(homes: usize) -> usize {
    homes - homes / 4
}

impl Index {
    pub(crate) const fn new() -> Self {
        Self { entries: Vec::new(), homes: 0, len: 0 }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    const fn home(&self, hash: ShortHash) -> usize {
        ((hash.0 as u64 * self.homes as u64) >> 32) as usize
    }

    /// Fetches where a look-up of this hash begins.
    #[inline]
    pub(crate) fn fetch(&self, hash: ShortHash) {
        black_box(self.entries.get(self.home(hash)).is_some_and(|entry| entry.is_vacant()));
    }

    /// Returns the first user with this hash that satisfies `is_so`.
    #[inline]
    pub(crate) fn find(
        &self,
        hash: ShortHash,
        mut is_so: impl FnMut(User) -> bool,
    ) -> Option<User> {
        for entry in self.entries.get(self.home(hash)..)? {
            if entry.hash < hash {
                continue;
            }
            if entry.hash > hash || entry.is_vacant() {
                return None;
            }
            if is_so(entry.user) {
                return Some(entry.user);
            }
        }
        None
    }

    /// Adds a user who is not there yet.
    pub(crate) fn insert(&mut self, hash: ShortHash, user: User) {
        if self.len >= most(self.homes) {
            self.rebuild((self.homes + self.homes / 4).max(FEWEST));
        }
        let comes_later = |entry: &Entry| entry.is_vacant() || entry.hash > hash;
        let at = self.position(self.home(hash), comes_later);
        let vacant = self.position(at, |entry| entry.is_vacant());
        if vacant == self.entries.len() {
            if self.entries.capacity() == vacant {
                // Not as much again: these are only those behind the last home.
                self.entries.reserve_exact(BEHIND);
            }
            self.entries.push(VACANT);
        }
        self.entries.copy_within(at..vacant, at + 1);
        self.entries[at] = Entry { hash, user };
        self.len += 1;
    }

    /// Removes a user who is there.
    pub(crate) fn remove(&mut self, hash: ShortHash, user: User) {
        let at = self.position(self.home(hash), |entry| entry.user == user);
        // All who follow without a gap and are not at home move up.
        let mut end = at + 1;
        while self
            .entries
            .get(end)
            .is_some_and(|next| !next.is_vacant() && self.home(next.hash) < end)
        {
            end += 1;
        }
        self.entries.copy_within(at + 1..end, at);
        self.entries[end - 1] = VACANT;
        self.len -= 1;
    }

    /// Returns the first place from there on whose entry satisfies `is_so`, or the end.
    fn position(&self, from: usize, is_so: impl Fn(&Entry) -> bool) -> usize {
        let behind = &self.entries[from..];
        from + behind.iter().position(is_so).unwrap_or(behind.len())
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        // As few as are enough: see `most`.
        let homes = self.len + self.len / 3;
        if homes < self.homes {
            self.rebuild(homes);
        }
    }

    fn rebuild(&mut self, homes: usize) {
        self.homes = homes;
        let behind = if homes > 0 { BEHIND } else { 0 };
        let mut entries = Vec::with_capacity(homes + behind);
        for entry in self.entries.iter().filter(|entry| !entry.is_vacant()) {
            let home = self.home(entry.hash);
            if entries.len() < home {
                entries.resize(home, VACANT);
            }
            entries.push(*entry);
        }
        entries.resize(homes.max(entries.len()), VACANT);
        self.entries = entries;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hasher::tests::Plain;

    /// Where the whole table is as it should be.
    fn check(index: &Index) {
        let entries = &index.entries;
        assert!(entries.len() >= index.homes && index.len * 4 <= index.homes * 3 + 3);
        assert_eq!(entries.iter().filter(|entry| !entry.is_vacant()).count(), index.len);
        let mut last = ShortHash(0);
        for (at, entry) in entries.iter().enumerate().filter(|(_, entry)| !entry.is_vacant()) {
            let home = index.home(entry.hash);
            assert!(entry.hash >= last, "out of order at {at}");
            assert!(entries[home..at].iter().all(|entry| !entry.is_vacant()), "not found at {at}");
            last = entry.hash;
        }
    }

    fn users(index: &Index, hash: u32) -> Vec<u32> {
        let mut users = Vec::new();
        assert_eq!(
            index.find(ShortHash(hash), |user| {
                users.push(user.0);
                false
            }),
            None
        );
        users
    }

    /// Of a sequence that looks random.
    fn next(seed: &mut u32) -> u32 {
        *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *seed >> 8
    }

    /// Does as a list of pairs does, whatever the hashes are like.
    fn agrees_with_a_list(hash_of: impl Fn(u32) -> u32) {
        let (mut index, mut list, mut seed) = (Index::new(), Vec::new(), 1);
        for user in 0..4_000 {
            let hash = hash_of(next(&mut seed));
            index.insert(ShortHash(hash), User(user));
            list.push((hash, user));
            // More and more of them at first, then fewer and fewer.
            while !list.is_empty() && next(&mut seed) % 2_000 < user / 2 {
                let (hash, user) = list.swap_remove(next(&mut seed) as usize % list.len());
                index.remove(ShortHash(hash), User(user));
            }
            assert_eq!(index.len(), list.len());
            if user % 50 == 0 {
                check(&index);
                for hash in [hash, hash_of(next(&mut seed)), 0, u32::MAX] {
                    let mut found = users(&index, hash);
                    found.sort_unstable();
                    let of_hash = list.iter().filter(|(other, _)| *other == hash);
                    let mut listed: Vec<u32> = of_hash.map(|(_, user)| *user).collect();
                    listed.sort_unstable();
                    assert_eq!(found, listed);
                }
            }
        }
        index.shrink_to_fit();
        check(&index);
        assert!(list.iter().all(|(hash, user)| users(&index, *hash).contains(user)));
    }

    #[test]
    fn agrees_with_a_list_of_hashes_that_are_spread() {
        agrees_with_a_list(|random| random.wrapping_mul(0x9e37_79b1));
    }

    #[test]
    fn agrees_with_a_list_of_hashes_of_which_many_are_the_same() {
        agrees_with_a_list(|random| (random % 37).wrapping_mul(0x0700_0000));
    }

    #[test]
    fn agrees_with_a_list_of_hashes_that_crowd_at_either_end() {
        agrees_with_a_list(|random| random % 100);
        agrees_with_a_list(|random| u32::MAX - random % 100);
    }

    #[test]
    fn the_greatest_hash_is_not_taken_for_a_vacancy() {
        let mut index = Index::new();
        assert_eq!(users(&index, u32::MAX), []);
        index.insert(ShortHash(u32::MAX), User(7));
        index.insert(ShortHash(u32::MAX), User(8));
        assert_eq!(users(&index, u32::MAX), [7, 8]);
        assert_eq!(users(&index, u32::MAX - 1), []);
        index.remove(ShortHash(u32::MAX), User(7));
        assert_eq!(users(&index, u32::MAX), [8]);
        check(&index);
    }

    #[test]
    fn memory_is_within_what_is_said_and_comes_back() {
        let mut index = Index::new();
        for user in 0..10_000_u32 {
            index.insert(ShortHash(user.wrapping_mul(0x9e37_79b1)), User(user));
            let most_places = (user as usize + 1) * 5 / 3 + FEWEST + BEHIND + 2;
            assert!(
                index.entries.capacity() <= most_places,
                "{user}: {}",
                index.entries.capacity()
            );
        }
        for user in 100..10_000_u32 {
            index.remove(ShortHash(user.wrapping_mul(0x9e37_79b1)), User(user));
        }
        index.shrink_to_fit();
        check(&index);
        assert_eq!((index.homes, index.len()), (133, 100));
        for user in 0..100_u32 {
            let homes = index.homes;
            index.shrink_to_fit();
            check(&index);
            assert!(index.homes < homes || index.len == 100);
            index.remove(ShortHash(user.wrapping_mul(0x9e37_79b1)), User(user));
        }
        index.shrink_to_fit();
        assert_eq!((index.homes, index.entries.capacity()), (0, 0));
        check(&index);
    }

    #[test]
    fn homes_are_spread_over_the_table() {
        let mut index = Index::new();
        (0..9).for_each(|user| index.insert(ShortHash(user), User(user)));
        let homes = [0, 1 << 30, 1 << 31, u32::MAX].map(|hash| index.home(ShortHash(hash)));
        assert_eq!((index.homes, homes), (12, [0, 3, 6, 11]));
    }

    #[test]
    fn weak_hashers_will_do() {
        // Numbers one after the other, steps of a power of two, and the highest bits only.
        let ids = |step: u32| (0..1_000_u64).map(move |id| id << step);
        for step in [0, 1, 8, 16, 20, 31, 32, 40, 54] {
            let mut hashes: Vec<u32> = ids(step).map(|id| ShortHash::of(&Plain, &id).0).collect();
            hashes.sort_unstable();
            hashes.dedup();
            assert_eq!(hashes.len(), 1_000, "steps of 2^{step}");
            // Nowhere more than a few in one of a thousand equal parts.
            let part = |hash: &u32| ((u64::from(*hash) * 1_000) >> 32) as usize;
            let mut parts = [0; 1_000];
            hashes.iter().for_each(|hash| parts[part(hash)] += 1);
            assert!(parts.iter().all(|count| *count <= 8), "steps of 2^{step}: {parts:?}");
        }
    }
}
