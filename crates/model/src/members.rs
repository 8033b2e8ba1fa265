//! Who is in a topic, and what each is shown of it.

use crate::timer::Timer;
use crate::topics::{Place, Service, Standing, Topic};
use crate::{Model, User};
use adsum::{SessionId, TopicCounts};

impl Model {
    /// Returns all deadlines of topics.
    pub fn topic_timers(&self) -> impl Iterator<Item = Timer> {
        self.topics.values().flat_map(|topic| {
            let ticks = topic.fast.iter().chain(&topic.slow).map(|tick| tick.timer);
            ticks.chain(topic.places.values().flat_map(Place::timers))
        })
    }

    /// Returns the names of the topics that a session is in, in the order in which it joined them.
    pub fn topics_of(&self, id: SessionId) -> Vec<User> {
        let own = |(name, topic): (&User, &Topic)| Some((topic.places.get(&id)?.joined, *name));
        let mut names: Vec<_> = self.topics.iter().filter_map(own).collect();
        names.sort_unstable();
        names.into_iter().map(|(_, name)| name).collect()
    }

    /// Returns a topic that somebody is in.
    ///
    /// # Panics
    /// If nobody is.
    pub fn topic_mut(&mut self, name: User) -> &mut Topic {
        self.topics.get_mut(&name).expect("somebody is in it")
    }

    /// Returns how a session is in a topic.
    ///
    /// # Panics
    /// If it is not.
    pub fn place_mut(&mut self, name: User, id: SessionId) -> &mut Place {
        self.topic_mut(name).places.get_mut(&id).expect("it is in the topic")
    }

    /// Returns what a session shows in a topic.
    ///
    /// # Panics
    /// If it is not in it.
    pub fn shown_in(&self, name: User, id: SessionId) -> Option<u32> {
        self.topics[&name].places[&id].presence.or_else(|| self.sessions[&id].presence)
    }

    /// Returns the sessions of a user that are members of a topic, in the order in which they
    /// connected.
    pub fn members_of(&self, name: User, user: User) -> Vec<SessionId> {
        let topic = &self.topics[&name];
        let mut sessions = self.sessions_of(user);
        sessions.retain(|id| topic.places.get(id).is_some_and(|place| place.is_member));
        sessions
    }

    /// Returns who is to be seen in a topic now, and how many.
    pub fn standing(&self, name: User) -> Standing {
        let Some(topic) = self.topics.get(&name) else { return Standing::default() };
        let of = |user: User| (user, self.members_of(name, user));
        let members: Vec<_> = topic.users().into_iter().map(of).collect();
        let is_seen = |id: &SessionId| !self.is_invisible(self.sessions[id].user);
        let observers = topic.places.iter().filter(|(id, place)| !place.is_member && is_seen(id));
        let counts = TopicCounts {
            users: members.len() as u32,
            sessions: members.iter().map(|(_, sessions)| sessions.len() as u32).sum(),
            observers: observers.count() as u32,
        };
        Standing { members, counts }
    }

    /// Returns whether two users are hidden from each other in a topic by a block between them.
    pub fn are_hidden_in(&self, name: User, user: User, other: User) -> bool {
        self.topics.get(&name).is_some_and(Topic::hides) && self.is_blocked(user, other)
    }

    /// Returns who is to be seen in a topic by one who is in it, and how many.
    ///
    /// # Panics
    /// If it is not in it.
    pub fn standing_for(&self, name: User, id: SessionId) -> Standing {
        let viewer = self.sessions[&id].user;
        let Standing { mut members, mut counts } = self.standing(name);
        members.retain(|(user, _)| !self.are_hidden_in(name, viewer, *user));
        counts.users = members.len() as u32;
        counts.sessions = members.iter().map(|(_, sessions)| sessions.len() as u32).sum();
        for (other, place) in &self.topics[&name].places {
            let user = self.sessions[other].user;
            let is_counted = !place.is_member && !self.is_invisible(user);
            counts.observers -= u32::from(is_counted && self.are_hidden_in(name, viewer, user));
        }
        Standing { members, counts }
    }

    /// Returns every session that one in a topic should know of, with what it shows there.
    ///
    /// # Panics
    /// If it is not in it.
    pub fn truth_in(&self, name: User, id: SessionId) -> Vec<(User, SessionId, Option<u32>)> {
        let topic = &self.topics[&name];
        let place = &topic.places[&id];
        let own = self.sessions[&id].user;
        let hides_own = topic.service(place) == Service::Live && !self.options.own_echo;
        let mut seen = self.standing_for(name, id).in_view(topic.served(place), &place.named);
        seen.retain(|(user, _)| !(hides_own && *user == own));
        seen.into_iter().map(|(user, of)| (user, of, self.shown_in(name, of))).collect()
    }
}
