//! Devices that have ended, for receivers who have yet to be told.

use std::collections::HashMap;
use std::sync::Arc;

use adsum::SessionId;
use adsum_tim::Tid;

use crate::host::command::Node;

/// The most of each kind that are remembered. Beyond that a notice names the user alone.
const MAX_REMEMBERED: usize = 65_536;

/// The devices of sessions that have ended, and the last such device of each user, until the
/// decisions on the input are carried out; and for as long as some receiver is congested, so that
/// what it missed then names the same devices as what others were told.
#[derive(Default)]
pub(super) struct EndedDevices {
    sessions: HashMap<SessionId, Arc<Tid>>,
    users: HashMap<Node, Arc<Tid>>,
}

impl EndedDevices {
    pub(super) fn of_session(&self, id: SessionId) -> Option<&Arc<Tid>> {
        self.sessions.get(&id)
    }

    pub(super) fn of_user(&self, node: &Node) -> Option<&Arc<Tid>> {
        self.users.get(node)
    }

    pub(super) fn remember(&mut self, id: SessionId, node: &Node, tid: &Arc<Tid>) {
        if self.sessions.len() < MAX_REMEMBERED {
            self.sessions.insert(id, tid.clone());
        }
        if self.users.len() < MAX_REMEMBERED || self.users.contains_key(node) {
            self.users.insert(node.clone(), tid.clone());
        }
    }

    /// Forgets all, as nobody is left who has yet to be told.
    pub(super) fn forget_all(&mut self) {
        if !self.sessions.is_empty() {
            // Gives the memory back too: there may have been many, and the next time may be far
            // off.
            *self = Self::default();
        }
    }
}
