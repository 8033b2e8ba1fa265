//! What an engine tells of itself when it is asked.

use crate::bytes::adsum_bytes;
use crate::decision::adsum_topic_counts;
use crate::held::Core;
use crate::names::{adsum_cause, adsum_session, adsum_topic, adsum_view};
use crate::options::adsum_topic_options;
use adsum::{Counts, DefaultHashBuilder, Session, Stats, Time, Topic, TopicMember};

/// What the engine knows of one session.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct adsum_session_info {
    /// The key of its attachment, or of the last one if it is detached.
    pub key: adsum_session,
    /// What receivers know it by.
    pub id: u64,
    /// Whose session it is.
    pub user: adsum_bytes,
    /// What it shows; `data` is NULL if it shows nothing. A publish that waits is not counted.
    pub presence: adsum_bytes,
    /// When it connected.
    pub connected: u64,
    /// When something was last heard of it.
    pub heard: u64,
    /// When it was lost, if it is not attached.
    pub lost_at: u64,
    /// Why it was lost, if it is not attached.
    pub lost_cause: adsum_cause,
    /// What kind of device it is on.
    pub kind: u8,
    /// Whether it has a connection, congested or not.
    pub is_attached: bool,
    /// Whether it is congested.
    pub is_congested: bool,
}

impl adsum_session_info {
    pub(crate) fn of(session: &Session<'_, Box<[u8]>, Box<[u8]>>) -> Self {
        Self {
            key: session.key.into(),
            id: session.id.to_bits(),
            user: adsum_bytes::of(session.user),
            presence: adsum_bytes::of_optional(session.presence),
            connected: session.connected.as_millis(),
            heard: session.heard.as_millis(),
            lost_at: session.lost.map_or(0, |(at, _)| at.as_millis()),
            lost_cause: session
                .lost
                .map_or(adsum_cause::ADSUM_CAUSE_NONE, |(_, cause)| cause.into()),
            kind: session.kind.0,
            is_attached: session.is_attached(),
            is_congested: session.is_congested,
        }
    }
}

/// What the engine knows of the session that speaks for a user who is told as one.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct adsum_representative {
    /// The session, which may have ended, if what it showed is held.
    pub session: adsum_session_info,
    /// When a person last did something on any of the user's devices, if `is_idle`.
    pub idle_since: u64,
    /// Whether the user is idle.
    pub is_idle: bool,
}

impl adsum_representative {
    pub(crate) fn of(
        session: &Session<'_, Box<[u8]>, Box<[u8]>>,
        idle_since: Option<Time>,
    ) -> Self {
        Self {
            session: adsum_session_info::of(session),
            idle_since: idle_since.map_or(0, Time::as_millis),
            is_idle: idle_since.is_some(),
        }
    }
}

/// What the engine knows of one topic.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct adsum_topic_info {
    /// Its key.
    pub key: adsum_topic,
    /// Its name.
    pub name: adsum_bytes,
    /// How many are in it.
    pub counts: adsum_topic_counts,
    /// The options in force for it.
    pub options: adsum_topic_options,
    /// Whether it is so large that those who view all are served a sample.
    pub is_large: bool,
}

impl adsum_topic_info {
    pub(crate) fn of(topic: &Topic<'_, Box<[u8]>, Box<[u8]>, DefaultHashBuilder>) -> Self {
        Self {
            key: topic.key().into(),
            name: adsum_bytes::of(topic.name()),
            counts: topic.counts().into(),
            options: topic.options().into(),
            is_large: topic.is_large(),
        }
    }
}

/// One session of a member of a topic.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct adsum_member {
    /// Where it stands: what to hand in to go on after its user.
    pub cursor: u64,
    /// Whose session.
    pub user: adsum_bytes,
    /// Which session, by the number that receivers know it by.
    pub session: u64,
    /// What it shows in the topic; `data` is NULL if it shows nothing.
    pub presence: adsum_bytes,
}

impl adsum_member {
    pub(crate) fn of(member: &TopicMember<'_, Box<[u8]>, Box<[u8]>>) -> Self {
        Self {
            cursor: member.cursor,
            user: adsum_bytes::of(member.user),
            session: member.session.to_bits(),
            presence: adsum_bytes::of_optional(member.presence),
        }
    }
}

/// A session that is in a topic, as a member or as an observer.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct adsum_attendant {
    /// The session.
    pub session: adsum_session_info,
    /// What it views.
    pub view: adsum_view,
}

/// How much of everything an engine holds at the moment.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct adsum_counts {
    /// Users with at least one session.
    pub users_online: usize,
    /// Users whose id the engine keeps.
    pub users_known: usize,
    /// Sessions, detached ones included.
    pub sessions: usize,
    /// Sessions that are detached.
    pub detached: usize,
    /// Sessions that other nodes have.
    pub remote: usize,
    /// Sessions that are congested.
    pub congested: usize,
    /// Presence values.
    pub presences: usize,
    /// Publishes that wait for their token.
    pub conflated: usize,
    /// Entries in audiences.
    pub audience_entries: usize,
    /// Pairs of a user and one it has blocked.
    pub blocked_pairs: usize,
    /// Pairs of a session and a user that it watches.
    pub watches: usize,
    /// Topics that somebody is in.
    pub topics: usize,
    /// Pairs of a session and a topic that it is in.
    pub memberships: usize,
    /// Receivers of directed presence that are remembered.
    pub told: usize,
    /// Things to be told to congested sessions.
    pub missed: usize,
    /// What ends by itself, and updates in topics that wait for a token.
    pub expiring: usize,
    /// Deadlines that are armed.
    pub timers: usize,
}

impl adsum_counts {
    pub(crate) fn of(core: &Core) -> Self {
        let Counts {
            users_online,
            users_known,
            sessions,
            detached,
            remote,
            congested,
            presences,
            conflated,
            audience_entries,
            blocked_pairs,
            watches,
            topics,
            memberships,
            told,
            missed,
            expiring,
            timers,
            ..
        } = core.counts();
        Self {
            users_online,
            users_known,
            sessions,
            detached,
            remote,
            congested,
            presences,
            conflated,
            audience_entries,
            blocked_pairs,
            watches,
            topics,
            memberships,
            told,
            missed,
            expiring,
            timers,
        }
    }
}

/// What an engine has done since it was made. The numbers only grow.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct adsum_stats {
    /// Inputs that were accepted.
    pub inputs: u64,
    /// Inputs that were refused by the engine.
    pub refusals: u64,
    /// Notices, entries of snapshots included.
    pub notices: u64,
    /// Receivers of notices, and entries of snapshots.
    pub deliveries: u64,
    /// Publishes that had to wait for a token, or replaced one that waited.
    pub conflated: u64,
    /// Receivers who were not sent a directed or system notice because they were congested.
    pub skipped: u64,
}

impl From<Stats> for adsum_stats {
    fn from(stats: Stats) -> Self {
        let Stats { inputs, refusals, notices, deliveries, conflated, skipped, .. } = stats;
        Self { inputs, refusals, notices, deliveries, conflated, skipped }
    }
}
