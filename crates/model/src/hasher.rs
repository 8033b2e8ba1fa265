//! A hasher for tests that want the worst.

use std::hash::{BuildHasher, Hasher};

/// A hasher with which everything collides.
#[derive(Clone, Default)]
pub struct Constant;

impl BuildHasher for Constant {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self
    }
}

impl Hasher for Constant {
    fn write(&mut self, _: &[u8]) {}

    fn finish(&self) -> u64 {
        0
    }
}
