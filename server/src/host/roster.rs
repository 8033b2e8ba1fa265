//! What a user asks about the roster, and changes in it.

use adsum_tim::{Code, Kind, TimAck, TimNodes, TimReq, ntype, rtype};

use super::command::{Command, Node, RosterChange, RosterChangeKind};
use super::login::User;
use super::shared::Shared;
use super::tell;
use crate::store::{Asked, Relation, Relations, StoreError};

/// This server's own: contacts hear that one is offline, and nothing from then on. All of the
/// user's sessions get the ack, and one that logs in later gets it after the answer to its login.
pub const INVISIBLE: i32 = 1_001;
/// This server's own: one shows again. All of the user's sessions get the ack.
pub const VISIBLE: i32 = 1_002;

/// Answers one request: the frame, or nothing where tim says nothing.
pub(crate) async fn answer(shared: &Shared, user: &User, request: TimReq) -> Option<Vec<u8>> {
    let outcome = match request.rtype {
        Some(rtype::ROSTER) => list(shared, user, ntype::ROSTER).await,
        Some(rtype::BLOCK_ROSTER_LIST) => list(shared, user, ntype::BLOCK_ROSTER_LIST).await,
        // The engine's thread answers these two, and not only the session that asked.
        Some(INVISIBLE) => {
            shared.command(Command::Invisible(user.session)).await;
            Ok(None)
        }
        Some(VISIBLE) => {
            shared.command(Command::Visible(user.session)).await;
            Ok(None)
        }
        Some(edit @ (rtype::ADD_ROSTER | rtype::REMOVE_ROSTER | rtype::BLOCK_ROSTER)) => {
            change(shared, user, edit, request).await
        }
        _ => Err(Code::Parameter),
    };
    outcome.unwrap_or_else(|code| {
        shared.metrics.frame_refused(code.info());
        Some(TimAck::refused(Kind::BUSINESS, code).to_frame(user.form, Kind::ACK))
    })
}

/// The ack that says whether a user is invisible.
pub(crate) fn visibility(invisible: bool) -> TimAck {
    done(if invisible { INVISIBLE } else { VISIBLE }, None)
}

fn done(rtype: i32, node: Option<&Node>) -> TimAck {
    TimAck {
        t: Some(rtype.into()),
        n: node.map(|node| node.to_string()),
        ..TimAck::done(Kind::BUSINESS)
    }
}

/// A list of nodes; tim's clients expect silence where there are none.
async fn list(shared: &Shared, user: &User, ntype: i32) -> Result<Option<Vec<u8>>, Code> {
    let turn = shared.directory.turn(&user.node).await;
    let relations = shared.directory.relations(&user.node).await.map_err(|error| error.code())?;
    drop(turn);
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
        rtype::ADD_ROSTER => meant(shared, user, named).await?,
        _ if shared.directory.is_node(&named) => Node::from(named),
        _ => return Err(Code::Account),
    };
    if other == user.node {
        return Err(Code::Permission);
    }
    // Until the engine's thread has been told, nobody reads or changes either roster.
    let turn = shared.directory.turn_of_two(&user.node, &other).await;
    let answer = match edit {
        rtype::ADD_ROSTER => {
            let words = request.req_str.unwrap_or_default();
            ask(shared, user, &other, words).await.map(|()| None)
        }
        rtype::REMOVE_ROSTER => {
            remove(shared, user, &other).await.map(|()| Some(done(edit, Some(&other))))
        }
        _ => block(shared, user, &other).await.map(|()| Some(done(edit, Some(&other)))),
    };
    drop(turn);
    let answer = answer.map_err(|error| error.code())?;
    Ok(answer.map(|ack| ack.to_frame(user.form, Kind::ACK)))
}

/// Whom one asks to be a friend: an account's id, as in tim, or else its name, which people know
/// of each other. (That a name is taken, tim says to whoever registers.)
async fn meant(shared: &Shared, user: &User, typed: String) -> Result<Node, Code> {
    let node = user.node.clone();
    let look = shared.directory.look(move |store| store.resolve(&node, &typed)).await;
    look.map_err(|error| error.code())?.map(Node::from).ok_or(Code::Account)
}

async fn ask(shared: &Shared, user: &User, other: &Node, words: String) -> Result<(), StoreError> {
    let (node, whom, text) = (user.node.clone(), other.clone(), words.clone());
    let asked = shared.directory.look(move |store| store.ask(&node, &whom, &text)).await?;
    // Whoever asks somebody has lifted their own block.
    told(shared, user, other, RosterChangeKind::Unblocked).await;
    shared.directory.edited(&user.node, |known| leave(&mut known.blocked, other));
    let bn_type = match asked {
        Asked::Waiting => rtype::ADD_ROSTER,
        // They have been told; asking again and again is no reason to tell them again and again.
        Asked::WaitingStill => return Ok(()),
        Asked::Friends => {
            told(shared, user, other, RosterChangeKind::Friends).await;
            shared.directory.edited(&user.node, |known| befriend(known, other));
            shared.directory.edited(other, |known| befriend(known, &user.node));
            rtype::FRIEND
        }
    };
    tell(shared, user, other, bn_type, Some(words)).await;
    Ok(())
}

async fn remove(shared: &Shared, user: &User, other: &Node) -> Result<(), StoreError> {
    let (node, whom) = (user.node.clone(), other.clone());
    let before = shared.directory.look(move |store| store.remove(&node, &whom)).await?;
    shared.directory.edited(&user.node, |known| part(known, other));
    shared.directory.edited(other, |known| leave(&mut known.friends, &user.node));
    match before {
        Relation::Blocked => told(shared, user, other, RosterChangeKind::Unblocked).await,
        Relation::Friends => told(shared, user, other, RosterChangeKind::Apart).await,
        _ => {}
    }
    if before != Relation::Blocked {
        tell(shared, user, other, rtype::REMOVE_ROSTER, None).await;
    }
    Ok(())
}

async fn block(shared: &Shared, user: &User, other: &Node) -> Result<(), StoreError> {
    let (node, whom) = (user.node.clone(), other.clone());
    let before = shared.directory.look(move |store| store.block(&node, &whom)).await?;
    shared.directory.edited(&user.node, |known| {
        part(known, other);
        join(&mut known.blocked, other);
    });
    shared.directory.edited(other, |known| leave(&mut known.friends, &user.node));
    told(shared, user, other, RosterChangeKind::Blocked).await;
    if before == Relation::Friends {
        told(shared, user, other, RosterChangeKind::Apart).await;
        // That it is a block is not theirs to know; that the friendship is over, their list says.
        tell(shared, user, other, rtype::REMOVE_ROSTER, None).await;
    }
    Ok(())
}

async fn told(shared: &Shared, user: &User, other: &Node, kind: RosterChangeKind) {
    let change = RosterChange { user: user.node.clone(), other: other.clone(), kind };
    shared.command(Command::Roster(Box::new(change))).await;
}

async fn tell(shared: &Shared, user: &User, other: &Node, bn_type: i32, words: Option<String>) {
    let message = tell::message(bn_type, &user.tid, other, words);
    shared.command(Command::Tell(other.clone(), Box::new(message))).await;
}

fn befriend(known: &mut Relations, other: &Node) {
    known.requests.retain(|request| *request.node != **other);
    leave(&mut known.waiting, other);
    join(&mut known.friends, other);
}

fn part(known: &mut Relations, other: &Node) {
    known.requests.retain(|request| *request.node != **other);
    leave(&mut known.waiting, other);
    leave(&mut known.friends, other);
    leave(&mut known.blocked, other);
}

fn join(list: &mut Vec<String>, node: &Node) {
    if let Err(at) = list.binary_search_by(|other| other.as_str().cmp(node)) {
        list.insert(at, node.to_string());
    }
}

fn leave(list: &mut Vec<String>, node: &Node) {
    list.retain(|other| **other != **node);
}
