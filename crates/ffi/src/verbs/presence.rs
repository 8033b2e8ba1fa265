//! The verbs that say something, and those of slow receivers.

use crate::bytes::{adsum_bytes, adsum_list};
use crate::engine::{adsum_engine, input};
use crate::names::adsum_session;
use crate::status::adsum_status;
use adsum::Time;

/// Makes a presence what the session shows from now on (rule 2). Over the rate it is not told now
/// (rule 13): `adsum_waits_until` says when.
///
/// Refused with `ADSUM_E_UNKNOWN_SESSION` and `ADSUM_E_DETACHED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_publish(
    engine: *mut adsum_engine,
    now: u64,
    session: adsum_session,
    presence: adsum_bytes,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        input(engine, |core| {
            let presence = presence.copy("presence")?;
            Ok(core.publish(Time::from_millis(now), session.key()?, presence)?)
        })
    }
}

/// Publishes a presence that ends by itself (rule 25): at `until` `then` is put in its place, or if
/// `then.data` is NULL, the session shows nothing any more.
///
/// Refused with `ADSUM_E_UNKNOWN_SESSION` and `ADSUM_E_DETACHED`, and with `ADSUM_E_EXPIRY_LIMIT`
/// if it is to last longer than `max_expiry_ms`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_publish_until(
    engine: *mut adsum_engine,
    now: u64,
    session: adsum_session,
    presence: adsum_bytes,
    until: u64,
    then: adsum_bytes,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        input(engine, |core| {
            let presence = presence.copy("presence")?;
            let then = then.copy_optional("then")?;
            let (now, until) = (Time::from_millis(now), Time::from_millis(until));
            Ok(core.publish_until(now, session.key()?, presence, until, then)?)
        })
    }
}

/// Takes back what a session shows (rule 25a).
///
/// Refused with `ADSUM_E_UNKNOWN_SESSION` and `ADSUM_E_DETACHED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_withdraw(
    engine: *mut adsum_engine,
    now: u64,
    session: adsum_session,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { input(engine, |core| Ok(core.withdraw(Time::from_millis(now), session.key()?)?)) }
}

/// Says something to named users only (rule 3).
///
/// Refused with `ADSUM_E_UNKNOWN_SESSION`, `ADSUM_E_DETACHED`, `ADSUM_E_DIRECT_LIMIT`, which takes
/// no token, and `ADSUM_E_RATE_LIMITED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_direct(
    engine: *mut adsum_engine,
    now: u64,
    session: adsum_session,
    users: adsum_list,
    presence: adsum_bytes,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        input(engine, |core| {
            let (users, presence) = (users.read("users")?, presence.copy("presence")?);
            Ok(core.direct(Time::from_millis(now), session.key()?, users, presence)?)
        })
    }
}

/// Says something to named users only, for so long (rule 26): after `for_ms` milliseconds those
/// whom it reached are told that it is over.
///
/// Refused with `ADSUM_E_EXPIRY_LIMIT`, and as `adsum_direct` is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_direct_for(
    engine: *mut adsum_engine,
    now: u64,
    session: adsum_session,
    users: adsum_list,
    presence: adsum_bytes,
    for_ms: u64,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        input(engine, |core| {
            let (users, presence) = (users.read("users")?, presence.copy("presence")?);
            Ok(core.direct_for(Time::from_millis(now), session.key()?, users, presence, for_ms)?)
        })
    }
}

/// Says something to named users for the application, from no session (rule 15).
///
/// Refused with `ADSUM_E_DIRECT_LIMIT` for more than 2^20 names.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_system(
    engine: *mut adsum_engine,
    now: u64,
    users: adsum_list,
    presence: adsum_bytes,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        input(engine, |core| {
            let (users, presence) = (users.read("users")?, presence.copy("presence")?);
            Ok(core.system(Time::from_millis(now), users, presence)?)
        })
    }
}

/// Says that the session's connection takes nothing more for now (rule 14): until `adsum_writable`
/// no decision names it as a receiver of a notice.
///
/// Refused with `ADSUM_E_UNKNOWN_SESSION` and `ADSUM_E_DETACHED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_congested(
    engine: *mut adsum_engine,
    now: u64,
    session: adsum_session,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { input(engine, |core| Ok(core.congested(Time::from_millis(now), session.key()?)?)) }
}

/// Says that the session's connection takes notices again (rule 14). It is told what changed
/// meanwhile.
///
/// Refused with `ADSUM_E_UNKNOWN_SESSION` and `ADSUM_E_DETACHED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_writable(
    engine: *mut adsum_engine,
    now: u64,
    session: adsum_session,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { input(engine, |core| Ok(core.writable(Time::from_millis(now), session.key()?)?)) }
}
