//! Contacts and blocks, which an application pushes.
//!
//! What is said last holds: a token that is shown later, or an answer of the application's to the
//! question for a user's contacts, says the lists anew. Of users who are offline there are none.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::asking::ask;
use super::problem::Problem;
use super::reading::{Body, User, users};
use crate::host::command::{Command, Node, RosterChange, RosterChangeKind};
use crate::host::question::{ListsNow, Question};
use crate::host::shared::Shared;

/// What is to change in a list: some come or go, or the whole becomes another.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    add: Option<Vec<String>>,
    remove: Option<Vec<String>>,
    replace: Option<Vec<String>>,
}

/// Which list.
#[derive(Clone, Copy)]
enum Which {
    Contacts,
    Blocked,
}

impl Which {
    fn of(self, lists: ListsNow) -> Vec<Node> {
        match self {
            Self::Contacts => lists.contacts,
            Self::Blocked => lists.blocked,
        }
    }

    const fn kind(self, comes: bool) -> RosterChangeKind {
        match (self, comes) {
            (Self::Contacts, true) => RosterChangeKind::Befriended,
            (Self::Contacts, false) => RosterChangeKind::Unfriended,
            (Self::Blocked, true) => RosterChangeKind::Blocked,
            (Self::Blocked, false) => RosterChangeKind::Unblocked,
        }
    }

    /// Returns the most entries that such a list may have.
    const fn most(self, shared: &Shared) -> usize {
        match self {
            Self::Contacts => shared.config.presence.max_audience as usize,
            Self::Blocked => shared.config.accounts.max_relations as usize,
        }
    }
}

/// Changes who is whose contact, which it is both ways.
pub(super) async fn contacts(
    State(shared): State<Arc<Shared>>,
    User(user): User,
    Body(asked): Body<Change>,
) -> Result<Json<Value>, Problem> {
    change(&shared, &user, Which::Contacts, asked).await
}

/// Changes whom a user has blocked.
pub(super) async fn blocked(
    State(shared): State<Arc<Shared>>,
    User(user): User,
    Body(asked): Body<Change>,
) -> Result<Json<Value>, Problem> {
    change(&shared, &user, Which::Blocked, asked).await
}

async fn change(
    shared: &Shared,
    user: &Node,
    which: Which,
    asked: Change,
) -> Result<Json<Value>, Problem> {
    if shared.directory.keeps_lists() {
        let detail = "users keep their lists with this server, and change them themselves";
        return Err(Problem::conflict("kept_here", detail));
    }
    let read = |list: Option<Vec<String>>| users(shared, list.unwrap_or_default());
    let has_changes = asked.add.is_some() || asked.remove.is_some();
    if has_changes == asked.replace.is_some() {
        return Err(Problem::invalid("either add and remove, or replace"));
    }
    let is_whole = asked.replace.is_some();
    let (come, mut go) = (read(asked.replace.or(asked.add))?, read(asked.remove)?);
    if come.contains(user) || come.iter().any(|other| go.binary_search(other).is_ok()) {
        return Err(Problem::invalid("a user is no contact of itself, and nobody comes and goes"));
    }
    // Nobody who logs in overtakes this with lists that are older.
    let lock = shared.directory.lock(user).await;
    let mut now = list(shared, user, which).await?.unwrap_or_default();
    now.sort_unstable();
    if is_whole {
        go = now.iter().filter(|one| come.binary_search(one).is_err()).cloned().collect();
    }
    let stay = now.iter().filter(|one| go.binary_search(one).is_err()).count();
    let new = come.iter().filter(|one| now.binary_search(one).is_err()).count();
    if stay + new > which.most(shared) {
        return Err(Problem::conflict("list_full", "the list would be longer than it may be"));
    }
    for (others, comes) in [(go, false), (come, true)] {
        for other in others {
            let change = RosterChange { user: user.clone(), other, kind: which.kind(comes) };
            shared.command(Command::Roster(Box::new(change))).await;
        }
    }
    drop(lock);
    let now = list(shared, user, which).await?;
    let count = now.as_ref().map_or(0, Vec::len);
    Ok(Json(json!({ "user": user.as_ref(), "online": now.is_some(), "count": count })))
}

/// Returns whom a user's list names, if the user is online.
async fn list(shared: &Shared, user: &Node, which: Which) -> Result<Option<Vec<Node>>, Problem> {
    let lists = ask(shared, |reply| Question::Lists(user.clone(), reply)).await?;
    Ok(lists.map(|lists| which.of(lists)))
}
