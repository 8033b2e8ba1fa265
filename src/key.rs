//! The names that the engine gives out: keys of attachments, ids of sessions, and slots.

use core::fmt;
use core::num::{NonZeroU32, NonZeroU64};

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
#[repr(transparent)]
pub struct Slot(u32);

const FAR: u32 = 1 << 31;

impl Slot {
    /// In the key of a session that another node has: it is nobody's.
    pub(crate) const REMOTE: Self = Self(u32::MAX);

    pub(crate) const fn near(user: u32, half: u32) -> Self {
        Self(user << 1 | half)
    }

    pub(crate) const fn far(index: u32) -> Self {
        Self(FAR | index)
    }

    /// Returns the number of the user whose near slot this is.
    pub(crate) const fn near_user(self) -> Option<u32> {
        if self.is_near() { Some(self.0 >> 1) } else { None }
    }

    /// Returns whether this is one of the two slots that every known user has.
    #[must_use]
    pub const fn is_near(self) -> bool {
        self.0 & FAR == 0
    }

    /// Returns the place in the table of near slots, or in that of far ones. Both tables are
    /// dense: they start at zero and grow with the number of users known, or of far sessions.
    #[must_use]
    pub const fn index(self) -> usize {
        (self.0 & !FAR) as usize
    }

    /// Returns the slot as a number, to send it through something that knows only numbers.
    #[must_use]
    pub const fn to_bits(self) -> u32 {
        self.0
    }

    /// Returns the slot that [`to_bits`](Self::to_bits) made this number of. Every number is a
    /// slot, though not every slot has a session.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = if self.is_near() { "near" } else { "far" };
        write!(f, "{range} {}", self.index())
    }
}

/// Names one attachment of a session: one stretch of its life on one connection.
///
/// The engine gives a key out at [`connect`](crate::Engine::connect), and another one at each
/// [`resume`](crate::Engine::resume). From then on the key before is *stale*, as every key is once
/// its session has ended: it is refused with
/// [`Error::UnknownSession`](crate::Error::UnknownSession) for ever, and never mistaken for
/// another's, because each carries a generation that is not used twice. So the late end of an old
/// connection cannot end the session that has a new one
/// ([rule 5](crate::rules#rule-5-loss-and-resume)).
///
/// What receivers are told of is the session, which stays the same: [`SessionId`].
///
/// All this holds within one engine only. A host that hands keys to its clients, to resume with
/// after a restart, must tell the keys of one run from those of another, with a number of the run's
/// own beside the key, say. Keys are not secrets: they can be guessed.
///
/// A key takes 12 bytes, and an `Option` of one takes no more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SessionKey {
    pub(crate) index: u32,
    pub(crate) generation: NonZeroU32,
    pub(crate) slot: Slot,
}

const _: () = assert!(size_of::<Option<SessionKey>>() == 12);

impl SessionKey {
    /// Returns whether [another node](crate::Engine::remote_state) has the session. Such a key
    /// tells it from others in what the host is told, and no verb takes it.
    #[must_use]
    pub const fn is_remote(self) -> bool {
        self.slot.0 == Slot::REMOTE.0
    }

    /// Returns the slot under which decisions name this session as a receiver, while it has not
    /// ended. It stays the same when the session is resumed.
    #[must_use]
    pub const fn slot(self) -> Slot {
        self.slot
    }

    /// Returns the key as a pair of numbers, to send it through something that knows only
    /// numbers: a name, which is never zero, and the bits of the [slot](Self::slot).
    ///
    /// Why a pair: the slot says whose session it is before anything has been looked up, so the
    /// engine reads the user while it waits for the session. A key that had to be looked up to
    /// find its slot would cost each publish and each disconnect a wait for memory.
    #[must_use]
    pub const fn to_bits(self) -> (u64, u32) {
        ((self.generation.get() as u64) << 32 | self.index as u64, self.slot.0)
    }

    /// Returns the key that [`to_bits`](Self::to_bits) made these numbers of, or `None` for
    /// numbers that no key is made into. Others that the engine never gave out are refused as
    /// stale keys are.
    #[must_use]
    pub const fn from_bits((name, slot): (u64, u32)) -> Option<Self> {
        match NonZeroU32::new((name >> 32) as u32) {
            Some(generation) => Some(Self { index: name as u32, generation, slot: Slot(slot) }),
            None => None,
        }
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "attachment {}.{} at {:?}", self.index, self.generation, self.slot)
    }
}

/// Names one session for those who are told of it, from its first presence to its end.
///
/// It stays the same when the session is resumed, and is not used again in this engine. It is
/// never zero, and an `Option` of one takes no more than its 8 bytes. It gives nobody any power:
/// what a host hands in is a [`SessionKey`]. Hosts that do not want receivers to see how many
/// sessions there have been translate it into opaque ids of their own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[repr(transparent)]
pub struct SessionId(NonZeroU64);

const _: () = assert!(size_of::<Option<SessionId>>() == 8);

impl SessionId {
    /// Stands for the one state of a user, in what is noted of it: no session's place is so great.
    pub(crate) const OF_USER: Self = Self::new(u32::MAX, NonZeroU32::MIN);

    #[inline]
    pub(crate) const fn new(index: u32, born: NonZeroU32) -> Self {
        // The higher half is not zero, so neither is the whole.
        match NonZeroU64::new((born.get() as u64) << 32 | index as u64) {
            Some(bits) => Self(bits),
            None => panic!("a generation is never zero"),
        }
    }

    /// Returns the place of the session's record, and its generation when the session began.
    pub(crate) const fn parts(self) -> (u32, u32) {
        (self.0.get() as u32, (self.0.get() >> 32) as u32)
    }

    /// Returns the id as a number, which is never zero. It uses all 64 bits, more than a number in
    /// JavaScript holds: send it as a string, or translate it.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0.get()
    }

    /// Returns the id that [`to_bits`](Self::to_bits) made this number of; `None` for zero.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Option<Self> {
        match NonZeroU64::new(bits) {
            Some(bits) => Some(Self(bits)),
            None => None,
        }
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (index, born) = self.parts();
        write!(f, "session {index}.{born}")
    }
}

/// Names one topic, from its first session to its last.
///
/// The engine gives it out at [`join`](crate::Engine::join), so that a topic's name is looked up
/// there only. Everybody in a topic has the same key. When the topic is empty its key is *stale*:
/// it is refused with [`Error::UnknownTopic`](crate::Error::UnknownTopic) for ever, and whoever
/// joins a topic of the same name later gets another one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TopicKey {
    pub(crate) index: u32,
    /// Which of all topics that ever were it is: never used twice.
    pub(crate) generation: NonZeroU64,
}

impl TopicKey {
    /// Returns the key as a pair of numbers, of which the first is never zero, to send it through
    /// something that knows only numbers.
    #[must_use]
    pub const fn to_bits(self) -> (u64, u32) {
        (self.generation.get(), self.index)
    }

    /// Returns the key that [`to_bits`](Self::to_bits) made these numbers of, or `None` for
    /// numbers that no key is made into. Others that the engine never gave out are refused as
    /// stale keys are.
    #[must_use]
    pub const fn from_bits((generation, index): (u64, u32)) -> Option<Self> {
        match NonZeroU64::new(generation) {
            Some(generation) => Some(Self { index, generation }),
            None => None,
        }
    }
}

impl fmt::Debug for TopicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "topic {}.{}", self.index, self.generation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_ids_survive_the_trip_through_bits() {
        let key = SessionKey { index: 0, generation: NonZeroU32::MIN, slot: Slot::near(0, 0) };
        let last = SessionKey { index: 7, generation: NonZeroU32::MAX, slot: Slot::far(3) };
        for key in [key, last] {
            assert_ne!(key.to_bits().0, 0, "no key has a name of zero");
            assert_eq!(SessionKey::from_bits(key.to_bits()), Some(key));
            assert_eq!(Slot::from_bits(key.slot().to_bits()), key.slot());
            let id = SessionId::new(key.index, key.generation);
            assert_eq!(SessionId::from_bits(id.to_bits()), Some(id));
            assert_eq!(id.parts(), (key.index, key.generation.get()));
        }
        assert_eq!(SessionKey::from_bits((u64::from(u32::MAX), 1)), None);
        assert_eq!(SessionId::from_bits(0), None);
        let topic = TopicKey { index: 7, generation: NonZeroU64::MIN };
        assert_eq!(TopicKey::from_bits(topic.to_bits()), Some(topic));
        assert_eq!(TopicKey::from_bits((0, 7)), None);
    }

    #[test]
    fn near_and_far_slots_have_dense_tables_of_their_own() {
        assert_eq!((Slot::near(5, 1).index(), Slot::near(5, 1).is_near()), (11, true));
        assert_eq!((Slot::far(5).index(), Slot::far(5).is_near()), (5, false));
        let names = [Slot::near(5, 1), Slot::far(5)].map(|slot| alloc::format!("{slot:?}"));
        assert_eq!(names, ["near 11", "far 5"]);
    }
}
