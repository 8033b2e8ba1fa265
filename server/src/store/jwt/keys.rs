//! The keys that tokens are checked with.

use std::fs;
use std::path::PathBuf;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header};

use crate::store::error::StoreError;

/// What a token's signature is checked with.
#[derive(Clone, PartialEq, Eq)]
pub enum JwtKey {
    /// HS256: a secret that the issuer has too, at least 32 bytes (RFC 7518, section 3.2).
    Secret(Vec<u8>),
    /// The issuer's public key, as PEM: RS256, or ES256 with a key on P-256.
    PublicPem(Vec<u8>),
    /// Several keys, as a JWK Set (RFC 7517): RS256, ES256 and HS256. A token names the one that it
    /// is signed with (`kid`), or any may be.
    Set(Vec<u8>),
    /// The same in a file, which is read again when it has changed.
    SetFile(PathBuf),
}

const MIN_SECRET: usize = 32;

/// One key. The algorithm is the key's, never for the token to choose.
pub(super) struct Key {
    id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

impl JwtKey {
    /// Returns the keys that it is.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub(super) fn keys(&self) -> Result<Vec<Key>, StoreError> {
        let one = |algorithm, key| Ok(vec![Key { id: None, algorithm, key }]);
        match self {
            Self::Secret(secret) if secret.len() < MIN_SECRET => {
                Err(StoreError::Invalid("secret of at least 32 bytes"))
            }
            Self::Secret(secret) => one(Algorithm::HS256, DecodingKey::from_secret(secret)),
            Self::PublicPem(pem) => {
                let invalid = |_| StoreError::Invalid("public key in PEM");
                match DecodingKey::from_rsa_pem(pem) {
                    Ok(key) => one(Algorithm::RS256, key),
                    Err(_) => {
                        one(Algorithm::ES256, DecodingKey::from_ec_pem(pem).map_err(invalid)?)
                    }
                }
            }
            Self::Set(json) => keys_of_set(json),
            Self::SetFile(path) => {
                keys_of_set(&fs::read(path).map_err(|error| StoreError::Failed(error.into()))?)
            }
        }
    }
}

impl Key {
    /// Returns whether a token may be signed with it, by what its header says.
    pub(super) fn may_be_of(&self, header: &Header) -> bool {
        let is_named = match (&self.id, &header.kid) {
            (Some(id), Some(named)) => id == named,
            _ => true,
        };
        is_named && self.algorithm == header.alg
    }
}

fn keys_of_set(json: &[u8]) -> Result<Vec<Key>, StoreError> {
    let set: JwkSet = serde_json::from_slice(json).map_err(|_| StoreError::Invalid("JWK Set"))?;
    let keys: Vec<_> = set.keys.iter().filter_map(key_of).collect();
    if keys.is_empty() {
        return Err(StoreError::Invalid("JWK Set: no key in it can be used"));
    }
    Ok(keys)
}

/// Returns a key of a set, if it is one that can be used; others are for somebody else.
fn key_of(jwk: &Jwk) -> Option<Key> {
    if jwk.common.public_key_use.as_ref().is_some_and(|used| *used != PublicKeyUse::Signature) {
        return None;
    }
    let key = DecodingKey::from_jwk(jwk).ok()?;
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(on) if on.curve == EllipticCurve::P256 => {
            Algorithm::ES256
        }
        AlgorithmParameters::OctetKey(_) if key.try_get_as_bytes().ok()?.len() >= MIN_SECRET => {
            Algorithm::HS256
        }
        _ => return None,
    };
    let said = jwk.common.key_algorithm;
    if said.is_some_and(|said| said.to_string() != format!("{algorithm:?}")) {
        return None;
    }
    Some(Key { id: jwk.common.key_id.clone(), algorithm, key })
}
