//! How long to wait between two attempts.

use std::time::Duration;

/// How many times the first pause the longest one is.
const LONGEST: u32 = 40;

/// The pauses between attempts that fail: each twice as long as the one before, up to forty times
/// the first, and of each a random part between a half and the whole, so that servers that fail
/// together do not come back together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pause {
    first: Duration,
    next: Option<Duration>,
}

impl Pause {
    pub(super) const fn new(first: Duration) -> Self {
        Self { first, next: None }
    }

    /// Begins anew: an attempt has succeeded.
    pub(super) fn reset(&mut self) {
        self.next = None;
    }

    /// Returns whether the last attempt failed.
    pub(super) const fn is_failing(&self) -> bool {
        self.next.is_some()
    }

    /// Returns how long to wait after one more attempt has failed.
    pub(super) fn next(&mut self) -> Duration {
        let whole = self.next.unwrap_or(self.first);
        self.next = Some((whole * 2).min(self.first * LONGEST));
        let mut random = [0; 2];
        // Without random numbers it is half of it.
        let _ = getrandom::fill(&mut random);
        whole.mul_f64(0.5 + f64::from(u16::from_le_bytes(random)) / f64::from(u16::MAX) / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_longest_one_and_differ() {
        let first = Duration::from_millis(100);
        let mut pauses = [Pause::new(first); 8];
        for whole in [1, 2, 4, 8, 16, 32, 40, 40].map(|times| first * times) {
            let mut taken = pauses.each_mut().map(Pause::next);
            assert!(taken.iter().all(|one| (whole / 2..=whole).contains(one)), "{taken:?}");
            taken.sort();
            assert_ne!(taken[0], taken[7], "all are the same");
        }
        let mut pause = pauses[0];
        assert!(pause.is_failing());
        pause.reset();
        assert!(!pause.is_failing() && pause.next() <= first);
    }
}
