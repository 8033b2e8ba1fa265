//! The edges that wait to be told: of each user only the newest, and of so many users at most.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::batch::Batch;
use super::edge::Edge;
use super::metrics::WebhookMetrics;

/// How many edges are dropped before the engine's thread may note others.
const AT_ONCE: usize = 1_024;

/// How much may wait, and until when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// The most users of whom an edge waits.
    pub(crate) users: usize,
    /// The most edges of a batch.
    pub(crate) batch: usize,
    /// How long the first edge of a batch waits for others.
    pub(crate) wait: Duration,
}

/// The edges that wait. An edge stays here until the hook has taken it, so that a newer one of the
/// same user takes its place even between two attempts.
pub(crate) struct Waiting {
    bounds: Bounds,
    map: Mutex<Map>,
    /// Told when a batch may be due earlier than before.
    sooner: Notify,
    metrics: WebhookMetrics,
}

#[derive(Debug)]
struct Map {
    by_number: BTreeMap<u64, Edge>,
    of_user: HashMap<Arc<str>, u64>,
    /// When the first of those was noted that no batch was made of yet.
    first: Option<Instant>,
    /// How often something was lost. Before the start everything was.
    lost: u64,
    /// How much of that the hook knows of.
    told: u64,
}

impl Waiting {
    pub(crate) fn new(bounds: Bounds, metrics: WebhookMetrics) -> Self {
        let map = Map {
            by_number: BTreeMap::new(),
            of_user: HashMap::new(),
            first: None,
            lost: 1,
            told: 0,
        };
        Self { bounds, map: Mutex::new(map), sooner: Notify::new(), metrics }
    }

    /// Notes an edge, which takes the place of an earlier one of the same user. If too many users
    /// wait already, it is dropped, and the next batch says so.
    pub(crate) fn note(&self, edge: Edge) {
        let mut map = self.map();
        let before = map.of_user.get(&edge.user).copied();
        if before.is_none() && map.of_user.len() >= self.bounds.users {
            map.lost += 1;
            self.metrics.dropped(1);
        } else {
            if let Some(before) = before {
                map.by_number.remove(&before);
            }
            map.first.get_or_insert(edge.noted);
            map.of_user.insert(edge.user.clone(), edge.number);
            map.by_number.insert(edge.number, edge);
            self.metrics.waiting(map.of_user.len());
        }
        let len = map.of_user.len();
        drop(map);
        if before.is_none() && (len == 1 || len >= self.bounds.batch) {
            self.sooner.notify_one();
        }
    }

    /// Has the next batch say that something was missed, and come soon.
    pub(crate) fn may_have_missed(&self) {
        self.map().lost += 1;
        self.sooner.notify_one();
    }

    /// Waits until a batch is due: it is full, its first edge has waited for long enough, or the
    /// hook has yet to be told that it missed something.
    pub(super) async fn due(&self) {
        loop {
            let due = self.map().due(self.bounds);
            match due {
                Some(at) if at <= Instant::now() => return,
                Some(at) => {
                    let _ = tokio::time::timeout_at(at.into(), self.sooner.notified()).await;
                }
                None => self.sooner.notified().await,
            }
        }
    }

    /// Returns the next batch: the oldest edges of those that wait, which go on waiting.
    pub(super) fn batch(&self) -> Batch {
        let mut map = self.map();
        let edges: Vec<_> = map.by_number.values().take(self.bounds.batch).cloned().collect();
        if edges.len() == map.by_number.len() {
            map.first = None;
        }
        Batch { edges, missed: map.lost > map.told, lost: map.lost }
    }

    /// Forgets what the hook has taken.
    pub(super) fn taken(&self, batch: &Batch) {
        let mut map = self.map();
        for edge in &batch.edges {
            // Not if a newer one has taken its place.
            if map.by_number.remove(&edge.number).is_some() {
                map.of_user.remove(&edge.user);
            }
        }
        map.told = map.told.max(batch.lost);
        self.metrics.waiting(map.of_user.len());
        let emptied = map.emptied();
        drop(map);
        drop(emptied);
    }

    /// Drops all edges that were noted so long ago; returns how many there were.
    pub(super) fn drop_older(&self, age: Duration) -> usize {
        let mut all = 0;
        loop {
            let dropped = self.drop_some_older(age);
            all += dropped;
            if dropped < AT_ONCE {
                return all;
            }
        }
    }

    fn drop_some_older(&self, age: Duration) -> usize {
        let mut map = self.map();
        let mut dropped = 0;
        while dropped < AT_ONCE
            && let Some(oldest) = map.by_number.first_entry()
            && oldest.get().noted.elapsed() >= age
        {
            let edge = oldest.remove();
            map.of_user.remove(&edge.user);
            dropped += 1;
        }
        if dropped > 0 {
            map.lost += 1;
            self.metrics.dropped(dropped);
            self.metrics.waiting(map.of_user.len());
        }
        let emptied = map.emptied();
        drop(map);
        drop(emptied);
        dropped
    }

    fn map(&self) -> MutexGuard<'_, Map> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Map {
    /// Returns when the next batch is due; `None` if nothing is to be told.
    fn due(&self, bounds: Bounds) -> Option<Instant> {
        if self.lost > self.told || self.by_number.len() >= bounds.batch {
            return Some(Instant::now());
        }
        let (_, oldest) = self.by_number.first_key_value()?;
        // What a batch was made of and was not taken is due again.
        Some(self.first.map_or(oldest.noted, |first| first + bounds.wait))
    }

    /// Takes out the memory that a long queue has left, to be freed when the lock is.
    fn emptied(&mut self) -> Option<HashMap<Arc<str>, u64>> {
        self.of_user.is_empty().then(|| std::mem::take(&mut self.of_user))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::super::edge::State;
    use super::*;

    const WAIT: Duration = Duration::from_secs(3_600);

    /// Waits, of three users at most and in batches of two, for a hook that knows of the start.
    fn waiting() -> Waiting {
        let bounds = Bounds { users: 3, batch: 2, wait: WAIT };
        let waiting = Waiting::new(bounds, WebhookMetrics::default());
        let start = waiting.batch();
        assert!(start.missed && start.edges.is_empty());
        waiting.taken(&start);
        waiting
    }

    fn edge(number: u64, user: &str, state: State) -> Edge {
        let (user, noted) = (user.into(), Instant::now());
        Edge { number, user, state, visible: true, since_ms: number, noted }
    }

    fn online(number: u64, user: &str) -> Edge {
        edge(number, user, State::Online)
    }

    fn offline(number: u64, user: &str) -> Edge {
        edge(number, user, State::Offline("disconnected"))
    }

    fn numbers(batch: &Batch) -> Vec<u64> {
        batch.edges.iter().map(|edge| edge.number).collect()
    }

    #[test]
    fn only_the_newest_edge_of_a_user_waits() {
        let waiting = waiting();
        for edge in [online(1, "ann"), online(2, "bob"), offline(3, "ann"), online(4, "ann")] {
            waiting.note(edge);
        }
        let batch = waiting.batch();
        assert_eq!(numbers(&batch), [2, 4]);
        assert_eq!(batch.edges[1].state, State::Online);
        assert!(!batch.missed);
        waiting.taken(&batch);
        assert_eq!(waiting.batch().edges, []);
    }

    /// A newer edge takes the place of one that is on its way: that one is not told again, and the
    /// newer is not forgotten with it.
    #[test]
    fn what_is_on_its_way_makes_way_as_well() {
        let waiting = waiting();
        waiting.note(online(1, "ann"));
        let first = waiting.batch();
        waiting.note(offline(2, "ann"));
        // The attempt failed: the next one is not told what is over.
        assert_eq!(numbers(&waiting.batch()), [2]);
        // Or it was taken after all.
        waiting.taken(&first);
        assert_eq!(numbers(&waiting.batch()), [2]);
        assert_eq!(waiting.map().of_user.len(), 1);
    }

    #[test]
    fn one_user_too_many_is_dropped_and_that_is_told_once() {
        let waiting = waiting();
        for (number, user) in [(1, "ann"), (2, "bob"), (3, "cat"), (4, "dan")] {
            waiting.note(online(number, user));
        }
        // Those who wait already are no more than before.
        waiting.note(offline(5, "ann"));
        let first = waiting.batch();
        assert!(first.missed);
        assert_eq!(numbers(&first), [2, 3]);
        // Lost after the batch was made: taking that one does not tell of this.
        waiting.note(online(6, "eve"));
        waiting.taken(&first);
        let second = waiting.batch();
        assert!(second.missed);
        assert_eq!(numbers(&second), [5]);
        waiting.taken(&second);
        assert!(!waiting.batch().missed);
        assert_eq!(waiting.metrics.counts(), (2, 0));
    }

    #[test]
    fn what_is_too_old_is_dropped_and_that_is_told() {
        let waiting = waiting();
        waiting.note(online(1, "ann"));
        assert_eq!(waiting.drop_older(WAIT), 0);
        assert!(!waiting.batch().missed);
        assert_eq!(waiting.drop_older(Duration::ZERO), 1);
        let batch = waiting.batch();
        assert!(batch.missed && batch.edges.is_empty());
        assert_eq!(waiting.metrics.counts(), (1, 0));
    }

    #[tokio::test]
    async fn a_batch_is_due_when_it_is_full_or_has_waited_or_tells_of_a_loss() {
        let waiting = waiting();
        let is_due = || waiting.due().now_or_never().is_some();
        assert!(!is_due());
        waiting.note(online(1, "ann"));
        assert!(!is_due());
        // The same user again makes it no fuller, nor does it begin to wait anew.
        let first = waiting.map().first;
        waiting.note(offline(2, "ann"));
        assert!(!is_due() && waiting.map().first == first);
        waiting.note(online(3, "bob"));
        assert!(is_due());
        let batch = waiting.batch();
        waiting.taken(&batch);
        assert!(!is_due());
        // One that was not taken is due again at once.
        waiting.note(online(4, "ann"));
        waiting.batch();
        assert!(is_due());
        waiting.drop_older(Duration::ZERO);
        assert!(is_due());
    }
}
