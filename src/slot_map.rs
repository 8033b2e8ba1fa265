//! A host's table of connections.

use crate::key::{SessionKey, Slot};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::num::NonZeroU32;

/// What a host keeps for each attachment: asked by key, which it checks, and by the slot that a
/// decision names. Two arrays, one for near slots and one for far ones, so that reaching a receiver
/// is an indexed access.
///
/// The array of near slots spans two slots for every user that the engine knows, contacts of online
/// users included, whether or not they are online. So keep something small in it, such as a pointer
/// or an index: with one of 8 bytes it takes 32 bytes per known user. The arrays are made a
/// thousand slots at a time, when something is kept there for the first time, and never move: no
/// call is long because a table is full.
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
    near: Table<T>,
    far: Table<T>,
    len: usize,
}

/// The slot is known from the place, so the rest of the key is kept.
#[derive(Clone)]
struct Stored<T> {
    index: u32,
    generation: NonZeroU32,
    value: T,
}

impl<T> Stored<T> {
    const fn key(&self, slot: Slot) -> SessionKey {
        SessionKey { index: self.index, generation: self.generation, slot }
    }
}

/// A power of two, so that a place in a segment is in range for certain.
const SEGMENT: usize = if cfg!(feature = "shrunk") { 4 } else { 1_024 };

type Segment<T> = Box<[Option<Stored<T>>; SEGMENT]>;

/// What is kept at the places of one array: `None` for segments in which nothing was ever kept.
#[derive(Clone)]
struct Table<T>(Vec<Option<Segment<T>>>);

impl<T> Table<T> {
    fn get(&self, at: usize) -> Option<&Stored<T>> {
        self.0.get(at / SEGMENT)?.as_ref()?[at % SEGMENT].as_ref()
    }

    fn get_mut(&mut self, at: usize) -> Option<&mut Option<Stored<T>>> {
        Some(&mut self.0.get_mut(at / SEGMENT)?.as_mut()?[at % SEGMENT])
    }

    fn replace(&mut self, at: usize, stored: Stored<T>) -> Option<Stored<T>> {
        let segment = at / SEGMENT;
        if self.0.len() <= segment {
            self.0.resize_with(segment + 1, || None);
        }
        self.0[segment].get_or_insert_with(empty)[at % SEGMENT].replace(stored)
    }

    fn iter(&self) -> impl Iterator<Item = (usize, &Stored<T>)> {
        let segments = (0..).step_by(SEGMENT).zip(&self.0);
        let places = segments.filter_map(|(at, segment)| Some((at.., segment.as_ref()?.iter())));
        places
            .flat_map(|(at, stored)| at.zip(stored))
            .filter_map(|(at, stored)| Some((at, stored.as_ref()?)))
    }

    fn shrink_to_fit(&mut self) {
        for segment in &mut self.0 {
            segment.take_if(|segment| segment.iter().all(Option::is_none));
        }
        let last = self.0.iter().rposition(Option::is_some);
        self.0.truncate(last.map_or(0, |last| last + 1));
        self.0.shrink_to_fit();
    }
}

fn empty<T>() -> Segment<T> {
    let segment: Box<[_]> = (0..SEGMENT).map(|_| None).collect();
    segment.try_into().unwrap_or_else(|_| unreachable!("there are just so many"))
}

impl<T> SlotMap<T> {
    /// Returns an empty table.
    #[must_use]
    pub const fn new() -> Self {
        Self { near: Table(Vec::new()), far: Table(Vec::new()), len: 0 }
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
        let stored = self.stored(key.slot)?;
        (stored.key(key.slot) == key).then_some(&stored.value)
    }

    /// Returns what is kept for this attachment, to change it; `None` as with [`get`](Self::get).
    #[must_use]
    pub fn get_mut(&mut self, key: SessionKey) -> Option<&mut T> {
        let stored = self.stored_mut(key.slot)?.as_mut()?;
        (stored.key(key.slot) == key).then_some(&mut stored.value)
    }

    /// Returns what is kept for the attachment that has this slot, and its key: for a receiver in
    /// a decision.
    #[must_use]
    pub fn at(&self, slot: Slot) -> Option<(SessionKey, &T)> {
        let stored = self.stored(slot)?;
        Some((stored.key(slot), &stored.value))
    }

    /// Returns what is kept for the attachment that has this slot, to change it, and its key.
    #[must_use]
    pub fn at_mut(&mut self, slot: Slot) -> Option<(SessionKey, &mut T)> {
        let stored = self.stored_mut(slot)?.as_mut()?;
        Some((stored.key(slot), &mut stored.value))
    }

    /// Keeps `value` for this attachment, and gives back what was kept in its slot and for which
    /// attachment: when a session is resumed, that is the old one, whose connection is to be
    /// closed. The table grows as needed, and only to slots that the engine gave out if only
    /// those are inserted.
    pub fn insert(&mut self, key: SessionKey, value: T) -> Option<(SessionKey, T)> {
        let SessionKey { index, generation, slot } = key;
        let table = if slot.is_near() { &mut self.near } else { &mut self.far };
        let before = table.replace(slot.index(), Stored { index, generation, value });
        self.len += usize::from(before.is_none());
        before.map(|stored| (stored.key(slot), stored.value))
    }

    /// Takes out what is kept for this attachment; `None` as with [`get`](Self::get).
    pub fn remove(&mut self, key: SessionKey) -> Option<T> {
        let place = self.stored_mut(key.slot)?;
        let stored = place.take_if(|stored| stored.key(key.slot) == key)?;
        self.len -= 1;
        Some(stored.value)
    }

    /// Returns all that is kept, each with its key, in the order of the slots, near ones first.
    pub fn iter(&self) -> impl Iterator<Item = (SessionKey, &T)> {
        let near = self.near.iter().map(|(at, stored)| (Slot::from_bits(at as u32), stored));
        let far = self.far.iter().map(|(at, stored)| (Slot::far(at as u32), stored));
        near.chain(far).map(|(slot, stored)| (stored.key(slot), &stored.value))
    }

    /// Gives back memory that only a past peak needed. It walks over everything.
    pub fn shrink_to_fit(&mut self) {
        self.near.shrink_to_fit();
        self.far.shrink_to_fit();
    }

    fn stored(&self, slot: Slot) -> Option<&Stored<T>> {
        let table = if slot.is_near() { &self.near } else { &self.far };
        table.get(slot.index())
    }

    fn stored_mut(&mut self, slot: Slot) -> Option<&mut Option<Stored<T>>> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Insert(SessionKey, u16),
        Remove(SessionKey),
        Shrink,
    }

    fn keys() -> impl Strategy<Value = SessionKey> {
        // Within a segment, around the border of two, and far from both.
        let segment = SEGMENT as u32;
        let border = segment - 3..segment + 3;
        let place = prop_oneof![0_u32..6, border, 90 * segment..90 * segment + 3];
        let slot = (place, any::<bool>())
            .prop_map(|(at, near)| if near { Slot::from_bits(at) } else { Slot::far(at) });
        (0..2_u32, 1..3_u32, slot).prop_map(|(index, generation, slot)| SessionKey {
            index,
            generation: NonZeroU32::MIN.saturating_add(generation),
            slot,
        })
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (keys(), any::<u16>()).prop_map(|(key, value)| Step::Insert(key, value)),
            3 => keys().prop_map(Step::Remove),
            1 => Just(Step::Shrink),
        ];
        proptest::collection::vec(step, 0..60)
    }

    proptest! {
        #[test]
        fn does_as_a_sorted_map_by_slot_does(steps in steps()) {
            let mut slots = SlotMap::new();
            let mut map = BTreeMap::<Slot, (SessionKey, u16)>::new();
            for step in steps {
                match step {
                    Step::Insert(key, value) => {
                        let before = map.insert(key.slot, (key, value));
                        prop_assert_eq!(slots.insert(key, value), before);
                    }
                    Step::Remove(key) => {
                        let is_it = map.get(&key.slot).is_some_and(|(stored, _)| *stored == key);
                        let value = is_it.then(|| map.remove(&key.slot)).flatten();
                        prop_assert_eq!(slots.remove(key), value.map(|(_, value)| value));
                    }
                    Step::Shrink => slots.shrink_to_fit(),
                }
                prop_assert_eq!((slots.len(), slots.is_empty()), (map.len(), map.is_empty()));
                let all = map.values().map(|(key, value)| (*key, value));
                prop_assert!(slots.iter().eq(all), "{slots:?} is not {map:?}");
                for (slot, (key, mut value)) in map.clone() {
                    prop_assert_eq!(slots.at(slot), Some((key, &value)));
                    prop_assert_eq!(slots.at_mut(slot), Some((key, &mut value)));
                    prop_assert_eq!(slots.get(key), Some(&value));
                    prop_assert_eq!(slots.get_mut(key), Some(&mut value));
                    let stale = SessionKey { index: key.index + 1, ..key };
                    prop_assert_eq!(slots.get(stale), None);
                    prop_assert_eq!(slots.get_mut(stale), None);
                }
            }
            map.values().for_each(|(key, _)| _ = slots.remove(*key));
            slots.shrink_to_fit();
            prop_assert_eq!((slots.near.0.capacity(), slots.far.0.capacity()), (0, 0));
        }
    }
}
