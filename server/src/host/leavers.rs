//! Users who have left, for whoever lets go of what was kept of them.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use super::command::Node;

/// Each user is in it at most once, so it needs no other bound: the engine's thread must never
/// wait for those who look into it.
#[derive(Default)]
pub(crate) struct Leavers {
    users: Mutex<HashSet<Node>>,
    more: Notify,
}

impl Leavers {
    pub(crate) fn push(&self, user: Node) {
        self.users.lock().unwrap_or_else(PoisonError::into_inner).insert(user);
        self.more.notify_one();
    }

    /// Waits until there is somebody, and takes all.
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
        let leavers = Leavers::default();
        for user in ["ann", "bob", "ann"] {
            leavers.push(user.into());
        }
        assert_eq!(leavers.take().await, HashSet::from(["ann".into(), "bob".into()]));
        let (later, ()) = tokio::join!(leavers.take(), async { leavers.push("cat".into()) });
        assert_eq!(later, HashSet::from(["cat".into()]));
    }
}
