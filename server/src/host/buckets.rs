//! Token buckets for many, of which only those are kept that are not full.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::{Duration, Instant};

use super::bucket::Bucket;

/// How many are kept at most.
pub(crate) const MOST: usize = 65_536;

/// A token bucket for each key, all alike.
pub(crate) struct Buckets<K> {
    burst: u32,
    interval: Duration,
    kept: HashMap<K, Bucket>,
}

impl<K: Eq + Hash> Buckets<K> {
    /// Returns buckets that allow each key `burst` at once, and one more in each interval.
    pub(crate) fn new(burst: u32, interval: Duration) -> Self {
        Self { burst, interval, kept: HashMap::new() }
    }

    /// Returns whether there is a token, without taking it.
    pub(crate) fn has_one(&self, key: &K, now: Instant) -> bool {
        self.kept.get(key).is_none_or(|bucket| bucket.has_one(now))
    }

    /// Takes a token, if there is one; returns whether there is another one.
    pub(crate) fn take(&mut self, key: K, now: Instant) -> bool {
        if self.kept.len() >= MOST {
            self.kept.retain(|_, bucket| !bucket.is_full(now));
            if self.kept.len() >= MOST {
                // So many are so busy that each of them begins anew.
                self.kept.clear();
            }
        }
        let full = || Bucket::slow(self.burst, self.interval, now);
        let bucket = self.kept.entry(key).or_insert_with(full);
        bucket.take(now);
        bucket.has_one(now)
    }

    /// Fills a bucket.
    pub(crate) fn fill(&mut self, key: &K) {
        self.kept.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_own_and_full_ones_are_not_kept() {
        let start = Instant::now();
        let mut buckets = Buckets::new(2, Duration::from_secs(1));
        assert!(buckets.has_one(&7, start) && buckets.take(7, start));
        assert!(!buckets.take(7, start) && !buckets.has_one(&7, start));
        assert!(buckets.has_one(&8, start));
        buckets.fill(&7);
        assert!(buckets.has_one(&7, start));
        for key in 0..MOST {
            buckets.take(key, start);
        }
        assert_eq!(buckets.kept.len(), MOST);
        // All are full again but the last one.
        let later = start + Duration::from_secs(2);
        buckets.take(MOST, later);
        assert_eq!(buckets.kept.len(), 1);
        for key in 0..2 * MOST {
            buckets.take(key, later);
        }
        assert!(buckets.kept.len() <= MOST);
    }
}
