//! Who is online, in an order that an administrator can page through.

use std::collections::BTreeSet;
use std::ops::Bound;

use crate::host::command::Node;

/// The users who are online, sorted: the engine knows them in no particular order, and a page is
/// to cost no more than what is on it.
#[derive(Default)]
pub(super) struct OnlineUsers {
    users: BTreeSet<Node>,
}

impl OnlineUsers {
    pub(super) fn insert(&mut self, user: Node) {
        self.users.insert(user);
    }

    pub(super) fn remove(&mut self, user: &Node) {
        self.users.remove(user);
    }

    /// Returns the users after this one.
    pub(super) fn after(&self, user: Option<Node>) -> impl Iterator<Item = &Node> {
        let from = user.map_or(Bound::Unbounded, Bound::Excluded);
        self.users.range::<Node, _>((from, Bound::Unbounded))
    }
}
