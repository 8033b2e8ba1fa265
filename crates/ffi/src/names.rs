//! The names that an engine gives out, as numbers, and numbers that stand for the engine's words.

use crate::failure::Failure;
use adsum::{Error, LostCause, SessionKey, TopicKey, View};

/// Names one attachment of a session: one stretch of its life on one connection. What
/// `adsum_connect` and `adsum_resume` give out, and what every verb of a session takes. All zero is
/// no session. Of a session that another node has, `adsum_session_is_remote` says so, and no verb
/// takes the key.
///
/// Keep it beside the connection, and tables of connections by `slot`: decisions name receivers by
/// that.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct adsum_session {
    /// Never zero, and never used for another attachment.
    pub name: u64,
    /// Where decisions find the session while it is attached. It stays the same when the session is
    /// resumed, and goes to another once the session has ended.
    pub slot: u32,
}

/// Names one topic, from its first session to its last. All zero is no topic.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct adsum_topic {
    /// Never zero, and never used for another topic.
    pub name: u64,
    /// Its place.
    pub place: u32,
}

/// How a connection was lost; each cause has a grace of its own.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum adsum_cause {
    /// It was not lost.
    ADSUM_CAUSE_NONE = 0,
    /// The connection broke.
    ADSUM_CAUSE_CONNECTION_ERROR = 1,
    /// Nothing was heard of it for too long.
    ADSUM_CAUSE_TIMEOUT = 2,
    /// The node that had the connection is gone.
    ADSUM_CAUSE_NODE_LOSS = 3,
    /// The client said that it is going away and will probably be back.
    ADSUM_CAUSE_GOING_AWAY = 4,
}

/// What a session is told of the members of a topic, each more than the one before.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum adsum_view_kind {
    /// Nothing, but that the topic is closed to it.
    ADSUM_VIEW_NOTHING = 0,
    /// How many users, sessions and observers there are.
    ADSUM_VIEW_COUNT = 1,
    /// The same, and the sessions of those who have been members longest, `sample` users of them.
    ADSUM_VIEW_SAMPLE = 2,
    /// Every session of every member. In a large topic it is served as a sample.
    ADSUM_VIEW_ALL = 3,
}

/// What a session is told of the members of a topic.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct adsum_view {
    /// One of `adsum_view_kind`.
    pub kind: u32,
    /// How many users a sample has; nothing otherwise.
    pub sample: u16,
}

impl adsum_session {
    pub(crate) fn key(self) -> Result<SessionKey, Failure> {
        SessionKey::from_bits((self.name, self.slot)).ok_or(Failure::Refused(Error::UnknownSession))
    }
}

impl From<SessionKey> for adsum_session {
    fn from(key: SessionKey) -> Self {
        let (name, slot) = key.to_bits();
        Self { name, slot }
    }
}

impl adsum_topic {
    pub(crate) fn key(self) -> Result<TopicKey, Failure> {
        TopicKey::from_bits((self.name, self.place)).ok_or(Failure::Refused(Error::UnknownTopic))
    }
}

impl From<TopicKey> for adsum_topic {
    fn from(key: TopicKey) -> Self {
        let (name, place) = key.to_bits();
        Self { name, place }
    }
}

impl adsum_cause {
    /// Returns the cause that a number stands for.
    pub(crate) const fn read(number: u32) -> Result<LostCause, Failure> {
        Self::read_as(number, "cause")
    }

    /// Returns the cause that a number stands for, which is called so.
    pub(crate) const fn read_as(number: u32, argument: &'static str) -> Result<LostCause, Failure> {
        Ok(match number {
            1 => LostCause::ConnectionError,
            2 => LostCause::Timeout,
            3 => LostCause::NodeLoss,
            4 => LostCause::GoingAway,
            _ => {
                let value = number as u64;
                return Err(Failure::Argument { argument, place: None, value });
            }
        })
    }
}

impl From<LostCause> for adsum_cause {
    fn from(cause: LostCause) -> Self {
        match cause {
            LostCause::ConnectionError => Self::ADSUM_CAUSE_CONNECTION_ERROR,
            LostCause::NodeLoss => Self::ADSUM_CAUSE_NODE_LOSS,
            LostCause::GoingAway => Self::ADSUM_CAUSE_GOING_AWAY,
            // A timeout, or a cause that is not known here: a loss all the same.
            _ => Self::ADSUM_CAUSE_TIMEOUT,
        }
    }
}

impl adsum_view {
    pub(crate) const fn read(self) -> Result<View, Failure> {
        Ok(match self.kind {
            0 => View::Nothing,
            1 => View::Count,
            2 => View::Sample(self.sample),
            3 => View::All,
            other => {
                let value = other as u64;
                return Err(Failure::Argument { argument: "view", place: None, value });
            }
        })
    }
}

impl From<View> for adsum_view {
    fn from(view: View) -> Self {
        let (kind, sample) = match view {
            View::Count => (adsum_view_kind::ADSUM_VIEW_COUNT, 0),
            View::Sample(sample) => (adsum_view_kind::ADSUM_VIEW_SAMPLE, sample),
            View::All => (adsum_view_kind::ADSUM_VIEW_ALL, 0),
            _ => (adsum_view_kind::ADSUM_VIEW_NOTHING, 0),
        };
        Self { kind: kind as u32, sample }
    }
}
