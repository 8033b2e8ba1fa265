//! What ends by itself: presences with an end, shown or waiting, and directed presences with one.
//!
//! One entry and one deadline for each, in tables of their own, so that only those who use them
//! pay.

use crate::tables::free_list::FreeList;
use crate::tables::ids::{ExpiryIndex, MembershipIndex, SessionIndex};
use crate::tables::segments::{Segments, per_segment};
use crate::tables::timers::{Due, Timers};
use crate::time::Time;

/// What ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expiring {
    /// What the session shows.
    Shown,
    /// The publish that waits for a token: it has no deadline before it is shown.
    Waiting,
    /// The directed presence of this number.
    Call(u32),
    /// What the session said in a topic.
    Said(MembershipIndex),
    /// The wait of an update in a topic for its token. What is updated takes the place of nothing.
    Update(MembershipIndex),
}

/// One thing that ends.
pub(crate) struct Expiry<P> {
    pub(crate) session: SessionIndex,
    pub(crate) of: Expiring,
    pub(crate) until: Time,
    /// The presence that takes its place.
    pub(crate) then: Option<P>,
}

pub(crate) struct Expiries<P> {
    /// Blank where it is free.
    entries: Segments<Option<Expiry<P>>, { per_segment(256) }>,
    free: FreeList,
    timers: Timers<ExpiryIndex>,
    /// The number of presences that take the place of others.
    thens: usize,
}

impl<P> Expiries<P> {
    pub(crate) const fn new() -> Self {
        Self { entries: Segments::new(), free: FreeList::new(), timers: Timers::new(), thens: 0 }
    }

    /// Returns whether nothing ends by itself.
    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.entries.len() == self.free.len()
    }

    /// Returns the number of things that end.
    pub(crate) const fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// Returns the number of presences kept to take the place of others.
    pub(crate) const fn thens(&self) -> usize {
        self.thens
    }

    /// Returns the number of deadlines.
    pub(crate) const fn armed(&self) -> usize {
        self.timers.armed()
    }

    pub(crate) fn get(&self, index: ExpiryIndex) -> Option<&Expiry<P>> {
        self.entries.get(index.index() as usize)?.as_ref()
    }

    pub(crate) fn deadline(&self, index: ExpiryIndex) -> Option<Time> {
        self.timers.deadline(index)
    }

    /// Adds something that ends; it has no deadline yet.
    pub(crate) fn insert(&mut self, expiry: Expiry<P>) -> ExpiryIndex {
        self.thens += usize::from(expiry.then.is_some());
        match self.free.pop() {
            Some(number) => {
                self.entries[number as usize] = Some(expiry);
                ExpiryIndex::at(number)
            }
            None => {
                self.entries.push(Some(expiry));
                ExpiryIndex::at(self.entries.len() as u32 - 1)
            }
        }
    }

    /// Arms the deadline of something that ends. `now` is a moment before which nothing ends from
    /// now on: nobody looks for what is due as long as nothing is armed.
    pub(crate) fn arm(&mut self, index: ExpiryIndex, order: u64, now: Time) {
        if self.timers.armed() == 0 {
            self.timers.skip_to(now);
        }
        if let Some(expiry) = &self.entries[index.index() as usize] {
            self.timers.arm(index, expiry.until, order);
        }
    }

    /// Takes something out, with its deadline, whether or not that has come.
    pub(crate) fn remove(&mut self, index: ExpiryIndex) -> Option<Expiry<P>> {
        let expiry = self.entries.get_mut(index.index() as usize)?.take()?;
        self.thens -= usize::from(expiry.then.is_some());
        self.timers.disarm(index);
        self.free.push(index.index());
        Some(expiry)
    }

    // ---- deadlines, as those of sessions

    pub(crate) const fn look_again(&mut self) {
        self.timers.look_again();
    }

    pub(crate) fn next_look(&self) -> Option<Time> {
        self.timers.next_look(|_| None)
    }

    /// Returns the first deadline, if it is not after `limit`. It stays armed until it is
    /// [taken out](Self::remove).
    pub(crate) fn first_due(&mut self, limit: Time) -> Option<Due<ExpiryIndex>> {
        self.timers.first_due(limit, |_| None)
    }

    /// Gives back what only a past peak needed.
    pub(crate) fn shrink_to_fit(&mut self) {
        self.entries.truncate(self.free.cut_off(self.entries.len(), |_| true));
        self.entries.shrink_to_fit();
        self.timers.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expiry(session: u32, then: Option<u32>) -> Expiry<u32> {
        let until = Time::from_millis(u64::from(session) + 10);
        Expiry { session: SessionIndex(session), of: Expiring::Shown, until, then }
    }

    #[test]
    fn places_are_used_again_and_what_is_kept_is_counted() {
        let mut expiries = Expiries::new();
        assert!(expiries.is_empty());
        let first = expiries.insert(expiry(1, Some(7)));
        let second = expiries.insert(expiry(2, None));
        expiries.arm(first, 1, Time::ZERO);
        assert_eq!((expiries.len(), expiries.thens(), expiries.armed()), (2, 1, 1));
        assert_eq!(expiries.deadline(first), Some(Time::from_millis(11)));
        assert_eq!(expiries.first_due(Time::from_millis(10)), None);
        assert_eq!(expiries.first_due(Time::from_millis(11)).map(|due| due.of), Some(first));
        assert_eq!(expiries.remove(first).and_then(|expiry| expiry.then), Some(7));
        assert!(expiries.remove(first).is_none() && expiries.get(first).is_none());
        assert_eq!((expiries.len(), expiries.thens(), expiries.armed()), (1, 0, 0));
        assert_eq!(expiries.insert(expiry(3, None)), first);
        assert_eq!(expiries.remove(second).map(|expiry| expiry.session), Some(SessionIndex(2)));
        expiries.shrink_to_fit();
        assert_eq!((expiries.len(), expiries.entries.len()), (1, 1));
    }
    /// What is armed first has not been looked for before.
    #[test]
    fn no_look_is_at_a_moment_that_has_passed() {
        let (mut expiries, now) = (Expiries::new(), Time::from_millis(5_000_000));
        let until = now.saturating_add(50_000);
        let index = expiries.insert(Expiry { until, ..expiry(1, None) });
        expiries.arm(index, 1, now);
        assert!(expiries.next_look().is_some_and(|look| (now..=until).contains(&look)));
        assert_eq!(expiries.first_due(until).map(|due| due.at), Some(until));
    }
}
