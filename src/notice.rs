//! One thing that a receiver is told.

use crate::key::SessionId;
use crate::reason::{LeaveReason, TopicClosing};
use crate::time::Time;
use core::fmt;

/// The number of a notice. Each is greater than the one before: at least 4,096 for each millisecond
/// since the engine's first input.
///
/// So at up to 4,096 notices a millisecond what others did in other milliseconds cannot be read
/// from it. A notice has one whether or not anybody receives it; the several decisions of one large
/// fan-out share one, and so do all parts and entries of a snapshot. Numbers can be compared within
/// one attachment, and a snapshot of everything starts anew. They stay below 2^53, which JavaScript
/// can still tell apart, for 69 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NoticeId(pub(crate) u64);

impl NoticeId {
    /// Returns the number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// Whether a presence is the first that its receivers are told of the session.
///
/// It is what the engine can know without remembering who was told what. Directed presence does
/// not count, but for a receiver that was congested meanwhile, for whom either may be said then.
/// An [`Update`](Self::Update) may reach a receiver that holds nothing, where its snapshot left the
/// sender out: with one-way lists, or without
/// [snapshots at connect](crate::Options::snapshot_on_connect). A [`First`](Self::First) may reach
/// one that holds something, where it was not told that this was over: under
/// [`OfflineNotices::Never`](crate::OfflineNotices::Never), after its user was invisible. Either is
/// the whole presence, so a receiver does the same with both. There will be no third.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PresenceKind {
    /// They held nothing of this session.
    First,
    /// It replaces what they held of this session.
    Update,
}

/// One thing that a receiver is told.
///
/// Everything but the presence itself comes from the engine, so nobody can speak for somebody
/// else: not who it is from, not its number, and not that it means "offline".
#[derive(Debug)]
#[non_exhaustive]
pub enum Notice<'a, K, P> {
    /// What a session of a user says of itself, to all who may see it.
    Presence {
        /// The notice's number.
        id: NoticeId,
        /// Whose session.
        user: &'a K,
        /// Which session.
        session: SessionId,
        /// Whether it replaces something.
        kind: PresenceKind,
        /// What it says.
        presence: &'a P,
    },
    /// The one state of a user, to all who may see it, where an engine
    /// [chooses](crate::Engine::with_representative) which session speaks for each user
    /// ([rule U1](crate::rules#rule-u1-one-state-a-user)). It replaces what they knew of the user,
    /// directed presence excepted.
    User {
        /// The notice's number.
        id: NoticeId,
        /// Who.
        user: &'a K,
        /// Whether it replaces something.
        kind: PresenceKind,
        /// If the user is idle, when a person last did something on any of its devices.
        idle_since: Option<Time>,
        /// What the session shows that speaks for the user.
        presence: &'a P,
    },
    /// What a session says to named users only. It does not replace the session's presence.
    Directed {
        /// The notice's number.
        id: NoticeId,
        /// Whose session.
        user: &'a K,
        /// Which session.
        session: SessionId,
        /// What it says.
        presence: &'a P,
    },
    /// What a session said to named users no longer holds: it was to
    /// [last so long](crate::Engine::direct_for), or the session has said so much else meanwhile.
    /// The session goes on, and what it shows is as it was.
    DirectedOver {
        /// The notice's number.
        id: NoticeId,
        /// Whose session.
        user: &'a K,
        /// Which session.
        session: SessionId,
    },
    /// A session shows nothing any more. It goes on, or did so at that moment, and what it said to
    /// named users holds as before.
    Withdrawn {
        /// The notice's number.
        id: NoticeId,
        /// Whose session.
        user: &'a K,
        /// Which session.
        session: SessionId,
    },
    /// Whether the receiver's own user is visible: one of its other sessions has changed that.
    Visibility {
        /// The notice's number.
        id: NoticeId,
        /// The receiver's user.
        user: &'a K,
        /// Whether it is visible now.
        visible: bool,
    },
    /// A session has ended, and its user has others. What it said, directed presence included, no
    /// longer holds.
    SessionEnded {
        /// The notice's number.
        id: NoticeId,
        /// Whose session it was.
        user: &'a K,
        /// Which session it was.
        session: SessionId,
    },
    /// The user is offline, or looks so from now on: nothing that any of its sessions said,
    /// directed presence included, holds any more.
    UserOffline {
        /// The notice's number.
        id: NoticeId,
        /// Who is offline.
        user: &'a K,
    },
    /// A user has become a member of a topic, with this session.
    Joined {
        /// The notice's number.
        id: NoticeId,
        /// Which topic.
        topic: &'a K,
        /// Who is a member now.
        user: &'a K,
        /// Its session there.
        session: SessionId,
        /// What it shows there.
        presence: Option<&'a P>,
    },
    /// What a session of a member shows in a topic.
    Member {
        /// The notice's number.
        id: NoticeId,
        /// Which topic.
        topic: &'a K,
        /// Whose session.
        user: &'a K,
        /// Which session.
        session: SessionId,
        /// Whether the session has just joined, as a further one of its user, or shows something
        /// else than before.
        kind: PresenceKind,
        /// What it shows there.
        presence: Option<&'a P>,
    },
    /// A session of a member is no longer in a topic, and its user has others there.
    MemberSessionEnded {
        /// The notice's number.
        id: NoticeId,
        /// Which topic.
        topic: &'a K,
        /// Whose session.
        user: &'a K,
        /// Which session.
        session: SessionId,
    },
    /// A user is no member of a topic any more, with any session.
    Left {
        /// The notice's number.
        id: NoticeId,
        /// Which topic.
        topic: &'a K,
        /// Who has left.
        user: &'a K,
        /// Why.
        reason: LeaveReason,
    },
    /// The receiver itself is no longer in a topic.
    TopicClosed {
        /// The notice's number.
        id: NoticeId,
        /// Which topic.
        topic: &'a K,
        /// Why.
        reason: TopicClosing,
    },
    /// What a member says in a topic. It does not replace what it shows there.
    Said {
        /// The notice's number.
        id: NoticeId,
        /// Which topic.
        topic: &'a K,
        /// Whose session.
        user: &'a K,
        /// Which session.
        session: SessionId,
        /// What it says.
        presence: &'a P,
    },
    /// What a member said in a topic no longer holds.
    SaidOver {
        /// The notice's number.
        id: NoticeId,
        /// Which topic.
        topic: &'a K,
        /// Whose session.
        user: &'a K,
        /// Which session.
        session: SessionId,
    },
    /// Something the application says, from no session.
    System {
        /// The notice's number.
        id: NoticeId,
        /// What it says.
        presence: &'a P,
    },
}

impl fmt::Display for NoticeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<K, P> Notice<'_, K, P> {
    /// Returns the notice's number.
    #[must_use]
    pub const fn id(&self) -> NoticeId {
        match self {
            Self::Presence { id, .. }
            | Self::User { id, .. }
            | Self::Directed { id, .. }
            | Self::DirectedOver { id, .. }
            | Self::Withdrawn { id, .. }
            | Self::Visibility { id, .. }
            | Self::SessionEnded { id, .. }
            | Self::UserOffline { id, .. }
            | Self::Joined { id, .. }
            | Self::Member { id, .. }
            | Self::MemberSessionEnded { id, .. }
            | Self::Left { id, .. }
            | Self::TopicClosed { id, .. }
            | Self::Said { id, .. }
            | Self::SaidOver { id, .. }
            | Self::System { id, .. } => *id,
        }
    }
}

// By hand, because deriving would ask `K` and `P` to be `Clone`, and only references are copied.
impl<K, P> Clone for Notice<'_, K, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, P> Copy for Notice<'_, K, P> {}
