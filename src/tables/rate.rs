//! How often a session may speak: a token bucket, kept as one number.
//!
//! Instead of a count and the time it was taken, a bucket keeps the moment at which it will be
//! full again (the "theoretical arrival time" of the generic cell rate algorithm). The two say the
//! same, and this one needs no rounding.

use crate::config::Rate;
use crate::time::Time;

#[derive(Clone, Copy, Default)]
pub(crate) struct Bucket {
    full_at: Time,
}

impl Bucket {
    /// Returns whether no token has ever been taken.
    pub(crate) fn is_unused(self) -> bool {
        self.full_at == Time::ZERO
    }

    /// Returns the first moment at which there is a token.
    pub(crate) fn free_at(self, rate: Rate) -> Time {
        let slack = u64::from(rate.burst - 1) * u64::from(rate.interval_ms);
        Time::from_millis(self.full_at.as_millis().saturating_sub(slack))
    }

    /// Takes a token, which is there from [`free_at`](Self::free_at) on.
    pub(crate) fn take(&mut self, rate: Rate, now: Time) {
        self.full_at = self.full_at.max(now).saturating_add(rate.interval_ms.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_then_one_token_an_interval_comes_back() {
        let rate = Rate { burst: 3, interval_ms: 10 };
        let mut bucket = Bucket::default();
        let start = Time::from_millis(1_000);
        for _ in 0..3 {
            assert!(bucket.free_at(rate) <= start);
            bucket.take(rate, start);
        }
        assert_eq!(bucket.free_at(rate), Time::from_millis(1_010));
        bucket.take(rate, Time::from_millis(1_010));
        assert_eq!(bucket.free_at(rate), Time::from_millis(1_020));
        bucket.take(rate, Time::from_millis(5_000));
        assert!(bucket.free_at(rate) <= Time::from_millis(5_000));
    }

    #[test]
    fn at_the_end_of_time_the_last_moment_is_still_one() {
        let rate = Rate { burst: 1, interval_ms: 10 };
        let mut bucket = Bucket::default();
        bucket.take(rate, Time::MAX);
        assert_eq!(bucket.free_at(rate), Time::MAX);
    }
}
