//! What can be asked of sessions.

use crate::bytes::{adsum_bytes, put, put_array};
use crate::engine::{adsum_engine, ask};
use crate::failure::Failure;
use crate::info::adsum_session_info;
use crate::names::adsum_session;
use crate::status::adsum_status;
use adsum::SessionId;

/// Lends the keys of the user's sessions, detached ones and those of other nodes included, in the
/// order in which they connected: as many as are written to `len`. `adsum_user_sessions` says more
/// of each.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_sessions_of(
    engine: *const adsum_engine,
    user: adsum_bytes,
    out: *mut *const adsum_session,
    len: *mut usize,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        ask(engine, |core, lists| {
            lists.keys.clear();
            lists.keys.extend(core.sessions(user.read("user")?).map(adsum_session::from));
            put_array(out, len, &lists.keys)
        })
    }
}

/// Lends what is known of the user's sessions, detached ones and those of other nodes included, in
/// the order in which they connected: as many as are written to `len`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_user_sessions(
    engine: *const adsum_engine,
    user: adsum_bytes,
    out: *mut *const adsum_session_info,
    len: *mut usize,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        ask(engine, |core, lists| {
            lists.sessions.clear();
            let all = core.user_sessions(user.read("user")?);
            lists.sessions.extend(all.map(|session| adsum_session_info::of(&session)));
            put_array(out, len, &lists.sessions)
        })
    }
}

/// Lends what is known of all sessions, detached ones and those of other nodes included, in no
/// particular order: as many as are written to `len`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_all_sessions(
    engine: *const adsum_engine,
    out: *mut *const adsum_session_info,
    len: *mut usize,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        ask(engine, |core, lists| {
            lists.sessions.clear();
            let all = core.all_sessions().map(|session| adsum_session_info::of(&session));
            lists.sessions.extend(all);
            put_array(out, len, &lists.sessions)
        })
    }
}

/// Writes to `out` what is known of the session that has this key; `ADSUM_NOTHING` if it is stale,
/// or that of a session which another node has.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_session_by_key(
    engine: *const adsum_engine,
    session: adsum_session,
    out: *mut adsum_session_info,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        ask(engine, |core, _| {
            let found = session.key().ok().and_then(|session| core.session(session));
            put(out, adsum_session_info::of(&found.ok_or(Failure::Nothing)?))
        })
    }
}

/// Writes to `until` when what a session shows ends by itself (`adsum_publish_until`), in
/// milliseconds, and to `then` what takes its place, with NULL for `data` if nothing does.
/// `ADSUM_NOTHING` if it shows nothing, or what it shows has no end, or the key is stale, or that
/// of a session which another node has. A publish that waits for its token is not counted.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_presence_end(
    engine: *const adsum_engine,
    session: adsum_session,
    until: *mut u64,
    then: *mut adsum_bytes,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        ask(engine, |core, _| {
            let ends = session.key().ok().and_then(|session| core.presence_end(session));
            let (at, next) = ends.ok_or(Failure::Nothing)?;
            for (argument, is_null) in [("until", until.is_null()), ("then", then.is_null())] {
                if is_null {
                    return Err(Failure::Null { argument, place: None });
                }
            }
            put(until, at.as_millis())?;
            put(then, adsum_bytes::of_optional(next))
        })
    }
}

/// Writes to `out` what is known of the session that receivers know by this number;
/// `ADSUM_NOTHING` if it has ended.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_session_by_id(
    engine: *const adsum_engine,
    id: u64,
    out: *mut adsum_session_info,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        ask(engine, |core, _| {
            let found = SessionId::from_bits(id).and_then(|id| core.session_by_id(id));
            put(out, adsum_session_info::of(&found.ok_or(Failure::Nothing)?))
        })
    }
}
