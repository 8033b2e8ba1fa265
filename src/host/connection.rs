//! What a host has to bring: a way to say things, and a way to send them.

use crate::key::SessionKey;
use crate::notice::Notice;
use crate::reason::{CloseReason, EndReason};
use crate::snapshot::Snapshot;
use crate::time::Time;
use core::fmt;

/// Names one connection of a [`Host`](crate::host::Host), for as long as anybody may remember it.
///
/// It is not used again, and stale once its session has ended or has been resumed on another
/// connection: then every call with it is refused with
/// [`Error::UnknownSession`](crate::Error::UnknownSession). So whatever reads a connection reports
/// its end with this id, however late, and nobody else is ended. It is no secret: a host that lets
/// clients name one to resume with puts a random token beside it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub(super) u64);

impl ConnectionId {
    /// Returns the id as a number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection {}", self.0)
    }
}

/// One connection, as far as the host sends through it: a channel to the task that writes, a
/// socket that does not block, an address to send datagrams to.
pub trait Connection<F> {
    /// Takes a frame to be sent, or gives it back if there is no room for it now. It must not
    /// block. Once it has given one back, the host calls it again from
    /// [`Host::flush`](crate::host::Host::flush) alone.
    ///
    /// A connection that is broken takes what it is given and lets whoever reads it say so.
    ///
    /// # Errors
    /// The frame, if there is no room.
    fn send(&mut self, frame: F) -> Result<(), F>;

    /// The host lets go of the connection: it is to be closed after what was sent.
    fn close(self, reason: Closing)
    where
        Self: Sized,
    {
        let _ = reason;
    }
}

/// Why a host lets go of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Closing {
    /// The engine said so.
    Engine {
        /// Why.
        reason: CloseReason,
        /// Whether the session can still be resumed.
        resumable: bool,
    },
    /// The caller said so, by [`Host::disconnect`](crate::host::Host::disconnect) or
    /// [`Host::lost`](crate::host::Host::lost).
    Caller,
}

/// What the application makes of decisions: frames, and whatever it does when users come and go.
pub trait Application<K, P> {
    /// One message as it is sent. It is cloned for each receiver, so it should be cheap to clone:
    /// an `Arc` of the bytes.
    type Frame: Clone;

    /// Returns the frame that says this notice, or `None` if its receivers are not to hear of it.
    /// Called once for each decision, however many are told.
    fn notice(&mut self, notice: &Notice<'_, K, P>) -> Option<Self::Frame>;

    /// Returns the frame that says this snapshot, or this part of one.
    fn snapshot(&mut self, snapshot: &Snapshot<'_, K, P>) -> Option<Self::Frame>;

    /// A user has come online. Nothing is done by default.
    fn online(&mut self, user: &K, visible: bool) {
        let _ = (user, visible);
    }

    /// A session has ended. Nothing is done by default.
    fn ended(&mut self, ended: &SessionEnd<'_, K>) {
        let _ = ended;
    }

    /// A directed or system notice was not sent to so many sessions, because they take nothing
    /// now. Nothing is done by default.
    fn skipped(&mut self, notice: &Notice<'_, K, P>, receivers: usize) {
        let _ = (notice, receivers);
    }
}

/// The end of a session, as [`Decision::Ended`](crate::Decision::Ended) tells it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct SessionEnd<'a, K> {
    /// Whose session it was.
    pub user: &'a K,
    /// The connection that it had last. Its id is stale from now on.
    pub connection: ConnectionId,
    /// The key of its last attachment.
    pub session: SessionKey,
    /// Why it ended.
    pub reason: EndReason,
    /// When its connection was gone.
    pub since: Time,
    /// Whether it was the user's last.
    pub last: bool,
    /// Whether the user was visible.
    pub visible: bool,
}
