//! Accounts and rosters that another service keeps: a signed token says who somebody is and whom
//! they know.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Validation, decode, decode_header};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Number;

use super::access::Access;
use super::error::StoreError;
use super::interface::{NewAccount, Store};
use super::login::{Credentials, Login};
use super::node::MAX_NODE;
use super::patterns::{Patterns, may_be_a_topics};
use super::relations::{Asked, Relation, Relations};

mod current_keys;
mod keys;

use current_keys::CurrentKeys;
pub use keys::JwtKey;
use keys::Key;

/// How tokens are checked.
#[derive(Clone, PartialEq, Eq)]
pub struct JwtOptions {
    /// The issuer's key.
    pub key: JwtKey,
    /// What `iss` must be; `None`: not looked at.
    pub issuer: Option<String>,
    /// What `aud` must be or contain; `None`: a token that has one is for somebody else, and
    /// refused.
    pub audience: Option<String>,
    /// How many seconds the issuer's clock may be off, for `exp` and `nbf`.
    pub leeway: u64,
    /// The most entries of `roster` and of `blocked`.
    pub max_relations: u32,
}

/// Accounts and rosters by signed tokens (JSON Web Token, RFC 7519).
///
/// A client logs in with the token in tim's `token` field, or in place of a password. Claims:
///
/// | claim | |
/// | --- | --- |
/// | `sub` | the account's id, 1 to 64 bytes; required |
/// | `exp` | when the token expires; required. `nbf` is honoured |
/// | `name` | the account's name; where it is missing, `sub` is |
/// | `domain` | the account's domain, if it has one |
/// | `adsum.contacts`, or `roster` | the ids of friends |
/// | `adsum.blocked`, or `blocked` | the ids of those whom this account has blocked |
/// | `adsum.topics` | patterns of the names of topics that may be joined with it |
/// | `adsum.kind` | the kind of the device |
///
/// Those that begin with `adsum.` may be fields of an object `adsum`, too.
///
/// A name or domain that the client gives must be the token's. Friendship needs both sides'
/// consent here too, but it is the issuer who has asked for it: rosters must be mutual. They
/// cannot be changed through this server; a new login brings a new roster.
pub struct Jwt {
    keys: CurrentKeys,
    max_relations: u32,
    /// The accounts that are here, as their newest tokens have them.
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    users: HashMap<String, KnownUser>,
    /// From how many on to look for expired ones: logins that came to nothing are never released.
    sweep_at: usize,
}

/// What the newest token of an account says of it.
struct KnownUser {
    expires_at: u64,
    name: String,
    relations: Relations,
}

impl KnownUser {
    fn relation(&self, other: &str) -> Relation {
        let is_in =
            |list: &[String]| list.binary_search_by(|node| node.as_str().cmp(other)).is_ok();
        match (is_in(&self.relations.friends), is_in(&self.relations.blocked)) {
            (_, true) => Relation::Blocked,
            (true, false) => Relation::Friends,
            (false, false) => Relation::None,
        }
    }
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    #[serde(deserialize_with = "seconds")]
    exp: u64,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    domain: Option<String>,
    #[serde(default, deserialize_with = "or_none")]
    roster: Vec<String>,
    #[serde(default, deserialize_with = "or_none")]
    blocked: Vec<String>,
    #[serde(flatten)]
    flat: Flat,
    #[serde(default, deserialize_with = "or_none")]
    adsum: Own,
}

/// Reads whole seconds of a time that may have parts of seconds (a `NumericDate` of RFC 7519).
fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let number = Number::deserialize(from)?;
    let parts = number.as_f64().filter(|seconds| (0.0..=MOST_SECONDS).contains(seconds));
    let whole = number.as_u64().or_else(|| parts.map(|seconds| seconds as u64));
    whole.ok_or_else(|| D::Error::custom("no time"))
}

/// Reads a claim that may be null, which is the same as none.
fn or_none<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    from: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// Claims of this server's own, by their whole names.
#[derive(Deserialize)]
struct Flat {
    #[serde(rename = "adsum.contacts")]
    contacts: Option<Vec<String>>,
    #[serde(rename = "adsum.blocked")]
    blocked: Option<Vec<String>>,
    #[serde(rename = "adsum.topics")]
    topics: Option<Vec<String>>,
    #[serde(rename = "adsum.kind")]
    kind: Option<u8>,
}

/// The same, in an object.
#[derive(Default, Deserialize)]
struct Own {
    contacts: Option<Vec<String>>,
    blocked: Option<Vec<String>>,
    topics: Option<Vec<String>>,
    kind: Option<u8>,
}

impl Claims {
    /// Takes the claims of this server's own together, by whichever name they are there.
    fn gathered(mut self) -> Self {
        let (flat, own) = (&mut self.flat, &mut self.adsum);
        own.contacts = flat.contacts.take().or_else(|| own.contacts.take());
        own.blocked = flat.blocked.take().or_else(|| own.blocked.take());
        own.topics = flat.topics.take().or_else(|| own.topics.take());
        own.kind = flat.kind.or(own.kind);
        self.roster.extend(own.contacts.take().unwrap_or_default());
        self.blocked.extend(own.blocked.take().unwrap_or_default());
        self
    }
}

const MIN_SWEEP: usize = 1_024;
/// How long a token is, in bytes, that is looked at in no time: with a hundred contacts.
const QUICK: usize = 4_096;
/// The latest time that may have parts of seconds: 2^53.
const MOST_SECONDS: f64 = 9_007_199_254_740_992.0;

impl Jwt {
    /// Returns a store that checks tokens as the options say.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for a secret that is too short or a key that is none;
    /// [`StoreError::Failed`] for a file that cannot be read.
    pub fn new(options: JwtOptions) -> Result<Self, StoreError> {
        let max_relations = options.max_relations;
        let keys = CurrentKeys::new(options.key.clone(), move |key| validation(key, &options))?;
        let known = Mutex::new(Known { sweep_at: MIN_SWEEP, ..Known::default() });
        Ok(Self { keys, max_relations, known })
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self, token: &str) -> Result<Claims, StoreError> {
        let claims = self
            .read(token)
            // Only the kind: the whole error may quote a claim.
            .map_err(|error| StoreError::Token(kind(&error).to_owned()))?
            .gathered();
        let listed = claims.roster.iter().chain(&claims.blocked);
        if !listed.chain([&claims.sub]).all(|node| self.is_node(node)) {
            return Err(StoreError::Token("an id that none can be".to_owned()));
        }
        let mut topics = claims.adsum.topics.iter().flatten();
        if !topics.all(|pattern| may_be_a_topics(pattern)) {
            return Err(StoreError::Token("a pattern of topics that no name can have".to_owned()));
        }
        if claims.roster.len().max(claims.blocked.len()) > self.max_relations as usize {
            return Err(StoreError::Token("too many relations".to_owned()));
        }
        Ok(claims)
    }

    /// Returns what a token says, by the first of the keys that it is signed with.
    fn read(&self, token: &str) -> Result<Claims, ErrorKind> {
        let header = decode_header(token).map_err(|error| error.kind().clone())?;
        let mut refused = ErrorKind::InvalidAlgorithm;
        let keys = self.keys.get();
        for (key, validation) in keys.iter().filter(|(key, _)| key.may_be_of(&header)) {
            match decode::<Claims>(token, &key.key, validation) {
                Ok(read) => return Ok(read.claims),
                Err(error) => refused = error.kind().clone(),
            }
            if !matches!(refused, ErrorKind::InvalidSignature) {
                break;
            }
        }
        Err(refused)
    }
}

/// Returns how the tokens of a key are checked.
fn validation(key: &Key, options: &JwtOptions) -> Validation {
    let mut validation = Validation::new(key.algorithm);
    validation.leeway = options.leeway;
    validation.validate_nbf = true;
    let mut required = vec!["exp", "sub"];
    if let Some(issuer) = &options.issuer {
        validation.set_issuer(&[issuer]);
        required.push("iss");
    }
    if let Some(audience) = &options.audience {
        validation.set_audience(&[audience]);
        required.push("aud");
    }
    validation.set_required_spec_claims(&required);
    validation
}

const fn kind(of: &ErrorKind) -> &'static str {
    match of {
        ErrorKind::InvalidSignature => "wrong signature",
        ErrorKind::ExpiredSignature => "expired",
        ErrorKind::ImmatureSignature => "not yet valid",
        ErrorKind::InvalidIssuer => "another issuer",
        ErrorKind::InvalidAudience => "for somebody else",
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => "another algorithm",
        ErrorKind::MissingRequiredClaim(_) => "a claim is missing",
        _ => "malformed",
    }
}

/// Returns the token that a client shows, as such or in place of a password.
const fn token<'a>(shown: &Credentials<'a>) -> &'a str {
    if shown.token.is_empty() { shown.password } else { shown.token }
}

fn seconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl Access for Jwt {
    fn login(&self, shown: &Credentials<'_>) -> Result<Login, StoreError> {
        let claims = self.check(token(shown))?;
        let name = claims.name.unwrap_or_else(|| claims.sub.clone());
        let same = |given: &str, own: &str| given.is_empty() || given == own;
        if !same(shown.name, &name)
            || !same(shown.domain, claims.domain.as_deref().unwrap_or_default())
        {
            return Err(StoreError::Token("another account".to_owned()));
        }
        let Own { topics, kind, .. } = claims.adsum;
        let topics = topics.map(Patterns::new);
        let (friends, blocked) = (claims.roster, claims.blocked);
        let relations = Relations { friends, blocked, ..Relations::default() };
        let relations = relations.tidied(&claims.sub);
        let mut known = self.known();
        let user =
            KnownUser { expires_at: claims.exp, name: name.clone(), relations: relations.clone() };
        known.users.insert(claims.sub.clone(), user);
        if known.users.len() >= known.sweep_at {
            let now = seconds_now();
            known.users.retain(|_, user| user.expires_at > now);
            known.sweep_at = MIN_SWEEP.max(2 * known.users.len());
        }
        let (node, expires_at) = (claims.sub, Some(claims.exp));
        Ok(Login { node, name, expires_at, relations: Some(relations), topics, kind })
    }

    fn is_quick(&self, shown: &Credentials<'_>) -> bool {
        token(shown).len() <= QUICK && !self.keys.may_be_read()
    }

    fn has_relations(&self) -> bool {
        true
    }

    fn takes_tokens(&self) -> bool {
        true
    }

    /// Returns those of the newest token, while its user is here.
    fn relations(&self, node: &str) -> Result<Relations, StoreError> {
        let known = self.known();
        let user = known.users.get(node).ok_or(StoreError::NoAccount)?;
        Ok(user.relations.clone())
    }

    fn release(&self, node: &str) {
        self.known().users.remove(node);
    }
}

impl Store for Jwt {
    fn prepare(&self, _: &str, _: &str, _: &str) -> Result<NewAccount, StoreError> {
        Err(StoreError::Elsewhere)
    }

    fn add(&self, _: &NewAccount) -> Result<(), StoreError> {
        Err(StoreError::Elsewhere)
    }

    fn is_node(&self, node: &str) -> bool {
        !node.is_empty() && node.len() <= MAX_NODE
    }

    /// Any account may exist: only the issuer knows whether it does.
    fn exists(&self, node: &str) -> Result<bool, StoreError> {
        Ok(self.is_node(node))
    }

    /// Only ids are taken here: the issuer keeps the names.
    fn resolve(&self, _: &str, typed: &str) -> Result<Option<String>, StoreError> {
        Ok(self.is_node(typed).then(|| typed.to_owned()))
    }

    fn account(&self, typed: &str, _: &str) -> Result<Option<String>, StoreError> {
        Ok(self.is_node(typed).then(|| typed.to_owned()))
    }

    /// Returns the names of those who are here: no token states the names of others.
    fn names(&self, node: &str, others: &[String]) -> Result<Vec<(String, String)>, StoreError> {
        let known = self.known();
        let Some(own) = known.users.get(node) else { return Ok(Vec::new()) };
        let may_know = |other: &&String| *other == node || own.relation(other) != Relation::None;
        let name = |other: &String| Some((other.clone(), known.users.get(other)?.name.clone()));
        Ok(others.iter().filter(may_know).filter_map(name).collect())
    }

    fn relation(&self, node: &str, other: &str) -> Result<Relation, StoreError> {
        let known = self.known();
        Ok(known.users.get(node).map_or(Relation::None, |user| user.relation(other)))
    }

    fn ask(&self, _: &str, _: &str, _: &str) -> Result<Asked, StoreError> {
        Err(StoreError::Elsewhere)
    }

    fn remove(&self, _: &str, _: &str) -> Result<Relation, StoreError> {
        Err(StoreError::Elsewhere)
    }

    fn block(&self, _: &str, _: &str) -> Result<Relation, StoreError> {
        Err(StoreError::Elsewhere)
    }

    fn health(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
