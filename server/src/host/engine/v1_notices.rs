//! The engine's notices in the words of the neutral protocol: one to one.

use std::hash::{BuildHasher as _, RandomState};

use adsum::{
    Changes, EndReason, LeaveReason, Notice, PresenceKind, Scope, SessionId, Snapshot, Time,
    TopicChange, TopicClosing, TopicSnapshot,
};

use super::edge_counter::unix_ms;
use crate::host::command::{Node, Presence};
use crate::host::v1::told::{Entry, InTopic, List, Note, Told};
use crate::host::v1::wire_id::WireId;

/// Says in the neutral protocol what the engine says. Sessions have other ids there than in the
/// engine, where they are counted: those tell nobody how many there have been.
#[derive(Default)]
pub(super) struct V1Notices {
    ids: RandomState,
    /// The engine's time.
    pub(super) now: Time,
    /// Whether who connects now is invisible from the first moment: their first snapshot says so,
    /// though the engine is told only then.
    pub(super) hides: bool,
}

/// The parts that several notices have.
struct Of<'a> {
    topic: Option<&'a Node>,
    user: Option<&'a Node>,
    session: Option<SessionId>,
    kind: Option<PresenceKind>,
    shown: Option<&'a Presence>,
}

const NOTHING: Of<'static> = Of { topic: None, user: None, session: None, kind: None, shown: None };

impl V1Notices {
    /// Returns a session's id as clients know it.
    pub(super) fn id(&self, session: SessionId) -> WireId {
        WireId(self.ids.hash_one(session))
    }

    /// Returns a moment of the engine's in milliseconds since 1970.
    fn unix_ms_of(&self, moment: Option<Time>) -> Option<u64> {
        moment.map(|moment| unix_ms().saturating_sub(self.now.since(moment)))
    }

    /// Returns what a notice says.
    pub(super) fn notice(&self, notice: &Notice<'_, Node, Presence>) -> Option<Told> {
        let (op, of, reason) = parts(notice)?;
        let (idle_since, visible) = match notice {
            Notice::User { idle_since, .. } => (self.unix_ms_of(*idle_since), None),
            Notice::Visibility { visible, .. } => (None, Some(*visible)),
            _ => (None, None),
        };
        Some(Told::Note(Note {
            op,
            id: Some(notice.id().get()),
            topic: of.topic.cloned(),
            user: of.user.cloned(),
            session: of.session.map(|session| self.id(session)),
            kind: of.kind,
            reason,
            visible,
            idle_since,
            shown: of.shown.cloned(),
        }))
    }

    /// Returns what a snapshot says.
    pub(super) fn snapshot(&self, snapshot: &Snapshot<'_, Node, Presence>) -> Told {
        let is_of_users = snapshot.scope() == Scope::Users;
        let entries = snapshot.entries().map(|entry| Entry {
            user: Some(entry.user.clone()),
            session: (!entry.is_user).then(|| self.id(entry.session)),
            shown: Some(entry.presence.clone()),
            idle_since: self.unix_ms_of(entry.idle_since),
            ..Entry::default()
        });
        Told::List(List {
            op: "snapshot",
            id: snapshot.id().get(),
            topic: None,
            first: snapshot.is_first(),
            last: snapshot.is_last(),
            visible: Some(snapshot.is_visible() && !self.hides),
            users: is_of_users.then(|| snapshot.named().cloned().collect()),
            key: "entries",
            entries: entries.collect(),
        })
    }

    /// Returns what a snapshot of a topic says.
    pub(super) fn topic(&self, topic: &TopicSnapshot<'_, Node, Presence>) -> Told {
        let entries = topic.entries().map(|entry| Entry {
            user: Some(entry.user.clone()),
            session: Some(self.id(entry.session)),
            shown: entry.presence.cloned(),
            ..Entry::default()
        });
        let (name, view, counts) = (topic.topic().clone(), topic.view(), topic.counts());
        Told::List(List {
            op: "topic",
            id: topic.id().get(),
            topic: Some(InTopic { name, view, counts }),
            first: topic.is_first(),
            last: topic.is_last(),
            visible: None,
            users: None,
            key: "entries",
            entries: entries.collect(),
        })
    }

    /// Returns what a tick tells.
    pub(super) fn changes(&self, changes: &Changes<'_, Node, Presence>) -> Told {
        let entries = changes.iter().filter_map(|change| match change {
            TopicChange::Member { user, session, presence } => Some(Entry {
                user: Some(user.clone()),
                session: Some(self.id(session)),
                shown: presence.cloned(),
                ..Entry::default()
            }),
            TopicChange::SessionEnded { user, session } => Some(Entry {
                user: Some(user.clone()),
                session: Some(self.id(session)),
                ended: true,
                ..Entry::default()
            }),
            TopicChange::Left { user, reason } => {
                let (user, left) = (Some(user.clone()), Some(leave_reason(reason)));
                Some(Entry { user, left, ..Entry::default() })
            }
            _ => None,
        });
        let (name, view, counts) = (changes.topic().clone(), changes.view(), changes.counts());
        Told::List(List {
            op: "changes",
            id: changes.id().get(),
            topic: Some(InTopic { name, view, counts }),
            first: changes.is_first(),
            last: changes.is_last(),
            visible: None,
            users: None,
            key: "changes",
            entries: entries.collect(),
        })
    }
}

/// Returns a notice's word, what it is about, and the reason that it gives.
fn parts<'a>(
    notice: &Notice<'a, Node, Presence>,
) -> Option<(&'static str, Of<'a>, Option<&'static str>)> {
    let of = |user: &'a Node, session| Of { user: Some(user), session: Some(session), ..NOTHING };
    let told = match *notice {
        Notice::Presence { user, session, kind, presence, .. } => {
            let kind = Some(kind);
            ("presence", Of { kind, shown: Some(presence), ..of(user, session) }, None)
        }
        Notice::User { user, kind, presence, .. } => {
            let (user, kind, shown) = (Some(user), Some(kind), Some(presence));
            ("user", Of { user, kind, shown, ..NOTHING }, None)
        }
        Notice::Directed { user, session, presence, .. } => {
            ("directed", Of { shown: Some(presence), ..of(user, session) }, None)
        }
        Notice::DirectedOver { user, session, .. } => ("over", of(user, session), None),
        Notice::Withdrawn { user, session, .. } => ("withdrawn", of(user, session), None),
        Notice::Visibility { .. } => ("visibility", NOTHING, None),
        Notice::SessionEnded { user, session, .. } => ("ended", of(user, session), None),
        Notice::UserOffline { user, .. } => ("offline", Of { user: Some(user), ..NOTHING }, None),
        Notice::System { presence, .. } => {
            ("system", Of { shown: Some(presence), ..NOTHING }, None)
        }
        _ => return parts_in_topic(notice),
    };
    Some(told)
}

/// Returns the same of a notice about a topic.
fn parts_in_topic<'a>(
    notice: &Notice<'a, Node, Presence>,
) -> Option<(&'static str, Of<'a>, Option<&'static str>)> {
    let of = |topic: &'a Node, user: &'a Node, session| Of {
        topic: Some(topic),
        user: Some(user),
        session: Some(session),
        ..NOTHING
    };
    let told = match *notice {
        Notice::Joined { topic, user, session, presence, .. } => {
            ("joined", Of { shown: presence, ..of(topic, user, session) }, None)
        }
        Notice::Member { topic, user, session, kind, presence, .. } => {
            let kind = Some(kind);
            ("member", Of { kind, shown: presence, ..of(topic, user, session) }, None)
        }
        Notice::MemberSessionEnded { topic, user, session, .. } => {
            ("member_ended", of(topic, user, session), None)
        }
        Notice::Left { topic, user, reason, .. } => {
            let of = Of { topic: Some(topic), user: Some(user), ..NOTHING };
            ("left", of, Some(leave_reason(reason)))
        }
        Notice::TopicClosed { topic, reason, .. } => {
            let reason = match reason {
                TopicClosing::Removed => "removed",
                _ => "closed",
            };
            ("closed", Of { topic: Some(topic), ..NOTHING }, Some(reason))
        }
        Notice::Said { topic, user, session, presence, .. } => {
            ("said", Of { shown: Some(presence), ..of(topic, user, session) }, None)
        }
        Notice::SaidOver { topic, user, session, .. } => {
            ("said_over", of(topic, user, session), None)
        }
        _ => return None,
    };
    Some(told)
}

const fn leave_reason(reason: LeaveReason) -> &'static str {
    match reason {
        LeaveReason::Left => "left",
        LeaveReason::Removed => "removed",
        LeaveReason::Ended(EndReason::Lost(_)) => "lost",
        LeaveReason::Ended(EndReason::Evicted) => "evicted",
        LeaveReason::Ended(EndReason::Expelled) => "expelled",
        _ => "disconnected",
    }
}
