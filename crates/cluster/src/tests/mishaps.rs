//! What happens to nodes and to the network between them.

use super::World;
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
    ) -> impl Iterator<Item = &crate::Message<u32, u32>> {
        let all = self.air.values().filter(move |one| (one.0, one.1) == (from, to));
        all.map(|(.., message)| message)
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
        let life = node.life;
        for other in 0..self.nodes.len() {
            let known = self.nodes[other].cluster.known_until();
            self.before.insert((other, at), (life, known));
        }
    }
}
