//! The order in which users became members of a topic.
//!
//! Each has a seat with a number, which is greater than those of all before it and stays the same.
//! Seats that are left stay blank until there are as many of them as others; the number of a blank
//! one still says where it stands, so that a seat is found by its number.

use crate::tables::ids::MembershipIndex;
use crate::tables::segments::{Segments, per_segment};

/// Fewer seats than this are not worth the moving.
const FEW: usize = if cfg!(feature = "shrunk") { 2 } else { 16 };

/// A topic that is empty keeps the memory for so many seats.
const SPARE: usize = 64;

/// In three parts of four bytes, so that it takes no more.
#[derive(Clone, Copy)]
struct Seat {
    number: [u32; 2],
    lead: MembershipIndex,
}

impl Default for Seat {
    fn default() -> Self {
        Self { number: [0; 2], lead: MembershipIndex::NONE }
    }
}

impl Seat {
    const fn number(self) -> u64 {
        (self.number[0] as u64) << 32 | self.number[1] as u64
    }
}

#[derive(Default)]
pub(super) struct Order {
    seats: Segments<Seat, { per_segment(512) }>,
    /// All seats before this one are blank.
    first: usize,
    blank: usize,
    /// The number of the last seat that was taken.
    last: u64,
}

impl Order {
    /// Returns the number of seats that are taken.
    pub(super) const fn len(&self) -> usize {
        self.seats.len() - self.blank
    }

    /// Adds a seat. Returns its place.
    pub(super) fn push(&mut self, lead: MembershipIndex) -> u32 {
        self.last += 1;
        let number = [(self.last >> 32) as u32, self.last as u32];
        self.seats.push(Seat { number, lead });
        self.seats.len() as u32 - 1
    }

    /// Gives a seat to another session of the same user.
    pub(super) fn hand_on(&mut self, place: u32, lead: MembershipIndex) {
        self.seats[place as usize].lead = lead;
    }

    /// Leaves a seat. If others move for that, `moved` says whose is where.
    pub(super) fn leave(&mut self, place: u32, moved: impl FnMut(MembershipIndex, u32)) {
        self.seats[place as usize].lead = MembershipIndex::NONE;
        self.blank += 1;
        while self.first < self.seats.len() && self.seats[self.first].lead == MembershipIndex::NONE
        {
            self.first += 1;
        }
        if self.blank == self.seats.len() {
            self.clear_seats();
        } else if self.seats.len() > FEW && self.blank > self.seats.len() / 2 {
            self.close_up(moved);
        }
    }

    fn clear_seats(&mut self) {
        if self.seats.capacity() > SPARE {
            self.seats = Segments::new();
        } else {
            self.seats.truncate(0);
        }
        (self.first, self.blank) = (0, 0);
    }

    fn close_up(&mut self, mut moved: impl FnMut(MembershipIndex, u32)) {
        let mut to = 0;
        for from in 0..self.seats.len() {
            let seat = self.seats[from];
            if seat.lead != MembershipIndex::NONE {
                self.seats[to] = seat;
                moved(seat.lead, to as u32);
                to += 1;
            }
        }
        self.seats.truncate(to);
        (self.first, self.blank) = (0, 0);
    }

    /// Returns the number of a seat.
    pub(super) fn number(&self, place: u32) -> u64 {
        self.seats[place as usize].number()
    }

    /// Returns the place of the first seat, blank or not, whose number is greater.
    pub(super) fn place_after(&self, number: u64) -> usize {
        let (mut low, mut high) = (0, self.seats.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.seats[middle].number() <= number {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Returns the next seat that is taken, from this place on: its place, and who has it.
    pub(super) fn next(&self, from: usize) -> Option<(usize, MembershipIndex)> {
        let mut place = from.max(self.first);
        loop {
            let lead = self.seats.get(place).filter(|_| place < self.seats.len())?.lead;
            if lead != MembershipIndex::NONE {
                return Some((place, lead));
            }
            place += 1;
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.clear_seats();
        self.last = 0;
    }

    pub(super) fn shrink_to_fit(&mut self) {
        self.seats.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn seats_keep_their_order_and_numbers(
            steps in proptest::collection::vec((0_u8..3, any::<u8>()), 0..120),
        ) {
            let mut order = Order::default();
            // Who has a seat, its number and place.
            let mut model: Vec<(MembershipIndex, u64, u32)> = Vec::new();
            let mut last = 0;
            for (at, (step, which)) in (0..).zip(steps) {
                let nth = usize::from(which) % model.len().max(1);
                if step < 2 || model.is_empty() {
                    let place = order.push(MembershipIndex(at));
                    last += 1;
                    model.push((MembershipIndex(at), last, place));
                } else {
                    let (_, _, place) = model.remove(nth);
                    order.leave(place, |lead, place| {
                        let moved = model.iter_mut().find(|(own, ..)| *own == lead);
                        moved.expect("it has a seat").2 = place;
                    });
                }
                prop_assert_eq!(order.len(), model.len());
                let mut place = 0;
                for (lead, number, own) in &model {
                    let next = order.next(place);
                    prop_assert_eq!(next, Some((*own as usize, *lead)));
                    prop_assert_eq!(order.number(*own), *number);
                    // It is the first one after all numbers before its own.
                    let found = order.next(order.place_after(number - 1));
                    prop_assert_eq!(found, Some((*own as usize, *lead)));
                    place = *own as usize + 1;
                }
                prop_assert_eq!(order.next(place), None);
                prop_assert!(order.blank <= FEW.max(order.seats.len() / 2));
            }
        }
    }
}
