//! Who is online, in an order that an administrator can page through.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::host::command::Node;

/// What is kept of a user who is online.
#[derive(Clone, Copy, Debug)]
pub(super) struct OnlineUser {
    /// Since when, in milliseconds since 1970.
    pub(super) since_ms: u64,
    /// Whether the user was visible when that was last told.
    pub(super) visible: bool,
}

/// The users who are online, sorted: the engine knows them in no particular order, and a page is
/// to cost no more than what is on it.
#[derive(Default)]
pub(super) struct OnlineUsers {
    users: BTreeMap<Node, OnlineUser>,
}

impl OnlineUsers {
    pub(super) fn insert(&mut self, user: Node, online: OnlineUser) {
        self.users.insert(user, online);
    }

    pub(super) fn remove(&mut self, user: &Node) -> Option<OnlineUser> {
        self.users.remove(user)
    }

    pub(super) fn get(&self, user: &Node) -> Option<OnlineUser> {
        self.users.get(user).copied()
    }

    pub(super) fn get_mut(&mut self, user: &Node) -> Option<&mut OnlineUser> {
        self.users.get_mut(user)
    }

    /// Returns the users after this one.
    pub(super) fn after(&self, user: Option<Node>) -> impl Iterator<Item = (&Node, OnlineUser)> {
        let from = user.map_or(Bound::Unbounded, Bound::Excluded);
        let users = self.users.range::<Node, _>((from, Bound::Unbounded));
        users.map(|(user, online)| (user, *online))
    }
}
