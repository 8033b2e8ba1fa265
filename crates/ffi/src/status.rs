//! What a call came to, and why it was refused.

use crate::bytes::adsum_bytes;
use crate::failure::Failure;
use crate::fields::{field_of, field_of_topic};
use crate::names::adsum_topic;
use adsum::{ConfigError, Error};
use std::ffi::c_char;
use std::fmt::{Display, Write};

/// What a call came to. Whatever begins with `ADSUM_E_` is a refusal, after which the engine is as
/// it was before the call; `adsum_last_error` has the details.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum adsum_status {
    /// It is done.
    ADSUM_OK = 0,
    /// There is no such thing: what was asked for is not known, or no longer. Queries say so, which
    /// refuse nothing, and nothing was written to `out`.
    ADSUM_NOTHING = 1,
    /// A pointer is NULL that must not be: `argument` says which, and `place` which of a list.
    ADSUM_E_NULL = 2,
    /// A number is none that may stand there: `argument` and `value` say which.
    ADSUM_E_ARGUMENT = 3,
    /// There are decisions about the last input which nobody has taken: `adsum_next` gives them,
    /// `adsum_discard` drops them.
    ADSUM_E_NOT_DRAINED = 4,
    /// The engine is at work: it was called from the function that chooses who speaks for a user.
    ADSUM_E_BUSY = 5,
    /// A fault in adsum. It is contained, but nothing can be said of this engine any more: from now
    /// on every call says so, and it is to be freed.
    ADSUM_E_BUG = 6,
    /// An option is out of its range: `argument`, `value`, `min` and `max` say which.
    ADSUM_E_OPTION = 7,
    /// The lease is less than twice the heartbeat: `argument` is `lease_ms`, `value` what it is and
    /// `min` the least.
    ADSUM_E_LEASE_TOO_SHORT = 8,
    /// To tell whoever saw a session of its end there must be snapshots at connect:
    /// `offline_notices` and `snapshot_on_connect` say otherwise.
    ADSUM_E_WHO_SAW_IS_UNKNOWN = 9,

    /// No attachment has this key: its session has ended, its grace is over, it was resumed and has
    /// another key now, or the key was never given out.
    ADSUM_E_UNKNOWN_SESSION = 20,
    /// The session is detached, so it can say nothing until it is resumed.
    ADSUM_E_DETACHED = 21,
    /// The user has as many sessions as `limit` allows, all in all or of the kind `kind`.
    ADSUM_E_SESSION_LIMIT = 22,
    /// The audience, or what is to be taken out of it, would be longer than `limit`.
    ADSUM_E_AUDIENCE_LIMIT = 23,
    /// The list of blocked users would be longer than `limit`.
    ADSUM_E_BLOCKED_LIMIT = 24,
    /// A session would watch more users than `limit`, or more are named at once.
    ADSUM_E_WATCH_LIMIT = 25,
    /// More than `limit` users are named: `max_direct`, or of a system notice 2^20.
    ADSUM_E_DIRECT_LIMIT = 26,
    /// The grace is longer than `limit` milliseconds.
    ADSUM_E_GRACE_LIMIT = 27,
    /// What ends by itself is to last longer than `limit` milliseconds.
    ADSUM_E_EXPIRY_LIMIT = 28,
    /// No topic that the session is in has this key, or none has this name.
    ADSUM_E_UNKNOWN_TOPIC = 29,
    /// The session observes the topic, where only a member can do this.
    ADSUM_E_NOT_MEMBER = 30,
    /// The session is in the topic already, whose key is `topic`.
    ADSUM_E_ALREADY_JOINED = 31,
    /// The session is in `limit` topics, which is the most.
    ADSUM_E_TOPIC_LIMIT = 32,
    /// The topic has `limit` members, which is the most; or it has more, and blocks are to hide in
    /// it.
    ADSUM_E_MEMBER_LIMIT = 33,
    /// A session would look at more than `limit` members of a topic by name.
    ADSUM_E_NAMED_LIMIT = 34,
    /// An option of a topic is out of its range: `argument` says which, and `value`, `min` and
    /// `max` what it was and may be.
    ADSUM_E_TOPIC_OPTIONS = 35,
    /// Over the rate of directed presence, and of what is said in topics: the same call may succeed
    /// at `retry_at`.
    ADSUM_E_RATE_LIMITED = 36,
    /// The engine can index no more users, sessions or resumes, or not as many as are to be
    /// reserved.
    ADSUM_E_FULL = 37,
    /// A refusal that this version of the interface has no number for: `message` says what it is.
    ADSUM_E_OTHER = 63,
}

/// Why a call was refused: the status, and of the rest what the status says.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct adsum_error {
    /// What the call came to.
    pub status: adsum_status,
    /// The device kind that has a limit of its own; -1 if it is no such limit.
    pub kind: i32,
    /// The name of an argument, or of an option, which is its field's, as `publish_rate.burst`. It
    /// holds for ever; NULL if there is none.
    pub argument: adsum_bytes,
    /// Which entry of a list, counted from 0; SIZE_MAX if it is none.
    pub place: usize,
    /// The limit in force; 0 if it is none.
    pub limit: u64,
    /// What a number was.
    pub value: u64,
    /// The least it may be.
    pub min: u64,
    /// The most it may be.
    pub max: u64,
    /// The first moment at which the same call may succeed, in milliseconds.
    pub retry_at: u64,
    /// The key of the topic that the session is in already.
    pub topic: adsum_topic,
    /// All of it in words, with a NUL at the end.
    pub message: [c_char; 160],
}

impl Failure {
    pub(crate) const fn status(&self) -> adsum_status {
        match self {
            Self::Nothing => adsum_status::ADSUM_NOTHING,
            Self::Null { .. } => adsum_status::ADSUM_E_NULL,
            Self::Argument { .. } | Self::Length { .. } => adsum_status::ADSUM_E_ARGUMENT,
            Self::NotDrained => adsum_status::ADSUM_E_NOT_DRAINED,
            Self::Busy => adsum_status::ADSUM_E_BUSY,
            Self::Bug => adsum_status::ADSUM_E_BUG,
            Self::Config(error) => of_config(error),
            Self::Refused(error) => of_engine(error),
        }
    }
}

const fn of_config(error: &ConfigError) -> adsum_status {
    match error {
        ConfigError::OutOfRange { .. } => adsum_status::ADSUM_E_OPTION,
        ConfigError::LeaseTooShort { .. } => adsum_status::ADSUM_E_LEASE_TOO_SHORT,
        ConfigError::WhoSawIsUnknown => adsum_status::ADSUM_E_WHO_SAW_IS_UNKNOWN,
        _ => adsum_status::ADSUM_E_OTHER,
    }
}

const fn of_engine(error: &Error) -> adsum_status {
    match error {
        Error::UnknownSession => adsum_status::ADSUM_E_UNKNOWN_SESSION,
        Error::Detached => adsum_status::ADSUM_E_DETACHED,
        Error::SessionLimit { .. } => adsum_status::ADSUM_E_SESSION_LIMIT,
        Error::AudienceLimit { .. } => adsum_status::ADSUM_E_AUDIENCE_LIMIT,
        Error::BlockedLimit { .. } => adsum_status::ADSUM_E_BLOCKED_LIMIT,
        Error::WatchLimit { .. } => adsum_status::ADSUM_E_WATCH_LIMIT,
        Error::DirectLimit { .. } => adsum_status::ADSUM_E_DIRECT_LIMIT,
        Error::GraceLimit { .. } => adsum_status::ADSUM_E_GRACE_LIMIT,
        Error::ExpiryLimit { .. } => adsum_status::ADSUM_E_EXPIRY_LIMIT,
        Error::UnknownTopic => adsum_status::ADSUM_E_UNKNOWN_TOPIC,
        Error::NotMember => adsum_status::ADSUM_E_NOT_MEMBER,
        Error::AlreadyJoined { .. } => adsum_status::ADSUM_E_ALREADY_JOINED,
        Error::TopicLimit { .. } => adsum_status::ADSUM_E_TOPIC_LIMIT,
        Error::MemberLimit { .. } => adsum_status::ADSUM_E_MEMBER_LIMIT,
        Error::NamedLimit { .. } => adsum_status::ADSUM_E_NAMED_LIMIT,
        Error::TopicOptions { .. } => adsum_status::ADSUM_E_TOPIC_OPTIONS,
        Error::RateLimited { .. } => adsum_status::ADSUM_E_RATE_LIMITED,
        Error::Full => adsum_status::ADSUM_E_FULL,
        _ => adsum_status::ADSUM_E_OTHER,
    }
}

impl adsum_error {
    /// Says what there is to be said of a failure.
    pub(crate) fn of(failure: &Failure) -> Self {
        let mut error = Self {
            status: failure.status(),
            kind: -1,
            argument: adsum_bytes::NONE,
            place: usize::MAX,
            limit: 0,
            value: 0,
            min: 0,
            max: 0,
            retry_at: 0,
            topic: adsum_topic::default(),
            message: [0; 160],
        };
        let mut text = Text { to: &mut error.message, len: 0 };
        // What does not fit is left out.
        let _ = match failure {
            Failure::Nothing => text.write_str("there is no such thing"),
            Failure::Null { argument, place: None } => write!(text, "{argument} is NULL"),
            Failure::Null { argument, place: Some(place) } => {
                write!(text, "place {place} of {argument} is NULL")
            }
            Failure::Argument { argument, place: None, value } => {
                write!(text, "{argument} cannot be {value}")
            }
            Failure::Argument { argument, place: Some(place), value } => {
                write!(text, "place {place} of {argument} cannot be {value}")
            }
            Failure::Length { argument, place: None, value } => {
                write!(text, "{argument} cannot be {value} long")
            }
            Failure::Length { argument, place: Some(place), value } => {
                write!(text, "place {place} of {argument} cannot be {value} long")
            }
            Failure::NotDrained => text.write_str("decisions are left"),
            Failure::Busy => text.write_str("the engine is at work"),
            Failure::Bug => text.write_str("there was a fault in adsum: free the engine"),
            Failure::Config(config) => write_config(&mut text, config),
            Failure::Refused(Error::TopicOptions { option, value, min, max }) => {
                write_range(&mut text, field_of_topic(option), [*value, *min, *max])
            }
            Failure::Refused(refused) => write!(text, "{refused}"),
        };
        error.fill(failure);
        error
    }

    fn fill(&mut self, failure: &Failure) {
        match failure {
            Failure::Null { argument, place } => {
                self.argument = adsum_bytes::of(argument.as_bytes());
                self.place = place.unwrap_or(usize::MAX);
            }
            Failure::Argument { argument, place, value }
            | Failure::Length { argument, place, value } => {
                self.argument = adsum_bytes::of(argument.as_bytes());
                (self.place, self.value) = (place.unwrap_or(usize::MAX), *value);
            }
            Failure::Config(ConfigError::OutOfRange { option, value, min, max }) => {
                self.argument = adsum_bytes::of(field_of(option).as_bytes());
                (self.value, self.min, self.max) = (*value, *min, *max);
            }
            Failure::Config(ConfigError::LeaseTooShort { lease_ms, heartbeat_ms }) => {
                self.argument = adsum_bytes::of(b"lease_ms");
                (self.value, self.min) = (*lease_ms, heartbeat_ms.saturating_mul(2));
            }
            Failure::Refused(error) => self.fill_refused(error),
            _ => {}
        }
    }

    fn fill_refused(&mut self, error: &Error) {
        match *error {
            Error::SessionLimit { limit, kind } => {
                self.limit = limit.into();
                self.kind = kind.map_or(-1, |kind| kind.0.into());
            }
            Error::AudienceLimit { limit }
            | Error::BlockedLimit { limit }
            | Error::WatchLimit { limit }
            | Error::DirectLimit { limit }
            | Error::TopicLimit { limit }
            | Error::MemberLimit { limit }
            | Error::NamedLimit { limit } => self.limit = limit.into(),
            Error::GraceLimit { limit_ms } | Error::ExpiryLimit { limit_ms } => {
                self.limit = limit_ms;
            }
            Error::AlreadyJoined { topic } => self.topic = topic.into(),
            Error::TopicOptions { option, value, min, max } => {
                self.argument = adsum_bytes::of(field_of_topic(option).as_bytes());
                (self.value, self.min, self.max) = (value.into(), min.into(), max.into());
            }
            Error::RateLimited { retry_at } => self.retry_at = retry_at.as_millis(),
            _ => {}
        }
    }
}

/// Says what is wrong with options, by the names that they have here.
fn write_config(text: &mut Text<'_>, error: &ConfigError) -> std::fmt::Result {
    match error {
        ConfigError::OutOfRange { option, value, min, max } => {
            write_range(text, field_of(option), [*value, *min, *max])
        }
        ConfigError::LeaseTooShort { lease_ms, heartbeat_ms } => {
            write!(text, "lease_ms is {lease_ms}, less than twice heartbeat_ms, {heartbeat_ms}")
        }
        ConfigError::WhoSawIsUnknown => text.write_str(
            "offline_notices is ADSUM_OFFLINE_TO_WHOEVER_SAW, which needs snapshot_on_connect",
        ),
        other => write!(text, "{other}"),
    }
}

fn write_range<N: Display>(
    text: &mut Text<'_>,
    field: &str,
    [value, min, max]: [N; 3],
) -> std::fmt::Result {
    write!(text, "{field} is {value}, which is not within {min} to {max}")
}

/// Writes a text for C: what fits before the last byte, which stays NUL. All are ASCII.
struct Text<'m> {
    to: &'m mut [c_char],
    len: usize,
}

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let room = self.to.len() - 1 - self.len;
        for byte in text.bytes().take(room) {
            self.to[self.len] = byte as c_char;
            self.len += 1;
        }
        Ok(())
    }
}
