//! What can be asked about topics. For the host: of those who are invisible too, where it says so.

use crate::bytes::{adsum_bytes, adsum_list, put, put_array};
use crate::engine::{adsum_engine, ask};
use crate::failure::Failure;
use crate::held::Core;
use crate::info::{adsum_attendant, adsum_member, adsum_session_info, adsum_topic_info};
use crate::lists::Lists;
use crate::names::{adsum_session, adsum_topic, adsum_view};
use crate::status::adsum_status;
use adsum::{DefaultHashBuilder, Topic};

type OfBytes<'e> = Topic<'e, Box<[u8]>, Box<[u8]>, DefaultHashBuilder>;

fn find(core: &Core, key: adsum_topic) -> Result<OfBytes<'_>, Failure> {
    key.key().ok().and_then(|key| core.topic_by_key(key)).ok_or(Failure::Nothing)
}

/// Writes to `out` what is known of the topic of this name; `ADSUM_NOTHING` if nobody is in it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_topic_by_name(
    engine: *const adsum_engine,
    name: adsum_bytes,
    out: *mut adsum_topic_info,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        ask(engine, |core, _| {
            let topic = core.topic(name.read("name")?).ok_or(Failure::Nothing)?;
            put(out, adsum_topic_info::of(&topic))
        })
    }
}

/// Writes to `out` what is known of the topic of this key; `ADSUM_NOTHING` if it is stale.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_topic_by_key(
    engine: *const adsum_engine,
    topic: adsum_topic,
    out: *mut adsum_topic_info,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { ask(engine, |core, _| put(out, adsum_topic_info::of(&find(core, topic)?))) }
}

/// Lends all topics that somebody is in, in no particular order: as many as are written to `len`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_all_topics(
    engine: *const adsum_engine,
    out: *mut *const adsum_topic_info,
    len: *mut usize,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        ask(engine, |core, lists| {
            lend_topics(lists, core.topics());
            put_array(out, len, &lists.topics)
        })
    }
}

/// Lends the topics that a session is in, in the order in which it joined them; none if the key is
/// stale: as many as are written to `len`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_topics_of(
    engine: *const adsum_engine,
    session: adsum_session,
    out: *mut *const adsum_topic_info,
    len: *mut usize,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        ask(engine, |core, lists| {
            let topics = session.key().into_iter().flat_map(|session| core.topics_of(session));
            lend_topics(lists, topics);
            put_array(out, len, &lists.topics)
        })
    }
}

fn lend_topics<'e>(lists: &mut Lists, topics: impl Iterator<Item = OfBytes<'e>>) {
    lists.topics.clear();
    lists.topics.extend(topics.map(|topic| adsum_topic_info::of(&topic)));
}

/// Lends the members of a topic who are visible, in the order in which they became so;
/// `ADSUM_NOTHING` if the key is stale.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_topic_users(
    engine: *const adsum_engine,
    topic: adsum_topic,
    out: *mut adsum_list,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { ask(engine, |core, lists| put(out, lists.gather_ids(find(core, topic)?.users()))) }
}

/// Lends the sessions of those whose cursor is greater than `after`, in the same order and at most
/// `most` users' of them: as many as are written to `len`. To read a large topic in pages, begin
/// with 0 and go on with the cursor of the last one. `ADSUM_NOTHING` if the key is stale.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_topic_members(
    engine: *const adsum_engine,
    topic: adsum_topic,
    after: u64,
    most: usize,
    out: *mut *const adsum_member,
    len: *mut usize,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        ask(engine, |core, lists| {
            lists.members.clear();
            let (mut users, mut last) = (0, None);
            for member in find(core, topic)?.members_after(after) {
                // A page ends with a user's last session.
                if last != Some(member.cursor) {
                    if users == most {
                        break;
                    }
                    (users, last) = (users + 1, Some(member.cursor));
                }
                lists.members.push(adsum_member::of(&member));
            }
            put_array(out, len, &lists.members)
        })
    }
}

/// Lends all sessions that are in a topic, members and observers, those who are detached or
/// invisible included, in no particular order: as many as are written to `len`. `ADSUM_NOTHING` if
/// the key is stale.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_topic_sessions(
    engine: *const adsum_engine,
    topic: adsum_topic,
    out: *mut *const adsum_attendant,
    len: *mut usize,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        ask(engine, |core, lists| {
            lists.attendants.clear();
            lists.attendants.extend(find(core, topic)?.sessions().map(|(session, view)| {
                adsum_attendant { session: adsum_session_info::of(&session), view: view.into() }
            }));
            put_array(out, len, &lists.attendants)
        })
    }
}

/// Lends those of them that observe, likewise.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_topic_observers(
    engine: *const adsum_engine,
    topic: adsum_topic,
    out: *mut *const adsum_session_info,
    len: *mut usize,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        ask(engine, |core, lists| {
            lists.sessions.clear();
            let all = find(core, topic)?.observers();
            lists.sessions.extend(all.map(|session| adsum_session_info::of(&session)));
            put_array(out, len, &lists.sessions)
        })
    }
}

/// Writes to `out` what a session shows in a topic as a member whom others see, with NULL for
/// `data` if it shows nothing; `ADSUM_NOTHING` if it is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_topic_presence(
    engine: *const adsum_engine,
    topic: adsum_topic,
    session: adsum_session,
    out: *mut adsum_bytes,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        ask(engine, |core, _| {
            let topic = find(core, topic)?;
            let shown = session.key().ok().and_then(|session| topic.presence(session));
            put(out, adsum_bytes::of_optional(shown.ok_or(Failure::Nothing)?))
        })
    }
}

/// Lends the users whom a session looks at by name, each once, in no particular order;
/// `ADSUM_NOTHING` if the topic's key is stale.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_topic_looks_at(
    engine: *const adsum_engine,
    topic: adsum_topic,
    session: adsum_session,
    out: *mut adsum_list,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        ask(engine, |core, lists| {
            let topic = find(core, topic)?;
            let named = session.key().into_iter().flat_map(|session| topic.looks_at(session));
            put(out, lists.gather_ids(named))
        })
    }
}

/// Writes to `out` what a session views of a topic; `ADSUM_NOTHING` if it is not in it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_topic_view(
    engine: *const adsum_engine,
    topic: adsum_topic,
    session: adsum_session,
    out: *mut adsum_view,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        ask(engine, |core, _| {
            let topic = find(core, topic)?;
            let view = session.key().ok().and_then(|session| topic.view(session));
            put(out, view.ok_or(Failure::Nothing)?.into())
        })
    }
}
