//! What is done beside, for the store: used tokens are saved, and what was overwritten is erased.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::command::{Command, Node};
use super::offline_users::OfflineUsers;
use super::shared::Shared;

/// How often what was overwritten in the store is erased.
const ERASE_EVERY: Duration = Duration::from_secs(1);
/// How long used tokens wait for others to be saved with, and users who are gone for others.
const GATHER: Duration = Duration::from_millis(50);
/// How many users are looked at together: whoever has one of their locks waits as long.
const AT_ONCE: usize = 64;
/// How long to wait after they could not be saved.
const PAUSE: Duration = Duration::from_secs(1);

/// Starts all of it; it ends with the server.
pub(crate) fn start(shared: &Arc<Shared>, offline: Arc<OfflineUsers>) {
    tokio::spawn(release_offline_users(shared.clone(), offline));
    tokio::spawn(erase_now_and_then(shared.clone()));
    tokio::spawn(save_used_tokens(shared.clone()));
}

async fn erase_now_and_then(shared: Arc<Shared>) {
    while tokio::time::timeout(ERASE_EVERY, shared.stop.cancelled()).await.is_err() {
        shared.directory.erase().await;
    }
}

/// Saves which tokens were used, so that they are known as used after a restart. Nobody waits for
/// it: a server that is killed forgets those of the last moment.
async fn save_used_tokens(shared: Arc<Shared>) {
    loop {
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = shared.directory.token_used() => {}
        }
        tokio::time::sleep(GATHER).await;
        if shared.directory.save_used_tokens().await.is_err() {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Lets the store forget users who have gone offline: those of a while together, since asking
/// whether they still are wakes the engine's thread.
async fn release_offline_users(shared: Arc<Shared>, offline: Arc<OfflineUsers>) {
    loop {
        let users: Vec<Node> = tokio::select! {
            () = shared.stop.cancelled() => return,
            users = offline.take() => users.into_iter().collect(),
        };
        for users in users.chunks(AT_ONCE) {
            let (mut locks, mut to_ask) = (Vec::new(), Vec::new());
            for user in users {
                match shared.directory.try_lock(user) {
                    Some(lock) => {
                        locks.push(lock);
                        to_ask.push(user.clone());
                    }
                    // Not while they may be logging in again.
                    None => offline.push(user.clone()),
                }
            }
            if to_ask.is_empty() {
                continue;
            }
            let (reply, answer) = oneshot::channel();
            shared.command(Command::WhoIsOffline(to_ask, reply)).await;
            for user in answer.await.unwrap_or_default() {
                shared.directory.release(&user).await;
            }
        }
        tokio::time::sleep(GATHER).await;
    }
}
