//! What a session in a topic is besides its place in a channel, and what it may have of its own.

use crate::tables::ids::{ExpiryIndex, User};
use crate::tables::rate::Bucket;
use alloc::vec::Vec;

/// What is kept beside a place in a channel: with the place that is 26 bytes.
#[derive(Clone, Copy, Default)]
#[repr(C, packed(2))]
pub(crate) struct Member {
    /// One more than the next membership of the same session; zero if there is none.
    pub(super) next: u32,
    /// One more than the place of what it has of its own: of a presence alone, or of more. Zero if
    /// it has nothing.
    pub(super) own: u32,
    /// The low part of the number of its user's seat, if this is the one of the user's sessions
    /// that has it.
    number: u32,
    /// What is so of it, and behind that the high part of the number. That has 37 bits, which a
    /// topic that is never empty and that a thousand join each second does not use up in 4 years.
    marks: u16,
}

/// What can be so or not of a session in a topic.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mark {
    /// It is a member, and no observer.
    Member,
    /// Others see it, or count it if it observes: its user is visible.
    Shown,
    /// It missed something while congested.
    Dirty,
    /// It has said something that is not over.
    Said,
    /// It is in the list of what waits for the fast tick, or for the slow one.
    Waits,
    WaitsSlowly,
    /// Nobody has been told of it before the next tick, or the next slow one.
    New,
    NewSlowly,
    /// It has its user's seat, and other sessions of the user are shown.
    Others,
    /// It has more of its own than a presence.
    More,
    /// It has been sent a snapshot, and is sent the one of the next tick too: until then it is not
    /// dirty, though it gets congested.
    Told,
}

impl Mark {
    const COUNT: u32 = 11;

    pub(crate) const fn waits(is_slow: bool) -> Self {
        if is_slow { Self::WaitsSlowly } else { Self::Waits }
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl Member {
    pub(super) const fn new(is_member: bool) -> Self {
        let marks = if is_member { Mark::Member.bit() } else { 0 };
        Self { next: 0, own: 0, number: 0, marks }
    }

    pub(super) const fn is(self, mark: Mark) -> bool {
        self.marks & mark.bit() != 0
    }

    pub(super) const fn is_shown_member(self) -> bool {
        let both = Mark::Member.bit() | Mark::Shown.bit();
        self.marks & both == both
    }

    pub(super) const fn mark(&mut self, mark: Mark, is_so: bool) {
        self.marks = self.marks & !mark.bit() | if is_so { mark.bit() } else { 0 };
    }

    /// Marks of what is in a list of what a tick tells.
    const LISTED: u16 = Mark::Waits.bit() | Mark::WaitsSlowly.bit() | Mark::NewSlowly.bit();

    /// Returns whether it is in a list of what a tick tells, so that it must not be another's yet.
    pub(super) const fn is_kept(self) -> bool {
        self.marks & Self::LISTED != 0
    }

    /// Takes all other marks away. Returns whether it is kept.
    pub(super) const fn unmark_all(&mut self) -> bool {
        self.marks &= Self::LISTED;
        self.is_kept()
    }

    /// Returns the number of the seat that it has; zero if it has none.
    pub(super) const fn number(self) -> u64 {
        ((self.marks >> Mark::COUNT) as u64) << 32 | self.number as u64
    }

    pub(super) const fn set_number(&mut self, number: u64) {
        let low = self.marks & ((1 << Mark::COUNT) - 1);
        self.marks = low | ((number >> 32) as u16) << Mark::COUNT;
        self.number = number as u32;
    }

    pub(super) const fn own_place(self) -> Option<usize> {
        (self.own as usize).checked_sub(1)
    }
}

/// What some members have of their own: a presence for this topic, a rate, and what ends.
pub(crate) struct Own<P> {
    pub(crate) presence: Option<P>,
    pub(crate) bucket: Bucket,
    pub(crate) said_until: Option<ExpiryIndex>,
    pub(crate) update: Option<ExpiryIndex>,
    /// The users whom it looks at by name, sorted.
    pub(crate) named: Vec<User>,
}

impl<P> Default for Own<P> {
    fn default() -> Self {
        let (presence, named) = (None, Vec::new());
        Self { presence, bucket: Bucket::default(), said_until: None, update: None, named }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_and_the_number_of_a_seat_do_not_touch_each_other() {
        let mut member = Member::new(true);
        for number in [1, u32::MAX.into(), 1 << 32, 5 << 32 | 7, (1 << 37) - 1, 0] {
            member.set_number(number);
            for is_so in [true, false] {
                member.mark(Mark::More, is_so);
                assert_eq!((member.number(), member.is(Mark::More)), (number, is_so));
                assert!(member.is(Mark::Member) && !member.is(Mark::Others));
            }
        }
    }

    #[test]
    fn whoever_a_tick_tells_of_is_kept() {
        for mark in [Mark::Waits, Mark::WaitsSlowly, Mark::NewSlowly] {
            let mut member = Member::new(true);
            member.mark(Mark::Said, true);
            assert!(!member.is_kept());
            member.mark(mark, true);
            assert!(member.unmark_all() && member.is(mark));
            assert!(!member.is(Mark::Said) && !member.is(Mark::Member));
            member.mark(mark, false);
            assert!(!member.is_kept() && !member.unmark_all());
        }
    }
}
