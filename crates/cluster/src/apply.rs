//! What the host tells a node: the engine's own inputs, as values.

use crate::carry_out::limits_of;
use crate::cluster::Cluster;
use crate::desk::{Job, Leaving, Post};
use crate::message::{Body, Direct, Say, To, Version};
use crate::node::NodeId;
use crate::outputs::Outputs;
use crate::people::Person;
use adsum::{Error, Event, SessionId, Time};
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};

/// What an input means beyond this node.
enum Reach<K> {
    /// Nothing but the state of sessions here, which is told as it changes.
    Here,
    /// It changes the lists of a user.
    Lists(K),
    /// A user says whether it is to be seen.
    Wish(K, bool),
    /// Sessions at other nodes are named, by the node.
    Named(Vec<(usize, Vec<K>)>),
    /// Something is said in a topic, whose name this is.
    Topic(Option<K>),
    /// It concerns all nodes.
    All,
}

impl<K, P, S> Cluster<K, P, S>
where
    K: Eq + Hash + Clone,
    P: Clone,
    S: BuildHasher + Clone,
{
    /// Gives the engine an input, and has the other nodes learn what they must know of it. Of lists
    /// of users, the newest counts that any node is given.
    ///
    /// # Errors
    /// The engine's own; then nothing has changed.
    pub fn apply(&mut self, now: Time, event: Event<K, P>) -> Result<Outputs<'_, K, P, S>, Error> {
        self.give(now, None, event)
    }

    /// Gives an input as [`apply`](Self::apply) does, with the host's own version of the lists in
    /// it, of a user's row in a database for instance: of all nodes' words the greatest version
    /// counts, and what is older than what is known does nothing
    /// ([rule C13](adsum::rules#rule-c13-lists)); among equal ones what was given last does. A host
    /// that gives versions gives them with every [`Connect`](Event::Connect) and every change of
    /// lists.
    ///
    /// # Errors
    /// The engine's own.
    pub fn apply_version(
        &mut self,
        now: Time,
        version: u64,
        event: Event<K, P>,
    ) -> Result<Outputs<'_, K, P, S>, Error> {
        self.give(now, Some(version), event)
    }

    fn give(
        &mut self,
        now: Time,
        version: Option<u64>,
        mut event: Event<K, P>,
    ) -> Result<Outputs<'_, K, P, S>, Error> {
        if matches!(event, Event::Advance) {
            return Ok(self.advance(now));
        }
        self.desk.begin(now);
        let reach = self.reach(&event);
        match reach {
            Reach::Here => {
                self.settle_ends(&event)?;
                if self.waits_for_others(&event) {
                    self.desk.jobs.push_back(Job::Given(event));
                    return Ok(Outputs::new(None, &mut self.desk));
                }
                let decisions = self.engine.apply(self.desk.now, event)?;
                Ok(Outputs::new(Some(decisions), &mut self.desk))
            }
            Reach::Lists(user) => {
                let known = self.version_of(&user);
                let number = version.unwrap_or(known.number);
                let is_old = number < known.number;
                if is_old && !self.refresh(&mut event) {
                    return Ok(Outputs::new(None, &mut self.desk));
                }
                let version = (!is_old).then(|| self.desk.next_version(number, known.wish));
                self.give_lists(user, version, event)
            }
            Reach::Wish(user, is_visible) => {
                let known = self.version_of(&user);
                let decisions = self.engine.apply(self.desk.now, event)?;
                let version = self.desk.next_wish(known, is_visible);
                self.desk.note_version(&user, version);
                self.desk.show_in_waiting(&user, is_visible);
                self.desk.say_wish(&user, version.wish);
                Ok(Outputs::new(Some(decisions), &mut self.desk))
            }
            Reach::Named(named) => self.give_named(named, event),
            Reach::Topic(topic) => self.give_say(topic, event),
            Reach::All => {
                let ordered = event.clone();
                let version = self.desk.next_version(0, 0);
                if let Event::Expel { user } = &event {
                    // All that are here now are older.
                    let until = Version { clock: u64::MAX, ..version };
                    self.expel_elsewhere(user, until);
                    let Self { engine, desk } = self;
                    if !Self::is_whole_expelled(engine, desk, until, user) {
                        desk.order_all(version, &ordered);
                        return Ok(Outputs::new(None, &mut self.desk));
                    }
                }
                self.note_taken_out(&event);
                let decisions = self.engine.apply(self.desk.now, event)?;
                if let Event::TopicOptions { topic, options } = &ordered {
                    // It is open: else they would have been refused.
                    self.desk.topics.note(topic, (version.clock, version.by), *options, None);
                }
                self.desk.order_all(version, &ordered);
                Ok(Outputs::new(Some(decisions), &mut self.desk))
            }
        }
    }

    /// Returns whether an input may end a session of a user of whom sessions at another node have
    /// been heard of that the engine is yet to be told of: the user is not offline.
    fn waits_for_others(&self, event: &Event<K, P>) -> bool {
        let (Event::Disconnect { session } | Event::Lost { session, .. }) = event else {
            return false;
        };
        let user = self.engine.user_of(*session).filter(|_| !self.desk.jobs.is_empty());
        user.and_then(|user| self.desk.people.get(user)).is_some_and(Person::is_coming)
    }

    /// Has a resume come after the end of its connection that waits: one of the session's own has
    /// ended it, and a loss is over.
    fn settle_ends(&mut self, event: &Event<K, P>) -> Result<(), Error> {
        let Event::Resume { session } = event else { return Ok(()) };
        let ends = |job: &Job<K, P>| match job {
            Job::Given(Event::Disconnect { session: of }) => of == session,
            _ => false,
        };
        let is_loss = |job: &Job<K, P>| match job {
            Job::Given(Event::Lost { session: of, .. }) => of == session,
            _ => false,
        };
        if self.desk.jobs.iter().any(ends) {
            return Err(Error::UnknownSession);
        }
        self.desk.jobs.retain(|job| !is_loss(job));
        Ok(())
    }

    /// Returns of when the lists are that the engine has of a user: of nobody who is offline.
    pub(crate) fn version_of(&self, user: &K) -> Version {
        let person = self.desk.people.get(user);
        person.map(|one| one.version_in(|| self.engine.is_online(user))).unwrap_or_default()
    }

    fn reach(&self, event: &Event<K, P>) -> Reach<K> {
        match event {
            Event::Connect { user, .. }
            | Event::AudienceAdd { user, .. }
            | Event::AudienceRemove { user, .. }
            | Event::AudienceReplace { user, .. }
            | Event::Block { user, .. }
            | Event::Unblock { user, .. } => Reach::Lists(user.clone()),
            Event::Invisible { session } | Event::Visible { session } => {
                let is_visible = matches!(event, Event::Visible { .. });
                let user = self.engine.user_of(*session);
                user.map_or(Reach::Here, |user| Reach::Wish(user.clone(), is_visible))
            }
            Event::Direct { users, .. }
            | Event::DirectFor { users, .. }
            | Event::System { users, .. } => self.named(users),
            Event::Say { topic, .. } => {
                Reach::Topic(self.engine.topic_by_key(*topic).map(|topic| topic.name().clone()))
            }
            Event::Remove { .. }
            | Event::Close { .. }
            | Event::TopicOptions { .. }
            | Event::Expel { .. } => Reach::All,
            _ => Reach::Here,
        }
    }

    /// Returns which other nodes have sessions of these users.
    fn named(&self, users: &[K]) -> Reach<K> {
        let mut named: Vec<(usize, Vec<K>)> = Vec::new();
        let people = &self.desk.people;
        for user in users {
            let held = people.get(user).map_or(&[][..], |person| &person.held);
            for held in held.iter().filter(|held| !held.seen.is_empty()) {
                let peers = &self.desk.peers;
                let Some(at) = peers.of_life(held.life).and_then(|peer| peers.find(peer.id)) else {
                    continue;
                };
                match named.iter_mut().find(|(of, _)| *of == at) {
                    Some((_, users)) => users.push(user.clone()),
                    None => named.push((at, alloc::vec![user.clone()])),
                }
            }
        }
        Reach::Named(named)
    }

    /// Puts the lists that are known into a connect with older ones. Returns whether the input is
    /// a connect.
    fn refresh(&self, event: &mut Event<K, P>) -> bool {
        let Event::Connect { user, audience, blocked, .. } = event else { return false };
        // Those that were heard of last may be yet to be told to the engine.
        (*audience, *blocked) = match self.desk.newest_waiting_lists(user) {
            Some(lists) => (lists.audience.clone(), lists.blocked.clone()),
            None => (
                self.engine.audience(user).cloned().collect(),
                self.engine.blocked(user).cloned().collect(),
            ),
        };
        true
    }

    /// Checks what the engine does not of somebody who is not there: another node is to do it.
    fn check_length(&self, event: &Event<K, P>) -> Result<(), Error> {
        let limit = self.engine.options().max_audience;
        match event {
            Event::AudienceAdd { contacts, .. } | Event::AudienceReplace { contacts, .. }
                if contacts.len() > limit as usize =>
            {
                Err(Error::AudienceLimit { limit })
            }
            _ => Ok(()),
        }
    }

    fn give_lists(
        &mut self,
        user: K,
        version: Option<Version>,
        event: Event<K, P>,
    ) -> Result<Outputs<'_, K, P, S>, Error> {
        let is_connect = matches!(event, Event::Connect { .. });
        let is_known = is_connect || self.engine.is_online(&user);
        if !is_known {
            self.check_length(&event)?;
        }
        // Whoever has sessions of the user will know it.
        // And whoever is removed watches the user no longer, at whichever node.
        let ends_watches = matches!(event, Event::AudienceRemove { .. });
        // A node that has left says nothing more of its users, and so not of their lists.
        let is_passed_on = !is_known || !is_connect && self.desk.leaving == Leaving::Done;
        let ordered = (is_passed_on || ends_watches).then(|| event.clone());
        // Whose end was kept back goes on as the engine has it, which alone knows of that then.
        let has_waiting = self.desk.has_waiting(&user);
        let stays_hidden = !has_waiting && self.engine.is_invisible(&user);
        let change = has_waiting.then(|| event.clone());
        let limits = limits_of(&self.engine);
        let decisions = self.engine.apply(self.desk.now, event)?;
        if let (Some(version), true) = (version, is_known) {
            let version = match stays_hidden && version.is_visible() {
                true => self.desk.next_wish(version, false),
                false => version,
            };
            self.desk.note_version(&user, version);
            let person = self.desk.people.entry(&user);
            person.is_edited |= !is_connect && !person.is_here();
            if let Some(change) = change {
                self.desk.change_in_waiting(&user, &change, limits);
            }
        }
        if let (Some(event), Some(version)) = (ordered, version) {
            if is_passed_on {
                self.desk.order_all(version, &event);
            }
            // The lists themselves travel with the user, if it is known.
            if is_known && ends_watches {
                self.desk.order_all(Version::default(), &event);
            }
        }
        Ok(Outputs::new(Some(decisions), &mut self.desk))
    }

    fn give_named(
        &mut self,
        named: Vec<(usize, Vec<K>)>,
        event: Event<K, P>,
    ) -> Result<Outputs<'_, K, P, S>, Error> {
        let ordered = (!named.is_empty()).then(|| event.clone());
        let from = self.speaker(&event);
        let decisions = self.engine.apply(self.desk.now, event)?;
        let desk = &mut self.desk;
        for (at, users) in named {
            match (&ordered, &from) {
                (Some(Event::System { presence, .. }), _) => {
                    let event = Event::System { users, presence: presence.clone() };
                    let version = desk.next_version(0, 0);
                    desk.order(at, version, event);
                }
                (
                    Some(Event::Direct { presence, .. } | Event::DirectFor { presence, .. }),
                    Some((user, session)),
                ) => {
                    let for_ms = match &ordered {
                        Some(Event::DirectFor { for_ms, .. }) => Some(*for_ms),
                        _ => None,
                    };
                    let to: NodeId = desk.peers.at(at).id;
                    let (user, presence) = (user.clone(), presence.clone());
                    let direct = Direct { to, user, session: *session, users, presence, for_ms };
                    let body = Body::Direct(direct);
                    desk.outbox.push_back(Post::Say { to: To::Node(to), body });
                }
                _ => {}
            }
        }
        Ok(Outputs::new(Some(decisions), desk))
    }

    fn give_say(
        &mut self,
        topic: Option<K>,
        event: Event<K, P>,
    ) -> Result<Outputs<'_, K, P, S>, Error> {
        let is_alone = self.desk.peers.iter().all(|peer| peer.is_lost);
        let said = topic.filter(|_| !is_alone).zip(self.speaker(&event)).zip(match &event {
            Event::Say { presence, for_ms, .. } => Some((presence.clone(), *for_ms)),
            _ => None,
        });
        let decisions = self.engine.apply(self.desk.now, event)?;
        if let Some(((topic, (user, session)), (presence, for_ms))) = said {
            let body = Body::Say(Say { user, session, topic, presence, for_ms });
            self.desk.outbox.push_back(Post::Say { to: To::Everyone, body });
        }
        Ok(Outputs::new(Some(decisions), &mut self.desk))
    }

    /// Returns whose session says something, and what it is known by.
    fn speaker(&self, event: &Event<K, P>) -> Option<(K, SessionId)> {
        let (Event::Direct { session, .. }
        | Event::DirectFor { session, .. }
        | Event::Say { session, .. }) = event
        else {
            return None;
        };
        Some((self.engine.user_of(*session)?.clone(), self.engine.id_of(*session)?))
    }
}
