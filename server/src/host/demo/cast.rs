//! The accounts of simulated people, and of guests, who are their friends from the beginning.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use tokio::sync::SetOnce;
use tokio::sync::mpsc::Sender;

use super::trace::Trace;
use super::words::REQUESTS;
use crate::host::bucket::Bucket;
use crate::host::command::{Command, RosterChange, RosterChangeKind};
use crate::host::directory::Directory;
use crate::store::{Store, StoreError};
use crate::tokens::Account;

/// How many guests there may be, how many at once, and how long until one more.
const MOST_GUESTS: usize = 1_000;
const GUESTS_AT_ONCE: u32 = 20;
const GUEST_INTERVAL: Duration = Duration::from_secs(1);
/// How long a guest waits at the beginning, while the accounts of all others are being made.
const PATIENCE: Duration = Duration::from_secs(10);
/// Each guest is a friend of every so many of the people.
const EVERY: usize = 5;

/// The accounts of a demonstration.
pub(crate) struct Cast {
    people: SetOnce<Vec<Account>>,
    guests: AtomicUsize,
    door: Mutex<Bucket>,
}

impl Default for Cast {
    fn default() -> Self {
        let door = Bucket::slow(GUESTS_AT_ONCE, GUEST_INTERVAL, Instant::now());
        Self { people: SetOnce::new(), guests: AtomicUsize::new(0), door: Mutex::new(door) }
    }
}

impl Cast {
    /// Makes the accounts of all people of a trace, and makes friends of whom it says.
    pub(super) async fn make(
        &self,
        directory: &Directory,
        trace: &Trace,
    ) -> Result<&[Account], StoreError> {
        let (names, friends) = (trace.names.clone(), trace.friends.clone());
        let writing = directory.writing().await?;
        let made = directory.write(&writing, move |store| {
            let people: Vec<_> =
                names.into_iter().map(|name| account(store, name)).collect::<Result<_, _>>()?;
            for (one, other) in friends {
                befriend(store, &people[one].node, &people[other].node)?;
            }
            Ok(people)
        });
        // They are made once.
        let _ = self.people.set(made.await?);
        Ok(self.people.wait().await)
    }

    /// Makes the account of one more guest; returns its name and a login token.
    ///
    /// # Errors
    /// The status to answer with.
    pub(super) async fn guest(
        &self,
        directory: &Directory,
        commands: &Sender<Command>,
    ) -> Result<(String, String), StatusCode> {
        let failed = |_| StatusCode::SERVICE_UNAVAILABLE;
        let people = tokio::time::timeout(PATIENCE, self.people.wait());
        let people = people.await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        if !self.door.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now()) {
            return Err(StatusCode::TOO_MANY_REQUESTS);
        }
        let number = self.guests.fetch_add(1, Ordering::Relaxed);
        if number >= MOST_GUESTS {
            return Err(StatusCode::TOO_MANY_REQUESTS);
        }
        let chosen = |first: usize| people.iter().skip((number + first) % EVERY).step_by(EVERY);
        let friends: Vec<_> = chosen(0).map(|person| person.node.clone()).collect();
        let asking: Vec<_> =
            chosen(1).take(REQUESTS.len()).map(|person| person.node.clone()).collect();
        let to_befriend = friends.clone();
        let writing = directory.writing().await.map_err(failed)?;
        let made = directory.write(&writing, move |store| {
            let guest = account(store, format!("Guest {}", number + 1))?;
            for friend in &to_befriend {
                befriend(store, &guest.node, friend)?;
            }
            for (person, words) in asking.iter().zip(REQUESTS) {
                store.ask(person, &guest.node, words)?;
            }
            Ok(guest)
        });
        let guest = made.await.map_err(failed)?;
        drop(writing);
        for friend in friends {
            let (user, other) = (friend.into(), guest.node.as_str().into());
            let change = RosterChange { user, other, kind: RosterChangeKind::Befriended };
            // The thread ends only when the whole server does.
            let _ = commands.send(Command::Roster(Box::new(change))).await;
        }
        let token = directory.issue_token(&guest);
        token.map(|token| (guest.name, token)).map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
    }
}

/// Makes an account that nobody has the password of.
fn account(store: &dyn Store, name: String) -> Result<Account, StoreError> {
    let mut secret = [0; 16];
    getrandom::fill(&mut secret).map_err(StoreError::failed)?;
    let password: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let node = store.register(&name, &password, "")?;
    Ok(Account { node, name, domain: String::new() })
}

fn befriend(store: &dyn Store, one: &str, other: &str) -> Result<(), StoreError> {
    store.ask(one, other, "")?;
    store.ask(other, one, "").map(drop)
}
