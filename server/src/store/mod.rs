//! Accounts and rosters: what is not presence, and may be written to disk.
//!
//! [`Store`] has no verb that takes a presence. [`Sqlite`] keeps accounts and rosters in a file;
//! [`Jwt`] keeps nothing: whoever has signed a token says who somebody is and whom they know.
//! [`Access`] is the part of either that says who may; [`RosterHook`] asks your backend for it.
//!
//! A store blocks its thread. `prepare` and `login` may take tens of milliseconds and megabytes of
//! memory (a password is hashed) and belong on a pool that bounds how many run at once; all others
//! take one short look at a file. Those that write may wait seconds for another process that has
//! it; those that read wait for nobody who writes.

mod access;
mod error;
mod interface;
mod jwt;
mod login;
mod name;
mod node;
mod password;
mod patterns;
mod relations;
mod roster_hook;
mod sqlite;

pub use access::Access;
pub use error::StoreError;
pub use interface::{NewAccount, Store};
pub use jwt::{Jwt, JwtKey, JwtOptions};
pub use login::{Credentials, Login};
pub use node::MAX_NODE;
pub use password::{Cost, Passwords};
pub use patterns::Patterns;
pub(crate) use patterns::{LONGEST_TOPIC, may_be_a_topics};
pub use relations::{Asked, Relation, Relations, Request};
pub use roster_hook::{RosterHook, RosterHookOptions};
pub use sqlite::{Sqlite, SqliteOptions};
