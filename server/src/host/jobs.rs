//! The jobs that the engine's thread has for the writer's thread.

use std::collections::BTreeMap;
use std::sync::Arc;

use adsum::{SessionKey, Slot};
use adsum_tim::TimPresence;

use super::transport::socket::Socket;

/// One thing to be done with connections.
pub(super) enum Job {
    /// A session is on this connection from now on.
    Attach(SessionKey, Arc<Socket>),
    /// A session's connection is gone.
    Detach(SessionKey),
    /// A presence goes to these sessions.
    Presence(Box<Outgoing>),
    /// A frame goes to a session.
    Frame(SessionKey, Vec<u8>),
    /// A session's connection is closed, with this code and reason.
    Close(SessionKey, u16, &'static str),
}

/// A presence on its way out.
pub(super) struct Outgoing {
    pub(super) presence: TimPresence,
    /// What goes with the receiver: `extend` of `toTid`.
    pub(super) extend: BTreeMap<String, String>,
    pub(super) to: Vec<Slot>,
}
