//! Why a verb was refused.

use crate::Time;
use core::fmt;

/// Why a verb was refused.
///
/// Whatever the variant, the engine is as it was before the call (sessions, presences, lists,
/// counters and deadlines, the sender's lease included), except that
/// [`Stats::refusals`](crate::Stats::refusals) has grown by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Error {
    /// No session has this key: it has ended, its grace is over, or the key was never given out.
    UnknownSession,
    /// The session is detached, so it can say nothing until it is resumed.
    Detached,
    /// The user has as many sessions, or as many of this device kind, as the limits allow, and
    /// none may be evicted.
    SessionLimit,
    /// The audience would have more entries than [`Options::max_audience`](crate::Options).
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
    /// The list of a directed presence has more entries, repeated ones counted, than
    /// [`Options::max_direct`](crate::Options).
    DirectLimit {
        /// The limit in force.
        limit: u32,
    },
    /// The session would have told more receivers by directed presence than
    /// [`Options::max_told`](crate::Options) lets the engine remember.
    ToldLimit {
        /// The limit in force.
        limit: u32,
    },
    /// A named user who is online may not be sent directed presence by this one: they are no
    /// contacts (under [`DirectTo::Contacts`](crate::DirectTo)), or one has blocked the other.
    ///
    /// This is for the host. A host that lets its client tell this from success also tells the
    /// client that the other user is online.
    NotPermitted,
    /// The session is over its publish rate, or has a conflated presence waiting to go out.
    RateLimited {
        /// The first moment at which the same call may succeed.
        retry_at: Time,
    },
    /// The engine knows 2^30 users, or has 2^31 sessions, and can index no more.
    Full,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownSession => f.write_str("no session has this key"),
            Self::Detached => f.write_str("the session is detached"),
            Self::SessionLimit => f.write_str("the user's session limit is reached"),
            Self::AudienceLimit { limit } => write!(f, "the audience is over its limit of {limit}"),
            Self::BlockedLimit { limit } => {
                write!(f, "the list of blocked users is over its limit of {limit}")
            }
            Self::DirectLimit { limit } => {
                write!(f, "the list of a directed presence is over its limit of {limit}")
            }
            Self::ToldLimit { limit } => {
                write!(f, "the session would have told more than {limit} receivers directly")
            }
            Self::NotPermitted => f.write_str("a named user may not be sent directed presence"),
            Self::RateLimited { retry_at } => {
                write!(f, "over the publish rate until {} ms", retry_at.as_millis())
            }
            Self::Full => f.write_str("the engine can index no more users or sessions"),
        }
    }
}

impl core::error::Error for Error {}
