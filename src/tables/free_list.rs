//! The places of a table that can be used again.
//!
//! Those that were freed since the table last shrank lie on a stack. All others lie in runs, of
//! which there are no more than places in use and one: so what is kept of the places of a crowd
//! that has left is little, and nothing of it lies in the table itself.

use crate::tables::segments::{Segments, per_segment};
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

#[derive(Default)]
pub(crate) struct FreeList {
    stack: Segments<u32, { per_segment(2_048) }>,
    /// Used when there is nothing on the stack, the lowest place first. The lowest run is the last,
    /// and none is empty.
    runs: Vec<Range<u32>>,
    /// The number of places in runs.
    in_runs: usize,
}

impl FreeList {
    pub(crate) const fn new() -> Self {
        Self { stack: Segments::new(), runs: Vec::new(), in_runs: 0 }
    }

    pub(crate) const fn len(&self) -> usize {
        self.stack.len() + self.in_runs
    }

    pub(crate) fn push(&mut self, place: u32) {
        self.stack.push(place);
    }

    /// Takes out the place that was freed last since the table shrank or, if there is none, the
    /// lowest.
    pub(crate) fn pop(&mut self) -> Option<u32> {
        self.stack.pop().or_else(|| self.pop_lowest())
    }

    fn pop_lowest(&mut self) -> Option<u32> {
        let run = self.runs.last_mut()?;
        let place = run.next();
        if run.start == run.end {
            self.runs.pop();
        }
        self.in_runs -= 1;
        place
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> {
        let runs = self.runs.iter().cloned().flatten();
        self.stack.iter().copied().chain(runs).map(|place| place as usize)
    }

    /// Cuts off the last places of a table that ends there: those that are free and of which
    /// `may_go` says so. Returns where it ends now.
    ///
    /// Of those that are left the lowest are used first from now on, so that the table becomes
    /// dense again and more can be cut off another time.
    pub(crate) fn cut_off(&mut self, mut end: usize, may_go: impl Fn(usize) -> bool) -> usize {
        let mut free: Vec<u32> = core::mem::take(&mut self.stack).iter().copied().collect();
        free.extend(core::mem::take(&mut self.runs).into_iter().flatten());
        free.sort_unstable();
        while let Some(last) = free.last().map(|last| *last as usize)
            && last + 1 == end
            && may_go(last)
        {
            free.pop();
            end = last;
        }
        self.in_runs = free.len();
        let runs = free.chunk_by(|place, next| place + 1 == *next);
        self.runs = runs.rev().map(|run| run[0]..run[0] + run.len() as u32).collect();
        self.runs.shrink_to_fit();
        end
    }

    /// Returns whether all these places are free, just after [`cut_off`](Self::cut_off).
    pub(crate) fn has_all(&self, places: &Range<usize>) -> bool {
        debug_assert!(self.stack.len() == 0 && !places.is_empty());
        // The first that begins so early.
        let at = self.runs.partition_point(|run| run.start as usize > places.start);
        self.runs.get(at).is_some_and(|run| places.end <= run.end as usize)
    }

    /// Returns the number of places before `end` that are neither free nor in use; `None` if one is
    /// both, or either twice, or lies behind. Here `used` names those in use.
    pub(crate) fn neither(&self, end: usize, used: impl Iterator<Item = usize>) -> Option<usize> {
        let (mut seen, mut left) = (vec![false; end], end);
        for place in self.iter().chain(used) {
            let is_seen = seen.get_mut(place)?;
            if core::mem::replace(is_seen, true) {
                return None;
            }
            left -= 1;
        }
        (self.iter().count() == self.len()).then_some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use proptest::prelude::*;

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

    #[test]
    fn what_is_free_in_a_row_is_kept_as_one() {
        let mut free = list(&[4, 3, 9, 1, 0, 5]);
        assert_eq!((free.cut_off(11, |_| true), free.runs.len()), (11, 3));
        let has_all = |first, end| free.has_all(&(first..end));
        assert!(has_all(0, 2) && has_all(3, 6) && has_all(4, 5) && has_all(9, 10));
        assert!(!has_all(0, 3) && !has_all(2, 4) && !has_all(5, 7) && !has_all(10, 11));
        // What is freed after that comes first.
        assert_eq!((free.pop(), free.pop(), free.pop()), (Some(0), Some(1), Some(3)));
        free.push(1);
        assert_eq!((free.len(), pop_all(free)), (4, vec![1, 4, 5, 9]));
    }

    #[test]
    fn a_wrong_list_is_seen() {
        let neither = |free: &FreeList, end| free.neither(end, [1, 3].into_iter());
        assert_eq!(neither(&list(&[4, 0, 2]), 5), Some(0));
        assert_eq!(neither(&list(&[4, 2]), 6), Some(2));
        assert_eq!(neither(&list(&[4, 0, 2]), 4), None, "behind the end");
        assert_eq!(neither(&list(&[4, 0, 4]), 5), None, "twice");
        assert_eq!(neither(&list(&[4, 1]), 5), None, "in use");
        let mut free = list(&[0]);
        free.cut_off(2, |_| true);
        free.push(0);
        assert_eq!(neither(&free, 4), None, "twice, once in a run");
        free.pop();
        free.in_runs += 1;
        assert_eq!(neither(&free, 4), None, "miscounted");
    }

    proptest! {
        /// Whatever is freed and used, no place is given out that is in use, and none is lost.
        #[test]
        fn does_as_a_set_does(
            steps in proptest::collection::vec((0_u8..8, any::<usize>()), 0..80),
        ) {
            let (mut free, mut used, mut end) = (FreeList::new(), BTreeSet::new(), 0);
            for (step, at) in steps {
                match step {
                    0..4 => for _ in 0..at % 8 {
                        let place = free.pop().map_or(end, |place| place as usize);
                        end = end.max(place + 1);
                        prop_assert!(used.insert(place), "{place} is in use");
                    },
                    4..7 if !used.is_empty() => {
                        let place = *used.iter().nth(at % used.len()).expect("so many are there");
                        used.remove(&place);
                        free.push(place as u32);
                    }
                    7 => {
                        end = free.cut_off(end, |_| true);
                        prop_assert_eq!(end, used.last().map_or(0, |last| last + 1));
                        prop_assert!(free.runs.len() <= used.len());
                    }
                    _ => {}
                }
                prop_assert_eq!(free.len() + used.len(), end);
                prop_assert_eq!(free.neither(end, used.iter().copied()), Some(0));
            }
        }
    }
}
