//! adsum for C, and for whatever calls C: an [engine](adsum::Engine) behind an opaque handle.
//!
//! `include/adsum.h` is the interface and has all of this in it; `README.md` has the loop. Ids and
//! presences are bytes. One call is one verb, and its decisions are polled by
//! [`adsum_next`](engine::adsum_next), which lends each until the next call.
//!
//! # The caller's duties
//!
//! * An engine is made by [`adsum_engine_new`](engine::adsum_engine_new) and freed once, by
//!   [`adsum_engine_free`](engine::adsum_engine_free). One thread at a time calls it.
//! * A pointer that is handed in is NULL, where that is allowed, or points to what its type says,
//!   which nobody changes during the call; where a length stands beside it, to so many of them.
//! * What is lent is read only until the next call on the same engine, and not written. What a
//!   query has lent may be handed to that call, as it is; what a decision has lent is copied, since
//!   `adsum_next` has to return false before the engine takes anything.
//! * A function that is handed in keeps what [`adsum_represent`](represent::adsum_represent) says.
//!
//! # What is checked
//!
//! A pointer that is NULL and must not be, a number that stands for nothing, and whatever the
//! engine refuses, is refused with a [status](status::adsum_status), and nothing has happened. The
//! compiler's check that an input's decisions are taken before the next input is given has become
//! one at run time, [`ADSUM_E_NOT_DRAINED`](status::adsum_status::ADSUM_E_NOT_DRAINED). No panic
//! crosses: after one each call on that engine says
//! [`ADSUM_E_BUG`](status::adsum_status::ADSUM_E_BUG). Running out of memory ends the process, as
//! it does in Rust.
//!
//! # How it is built
//!
//! This is the only crate of the repository with unsafe code. What can be is done without: a call
//! turns pointers into slices (`bytes`), goes through one door (`engine`), and the rest is safe.
//! The drain of the last input borrows its engine in `held`, where both are kept together.
//!
//! The names are those of C, so that one search finds both.

#![allow(non_camel_case_types, reason = "the names are those of C")]
#![allow(clippy::missing_safety_doc, reason = "the duties are the same everywhere: see above")]
#![allow(clippy::missing_errors_doc, reason = "the errors stand in words, for C's sake")]

pub mod bytes;
pub mod decision;
pub mod engine;
pub mod entry;
mod failure;
mod fields;
mod held;
pub mod info;
mod lend;
mod lists;
pub mod names;
pub mod notice;
pub mod options;
mod outside;
pub mod queries;
pub mod reason;
pub mod remote;
pub mod represent;
pub mod status;
pub mod verbs;
