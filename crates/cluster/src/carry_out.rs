//! What messages and time give the engine to do.

use crate::cluster::Cluster;
use crate::desk::{Desk, Job};
use crate::message::{Direct, Order, Say, Version};
use crate::ordered::owner_of;
use crate::outputs::Outputs;
use crate::people::Life;
use adsum::{Decisions, Engine, Event, Origin, RemoteState, SessionId, SessionKey};
use core::hash::{BuildHasher, Hash};
use hashbrown::HashSet;

/// Returns how many may be in the audience of a user, and on its blocked list.
pub(crate) fn limits_of<K: Eq + Hash, P, S: BuildHasher>(engine: &Engine<K, P, S>) -> [usize; 2] {
    let options = engine.options();
    [options.max_audience as usize, options.max_blocked as usize]
}

impl<K, P, S> Cluster<K, P, S>
where
    K: Eq + Hash + Clone,
    P: Clone,
    S: BuildHasher + Clone,
{
    pub(crate) fn carry_out(&mut self, job: Job<K, P>) -> Outputs<'_, K, P, S> {
        match &job {
            Job::Order(Order { version, event: Event::Expel { user } }) => {
                self.expel_elsewhere(user, *version);
            }
            Job::Order(Order { event, .. }) => self.note_taken_out(event),
            _ => {}
        }
        let Self { engine, desk } = self;
        let now = desk.now;
        let origin = |life: Life| Origin(life.0);
        let decisions = match job {
            Job::State { life, user, mut state, keeps_lists, posted } => {
                if !Self::is_to_be_told(engine, desk, (life, &user), &mut state, keeps_lists) {
                    return Outputs::new(None, desk);
                }
                // Asked now: what was done before this may have posted that the user is offline.
                if !state.sessions.is_empty() && desk.outdoes_return(&user, posted) {
                    desk.jobs.push_front(Job::Post(user.clone()));
                }
                let taken = engine.remote_state(now, origin(life), user, state);
                taken.map_err(|_| desk.stats.refused += 1).ok()
            }
            Job::Direct { life, direct } => {
                let Direct { user, session, users, presence, for_ms, .. } = direct;
                let from = (&user, session);
                let said = engine.remote_direct(now, origin(life), from, &users, presence, for_ms);
                said.map_err(|_| desk.stats.refused += 1).ok()
            }
            Job::Say { life, say } => {
                let Say { user, session, topic, presence, for_ms } = say;
                let from = (&user, session);
                let said = engine.remote_say(now, origin(life), from, &topic, presence, for_ms);
                said.map_err(|_| desk.stats.refused += 1).ok()
            }
            // The host's to do.
            Job::Post(_) => None,
            Job::Lost { life, since } => Some(engine.origin_lost_since(now, origin(life), since)),
            Job::Back(life) => Some(engine.origin_back(now, origin(life))),
            Job::Advance => Some(engine.advance(now)),
            Job::Evict { user, session } => {
                let key = Self::key_of(engine, &user, session);
                desk.stats.evicted += u64::from(key.is_some());
                key.and_then(|key| engine.evict(now, key).ok())
            }
            Job::Expel { user, session } => {
                let key = Self::key_of(engine, &user, session);
                key.and_then(|key| engine.expel_session(now, key).ok())
            }
            Job::Order(order) => Self::carry_out_order(engine, desk, order),
            Job::Given(event) => engine.apply(now, event).ok(),
            Job::Options(topic) => Self::give_options(engine, desk, topic),
        };
        Outputs::new(decisions, desk)
    }

    /// Returns whether the engine is to be told of what a node says of a user, with the lists that
    /// are in it by now.
    fn is_to_be_told(
        engine: &Engine<K, P, S>,
        desk: &mut Desk<K, P, S>,
        (life, user): (Life, &K),
        state: &mut RemoteState<K, P>,
        keeps_lists: bool,
    ) -> bool {
        let comes = !state.sessions.is_empty();
        let has_gone = desk.people.all.get_mut(user).is_some_and(|person| {
            person.coming = person.coming.saturating_sub(u16::from(comes));
            person.is_empty()
        });
        // They were known when this was heard. The user has gone since, and they with it.
        if state.lists.is_none() && comes && !engine.is_online(user) {
            desk.ask_anew(life, user);
            desk.tidy(user, false, None, false);
            return false;
        }
        // Of whom the engine does not have it is not told that it ends.
        if has_gone && !comes && !engine.is_online(user) {
            desk.tidy(user, false, None, false);
        }
        if let Some(lists) = state.lists.as_mut().filter(|_| keeps_lists)
            && engine.is_online(user)
        {
            lists.audience = engine.audience(user).cloned().collect();
            lists.blocked = engine.blocked(user).cloned().collect();
        }
        true
    }

    /// Does what another node's host has ordered.
    fn carry_out_order<'e>(
        engine: &'e mut Engine<K, P, S>,
        desk: &mut Desk<K, P, S>,
        Order { version, event }: Order<K, P>,
    ) -> Option<Decisions<'e, K, P, S>> {
        let now = desk.now;
        let event = match event {
            Event::AudienceRemove { user, contacts } if version == Version::default() => {
                // It has been removed from the lists where that was said. Who only watches is in
                // none; and whoever is in them by now has been added since.
                let contacts = {
                    let mut listed = HashSet::with_hasher(desk.people.all.hasher().clone());
                    listed.extend(engine.audience(&user));
                    let others = contacts.into_iter().filter(|contact| !listed.contains(contact));
                    others.collect()
                };
                return engine.apply(now, Event::AudienceRemove { user, contacts }).ok();
            }
            Event::TopicOptions { topic, options } => {
                let is_news = Self::note_options(engine, desk, version, (&topic, options));
                return if is_news { Self::give_options(engine, desk, topic) } else { None };
            }
            event => event,
        };
        let lists = Self::lists_in(engine, desk, version, &event);
        if !Self::is_to_be_done(engine, desk, version, (&event, lists.as_ref())) {
            return None;
        }
        let waits = lists.as_ref().is_some_and(|(user, _)| desk.has_waiting(user));
        let change = waits.then(|| event.clone());
        let limits = limits_of(engine);
        let done = engine.apply(now, event);
        if let (Ok(_), Some((user, number))) = (&done, lists) {
            // What they are changed into is this node's own word.
            let wish = desk.people.get(&user).map_or(0, |person| person.version.wish);
            let made = desk.next_version(number, wish);
            desk.note_version(&user, made);
            let person = desk.people.entry(&user);
            person.is_edited |= !person.is_here();
            desk.note_ordered(&user, version, made);
            if let Some(change) = change {
                desk.change_in_waiting(&user, &change, limits);
            }
        }
        done.map_err(|_| desk.stats.refused += 1).ok()
    }

    /// Returns the key of a session of this node.
    fn key_of(engine: &Engine<K, P, S>, user: &K, session: SessionId) -> Option<SessionKey> {
        let local = engine.local_user(user)?;
        local.sessions().find(|own| own.id == session).map(|own| own.key)
    }

    /// Returns whose lists an order changes, and the host's number of them, if this node has
    /// sessions of that user, or if all that there are belong to nodes that have left, and none
    /// that are newer.
    fn lists_in(
        engine: &Engine<K, P, S>,
        desk: &Desk<K, P, S>,
        version: Version,
        event: &Event<K, P>,
    ) -> Option<(K, u64)> {
        let user = owner_of(event)?;
        let is_here = engine.local_user(user).is_some_and(|own| own.sessions().count() > 0);
        let is_left = || engine.is_online(user) && desk.is_left(user);
        let is_newer = (is_here || is_left()) && desk.is_newer_order(user, version);
        is_newer.then(|| (user.clone(), version.number))
    }

    /// Returns whether an order is to be given to the engine. One that expels spares sessions that
    /// have come later; lists are changed by the newest word, at nodes that have sessions.
    fn is_to_be_done(
        engine: &Engine<K, P, S>,
        desk: &mut Desk<K, P, S>,
        version: Version,
        (event, lists): (&Event<K, P>, Option<&(K, u64)>),
    ) -> bool {
        match event {
            Event::Expel { user } => Self::is_whole_expelled(engine, desk, version, user),
            event => owner_of(event).is_none() || lists.is_some(),
        }
    }
}
