//! The door of a cluster, inwards: what other nodes say of the sessions that they have, and nodes
//! that are lost, are back or are gone.
//!
//! A node, or one life of it, is a number of the host's choice: an *origin*.

use crate::bytes::{adsum_bytes, adsum_list};
use crate::engine::{adsum_engine, input, tend};
use crate::failure::Failure;
use crate::names::adsum_session;
use crate::remote::{adsum_remote_sender, adsum_user_state};
use crate::status::adsum_status;
use adsum::{Error, Origin, SessionId, Time};

/// Takes everything that a node says of one user, whose sessions it has (rule C1). `origin` is the
/// node, or one life of it: a number of the host's choice.
///
/// Such sessions are seen as this engine's own are, and are never receivers: no verb takes their
/// key, of which `adsum_session_is_remote` says so (rule C14). What has changed is told here, and
/// what has not is not. A session that is not in the list any more has ended; if it was the user's
/// last, that is told `skew_ms` later, unless another appears meanwhile (rule C10).
///
/// Lists that are given replace those that the engine holds; which of two nodes knows the newer
/// ones is the host's to know (rule C13). Empty ones replace them too: a state with `has_lists` and
/// nothing in them takes the user's contacts and blocks away. A node to which the user is offline
/// has forgotten the lists, and must not give any: `adsum_next_changed` sees to that.
///
/// Refused with `ADSUM_E_SESSION_LIMIT` for more than 1,024 sessions of one user,
/// `ADSUM_E_TOPIC_LIMIT`, `ADSUM_E_AUDIENCE_LIMIT`, `ADSUM_E_BLOCKED_LIMIT` and `ADSUM_E_FULL`.
/// What is wrong within a session is named so: `sessions.cause`, with the session's place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_remote_state(
    engine: *mut adsum_engine,
    now: u64,
    origin: u32,
    state: *const adsum_user_state,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        input(engine, |core| {
            let none = Failure::Null { argument: "state", place: None };
            let (user, state) = state.as_ref().ok_or(none)?.read()?;
            Ok(core.remote_state(Time::from_millis(now), Origin(origin), user, state)?)
        })
    }
}

/// Says something to named users for a session that another node has, as `adsum_direct` does for
/// this engine's own (rule C12). The node has taken the token.
///
/// Refused with `ADSUM_E_UNKNOWN_SESSION` if the node has no such session of this user as far as is
/// known here, and `ADSUM_E_DIRECT_LIMIT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_remote_direct(
    engine: *mut adsum_engine,
    now: u64,
    from: *const adsum_remote_sender,
    users: adsum_list,
    presence: adsum_bytes,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { remote_direct(engine, now, from, users, presence, None) }
}

/// Says something to named users for a session that another node has, for so long, as
/// `adsum_direct_for` does. Refused as `adsum_remote_direct` is, and with `ADSUM_E_EXPIRY_LIMIT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_remote_direct_for(
    engine: *mut adsum_engine,
    now: u64,
    from: *const adsum_remote_sender,
    users: adsum_list,
    presence: adsum_bytes,
    for_ms: u64,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { remote_direct(engine, now, from, users, presence, Some(for_ms)) }
}

/// Says something in the topic of this name for a session that another node has, as `adsum_say`
/// does for this engine's own (rule C12). The node has taken the token.
///
/// Refused with `ADSUM_E_UNKNOWN_SESSION`, `ADSUM_E_UNKNOWN_TOPIC` and `ADSUM_E_NOT_MEMBER`, as far
/// as is known here.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_remote_say(
    engine: *mut adsum_engine,
    now: u64,
    from: *const adsum_remote_sender,
    topic: adsum_bytes,
    presence: adsum_bytes,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { remote_say(engine, now, from, topic, presence, None) }
}

/// Says something in a topic for a session that another node has, for so long, as `adsum_say_for`
/// does. Refused as `adsum_remote_say` is, and with `ADSUM_E_EXPIRY_LIMIT`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_remote_say_for(
    engine: *mut adsum_engine,
    now: u64,
    from: *const adsum_remote_sender,
    topic: adsum_bytes,
    presence: adsum_bytes,
    for_ms: u64,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { remote_say(engine, now, from, topic, presence, Some(for_ms)) }
}

/// # Safety
/// The caller's duties, as the crate's page lists them.
unsafe fn remote_direct(
    engine: *mut adsum_engine,
    now: u64,
    from: *const adsum_remote_sender,
    users: adsum_list,
    presence: adsum_bytes,
    for_ms: Option<u64>,
) -> adsum_status {
    // SAFETY: the caller's promise.
    unsafe {
        input(engine, |core| {
            let (origin, from) = sender(from)?;
            let (users, presence) = (users.read("users")?, presence.copy("presence")?);
            let now = Time::from_millis(now);
            Ok(core.remote_direct(now, origin, from, users, presence, for_ms)?)
        })
    }
}

/// # Safety
/// The caller's duties, as the crate's page lists them.
unsafe fn remote_say(
    engine: *mut adsum_engine,
    now: u64,
    from: *const adsum_remote_sender,
    topic: adsum_bytes,
    presence: adsum_bytes,
    for_ms: Option<u64>,
) -> adsum_status {
    // SAFETY: the caller's promise.
    unsafe {
        input(engine, |core| {
            let (origin, from) = sender(from)?;
            let (topic, presence) = (topic.read("topic")?, presence.copy("presence")?);
            let now = Time::from_millis(now);
            Ok(core.remote_say(now, origin, from, topic, presence, for_ms)?)
        })
    }
}

/// Returns who speaks, and at which node.
///
/// # Safety
/// `from` is NULL or points to a sender, which nobody changes during `'b`, nor its user's id.
unsafe fn sender<'b>(
    from: *const adsum_remote_sender,
) -> Result<(Origin, (&'b [u8], SessionId)), Failure> {
    // SAFETY: the caller's promise.
    unsafe {
        let from = from.as_ref().ok_or(Failure::Null { argument: "from", place: None })?;
        let user = from.user.read("from.user")?;
        let session = SessionId::from_bits(from.session).ok_or(Error::UnknownSession)?;
        Ok((Origin(from.origin), (user, session)))
    }
}

/// Says that nothing is heard of a node (rule C5): its sessions are detached for
/// `grace_node_loss_ms`, and nobody is told. When that is over they end, in `adsum_advance`. What
/// is due by `now` happens too, as by `adsum_advance`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_origin_lost(
    engine: *mut adsum_engine,
    now: u64,
    origin: u32,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { input(engine, |core| Ok(core.origin_lost(Time::from_millis(now), Origin(origin)))) }
}

/// Says that nothing is heard of a node, as `adsum_origin_lost` does, and since when (rule C6): the
/// grace counts from that moment.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_origin_lost_since(
    engine: *mut adsum_engine,
    now: u64,
    origin: u32,
    since: u64,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        input(engine, |core| {
            let (now, since) = (Time::from_millis(now), Time::from_millis(since));
            Ok(core.origin_lost_since(now, Origin(origin), since))
        })
    }
}

/// Says that a node that was lost is back, and has what it had (rule C5): nobody is told. What is
/// due by `now` happens too.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_origin_back(
    engine: *mut adsum_engine,
    now: u64,
    origin: u32,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { input(engine, |core| Ok(core.origin_back(Time::from_millis(now), Origin(origin)))) }
}

/// Says that a node will not come back (rule C5): its sessions end now, one after the other. What
/// is due by `now` happens too, and what `adsum_discard` drops stays due.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_origin_gone(
    engine: *mut adsum_engine,
    now: u64,
    origin: u32,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { input(engine, |core| Ok(core.origin_gone(Time::from_millis(now), Origin(origin)))) }
}

/// Ends one of this engine's own sessions that has to make way for one at another node, as a limit
/// would (rules 12 and C11).
///
/// Refused with `ADSUM_E_UNKNOWN_SESSION`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_evict(
    engine: *mut adsum_engine,
    now: u64,
    session: adsum_session,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { input(engine, |core| Ok(core.evict(Time::from_millis(now), session.key()?)?)) }
}

/// Ends one of this engine's own sessions whose user is expelled (rule 15), where other nodes have
/// sessions of the user too: each node ends its own. `adsum_expel` ends all that this engine knows
/// of.
///
/// Refused with `ADSUM_E_UNKNOWN_SESSION`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_expel_session(
    engine: *mut adsum_engine,
    now: u64,
    session: adsum_session,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe { input(engine, |core| Ok(core.expel_session(Time::from_millis(now), session.key()?)?)) }
}

/// Notes from now on whose state at this node changes, for `adsum_next_changed`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_note_changes(engine: *mut adsum_engine) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        tend(engine, |core| {
            core.note_changes();
            Ok(())
        })
    }
}
