//! What is left to be told about topics, in the numbers of the tables.

use crate::fanout::subject::Span;
use crate::key::SessionId;
use crate::reason::{LeaveReason, TopicClosing};
use crate::tables::ids::{ChannelIndex, MembershipIndex, SessionIndex, TopicIndex, User};
use crate::tables::topics::{EndedMember, Group, Pending};
use crate::topic::{TopicCounts, View};

/// What a notice about a topic says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum TopicSubject {
    Joined { membership: MembershipIndex },
    Member { membership: MembershipIndex, first: bool },
    SessionEnded { user: User, session: SessionId },
    Left { user: User, reason: LeaveReason },
    Closed { reason: TopicClosing },
    Said { membership: MembershipIndex },
    SaidOver { user: User, session: SessionId },
}

impl TopicSubject {
    pub(super) const NONE: Self = Self::Closed { reason: TopicClosing::Closed };
}

/// Who in a topic is not told a notice about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Except {
    Nobody,
    Session(SessionIndex),
    User(User),
}

/// Those in a topic who are told something, by their views.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Viewers {
    Nobody,
    /// Those who are told each change at once.
    OfAll,
    /// Those who are told what members say.
    OfWords,
    /// The same, but for those who are told each change at once.
    OfWordsLater,
}

impl Viewers {
    /// Returns whether these are among them, in a topic where blocks hide or do not.
    pub(crate) fn have(self, group: &Group, hides: bool) -> bool {
        match self {
            Self::Nobody => false,
            Self::OfAll => group.is_of_all(hides),
            Self::OfWords => group.listens(hides),
            Self::OfWordsLater => group.listens(hides) && !group.is_of_all(hides),
        }
    }
}

/// One notice about a topic, and all who are to be told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TopicFanOut {
    pub(super) topic: TopicIndex,
    pub(super) subject: TopicSubject,
    /// The notice's number, given when its turn comes; zero until then.
    pub(super) id: u64,
    pub(super) is_told: bool,
    pub(super) viewers: Viewers,
    pub(super) except: Except,
    /// The user whom it is about, if blocks hide that one from others: nor are those told.
    pub(super) hidden: Option<User>,
    /// The number of groups of one view that are done, and of receivers of the next.
    pub(super) groups: u32,
    pub(super) done: u32,
    /// Sessions named one by one: who is told, and who is reported not to be.
    pub(super) named: Span,
    pub(super) named_skipped: Span,
    /// The number of groups whose congested members have been reported, and of those of the next;
    /// `None` if they are not reported.
    pub(super) skipped: Option<(u32, u32)>,
}

impl TopicFanOut {
    pub(crate) const fn of(topic: TopicIndex, subject: TopicSubject) -> Self {
        Self {
            topic,
            subject,
            id: 0,
            is_told: false,
            viewers: Viewers::Nobody,
            except: Except::Nobody,
            hidden: None,
            groups: 0,
            done: 0,
            named: Span::EMPTY,
            named_skipped: Span::EMPTY,
            skipped: None,
        }
    }

    /// Tells those who view the topic so.
    pub(crate) const fn to(mut self, viewers: Viewers, except: Except) -> Self {
        self.viewers = viewers;
        self.except = except;
        self
    }

    /// Does not tell those from whom blocks hide this user, if they do so here.
    pub(crate) const fn hiding(mut self, user: Option<User>) -> Self {
        self.hidden = user;
        self
    }

    /// Returns the topic, and whom blocks hide from others there.
    pub(crate) const fn topic_and_hidden(&self) -> (TopicIndex, Option<User>) {
        (self.topic, self.hidden)
    }

    /// Tells those [named](crate::fanout::Plan::name_receiver).
    pub(crate) const fn to_named(mut self, named: Span) -> Self {
        self.named = named;
        self
    }

    /// Tells the host that these are not told, who are congested, named likewise.
    pub(crate) const fn not_to_named(mut self, named: Span) -> Self {
        self.named_skipped = named;
        self
    }

    /// Tells the host that those are not told who are congested.
    pub(crate) const fn reporting_skipped(mut self) -> Self {
        self.skipped = Some((0, 0));
        self
    }
}

/// How far the closing of a topic has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Closing {
    pub(crate) topic: TopicIndex,
    pub(crate) has_begun: bool,
    /// Whether somebody has been told.
    pub(super) is_told: bool,
}

impl Closing {
    pub(crate) const fn of(topic: TopicIndex) -> Self {
        Self { topic, has_begun: false, is_told: false }
    }
}

/// Who is told what a topic is like.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SnapshotTo {
    One(SessionIndex),
    /// Those who receive in a channel.
    Receiving(ChannelIndex),
    /// Those who arrive in one.
    Arriving(ChannelIndex),
    /// Both.
    Attached(ChannelIndex),
    /// Those in a channel one by one, from one place on and before another.
    Each {
        channel: ChannelIndex,
        next: u32,
        end: u32,
        without_own: bool,
    },
}

/// A snapshot of a topic on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TopicSnapshotOf {
    pub(super) topic: TopicIndex,
    /// What it shows: nothing, a count, a sample or all.
    pub(super) view: View,
    pub(super) to: SnapshotTo,
    /// One user whose own sessions are not in it.
    pub(super) without: Option<User>,
    /// Its number, given when its turn comes; zero until then.
    pub(super) id: u64,
    pub(super) is_first: bool,
    /// How far the parts before have come.
    pub(super) cursor: MemberCursor,
    /// Of the part that is being told: whether it is the last, and how many receivers are done.
    /// `None` if it is still to be made.
    pub(super) part: Option<(bool, u32)>,
}

impl TopicSnapshotOf {
    pub(crate) const fn begin(
        topic: TopicIndex,
        view: View,
        to: SnapshotTo,
        without: Option<User>,
    ) -> Self {
        let cursor = MemberCursor { place: 0, users: 0, sessions: 0, named: 0 };
        Self { topic, view, to, without, id: 0, is_first: true, cursor, part: None }
    }
}

/// How far a walk over the members of a topic has come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MemberCursor {
    /// The next seat.
    pub(super) place: u32,
    /// The number of users that are done, and of sessions of the next.
    pub(super) users: u32,
    pub(super) sessions: u32,
    /// The number of users that are done of those whom the receiver names.
    pub(super) named: u32,
}

/// What a tick tells those with one view.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChangesOf {
    pub(super) topic: TopicIndex,
    pub(super) is_slow: bool,
    /// Whether they view all, whatever they are served: of those who have gone they know the ones
    /// before the last snapshot.
    pub(super) views_all: bool,
    pub(super) channel: ChannelIndex,
    /// Whether they are told of everybody, or only of those they know and those who have come to be
    /// among the first so many.
    pub(super) view: View,
    /// The numbers up to which they know seats, before and after this.
    pub(super) known: (u64, u64),
    /// The one who is told, who knows besides whom it names, and the others who are told likewise.
    pub(super) to: Option<MembershipIndex>,
    /// Those in these places of the channel, or of the list of [those
    /// listed](crate::fanout::Plan::list_lookers).
    pub(super) others: Span,
    pub(super) are_listed: bool,
    pub(super) id: u64,
    pub(super) is_first: bool,
    /// How far the parts before have come: in what has changed, in the seats that are new to them,
    /// and in what has gone.
    pub(super) changed: u32,
    pub(super) cursor: MemberCursor,
    pub(super) gone: u32,
    /// Of the part that is being told, as in a snapshot.
    pub(super) part: Option<(bool, u32)>,
}

impl ChangesOf {
    pub(crate) fn begin(
        topic: TopicIndex,
        is_slow: bool,
        (view, channel): (View, ChannelIndex),
        known: (u64, u64),
    ) -> Self {
        let (cursor, part) = (MemberCursor::default(), None);
        let (changed, gone, id, is_first, views_all) = (0, 0, 0, true, false);
        let (to, others, are_listed) = (None, Span::EMPTY, false);
        Self {
            topic,
            is_slow,
            views_all,
            channel,
            view,
            known,
            to,
            others,
            are_listed,
            id,
            is_first,
            changed,
            cursor,
            gone,
            part,
        }
    }

    /// Returns which topic it is about, and whether it is told by the slow tick.
    pub(crate) const fn of(&self) -> (TopicIndex, bool) {
        (self.topic, self.is_slow)
    }

    /// Tells those who view all.
    pub(crate) const fn to_viewers_of_all(mut self, views_all: bool) -> Self {
        self.views_all = views_all;
        self
    }

    /// Returns whether they are told everything in place of what has changed.
    pub(crate) const fn are_everything(&self, pending: &Pending) -> bool {
        pending.is_everything(self.is_slow && self.views_all)
    }

    /// Returns whether they know that somebody has gone, or have not heard of it before either.
    pub(crate) const fn knows_ended(&self, pending: &Pending, gone: &EndedMember) -> bool {
        self.is_slow && if self.views_all { pending.has_told(gone) } else { gone.is_new_to_others }
    }

    pub(crate) const fn views_all(&self) -> bool {
        self.views_all
    }

    /// Returns what they are shown, and the numbers up to which they know seats before and after.
    pub(crate) const fn view_and_known(&self) -> (View, (u64, u64)) {
        (self.view, self.known)
    }
}

/// One change that a tick tells.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ChangeOf {
    Shown(MembershipIndex),
    SessionEnded { user: User, session: SessionId },
    Left { user: User, reason: LeaveReason },
}

/// A part of a snapshot or of changes of a topic. Its entries lie in the plan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TopicPart {
    pub(crate) topic: TopicIndex,
    pub(crate) view: View,
    /// How many there are, as far as the receivers may know.
    pub(crate) counts: TopicCounts,
    pub(crate) id: u64,
    pub(crate) is_first: bool,
    pub(crate) is_last: bool,
}
