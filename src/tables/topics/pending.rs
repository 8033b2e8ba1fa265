//! What has changed in a topic since its last tick and is still to be told.

use crate::key::SessionId;
use crate::reason::LeaveReason;
use crate::tables::ids::{MembershipIndex, User};
use alloc::vec::Vec;

/// A session that was told of and is no longer there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone {
    pub(crate) user: User,
    pub(crate) session: SessionId,
    /// The number of the user's seat.
    pub(crate) number: u64,
    pub(crate) reason: LeaveReason,
    /// The order in which they went.
    pub(crate) order: u32,
}

/// What one tick of a topic will tell.
#[derive(Default)]
pub(crate) struct Pending {
    /// Members' sessions that show something new, each once. Who is shown no more stays in it, and
    /// so does who has left: the membership is nobody else's before the list is gone through.
    pub(crate) changed: Vec<MembershipIndex>,
    pub(crate) gone: Vec<Gone>,
    /// Of the slow tick: members' sessions that have come since it began to gather, each once, kept
    /// likewise.
    pub(crate) arrived: Vec<MembershipIndex>,
    /// So much has changed that a snapshot says it in fewer words.
    pub(crate) everything: bool,
}
