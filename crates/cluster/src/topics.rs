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
    /// Since when nobody is in the topic here, if nobody is.
    empty: Option<Time>,
}

pub(crate) struct TopicTable<K, S> {
    all: HashMap<K, Record, S>,
    /// Those that somebody is in.
    open: BTreeMap<Given, K>,
    /// A checksum over those.
    pub(crate) digest: u64,
    /// Those that nobody is in, since when, the longest first. One that somebody is in again may
    /// stand here too.
    empty: VecDeque<(Time, K)>,
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
        self.all.insert(topic.clone(), Record { given, options, empty });
        match empty {
            Some(since) => self.empty.push_back((since, topic.clone())),
            None => self.list(topic, given),
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
        if let Some(Record { given, .. }) = self.all.remove(topic) {
            self.unlist(topic, given);
        }
    }

    /// Somebody is in a topic. Returns whether options have waited for that.
    pub(crate) fn occupy(&mut self, topic: &K) -> bool {
        let Some(record) = self.all.get_mut(topic) else { return false };
        let (was_empty, given) = (record.empty.take().is_some(), record.given);
        if was_empty {
            self.list(topic, given);
        }
        was_empty
    }

    /// Nobody is in a topic any more.
    pub(crate) fn vacate(&mut self, topic: &K, now: Time) {
        let Some(record) = self.all.get_mut(topic) else { return };
        record.empty = Some(now);
        let given = record.given;
        self.unlist(topic, given);
        self.empty.push_back((now, topic.clone()));
    }

    /// Forgets topics that nobody has been in for so long, and those longest empty beyond so many.
    pub(crate) fn sweep(&mut self, now: Time, keep_ms: u64, max: usize) {
        while let Some((since, _)) = self.empty.front()
            && (now.since(*since) >= keep_ms || self.empty.len() > max)
        {
            let Some((since, topic)) = self.empty.pop_front() else { return };
            if self.all.get(&topic).is_some_and(|record| record.empty == Some(since)) {
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

fn of<K: Hash>(topic: &K, (clock, by): Given) -> u64 {
    digest::of_change(digest::of_change(digest::of(topic), clock), by)
}
