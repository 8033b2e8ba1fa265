//! The neutral protocol, adsum.v1: JSON over a WebSocket at `/v1`. `docs/protocol.md` describes it.
//!
//! `protocol` takes what comes on a connection, `hello` finds out who it is from, `fields` and
//! `operations` read it, and `roster` does what only users of this server's own accounts ask for.
//! The engine's thread does the rest (`engine/asked.rs`) and makes `told` of what the engine tells
//! (`engine/v1_notices.rs`), which the writer's thread encodes. `table` has what is shown in tim's
//! terms and in those of this protocol; `sound` says what may be shown.

pub(crate) mod answers;
pub(crate) mod bye;
pub(crate) mod code;
mod fields;
pub(crate) mod grant;
mod hello;
pub(crate) mod operations;
pub(crate) mod protocol;
pub(crate) mod relation;
mod roster;
pub(crate) mod sound;
pub(crate) mod table;
pub(crate) mod told;
pub(crate) mod verb;
pub(crate) mod wire_id;
