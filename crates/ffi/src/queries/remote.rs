//! The door of a cluster, outwards: what this node says of a user to others, and which node has
//! what.

use crate::bytes::{adsum_bytes, put, put_array};
use crate::engine::{adsum_engine, ask, take};
use crate::failure::Failure;
use crate::remote::adsum_user_state;
use crate::status::adsum_status;
use adsum::{SessionId, Time};

/// Lends what this node says of a user to others (rule C1): its sessions here, and if `with_lists`,
/// what belongs to the user and not to this node (rule C13). Times are as long ago or from now as
/// `now` says. `ADSUM_NOTHING` if the user is not online.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_local_user(
    engine: *const adsum_engine,
    now: u64,
    user: adsum_bytes,
    with_lists: bool,
    out: *mut adsum_user_state,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        ask(engine, |core, lists| {
            let said =
                lists.said.lend(core, Time::from_millis(now), user.read("user")?, with_lists);
            put(out, said.ok_or(Failure::Nothing)?)
        })
    }
}

/// Lends the same of the next user of whom it has changed since that was lent last (rule C2), once
/// `adsum_note_changes` has been called; `ADSUM_NOTHING` if nothing has changed. A user who has
/// changed more than once is lent once.
///
/// Of a user who is offline by now there are no sessions, and `has_lists` is false even if
/// `with_lists`: this engine has forgotten the lists. Leave it false in what you send. With empty
/// lists, another engine that still has a session of the user would lose those that it has.
///
/// Ask after each drain until nothing is left. What is lent may be handed to another engine as it
/// is.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_next_changed(
    engine: *mut adsum_engine,
    now: u64,
    with_lists: bool,
    out: *mut adsum_user_state,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        take(engine, out, |core, lists| {
            let changed = lists.said.next_changed(core, Time::from_millis(now), with_lists);
            changed.ok_or(Failure::Nothing)
        })
    }
}

/// Writes to `out` which node has a session, by the id that receivers here know it by;
/// `ADSUM_NOTHING` if no other node does.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_origin_of(
    engine: *const adsum_engine,
    session: u64,
    out: *mut u32,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        ask(engine, |core, _| {
            let origin = SessionId::from_bits(session).and_then(|id| core.origin_of(id));
            put(out, origin.ok_or(Failure::Nothing)?.0)
        })
    }
}

/// Lends which nodes have sessions of a user, each once for each session: as many as are written to
/// `len`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn adsum_origins_of(
    engine: *const adsum_engine,
    user: adsum_bytes,
    out: *mut *const u32,
    len: *mut usize,
) -> adsum_status {
    // SAFETY: the caller's duties, as the crate's page lists them.
    unsafe {
        ask(engine, |core, lists| {
            lists.origins.clear();
            lists.origins.extend(core.origins_of(user.read("user")?).map(|origin| origin.0));
            put_array(out, len, &lists.origins)
        })
    }
}
