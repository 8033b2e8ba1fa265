//! An embeddable presence engine: it is told who connects, who disconnects and what each user says
//! of themselves, and answers with routing decisions: which notice goes to which sessions.
//!
//! It is a state machine without input or output of its own. It opens no socket, reads no clock,
//! writes no file, spawns nothing and knows no encoding, so any transport can host it: a chat
//! server, a game, a collaboration backend, a test. It is no broker, no database and no protocol:
//! messages that must not be lost do not belong in it.
//!
//! # The loop
//!
//! Every input is one verb on [`Engine`], takes the time, and returns the [`Decisions`] to carry
//! out. They borrow the engine, so "finish with one input before you give the next" is something
//! that the compiler checks.
//!
//! ```
//! use adsum::{Config, Connect, Decision, Engine, Notice, SlotMap, Time};
//!
//! # struct Socket(&'static str);
//! # impl Socket { fn send(&self, frame: &str) { let _ = frame; } fn close(self) {} }
//! # fn frame(notice: &Notice<'_, &str, &str>) -> String { format!("{notice:?}") }
//! let mut engine = Engine::<&str, &str>::new(Config::default());
//! let mut sockets = SlotMap::new();
//!
//! let now = Time::from_millis(1_000);
//! let (bob, _) = engine.connect(now, Connect::new("bob").audience(["ann"]))?;
//! sockets.insert(bob, Socket("bob's"));
//! let (ann, _) = engine.connect(now, Connect::new("ann").audience(["bob"]))?;
//! sockets.insert(ann, Socket("ann's"));
//!
//! let mut told = Vec::new();
//! let mut decisions = engine.publish(now, ann, "at my desk")?;
//! while let Some(decision) = decisions.next() {
//!     match decision {
//!         Decision::Deliver { notice, to } => {
//!             let frame = frame(&notice); // encode once, send to each
//!             for (key, socket) in to.iter().filter_map(|slot| sockets.at(*slot)) {
//!                 socket.send(&frame);
//!                 told.push(key);
//!             }
//!         }
//!         Decision::Snapshot(snapshot) => { /* send snapshot.entries() to snapshot.to() */ }
//!         Decision::Close { session, .. } => sockets.remove(session).map_or((), Socket::close),
//!         Decision::Ended { session, .. } => { /* forget what else is kept for it */ }
//!         _ => {}
//!     }
//! }
//! assert_eq!(told, [bob]);
//! # drop(decisions);
//!
//! // Then wait for the next input, or until the engine's own next deadline. What is due comes
//! // first, all of it:
//! let now = Time::from_millis(100_000);
//! while engine.deadline().is_some_and(|at| at <= now) {
//!     let mut decisions = engine.advance(now);
//!     while let Some(decision) = decisions.next() { /* as above */ }
//! }
//! # Ok::<(), adsum::Error>(())
//! ```
//!
//! What everybody writes around that loop is in [`host`]: a table of connections, outboxes, and
//! the order of things. Most hosts start there.
//!
//! # What it promises
//!
//! 1. **Presence is never persisted.** There is no way to store it: no decision asks for storing,
//!    no state can be serialised, and a presence value lives as long as the session that published
//!    it, at a takeover up to [`Options::settle_ms`] longer
//!    ([rule 6](rules#rule-6-the-end-of-a-session)), or until it
//!    [ends by itself](Engine::publish_until) before that. Then the value is dropped, before anyone
//!    is told.
//! 2. **Presence never reaches an offline user.** Every receiver of every decision is a session
//!    that is attached at that moment. Nothing is queued for later; a user who comes online learns
//!    the present, never the past.
//! 3. **Nobody can speak for somebody else.** Who a notice is from, its number, and whether it
//!    means "offline" come from the engine, never from the payload.
//! 4. **No ghosts.** A receiver that applies all it is sent believes what is true: at once, or, of
//!    a topic that gathers changes, after its [tick](rules#rule-t10-ticks). [`Replica`] is that
//!    receiver. (Unless [`OfflineNotices::Never`] is chosen; and a host without
//!    [snapshots at connect](Options::snapshot_on_connect) has receivers that know too little,
//!    never too much.)
//!
//! The [`rules`] say what happens on each input, with the reason and the source of each.
//!
//! # The host's duties
//!
//! What the engine cannot know, the host must say or see to. [`host::Host`] does what is marked
//! with a star.
//!
//! * **Heartbeats.** A disconnect that nobody reports leaves a session behind until its [`Lease`]
//!   lapses, and a session of which nothing is heard for that long is closed. So say
//!   [`Engine::heartbeat`] for whatever a client sends that is no other input, and have clients
//!   send something as often as the lease says.
//! * **Advance before an input.**★ Call [`Engine::advance`] at [`Engine::deadline`], and before an
//!   input that came after it: what is due happened first. Call it until [`Engine::deadline`] is
//!   later than the moment that it is given, and give no other input before: one call may do only
//!   a part of what is due, and the rest would come too late. One exception: a host that did not
//!   run itself for a while (a paused machine) leaves the pause out of its [clock](Time), or takes
//!   the inputs that waited before it advances; else the leases of all who sent heartbeats
//!   meanwhile have lapsed. The clock is the simpler way: when it wakes up more than a second after
//!   [`Engine::deadline`], the time beyond that second does not count ([an example](Time)).
//! * **Insert before the drain.**★ A new connection belongs in the host's table before the
//!   decisions about it are taken: its snapshot is among them.
//! * **Flush after the drain, and say when there is no room.**★ A notice that the host took and
//!   then lost is lost. Say [`Engine::congested`] before a queue overflows and
//!   [`Engine::writable`] when it has room ([how to know](host::Connection)); if it overflowed,
//!   [`Engine::resume`] makes good: the snapshot is the whole truth. That gives the connection a
//!   new key, and a [`Decision::Close`] for the old one, which is not to be carried out: so name
//!   connections by an id of your own, or close this one and let its client resume.
//! * **Stale attachments.**★ A key names one attachment. After a resume the old connection's reader
//!   may still report its end: hand in the key that *it* has, and the engine refuses it.
//! * **Tokens are not secrets.** Keys and ids can be guessed. A client that may resume a session
//!   proves it by something else: a random token that the host keeps beside the key.
//! * **A restart makes everybody offline.** A single process holds all there is, in memory; keys
//!   of another run are not known, and may even look like others of this one. Clients connect
//!   anew and publish again. A node of a cluster that restarts makes nobody offline: the others
//!   keep its sessions for the grace.
//! * **Two engines that both think they own a user** do not know of each other, unless they are
//!   [told](Engine::remote_state).
//! * **Who may join and watch.** [`Engine::join`] and [`Engine::watch`] ask nobody: a client's wish
//!   must not reach them unchecked. Nor does the engine bound how many topics there are beyond
//!   [`Options::max_topics`] for each session.
//! * **Mutual audiences.** A snapshot is found through the user's own list. Where lists are
//!   one-way, live notices follow the publisher's list alone, and a snapshot leaves that publisher
//!   out. Let whoever sees without being seen [watch](Engine::watch) instead.
//! * **Ids.** Lists of ids are checked against the limits in [`Options`]; the length of a single
//!   id is the host's to limit.
//!
//! # Words
//!
//! A **user** is an account, named by the host's own id type `K`. A **session** is one connected
//! device of a user; receivers know it by its [`SessionId`]. An **attachment** is one stretch of a
//! session's life on one connection, named by the [`SessionKey`] that [`Engine::connect`] and
//! [`Engine::resume`] give out; a **detached** session has lost its connection and may still be
//! resumed. A **presence** is the host's own value `P`, opaque here. A user's **audience** is who
//! may see its presence; its **contacts** are those in the audience who are online and not blocked
//! either way. A **notice** is one thing that receivers are told, a **snapshot** is what all whom a
//! session may see show now, or all whom it has just asked to watch
//! ([its scope](Snapshot::scope) says which), a **decision** is what the host must do now.
//!
//! # Topics
//!
//! Beside contacts there are *topics*, named groups that sessions [join](Engine::join): rooms,
//! documents, lobbies. A member is seen by those who view the topic, each of whom chooses how much:
//! [nothing, a count, a sample, or all](View). Changes come at once, or gathered by a
//! [tick](TopicOptions::coalesce_ms), and receivers are lent as they lie, so that a decision to
//! thousands copies nothing. [`Decision::Topic`] says what a topic is like, [`Decision::Changes`]
//! what has changed. A block hides nobody in a topic, unless its [options](TopicOptions::blocks)
//! say so; an invisible user is shown in none. The [rules](rules#topics) say the rest.
//!
//! # Several engines
//!
//! An engine can hold sessions that are connected to another one, by what that one says of them:
//! [`Engine::remote_state`] takes it, [`Engine::next_changed`] and [`Engine::local_user`] give it.
//! They are seen as its own are, and are never receivers. What travels between the two, and what
//! happens when it does not arrive, is the host's to decide, or that of the crate `adsum-cluster`.
//!
//! # What it costs
//!
//! A publish looks at two bytes for each entry of the audience and writes the slots of those who
//! can receive into one reused buffer; 4,096 receivers at most make one decision. There is no
//! state per pair of users: an audience entry takes 4 bytes, and coming online or going offline
//! writes two bytes and one bit. Timers are exact to the millisecond and O(1), or O(log n) in those
//! of the next two seconds. Once warm, nothing but [`Engine::connect`] and growing lists allocates.
//! With more users online than the caches hold, most of an input is waiting for memory:
//! [`Engine::prefetch`] lets several inputs wait together. Ids are hashed where they come in and
//! nowhere else, with a keyed hasher by default. Each verb's own costs stand with it.
//!
//! # Panics, errors, features
//!
//! A refused input is a typed [`Error`] and changes nothing. No input makes the engine panic. Where
//! the host's own code does, in an `Eq`, `Hash` or `Drop` of `K` or `P` or in an iterator handed
//! in, the engine stays right and usable: an `Eq`, `Hash` or iterator runs before anything has
//! changed, so the input has not happened; a `Drop` runs when the change is complete, so the input
//! has happened and only its notices may be lost, as by a drain that is dropped half-way.
//!
//! The crate is `no_std` with `alloc`, has no unsafe code, and needs Rust 1.88. Features:
//!
//! * `std` (on by default) gives [`Engine::new`] its keyed hasher, and [`host`].
//! * `serde` makes [`Event`], an input, serialisable, so that inputs can be recorded and replayed.
//!   No state ever is.
//! * `arbitrary` has `adsum::arbitrary`, which makes inputs from arbitrary bytes: for fuzzing a
//!   host of your own.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

/// The examples in the README compile and hold.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod apply;
#[cfg(feature = "arbitrary")]
pub mod arbitrary;
mod candidate;
mod config;
mod connect;
mod decision;
mod decisions;
mod engine;
mod error;
mod event;
mod fanout;
mod hasher;
#[cfg(feature = "std")]
pub mod host;
mod key;
mod memory;
mod notice;
mod queries;
mod reason;
mod remote;
mod replica;
pub mod rules;
mod slot_map;
mod snapshot;
mod stats;
mod tables;
mod time;
mod topic;

pub use candidate::{Candidate, Represent};
pub use config::{
    Config, ConfigError, DirectTo, Grace, Lease, OfflineNotices, Options, OverLimit, Rate,
};
pub use connect::Connect;
pub use decision::Decision;
pub use decisions::Decisions;
pub use engine::Engine;
pub use error::Error;
pub use event::{Event, LostCause};
pub use hasher::DefaultHashBuilder;
#[cfg(not(feature = "std"))]
pub use hasher::NoHasher;
pub use key::{DeviceKind, SessionId, SessionKey, Slot, TopicKey};
pub use notice::{Notice, NoticeId, PresenceKind};
pub use queries::Session;
pub use queries::local::{LocalMember, LocalSession, LocalUser};
pub use queries::topics::{Topic, TopicMember};
pub use reason::{CloseReason, EndReason, LeaveReason, TopicClosing};
pub use remote::{
    Origin, RemoteEnd, RemoteLists, RemoteLoss, RemoteMember, RemotePresence, RemoteSession,
    RemoteState,
};
pub use replica::compare::Difference;
pub use replica::{Replica, ReplicaFull};
pub use slot_map::SlotMap;
pub use snapshot::{Changes, Entry, Scope, Snapshot, TopicChange, TopicEntry, TopicSnapshot};
pub use stats::{Counts, Stats};
pub use time::Time;
pub use topic::{Join, TopicBlocks, TopicCounts, TopicOptions, View};
