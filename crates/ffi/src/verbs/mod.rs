//! The verbs: one call for each input, each a verb of `adsum::Engine` with the same rules.

pub mod presence;
pub mod remote;
pub mod sessions;
pub mod time;
pub mod topics;
pub mod visibility;
