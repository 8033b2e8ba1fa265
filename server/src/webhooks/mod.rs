//! Webhooks: who has come online and who has gone is posted to the application's own server.
//!
//! ```text
//! engine's thread                      task on the runtime
//!   notes an edge   ─►  newest of each user  ─►  batch, sign, post; again after a pause
//! ```
//!
//! The engine's thread only notes an edge in a map, under a lock that nobody holds while waiting,
//! so a slow hook delays nobody. Nothing is stored: what cannot be delivered in time is dropped,
//! and the next batch says that something was missed.

mod batch;
mod edge;
mod metrics;
mod pause;
mod sender;
mod waiting;

pub(crate) use edge::{Edge, State};
pub(crate) use metrics::WebhookMetrics;
pub(crate) use sender::Sender;
pub(crate) use waiting::Waiting;
