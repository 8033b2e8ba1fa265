//! The parts of the replay: `main.rs` says what it does, and `tests/replay.rs` and
//! `tests/topics.rs` run each of them on small traces.
#![allow(missing_docs, reason = "the figures have names that say what they count")]

pub mod alone;
pub mod beside;
pub mod channel;
pub mod edges;
pub mod friends;
pub mod lines;
pub mod members;
pub mod report;
pub mod room;
pub mod topics;
pub mod trace;
pub mod viewer;
pub mod viewers;
