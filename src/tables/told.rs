//! Whom a session's directed presence reached.
//!
//! What is remembered is bounded by the names that the session handed in, whoever was there: so
//! nothing about it tells who was.

use crate::tables::ids::{Attachment, ExpiryIndex};
use crate::tables::sorted_map::SortedMap;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// One directed presence.
#[derive(Clone, Copy, Debug)]
struct Call {
    /// The number of names that were handed in.
    names: u32,
    /// What ends it, if it ends by itself.
    expiry: Option<ExpiryIndex>,
}

/// The directed presences that are remembered, and those they reached.
///
/// Whatever a call adds or ends moves a bounded number of entries for each that it is about,
/// however many are remembered. Most sessions direct nothing, so this is a pointer.
#[derive(Default)]
pub(crate) struct Told(Option<Box<Calls>>);

#[derive(Default)]
struct Calls {
    by_number: SortedMap<u32, Call>,
    /// The number of names in all of them.
    names: u32,
    next: u32,
    /// Each attachment with the last call that reached it. Attachments that are over stay until
    /// their call is.
    reached: SortedMap<Attachment, u32>,
    /// The same, by call, once there were more than a few. Those are looked at one by one.
    by_call: SortedMap<(u32, Attachment), ()>,
    is_by_call: bool,
}

/// So many are looked at one by one.
const FEW: usize = if cfg!(feature = "shrunk") { 2 } else { 64 };

impl Told {
    /// Returns the number of attachments remembered, some of which may be over.
    pub(crate) fn len(&self) -> usize {
        self.0.as_deref().map_or(0, |calls| calls.reached.len())
    }

    /// Returns the number of names remembered.
    pub(crate) fn name_count(&self) -> u32 {
        self.0.as_deref().map_or(0, |calls| calls.names)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Attachment> + '_ {
        let calls = self.0.as_deref().into_iter();
        calls.flat_map(|calls| calls.reached.iter()).map(|(attachment, _)| attachment)
    }

    /// Returns the number of the next call.
    pub(crate) fn next_call(&self) -> u32 {
        self.0.as_deref().map_or(0, |calls| calls.next)
    }

    /// Returns what ends those calls that end by themselves, each with the number of its call.
    pub(crate) fn expiries(&self) -> impl Iterator<Item = (u32, ExpiryIndex)> + '_ {
        let calls = self.0.as_deref().into_iter();
        let calls = calls.flat_map(|calls| calls.by_number.iter());
        calls.filter_map(|(number, call)| Some((number, call.expiry?)))
    }

    /// Returns whether the attachments are a sorted set, each of a call that is remembered.
    pub(crate) fn is_in_order(&self) -> bool {
        self.0.as_deref().is_none_or(Calls::is_in_order)
    }

    /// Remembers a call that handed in so many names, ends so, and reached these, a sorted set,
    /// which is made empty. Calls of the past are over as far as the names exceed `most`: those
    /// they reached who are in no later call are given to `over`, those of the oldest call first,
    /// and what would have ended such a call to `ends_no_more`.
    pub(crate) fn remember(
        &mut self,
        (names, expiry): (u32, Option<ExpiryIndex>),
        reached: &mut Vec<Attachment>,
        most: u32,
        mut over: impl FnMut(Attachment),
        mut ends_no_more: impl FnMut(ExpiryIndex),
    ) {
        if names == 0 {
            return reached.clear();
        }
        let calls = self.0.get_or_insert_default();
        let number = calls.next;
        calls.next = calls.next.wrapping_add(1);
        calls.by_number.insert(number, Call { names, expiry });
        calls.names += names;
        calls.add(reached, number);
        while calls.names > most {
            let Some((oldest, call)) = calls.oldest() else { break };
            call.expiry.into_iter().for_each(&mut ends_no_more);
            calls.end(oldest, reached, &mut over);
        }
    }

    /// Forgets a call that is over. Those it reached who are in no later call are given to `over`,
    /// in their order. `room` is for them, and is empty before and after.
    pub(crate) fn end_call(
        &mut self,
        number: u32,
        room: &mut Vec<Attachment>,
        over: impl FnMut(Attachment),
    ) {
        if let Some(calls) = &mut self.0 {
            calls.end(number, room, over);
        }
    }

    /// Forgets an attachment. Returns whether it was remembered.
    pub(crate) fn forget(&mut self, attachment: Attachment) -> bool {
        let Some(calls) = &mut self.0 else { return false };
        let Some(number) = calls.reached.remove(attachment) else { return false };
        if calls.is_by_call {
            calls.by_call.remove((number, attachment));
        }
        true
    }

    /// Forgets those attachments that `keep` does not keep.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(Attachment) -> bool) {
        let Some(calls) = &mut self.0 else { return };
        let Calls { reached, by_call, .. } = &mut **calls;
        let before = reached.len();
        reached.retain(|attachment, _| keep(attachment));
        if reached.is_empty() {
            by_call.clear();
        } else if reached.len() < before && !by_call.is_empty() {
            by_call.retain(|(_, attachment), ()| reached.contains(attachment));
        }
    }

    pub(crate) fn clear(&mut self) {
        if let Some(calls) = &mut self.0 {
            calls.by_number.clear();
            calls.reached.clear();
            calls.by_call.clear();
            (calls.names, calls.is_by_call) = (0, false);
        }
    }
}

impl Told {
    /// Returns whether no call is remembered, and no memory kept for one.
    pub(crate) const fn is_blank(&self) -> bool {
        self.0.is_none()
    }

    /// Gives back what is not needed for the calls that are remembered.
    pub(crate) fn shrink_to_fit(&mut self) {
        self.0.take_if(|calls| calls.by_number.is_empty());
        if let Some(calls) = &mut self.0 {
            calls.by_number.shrink_to_fit();
            calls.reached.shrink_to_fit();
            if calls.reached.len() <= FEW {
                calls.is_by_call = false;
                calls.by_call.clear();
            }
            calls.by_call.shrink_to_fit();
        }
    }
}

impl Calls {
    /// Returns the oldest call that is remembered.
    fn oldest(&self) -> Option<(u32, Call)> {
        // The numbers may wrap, so those from the next one on are older than those before it.
        let oldest = self.by_number.first_from(self.next);
        oldest.or_else(|| self.by_number.iter().next())
    }

    /// Adds those whom a call reached, which are taken out.
    fn add(&mut self, reached: &mut Vec<Attachment>, number: u32) {
        if !self.is_by_call && self.reached.len() + reached.len() > FEW {
            self.is_by_call = true;
            for (attachment, call) in self.reached.iter() {
                self.by_call.insert((call, attachment), ());
            }
        }
        if self.is_by_call {
            self.by_call.insert_all(reached.iter().map(|new| ((number, *new), ())));
            reached.retain(|attachment| match self.reached.get_mut(*attachment) {
                Some(call) => {
                    let before = core::mem::replace(call, number);
                    self.by_call.remove((before, *attachment));
                    false
                }
                None => true,
            });
        } else {
            self.reached.replace_all(reached, number);
        }
        self.reached.insert_all(reached.iter().map(|new| (*new, number)));
        reached.clear();
    }

    /// Forgets a call, and those whom it was the last to reach: all of them together, which moves
    /// no more than each by itself, and much less where they are many.
    fn end(&mut self, number: u32, room: &mut Vec<Attachment>, mut over: impl FnMut(Attachment)) {
        let Some(call) = self.by_number.remove(number) else { return };
        self.names -= call.names;
        if !self.is_by_call {
            return self.reached.retain(|attachment, last| {
                if last == number {
                    over(attachment);
                }
                last != number
            });
        }
        let from = self.by_call.iter_from((number, Attachment::FIRST)).map(|(key, ())| key);
        room.extend(from.take_while(|(of, _)| *of == number).map(|(_, attachment)| attachment));
        self.by_call.remove_all(room.iter().map(|attachment| (number, *attachment)));
        self.reached.remove_all(room.iter().copied());
        room.drain(..).for_each(over);
    }

    fn is_in_order(&self) -> bool {
        let has_call = |(attachment, number)| {
            let is_found = !self.is_by_call || self.by_call.contains((number, attachment));
            is_found && self.by_number.contains(number)
        };
        self.reached.iter().is_sorted_by(|a, b| a.0 < b.0)
            && self.reached.iter().all(has_call)
            && self.by_call.len() == if self.is_by_call { self.reached.len() } else { 0 }
            && self.by_number.iter().map(|(_, call)| call.names).sum::<u32>() == self.names
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::ids::SessionIndex;
    use crate::tables::steps;
    use core::num::NonZeroU32;

    fn attachment(session: u32) -> Attachment {
        Attachment { session: SessionIndex(session), generation: NonZeroU32::MIN }
    }

    fn remember(told: &mut Told, names: u32, reached: &[u32]) -> Vec<u32> {
        let mut over = Vec::new();
        let mut reached = reached.iter().map(|session| attachment(*session)).collect();
        told.remember((names, None), &mut reached, 6, |gone| over.push(gone.session.0), |_| {});
        assert!(reached.is_empty());
        assert!(told.is_in_order());
        over
    }

    /// Nothing is remembered, and this is the number of the next call.
    fn told_from(next: u32) -> Told {
        Told(Some(Box::new(Calls { next, ..Calls::default() })))
    }

    #[test]
    fn the_oldest_calls_are_over_when_too_many_names_were_handed_in() {
        let mut told = told_from(u32::MAX - 1);
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
        let mut told = told_from(u32::MAX - 1);
        let (mut over, mut ended) = (Vec::new(), Vec::new());
        for (index, reached) in (0..).zip([&[1, 2][..], &[2, 3], &[3], &[1]]) {
            let expiry = (2, Some(ExpiryIndex::at(index)));
            let mut reached = reached.iter().map(|session| attachment(*session)).collect();
            told.remember(
                expiry,
                &mut reached,
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
            [(0, ExpiryIndex::at(2)), (1, ExpiryIndex::at(3)), (u32::MAX, ExpiryIndex::at(1))]
        );
        let mut end = |call| {
            let mut over = Vec::new();
            told.end_call(call, &mut Vec::new(), |gone| over.push(gone.session.0));
            assert!(told.is_in_order());
            over
        };
        assert_eq!((end(0), end(0), end(u32::MAX - 1)), (alloc::vec![3], Vec::new(), Vec::new()));
        assert_eq!((end(u32::MAX), end(1)), (alloc::vec![2], alloc::vec![1]));
        assert_eq!((told.name_count(), told.len()), (0, 0));
    }
    #[test]
    fn what_is_broken_is_seen() {
        let breaks: [fn(&mut Calls); 6] = [
            |calls| calls.reached.insert(attachment(5), 0),
            |calls| calls.by_call.insert((0, attachment(5)), ()),
            |calls| calls.is_by_call = true,
            |calls| calls.reached.insert(attachment(7), 9),
            |calls| _ = calls.by_number.remove(0),
            |calls| calls.names += 1,
        ];
        for (nth, break_it) in breaks.iter().enumerate() {
            let mut told = Told::default();
            remember(&mut told, 3, &[1, 5]);
            break_it(told.0.as_mut().expect("it has remembered something"));
            assert!(!told.is_in_order(), "the break number {nth} is not seen");
        }
    }

    /// What is said to one is as much work whether few or many are remembered: to remember it, to
    /// hear that it is over, and to forget one of them.
    #[test]
    fn few_entries_move_however_many_are_remembered() {
        const MANY: u32 = if cfg!(feature = "shrunk") { 2_000 } else { 100_000 };
        let (mut told, mut longest) = (Told::default(), [0; 3]);
        let mut moved = |kind: usize, told: &mut Told, call: &mut dyn FnMut(&mut Told)| {
            longest[kind] = steps::tests::moved(|| call(told)).max(longest[kind]);
        };
        // Backwards, so that each has its place before all others.
        for session in (0..MANY).rev() {
            moved(0, &mut told, &mut |told| {
                let mut reached = Vec::from([attachment(session)]);
                told.remember((1, None), &mut reached, MANY / 2, |_| {}, |_| {});
            });
        }
        assert_eq!((told.len(), told.name_count()), (MANY as usize / 2, MANY / 2));
        for session in 0..MANY / 8 {
            moved(1, &mut told, &mut |told| assert!(told.forget(attachment(session))));
        }
        for call in MANY / 2..MANY / 2 + MANY / 8 {
            let mut over = 0;
            moved(2, &mut told, &mut |told| told.end_call(call, &mut Vec::new(), |_| over += 1));
            assert_eq!(over, 1);
        }
        assert!(told.is_in_order());
        // Some pieces of lists, and tables of pieces.
        let most = if cfg!(feature = "shrunk") { 4_000 } else { 8_000 };
        assert!(longest.iter().all(|longest| *longest <= most), "{longest:?}");
    }

    /// A call that reached so many.
    fn told_to(count: u32) -> Told {
        let mut told = Told::default();
        remember(&mut told, 1, &(0..count).collect::<Vec<_>>());
        told
    }

    #[test]
    fn those_who_are_not_kept_are_forgotten_by_their_calls_too() {
        const MANY: u32 = 200;
        let mut told = told_to(MANY);
        let moved = steps::tests::moved(|| told.retain(|_| true));
        assert_eq!((moved, told.len()), (MANY as usize, MANY as usize), "nobody is forgotten");
        told.retain(|attachment| attachment.session.0.is_multiple_of(4));
        assert!(told.is_in_order());
        let mut over = Vec::new();
        told.end_call(0, &mut Vec::new(), |gone| over.push(gone.session.0));
        assert!(over.into_iter().eq((0..MANY).step_by(4)));
    }

    #[test]
    fn the_end_of_a_call_goes_over_nobody_whom_another_has_reached() {
        let mut told = told_to(1_000);
        remember(&mut told, 1, &[]);
        let moved = steps::tests::moved(|| told.end_call(1, &mut Vec::new(), |_| {}));
        assert_eq!(moved, 1, "but over the call itself");
        assert_eq!(told.len(), 1_000);
    }
}
