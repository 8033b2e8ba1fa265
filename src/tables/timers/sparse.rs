//! A column of which only those segments are there in which something is needed.

use crate::tables::segments::per_segment;
use crate::tables::steps;
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

const LENGTH: usize = per_segment(256);

/// Entries by their place. None ever moves, and no call copies them all.
pub(in crate::tables) struct Sparse<T> {
    segments: Vec<Option<Box<[T; LENGTH]>>>,
}

impl<T: Clone> Sparse<T> {
    pub(in crate::tables) const fn new() -> Self {
        Self { segments: Vec::new() }
    }

    /// Returns an entry, if there is room for it.
    pub(in crate::tables) fn get(&self, index: usize) -> Option<&T> {
        let segment = self.segments.get(index / LENGTH)?.as_ref()?;
        Some(&segment[index % LENGTH])
    }

    /// Returns an entry for which there is room.
    pub(in crate::tables) fn at(&self, index: usize) -> &T {
        self.get(index).expect("room was made for it")
    }

    /// Returns an entry for which there is room, to be changed.
    pub(in crate::tables) fn at_mut(&mut self, index: usize) -> &mut T {
        let segment = self.segments[index / LENGTH].as_mut().expect("room was made for it");
        &mut segment[index % LENGTH]
    }

    /// Returns an entry to be changed, for which room is made. Those that are new are copies of
    /// `filler`.
    #[inline]
    pub(in crate::tables) fn entry(&mut self, index: usize, filler: &T) -> &mut T {
        self.make_room(index, filler);
        self.at_mut(index)
    }

    /// Makes room for an entry. Those that are new are copies of `filler`.
    pub(in crate::tables) fn make_room(&mut self, index: usize, filler: &T) {
        if self.get(index).is_none() {
            self.add_segment(index / LENGTH, filler);
        }
    }

    #[cold]
    fn add_segment(&mut self, nth: usize, filler: &T) {
        if self.segments.len() <= nth {
            self.segments.resize(nth + 1, None);
        }
        steps::count(LENGTH);
        let segment = vec![filler.clone(); LENGTH].into_boxed_slice();
        self.segments[nth] = segment.try_into().ok();
    }

    /// Makes room for so many entries from the first on.
    pub(in crate::tables) fn reserve(&mut self, count: usize, filler: &T) {
        (0..count).step_by(LENGTH).for_each(|index| self.make_room(index, filler));
    }

    /// Gives back the memory of all segments in which no entry is needed.
    pub(in crate::tables) fn shrink_to(&mut self, is_needed: impl Fn(usize, &T) -> bool) {
        for (nth, segment) in self.segments.iter_mut().enumerate() {
            let entries = segment.iter().flat_map(|segment| segment.iter());
            if !(nth * LENGTH..).zip(entries).any(|(index, entry)| is_needed(index, entry)) {
                *segment = None;
            }
        }
        let last = self.segments.iter().rposition(Option::is_some);
        self.segments.truncate(last.map_or(0, |last| last + 1));
        self.segments.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_needed_is_given_back_and_the_rest_stays_where_it_is() {
        let mut entries = Sparse::new();
        for index in 0..LENGTH * 4 {
            entries.make_room(index, &0);
            *entries.at_mut(index) = index;
        }
        let place: *const usize = entries.at(LENGTH * 2);
        entries.make_room(LENGTH * 1_000, &0);
        assert_eq!(entries.get(LENGTH * 999), None);
        entries.shrink_to(|index, _| index == LENGTH * 2 + 1);
        assert!(core::ptr::eq(place, entries.at(LENGTH * 2)));
        assert_eq!(entries.at(LENGTH * 2 + 1), &(LENGTH * 2 + 1));
        assert_eq!((entries.get(0), entries.get(LENGTH * 1_000)), (None, None));
        assert_eq!(entries.segments.len(), 3);
        // What was given back is there again when it is needed.
        entries.make_room(LENGTH - 1, &7);
        assert_eq!((entries.at(0), entries.at(LENGTH - 1)), (&7, &7));
    }
}
