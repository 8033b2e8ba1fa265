//! The numbers by which the tables name users, sessions and attachments.

use core::num::NonZeroU32;

/// A known user: an index into the columns of the interner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct User(pub(crate) u32);

/// Where a user who is online stands in the table of online users. It is the user's until the user
/// goes offline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(pub(crate) u32);

impl Place {
    /// Nobody's.
    pub(crate) const NONE: Self = Self(u32::MAX);

    #[inline]
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

impl Default for Place {
    fn default() -> Self {
        Self::NONE
    }
}

/// A session's record: its index in the table of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SessionIndex(pub(crate) u32);

/// Where a session of another node stands: in the list of an origin, in the table of origins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RemotePlace {
    pub(crate) origin: u32,
    pub(crate) nth: u32,
}

impl RemotePlace {
    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self { origin: (bits >> 32) as u32, nth: bits as u32 }
    }

    pub(crate) const fn to_bits(self) -> u64 {
        (self.origin as u64) << 32 | self.nth as u64
    }
}

/// Something that ends by itself, in the table of expiries: one more than its index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ExpiryIndex(NonZeroU32);

impl ExpiryIndex {
    pub(crate) const fn at(index: u32) -> Self {
        Self(NonZeroU32::MIN.saturating_add(index))
    }

    pub(crate) const fn index(self) -> u32 {
        self.0.get() - 1
    }
}

/// A channel, in the table of channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChannelIndex(pub(crate) u32);

/// A session's place in a channel, in the table of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MembershipIndex(pub(crate) u32);

impl MembershipIndex {
    /// Nobody's.
    pub(crate) const NONE: Self = Self(u32::MAX);
}

/// A topic, by the number of its name in the interner of topics' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TopicIndex(pub(crate) u32);

/// One of a topic's two ticks: twice its number, and one more for the slow one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TickIndex(pub(crate) u32);

impl TickIndex {
    pub(crate) const fn of(topic: TopicIndex, is_slow: bool) -> Self {
        Self(topic.0 << 1 | is_slow as u32)
    }

    pub(crate) const fn topic(self) -> TopicIndex {
        TopicIndex(self.0 >> 1)
    }

    pub(crate) const fn is_slow(self) -> bool {
        self.0 & 1 == 1
    }
}

/// One attachment of a session, which may be over by now: what a [`SessionKey`](crate::SessionKey)
/// is outside, in eight bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Attachment {
    pub(crate) session: SessionIndex,
    pub(crate) generation: NonZeroU32,
}

impl Attachment {
    /// No other comes before it in the order of attachments.
    pub(crate) const FIRST: Self = Self { session: SessionIndex(0), generation: NonZeroU32::MIN };
}

/// How many look-ups are walked side by side: more than a core can wait for at once.
pub(crate) const SIDE_BY_SIDE: usize = 32;
