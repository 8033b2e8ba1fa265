//! Users of whom this node does not show what their node has said, or may not: that node says it
//! again, of these users alone. Asking it for everything would take long where it has many.

use crate::desk::{Desk, Post};
use crate::message::{Body, Repeat, To, Version};
use crate::node::NodeId;
use crate::people::{Life, Unsaid};
use core::hash::{BuildHasher, Hash};
use hashbrown::HashSet;

impl<K: Eq + Hash + Clone, P, S: BuildHasher + Clone> Desk<K, P, S> {
    /// Notes that a node is to say something new of a user. It is asked if a beat later it has not.
    pub(crate) fn note_unsaid(&mut self, life: Life, user: &K) {
        let held = self.people.get(user).and_then(|person| person.held_of(life));
        let Some(number) = held.map(|held| held.number) else { return };
        self.unsaid.push(Unsaid { life, user: user.clone(), number, since: self.now });
    }

    /// Asks a node to say again what it has of a user.
    pub(crate) fn ask_anew(&mut self, life: Life, user: &K) {
        self.note_unsaid(life, user);
        // If not now, it is asked when it is heard again.
        let id = self.peers.of_life(life).filter(|peer| !peer.is_lost).map(|peer| peer.id);
        if let Some(id) = id {
            self.ask_to_repeat(id, user.clone());
        }
    }

    /// Asks nodes again that have said nothing new for a beat: what they were asked, or what they
    /// said, may be lost, or they have not carried out an order, or have done so before what they
    /// said last. With each beat.
    pub(crate) fn ask_for_repeats(&mut self) {
        if self.unsaid.is_empty() {
            return;
        }
        let (now, beat_ms) = (self.now, self.config.beat_ms);
        let mut known = HashSet::with_hasher(self.people.all.hasher().clone());
        let mut unsaid = core::mem::take(&mut self.unsaid);
        unsaid.retain(|one| {
            let person = self.people.get(&one.user);
            let held = person.and_then(|person| person.held_of(one.life));
            held.is_some_and(|held| held.number == one.number)
                && known.insert((one.life, one.user.clone()))
        });
        for Unsaid { life, user, since, .. } in &unsaid {
            let peer = self.peers.of_life(*life).filter(|peer| !peer.is_lost);
            let is_due = now.since(*since) >= beat_ms;
            if let Some(id) = peer.filter(|_| is_due).map(|peer| peer.id) {
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
