#![cfg_attr(not(test), no_std)]
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
mod cluster;
mod config;
mod desk;
mod digest;
mod fault;
mod limits;
mod message;
mod node;
mod outputs;
mod peers;
mod people;
mod receive;
mod send;
mod stats;
#[cfg(test)]
mod tests;
pub use adsum::rules;
pub use cluster::Cluster;
pub use config::{ClusterConfig, ClusterConfigError};
pub use fault::Fault;
pub use message::{
    Beat, Body, Direct, Message, Need, Order, Orders, PROTOCOL, Sync, To, UserState, Version,
};
pub use node::{Incarnation, NodeId};
pub use outputs::{Next, Output, Outputs};
pub use stats::{ClusterStats, NodeState, NodeStatus};
