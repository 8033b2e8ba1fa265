//! Who is in a topic, and how that changes with a session's connection or end, a user's visibility
//! and what it publishes (rules T1, T4 to T6 and T11 to T14).

use crate::error::Error;
use crate::fanout::deliveries::Delivery;
use crate::fanout::plan::Step;
use crate::fanout::topic_steps::{Closing, Except, TopicFanOut, TopicSubject};
use crate::key::{SessionKey, TopicKey};
use crate::reason::EndReason;
use crate::reason::{LeaveReason, TopicClosing};
use crate::rules::State;
use crate::tables::ids::{MembershipIndex, Place, SessionIndex, TickIndex, TopicIndex};
use crate::tables::sessions::Link;
use crate::tables::topics::Mark;
use crate::topic::Join;
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    // ---- the verbs

    pub(crate) fn join(
        &mut self,
        key: SessionKey,
        name: K,
        join: Join<P>,
    ) -> Result<TopicKey, Error> {
        let session = self.attached(key)?;
        let found = self.tables.find_topic(&name);
        let is_member = matches!(join, Join::Member { .. });
        self.check_join(session, found, is_member)?;
        let topic = match found {
            Some(topic) => {
                self.tables.spell_topic(topic, name);
                topic
            }
            None => self.open_topic(name)?,
        };
        self.renew_lease(session);
        let view = join.view();
        let membership = self.tables.join_topic(session, topic, is_member, view);
        self.begin_view(topic, membership);
        if let Join::Member { presence: Some(presence), .. } = join {
            self.tables.set_own_presence(membership, presence);
        }
        if self.tables.is_visible_at(self.tables.sessions().place(session)) {
            self.show_member(topic, membership, Except::Session(session));
        }
        self.welcome(topic, membership);
        self.tables.topics().key(topic).ok_or(Error::UnknownTopic)
    }

    /// Opens a topic that nobody is in.
    pub(super) fn open_topic(&mut self, name: K) -> Result<TopicIndex, Error> {
        let topic = self.tables.open_topic(name, &self.options.topics)?;
        self.plan.push_step(Step::Occupied { topic });
        Ok(topic)
    }

    /// Checks that a session may join a topic, which may not be there yet.
    fn check_join(
        &self,
        session: SessionIndex,
        topic: Option<TopicIndex>,
        is_member: bool,
    ) -> Result<(), Error> {
        let (tables, limit) = (&self.tables, self.options.max_topics);
        let (is_in, topics) = tables.count_topics(session, topic);
        if let Some(topic) = topic.filter(|_| is_in)
            && let Some(topic) = tables.topics().key(topic)
        {
            return Err(Error::AlreadyJoined { topic });
        }
        if topics >= limit as usize {
            return Err(Error::TopicLimit { limit });
        }
        let place = tables.sessions().place(session);
        // Whoever is invisible counts towards no limit.
        let Some(topic) = topic.filter(|_| is_member && tables.is_visible_at(place)) else {
            return Ok(());
        };
        let limit = self.topic_options_of(topic).most_members();
        let is_full = tables.topics().topic(topic).counts.users >= limit;
        if !is_full || tables.shown_at(topic, place).next().is_some() {
            return Ok(());
        }
        // Those whom blocks hide from it count no more than others who are not there.
        let user = tables.sessions().user(session);
        let viewer = (tables.topics().hides(topic) && tables.has_blocks(user)).then_some(user);
        match tables.counts_for(topic, viewer).users >= limit {
            true => Err(Error::MemberLimit { limit }),
            false => Ok(()),
        }
    }

    pub(crate) fn leave(&mut self, key: SessionKey, topic: TopicKey) -> Result<(), Error> {
        let (session, topic, membership) = self.in_topic(key, topic)?;
        self.renew_lease(session);
        self.take_out(topic, membership, LeaveReason::Left, false);
        Ok(())
    }

    /// Takes all sessions of a user out of a topic.
    pub(crate) fn remove_from_topic<T, Q>(&mut self, topic: &T, user: &Q)
    where
        K: Borrow<T> + Borrow<Q>,
        T: Eq + Hash + ?Sized,
        Q: Eq + Hash + ?Sized,
    {
        let Some(topic) = self.tables.find_topic(topic) else { return };
        let Some(user) = self.tables.find_online(user) else { return };
        let from = self.plan.named_len();
        for at in 0..self.tables.sessions_of(user).len() {
            let session = self.tables.sessions_of(user)[at];
            if self.tables.membership_in(session, topic).is_some()
                && self.tables.receives_or(session, |tables| tables.note_everything(session))
            {
                self.plan.name_receiver(session);
            }
        }
        let closed = TopicSubject::Closed { reason: TopicClosing::Removed };
        let named = self.plan.named_since(from);
        if !named.is_empty() {
            self.tell_topic(TopicFanOut::of(topic, closed).to_named(named));
        }
        for at in 0..self.tables.sessions_of(user).len() {
            let session = self.tables.sessions_of(user)[at];
            if let Some(membership) = self.tables.membership_in(session, topic) {
                self.take_out(topic, membership, LeaveReason::Removed, true);
            }
        }
    }

    /// Closes a topic to everybody.
    pub(crate) fn close_topic<T>(&mut self, topic: &T)
    where
        K: Borrow<T>,
        T: Eq + Hash + ?Sized,
    {
        let Some(topic) = self.tables.find_topic(topic) else { return };
        self.plan.push_step(Step::CloseTopic(Closing::of(topic)));
        self.vacate(topic);
    }

    /// Works on the closing of a topic, which is the step to do now, until it gives a decision.
    /// Those who have been told are taken out first.
    pub(crate) fn next_closing(&mut self, of: Closing) -> Option<Delivery> {
        match of.has_begun {
            true => self.forget_closed(of.topic),
            false => self.plan.begin_closing(of),
        }
        while let Some(told) = self.plan.tell_closing(&self.tables, &mut self.stats) {
            if told > 0 {
                return Some(Delivery::Deliver);
            }
            self.forget_closed(of.topic);
        }
        self.plan.complete_step();
        None
    }

    fn forget_closed(&mut self, topic: TopicIndex) {
        while let Some(membership) = self.plan.take_closed() {
            self.forget_hidden(topic, membership);
        }
        self.clean_up();
    }

    /// Has a topic be forgotten that nobody is in any more, or will be when all is told.
    fn vacate(&mut self, topic: TopicIndex) {
        self.plan.push_step(Step::Vacated { topic });
        self.plan.push_step(Step::ForgetTopic { topic });
    }

    /// Forgets a topic, and takes those out of it who are still there.
    pub(super) fn forget_topic(&mut self, topic: TopicIndex) {
        while let Some((_, membership)) = self.tables.anybody_in(topic) {
            self.forget_hidden(topic, membership);
        }
        for is_slow in [false, true] {
            self.ticks.disarm(TickIndex::of(topic, is_slow));
            self.tables.clear_pending(topic, is_slow);
        }
        self.tables.close_topic(topic);
    }

    // ---- what they share

    /// Returns the session of a key, which must be attached, the topic, and what it is there.
    pub(super) fn in_topic(
        &self,
        key: SessionKey,
        topic: TopicKey,
    ) -> Result<(SessionIndex, TopicIndex, MembershipIndex), Error> {
        let session = self.attached(key)?;
        let topic = self.tables.topics().find_key(topic).ok_or(Error::UnknownTopic)?;
        let membership = self.tables.membership_in(session, topic).ok_or(Error::UnknownTopic)?;
        Ok((session, topic, membership))
    }

    /// Returns the same of a member.
    pub(super) fn member_of(
        &self,
        key: SessionKey,
        topic: TopicKey,
    ) -> Result<(SessionIndex, TopicIndex, MembershipIndex), Error> {
        let found = self.in_topic(key, topic)?;
        let is_member = self.tables.topics().is(found.2, Mark::Member);
        if is_member { Ok(found) } else { Err(Error::NotMember) }
    }

    /// Shows somebody in a topic and tells the others.
    pub(super) fn show_member(
        &mut self,
        topic: TopicIndex,
        membership: MembershipIndex,
        except: Except,
    ) {
        let is_first = self.tables.show_in_topic(topic, membership);
        if self.tables.topics().is(membership, Mark::Member) {
            self.tell_new(topic, membership, is_first, except);
        } else {
            self.touch_counts(topic);
        }
    }

    /// Shows somebody in a topic no more and tells the others; if `quiet`, only when it is the last
    /// session of its user there, because the others go too.
    fn hide_member(
        &mut self,
        topic: TopicIndex,
        membership: MembershipIndex,
        reason: LeaveReason,
        quiet: bool,
    ) {
        match self.tables.hide_in_topic(topic, membership) {
            Some(seat) => self.tell_ended(topic, membership, seat, (reason, quiet)),
            None => self.touch_counts(topic),
        }
        self.tables.topics_mut().unmark(membership, Mark::New);
    }

    /// Takes somebody out of a topic and tells the others.
    pub(super) fn take_out(
        &mut self,
        topic: TopicIndex,
        membership: MembershipIndex,
        reason: LeaveReason,
        quiet: bool,
    ) {
        let is_shown = self.tables.topics().is(membership, Mark::Shown);
        if is_shown || !quiet {
            // What is not shown only the others of its user have heard.
            self.end_said(topic, membership, true);
        }
        if is_shown {
            self.hide_member(topic, membership, reason, quiet);
        }
        self.forget_member(topic, membership);
        if self.tables.topics().topic(topic).is_empty() {
            self.vacate(topic);
        }
    }

    /// Takes somebody out of a topic of which nobody is told anything any more. Who is congested
    /// has not heard that it is closed.
    fn forget_hidden(&mut self, topic: TopicIndex, membership: MembershipIndex) {
        if self.is_congested_in(membership) {
            self.tables.note_everything(self.tables.session_in(membership));
        }
        if self.tables.topics().is(membership, Mark::Shown) {
            self.tables.hide_in_topic(topic, membership);
        }
        self.forget_member(topic, membership);
    }

    /// Forgets what somebody is in a topic.
    fn forget_member(&mut self, topic: TopicIndex, membership: MembershipIndex) {
        let Some(own) = self.tables.leave_topic(topic, membership) else { return };
        self.plan.drop_later(own.presence);
        for expiry in [own.said_until, own.update].into_iter().flatten() {
            let expiry = self.expiries.remove(expiry);
            self.plan.drop_later(expiry.and_then(|expiry| expiry.then));
        }
    }

    // ---- what becomes of a session, or a user

    /// Has a session that ends leave its topics; if `quiet`, those of its user go too.
    #[inline]
    pub(super) fn leave_topics(
        &mut self,
        (place, session): (Place, SessionIndex),
        reason: EndReason,
        quiet: bool,
    ) {
        if self.tables.is_in_topics_at(place) {
            self.leave_each(session, reason, quiet);
        }
    }

    #[cold]
    fn leave_each(&mut self, session: SessionIndex, reason: EndReason, quiet: bool) {
        while let Some(membership) = self.tables.topics().first_of(session) {
            let topic = self.tables.topics().topic_of(membership);
            self.take_out(topic, membership, LeaveReason::Ended(reason), quiet);
        }
    }

    /// Hides the user at this place, who is invisible from now on: to others that must look like a
    /// logout.
    pub(super) fn hide_in_topics(&mut self, place: Place) {
        self.for_topics_at(place, |state, topic, membership| {
            state.end_said(topic, membership, true);
            let reason = LeaveReason::Ended(EndReason::Disconnected);
            state.hide_member(topic, membership, reason, true);
        });
    }

    /// Shows the user at this place, who is visible again.
    pub(super) fn show_in_topics(&mut self, place: Place) {
        self.for_topics_at(place, |state, topic, membership| {
            state.end_said(topic, membership, false);
            state.show_member(topic, membership, Except::Nobody);
        });
    }

    pub(super) fn for_topics_at(
        &mut self,
        place: Place,
        mut each: impl FnMut(&mut Self, TopicIndex, MembershipIndex),
    ) {
        if !self.tables.is_in_topics_at(place) {
            return;
        }
        for nth in 0..self.tables.sessions_at(place).len() {
            let session = self.tables.sessions_at(place)[nth];
            let mut next = self.tables.topics().first_of(session);
            while let Some(membership) = next {
                each(self, self.tables.topics().topic_of(membership), membership);
                next = self.tables.topics().next_of(membership);
            }
        }
    }

    /// Tells the topics in which a session shows what it publishes that this has changed.
    #[cold]
    pub(super) fn tell_published(&mut self, session: SessionIndex) {
        let mut next = self.tables.topics().first_of(session);
        while let Some(membership) = next {
            self.plan.go_over(1);
            if self.tables.shows_published(membership) {
                self.tell_updated(self.tables.topics().topic_of(membership), membership);
            }
            next = self.tables.topics().next_of(membership);
        }
    }

    /// Sends a session that takes notices again what it missed of its topics: of all, if it is told
    /// everything anew.
    pub(super) fn catch_up_on_topics(&mut self, session: SessionIndex, everything: bool) {
        let mut next = self.tables.topics().first_of(session);
        while let Some(membership) = next {
            if self.tables.topics_mut().unmark(membership, Mark::Dirty) || everything {
                self.send_topic(self.tables.topics().topic_of(membership), membership);
            }
            next = self.tables.topics().next_of(membership);
        }
    }

    pub(super) fn is_congested_in(&self, membership: MembershipIndex) -> bool {
        let session = self.tables.session_in(membership);
        self.tables.sessions().link(session) == Link::Congested
    }
}
