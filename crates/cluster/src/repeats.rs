//! Users of whom this node does not show what their node has said, or may not: that node says it
//! again, of these users alone. Asking it for everything would take long where it has many.

use crate::desk::{Desk, Post};
use crate::message::{Body, Repeat, To, Version};
use crate::node::NodeId;
use crate::people::{Life, Unsaid};
use adsum::Time;
use core::hash::{BuildHasher, Hash};
use hashbrown::HashSet;

impl<K: Eq + Hash + Clone, P, S: BuildHasher + Clone> Desk<K, P, S> {
    /// Notes that a node is to say something new of a user. It is asked if a beat later it has not.
    pub(crate) fn note_unsaid(&mut self, life: Life, user: &K) {
        self.note_due(life, user, self.now.saturating_add(self.config.beat_ms));
    }

    /// Has a node be asked with the next beat to say again what it has of a user.
    pub(crate) fn ask_anew(&mut self, life: Life, user: &K) {
        self.note_due(life, user, self.now);
    }

    fn note_due(&mut self, life: Life, user: &K, due: Time) {
        let held = self.people.get(user).and_then(|person| person.held_of(life));
        if let Some(number) = held.map(|held| held.number) {
            self.unsaid.push(Unsaid { life, user: user.clone(), number, due });
        }
    }

    /// Asks nodes that are to say something new of users, until they have, with each beat: what
    /// they were asked, or what they said, may be lost. One that is not heard is asked when it is
    /// back.
    pub(crate) fn ask_for_repeats(&mut self) {
        if self.unsaid.is_empty() {
            return;
        }
        let mut known = HashSet::with_hasher(self.people.all.hasher().clone());
        let mut unsaid = core::mem::take(&mut self.unsaid);
        unsaid.retain(|one| {
            let person = self.people.get(&one.user);
            let held = person.and_then(|person| person.held_of(one.life));
            held.is_some_and(|held| held.number == one.number)
                && known.insert((one.life, one.user.clone()))
        });
        // Those of one node go in as few messages as they can.
        unsaid.sort_by_key(|one| one.life);
        let now = self.now;
        for Unsaid { life, user, .. } in unsaid.iter().filter(|one| one.due <= now) {
            let peer = self.peers.of_life(*life).filter(|peer| !peer.is_lost);
            if let Some(id) = peer.map(|peer| peer.id) {
                self.ask_to_repeat(id, user.clone());
            }
        }
        self.unsaid = unsaid;
    }

    /// Asks a node for one more user: in the last message, if it is the same question.
    fn ask_to_repeat(&mut self, to: NodeId, user: K) {
        let max = self.config.max_batch as usize;
        if let Some(Post::Say { body: Body::Repeat(repeat), .. }) = self.outbox.back_mut()
            && repeat.to == to
            && repeat.users.len() < max
        {
            return repeat.users.push(user);
        }
        let body = Body::Repeat(Repeat { to, users: alloc::vec![user] });
        self.outbox.push_back(Post::Say { to: To::Node(to), body });
    }

    /// Has users be told again as they are, with their lists.
    pub(crate) fn say_again(&mut self, users: &[K]) {
        for user in users {
            let own = self.people.all.get_mut(user).and_then(|person| person.own.as_mut());
            if let Some(own) = own {
                own.told = Version::default();
                self.people.list(user);
            }
        }
    }
}
