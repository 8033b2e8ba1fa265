//! A host's table by slot.

use crate::Slot;
use alloc::vec::Vec;
use core::fmt;

/// What a host keeps for each session, by [`Slot`]: two plain arrays, one for near slots and one
/// for far ones, so that reaching a receiver is one indexed access.
///
/// The array of near slots spans two slots for every user that the engine knows, contacts of
/// online users included, whether or not they are online. So keep something small in it, such as
/// a pointer or an index: with one of 8 bytes that may be absent it takes 16 to 32 bytes a known user.
///
/// ```
/// use adsum::{Config, DeviceKind, Engine, SlotMap, Time};
///
/// let mut engine = Engine::<u64, &str>::new(Config::default());
/// let mut sockets = SlotMap::new();
/// let (session, _) = engine.connect(Time::ZERO, 7, DeviceKind(0), [], [])?;
/// sockets.insert(session.slot(), "socket 1");
/// assert_eq!(sockets.get(session.slot()), Some(&"socket 1"));
/// assert_eq!(sockets.remove(session.slot()), Some("socket 1"));
/// # Ok::<(), adsum::Error>(())
/// ```
#[derive(Clone)]
pub struct SlotMap<T> {
    near: Vec<Option<T>>,
    far: Vec<Option<T>>,
}

impl<T> SlotMap<T> {
    /// An empty table.
    #[must_use]
    pub const fn new() -> Self {
        Self { near: Vec::new(), far: Vec::new() }
    }

    /// What is kept for this slot.
    #[must_use]
    pub fn get(&self, slot: Slot) -> Option<&T> {
        let table = if slot.is_near() { &self.near } else { &self.far };
        table.get(slot.index())?.as_ref()
    }

    /// What is kept for this slot, to change it.
    #[must_use]
    pub fn get_mut(&mut self, slot: Slot) -> Option<&mut T> {
        self.table_mut(slot).get_mut(slot.index())?.as_mut()
    }

    /// Keeps `value` for this slot and gives back what was kept. The table grows as needed, and
    /// only to slots that the engine gave out if only those are inserted.
    pub fn insert(&mut self, slot: Slot, value: T) -> Option<T> {
        let table = self.table_mut(slot);
        if table.len() <= slot.index() {
            table.resize_with(slot.index() + 1, || None);
        }
        table[slot.index()].replace(value)
    }

    /// Takes out what is kept for this slot.
    pub fn remove(&mut self, slot: Slot) -> Option<T> {
        self.table_mut(slot).get_mut(slot.index())?.take()
    }

    fn table_mut(&mut self, slot: Slot) -> &mut Vec<Option<T>> {
        if slot.is_near() { &mut self.near } else { &mut self.far }
    }
}

impl<T> Default for SlotMap<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for SlotMap<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let near = self.near.iter().flatten();
        f.debug_list().entries(near).entries(self.far.iter().flatten()).finish()
    }
}
