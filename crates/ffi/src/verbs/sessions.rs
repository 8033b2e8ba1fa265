//! The verbs of a session's life: it connects, is lost, is resumed, is alive, and ends.

use crate::bytes::{adsum_bytes, adsum_list};
use crate::engine::{adsum_engine, input, input_with};
use crate::failure::Failure;
use crate::names::{adsum_cause, adsum_session};
use crate::status::adsum_status;
use adsum::{Connect, DeviceKind, Time};

/// Who connects, and what the host says of them. Each list is a set, in which the user itself does
/// not count.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct adsum_newcomer {
    /// Whose session it is.
    pub user: adsum_bytes,
    /// Who may see the user's presence.
    pub audience: adsum_list,
    /// Whom the user has blocked.
    pub blocked: adsum_list,
    /// What kind of device it is on, for the limits.
    pub kind: u8,
}

/// Brings up a user's connection as a new session and writes its key to `out` (rules 1 and 12). For
/// a user who is online already the lists replace what the engine holds.
///
/// Refused with `ADSUM_E_SESSION_LIMIT`, `ADSUM_E_FULL`, `ADSUM_E_AUDIENCE_LIMIT` and
/// `ADSUM_E_BLOCKED_LIMIT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_connect(
    engine: *mut adsum_engine,
    now: u64,
    newcomer: *const adsum_newcomer,
    out: *mut adsum_session,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        input_with(engine, out, |core| {
            let none = Failure::Null { argument: "newcomer", place: None };
            let newcomer = newcomer.as_ref().ok_or(none)?;
            let connect = Connect::new(newcomer.user.copy("user")?)
                .kind(DeviceKind(newcomer.kind))
                .audience(newcomer.audience.copy("audience")?)
                .blocked(newcomer.blocked.copy("blocked")?);
            let (key, decisions) = core.connect(Time::from_millis(now), connect)?;
            Ok((key.into(), decisions))
        })
    }
}

/// Ends a session by its own will: a logout, a closed tab (rule 4).
///
/// Refused with `ADSUM_E_UNKNOWN_SESSION`, for a second disconnect too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_disconnect(
    engine: *mut adsum_engine,
    now: u64,
    session: adsum_session,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { input(engine, |core| Ok(core.disconnect(Time::from_millis(now), session.key()?)?)) }
}

/// Reports that a session's connection is gone and nobody said goodbye, and why, as one of
/// `adsum_cause` (rule 5). With a grace for this cause the session is detached, and may be resumed.
///
/// Refused with `ADSUM_E_UNKNOWN_SESSION`, also for the late end of a connection that
/// `adsum_resume` has replaced; and with `ADSUM_E_ARGUMENT` if there is no such cause.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_lost(
    engine: *mut adsum_engine,
    now: u64,
    session: adsum_session,
    cause: u32,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        input(engine, |core| {
            let cause = adsum_cause::read(cause)?;
            Ok(core.lost(Time::from_millis(now), session.key()?, cause)?)
        })
    }
}

/// Reports a loss as `adsum_lost` does, with a grace for this one loss in milliseconds: 0 (the
/// session ends at once) to seven days. Beyond, it is refused with `ADSUM_E_GRACE_LIMIT`, and
/// otherwise as `adsum_lost` is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_lost_with_grace(
    engine: *mut adsum_engine,
    now: u64,
    session: adsum_session,
    cause: u32,
    grace_ms: u64,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        input(engine, |core| {
            let cause = adsum_cause::read(cause)?;
            Ok(core.lost_with_grace(Time::from_millis(now), session.key()?, cause, grace_ms)?)
        })
    }
}

/// Attaches a session to a new connection and writes the key of the new attachment to `out`
/// (rule 5). The key before is stale from now on, for every verb.
///
/// Refused with `ADSUM_E_UNKNOWN_SESSION`, also if the grace is over and `adsum_advance` has not
/// been told yet; and with `ADSUM_E_FULL` when some 2^31 resumes have used up the session's keys.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_resume(
    engine: *mut adsum_engine,
    now: u64,
    session: adsum_session,
    out: *mut adsum_session,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        input_with(engine, out, |core| {
            let (key, decisions) = core.resume(Time::from_millis(now), session.key()?)?;
            Ok((key.into(), decisions))
        })
    }
}

/// Says that a person did something on this session's device (rule U4). It is a sign of life as
/// well.
///
/// Refused with `ADSUM_E_UNKNOWN_SESSION` and `ADSUM_E_DETACHED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_active(
    engine: *mut adsum_engine,
    now: u64,
    session: adsum_session,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { input(engine, |core| Ok(core.active(Time::from_millis(now), session.key()?)?)) }
}

/// Says that a session is alive (rule 11). Any other accepted input of a session says so too, but
/// not `adsum_congested` and `adsum_writable`. It leads to no decision.
///
/// Refused with `ADSUM_E_UNKNOWN_SESSION` and `ADSUM_E_DETACHED`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_heartbeat(
    engine: *mut adsum_engine,
    now: u64,
    session: adsum_session,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { input(engine, |core| Ok(core.heartbeat(Time::from_millis(now), session.key()?)?)) }
}
