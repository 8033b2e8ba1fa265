//! The commands that the engine's thread is given.

use std::sync::Arc;

use adsum::{LostCause, SessionKey};
use adsum_cluster::{Message, NodeId};
use adsum_tim::{Tid, TimAck, TimMessage};
use tokio::sync::oneshot;

use super::late_frames::Word;
use super::question::Question;
use super::resume_secret::ResumeSecret;
use super::seats::SessionSeat;
use super::shown::Shown;
use super::transport::socket::Socket;
use super::transport::wire::Wire;
use super::v1::grant::{Grant, Lists};
use super::v1::verb::Asked;
use crate::cluster::ClusterFigures;

/// An account's id, shared by all who name it.
pub(crate) type Node = Arc<str>;

/// A presence as the engine holds it: what the client sent, with `fromTid` put in, and `id`,
/// `offline` and the receivers taken out. It lives as long as the session that published it.
pub(crate) type Presence = Arc<Shown>;

/// The node that an administrator's notices come from: no account has this id.
pub(crate) const SYSTEM_NODE: &str = "@server";

/// One thing to do. All commands come through one channel, so that receivers are told things in
/// the order in which they were decided.
pub(crate) enum Command {
    Connect(Box<Connect>),
    /// Asks whose session this secret names.
    WhoResumes(ResumeSecret, oneshot::Sender<Option<Node>>),
    Resume(Box<Resume>),
    Heartbeat(SessionKey),
    Publish(SessionKey, Presence),
    PublishFor(Box<PublishFor>),
    /// Publishes what came over the rate and is kept in the session's socket.
    LateWord(SessionKey),
    /// Shows nothing of this session any more.
    Withdraw(SessionKey),
    Direct(Box<Direct>),
    /// Has a session be told of accounts that are no friends.
    Watch(Box<Watch>),
    /// Ends that.
    Unwatch(Box<Watch>),
    /// What a session asks for in the neutral protocol.
    Asked(Box<Asked>),
    /// A client says that a person did something, and is answered.
    Active(SessionKey),
    /// A person caused a request, which is answered elsewhere.
    Person(SessionKey),
    Disconnect(SessionKey),
    Lost(SessionKey, LostCause),
    /// The server is about to end, and a session's connection does. The session stays, and nobody
    /// hears that it is gone; but whoever keeps the connection open lets go of it, so that the
    /// client sees it end now, and not with all the others at the end of the process.
    LetGo(SessionKey),
    /// The server sends a session away, and it may come back for so many milliseconds at least.
    SentAway(SessionKey, u64),
    Invisible(SessionKey),
    Visible(SessionKey),
    Roster(Box<RosterChange>),
    /// Sends a message about the roster to all sessions of a user.
    RosterMessage(Node, Box<TimMessage>),
    /// Tells the sessions of a user that have asked for the roster of a change of it: a frame of
    /// the neutral protocol.
    Relation(Node, Vec<u8>),
    System(Box<System>),
    Expel(Node, oneshot::Sender<usize>),
    /// Asks for the users online after this one, so many at most.
    Online(Option<Node>, usize, oneshot::Sender<OnlinePage>),
    /// Asks which of these users are offline.
    WhoIsOffline(Vec<Node>, oneshot::Sender<Vec<Node>>),
    /// Asks who is online, as of which edge.
    WhoIsOnline(WhoIsOnline, oneshot::Sender<OnlineNow>),
    /// What an application asks for.
    Ask(Question),
    Figures(oneshot::Sender<Figures>),
    /// Of one of several servers: the others may hear of it from now on.
    Begin,
    /// What another server says.
    Hear(Box<Heard>),
    /// Of one of several servers: it leaves, and this is answered when the others have been told.
    Leave(oneshot::Sender<()>),
    /// Says that there are sessions in the list of those whose queues have changed.
    QueuesChanged,
    /// Ends the thread, since the server ends.
    Stop,
}

impl Command {
    /// Returns the command that publishes this.
    pub(crate) fn of_word(session: SessionKey, word: Word) -> Self {
        let Word { presence, for_ms, then } = word;
        match for_ms {
            None => Self::Publish(session, presence),
            Some(for_ms) => {
                Self::PublishFor(Box::new(PublishFor { session, presence, for_ms, then }))
            }
        }
    }

    /// Returns the session that this comes from, if it comes from one.
    pub(crate) fn session(&self) -> Option<SessionKey> {
        match self {
            Self::Heartbeat(session)
            | Self::Publish(session, _)
            | Self::LateWord(session)
            | Self::Withdraw(session)
            | Self::Active(session)
            | Self::Person(session)
            | Self::Disconnect(session)
            | Self::Lost(session, _)
            | Self::LetGo(session)
            | Self::SentAway(session, _)
            | Self::Invisible(session)
            | Self::Visible(session) => Some(*session),
            Self::PublishFor(publish) => Some(publish.session),
            Self::Direct(direct) => Some(direct.session),
            Self::Watch(watch) | Self::Unwatch(watch) => Some(watch.session),
            Self::Asked(asked) => Some(asked.session),
            _ => None,
        }
    }
}

/// A login: somebody has shown who they are.
pub(crate) struct Connect {
    pub(crate) node: Node,
    pub(crate) audience: Vec<String>,
    pub(crate) blocked: Vec<String>,
    pub(crate) login: LoggedIn,
    /// Whether the user is to be invisible from now on.
    pub(crate) invisible: bool,
    /// The answer to the client, which goes out before anything else.
    pub(crate) answer: Answer,
    /// The kind of the device.
    pub(crate) kind: u8,
    /// Requests of others that wait for this user's answer, and are sent after the snapshot.
    pub(crate) requests: Vec<TimMessage>,
    pub(crate) reply: oneshot::Sender<Result<SessionKey, adsum::Error>>,
}

/// The answer to a login, as far as it is known before the engine's thread has seen to it.
pub(crate) enum Answer {
    Tim(TimAck),
    V1(Hello),
}

/// What the neutral protocol's answer to a login needs.
pub(crate) struct Hello {
    /// What the answer has to name.
    pub(crate) n: Option<u64>,
    /// What the client has shown that it may do; of a resume `None` if it has shown no more than
    /// which session it means.
    pub(crate) grant: Option<Arc<Grant>>,
    /// Whom the user may see from now on, and who may not see the user, where a resume says so.
    pub(crate) lists: Option<Lists>,
}

/// A connection with somebody on it.
pub(crate) struct LoggedIn {
    pub(crate) socket: Arc<Socket>,
    pub(crate) wire: Wire,
    pub(crate) tid: Arc<Tid>,
    /// What the answer says that names the session from now on.
    pub(crate) secret: ResumeSecret,
    /// The session's, until it ends.
    pub(crate) seat: SessionSeat,
}

/// A new connection for a session whose secret was shown.
pub(crate) struct Resume {
    pub(crate) shown: ResumeSecret,
    pub(crate) socket: Arc<Socket>,
    pub(crate) wire: Wire,
    /// What names the session from now on.
    pub(crate) secret: ResumeSecret,
    pub(crate) answer: Answer,
    pub(crate) requests: Vec<TimMessage>,
    /// `None` if there is no such session any more.
    pub(crate) reply: oneshot::Sender<Option<Resumed>>,
}

/// A session that goes on.
pub(crate) struct Resumed {
    pub(crate) session: SessionKey,
    pub(crate) tid: Arc<Tid>,
    /// What it may do, if it speaks the neutral protocol.
    pub(crate) grant: Option<Arc<Grant>>,
}

/// A presence to all contacts that ends by itself.
pub(crate) struct PublishFor {
    pub(crate) session: SessionKey,
    pub(crate) presence: Presence,
    pub(crate) for_ms: u64,
    /// What takes its place then; without it the session shows nothing any more.
    pub(crate) then: Option<Presence>,
}

/// A presence to those it names.
pub(crate) struct Direct {
    pub(crate) session: SessionKey,
    pub(crate) to: Vec<Node>,
    pub(crate) presence: Presence,
    /// How long it holds, if it ends by itself.
    pub(crate) for_ms: Option<u64>,
    /// Told if the rate or a bound forbids it; not if a receiver does, as that would reveal that
    /// they are online.
    pub(crate) refused: oneshot::Sender<adsum::Error>,
}

/// The accounts that a session wants to be told of, or no more.
pub(crate) struct Watch {
    pub(crate) session: SessionKey,
    pub(crate) users: Vec<Node>,
}

/// A change of the relation between two users.
pub(crate) struct RosterChange {
    pub(crate) user: Node,
    pub(crate) other: Node,
    pub(crate) kind: RosterChangeKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RosterChangeKind {
    Befriended,
    Unfriended,
    Blocked,
    Unblocked,
}

/// An administrator's notice.
pub(crate) struct System {
    pub(crate) to: Vec<Node>,
    pub(crate) presence: Presence,
    pub(crate) reply: oneshot::Sender<SystemOutcome>,
}

/// To how many sessions it went.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemOutcome {
    pub(crate) delivered: usize,
    pub(crate) skipped: usize,
}

/// A page of the users online.
pub(crate) struct OnlinePage {
    pub(crate) users: Vec<(Node, usize)>,
    pub(crate) more: bool,
    pub(crate) total: usize,
}

/// Of whom it is asked whether they are online.
pub(crate) enum WhoIsOnline {
    These(Vec<Node>),
    /// All who are online and come after this one, so many at most.
    After(Option<Node>, usize),
}

/// Who is online at one moment.
pub(crate) struct OnlineNow {
    /// When the server started, in milliseconds since 1970.
    pub(crate) start_ms: u64,
    /// The number of the newest edge until then.
    pub(crate) number: u64,
    /// `None` for those who are offline.
    pub(crate) users: Vec<(Node, Option<UserOnline>)>,
    /// Whether there are more, if it was asked for all.
    pub(crate) more: bool,
}

/// What is told of a user who is online.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UserOnline {
    /// Since when, in milliseconds since 1970.
    pub(crate) since_ms: u64,
    pub(crate) visible: bool,
    pub(crate) sessions: usize,
}

/// What another server says, and which one says it by the word of the transport.
pub(crate) struct Heard {
    pub(crate) sender: NodeId,
    pub(crate) message: Message<Node, Presence>,
}

/// How much the engine holds, and what it has done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) counts: adsum::Counts,
    pub(crate) stats: adsum::Stats,
    /// Of one of several servers: what it knows of the others.
    pub(crate) cluster: Option<ClusterFigures>,
}
