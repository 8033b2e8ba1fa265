//! What a host has to bring: a way to say things, and a way to send them.

use crate::error::Error;
use crate::key::{SessionKey, TopicKey};
use crate::notice::Notice;
use crate::reason::{CloseReason, EndReason};
use crate::snapshot::{Changes, Snapshot, TopicSnapshot};
use crate::time::Time;
use core::fmt;
use std::sync::mpsc::{SyncSender, TrySendError};

/// Names one connection of a [`Host`](crate::host::Host), for as long as anybody may remember it.
///
/// It is never used again by the same host. It is stale once its session has ended or has been
/// resumed on another connection: then every call with it is refused with
/// [`Error::UnknownSession`]. So whatever reads a connection reports its end with this id, however
/// late, and nobody else is ended. It is no secret: a host that lets clients resume gives them a
/// random token, and keeps the id beside it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
// The key of the first attachment that the connection had. It gets another one when it overflows.
pub struct ConnectionId(pub(super) SessionKey);

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection of {:?}", self.0)
    }
}

/// One connection, as far as the host sends through it: a bounded queue to whatever writes, a
/// socket that does not block, an address to send datagrams to. A [`SyncSender`] is one.
///
/// Whoever empties the queue says [`flush`](crate::host::Host::flush) when there is room again. It
/// need not know whether the host has found the queue full, and no flag is needed, which is easily
/// raced past: a queue of `n` that was full gives `n` frames in a row before it is empty. So it
/// counts the frames that it takes without finding the queue empty, and says `flush` when it finds
/// it empty after `n` or more.
pub trait Connection<F> {
    /// Takes a frame to be sent, or gives it back if there is no room for it now. It must not
    /// block. Once it has given one back, it is not called again before
    /// [`flush`](crate::host::Host::flush).
    ///
    /// A connection that is broken takes what it is given, and whoever reads it says that it is
    /// [lost](crate::host::Host::lost).
    ///
    /// # Errors
    /// The frame, if there is no room.
    fn send(&mut self, frame: F) -> Result<(), F>;

    /// Closes the connection after what it has taken. Frames that still waited for room are
    /// dropped. By default the connection is dropped.
    ///
    /// What its reader then reports comes late and changes nothing, but for one case: after a
    /// lapsed lease the session can be resumed, so report the end of a connection that was closed
    /// here as [lost](crate::host::Host::lost), and not as a
    /// [logout](crate::host::Host::disconnect).
    fn close(self, reason: Closing)
    where
        Self: Sized,
    {
        let _ = reason;
    }
}

/// The queue of a thread that writes: it ends when the host lets go of the connection.
impl<F> Connection<F> for SyncSender<F> {
    fn send(&mut self, frame: F) -> Result<(), F> {
        match self.try_send(frame) {
            Err(TrySendError::Full(frame)) => Err(frame),
            Ok(()) | Err(TrySendError::Disconnected(_)) => Ok(()),
        }
    }
}

/// Why a host lets go of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Closing {
    /// The engine decided so.
    Engine {
        /// Why.
        reason: CloseReason,
        /// Whether the session can still be resumed.
        resumable: bool,
    },
    /// The caller asked for it, by [`Host::disconnect`](crate::host::Host::disconnect) or
    /// [`Host::lost`](crate::host::Host::lost).
    Caller,
    /// The host is [shutting down](crate::host::Host::shut_down).
    ShutDown,
}

/// A connection that the host did not take in, so that its client can be told why.
pub struct Refused<C> {
    /// Why.
    pub error: Error,
    /// The connection.
    pub connection: C,
}

impl<C> From<Refused<C>> for Error {
    fn from(refused: Refused<C>) -> Self {
        refused.error
    }
}

impl<C> fmt::Debug for Refused<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<C> fmt::Display for Refused<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<C> core::error::Error for Refused<C> {}

/// What the application makes of decisions: frames, and whatever it does when users come and go.
///
/// All of it is called while the engine is being drained, so it must not block. What it wants to
/// ask or tell the host, it notes and does after the call.
pub trait Application<K, P> {
    /// One message as it is sent. It is cloned for each receiver, so it should be cheap to clone:
    /// an `Arc` of the bytes.
    type Frame: Clone;

    /// Returns the frame that says this notice, or `None` if its receivers are not to hear of it.
    /// It is called once for each decision, so for up to 4,096 receivers at once.
    fn notice(&mut self, notice: &Notice<'_, K, P>) -> Option<Self::Frame>;

    /// Returns the frame that says this snapshot, or this part of one, or `None` if its receiver
    /// is not to hear of it.
    fn snapshot(&mut self, snapshot: &Snapshot<'_, K, P>) -> Option<Self::Frame>;

    /// Returns the frame that says what a topic is like, or this part of it, or `None` if its
    /// receivers are not to hear of it. By default there are no topics.
    fn topic(&mut self, snapshot: &TopicSnapshot<'_, K, P>) -> Option<Self::Frame> {
        let _ = snapshot;
        None
    }

    /// Returns the frame that says what has changed in a topic, or this part of it, or `None` if
    /// its receivers are not to hear of it. By default there are no topics.
    fn topic_changes(&mut self, changes: &Changes<'_, K, P>) -> Option<Self::Frame> {
        let _ = changes;
        None
    }

    /// Notes that somebody is in a topic from now on. Does nothing by default.
    fn topic_occupied(&mut self, topic: &K, key: TopicKey) {
        let _ = (topic, key);
    }

    /// Notes that nobody is in a topic any more. Does nothing by default.
    fn topic_vacated(&mut self, topic: &K, key: TopicKey) {
        let _ = (topic, key);
    }

    /// Notes that a user has come online, by the connection of its first session. Does nothing by
    /// default.
    fn online(&mut self, user: &K, connection: ConnectionId, visible: bool) {
        let _ = (user, connection, visible);
    }

    /// Notes that a session has ended: what is kept for it, a token say, can be forgotten. It is
    /// called once for each session. Does nothing by default.
    fn ended(&mut self, ended: &SessionEnd<'_, K>) {
        let _ = ended;
    }

    /// Notes that a directed or system notice, or what was said in a topic, was not sent to this
    /// number of sessions, because they take nothing now. It will not be sent later. Does nothing
    /// by default.
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
    /// Whether it was the user's last, so that the user is offline from now on.
    pub last: bool,
    /// Whether the user was visible.
    pub visible: bool,
}
