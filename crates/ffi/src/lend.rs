//! Makes decisions of the engine what C reads.

mod notice;

use crate::bytes::{adsum_bytes, adsum_list};
use crate::decision::{adsum_decision, adsum_decision_kind};
use crate::entry::adsum_entry;
use crate::held::Lent;
use crate::lists::Lists;
use crate::reason::{of_close, of_end};
use adsum::{Changes, Decision, Scope, Slot, Snapshot, TopicSnapshot};
use std::ptr;

impl adsum_decision {
    /// Returns a decision with all that it lends.
    #[inline]
    pub(crate) fn lend(decision: &Lent<'_>, lists: &mut Lists) -> Self {
        use adsum_decision_kind as Kind;
        match *decision {
            Decision::Deliver { ref notice, to } => {
                Self::new(Kind::ADSUM_DECISION_DELIVER).with(notice).to(to)
            }
            Decision::Skipped { ref notice, to } => {
                Self::new(Kind::ADSUM_DECISION_SKIPPED).with(notice).to(to)
            }
            Decision::Snapshot(ref snapshot) => Self::snapshot(snapshot, lists),
            Decision::Topic(ref topic) => Self::topic(topic, lists),
            Decision::Changes(ref changes) => Self::changes(changes, lists),
            Decision::TopicOccupied { topic, key } => Self {
                topic: adsum_bytes::of(topic),
                topic_key: key.into(),
                ..Self::new(Kind::ADSUM_DECISION_TOPIC_OCCUPIED)
            },
            Decision::TopicVacated { topic, key } => Self {
                topic: adsum_bytes::of(topic),
                topic_key: key.into(),
                ..Self::new(Kind::ADSUM_DECISION_TOPIC_VACATED)
            },
            Decision::Close { session, reason, resumable } => {
                let (reason, cause) = of_close(reason);
                let new = Self::new(Kind::ADSUM_DECISION_CLOSE);
                Self { key: session.into(), reason, cause, is_resumable: resumable, ..new }
            }
            Decision::Online { user, session, visible } => Self {
                user: adsum_bytes::of(user),
                key: session.into(),
                is_visible: visible,
                ..Self::new(Kind::ADSUM_DECISION_ONLINE)
            },
            Decision::Ended { user, session, id, reason, since, last, visible } => {
                let (reason, cause) = of_end(reason);
                Self {
                    user: adsum_bytes::of(user),
                    key: session.into(),
                    session: id.to_bits(),
                    reason,
                    cause,
                    since: since.as_millis(),
                    is_last: last,
                    is_visible: visible,
                    ..Self::new(Kind::ADSUM_DECISION_ENDED)
                }
            }
            _ => Self::new(Kind::ADSUM_DECISION_OTHER),
        }
    }

    #[inline]
    const fn to(self, to: &[Slot]) -> Self {
        // A slot is its number, and nothing else.
        Self { to: to.as_ptr().cast(), to_len: to.len(), ..self }
    }

    fn snapshot(snapshot: &Snapshot<'_, Box<[u8]>, Box<[u8]>>, lists: &mut Lists) -> Self {
        lists.one = snapshot.to().to_bits();
        lists.entries.clear();
        lists.entries.extend(snapshot.entries().map(|entry| adsum_entry::of_snapshot(&entry)));
        let none = adsum_list { items: ptr::null(), len: 0 };
        let is_of_users = snapshot.scope() == Scope::Users;
        Self {
            to: &raw const lists.one,
            to_len: 1,
            id: snapshot.id().get(),
            key: snapshot.receiver().into(),
            named: if is_of_users { lists.gather_ids(snapshot.named()) } else { none },
            is_first: snapshot.is_first(),
            is_last: snapshot.is_last(),
            is_visible: snapshot.is_visible(),
            ..Self::new(adsum_decision_kind::ADSUM_DECISION_SNAPSHOT)
        }
        .of(&lists.entries)
    }

    fn topic(topic: &TopicSnapshot<'_, Box<[u8]>, Box<[u8]>>, lists: &mut Lists) -> Self {
        lists.entries.clear();
        lists.entries.extend(topic.entries().map(|entry| adsum_entry::of_topic(&entry)));
        Self {
            id: topic.id().get(),
            topic: adsum_bytes::of(topic.topic()),
            counts: topic.counts().into(),
            view: topic.view().into(),
            is_first: topic.is_first(),
            is_last: topic.is_last(),
            ..Self::new(adsum_decision_kind::ADSUM_DECISION_TOPIC)
        }
        .of(&lists.entries)
        .to(topic.to())
    }

    fn changes(changes: &Changes<'_, Box<[u8]>, Box<[u8]>>, lists: &mut Lists) -> Self {
        lists.entries.clear();
        lists.entries.extend(changes.iter().map(|change| adsum_entry::of_change(&change)));
        Self {
            id: changes.id().get(),
            topic: adsum_bytes::of(changes.topic()),
            counts: changes.counts().into(),
            view: changes.view().into(),
            is_first: changes.is_first(),
            is_last: changes.is_last(),
            ..Self::new(adsum_decision_kind::ADSUM_DECISION_CHANGES)
        }
        .of(&lists.entries)
        .to(changes.to())
    }

    const fn of(self, entries: &[adsum_entry]) -> Self {
        Self { entries: entries.as_ptr(), entries_len: entries.len(), ..self }
    }
}
