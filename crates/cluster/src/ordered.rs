//! Lists that orders of other nodes have changed here. What they are changed into is this node's
//! own word, and newer than the order; so is what else the one that gave it has ordered since.

use crate::desk::Desk;
use crate::message::Version;
use crate::people::Ordered;
use adsum::Event;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash + Clone, P, S: BuildHasher> Desk<K, P, S> {
    /// Returns whether an order that is as old as this changes the lists of a user, of whom this
    /// node has sessions: it is newer than they are, or than the order by the same node that they
    /// come of.
    pub(crate) fn is_newer_order(&self, user: &K, version: Version) -> bool {
        let known = self.people.get(user).map(|person| person.version).unwrap_or_default();
        let follows = |last: &Ordered| {
            let Version { number, clock, by, .. } = last.order;
            last.made.lists() == known.lists()
                && version.by == by
                && (number, clock) < (version.number, version.clock)
                && version.number >= known.number
        };
        version.lists() > known.lists() || self.ordered.get(user).is_some_and(follows)
    }

    /// Returns whether all nodes that have sessions of a user have left: they say nothing of its
    /// lists any more.
    pub(crate) fn is_left(&self, user: &K) -> bool {
        let has_left = |life| self.peers.of_life(life).is_some_and(|peer| peer.has_left);
        let held = self.people.get(user).map_or(&[][..], |person| &person.held);
        let mut there = held.iter().filter(|held| !held.seen.is_empty()).peekable();
        there.peek().is_some() && there.all(|held| has_left(held.life))
    }

    /// Notes that an order has changed the lists of a user, which are of now.
    pub(crate) fn note_ordered(&mut self, user: &K, order: Version, made: Version) {
        self.ordered.insert(user.clone(), Ordered { order, made, at: self.now });
    }

    /// Forgets orders after which the node that gave them has heard long since of the lists, and
    /// tells of later ones.
    pub(crate) fn forget_ordered(&mut self) {
        let (now, keep_ms) = (self.now, 4 * self.config.suspect_ms);
        self.ordered.retain(|_, last| now.since(last.at) < keep_ms);
    }
}

/// Returns whose lists an input changes.
pub(crate) const fn owner_of<K, P>(event: &Event<K, P>) -> Option<&K> {
    match event {
        Event::AudienceAdd { user, .. }
        | Event::AudienceRemove { user, .. }
        | Event::AudienceReplace { user, .. }
        | Event::Block { user, .. }
        | Event::Unblock { user, .. } => Some(user),
        _ => None,
    }
}
