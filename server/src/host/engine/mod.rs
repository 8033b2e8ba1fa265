//! The engine's thread: it owns the engine, and turns commands into frames in queues.
//!
//! From the top down: `thread` is the loop, `commands`, `logins`, `watching`, `asked` and
//! `questions` do what one command asks for, the last two in the neutral protocol and over HTTP,
//! `settle` does what has to wait until the engine's decisions on it are carried out, `replacement`
//! shows contacts something in place of a device that has ended, `one_state` says which device
//! speaks for its user, `edges` tells the webhook who comes and goes, and `exchange` is what goes
//! between several servers. All of them are methods of the one state in `core`; `engines` is the
//! engine, alone or one of several, `dispatch` carries decisions out, in tim's words, and `tell`
//! has those of the neutral protocol.

mod asked;
mod asked_states;
mod clock;
mod commands;
pub(super) mod core;
mod dispatch;
pub(super) mod edge_counter;
mod edges;
mod ended_devices;
pub(super) mod engines;
mod exchange;
mod logins;
pub(super) mod one_state;
mod online_users;
mod pending_replacements;
mod questions;
mod replacement;
mod sessions;
mod settle;
mod thread;
mod v1_notices;
mod watching;

#[cfg(test)]
mod tests;
