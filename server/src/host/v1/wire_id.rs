//! What clients know sessions by.

/// A session as clients know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WireId(pub(crate) u64);

impl std::fmt::Display for WireId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
