//! Devices that have ended, for receivers who have yet to be told.

use std::collections::HashMap;
use std::sync::Arc;

use adsum::SessionKey;
use adsum_tim::Tid;

use crate::host::command::Node;

/// The most of each kind that are remembered. Beyond that a notice names the user alone.
const MAX_REMEMBERED: usize = 65_536;

/// The devices of sessions that ended, and the last device of users who went offline, while some
/// receiver was congested: what it missed then names the same devices as what others were told.
#[derive(Default)]
pub(super) struct EndedDevices {
    sessions: HashMap<SessionKey, Arc<Tid>>,
    users: HashMap<Node, Arc<Tid>>,
}

impl EndedDevices {
    pub(super) fn of_session(&self, key: SessionKey) -> Option<&Arc<Tid>> {
        self.sessions.get(&key)
    }

    pub(super) fn of_user(&self, node: &Node) -> Option<&Arc<Tid>> {
        self.users.get(node)
    }

    pub(super) fn remember_session(&mut self, key: SessionKey, tid: Arc<Tid>) {
        if self.sessions.len() < MAX_REMEMBERED {
            self.sessions.insert(key, tid);
        }
    }

    pub(super) fn remember_user(&mut self, node: Node, tid: Arc<Tid>) {
        if self.users.len() < MAX_REMEMBERED || self.users.contains_key(&node) {
            self.users.insert(node, tid);
        }
    }

    /// Forgets all, as nobody is left who has missed anything.
    pub(super) fn forget_all(&mut self) {
        // Gives the memory back too: there may have been many, and the next time may be far off.
        *self = Self::default();
    }
}
