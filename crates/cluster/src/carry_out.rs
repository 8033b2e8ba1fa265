//! What messages and time give the engine to do.

use crate::cluster::Cluster;
use crate::desk::{Desk, Job};
use crate::message::{Direct, Order, Version};
use crate::outputs::Outputs;
use crate::people::Life;
use adsum::{Engine, Event, Origin};
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};

impl<K, P, S> Cluster<K, P, S>
where
    K: Eq + Hash + Clone,
    P: Clone,
    S: BuildHasher + Clone,
{
    pub(crate) fn carry_out(&mut self, job: Job<K, P>) -> Outputs<'_, K, P, S> {
        let Self { engine, desk } = self;
        let now = desk.now;
        let origin = |life: Life| Origin(life.0);
        let decisions = match job {
            Job::State { life, user, state } => {
                if let Some(person) = desk.people.all.get_mut(&user) {
                    person.is_coming = false;
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
            Job::Lost { life, since } => Some(engine.origin_lost_since(now, origin(life), since)),
            Job::Back(life) => Some(engine.origin_back(now, origin(life))),
            Job::Advance => Some(engine.advance(now)),
            Job::Evict { user, session } => {
                let local = engine.local_user(&user);
                let own = local.and_then(|local| local.sessions().find(|own| own.id == session));
                let key = own.map(|own| own.key);
                desk.stats.evicted += u64::from(key.is_some());
                key.and_then(|key| engine.evict(now, key).ok())
            }
            Job::Order(Order { version, event, .. }) => {
                if Self::is_to_be_done(engine, desk, version, &event) {
                    engine.apply(now, event).map_err(|_| desk.stats.refused += 1).ok()
                } else {
                    None
                }
            }
        };
        Outputs::new(decisions, desk)
    }

    /// Returns whether an order is to be given to the engine. One that expels spares sessions that
    /// have come later; lists are changed by the newest word, at nodes that have sessions.
    fn is_to_be_done(
        engine: &Engine<K, P, S>,
        desk: &mut Desk<K, P, S>,
        version: Version,
        event: &Event<K, P>,
    ) -> bool {
        match event {
            Event::Expel { user } => {
                let count = engine.local_user(user).map_or(0, |own| own.sessions().count());
                let Some(person) = desk.people.get(user) else { return count == 0 };
                let is_older = |stamp: u64| stamp <= version.clock || broken!(desk, ExpelNewer);
                let own = || person.own.iter().flat_map(|own| &own.seen);
                let are_all_older = person.sessions().all(|(_, seen)| is_older(seen.stamp));
                // Sessions of which nothing has been told yet are newer.
                if are_all_older && own().count() == count {
                    return true;
                }
                let older = own().filter(|seen| is_older(seen.stamp)).map(|seen| seen.id);
                let ids: Vec<_> = older.collect();
                for session in ids {
                    desk.jobs.push_front(Job::Evict { user: user.clone(), session });
                }
                false
            }
            Event::AudienceAdd { user, .. }
            | Event::AudienceRemove { user, .. }
            | Event::AudienceReplace { user, .. }
            | Event::Block { user, .. }
            | Event::Unblock { user, .. } => {
                let is_here = engine.local_user(user).is_some_and(|own| own.sessions().count() > 0);
                let person = desk.people.entry(user);
                let is_newer = is_here && version > person.version;
                if is_newer {
                    person.version = version;
                    desk.people.list(user);
                } else {
                    desk.tidy(user, false);
                }
                is_newer
            }
            _ => true,
        }
    }
}
