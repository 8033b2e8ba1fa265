//! The last frame on a connection, and when to come back.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

/// Why the server closes a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bye {
    Shutdown,
    Expired,
    Lapsed,
    Busy,
    Late,
    Replaced,
    Evicted,
    Expelled,
    Unauthorized,
    NoHello,
    TooBig,
    Protocol,
}

impl Bye {
    /// Returns its word, the code of the close frame, and whether the client is to come back.
    pub(crate) const fn parts(self) -> (&'static str, u16, bool) {
        match self {
            Self::Shutdown => ("shutdown", 1_001, true),
            Self::Expired => ("expired", 1_001, true),
            Self::Lapsed => ("lapsed", 4_003, true),
            Self::Busy => ("busy", 1_013, true),
            Self::Late => ("late", 1_008, true),
            Self::Replaced => ("replaced", 4_004, false),
            Self::Evicted => ("evicted", 4_001, false),
            Self::Expelled => ("expelled", 4_002, false),
            Self::Unauthorized => ("unauthorized", 4_401, false),
            Self::NoHello => ("no_hello", 1_008, false),
            Self::TooBig => ("too_big", 1_009, false),
            Self::Protocol => ("protocol", 1_002, false),
        }
    }

    /// Returns the frame.
    pub(crate) fn frame(self, after_ms: u64) -> Vec<u8> {
        #[derive(Serialize)]
        struct Frame {
            op: &'static str,
            code: &'static str,
            reconnect: bool,
            after_ms: u64,
        }
        let (code, _, reconnect) = self.parts();
        let frame = Frame { op: "bye", code, reconnect, after_ms };
        serde_json::to_vec(&frame).unwrap_or_default()
    }
}

/// The least time within which those come back who are told to, in milliseconds; so much more for
/// each who is told so at about the same time; and the most.
const LEAST_MS: u64 = 500;
const EACH_MS: u64 = 2;
const MOST_MS: u64 = 60_000;
/// What counts as the same time.
const TOGETHER: Duration = Duration::from_secs(5);

/// Sees to it that clients that are told to come back do not all come at once.
#[derive(Default)]
pub(crate) struct Herd(Mutex<Told>);

#[derive(Default)]
struct Told {
    since: Option<Instant>,
    count: u64,
}

impl Herd {
    /// Returns how long one more client is to wait, where at least `others` are told the same.
    pub(crate) fn after_ms(&self, now: Instant, others: usize) -> u64 {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.since.is_none_or(|since| now.saturating_duration_since(since) > TOGETHER) {
            *told = Told { since: Some(now), count: 0 };
        }
        told.count += 1;
        random_below(window_ms(told.count.max(others as u64)))
    }
}

/// Returns how long a client is to wait that has another server to come to: those who are told so
/// are told one after the other.
pub(crate) fn soon_ms() -> u64 {
    random_below(LEAST_MS)
}

const fn window_ms(count: u64) -> u64 {
    let window = LEAST_MS + EACH_MS * count;
    if window < MOST_MS { window } else { MOST_MS }
}

/// Returns a random number below this one, which is not zero.
pub(crate) fn random_below(bound: u64) -> u64 {
    let mut bytes = [0; 8];
    // Without random numbers all come at once, which is no reason to fail.
    let _ = getrandom::fill(&mut bytes);
    u64::from_le_bytes(bytes) % bound.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_go_the_longer_is_the_time_in_which_they_come_back() {
        let (herd, now) = (Herd::default(), Instant::now());
        let first = herd.after_ms(now, 0);
        assert!(first < window_ms(1), "{first}");
        let all: Vec<_> = (0..5_000).map(|_| herd.after_ms(now, 0)).collect();
        let late = all.iter().filter(|after| **after > window_ms(1)).count();
        assert!(late > 3_500, "{late} of 5000 come later than one alone may have to");
        assert!(all.iter().max() < Some(&window_ms(5_001)));
        // Half of those who go together come in the first half of the time, about.
        let known: Vec<_> = (0..1_000).map(|_| herd.after_ms(now, 10_000)).collect();
        let early = known.iter().filter(|after| **after < window_ms(10_000) / 2).count();
        assert!((350..650).contains(&early), "{early} of 1000");
        let later = now + TOGETHER * 2;
        assert!(herd.after_ms(later, 0) < window_ms(1), "they are forgotten");
        assert_eq!(window_ms(u64::MAX / 4), MOST_MS);
    }
}
