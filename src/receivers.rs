//! The receivers of the decision that is being made, and the loop that finds most of them.

use crate::Slot;
use crate::reach::{Reach, ReachMap};
use crate::users::User;
use alloc::vec::Vec;

/// The most receivers, or entries, of one decision.
pub(crate) const CHUNK: usize = if cfg!(feature = "shrunk") { 4 } else { 4_096 };

/// A buffer for one decision's receivers.
#[derive(Default)]
pub(crate) struct Receivers {
    /// Always as long as a decision can be; only the first `len` count.
    slots: Vec<Slot>,
    len: usize,
}

impl Receivers {
    pub(crate) fn as_slice(&self) -> &[Slot] {
        &self.slots[..self.len]
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How many more fit.
    pub(crate) fn room(&self) -> usize {
        CHUNK - self.len
    }

    pub(crate) fn clear(&mut self) {
        self.slots.resize(CHUNK, Slot::near(0, 0));
        self.len = 0;
    }

    pub(crate) fn push(&mut self, slot: Slot) {
        self.slots[self.len] = slot;
        self.len += 1;
    }

    /// The scan that everything is built for: which of these contacts receive, and where. There
    /// must be [`room`](Self::room) for two slots each. Those whom the bitmap alone cannot answer
    /// for are put aside.
    ///
    /// A contact's slots are written first and counted afterwards, so that the loop has no branch
    /// that a processor could guess wrong: offline and online contacts come in no order.
    pub(crate) fn add_reached(
        &mut self,
        reach: &ReachMap,
        contacts: &[User],
        unusual: &mut Vec<User>,
    ) {
        const LISTED: u64 = Reach::Listed as u64;
        let out = &mut self.slots[self.len..self.len + 2 * contacts.len()];
        let mut len = 0;
        for user in contacts {
            let code = reach.get(*user);
            if code == LISTED {
                unusual.push(*user);
                continue;
            }
            out[len] = Slot::near(user.0, 0);
            len += (code & 1) as usize;
            out[len] = Slot::near(user.0, 1);
            len += (code >> 1) as usize;
        }
        self.len += len;
    }
}
