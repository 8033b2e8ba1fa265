//! The ids of accounts.

use std::sync::Arc;

/// An account's id, shared by all who name it.
pub(crate) type Node = Arc<str>;

/// The node that an administrator's notices come from: no account has this id.
pub(crate) const SYSTEM_NODE: &str = "@server";
