//! Keys of several kinds, and sets of them.

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::super::*;
use super::{PUBLIC, SECRET, SIGNED, options, refusal, show, sign, within};

/// The public half of a key that was thrown away after signing [`SIGNED_ELLIPTIC`] with it.
const ELLIPTIC: &str = "-----BEGIN PUBLIC KEY-----\n\
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEZsQo3yjLXFkRbOF5oybcxy64RJij\n\
    sQ6Ptz5Gyw3eSC19p5ELkicvvOoNNakbufQYEePV+2aYgwf157r2CRg4bw==\n\
    -----END PUBLIC KEY-----";
/// The same as a JWK has it.
const X: &str = "ZsQo3yjLXFkRbOF5oybcxy64RJijsQ6Ptz5Gyw3eSC0";
const Y: &str = "faeRC5InL7zqDTWpG7n0GBHj1ftmmIMH9ee69gkYOG8";

/// `{"sub":"alice","exp":4102444800,"adsum.contacts":["bob"]}`, signed by ES256 with the key
/// `elliptic`.
const SIGNED_ELLIPTIC: &str = "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6ImVsbGlwdGljIn0.\
    eyJzdWIiOiJhbGljZSIsImV4cCI6NDEwMjQ0NDgwMCwiYWRzdW0uY29udGFjdHMiOlsiYm9iIl19.\
    _MA5nLko65r1Pv5eM4BxR2eyFaRPtKt5BpDVb6hFuvIJoj-FLOTEs6zdufh4uDS9CXuHs047nUtsKRO2FKOkJQ";

/// What an RSA key as a JWK has in place of [`PUBLIC`].
const N: &str = "imxkelrjrLt6HdjFjr7QG6pI2muvUSQO4v1dkAM5hknr8f1h3C6IuL0re16L9ZOs-Ox_K22u2\
    sV05KHQnl6WpbjnF5\
    0m-NIzJsWOam4tAqfTX1wMtEeL6KbOwBtWPde1PQimcxTFRrKtOMHS_dq3qz1VkVeuTSaz2IxFBHyn-T6BjU6ZF8jX\
    W26V_ZJTepFlZF-XRb-DeUUBrPG6iyK04wDjIBqAf6C56PqXid4B0Yagu5qAiK-sVeQGzbVmw6bDfhb9tiZ3qACL76\
    GHUFxEGPCRioNqjd0wP18fqoD52eC__qNlLObZnI9OP9500yV5Ai9KczT-aPG59antFQi72Q";

fn by(key: JwtKey) -> Result<Jwt, StoreError> {
    Jwt::new(JwtOptions { key, ..options() })
}

fn of_set(keys: &Value) -> Result<Jwt, StoreError> {
    by(JwtKey::Set(json!({ "keys": keys }).to_string().into_bytes()))
}

fn elliptic(id: &str) -> Value {
    json!({"kty": "EC", "crv": "P-256", "x": X, "y": Y, "kid": id, "use": "sig", "alg": "ES256"})
}

fn rsa() -> Value {
    json!({"kty": "RSA", "n": N, "e": "AQAB", "kid": "rsa"})
}

fn secret(id: &str, secret: &[u8]) -> Value {
    use base64::Engine as _;
    let k = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(secret);
    json!({"kty": "oct", "k": k, "kid": id})
}

fn named(id: Option<&str>, secret: &[u8]) -> String {
    let header = Header { kid: id.map(str::to_owned), ..Header::default() };
    let claims = json!({"sub": "alice", "exp": within(60)});
    encode(&header, &claims, &EncodingKey::from_secret(secret)).unwrap()
}

#[test]
fn a_key_on_p256_is_for_es256() {
    let store = by(JwtKey::PublicPem(ELLIPTIC.into())).unwrap();
    let login = show(&store, SIGNED_ELLIPTIC).unwrap();
    assert_eq!(login.relations.unwrap().friends, ["bob"]);
    let (signed, _) = SIGNED_ELLIPTIC.rsplit_once('.').unwrap();
    let (_, other) = SIGNED.rsplit_once('.').unwrap();
    assert_eq!(refusal(&store, &format!("{signed}.{other}")), "wrong signature");
    // It is no secret, and no key of the other kind.
    let forged = sign(&json!({"sub": "alice", "exp": within(60)}), ELLIPTIC.as_bytes());
    assert_eq!(refusal(&store, &forged), "another algorithm");
    assert_eq!(refusal(&store, SIGNED), "another algorithm");
    let rsa = by(JwtKey::PublicPem(PUBLIC.into())).unwrap();
    assert_eq!(refusal(&rsa, SIGNED_ELLIPTIC), "another algorithm");
}

#[test]
fn a_set_has_keys_of_each_kind_and_a_token_names_its_own() {
    let other: &[u8] = b"another secret of 32 bytes......";
    let keys = json!([elliptic("elliptic"), rsa(), secret("one", SECRET), secret("two", other)]);
    let store = of_set(&keys).unwrap();
    for good in [
        SIGNED_ELLIPTIC,
        SIGNED,
        &named(Some("one"), SECRET),
        &named(Some("two"), other),
        // Without a name any of its kind may be meant.
        &named(None, other),
    ] {
        assert_eq!(show(&store, good).unwrap().node, "alice");
    }
    assert_eq!(refusal(&store, &named(Some("one"), other)), "wrong signature");
    assert_eq!(refusal(&store, &named(Some("three"), SECRET)), "another algorithm");
    assert_eq!(
        refusal(&store, &named(None, b"a third secret of 32 bytes......")),
        "wrong signature"
    );
    let renamed = of_set(&json!([elliptic("new"), rsa()])).unwrap();
    assert_eq!(refusal(&renamed, SIGNED_ELLIPTIC), "another algorithm");
}

/// Keys that are for something else are passed over, and a set without any other is none.
#[test]
fn a_set_without_a_key_that_can_be_used_is_none() {
    let changed = |field: &str, value: &str| {
        let mut key = elliptic("elliptic");
        key[field] = value.into();
        key
    };
    for wrong in [
        changed("use", "enc"),
        changed("alg", "ES384"),
        changed("kty", "OKP"),
        changed("crv", "P-384"),
        secret("short", &[1; 31]),
        json!({"kty": "RSA", "n": N, "e": "AQAB", "alg": "PS256"}),
    ] {
        assert!(of_set(&json!([wrong])).is_err(), "{wrong}");
        let store = of_set(&json!([wrong, rsa()]));
        if let Ok(store) = store {
            assert!(show(&store, SIGNED).is_ok());
            assert_eq!(refusal(&store, SIGNED_ELLIPTIC), "another algorithm", "{wrong}");
        }
    }
    assert!(by(JwtKey::Set(b"{}".to_vec())).is_err() && by(JwtKey::Set(b"x".to_vec())).is_err());
}

/// An issuer changes its keys, and the server goes on running.
#[test]
fn a_file_is_read_again_when_it_has_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.json");
    let write = |keys: Value| {
        std::fs::write(&path, json!({ "keys": keys }).to_string()).unwrap();
    };
    write(json!([rsa()]));
    let store = by(JwtKey::SetFile(path.clone())).unwrap();
    // Whoever logs in may have to wait for the file.
    assert!(!store.is_quick(&Credentials { name: "", domain: "", password: "", token: "short" }));
    assert!(show(&store, SIGNED).is_ok());
    assert_eq!(refusal(&store, SIGNED_ELLIPTIC), "another algorithm");
    write(json!([rsa(), elliptic("elliptic")]));
    let started = std::time::Instant::now();
    while show(&store, SIGNED_ELLIPTIC).is_err() {
        assert!(started.elapsed().as_secs() < 20, "it is not read again");
        std::thread::yield_now();
    }
    // One that is broken, or gone, changes nothing.
    std::fs::write(&path, "half of it").unwrap();
    let look = || std::thread::sleep(current_keys::LOOK_EVERY);
    look();
    assert!(show(&store, SIGNED).is_ok() && show(&store, SIGNED_ELLIPTIC).is_ok());
    std::fs::remove_file(&path).unwrap();
    look();
    assert!(show(&store, SIGNED).is_ok());
    write(json!([elliptic("elliptic")]));
    let started = std::time::Instant::now();
    while show(&store, SIGNED).is_ok() {
        assert!(started.elapsed().as_secs() < 20, "what was taken out is still good");
        std::thread::yield_now();
    }
    assert!(by(JwtKey::SetFile(folder.path().join("none"))).is_err());
}
