//! Who is online, in an order that an administrator can page through.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::host::command::{Node, OnlinePage};

/// The users who have a session, and how many.
#[derive(Default)]
pub(super) struct OnlineUsers {
    sessions: BTreeMap<Node, usize>,
}

impl OnlineUsers {
    /// Counts one session more.
    pub(super) fn add(&mut self, user: Node) {
        *self.sessions.entry(user).or_default() += 1;
    }

    /// Counts one session less; returns whether it was the user's last.
    pub(super) fn remove(&mut self, user: &Node) -> bool {
        let Some(sessions) = self.sessions.get_mut(user) else { return false };
        *sessions -= 1;
        let last = *sessions == 0;
        if last {
            self.sessions.remove(user);
        }
        last
    }

    /// Returns the next users after this one, `limit` at most.
    pub(super) fn page(&self, after: Option<Node>, limit: usize) -> OnlinePage {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = self.sessions.range::<Node, _>((from, Bound::Unbounded));
        let users =
            rest.by_ref().take(limit).map(|(node, sessions)| (node.clone(), *sessions)).collect();
        OnlinePage { users, more: rest.next().is_some(), total: self.sessions.len() }
    }
}
