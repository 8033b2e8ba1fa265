//! What a node says of its users, change by change: each is taken in its turn, or asked for.

use crate::cluster::Cluster;
use crate::message::{UserState, Version};
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};

impl<K, P, S> Cluster<K, P, S>
where
    K: Eq + Hash + Clone,
    P: Clone,
    S: BuildHasher + Clone,
{
    pub(crate) fn take_ops(&mut self, at: usize, ops: Vec<UserState<K, P>>) {
        for mut op in ops {
            self.cut_as_before(at, &mut op);
            let takes_up = broken!(self.desk, TakeUpAnywhere);
            let overtakes = broken!(self.desk, OvertakeParts);
            let peer = self.desk.peers.at_mut(at);
            peer.seq = peer.seq.max(op.number);
            // An answer in parts is not overtaken: the rest of it would be too old.
            let is_whole = peer.chain.is_none() || overtakes;
            let takes_ops = is_whole && (!peer.is_floor || takes_up);
            let is_next = op.number - 1 == peer.held && takes_ops;
            if op.number <= peer.held {
                self.desk.stats.ops_ignored += 1;
            } else if is_next && !self.lacks_lists(&op) {
                self.desk.peers.at_mut(at).held = op.number;
                self.desk.stats.ops_taken += 1;
                self.take_state(at, op);
            } else if broken!(self.desk, MergeOverGap) {
                self.desk.peers.at_mut(at).held = op.number;
                self.take_state(at, op);
            } else {
                self.desk.stats.ops_ignored += 1;
                if !self.desk.peers.at(at).is_lost && !broken!(self.desk, NeverAsk) {
                    self.desk.ask_again(at);
                }
                return;
            }
        }
    }

    /// Cuts what is said of a user whose lists have fitted into no message, and are the same.
    fn cut_as_before(&self, at: usize, op: &mut UserState<K, P>) {
        if op.state.lists.is_some() || op.is_gone {
            return;
        }
        let life = self.desk.peers.at(at).life;
        let person = self.desk.people.get(&op.user);
        let held = person.and_then(|one| one.held.iter().find(|held| held.life == life));
        if held.is_some_and(|held| held.version == op.version && held.seen.is_cut()) {
            op.is_cut = true;
            (op.state.sessions, op.state.ended, op.stamps) = Default::default();
        }
    }

    /// Returns whether a change counts on lists that this node does not have any more.
    fn lacks_lists(&self, op: &UserState<K, P>) -> bool {
        if op.state.sessions.is_empty() || op.state.lists.is_some() {
            return false;
        }
        let Some(person) = self.desk.people.get(&op.user) else {
            return op.version != Version::default();
        };
        // What is known is at most that, so an older one settles it without the engine.
        !person.version.covers(op.version)
            || !person.version_in(|| self.engine.is_online(&op.user)).covers(op.version)
    }
}
