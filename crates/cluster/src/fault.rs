//! Why a message was refused.

use crate::node::{Incarnation, NodeId};
use core::fmt;

/// Why a message was refused. Nothing has changed but the
/// [count of faults](crate::ClusterStats::faults).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It is of another version of the protocol.
    Protocol {
        /// The sender's version.
        theirs: u32,
    },
    /// It is of another cluster.
    OtherCluster,
    /// It says that it is from another node than the transport does.
    NotTheSender,
    /// It is for another node.
    NotForMe,
    /// Another node has this node's name. One of the two must stop: the others ignore the one that
    /// was started first. A single such message may also be a late one of this node's life before.
    NameTaken {
        /// Which life of the name the other is.
        theirs: Incarnation,
    },
    /// It is of an earlier life of the node than one that is known.
    OldIncarnation {
        /// The node.
        node: NodeId,
    },
    /// More nodes are known than there may be.
    TooManyNodes,
    /// It has more users than a message may have.
    TooLarge,
    /// What it says of a user is not what a node can say: lists or topics beyond the engine's
    /// limits, a session without a stamp or twice, numbers that do not ascend.
    Malformed,
    /// An order that no node gives: only what concerns all nodes is one.
    NotAnOrder,
    /// Its logical clock is so far ahead that nothing could come after it.
    Clock,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Protocol { theirs } => {
                write!(f, "the message is of version {theirs} of the protocol")
            }
            Self::OtherCluster => f.write_str("the message is of another cluster"),
            Self::NotTheSender => f.write_str("a node speaks for another"),
            Self::NotForMe => f.write_str("the message is for another node"),
            Self::NameTaken { .. } => f.write_str("another node has the name of this one"),
            Self::OldIncarnation { node } => write!(f, "{node} has been started anew since"),
            Self::TooManyNodes => f.write_str("there are too many nodes"),
            Self::TooLarge => f.write_str("the message has too many users"),
            Self::Malformed => f.write_str("the message says what no node can say"),
            Self::NotAnOrder => f.write_str("the message orders what no node may order"),
            Self::Clock => f.write_str("the logical clock of the message is too far ahead"),
        }
    }
}

impl core::error::Error for Fault {}
