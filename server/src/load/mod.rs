//! The load generator: many clients against one server, and what that costs.
//!
//! One user publishes; so many friends of theirs, and so many others, are connected. Without
//! `--server` it starts a server of its own, whose limits are wide enough not to be what is
//! measured.

mod client;
mod measure;
mod options;
mod report;
mod run;
mod world;

pub use options::{Options, arguments};
pub use run::run;

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct LoadError(String);

impl LoadError {
    fn new(what: &str, why: impl std::fmt::Display) -> Self {
        Self(format!("{what}: {why}"))
    }
}
