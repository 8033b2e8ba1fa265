//! Why connections are closed, sessions end and topics are left.

use crate::event::LostCause;

/// Why the engine closes a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// Nothing was heard of the session for the length of its lease.
    LeaseLapsed,
    /// A newer session of its user took its place.
    Evicted,
    /// An administrator expelled its user.
    Expelled,
    /// The session was resumed on another connection while this one seemed to be up.
    Replaced,
}

/// Why a session has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum EndReason {
    /// It was [disconnected](crate::Engine::disconnect): a logout.
    Disconnected,
    /// It was lost for this cause, and not resumed within its grace, or had none.
    Lost(LostCause),
    /// A newer session of its user took its place.
    Evicted,
    /// An administrator expelled its user.
    Expelled,
}

/// Why a user is no member of a topic any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LeaveReason {
    /// Its last session there has [left](crate::Engine::leave).
    Left,
    /// It was [removed](crate::Engine::remove).
    Removed,
    /// Its last session there has ended, or looks so.
    Ended(EndReason),
}

/// Why a topic is closed to a session that was in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TopicClosing {
    /// The topic was [closed](crate::Engine::close).
    Closed,
    /// The session's user was [removed](crate::Engine::remove) from it.
    Removed,
}
