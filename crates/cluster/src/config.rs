//! What the host may choose about a cluster.

use core::fmt;

/// How a node keeps in touch with the others. All nodes of a cluster have the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterConfig {
    /// A number that all nodes of a cluster share and those of no other do. Default: 0.
    pub cluster: u64,
    /// How often a node says that it is there, in milliseconds: 10 to 60,000. Default: 1,000.
    pub beat_ms: u64,
    /// After how long without a beat a node is suspected, in milliseconds: two beats at least, an
    /// hour at most. Default: 5,000.
    pub suspect_ms: u64,
    /// How long a node that joins waits for the others before it takes connections, in
    /// milliseconds: at most an hour. Default: 3,000.
    pub join_ms: u64,
    /// The most other nodes that are known: 1 to 1,000. Default: 100.
    pub max_nodes: u16,
    /// The most users in one message: 1 to 65,536. Default: 512.
    pub max_batch: u32,
    /// How many users who have gone are remembered by their ids, so that a node that was away
    /// hears of them alone: 1 to 2^24. Who was away for longer is told of everybody. Default:
    /// 65,536.
    pub max_gone: u32,
    /// The most inputs for other nodes that wait for an answer: 1 to 65,536. Default: 1,024.
    pub max_orders: u32,
}

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            cluster: 0,
            beat_ms: 1_000,
            suspect_ms: 5_000,
            join_ms: 3_000,
            max_nodes: 100,
            max_batch: 512,
            max_gone: 65_536,
            max_orders: 1_024,
        }
    }
}

const HOUR_MS: u64 = 60 * 60 * 1_000;

impl ClusterConfig {
    /// Checks that each number is in its range.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check(&self) -> Result<(), ClusterConfigError> {
        let ranges = [
            ("beat_ms", self.beat_ms, 10, 60_000),
            ("suspect_ms", self.suspect_ms, self.beat_ms.saturating_mul(2), HOUR_MS),
            ("join_ms", self.join_ms, 0, HOUR_MS),
            ("max_nodes", self.max_nodes.into(), 1, 1_000),
            ("max_batch", self.max_batch.into(), 1, 65_536),
            ("max_gone", self.max_gone.into(), 1, 1 << 24),
            ("max_orders", self.max_orders.into(), 1, 65_536),
        ];
        let wrong = ranges.into_iter().find(|(_, value, min, max)| !(min..=max).contains(&value));
        match wrong {
            Some((option, value, min, max)) => Err(ClusterConfigError { option, value, min, max }),
            None => Ok(()),
        }
    }
}

/// A number of a [`ClusterConfig`] is out of its range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterConfigError {
    /// The option's name.
    pub option: &'static str,
    /// What it was.
    pub value: u64,
    /// The least it may be.
    pub min: u64,
    /// The most it may be.
    pub max: u64,
}

impl fmt::Display for ClusterConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { option, value, min, max } = self;
        write!(f, "{option} is {value}, which is not within {min} to {max}")
    }
}

impl core::error::Error for ClusterConfigError {}
