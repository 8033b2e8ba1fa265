//! Why a verb was refused.

use crate::key::{DeviceKind, TopicKey};
use crate::time::Time;
use core::fmt;

/// Why a verb was refused.
///
/// Whatever the variant, the engine is as it was before the call (sessions, presences, lists,
/// counters and deadlines, the sender's lease included), except that
/// [`Stats::refusals`](crate::Stats::refusals) has grown by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Error {
    /// No attachment has this key: its session has ended, its grace is over, it was resumed and
    /// has another key now, or the key was never given out.
    UnknownSession,
    /// The session is detached, so it can say nothing until it is resumed.
    Detached,
    /// The user has as many sessions, or as many of one device kind, as the limits allow, and none
    /// may be evicted.
    SessionLimit {
        /// The limit in force.
        limit: u16,
        /// The device kind that has a limit of its own, if it is that one which is reached.
        kind: Option<DeviceKind>,
    },
    /// The audience, or a list of those to be taken out of it, would have more entries than
    /// [`Options::max_audience`](crate::Options).
    AudienceLimit {
        /// The limit in force.
        limit: u32,
    },
    /// The list of blocked users would have more entries than
    /// [`Options::max_blocked`](crate::Options).
    BlockedLimit {
        /// The limit in force.
        limit: u32,
    },
    /// A session would watch more users than [`Options::max_watched`](crate::Options), or more are
    /// named at once.
    WatchLimit {
        /// The limit in force.
        limit: u32,
    },
    /// The list of a directed presence has more entries, repeated ones counted, than
    /// [`Options::max_direct`](crate::Options); or that of a system notice more than 2^20.
    DirectLimit {
        /// The limit in force.
        limit: u32,
    },
    /// The grace given for one loss is longer than a grace may be. (That of the
    /// [configuration](crate::Grace) is checked there.)
    GraceLimit {
        /// The longest that a grace may be, in milliseconds.
        limit_ms: u64,
    },
    /// A presence, or a directed one, is to last longer than
    /// [`Options::max_expiry_ms`](crate::Options).
    ExpiryLimit {
        /// The limit in force, in milliseconds.
        limit_ms: u64,
    },
    /// No topic that the session is in has this key, or none has this name: everybody has left it,
    /// it was closed, or it never was. Whether others are still in it must not show.
    UnknownTopic,
    /// The session observes the topic, where only a member can do this.
    NotMember,
    /// The session is in the topic already: [`look`](crate::Engine::look) and
    /// [`update`](crate::Engine::update) change how.
    AlreadyJoined {
        /// The topic's key.
        topic: TopicKey,
    },
    /// The session is in as many topics as [`Options::max_topics`](crate::Options) allows.
    TopicLimit {
        /// The limit in force.
        limit: u32,
    },
    /// The topic has as many members as
    /// [`TopicOptions::max_members`](crate::TopicOptions::max_members) allows, or, where blocks
    /// hide, [`full_up_to`](crate::TopicOptions::full_up_to).
    MemberLimit {
        /// The limit in force.
        limit: u32,
    },
    /// A session would look at more members of a topic by name than
    /// [`Options::max_topic_named`](crate::Options) allows.
    NamedLimit {
        /// The limit in force.
        limit: u32,
    },
    /// An option of a topic is out of its range.
    TopicOptions {
        /// The option's name, as in [`Options`](crate::Options): `topics.full_up_to`, say.
        option: &'static str,
        /// What it was.
        value: u32,
        /// The least it may be.
        min: u32,
        /// The most it may be.
        max: u32,
    },
    /// The session is over its [rate](crate::Options::direct_rate) of directed presence, and of
    /// what it says in topics.
    RateLimited {
        /// The first moment at which the same call may succeed.
        retry_at: Time,
    },
    /// The engine knows 2^30 users, or has 2^31 sessions, and can index no more; or the session
    /// was resumed so often (2^31 times at least) that there is no other key for it.
    Full,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownSession => f.write_str("no session has this key any more"),
            Self::Detached => f.write_str("the session is detached"),
            Self::SessionLimit { limit, kind: None } => {
                write!(f, "the user's limit of {limit} sessions is reached")
            }
            Self::SessionLimit { limit, kind: Some(kind) } => {
                write!(f, "the user's limit of {limit} sessions of kind {} is reached", kind.0)
            }
            Self::AudienceLimit { limit } => {
                write!(f, "the list of contacts is longer than an audience may be ({limit})")
            }
            Self::BlockedLimit { limit } => {
                write!(f, "the list of blocked users is over its limit of {limit}")
            }
            Self::WatchLimit { limit } => write!(f, "a session watches at most {limit} users"),
            Self::DirectLimit { limit } => write!(f, "more than {limit} users are named"),
            Self::GraceLimit { limit_ms } => write!(f, "a grace is at most {limit_ms} ms"),
            Self::ExpiryLimit { limit_ms } => {
                write!(f, "a presence ends by itself within {limit_ms} ms")
            }
            Self::UnknownTopic => {
                f.write_str("the session is in no topic of this key, or none has this name")
            }
            Self::NotMember => f.write_str("the session is no member of the topic"),
            Self::AlreadyJoined { .. } => f.write_str("the session is in the topic already"),
            Self::TopicLimit { limit } => write!(f, "a session is in at most {limit} topics"),
            Self::MemberLimit { limit } => write!(f, "the topic has {limit} members, its most"),
            Self::NamedLimit { limit } => {
                write!(f, "a session looks at {limit} members of a topic at most")
            }
            Self::TopicOptions { option, value, min, max } => {
                write!(f, "{option} is {value}, which is not within {min} to {max}")
            }
            Self::RateLimited { retry_at } => {
                write!(
                    f,
                    "over the rate of directed presence: retry at {} ms",
                    retry_at.as_millis()
                )
            }
            Self::Full => f.write_str("the engine can index no more users, sessions or resumes"),
        }
    }
}

impl core::error::Error for Error {}
