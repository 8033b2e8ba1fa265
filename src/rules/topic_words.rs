//! What members show and say in a topic, what its rate makes wait, and what is viewed (rules T2,
//! T7, T9a, T11a and T12).

use crate::error::Error;
use crate::fanout::topic_steps::{Except, TopicFanOut, TopicSubject, Viewers};
use crate::key::{SessionKey, TopicKey};
use crate::rules::State;
use crate::tables::channels::Part;
use crate::tables::expiries::{Expiring, Expiry};
use crate::tables::ids::{MembershipIndex, SessionIndex, TopicIndex};
use crate::tables::sessions::Link;
use crate::tables::topics::Mark;
use crate::time::Time;
use crate::topic::View;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    // ---- what is shown

    /// Changes what a member shows. Returns when it is shown, if it has to wait for a token.
    pub(crate) fn update(
        &mut self,
        key: SessionKey,
        topic: TopicKey,
        presence: P,
    ) -> Result<Option<Time>, Error> {
        let (session, topic, membership) = self.member_of(key, topic)?;
        self.renew_lease(session);
        let Some(rate) = self.options.topic_rate else {
            self.show_in(topic, membership, presence);
            return Ok(None);
        };
        let own = self.tables.topics_mut().own_or_new(membership);
        let waiting = own.update.take();
        let free_at = own.bucket.free_at(rate);
        let waits_until = Some(free_at).filter(|free_at| *free_at > self.moment);
        if waits_until.is_none() {
            own.bucket.take(rate, self.moment);
        }
        let waiting = waiting.and_then(|waiting| self.expiries.remove(waiting));
        self.plan.drop_later(waiting.and_then(|waiting| waiting.then));
        match waits_until {
            Some(until) => {
                self.stats.conflated += 1;
                let of = Expiring::Update(membership);
                let expiry = Expiry { session, of, until, then: Some(presence) };
                let expiry = self.expiries.insert(expiry);
                self.arm_expiry(expiry);
                self.tables.topics_mut().own_or_new(membership).update = Some(expiry);
            }
            None => self.show_in(topic, membership, presence),
        }
        Ok(waits_until)
    }

    /// Shows an update that has waited for its token, which it takes.
    pub(super) fn update_waiting(
        &mut self,
        membership: MembershipIndex,
        presence: Option<P>,
        at: Time,
    ) {
        let own = self.tables.topics_mut().own_or_new(membership);
        own.update = None;
        if let Some(rate) = self.options.topic_rate {
            own.bucket.take(rate, at);
        }
        if let Some(presence) = presence {
            let topic = self.tables.topics().topic_of(membership);
            self.show_in(topic, membership, presence);
        }
    }

    pub(super) fn show_in(&mut self, topic: TopicIndex, membership: MembershipIndex, presence: P) {
        let replaced = self.tables.set_own_presence(membership, presence);
        self.plan.drop_later(replaced);
        self.tell_updated(topic, membership);
    }

    // ---- what is said

    pub(crate) fn say_in_topic(
        &mut self,
        key: SessionKey,
        topic: TopicKey,
        presence: P,
        for_ms: Option<u64>,
    ) -> Result<(), Error> {
        let (session, topic, membership) = self.member_of(key, topic)?;
        self.check_duration(for_ms.unwrap_or(0))?;
        self.take_direct_token(session)?;
        self.renew_lease(session);
        self.say_as(session, (topic, membership), presence, for_ms);
        Ok(())
    }

    /// Tells what a member says, whichever node it is at.
    pub(super) fn say_as(
        &mut self,
        session: SessionIndex,
        (topic, membership): (TopicIndex, MembershipIndex),
        presence: P,
        for_ms: Option<u64>,
    ) {
        self.plan.say(presence);
        let subject = TopicSubject::Said { membership };
        let user = self.tables.sessions().user(session);
        let fan_out = self.notice_of(topic, user, subject);
        // Whoever misses this holds what was said before, which nothing else ends any more.
        let replaces = self.tables.topics().is(membership, Mark::Said);
        if self.tables.topics().is(membership, Mark::Shown) {
            let own_echo = self.options.own_echo;
            let except = if own_echo { Except::Session(session) } else { Except::User(user) };
            self.tell_topic(fan_out.to(Viewers::OfWords, except).reporting_skipped());
            if replaces {
                self.mark_viewers(fan_out, Viewers::OfWords, except);
            }
        } else {
            self.tell_own_in_topic(topic, membership, fan_out, (true, replaces));
        }
        self.forget_said_end(membership);
        self.tables.topics_mut().mark(membership, Mark::Said, true);
        if let Some(for_ms) = for_ms {
            let until = self.moment.saturating_add(for_ms);
            let of = Expiring::Said(membership);
            let expiry = self.expiries.insert(Expiry { session, of, until, then: None });
            self.arm_expiry(expiry);
            self.tables.topics_mut().own_or_new(membership).said_until = Some(expiry);
        }
    }

    /// Tells the user's own other sessions in a topic, as far as they are told what members say, if
    /// devices of a user are told of each other. Those who are congested are not; if it ends
    /// something, they are told anew later.
    fn tell_own_in_topic(
        &mut self,
        topic: TopicIndex,
        membership: MembershipIndex,
        fan_out: TopicFanOut,
        (is_news, is_end): (bool, bool),
    ) {
        if !self.options.own_echo {
            return;
        }
        let speaker = self.tables.session_in(membership);
        let user = self.tables.sessions().user(speaker);
        let from = self.plan.named_len();
        self.plan.go_over(self.tables.sessions_of(user).len());
        for at in 0..self.tables.sessions_of(user).len() {
            let session = self.tables.sessions_of(user)[at];
            let Some(other) = self.own_listener(topic, session, speaker) else { continue };
            let note = |tables: &mut crate::tables::Tables<K, P, S>| {
                if is_end {
                    tables.topics_mut().set_dirty(other, true);
                }
            };
            if self.tables.receives_or(session, note) {
                self.plan.name_receiver(session);
            }
        }
        let named = self.plan.named_since(from);
        let from = self.plan.named_len();
        for at in 0..self.tables.sessions_of(user).len() {
            let session = self.tables.sessions_of(user)[at];
            if is_news
                && self.tables.sessions().link(session) == Link::Congested
                && self.own_listener(topic, session, speaker).is_some()
            {
                self.plan.name_receiver(session);
            }
        }
        let skipped = self.plan.named_since(from);
        if !(named.is_empty() && skipped.is_empty()) {
            self.tell_topic(fan_out.to_named(named).not_to_named(skipped));
        }
    }

    fn own_listener(
        &self,
        topic: TopicIndex,
        session: SessionIndex,
        speaker: SessionIndex,
    ) -> Option<MembershipIndex> {
        let other = self.tables.membership_in(session, topic)?;
        let waits = self.tables.topics().channels().part_of(other) == Part::Arriving;
        let listens = self.tables.topics().listens(topic, other) && !waits;
        (session != speaker && listens).then_some(other)
    }

    /// Notes that those of a group are gone over who are congested and have missed nothing yet.
    pub(super) fn go_over_congested(&mut self, topic: TopicIndex, group: usize) {
        let topics = self.tables.topics();
        let channel = topics.topic(topic).groups[group].channel;
        self.plan.go_over(topics.channels().clean(channel));
    }

    /// Forgets the end that what somebody said had of its own.
    fn forget_said_end(&mut self, membership: MembershipIndex) {
        let own = self.tables.topics_mut().own_mut(membership);
        let expiry = own.and_then(|own| own.said_until.take());
        expiry.map(|expiry| self.expiries.remove(expiry));
    }

    /// Ends what somebody said in a topic, if it has said anything. Those who are told at once that
    /// it `goes` need not be told this.
    pub(super) fn end_said(&mut self, topic: TopicIndex, membership: MembershipIndex, goes: bool) {
        self.forget_said_end(membership);
        if !self.tables.topics_mut().unmark(membership, Mark::Said) {
            return;
        }
        let is_shown = self.tables.topics().is(membership, Mark::Shown);
        let session = self.tables.session_in(membership);
        let sessions = self.tables.sessions();
        let (user, id) = (sessions.user(session), sessions.id(session));
        let fan_out = self.notice_of(topic, user, TopicSubject::SaidOver { user, session: id });
        if !is_shown {
            return self.tell_own_in_topic(topic, membership, fan_out, (false, true));
        }
        let own_echo = self.options.own_echo;
        let except = if own_echo { Except::Session(session) } else { Except::User(user) };
        let viewers = match goes && self.is_live(topic) {
            true => Viewers::OfWordsLater,
            false => Viewers::OfWords,
        };
        self.tell_or_mark(fan_out, viewers, except);
    }

    // ---- what is viewed

    pub(crate) fn look(
        &mut self,
        key: SessionKey,
        topic: TopicKey,
        view: View,
    ) -> Result<(), Error> {
        let (session, topic, membership) = self.in_topic(key, topic)?;
        self.renew_lease(session);
        self.look_otherwise(topic, membership, view);
        Ok(())
    }

    pub(crate) fn look_at(
        &mut self,
        key: SessionKey,
        topic: TopicKey,
        users: impl IntoIterator<Item = K>,
    ) -> Result<(), Error> {
        let (session, topic, membership) = self.in_topic(key, topic)?;
        let limit = self.options.max_topic_named;
        self.with_users(|state, named| {
            if !state.tables.intern_all(users, limit, named)? {
                return Err(Error::NamedLimit { limit });
            }
            named.sort_unstable();
            named.dedup();
            state.renew_lease(session);
            let view = state.tables.topics().view(membership);
            state.tables.set_named(topic, membership, named);
            state.look_otherwise(topic, membership, view);
            Ok(())
        })
    }

    /// Tells somebody what it views from now on.
    fn look_otherwise(&mut self, topic: TopicIndex, membership: MembershipIndex, view: View) {
        self.tables.set_view(topic, membership, view);
        self.begin_view(topic, membership);
        let is_congested = self.is_congested_in(membership);
        let is_told = view != View::Nothing || !self.tables.topics().named(membership).is_empty();
        self.tables.topics_mut().set_dirty(membership, is_congested && is_told);
        if is_congested {
            self.tables.seat_in_topic(membership, false);
        } else {
            self.send_topic(topic, membership);
        }
    }
}
