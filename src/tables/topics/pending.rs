//! What has changed in a topic since its last tick and is still to be told.

use crate::key::SessionId;
use crate::reason::LeaveReason;
use crate::tables::ids::{MembershipIndex, User};
use alloc::vec::Vec;

/// A member's session that shows something new, and which joining of it that is: the place may be
/// another's by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) membership: MembershipIndex,
    pub(crate) joining: u32,
}

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

impl Gone {
    /// Returns whether it went before the one of this order.
    pub(crate) const fn is_before(&self, order: Option<u32>) -> bool {
        match order {
            Some(order) => self.order.wrapping_sub(order) >= 1 << 31,
            None => false,
        }
    }
}

/// What one tick of a topic will tell.
#[derive(Default)]
pub(crate) struct Pending {
    pub(crate) changed: Vec<Changed>,
    pub(crate) gone: Vec<Gone>,
    /// So much has changed that a snapshot says it in fewer words.
    pub(crate) everything: bool,
}
