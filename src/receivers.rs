//! The receivers of the decision that is being made, and the loop that finds most of them.

use crate::Slot;
use crate::reach::{Reach, ReachMap};
use crate::users::User;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// The most receivers, or entries, of one decision.
pub(crate) const CHUNK: usize = if cfg!(feature = "shrunk") { 4 } else { 4_096 };

/// Twice what is needed: a power of two, so that an index with its upper bits cut off is in range
/// for certain and need not be checked.
const PLACES: usize = 2 * CHUNK;

/// A buffer for one decision's receivers.
pub(crate) struct Receivers {
    /// Only the first `len` count.
    slots: Box<[Slot; PLACES]>,
    len: usize,
}

impl Default for Receivers {
    fn default() -> Self {
        Self { slots: Box::new([Slot::near(0, 0); PLACES]), len: 0 }
    }
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
        let mut len = self.len;
        let mut any_listed = false;
        for user in contacts {
            let code = reach.get(*user) as usize;
            self.slots[len % PLACES] = Slot::near(user.0, 0);
            len += code & 1;
            self.slots[len % PLACES] = Slot::near(user.0, 1);
            len += code >> 1 & code;
            any_listed |= code == Reach::Listed as usize;
        }
        self.len = len;
        if any_listed {
            let listed = |user: &&User| reach.get(**user) == Reach::Listed as u64;
            unusual.extend(contacts.iter().filter(listed));
        }
    }
}
