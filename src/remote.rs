//! What another node's engine says of a user whose sessions it has: the words of a cluster's door.
//!
//! Durations travel, moments do not, since the clocks of two nodes are apart.

use crate::event::LostCause;
use crate::key::{DeviceKind, SessionId};
use crate::reason::EndReason;
use alloc::vec::Vec;

/// A node of a cluster, or one life of it, as this engine tells them apart: a number of the host's
/// choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Origin(pub u32);

/// Everything that one node says of one user: what [`Engine::remote_state`] takes and
/// [`LocalUser::to_remote`] gives.
///
/// [`Engine::remote_state`]: crate::Engine::remote_state
/// [`LocalUser::to_remote`]: crate::LocalUser::to_remote
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RemoteState<K, P> {
    /// What belongs to the user and not to one node. `None`: as this engine has it.
    pub lists: Option<RemoteLists<K>>,
    /// All sessions of the user that the node has, in the order in which they connected.
    pub sessions: Vec<RemoteSession<K, P>>,
    /// Why sessions have ended that this engine may still have of the node. Those that are in
    /// neither list count as disconnected, and so does who is named after 65,536 others.
    pub ended: Vec<(SessionId, EndReason)>,
}

/// A user's lists, and its wish to be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RemoteLists<K> {
    /// Who may see the user.
    pub audience: Vec<K>,
    /// Whom the user has blocked.
    pub blocked: Vec<K>,
    /// Whether the user is visible.
    pub visible: bool,
}

/// What a node says of one of its sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RemoteSession<K, P> {
    /// Its id in the engine of its node. Receivers here know it by another.
    pub id: SessionId,
    /// What kind of device it is on.
    pub kind: DeviceKind,
    /// How long ago it connected, in milliseconds.
    pub age_ms: u64,
    /// If it is detached, why and for how long yet.
    pub lost: Option<RemoteLoss>,
    /// How often what it shows has changed. What comes with the number that is known is not told
    /// again.
    pub number: u64,
    /// What it shows.
    pub shown: Option<RemotePresence<P>>,
    /// If it is idle, how long ago a person last did something on it, in milliseconds.
    pub idle_ms: Option<u64>,
    /// The topics it is in, in the order in which it joined them.
    pub topics: Vec<RemoteMember<K, P>>,
}

/// The loss of a session's connection to its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RemoteLoss {
    /// Why it was lost.
    pub cause: LostCause,
    /// How long ago, in milliseconds.
    pub since_ms: u64,
    /// How much of its grace is left, in milliseconds.
    pub left_ms: u64,
}

/// What a session shows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RemotePresence<P> {
    /// The presence.
    pub presence: P,
    /// How long it has shown it, in milliseconds.
    pub age_ms: u64,
    /// If it [ends by itself](crate::Engine::publish_until), when and in what.
    pub until: Option<RemoteEnd<P>>,
}

/// The end of a presence that ends by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RemoteEnd<P> {
    /// In how many milliseconds it ends.
    pub left_ms: u64,
    /// What takes its place.
    pub then: Option<P>,
}

/// What a session is in a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RemoteMember<K, P> {
    /// The topic's name.
    pub topic: K,
    /// Whether it observes, and is no member: it shows nothing there, and is only counted.
    pub observes: bool,
    /// How often what it shows there has changed.
    pub number: u64,
    /// What it shows there. `None`: what it publishes.
    pub presence: Option<P>,
}
