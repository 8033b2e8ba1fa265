//! How much one frame may hold.

/// Bounds on what a frame declares. Its size in bytes is bounded by whoever reads it from the
/// socket; nothing is ever reserved for more than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most entries of one list. Default: 1,000, as many as the engine takes in one directed
    /// presence unless told otherwise.
    pub list: usize,
    /// The most entries of one map. Default: 1,000.
    pub map: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { list: 1_000, map: 1_000 }
    }
}

/// How deep an unknown value may be nested before the frame is refused. tim's own are three deep.
pub(crate) const MAX_DEPTH: u8 = 32;
