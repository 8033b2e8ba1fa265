//! The server around the engine: connections, HTTP, and the threads between them.
//!
//! ```text
//! connection tasks (runtime)          engine thread              writer thread
//!   read, decode, answer   ──────►   one bounded channel
//!                                    decide, encode once  ─────►  write to many
//!   wait for slow readers  ◄──────────────────────────────────    what does not fit
//! ```
//!
//! The engine's thread owns the engine and never waits for a socket, a file or a lock that is held
//! while anybody does. What it decides goes into a queue for each connection; when a queue is
//! full the engine is told that the session is congested, and that it is writable once the queue
//! has gone. Passwords and rosters are looked up on a pool of blocking threads, so many at once.

mod admin;
mod bucket;
mod clock;
mod command;
mod connection;
mod core;
mod courier;
mod departed;
mod directory;
mod frame;
mod http;
mod leavers;
mod link;
mod login;
mod metrics;
mod names;
mod outbox;
mod page;
mod roster;
mod shared;
mod speech;
mod start;
mod tell;
mod worklist;
mod writer;

pub use roster::{INVISIBLE, VISIBLE};
pub use shared::Tuning;
pub use start::{Host, StartError};
