//! How sessions leave topics, are taken out, or are not to be seen in them (rules T1, T5, T6 and
//! T13).

use crate::decision::Why;
use crate::missed::Missed;
use crate::topics::{News, Service, Standing};
use crate::{Decision, Model, Notice, Output, User};
use adsum::{SessionId, TopicOptions};
use std::collections::BTreeSet;

impl Model {
    /// Has a session leave a topic that it is in. Of those that go with it, its user's others, only
    /// the last is told of, and they are told nothing.
    pub(super) fn leave_topic(
        &mut self,
        out: &mut Output,
        name: User,
        id: SessionId,
        (why, going): (Why, &[SessionId]),
    ) {
        let before = self.standing(name);
        let user = self.sessions[&id].user;
        let has_said = self.topics[&name].places[&id].said.is_some();
        if has_said {
            let mut hearers = self.hearers(name, id);
            let live = self.topics[&name].served_by(Service::Live);
            // Those who are told that it goes, at once.
            let is_seen = !self.is_invisible(user);
            hearers.retain(|other| !(going.contains(other) || is_seen && live.contains(other)));
            self.tell_said_over(out, name, (user, id), &hearers);
        }
        let place = self.topic_mut(name).places.remove(&id).expect("it is in it");
        let members = self.members_of(name, user);
        if members.is_empty() {
            self.topic_mut(name).seats.remove(&user);
        }
        let goes_on = members.iter().any(|other| going.contains(other));
        if before != self.standing(name) {
            if place.is_member && members.is_empty() {
                self.tell_live(out, name, Notice::Left { topic: name, user, why }, going);
            } else if place.is_member && !goes_on {
                let notice = Notice::MemberSessionEnded { topic: name, user, session: id };
                self.tell_live(out, name, notice, going);
            }
            let news = if place.is_member { News::Gone(id, why) } else { News::Counts };
            // Of those whom a tick tells, it was one until now.
            self.topic_mut(name).places.insert(id, place);
            self.gather(name, &before, news);
            self.topic_mut(name).places.remove(&id);
        }
        self.vacate(out, name);
    }

    /// Forgets a topic that nobody is in.
    fn vacate(&mut self, out: &mut Output, name: User) {
        if self.topics[&name].places.is_empty() {
            let key = self.topics[&name].key;
            self.topics.remove(&name);
            self.stale_topics.push(key);
            out.decisions.push(Decision::TopicVacated { topic: name, key });
        }
    }

    /// Has sessions of one user, which end, leave all their topics.
    pub(super) fn leave_topics(&mut self, out: &mut Output, sessions: &[SessionId], why: Why) {
        for id in sessions {
            for name in self.topics_of(*id) {
                self.leave_topic(out, name, *id, (why, sessions));
            }
        }
    }

    pub(super) fn remove(&mut self, now: u64, name: User, user: User) -> Output {
        self.accept(self.clamp(now));
        let mut out = Output::default();
        let mut sessions = self.sessions_of(user);
        let topic = self.topics.get(&name);
        sessions.retain(|id| topic.is_some_and(|topic| topic.places.contains_key(id)));
        if !sessions.is_empty() {
            self.tell_closed(&mut out, name, true, &sessions);
            for id in &sessions {
                self.leave_topic(&mut out, name, *id, (Why::Removed, &sessions));
            }
        }
        out
    }

    pub(super) fn close_topic(&mut self, now: u64, name: User) -> Output {
        self.accept(self.clamp(now));
        let mut out = Output::default();
        if let Some(topic) = self.topics.get(&name) {
            let sessions: Vec<SessionId> = topic.places.keys().copied().collect();
            self.tell_closed(&mut out, name, false, &sessions);
            self.topic_mut(name).places.clear();
            self.vacate(&mut out, name);
        }
        out
    }

    /// Tells sessions that a topic is closed to them. Those who are congested miss so much.
    fn tell_closed(&mut self, out: &mut Output, name: User, removed: bool, all: &[SessionId]) {
        let mut told = self.attached(|id, _| all.contains(&id));
        told.retain(|id| match &mut self.session_mut(*id).missed {
            None => true,
            Some(missed) => {
                let visibility = missed.visibility;
                *missed = Missed { everything: true, visibility, ..Missed::default() };
                false
            }
        });
        self.deliver(out, Notice::TopicClosed { topic: name, removed }, &told);
    }

    // ---- who is not to be seen

    /// Returns the topics that a user's sessions are in, each with the session: those of the first
    /// to have connected come first, in the order in which it joined them.
    fn places_of(&self, user: User) -> Vec<(User, SessionId)> {
        let of = |id: SessionId| self.topics_of(id).into_iter().map(move |name| (name, id));
        self.sessions_of(user).into_iter().flat_map(of).collect()
    }

    /// A user who is invisible from now on has left its topics, as far as others see.
    pub(super) fn hide_in_topics(&mut self, out: &mut Output, user: User) {
        let all = self.places_of(user);
        self.account_mut(user).invisible = false;
        let hears = |(name, id): &(User, SessionId)| self.hearers(*name, *id);
        let hearers: Vec<BTreeSet<SessionId>> = all.iter().map(hears).collect();
        let before: Vec<Standing> = all.iter().map(|(name, _)| self.standing(*name)).collect();
        self.account_mut(user).invisible = true;
        for (nth, (name, id)) in all.iter().copied().enumerate() {
            let live = self.topics[&name].served_by(Service::Live);
            if self.place_mut(name, id).said.take().is_some() {
                let later = hearers[nth].difference(&live).copied().collect();
                self.tell_said_over(out, name, (user, id), &later);
            }
            if !self.topics[&name].places[&id].is_member {
                self.gather(name, &before[nth], News::Counts);
                continue;
            }
            let why = Why::Disconnected;
            if self.members_of(name, user).last() == Some(&id) {
                self.topic_mut(name).seats.remove(&user);
                self.tell_live(out, name, Notice::Left { topic: name, user, why }, &[]);
            }
            // Ticks that this begins come in the order of the sessions, so not all with the last.
            self.gather(name, &before[nth], News::Gone(id, why));
        }
    }

    /// A user who is visible from now on joins its topics, as far as others see.
    pub(super) fn show_in_topics(&mut self, out: &mut Output, user: User) {
        let all = self.places_of(user);
        self.account_mut(user).invisible = true;
        let before: Vec<Standing> = all.iter().map(|(name, _)| self.standing(*name)).collect();
        let hears = |(name, id): &(User, SessionId)| self.hearers(*name, *id);
        let hearers: Vec<BTreeSet<SessionId>> = all.iter().map(hears).collect();
        self.account_mut(user).invisible = false;
        for (nth, (name, id)) in all.iter().copied().enumerate() {
            // What only its own have heard is over.
            if self.place_mut(name, id).said.take().is_some() {
                self.tell_said_over(out, name, (user, id), &hearers[nth]);
            }
            let news = match self.topics[&name].places[&id].is_member {
                true => News::Came(id),
                false => News::Counts,
            };
            if news == News::Came(id) {
                let is_first = !self.topics[&name].seats.contains_key(&user);
                self.take_seat(name, user);
                if !(is_first && self.grow(out, name, None)) {
                    self.tell_member(out, name, id, is_first, &[]);
                }
            }
            self.gather(name, &before[nth], news);
        }
    }

    // ---- who is hidden by a block

    /// Two users have a block between them from now on: where that hides them, each has left for
    /// the other.
    pub(super) fn part_in_topics(&mut self, out: &mut Output, user: User, other: User) {
        for (user, viewer) in [(user, other), (other, user)] {
            for (name, id) in self.hidden_places_of(user, viewer) {
                if self.members_of(name, user).first() == Some(&id) {
                    let notice = Notice::Left { topic: name, user, why: Why::Disconnected };
                    self.tell_one_in_topic(out, name, notice, viewer);
                }
            }
        }
    }

    /// Two users have no block between them any more: where one hid them, each has joined for the
    /// other.
    pub(super) fn meet_in_topics(&mut self, out: &mut Output, user: User, other: User) {
        for (user, viewer) in [(user, other), (other, user)] {
            for (name, id) in self.hidden_places_of(user, viewer) {
                let mut notice = self.member(name, id);
                if let Notice::Joined { topic, user, session, presence } = notice
                    && self.members_of(name, user).first() != Some(&id)
                {
                    notice = Notice::Member { topic, user, session, first: true, presence };
                }
                self.tell_one_in_topic(out, name, notice, viewer);
            }
        }
    }

    /// Returns as what a user's sessions are shown in topics where a block hides it from another.
    fn hidden_places_of(&self, user: User, viewer: User) -> Vec<(User, SessionId)> {
        let mut all = self.places_of(user);
        all.retain(|(name, id)| {
            let topic = &self.topics[name];
            topic.hides() && topic.places[id].is_member && !self.is_invisible(user)
        });
        all.retain(|(name, _)| {
            let places = self.topics[name].places.keys();
            places.into_iter().any(|id| self.sessions[id].user == viewer)
        });
        all
    }

    /// Tells one user's sessions that are told anything of a topic.
    fn tell_one_in_topic(&mut self, out: &mut Output, name: User, notice: Notice, viewer: User) {
        let mut all = self.topics[&name].served_by(Service::Live);
        all.retain(|id| self.sessions[id].user == viewer);
        let told = self.told_or_marked(name, &all);
        self.deliver(out, notice, &told);
    }

    pub(super) fn set_topic_options(
        &mut self,
        out: &mut Output,
        name: User,
        options: TopicOptions,
    ) {
        let topic = self.topic_mut(name);
        let before = (topic.options.sample, topic.is_live(), topic.is_large);
        let is_told_otherwise = topic.options.blocks != options.blocks;
        topic.options = options;
        topic.is_large = topic.should_be_large();
        if is_told_otherwise {
            self.show_all_otherwise(out, name);
            return out.unordered_since(0);
        }
        let topic = self.topic_mut(name);
        let sample = if topic.is_large { options.sample } else { before.0 };
        if before != (sample, topic.is_live(), topic.is_large) {
            // Those who view all are told everything anew, at once.
            topic.fast = None;
            self.show_otherwise(out, name, None);
            out.unordered_since(0);
        }
    }
}
