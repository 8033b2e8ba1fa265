//! The table of options that hosts have given single topics (rule C12).
//!
//! The last to leave a topic is not heard to leave at the same moment everywhere, nor is the first
//! of the next to come. So options outlive their topic for a while, and wait for one that is not
//! open here yet.

use crate::digest;
use adsum::{Time, TopicOptions};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};
use hashbrown::HashMap;

/// When options were given, by the logical clock of the node that was told, and which node that
/// was: the greatest counts. No two have the same.
pub(crate) type Given = (u64, u64);

#[derive(Debug)]
struct Record {
    given: Given,
    options: TopicOptions,
    /// If nobody is in the topic here, the place in their order of its last one's leaving.
    left: Option<u64>,
}

pub(crate) struct TopicTable<K, S> {
    all: HashMap<K, Record, S>,
    /// Those that somebody is in.
    open: BTreeMap<Given, K>,
    /// A checksum over those.
    pub(crate) digest: u64,
    /// Those that nobody is in, with when the last one left and which leaving that was, the longest
    /// empty first. One that somebody is in again may stand here too, until there are more of these
    /// than of others.
    empty: VecDeque<(Time, u64, K)>,
    /// The number of those that nobody is in, and of all leavings.
    closed: usize,
    leavings: u64,
    /// Those whose options do not fit who is in them yet.
    pub(crate) unfit: Vec<K>,
}

impl<K: Eq + Hash + Clone, S: BuildHasher> TopicTable<K, S> {
    pub(crate) fn new(hasher: S) -> Self {
        Self {
            all: HashMap::with_hasher(hasher),
            open: BTreeMap::new(),
            digest: 0,
            empty: VecDeque::new(),
            closed: 0,
            leavings: 0,
            unfit: Vec::new(),
        }
    }

    /// Notes options unless newer ones are known. Returns whether it has.
    pub(crate) fn note(
        &mut self,
        topic: &K,
        given: Given,
        options: TopicOptions,
        empty: Option<Time>,
    ) -> bool {
        if self.all.get(topic).is_some_and(|known| known.given >= given) {
            return false;
        }
        self.forget(topic);
        self.all.insert(topic.clone(), Record { given, options, left: None });
        self.list(topic, given);
        if let Some(since) = empty {
            self.vacate(topic, since);
        }
        true
    }

    fn list(&mut self, topic: &K, given: Given) {
        self.open.insert(given, topic.clone());
        self.digest ^= of(topic, given);
    }

    fn unlist(&mut self, topic: &K, given: Given) {
        if self.open.remove(&given).is_some() {
            self.digest ^= of(topic, given);
        }
    }

    pub(crate) fn forget(&mut self, topic: &K) {
        if let Some(Record { given, left, .. }) = self.all.remove(topic) {
            self.closed -= usize::from(left.is_some());
            self.unlist(topic, given);
        }
    }

    /// Somebody is in a topic. Returns whether options have waited for that.
    pub(crate) fn occupy(&mut self, topic: &K) -> bool {
        let Some(record) = self.all.get_mut(topic) else { return false };
        let (was_empty, given) = (record.left.take().is_some(), record.given);
        if was_empty {
            self.closed -= 1;
            self.list(topic, given);
        }
        was_empty
    }

    /// Nobody is in a topic any more.
    pub(crate) fn vacate(&mut self, topic: &K, now: Time) {
        let Some(record) = self.all.get_mut(topic) else { return };
        self.leavings += 1;
        self.closed += usize::from(record.left.replace(self.leavings).is_none());
        let given = record.given;
        self.unlist(topic, given);
        self.empty.push_back((now, self.leavings, topic.clone()));
    }

    /// Forgets topics that nobody has been in for so long, and those longest empty beyond so many.
    pub(crate) fn sweep(&mut self, now: Time, keep_ms: u64, max: usize) {
        let Self { all, empty, closed, .. } = self;
        if empty.len() > 2 * *closed {
            empty.retain(|(_, left, topic)| is_left(all, topic, *left));
        }
        while let Some((since, ..)) = self.empty.front()
            && (now.since(*since) >= keep_ms || self.closed > max)
        {
            let Some((_, left, topic)) = self.empty.pop_front() else { return };
            if is_left(&self.all, &topic, left) {
                self.forget(&topic);
            }
        }
    }

    pub(crate) fn options_of(&self, topic: &K) -> Option<TopicOptions> {
        self.all.get(topic).map(|record| record.options)
    }

    /// Returns those that somebody is in, after this one, in the order in which they were given.
    pub(crate) fn after(&self, given: Given) -> impl Iterator<Item = (Given, &K, TopicOptions)> {
        use core::ops::Bound::{Excluded, Unbounded};
        let all = self.open.range((Excluded(given), Unbounded));
        all.filter_map(|(given, topic)| Some((*given, topic, self.options_of(topic)?)))
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.all.len() + self.empty.len() + self.unfit.len()
    }
}

/// Returns whether nobody has been in a topic since this leaving.
fn is_left<K: Eq + Hash, S: BuildHasher>(
    all: &HashMap<K, Record, S>,
    topic: &K,
    left: u64,
) -> bool {
    all.get(topic).is_some_and(|record| record.left == Some(left))
}

fn of<K: Hash>(topic: &K, (clock, by): Given) -> u64 {
    digest::of_change(digest::of_change(digest::of(topic), clock), by)
}
