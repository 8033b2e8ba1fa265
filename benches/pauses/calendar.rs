//! When each user sends its next heartbeat.

use super::common::random::Random;

/// More than the longest time between two heartbeats.
const SPAN_MS: usize = 1 << 16;

/// A ring of milliseconds, each with the users who are heard in it.
pub(crate) struct Calendar {
    days: Vec<Vec<u32>>,
}

impl Calendar {
    pub(crate) fn new() -> Self {
        Self { days: vec![Vec::new(); SPAN_MS] }
    }

    /// A heartbeat comes after some 30 seconds, as clients are asked to send them, anyhow.
    pub(crate) fn add(&mut self, random: &mut Random, now_ms: u64, user: u32) {
        let at = now_ms as usize + 15_000 + random.below(30_000);
        self.days[at % SPAN_MS].push(user);
    }

    /// Takes out those whose time it is.
    pub(crate) fn take(&mut self, now_ms: u64) -> Vec<u32> {
        std::mem::take(&mut self.days[now_ms as usize % SPAN_MS])
    }
}
