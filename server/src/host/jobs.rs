//! The jobs that the engine's thread has for the writer's thread.

use std::collections::BTreeMap;
use std::sync::Arc;

use adsum::{SessionKey, Slot};
use adsum_tim::TimPresence;

use super::transport::socket::Socket;
use super::v1::told::Told;

/// One thing to be done with connections.
pub(super) enum Job {
    /// A session is on this connection from now on.
    Attach(SessionKey, Arc<Socket>),
    /// A session's connection is gone.
    Detach(SessionKey),
    /// A presence goes to those of these sessions that speak tim's protocol.
    Presence(Box<Outgoing>),
    /// Something is told to those that speak the neutral one.
    Told(Box<Told>, Vec<Slot>),
    /// A frame goes to a session.
    Frame(SessionKey, Vec<u8>),
    /// A session's connection is closed.
    Close(SessionKey, Goodbye),
}

/// How a connection is closed.
pub(super) struct Goodbye {
    /// The code of the close frame, and its reason.
    pub(super) code: u16,
    pub(super) reason: &'static str,
    /// A frame before that, if it is not empty.
    pub(super) last: Vec<u8>,
}

/// A presence on its way out.
pub(super) struct Outgoing {
    pub(super) presence: TimPresence,
    /// What goes with the receiver: `extend` of `toTid`.
    pub(super) extend: BTreeMap<String, String>,
    pub(super) to: Vec<Slot>,
}
