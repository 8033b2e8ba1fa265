//! What is done beside, for the store: used tokens are saved, and what was overwritten is erased.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::command::Command;
use super::offline_users::OfflineUsers;
use super::shared::Shared;

/// How often what was overwritten in the store is erased.
const ERASE_EVERY: Duration = Duration::from_secs(1);
/// How long used tokens wait for others to be saved with.
const GATHER: Duration = Duration::from_millis(50);
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

/// Lets the store forget users who have gone offline.
async fn release_offline_users(shared: Arc<Shared>, offline: Arc<OfflineUsers>) {
    loop {
        let users = tokio::select! {
            () = shared.stop.cancelled() => return,
            users = offline.take() => users,
        };
        for user in users {
            // Not while they log in again.
            let lock = shared.directory.lock(&user).await;
            let (reply, answer) = oneshot::channel();
            shared.command(Command::IsOnline(user.clone(), reply)).await;
            if answer.await == Ok(false) {
                shared.directory.release(&user).await;
            }
            drop(lock);
        }
    }
}
