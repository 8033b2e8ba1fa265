//! The order in which users became members of a topic.
//!
//! Each has a seat, and a number that is greater than those of all before it and stays the same.
//! The number is kept with whoever has the seat. Seats that are left stay blank until there are as
//! many of them as others. A long list is parted into blocks, and of each is kept a number where it
//! begins: so a seat is found by a search among blocks, and a look along one of them; in a short
//! list by a look along all of it.

use crate::tables::ids::MembershipIndex;
use crate::tables::list::List;
use crate::tables::segments::{Segments, per_segment};
use crate::tables::steps;

/// Fewer seats than this are not worth the moving.
const FEW: usize = if cfg!(feature = "shrunk") { 2 } else { 16 };

/// So many seats are a block: a few cache lines. It divides a segment.
const BLOCK: usize = if cfg!(feature = "shrunk") { 2 } else { 64 };

/// A topic that is empty keeps the memory for so many seats.
const SPARE: usize = 64;

/// For each block but the first a number that is greater than all before it, and not greater than
/// any in it or after it.
type Fences = Segments<u64, { per_segment(512) }>;

#[derive(Default)]
pub(super) struct Order {
    seats: List<MembershipIndex, { per_segment(1_024) }, Fences>,
    /// All seats before this one are blank.
    first: u32,
    blank: u32,
    /// The number of the last seat that was taken.
    last: u64,
}

/// How far a walk over the seats of a topic has come: samples that are asked for in the order of
/// their sizes take one walk.
#[derive(Clone, Copy, Default)]
pub(crate) struct Seats {
    pub(super) users: u32,
    pub(super) place: usize,
    pub(super) end: u64,
    /// How many seats have been gone over, those that are blank and those of walks before included.
    pub(super) gone_over: usize,
}

impl Seats {
    /// Returns how many seats have been gone over.
    pub(crate) const fn gone_over(&self) -> usize {
        self.gone_over
    }

    /// Begins another walk.
    pub(super) const fn begin_again(&mut self) {
        *self = Self { users: 0, place: 0, end: 0, gone_over: self.gone_over };
    }
}

impl Order {
    /// Returns the number of seats that are taken.
    pub(super) const fn len(&self) -> usize {
        self.seats.len() - self.blank as usize
    }

    /// Adds a seat, and returns its number. If blank ones make way for it, `number_of` says what
    /// number somebody's has.
    pub(super) fn push(
        &mut self,
        lead: MembershipIndex,
        number_of: impl Fn(MembershipIndex) -> u64,
    ) -> u64 {
        let len = self.seats.len();
        if len == self.seats.capacity() && len > FEW && self.blank as usize > len / 4 {
            self.close_up(&number_of);
        }
        self.last += 1;
        self.seats.push(lead);
        let last = self.last;
        self.fence(|other| if other == lead { last } else { number_of(other) });
        last
    }

    /// Gives a seat to another session of the same user.
    pub(super) fn hand_on(&mut self, (lead, number): (MembershipIndex, u64), to: MembershipIndex) {
        if let Some(place) = self.find(lead, number) {
            self.seats[place] = to;
        }
    }

    /// Leaves a seat. Others may move for that: `number_of` says what number somebody's has.
    pub(super) fn leave(
        &mut self,
        (lead, number): (MembershipIndex, u64),
        number_of: impl Fn(MembershipIndex) -> u64,
    ) {
        let Some(place) = self.find(lead, number) else { return };
        self.seats[place] = MembershipIndex::NONE;
        self.blank += 1;
        if self.blank as usize == self.seats.len() {
            return self.clear_seats();
        }
        while self.seats[self.first as usize] == MembershipIndex::NONE {
            self.first += 1;
        }
        if self.seats.len() > FEW && self.blank as usize > self.seats.len() / 2 {
            self.close_up(&number_of);
        }
    }

    fn clear_seats(&mut self) {
        if self.seats.capacity() > SPARE {
            self.seats = List::default();
        } else {
            self.seats.truncate(0);
        }
        if let Some(fences) = self.seats.beside_mut() {
            fences.truncate(0);
        }
        (self.first, self.blank) = (0, 0);
    }

    fn close_up(&mut self, number_of: impl Fn(MembershipIndex) -> u64) {
        let mut to = 0;
        for from in 0..self.seats.len() {
            let lead = self.seats[from];
            if lead != MembershipIndex::NONE {
                self.seats[to] = lead;
                to += 1;
            }
        }
        self.seats.truncate(to);
        (self.first, self.blank) = (0, 0);
        if let Some(fences) = self.seats.beside_mut() {
            fences.truncate(0);
        }
        self.fence(number_of);
    }

    /// Notes where the blocks begin of which that is not noted. The last seat is taken.
    fn fence(&mut self, number_of: impl Fn(MembershipIndex) -> u64) {
        while let Some(done) = self.seats.beside().map(Fences::len)
            && let Some((_, first)) = self.next((done + 1) * BLOCK)
        {
            let number = number_of(first);
            if let Some(fences) = self.seats.beside_mut() {
                fences.push(number);
            }
        }
    }

    /// Returns the block in which a seat with this number lies, if there is one. While the seats
    /// have not closed up, its place is known from the number, and nothing is searched.
    fn block_of(&self, number: u64) -> usize {
        let Some(fences) = self.seats.beside() else { return 0 };
        // No more are before it, and none more behind it, than there are numbers.
        let (before, behind) = (number.saturating_sub(1), self.last.saturating_sub(number));
        let at_least = (self.seats.len() as u64).saturating_sub(behind + 1) as usize;
        let at_most = usize::try_from(before).unwrap_or(usize::MAX);
        let mut high = fences.len().min(at_most / BLOCK);
        let mut low = high.min(at_least / BLOCK);
        while low < high {
            let middle = low + (high - low) / 2;
            if fences[middle] <= number {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Returns the seats of a block, and the place of the first of them. A short list is one block.
    fn block(&self, block: usize) -> (&[MembershipIndex], usize) {
        let seats = self.seats.part(block * BLOCK);
        let most = if self.seats.beside().is_some() { BLOCK } else { seats.len() };
        (&seats[..seats.len().min(most)], block * BLOCK)
    }

    /// Returns the place of somebody's seat with this number.
    fn find(&self, lead: MembershipIndex, number: u64) -> Option<usize> {
        let (seats, from) = self.block(self.block_of(number));
        let found = seats.iter().position(|other| *other == lead);
        debug_assert!(found.is_some(), "whoever has a number has a seat");
        found.map(|at| from + at)
    }

    /// Returns a place before which there is no seat whose number is greater, and from which on the
    /// first that is taken has a greater one.
    pub(super) fn place_after(
        &self,
        number: u64,
        number_of: impl Fn(MembershipIndex) -> u64,
    ) -> usize {
        let (seats, from) = self.block(self.block_of(number));
        let is_after =
            |lead: &MembershipIndex| *lead != MembershipIndex::NONE && number_of(*lead) > number;
        from + seats.iter().position(is_after).unwrap_or(seats.len())
    }

    /// Returns the next seat that is taken, from this place on: its place, and who has it.
    pub(super) fn next(&self, from: usize) -> Option<(usize, MembershipIndex)> {
        let mut place = from.max(self.first as usize);
        while place < self.seats.len() {
            steps::count_looks(1);
            let lead = self.seats[place];
            if lead != MembershipIndex::NONE {
                return Some((place, lead));
            }
            place += 1;
        }
        None
    }

    /// Goes on to the next seat that is taken. Returns who has it, if there is one.
    pub(super) fn walk_on(&self, seats: &mut Seats) -> Option<MembershipIndex> {
        let from = seats.place.max(self.first as usize);
        let next = self.next(from);
        let end = next.map_or(self.seats.len(), |(at, _)| at + 1);
        (seats.place, seats.gone_over) = (end, seats.gone_over + end.saturating_sub(from));
        next.map(|(_, lead)| lead)
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.clear_seats();
        self.last = 0;
    }

    pub(super) fn shrink_to_fit(&mut self) {
        self.seats.shrink_to_fit();
        if let Some(fences) = self.seats.beside_mut() {
            fences.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn number_in(model: &[(MembershipIndex, u64)], lead: MembershipIndex) -> u64 {
        model.iter().find(|(own, _)| *own == lead).expect("it has a seat").1
    }

    proptest! {
        #[test]
        fn seats_keep_their_order_and_are_found_by_their_numbers(
            steps in proptest::collection::vec((0_u8..6, any::<u8>()), 0..600),
        ) {
            let mut order = Order::default();
            // Who has a seat, and its number.
            let mut model: Vec<(MembershipIndex, u64)> = Vec::new();
            let (mut last, mut numbers) = (0, Vec::new());
            for (at, (step, which)) in (0..).zip(steps) {
                let nth = usize::from(which) % model.len().max(1);
                let own = MembershipIndex(at);
                match step {
                    0..3 => {
                        last += 1;
                        let pushed = order.push(own, |lead| number_in(&model, lead));
                        prop_assert_eq!(pushed, last);
                        model.push((own, last));
                        numbers.push(last);
                    }
                    _ if model.is_empty() => {}
                    3 => {
                        order.hand_on(model[nth], own);
                        model[nth].0 = own;
                    }
                    _ => {
                        // Of those that are left, who has a number.
                        let (lead, number) = model.remove(nth);
                        order.leave((lead, number), |lead| number_in(&model, lead));
                    }
                }
            }
            prop_assert_eq!(order.len(), model.len());
            let mut place = 0;
            for (lead, number) in &model {
                let next = order.next(place);
                prop_assert_eq!(next.map(|(_, next)| next), Some(*lead));
                place = next.map_or(0, |(at, _)| at + 1);
                prop_assert_eq!(order.find(*lead, *number), Some(place - 1));
            }
            prop_assert_eq!(order.next(place), None);
            // After each number that there ever was comes the first that is greater.
            for number in [0].into_iter().chain(numbers) {
                let next = order.next(order.place_after(number, |lead| number_in(&model, lead)));
                let expected = model.iter().find(|(_, own)| *own > number);
                prop_assert_eq!(next.map(|(_, next)| next), expected.map(|(lead, _)| *lead));
            }
            prop_assert!(order.blank as usize <= FEW.max(order.seats.len() / 2));
        }
    }

    fn number_of(lead: MembershipIndex) -> u64 {
        u64::from(lead.0) + 1
    }

    fn push_next(order: &mut Order) {
        let lead = MembershipIndex(order.last as u32);
        assert_eq!(order.push(lead, number_of), number_of(lead));
    }

    /// So many seats, of which so many have been left, from the first on.
    fn order_of(seats: usize, left: usize) -> Order {
        let mut order = Order::default();
        (0..seats).for_each(|_| push_next(&mut order));
        for lead in (0..left as u32).map(MembershipIndex) {
            order.leave((lead, number_of(lead)), number_of);
        }
        order
    }

    /// The least list with more than a few seats and room for more, or none.
    fn seats_with_room(has_room: bool) -> usize {
        let is_it = |seats: &usize| {
            let order = order_of(*seats, 0);
            (order.seats.capacity() > *seats) == has_room
        };
        (FEW + 1..).find(is_it).expect("there is one")
    }

    #[test]
    fn seats_close_up_in_place_of_more_room_if_more_than_a_quarter_is_blank() {
        let push = |seats: usize, left| {
            let mut order = order_of(seats, left);
            assert_eq!((order.seats.len(), order.blank as usize), (seats, left));
            push_next(&mut order);
            (order.seats.len(), order.blank as usize)
        };
        let full = seats_with_room(false);
        assert_eq!(push(full, full / 4), (full + 1, full / 4));
        assert_eq!(push(full, full / 4 + 1), (full - full / 4, 0));
        let roomy = seats_with_room(true);
        assert_eq!(push(roomy, roomy / 4 + 1), (roomy + 1, roomy / 4 + 1));
        assert_eq!(push(FEW, FEW / 4 + 1), (FEW + 1, FEW / 4 + 1));
    }

    #[test]
    fn seats_close_up_when_more_than_half_are_blank() {
        let left = |seats, left| {
            let order = order_of(seats, left);
            (order.seats.len(), order.blank as usize)
        };
        let many = 4 * FEW;
        assert_eq!(left(many, many / 2), (many, many / 2));
        assert_eq!(left(many, many / 2 + 1), (many / 2 - 1, 0));
        assert_eq!(left(FEW, FEW - 1), (FEW, FEW - 1));
    }

    #[test]
    fn of_an_order_that_is_left_only_room_for_a_few_is_kept() {
        let crowd = order_of(2 * SPARE, 2 * SPARE);
        assert_eq!((crowd.seats.len(), crowd.seats.capacity(), crowd.len()), (0, 0, 0));
        let few = order_of(FEW, FEW);
        assert_eq!((few.seats.len(), few.len()), (0, 0));
        assert!(few.seats.capacity() >= FEW);
        // The numbers begin anew only with the topic.
        let mut order = order_of(FEW, FEW);
        push_next(&mut order);
        assert_eq!(order.last, FEW as u64 + 1);
        order.leave((MembershipIndex(FEW as u32), order.last), number_of);
        order.clear();
        push_next(&mut order);
        assert_eq!((order.last, order.seats.len()), (1, 1));
    }

    #[test]
    fn room_that_only_a_crowd_needed_is_given_back() {
        let crowd = 64 * BLOCK;
        let mut order = order_of(crowd, crowd * 7 / 8);
        let before = order.seats.capacity();
        order.shrink_to_fit();
        assert!(order.seats.capacity() * 3 < before, "{} of {before}", order.seats.capacity());
        assert_eq!(order.len(), crowd / 8);
    }

    #[test]
    fn many_seats_are_found_after_most_are_left() {
        let mut order = Order::default();
        let all = (0..10_000).map(MembershipIndex);
        let all: Vec<_> = all.map(|lead| (lead, order.push(lead, number_of))).collect();
        for seat in all.iter().filter(|(lead, _)| lead.0 % 7 != 0) {
            order.leave(*seat, number_of);
        }
        let mut left = all.iter().filter(|(lead, _)| lead.0 % 7 == 0);
        assert!(left.all(|(lead, number)| order.find(*lead, *number).is_some()));
        assert!(order.seats.len() < 3 * order.len());
        for number in (0..10_000).step_by(13) {
            let next = order.next(order.place_after(number, number_of));
            let expected = (number..10_000).find(|at| at % 7 == 0);
            assert_eq!(next.map(|(_, lead)| u64::from(lead.0)), expected);
        }
    }
}
