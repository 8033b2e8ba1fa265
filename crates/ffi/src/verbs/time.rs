//! Time, administration, and memory.

use crate::bytes::{adsum_bytes, array, put};
use crate::engine::{adsum_engine, ask, input, tend};
use crate::failure::Failure;
use crate::names::adsum_session;
use crate::status::adsum_status;
use adsum::{Error, SessionKey, Time};

/// How many users an engine can index, and how many sessions (`ADSUM_E_FULL`).
const MOST_USERS: usize = 1 << 30;
const MOST_SESSIONS: usize = 1 << 31;

/// Says that time has come to `now`: everything that is due happens. Call it at `adsum_deadline`,
/// and before inputs that came later. Where much is due of which nobody is told it does a part of
/// it, and `adsum_deadline` is a moment that has come: call it until that is later than `now`, and
/// give no other input before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_advance(engine: *mut adsum_engine, now: u64) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { input(engine, |core| Ok(core.advance(Time::from_millis(now)))) }
}

/// Writes to `out` when to call `adsum_advance` next; `ADSUM_NOTHING` while nothing is pending. Ask
/// again after each drain.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_deadline(
    engine: *const adsum_engine,
    out: *mut u64,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { ask(engine, |core, _| put(out, core.deadline().ok_or(Failure::Nothing)?.as_millis())) }
}

/// Ends all sessions of a user at once (rule 15). Nothing happens if the user is not online.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_expel(
    engine: *mut adsum_engine,
    now: u64,
    user: adsum_bytes,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { input(engine, |core| Ok(core.expel(Time::from_millis(now), user.read("user")?))) }
}

/// Fetches into the processor's caches what the next inputs of these sessions will read. It changes
/// nothing and may always be left out; with many users online and several inputs waiting it saves
/// much of their time.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_prefetch(
    engine: *const adsum_engine,
    sessions: *const adsum_session,
    len: usize,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        ask(engine, |core, _| {
            let sessions = array(sessions, len, "sessions")?;
            let key = |of: &adsum_session| SessionKey::from_bits((of.name, of.slot));
            core.prefetch(sessions.iter().filter_map(key));
            Ok(())
        })
    }
}

/// Makes room for so many users known, contacts of online users included, and so many sessions in
/// all. It may always be left out.
///
/// Refused with `ADSUM_E_FULL` for more than the engine can index: 2^30 users or 2^31 sessions. The
/// memory is taken at once, so fewer than that may still be more than there is room for, and that
/// ends the process.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_reserve(
    engine: *mut adsum_engine,
    users: usize,
    sessions: usize,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        tend(engine, |core| {
            if users > MOST_USERS || sessions > MOST_SESSIONS {
                return Err(Error::Full.into());
            }
            core.reserve(users, sessions);
            Ok(())
        })
    }
}

/// Gives back memory that only a past peak needed. It may walk over everything.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_shrink_to_fit(engine: *mut adsum_engine) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        tend(engine, |core| {
            core.shrink_to_fit();
            Ok(())
        })
    }
}
