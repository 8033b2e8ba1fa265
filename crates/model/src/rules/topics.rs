//! How sessions join topics, change what they show and view there, and leave (rules T1, T2, T7, T9a
//! and T12).

use crate::decision::Why;
use crate::topics::{News, Place, Service, Standing, Topic};
use crate::{Decision, Model, Notice, Output, User};
use adsum::{Error, Join, SessionId, SessionKey, TopicBlocks, TopicKey, TopicOptions, View};
use std::collections::BTreeSet;

impl Model {
    pub(super) fn join(
        &mut self,
        now: u64,
        key: SessionKey,
        name: User,
        join: Join<u32>,
        given: TopicKey,
    ) -> Result<Output, Error> {
        let id = self.find_attached(key)?;
        self.may_join(id, name, &join)?;
        self.accept_from(self.clamp(now), id);
        let mut out = Output::default();
        if !self.topics.contains_key(&name) {
            self.topics.insert(name, Topic::new(given, self.options.topics));
            out.decisions.push(Decision::TopicOccupied { topic: name, key: given });
        }
        let before = self.standing(name);
        let (is_member, presence) = match join {
            Join::Member { presence, .. } => (true, presence),
            Join::Observer { .. } => (false, None),
        };
        let place = Place {
            joined: self.moments,
            is_member,
            presence,
            view: join.view(),
            named: BTreeSet::new(),
            before: None,
            is_new: false,
            is_told: false,
            is_late: false,
            is_dirty: false,
            may_be_dirty: false,
            said: None,
            tat: 0,
            waiting: None,
        };
        self.topic_mut(name).places.insert(id, place);
        self.begin_view(name, id, &before);
        let user = self.sessions[&id].user;
        if is_member && !self.is_invisible(user) {
            self.take_seat(name, user);
        }
        let is_seen = before != self.standing(name);
        if !self.grow(&mut out, name, Some(id)) && is_member && is_seen {
            let is_first = self.members_of(name, user).len() == 1;
            self.tell_member(&mut out, name, id, is_first, &[id]);
        }
        let news = match is_member {
            true => News::Came(id),
            false => News::Counts,
        };
        if is_seen {
            self.gather(name, &before, news);
        }
        self.welcome(&mut out, name, id, &before);
        Ok(out)
    }

    /// Of the first to have a view, what is known with that begins here.
    fn begin_view(&mut self, name: User, id: SessionId, standing: &Standing) {
        let topic = self.topic_mut(name);
        let of = |place: &Place| (place.view, place.named.is_empty());
        let own = of(&topic.places[&id]);
        if topic.places.values().filter(|place| of(place) == own).count() == 1 {
            let known = topic.known(&topic.places[&id], standing.clone());
            self.place_mut(name, id).before = Some(known);
        }
    }

    /// Sends one who has joined what it views, or has the next tick do so.
    fn welcome(&mut self, out: &mut Output, name: User, id: SessionId, before: &Standing) {
        let topic = &self.topics[&name];
        let service = topic.service(&topic.places[&id]);
        match service {
            Service::Never => {}
            Service::Live => self.tell_topic(out, name, id),
            _ if self.sessions[&id].missed.is_some() => self.place_mut(name, id).is_dirty = true,
            _ => {
                let place = self.place_mut(name, id);
                (place.is_new, place.is_told) = (true, false);
                self.begin_tick(name, service, before);
            }
        }
    }

    fn may_join(&self, id: SessionId, name: User, join: &Join<u32>) -> Result<(), Error> {
        let topic = self.topics.get(&name);
        if let Some(topic) = topic.filter(|topic| topic.places.contains_key(&id)) {
            return Err(Error::AlreadyJoined { topic: topic.key });
        }
        let limit = self.options.max_topics;
        if self.topics_of(id).len() >= limit as usize {
            return Err(Error::TopicLimit { limit });
        }
        let user = self.sessions[&id].user;
        let options = topic.map_or(self.options.topics, |topic| topic.options);
        let limit = match options.blocks {
            TopicBlocks::Hidden => options.max_members.min(options.full_up_to),
            _ => options.max_members,
        };
        let is_full = topic.is_some_and(|topic| {
            let counts = |other: &&User| !self.are_hidden_in(name, user, **other);
            let members = topic.seats.keys().filter(counts).count();
            !topic.seats.contains_key(&user) && members >= limit as usize
        });
        if is_full && matches!(join, Join::Member { .. }) && !self.is_invisible(user) {
            return Err(Error::MemberLimit { limit });
        }
        Ok(())
    }

    /// Makes a user a member whom others see, as the last of them, unless it is one.
    pub(super) fn take_seat(&mut self, name: User, user: User) {
        let number = self.moments;
        self.topic_mut(name).seats.entry(user).or_insert(number);
    }

    /// Returns the topic of this key that a session is in.
    fn find_place(&self, id: SessionId, key: TopicKey) -> Result<User, Error> {
        let mut topics = self.topics.iter();
        let (name, topic) =
            topics.find(|(_, topic)| topic.key == key).ok_or(Error::UnknownTopic)?;
        topic.places.get(&id).ok_or(Error::UnknownTopic)?;
        Ok(*name)
    }

    /// Returns the topic of this key that a session is a member of.
    pub(super) fn find_member(&self, id: SessionId, key: TopicKey) -> Result<User, Error> {
        let name = self.find_place(id, key)?;
        if self.topics[&name].places[&id].is_member { Ok(name) } else { Err(Error::NotMember) }
    }

    pub(super) fn leave(
        &mut self,
        now: u64,
        key: SessionKey,
        topic: TopicKey,
    ) -> Result<Output, Error> {
        let id = self.find_attached(key)?;
        let name = self.find_place(id, topic)?;
        self.accept_from(self.clamp(now), id);
        let mut out = Output::default();
        self.leave_topic(&mut out, name, id, (Why::Left, &[id]));
        Ok(out)
    }

    pub(super) fn look(
        &mut self,
        now: u64,
        key: SessionKey,
        topic: TopicKey,
        view: View,
    ) -> Result<Output, Error> {
        let id = self.find_attached(key)?;
        let name = self.find_place(id, topic)?;
        self.accept_from(self.clamp(now), id);
        let place = self.place_mut(name, id);
        // What it knew as one of those who view the same is nothing to whom it joins.
        place.before.take_if(|_| place.view != view);
        place.view = view;
        let mut out = Output::default();
        self.tell_topic(&mut out, name, id);
        self.begin_view(name, id, &self.standing(name));
        Ok(out)
    }

    pub(super) fn look_at(
        &mut self,
        now: u64,
        key: SessionKey,
        topic: TopicKey,
        users: &[User],
    ) -> Result<Output, Error> {
        let id = self.find_attached(key)?;
        let name = self.find_place(id, topic)?;
        let named: BTreeSet<User> = users.iter().copied().collect();
        let limit = self.options.max_topic_named;
        if users.len() > limit as usize {
            return Err(Error::NamedLimit { limit });
        }
        self.accept_from(self.clamp(now), id);
        let place = self.place_mut(name, id);
        place.before.take_if(|_| place.named.is_empty() != named.is_empty());
        place.named = named;
        let mut out = Output::default();
        self.tell_topic(&mut out, name, id);
        self.begin_view(name, id, &self.standing(name));
        Ok(out)
    }

    pub(super) fn update(
        &mut self,
        now: u64,
        key: SessionKey,
        topic: TopicKey,
        presence: u32,
    ) -> Result<Output, Error> {
        let id = self.find_attached(key)?;
        let name = self.find_member(id, topic)?;
        let now = self.clamp(now);
        self.accept_from(now, id);
        let mut out = Output::default();
        let (order, rate) = (self.moments, self.options.topic_rate);
        let place = self.place_mut(name, id);
        let free_at = rate.map_or(0, |rate| place.tat.saturating_sub(super::publish::credit(rate)));
        if free_at > now {
            place.waiting = Some((presence, (free_at, order)));
            out.waits_until = Some(free_at);
            return Ok(out);
        }
        self.show_in_topic(&mut out, name, id, presence);
        Ok(out)
    }

    /// Shows an update for which there is a token.
    fn show_in_topic(&mut self, out: &mut Output, name: User, id: SessionId, presence: u32) {
        let (at, rate) = (self.at, self.options.topic_rate);
        let place = self.place_mut(name, id);
        if let Some(rate) = rate {
            place.tat = place.tat.max(at).saturating_add(rate.interval_ms.into());
        }
        place.waiting = None;
        place.presence = Some(presence);
        self.tell_update(out, name, id);
    }

    /// Shows the update that waited for a token.
    pub(super) fn update_waiting(&mut self, out: &mut Output, name: User, id: SessionId) {
        let (presence, _) = self.place_mut(name, id).waiting.expect("an update waits");
        self.show_in_topic(out, name, id, presence);
    }

    /// Tells that a session shows something else in a topic.
    fn tell_update(&mut self, out: &mut Output, name: User, id: SessionId) {
        let Notice::Joined { topic, user, session, presence } = self.member(name, id) else {
            return;
        };
        if self.is_invisible(user) {
            return;
        }
        let notice = Notice::Member { topic, user, session, first: false, presence };
        self.tell_live(out, name, notice, &[]);
        self.gather(name, &self.standing(name), News::Update(id));
    }

    /// A session publishes something else, or nothing any more: so it shows it in topics.
    /// Contacts are told first.
    pub(super) fn tell_topics(&mut self, out: &mut Output, id: SessionId) {
        self.tell_new_state(out, self.sessions[&id].user);
        for name in self.topics_of(id) {
            let place = &self.topics[&name].places[&id];
            if place.is_member && place.presence.is_none() {
                self.tell_update(out, name, id);
            }
        }
    }

    pub(super) fn topic_options(
        &mut self,
        now: u64,
        name: User,
        options: TopicOptions,
    ) -> Result<Output, Error> {
        let most_ms = if options.blocks == TopicBlocks::Hidden { 0 } else { 60_000 };
        let ranges = [
            ("topics.full_up_to", options.full_up_to, 1, 100_000),
            ("topics.sample", options.sample.into(), 1, 10_000),
            ("topics.coalesce_ms", options.coalesce_ms, 0, most_ms),
            ("topics.max_members", options.max_members, 1, 1 << 27),
        ];
        let wrong = ranges.into_iter().find(|(_, value, min, max)| value < min || value > max);
        if let Some((option, value, min, max)) = wrong {
            return Err(Error::TopicOptions { option, value, min, max });
        }
        let Some(topic) = self.topics.get(&name) else {
            return Err(Error::UnknownTopic);
        };
        let limit = options.full_up_to;
        if options.blocks == TopicBlocks::Hidden && topic.seats.len() > limit as usize {
            return Err(Error::MemberLimit { limit });
        }
        self.accept(self.clamp(now));
        let mut out = Output::default();
        self.set_topic_options(&mut out, name, options);
        Ok(out)
    }
}
