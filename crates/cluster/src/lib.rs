//! Makes several engines of [`adsum`] one: the protocol between nodes, without a transport.
//!
//! Each node keeps the whole directory and tells its own sessions, by the rules of the engine; the
//! [rules C1 to C18](adsum::rules#cluster) say what nodes tell each other. There is no leader, no
//! consensus and no store. A node that is not heard of is waited for, and what was lost is asked
//! for.
//!
//! Like the engine, a [`Cluster`] is a state machine without input and output of its own. It wants
//! a transport that can send a [`Message`] to all nodes and to one of them, and that says who has
//! sent one. It may lose, repeat and reorder them.
//!
//! # The loop
//!
//! Whatever a node is told, [`Cluster::next`] says what there is to do about it.
//!
//! ```
//! use adsum::{Config, DefaultHashBuilder, DeviceKind, Engine, Event, Time};
//! use adsum_cluster::{Cluster, ClusterConfig, Incarnation, Message, Next, NodeId};
//!
//! type Node = Cluster<String, String>;
//!
//! fn node(name: &str) -> Node {
//!     let me = NodeId::new(name).expect("a plain name");
//!     // The time of the start, and a number that is drawn at random.
//!     let life = Incarnation { started_ms: 1_700_000_000_000, random: 4 };
//!     let engine = Engine::new(Config::default());
//!     let hasher = DefaultHashBuilder::new();
//!     Cluster::new(me, life, ClusterConfig::default(), engine, hasher).expect("in range")
//! }
//!
//! /// Does what there is to do, and returns what is to be sent.
//! fn pump(node: &mut Node, now: Time) -> Vec<Message<String, String>> {
//!     let mut sent = Vec::new();
//!     while let Some(next) = node.next(now) {
//!         match next {
//!             // As with an engine: send frames, close connections.
//!             Next::Decisions(outputs) => outputs.for_each(|output| drop(output.decision)),
//!             Next::PostOnline { user, number } => println!("{number}: {user} is online"),
//!             // Encode it, and send it to all nodes, or to the one that `to` names.
//!             Next::Send { message, .. } => sent.push(message),
//!         }
//!     }
//!     sent
//! }
//!
//! let now = Time::from_millis(1_700_000_000_000);
//! let (mut a, mut b) = (node("a"), node("b"));
//! a.advance(now).for_each(|_| {});
//! let (user, kind) = ("ann".to_owned(), DeviceKind(0));
//! let connect = Event::Connect { user, kind, audience: Vec::new(), blocked: Vec::new() };
//! a.apply(now, connect)?.for_each(|output| {
//!     // The host of a session posts that its user comes.
//!     println!("{:?}, posted as {:?}", output.decision, output.posts_edge);
//! });
//! for message in pump(&mut a, now) {
//!     // Who has sent it is the transport's word.
//!     b.receive(now, a.id(), message)?;
//!     pump(&mut b, now);
//! }
//! assert!(b.engine().is_online("ann"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The host's duties
//!
//! * Those of [an engine's host](adsum#the-hosts-duties), with [`Cluster::deadline`] and
//!   [`Cluster::advance`].
//! * **Who has sent a message** is for the transport to say, and for its permissions to guard:
//!   whoever may write as a node is that node.
//! * **Clocks** of nodes may be apart, and must go forward. A node that is started anew must not
//!   have its clock set back by more than it was away ([`Incarnation`]).
//! * **The hashes of ids** must be the same at all nodes, which they are where `K` hashes bytes or
//!   numbers of fixed size in the same order. Else every beat finds a wrong checksum.
//! * **One version of the options** at all nodes. Options of single topics
//!   ([`Event::TopicOptions`](adsum::Event::TopicOptions)) are passed on, to nodes that start later
//!   too.
//! * **Mind the size** of what a transport takes: a message has up to
//!   [`max_batch`](ClusterConfig::max_batch) users with their lists.
//!
//! # What it costs
//!
//! One message a batch of changes, whoever is concerned; one beat a second. A user is known at all
//! nodes: beside the engine's own memory, its id twice at the node that has its sessions and once
//! at each other, and some 300 bytes. A user who is elsewhere takes no more than one who is here.
//! The crate is `no_std` with `alloc` and has no unsafe code. With the feature `serde` a
//! [`Message`] can be serialised; no state ever can.

#![cfg_attr(not(test), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

extern crate alloc;

/// Whether this part is broken on purpose, to see that the tests find it. Never outside of them.
macro_rules! broken {
    ($desk:expr, $name:ident) => {{
        #[cfg(test)]
        let is_broken = $desk.broken == Some(crate::tests::breaks::Break::$name);
        #[cfg(not(test))]
        let is_broken = false;
        is_broken
    }};
}

mod apply;
mod carry_out;
mod changes;
mod closings;
mod cluster;
mod config;
mod desk;
mod digest;
mod expel;
mod fault;
mod limits;
mod log;
mod message;
mod node;
mod ordered;
mod orders;
mod outputs;
mod parting_wish;
mod peers;
mod people;
mod posted;
mod receive;
mod repeats;
mod send;
mod stats;
#[cfg(test)]
mod tests;
mod topic_options;
mod topics;
mod waiting;

pub use cluster::Cluster;
pub use config::{ClusterConfig, ClusterConfigError};
pub use fault::Fault;
pub use message::{
    Beat, Body, Direct, Message, Need, Order, Orders, PROTOCOL, Repeat, Say, Sync, To, UserState,
    Version,
};
pub use node::{Incarnation, NodeId};
pub use outputs::{Next, Output, Outputs};
pub use stats::{ClusterStats, NodeState, NodeStatus};

/// The example in the README compiles and holds.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
