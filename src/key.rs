//! The names that the engine gives out: session keys and slots.

use core::fmt;

/// The host's small number for what kind of device a session runs on ("phone", "desktop", "web";
/// `termtyp` in tim). It matters for limits only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DeviceKind(pub u8);

/// Where the host keeps what it has for one session, its socket for instance.
///
/// Decisions name receivers by slot and nothing else: a receiver is attached by definition while
/// the host runs a decision, so there is no generation to compare. A slot is given to another
/// session once its own has ended; what the host hands *in* is a [`SessionKey`] for that reason.
///
/// A user's first two sessions have *near* slots, two for every user the engine knows (users who
/// are only in somebody's audience included); further sessions have *far* ones, of which there
/// are only as many as ever existed at once. [`SlotMap`](crate::SlotMap) is a table by slot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Slot(u32);

const FAR: u32 = 1 << 31;

impl Slot {
    pub(crate) const fn near(user: u32, half: u32) -> Self {
        Self(user << 1 | half)
    }

    pub(crate) const fn far(index: u32) -> Self {
        Self(FAR | index)
    }

    /// The number of the user whose near slot this is.
    pub(crate) const fn near_user(self) -> Option<u32> {
        if self.is_near() { Some(self.0 >> 1) } else { None }
    }

    /// Is this one of the two slots that every known user has?
    #[must_use]
    pub const fn is_near(self) -> bool {
        self.0 & FAR == 0
    }

    /// The place in the table of near slots or in that of far ones. Both tables are dense: they
    /// start at zero and grow with the number of users known, or of far sessions.
    #[must_use]
    pub const fn index(self) -> usize {
        (self.0 & !FAR) as usize
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = if self.is_near() { "near" } else { "far" };
        write!(f, "{range} {}", self.index())
    }
}

/// Names one session for as long as the host may remember it.
///
/// The engine gives a key out at [`connect`](crate::Engine::connect). A key whose session has
/// ended is *stale*: it is refused with [`Error::UnknownSession`](crate::Error::UnknownSession)
/// for ever, and never mistaken for another session's, because each carries a generation that is
/// not used twice.
///
/// That holds within one engine. A host that hands keys to its clients, to resume with after a
/// restart, must tell the keys of one run from those of another: with a number of the run's own
/// beside the key, say.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SessionKey {
    pub(crate) index: u32,
    pub(crate) generation: u32,
    pub(crate) slot: Slot,
}

impl SessionKey {
    /// The slot under which decisions name this session as a receiver, while it has not ended.
    #[must_use]
    pub const fn slot(self) -> Slot {
        self.slot
    }

    /// The key as a number below 2^96, to send it through something that knows only numbers.
    #[must_use]
    pub const fn to_bits(self) -> u128 {
        (self.slot.0 as u128) << 64 | (self.generation as u128) << 32 | self.index as u128
    }

    /// The key that [`to_bits`](Self::to_bits) made this number of. Any number gives a key; one
    /// that the engine never gave out is refused as stale ones are. Bits above 2^96 are ignored.
    #[must_use]
    pub const fn from_bits(bits: u128) -> Self {
        Self {
            index: bits as u32,
            generation: (bits >> 32) as u32,
            slot: Slot((bits >> 64) as u32),
        }
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session {}.{} at {:?}", self.index, self.generation, self.slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_the_trip_through_bits() {
        let key = SessionKey { index: 7, generation: u32::MAX, slot: Slot::far(3) };
        assert_eq!(SessionKey::from_bits(key.to_bits()), key);
        assert!(key.to_bits() < 1 << 96);
    }

    #[test]
    fn near_and_far_slots_have_dense_tables_of_their_own() {
        assert_eq!((Slot::near(5, 1).index(), Slot::near(5, 1).is_near()), (11, true));
        assert_eq!((Slot::far(5).index(), Slot::far(5).is_near()), (5, false));
        let names = [Slot::near(5, 1), Slot::far(5)].map(|slot| alloc::format!("{slot:?}"));
        assert_eq!(names, ["near 11", "far 5"]);
    }
}
