//! What a client has shown that it may do.

use crate::store::Patterns;

/// What a session may do, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    /// The names of topics that it may join.
    pub(crate) topics: Patterns,
    /// When its connection is closed unless it shows another token, in milliseconds since 1970.
    pub(crate) until_ms: Option<u64>,
}

impl Grant {
    /// Returns whether it is still good.
    pub(crate) fn holds(&self, now_ms: u64) -> bool {
        self.until_ms.is_none_or(|until| now_ms < until)
    }
}

/// Whom a user may see, and who may not see the user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lists {
    pub(crate) contacts: Vec<String>,
    pub(crate) blocked: Vec<String>,
}
