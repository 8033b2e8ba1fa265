//! A decision as C has it: one structure for all kinds, of which each fills in what it has.

use crate::bytes::{adsum_bytes, adsum_list};
use crate::entry::adsum_entry;
use crate::names::{adsum_cause, adsum_session, adsum_topic, adsum_view, adsum_view_kind};
use crate::notice::adsum_notice;
use crate::reason::adsum_reason;
use adsum::TopicCounts;
use std::ptr;

/// What is to be done.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum adsum_decision_kind {
    /// Something that this version of the interface has no number for: pass over it.
    ADSUM_DECISION_OTHER = 0,
    /// Send `notice` to each session in `to`: at most 4,096, none twice. A larger fan-out comes as
    /// several decisions with the same `id`.
    ADSUM_DECISION_DELIVER = 1,
    /// Send the one session in `to`, whose key is `key`, the present state of all whom it may see,
    /// or, if `named.items` is not NULL, of the users named there: `entries`, from the part that
    /// `is_first` to the one that `is_last`. `is_visible` says whether its own user is.
    ADSUM_DECISION_SNAPSHOT = 2,
    /// Tell the sessions in `to` what `topic` is like: `counts`, and as far as `view` shows them
    /// `entries`, from the part that `is_first` to the one that `is_last`.
    ADSUM_DECISION_TOPIC = 3,
    /// Tell the sessions in `to` what has changed in `topic`, likewise.
    ADSUM_DECISION_CHANGES = 4,
    /// Somebody is in `topic`, whose key is `topic_key`. The host is told.
    ADSUM_DECISION_TOPIC_OCCUPIED = 5,
    /// Nobody is in `topic` any more, and `topic_key` is stale. The host is told.
    ADSUM_DECISION_TOPIC_VACATED = 6,
    /// `notice` was not sent to the sessions in `to`, because they are congested, and will not be.
    ADSUM_DECISION_SKIPPED = 7,
    /// Close the connection of the attachment `key`, because of `reason`. If `is_resumable`, the
    /// session is detached and the key is good for `adsum_resume`; otherwise the key is stale.
    ADSUM_DECISION_CLOSE = 8,
    /// The first session of `user` has connected: `key`, which may be another node's. The host is
    /// told.
    ADSUM_DECISION_ONLINE = 9,
    /// A session of `user` has ended, whose last key was `key`, because of `reason`: receivers knew
    /// it by `session`, its connection was gone at `since`, and if it `is_last`, the user is
    /// offline. The host is told, once for each session, be it another node's.
    ADSUM_DECISION_ENDED = 10,
}

/// How many are in a topic, those who are invisible not counted.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct adsum_topic_counts {
    /// Users who are members.
    pub users: u32,
    /// Their sessions there.
    pub sessions: u32,
    /// Sessions that observe and are no members.
    pub observers: u32,
}

/// What is to be done now, or should be known. What a decision of its kind does not have is zero.
/// Whatever it points to holds until the next call on the engine.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct adsum_decision {
    /// What is to be done.
    pub kind: adsum_decision_kind,
    /// What receivers are told, of Deliver and Skipped.
    pub notice: adsum_notice,
    /// The slots of those who are told.
    pub to: *const u32,
    /// How many they are.
    pub to_len: usize,
    /// The number of the notice, or of the snapshot, which all of its parts share.
    pub id: u64,
    /// Whom it is about.
    pub user: adsum_bytes,
    /// The session that it is about, by the number that receivers know it by.
    pub session: u64,
    /// What is shown or said. In a topic `data` is NULL if nothing is shown.
    pub presence: adsum_bytes,
    /// The name of the topic that it is about.
    pub topic: adsum_bytes,
    /// The attachment that it is about, for the host alone.
    pub key: adsum_session,
    /// The key of the topic, for the host alone.
    pub topic_key: adsum_topic,
    /// Why.
    pub reason: adsum_reason,
    /// Why it was lost, if that is the reason.
    pub cause: adsum_cause,
    /// When the connection was gone of a session that has ended, in milliseconds.
    pub since: u64,
    /// When a person last did something on any of the user's devices, if `is_idle`.
    pub idle_since: u64,
    /// What a snapshot consists of, or what has changed: at most 4,096. NULL if that is nothing.
    pub entries: *const adsum_entry,
    /// How many they are.
    pub entries_len: usize,
    /// The users that a snapshot is the whole truth of; `items` is NULL if it is of everything, and
    /// not if it is of nobody.
    pub named: adsum_list,
    /// How many are in the topic.
    pub counts: adsum_topic_counts,
    /// What of the topic is shown.
    pub view: adsum_view,
    /// Whether receivers held nothing of this session, or this is the first part.
    pub is_first: bool,
    /// Whether this is the last part, or the session was the user's last.
    pub is_last: bool,
    /// Whether the user is visible.
    pub is_visible: bool,
    /// Whether the session can still be resumed.
    pub is_resumable: bool,
    /// Whether the user is told as one and idle.
    pub is_idle: bool,
}

const VIEW: adsum_view = adsum_view { kind: adsum_view_kind::ADSUM_VIEW_NOTHING as u32, sample: 0 };

impl adsum_decision {
    /// Says nothing.
    pub(crate) const EMPTY: Self = Self {
        kind: adsum_decision_kind::ADSUM_DECISION_OTHER,
        notice: adsum_notice::ADSUM_NOTICE_NONE,
        to: ptr::null(),
        to_len: 0,
        id: 0,
        user: adsum_bytes::NONE,
        session: 0,
        presence: adsum_bytes::NONE,
        topic: adsum_bytes::NONE,
        key: adsum_session { name: 0, slot: 0 },
        topic_key: adsum_topic { name: 0, place: 0 },
        reason: adsum_reason::ADSUM_REASON_NONE,
        cause: adsum_cause::ADSUM_CAUSE_NONE,
        since: 0,
        idle_since: 0,
        entries: ptr::null(),
        entries_len: 0,
        named: adsum_list { items: ptr::null(), len: 0 },
        counts: adsum_topic_counts { users: 0, sessions: 0, observers: 0 },
        view: VIEW,
        is_first: false,
        is_last: false,
        is_visible: false,
        is_resumable: false,
        is_idle: false,
    };
}

impl From<TopicCounts> for adsum_topic_counts {
    fn from(counts: TopicCounts) -> Self {
        let TopicCounts { users, sessions, observers } = counts;
        Self { users, sessions, observers }
    }
}
