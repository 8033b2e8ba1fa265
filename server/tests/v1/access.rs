//! Who may: by which token or account, and whom they see.

use serde_json::{Value, json};

use crate::client::{V1, server, token, token_with};
use crate::support::{PASSWORD, Server};

/// Claims of this server's own, by their whole names and in an object.
#[tokio::test]
async fn claims_have_two_names() {
    let server = server(|config| config.presence.devicetype_limit = 1);
    let (mut ann, _) = V1::hello(&server, &token("ann", &["bob"])).await;
    ann.does(json!({"op": "publish", "p": 1})).await;
    let own = json!({"adsum": {"contacts": ["ann"], "topics": ["x"], "kind": 7, "blocked": []}});
    let mut claims = own.clone();
    // Some languages' empty lists.
    claims["adsum.contacts"] = Value::Null;
    let none = json!({"adsum": null, "adsum.blocked": null, "roster": null, "blocked": null});
    let (_, snapshot) = V1::hello(&server, &token_with("eve", &["ann"], none)).await;
    assert_eq!(snapshot["entries"], json!([]));
    let (mut bob, snapshot) = V1::hello(&server, &token_with("bob", &[], claims)).await;
    assert_eq!(snapshot["entries"][0]["u"], "ann");
    bob.does(json!({"op": "join", "topic": "x"})).await;
    // Of the same kind there is one session; the token goes before what the client says.
    let other = json!({"adsum.kind": 8});
    let (_other, _) = V1::hello(&server, &token_with("bob", &["ann"], other)).await;
    bob.does(json!({"op": "ping"})).await;
    server.host.stop().await;
}

/// A new token says whom one sees from then on.
#[tokio::test]
async fn a_new_token_says_whom_one_sees() {
    let server = server(|_| {});
    let (mut ann, _) = V1::hello(&server, &token("ann", &[])).await;
    let (mut bob, _) = V1::hello(&server, &token("bob", &["ann"])).await;
    ann.does(json!({"op": "publish", "p": 1})).await;
    assert_eq!(bob.until_pong().await, Vec::<Value>::new());
    ann.does(json!({"op": "token", "token": token("ann", &["bob"])})).await;
    assert_eq!(bob.next().await["p"], 1);
    let (mut eve, _) = V1::hello(&server, &token("eve", &[])).await;
    eve.does(json!({"op": "watch", "users": ["ann"]})).await;
    let blocks = token_with("ann", &["bob"], json!({"adsum.blocked": ["bob", "eve"]}));
    ann.does(json!({"op": "token", "token": blocks})).await;
    for blocked in [&mut bob, &mut eve] {
        assert_eq!(blocked.next().await["op"], "offline");
    }
    ann.does(json!({"op": "token", "token": token("ann", &["bob"])})).await;
    for seeing in [&mut bob, &mut eve] {
        assert_eq!(seeing.next().await["p"], 1);
    }
    server.host.stop().await;
}

#[tokio::test]
async fn a_wrong_token_has_a_code_and_costs_a_connection() {
    let server = server(|_| {});
    for wrong in ["", "a.b.c", &token_with("ann", &[], json!({"exp": 1_000})), &token("", &[])] {
        let mut guest = V1::connect(server.address()).await;
        guest.send(json!({"op": "hello", "n": 1, "token": wrong})).await;
        let answer = guest.next().await;
        assert_eq!(answer, json!({"op": "err", "n": 1, "code": "unauthorized"}), "{wrong}");
        let (bye, code) = guest.bye().await;
        assert_eq!((&bye["code"], code), (&json!("unauthorized"), 4_401), "{wrong}");
    }
    server.host.stop().await;
}

/// The accounts of this server's: a name and a password, or a login token, which is good once.
#[tokio::test]
async fn an_account_logs_in_by_its_password_or_a_token() {
    let server = Server::start();
    let [ann, bob] = server.friends(["ann", "bob"]);
    let hello =
        |name: &str, password: &str| json!({"op": "hello", "name": name, "password": password});
    let (mut client, _) = V1::hello_with(&server, hello("ann", PASSWORD)).await;
    assert_eq!(client.welcome["u"], ann.as_str());
    assert!(client.welcome.get("until").is_none(), "an account does not expire");
    client.does(json!({"op": "publish", "p": 1})).await;
    client.does(json!({"op": "join", "topic": "room:1"})).await;
    let mut other = server.login("bob").await;
    other.until_pong().await;
    let token = other.token().await.token.unwrap();
    other.close().await;
    let hello_token = json!({"op": "hello", "token": token.0});
    let (friend, snapshot) = V1::hello_with(&server, hello_token.clone()).await;
    assert_eq!((&friend.welcome["u"], &snapshot["entries"][0]["p"]), (&json!(bob), &json!(1)));
    for wrong in [hello("ann", "wrong"), hello("nobody", PASSWORD), hello_token] {
        let mut guest = V1::connect(server.address()).await;
        guest.send(wrong).await;
        assert_eq!(guest.next().await["code"], "unauthorized");
    }
    // Its own secret is enough to go on.
    let resume = friend.welcome["resume"].clone();
    friend.close(Some(1_001)).await;
    let (again, _) = V1::hello_with(&server, json!({"op": "hello", "resume": resume})).await;
    assert_eq!(again.welcome["resumed"], true);
    server.host.stop().await;
}

/// A name for the device goes to tim's clients.
#[tokio::test]
async fn a_device_has_a_name_for_tims_clients() {
    let server = Server::start();
    server.friends(["ann", "bob"]);
    let mut bob = server.login("bob").await;
    let hello = json!({
        "op": "hello", "name": "ann", "password": PASSWORD, "device": "phone", "kind": 200,
    });
    let (mut ann, _) = V1::hello_with(&server, hello).await;
    ann.does(json!({"op": "publish", "p": {"text": "x"}})).await;
    let from = bob.presence().await.from_tid.unwrap();
    assert_eq!((from.resource.as_deref(), from.termtyp), (Some("phone"), Some(-56)));
    let mut guest = V1::connect(server.address()).await;
    guest.send(json!({"op": "hello", "name": "ann", "password": PASSWORD, "kind": 256})).await;
    assert_eq!(guest.next().await, json!({"op": "err", "code": "invalid", "field": "kind"}));
    server.host.stop().await;
}
