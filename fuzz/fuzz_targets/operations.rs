//! Any operations, decoded relative to the model's state: the engine must do what the model does,
//! and every receiver must believe what is true.

#![no_main]

#[path = "../../tests/model/mod.rs"]
mod model;

use libfuzzer_sys::fuzz_target;
use model::{Case, World};
use std::hash::RandomState;

fuzz_target!(|bytes: &[u8]| {
    let case = Case::from_bytes(bytes);
    if let Err(difference) = World::run(&case, RandomState::new()) {
        panic!("{difference}");
    }
});
