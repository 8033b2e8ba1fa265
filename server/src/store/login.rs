//! What somebody shows, and who that is.

use adsum_tim::TimAuth;

use super::patterns::Patterns;
use super::relations::Relations;

/// What a client shows to log in. Fields that it did not send are empty.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Credentials<'a> {
    /// The account's name.
    pub name: &'a str,
    /// Its domain.
    pub domain: &'a str,
    /// Its password.
    pub password: &'a str,
    /// A token, where they are looked at.
    pub token: &'a str,
}

impl<'a> From<&'a TimAuth> for Credentials<'a> {
    fn from(auth: &'a TimAuth) -> Self {
        Self {
            name: auth.name.as_deref().unwrap_or_default(),
            domain: auth.domain.as_deref().unwrap_or_default(),
            password: auth.pwd.as_ref().map_or("", |secret| &secret.0),
            token: auth.token.as_ref().map_or("", |secret| &secret.0),
        }
    }
}

/// An account whose owner has shown who they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Login {
    /// The account's id.
    pub node: String,
    /// The account's name, in the spelling it was registered with.
    pub name: String,
    /// When this stops being good, in seconds since 1970; `None` if never.
    pub expires_at: Option<u64>,
    /// The account's relations, where the credentials state them. Otherwise they are read apart, so
    /// that somebody who has shown who they are gets in even when their roster cannot be read.
    pub relations: Option<Relations>,
    /// The names of topics that may be joined with these credentials, where they say so.
    pub topics: Option<Patterns>,
    /// The kind of the device, where they say so.
    pub kind: Option<u8>,
}
