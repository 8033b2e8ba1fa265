//! What an application asks the engine's thread for over HTTP, and what it is answered.

use std::sync::Arc;

use adsum::TopicCounts;
use tokio::sync::oneshot::Sender;

use super::shown::Shown;
use super::v1::code::Fault;
use super::v1::wire_id::WireId;

/// What is asked for. Each is answered for all servers that are one with this.
pub(crate) enum Question {
    /// What there is to know of a user; `None` of one who is offline.
    User(Arc<str>, Sender<Option<UserNow>>),
    /// Whom a user's lists name; `None` of a user who is offline, whose lists nobody has.
    Lists(Arc<str>, Sender<Option<ListsNow>>),
    /// Ends all sessions of a user, and says how many there were.
    End(Arc<str>, Sender<usize>),
    /// Directs a presence in the name of a user.
    Direct(Box<DirectAs>),
    /// How many are in a topic, which nobody need be in.
    Topic(Arc<str>, Sender<TopicCounts>),
    /// The topics with the most users, so many at most.
    Topics(usize, Sender<Vec<TopicNow>>),
    /// Who is.
    Members(Box<MembersAfter>),
}

impl Question {
    /// Returns what metrics count it as.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::End(..) => "expel",
            Self::Direct(_) => "direct",
            _ => "query",
        }
    }
}

/// A user who is online.
pub(crate) struct UserNow {
    /// Since when, in milliseconds since 1970.
    pub(crate) since_ms: u64,
    pub(crate) visible: bool,
    /// In the order in which they connected.
    pub(crate) sessions: Vec<SessionNow>,
}

/// A session.
pub(crate) struct SessionNow {
    pub(crate) id: WireId,
    /// The kind of its device.
    pub(crate) kind: u8,
    /// Whether it has a connection.
    pub(crate) attached: bool,
    pub(crate) shown: Option<Arc<Shown>>,
}

/// Whom a user's lists name.
#[derive(Default)]
pub(crate) struct ListsNow {
    pub(crate) contacts: Vec<Arc<str>>,
    pub(crate) blocked: Vec<Arc<str>>,
}

/// A presence that is directed in the name of a user.
pub(crate) struct DirectAs {
    pub(crate) user: Arc<str>,
    pub(crate) to: Vec<Arc<str>>,
    pub(crate) presence: Arc<Shown>,
    /// How long it holds, if it ends by itself.
    pub(crate) for_ms: Option<u64>,
    pub(crate) reply: Sender<Result<(), NotDirected>>,
}

/// Why a presence was not directed.
pub(crate) enum NotDirected {
    /// The user has no session that is connected.
    Offline,
    /// The user has, at other servers only.
    Elsewhere,
    Refused(Fault),
}

/// A topic that somebody is in.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TopicNow {
    pub(crate) users: u32,
    pub(crate) name: Arc<str>,
}

/// A question for the next members of a topic.
pub(crate) struct MembersAfter {
    pub(crate) topic: Arc<str>,
    /// Where the page before ended; 0 for the first.
    pub(crate) cursor: u64,
    /// How many users at most.
    pub(crate) limit: usize,
    pub(crate) reply: Sender<MembersPage>,
}

/// A page of a topic's members.
#[derive(Default)]
pub(crate) struct MembersPage {
    pub(crate) members: Vec<MemberNow>,
    /// The cursor of the next page, if there is one.
    pub(crate) next: Option<u64>,
}

/// A member of a topic.
pub(crate) struct MemberNow {
    pub(crate) user: Arc<str>,
    /// Its sessions there, with what each shows.
    pub(crate) sessions: Vec<(WireId, Option<Arc<Shown>>)>,
}
