//! Presence from a client.

use std::sync::Arc;

use adsum::Error;
use adsum_tim::{Code, TimPresence};
use tokio::sync::oneshot;

use super::command::{Command, Direct, Node, Saying};
use super::login::User;
use super::shared::Shared;

/// What goes out of what a client said: who it is from, its number and that it means "offline"
/// are never the client's to say.
fn saying(user: &User, said: TimPresence) -> Saying {
    Arc::new(TimPresence {
        id: None,
        offline: None,
        from_tid: Some(user.tid.as_ref().clone()),
        to_tid: None,
        to_list: None,
        ..said
    })
}

/// To the whole roster; or, as in tim, to those it names.
pub(crate) async fn broad(shared: &Shared, user: &User, said: TimPresence) -> Result<(), Code> {
    if shared.config.services.no_broad_presence {
        return Err(Code::Interface);
    }
    if said.to_tid.is_some() || said.to_list.is_some() {
        return direct(shared, user, said).await;
    }
    shared.command(Command::Publish(user.session, saying(user, said))).await;
    Ok(())
}

/// To those it names.
pub(crate) async fn directed(shared: &Shared, user: &User, said: TimPresence) -> Result<(), Code> {
    if shared.config.services.no_presence {
        return Err(Code::Interface);
    }
    direct(shared, user, said).await
}

async fn direct(shared: &Shared, user: &User, mut said: TimPresence) -> Result<(), Code> {
    // The list goes before the single name, as in tim; an empty one names nobody.
    let to = match (said.to_list.take(), said.to_tid.take()) {
        (Some(list), _) if !list.is_empty() => list,
        (_, Some(tid)) => vec![tid.node],
        (Some(_), None) => return Ok(()),
        (None, None) => return Err(Code::Account),
    };
    if !to.iter().all(|node| shared.directory.is_node(node)) {
        return Err(Code::Account);
    }
    if !shared.may_direct() {
        return Err(Code::Overload);
    }
    let (refused, answer) = oneshot::channel();
    let mut to: Vec<_> = to.into_iter().map(Node::from).collect();
    // A set: who is named twice is told once.
    to.sort_unstable();
    to.dedup();
    let saying = saying(user, said);
    let direct = Direct { session: user.session, to, saying, refused };
    shared.command(Command::Direct(Box::new(direct))).await;
    match answer.await {
        // Nothing to say: done.
        Err(_) => Ok(()),
        Ok(Error::DirectLimit { .. }) => Err(Code::Parameter),
        Ok(_) => Err(Code::Overload),
    }
}
