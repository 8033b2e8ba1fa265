//! What clients ask for: each kind of request in a file of its own.

pub(crate) mod lasting;
pub(crate) mod login;
pub(crate) mod nodes;
pub(crate) mod presence;
pub(crate) mod roster;
pub(crate) mod watching;
