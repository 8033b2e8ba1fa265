//! The load generator: many clients against one server, and what that costs.
//!
//! One user publishes to friends; other users are connected too. Without `--server` it starts a
//! server of its own, with limits so wide that they are not what is measured.

mod client;
#[doc(hidden)]
pub mod cores;
mod cpu;
mod error;
mod measurements;
mod options;
mod report;
mod run;
mod server;

pub use error::LoadError;
pub use options::{Options, Protocol, arguments};
pub use run::run;
