//! Accounts and rosters that somebody else keeps: signed tokens, against the program but for the
//! one that needs a store which forgets at a certain moment.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use adsum_server::host::WATCH;
use adsum_server::store::{
    Access, Asked, Credentials, Jwt, JwtKey, JwtOptions, Login, NewAccount, Relation, Relations,
    Store, StoreError,
};
use adsum_tim::{Form, Kind, TimAck, TimAuth, TimNodes, rtype};
use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Value, json};
use support::program::Program;
use support::{Client, Server, Told, brisk};

const SECRET: &str = "the secret of whoever keeps the accounts";

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn signed(claims: &Value, secret: &str) -> String {
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::default(), claims, &key).unwrap()
}

/// A token that is good for an hour.
fn token(node: &str, roster: &[&str]) -> String {
    signed(&json!({ "sub": node, "exp": now() + 3_600, "roster": roster }), SECRET)
}

fn auth(token: &str) -> TimAuth {
    TimAuth { token: Some(token.into()), ..TimAuth::default() }
}

async fn answer(program: &Program, auth: &TimAuth) -> (Client, TimAck) {
    let mut client = Client::connect(program.address, Form::Json).await;
    let ack = client.authenticate(auth).await;
    (client, ack)
}

async fn login(program: &Program, auth: &TimAuth) -> Client {
    let (mut client, ack) = answer(program, auth).await;
    assert!(ack.ok, "{ack:?}");
    client.node = ack.n.unwrap();
    client
}

fn start() -> Program {
    Program::start(&["--store", "jwt", "--jwt-secret", SECRET, "--jwt-leeway", "0"])
}

#[tokio::test]
async fn a_token_is_a_login_and_a_roster() {
    let program = start();
    let mut ann = login(&program, &auth(&token("ann", &["bob"]))).await;
    assert_eq!(ann.node, "ann");
    // In place of a password, too; and a name that is the token's own does no harm.
    let password = Some(token("bob", &["ann"]).as_str().into());
    let by_password = TimAuth { name: Some("bob".to_owned()), pwd: password, ..TimAuth::default() };
    let mut bob = login(&program, &by_password).await;
    ann.say("here").await;
    assert_eq!(bob.heard().await, ("ann".to_owned(), "here".to_owned()));
    for (client, friend) in [(&mut ann, "bob"), (&mut bob, "ann")] {
        client.ask(rtype::ROSTER, None).await;
        let Told::Nodes(nodes) = client.next().await else { panic!("no roster") };
        assert_eq!((nodes.ntype, nodes.nodelist), (1, Some(vec![friend.to_owned()])));
    }
    // A stranger to them hears nothing and reaches nobody.
    let mut eve = login(&program, &auth(&token("eve", &[]))).await;
    eve.direct(&["ann"], "let me in").await;
    ann.say("for friends").await;
    assert_eq!(bob.heard().await, ("ann".to_owned(), "for friends".to_owned()));
    assert_eq!(eve.until_pong().await, []);
    assert_eq!(ann.until_pong().await, []);
    // A new token brings a new roster: bob is no friend any more, cyd is.
    let mut cyd = login(&program, &auth(&token("cyd", &["ann"]))).await;
    let second = login(&program, &auth(&token("ann", &["cyd"]))).await;
    assert_eq!(bob.heard().await, ("ann".to_owned(), "offline".to_owned()));
    assert_eq!(cyd.heard().await, ("ann".to_owned(), "for friends".to_owned()));
    second.close().await;
    ann.close().await;
    assert_eq!(cyd.heard().await, ("ann".to_owned(), "offline".to_owned()));
    assert_eq!(bob.until_pong().await, []);
}

/// A token with a pattern of topics that no name can have is refused, and the log says why; one
/// with odd patterns is not, nor one without any.
#[tokio::test]
async fn a_token_with_a_pattern_that_no_topic_can_have_is_refused() {
    let program = start();
    let with = |claim: &str, topics: &Value| {
        let mut claims = json!({ "sub": "ann", "exp": now() + 3_600 });
        claims[claim] = topics.clone();
        auth(&signed(&claims, SECRET))
    };
    for topics in [json!([""]), json!(["room:*", "x".repeat(129)])] {
        let own = json!({ "topics": topics.clone() });
        for shown in [with("adsum.topics", &topics), with("adsum", &own)] {
            let (_, ack) = answer(&program, &shown).await;
            assert_eq!(ack.error.and_then(|error| error.code), Some(4_115), "{topics}");
        }
    }
    let log = program.log();
    assert_eq!(log.matches("a pattern of topics that no name can have").count(), 4, "{log}");
    for topics in [json!([]), json!(["("]), json!(["*"]), Value::Null] {
        login(&program, &with("adsum.topics", &topics)).await.close().await;
    }
}

/// What the program on the page prints when it is run with this secret.
fn by_the_page(secret: &str, users: &[&str]) -> String {
    let page = include_str!("../../docs/server.md");
    let (_, rest) = page.split_once("\n```py\n").unwrap();
    let (program, _) = rest.split_once("\n```").unwrap();
    let mut python = std::process::Command::new("python3");
    let output = python.args(["-c", program]).args(users).env("ADSUM_JWT_SECRET", secret).output();
    let output = output.expect("python3, which the scripts of this repository need too");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The page's own program signs tokens that are good here, and says whose contacts are whose.
#[tokio::test]
async fn the_program_on_the_page_signs_good_tokens() {
    let program = start();
    let mut ann = login(&program, &auth(&by_the_page(SECRET, &["ann", "bob"]))).await;
    let mut bob = login(&program, &auth(&by_the_page(SECRET, &["bob", "ann"]))).await;
    let mut eve = login(&program, &auth(&by_the_page(SECRET, &["eve", "ann"]))).await;
    ann.say("here").await;
    assert_eq!(bob.heard().await, ("ann".to_owned(), "here".to_owned()));
    assert_eq!(eve.until_pong().await, []);
    let (_, ack) = answer(&program, &auth(&by_the_page("another secret", &["ann", "bob"]))).await;
    assert!(!ack.ok, "{ack:?}");
}

/// Blocked ones are the token's to say as well.
#[tokio::test]
async fn a_token_says_who_is_blocked() {
    let program = start();
    let claims = json!({ "sub": "ann", "exp": now() + 60, "roster": ["bob", "cyd"],
                         "blocked": ["bob"] });
    let mut ann = login(&program, &auth(&signed(&claims, SECRET))).await;
    let mut bob = login(&program, &auth(&token("bob", &["ann"]))).await;
    let mut cyd = login(&program, &auth(&token("cyd", &["ann"]))).await;
    ann.say("here").await;
    assert_eq!(cyd.heard().await, ("ann".to_owned(), "here".to_owned()));
    bob.say("here").await;
    bob.direct(&["ann"], "here").await;
    assert_eq!(bob.until_pong().await, []);
    assert_eq!(ann.until_pong().await, []);
}

/// Anybody may be watched whom the issuer might know: whether it does, nobody here could say.
#[tokio::test]
async fn whoever_might_exist_can_be_watched() {
    let program = Program::start(&["--store", "jwt", "--jwt-secret", SECRET, "--watch", "anyone"]);
    let mut bob = login(&program, &auth(&token("bob", &[]))).await;
    let nodelist = Some(vec!["ann".to_owned(), "nobody at all".to_owned()]);
    let asked = TimNodes { ntype: WATCH, nodelist, ..TimNodes::default() };
    bob.send(asked.to_request(Form::Json, Kind::NODES)).await;
    for node in ["ann", "nobody at all"] {
        assert_eq!(bob.heard().await, (node.to_owned(), "offline".to_owned()));
    }
    let ack = TimAck { t: Some(WATCH.into()), ..TimAck::done(Kind::NODES) };
    assert_eq!(bob.next().await, Told::Ack(ack));
    let mut ann = login(&program, &auth(&token("ann", &[]))).await;
    ann.say("here").await;
    assert_eq!(bob.heard().await, ("ann".to_owned(), "here".to_owned()));
    assert_eq!(ann.until_pong().await, []);
}

/// What is kept elsewhere is changed elsewhere: tim's code for that, in both forms.
#[tokio::test]
async fn accounts_and_rosters_are_not_changed_here() {
    let program = start();
    let head = "POST /tim2 HTTP/1.1\r\n";
    for kind in [Kind::REGISTER, Kind::TOKEN] {
        let body = support::auth("new").to_request(Form::Json, kind);
        let (status, answer) = support::request(program.address, head, &body).await;
        assert_eq!(status, 200);
        assert!(answer.contains("\"ok\":false") && answer.contains("4107"), "{answer}");
    }
    let mut ann = login(&program, &auth(&token("ann", &["bob"]))).await;
    for edit in [rtype::ADD_ROSTER, rtype::REMOVE_ROSTER, rtype::BLOCK_ROSTER] {
        ann.ask(edit, Some("bob")).await;
        assert_eq!(ann.refusal().await, (Kind::BUSINESS.tim_type(), 4_107));
    }
    assert_eq!(ann.until_pong().await, []);
}

#[tokio::test]
async fn what_is_no_good_token_lets_nobody_in() {
    let program = start();
    let good = token("ann", &[]);
    let unsigned = format!("{}.", good.rsplit_once('.').unwrap().0);
    let expired = signed(&json!({ "sub": "ann", "exp": now() - 1 }), SECRET);
    let bad = [
        auth(&signed(&json!({ "sub": "ann", "exp": now() + 60 }), "another secret of that length")),
        auth(&expired),
        auth(&signed(&json!({ "sub": "ann", "exp": now() + 60, "nbf": now() + 30 }), SECRET)),
        auth(&signed(&json!({ "sub": "ann" }), SECRET)),
        auth(&signed(&json!({ "exp": now() + 60 }), SECRET)),
        auth(&signed(&json!({ "sub": "", "exp": now() + 60 }), SECRET)),
        auth(&signed(&json!({ "sub": "@server", "exp": now() + 60 }), SECRET)),
        auth(&unsigned),
        auth("not.a.token"),
        TimAuth::default(),
        TimAuth { name: Some("bob".to_owned()), ..auth(&good) },
        TimAuth { domain: Some("elsewhere".to_owned()), ..auth(&good) },
        support::auth("ann"),
    ];
    for (at, auth) in bad.iter().enumerate() {
        let (_, ack) = answer(&program, auth).await;
        let code = ack.error.as_ref().and_then(|error| error.code);
        // An id that is the server's own is not a matter of the token.
        let expected = if at == 6 { 4_105 } else { 4_115 };
        assert_eq!((ack.ok, code), (false, Some(expected)), "{at}");
    }
    login(&program, &auth(&good)).await;
    let log = program.log();
    assert!(log.contains("wrong signature") && log.contains("expired"), "{log}");
    for token in [&good, &expired] {
        for part in token.split('.').skip(1) {
            assert!(!log.contains(part), "{part} in {log}");
        }
    }
}

/// A store that forgets a user at the most awkward moment: after a token was looked at, because
/// of a session that ended before.
struct Forgetful {
    jwt: Jwt,
    forgets: AtomicBool,
}

impl Access for Forgetful {
    fn login(&self, shown: &Credentials<'_>) -> Result<Login, StoreError> {
        let login = self.jwt.login(shown)?;
        if self.forgets.swap(false, Ordering::Relaxed) {
            self.jwt.release(&login.node);
        }
        Ok(login)
    }

    fn takes_tokens(&self) -> bool {
        self.jwt.takes_tokens()
    }

    fn relations(&self, node: &str) -> Result<Relations, StoreError> {
        self.jwt.relations(node)
    }

    fn release(&self, node: &str) {
        self.jwt.release(node);
    }
}

impl Store for Forgetful {
    fn prepare(&self, name: &str, password: &str, domain: &str) -> Result<NewAccount, StoreError> {
        self.jwt.prepare(name, password, domain)
    }

    fn add(&self, account: &NewAccount) -> Result<(), StoreError> {
        self.jwt.add(account)
    }

    fn is_node(&self, node: &str) -> bool {
        self.jwt.is_node(node)
    }

    fn exists(&self, node: &str) -> Result<bool, StoreError> {
        self.jwt.exists(node)
    }

    fn resolve(&self, node: &str, typed: &str) -> Result<Option<String>, StoreError> {
        self.jwt.resolve(node, typed)
    }

    fn account(&self, typed: &str, domain: &str) -> Result<Option<String>, StoreError> {
        self.jwt.account(typed, domain)
    }

    fn names(&self, node: &str, others: &[String]) -> Result<Vec<(String, String)>, StoreError> {
        self.jwt.names(node, others)
    }

    fn relation(&self, node: &str, other: &str) -> Result<Relation, StoreError> {
        self.jwt.relation(node, other)
    }

    fn ask(&self, node: &str, other: &str, words: &str) -> Result<Asked, StoreError> {
        self.jwt.ask(node, other, words)
    }

    fn remove(&self, node: &str, other: &str) -> Result<Relation, StoreError> {
        self.jwt.remove(node, other)
    }

    fn block(&self, node: &str, other: &str) -> Result<Relation, StoreError> {
        self.jwt.block(node, other)
    }

    fn health(&self) -> Result<(), StoreError> {
        self.jwt.health()
    }
}

/// Whoever comes back with a new token just when they are forgotten has the roster that it says,
/// and not the one of the token before.
#[tokio::test]
async fn a_new_token_counts_though_its_user_is_just_forgotten() {
    let options = JwtOptions {
        key: JwtKey::Secret(SECRET.into()),
        issuer: None,
        audience: None,
        leeway: 0,
        max_relations: 10,
    };
    let jwt = Jwt::new(options).unwrap();
    let store = Arc::new(Forgetful { jwt, forgets: AtomicBool::new(false) });
    let server = Server::over(store.clone(), |_| {}, brisk());
    let mut bob = server.login_as("bob", Form::Json, auth(&token("bob", &["ann"]))).await;
    let first = server.login_as("ann", Form::Json, auth(&token("ann", &["bob"]))).await;
    first.close().await;
    store.forgets.store(true, Ordering::Relaxed);
    let mut ann = server.login_as("ann", Form::Json, auth(&token("ann", &["cyd"]))).await;
    assert!(!store.forgets.load(Ordering::Relaxed));
    ann.ask(rtype::ROSTER, None).await;
    let Told::Nodes(nodes) = ann.next().await else { panic!("no roster") };
    assert_eq!(nodes.nodelist, Some(vec!["cyd".to_owned()]));
    ann.say("for new friends").await;
    assert_eq!(ann.until_pong().await, []);
    assert_eq!(bob.until_pong().await, []);
    server.host.stop().await;
}
