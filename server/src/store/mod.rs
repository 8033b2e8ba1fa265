//! Accounts and rosters: what is not presence, and may be written to disk.
//!
//! [`Store`] has no verb that takes a presence. [`Sqlite`] keeps accounts and rosters in a file;
//! [`Jwt`] keeps nothing: whoever has signed a token says who somebody is and whom they know.
//!
//! A store blocks its thread. `prepare` and `login` may take tens of milliseconds and megabytes of
//! memory (a password is hashed) and belong on a pool that bounds how many run at once; all others
//! take one short look at a file. Those that write may wait seconds for another process that has
//! it; those that read wait for nobody who writes.

mod error;
mod interface;
mod jwt;
mod name;
mod node;
mod password;
mod patterns;
mod relations;
mod sqlite;

pub use error::StoreError;
pub use interface::{Credentials, Login, NewAccount, Store};
pub use jwt::{Jwt, JwtKey, JwtOptions};
pub use node::MAX_NODE;
pub use password::{Cost, Passwords};
pub use patterns::Patterns;
pub use relations::{Asked, Relation, Relations, Request};
pub use sqlite::{Sqlite, SqliteOptions};
