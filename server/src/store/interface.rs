//! What a store of accounts and rosters can do.

use super::access::Access;
use super::error::StoreError;
use super::relations::{Asked, Relation};
use crate::tokens::UsedToken;

/// A store of accounts and rosters.
pub trait Store: Access {
    /// Makes a new account and returns its id: [prepared](Self::prepare), then
    /// [added](Self::add). Slow.
    ///
    /// # Errors
    /// Those of both.
    fn register(&self, name: &str, password: &str, domain: &str) -> Result<String, StoreError> {
        let account = self.prepare(name, password, domain)?;
        self.add(&account)?;
        Ok(account.node)
    }

    /// Returns what a new account is made of, if it may be made. Slow, and writes nothing. A name
    /// has nothing in it that is not seen, and unless the store is told otherwise it differs from
    /// all others of its domain in more than case.
    ///
    /// # Errors
    /// [`StoreError::Exists`], [`StoreError::Invalid`], [`StoreError::Elsewhere`],
    /// [`StoreError::Failed`].
    fn prepare(&self, name: &str, password: &str, domain: &str) -> Result<NewAccount, StoreError>;

    /// Makes a new account. Writes.
    ///
    /// # Errors
    /// [`StoreError::Exists`], [`StoreError::Elsewhere`], [`StoreError::Failed`].
    fn add(&self, account: &NewAccount) -> Result<(), StoreError>;

    /// Returns whether this could be an account's id.
    fn is_node(&self, node: &str) -> bool;

    /// Returns whether there is such an account.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn exists(&self, node: &str) -> Result<bool, StoreError>;

    /// Returns the id of the account that a user means by what they typed: an account's id, or else
    /// an account's name in the user's own domain. `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn resolve(&self, node: &str, typed: &str) -> Result<Option<String>, StoreError>;

    /// Returns the id of the account that an administrator means by what they typed: an account's
    /// id, or else an account's name in this domain. `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn account(&self, typed: &str, domain: &str) -> Result<Option<String>, StoreError>;

    /// Returns id and name of those of `others` that the user has a relation to, and of the user.
    /// Those whose name is not known, or not for this user to know, are left out.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn names(&self, node: &str, others: &[String]) -> Result<Vec<(String, String)>, StoreError>;

    /// Returns the relation between a user and another one, as the user sees it.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn relation(&self, node: &str, other: &str) -> Result<Relation, StoreError>;

    /// Asks another user to be a friend, or says yes to one who has asked. Asking a user whom one
    /// has blocked lifts the block first.
    ///
    /// # Errors
    /// [`StoreError::Oneself`], [`StoreError::NoAccount`], [`StoreError::AlreadyFriends`],
    /// [`StoreError::Full`], [`StoreError::Elsewhere`], [`StoreError::Failed`].
    fn ask(&self, node: &str, other: &str, words: &str) -> Result<Asked, StoreError>;

    /// Ends a friendship, withdraws or turns down a request, or lifts the user's own block (as in
    /// tim, there is no verb of its own for that). Returns the relation that there was before.
    /// Nothing is left of what either had wanted: to be friends again both must say so anew.
    ///
    /// # Errors
    /// [`StoreError::NoRelation`], [`StoreError::Elsewhere`], [`StoreError::Failed`].
    fn remove(&self, node: &str, other: &str) -> Result<Relation, StoreError>;

    /// Blocks another user, which ends a friendship or a request. Returns the relation that there
    /// was before.
    ///
    /// # Errors
    /// [`StoreError::Oneself`], [`StoreError::NoAccount`], [`StoreError::Full`],
    /// [`StoreError::Elsewhere`], [`StoreError::Failed`].
    fn block(&self, node: &str, other: &str) -> Result<Relation, StoreError>;

    /// Returns the name and domain of an account. `None` if there is none, or if accounts are kept
    /// elsewhere.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn owner(&self, _node: &str) -> Result<Option<(String, String)>, StoreError> {
        Ok(None)
    }

    /// Returns the login tokens that were saved as used and would not have expired by now, in
    /// milliseconds since 1970.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn used_tokens(&self, _now_ms: u64) -> Result<Vec<UsedToken>, StoreError> {
        Ok(Vec::new())
    }

    /// Saves login tokens as used. Writes.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn save_used_tokens(&self, _used: &[UsedToken]) -> Result<(), StoreError> {
        Ok(())
    }

    /// Waits until a call that writes would not have to wait, for as long as such a call would.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn until_writable(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Erases what was overwritten or deleted since the last call, wherever else it still is: the
    /// words of requests that were answered. Does next to nothing where there is nothing to do.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn erase(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Leaves nothing behind that is not to be kept, as the server ends.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Checks that the store answers, and could write if it had to.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn health(&self) -> Result<(), StoreError>;
}

/// An account that is to be made. It has no `Debug`: the hash is for the store alone.
pub struct NewAccount {
    /// The account's id.
    pub node: String,
    /// Its name.
    pub name: String,
    /// Its domain; empty if it has none.
    pub domain: String,
    /// The password's hash, which states its own cost.
    pub password_hash: String,
}
