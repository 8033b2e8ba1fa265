//! What there is between two users, as clients of the neutral protocol are told.

use serde::Serialize;

use crate::host::command::{Command, Node};
use crate::host::shared::Shared;
use crate::store::{Relation, Store, StoreError};

/// What there is between a user and another one.
#[derive(Serialize)]
pub(super) struct Entry<'a> {
    pub(super) u: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    pub(super) relation: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<&'a str>,
    /// Since when it waits, in milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<u64>,
}

/// Returns what a relation is called.
pub(super) const fn word(relation: Relation) -> &'static str {
    match relation {
        Relation::None => "none",
        Relation::Asked => "asked",
        Relation::AskedByOther => "asks",
        Relation::Friends => "friends",
        Relation::Blocked => "blocked",
    }
}

/// Returns the name of an account.
pub(super) fn name(store: &dyn Store, node: &str) -> Result<Option<String>, StoreError> {
    Ok(store.owner(node)?.map(|(name, _)| name))
}

/// Tells a user what there is between them and another one from now on.
pub(crate) async fn tell(
    shared: &Shared,
    to: &Node,
    other: &Node,
    relation: Relation,
    words: Option<String>,
) {
    let node = other.clone();
    // Without a name there is still the id.
    let name = shared.directory.quick(move |store| name(store, &node)).await.unwrap_or_default();
    let entry =
        Entry { u: other, name, relation: word(relation), text: words.as_deref(), at: None };
    #[derive(Serialize)]
    struct Frame<'a> {
        op: &'static str,
        #[serde(flatten)]
        entry: Entry<'a>,
    }
    let frame = serde_json::to_vec(&Frame { op: "relation", entry }).unwrap_or_default();
    shared.command(Command::Relation(to.clone(), frame)).await;
}
