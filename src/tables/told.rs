//! Whom a session's directed presence reached.
//!
//! What is remembered is bounded by the names that the session handed in, whoever was there: so
//! nothing about it tells who was.

use crate::tables::ids::{Attachment, ExpiryIndex};
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// One directed presence.
#[derive(Clone, Copy, Debug)]
struct Call {
    number: u32,
    /// The number of names that were handed in.
    names: u32,
    /// What ends it, if it ends by itself.
    expiry: Option<ExpiryIndex>,
}

/// The directed presences that are remembered, and those they reached.
#[derive(Default)]
pub(crate) struct Told {
    /// The oldest first.
    calls: VecDeque<Call>,
    /// The number of names in all of them.
    names: u32,
    next: u32,
    /// Sorted by attachment, each with the last call that reached it. Attachments that are over
    /// stay until their call is.
    reached: Vec<(Attachment, u32)>,
    /// For merging.
    scratch: Vec<(Attachment, u32)>,
}

impl Told {
    /// Returns the number of attachments remembered, some of which may be over.
    pub(crate) fn len(&self) -> usize {
        self.reached.len()
    }

    /// Returns the number of names remembered.
    pub(crate) const fn name_count(&self) -> u32 {
        self.names
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Attachment> + '_ {
        self.reached.iter().map(|(attachment, _)| *attachment)
    }

    /// Returns the number of the next call.
    pub(crate) const fn next_call(&self) -> u32 {
        self.next
    }

    /// Returns what ends those calls that end by themselves, each with the number of its call.
    pub(crate) fn expiries(&self) -> impl Iterator<Item = (u32, ExpiryIndex)> + '_ {
        self.calls.iter().filter_map(|call| Some((call.number, call.expiry?)))
    }

    /// Returns where a call stands, if it is remembered.
    fn find(&self, number: u32) -> Option<usize> {
        // Counted from the first, so that the numbers may wrap.
        let first = self.calls.front()?.number;
        let from_first = |call: &Call| call.number.wrapping_sub(first);
        self.calls.binary_search_by_key(&number.wrapping_sub(first), from_first).ok()
    }

    /// Returns whether the attachments are a sorted set, each of a call that is remembered.
    pub(crate) fn is_in_order(&self) -> bool {
        self.reached.is_sorted_by(|a, b| a.0 < b.0)
            && self.reached.iter().all(|(_, call)| self.find(*call).is_some())
            && self.calls.iter().map(|call| call.names).sum::<u32>() == self.names
    }

    /// Remembers a call that handed in so many names, ends so, and reached these, a sorted set.
    /// Calls of the past are over as far as the names exceed `most`: those they reached who are in
    /// no later call are given to `over`, in their order, and what would have ended such a call to
    /// `ends_no_more`.
    pub(crate) fn remember(
        &mut self,
        (names, expiry): (u32, Option<ExpiryIndex>),
        reached: impl Iterator<Item = Attachment>,
        most: u32,
        mut over: impl FnMut(Attachment),
        ends_no_more: impl FnMut(ExpiryIndex),
    ) {
        if names == 0 {
            return;
        }
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.calls.push_back(Call { number, names, expiry });
        self.names += names;
        self.merge(reached, number);
        if self.forget_oldest(most, ends_no_more) {
            let first = self.calls.front().map_or(self.next, |call| call.number);
            let (next, left) = (self.next, self.next.wrapping_sub(first));
            self.reached.retain(|(attachment, call)| {
                // Counted from the end, so that the numbers may wrap.
                let keeps = next.wrapping_sub(*call) <= left;
                if !keeps {
                    over(*attachment);
                }
                keeps
            });
        }
    }

    /// Forgets the oldest calls until there are no more names than `most`. Returns whether any had
    /// to go.
    fn forget_oldest(&mut self, most: u32, mut ends_no_more: impl FnMut(ExpiryIndex)) -> bool {
        let mut is_over = false;
        while self.names > most {
            let Some(call) = self.calls.pop_front() else { break };
            self.names -= call.names;
            call.expiry.into_iter().for_each(&mut ends_no_more);
            is_over = true;
        }
        is_over
    }

    /// Forgets a call that is over. Those it reached who are in no later call are given to `over`,
    /// in their order.
    pub(crate) fn end_call(&mut self, number: u32, mut over: impl FnMut(Attachment)) {
        let Some(call) = self.find(number).and_then(|at| self.calls.remove(at)) else {
            return;
        };
        self.names -= call.names;
        self.reached.retain(|(attachment, last)| {
            if *last == number {
                over(*attachment);
            }
            *last != number
        });
    }

    /// Adds a sorted set that a call reached, by one merge.
    fn merge(&mut self, reached: impl Iterator<Item = Attachment>, number: u32) {
        if self.reached.is_empty() {
            self.reached.extend(reached.map(|new| (new, number)));
            return;
        }
        let mut reached = reached.peekable();
        let mut old = core::mem::take(&mut self.reached);
        let mut merged = core::mem::take(&mut self.scratch);
        for (attachment, call) in old.drain(..) {
            while let Some(new) = reached.next_if(|new| *new < attachment) {
                merged.push((new, number));
            }
            let again = reached.next_if(|new| *new == attachment).is_some();
            merged.push((attachment, if again { number } else { call }));
        }
        merged.extend(reached.map(|new| (new, number)));
        self.reached = merged;
        self.scratch = old;
    }

    /// Forgets an attachment. Returns whether it was remembered.
    pub(crate) fn forget(&mut self, attachment: Attachment) -> bool {
        let found = self.reached.binary_search_by_key(&attachment, |(own, _)| *own);
        found.map(|at| self.reached.remove(at)).is_ok()
    }

    /// Forgets those attachments that `keep` does not keep.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(Attachment) -> bool) {
        self.reached.retain(|(attachment, _)| keep(*attachment));
    }

    pub(crate) fn clear(&mut self) {
        self.calls.clear();
        self.reached.clear();
        self.names = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::ids::SessionIndex;
    use core::num::NonZeroU32;

    fn attachment(session: u32) -> Attachment {
        Attachment { session: SessionIndex(session), generation: NonZeroU32::MIN }
    }

    fn remember(told: &mut Told, names: u32, reached: &[u32]) -> Vec<u32> {
        let mut over = Vec::new();
        let reached = reached.iter().map(|session| attachment(*session));
        told.remember((names, None), reached, 6, |gone| over.push(gone.session.0), |_| {});
        assert!(told.is_in_order());
        over
    }

    #[test]
    fn the_oldest_calls_are_over_when_too_many_names_were_handed_in() {
        let mut told = Told { next: u32::MAX - 1, ..Told::default() };
        assert_eq!(remember(&mut told, 3, &[1, 5]), []);
        assert_eq!(remember(&mut told, 2, &[5, 7]), []);
        // Whoever is in a later call as well is not over; names count though nobody is there.
        assert_eq!(remember(&mut told, 2, &[]), [1]);
        assert_eq!((told.name_count(), told.len()), (4, 2));
        assert_eq!(remember(&mut told, 0, &[]), []);
        assert_eq!(remember(&mut told, 6, &[2, 7]), [5]);
        assert!(told.forget(attachment(7)) && !told.forget(attachment(7)));
        assert_eq!(told.iter().collect::<Vec<_>>(), [attachment(2)]);
        told.clear();
        assert_eq!((told.name_count(), told.len()), (0, 0));
    }
    #[test]
    fn a_call_that_is_over_takes_those_with_it_who_are_in_no_later_one() {
        let mut told = Told { next: u32::MAX - 1, ..Told::default() };
        let (mut over, mut ended) = (Vec::new(), Vec::new());
        for (index, reached) in (0..).zip([&[1, 2][..], &[2, 3], &[3], &[1]]) {
            let expiry = (2, Some(ExpiryIndex::at(index)));
            let reached = reached.iter().map(|session| attachment(*session));
            told.remember(
                expiry,
                reached,
                6,
                |gone| over.push(gone.session.0),
                |index| ended.push(index.index()),
            );
        }
        // The first had to go for the last, in which the one it reached alone is.
        assert_eq!((&over[..], &ended[..]), (&[][..], &[0][..]));
        let left: Vec<_> = told.expiries().collect();
        assert_eq!(
            left,
            [(u32::MAX, ExpiryIndex::at(1)), (0, ExpiryIndex::at(2)), (1, ExpiryIndex::at(3))]
        );
        let mut end = |call| {
            let mut over = Vec::new();
            told.end_call(call, |gone| over.push(gone.session.0));
            assert!(told.is_in_order());
            over
        };
        assert_eq!((end(0), end(0), end(u32::MAX - 1)), (alloc::vec![3], Vec::new(), Vec::new()));
        assert_eq!((end(u32::MAX), end(1)), (alloc::vec![2], alloc::vec![1]));
        assert_eq!((told.name_count(), told.len()), (0, 0));
    }
    #[test]
    fn what_is_broken_is_seen() {
        let breaks: [fn(&mut Told); 4] = [
            |told| told.reached.swap(0, 1),
            |told| told.reached[1] = told.reached[0],
            |told| told.reached[1].1 += 9,
            |told| told.names += 1,
        ];
        for (nth, break_it) in breaks.iter().enumerate() {
            let mut told = Told::default();
            remember(&mut told, 3, &[1, 5]);
            break_it(&mut told);
            assert!(!told.is_in_order(), "the break number {nth} is not seen");
        }
    }
}
