//! What tests publish.

use adsum::SessionKey;

/// A presence as a test wants it.
pub trait Payload {
    /// Makes a presence that says this, and comes from this attachment if from any.
    fn make(said: u32, from: Option<SessionKey>) -> Self;

    /// Returns what it says.
    fn said(&self) -> u32;
}

impl Payload for u32 {
    fn make(said: u32, _: Option<SessionKey>) -> Self {
        said
    }

    fn said(&self) -> u32 {
        *self
    }
}
