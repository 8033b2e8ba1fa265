//! The receivers of the decision that is being made, and the loop that finds most of them.

use crate::key::Slot;
use crate::tables::ids::User;
use crate::tables::reach::Reaches;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// The most receivers, or entries, of one decision.
pub(crate) const CHUNK: usize = if cfg!(feature = "shrunk") { 4 } else { 4_096 };

/// Room for two slots of each contact that is looked at when there is room for one: a power of
/// two, so that an index with its upper bits cut off is in range for certain and need not be
/// checked.
const PLACES: usize = 2 * CHUNK;

/// A buffer for one decision's receivers.
pub(crate) struct Receivers {
    /// Only the first `len` count. Those beyond a decision's most wait for the next one.
    slots: Box<[Slot; PLACES]>,
    len: usize,
}

impl Default for Receivers {
    fn default() -> Self {
        Self { slots: Box::new([Slot::near(0, 0); PLACES]), len: 0 }
    }
}

impl Receivers {
    #[inline]
    pub(crate) fn as_slice(&self) -> &[Slot] {
        &self.slots[..self.len.min(CHUNK)]
    }

    /// Returns the number of slots for which there is room.
    pub(crate) fn room(&self) -> usize {
        CHUNK.saturating_sub(self.len)
    }

    /// Returns whether slots wait for the next decision.
    pub(crate) fn has_surplus(&self) -> bool {
        self.len > CHUNK
    }

    /// Begins the next decision with those that wait.
    #[inline]
    pub(crate) fn begin_next(&mut self) {
        if self.has_surplus() {
            self.slots.copy_within(CHUNK..self.len, 0);
            self.len -= CHUNK;
        } else {
            self.len = 0;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    pub(crate) fn push(&mut self, slot: Slot) {
        self.slots[self.len] = slot;
        self.len += 1;
    }

    /// Adds those of these contacts who receive, by their slots: the scan that everything is built
    /// for. There must be [`room`](Self::room) for one slot each. Those whose reach alone does not
    /// answer are put aside.
    ///
    /// In two steps, thirty-two contacts at a time: first their reach is packed into one word, two
    /// bits per contact, without a branch; then each bit that is set is one receiver. Most contacts
    /// are offline, and they cost nothing in the second step.
    pub(crate) fn add_reached(
        &mut self,
        reaches: &Reaches,
        contacts: &[User],
        unusual: &mut Vec<User>,
    ) {
        for some in contacts.chunks(32) {
            self.add_packed(reaches.pack(some), some, unusual);
        }
    }

    #[inline]
    fn add_packed(&mut self, packed: u64, contacts: &[User], unusual: &mut Vec<User>) {
        const FIRSTS: u64 = 0x5555_5555_5555_5555;
        let mut listed = packed >> 1 & !packed & FIRSTS;
        let mut receive = packed & !(listed << 1);
        let mut len = self.len;
        while receive != 0 {
            let bit = receive.trailing_zeros();
            let user = contacts[bit as usize / 2];
            self.slots[len % PLACES] = Slot::near(user.0, bit % 2);
            len += 1;
            receive &= receive - 1;
        }
        self.len = len;
        while listed != 0 {
            unusual.push(contacts[listed.trailing_zeros() as usize / 2]);
            listed &= listed - 1;
        }
    }
}
