//! What a node says of a user as bytes that can be compared: from what Rust says, and from what C
//! is lent.

use crate::pair::Pair;
use crate::queries::{ask, of};
use crate::read::{array, ids, lent};
use crate::record::Record;
use crate::{Id, Shown};
use adsum::RemoteState;
use adsum_ffi::queries::remote::adsum_local_user;
use adsum_ffi::remote::{adsum_remote_session, adsum_user_state};

/// Writes what an engine in Rust says of a user.
pub(crate) fn of_rust(user: &Id, state: &RemoteState<Id, Shown>) -> Vec<u8> {
    let record = Record::default().bytes(user);
    let record = match &state.lists {
        Some(lists) => {
            let all = [&lists.audience, &lists.blocked].into_iter();
            let record = all.fold(record.word("lists"), |record, list| {
                record.all(list.iter(), |record, id| record.bytes(id))
            });
            record.is(lists.visible)
        }
        None => record.word("no lists"),
    };
    let record = record.all(state.sessions.iter(), |record, one| {
        let record = record.number(one.id.to_bits()).number(one.kind.0.into()).number(one.age_ms);
        let record = record.number(one.number).maybe_number(one.idle_ms);
        let record = match one.lost {
            Some(loss) => record.cause(loss.cause).number(loss.since_ms).number(loss.left_ms),
            None => record.word("attached"),
        };
        let record = match &one.shown {
            Some(shown) => {
                let record = record.word("shows").bytes(&shown.presence).number(shown.age_ms);
                match &shown.until {
                    Some(end) => record.number(end.left_ms).maybe(end.then.as_deref()),
                    None => record.word("without an end"),
                }
            }
            None => record.word("shows nothing"),
        };
        record.all(one.topics.iter(), |record, member| {
            let record = record.bytes(&member.topic).number(member.number);
            let record = record.word(if member.observes { "observes" } else { "is a member" });
            record.maybe(member.presence.as_deref())
        })
    });
    assert!(state.ended.is_empty(), "how sessions have ended is the host's to say");
    record.0
}

/// Writes what an engine behind a handle says of a user.
pub(crate) fn of_c(state: &adsum_user_state) -> Vec<u8> {
    let record = Record::default().bytes(lent(&state.user).expect("it has an id"));
    let record = match state.has_lists {
        true => {
            let all = [&state.audience, &state.blocked].into_iter();
            let record = all.fold(record.word("lists"), |record, list| {
                record.all(ids(list).iter(), |record, id| record.bytes(id))
            });
            record.is(state.is_visible)
        }
        false => {
            assert_eq!((state.audience.len, state.blocked.len, state.is_visible), (0, 0, false));
            record.word("no lists")
        }
    };
    assert_eq!(state.ended_len, 0, "how sessions have ended is the host's to say");
    let sessions = array(state.sessions, state.sessions_len).iter();
    record.all(sessions, session).0
}

fn session(record: Record, one: &adsum_remote_session) -> Record {
    let record = record.number(one.id).number(one.kind.into()).number(one.age_ms);
    let record = record.number(one.number).maybe_number(one.is_idle.then_some(one.idle_ms));
    let record = match one.cause {
        0 => record.word("attached"),
        cause => record.cause_numbered(cause).number(one.lost_ms).number(one.grace_ms),
    };
    let record = match lent(&one.presence) {
        Some(presence) => {
            let record = record.word("shows").bytes(presence).number(one.shown_ms);
            match one.is_ending {
                true => record.number(one.ends_ms).maybe(lent(&one.then)),
                false => record.word("without an end"),
            }
        }
        None => record.word("shows nothing"),
    };
    record.all(array(one.topics, one.topics_len).iter(), |record, member| {
        let record = record.bytes(lent(&member.topic).expect("it has a name"));
        let record = record.number(member.number);
        let record = record.word(if member.observes { "observes" } else { "is a member" });
        record.maybe(lent(&member.presence))
    })
}

/// Asks both engines what they say of a user.
pub(crate) fn equal_local_user(pair: &Pair, user: &Id, with_lists: bool) {
    let now = pair.rust.now();
    let expected = pair.rust.local_user::<Id>(user);
    let expected = expected.map(|local| of_rust(local.id(), &local.to_remote(now, with_lists)));
    // SAFETY: the engine is there, and so is what is handed in or written to.
    let said =
        ask(|out| unsafe { adsum_local_user(pair.c, now.as_millis(), of(user), with_lists, out) });
    assert_eq!(said.map(|state| of_c(&state)), expected);
}
