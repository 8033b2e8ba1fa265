//! What can be asked of users.

use crate::bytes::{adsum_bytes, adsum_list, put};
use crate::engine::{adsum_engine, ask};
use crate::failure::Failure;
use crate::info::adsum_representative;
use crate::names::adsum_session;
use crate::status::adsum_status;

/// Writes to `out` whether the user has a session, be it a detached one.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_is_online(
    engine: *const adsum_engine,
    user: adsum_bytes,
    out: *mut bool,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { ask(engine, |core, _| put(out, core.is_online(user.read("user")?))) }
}

/// Writes to `out`, which has room for `users.len` of them, of each of these users whether it is
/// online.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_online_of(
    engine: *const adsum_engine,
    users: adsum_list,
    out: *mut bool,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        ask(engine, |core, _| {
            for (place, user) in users.read("users")?.enumerate() {
                if out.is_null() {
                    return Err(Failure::Null { argument: "out", place: None });
                }
                out.add(place).write(core.is_online(user));
            }
            Ok(())
        })
    }
}

/// Lends everyone who is online, each once, in no particular order.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_users_online(
    engine: *const adsum_engine,
    out: *mut adsum_list,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { ask(engine, |core, lists| put(out, lists.gather_ids(core.users_online()))) }
}

/// Writes to `out` whether the user is online and invisible.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_is_invisible(
    engine: *const adsum_engine,
    user: adsum_bytes,
    out: *mut bool,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { ask(engine, |core, _| put(out, core.is_invisible(user.read("user")?))) }
}

/// Lends the user's audience while it is online, in no particular order; nobody if it is not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_audience(
    engine: *const adsum_engine,
    user: adsum_bytes,
    out: *mut adsum_list,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        ask(engine, |core, lists| put(out, lists.gather_ids(core.audience(user.read("user")?))))
    }
}

/// Lends those whom the user has blocked while it is online, in no particular order; nobody if it
/// is not.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_blocked(
    engine: *const adsum_engine,
    user: adsum_bytes,
    out: *mut adsum_list,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        ask(engine, |core, lists| put(out, lists.gather_ids(core.blocked(user.read("user")?))))
    }
}

/// Lends those whom a session watches, each once, in no particular order; nobody if the key is
/// stale.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_watched(
    engine: *const adsum_engine,
    session: adsum_session,
    out: *mut adsum_list,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        ask(engine, |core, lists| {
            let watched = session.key().into_iter().flat_map(|session| core.watched(session));
            put(out, lists.gather_ids(watched))
        })
    }
}

/// Writes to `out` how many sessions watch the user, who need not be online. For the host alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_watchers(
    engine: *const adsum_engine,
    user: adsum_bytes,
    out: *mut usize,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { ask(engine, |core, _| put(out, core.watchers(user.read("user")?))) }
}

/// Writes to `out` whether `viewer` may see what `user` publishes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_sees(
    engine: *const adsum_engine,
    viewer: adsum_bytes,
    user: adsum_bytes,
    out: *mut bool,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        ask(engine, |core, _| put(out, core.sees(viewer.read("viewer")?, user.read("user")?)))
    }
}

/// Writes to `out` whether a session may see what `user` publishes, as a contact's or because it
/// watches the user.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_session_sees(
    engine: *const adsum_engine,
    session: adsum_session,
    user: adsum_bytes,
    out: *mut bool,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        ask(engine, |core, _| {
            let user = user.read("user")?;
            put(out, session.key().is_ok_and(|session| core.session_sees(session, user)))
        })
    }
}

/// Writes to `out` which session speaks for a user whose contacts are told one state of it;
/// `ADSUM_NOTHING` where nobody chooses, or the user shows nothing.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_speaks_for(
    engine: *const adsum_engine,
    user: adsum_bytes,
    out: *mut adsum_representative,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        ask(engine, |core, _| {
            let speaks = core.representative(user.read("user")?).ok_or(Failure::Nothing)?;
            put(out, adsum_representative::of(&speaks.0, speaks.1))
        })
    }
}
