//! What the engine's thread is asked to do.

use std::sync::Arc;

use adsum::{LostCause, SessionKey};
use adsum_tim::{Form, Tid, TimMessage, TimPresence};
use tokio::sync::oneshot;

use super::outbox::Socket;

/// An account's id, shared by all who name it.
pub(crate) type Node = Arc<str>;

/// A presence as the engine holds it: what the client said, `fromTid` put in, `id`, `offline` and
/// the receivers taken out. It goes with the session that said it.
pub(crate) type Saying = Arc<TimPresence>;

/// One thing to do. All come through one channel, so what receivers are told is in the order in
/// which it was decided.
pub(crate) enum Command {
    Connect(Box<Connect>),
    Heartbeat(SessionKey),
    Publish(SessionKey, Saying),
    Direct(Box<Direct>),
    Disconnect(SessionKey),
    Lost(SessionKey, LostCause),
    Invisible(SessionKey),
    Visible(SessionKey),
    Roster(Box<RosterChange>),
    /// A notice about the roster, to all sessions of a user.
    Tell(Node, Box<TimMessage>),
    System(Box<System>),
    Expel(Node, oneshot::Sender<usize>),
    /// Users who are online, after this one, so many at most.
    Online(Option<Node>, usize, oneshot::Sender<OnlinePage>),
    /// Is the user online?
    IsOnline(Node, oneshot::Sender<bool>),
    Figures(oneshot::Sender<Figures>),
    /// Something is in the list of the writable.
    Nudge,
    /// The server ends.
    Stop,
}

impl Command {
    /// The session whose word this is.
    pub(crate) fn session(&self) -> Option<SessionKey> {
        match self {
            Self::Heartbeat(session)
            | Self::Publish(session, _)
            | Self::Disconnect(session)
            | Self::Lost(session, _)
            | Self::Invisible(session)
            | Self::Visible(session) => Some(*session),
            Self::Direct(direct) => Some(direct.session),
            _ => None,
        }
    }
}

/// Somebody has shown who they are.
pub(crate) struct Connect {
    pub(crate) node: Node,
    pub(crate) audience: Vec<String>,
    pub(crate) blocked: Vec<String>,
    pub(crate) login: LoggedIn,
    /// The answer to the client. It goes out before anything else does.
    pub(crate) ack: Vec<u8>,
    /// Requests of others that wait for this user's answer; they follow the snapshot.
    pub(crate) requests: Vec<TimMessage>,
    pub(crate) reply: oneshot::Sender<Result<SessionKey, adsum::Error>>,
}

/// A connection with somebody on it.
pub(crate) struct LoggedIn {
    pub(crate) socket: Arc<Socket>,
    pub(crate) form: Form,
    pub(crate) tid: Arc<Tid>,
}

/// A presence to those it names.
pub(crate) struct Direct {
    pub(crate) session: SessionKey,
    pub(crate) to: Vec<Node>,
    pub(crate) saying: Saying,
    /// Told if the rate or a bound forbids it; not if a receiver does, which would say that they
    /// are online.
    pub(crate) refused: oneshot::Sender<adsum::Error>,
}

/// What has become of two users' relation.
pub(crate) struct RosterChange {
    pub(crate) user: Node,
    pub(crate) other: Node,
    pub(crate) kind: RosterChangeKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RosterChangeKind {
    Friends,
    Apart,
    Blocked,
    Unblocked,
}

/// Something an administrator says.
pub(crate) struct System {
    pub(crate) to: Vec<Node>,
    pub(crate) saying: Saying,
    pub(crate) reply: oneshot::Sender<SystemOutcome>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemOutcome {
    pub(crate) delivered: usize,
    pub(crate) skipped: usize,
}

/// A page of who is online.
pub(crate) struct OnlinePage {
    pub(crate) users: Vec<(Node, usize)>,
    pub(crate) more: bool,
    pub(crate) total: usize,
}

/// How much the engine holds, and what it has done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) counts: adsum::Counts,
    pub(crate) stats: adsum::Stats,
}
