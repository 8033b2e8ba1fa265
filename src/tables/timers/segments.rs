//! A sequence that grows in segments: what is in it never moves, and no call copies it all.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

const BITS: u32 = if cfg!(feature = "shrunk") { 2 } else { 8 };
const LENGTH: usize = 1 << BITS;

/// Items by their index. Where none is needed, the segment is absent.
pub(super) struct Segments<T> {
    segments: Vec<Option<Box<[T; LENGTH]>>>,
}

impl<T: Clone> Segments<T> {
    pub(super) const fn new() -> Self {
        Self { segments: Vec::new() }
    }

    /// Returns an item, if there is room for it.
    pub(super) fn get(&self, index: usize) -> Option<&T> {
        let segment = self.segments.get(index >> BITS)?.as_ref()?;
        Some(&segment[index % LENGTH])
    }

    /// Returns an item for which there is room.
    pub(super) fn at(&self, index: usize) -> &T {
        self.get(index).expect("room was made for it")
    }

    /// Returns an item for which there is room, to be changed.
    pub(super) fn at_mut(&mut self, index: usize) -> &mut T {
        let segment = self.segments[index >> BITS].as_mut().expect("room was made for it");
        &mut segment[index % LENGTH]
    }

    /// Makes room for an item. Those that are new are copies of `filler`.
    pub(super) fn make_room(&mut self, index: usize, filler: &T) {
        if self.get(index).is_none() {
            self.add_segment(index >> BITS, filler);
        }
    }

    #[cold]
    fn add_segment(&mut self, nth: usize, filler: &T) {
        if self.segments.len() <= nth {
            self.segments.resize(nth + 1, None);
        }
        let segment = vec![filler.clone(); LENGTH].into_boxed_slice();
        self.segments[nth] = segment.try_into().ok();
    }

    /// Gives back the memory of all segments in which no item is needed.
    pub(super) fn shrink_to(&mut self, is_needed: impl Fn(usize, &T) -> bool) {
        for (nth, segment) in self.segments.iter_mut().enumerate() {
            let items = segment.iter().flat_map(|segment| segment.iter());
            if !(nth * LENGTH..).zip(items).any(|(index, item)| is_needed(index, item)) {
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
        let mut items = Segments::new();
        for index in 0..LENGTH * 4 {
            items.make_room(index, &0);
            *items.at_mut(index) = index;
        }
        let place: *const usize = items.at(LENGTH * 2);
        items.make_room(LENGTH * 1_000, &0);
        assert_eq!(items.get(LENGTH * 999), None);
        items.shrink_to(|index, _| index == LENGTH * 2 + 1);
        assert!(core::ptr::eq(place, items.at(LENGTH * 2)));
        assert_eq!(items.at(LENGTH * 2 + 1), &(LENGTH * 2 + 1));
        assert_eq!((items.get(0), items.get(LENGTH * 1_000)), (None, None));
        assert_eq!(items.segments.len(), 3);
        // What was given back is there again when it is needed.
        items.make_room(LENGTH - 1, &7);
        assert_eq!((items.at(0), items.at(LENGTH - 1)), (&7, &7));
    }
}
