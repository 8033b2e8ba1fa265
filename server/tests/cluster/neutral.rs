//! Clients of the neutral protocol at several nodes, beside tim's.

use serde_json::{Value, json};

use crate::client::{V1, plain};
use crate::nodes::{Node, three, token};
use crate::talk::knows;

async fn user(node: &Node, name: &str, friends: &[&str]) -> V1 {
    user_and_snapshot(node, name, friends).await.0
}

async fn user_and_snapshot(node: &Node, name: &str, friends: &[&str]) -> (V1, Value) {
    let hello = json!({"op": "hello", "token": token(name, friends)});
    V1::hello_at(node.program().address, hello).await
}

/// The operation, the user and `p` of what comes next.
async fn heard(client: &mut V1) -> (String, String, Value) {
    let mut frame = client.next().await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&frame["op"]), text(&frame["u"]), frame["p"].take())
}

fn said(op: &str, user: &str, p: Value) -> (String, String, Value) {
    (op.to_owned(), user.to_owned(), p)
}

/// What a client shows reaches other nodes as it came, and tim's clients there as in the table.
#[tokio::test]
async fn contacts_on_three_nodes_are_as_on_one() {
    let (_nats, [a, b, c]) = three(&["--direct-to", "contacts"]).await;
    let mut ann = user(&a, "ann", &["bob", "cat"]).await;
    let mut bob = user(&b, "bob", &["ann"]).await;
    let mut cat = c.login("cat", &["ann"]).await;
    let p = json!({"text": "here", "mood": [7, null]});
    ann.does(json!({"op": "publish", "p": p})).await;
    assert_eq!(heard(&mut bob).await, said("presence", "ann", p.clone()));
    assert_eq!(cat.heard().await, ("ann".to_owned(), "here".to_owned()));
    // Who comes later is shown the same.
    let (other, snapshot) = user_and_snapshot(&c, "bob", &["ann"]).await;
    assert_eq!(snapshot["entries"][0]["p"], p);
    other.close(None).await;
    cat.say("me too").await;
    assert_eq!(heard(&mut ann).await, said("presence", "cat", json!({"text": "me too"})));
    knows(&a, "bob").await;
    ann.does(json!({"op": "direct", "to": ["bob"], "p": 1})).await;
    assert_eq!(heard(&mut bob).await, said("directed", "ann", json!(1)));
    bob.does(json!({"op": "publish", "p": 2, "for": 1, "then": 3})).await;
    assert_eq!(heard(&mut ann).await, said("presence", "bob", json!(2)));
    assert_eq!(heard(&mut ann).await, said("presence", "bob", json!(3)));
    ann.does(json!({"op": "withdraw"})).await;
    assert_eq!(heard(&mut bob).await, said("withdrawn", "ann", Value::Null));
    // A token that names fewer contacts holds at all nodes.
    ann.does(json!({"op": "publish", "p": 4})).await;
    assert_eq!(heard(&mut bob).await, said("presence", "ann", json!(4)));
    ann.does(json!({"op": "token", "token": token("ann", &["cat"])})).await;
    assert_eq!(heard(&mut bob).await.0, "offline");
    for node in [&a, &b, &c] {
        assert_eq!(node.metric("adsum_cluster_wrong_digests_total").await, 0.0);
    }
}

/// Devices of one user at two nodes are told when it turns invisible at one, and contacts at the
/// third hear nothing more, though nobody at any of them speaks tim's protocol.
#[tokio::test]
async fn invisible_holds_on_all_nodes() {
    let (_nats, [a, b, c]) = three(&[]).await;
    let mut phone = user(&a, "ann", &["bob"]).await;
    let mut laptop = user(&b, "ann", &["bob"]).await;
    let mut bob = user(&c, "bob", &["ann"]).await;
    phone.does(json!({"op": "publish", "p": 1})).await;
    for told in [&mut laptop, &mut bob] {
        assert_eq!(heard(told).await, said("presence", "ann", json!(1)));
    }
    phone.does(json!({"op": "invisible"})).await;
    assert_eq!(heard(&mut bob).await.0, "offline");
    let told = laptop.next().await;
    assert_eq!((&told["op"], &told["visible"]), (&json!("visibility"), &json!(false)));
    // An application that asks there knows it, too.
    assert!(!is_visible(&b, "ann").await);
    laptop.does(json!({"op": "visible"})).await;
    assert_eq!(heard(&mut bob).await, said("presence", "ann", json!(1)));
}

async fn is_visible(node: &Node, user: &str) -> bool {
    crate::talk::ask(node, &json!({ "users": [user] })).await["users"][0]["visible"] == true
}

/// A topic is one, wherever its members are.
#[tokio::test]
async fn topics_hold_on_all_nodes() {
    let (_nats, [a, b, c]) = three(&[]).await;
    let mut eve = user(&b, "eve", &[]).await;
    eve.does(json!({"op": "join", "topic": "room:1", "observe": true})).await;
    let mut ann = user(&a, "ann", &[]).await;
    ann.does(json!({"op": "join", "topic": "room:1", "p": 1})).await;
    let joined = json!({"op": "joined", "topic": "room:1", "u": "ann", "p": 1});
    assert_eq!(plain(eve.next().await), joined);
    let mut bob = user(&c, "bob", &[]).await;
    let told = bob.does(json!({"op": "join", "topic": "room:1", "p": 2})).await;
    let entries = |topic: &Value| {
        let entries = topic["entries"].as_array().unwrap();
        entries.iter().map(|entry| (entry["u"].clone(), entry["p"].clone())).collect::<Vec<_>>()
    };
    let topic = told.iter().find(|frame| frame["op"] == "topic").expect("a snapshot of the topic");
    assert!(entries(topic).contains(&(json!("ann"), json!(1))), "{topic}");
    for told in [&mut ann, &mut eve] {
        assert_eq!(heard(told).await, said("joined", "bob", json!(2)));
    }
    ann.does(json!({"op": "update", "topic": "room:1", "p": {"at": 5}})).await;
    for told in [&mut bob, &mut eve] {
        assert_eq!(heard(told).await, said("member", "ann", json!({"at": 5})));
    }
    bob.does(json!({"op": "say", "topic": "room:1", "p": "hello"})).await;
    for told in [&mut ann, &mut eve] {
        assert_eq!(heard(told).await, said("said", "bob", json!("hello")));
    }
    let counted = eve.does(json!({"op": "look", "topic": "room:1", "view": "count"})).await;
    assert_eq!(counted[0]["counts"]["users"], 2, "{counted:?}");
    bob.does(json!({"op": "leave", "topic": "room:1"})).await;
    let left = json!({"op": "left", "topic": "room:1", "u": "bob", "reason": "left"});
    assert_eq!(plain(ann.next().await), left);
}

/// A node that is stopped tells its clients to come back, and whoever does so at another one was
/// never offline.
#[tokio::test]
async fn who_is_told_to_come_back_was_never_offline() {
    let (_nats, [mut a, b, _c]) = three(&[]).await;
    let mut ann = user(&a, "ann", &["bob"]).await;
    let mut bob = user(&b, "bob", &["ann"]).await;
    ann.does(json!({"op": "publish", "p": 1})).await;
    assert_eq!(heard(&mut bob).await, said("presence", "ann", json!(1)));
    let resume = ann.welcome["resume"].clone();
    a.tell_to_stop();
    let (bye, code) = ann.bye().await;
    assert_eq!((&bye["code"], &bye["reconnect"]), (&json!("shutdown"), &json!(true)));
    assert!(bye["after_ms"].as_u64().unwrap() < 500, "{bye}");
    assert_eq!(code, 1_001);
    drop(ann);
    a.stopped().await;
    let hello = json!({"op": "hello", "token": token("ann", &["bob"]), "resume": resume});
    let (mut ann, _) = V1::hello_at(b.program().address, hello).await;
    assert_eq!(ann.welcome["resumed"], false);
    ann.does(json!({"op": "publish", "p": 2})).await;
    assert_eq!(heard(&mut bob).await, said("presence", "ann", json!(2)));
    // When the time is over that the lost node's sessions have, that is no news of ann.
    assert_eq!(heard(&mut bob).await.0, "ended");
    assert_eq!(bob.until_pong().await, Vec::<Value>::new());
}
