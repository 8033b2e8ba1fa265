//! A token bucket: bounds how often something may happen.

use std::time::{Duration, Instant};

/// A token bucket, kept as the moment at which it will be full again.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    interval: Duration,
    tolerance: Duration,
    full_at: Instant,
}

impl Bucket {
    /// Returns a full bucket that allows `burst` at once and `per_second` after that, or `None` if
    /// there is no limit.
    pub(crate) fn new(burst: u32, per_second: u32, now: Instant) -> Option<Self> {
        if per_second == 0 {
            return None;
        }
        let interval = Duration::from_secs(1) / per_second;
        Some(Self { interval, tolerance: interval * burst.max(1), full_at: now })
    }

    /// Returns the moment from which there is a token.
    pub(crate) fn ready_at(&self) -> Instant {
        let next = self.full_at + self.interval;
        next.checked_sub(self.tolerance).unwrap_or(next)
    }

    /// Takes a token; returns whether there was one.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let next = self.full_at.max(now) + self.interval;
        let there_is_one = next <= now + self.tolerance;
        if there_is_one {
            self.full_at = next;
        }
        there_is_one
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(3, 10, start).unwrap();
        let at = |ms| start + Duration::from_millis(ms);
        assert!((0..3).all(|_| bucket.take(at(0))));
        assert!(!bucket.take(at(0)) && !bucket.take(at(99)));
        assert_eq!(bucket.ready_at(), at(100));
        assert!(bucket.take(at(100)) && !bucket.take(at(100)));
        // A refusal costs nothing, and waiting fills it no further than it was.
        assert!((0..3).all(|_| bucket.take(at(10_000))));
        assert!(!bucket.take(at(10_000)));
        assert!(Bucket::new(3, 0, start).is_none());
    }
}
