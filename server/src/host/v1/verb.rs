//! What a client asks for.

use std::sync::Arc;

use adsum::{Join, SessionKey, View};

use super::answers::Done;
use super::code::Fault;
use super::grant::{Grant, Lists};
use crate::host::shown::Shown;

/// Something that a session asks for, to be answered in its turn.
pub(crate) struct Asked {
    pub(crate) session: SessionKey,
    /// What the answer has to name; without it only a refusal is told.
    pub(crate) n: Option<u64>,
    pub(crate) verb: Verb,
}

/// How long something holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lasts {
    /// For so many milliseconds.
    For(u64),
    /// Until this moment, in milliseconds since 1970.
    Until(u64),
}

/// What is asked for.
#[derive(Debug)]
pub(crate) enum Verb {
    Publish {
        shown: Arc<Shown>,
        lasts: Option<Lasts>,
        then: Option<Arc<Shown>>,
    },
    Withdraw,
    Active,
    Direct {
        to: Vec<Arc<str>>,
        shown: Arc<Shown>,
        for_ms: Option<u64>,
    },
    Watch(Vec<Arc<str>>),
    Unwatch(Vec<Arc<str>>),
    Join {
        topic: Arc<str>,
        join: Join<Arc<Shown>>,
    },
    Update {
        topic: Arc<str>,
        shown: Arc<Shown>,
    },
    Leave {
        topic: Arc<str>,
    },
    Look {
        topic: Arc<str>,
        view: View,
    },
    LookAt {
        topic: Arc<str>,
        users: Vec<Arc<str>>,
    },
    Say {
        topic: Arc<str>,
        shown: Arc<Shown>,
        for_ms: Option<u64>,
    },
    Invisible,
    Visible,
    Ping,
    /// Goes on with what another token says.
    Renew {
        grant: Arc<Grant>,
        lists: Lists,
    },
    /// Is told its user's roster, and of changes of it from now on.
    Roster(Vec<Vec<u8>>),
    /// Is done already, and is told so in its turn.
    Done(Done),
    /// Is refused already, and is told so in its turn.
    Refused(Fault),
}

impl Verb {
    /// Returns its name, for who counts.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Publish { .. } => "publish",
            Self::Withdraw => "withdraw",
            Self::Active => "active",
            Self::Direct { .. } => "direct",
            Self::Watch(_) | Self::Unwatch(_) => "watch",
            Self::Join { .. } => "join",
            Self::Update { .. } => "update",
            Self::Leave { .. } => "leave",
            Self::Look { .. } | Self::LookAt { .. } => "look",
            Self::Say { .. } => "say",
            Self::Invisible => "invisible",
            Self::Visible => "visible",
            Self::Ping => "heartbeat",
            Self::Renew { .. } => "token",
            Self::Roster(_) => "query",
            Self::Done(_) => "roster",
            Self::Refused(_) => "refused",
        }
    }
}
