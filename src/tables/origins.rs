//! Sessions of other nodes, by the node that has them.

use crate::key::SessionId;
use crate::reason::EndReason;
use crate::remote::Origin;
use crate::tables::ids::{RemotePlace, SessionIndex};
use crate::time::Time;
use alloc::vec::Vec;

/// A session of another node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remote {
    pub(crate) session: SessionIndex,
    /// Its id at its node.
    pub(crate) id: SessionId,
    /// If it has ended there and is still shown here, why it ended.
    pub(crate) over: Option<EndReason>,
}

/// A node, or one life of it.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) origin: Origin,
    /// In no order that matters.
    pub(crate) sessions: Vec<Remote>,
    /// Since when nothing is heard of it.
    lost_at: Option<Time>,
    /// When all that it has ends, and the place of that among what ends at the same moment.
    ends_at: Option<(Time, u64)>,
    /// How many of its sessions are yet to be looked at, since the node was lost or came back.
    sessions_to_review: usize,
    /// Whether the entry is a node's.
    in_use: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Origins {
    nodes: Vec<Node>,
    /// How many are lost, or have sessions to be looked at.
    nodes_with_work: usize,
}

impl Origins {
    pub(crate) const fn new() -> Self {
        Self { nodes: Vec::new(), nodes_with_work: 0 }
    }

    pub(crate) fn find(&self, origin: Origin) -> Option<usize> {
        self.nodes.iter().position(|node| node.in_use && node.origin == origin)
    }

    /// Returns the place of a node, which it gets if it has none.
    pub(crate) fn find_or_new(&mut self, origin: Origin) -> usize {
        if let Some(at) = self.find(origin) {
            return at;
        }
        let node = Node {
            origin,
            sessions: Vec::new(),
            lost_at: None,
            ends_at: None,
            sessions_to_review: 0,
            in_use: true,
        };
        if let Some(free) = self.nodes.iter().position(Node::is_free) {
            self.nodes[free] = node;
            return free;
        }
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    pub(crate) fn node(&self, origin: usize) -> &Node {
        &self.nodes[origin]
    }

    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Returns whether something is to be done about any node by and by.
    pub(crate) const fn have_work(&self) -> bool {
        self.nodes_with_work > 0
    }

    /// Notes that nothing is heard of a node since then, and when all that it has ends. Where
    /// contacts are told one state of each user, all its sessions are to be looked at.
    pub(crate) fn lose(
        &mut self,
        origin: usize,
        (since, ends): (Time, (Time, u64)),
        tells_users: bool,
    ) {
        self.change(origin, |node| {
            (node.lost_at, node.ends_at) = (Some(since), Some(ends));
            node.review_all(tells_users);
        });
    }

    /// Notes that a node that was lost is back.
    pub(crate) fn come_back(&mut self, origin: usize, tells_users: bool) {
        self.change(origin, |node| {
            if node.is_lost() {
                (node.lost_at, node.ends_at) = (None, None);
                node.review_all(tells_users);
            }
        });
    }

    /// Notes that all that a node has ends now.
    pub(crate) fn end(&mut self, origin: usize, now: (Time, u64)) {
        self.change(origin, |node| {
            node.lost_at = Some(node.lost_at.unwrap_or(now.0));
            (node.ends_at, node.sessions_to_review) = (Some(now), 0);
        });
    }

    /// Takes the next session of a node that is to be looked at.
    pub(crate) fn next_to_review(&mut self, origin: usize) -> Option<SessionIndex> {
        self.change(origin, |node| node.sessions_to_review -= 1);
        let node = self.node(origin);
        node.sessions.get(node.sessions_to_review).map(|remote| remote.session)
    }

    /// Changes what is known of a node, and counts anew how many keep the engine busy.
    fn change(&mut self, origin: usize, change: impl FnOnce(&mut Node)) {
        change(&mut self.nodes[origin]);
        self.nodes_with_work = self.nodes.iter().filter(|node| node.has_work()).count();
    }

    pub(crate) fn get(&self, place: RemotePlace) -> &Remote {
        &self.nodes[place.origin as usize].sessions[place.nth as usize]
    }

    pub(crate) fn get_mut(&mut self, place: RemotePlace) -> &mut Remote {
        &mut self.nodes[place.origin as usize].sessions[place.nth as usize]
    }

    /// Returns where the next session of a node will stand.
    pub(super) fn next_place(&self, origin: usize) -> RemotePlace {
        RemotePlace { origin: origin as u32, nth: self.nodes[origin].sessions.len() as u32 }
    }

    pub(super) fn push(&mut self, origin: usize, remote: Remote) {
        self.nodes[origin].sessions.push(remote);
    }

    /// Takes a session out. Returns the one that stands there from now on, if another does.
    pub(super) fn remove(&mut self, place: RemotePlace) -> Option<SessionIndex> {
        let node = &mut self.nodes[place.origin as usize];
        node.sessions.swap_remove(place.nth as usize);
        node.sessions_to_review = node.sessions_to_review.min(node.sessions.len());
        let moved = node.sessions.get(place.nth as usize).map(|remote| remote.session);
        if node.sessions.is_empty() {
            node.sessions = Vec::new();
        }
        moved
    }

    /// Gives back what nodes of which there is nothing to know do not need.
    pub(super) fn shrink_to_fit(&mut self) {
        while self.nodes.pop_if(|node| node.is_free()).is_some() {}
        self.nodes.shrink_to_fit();
        self.nodes.iter_mut().for_each(|node| node.sessions.shrink_to_fit());
    }

    /// Forgets a node that has ended, when nothing of it is left.
    pub(crate) fn forget(&mut self, origin: usize) {
        self.change(origin, |node| {
            (node.in_use, node.lost_at, node.ends_at, node.sessions_to_review) =
                (false, None, None, 0);
        });
    }
}

impl Node {
    /// Returns since when nothing is heard of it.
    pub(crate) const fn lost_at(&self) -> Option<Time> {
        self.lost_at
    }

    pub(crate) const fn is_lost(&self) -> bool {
        self.lost_at.is_some()
    }

    /// Returns whether sessions of it are to be looked at.
    pub(crate) const fn has_reviews(&self) -> bool {
        self.sessions_to_review > 0
    }

    /// Returns when something is to be done about it, and its place among what is due at the same
    /// moment: sessions are looked at before anything else.
    pub(crate) fn due(&self) -> Option<(Time, u64)> {
        if self.has_reviews() { Some((Time::ZERO, 0)) } else { self.ends_at }
    }

    fn review_all(&mut self, tells_users: bool) {
        self.sessions_to_review = if tells_users { self.sessions.len() } else { 0 };
    }

    /// Returns whether another node may have its entry: nothing is known of it but its name.
    const fn is_free(&self) -> bool {
        !self.in_use || self.sessions.is_empty() && !self.is_lost()
    }

    /// Returns whether something of it is to be done by and by.
    fn has_work(&self) -> bool {
        self.due().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_of_which_there_is_nothing_to_know_makes_way_for_another() {
        let mut origins = Origins::new();
        let session = Remote { session: SessionIndex(0), id: SessionId::OF_USER, over: None };
        let shows = origins.find_or_new(Origin(0));
        origins.push(shows, session);
        let lost = origins.find_or_new(Origin(1));
        origins.lose(lost, (Time::ZERO, (Time::MAX, 0)), false);
        for name in 2..1_000 {
            let back = origins.find_or_new(Origin(name));
            origins.lose(back, (Time::ZERO, (Time::MAX, 0)), false);
            origins.come_back(back, false);
            assert_eq!(origins.nodes().len(), 3, "those before are forgotten");
        }
        assert_eq!(origins.find(Origin(0)), Some(shows));
        assert_eq!(origins.find(Origin(1)), Some(lost));
        origins.shrink_to_fit();
        assert_eq!(origins.nodes().len(), 2);
    }
}
