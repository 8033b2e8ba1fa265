//! Who is taken out of a topic at all nodes, by an order: each node says of its own when they have
//! gone. One that carries the order out late may take somebody out who has come again since.

use crate::cluster::Cluster;
use crate::desk::Desk;
use crate::digest;
use crate::people::{Life, TakenOut};
use adsum::Event;
use core::hash::{BuildHasher, Hash};

impl<K, P, S> Cluster<K, P, S>
where
    K: Eq + Hash + Clone,
    P: Clone,
    S: BuildHasher + Clone,
{
    /// Notes whom an input is about to take out of a topic who are at other nodes.
    pub(crate) fn note_taken_out(&mut self, event: &Event<K, P>) {
        let Self { engine, desk } = self;
        let topic = match event {
            Event::Close { topic } | Event::Remove { topic, .. } => engine.topic(topic),
            _ => None,
        };
        let Some(topic) = topic else { return };
        match event {
            Event::Remove { user, .. } => desk.note_taken_out(user),
            _ => topic.users().for_each(|user| desk.note_taken_out(user)),
        }
    }
}

impl<K: Eq + Hash + Clone, P, S: BuildHasher> Desk<K, P, S> {
    fn note_taken_out(&mut self, user: &K) {
        let Some(person) = self.people.get(user) else { return };
        if broken!(self, BelieveOrder) {
            return;
        }
        let there = person.held.iter().filter(|held| !held.seen.is_empty());
        let there = there.map(|held| (held.life, held.number));
        self.taken_out.extend(there.map(|(life, number)| TakenOut {
            life,
            user: user.clone(),
            number,
        }));
    }

    /// Asks nodes for everything that have said nothing more of somebody who was taken out: so they
    /// have not carried the order out, or it was before what they said last.
    pub(crate) fn ask_for_taken_out(&mut self) {
        for TakenOut { life, user, number } in core::mem::take(&mut self.taken_out) {
            let held = self.people.get(&user).and_then(|person| person.held_of(life));
            if held.is_some_and(|held| held.number == number) {
                self.ask_anew(life, &user);
            }
        }
    }

    /// Forgets what a node has said of a user, and asks it for everything: the same is news then.
    pub(crate) fn ask_anew(&mut self, life: Life, user: &K) {
        let Self { people, peers, .. } = self;
        let Some(peer) = peers.iter_mut().find(|peer| peer.life == life) else { return };
        let person = people.all.get_mut(user);
        let held = person.and_then(|one| one.held.iter_mut().find(|held| held.life == life));
        let Some(held) = held else { return };
        peer.sum.renumber(digest::of(user), [held.number, 0]);
        held.number = 0;
        let is_asked = peer.is_floor || peer.was_asked(self.now, self.config.beat_ms);
        let is_asked = is_asked || peer.is_lost;
        let id = peer.id;
        (peer.is_floor, peer.chain) = (true, None);
        // If not now, it is asked when it is heard next.
        if let Some(at) = self.peers.find(id).filter(|_| !is_asked) {
            self.ask(at, true);
        }
    }
}
