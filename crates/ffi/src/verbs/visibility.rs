//! The verbs that change who may see whom: audiences, blocks, a user's own wish, and watches.

use crate::bytes::{adsum_bytes, adsum_list};
use crate::engine::{adsum_engine, input};
use crate::names::adsum_session;
use crate::status::adsum_status;
use adsum::Time;

/// Adds contacts to a user's audience (rule 8).
///
/// Refused with `ADSUM_E_AUDIENCE_LIMIT` and `ADSUM_E_FULL`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_audience_add(
    engine: *mut adsum_engine,
    now: u64,
    user: adsum_bytes,
    contacts: adsum_list,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        input(engine, |core| {
            let (user, contacts) = (user.read("user")?, contacts.copy("contacts")?);
            Ok(core.audience_add(Time::from_millis(now), user, contacts)?)
        })
    }
}

/// Takes contacts out of a user's audience (rule 8).
///
/// Refused with `ADSUM_E_AUDIENCE_LIMIT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_audience_remove(
    engine: *mut adsum_engine,
    now: u64,
    user: adsum_bytes,
    contacts: adsum_list,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        input(engine, |core| {
            let (user, contacts) = (user.read("user")?, contacts.read("contacts")?);
            Ok(core.audience_remove(Time::from_millis(now), user, contacts)?)
        })
    }
}

/// Makes this a user's audience (rule 8).
///
/// Refused with `ADSUM_E_AUDIENCE_LIMIT` and `ADSUM_E_FULL`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_audience_replace(
    engine: *mut adsum_engine,
    now: u64,
    user: adsum_bytes,
    contacts: adsum_list,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        input(engine, |core| {
            let (user, contacts) = (user.read("user")?, contacts.copy("contacts")?);
            Ok(core.audience_replace(Time::from_millis(now), user, contacts)?)
        })
    }
}

/// Blocks another user for a user (rule 9).
///
/// Refused with `ADSUM_E_BLOCKED_LIMIT` and `ADSUM_E_FULL`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_block(
    engine: *mut adsum_engine,
    now: u64,
    user: adsum_bytes,
    other: adsum_bytes,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        input(engine, |core| {
            let (user, other) = (user.read("user")?, other.copy("other")?);
            Ok(core.block(Time::from_millis(now), user, other)?)
        })
    }
}

/// Takes a user's block back (rule 9). Nothing happens if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_unblock(
    engine: *mut adsum_engine,
    now: u64,
    user: adsum_bytes,
    other: adsum_bytes,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        input(engine, |core| {
            let (user, other) = (user.read("user")?, other.read("other")?);
            Ok(core.unblock(Time::from_millis(now), user, other)?)
        })
    }
}

/// Makes the user of this session invisible (rule 10).
///
/// Refused with `ADSUM_E_UNKNOWN_SESSION` and `ADSUM_E_DETACHED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_invisible(
    engine: *mut adsum_engine,
    now: u64,
    session: adsum_session,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { input(engine, |core| Ok(core.invisible(Time::from_millis(now), session.key()?)?)) }
}

/// Makes the user of this session visible again (rule 10).
///
/// Refused with `ADSUM_E_UNKNOWN_SESSION` and `ADSUM_E_DETACHED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_visible(
    engine: *mut adsum_engine,
    now: u64,
    session: adsum_session,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { input(engine, |core| Ok(core.visible(Time::from_millis(now), session.key()?)?)) }
}

/// Has a session be told of users who need not have its user in their audience, in addition to
/// those that it watches already (rule 21). Who may watch whom is the host's to check.
///
/// Refused with `ADSUM_E_UNKNOWN_SESSION`, `ADSUM_E_DETACHED`, `ADSUM_E_FULL`, and
/// `ADSUM_E_WATCH_LIMIT` if more than `max_watched` are named or would be watched.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_watch(
    engine: *mut adsum_engine,
    now: u64,
    session: adsum_session,
    users: adsum_list,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        input(engine, |core| {
            let users = users.copy("users")?;
            Ok(core.watch(Time::from_millis(now), session.key()?, users)?)
        })
    }
}

/// Ends watches of a session (rule 24). Nobody is told.
///
/// Refused with `ADSUM_E_UNKNOWN_SESSION`, `ADSUM_E_DETACHED`, and `ADSUM_E_WATCH_LIMIT` if more
/// than `max_watched` are named.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_unwatch(
    engine: *mut adsum_engine,
    now: u64,
    session: adsum_session,
    users: adsum_list,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        input(engine, |core| {
            let users = users.read("users")?;
            Ok(core.unwatch(Time::from_millis(now), session.key()?, users)?)
        })
    }
}
