//! What has changed in a topic since its last tick and is still to be told.

use crate::key::SessionId;
use crate::reason::LeaveReason;
use crate::tables::ids::{MembershipIndex, User};
use crate::tables::topics::Gathered;
use alloc::vec::Vec;

/// A session that was told of and is no longer there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EndedMember {
    pub(crate) user: User,
    pub(crate) session: SessionId,
    /// The number of the user's seat.
    pub(crate) number: u64,
    pub(crate) reason: LeaveReason,
    /// Of the slow tick: only those who view all have been told of it, by a snapshot.
    pub(crate) is_new_to_others: bool,
    /// How many went before it, of those that wait for the same tick.
    pub(crate) order: u32,
}

/// What one tick of a topic will tell.
#[derive(Default)]
pub(crate) struct Pending {
    /// Members' sessions that show something new, each once. Who is shown no more stays in it, and
    /// so does who has left: the membership is nobody else's before the list is gone through.
    pub(in crate::tables) changed: Gathered,
    /// Sessions that have gone, with a reference to the user of each.
    pub(in crate::tables) gone: Vec<EndedMember>,
    /// Of the slow tick: members' sessions that have come since it began to gather, each once, kept
    /// likewise.
    pub(super) arrived: Vec<MembershipIndex>,
    /// Of the slow tick: so many of them, the first, are known by a snapshot to all who view all.
    pub(super) told_arrived: u32,
    /// Of the slow tick: so many of those who have gone, the first in their order, are known by a
    /// snapshot to all who view all.
    pub(super) told_ended: u32,
    /// Of the slow tick, if it tells everything: nothing has been noted since all who view all were
    /// sent a snapshot.
    pub(super) is_told_to_all: bool,
    /// So much has changed that a snapshot says it in fewer words.
    pub(super) everything: bool,
}

impl Pending {
    pub(crate) const fn changed(&self) -> &Gathered {
        &self.changed
    }

    pub(crate) fn gone(&self) -> &[EndedMember] {
        &self.gone
    }

    /// Returns whether all who view all know by a snapshot that this one has gone.
    pub(crate) const fn has_told(&self, gone: &EndedMember) -> bool {
        gone.order < self.told_ended
    }

    /// Returns whether those are told everything who `view_all`, or those who do not.
    pub(crate) const fn is_everything(&self, view_all: bool) -> bool {
        self.everything && !(view_all && self.is_told_to_all)
    }

    /// Returns how much waits.
    pub(crate) const fn len(&self) -> usize {
        self.changed.len() + self.gone.len()
    }

    /// Returns how many entries its lists have.
    pub(super) const fn gathered(&self) -> usize {
        self.len() + self.arrived.len()
    }

    /// Notes that a session is gone, after those that are noted so already. Returns whether that is
    /// noted, as it is not where everything is told.
    pub(in crate::tables) fn note_ended(&mut self, gone: EndedMember) -> bool {
        self.is_told_to_all = false;
        if !self.everything {
            self.gone.push(EndedMember { order: self.gone.len() as u32, ..gone });
        }
        !self.everything
    }

    /// Notes that all who view all know by a snapshot what has been gathered so far.
    pub(super) fn tell_to_all(&mut self) {
        self.changed.know_all();
        (self.told_ended, self.is_told_to_all) = (self.gone.len() as u32, true);
        self.told_arrived = self.arrived.len() as u32;
    }

    /// Returns where among those who have come one is whom all know who view all.
    pub(super) fn told_arrival(&self, membership: MembershipIndex) -> Option<usize> {
        self.arrived[..self.told_arrived as usize].iter().position(|one| *one == membership)
    }

    pub(super) fn shrink_to_fit(&mut self) {
        self.changed.shrink_to_fit();
        self.gone.shrink_to_fit();
        self.arrived.shrink_to_fit();
    }

    pub(super) const fn set_everything(&mut self) {
        self.everything = true;
    }
}
