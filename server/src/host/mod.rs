//! The server around the engine: connections, HTTP, and the threads between them.
//!
//! ```text
//! connection tasks (runtime)          engine thread              writer thread
//!   read, decode, answer   ──────►   one bounded channel
//!                                    decide               ─────►  encode once, write to many
//!   wait for slow readers  ◄──────────────────────────────────    what does not fit
//! ```
//!
//! The engine's thread owns the engine and never waits for a socket, a file or a lock that is held
//! while anybody does; it waits for the writer's thread only if that has very much to do. What it
//! decides goes there and is written, and what the system does not take is kept in a queue for each
//! connection; when a queue is full and the system takes no more, the engine is told that the
//! session is congested, and, once the queue has emptied, that it is writable. Passwords and
//! rosters are looked up on a pool of blocking threads, a bounded number at once: who hashes next
//! `hashing` says, and whoever only reads waits for nobody who writes.
//!
//! From the top down: `start`; `http` and `connection`, which read; `api`, what an application asks
//! for over HTTP; `requests`, one file for each kind; `relating`, what both protocols change in
//! rosters; `engine`, the engine's thread; `writer` and `writing`, the two ends of what is handed
//! to the writer's thread; `transport`, a socket and its queue. `web_page` has the pages, and
//! `demo` the simulated people of a demonstration.

mod admin;
mod api;
mod attempts;
mod bucket;
mod buckets;
mod changed_queues;
mod client;
mod command;
mod connection;
mod demo;
mod directory;
mod edits;
mod end_cause;
mod engine;
mod exposition;
mod fair_queue;
mod forwarding;
mod hashing;
mod housekeeping;
mod http;
mod jobs;
mod late_frames;
mod lobby;
mod metrics;
mod offline_users;
mod peer;
mod presence_frames;
mod pulse;
mod question;
mod registrations;
mod relating;
mod requests;
mod resume_secret;
mod roster_messages;
mod seats;
mod shared;
pub(crate) mod shown;
mod start;
mod tim_protocol;
mod transport;
mod v1;
mod web_page;
mod writer;
mod writing;

pub(crate) use command::{Command, Heard, Node as UserId, Presence};
pub use lobby::goodbyes;
pub use roster_messages::{ACTIVE, INVISIBLE, UNWATCH, VISIBLE, WATCH};
pub use shared::Tuning;
pub use start::{Host, StartError};
