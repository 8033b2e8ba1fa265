//! What those in a topic are told of it at once: its present state, or what a tick has gathered.

use crate::fanout::topic_steps::{ChangeOf, TopicPart};
use crate::key::{SessionId, Slot};
use crate::notice::NoticeId;
use crate::reason::LeaveReason;
use crate::tables::ids::MembershipIndex;
use crate::tables::members_view::TopicTables;
use crate::topic::{TopicCounts, View};
use core::fmt;

/// The present state of a topic, as a [view](Self::view) shows it
/// ([rule T3](crate::rules#rule-t3-a-snapshot-and-then-changes)).
///
/// It is the whole truth of what the receiver may know of the topic, and replaces what it held of
/// it: whoever is not in it is gone, and so is what was [said](crate::Notice::Said) there. A large
/// one comes as several decisions, of which only the first [is first](Self::is_first) and only the
/// last [is last](Self::is_last), and so does one for many receivers. All of them share one
/// [number](Self::id), and those with the same part follow each other: encode it once.
pub struct TopicSnapshot<'a, K, P> {
    pub(crate) tables: TopicTables<'a, K, P>,
    pub(crate) entries: &'a [MembershipIndex],
    pub(crate) to: &'a [Slot],
    pub(crate) part: TopicPart,
}

/// One session of a member in a [`TopicSnapshot`].
#[derive(Debug)]
#[non_exhaustive]
pub struct TopicEntry<'a, K, P> {
    /// Whose session.
    pub user: &'a K,
    /// Which session.
    pub session: SessionId,
    /// What it shows in the topic.
    pub presence: Option<&'a P>,
}

impl<'a, K, P> TopicSnapshot<'a, K, P> {
    /// Returns who is told: sessions that are attached at this moment, at least one, at most 4,096,
    /// none twice.
    #[must_use]
    pub const fn to(&self) -> &'a [Slot] {
        self.to
    }

    /// Returns the topic's name.
    #[must_use]
    pub fn topic(&self) -> &'a K {
        self.tables.name(self.part.topic)
    }

    /// Returns the number of the snapshot, which all its parts share.
    #[must_use]
    pub const fn id(&self) -> NoticeId {
        NoticeId(self.part.id)
    }

    /// Returns what it shows. A receiver that asked for [all](View::All) is served a sample while
    /// the topic is large ([rule T8](crate::rules#rule-t8-large-topics)).
    #[must_use]
    pub const fn view(&self) -> View {
        self.part.view
    }

    /// Returns how many are in the topic, but for those whom blocks hide from the receiver.
    #[must_use]
    pub const fn counts(&self) -> TopicCounts {
        self.part.counts
    }

    /// Returns whether this is the first part, at which the receiver starts anew with the topic.
    #[must_use]
    pub const fn is_first(&self) -> bool {
        self.part.is_first
    }

    /// Returns whether this is the last part.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.part.is_last
    }

    /// Returns the number of entries of this part: at most 4,096.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether this part has no entry.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the entries of this part: users in the order in which they became members, a user's
    /// sessions one after the other.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = TopicEntry<'a, K, P>> + use<'a, K, P> {
        let tables = self.tables;
        self.entries.iter().map(move |membership| {
            let (user, session, presence) = tables.member(*membership);
            TopicEntry { user, session, presence }
        })
    }
}

impl<K: fmt::Debug, P: fmt::Debug> fmt::Debug for TopicSnapshot<'_, K, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TopicSnapshot")
            .field("topic", self.topic())
            .field("view", &self.view())
            .field("counts", &self.counts())
            .field("entries", &self.entries().collect::<alloc::vec::Vec<_>>())
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}

/// What has changed in a topic since its last tick
/// ([rule T10](crate::rules#rule-t10-ticks)): of each member that changed the newest state.
///
/// A receiver takes each change in as it would the notice of its kind. A large one comes as several
/// decisions, as a [`TopicSnapshot`] does.
pub struct Changes<'a, K, P> {
    pub(crate) tables: TopicTables<'a, K, P>,
    pub(crate) changes: &'a [ChangeOf],
    pub(crate) to: &'a [Slot],
    pub(crate) part: TopicPart,
}

/// One change in [`Changes`].
#[derive(Debug)]
#[non_exhaustive]
pub enum TopicChange<'a, K, P> {
    /// A session of a member shows this now. It may be new to the receiver, and so may its user.
    Member {
        /// Whose session.
        user: &'a K,
        /// Which session.
        session: SessionId,
        /// What it shows in the topic.
        presence: Option<&'a P>,
    },
    /// A session of a member is no longer there; its user has others, though not all of them need
    /// be in the receiver's sample.
    SessionEnded {
        /// Whose session.
        user: &'a K,
        /// Which session.
        session: SessionId,
    },
    /// A user is no member any more.
    Left {
        /// Who has left.
        user: &'a K,
        /// Why.
        reason: LeaveReason,
    },
}

impl<'a, K, P> Changes<'a, K, P> {
    /// Returns who is told: sessions that are attached at this moment, at least one, at most 4,096,
    /// none twice.
    #[must_use]
    pub const fn to(&self) -> &'a [Slot] {
        self.to
    }

    /// Returns the topic's name.
    #[must_use]
    pub fn topic(&self) -> &'a K {
        self.tables.name(self.part.topic)
    }

    /// Returns the number of these changes, which all parts share.
    #[must_use]
    pub const fn id(&self) -> NoticeId {
        NoticeId(self.part.id)
    }

    /// Returns what the receivers are shown.
    #[must_use]
    pub const fn view(&self) -> View {
        self.part.view
    }

    /// Returns how many are in the topic now.
    #[must_use]
    pub const fn counts(&self) -> TopicCounts {
        self.part.counts
    }

    /// Returns whether this is the first part.
    #[must_use]
    pub const fn is_first(&self) -> bool {
        self.part.is_first
    }

    /// Returns whether this is the last part, after which the receiver knows the truth.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.part.is_last
    }

    /// Returns the number of changes in this part: at most 4,096.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.changes.len()
    }

    /// Returns whether this part has no change: then only the counts are new.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Returns the changes of this part. What members show comes before who is gone.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = TopicChange<'a, K, P>> + use<'a, K, P> {
        let tables = self.tables;
        self.changes.iter().map(move |change| match *change {
            ChangeOf::Shown(membership) => {
                let (user, session, presence) = tables.member(membership);
                TopicChange::Member { user, session, presence }
            }
            ChangeOf::SessionEnded { user, session } => {
                TopicChange::SessionEnded { user: tables.user(user), session }
            }
            ChangeOf::Left { user, reason } => {
                TopicChange::Left { user: tables.user(user), reason }
            }
        })
    }
}

impl<K: fmt::Debug, P: fmt::Debug> fmt::Debug for Changes<'_, K, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes")
            .field("topic", self.topic())
            .field("view", &self.view())
            .field("counts", &self.counts())
            .field("changes", &self.iter().collect::<alloc::vec::Vec<_>>())
            .field("to", &self.to)
            .finish_non_exhaustive()
    }
}
