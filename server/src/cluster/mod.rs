//! Several servers as one, over NATS: what goes between the engine's thread and the others'.
//!
//! ```text
//! engine thread ── outgoing queue ──► sender: encode, publish     s.<node>, n.<to>.<node>
//!      ▲                                                                     NATS
//!      └── the channel of commands ── receiver: who says it, decode  ◄──  s.*, n.<node>.*
//! ```
//!
//! NATS core delivers at most once and stores nothing, as presence itself is. What is lost is asked
//! for by the protocol (`adsum-cluster`), so a message that cannot be sent at once is dropped.

mod handle;
mod identity;
mod metrics;
mod name;
mod subjects;
mod transport;
mod wire;

pub(crate) use handle::{Ends, Handle};
pub(crate) use identity::Identity;
pub(crate) use metrics::{ClusterFigures, ClusterMetrics};
pub(crate) use transport::Transport;
