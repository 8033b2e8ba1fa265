//! A presence server that embeds adsum and speaks tim's protocol.

mod causes;
mod cluster;
pub mod config;
pub mod host;
mod label;
pub mod load;
pub mod store;
pub mod tokens;
mod usage;
mod webhooks;

/// The example in the README compiles and holds.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
