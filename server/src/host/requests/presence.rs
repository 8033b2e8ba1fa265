//! Presence from a client: to its contacts, or directed to those it names.

use std::sync::Arc;

use adsum::Error;
use adsum_tim::{Code, TimPresence};
use tokio::sync::oneshot;

use super::lasting::{Lasting, take_lasting};
use super::login::User;
use crate::host::command::{Command, Direct, Node, Presence};
use crate::host::late_frames::Word;
use crate::host::presence_frames::IDLE;
use crate::host::shared::Shared;

/// Returns whether a presence names those whom it is for.
pub(crate) const fn names_receivers(sent: &TimPresence) -> bool {
    sent.to_tid.is_some() || sent.to_list.is_some()
}

/// Publishes to the whole roster; or, as in tim, directs to those whom the presence names.
pub(crate) async fn publish(
    shared: &Shared,
    user: &User,
    sent: Box<TimPresence>,
) -> Result<(), Code> {
    if names_receivers(&sent) {
        if shared.config.services.no_broad_presence {
            return Err(Code::Interface);
        }
        // On the heap, since this is seldom and takes more than all the rest.
        return Box::pin(direct_to_named(shared, user, sent)).await;
    }
    let word = to_roster(shared, user, sent)?;
    shared.command(Command::of_word(user.session, word)).await;
    Ok(())
}

/// Returns what is published to the whole roster.
///
/// # Errors
/// `Interface` where that is not offered, and those of [`take_lasting`].
pub(crate) fn to_roster(
    shared: &Shared,
    user: &User,
    mut sent: Box<TimPresence>,
) -> Result<Word, Code> {
    if shared.config.services.no_broad_presence {
        return Err(Code::Interface);
    }
    let Lasting { for_ms, then } = take_lasting(&mut sent, &shared.limits)?;
    let then = then.map(|then| of_user(user, then));
    Ok(Word { presence: of_user(user, *sent), for_ms, then })
}

/// Directs a presence to those whom it names.
pub(crate) async fn direct(
    shared: &Shared,
    user: &User,
    sent: Box<TimPresence>,
) -> Result<(), Code> {
    if shared.config.services.no_presence {
        return Err(Code::Interface);
    }
    direct_to_named(shared, user, sent).await
}

async fn direct_to_named(
    shared: &Shared,
    user: &User,
    mut sent: Box<TimPresence>,
) -> Result<(), Code> {
    // The list goes before the single name, as in tim; an empty one names nobody.
    let to = match (sent.to_list.take(), sent.to_tid.take()) {
        (Some(list), _) if !list.is_empty() => list,
        (_, Some(tid)) => vec![tid.node],
        (Some(_), None) => return Ok(()),
        (None, None) => return Err(Code::Account),
    };
    if !to.iter().all(|node| shared.directory.is_node(node)) {
        return Err(Code::Account);
    }
    let lasting = take_lasting(&mut sent, &shared.limits)?;
    if lasting.then.is_some() {
        return Err(Code::Parameter);
    }
    if !shared.may_direct() {
        return Err(Code::Overload);
    }
    let (refused, answer) = oneshot::channel();
    let mut to: Vec<_> = to.into_iter().map(Node::from).collect();
    // The list is a set: a user who is named twice is told once.
    to.sort_unstable();
    to.dedup();
    let (session, presence, for_ms) = (user.session, of_user(user, *sent), lasting.for_ms);
    let direct = Direct { session, to, presence, for_ms, refused };
    shared.command(Command::Direct(Box::new(direct))).await;
    match answer.await {
        // It was not refused: the other end was dropped.
        Err(_) => Ok(()),
        Ok(Error::DirectLimit { .. }) => Err(Code::Parameter),
        Ok(_) => Err(Code::Overload),
    }
}

/// Returns the part of a presence that goes out: who it is from, its number and whether it means
/// "offline" are never the client's to say, and neither is whether somebody is at the device.
fn of_user(user: &User, mut sent: TimPresence) -> Presence {
    if let Some(extend) = &mut sent.extend
        && extend.remove(IDLE).is_some()
        && extend.is_empty()
    {
        sent.extend = None;
    }
    let presence = TimPresence {
        id: None,
        offline: None,
        from_tid: Some(user.tid.as_ref().clone()),
        to_tid: None,
        to_list: None,
        ..sent
    };
    Arc::new(presence.into())
}
