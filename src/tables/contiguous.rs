//! A column that lies in one piece, for the loops that read it for each of a hundred contacts, and
//! moves to a larger place a bounded piece at a time.
//!
//! Before it is full a larger place is made, and with each entry that is added some of the others
//! are copied to it. What is copied already is written in both places, so whoever reads sees one
//! only. When all of it is copied the old place is given back to the allocator, by pieces too.

use crate::tables::steps;
use alloc::vec::Vec;

pub(crate) struct Contiguous<T> {
    now: Vec<T>,
    /// While it moves: a larger place, with the first entries as they are.
    next: Vec<T>,
    /// The place before, while it is given back. What is in it does not count.
    old: Vec<T>,
    /// There is something to do when there are so many entries: to move, or to give back.
    most: usize,
}

/// The first place has room for so many.
const FEWEST: usize = 4;
/// So many entries are copied for each that is added.
const PIECE: usize = if cfg!(feature = "shrunk") { 6 } else { 32 };
/// So many are given back at once: no more than some pages.
const GIVEN_BACK: usize = if cfg!(feature = "shrunk") { 8 } else { 1 << 14 };
/// That happens once for so many that are added.
const SELDOM: usize = if cfg!(feature = "shrunk") { 1 } else { 32 };
/// So many are copied at once.
const AT_ONCE: usize = if cfg!(feature = "shrunk") { 4 } else { 1_024 };

impl<T: Copy> Contiguous<T> {
    pub(crate) const fn new() -> Self {
        Self { now: Vec::new(), next: Vec::new(), old: Vec::new(), most: 0 }
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[T] {
        &self.now
    }

    pub(crate) const fn len(&self) -> usize {
        self.now.len()
    }

    /// Returns all entries, to change them. What is changed must be [mirrored](Self::mirror).
    #[inline]
    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.now
    }

    /// Writes an entry that has been changed where it is copied already.
    #[inline]
    pub(crate) fn mirror(&mut self, at: usize) {
        if let Some(copy) = self.next.get_mut(at) {
            *copy = self.now[at];
        }
    }

    /// Returns whether what is changed must be mirrored at the moment.
    #[inline]
    pub(crate) const fn is_moving(&self) -> bool {
        !self.next.is_empty()
    }

    #[inline]
    pub(crate) fn set(&mut self, at: usize, value: T) {
        self.now[at] = value;
        self.mirror(at);
    }

    pub(crate) fn push(&mut self, value: T) {
        if self.now.len() >= self.most {
            self.move_on();
        }
        self.now.push(value);
    }

    #[cold]
    fn move_on(&mut self) {
        let (len, room) = (self.now.len(), self.now.capacity());
        if self.old.capacity() > 0 {
            if len.is_multiple_of(SELDOM) {
                self.give_back();
            }
        } else if room <= AT_ONCE {
            steps::count(len);
            self.now.reserve_exact(room.clamp(FEWEST, AT_ONCE));
            self.place_is_new();
        } else {
            self.copy_some();
        }
    }

    fn copy_some(&mut self) {
        if self.next.capacity() == 0 {
            let room = self.now.capacity();
            self.next = Vec::with_capacity(room + room / 2);
        }
        let (from, len) = (self.next.len(), self.now.len());
        let to = len.min(from + PIECE);
        steps::count(to - from);
        self.next.extend_from_slice(&self.now[from..to]);
        if to == len {
            self.old = core::mem::replace(&mut self.now, core::mem::take(&mut self.next));
            // There is room for as many again as were copied for, so it is done in time.
            self.most = 0;
        }
    }

    /// Gives a piece of the place before back. Of a large one at once the allocator would make a
    /// long pause.
    fn give_back(&mut self) {
        let left = self.old.capacity().saturating_sub(GIVEN_BACK);
        self.old.truncate(left);
        self.old.shrink_to(left);
        if self.old.capacity() == 0 {
            self.place_is_new();
        }
    }

    /// Works out when to move again: so early that it is done before this place is full.
    fn place_is_new(&mut self) {
        let room = self.now.capacity();
        self.most = if room <= AT_ONCE { room } else { room - room / (PIECE / 2) };
    }

    /// Makes room for so many entries in all, at once, and some to move in.
    pub(crate) fn reserve(&mut self, len: usize) {
        if self.most < len {
            let now = self.now.len();
            (self.next, self.old) = (Vec::new(), Vec::new());
            self.now.reserve_exact(with_spare(len.max(now)) - now);
            self.place_is_new();
        }
    }

    /// Drops all entries from this place on, and gives back what the rest do not need.
    pub(crate) fn shrink_to(&mut self, len: usize) {
        (self.next, self.old) = (Vec::new(), Vec::new());
        self.now.truncate(len);
        let len = self.now.len();
        // It may have been on its way to a larger place: then there is not enough to move in.
        self.now.reserve_exact(with_spare(len) - len);
        self.now.shrink_to(with_spare(len));
        self.place_is_new();
    }
}

/// Returns the room for so many entries and for as many more as come until they have moved.
const fn with_spare(len: usize) -> usize {
    if len <= AT_ONCE { len } else { len + len / (PIECE / 2 - 1) + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Push(u32),
        Set(usize, u16),
        Reserve(usize),
        ShrinkTo(usize),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            9 => (1_u32..AT_ONCE as u32).prop_map(Step::Push),
            9 => (1_u32..9).prop_map(Step::Push),
            9 => (any::<usize>(), any::<u16>()).prop_map(|(at, value)| Step::Set(at, value)),
            1 => (0..4 * AT_ONCE).prop_map(Step::Reserve),
            1 => any::<usize>().prop_map(Step::ShrinkTo),
        ];
        proptest::collection::vec(step, 0..60)
    }

    proptest! {
        /// And is never copied as a whole once it is large, not even where its place is full.
        #[test]
        fn does_as_a_list_does(steps in steps()) {
            let (mut column, mut list) = (Contiguous::<u16>::new(), Vec::new());
            for step in steps {
                match step {
                    Step::Push(count) => {
                        for value in (0..count as u16).rev() {
                            let room = column.now.capacity();
                            prop_assert!(room <= AT_ONCE || column.len() < room);
                            column.push(value);
                            list.push(value);
                        }
                    }
                    Step::Set(at, value) if !list.is_empty() => {
                        let at = at % list.len();
                        column.set(at, value);
                        list[at] = value;
                    }
                    Step::Set(..) => {}
                    Step::Reserve(len) => {
                        column.reserve(len);
                        let room = column.now.capacity();
                        while list.len() < len {
                            column.push(7);
                            list.push(7);
                        }
                        prop_assert_eq!(column.now.capacity(), room);
                    }
                    Step::ShrinkTo(len) => {
                        let len = len % (list.len() + 1);
                        column.shrink_to(len);
                        list.truncate(len);
                        prop_assert!(column.now.capacity() <= 2 * len);
                    }
                }
                prop_assert_eq!(column.as_slice(), &list[..]);
                prop_assert_eq!(&column.next[..], &list[..column.next.len()]);
                prop_assert_eq!(column.is_moving(), !column.next.is_empty());
            }
        }
    }

    #[test]
    fn a_push_takes_few_steps_however_many_there_are() {
        let mut column = Contiguous::<u16>::new();
        let most = (0..200_000).map(|_| steps::tests::of(|| column.push(1))).max();
        assert!(most.is_some_and(|most| most <= AT_ONCE.max(PIECE)), "{most:?}");
        let large = (0..200_000).map(|_| steps::tests::of(|| column.push(1))).max();
        assert!(large.is_some_and(|most| most <= PIECE), "{large:?}");
    }

    #[test]
    fn there_is_room_for_what_is_reserved_and_not_much_more() {
        for len in AT_ONCE + 1..3 * AT_ONCE {
            let mut column = Contiguous::<u16>::new();
            (0..3).for_each(|value| column.push(value));
            column.reserve(len);
            let room = column.now.capacity();
            assert!(column.most >= len, "it moves before there are {len}");
            assert!(room <= with_spare(len), "{room} for {len}");
        }
    }

    #[test]
    fn it_is_never_twice_as_large_as_it_need_be() {
        let mut column = Contiguous::<u16>::new();
        for value in 0..30_000_u16 {
            column.push(value);
            let (len, room) = (column.len(), column.now.capacity());
            assert!(room <= 2 * len + FEWEST, "{room} for {len}");
        }
    }
}
