//! Why connections are closed and sessions end.

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
