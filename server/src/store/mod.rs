//! Accounts and rosters: what is not presence, and may be written to disk.
//!
//! [`Store`] has no verb that takes a presence. [`Sqlite`] keeps accounts and rosters in a file;
//! [`Jwt`] keeps nothing: whoever has signed a token says who somebody is and whom they know.
//!
//! A store blocks its thread. `register` and `login` may take tens of milliseconds and megabytes
//! of memory (a password is hashed) and belong on a pool that bounds how many run at once; all
//! others take one short look at a file.

mod error;
mod jwt;
mod node;
mod password;
mod relations;
mod sqlite;

pub use error::StoreError;
pub use jwt::{Jwt, JwtKey, JwtOptions};
pub use node::MAX_NODE;
pub use password::{Cost, Passwords};
pub use relations::{Asked, Relation, Relations, Request};
pub use sqlite::{Sqlite, SqliteOptions};

/// Who keeps accounts and rosters.
pub trait Store: Send + Sync {
    /// A new account; its id. Slow.
    ///
    /// # Errors
    /// [`StoreError::Exists`], [`StoreError::Invalid`], [`StoreError::Elsewhere`],
    /// [`StoreError::Failed`].
    fn register(&self, name: &str, password: &str, domain: &str) -> Result<String, StoreError>;

    /// Who logs in. Slow.
    ///
    /// # Errors
    /// [`StoreError::Denied`], [`StoreError::Token`], [`StoreError::Failed`].
    fn login(&self, credentials: &Credentials<'_>) -> Result<Login, StoreError>;

    /// Does a login's token belong to this store, rather than being one of the server's own?
    fn takes_tokens(&self) -> bool {
        false
    }

    /// Could this be an account's id?
    fn is_node(&self, node: &str) -> bool;

    /// Is there such an account?
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn exists(&self, node: &str) -> Result<bool, StoreError>;

    /// Whom a user means by what they typed: an account's id, or else an account's name in the
    /// user's own domain. `None` if nobody.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn resolve(&self, node: &str, typed: &str) -> Result<Option<String>, StoreError>;

    /// The names of those of `others` that the user has a relation to, and of the user: id and
    /// name. Whose name is not known, or not this user's to know, is left out.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn names(&self, node: &str, others: &[String]) -> Result<Vec<(String, String)>, StoreError>;

    /// A user's relations to others.
    ///
    /// # Errors
    /// [`StoreError::NoAccount`], [`StoreError::Failed`].
    fn relations(&self, node: &str) -> Result<Relations, StoreError>;

    /// What there is between a user and another one, as the user sees it.
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn relation(&self, node: &str, other: &str) -> Result<Relation, StoreError>;

    /// A user asks another one to be a friend, or says yes to who has asked. Asking whom one has
    /// blocked lifts the block first.
    ///
    /// # Errors
    /// [`StoreError::Oneself`], [`StoreError::NoAccount`], [`StoreError::BlockedByOther`],
    /// [`StoreError::AlreadyFriends`], [`StoreError::Full`], [`StoreError::Elsewhere`],
    /// [`StoreError::Failed`].
    fn ask(&self, node: &str, other: &str, words: &str) -> Result<Asked, StoreError>;

    /// A user ends a friendship, withdraws or turns down a request, or lifts their own block (as
    /// in tim, there is no verb of its own for that). The answer is what there was before. Of
    /// what either had wanted nothing is left: to be friends again both must say so anew.
    ///
    /// # Errors
    /// [`StoreError::NoRelation`], [`StoreError::Elsewhere`], [`StoreError::Failed`].
    fn remove(&self, node: &str, other: &str) -> Result<Relation, StoreError>;

    /// A user blocks another one; a friendship or a request ends with it. The answer is what
    /// there was before.
    ///
    /// # Errors
    /// [`StoreError::Oneself`], [`StoreError::NoAccount`], [`StoreError::Full`],
    /// [`StoreError::Elsewhere`], [`StoreError::Failed`].
    fn block(&self, node: &str, other: &str) -> Result<Relation, StoreError>;

    /// The user's last session has ended: what was kept for its sake can go.
    fn release(&self, _node: &str) {}

    /// Does the store answer?
    ///
    /// # Errors
    /// [`StoreError::Failed`].
    fn health(&self) -> Result<(), StoreError>;
}

/// What a client shows to log in. Fields that it did not send are empty.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Credentials<'a> {
    /// The account's name.
    pub name: &'a str,
    /// Its domain.
    pub domain: &'a str,
    /// Its password.
    pub password: &'a str,
    /// A token, where [the store takes tokens](Store::takes_tokens).
    pub token: &'a str,
}

/// Somebody has shown who they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The account's id.
    pub node: String,
    /// The account's name, in the spelling it was registered with.
    pub name: String,
    /// When this stops being good, in seconds since 1970; `None` if never.
    pub expires_at: Option<u64>,
    /// The account's relations, where what was shown says them. Otherwise they are asked for
    /// apart, so that whoever has shown who they are gets in though their roster cannot be read.
    pub relations: Option<Relations>,
}
