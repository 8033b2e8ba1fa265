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
        Some(Self::slow(burst, Duration::from_secs(1) / per_second, now))
    }

    /// Returns a full bucket that allows `burst` at once, and one more in each interval.
    pub(crate) fn slow(burst: u32, interval: Duration, now: Instant) -> Self {
        Self { interval, tolerance: interval * burst.max(1), full_at: now }
    }

    /// Returns whether there is a token, without taking it.
    pub(crate) fn has_one(&self, now: Instant) -> bool {
        self.full_at.max(now) + self.interval <= now + self.tolerance
    }

    /// Returns whether it is as good as new.
    pub(crate) fn is_full(&self, now: Instant) -> bool {
        self.full_at <= now
    }

    /// Returns the moment from which there is a token.
    pub(crate) fn ready_at(&self) -> Instant {
        let next = self.full_at + self.interval;
        next.checked_sub(self.tolerance).unwrap_or(next)
    }

    /// Takes a token; returns whether there was one.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let there_is_one = self.has_one(now);
        if there_is_one {
            self.full_at = self.full_at.max(now) + self.interval;
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
        assert!(bucket.is_full(at(0)));
        assert!((0..3).all(|_| bucket.has_one(at(0)) && bucket.take(at(0))));
        assert!(!bucket.has_one(at(0)) && !bucket.take(at(0)) && !bucket.take(at(99)));
        assert_eq!(bucket.ready_at(), at(100));
        assert!(bucket.take(at(100)) && !bucket.take(at(100)));
        assert!(!bucket.is_full(at(399)) && bucket.is_full(at(400)));
        // A refusal costs nothing, and waiting fills it no further than it was.
        assert!((0..3).all(|_| bucket.take(at(10_000))));
        assert!(!bucket.take(at(10_000)));
        assert!(Bucket::new(3, 0, start).is_none());
    }
}
