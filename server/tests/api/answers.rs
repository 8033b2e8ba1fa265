//! Every answer that the description has occurs, and no other.

use serde_json::{Value, json};

use crate::client::{V1, server, token};
use crate::contract::{Contract, send};
use crate::support::{Server, TOKEN};

/// Requests that are carried out, of every kind, while "ann" is there.
fn requests() -> Vec<(&'static str, Value)> {
    vec![
        ("POST /v1/online", json!({"users": ["ann", "bob"]})),
        ("POST /v1/online", json!({"after": null, "limit": 1})),
        ("GET /v1/users/ann", Value::Null),
        ("GET /v1/users/nobody%20here", Value::Null),
        ("POST /v1/users/ann/contacts", json!({"add": ["bob"], "remove": ["eve"]})),
        ("POST /v1/users/ann/contacts", json!({"replace": ["bob"]})),
        ("POST /v1/users/ann/blocked", json!({"add": ["eve"]})),
        ("POST /v1/users/ann/direct", json!({"to": ["bob"], "p": 1, "for": 5})),
        ("POST /v1/system", json!({"to": ["ann"], "p": {"text": "soon"}})),
        ("GET /v1/topics/room:1", Value::Null),
        ("GET /v1/topics/room%2f1", Value::Null),
        ("GET /v1/topics/room:1/members?limit=1", Value::Null),
        ("GET /v1/openapi.json", Value::Null),
        ("DELETE /v1/users/ann/sessions", Value::Null),
    ]
}

/// The server is held to the description: each answer is one that it has, and each that it has
/// occurs.
#[tokio::test]
async fn every_answer_is_as_described() {
    let mut contract = Contract::new();
    let server = server(|config| {
        config.presence.max_audience = 3;
        config.accounts.max_relations = 3;
        // One at once, and the next much later.
        config.presence.publish_burst = 1;
        config.presence.publish_interval_ms = 3_600_000;
    });
    let to = server.address();
    let (mut ann, _) = V1::hello(&server, &token("ann", &["eve"])).await;
    ann.does(json!({"op": "join", "topic": "room:1", "p": {"at": 1}})).await;
    for (line, body) in requests() {
        let answer = contract.ask(to, line, body).await;
        assert!(answer.status < 300, "{line}: {answer:?}");
        contract.ask_as(to, line, None).await;
        contract.ask_as(to, line, Some("another token")).await;
    }
    ann.bye().await;
    refused(&mut contract, &server).await;
    contract.assert_complete();
    server.host.stop().await;
}

/// Ids and names have so many bytes, and the description says that it is not so many characters.
#[tokio::test]
async fn ids_and_names_are_counted_in_bytes() {
    let mut contract = Contract::new();
    for (said, at_most) in [
        (&contract.api["components"]["schemas"]["UserId"], 64),
        (&contract.api["components"]["parameters"]["Topic"], 128),
    ] {
        let description = said["description"].as_str().unwrap();
        assert!(description.starts_with("1 to ") || description.contains(", 1 to "));
        assert!(description.contains(&format!("{at_most} bytes of UTF-8")), "{description}");
        assert!(description.contains("`maxLength` counts characters"), "{description}");
    }
    let server = server(|_| {});
    for (path, bytes) in [("users", 64), ("topics", 128)] {
        for (letters, status) in [(bytes / 2, 200), (bytes / 2 + 1, 400)] {
            let line = format!("GET /v1/{path}/{}", "%C3%BC".repeat(letters));
            let answer = contract.ask(server.address(), &line, Value::Null).await;
            assert_eq!(answer.status, status, "{path} {letters}: {answer:?}");
        }
    }
    server.host.stop().await;
}

/// Requests that are refused in every way that there is.
async fn refused(contract: &mut Contract, server: &Server) {
    let to = server.address();
    let _ann = V1::hello(server, &token("ann", &["bob"])).await;
    let long = "x".repeat(65);
    let four = json!(["a", "b", "c", "d"]);
    let big = json!("x".repeat(1_024 * 1_024));
    let direct = "POST /v1/users/ann/direct";
    let bodies = [
        ("POST /v1/online", json!({"limit": 0}), 400),
        ("POST /v1/online", json!({"users": big}), 413),
        ("POST /v1/users/ann/contacts", json!({"add": ["ann"]}), 400),
        ("POST /v1/users/ann/contacts", json!({"replace": four}), 409),
        ("POST /v1/users/ann/contacts", json!({"add": [big]}), 413),
        ("POST /v1/users/ann/blocked", json!({"add": [], "replace": []}), 400),
        ("POST /v1/users/ann/blocked", json!({"add": four}), 409),
        ("POST /v1/users/ann/blocked", json!({"add": [big]}), 413),
        (direct, json!({"to": [], "p": 1}), 400),
        (direct, json!({"to": ["bob"], "p": big}), 413),
        (direct, json!({"to": ["bob"], "p": "x".repeat(4_096)}), 413),
        (direct, json!({"to": ["bob"], "p": 1, "for": u64::MAX}), 400),
        (direct, json!({"to": ["bob"], "p": 1}), 204),
        (direct, json!({"to": ["bob"], "p": 1}), 429),
        ("POST /v1/users/bob/direct", json!({"to": ["ann"], "p": 1}), 409),
        ("POST /v1/system", json!({"to": [long], "p": 1}), 400),
        ("POST /v1/system", json!({"to": ["ann"], "p": big}), 413),
    ];
    for (line, body, status) in bodies {
        let answer = contract.ask(to, line, body).await;
        assert_eq!(answer.status, status, "{line}: {answer:?}");
    }
    for line in [
        format!("GET /v1/users/{long}"),
        "GET /v1/users/%ff".to_owned(),
        format!("DELETE /v1/users/{long}/sessions"),
        format!("GET /v1/topics/{}", "x".repeat(129)),
        "GET /v1/topics/room:1/members?limit=1001".to_owned(),
        "GET /v1/topics/room:1/members?after=x".to_owned(),
        "GET /v1/topics/room:1/members?before=1".to_owned(),
    ] {
        let answer = contract.ask(to, &line, Value::Null).await;
        assert_eq!((answer.status, &answer.body["code"]), (400, &json!("invalid")), "{line}");
    }
}

/// What is neither a path nor a method of the description is a problem too, and `Allow` names the
/// methods that there are.
#[tokio::test]
async fn there_is_nothing_but_what_is_described() {
    let contract = Contract::new();
    let server = server(|_| {});
    let problem = contract.api.pointer("/components/schemas/Problem").unwrap();
    let to = server.address();
    for (path, methods) in contract.operations() {
        let path = path.replace("{user}", "ann").replace("{topic}", "room");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            if methods.contains(&method.to_ascii_lowercase()) {
                continue;
            }
            let line = format!("{method} {path}");
            assert_eq!(send(to, &line, None, "").await.status, 401, "{line}");
            let answer = send(to, &line, Some(TOKEN), "").await;
            assert_eq!(contract.complaints(problem, &answer.body), [""; 0], "{line}");
            assert_eq!(answer.status, 405, "{line}");
            let allowed = answer.headers["allow"].split(',').map(str::to_ascii_lowercase);
            let allowed: Vec<_> = allowed.filter(|method| method != "head").collect();
            assert_eq!(allowed, methods, "{line}");
        }
    }
    for path in ["/v1/users", "/v1/users/ann/roster", "/v1/topics/a/b", "/v1/x", "/v1/online/"] {
        let line = format!("GET {path}");
        assert_eq!(send(to, &line, None, "").await.status, 401, "{line}");
        let answer = send(to, &line, Some(TOKEN), "").await;
        assert_eq!(contract.complaints(problem, &answer.body), [""; 0], "{line}");
        assert_eq!(answer.status, 404, "{line}");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
    }
    let served = send(to, "GET /v1/openapi.json", Some(TOKEN), "").await;
    assert_eq!(served.body, contract.api);
    server.host.stop().await;
}
