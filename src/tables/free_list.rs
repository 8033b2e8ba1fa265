//! The places of a table that can be used again.

use crate::tables::segments::{Segments, per_segment};
use alloc::vec::Vec;

pub(crate) struct FreeList(Segments<u32, { per_segment(2_048) }>);

impl FreeList {
    pub(crate) const fn new() -> Self {
        Self(Segments::new())
    }

    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn push(&mut self, place: u32) {
        self.0.push(place);
    }

    /// Takes out the place that was freed last.
    pub(crate) fn pop(&mut self) -> Option<u32> {
        self.0.pop()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().map(|place| *place as usize)
    }

    /// Cuts off the last places of a table that ends there: those that are free and of which
    /// `may_go` says so. Returns where it ends now.
    ///
    /// Of those that are left the lowest are used first from now on, so that more can be cut off
    /// another time.
    pub(crate) fn cut_off(&mut self, mut end: usize, may_go: impl Fn(usize) -> bool) -> usize {
        let mut free: Vec<u32> = self.0.iter().copied().collect();
        free.sort_unstable();
        while let Some(last) = free.last().map(|last| *last as usize)
            && last + 1 == end
            && may_go(last)
        {
            free.pop();
            end = last;
        }
        self.0.truncate(0);
        free.into_iter().rev().for_each(|place| self.0.push(place));
        self.0.shrink_to_fit();
        end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(places: &[u32]) -> FreeList {
        let mut free = FreeList::new();
        places.iter().for_each(|place| free.push(*place));
        free
    }

    fn pop_all(mut free: FreeList) -> Vec<u32> {
        core::iter::from_fn(|| free.pop()).collect()
    }

    #[test]
    fn the_last_places_are_cut_off_and_the_lowest_used_first() {
        let mut free = list(&[7, 2, 9, 0, 8, 5]);
        assert_eq!(free.cut_off(10, |_| true), 7);
        assert_eq!(pop_all(free), [0, 2, 5]);
        let mut free = list(&[7, 2, 9, 0, 8, 5]);
        assert_eq!(free.cut_off(10, |place| place > 7), 8);
        assert_eq!(pop_all(free), [0, 2, 5, 7]);
        let mut free = list(&[2, 0, 1]);
        assert_eq!((free.cut_off(4, |_| true), free.len()), (4, 3), "the last is in use");
        assert_eq!((free.cut_off(3, |_| true), free.len()), (0, 0));
        assert_eq!(free.cut_off(0, |_| true), 0);
    }
}
