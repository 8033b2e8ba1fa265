//! A host's table of connections.

use crate::key::{SessionKey, Slot};
use alloc::vec::Vec;
use core::fmt;
use core::num::NonZeroU32;

/// What a host keeps for each attachment: asked by key, which it checks, and by the slot that a
/// decision names. Two plain arrays, one for near slots and one for far ones, so that reaching a
/// receiver is one indexed access.
///
/// The array of near slots spans two slots for every user that the engine knows, contacts of
/// online users included, whether or not they are online. So keep something small in it, such as
/// a pointer or an index: with one of 8 bytes it takes 32 bytes a known user.
///
/// ```
/// use adsum::{Config, Connect, Engine, SlotMap, Time};
///
/// let mut engine = Engine::<u64, &str>::new(Config::default());
/// let mut sockets = SlotMap::new();
/// let (session, _) = engine.connect(Time::ZERO, Connect::new(7))?;
/// sockets.insert(session, "socket 1");
/// assert_eq!(sockets.get(session), Some(&"socket 1"));
///
/// // It was lost and comes back on another socket, and only then the old one says that it broke.
/// let (resumed, _) = engine.resume(Time::ZERO, session)?;
/// assert_eq!(sockets.insert(resumed, "socket 2"), Some((session, "socket 1")));
/// assert_eq!(sockets.remove(session), None);
/// assert_eq!(sockets.at(session.slot()), Some((resumed, &"socket 2")));
/// # Ok::<(), adsum::Error>(())
/// ```
#[derive(Clone)]
pub struct SlotMap<T> {
    near: Vec<Option<Held<T>>>,
    far: Vec<Option<Held<T>>>,
    len: usize,
}

/// The slot is known from the place, so the rest of the key is kept.
#[derive(Clone)]
struct Held<T> {
    index: u32,
    generation: NonZeroU32,
    value: T,
}

impl<T> Held<T> {
    const fn key(&self, slot: Slot) -> SessionKey {
        SessionKey { index: self.index, generation: self.generation, slot }
    }
}

impl<T> SlotMap<T> {
    /// Returns an empty table.
    #[must_use]
    pub const fn new() -> Self {
        Self { near: Vec::new(), far: Vec::new(), len: 0 }
    }

    /// Returns the number of attachments for which something is kept.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns whether nothing is kept.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns what is kept for this attachment; `None` for a stale key, even if its slot has
    /// another attachment by now.
    #[must_use]
    pub fn get(&self, key: SessionKey) -> Option<&T> {
        let held = self.place(key.slot)?;
        (held.key(key.slot) == key).then_some(&held.value)
    }

    /// Returns what is kept for this attachment, to change it; `None` as with [`get`](Self::get).
    #[must_use]
    pub fn get_mut(&mut self, key: SessionKey) -> Option<&mut T> {
        let held = self.place_mut(key.slot)?.as_mut()?;
        (held.key(key.slot) == key).then_some(&mut held.value)
    }

    /// Returns what is kept for the attachment that has this slot, and its key: for a receiver in
    /// a decision.
    #[must_use]
    pub fn at(&self, slot: Slot) -> Option<(SessionKey, &T)> {
        let held = self.place(slot)?;
        Some((held.key(slot), &held.value))
    }

    /// Returns what is kept for the attachment that has this slot, to change it, and its key.
    #[must_use]
    pub fn at_mut(&mut self, slot: Slot) -> Option<(SessionKey, &mut T)> {
        let held = self.place_mut(slot)?.as_mut()?;
        Some((held.key(slot), &mut held.value))
    }

    /// Keeps `value` for this attachment, and gives back what was kept in its slot and for which
    /// attachment: when a session is resumed, that is the old one, whose connection is to be
    /// closed. The table grows as needed, and only to slots that the engine gave out if only
    /// those are inserted.
    pub fn insert(&mut self, key: SessionKey, value: T) -> Option<(SessionKey, T)> {
        let SessionKey { index, generation, slot } = key;
        let table = if slot.is_near() { &mut self.near } else { &mut self.far };
        if table.len() <= slot.index() {
            table.resize_with(slot.index() + 1, || None);
        }
        let before = table[slot.index()].replace(Held { index, generation, value });
        self.len += usize::from(before.is_none());
        before.map(|held| (held.key(slot), held.value))
    }

    /// Takes out what is kept for this attachment; `None` as with [`get`](Self::get).
    pub fn remove(&mut self, key: SessionKey) -> Option<T> {
        let place = self.place_mut(key.slot)?;
        let held = place.take_if(|held| held.key(key.slot) == key)?;
        self.len -= 1;
        Some(held.value)
    }

    /// Returns all that is kept, each with its key, in the order of the slots, near ones first.
    pub fn iter(&self) -> impl Iterator<Item = (SessionKey, &T)> {
        let near = (0..).map(Slot::from_bits).zip(&self.near);
        let all = near.chain((0..).map(Slot::far).zip(&self.far));
        all.filter_map(|(slot, held)| held.as_ref().map(|held| (held.key(slot), &held.value)))
    }

    fn place(&self, slot: Slot) -> Option<&Held<T>> {
        let table = if slot.is_near() { &self.near } else { &self.far };
        table.get(slot.index())?.as_ref()
    }

    fn place_mut(&mut self, slot: Slot) -> Option<&mut Option<Held<T>>> {
        let table = if slot.is_near() { &mut self.near } else { &mut self.far };
        table.get_mut(slot.index())
    }
}

impl<T> Default for SlotMap<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for SlotMap<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
