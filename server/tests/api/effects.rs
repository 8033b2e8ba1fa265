//! What an application asks for over HTTP is done, and what it is told is so.

use serde_json::{Value, json};

use crate::client::{V1, plain, server, token};
use crate::contract::{Contract, send};
use crate::support::{Server, TOKEN};

async fn ask(server: &Server, line: &str, body: Value) -> Value {
    let answer = Contract::new().ask(server.address(), line, body).await;
    assert!(answer.status < 300, "{line}: {answer:?}");
    answer.body
}

async fn user(server: &Server, name: &str) -> V1 {
    V1::hello(server, &token(name, &[])).await.0
}

#[tokio::test]
async fn a_user_is_told_of_with_all_sessions() {
    let server = server(|_| {});
    let off = json!({"user": "ann", "online": false});
    assert_eq!(ask(&server, "GET /v1/users/ann", Value::Null).await, off);
    let (mut phone, laptop) = (user(&server, "ann").await, user(&server, "ann").await);
    phone.does(json!({"op": "publish", "p": {"text": "here", "x": [1]}})).await;
    phone.does(json!({"op": "invisible"})).await;
    let told = ask(&server, "GET /v1/users/ann", Value::Null).await;
    let listed = ask(&server, "POST /v1/online", json!({"users": ["ann"]})).await;
    assert_eq!((&told["visible"], &told["since"]), (&json!(false), &listed["users"][0]["since"]));
    let session =
        |of: &V1, p: Value| json!({"s": of.welcome["s"], "kind": 0, "attached": true, "p": p});
    let shown = json!({"text": "here", "x": [1]});
    assert_eq!(told["sessions"], json!([session(&phone, shown), session(&laptop, Value::Null)]));
    // All of them end at once.
    let ended = ask(&server, "DELETE /v1/users/ann/sessions", Value::Null).await;
    assert_eq!(ended, json!({"sessions": 2}));
    for mut client in [phone, laptop] {
        let (bye, code) = client.bye().await;
        assert_eq!((&bye["code"], code), (&json!("expelled"), 4_002));
    }
    assert_eq!(ask(&server, "GET /v1/users/ann", Value::Null).await, off);
    server.host.stop().await;
}

/// Contacts that are pushed see each other at once, and no longer when they are taken away.
#[tokio::test]
async fn contacts_that_are_pushed_hold_both_ways() {
    let server = server(|_| {});
    let (mut ann, mut bob) = (user(&server, "ann").await, user(&server, "bob").await);
    ann.does(json!({"op": "publish", "p": 1})).await;
    bob.does(json!({"op": "publish", "p": 2})).await;
    let contacts = "POST /v1/users/ann/contacts";
    let list = ask(&server, contacts, json!({"add": ["bob", "cat", "bob"]})).await;
    assert_eq!(list, json!({"user": "ann", "online": true, "count": 2}));
    for (client, other, p) in [(&mut ann, "bob", 2), (&mut bob, "ann", 1)] {
        let told = plain(client.next().await);
        assert_eq!(told, json!({"op": "presence", "u": other, "kind": "first", "p": p}));
    }
    let list = ask(&server, contacts, json!({"replace": ["dan"]})).await;
    assert_eq!(list["count"], 1);
    assert_eq!(plain(ann.next().await), json!({"op": "offline", "u": "bob"}));
    assert_eq!(plain(bob.next().await), json!({"op": "offline", "u": "ann"}));
    // Of who is offline there is no list; the other one's is there.
    let list = ask(&server, "POST /v1/users/eve/contacts", json!({"add": ["ann"]})).await;
    assert_eq!(list, json!({"user": "eve", "online": false, "count": 0}));
    let list = ask(&server, contacts, json!({"remove": ["dan"]})).await;
    assert_eq!(list["count"], 1);
    server.host.stop().await;
}

#[tokio::test]
async fn who_is_blocked_sees_nothing_until_it_is_lifted() {
    let server = server(|_| {});
    let (mut ann, _) = V1::hello(&server, &token("ann", &["bob"])).await;
    let (mut bob, _) = V1::hello(&server, &token("bob", &["ann"])).await;
    ann.does(json!({"op": "publish", "p": 1})).await;
    assert_eq!(bob.next().await["op"], "presence");
    let blocked = "POST /v1/users/ann/blocked";
    assert_eq!(ask(&server, blocked, json!({"add": ["bob"]})).await["count"], 1);
    assert_eq!(plain(bob.next().await), json!({"op": "offline", "u": "ann"}));
    ann.does(json!({"op": "publish", "p": 2})).await;
    assert_eq!(bob.until_pong().await, Vec::<Value>::new());
    assert_eq!(ask(&server, blocked, json!({"replace": []})).await["count"], 0);
    let told = plain(bob.next().await);
    assert_eq!(told, json!({"op": "presence", "u": "ann", "kind": "first", "p": 2}));
    server.host.stop().await;
}

/// Where users keep their lists with the server, nobody pushes any.
#[tokio::test]
async fn lists_that_are_kept_here_are_the_users() {
    let server = Server::start();
    let [ann, bob] = ["ann", "bob"].map(|name| server.account(name));
    for list in ["contacts", "blocked"] {
        let line = format!("POST /v1/users/{ann}/{list}");
        let body = json!({"add": [bob]});
        let answer = Contract::new().ask(server.address(), &line, body).await;
        assert_eq!((answer.status, &answer.body["code"]), (409, &json!("kept_here")));
    }
    server.host.stop().await;
}

#[tokio::test]
async fn what_is_directed_and_what_the_system_says_arrives() {
    let server = server(|_| {});
    let (_ann, _) = V1::hello(&server, &token("ann", &["bob"])).await;
    let (mut bob, _) = V1::hello(&server, &token("bob", &["ann"])).await;
    let mut eve = user(&server, "eve").await;
    let direct = json!({"to": ["bob", "eve"], "p": {"typing": true}, "for": 1});
    assert_eq!(ask(&server, "POST /v1/users/ann/direct", direct).await, Value::Null);
    let told = plain(bob.next().await);
    assert_eq!(told, json!({"op": "directed", "u": "ann", "p": {"typing": true}}));
    assert_eq!(plain(bob.next().await), json!({"op": "over", "u": "ann"}));
    // She is no contact.
    assert_eq!(eve.until_pong().await, Vec::<Value>::new());
    let notice = json!({"to": ["eve", "bob", "nobody"], "p": {"text": "maintenance"}});
    let outcome = ask(&server, "POST /v1/system", notice).await;
    assert_eq!(outcome, json!({"delivered": 2, "skipped": 0}));
    for client in [&mut bob, &mut eve] {
        let told = plain(client.next().await);
        assert_eq!(told, json!({"op": "system", "p": {"text": "maintenance"}}));
    }
    server.host.stop().await;
}

/// Members come in pages, whose cursor goes on after the last of them; a user's sessions are never
/// torn apart.
#[tokio::test]
async fn a_topic_is_walked_by_cursor() {
    let server = server(|_| {});
    let none = json!({"topic": "room:1", "users": 0, "sessions": 0, "observers": 0});
    assert_eq!(ask(&server, "GET /v1/topics/room:1", Value::Null).await, none);
    let mut all = Vec::new();
    for name in ["u1", "u0", "u1", "u2", "u3"] {
        let mut client = user(&server, name).await;
        let p = all.len();
        client.does(json!({"op": "join", "topic": "room:1", "p": p, "view": "nothing"})).await;
        all.push(client);
    }
    let mut eve = user(&server, "eve").await;
    eve.does(json!({"op": "join", "topic": "room:1", "observe": true, "view": "nothing"})).await;
    let counts = ask(&server, "GET /v1/topics/room:1", Value::Null).await;
    let full = json!({"topic": "room:1", "users": 4, "sessions": 5, "observers": 1});
    assert_eq!(counts, full);
    let session = |at: usize| json!({"s": all[at].welcome["s"], "p": at});
    let wanted = [
        json!([{"user": "u1", "sessions": [session(0), session(2)]},
               {"user": "u0", "sessions": [session(1)]}]),
        json!([{"user": "u2", "sessions": [session(3)]}, {"user": "u3", "sessions": [session(4)]}]),
    ];
    let mut after = String::new();
    for (at, wanted) in wanted.iter().enumerate() {
        let line = format!("GET /v1/topics/room:1/members?limit=2{after}");
        let page = ask(&server, &line, Value::Null).await;
        assert_eq!(&page["members"], wanted);
        assert_eq!(page["next"].is_null(), at == 1, "{page}");
        after = format!("&after={}", page["next"].as_str().unwrap_or_default());
    }
    server.host.stop().await;
}

/// Without a token there is no API.
#[tokio::test]
async fn there_is_no_api_without_a_token() {
    let server = Server::with(|config| config.services.admin_token = None);
    for line in ["GET /v1/users/ann", "POST /v1/system", "GET /v1/openapi.json"] {
        assert_eq!(send(server.address(), line, Some(TOKEN), "{}").await.status, 404, "{line}");
    }
    server.host.stop().await;
}
