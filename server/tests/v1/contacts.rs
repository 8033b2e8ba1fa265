//! What contacts are told.

use serde_json::{Value, json};

use crate::client::{V1, plain, server, token, token_with};

/// What somebody shows goes on as it came, whatever it is.
#[tokio::test]
async fn p_goes_on_as_it_came() {
    let server = server(|_| {});
    let (mut ann, _) = V1::hello(&server, &token("ann", &["bob"])).await;
    let (mut bob, _) = V1::hello(&server, &token("bob", &["ann"])).await;
    for p in [json!({"a": {"b": [1, null, "ü\u{1}\""]}}), json!("x"), json!(0), json!(false)] {
        ann.does(json!({"op": "publish", "p": p})).await;
        assert_eq!(bob.next().await["p"], p);
    }
    // Numbers that no float holds, and whitespace.
    let text = r#"{"op":"publish","p":{ "n":123456789012345678901234567890 }}"#;
    ann.send_text(text.to_owned()).await;
    let frame = bob.next().await;
    assert!(frame["p"]["n"].is_number());
    server.host.stop().await;
}

#[tokio::test]
async fn a_newcomer_is_told_who_is_there_and_a_second_device_of_the_first() {
    let server = server(|_| {});
    let (mut first, _) = V1::hello(&server, &token("ann", &["bob"])).await;
    first.does(json!({"op": "publish", "p": 1})).await;
    let (mut bob, snapshot) = V1::hello(&server, &token("bob", &["ann"])).await;
    let session = first.welcome["s"].clone();
    assert_eq!(snapshot["entries"], json!([{"u": "ann", "s": session, "p": 1}]));
    let (mut second, snapshot) = V1::hello(&server, &token("ann", &["bob"])).await;
    assert_eq!(snapshot["entries"], json!([{"u": "ann", "s": session, "p": 1}]));
    assert_ne!(second.welcome["s"], session);
    second.does(json!({"op": "publish", "p": 2})).await;
    let told = plain(bob.next().await);
    assert_eq!(told, json!({"op": "presence", "u": "ann", "kind": "first", "p": 2}));
    assert_eq!(first.next().await["s"], second.welcome["s"], "own devices are told, too");
    first.close(Some(1_000)).await;
    let ended = bob.next().await;
    assert_eq!((&ended["op"], &ended["s"]), (&json!("ended"), &session));
    assert_eq!(second.next().await["op"], "ended");
    second.close(None).await;
    assert_eq!(plain(bob.next().await), json!({"op": "offline", "u": "ann"}));
    server.host.stop().await;
}

/// Who hides is offline to contacts and to who watches, and its own devices are told.
#[tokio::test]
async fn invisible_is_offline_to_all_others() {
    let server = server(|_| {});
    let hello = json!({"op": "hello", "token": token("ann", &["bob"]), "invisible": true});
    let (mut ann, snapshot) = V1::hello_with(&server, hello).await;
    assert_eq!((&ann.welcome["visible"], &snapshot["visible"]), (&json!(false), &json!(false)));
    let (mut other, snapshot) = V1::hello(&server, &token("ann", &["bob"])).await;
    assert_eq!((&other.welcome["visible"], &snapshot["visible"]), (&json!(false), &json!(false)));
    let (mut bob, _) = V1::hello(&server, &token("bob", &["ann"])).await;
    let (mut eve, _) = V1::hello(&server, &token("eve", &[])).await;
    let told = eve.does(json!({"op": "watch", "users": ["ann"]})).await;
    assert_eq!(told[0]["entries"], json!([]));
    ann.does(json!({"op": "publish", "p": 1})).await;
    assert_eq!(other.next().await["op"], "presence");
    assert_eq!(bob.until_pong().await, Vec::<Value>::new());
    ann.does(json!({"op": "visible"})).await;
    assert_eq!(plain(other.next().await), json!({"op": "visibility", "visible": true}));
    for seeing in [&mut bob, &mut eve] {
        assert_eq!(seeing.next().await["p"], 1);
    }
    other.does(json!({"op": "invisible"})).await;
    assert_eq!(plain(ann.next().await), json!({"op": "visibility", "visible": false}));
    for seeing in [&mut bob, &mut eve] {
        assert_eq!(plain(seeing.next().await), json!({"op": "offline", "u": "ann"}));
    }
    server.host.stop().await;
}

/// Blocks of the token hold either way.
#[tokio::test]
async fn whoever_is_blocked_sees_nothing() {
    let server = server(|_| {});
    let blocks = json!({"adsum.blocked": ["bob"]});
    let (mut ann, _) = V1::hello(&server, &token_with("ann", &["bob"], blocks)).await;
    let (mut bob, _) = V1::hello(&server, &token("bob", &["ann"])).await;
    ann.does(json!({"op": "publish", "p": 1})).await;
    let told = bob.does(json!({"op": "watch", "users": ["ann"]})).await;
    assert_eq!(told[0]["entries"], json!([]));
    bob.does(json!({"op": "direct", "to": ["ann"], "p": 1})).await;
    assert_eq!(ann.until_pong().await, Vec::<Value>::new());
    server.host.stop().await;
}

/// Where the server tells one state a user, entries and notices have no session.
#[tokio::test]
async fn one_state_a_user_is_of_no_session() {
    let server = server(|config| {
        config.presence.one_state = adsum_server::config::OneState::Newest;
        config.presence.idle_after_ms = 1;
    });
    let (mut ann, _) = V1::hello(&server, &token("ann", &["bob"])).await;
    let (mut bob, _) = V1::hello(&server, &token("bob", &["ann"])).await;
    ann.does(json!({"op": "publish", "p": 1})).await;
    let state = bob.next().await;
    assert_eq!(
        (&state["op"], &state["u"], &state["p"]),
        (&json!("user"), &json!("ann"), &json!(1))
    );
    assert!(state.get("s").is_none());
    let idle = bob.next().await;
    assert!(idle["idle_since"].as_u64().is_some(), "{idle}");
    let (_other, snapshot) = V1::hello(&server, &token("bob", &["ann"])).await;
    let entry = &snapshot["entries"][0];
    assert!(entry.get("s").is_none() && entry["idle_since"].is_u64(), "{entry}");
    ann.does(json!({"op": "active"})).await;
    assert!(bob.next().await.get("idle_since").is_none());
    server.host.stop().await;
}

/// What an operator says is from nobody.
#[tokio::test]
async fn a_notice_of_the_system_is_told() {
    let server = server(|_| {});
    let (mut ann, _) = V1::hello(&server, &token("ann", &[])).await;
    let shown = crate::support::TOKEN;
    let head = format!("POST /admin/presence HTTP/1.1\r\nAuthorization: Bearer {shown}\r\n");
    let notice = br#"{"nodes":["ann"],"presence":{"status":"we stop at ten"}}"#;
    let (status, _) = crate::support::request(server.address(), &head, notice).await;
    assert_eq!(status, 200);
    let told = plain(ann.next().await);
    assert_eq!(told, json!({"op": "system", "p": {"text": "we stop at ten"}}));
    server.host.stop().await;
}

/// Until a moment, by the server's clock.
#[tokio::test]
async fn a_presence_ends_at_its_moment() {
    let server = server(|_| {});
    let (mut ann, _) = V1::hello(&server, &token("ann", &["bob"])).await;
    let (mut bob, _) = V1::hello(&server, &token("bob", &["ann"])).await;
    let until = ann.welcome["now"].as_u64().unwrap() + 300;
    ann.does(json!({"op": "publish", "p": 1, "until": until, "then": 2})).await;
    assert_eq!(bob.next().await["p"], 1);
    assert_eq!(bob.next().await["p"], 2);
    assert!(crate::client::unix_ms() >= until);
    // One that is over already is told as what comes after it.
    ann.does(json!({"op": "publish", "p": 3, "until": 1, "then": 4})).await;
    assert_eq!(bob.next().await["p"], 4);
    server.host.stop().await;
}
