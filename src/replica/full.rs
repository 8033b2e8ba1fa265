//! What a replica says that has no room.

use core::fmt;

/// The replica holds as many sessions and topics as it was made for, and was told of another. A
/// notice changes nothing then, and what it said is lost. Of a snapshot as much is taken in as fits
/// beside what it leaves alone, and what it does not repeat is gone all the same: the replica holds
/// no ghosts, but not everybody. Of a topic that found no room nothing is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaFull;

impl fmt::Display for ReplicaFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the replica holds as many sessions and topics as it was made for")
    }
}

impl core::error::Error for ReplicaFull {}
