//! Finds users by the hashes of their ids: a hash table that is asked of a hundred ids at once.
//!
//! With millions of users a look-up is a wait for memory, and a hundred look-ups are as many waits
//! as the processor cannot do side by side. It does as many as it sees coming, so here a look-up
//! begins with one access, to a place that the hash alone says, and nothing to decide before it.
//!
//! Entries stand in the order of their hashes, each in the place that its hash stands for or, if
//! that is taken, as soon after it as the order allows (linear probing as in Robin Hood hashing).
//! So a search for an absent user ends early.
//!
//! The table grows by a quarter, where it lies and step by step: blank places are added behind it,
//! and then, from the last entry to the first, each moves to where it stands in the larger table,
//! which is never nearer to the front. A hash alone says which of the two layouts counts for it:
//! the larger one from a boundary on, which comes down as the entries move. So the order holds at
//! every moment, and a look-up still begins with one access.

use crate::tables::ids::User;
use crate::tables::segments::{Segments, per_segment};
use crate::tables::steps;
use core::hash::{BuildHasher, Hash};
use core::hint::black_box;

/// Half of an id's hash, which is as good as the whole for a table of at most 2^30 entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ShortHash(u32);

impl ShortHash {
    pub(crate) const ZERO: Self = Self(0);

    /// Hashes an id. Weak hashers vary in a few bits only, wherever those are: here they come to
    /// the top, which says the place.
    pub(crate) fn of<S: BuildHasher>(hasher: &S, id: &(impl Hash + ?Sized)) -> Self {
        // 2^64 divided by the golden ratio: multiples of it lie far apart.
        const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
        let hash = hasher.hash_one(id);
        Self(((hash ^ (hash >> 32)).wrapping_mul(GOLDEN) >> 32) as u32)
    }

    /// Hashes a user's number, which nobody outside can choose.
    pub(crate) const fn of_user(user: User) -> Self {
        Self(user.0.wrapping_mul(0x9e37_79b1))
    }
}

/// A number that is found in an index.
pub(crate) trait Number: Copy + Eq {
    /// A number that nothing has.
    const NONE: Self;
}

impl Number for User {
    const NONE: Self = Self(u32::MAX);
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Entry<T> {
    hash: ShortHash,
    number: T,
}

impl<T: Number> Entry<T> {
    /// No hash is greater.
    const VACANT: Self = Self { hash: ShortHash(u32::MAX), number: T::NONE };

    fn is_vacant(self) -> bool {
        self.number == T::NONE
    }
}

impl<T: Number> Default for Entry<T> {
    fn default() -> Self {
        Self::VACANT
    }
}

const SEGMENT: usize = if cfg!(feature = "shrunk") { 16 } else { per_segment(2_048) };

pub(crate) struct Index<T = User> {
    /// One for each home, and behind them those who have been pushed out of the last ones.
    entries: Segments<Entry<T>, SEGMENT>,
    /// The number of places that hashes stand for, from the boundary on.
    homes: usize,
    /// The number of places that hashes below the boundary stand for.
    homes_below: usize,
    /// Hashes from here on have moved to where they stand now that there are more homes. Zero if
    /// all have.
    boundary: u64,
    /// All entries with hashes below the boundary lie before this place.
    unmoved: usize,
    len: usize,
}

/// Fewer homes than this are not worth while.
const FEWEST: usize = 8;
/// Spare entries for overflow past the last home.
const BEHIND: usize = 32;
/// For each entry that is added, so many places are looked at for entries that have to move.
const AT_A_TIME: usize = 16;
/// And before that, so many places are added: a whole segment for as many entries as make one.
const ADDED_AT_A_TIME: usize = 64;

/// Returns the number of entries at which the table is full: three in four homes are taken.
const fn most(homes: usize) -> usize {
    homes - homes / 4
}

/// Returns the fewest homes that are enough: see [`most`].
const fn enough(entries: usize) -> usize {
    entries + entries / 3
}

impl<T: Number> Index<T> {
    pub(crate) const fn new() -> Self {
        let entries = Segments::new();
        Self { entries, homes: 0, homes_below: 0, boundary: 0, unmoved: 0, len: 0 }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Returns the number of places for which there is room.
    #[cfg(test)]
    pub(crate) const fn capacity(&self) -> usize {
        self.entries.capacity()
    }

    #[inline]
    const fn home(&self, hash: ShortHash) -> usize {
        let moved = hash.0 as u64 >= self.boundary;
        home_of(hash, if moved { self.homes } else { self.homes_below })
    }

    /// Fetches where a look-up of this hash begins.
    #[inline]
    pub(crate) fn fetch(&self, hash: ShortHash) {
        black_box(self.entries.get(self.home(hash)).is_some_and(|entry| entry.is_vacant()));
    }

    /// Returns the first with this hash that satisfies `is_so`.
    #[inline]
    pub(crate) fn find(&self, hash: ShortHash, mut is_so: impl FnMut(T) -> bool) -> Option<T> {
        let home = self.home(hash);
        let part = self.entries.part(home);
        match find_in(part, hash, &mut is_so) {
            Search::Over(found) => found,
            Search::GoesOn => self.find_from(home + part.len(), hash, is_so),
        }
    }

    /// Goes on in the segments that follow.
    #[cold]
    fn find_from(
        &self,
        mut at: usize,
        hash: ShortHash,
        mut is_so: impl FnMut(T) -> bool,
    ) -> Option<T> {
        loop {
            let part = self.entries.part(at);
            if part.is_empty() {
                return None;
            }
            match find_in(part, hash, &mut is_so) {
                Search::Over(found) => return found,
                Search::GoesOn => at += part.len(),
            }
        }
    }

    /// Adds a number that is not there yet.
    pub(crate) fn insert(&mut self, hash: ShortHash, number: T) {
        if self.is_moving() {
            self.move_some(AT_A_TIME);
        }
        if self.len >= most(self.homes) {
            self.grow();
        }
        let end = self.put(self.home(hash), Entry { hash, number });
        // What has been pushed on may have to move yet.
        if u64::from(hash.0) < self.boundary {
            self.unmoved = self.unmoved.max(end);
        }
        self.len += 1;
    }

    /// Puts an entry where the order wants it, from this place on, and pushes on those who stand
    /// there. Returns the end of what has changed.
    fn put(&mut self, home: usize, mut entry: Entry<T>) -> usize {
        let hash = entry.hash;
        let mut at = self.position(home, |other| other.is_vacant() || other.hash > hash);
        loop {
            if at >= self.entries.len() {
                // Not as much again: these are only those behind the last home.
                self.entries.extend_towards(at + BEHIND);
            }
            steps::count(1);
            entry = core::mem::replace(&mut self.entries[at], entry);
            at += 1;
            if entry.is_vacant() {
                return at;
            }
        }
    }

    /// Replaces a number that is there by another.
    pub(crate) fn replace(&mut self, hash: ShortHash, number: T, by: T) {
        let at = self.position(self.home(hash), |entry| entry.number == number);
        self.entries[at].number = by;
    }

    /// Removes a number that is there.
    pub(crate) fn remove(&mut self, hash: ShortHash, number: T) {
        let mut at = self.position(self.home(hash), |entry| entry.number == number);
        // All who follow without a gap and are not at home move up.
        while let Some(next) = self.entries.get(at + 1).copied()
            && !next.is_vacant()
            && self.home(next.hash) <= at
        {
            steps::count(1);
            self.entries[at] = next;
            at += 1;
        }
        self.entries[at] = Entry::VACANT;
        self.len -= 1;
    }

    /// Returns the first place from there on whose entry satisfies `is_so`, or the end.
    fn position(&self, from: usize, is_so: impl Fn(&Entry<T>) -> bool) -> usize {
        let mut at = from;
        loop {
            let part = self.entries.part(at);
            match part.iter().position(&is_so) {
                Some(place) => return at + place,
                None if part.is_empty() => return at,
                None => at += part.len(),
            }
        }
    }

    // ---- growing

    const fn is_moving(&self) -> bool {
        self.boundary > 0
    }

    /// Makes a table that is full larger, little by little.
    #[cold]
    fn grow(&mut self) {
        // Seldom: so few come in while it moves that it is done long before.
        self.move_some(usize::MAX);
        let homes = (self.homes + self.homes / 4).max(FEWEST);
        let every = SEGMENT.div_ceil(ADDED_AT_A_TIME);
        let wait = !self.len.is_multiple_of(every) && self.entries.capacity() >= SEGMENT;
        if !wait && self.entries.extend_towards(homes + BEHIND) {
            self.begin_to_move(homes);
        }
    }

    /// Begins to move entries to where they stand with so many homes, for which there are places.
    fn begin_to_move(&mut self, homes: usize) {
        self.homes_below = core::mem::replace(&mut self.homes, homes);
        self.boundary = 1 << 32;
        // Those behind the last home have been pushed out of it: there is no gap between them.
        self.unmoved = self.position(self.homes_below, |entry| entry.is_vacant());
    }

    /// Moves entries in so many places, the last first.
    fn move_some(&mut self, places: usize) {
        let end = self.unmoved.saturating_sub(places);
        while self.unmoved > end {
            self.unmoved -= 1;
            steps::count(1);
            let entry = self.entries[self.unmoved];
            if !entry.is_vacant() && u64::from(entry.hash.0) < self.boundary {
                self.move_all_of(entry.hash);
            }
        }
        if self.unmoved == 0 {
            self.boundary = 0;
        }
    }

    /// Moves the last entry that has not moved, and those who share its hash: they stand before
    /// it. Nobody who has moved relies on their places not being vacant, as each of them is at home
    /// behind those.
    fn move_all_of(&mut self, hash: ShortHash) {
        let home = home_of(hash, self.homes);
        let mut at = self.unmoved;
        loop {
            let entry = self.entries[at];
            if at < home {
                self.entries[at] = Entry::VACANT;
                self.put(home, entry);
            }
            let before = at.checked_sub(1).map(|at| (at, self.entries[at]));
            match before.filter(|(_, entry)| entry.hash == hash && !entry.is_vacant()) {
                Some((before, _)) => at = before,
                None => break,
            }
        }
        self.unmoved = at;
        self.boundary = hash.0.into();
    }

    /// Makes room for so many entries in all, at once.
    pub(crate) fn reserve(&mut self, entries: usize) {
        let homes = enough(entries) + 1;
        if homes > self.homes {
            self.move_some(usize::MAX);
            while !self.entries.extend_towards(homes + BEHIND) {}
            self.begin_to_move(homes);
            self.move_some(usize::MAX);
        }
    }

    // ---- and the contrary

    pub(crate) fn shrink_to_fit(&mut self) {
        self.move_some(usize::MAX);
        let homes = enough(self.len);
        if homes < self.homes {
            self.homes = homes;
            self.move_down();
        }
        self.entries.shrink_to_fit();
    }

    /// Moves all entries to where they stand now that there are fewer homes, the first first.
    fn move_down(&mut self) {
        let mut end = 0;
        for at in 0..self.entries.len() {
            let entry = core::mem::take(&mut self.entries[at]);
            if !entry.is_vacant() {
                let place = end.max(self.home(entry.hash));
                self.entries[place] = entry;
                end = place + 1;
            }
        }
        let behind = if self.homes > 0 { BEHIND } else { 0 };
        self.entries.truncate(end.max(self.homes + behind));
    }
}

/// What came of a search in a part of the table.
enum Search<T> {
    Over(Option<T>),
    GoesOn,
}

#[inline]
fn find_in<T: Number>(
    part: &[Entry<T>],
    hash: ShortHash,
    is_so: &mut impl FnMut(T) -> bool,
) -> Search<T> {
    for entry in part {
        if entry.hash < hash {
            continue;
        }
        if entry.hash > hash || entry.is_vacant() {
            return Search::Over(None);
        }
        if is_so(entry.number) {
            return Search::Over(Some(entry.number));
        }
    }
    Search::GoesOn
}

#[inline]
const fn home_of(hash: ShortHash, homes: usize) -> usize {
    ((hash.0 as u64 * homes as u64) >> 32) as usize
}

#[cfg(test)]
mod tests;
