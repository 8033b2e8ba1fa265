//! Who may: who a client is, and whom that user may see.

use super::error::StoreError;
use super::login::{Credentials, Login};
use super::relations::Relations;

/// Says who a client is, and whom that user may see.
///
/// There are three: the accounts of this server's ([`Sqlite`](super::Sqlite)), tokens of your
/// backend's that say both ([`Jwt`](super::Jwt)), and your backend itself, which is asked for
/// contacts while one of the other two says who somebody is ([`RosterHook`](super::RosterHook)).
/// Whatever else comes to know contacts wraps another one in the same way, and answers
/// [`relations`](Self::relations) itself.
pub trait Access: Send + Sync {
    /// Returns whose credentials these are. Slow.
    ///
    /// # Errors
    /// [`StoreError::Denied`], [`StoreError::Token`], [`StoreError::Failed`].
    fn login(&self, credentials: &Credentials<'_>) -> Result<Login, StoreError>;

    /// Returns whether these credentials are looked at in less time than a thread takes to wake, so
    /// that whoever asks does it at once.
    fn is_quick(&self, _credentials: &Credentials<'_>) -> bool {
        false
    }

    /// Returns whether a login's token is looked at here, rather than one of the server's own.
    fn takes_tokens(&self) -> bool {
        false
    }

    /// Returns whether users keep their relations here and change them themselves, so that nobody
    /// else does.
    fn keeps_lists(&self) -> bool {
        false
    }

    /// Returns a user's relations to others.
    ///
    /// # Errors
    /// [`StoreError::NoAccount`], [`StoreError::Failed`].
    fn relations(&self, node: &str) -> Result<Relations, StoreError>;

    /// Returns whether relations are in memory, so that nobody waits for them on another thread.
    fn has_relations(&self) -> bool {
        false
    }

    /// Returns how many may be asked for relations at once.
    fn at_once(&self) -> usize {
        4
    }

    /// Lets go of what was kept for a user's sessions, as the last one has ended.
    fn release(&self, _node: &str) {}
}
