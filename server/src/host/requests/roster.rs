//! Requests about a user's roster: lists, changes, and visibility to it.

use adsum_tim::{Code, Kind, TimAck, TimNodes, TimReq, ntype, rtype};

use super::login::User;
use super::watching;
use crate::host::command::Command;
use crate::host::relating::{Editor, Refusal, Wish, relate};
use crate::host::roster_messages::{ACTIVE, INVISIBLE, VISIBLE, WITHDRAW, done};
use crate::host::shared::Shared;

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
    let wish = match (edit, request.req_str) {
        (rtype::ADD_ROSTER, Some(words)) => Wish::Befriend(words),
        (rtype::ADD_ROSTER, None) => return Err(Code::Parameter),
        (rtype::REMOVE_ROSTER, _) => Wish::Remove,
        _ => Wish::Block,
    };
    let answers = !matches!(wish, Wish::Befriend(_));
    let editor = Editor { node: &user.node, tid: &user.tid, session: user.session };
    let related = relate(shared, &editor, named, wish).await.map_err(code_of)?;
    let ack = || done(edit, Some(&related.other)).to_frame(user.form, Kind::ACK);
    Ok(answers.then(ack))
}

fn code_of(refusal: Refusal) -> Code {
    match refusal {
        Refusal::Nobody => Code::Account,
        Refusal::Oneself => Code::Permission,
        Refusal::TooOften => Code::Frequency,
        Refusal::Store(error) => error.code(),
    }
}
