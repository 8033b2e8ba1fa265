//! Any operations, decoded relative to the model's state: the engine must do what the model does,
//! and every receiver must believe what is true.

use crate::{Case, World};
use std::hash::RandomState;

/// Carries out the operations that these bytes stand for; says how many there were.
///
/// # Panics
/// Where the engine and the model differ, with all that led to it.
pub fn run(bytes: &[u8]) -> u64 {
    let case = Case::from_bytes(bytes);
    if let Err(difference) = World::run(&case, RandomState::new()) {
        panic!("{difference}");
    }
    case.ops.len() as u64
}
