//! What a snapshot or what has changed in a topic consists of.

use crate::bytes::adsum_bytes;
use crate::names::adsum_cause;
use crate::reason::{adsum_reason, of_leave};
use adsum::{Entry, Time, TopicChange, TopicEntry};

/// What an entry says.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum adsum_entry_kind {
    /// Something that this version of the interface has no number for: pass over it.
    ADSUM_ENTRY_OTHER = 0,
    /// What a session shows: to contacts, or as a member of a topic.
    ADSUM_ENTRY_PRESENCE = 1,
    /// A session of a member is no longer in the topic.
    ADSUM_ENTRY_SESSION_ENDED = 2,
    /// A user is no member of the topic any more.
    ADSUM_ENTRY_LEFT = 3,
}

/// One entry of a snapshot, of a topic's snapshot, or of what has changed in a topic.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct adsum_entry {
    /// What it says.
    pub kind: adsum_entry_kind,
    /// Why the user has left.
    pub reason: adsum_reason,
    /// Whose session, or who has left.
    pub user: adsum_bytes,
    /// Which session, by the number that receivers know it by; 0 if none is named.
    pub session: u64,
    /// What it shows. In a topic `data` is NULL if it shows nothing.
    pub presence: adsum_bytes,
    /// When a person last did something on any of the user's devices, if `is_idle`.
    pub idle_since: u64,
    /// Why the last session of who has left was lost, if it was.
    pub cause: adsum_cause,
    /// Whether this is the one state of the user, which the session speaks for.
    pub is_user: bool,
    /// Whether the user is told as one and idle.
    pub is_idle: bool,
}

impl adsum_entry {
    const fn new(kind: adsum_entry_kind, user: &[u8]) -> Self {
        Self {
            kind,
            reason: adsum_reason::ADSUM_REASON_NONE,
            user: adsum_bytes::of(user),
            session: 0,
            presence: adsum_bytes::NONE,
            idle_since: 0,
            cause: adsum_cause::ADSUM_CAUSE_NONE,
            is_user: false,
            is_idle: false,
        }
    }

    pub(crate) fn of_snapshot(entry: &Entry<'_, Box<[u8]>, Box<[u8]>>) -> Self {
        Self {
            session: entry.session.to_bits(),
            presence: adsum_bytes::of(entry.presence),
            is_user: entry.is_user,
            is_idle: entry.idle_since.is_some(),
            idle_since: entry.idle_since.map_or(0, Time::as_millis),
            ..Self::new(adsum_entry_kind::ADSUM_ENTRY_PRESENCE, entry.user)
        }
    }

    pub(crate) fn of_topic(entry: &TopicEntry<'_, Box<[u8]>, Box<[u8]>>) -> Self {
        Self {
            session: entry.session.to_bits(),
            presence: adsum_bytes::of_optional(entry.presence),
            ..Self::new(adsum_entry_kind::ADSUM_ENTRY_PRESENCE, entry.user)
        }
    }

    pub(crate) fn of_change(change: &TopicChange<'_, Box<[u8]>, Box<[u8]>>) -> Self {
        match *change {
            TopicChange::Member { user, session, presence } => Self {
                session: session.to_bits(),
                presence: adsum_bytes::of_optional(presence),
                ..Self::new(adsum_entry_kind::ADSUM_ENTRY_PRESENCE, user)
            },
            TopicChange::SessionEnded { user, session } => Self {
                session: session.to_bits(),
                ..Self::new(adsum_entry_kind::ADSUM_ENTRY_SESSION_ENDED, user)
            },
            TopicChange::Left { user, reason } => {
                let (reason, cause) = of_leave(reason);
                Self { reason, cause, ..Self::new(adsum_entry_kind::ADSUM_ENTRY_LEFT, user) }
            }
            _ => Self::new(adsum_entry_kind::ADSUM_ENTRY_OTHER, &[]),
        }
    }
}
