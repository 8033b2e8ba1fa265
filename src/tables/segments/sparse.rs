//! Columns with holes: what a crowd needed is given back although a few are left of it.
//!
//! Places of the table are names that others know, so nobody can move together. Instead a segment
//! in which nothing is in use is given back where it lies, and made anew when a place in it is used
//! again. That takes no look at anything in it: which places are free is known elsewhere
//! ([`FreeList`](crate::tables::free_list::FreeList)).

use super::{Blank, Segment, Segments, segment_of};
use crate::tables::steps;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

/// A column that may have holes.
pub(crate) type Sparse<T, const N: usize> = Segments<T, N, Option<Box<[T; N]>>>;

impl<T, const N: usize> Segment<T, N> for Option<Box<[T; N]>> {
    fn new(entries: Box<[T; N]>) -> Self {
        Some(entries)
    }

    #[inline]
    fn entries(&self) -> Option<&[T; N]> {
        self.as_deref()
    }

    #[inline]
    fn entries_mut(&mut self) -> Option<&mut [T; N]> {
        self.as_deref_mut()
    }

    fn into_entries(self) -> Self {
        self
    }
}

impl<T, const N: usize> Sparse<T, N> {
    /// Returns all entries that are in no hole, with their places.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (usize, &T)> {
        let segments = (0..).step_by(N).zip(&self.segments);
        let places = segments.filter_map(|(first, segment)| Some((first.., segment.as_ref()?)));
        let in_segments = places.flat_map(|(places, segment)| places.zip(segment.iter()));
        let all = in_segments.chain((0..).zip(&self.small));
        all.take_while(|(at, _)| *at < self.len)
    }
}

impl<T: Blank, const N: usize> Sparse<T, N> {
    /// Sets an entry, in a hole as well: its segment is made anew.
    #[inline]
    pub(crate) fn set(&mut self, at: usize, value: T) {
        match self.get_mut(at) {
            Some(entry) => *entry = value,
            None => self.set_in_hole(at, value),
        }
    }

    #[cold]
    fn set_in_hole(&mut self, at: usize, value: T) {
        self.fill(at / N);
        self[at] = value;
    }

    fn fill(&mut self, nth: usize) {
        steps::count(N);
        self.segments[nth] = Some(segment_of(Vec::new()));
    }

    /// Makes room for so many entries in all, at once, and fills the holes before that.
    pub(crate) fn reserve_and_fill(&mut self, len: usize) {
        self.reserve(len);
        let places = len.min(self.segments.len() * N);
        for nth in 0..places.div_ceil(N) {
            if self.segments[nth].is_none() {
                self.fill(nth);
            }
        }
    }

    /// Cuts the column off there, and gives back those segments of which `may_go` says so. It is
    /// given their places and their entries.
    pub(crate) fn shrink_to(
        &mut self,
        len: usize,
        mut may_go: impl FnMut(Range<usize>, &[T; N]) -> bool,
    ) {
        self.truncate(len);
        // Entries are added to the last one.
        let last = self.len / N;
        for (nth, segment) in self.segments.iter_mut().enumerate().take(last) {
            let places = nth * N..(nth + 1) * N;
            segment.take_if(|entries| may_go(places, entries));
        }
        if !self.len.is_multiple_of(N) && self.segments.get(last).is_some_and(Option::is_none) {
            self.fill(last);
        }
        self.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Push(usize),
        Set(usize),
        Clear(usize, usize),
        Shrink(usize),
        Reserve(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            3 => (1_usize..20).prop_map(Step::Push),
            3 => any::<usize>().prop_map(Step::Set),
            4 => (any::<usize>(), 0_usize..40).prop_map(|(at, count)| Step::Clear(at, count)),
            2 => (0_usize..30).prop_map(Step::Shrink),
            1 => (0_usize..100).prop_map(Step::Reserve),
        ];
        proptest::collection::vec(step, 0..60)
    }

    fn filled(column: &Sparse<usize, 4>) -> usize {
        column.segments.iter().flatten().count()
    }

    proptest! {
        /// What is in use stays whatever else is given back, and can be anywhere again.
        #[test]
        fn holes_are_only_where_nothing_is(steps in steps()) {
            let (mut column, mut map) = (Sparse::<usize, 4>::new(), BTreeMap::new());
            let mut len = 0;
            for (value, step) in (1..).zip(steps) {
                match step {
                    Step::Push(count) => {
                        for at in len..len + count {
                            column.push(value);
                            map.insert(at, value);
                        }
                        len += count;
                    }
                    Step::Set(at) if len > 0 => {
                        column.set(at % len, value);
                        map.insert(at % len, value);
                    }
                    Step::Clear(at, count) if len > 0 => {
                        for at in at % len..(at % len + count).min(len) {
                            if map.remove(&at).is_some() {
                                column[at] = 0;
                            }
                        }
                    }
                    Step::Shrink(cut) => {
                        let used = map.last_key_value().map_or(0, |(last, _)| last + 1);
                        len = used.max(len.saturating_sub(cut));
                        column.shrink_to(len, |places, entries| {
                            let mut entries = places.clone().zip(entries);
                            assert!(entries.all(|(at, value)| map.get(&at).unwrap_or(&0) == value));
                            map.range(places).next().is_none()
                        });
                        let mut segments: Vec<usize> = map.keys().map(|at| at / 4).collect();
                        segments.extend((len % 4 > 0).then_some(len / 4));
                        segments.dedup();
                        prop_assert!(filled(&column) <= segments.len());
                    }
                    Step::Reserve(count) => {
                        column.reserve_and_fill(count);
                        prop_assert!((0..count.min(len)).all(|at| column.get(at).is_some()));
                    }
                    Step::Set(_) | Step::Clear(..) => {}
                }
                prop_assert_eq!(column.len(), len);
                let used = column.entries().filter(|(_, value)| **value > 0);
                prop_assert!(used.eq(map.iter().map(|(at, value)| (*at, value))));
                prop_assert!(map.iter().all(|(at, value)| column.get(*at) == Some(value)));
                prop_assert!((len..len + 9).all(|at| column.get(at).is_none_or(|v| *v == 0)));
            }
        }
    }

    #[test]
    fn few_who_stay_keep_only_their_segments() {
        let mut column = Sparse::<usize, 4>::new();
        (0..1_000).for_each(|at| column.push(at));
        column.shrink_to(1_000, |places, _| !places.contains(&10) && !places.contains(&999));
        assert_eq!((filled(&column), column[10], column[999]), (2, 10, 999));
        assert_eq!((column.get(500), column.len()), (None, 1_000));
        // What is made anew is blank, and a step for each entry.
        let made = steps::tests::of(|| column.set(500, 7));
        assert_eq!((made, column[500], column.get(501), column.get(504)), (4, 7, Some(&0), None));
        assert_eq!(steps::tests::of(|| column.set(501, 8)), 0);
        column.push(1_000);
        assert_eq!((column[1_000], filled(&column)), (1_000, 4));
    }
}
