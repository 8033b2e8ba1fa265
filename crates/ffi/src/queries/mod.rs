//! What an engine can be asked (rule 16). Nothing here changes anything.

pub mod remote;
pub mod sessions;
pub mod topics;
pub mod users;
pub mod whole;
