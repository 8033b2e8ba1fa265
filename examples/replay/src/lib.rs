//! The parts of the replay: `main.rs` says what it does, and `tests/replay.rs` runs each of them on
//! small traces.
#![allow(missing_docs, reason = "the figures have names that say what they count")]

pub mod alone;
pub mod beside;
pub mod channel;
pub mod edges;
pub mod friends;
pub mod lines;
pub mod report;
pub mod trace;
