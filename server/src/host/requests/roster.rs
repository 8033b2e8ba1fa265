//! Requests about a user's roster: lists, changes, and visibility to it.

use adsum_tim::{Code, Kind, TimAck, TimNodes, TimReq, ntype, rtype};

use super::login::User;
use super::watching;
use crate::host::command::{Command, Node, RosterChange, RosterChangeKind};
use crate::host::directory::Writing;
use crate::host::roster_messages::{self, ACTIVE, INVISIBLE, VISIBLE, WITHDRAW, done};
use crate::host::shared::Shared;
use crate::store::{Asked, Relation, Relations, Store, StoreError};

/// Returns the answer to one request, or nothing where tim answers nothing.
pub(crate) async fn answer(shared: &Shared, user: &User, request: TimReq) -> Option<Vec<u8>> {
    let outcome = match request.rtype {
        Some(rtype::ROSTER) => list(shared, user, ntype::ROSTER).await,
        Some(rtype::BLOCK_ROSTER_LIST) => list(shared, user, ntype::BLOCK_ROSTER_LIST).await,
        Some(WITHDRAW) => {
            shared.command(Command::Withdraw(user.session)).await;
            Ok(None)
        }
        // The engine's thread answers these two, and not only the session that asked.
        Some(INVISIBLE) => {
            shared.command(Command::Invisible(user.session)).await;
            Ok(None)
        }
        Some(VISIBLE) => {
            shared.command(Command::Visible(user.session)).await;
            Ok(None)
        }
        Some(ACTIVE) => watching::active(shared, user).await.map(|()| None),
        Some(edit @ (rtype::ADD_ROSTER | rtype::REMOVE_ROSTER | rtype::BLOCK_ROSTER)) => {
            change(shared, user, edit, request).await
        }
        // Rooms, and whatever else tim offers.
        Some(_) => Err(Code::Interface),
        None => Err(Code::Parameter),
    };
    outcome.unwrap_or_else(|code| {
        shared.metrics.frame_refused(code.info());
        Some(TimAck::refused(Kind::BUSINESS, code).to_frame(user.form, Kind::ACK))
    })
}

/// Returns the frame with a list of nodes; tim's clients expect silence where there are none.
async fn list(shared: &Shared, user: &User, ntype: i32) -> Result<Option<Vec<u8>>, Code> {
    let lock = shared.directory.lock(&user.node).await;
    let relations = shared.directory.relations(&user.node).await.map_err(|error| error.code())?;
    drop(lock);
    let nodes = match ntype {
        ntype::ROSTER => &relations.friends,
        _ => &relations.blocked,
    };
    if nodes.is_empty() {
        return Ok(None);
    }
    let answer = TimNodes { ntype, nodelist: Some(nodes.clone()), ..TimNodes::default() };
    Ok(Some(answer.to_frame(user.form, Kind::NODES)))
}

async fn change(
    shared: &Shared,
    user: &User,
    edit: i32,
    request: TimReq,
) -> Result<Option<Vec<u8>>, Code> {
    let named = request.node.filter(|node| !node.is_empty()).ok_or(Code::Parameter)?;
    if edit == rtype::ADD_ROSTER && request.req_str.is_none() {
        return Err(Code::Parameter);
    }
    let other = match edit {
        rtype::ADD_ROSTER => resolve(shared, user, named).await?,
        _ if shared.directory.is_node(&named) => Node::from(named),
        _ => return Err(Code::Account),
    };
    if other == user.node {
        return Err(Code::Permission);
    }
    if !shared.edits.may_change(&user.node) {
        return Err(Code::Frequency);
    }
    watching::note_person(shared, user).await;
    let writing = shared.directory.writing().await.map_err(|error| error.code())?;
    // Nobody reads or changes either roster until the engine's thread has been told.
    let lock = shared.directory.lock_two(&user.node, &other).await;
    let answer = match edit {
        // Whoever says yes does not ask.
        rtype::ADD_ROSTER
            if !shared.edits.may_ask(&user.node, &other)
                && !has_asked(shared, &other, user).await? =>
        {
            return Err(Code::Frequency);
        }
        rtype::ADD_ROSTER => {
            let text = request.req_str.unwrap_or_default();
            ask(shared, &writing, user, &other, text).await.map(|()| None)
        }
        rtype::REMOVE_ROSTER => {
            remove(shared, &writing, user, &other).await.map(|()| Some(done(edit, Some(&other))))
        }
        _ => block(shared, &writing, user, &other).await.map(|()| Some(done(edit, Some(&other)))),
    };
    drop(writing);
    drop(lock);
    let answer = answer.map_err(|error| error.code())?;
    Ok(answer.map(|ack| ack.to_frame(user.form, Kind::ACK)))
}

/// Returns whom the user means: an account's id, as in tim, or else its name, which people know of
/// each other. (tim tells whoever registers that a name is taken.)
async fn resolve(shared: &Shared, user: &User, typed: String) -> Result<Node, Code> {
    let node = user.node.clone();
    let found = shared.directory.quick(move |store| store.resolve(&node, &typed)).await;
    found.map_err(|error| error.code())?.map(Node::from).ok_or(Code::Account)
}

/// Returns whether the other one has asked the user, who has not answered.
async fn has_asked(shared: &Shared, other: &Node, user: &User) -> Result<bool, Code> {
    let (node, whom) = (user.node.clone(), other.clone());
    let relation = shared.directory.quick(move |store| store.relation(&node, &whom)).await;
    relation.map(|is| is == Relation::AskedByOther).map_err(|error| error.code())
}

async fn ask(
    shared: &Shared,
    writing: &Writing,
    user: &User,
    other: &Node,
    text: String,
) -> Result<(), StoreError> {
    let (node, whom, words) = (user.node.clone(), other.clone(), text.clone());
    let call = move |store: &dyn Store| store.ask(&node, &whom, &words);
    let asked = shared.directory.write(writing, call).await?;
    // Whoever asks somebody has lifted their own block.
    change_relation(shared, user, other, RosterChangeKind::Unblocked).await;
    shared.directory.edited(&user.node, |known| remove_from(&mut known.blocked, other));
    // The same whether it is heard, which whoever asks must not learn.
    if asked != Asked::Friends {
        shared.edits.asked(&user.node, other);
    }
    let bn_type = match asked {
        Asked::Waiting => rtype::ADD_ROSTER,
        // They have been told already, and asking again is no reason to tell them again.
        Asked::WaitingStill | Asked::Unheard => return Ok(()),
        Asked::Friends => {
            change_relation(shared, user, other, RosterChangeKind::Befriended).await;
            shared.directory.edited(&user.node, |known| befriend(known, other));
            shared.directory.edited(other, |known| befriend(known, &user.node));
            rtype::FRIEND
        }
    };
    send_message(shared, user, other, bn_type, Some(text)).await;
    Ok(())
}

async fn remove(
    shared: &Shared,
    writing: &Writing,
    user: &User,
    other: &Node,
) -> Result<(), StoreError> {
    let (node, whom) = (user.node.clone(), other.clone());
    let removed = shared.directory.write(writing, move |store| {
        let before = store.remove(&node, &whom)?;
        // Whoever has blocked this user has not heard of a request, and does not hear of its end.
        Ok((before, store.relation(&whom, &node)? == Relation::Blocked))
    });
    let (before, is_blocked) = removed.await?;
    shared.directory.edited(&user.node, |known| separate(known, other));
    shared.directory.edited(other, |known| remove_from(&mut known.friends, &user.node));
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
    user: &User,
    other: &Node,
) -> Result<(), StoreError> {
    let (node, whom) = (user.node.clone(), other.clone());
    let before = shared.directory.write(writing, move |store| store.block(&node, &whom)).await?;
    shared.directory.edited(&user.node, |known| {
        separate(known, other);
        insert(&mut known.blocked, other);
    });
    shared.directory.edited(other, |known| remove_from(&mut known.friends, &user.node));
    change_relation(shared, user, other, RosterChangeKind::Blocked).await;
    if before == Relation::Friends {
        change_relation(shared, user, other, RosterChangeKind::Unfriended).await;
        // They need not know that it is a block; that the friendship is over, their list says.
        send_message(shared, user, other, rtype::REMOVE_ROSTER, None).await;
    }
    Ok(())
}

/// Tells the engine of a change.
async fn change_relation(shared: &Shared, user: &User, other: &Node, kind: RosterChangeKind) {
    let change = RosterChange { user: user.node.clone(), other: other.clone(), kind };
    shared.command(Command::Roster(Box::new(change))).await;
}

/// Tells a user what another has done.
async fn send_message(
    shared: &Shared,
    user: &User,
    other: &Node,
    bn_type: i32,
    text: Option<String>,
) {
    let message = roster_messages::message(bn_type, &user.tid, other, text);
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
