//! A column that grows in segments, which never move: no call copies a table because it is full.
//!
//! An entry is found in two accesses, its segment's and its own. A segment has a fixed number of
//! entries, a power of two, so the compiler sees that the place in it is in range, and there is
//! nothing to compare but the number of the segment. What such a table of segments takes itself
//! is eight bytes for each thousand entries or so, and stays in the caches.
//!
//! While a segment is too much, the column is one list that grows as lists do. So what is small
//! stays small, and no more is ever copied than one segment has.
//!
//! A column may have holes: segments that were given back because nothing in them is in use
//! ([`sparse`]).

pub(crate) mod sparse;

use crate::key::Slot;
use crate::tables::ids::User;
use crate::tables::steps;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::{Index, IndexMut};

/// Returns how many entries a segment has: some tens of kilobytes of them, so that it is made
/// quickly. A power of two.
pub(crate) const fn per_segment(entries: usize) -> usize {
    if cfg!(feature = "shrunk") { 4 } else { entries }
}

/// A growable column in segments of `N` entries. Entries that are not in use are blank: their
/// type's [`Blank`]. How a segment is owned says whether there may be holes.
pub(crate) struct Segments<T, const N: usize, S = Box<[T; N]>> {
    segments: Vec<S>,
    /// The whole column, as long as there are no segments.
    small: Vec<T>,
    len: usize,
}

/// What lies in entries that are not in use.
pub(crate) trait Blank {
    fn blank() -> Self;
}

impl<T: Default> Blank for T {
    fn blank() -> Self {
        Self::default()
    }
}

impl Blank for User {
    fn blank() -> Self {
        Self(u32::MAX)
    }
}

/// Slots are given out by the engine alone, so they have no default for others.
impl Blank for Slot {
    fn blank() -> Self {
        Self::near(0, 0)
    }
}

/// How a segment is owned.
pub(crate) trait Segment<T, const N: usize>: Sized {
    fn new(entries: Box<[T; N]>) -> Self;
    /// Returns the entries, if this is not a hole.
    fn entries(&self) -> Option<&[T; N]>;
    fn entries_mut(&mut self) -> Option<&mut [T; N]>;
    fn into_entries(self) -> Option<Box<[T; N]>>;
}

/// Never a hole, and nothing to ask: this is how columns are kept that are always dense.
impl<T, const N: usize> Segment<T, N> for Box<[T; N]> {
    fn new(entries: Self) -> Self {
        entries
    }

    #[inline]
    fn entries(&self) -> Option<&[T; N]> {
        Some(self)
    }

    #[inline]
    fn entries_mut(&mut self) -> Option<&mut [T; N]> {
        Some(self)
    }

    fn into_entries(self) -> Option<Self> {
        Some(self)
    }
}

/// The first list has room for so many.
const FEWEST: usize = 4;
/// With so many segments one more does not matter.
const LARGE: usize = 8;

impl<T, const N: usize, S: Segment<T, N>> Segments<T, N, S> {
    const SHIFT: u32 = {
        assert!(N.is_power_of_two());
        N.trailing_zeros()
    };

    /// So far into a segment the next one is made. Columns of other things do so elsewhere: they
    /// grow together, and one call should not make a segment of each.
    const AHEAD: usize = 97 * size_of::<T>() % N;

    pub(crate) const fn new() -> Self {
        Self { segments: Vec::new(), small: Vec::new(), len: 0 }
    }

    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Returns the number of entries for which there is room.
    pub(crate) const fn capacity(&self) -> usize {
        match self.segments.len() {
            // No more than a segment takes, whatever the allocator gives.
            0 if self.small.capacity() > N => N,
            0 => self.small.capacity(),
            segments => segments * N,
        }
    }

    /// Returns the entry at this place, `None` in a hole. From the end of the column on it may be
    /// a blank.
    #[inline]
    pub(crate) fn get(&self, at: usize) -> Option<&T> {
        match self.segments.get(at >> Self::SHIFT) {
            Some(segment) => segment.entries().map(|entries| &entries[at % N]),
            None => self.small.get(at),
        }
    }

    /// Returns the entry at this place, to change it, likewise.
    #[inline]
    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        match self.segments.get_mut(at >> Self::SHIFT) {
            Some(segment) => segment.entries_mut().map(|entries| &mut entries[at % N]),
            None => self.small.get_mut(at),
        }
    }
}

impl<T, const N: usize> Segments<T, N> {
    /// Returns the entries from this place to the end of its segment, blanks from the end of the
    /// column on. Empty if there is no such segment.
    #[inline]
    pub(crate) fn part(&self, from: usize) -> &[T] {
        match self.segments.get(from >> Self::SHIFT) {
            Some(segment) => &segment[from % N..],
            None => self.small.get(from..).unwrap_or(&[]),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        let in_segments = self.segments.iter().flat_map(|segment| segment.iter());
        in_segments.chain(&self.small).take(self.len)
    }
}

impl<T: Blank, const N: usize, S: Segment<T, N>> Segments<T, N, S> {
    // ---- growing

    #[inline]
    pub(crate) fn push(&mut self, value: T) {
        match self.segments.get_mut(self.len >> Self::SHIFT) {
            // Where entries are added there is no hole.
            Some(segment) => {
                let entries = segment.entries_mut().unwrap_or_else(|| not_there());
                entries[self.len % N] = value;
            }
            None if self.small.len() < self.small.capacity() => self.small.push(value),
            None => self.push_into_more(value),
        }
        self.len += 1;
        if self.len % N == Self::AHEAD {
            self.look_ahead();
        }
    }

    #[cold]
    fn look_ahead(&mut self) {
        if self.segments.len() >= LARGE && self.capacity() - self.len < N {
            self.add_segment();
        }
    }

    /// Puts an entry behind the last one where there is no segment for it yet.
    #[inline(never)]
    fn push_into_more(&mut self, value: T) {
        if self.segments.is_empty() && self.len < N {
            steps::count(self.len);
            // Exactly: of as many as a segment has, one is made without copying them.
            self.small.reserve_exact(self.len.max(FEWEST).min(N - self.len));
            self.small.push(value);
        } else {
            self.add_segment();
            let at = self.len;
            self[at] = value;
        }
    }

    #[cold]
    fn add_segment(&mut self) {
        if self.segments.is_empty() {
            self.become_segment();
        }
        if self.segments.len() == self.segments.capacity() {
            steps::count(self.segments.len());
        }
        steps::count(N);
        self.segments.push(S::new(segment_of(Vec::new())));
    }

    /// Makes the list the first segment.
    fn become_segment(&mut self) {
        steps::count(N - self.small.len());
        self.segments.push(S::new(segment_of(core::mem::take(&mut self.small))));
    }

    /// Makes room for so many entries in all, at once, but does not fill holes.
    pub(crate) fn reserve(&mut self, len: usize) {
        if self.segments.is_empty() && len <= N {
            self.small.reserve_exact(len.saturating_sub(self.small.len()));
            return;
        }
        // And the one that is made ahead.
        while self.capacity() < len + N {
            self.add_segment();
        }
    }

    // ---- and the contrary

    pub(crate) fn pop(&mut self) -> Option<T> {
        self.len = self.len.checked_sub(1)?;
        match self.segments.get_mut(self.len >> Self::SHIFT) {
            Some(segment) => {
                let entry = segment.entries_mut().map(|entries| &mut entries[self.len % N]);
                Some(entry.map_or_else(T::blank, |entry| core::mem::replace(entry, T::blank())))
            }
            None => self.small.pop(),
        }
    }

    /// Blanks all entries from this place on.
    pub(crate) fn truncate(&mut self, len: usize) {
        while self.len > len {
            self.pop();
        }
    }

    /// Gives back what is not needed for the entries that there are.
    pub(crate) fn shrink_to_fit(&mut self) {
        // Not as soon as it would fit, so that it does not come and go at the border.
        if self.len <= N / 2 && !self.segments.is_empty() {
            let first = self.segments.swap_remove(0).into_entries();
            self.small = first.map_or_else(Vec::new, |first| Vec::from(first as Box<[T]>));
            self.small.truncate(self.len);
            self.segments.clear();
        }
        self.segments.truncate(self.len.div_ceil(N));
        self.segments.shrink_to_fit();
        self.small.shrink_to_fit();
    }
}

impl<T: Blank, const N: usize> Segments<T, N> {
    /// Adds blanks until there are so many entries, but no more than a segment at a time. Returns
    /// whether there are.
    pub(crate) fn extend_towards(&mut self, len: usize) -> bool {
        if self.segments.is_empty() && len <= N {
            if len > self.small.len() {
                steps::count(len);
                self.small.reserve_exact(len - self.small.len());
                self.small.resize_with(len, T::blank);
            }
        } else if self.capacity() < len {
            self.add_segment();
        }
        self.len = self.len.max(self.capacity().min(len));
        self.len >= len
    }
}

impl<T, const N: usize, S: Segment<T, N>> Default for Segments<T, N, S> {
    fn default() -> Self {
        Self::new()
    }
}

#[cold]
#[inline(never)]
fn not_there() -> ! {
    panic!("what is in use lies in the table, and in no hole")
}

/// Returns a segment that begins with these and is blank from there on.
fn segment_of<T: Blank, const N: usize>(mut entries: Vec<T>) -> Box<[T; N]> {
    entries.reserve_exact(N - entries.len());
    entries.resize_with(N, T::blank);
    let segment = entries.into_boxed_slice().try_into();
    segment.unwrap_or_else(|_| unreachable!("there are just so many"))
}

impl<T, const N: usize, S: Segment<T, N>> Index<usize> for Segments<T, N, S> {
    type Output = T;

    #[inline]
    fn index(&self, at: usize) -> &T {
        match self.segments.get(at >> Self::SHIFT) {
            Some(segment) => &segment.entries().unwrap_or_else(|| not_there())[at % N],
            None => self.small.get(at).unwrap_or_else(|| not_there()),
        }
    }
}

impl<T, const N: usize, S: Segment<T, N>> IndexMut<usize> for Segments<T, N, S> {
    #[inline]
    fn index_mut(&mut self, at: usize) -> &mut T {
        match self.segments.get_mut(at >> Self::SHIFT) {
            Some(segment) => &mut segment.entries_mut().unwrap_or_else(|| not_there())[at % N],
            None => self.small.get_mut(at).unwrap_or_else(|| not_there()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Push(u32),
        Pop,
        Set(usize, u32),
        Truncate(usize),
        Extend(usize),
        Reserve(usize),
        Shrink,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            8 => (1_u32..9).prop_map(Step::Push),
            3 => Just(Step::Pop),
            2 => (0_usize..40, 1_u32..9).prop_map(|(at, value)| Step::Set(at, value)),
            1 => (0_usize..40).prop_map(Step::Truncate),
            1 => (0_usize..40).prop_map(Step::Extend),
            1 => (0_usize..40).prop_map(Step::Reserve),
            1 => Just(Step::Shrink),
        ];
        proptest::collection::vec(step, 0..60)
    }

    fn check(column: &Segments<u32, 8>, list: &[u32]) {
        assert_eq!(column.len(), list.len());
        assert!(column.iter().eq(list));
        for (at, value) in list.iter().enumerate() {
            assert_eq!((column[at], column.get(at)), (*value, Some(value)));
            let part = column.part(at);
            assert!(!part.is_empty() && part.iter().zip(&list[at..]).all(|(a, b)| a == b));
        }
        // Whatever lies behind the end is blank.
        assert!((list.len()..80).all(|at| column.get(at).is_none_or(|value| *value == 0)));
    }

    proptest! {
        #[test]
        fn does_as_a_list_does(steps in steps()) {
            let (mut column, mut list) = (Segments::<u32, 8>::new(), Vec::new());
            for step in steps {
                match step {
                    Step::Push(value) => {
                        column.push(value);
                        list.push(value);
                    }
                    Step::Pop => prop_assert_eq!(column.pop(), list.pop()),
                    Step::Set(at, value) => {
                        if at < list.len() {
                            list[at] = value;
                            column[at] = value;
                            prop_assert_eq!(column.get_mut(at), Some(&mut list[at]));
                        }
                    }
                    Step::Truncate(len) => {
                        column.truncate(len);
                        list.truncate(len);
                    }
                    Step::Extend(len) => {
                        while !column.extend_towards(len) {}
                        list.resize(list.len().max(len), 0);
                    }
                    Step::Reserve(len) => {
                        column.reserve(len);
                        prop_assert!(column.capacity() >= len);
                    }
                    Step::Shrink => {
                        column.shrink_to_fit();
                        prop_assert!(column.capacity() < list.len() + 8);
                    }
                }
                check(&column, &list);
            }
            column.truncate(0);
            column.shrink_to_fit();
            prop_assert_eq!((column.capacity(), column.segments.capacity()), (0, 0));
        }
    }

    #[test]
    fn entries_do_not_move_once_there_are_segments() {
        let mut column = Segments::<u32, 8>::new();
        (0..8).for_each(|value| column.push(value));
        column.push(8);
        let first: *const u32 = &column[0];
        (9..1_000).for_each(|value| column.push(value));
        assert_eq!(first, &raw const column[0]);
        assert!((0..1_000).all(|at| column[at] == at as u32));
    }

    #[test]
    fn a_push_takes_no_more_steps_than_a_segment_has() {
        let mut column = Segments::<u32, 8>::new();
        let most = (0..64).map(|value| steps::tests::of(|| column.push(value))).max();
        assert_eq!(most, Some(8 + 8), "a segment, and a table of eight segments");
    }

    #[test]
    fn what_is_dropped_is_dropped_at_once() {
        let (mut column, one) = (Segments::<_, 8>::new(), alloc::rc::Rc::new(1));
        (0..20).for_each(|_| column.push(Some(one.clone())));
        column.truncate(3);
        assert_eq!(alloc::rc::Rc::strong_count(&one), 4);
        drop(column);
        assert_eq!(alloc::rc::Rc::strong_count(&one), 1);
    }

    #[test]
    fn what_is_small_is_no_segment() {
        let mut column = Segments::<u32, 1_024>::new();
        for len in 1..=1_024 {
            column.push(0);
            assert!(column.capacity() <= (2 * len).max(FEWEST), "{len}");
        }
    }
}
