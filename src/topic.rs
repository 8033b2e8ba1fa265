//! The words of topics: how one joins, what one views, how much there is, and how they behave.

/// What a session is told of the members of a topic, each more than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum View {
    /// Nothing, but that the topic is closed to it.
    Nothing,
    /// How many users, sessions and observers there are.
    Count,
    /// The same, and the sessions of so many users: of those who have been members longest.
    ///
    /// Those with the same view are told together. A join, a change of a view, a leave and a tick
    /// go through the different views of a topic: a host that lets its clients choose offers them a
    /// few sizes.
    Sample(u16),
    /// Every session of every member. In a topic with more users than
    /// [`TopicOptions::full_up_to`] it is served as a sample.
    All,
}

/// How a session joins a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Join<P> {
    /// Seen by those who view the topic.
    Member {
        /// What it shows there. `None`: what it [publishes](crate::Engine::publish), if anything.
        presence: Option<P>,
        /// What it is told of the others.
        view: View,
    },
    /// Told of the members, and no member itself.
    Observer {
        /// What it is told of the members.
        view: View,
    },
}

impl<P> Join<P> {
    /// Returns what it is told of the members.
    #[must_use]
    pub const fn view(&self) -> View {
        match self {
            Self::Member { view, .. } | Self::Observer { view } => *view,
        }
    }
}

/// How many are in a topic, those who are invisible not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TopicCounts {
    /// Users who are members.
    pub users: u32,
    /// Their sessions there.
    pub sessions: u32,
    /// Sessions that observe and are no members.
    pub observers: u32,
}

/// Whether a block hides its two users from each other in a topic
/// ([rule T6](crate::rules#rule-t6-who-is-not-shown)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum TopicBlocks {
    /// A topic is a public place: whoever views it sees all who are in it.
    #[default]
    Ignored,
    /// Of two users of whom one has blocked the other, neither is there for the other.
    Hidden,
}

/// How a topic behaves ([`Options::topics`](crate::Options::topics), or for one topic
/// [`Engine::topic_options`](crate::Engine::topic_options)). Options will be added: take those that
/// you do not set from the default, `TopicOptions { sample: 5, ..TopicOptions::default() }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct TopicOptions {
    /// The most users who are all shown to those who view [all](View::All): 1 to 100,000. With more
    /// they are served as a sample, until there are fewer than 80 % of it. Where blocks hide it is
    /// the most users who may be members. Default: 200.
    pub full_up_to: u32,
    /// How many users such a sample has: 1 to 10,000. Default: 20.
    pub sample: u16,
    /// How long changes are gathered before they are told, in milliseconds: 0 (each is told at
    /// once) to 60,000. What is not [all](View::All) is told no more often than every 200 ms. Where
    /// blocks hide it must be 0. Default: 0.
    pub coalesce_ms: u32,
    /// The most users who may be members: 1 to 2^27. Default: 1,000,000.
    pub max_members: u32,
    /// Whether blocks hide users from each other in it. Where they do, everything is told at once,
    /// to each receiver by itself, and whoever views anything is served [all](View::All): that is
    /// for small rooms, and [`full_up_to`](Self::full_up_to) bounds it. A notice and a snapshot ask
    /// about each pair, if the user has blocked anybody or is blocked by anybody: some 20 ns each.
    /// Default: blocks are ignored.
    #[cfg_attr(feature = "serde", serde(default))]
    pub blocks: TopicBlocks,
}

impl Default for TopicOptions {
    fn default() -> Self {
        Self {
            full_up_to: 200,
            sample: 20,
            coalesce_ms: 0,
            max_members: 1_000_000,
            blocks: TopicBlocks::Ignored,
        }
    }
}

/// Counts and samples are told no more often.
const SLOWEST_MS: u32 = 200;

impl TopicOptions {
    /// Returns the first option that is out of its range, if one is: its name and value, and the
    /// least and the most that it may be.
    pub(crate) fn out_of_range(&self) -> Option<(&'static str, u32, u32, u32)> {
        // What a tick gathers is the same for all, and when it comes would tell of the hidden.
        let most_ms = if self.hides() { 0 } else { 60_000 };
        let ranges = [
            ("topics.full_up_to", self.full_up_to, 1, 100_000),
            ("topics.sample", self.sample.into(), 1, 10_000),
            ("topics.coalesce_ms", self.coalesce_ms, 0, most_ms),
            ("topics.max_members", self.max_members, 1, 1 << 27),
        ];
        ranges.into_iter().find(|(_, value, min, max)| !(min..=max).contains(&value))
    }

    /// Returns whether blocks hide users from each other.
    pub(crate) fn hides(&self) -> bool {
        self.blocks == TopicBlocks::Hidden
    }

    /// Returns the most users who may be members.
    pub(crate) fn most_members(&self) -> u32 {
        if self.hides() { self.max_members.min(self.full_up_to) } else { self.max_members }
    }

    /// Returns for how long changes are gathered: for those who are shown everybody, or for others.
    pub(crate) fn tick_ms(&self, is_slow: bool) -> u32 {
        if is_slow { self.coalesce_ms.max(SLOWEST_MS) } else { self.coalesce_ms }
    }

    /// Returns whether there are so many users that those who view all are served a sample, if they
    /// are or are not so far.
    pub(crate) fn is_large(&self, users: u32, so_far: bool) -> bool {
        // Up above the whole of it, down below four fifths.
        let (users, most) = (u64::from(users), u64::from(self.full_up_to));
        let is_so = if so_far { users * 5 >= most * 4 } else { users > most };
        is_so && !self.hides()
    }
}
