use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::*;

mod keys;

const SECRET: &[u8; 32] = b"0123456789abcdef0123456789abcdef";

/// The public half of a key that was thrown away after signing [`SIGNED`] with it.
const PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
    MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAimxkelrjrLt6HdjFjr7Q\n\
    G6pI2muvUSQO4v1dkAM5hknr8f1h3C6IuL0re16L9ZOs+Ox/K22u2sV05KHQnl6W\n\
    pbjnF50m+NIzJsWOam4tAqfTX1wMtEeL6KbOwBtWPde1PQimcxTFRrKtOMHS/dq3\n\
    qz1VkVeuTSaz2IxFBHyn+T6BjU6ZF8jXW26V/ZJTepFlZF+XRb+DeUUBrPG6iyK0\n\
    4wDjIBqAf6C56PqXid4B0Yagu5qAiK+sVeQGzbVmw6bDfhb9tiZ3qACL76GHUFxE\n\
    GPCRioNqjd0wP18fqoD52eC//qNlLObZnI9OP9500yV5Ai9KczT+aPG59antFQi7\n\
    2QIDAQAB\n\
    -----END PUBLIC KEY-----";

/// Somebody else's.
const OTHER_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----\n\
    MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAu9OOgbxEA+2KBLRASro2\n\
    xySVjCRSCoY60tnAfSqHB6C6FNq1jBFCtRKCYAlsNsgNXVtuowgqwkMPtWpUti/F\n\
    rTt+vSVRYjODlZ+rEoR3IxIITvEgDJ3TyX5TBBr9+Qo9EKfj9bvepWN3v0x3hMP4\n\
    2B1Rmcm05Mu45RPsP+a5j+1c85kr9LiQvJ9JbMHKbu9kB2EJXVWT5ejy+r1OuXbn\n\
    6G4VRLnds15RzTftQviMPtUGH7ninpD5gCgWc7GtpK+6m2ey5G/j3D+uCS7WUeI8\n\
    fh4DT0BAvSfvSGVZGSVXdpUDw0bKQeheUiN9xKGyX600mv1GCWH/mrzYObpzWA2j\n\
    1wIDAQAB\n\
    -----END PUBLIC KEY-----";

/// `{"sub":"alice","exp":4102444800,"roster":["bob"]}`: good until the year 2100.
const SIGNED: &str = "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCJ9.\
    eyJzdWIiOiJhbGljZSIsImV4cCI6NDEwMjQ0NDgwMCwicm9zdGVyIjpbImJvYiJdfQ.\
    IxtxeHYhsYEXyBMqUD3rdSld076oQ07PuWmmMJI9-HmdTpEmABg8cs3dOmCpYHquvX05IQUckHpP\
    PlbBmIhgVuVWCCEwFKh9mR_UmT9SURwYMaMyDdzemNbEG5E4BIlhVNTq6sX9E5_zqMqqLohOlteZSZLk0joljsbVVL\
    uzKpVuX0mGvk1bLixwYR8uUwKBMbCPCwB71vePP1QS64yp7i7xsUk3654gToAU_RwpT9P9-40TT_KKFw05zTSsqmjv\
    sJUJ9RghmrbDiUboKsAbd1Q86nUahfTVxSqgP6Lv98F11Qyt0TavgPJOGNHevPG0B9vkVyzch1qjsAE4ZE6_Cw";

fn options() -> JwtOptions {
    JwtOptions {
        key: JwtKey::Secret(SECRET.to_vec()),
        issuer: None,
        audience: None,
        leeway: 5,
        max_relations: 3,
    }
}

fn store() -> Jwt {
    Jwt::new(options()).unwrap()
}

fn sign(claims: &Value, secret: &[u8]) -> String {
    encode(&Header::default(), claims, &EncodingKey::from_secret(secret)).unwrap()
}

fn token(claims: &Value) -> String {
    sign(claims, SECRET)
}

/// In so many seconds.
fn within(seconds: i64) -> u64 {
    seconds_now().checked_add_signed(seconds).unwrap()
}

fn show(store: &Jwt, token: &str) -> Result<Login, StoreError> {
    store.login(&Credentials { name: "", domain: "", password: "", token })
}

fn refusal(store: &Jwt, token: &str) -> String {
    match show(store, token) {
        Err(StoreError::Token(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_token_says_who_and_whom_they_know() {
    let store = store();
    let exp = within(60);
    let token = token(&json!({
        "sub": "alice", "exp": exp, "name": "Alice", "domain": "dom", "unknown": [1],
        "roster": ["carol", "bob", "bob", "alice", "mallory"], "blocked": ["mallory"],
    }));
    // Five entries of which three are friends: the bound is on what was signed.
    assert_eq!(refusal(&store, &token), "too many relations");
    let token = sign(
        &json!({
            "sub": "alice", "exp": exp, "name": "Alice", "domain": "dom", "unknown": [1],
            "roster": ["mallory", "bob", "alice"], "blocked": ["mallory", "mallory"],
        }),
        SECRET,
    );
    let relations = Relations {
        friends: vec!["bob".to_owned()],
        blocked: vec!["mallory".to_owned()],
        ..Relations::default()
    };
    let wanted = Login {
        node: "alice".to_owned(),
        name: "Alice".to_owned(),
        expires_at: Some(exp),
        relations: Some(relations.clone()),
        ..Login::default()
    };
    assert!(store.takes_tokens());
    assert_eq!(show(&store, &token).unwrap(), wanted);
    let by_password = Credentials { name: "Alice", domain: "dom", password: &token, token: "" };
    assert_eq!(store.login(&by_password).unwrap(), wanted);
    assert_eq!(store.relations("alice").unwrap(), relations);
    assert_eq!(store.relation("alice", "bob").unwrap(), Relation::Friends);
    assert_eq!(store.relation("alice", "mallory").unwrap(), Relation::Blocked);
    assert_eq!(store.relation("alice", "dave").unwrap(), Relation::None);
    assert_eq!(store.relation("bob", "alice").unwrap(), Relation::None);
    for (name, domain) in [("bob", ""), ("alice", ""), ("", "other"), ("Alice", "other")] {
        let shown = Credentials { name, domain, password: "", token: &token };
        assert!(matches!(store.login(&shown), Err(StoreError::Token(_))), "{name} {domain}");
    }
}

#[test]
fn what_is_kept_goes_with_the_user_and_a_new_login_brings_a_new_roster() {
    let store = store();
    let login = |roster: &[&str]| {
        show(&store, &token(&json!({"sub": "a", "exp": within(60), "roster": roster}))).unwrap()
    };
    assert_eq!(login(&["b"]).relations.unwrap().friends, ["b"]);
    assert_eq!(login(&["c"]).name, "a");
    assert_eq!(store.relations("a").unwrap().friends, ["c"]);
    store.release("a");
    assert!(matches!(store.relations("a"), Err(StoreError::NoAccount)));
}

#[test]
fn logins_that_were_never_released_do_not_pile_up() {
    let store = Jwt::new(JwtOptions { leeway: 3_600, ..options() }).unwrap();
    // Good for this check because of the leeway, and expired for the sweep.
    for n in 0..3 * MIN_SWEEP {
        show(&store, &token(&json!({"sub": format!("u{n}"), "exp": within(-60)}))).unwrap();
    }
    let kept = store.known().users.len();
    assert!(kept < MIN_SWEEP, "{kept}");
}

#[test]
fn time_runs_out() {
    let store = store();
    assert_eq!(refusal(&store, &token(&json!({"sub": "a", "exp": within(-60)}))), "expired");
    assert!(show(&store, &token(&json!({"sub": "a", "exp": within(-2)}))).is_ok());
    // RFC 7519 has parts of seconds too, which Python's `time.time()` gives.
    let parts = show(&store, &token(&json!({"sub": "a", "exp": within(60) as f64 + 0.5})));
    assert!(parts.unwrap().expires_at.unwrap().abs_diff(within(60)) <= 2);
    for wrong in [json!(-1.5), json!("4102444800"), json!(1e300), Value::Null] {
        let claims = json!({"sub": "a", "exp": wrong});
        assert_eq!(refusal(&store, &token(&claims)), "malformed", "{wrong}");
    }
    let later = json!({"sub": "a", "exp": within(600), "nbf": within(60)});
    assert_eq!(refusal(&store, &token(&later)), "not yet valid");
    assert_eq!(refusal(&store, &token(&json!({"sub": "a"}))), "malformed");
}

#[test]
fn forged_tokens_are_refused() {
    let store = store();
    let good = json!({"sub": "a", "exp": within(60)});
    assert!(show(&store, &token(&good)).is_ok());
    assert_eq!(
        refusal(&store, &sign(&good, b"another secret of 32 bytes......")),
        "wrong signature"
    );
    let parts = token(&good);
    let (signed, _) = parts.rsplit_once('.').unwrap();
    assert_eq!(refusal(&store, &format!("{signed}.")), "wrong signature");
    // "alg": "none", and another algorithm of the same family.
    let none = format!("eyJhbGciOiJub25lIn0.{}.", signed.split_once('.').unwrap().1);
    assert_eq!(refusal(&store, &none), "malformed");
    let header = Header::new(Algorithm::HS512);
    let other = encode(&header, &good, &EncodingKey::from_secret(SECRET)).unwrap();
    assert_eq!(refusal(&store, &other), "another algorithm");
    for wrong in ["", "x", "a.b.c", &parts[1..], &format!("{parts}x")] {
        let why = refusal(&store, wrong);
        assert!(matches!(why.as_str(), "malformed" | "wrong signature"), "{wrong}: {why}");
    }
}

/// The public key is no secret: it must not do as the secret of an HS256 token.
#[test]
fn a_public_key_is_no_shared_secret() {
    let store =
        Jwt::new(JwtOptions { key: JwtKey::PublicPem(PUBLIC.into()), ..options() }).unwrap();
    let forged = sign(&json!({"sub": "alice", "exp": within(60)}), PUBLIC.as_bytes());
    assert_eq!(refusal(&store, &forged), "another algorithm");
    let login = show(&store, SIGNED).unwrap();
    assert_eq!(
        (login.node.as_str(), &login.relations.unwrap().friends[..]),
        ("alice", &["bob".to_owned()][..])
    );
    let other =
        Jwt::new(JwtOptions { key: JwtKey::PublicPem(OTHER_PUBLIC.into()), ..options() }).unwrap();
    assert_eq!(refusal(&other, SIGNED), "wrong signature");
    assert_eq!(refusal(&self::store(), SIGNED), "another algorithm");
}

#[test]
fn issuer_and_audience_must_be_there_if_they_are_asked_for() {
    let strict = JwtOptions {
        issuer: Some("https://issuer".to_owned()),
        audience: Some("presence".to_owned()),
        ..options()
    };
    let store = Jwt::new(strict).unwrap();
    let claims = |iss: Option<&str>, aud: Option<Value>| {
        let mut claims = json!({"sub": "a", "exp": within(60)});
        if let Some(iss) = iss {
            claims["iss"] = iss.into();
        }
        if let Some(aud) = aud {
            claims["aud"] = aud;
        }
        token(&claims)
    };
    let right = Some("https://issuer");
    assert!(show(&store, &claims(right, Some("presence".into()))).is_ok());
    assert!(show(&store, &claims(right, Some(json!(["mail", "presence"])))).is_ok());
    assert_eq!(refusal(&store, &claims(None, Some("presence".into()))), "a claim is missing");
    assert_eq!(refusal(&store, &claims(right, None)), "a claim is missing");
    assert_eq!(refusal(&store, &claims(Some("x"), Some("presence".into()))), "another issuer");
    assert_eq!(refusal(&store, &claims(right, Some("mail".into()))), "for somebody else");
    // Not asked for: a token for somebody else is refused all the same.
    assert_eq!(refusal(&self::store(), &claims(None, Some("mail".into()))), "for somebody else");
}

#[test]
fn ids_that_none_can_be() {
    let store = store();
    let long = "x".repeat(MAX_NODE + 1);
    for claims in [
        json!({"sub": "", "exp": within(60)}),
        json!({"sub": long, "exp": within(60)}),
        json!({"sub": "a", "exp": within(60), "roster": [""]}),
        json!({"sub": "a", "exp": within(60), "blocked": [long]}),
    ] {
        assert_eq!(refusal(&store, &token(&claims)), "an id that none can be");
    }
    assert!(store.exists(&long[1..]).unwrap());
    assert!(!store.exists(&long).unwrap() && !store.exists("").unwrap());
}

#[test]
fn rosters_are_not_changed_here() {
    let store = store();
    let refused = [
        store.register("a", "pw", "").err(),
        store.ask("a", "b", "").err(),
        store.remove("a", "b").err(),
        store.block("a", "b").err(),
    ];
    for error in refused {
        assert_eq!(error.unwrap().code().number(), 4107);
    }
    store.health().unwrap();
}

#[test]
fn keys_that_are_none() {
    let short = JwtOptions { key: JwtKey::Secret(vec![1; 31]), ..options() };
    assert!(matches!(Jwt::new(short), Err(StoreError::Invalid(_))));
    let wrong = JwtOptions { key: JwtKey::PublicPem(b"no key".to_vec()), ..options() };
    assert!(matches!(Jwt::new(wrong), Err(StoreError::Invalid("public key in PEM"))));
}

#[test]
fn names_are_told_of_friends_who_are_here_and_of_nobody_else() {
    let store = store();
    let log_in = |claims: &Value| {
        let token = token(claims);
        let shown = Credentials { name: "", domain: "", password: "", token: &token };
        store.login(&shown).unwrap();
    };
    let asked = ["alice", "bob", "carol", "dave"].map(str::to_owned);
    assert_eq!(store.names("alice", &asked).unwrap(), []);
    log_in(
        &json!({ "sub": "alice", "exp": within(60), "name": "Alice", "roster": ["bob", "dave"] }),
    );
    log_in(&json!({ "sub": "bob", "exp": within(60), "name": "Bob", "roster": ["alice"] }));
    log_in(&json!({ "sub": "carol", "exp": within(60), "name": "Carol" }));
    let named = |node: &str, name: &str| (node.to_owned(), name.to_owned());
    let both = [named("alice", "Alice"), named("bob", "Bob")];
    assert_eq!(store.names("alice", &asked).unwrap(), both);
    assert_eq!(store.names("carol", &asked).unwrap(), [named("carol", "Carol")]);
    store.release("bob");
    assert_eq!(store.names("alice", &asked).unwrap(), both[..1]);
    // Whom somebody means by a name only the issuer knows.
    assert_eq!(store.resolve("alice", "bob").unwrap().as_deref(), Some("bob"));
    assert_eq!(store.resolve("alice", "").unwrap(), None);
}

#[test]
fn short_tokens_are_quick_wherever_they_are_shown() {
    let store = store();
    let long = "t".repeat(QUICK + 1);
    for (length, is_quick) in [(QUICK, true), (QUICK + 1, false)] {
        let shown = Credentials { name: "", domain: "", password: "", token: &long[..length] };
        assert_eq!(store.is_quick(&shown), is_quick);
        let shown = Credentials { name: "", domain: "", password: &long[..length], token: "" };
        assert_eq!(store.is_quick(&shown), is_quick);
    }
}
