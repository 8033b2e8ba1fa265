//! What those in a topic are told of each other: at once, or gathered by a tick (rules T1 to T3,
//! T8, T9, T9a, T10 and T11).

use crate::error::Error;
use crate::fanout::plan::Step;
use crate::fanout::topic_steps::{
    Except, SnapshotTo, TopicFanOut, TopicSnapshotOf, TopicSubject, Viewers,
};
use crate::fanout::topics::is_excluded;
use crate::reason::LeaveReason;
use crate::rules::State;
use crate::tables::ids::{MembershipIndex, TickIndex, TopicIndex, User};
use crate::tables::topics::{EndedMember, Group, Mark, Seats};
use crate::topic::{TopicOptions, View};
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    // ---- how a topic behaves

    pub(crate) fn topic_options_of(&self, topic: TopicIndex) -> &TopicOptions {
        self.tables.topics().options(topic, &self.options.topics)
    }

    /// Returns whether these are told by the slow tick.
    pub(super) fn is_slow(&self, topic: TopicIndex, group: &Group) -> bool {
        let is_large = self.tables.topics().topic(topic).is_large;
        let hides = self.tables.topics().hides(topic);
        !hides && (group.is_personal || group.view != View::All || is_large)
    }

    /// Returns what those with this view are shown, who are told anything.
    pub(super) fn served(&self, topic: TopicIndex, view: View) -> View {
        if self.tables.topics().hides(topic) {
            View::All
        } else if view == View::All && self.tables.topics().topic(topic).is_large {
            View::Sample(self.topic_options_of(topic).sample)
        } else {
            view
        }
    }

    /// Returns whether those who view all are told each change at once.
    pub(super) fn is_live(&self, topic: TopicIndex) -> bool {
        let is_large = self.tables.topics().topic(topic).is_large;
        !is_large && self.topic_options_of(topic).coalesce_ms == 0
    }

    pub(super) fn group(&self, topic: TopicIndex, at: usize) -> Option<Group> {
        self.tables.topics().topic(topic).groups.get(at).copied()
    }

    /// Returns whether anybody is told of every change of a member.
    pub(super) fn any_of_all(&self, topic: TopicIndex) -> bool {
        let hides = self.tables.topics().hides(topic);
        self.tables.topics().topic(topic).groups.iter().any(|group| group.is_of_all(hides))
    }

    /// Returns whether those who view all are told by the fast tick.
    pub(super) fn is_fast(&self, topic: TopicIndex) -> bool {
        !self.is_live(topic) && !self.tables.topics().topic(topic).is_large
    }

    /// Returns the group in which somebody is.
    fn group_of(&self, topic: TopicIndex, membership: MembershipIndex) -> Option<(usize, Group)> {
        let (channel, _) = self.tables.topics().channels().channel_and_place(membership);
        let groups = &self.tables.topics().topic(topic).groups;
        let at = groups.iter().position(|group| group.channel == channel)?;
        Some((at, groups[at]))
    }

    /// Returns whether anybody is told by the slow tick, and up to which number the seats are known
    /// to anybody of them.
    fn slow_viewers(&self, topic: TopicIndex) -> Option<u64> {
        let groups = self.tables.topics().topic(topic).groups.iter();
        let slow = groups.filter(|group| group.is_told() && self.is_slow(topic, group));
        slow.map(|group| group.known_to).max()
    }

    pub(super) fn tell_topic(&mut self, fan_out: TopicFanOut) {
        self.plan.push_step(Step::TellTopic(fan_out));
    }

    /// Returns a notice about a user, of which those are not told from whom blocks hide that one.
    pub(super) fn notice_of(
        &self,
        topic: TopicIndex,
        user: User,
        subject: TopicSubject,
    ) -> TopicFanOut {
        let may_hide = self.tables.topics().hides(topic) && self.tables.has_blocks(user);
        TopicFanOut::of(topic, subject).hiding(may_hide.then_some(user))
    }

    /// Tells those who view a topic so, and marks it for those of them who are congested.
    pub(super) fn tell_or_mark(&mut self, fan_out: TopicFanOut, viewers: Viewers, except: Except) {
        self.tell_topic(fan_out.to(viewers, except));
        self.mark_viewers(fan_out, viewers, except);
    }

    /// Marks a topic for those of its viewers who are congested, who would be told this.
    pub(super) fn mark_viewers(&mut self, fan_out: TopicFanOut, viewers: Viewers, except: Except) {
        let (topic, hidden) = fan_out.topic_and_hidden();
        let hides = self.tables.topics().hides(topic);
        let is_told = |tables: &_, session| !is_excluded(tables, (except, hidden), session);
        for at in 0..self.tables.topics().topic(topic).groups.len() {
            if viewers.have(&self.tables.topics().topic(topic).groups[at], hides) {
                self.go_over_congested(topic, at);
                self.tables.mark_dirty(topic, at, is_told);
            }
        }
    }

    /// Marks the topic for those of a group who are congested.
    pub(super) fn mark_dirty(&mut self, topic: TopicIndex, group: usize) {
        self.go_over_congested(topic, group);
        self.tables.mark_dirty(topic, group, |_, _| true);
    }

    /// Returns who is not told of a change of a member, besides those who are anyway.
    fn except(&self, membership: MembershipIndex, except: Except) -> Except {
        if self.options.own_echo { except } else { Except::User(self.tables.user_in(membership)) }
    }

    // ---- a member changes

    /// Tells that a session has come to be shown as a member, as its user's first one or not.
    pub(super) fn tell_new(
        &mut self,
        topic: TopicIndex,
        membership: MembershipIndex,
        is_first: bool,
        except: Except,
    ) {
        let users = self.tables.topics().topic(topic).counts.users;
        if self.is_live(topic) && self.topic_options_of(topic).is_large(users, false) {
            self.note_arrival(topic, membership);
            // This one is too many: all who view all are told that anew, this one included.
            self.set_large(topic, true);
        } else {
            self.note_arrival(topic, membership);
            let subject = match is_first {
                true => TopicSubject::Joined { membership },
                false => TopicSubject::Member { membership, first: true },
            };
            self.tell_shown(topic, membership, (subject, except), true);
        }
        self.tell_slowly(topic, membership, true);
    }

    /// Notes that those whom the slow tick tells do not know a session before.
    fn note_arrival(&mut self, topic: TopicIndex, membership: MembershipIndex) {
        if self.slow_viewers(topic).is_some() {
            if self.is_fast(topic) && self.any_of_all(topic) {
                self.arm_tick(topic, false);
            }
            self.arm_tick(topic, true);
            self.tables.topics_mut().arrive(topic, membership);
        }
    }

    /// Tells that a member shows something else.
    pub(super) fn tell_updated(&mut self, topic: TopicIndex, membership: MembershipIndex) {
        if self.tables.topics().is(membership, Mark::Shown) {
            let own = self.tables.sessions_of(self.tables.user_in(membership)).len();
            self.plan.go_over(self.tables.topics().topic(topic).groups.len() + own);
            let subject = TopicSubject::Member { membership, first: false };
            self.tell_shown(topic, membership, (subject, Except::Nobody), false);
            self.tell_slowly(topic, membership, false);
        }
    }

    /// Tells those who are shown all: at once, or at the next tick.
    fn tell_shown(
        &mut self,
        topic: TopicIndex,
        membership: MembershipIndex,
        (subject, except): (TopicSubject, Except),
        is_new: bool,
    ) {
        if !self.any_of_all(topic) {
            return;
        }
        if self.is_live(topic) {
            let notice = self.notice_of(topic, self.tables.user_in(membership), subject);
            let except = self.except(membership, except);
            self.tell_or_mark(notice, Viewers::OfAll, except);
        } else if self.is_fast(topic) {
            self.note_changed(topic, membership, false, is_new);
        }
    }

    /// Has the slow tick tell what concerns those whom it tells.
    fn tell_slowly(&mut self, topic: TopicIndex, membership: MembershipIndex, is_new: bool) {
        let Some(known_to) = self.slow_viewers(topic) else { return };
        let user = self.tables.user_in(membership);
        let number = self.tables.seat_of(topic, user);
        let is_named = self.tables.topics().is_named(topic, user);
        if is_named || number.is_some_and(|number| number <= known_to) {
            self.note_changed(topic, membership, true, false);
        }
        if is_new {
            self.arm_tick(topic, true);
        }
    }

    /// Notes that only how many there are has changed.
    pub(super) fn touch_counts(&mut self, topic: TopicIndex) {
        if self.slow_viewers(topic).is_some() {
            self.arm_tick(topic, true);
        }
    }

    /// Tells that a session is no longer shown as a member: `seat` says whether it was its user's
    /// last one, and the number of the user's seat.
    pub(super) fn tell_ended(
        &mut self,
        topic: TopicIndex,
        membership: MembershipIndex,
        (is_last, number): (bool, u64),
        (reason, quiet): (LeaveReason, bool),
    ) {
        let user = self.tables.user_in(membership);
        let gone = |state: &Self| {
            let session = state.tables.sessions().id(state.tables.session_in(membership));
            EndedMember { user, session, number, reason, is_new_to_others: false, order: 0 }
        };
        if self.any_of_all(topic) {
            let is_new = self.tables.topics().is(membership, Mark::New);
            if self.is_fast(topic) {
                self.note_ended(topic, gone(self), false, is_new);
            } else if self.is_live(topic) && (is_last || !quiet) {
                let subject = match is_last {
                    true => TopicSubject::Left { user, reason },
                    false => TopicSubject::SessionEnded { user, session: gone(self).session },
                };
                let except = self.except(membership, Except::Nobody);
                self.tell_or_mark(self.notice_of(topic, user, subject), Viewers::OfAll, except);
            }
        }
        if let Some(known_to) = self.slow_viewers(topic) {
            self.arm_tick(topic, true);
            if number <= known_to || self.tables.topics().is_named(topic, user) {
                let (is_new, all_know) = self.tables.topics().arrival(topic, membership);
                let gone = EndedMember { is_new_to_others: is_new, ..gone(self) };
                self.note_ended(topic, gone, true, is_new && !all_know);
            }
        }
    }

    // ---- what everybody is told anew

    /// Says whether a topic is so large that those who view all are served a sample, and tells them
    /// what they are shown from now on.
    pub(super) fn set_large(&mut self, topic: TopicIndex, is_large: bool) {
        self.tables.topics_mut().topic_mut(topic).is_large = is_large;
        self.tell_all_anew(topic, |group| group.view == View::All);
        // The same input may show others there, or have some leave, before that is told.
        self.plan.push_step(Step::KnowTopic { topic });
    }

    /// Notes that those who view all know the topic as it is now, by a snapshot.
    pub(super) fn know_topic(&mut self, topic: TopicIndex) {
        self.tables.topics_mut().tell_to_all(topic);
        let (mut at, mut seats) = (0, Seats::default());
        while let Some(group) = self.group(topic, at) {
            if group.view == View::All {
                self.note_known(topic, (at, group), &mut seats);
            }
            at += 1;
        }
    }

    /// Tells those of some groups what they are shown from now on.
    fn tell_all_anew(&mut self, topic: TopicIndex, are_told: fn(&Group) -> bool) {
        // They are told of whoever has come and gone so far.
        self.tables.topics_mut().tell_to_all(topic);
        let (mut at, mut seats) = (0, Seats::default());
        while let Some(group) = self.group(topic, at) {
            if are_told(&group) {
                self.know(topic, at, &mut seats);
                self.mark_dirty(topic, at);
                self.tell_anew(topic, group);
            }
            at += 1;
        }
    }

    /// Tells all those of one view what the topic is like.
    fn tell_anew(&mut self, topic: TopicIndex, group: Group) {
        let (view, channel) = (self.served(topic, group.view), group.channel);
        let receiving = self.tables.topics().channels().receiving(channel);
        let hides = self.tables.topics().hides(topic);
        let is_live = group.is_of_all(hides) && self.is_live(topic);
        let without_own = is_live && !self.options.own_echo;
        if group.is_personal || hides || without_own {
            self.plan.send_each(topic, view, (channel, 0, receiving as u32), without_own);
        } else if receiving > 0 {
            let to = SnapshotTo::Receiving(channel);
            self.plan.push_step(Step::TopicSnapshot(TopicSnapshotOf::begin(topic, view, to, None)));
        }
    }

    // ---- snapshots

    /// Tells somebody who has joined what the topic is like: now, or with all who join before the
    /// next tick.
    pub(super) fn welcome(&mut self, topic: TopicIndex, membership: MembershipIndex) {
        let Some((_, group)) = self.group_of(topic, membership) else { return };
        if !group.is_told() {
            self.tables.seat_in_topic(membership, false);
        } else if self.is_congested_in(membership) {
            self.tables.topics_mut().set_dirty(membership, true);
            self.tables.seat_in_topic(membership, false);
        } else if group.is_of_all(self.tables.topics().hides(topic)) && self.is_live(topic) {
            self.send_topic(topic, membership);
        } else {
            self.arm_tick(topic, self.is_slow(topic, &group));
            self.tables.seat_in_topic(membership, true);
        }
    }

    /// Sends somebody what the topic is like now. If there is a tick to come it is told all once
    /// more then, because what it has learned now is not what the others know.
    pub(super) fn send_topic(&mut self, topic: TopicIndex, membership: MembershipIndex) {
        let Some((_, group)) = self.group_of(topic, membership) else { return };
        if !group.is_told() {
            return self.tables.seat_in_topic(membership, false);
        }
        let session = self.tables.session_in(membership);
        let user = self.tables.sessions().user(session);
        let is_live = group.is_of_all(self.tables.topics().hides(topic)) && self.is_live(topic);
        let without = (is_live && !self.options.own_echo).then_some(user);
        let (served, to) = (self.served(topic, group.view), SnapshotTo::One(session));
        let snapshot = TopicSnapshotOf::begin(topic, served, to, without);
        self.plan.push_step(Step::TopicSnapshot(snapshot));
        let tick = TickIndex::of(topic, self.is_slow(topic, &group));
        let arrives = self.ticks.deadline(tick).is_some();
        self.tables.seat_in_topic(membership, arrives);
        self.tables.note_told(membership);
    }

    /// Notes that somebody has got a view: if it is the first who has it, what those with that view
    /// know of the topic begins here.
    pub(super) fn begin_view(&mut self, topic: TopicIndex, membership: MembershipIndex) {
        if let Some((at, group)) = self.group_of(topic, membership)
            && self.tables.topics().channels().len(group.channel) == 1
        {
            self.know(topic, at, &mut Seats::default());
        }
    }

    // ---- options of one topic

    pub(crate) fn topic_options<T>(&mut self, topic: &T, options: TopicOptions) -> Result<(), Error>
    where
        K: Borrow<T>,
        T: Eq + Hash + ?Sized,
    {
        if let Some((option, value, min, max)) = options.out_of_range() {
            return Err(Error::TopicOptions { option, value, min, max });
        }
        let topic = self.tables.find_topic(topic).ok_or(Error::UnknownTopic)?;
        // Each of so many would be sent all the others by itself.
        let limit = options.full_up_to;
        if options.hides() && self.tables.topics().topic(topic).counts.users > limit {
            return Err(Error::MemberLimit { limit });
        }
        let (before, was_live) = (*self.topic_options_of(topic), self.is_live(topic));
        self.tables.topics_mut().set_options(topic, options);
        let record = self.tables.topics().topic(topic);
        let (was_large, users) = (record.is_large, record.counts.users);
        let is_large = options.is_large(users, was_large);
        self.tables.topics_mut().topic_mut(topic).is_large = is_large;
        let is_shown_else = is_large && options.sample != before.sample;
        if options.blocks != before.blocks {
            // Whoever is told anything is served otherwise, and by no tick any more, or again.
            self.tell_all_anew(topic, Group::is_told);
            for is_slow in [false, true] {
                self.ticks.disarm(TickIndex::of(topic, is_slow));
                self.tables.clear_pending(topic, is_slow);
            }
        } else if is_large != was_large || is_shown_else || self.is_live(topic) != was_live {
            self.set_large(topic, is_large);
            // All whom the fast tick was to tell have been told everything.
            self.ticks.disarm(TickIndex::of(topic, false));
            self.tables.clear_pending(topic, false);
        }
        Ok(())
    }
}
