//! Users who have gone offline, for the task that lets the store forget them.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use super::command::Node;

/// The users who have gone offline since the list was last taken.
///
/// Each user is in it at most once, so it needs no other bound: the engine's thread must never
/// wait for the task that takes it.
#[derive(Default)]
pub(crate) struct OfflineUsers {
    users: Mutex<HashSet<Node>>,
    more: Notify,
}

impl OfflineUsers {
    pub(crate) fn push(&self, user: Node) {
        self.users.lock().unwrap_or_else(PoisonError::into_inner).insert(user);
        self.more.notify_one();
    }

    /// Waits until there is a user, and takes all.
    pub(crate) async fn take(&self) -> HashSet<Node> {
        loop {
            let users =
                std::mem::take(&mut *self.users.lock().unwrap_or_else(PoisonError::into_inner));
            if !users.is_empty() {
                return users;
            }
            self.more.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_is_taken_once() {
        let offline = OfflineUsers::default();
        for user in ["ann", "bob", "ann"] {
            offline.push(user.into());
        }
        assert_eq!(offline.take().await, HashSet::from(["ann".into(), "bob".into()]));
        let (later, ()) = tokio::join!(offline.take(), async { offline.push("cat".into()) });
        assert_eq!(later, HashSet::from(["cat".into()]));
    }
}
