//! Changes of what there is between two users: in the store, in the engine, and told to both.

use std::sync::Arc;

use adsum::SessionKey;
use adsum_tim::{Tid, rtype};

use super::command::{Command, Node, RosterChange, RosterChangeKind};
use super::directory::Writing;
use super::requests::watching::note_person;
use super::roster_messages;
use super::shared::Shared;
use super::v1::relation;
use crate::store::{Asked, Relation, Relations, Store, StoreError};

/// The user who changes something, and on which session.
pub(crate) struct Editor<'a> {
    pub(crate) node: &'a Node,
    pub(crate) tid: &'a Arc<Tid>,
    pub(crate) session: SessionKey,
}

/// What a user wants of another one.
pub(crate) enum Wish {
    /// To be friends: asks, with these words, or says yes to who has asked.
    Befriend(String),
    /// That there is nothing between the two: no friendship, no request, no block.
    Remove,
    Block,
}

/// What came of it.
pub(crate) struct Related {
    pub(crate) other: Node,
    /// What there is between the two now, as the user sees it.
    pub(crate) relation: Relation,
}

/// Why it was not done.
pub(crate) enum Refusal {
    /// There is nobody of this name or id.
    Nobody,
    Oneself,
    TooOften,
    Store(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What either of two users sees of the other.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Views {
    own: Relation,
    others: Relation,
}

/// Does what a user wants of the one whom this id names, or, of a wish to be friends, this name.
pub(crate) async fn relate(
    shared: &Shared,
    user: &Editor<'_>,
    named: String,
    wish: Wish,
) -> Result<Related, Refusal> {
    let other = match wish {
        Wish::Befriend(_) => resolve(shared, user, named).await?,
        _ if shared.directory.is_node(&named) => Node::from(named),
        _ => return Err(Refusal::Nobody),
    };
    if other == *user.node {
        return Err(Refusal::Oneself);
    }
    if !shared.edits.may_change(user.node) {
        return Err(Refusal::TooOften);
    }
    note_person(shared, user.session).await;
    let writing = shared.directory.writing().await?;
    // Nobody reads or changes either roster until the engine's thread has been told.
    let lock = shared.directory.lock_two(user.node, &other).await;
    let before = views(shared, user, &other).await?;
    // Whoever says yes does not ask.
    let is_question = matches!(wish, Wish::Befriend(_)) && before.own != Relation::AskedByOther;
    if is_question && !shared.edits.may_ask(user.node, &other) {
        return Err(Refusal::TooOften);
    }
    let words = match wish {
        Wish::Befriend(words) => {
            ask(shared, &writing, user, &other, words.clone()).await?;
            words
        }
        Wish::Remove => {
            remove(shared, &writing, user, &other).await?;
            String::new()
        }
        Wish::Block => {
            block(shared, &writing, user, &other).await?;
            String::new()
        }
    };
    let after = views(shared, user, &other).await?;
    // Who has blocked somebody sees nothing change, and is told of nothing.
    if before.own != after.own {
        relation::tell(shared, user.node, &other, after.own, None).await;
    }
    if before.others != after.others {
        let words = Some(words).filter(|_| after.others == Relation::AskedByOther);
        relation::tell(shared, &other, user.node, after.others, words).await;
    }
    drop(writing);
    drop(lock);
    Ok(Related { other, relation: after.own })
}

/// Returns whom the user means: an account's id, as in tim, or else its name, which people know of
/// each other. (tim tells whoever registers that a name is taken.)
async fn resolve(shared: &Shared, user: &Editor<'_>, typed: String) -> Result<Node, Refusal> {
    let node = user.node.clone();
    let found = shared.directory.quick(move |store| store.resolve(&node, &typed)).await?;
    found.map(Node::from).ok_or(Refusal::Nobody)
}

async fn views(shared: &Shared, user: &Editor<'_>, other: &Node) -> Result<Views, StoreError> {
    let (one, two) = (user.node.clone(), other.clone());
    let read = move |store: &dyn Store| {
        Ok(Views { own: store.relation(&one, &two)?, others: store.relation(&two, &one)? })
    };
    shared.directory.quick(read).await
}

async fn ask(
    shared: &Shared,
    writing: &Writing,
    user: &Editor<'_>,
    other: &Node,
    text: String,
) -> Result<(), StoreError> {
    let (node, whom, words) = (user.node.clone(), other.clone(), text.clone());
    let call = move |store: &dyn Store| store.ask(&node, &whom, &words);
    let asked = shared.directory.write(writing, call).await?;
    // Whoever asks somebody has lifted their own block.
    change_relation(shared, user, other, RosterChangeKind::Unblocked).await;
    shared.directory.edited(user.node, |known| remove_from(&mut known.blocked, other));
    // The same whether it is heard, which whoever asks must not learn.
    if asked != Asked::Friends {
        shared.edits.asked(user.node, other);
    }
    let bn_type = match asked {
        Asked::Waiting => rtype::ADD_ROSTER,
        // They have been told already, and asking again is no reason to tell them again.
        Asked::WaitingStill | Asked::Unheard => return Ok(()),
        Asked::Friends => {
            change_relation(shared, user, other, RosterChangeKind::Befriended).await;
            shared.directory.edited(user.node, |known| befriend(known, other));
            shared.directory.edited(other, |known| befriend(known, user.node));
            rtype::FRIEND
        }
    };
    send_message(shared, user, other, bn_type, Some(text)).await;
    Ok(())
}

async fn remove(
    shared: &Shared,
    writing: &Writing,
    user: &Editor<'_>,
    other: &Node,
) -> Result<(), StoreError> {
    let (node, whom) = (user.node.clone(), other.clone());
    let removed = shared.directory.write(writing, move |store| {
        let before = store.remove(&node, &whom)?;
        // Whoever has blocked this user has not heard of a request, and does not hear of its end.
        Ok((before, store.relation(&whom, &node)? == Relation::Blocked))
    });
    let (before, is_blocked) = removed.await?;
    shared.directory.edited(user.node, |known| separate(known, other));
    shared.directory.edited(other, |known| remove_from(&mut known.friends, user.node));
    match before {
        Relation::Blocked => {
            change_relation(shared, user, other, RosterChangeKind::Unblocked).await
        }
        Relation::Friends => {
            change_relation(shared, user, other, RosterChangeKind::Unfriended).await
        }
        _ => {}
    }
    if before != Relation::Blocked && !is_blocked {
        send_message(shared, user, other, rtype::REMOVE_ROSTER, None).await;
    }
    Ok(())
}

async fn block(
    shared: &Shared,
    writing: &Writing,
    user: &Editor<'_>,
    other: &Node,
) -> Result<(), StoreError> {
    let (node, whom) = (user.node.clone(), other.clone());
    let blocked = shared.directory.write(writing, move |store| {
        let before = store.block(&node, &whom)?;
        Ok((before, store.relation(&whom, &node)? == Relation::Blocked))
    });
    let (before, is_blocked) = blocked.await?;
    shared.directory.edited(user.node, |known| {
        separate(known, other);
        insert(&mut known.blocked, other);
    });
    shared.directory.edited(other, |known| remove_from(&mut known.friends, user.node));
    change_relation(shared, user, other, RosterChangeKind::Blocked).await;
    if before == Relation::Friends {
        change_relation(shared, user, other, RosterChangeKind::Unfriended).await;
    }
    // They need not know that it is a block: that the friendship is over their list says, and a
    // request that is gone without a word would be a block's alone.
    if !matches!(before, Relation::None | Relation::Blocked) && !is_blocked {
        send_message(shared, user, other, rtype::REMOVE_ROSTER, None).await;
    }
    Ok(())
}

/// Tells the engine of a change.
async fn change_relation(shared: &Shared, user: &Editor<'_>, other: &Node, kind: RosterChangeKind) {
    let change = RosterChange { user: user.node.clone(), other: other.clone(), kind };
    shared.command(Command::Roster(Box::new(change))).await;
}

/// Tells a user what another has done.
async fn send_message(
    shared: &Shared,
    user: &Editor<'_>,
    other: &Node,
    bn_type: i32,
    text: Option<String>,
) {
    let message = roster_messages::message(bn_type, user.tid, other, text);
    shared.command(Command::RosterMessage(other.clone(), Box::new(message))).await;
}

/// Makes the two friends in a last known roster.
fn befriend(known: &mut Relations, other: &Node) {
    known.requests.retain(|request| *request.node != **other);
    remove_from(&mut known.waiting, other);
    insert(&mut known.friends, other);
}

/// Ends whatever there is between the two in a last known roster.
fn separate(known: &mut Relations, other: &Node) {
    known.requests.retain(|request| *request.node != **other);
    remove_from(&mut known.waiting, other);
    remove_from(&mut known.friends, other);
    remove_from(&mut known.blocked, other);
}

fn insert(list: &mut Vec<String>, node: &Node) {
    if let Err(at) = list.binary_search_by(|other| other.as_str().cmp(node)) {
        list.insert(at, node.to_string());
    }
}

fn remove_from(list: &mut Vec<String>, node: &Node) {
    list.retain(|other| **other != **node);
}
