//! Edges that this node has posted, as long as what another posts of the same user may have a
//! smaller number, though it is newer.

use adsum::Time;
use alloc::collections::VecDeque;
use core::hash::{BuildHasher, Hash};
use hashbrown::HashMap;

/// How many edges are kept.
const MAX: usize = 1 << 16;

/// An edge that was posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Posted {
    pub(crate) number: u64,
    /// Whether the user comes.
    pub(crate) comes: bool,
}

pub(crate) struct PostedEdges<K, S> {
    /// The last of each user.
    last: HashMap<K, Posted, S>,
    /// The same in their order, with when they were posted, and some that are kept no more.
    order: VecDeque<(u64, Time, K)>,
    /// The greatest number of those that made way while they were kept.
    dropped: Option<u64>,
}

impl<K: Eq + Hash + Clone, S: BuildHasher> PostedEdges<K, S> {
    pub(crate) const fn new(hasher: S) -> Self {
        Self { last: HashMap::with_hasher(hasher), order: VecDeque::new(), dropped: None }
    }

    /// Adds one, in place of an earlier one of the same user. That of another may have to make way.
    pub(crate) fn add(&mut self, user: &K, posted: Posted, now: Time) {
        self.last.insert(user.clone(), posted);
        self.order.push_back((posted.number, now, user.clone()));
        if self.order.len() > MAX {
            let dropped = self.drop_first();
            self.dropped = self.dropped.max(dropped);
        }
    }

    /// Returns whether some have made way that were kept, and everything is known now up to the
    /// last of them. So whoever asks then who is online hears what nobody was there to put right,
    /// and is told to ask once, however many there were.
    pub(crate) fn take_dropped(&mut self, known_until: u64) -> bool {
        self.dropped.take_if(|number| *number <= known_until).is_some()
    }

    /// Returns the last one of a user.
    pub(crate) fn get(&self, user: &K) -> Option<Posted> {
        if self.last.is_empty() { None } else { self.last.get(user).copied() }
    }

    /// Forgets the last one of a user.
    pub(crate) fn remove(&mut self, user: &K) {
        self.last.remove(user);
    }

    /// Forgets those with numbers up to this one that were posted before this time.
    pub(crate) fn forget(&mut self, until: u64, before: Time) {
        while self.order.front().is_some_and(|(number, at, _)| *number <= until && *at < before) {
            self.drop_first();
        }
    }

    /// Returns the number of the first if it was still kept.
    fn drop_first(&mut self) -> Option<u64> {
        let (number, _, user) = self.order.pop_front()?;
        // The user may have another one since.
        let is_kept = self.last.get(&user).is_some_and(|posted| posted.number == number);
        is_kept.then(|| self.last.remove(&user)).flatten().map(|posted| posted.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use adsum::DefaultHashBuilder;

    fn end(number: u64) -> Posted {
        Posted { number, comes: false }
    }

    #[test]
    fn edges_are_kept_until_all_know_and_some_time_has_passed() {
        let time = Time::from_millis;
        let mut edges = PostedEdges::new(DefaultHashBuilder::default());
        for user in 1..=4 {
            edges.add(&user, end(10 * user), time(user));
        }
        edges.forget(20, time(2));
        assert_eq!([edges.get(&1), edges.get(&2)], [None, Some(end(20))]);
        edges.forget(20, time(9));
        assert_eq!([edges.get(&2), edges.get(&3)], [None, Some(end(30))]);
        // Of a user the last one is kept.
        edges.add(&3, end(50), time(5));
        edges.remove(&4);
        edges.forget(40, time(9));
        assert_eq!([edges.get(&3), edges.get(&4)], [Some(end(50)), None]);
        assert_eq!(edges.order.len(), 1);
    }

    #[test]
    fn so_many_are_kept() {
        let mut edges = PostedEdges::new(DefaultHashBuilder::default());
        for user in 0..MAX {
            edges.add(&user, end(user as u64), Time::ZERO);
        }
        edges.remove(&0);
        // That one made way by itself.
        edges.add(&MAX, end(1 << 20), Time::ZERO);
        assert!(!edges.take_dropped(u64::MAX));
        (1..=3).for_each(|nth| edges.add(&(MAX + nth), end(1 << 20), Time::ZERO));
        assert_eq!((edges.order.len(), edges.get(&3)), (MAX, None));
        // It is said once, and as soon as whoever asks hears of all of them.
        assert_eq!([2, 3, 4].map(|until| edges.take_dropped(until)), [false, true, false]);
    }
}
