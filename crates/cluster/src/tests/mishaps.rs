//! What happens to nodes and to the network between them.

use super::{Node, World};
use crate::Message;
use crate::tests::name;
use adsum::{Event, LostCause};
use adsum_model::beliefs::Beliefs;
use std::collections::BTreeSet;

impl World {
    pub(in crate::tests) fn cut(&mut self, at: usize) {
        self.log.push(format!("{} {at} is cut off", self.now));
        for other in (0..self.nodes.len()).filter(|other| *other != at) {
            self.cuts.insert((at.min(other), at.max(other)));
        }
    }

    pub(in crate::tests) fn cut_between(&mut self, one: usize, other: usize) {
        self.cuts.insert((one.min(other), one.max(other)));
    }

    /// Nothing that is under way arrives.
    pub(in crate::tests) fn clear(&mut self) {
        self.air.clear();
    }

    /// Returns what is under way from one node to another.
    pub(in crate::tests) fn under_way(
        &self,
        from: usize,
        to: usize,
    ) -> impl Iterator<Item = &Message<u32, u32>> {
        let all = self.air.values().filter(move |one| (one.0, one.1) == (from, to));
        all.map(|(.., message)| message)
    }

    /// The host's versions of lists are all the same from now on: as if it had none.
    pub(in crate::tests) fn forget_versions(&mut self) {
        self.version = 0;
    }

    /// Gives a node an input in which nothing goes wrong.
    pub(in crate::tests) fn does(&mut self, at: usize, event: Event<u32, u32>) {
        self.give(at, event).expect("it is right");
    }

    /// A node is told a message, and does nothing about it yet.
    pub(super) fn receive(&mut self, from: usize, to: usize, message: Message<u32, u32>) {
        let now = self.clock(to);
        let node = &mut self.nodes[to];
        if let Err(fault) = node.cluster.receive(now, name(from), message) {
            node.faults.push(fault);
        }
    }

    /// A node is told the first that is under way to it, if anything is.
    pub(super) fn hear(&mut self, at: usize) {
        let first = self.air.iter().find(|(_, (_, to, _))| *to == at).map(|(place, _)| *place);
        if let Some((from, to, message)) = first.and_then(|place| self.air.remove(&place)) {
            self.receive(from, to, message);
        }
    }

    /// Gives a node an input, and has it hear all that is under way to it before it does anything
    /// about either.
    pub(in crate::tests) fn give_and_hear(&mut self, at: usize, event: Event<u32, u32>) {
        self.input(at, event).expect("it is right");
        self.hear_all(at);
        self.pump(at).expect("nothing goes wrong");
    }

    /// A node is told all that is under way to it, and does nothing about it yet.
    pub(in crate::tests) fn hear_all(&mut self, at: usize) {
        for _ in 0..self.air.len() {
            self.hear(at);
        }
    }

    /// Nothing is kept of whoever is offline, when all agree (rule C16).
    pub(in crate::tests) fn look_for_leftovers(&self) -> Result<(), String> {
        for (at, Node { cluster, .. }) in self.nodes.iter().enumerate() {
            let gone = cluster.desk.people.all.iter();
            let mut gone = gone.filter(|(user, _)| !cluster.engine().is_online(user));
            if let Some((user, person)) = gone.next() {
                return Err(format!("{at} has of {user}, who is offline: {person:?}"));
            }
            let kept = (cluster.desk.parting_count(), cluster.desk.jobs.len());
            if kept != (0, 0) {
                return Err(format!("{at} keeps {kept:?}"));
            }
        }
        Ok(())
    }

    pub(in crate::tests) fn heal_between(&mut self, one: usize, other: usize) {
        self.cuts.remove(&(one.min(other), one.max(other)));
    }

    pub(in crate::tests) fn heal(&mut self) {
        self.cuts.clear();
    }

    /// A node says that it leaves, its connections are closed, and it stops.
    pub(in crate::tests) fn leave(&mut self, at: usize) {
        let now = self.clock(at);
        self.nodes[at].cluster.leave(now);
        self.pump(at).expect("leaving is right");
        let engine = self.nodes[at].cluster.engine();
        let own: Vec<_> = engine.all_sessions().map(|one| one.key).collect();
        for session in own.into_iter().filter(|key| !key.is_remote()) {
            let (cause, grace_ms) = (LostCause::NodeLoss, None);
            self.give(at, Event::Lost { session, cause, grace_ms }).expect("a loss is right");
        }
        self.wait(20);
        self.kill(at);
    }

    pub(in crate::tests) fn kill(&mut self, at: usize) {
        if core::mem::take(&mut self.nodes[at].is_up) {
            self.log.push(format!("{} {at} is killed", self.now));
        }
    }

    pub(in crate::tests) fn start(&mut self, at: usize) {
        if self.nodes[at].is_up {
            return;
        }
        self.log.push(format!("{} {at} is started", self.now));
        let node = &mut self.nodes[at];
        (node.is_up, node.life) = (true, node.life + 1);
        // What it was to post is lost, and so its host says.
        self.missed[at] += 1;
        node.cluster = super::super::node(at, node.life, &self.options, self.config.clone());
        (node.beliefs, node.online) = (Beliefs::default(), BTreeSet::new());
        node.waiting.clear();
        let life = node.life;
        for other in 0..self.nodes.len() {
            let known = self.nodes[other].cluster.known_until();
            self.before.insert((other, at), (life, known));
        }
    }
}
