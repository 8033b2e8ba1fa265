//! Decisions as bytes, from what C reads.

use crate::record::Record;
use adsum_ffi::bytes::{adsum_bytes, adsum_list};
use adsum_ffi::decision::{adsum_decision, adsum_decision_kind as kind};
use adsum_ffi::entry::{adsum_entry, adsum_entry_kind};
use adsum_ffi::names::{adsum_cause, adsum_view};
use adsum_ffi::notice::adsum_notice as notice;
use adsum_ffi::reason::adsum_reason;

/// Returns bytes that are lent, `None` for NULL.
pub(crate) fn lent(bytes: &adsum_bytes) -> Option<&[u8]> {
    if bytes.len == 0 && !bytes.data.is_null() {
        // SAFETY: what is empty and not missing points to a byte that is there for ever.
        assert_eq!(unsafe { bytes.data.read() }, 0);
    }
    // SAFETY: bytes that are not NULL are there until the next call on their engine, and these are
    // read before.
    (!bytes.data.is_null()).then(|| unsafe { std::slice::from_raw_parts(bytes.data, bytes.len) })
}

fn known(bytes: &adsum_bytes) -> &[u8] {
    lent(bytes).expect("they are not NULL")
}

/// Returns ids that are lent.
pub(crate) fn ids(list: &adsum_list) -> Vec<Vec<u8>> {
    array(list.items, list.len).iter().map(|id| known(id).to_vec()).collect()
}

/// Returns those whom a snapshot is about, where `items` is not NULL even if that is nobody.
fn named(list: &adsum_list) -> Vec<Vec<u8>> {
    match list.len {
        0 => {
            // SAFETY: it points to what a list would begin with.
            assert_eq!(lent(unsafe { &*list.items }), Some(&[][..]));
            Vec::new()
        }
        _ => ids(list),
    }
}

/// Returns an array that is lent.
pub(crate) fn array<'l, T>(items: *const T, len: usize) -> &'l [T] {
    if len == 0 {
        assert!(items.is_null(), "what is not there has no place: {items:?}");
        return &[];
    }
    // SAFETY: what is lent is there until the next call on its engine, and this is read before.
    unsafe { std::slice::from_raw_parts(items, len) }
}

impl Record {
    fn receivers(self, decision: &adsum_decision) -> Self {
        self.slots(array(decision.to, decision.to_len).iter().copied())
    }

    fn view_of(self, view: adsum_view) -> Self {
        match view.kind {
            0 => self.word("nothing"),
            1 => self.word("count"),
            2 => self.word("sample").number(view.sample.into()),
            3 => self.word("all"),
            other => panic!("no view is {other}"),
        }
    }

    fn reason_of(self, reason: adsum_reason, cause: adsum_cause) -> Self {
        if reason != adsum_reason::ADSUM_REASON_LOST {
            assert_eq!(cause, adsum_cause::ADSUM_CAUSE_NONE);
        }
        let word = match reason {
            adsum_reason::ADSUM_REASON_DISCONNECTED => "disconnected",
            adsum_reason::ADSUM_REASON_LOST => return self.word("lost").cause_of(cause),
            adsum_reason::ADSUM_REASON_EVICTED => "evicted",
            adsum_reason::ADSUM_REASON_EXPELLED => "expelled",
            adsum_reason::ADSUM_REASON_LEASE_LAPSED => "lease lapsed",
            adsum_reason::ADSUM_REASON_REPLACED => "replaced",
            adsum_reason::ADSUM_REASON_LEFT => "left",
            adsum_reason::ADSUM_REASON_REMOVED => "removed",
            adsum_reason::ADSUM_REASON_CLOSED => "closed",
            other => panic!("nothing has this reason: {other:?}"),
        };
        self.word(word)
    }

    pub(crate) fn cause_of(self, cause: adsum_cause) -> Self {
        self.word(match cause {
            adsum_cause::ADSUM_CAUSE_CONNECTION_ERROR => "by an error",
            adsum_cause::ADSUM_CAUSE_TIMEOUT => "by a timeout",
            adsum_cause::ADSUM_CAUSE_NODE_LOSS => "with its node",
            adsum_cause::ADSUM_CAUSE_GOING_AWAY => "going away",
            adsum_cause::ADSUM_CAUSE_NONE => panic!("a loss has a cause"),
        })
    }

    /// Writes a cause that stands there as a number.
    pub(crate) fn cause_numbered(self, number: u32) -> Self {
        use adsum_cause as Cause;
        let all = [
            Cause::ADSUM_CAUSE_CONNECTION_ERROR,
            Cause::ADSUM_CAUSE_TIMEOUT,
            Cause::ADSUM_CAUSE_NODE_LOSS,
            Cause::ADSUM_CAUSE_GOING_AWAY,
        ];
        let cause = all.into_iter().find(|cause| *cause as u32 == number);
        self.cause_of(cause.expect("it is a cause"))
    }

    fn why(self, of: &adsum_decision) -> Self {
        self.reason_of(of.reason, of.cause)
    }

    fn parts_of(self, of: &adsum_decision) -> Self {
        self.is(of.is_first).is(of.is_last)
    }

    fn entries_of(self, of: &adsum_decision) -> Self {
        let entries = array(of.entries, of.entries_len).iter();
        self.all(entries, |record, entry| record.entry_of(entry, of.kind))
    }

    fn entry_of(self, entry: &adsum_entry, of: kind) -> Self {
        match (of, entry.kind) {
            (kind::ADSUM_DECISION_SNAPSHOT, adsum_entry_kind::ADSUM_ENTRY_PRESENCE) => {
                let record = self.bytes(known(&entry.user)).number(entry.session);
                let record = record.bytes(known(&entry.presence)).is(entry.is_user);
                record.maybe_number(entry.is_idle.then_some(entry.idle_since))
            }
            (_, adsum_entry_kind::ADSUM_ENTRY_PRESENCE) => {
                let record = self.word("member").bytes(known(&entry.user));
                record.number(entry.session).maybe(lent(&entry.presence))
            }
            (kind::ADSUM_DECISION_CHANGES, adsum_entry_kind::ADSUM_ENTRY_SESSION_ENDED) => {
                self.word("session ended").bytes(known(&entry.user)).number(entry.session)
            }
            (kind::ADSUM_DECISION_CHANGES, adsum_entry_kind::ADSUM_ENTRY_LEFT) => {
                let record = self.word("gone").bytes(known(&entry.user));
                record.reason_of(entry.reason, entry.cause)
            }
            other => panic!("such an entry is in no such decision: {other:?}"),
        }
    }

    fn counts_of(self, of: &adsum_decision) -> Self {
        let counts = [of.counts.users, of.counts.sessions, of.counts.observers];
        counts.into_iter().fold(self, |record, number| record.number(number.into()))
    }
}

/// Writes a decision of C's.
pub(crate) fn of_c(of: &adsum_decision) -> Vec<u8> {
    let (key, topic_key) = ((of.key.name, of.key.slot), (of.topic_key.name, of.topic_key.place));
    let record = Record::default();
    match of.kind {
        kind::ADSUM_DECISION_DELIVER => of_notice(record.word("deliver").receivers(of), of),
        kind::ADSUM_DECISION_SKIPPED => of_notice(record.word("skipped").receivers(of), of),
        kind::ADSUM_DECISION_SNAPSHOT => {
            let record = record.word("snapshot").receivers(of).pair(key).number(of.id);
            let record = record.parts_of(of).is(of.is_visible);
            let record = match of.named.items.is_null() {
                true => record.word("everything"),
                false => {
                    let named = named(&of.named).into_iter();
                    record.word("users").all(named, |record, id| record.bytes(&id))
                }
            };
            record.entries_of(of)
        }
        kind::ADSUM_DECISION_TOPIC | kind::ADSUM_DECISION_CHANGES => {
            let is_whole = of.kind == kind::ADSUM_DECISION_TOPIC;
            let record = record.word(if is_whole { "topic" } else { "changes" }).receivers(of);
            let record = record.bytes(known(&of.topic)).number(of.id).view_of(of.view);
            record.counts_of(of).parts_of(of).entries_of(of)
        }
        kind::ADSUM_DECISION_TOPIC_OCCUPIED => {
            record.word("occupied").bytes(known(&of.topic)).pair(topic_key)
        }
        kind::ADSUM_DECISION_TOPIC_VACATED => {
            record.word("vacated").bytes(known(&of.topic)).pair(topic_key)
        }
        kind::ADSUM_DECISION_CLOSE => record.word("close").pair(key).is(of.is_resumable).why(of),
        kind::ADSUM_DECISION_ONLINE => {
            record.word("online").bytes(known(&of.user)).pair(key).is(of.is_visible)
        }
        kind::ADSUM_DECISION_ENDED => {
            let record = record.word("ended").bytes(known(&of.user)).pair(key);
            let record = record.number(of.session).number(of.since);
            record.is(of.is_last).is(of.is_visible).why(of)
        }
        kind::ADSUM_DECISION_OTHER => panic!("there is no other decision"),
    }
    .0
}

fn of_notice(record: Record, of: &adsum_decision) -> Record {
    let record = record.number(of.id);
    let named =
        |record: Record, word: &str| record.word(word).bytes(known(&of.user)).number(of.session);
    let in_topic = |record: Record, word: &str| named(record, word).bytes(known(&of.topic));
    match of.notice {
        notice::ADSUM_NOTICE_PRESENCE => {
            named(record, "presence").is(of.is_first).bytes(known(&of.presence))
        }
        notice::ADSUM_NOTICE_USER => {
            let record = record.word("user").bytes(known(&of.user)).is(of.is_first);
            record.maybe_number(of.is_idle.then_some(of.idle_since)).bytes(known(&of.presence))
        }
        notice::ADSUM_NOTICE_DIRECTED => named(record, "directed").bytes(known(&of.presence)),
        notice::ADSUM_NOTICE_DIRECTED_OVER => named(record, "directed over"),
        notice::ADSUM_NOTICE_WITHDRAWN => named(record, "withdrawn"),
        notice::ADSUM_NOTICE_VISIBILITY => {
            record.word("visibility").bytes(known(&of.user)).is(of.is_visible)
        }
        notice::ADSUM_NOTICE_SESSION_ENDED => named(record, "session ended"),
        notice::ADSUM_NOTICE_USER_OFFLINE => record.word("offline").bytes(known(&of.user)),
        notice::ADSUM_NOTICE_SYSTEM => record.word("system").bytes(known(&of.presence)),
        notice::ADSUM_NOTICE_JOINED => in_topic(record, "joined").maybe(lent(&of.presence)),
        notice::ADSUM_NOTICE_MEMBER => {
            in_topic(record, "member").is(of.is_first).maybe(lent(&of.presence))
        }
        notice::ADSUM_NOTICE_MEMBER_SESSION_ENDED => in_topic(record, "member's session ended"),
        notice::ADSUM_NOTICE_LEFT => {
            record.word("gone").bytes(known(&of.user)).bytes(known(&of.topic)).why(of)
        }
        notice::ADSUM_NOTICE_TOPIC_CLOSED => record.word("closed").bytes(known(&of.topic)).why(of),
        notice::ADSUM_NOTICE_SAID => in_topic(record, "said").bytes(known(&of.presence)),
        notice::ADSUM_NOTICE_SAID_OVER => in_topic(record, "said over"),
        notice::ADSUM_NOTICE_NONE => panic!("there is a notice"),
    }
}
