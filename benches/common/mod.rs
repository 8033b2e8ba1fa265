//! What the benchmarks have in common: worlds to measure in, floors and peers to measure against,
//! and figures that can be trusted on a noisy machine.
#![allow(dead_code, reason = "each benchmark needs its part of this")]

pub(crate) mod arguments;
pub(crate) mod figures;
pub(crate) mod floor;
pub(crate) mod graphs;
pub(crate) mod keyed;
pub(crate) mod peers;
mod plot;
pub(crate) mod random;
pub(crate) mod report;
pub(crate) mod row;
pub(crate) mod tim;
pub(crate) mod world;
