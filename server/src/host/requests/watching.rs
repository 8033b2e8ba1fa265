//! Requests to be told of accounts that are no friends, and a person's signs: of this server's own.

use adsum::SessionKey;
use adsum_tim::{Code, TimNodes};

use super::login::User;
use crate::config::{OneState, Watch as MayWatch};
use crate::host::command::{Command, Node, Watch};
use crate::host::roster_messages::WATCH;
use crate::host::shared::Shared;

/// Watches the accounts that a list names, or watches them no more. Whether they exist is not
/// looked up: the answer would say so, and so would the limit if only some of them counted.
///
/// The engine's thread answers it.
pub(super) async fn watch(shared: &Shared, user: &User, asked: TimNodes) -> Result<(), Code> {
    if shared.config.presence.watch == MayWatch::Nobody {
        return Err(Code::Interface);
    }
    let named = asked.nodelist.unwrap_or_default();
    let mut users: Vec<Node> = named.into_iter().map(Node::from).collect();
    if users.is_empty() {
        return Err(Code::Parameter);
    }
    if !users.iter().all(|node| shared.directory.is_node(node)) {
        return Err(Code::Account);
    }
    if users.contains(&user.node) {
        return Err(Code::Permission);
    }
    // The list is a set.
    users.sort_unstable();
    users.dedup();
    let watch = Box::new(Watch { session: user.session, users });
    let command =
        if asked.ntype == WATCH { Command::Watch(watch) } else { Command::Unwatch(watch) };
    shared.command(command).await;
    Ok(())
}

/// Takes a client's word that a person did something. The engine's thread answers it.
pub(super) async fn active(shared: &Shared, user: &User) -> Result<(), Code> {
    if !takes_signs(shared) {
        return Err(Code::Interface);
    }
    shared.command(Command::Active(user.session)).await;
    Ok(())
}

/// Notes a request that a person caused.
pub(crate) async fn note_person(shared: &Shared, session: SessionKey) {
    if takes_signs(shared) {
        shared.command(Command::Person(session)).await;
    }
}

/// Returns whether friends are told that nobody is at a user's devices.
fn takes_signs(shared: &Shared) -> bool {
    let presence = &shared.config.presence;
    presence.one_state != OneState::Off && presence.idle_after_ms > 0
}
