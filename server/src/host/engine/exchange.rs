//! What goes between this server and the others, if it is one of several.

use std::time::{Duration, Instant};

use adsum_cluster::{Fault, Next};
use tokio::sync::oneshot;

use super::core::Core;
use super::engines::{Engines, OneOfSeveral, Taken};
use crate::host::command::Heard;

/// How old what other nodes are to hear may become while there is more to do.
const MAX_AGE: Duration = Duration::from_millis(2);

impl Core {
    /// Says to the others that this server is there, now that it is certain that its name is its
    /// own.
    pub(super) fn begin(&mut self) {
        if let Some(node) = self.engine.one_of_several() {
            node.has_begun = true;
        }
        self.advance();
    }

    /// Takes what another node says.
    pub(super) fn hear(&mut self, heard: Heard) {
        let now = self.clock.now();
        let Some(node) = self.engine.one_of_several().filter(|node| node.has_begun) else { return };
        let Heard { sender, message } = heard;
        if let Err(fault) = node.cluster.receive(now, sender, message) {
            node.handle.refused(fault);
            // An earlier life is this server's own, or somebody who has to stop.
            if let Fault::NameTaken { theirs } = fault
                && theirs > node.incarnation
            {
                node.handle.is_replaced_by(theirs);
            }
        }
    }

    /// Leaves: the others are told so, and hear nothing of what happens here from then on.
    pub(super) fn leave(&mut self, done: oneshot::Sender<()>) {
        let now = self.clock.now();
        if let Some(node) = self.engine.one_of_several().filter(|node| node.has_begun) {
            node.cluster.leave(now);
            self.exchange();
            if let Some(node) = self.engine.one_of_several() {
                node.handle.flush(done);
            }
        }
    }

    /// The same if there is much to do, and what others are to hear has become old.
    pub(super) fn exchange_in_time(&mut self, since: &mut Instant) {
        if matches!(self.engine, Engines::OneOfSeveral(_)) && since.elapsed() >= MAX_AGE {
            self.exchange();
            *since = Instant::now();
        }
    }

    /// Does what nodes give each other to do, and hands on what this one says: all that is there at
    /// once goes in one message.
    pub(super) fn exchange(&mut self) {
        let now = self.clock.now();
        loop {
            let Engines::OneOfSeveral(node) = &mut self.engine else { return };
            if !node.has_begun {
                return;
            }
            let OneOfSeveral { cluster, handle, .. } = &mut **node;
            let posted_again = match cluster.next(now) {
                Some(Next::Decisions(outputs)) => {
                    self.dispatch.is_of_others = true;
                    self.dispatch.carry_out(Taken::OneOfSeveral(outputs));
                    self.dispatch.is_of_others = false;
                    None
                }
                Some(Next::PostOnline { user, number }) => Some((user, number)),
                Some(Next::Send { to, message }) => {
                    handle.send(to, message);
                    continue;
                }
                None => break,
            };
            self.settle();
            // Whom it is about has come by then.
            if let Some((user, number)) = posted_again {
                self.post_online(user, number);
            }
        }
        let Some(node) = self.engine.one_of_several() else { return };
        if node.cluster.is_synced() {
            node.handle.set_ready();
        }
        if node.cluster.take_missed() {
            self.edges.may_have_missed();
        }
    }
}
