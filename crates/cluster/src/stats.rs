//! What a node of a cluster has done so far.

use crate::node::{Incarnation, NodeId};

/// Counts since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClusterStats {
    /// Changes of users of this node that were told to others.
    pub ops_sent: u64,
    /// Changes that other nodes told, and that were taken.
    pub ops_taken: u64,
    /// Changes that were ignored: known already, or after a gap.
    pub ops_ignored: u64,
    /// Times that something was found missing and asked for.
    pub gaps: u64,
    /// Answers to such questions, given and taken.
    pub syncs_sent: u64,
    /// Answers that were taken.
    pub syncs_taken: u64,
    /// Times that a node's checksum was not that of what is known of it. Each heals itself, and
    /// none should be.
    pub wrong_digests: u64,
    /// Messages that were [refused](crate::Fault).
    pub faults: u64,
    /// What the engine refused of what other nodes said: a user with more than 1,024 sessions, a
    /// directed presence of a session that is not known.
    pub refused: u64,
    /// Sessions of this node that made way for others at other nodes.
    pub evicted: u64,
    /// Orders that were given up since too many waited, or since a node was gone for longer than
    /// the grace: if it was only not heard, it has not carried them out.
    pub orders_lost: u64,
    /// Times that a node was suspected.
    pub suspicions: u64,
}

/// What is known of another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeStatus {
    /// Its name.
    pub id: NodeId,
    /// Which life of it.
    pub incarnation: Incarnation,
    /// How it is.
    pub state: NodeState,
    /// The number of its users who are known here.
    pub users: u64,
    /// The number of the last change that is known.
    pub held: u64,
    /// The number of the last change that it has said there is.
    pub seq: u64,
}

/// How another node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeState {
    /// It says that it is there.
    Alive,
    /// Nothing is heard of it. Its sessions are detached, or have ended when the grace was over.
    Suspected,
    /// It has said that it stops.
    Left,
}
