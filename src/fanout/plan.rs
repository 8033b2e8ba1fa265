//! The plan: what a verb leaves to be told and done, step by step, and the buffers for it.

use crate::fanout::receivers::Receivers;
use crate::fanout::subject::{Span, Subject};
use crate::fanout::topic_steps::{
    ChangeOf, ChangesOf, Closing, TopicFanOut, TopicSnapshotOf, TopicSubject,
};
use crate::key::{SessionId, SessionKey, Slot};
use crate::reason::{CloseReason, EndReason};
use crate::tables::channels::Channels;
use crate::tables::ids::{
    ChannelIndex, MembershipIndex, Place, SessionIndex, TickIndex, TopicIndex, User,
};
use crate::time::Time;
use alloc::vec::Vec;

/// So many notices of one millisecond have numbers of their own before those of the next.
const NUMBERS_PER_MS: u64 = 4_096;

/// How far a walk over a list has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor {
    /// The place, among those online, of the user whose list it is. It stays the user's until all
    /// have been told of the end of its last session.
    pub(super) place: Place,
    /// The number of entries that are done.
    pub(super) done: u32,
}

/// How far a walk over a channel has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watchers {
    pub(super) channel: ChannelIndex,
    /// The number of receivers that are done.
    pub(super) done: u32,
}

/// One notice and all who are to be told. No session stands in two of its parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FanOut {
    pub(super) subject: Subject,
    /// The notice's number, given when its turn comes; zero until then.
    pub(super) id: u64,
    /// Whether somebody has been told.
    pub(super) is_told: bool,
    /// The user whose contacts are told; `None` again when all of them are done.
    pub(super) contacts: Option<Cursor>,
    /// Whether those who watch the user are told too, and have not all been.
    pub(super) is_watched: bool,
    /// The user whose own sessions are told, likewise.
    pub(super) own: Option<Cursor>,
    /// One of the user's own sessions that is not told.
    pub(super) except: Option<SessionIndex>,
    /// Sessions named one by one.
    pub(super) named: Span,
    /// Congested sessions that the host is told of.
    pub(super) skipped: Span,
}

impl FanOut {
    pub(crate) const fn of(subject: Subject) -> Self {
        let (is_told, is_watched) = (false, false);
        let (contacts, own, except) = (None, None, None);
        let (named, skipped) = (Span::EMPTY, Span::EMPTY);
        Self { subject, id: 0, is_told, is_watched, contacts, own, except, named, skipped }
    }

    /// Tells the contacts of the user at this place, and those who watch it, if anybody does.
    pub(crate) const fn to_viewers_of(mut self, place: Place, is_watched: bool) -> Self {
        self.contacts = Some(Cursor { place, done: 0 });
        self.is_watched = is_watched;
        self
    }

    /// Tells the sessions of the user at this place, but for one.
    pub(crate) const fn to_own_sessions_of(
        mut self,
        place: Place,
        except: Option<SessionIndex>,
    ) -> Self {
        self.own = Some(Cursor { place, done: 0 });
        self.except = except;
        self
    }

    /// Tells those [named](Plan::name_receiver).
    pub(crate) const fn to_named(mut self, named: Span) -> Self {
        self.named = named;
        self
    }

    /// Tells the host that those named here are not told.
    pub(crate) const fn not_to(mut self, skipped: Span) -> Self {
        self.skipped = skipped;
        self
    }

    /// Returns whether nobody is left to be told, but for those already found.
    pub(super) const fn is_done(&self) -> bool {
        let nobody = self.contacts.is_none() && !self.is_watched && self.own.is_none();
        nobody && self.named.is_empty() && self.skipped.is_empty()
    }
}

/// A snapshot on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SnapshotOf {
    pub(super) to: SessionIndex,
    /// Its number, given when its turn comes; zero until then.
    pub(super) id: u64,
    /// Whether it is about the users whom the input names, and not about everybody.
    pub(super) is_of_users: bool,
    /// The number of users that are done: of those, or of the audience and those who are watched.
    pub(super) done: u32,
    /// The number of sessions of the user at `done` that are done.
    pub(super) done_sessions: u32,
    pub(super) is_first: bool,
}

impl SnapshotOf {
    const fn begin(to: SessionIndex, is_of_users: bool) -> Self {
        Self { to, id: 0, is_of_users, done: 0, done_sessions: 0, is_first: true }
    }
}

/// The end of a session, as the host is told of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EndReport {
    pub(crate) user: User,
    pub(crate) session: SessionKey,
    pub(crate) id: SessionId,
    pub(crate) reason: EndReason,
    pub(crate) since: Time,
    pub(crate) last: bool,
    pub(crate) visible: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Close {
        session: SessionKey,
        reason: CloseReason,
        resumable: bool,
    },
    FanOut(FanOut),
    Snapshot(SnapshotOf),
    Online {
        user: User,
        session: SessionIndex,
    },
    /// The host is told that a session has ended.
    ReportEnd(EndReport),
    /// It has to be worked out who speaks for the user at a place.
    Speak {
        place: Place,
        published: Option<SessionIndex>,
    },
    /// Nothing is left to be done.
    Pass,
    /// Sessions have to go for a newer one of their user: those of other nodes whose end was kept
    /// back, and perhaps one of this node.
    MakeWay {
        victim: Option<SessionIndex>,
        newcomer: SessionIndex,
    },
    TellTopic(TopicFanOut),
    /// Those in a topic are told that it is closed, and taken out of it.
    CloseTopic(Closing),
    TopicSnapshot(TopicSnapshotOf),
    Changes(ChangesOf),
    /// What a tick was to tell is out.
    EndTick {
        tick: TickIndex,
    },
    /// Those who view all of a topic have been sent what they are shown from now on.
    KnowTopic {
        topic: TopicIndex,
    },
    Occupied {
        topic: TopicIndex,
    },
    Vacated {
        topic: TopicIndex,
    },
    /// Nobody is in a topic any more, or is to be: what is kept of it can go.
    ForgetTopic {
        topic: TopicIndex,
    },
    /// What another node says of a user is to be gone on with.
    RemoteUpdate,
}

/// Slots that a decision lends as they lie in a channel.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lent {
    pub(super) channel: ChannelIndex,
    pub(super) from: u32,
    pub(super) end: u32,
}

/// The steps, and the buffers they refer to. All of it is empty between a drain and the next verb;
/// the memory stays.
pub(crate) struct Plan<P> {
    steps: Vec<Step>,
    /// The number of them that are done.
    done: usize,
    /// Receivers named one by one.
    pub(super) named: Vec<SessionIndex>,
    /// Sessions that are over for those who are told that a user looks offline.
    ended: Vec<SessionId>,
    /// What is said by a directed or system notice.
    said: Option<P>,
    /// Presences that are over. Dropping one runs the host's code, which may panic, so it is
    /// done when everything is in order, and before anyone is told.
    dropped: Vec<P>,
    /// The number of the last notice.
    number: u64,
    /// No notice at hand has a smaller number.
    least_number: u64,
    /// What the call at hand has gone over without a decision so far: deadlines, and entries of
    /// lists.
    pub(super) gone_over: usize,
    /// The notice that is being told.
    pub(super) current: FanOut,
    /// The receivers of the decision that is being made.
    pub(super) receivers: Receivers,
    /// How far the current fan-out has come in the channel of those who watch, once it has begun.
    pub(super) watchers: Option<Watchers>,
    /// Whose slots the decision at hand lends instead.
    pub(super) lent: Option<Lent>,
    /// Contacts whose sessions must be looked at one by one.
    pub(super) unusual: Vec<User>,
    /// Receivers found that wait for room in a decision.
    pub(super) spilled: Vec<Slot>,
    /// The entries of the snapshot that is being made.
    pub(super) entries: Vec<SessionIndex>,
    /// The notice about a topic that is being told.
    pub(super) current_topic: (TopicIndex, TopicSubject, u64),
    /// The entries of the snapshot of a topic that is being made.
    pub(super) members: Vec<MembershipIndex>,
    /// Those whom its receiver names, by the numbers of their seats.
    pub(super) by_seat: Vec<(u64, User)>,
    /// What the changes say that are being told.
    pub(super) changes: Vec<ChangeOf>,
    /// Those in topics who are told changes each for itself.
    pub(super) lookers: Vec<MembershipIndex>,
}

impl<P> Default for Plan<P> {
    fn default() -> Self {
        Self {
            steps: Vec::new(),
            done: 0,
            named: Vec::new(),
            ended: Vec::new(),
            said: None,
            dropped: Vec::new(),
            number: 0,
            least_number: 0,
            gone_over: 0,
            current: FanOut::of(Subject::System),
            receivers: Receivers::default(),
            watchers: None,
            lent: None,
            unusual: Vec::new(),
            spilled: Vec::new(),
            entries: Vec::new(),
            current_topic: (TopicIndex(0), TopicSubject::NONE, 0),
            members: Vec::new(),
            by_seat: Vec::new(),
            changes: Vec::new(),
            lookers: Vec::new(),
        }
    }
}

impl<P> Plan<P> {
    // ---- what the rules leave to be told

    /// Adds something to do after all that is to be done already.
    pub(crate) fn push_step(&mut self, step: Step) {
        self.steps.push(step);
    }

    /// Takes back that it has to be worked out who speaks for the user at a place, if it has to be,
    /// and returns the session that shows something new, if one was named.
    pub(crate) fn take_back_speaking(&mut self, place: Place) -> Option<Option<SessionIndex>> {
        self.steps[self.done..].iter_mut().rev().find_map(|step| match *step {
            Step::Speak { place: of, published } if of == place => {
                *step = Step::Pass;
                Some(published)
            }
            _ => None,
        })
    }

    /// Has the host hear of ends after all else that is to be told by now (rule 19).
    pub(crate) fn report_ends_last(&mut self) {
        for at in self.done..self.steps.len() {
            if let Step::ReportEnd(end) = self.steps[at] {
                self.steps[at] = Step::Pass;
                self.push_step(Step::ReportEnd(end));
            }
        }
    }

    pub(crate) fn close(&mut self, session: SessionKey, reason: CloseReason, resumable: bool) {
        self.push_step(Step::Close { session, reason, resumable });
    }

    pub(crate) fn tell(&mut self, fan_out: FanOut) {
        self.push_step(Step::FanOut(fan_out));
    }

    /// Sends a session everything that it may see.
    pub(crate) fn send_snapshot(&mut self, to: SessionIndex) {
        self.push_step(Step::Snapshot(SnapshotOf::begin(to, false)));
    }

    /// Sends a session what it may see of the users whom the input names.
    pub(crate) fn send_snapshot_of_named(&mut self, to: SessionIndex) {
        self.push_step(Step::Snapshot(SnapshotOf::begin(to, true)));
    }

    /// Names a receiver.
    pub(crate) fn name_receiver(&mut self, receiver: SessionIndex) {
        self.named.push(receiver);
    }

    /// Returns where the next receiver that is named will stand.
    pub(crate) fn named_len(&self) -> usize {
        self.named.len()
    }

    /// Returns those named from there on.
    pub(crate) fn named_since(&self, from: usize) -> Span {
        Span { from: from as u32, to: self.named.len() as u32 }
    }

    pub(crate) fn named(&self, named: Span) -> &[SessionIndex] {
        &self.named[named.range()]
    }

    /// Names everyone named from there on only once.
    pub(crate) fn make_named_set(&mut self, from: usize) {
        let added = &mut self.named[from..];
        added.sort_unstable();
        let mut kept = from;
        for nth in from..self.named.len() {
            if nth == from || self.named[nth] != self.named[kept - 1] {
                self.named[kept] = self.named[nth];
                kept += 1;
            }
        }
        self.named.truncate(kept);
    }

    /// Lists these as sessions that are over.
    #[inline]
    pub(crate) fn list_ended(&mut self, sessions: impl IntoIterator<Item = SessionId>) -> Span {
        let from = self.ended.len() as u32;
        for session in sessions {
            self.ended.push(session);
        }
        Span { from, to: self.ended.len() as u32 }
    }

    pub(crate) fn ended(&self, ended: Span) -> &[SessionId] {
        &self.ended[ended.range()]
    }

    /// Keeps what a directed or system notice says until it is out.
    pub(crate) fn say(&mut self, presence: P) {
        self.said = Some(presence);
    }

    pub(crate) const fn said(&self) -> Option<&P> {
        self.said.as_ref()
    }

    /// Drops a presence, if there is one, when everything is in order.
    #[inline]
    pub(crate) fn drop_later(&mut self, presence: Option<P>) {
        if let Some(presence) = presence {
            self.dropped.push(presence);
        }
    }

    // ---- what the drain does with it

    /// Returns the current step.
    pub(crate) fn step(&self) -> Option<&Step> {
        self.steps.get(self.done)
    }

    /// Replaces the current step by what is left of it.
    pub(crate) fn replace_step(&mut self, step: Step) {
        if let Some(current) = self.steps.get_mut(self.done) {
            *current = step;
        }
    }

    /// Completes the current step.
    pub(crate) fn complete_step(&mut self) {
        self.done += 1;
        if self.done == self.steps.len() {
            self.steps.clear();
            self.done = 0;
            // Nothing refers to them any more, and however much follows need not pile up.
            self.named.clear();
            self.ended.clear();
            self.lookers.clear();
        }
    }

    // ---- how long a call is

    /// Begins a call for the next decision.
    #[inline]
    pub(crate) const fn begin_call(&mut self) {
        self.gone_over = 0;
    }

    /// Notes that so many entries have been gone over, or deadlines have fired.
    #[inline]
    pub(crate) const fn go_over(&mut self, entries: usize) {
        self.gone_over = self.gone_over.saturating_add(entries);
    }

    /// Returns how many the call at hand has gone over.
    pub(crate) const fn gone_over(&self) -> usize {
        self.gone_over
    }

    // ---- numbers

    /// Sets the moment from which notices have their numbers, which say no more than it: so many
    /// milliseconds after the engine's first input.
    pub(crate) fn set_moment(&mut self, millis: u64) {
        self.least_number = millis.saturating_mul(NUMBERS_PER_MS);
    }

    /// Returns the number of the next notice.
    pub(super) fn next_number(&mut self) -> u64 {
        self.number = self.least_number.max(self.number.saturating_add(1));
        self.number
    }

    /// Returns the receivers of the decision at hand: perhaps some who stand in one of these
    /// channels, which are those of topics if it is about one.
    pub(crate) fn to<'a, E: Copy>(&'a self, channels: &'a Channels<E>) -> &'a [Slot] {
        match self.lent {
            Some(Lent { channel, from, end }) => {
                channels.slots(channel, from as usize, end as usize)
            }
            None => self.receivers.as_slice(),
        }
    }

    /// Returns the entries of the snapshot at hand.
    pub(crate) fn entries(&self) -> &[SessionIndex] {
        &self.entries
    }

    /// Returns what the notice at hand is about, and its number.
    pub(crate) const fn current(&self) -> (Subject, u64) {
        (self.current.subject, self.current.id)
    }

    /// Gives memory back. Numbers go on.
    pub(crate) fn shrink_to_fit(&mut self) {
        let (number, least_number) = (self.number, self.least_number);
        *self = Self { number, least_number, ..Self::default() };
    }

    // ---- the end of an input

    pub(crate) fn is_done(&self) -> bool {
        let nothing_said = self.said.is_none() && self.dropped.is_empty();
        let nobody_named =
            self.named.is_empty() && self.ended.is_empty() && self.lookers.is_empty();
        self.steps.len() == self.done && nothing_said && nobody_named
    }

    /// Forgets what was left to be told.
    pub(crate) fn clear(&mut self) {
        self.steps.clear();
        self.done = 0;
        self.named.clear();
        self.ended.clear();
        self.lookers.clear();
        self.unusual.clear();
        self.spilled.clear();
        self.watchers = None;
        // Those that were found for a decision that nobody took must not hear of anything else.
        self.receivers.clear();
        self.dropped.extend(self.said.take());
    }

    /// Drops the presences that are over: runs the host's code, which may panic.
    pub(crate) fn drop_presences(&mut self) {
        if !self.dropped.is_empty() {
            self.dropped.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_given_back_and_numbers_go_on() {
        let mut plan = Plan::<u32>::default();
        plan.set_moment(7);
        (0..1_000).for_each(|_| plan.push_step(Step::Pass));
        plan.clear();
        plan.shrink_to_fit();
        assert_eq!(plan.steps.capacity(), 0);
        let number = plan.next_number();
        assert_eq!(number, 7 * NUMBERS_PER_MS);
        plan.shrink_to_fit();
        assert_eq!(plan.next_number(), number + 1);
    }
}
