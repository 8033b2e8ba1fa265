//! Rule B8: tim's clients and those of the neutral protocol are each other's devices and contacts,
//! and what one shows the other is shown by the table in `docs/tim.md`.

use std::collections::BTreeMap;

use adsum_tim::{Bytes, Form, Secret, TimAuth, TimPresence};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::client::{V1, plain, server, token};
use crate::support::{Client, Server, Told};

const PAGE: &str = include_str!("../../../docs/tim.md");

fn auth(user: &str, contacts: &[&str]) -> TimAuth {
    let token = Some(Secret(token(user, contacts)));
    TimAuth { token, resource: Some("web".to_owned()), ..TimAuth::default() }
}

async fn tim(server: &Server, user: &str, contacts: &[&str]) -> Client {
    server.login_as(user, Form::Json, auth(user, contacts)).await
}

/// The rows of the table on the page: tim's fields, and `p`.
fn rows() -> Vec<(TimPresence, Value)> {
    let table = PAGE.split("```p\n").nth(1).unwrap().split("```").next().unwrap();
    let rows = table.lines().map(|row| {
        let (tim, p) = row.split_once(" = ").unwrap();
        let limits = adsum_tim::Limits::default();
        let tim = TimPresence::decode(Form::Json, tim.as_bytes(), &limits).unwrap();
        (tim, serde_json::from_str(p).unwrap())
    });
    rows.collect()
}

/// What a presence shows, without who it is from.
fn shown(presence: TimPresence) -> TimPresence {
    TimPresence { id: None, from_tid: None, to_tid: None, ..presence }
}

#[tokio::test]
async fn what_one_shows_the_other_is_shown_by_the_table() {
    let server = server(|_| {});
    let mut old = tim(&server, "ann", &["bob"]).await;
    let (mut new, _) = V1::hello(&server, &token("bob", &["ann"])).await;
    let rows = rows();
    assert!(rows.len() >= 8, "{}", rows.len());
    for (fields, p) in rows {
        new.does(json!({"op": "publish", "p": p})).await;
        assert_eq!(shown(old.presence().await), fields, "{p}");
        old.publish(&fields).await;
        assert_eq!(new.next().await["p"], p, "{fields:?}");
        // Once more in the snapshot.
        let (_other, snapshot) = V1::hello(&server, &token("bob", &["ann"])).await;
        let entries = snapshot["entries"].as_array().unwrap();
        let anns = entries.iter().find(|entry| entry["u"] == "ann").unwrap();
        assert_eq!(anns["p"], p);
    }
    server.host.stop().await;
}

/// Devices of one user in either protocol are told of each other, and contacts of both.
#[tokio::test]
async fn they_are_each_others_devices() {
    let server = server(|_| {});
    let mut old = tim(&server, "ann", &["bob", "cyd"]).await;
    let (mut new, _) = V1::hello(&server, &token("ann", &["bob", "cyd"])).await;
    let (mut bob, _) = V1::hello(&server, &token("bob", &["ann"])).await;
    let mut cyd = tim(&server, "cyd", &["ann"]).await;
    old.say("from tim").await;
    for told in [&mut new, &mut bob] {
        assert_eq!(told.next().await["p"], json!({"text": "from tim"}));
    }
    assert_eq!(cyd.heard().await, ("ann".to_owned(), "from tim".to_owned()));
    new.does(json!({"op": "publish", "p": {"text": "from v1"}})).await;
    assert_eq!(old.heard().await.1, "from v1");
    assert_eq!(cyd.heard().await.1, "from v1");
    assert_eq!(bob.next().await["p"], json!({"text": "from v1"}));
    // One goes: who speaks tim's is shown the other in its place, and nobody that ann is offline.
    let session = new.welcome["s"].clone();
    new.close(None).await;
    assert_eq!(cyd.heard().await, ("ann".to_owned(), "from tim".to_owned()));
    let ended = bob.next().await;
    assert_eq!((&ended["op"], &ended["s"]), (&json!("ended"), &session));
    old.close().await;
    assert_eq!(cyd.heard().await, ("ann".to_owned(), "offline".to_owned()));
    assert_eq!(plain(bob.next().await), json!({"op": "offline", "u": "ann"}));
    server.host.stop().await;
}

/// Directed presence and its end, and what ends by itself, go both ways.
#[tokio::test]
async fn directed_presence_goes_both_ways() {
    let server = server(|_| {});
    let mut old = tim(&server, "ann", &["bob"]).await;
    let (mut new, _) = V1::hello(&server, &token("bob", &["ann"])).await;
    new.does(json!({"op": "direct", "to": "ann", "p": {"text": "typing"}, "for": 200})).await;
    assert_eq!(old.heard().await, ("bob".to_owned(), "typing".to_owned()));
    assert_eq!(old.heard().await, ("bob".to_owned(), String::new()), "it is over");
    old.direct(&["bob"], "hello").await;
    assert_eq!(new.next().await["p"], json!({"text": "hello"}));
    let extend = BTreeMap::from([("adsum.for".to_owned(), "200".to_owned())]);
    let lasting =
        TimPresence { extend: Some(extend), status: Some("soon".to_owned()), ..Default::default() };
    old.publish(&lasting).await;
    assert_eq!(new.next().await["p"], json!({"text": "soon"}));
    assert_eq!(new.next().await["op"], "withdrawn");
    server.host.stop().await;
}

/// Either hides its user, and the other is told.
#[tokio::test]
async fn visibility_goes_both_ways() {
    let server = server(|_| {});
    let mut old = tim(&server, "ann", &["bob"]).await;
    let (mut new, _) = V1::hello(&server, &token("ann", &["bob"])).await;
    let mut asks = async |request, visible: bool| {
        old.ask(request, None).await;
        assert!(matches!(old.next().await, Told::Ack(ack) if ack.t == Some(request.into())));
        assert_eq!(plain(new.next().await), json!({"op": "visibility", "visible": visible}));
    };
    asks(adsum_server::host::INVISIBLE, false).await;
    asks(adsum_server::host::VISIBLE, true).await;
    new.does(json!({"op": "invisible"})).await;
    let told = old.next().await;
    let invisible = i64::from(adsum_server::host::INVISIBLE);
    assert!(matches!(&told, Told::Ack(ack) if ack.t == Some(invisible)), "{told:?}");
    server.host.stop().await;
}

/// A session goes on in the protocol in which it began.
#[tokio::test]
async fn a_secret_is_good_in_its_own_protocol_only() {
    let server = server(|_| {});
    let (new, _) = V1::hello(&server, &token("ann", &[])).await;
    let secret = new.welcome["resume"].as_str().unwrap().to_owned();
    new.close(Some(1_001)).await;
    let mut old = Client::connect(server.address(), Form::Json).await;
    let extend = BTreeMap::from([("resume".to_owned(), secret)]);
    let ack = old.authenticate(&TimAuth { extend: Some(extend), ..TimAuth::default() }).await;
    assert!(!ack.ok);
    let mut old = Client::connect(server.address(), Form::Json).await;
    let secret = old.authenticate(&auth("bob", &[])).await.n2.unwrap();
    old.go_away(1_001).await;
    let mut new = V1::connect(server.address()).await;
    new.send(json!({"op": "hello", "resume": secret})).await;
    assert_eq!(new.next().await["code"], "unauthorized");
    server.host.stop().await;
}

/// Bytes are bytes.
#[tokio::test]
async fn tims_extra_is_base64() {
    let server = server(|_| {});
    let mut old = server.login_as("ann", Form::Thrift, auth("ann", &["bob"])).await;
    let (mut new, _) = V1::hello(&server, &token("bob", &["ann"])).await;
    let extra = BTreeMap::from([("b".to_owned(), Bytes(vec![1, 2]))]);
    old.publish(&TimPresence { extra: Some(extra.clone()), ..TimPresence::default() }).await;
    assert_eq!(new.next().await["p"], json!({"extra": {"b": "AQI="}}));
    new.does(json!({"op": "publish", "p": {"extra": {"b": "AQI="}}})).await;
    assert_eq!(old.presence().await.extra, Some(extra));
    server.host.stop().await;
}

/// Whoever comes in invisible is, even in the moment in which the grace of an invisible session
/// before is over.
#[tokio::test]
async fn who_comes_in_invisible_is_so_whenever_the_session_before_ends() {
    let server = server(|config| config.presence.grace_going_away_ms = 0);
    let (mut ann, _) = V1::hello(&server, &token("ann", &["bob"])).await;
    let (mut bob, _) = V1::hello(&server, &token("bob", &["ann"])).await;
    ann.does(json!({"op": "invisible"})).await;
    for round in 0..100 {
        let mut next = V1::connect(server.address()).await;
        let hello = json!({"op": "hello", "token": token("ann", &["bob"]), "invisible": true});
        let close = CloseFrame { code: 4_000.into(), reason: "".into() };
        ann.ws.close(Some(close)).await.unwrap();
        next.send(hello).await;
        assert_eq!(next.next().await["visible"], false, "{round}");
        assert_eq!(next.next().await["visible"], false, "{round}");
        next.does(json!({"op": "publish", "p": round})).await;
        ann = next;
    }
    assert_eq!(bob.until_pong().await, Vec::<Value>::new());
    server.host.stop().await;
}
