//! When something comes by itself.

/// A deadline and the place in line among those of the same moment.
pub type Timer = (u64, u64);
