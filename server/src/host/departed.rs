//! Devices that are gone, for those who are still to be told.

use std::collections::HashMap;
use std::sync::Arc;

use adsum::SessionKey;
use adsum_tim::Tid;

use super::command::Node;

/// The most of each kind that are remembered. Beyond it a notice names the user alone.
const MOST: usize = 65_536;

/// How sessions called themselves that ended, and by which device users were last heard of, while
/// some receiver was congested: what it missed names the same devices as what the others were
/// told at once.
#[derive(Default)]
pub(crate) struct Departed {
    sessions: HashMap<SessionKey, Arc<Tid>>,
    users: HashMap<Node, Arc<Tid>>,
}

impl Departed {
    pub(crate) fn session(&self, key: SessionKey) -> Option<&Arc<Tid>> {
        self.sessions.get(&key)
    }

    pub(crate) fn user(&self, node: &Node) -> Option<&Arc<Tid>> {
        self.users.get(node)
    }

    pub(crate) fn remember_session(&mut self, key: SessionKey, tid: Arc<Tid>) {
        if self.sessions.len() < MOST {
            self.sessions.insert(key, tid);
        }
    }

    pub(crate) fn remember_user(&mut self, node: Node, tid: Arc<Tid>) {
        if self.users.len() < MOST || self.users.contains_key(&node) {
            self.users.insert(node, tid);
        }
    }

    /// Nobody is left who has missed anything.
    pub(crate) fn forget_all(&mut self) {
        // With their memory: the next time may be far, and it may have been many.
        *self = Self::default();
    }
}
