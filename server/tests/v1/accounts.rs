//! Accounts of the server's own: made, asked for, changed, and told of.

use adsum_tim::rtype;
use serde_json::{Value, json};

use crate::client::{V1, server, token};
use crate::support::{PASSWORD, Server, Told};

/// A session of an account that is there.
async fn login(server: &Server, name: &str) -> V1 {
    let hello = json!({"op": "hello", "name": name, "password": PASSWORD});
    V1::hello_with(server, hello).await.0
}

async fn roster(client: &mut V1) -> Value {
    let told = client.does(json!({"op": "roster"})).await;
    assert_eq!((told.len(), &told[0]["op"]), (1, &json!("roster")), "{told:?}");
    told[0]["entries"].clone()
}

#[tokio::test]
async fn who_has_not_asked_is_told_nothing_and_a_tim_client_is_told_as_ever() {
    let server = Server::start();
    let [ann, bob] = ["ann", "bob"].map(|name| server.account(name));
    let mut quiet = login(&server, "ann").await;
    let mut curious = login(&server, "ann").await;
    assert_eq!(roster(&mut curious).await, json!([]));
    let mut tim = server.login("bob").await;
    tim.until_pong().await;
    curious.does(json!({"op": "befriend", "user": "bob", "text": "hi"})).await;
    let Told::Message(message) = tim.next().await else { panic!("no message") };
    assert_eq!(message.from_tid.unwrap().node, ann);
    assert_eq!(message.data_string.as_deref(), Some("hi"));
    // What tim's client does is told in this protocol too.
    tim.ask(rtype::ADD_ROSTER, Some(&ann)).await;
    let told = curious.next().await;
    assert_eq!(told, json!({"op": "relation", "u": bob, "name": "bob", "relation": "friends"}));
    assert_eq!(quiet.until_pong().await, Vec::<Value>::new());
    server.host.stop().await;
}

#[tokio::test]
async fn a_block_looks_like_somebody_who_has_not_answered() {
    let server = Server::start();
    server.friends(["ann", "bob"]);
    let (mut ann, mut bob) = (login(&server, "ann").await, login(&server, "bob").await);
    let (ann_id, bob_id) = (ann.welcome["u"].clone(), bob.welcome["u"].clone());
    for client in [&mut ann, &mut bob] {
        assert_eq!(roster(client).await[0]["relation"], "friends");
    }
    ann.does(json!({"op": "block", "user": bob_id})).await;
    let told = bob.next().await;
    assert_eq!((&told["u"], &told["relation"]), (&ann_id, &json!("none")));
    bob.does(json!({"op": "befriend", "user": "ann"})).await;
    assert_eq!(roster(&mut bob).await[0]["relation"], "asked");
    // She has heard nothing of it.
    assert_eq!(ann.until_pong().await, Vec::<Value>::new());
    assert_eq!(roster(&mut ann).await[0]["relation"], "blocked");
    server.host.stop().await;
}

#[tokio::test]
async fn the_words_of_a_request_and_its_time_are_in_the_roster_later() {
    let server = Server::start();
    let [ann, bob] = ["ann", "bob"].map(|name| server.account(name));
    server.store.ask(&bob, &ann, "\u{202e}hello").unwrap();
    let mut client = login(&server, "ann").await;
    let entry = roster(&mut client).await[0].clone();
    assert_eq!((&entry["u"], &entry["relation"]), (&json!(bob), &json!("asks")));
    assert_eq!(entry["text"], "\u{202e}hello");
    let age_ms = crate::client::unix_ms().abs_diff(entry["at"].as_u64().unwrap());
    assert!(age_ms < 60_000, "{age_ms}");
    let answer = client.ask(json!({"op": "befriend", "user": ann})).await;
    assert_eq!(answer, json!({"op": "err", "code": "invalid", "field": "user"}));
    let long = "x".repeat(1_025);
    let answer = client.ask(json!({"op": "befriend", "user": bob, "text": long})).await;
    assert_eq!(answer, json!({"op": "err", "code": "too_big", "field": "text"}));
    server.host.stop().await;
}

#[tokio::test]
async fn where_accounts_are_kept_elsewhere_none_of_it_is_offered() {
    let server = server(|_| {});
    let (mut ann, _) = V1::hello(&server, &token("ann", &["bob"])).await;
    for operation in [
        json!({"op": "roster"}),
        json!({"op": "befriend", "user": "bob"}),
        json!({"op": "unfriend", "user": "bob"}),
        json!({"op": "block", "user": "bob"}),
        json!({"op": "login_token"}),
    ] {
        let answer = ann.ask(operation.clone()).await;
        assert_eq!(answer, json!({"op": "err", "code": "forbidden"}), "{operation}");
    }
    let mut new = V1::connect(server.address()).await;
    new.send(json!({"op": "hello", "name": "new", "password": "word", "register": true})).await;
    assert_eq!(new.next().await, json!({"op": "err", "code": "forbidden"}));
    server.host.stop().await;
}

#[tokio::test]
async fn what_the_settings_turn_off_is_off() {
    let server = Server::with(|config| {
        config.services.no_register = true;
        config.services.no_token = true;
        config.services.no_business = true;
    });
    server.account("ann");
    let mut ann = login(&server, "ann").await;
    for op in ["roster", "login_token"] {
        let answer = ann.ask(json!({"op": op})).await;
        assert_eq!(answer, json!({"op": "err", "code": "forbidden"}), "{op}");
    }
    let mut new = V1::connect(server.address()).await;
    new.send(json!({"op": "hello", "name": "new", "password": "word", "register": true})).await;
    assert_eq!(new.next().await["code"], "forbidden");
    assert!(server.store.account("new", "").unwrap().is_none());
    server.host.stop().await;
}

#[tokio::test]
async fn names_that_nobody_may_have_and_a_missing_password_are_refused() {
    let server = Server::start();
    for (hello, code, field) in [
        (json!({"name": "al\u{200b}ice", "password": "word"}), "invalid", "name"),
        (json!({"name": "alice", "token": "word"}), "missing", "password"),
    ] {
        let mut new = V1::connect(server.address()).await;
        let mut hello = hello;
        hello["op"] = "hello".into();
        hello["register"] = true.into();
        new.send(hello).await;
        assert_eq!(new.next().await, json!({"op": "err", "code": code, "field": field}));
    }
    server.host.stop().await;
}
