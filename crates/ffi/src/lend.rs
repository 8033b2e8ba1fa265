//! Makes decisions of the engine what C reads.

mod notice;

use crate::bytes::{adsum_bytes, first};
use crate::decision::{adsum_decision, adsum_decision_kind};
use crate::entry::adsum_entry;
use crate::held::Lent;
use crate::lists::Lists;
use crate::reason::{of_close, of_end};
use adsum::{Changes, Decision, Scope, Slot, Snapshot, TopicSnapshot};

impl adsum_decision {
    /// Says what a decision says, and lends what it lends. Nothing has been said so far.
    #[inline]
    pub(crate) fn lend(&mut self, decision: &Lent<'_>, lists: &mut Lists) {
        use adsum_decision_kind as Kind;
        match *decision {
            Decision::Deliver { ref notice, to } => {
                self.kind = Kind::ADSUM_DECISION_DELIVER;
                self.set_notice(notice);
                self.set_to(to);
            }
            Decision::Skipped { ref notice, to } => {
                self.kind = Kind::ADSUM_DECISION_SKIPPED;
                self.set_notice(notice);
                self.set_to(to);
            }
            ref other => self.lend_other(other, lists),
        }
    }

    fn lend_other(&mut self, decision: &Lent<'_>, lists: &mut Lists) {
        use adsum_decision_kind as Kind;
        match *decision {
            Decision::Snapshot(ref snapshot) => self.lend_snapshot(snapshot, lists),
            Decision::Topic(ref topic) => self.lend_topic(topic, lists),
            Decision::Changes(ref changes) => self.lend_changes(changes, lists),
            Decision::TopicOccupied { topic, key } => {
                self.kind = Kind::ADSUM_DECISION_TOPIC_OCCUPIED;
                (self.topic, self.topic_key) = (adsum_bytes::of(topic), key.into());
            }
            Decision::TopicVacated { topic, key } => {
                self.kind = Kind::ADSUM_DECISION_TOPIC_VACATED;
                (self.topic, self.topic_key) = (adsum_bytes::of(topic), key.into());
            }
            Decision::Close { session, reason, resumable } => {
                self.kind = Kind::ADSUM_DECISION_CLOSE;
                (self.key, self.is_resumable) = (session.into(), resumable);
                (self.reason, self.cause) = of_close(reason);
            }
            Decision::Online { user, session, visible } => {
                self.kind = Kind::ADSUM_DECISION_ONLINE;
                (self.user, self.key) = (adsum_bytes::of(user), session.into());
                self.is_visible = visible;
            }
            Decision::Ended { user, session, id, reason, since, last, visible } => {
                self.kind = Kind::ADSUM_DECISION_ENDED;
                (self.user, self.key) = (adsum_bytes::of(user), session.into());
                (self.session, self.since) = (id.to_bits(), since.as_millis());
                (self.reason, self.cause) = of_end(reason);
                (self.is_last, self.is_visible) = (last, visible);
            }
            // What is not known here has been said already: it is something else.
            _ => {}
        }
    }

    #[inline]
    const fn set_to(&mut self, to: &[Slot]) {
        // A slot is its number, and nothing else.
        const { assert!(size_of::<Slot>() == 4 && align_of::<Slot>() == 4) };
        // There is nobody only where nobody has to be told, and then there is no decision.
        debug_assert!(!to.is_empty());
        self.to = to.as_ptr().cast();
        self.to_len = to.len();
    }

    fn set_entries(&mut self, entries: &[adsum_entry]) {
        self.entries = first(entries);
        self.entries_len = entries.len();
    }

    fn lend_snapshot(&mut self, snapshot: &Snapshot<'_, Box<[u8]>, Box<[u8]>>, lists: &mut Lists) {
        self.kind = adsum_decision_kind::ADSUM_DECISION_SNAPSHOT;
        lists.one.clear();
        lists.one.push(snapshot.to().to_bits());
        (self.to, self.to_len) = (lists.one.as_ptr(), 1);
        (self.id, self.key) = (snapshot.id().get(), snapshot.receiver().into());
        (self.is_first, self.is_last) = (snapshot.is_first(), snapshot.is_last());
        self.is_visible = snapshot.is_visible();
        if snapshot.scope() == Scope::Users {
            self.named = lists.gather_named(snapshot.named());
        }
        lists.entries.clear();
        lists.entries.extend(snapshot.entries().map(|entry| adsum_entry::of_snapshot(&entry)));
        self.set_entries(&lists.entries);
    }

    fn lend_topic(&mut self, topic: &TopicSnapshot<'_, Box<[u8]>, Box<[u8]>>, lists: &mut Lists) {
        self.kind = adsum_decision_kind::ADSUM_DECISION_TOPIC;
        self.set_to(topic.to());
        (self.id, self.topic) = (topic.id().get(), adsum_bytes::of(topic.topic()));
        (self.counts, self.view) = (topic.counts().into(), topic.view().into());
        (self.is_first, self.is_last) = (topic.is_first(), topic.is_last());
        lists.entries.clear();
        lists.entries.extend(topic.entries().map(|entry| adsum_entry::of_topic(&entry)));
        self.set_entries(&lists.entries);
    }

    fn lend_changes(&mut self, changes: &Changes<'_, Box<[u8]>, Box<[u8]>>, lists: &mut Lists) {
        self.kind = adsum_decision_kind::ADSUM_DECISION_CHANGES;
        self.set_to(changes.to());
        (self.id, self.topic) = (changes.id().get(), adsum_bytes::of(changes.topic()));
        (self.counts, self.view) = (changes.counts().into(), changes.view().into());
        (self.is_first, self.is_last) = (changes.is_first(), changes.is_last());
        lists.entries.clear();
        lists.entries.extend(changes.iter().map(|change| adsum_entry::of_change(&change)));
        self.set_entries(&lists.entries);
    }
}
