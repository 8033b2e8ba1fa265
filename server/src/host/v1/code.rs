//! Why an operation is refused, as clients are told.

use adsum::{Error, Time};

/// Why an operation is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    Malformed,
    UnknownOp,
    Missing,
    Invalid,
    UnknownField,
    TooBig,
    HelloTwice,
    Unauthorized,
    OtherUser,
    Forbidden,
    Taken,
    UnknownUser,
    NothingToDo,
    RelationLimit,
    UnknownTopic,
    AlreadyJoined,
    NotMember,
    TopicLimit,
    MemberLimit,
    NamedLimit,
    WatchLimit,
    DirectLimit,
    ExpiryLimit,
    SessionLimit,
    Rate,
    Overload,
    Unavailable,
}

impl Code {
    /// Returns the code as it goes over the wire.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownOp => "unknown_op",
            Self::Missing => "missing",
            Self::Invalid => "invalid",
            Self::UnknownField => "unknown_field",
            Self::TooBig => "too_big",
            Self::HelloTwice => "hello_twice",
            Self::Unauthorized => "unauthorized",
            Self::OtherUser => "other_user",
            Self::Forbidden => "forbidden",
            Self::Taken => "taken",
            Self::UnknownUser => "unknown_user",
            Self::NothingToDo => "nothing_to_do",
            Self::RelationLimit => "relation_limit",
            Self::UnknownTopic => "unknown_topic",
            Self::AlreadyJoined => "already_joined",
            Self::NotMember => "not_member",
            Self::TopicLimit => "topic_limit",
            Self::MemberLimit => "member_limit",
            Self::NamedLimit => "named_limit",
            Self::WatchLimit => "watch_limit",
            Self::DirectLimit => "direct_limit",
            Self::ExpiryLimit => "expiry_limit",
            Self::SessionLimit => "session_limit",
            Self::Rate => "rate",
            Self::Overload => "overload",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Why an operation is refused, and what else its client is told of that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: Code,
    /// The field that is to blame, if one is.
    pub(crate) field: Option<String>,
    /// After how long the same may succeed.
    pub(crate) retry_ms: Option<u64>,
}

impl Fault {
    pub(crate) fn of(code: Code, field: &str) -> Self {
        Self { field: Some(field.to_owned()), ..code.into() }
    }

    pub(crate) fn later(code: Code, retry_ms: u64) -> Self {
        Self { retry_ms: Some(retry_ms), ..code.into() }
    }

    /// Returns what an error of the engine means to the client.
    pub(crate) fn of_engine(error: Error, now: Time) -> Self {
        let code = match error {
            Error::WatchLimit { .. } => Code::WatchLimit,
            Error::DirectLimit { .. } => Code::DirectLimit,
            Error::ExpiryLimit { .. } => Code::ExpiryLimit,
            Error::UnknownTopic => Code::UnknownTopic,
            Error::NotMember => Code::NotMember,
            Error::AlreadyJoined { .. } => Code::AlreadyJoined,
            Error::TopicLimit { .. } => Code::TopicLimit,
            Error::MemberLimit { .. } => Code::MemberLimit,
            Error::NamedLimit { .. } => Code::NamedLimit,
            Error::SessionLimit { .. } => Code::SessionLimit,
            Error::RateLimited { retry_at } => {
                return Self::later(Code::Rate, retry_at.since(now).max(1));
            }
            _ => Code::Overload,
        };
        code.into()
    }
}

impl From<Code> for Fault {
    fn from(code: Code) -> Self {
        Self { code, field: None, retry_ms: None }
    }
}
