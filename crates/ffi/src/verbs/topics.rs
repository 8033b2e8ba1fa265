//! The verbs of topics: named groups that sessions join, see the members of, and leave.

use crate::bytes::{adsum_bytes, adsum_list};
use crate::engine::{adsum_engine, input, input_with};
use crate::failure::Failure;
use crate::names::{adsum_session, adsum_topic, adsum_view};
use crate::options::adsum_topic_options;
use crate::status::adsum_status;
use adsum::{Join, Time};

/// Has a session join a topic as a member whom others see, and writes the topic's key to `out`
/// (rule T1). It shows `presence` there, or, if `presence.data` is NULL, what it publishes. Who may
/// join what is the host's to check.
///
/// Refused with `ADSUM_E_UNKNOWN_SESSION`, `ADSUM_E_DETACHED`, `ADSUM_E_ALREADY_JOINED`, which has
/// the topic's key, `ADSUM_E_TOPIC_LIMIT`, `ADSUM_E_MEMBER_LIMIT` and `ADSUM_E_FULL`; and with
/// `ADSUM_E_ARGUMENT` if there is no such view.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_join(
    engine: *mut adsum_engine,
    now: u64,
    session: adsum_session,
    topic: adsum_bytes,
    presence: adsum_bytes,
    view: adsum_view,
    out: *mut adsum_topic,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        input_with(engine, out, |core| {
            let presence = presence.copy_optional("presence")?;
            let (topic, join) =
                (topic.copy("topic")?, Join::Member { presence, view: view.read()? });
            let (key, decisions) =
                core.join(Time::from_millis(now), session.key()?, topic, join)?;
            Ok((key.into(), decisions))
        })
    }
}

/// Has a session join a topic as an observer, who is told of the members and is none itself
/// (rule T7). Otherwise as `adsum_join`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_observe(
    engine: *mut adsum_engine,
    now: u64,
    session: adsum_session,
    topic: adsum_bytes,
    view: adsum_view,
    out: *mut adsum_topic,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        input_with(engine, out, |core| {
            let (topic, join) = (topic.copy("topic")?, Join::Observer { view: view.read()? });
            let (key, decisions) =
                core.join(Time::from_millis(now), session.key()?, topic, join)?;
            Ok((key.into(), decisions))
        })
    }
}

/// Changes what a member's session shows in a topic (rule T2).
///
/// Refused with `ADSUM_E_UNKNOWN_SESSION`, `ADSUM_E_DETACHED`, `ADSUM_E_UNKNOWN_TOPIC` and
/// `ADSUM_E_NOT_MEMBER`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_update(
    engine: *mut adsum_engine,
    now: u64,
    session: adsum_session,
    topic: adsum_topic,
    presence: adsum_bytes,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        input(engine, |core| {
            let presence = presence.copy("presence")?;
            Ok(core.update(Time::from_millis(now), session.key()?, topic.key()?, presence)?)
        })
    }
}

/// Has a session leave a topic (rule T1).
///
/// Refused with `ADSUM_E_UNKNOWN_SESSION`, `ADSUM_E_DETACHED` and `ADSUM_E_UNKNOWN_TOPIC`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_leave(
    engine: *mut adsum_engine,
    now: u64,
    session: adsum_session,
    topic: adsum_topic,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        input(engine, |core| {
            Ok(core.leave(Time::from_millis(now), session.key()?, topic.key()?)?)
        })
    }
}

/// Changes what a session is told of a topic (rule T7).
///
/// Refused as `adsum_leave` is, and with `ADSUM_E_ARGUMENT` if there is no such view.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_look(
    engine: *mut adsum_engine,
    now: u64,
    session: adsum_session,
    topic: adsum_topic,
    view: adsum_view,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        input(engine, |core| {
            let view = view.read()?;
            Ok(core.look(Time::from_millis(now), session.key()?, topic.key()?, view)?)
        })
    }
}

/// Has a session look at members by name, beside its view and in place of those whom it named
/// before (rule T9a).
///
/// Refused as `adsum_leave` is, with `ADSUM_E_NAMED_LIMIT` for more than `max_topic_named`, and
/// with `ADSUM_E_FULL`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_look_at(
    engine: *mut adsum_engine,
    now: u64,
    session: adsum_session,
    topic: adsum_topic,
    users: adsum_list,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        input(engine, |core| {
            let users = users.copy("users")?;
            Ok(core.look_at(Time::from_millis(now), session.key()?, topic.key()?, users)?)
        })
    }
}

/// Says something in a topic (rule T11a), which holds until the session says something else there
/// or leaves.
///
/// Refused as `adsum_update` is, and with `ADSUM_E_RATE_LIMITED`, by `direct_rate`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_say(
    engine: *mut adsum_engine,
    now: u64,
    session: adsum_session,
    topic: adsum_topic,
    presence: adsum_bytes,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        input(engine, |core| {
            let presence = presence.copy("presence")?;
            Ok(core.say(Time::from_millis(now), session.key()?, topic.key()?, presence, None)?)
        })
    }
}

/// Says something in a topic, as `adsum_say` does, for `for_ms` milliseconds.
///
/// Refused as `adsum_say` is, and with `ADSUM_E_EXPIRY_LIMIT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_say_for(
    engine: *mut adsum_engine,
    now: u64,
    session: adsum_session,
    topic: adsum_topic,
    presence: adsum_bytes,
    for_ms: u64,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        input(engine, |core| {
            let (presence, for_ms) = (presence.copy("presence")?, Some(for_ms));
            Ok(core.say(Time::from_millis(now), session.key()?, topic.key()?, presence, for_ms)?)
        })
    }
}

/// Takes all sessions of a user out of a topic, those that observe included. Nothing happens if it
/// is not there.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_topic_remove(
    engine: *mut adsum_engine,
    now: u64,
    topic: adsum_bytes,
    user: adsum_bytes,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        input(engine, |core| {
            let (topic, user) = (topic.read("topic")?, user.read("user")?);
            Ok(core.remove(Time::from_millis(now), topic, user))
        })
    }
}

/// Closes a topic: all who are in it are told, and are in it no more. Nothing happens if nobody is
/// in it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_topic_close(
    engine: *mut adsum_engine,
    now: u64,
    topic: adsum_bytes,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { input(engine, |core| Ok(core.close(Time::from_millis(now), topic.read("topic")?))) }
}

/// Gives a topic options of its own, until it is empty.
///
/// Refused with `ADSUM_E_TOPIC_OPTIONS` if one is out of its range, and with `ADSUM_E_ARGUMENT` if
/// `blocks` stands for nothing; with `ADSUM_E_UNKNOWN_TOPIC` if nobody is in it; and with
/// `ADSUM_E_MEMBER_LIMIT` if blocks are to hide in it and it has more members than `full_up_to`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_topic_set_options(
    engine: *mut adsum_engine,
    now: u64,
    topic: adsum_bytes,
    options: *const adsum_topic_options,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        input(engine, |core| {
            let none = Failure::Null { argument: "options", place: None };
            let options = options.as_ref().ok_or(none)?.read("blocks")?;
            let topic = topic.read("topic")?;
            Ok(core.topic_options(Time::from_millis(now), topic, options)?)
        })
    }
}
