//! Decisions as bytes that can be compared: written twice, once from what Rust is given and once
//! from what C is.

use crate::{Id, Shown};
use adsum::{
    Changes, CloseReason, Decision, EndReason, LeaveReason, LostCause, Notice, PresenceKind, Scope,
    SessionId, Slot, Snapshot, Time, TopicChange, TopicClosing, TopicCounts, TopicSnapshot, View,
};

/// Bytes, with the length of whatever has one before it.
#[derive(Default)]
pub(crate) struct Record(pub(crate) Vec<u8>);

impl Record {
    pub(crate) fn word(mut self, word: &str) -> Self {
        self.0.extend(word.as_bytes());
        self.0.push(b'\n');
        self
    }

    pub(crate) fn number(mut self, number: u64) -> Self {
        self.0.extend(number.to_le_bytes());
        self
    }

    pub(crate) fn is(self, is_so: bool) -> Self {
        self.number(is_so.into())
    }

    pub(crate) fn pair(self, (name, place): (u64, u32)) -> Self {
        self.number(name).number(place.into())
    }

    pub(crate) fn bytes(self, bytes: &[u8]) -> Self {
        let mut record = self.number(bytes.len() as u64);
        record.0.extend(bytes);
        record
    }

    pub(crate) fn maybe(self, bytes: Option<&[u8]>) -> Self {
        match bytes {
            Some(bytes) => self.word("some").bytes(bytes),
            None => self.word("none"),
        }
    }

    pub(crate) fn maybe_number(self, number: Option<u64>) -> Self {
        match number {
            Some(number) => self.word("some").number(number),
            None => self.word("none"),
        }
    }

    pub(crate) fn slots(self, slots: impl ExactSizeIterator<Item = u32>) -> Self {
        let record = self.number(slots.len() as u64);
        slots.fold(record, |record, slot| record.number(slot.into()))
    }

    pub(crate) fn all<T>(
        self,
        items: impl ExactSizeIterator<Item = T>,
        each: impl Fn(Self, T) -> Self,
    ) -> Self {
        let record = self.number(items.len() as u64);
        items.fold(record, each)
    }

    fn to(self, to: &[Slot]) -> Self {
        self.slots(to.iter().map(|slot| slot.to_bits()))
    }

    fn counts(self, counts: TopicCounts) -> Self {
        let TopicCounts { users, sessions, observers } = counts;
        [users, sessions, observers]
            .into_iter()
            .fold(self, |record, number| record.number(number.into()))
    }

    pub(crate) fn view(self, view: View) -> Self {
        match view {
            View::Nothing => self.word("nothing"),
            View::Count => self.word("count"),
            View::Sample(users) => self.word("sample").number(users.into()),
            View::All => self.word("all"),
            other => panic!("a view that C cannot read: {other:?}"),
        }
    }

    pub(crate) fn cause(self, cause: LostCause) -> Self {
        self.word(match cause {
            LostCause::ConnectionError => "by an error",
            LostCause::Timeout => "by a timeout",
            LostCause::NodeLoss => "with its node",
            LostCause::GoingAway => "going away",
            other => panic!("a cause that C cannot read: {other:?}"),
        })
    }

    fn ended(self, reason: EndReason) -> Self {
        match reason {
            EndReason::Disconnected => self.word("disconnected"),
            EndReason::Lost(cause) => self.word("lost").cause(cause),
            EndReason::Evicted => self.word("evicted"),
            EndReason::Expelled => self.word("expelled"),
            other => panic!("a reason that C cannot read: {other:?}"),
        }
    }

    fn left(self, reason: LeaveReason) -> Self {
        match reason {
            LeaveReason::Left => self.word("left"),
            LeaveReason::Removed => self.word("removed"),
            LeaveReason::Ended(reason) => self.ended(reason),
            other => panic!("a reason that C cannot read: {other:?}"),
        }
    }
}

/// Writes a decision of Rust's.
pub(crate) fn of_rust(decision: &Decision<'_, Id, Shown>) -> Vec<u8> {
    let record = Record::default();
    match decision {
        Decision::Deliver { notice, to } => of_notice(record.word("deliver").to(to), notice),
        Decision::Skipped { notice, to } => of_notice(record.word("skipped").to(to), notice),
        Decision::Snapshot(snapshot) => of_snapshot(record, snapshot),
        Decision::Topic(topic) => of_topic(record, topic),
        Decision::Changes(changes) => of_changes(record, changes),
        Decision::TopicOccupied { topic, key } => {
            record.word("occupied").bytes(topic).pair(key.to_bits())
        }
        Decision::TopicVacated { topic, key } => {
            record.word("vacated").bytes(topic).pair(key.to_bits())
        }
        Decision::Close { session, reason, resumable } => {
            let record = record.word("close").pair(session.to_bits()).is(*resumable);
            record.word(match reason {
                CloseReason::LeaseLapsed => "lease lapsed",
                CloseReason::Evicted => "evicted",
                CloseReason::Expelled => "expelled",
                CloseReason::Replaced => "replaced",
                other => panic!("a reason that C cannot read: {other:?}"),
            })
        }
        Decision::Online { user, session, visible } => {
            record.word("online").bytes(user).pair(session.to_bits()).is(*visible)
        }
        Decision::Ended { user, session, id, reason, since, last, visible } => {
            let record = record.word("ended").bytes(user).pair(session.to_bits());
            let record = record.number(id.to_bits()).number(since.as_millis());
            record.is(*last).is(*visible).ended(*reason)
        }
        other => panic!("a decision that C cannot read: {other:?}"),
    }
    .0
}

fn of_snapshot(record: Record, snapshot: &Snapshot<'_, Id, Shown>) -> Record {
    let record = record.word("snapshot").to(&[snapshot.to()]);
    let record = record.pair(snapshot.receiver().to_bits()).number(snapshot.id().get());
    let record = record.is(snapshot.is_first()).is(snapshot.is_last()).is(snapshot.is_visible());
    let record = match snapshot.scope() {
        Scope::Everything => record.word("everything"),
        Scope::Users => record.word("users").all(snapshot.named(), |record, id| record.bytes(id)),
        other => panic!("a scope that C cannot read: {other:?}"),
    };
    record.all(snapshot.entries(), |record, entry| {
        let record = record.bytes(entry.user).number(entry.session.to_bits());
        let idle_since = entry.idle_since.map(Time::as_millis);
        record.bytes(entry.presence).is(entry.is_user).maybe_number(idle_since)
    })
}

fn of_topic(record: Record, topic: &TopicSnapshot<'_, Id, Shown>) -> Record {
    let record = record.word("topic").to(topic.to()).bytes(topic.topic()).number(topic.id().get());
    let record = record.view(topic.view()).counts(topic.counts());
    record.is(topic.is_first()).is(topic.is_last()).all(topic.entries(), |record, entry| {
        let record = record.word("member").bytes(entry.user).number(entry.session.to_bits());
        record.maybe(entry.presence.map(|shown| &**shown))
    })
}

fn of_changes(record: Record, changes: &Changes<'_, Id, Shown>) -> Record {
    let record = record.word("changes").to(changes.to()).bytes(changes.topic());
    let record = record.number(changes.id().get()).view(changes.view()).counts(changes.counts());
    let record = record.is(changes.is_first()).is(changes.is_last());
    record.all(changes.iter(), |record, change| match change {
        TopicChange::Member { user, session, presence } => {
            let record = record.word("member").bytes(user).number(session.to_bits());
            record.maybe(presence.map(|shown| &**shown))
        }
        TopicChange::SessionEnded { user, session } => {
            record.word("session ended").bytes(user).number(session.to_bits())
        }
        TopicChange::Left { user, reason } => record.word("gone").bytes(user).left(reason),
        other => panic!("a change that C cannot read: {other:?}"),
    })
}

fn of_notice(record: Record, notice: &Notice<'_, Id, Shown>) -> Record {
    let record = record.number(notice.id().get());
    let of = |record: Record, word: &str, user: &Id, session: SessionId| {
        record.word(word).bytes(user).number(session.to_bits())
    };
    let first = |kind: PresenceKind| kind == PresenceKind::First;
    match *notice {
        Notice::Presence { user, session, kind, presence, .. } => {
            of(record, "presence", user, session).is(first(kind)).bytes(presence)
        }
        Notice::User { user, kind, idle_since, presence, .. } => {
            let record = record.word("user").bytes(user).is(first(kind));
            record.maybe_number(idle_since.map(Time::as_millis)).bytes(presence)
        }
        Notice::Directed { user, session, presence, .. } => {
            of(record, "directed", user, session).bytes(presence)
        }
        Notice::DirectedOver { user, session, .. } => of(record, "directed over", user, session),
        Notice::Withdrawn { user, session, .. } => of(record, "withdrawn", user, session),
        Notice::Visibility { user, visible, .. } => {
            record.word("visibility").bytes(user).is(visible)
        }
        Notice::SessionEnded { user, session, .. } => of(record, "session ended", user, session),
        Notice::UserOffline { user, .. } => record.word("offline").bytes(user),
        Notice::System { presence, .. } => record.word("system").bytes(presence),
        Notice::Joined { topic, user, session, presence, .. } => {
            let record = of(record, "joined", user, session).bytes(topic);
            record.maybe(presence.map(|shown| &**shown))
        }
        Notice::Member { topic, user, session, kind, presence, .. } => {
            let record = of(record, "member", user, session).bytes(topic).is(first(kind));
            record.maybe(presence.map(|shown| &**shown))
        }
        Notice::MemberSessionEnded { topic, user, session, .. } => {
            of(record, "member's session ended", user, session).bytes(topic)
        }
        Notice::Left { topic, user, reason, .. } => {
            record.word("gone").bytes(user).bytes(topic).left(reason)
        }
        Notice::TopicClosed { topic, reason, .. } => {
            record.word("closed").bytes(topic).word(match reason {
                TopicClosing::Closed => "closed",
                TopicClosing::Removed => "removed",
                other => panic!("a reason that C cannot read: {other:?}"),
            })
        }
        Notice::Said { topic, user, session, presence, .. } => {
            of(record, "said", user, session).bytes(topic).bytes(presence)
        }
        Notice::SaidOver { topic, user, session, .. } => {
            of(record, "said over", user, session).bytes(topic)
        }
        ref other => panic!("a notice that C cannot read: {other:?}"),
    }
}
