//! A list of which there are many: most of them short, some very long.
//!
//! While it is short it is one piece, which grows a little at a time, so that hardly any of it is
//! room that nobody needs. A long one lies in segments, which never move.

use crate::tables::segments::{Blank, Segments};
use crate::tables::steps;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::{Index, IndexMut};

/// A list is short with so many entries at most.
const SHORT: usize = if cfg!(feature = "shrunk") { 3 } else { 256 };

/// It grows by so many, or by one in eight.
const FEWEST: usize = 4;

/// Beside a long one its owner may keep something more.
pub(crate) enum List<T, const N: usize, B = ()> {
    Short(Vec<T>),
    Long(Box<(Segments<T, N>, B)>),
}

impl<T, const N: usize, B> Default for List<T, N, B> {
    fn default() -> Self {
        Self::Short(Vec::new())
    }
}

impl<T, const N: usize, B> List<T, N, B> {
    pub(crate) const fn len(&self) -> usize {
        match self {
            Self::Short(entries) => entries.len(),
            Self::Long(long) => long.0.len(),
        }
    }

    /// Returns the number of entries for which there is room.
    pub(crate) const fn capacity(&self) -> usize {
        match self {
            Self::Short(entries) => entries.capacity(),
            Self::Long(long) => long.0.capacity(),
        }
    }

    /// Returns the entries from this place on: as many as lie together.
    #[inline]
    pub(crate) fn part(&self, from: usize) -> &[T] {
        match self {
            Self::Short(entries) => entries.get(from..).unwrap_or(&[]),
            Self::Long(long) => {
                let part = long.0.part(from);
                &part[..part.len().min(long.0.len().saturating_sub(from))]
            }
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        let (short, long) = match self {
            Self::Short(entries) => (Some(entries), None),
            Self::Long(long) => (None, Some(&long.0)),
        };
        short.into_iter().flatten().chain(long.into_iter().flat_map(|entries| entries.iter()))
    }

    /// Returns what is kept beside the list, if it is a long one.
    pub(crate) fn beside(&self) -> Option<&B> {
        match self {
            Self::Short(_) => None,
            Self::Long(long) => Some(&long.1),
        }
    }

    pub(crate) fn beside_mut(&mut self) -> Option<&mut B> {
        match self {
            Self::Short(_) => None,
            Self::Long(long) => Some(&mut long.1),
        }
    }
}

impl<T: Blank, const N: usize, B: Default> List<T, N, B> {
    #[inline]
    pub(crate) fn push(&mut self, value: T) {
        match self {
            Self::Short(entries) if entries.len() < entries.capacity() => entries.push(value),
            Self::Short(_) => self.push_into_more(value),
            Self::Long(long) => long.0.push(value),
        }
    }

    #[inline(never)]
    fn push_into_more(&mut self, value: T) {
        if let Self::Short(entries) = self {
            let len = entries.len();
            steps::count(len);
            if len < SHORT {
                entries.reserve_exact((len / 8).max(FEWEST).min(SHORT - len));
            } else {
                let mut long = Box::new((Segments::new(), B::default()));
                entries.drain(..).for_each(|entry| long.0.push(entry));
                *self = Self::Long(long);
            }
        }
        match self {
            Self::Short(entries) => entries.push(value),
            Self::Long(long) => long.0.push(value),
        }
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        match self {
            Self::Short(entries) => entries.pop(),
            Self::Long(long) => long.0.pop(),
        }
    }

    pub(crate) fn truncate(&mut self, len: usize) {
        match self {
            Self::Short(entries) => entries.truncate(len),
            Self::Long(long) => long.0.truncate(len),
        }
    }

    /// Gives back what is not needed for the entries that there are.
    pub(crate) fn shrink_to_fit(&mut self) {
        match self {
            Self::Short(entries) => entries.shrink_to_fit(),
            // Not as soon as it would fit, so that it does not come and go at the border.
            Self::Long(long) if long.0.len() <= SHORT / 2 => {
                let mut short = Vec::with_capacity(long.0.len());
                while let Some(entry) = long.0.pop() {
                    short.push(entry);
                }
                short.reverse();
                *self = Self::Short(short);
            }
            Self::Long(long) => long.0.shrink_to_fit(),
        }
    }
}

impl<T, const N: usize, B> Index<usize> for List<T, N, B> {
    type Output = T;

    #[inline]
    fn index(&self, at: usize) -> &T {
        match self {
            Self::Short(entries) => &entries[at],
            Self::Long(long) => &long.0[at],
        }
    }
}

impl<T, const N: usize, B> IndexMut<usize> for List<T, N, B> {
    #[inline]
    fn index_mut(&mut self, at: usize) -> &mut T {
        match self {
            Self::Short(entries) => &mut entries[at],
            Self::Long(long) => &mut long.0[at],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(list: &List<u32, 256>, model: &[u32]) {
        assert_eq!(list.len(), model.len());
        assert!(list.iter().eq(model));
        let mut parts = Vec::new();
        while parts.len() < list.len() {
            let part = list.part(parts.len());
            assert!(!part.is_empty());
            parts.extend_from_slice(part);
        }
        assert_eq!(parts, model);
        assert!(list.part(list.len()).is_empty() && list.part(list.len() + 9).is_empty());
        assert!(model.iter().enumerate().all(|(at, value)| list[at] == *value));
    }

    proptest! {
        #[test]
        fn does_as_a_vector_does(
            steps in proptest::collection::vec((0_u8..10, 0_usize..600), 0..12),
        ) {
            let (mut list, mut model) = (List::<u32, 256>::default(), Vec::new());
            for (step, number) in steps {
                match step {
                    0..5 => for value in 0..number as u32 {
                        list.push(value);
                        model.push(value);
                    },
                    5 | 6 => for _ in 0..number {
                        prop_assert_eq!(list.pop(), model.pop());
                    },
                    7 => {
                        list.truncate(number);
                        model.truncate(number);
                    }
                    8 if number < model.len() => {
                        list[number] = 7;
                        model[number] = 7;
                    }
                    _ => list.shrink_to_fit(),
                }
                check(&list, &model);
            }
        }
    }

    #[test]
    fn little_of_it_is_room_that_nobody_needs() {
        let mut list = List::<u32, 256>::default();
        for len in 1..=SHORT {
            list.push(0);
            assert!(list.capacity() < len + FEWEST.max(len / 8 + 1), "{len}");
            assert!(list.capacity() >= len);
        }
    }

    #[test]
    fn a_push_takes_no_more_steps_than_a_short_list_and_a_segment() {
        let mut list = List::<u32, 256>::default();
        let most = (0..10_000).map(|value| steps::tests::of(|| list.push(value))).max();
        assert!(most.is_some_and(|most| most <= SHORT + 256 + 256), "{most:?}");
    }

    /// A list that grows is copied seldom: an entry about ten times in all.
    #[test]
    fn a_push_takes_few_steps_on_the_average() {
        let mut list = List::<u32, 256>::default();
        let all = steps::tests::of(|| (0..SHORT as u32).for_each(|value| list.push(value)));
        assert!(all <= 12 * SHORT, "{all}");
    }

    #[test]
    fn what_was_long_is_short_again_when_little_of_it_is_left() {
        let mut list = List::<u32, 256>::default();
        (0..2 * SHORT as u32).for_each(|value| list.push(value));
        list.truncate(SHORT / 2 + 1);
        list.shrink_to_fit();
        assert!(list.beside().is_some(), "not as soon as it would fit");
        list.truncate(SHORT / 2);
        list.shrink_to_fit();
        assert!(list.beside().is_none());
        assert_eq!(list.capacity(), SHORT / 2);
        list.pop();
        list.shrink_to_fit();
        assert_eq!(list.capacity(), SHORT / 2 - 1);
    }
}
