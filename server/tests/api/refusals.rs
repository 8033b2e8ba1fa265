//! The server refuses what the description refuses, and takes what it takes.

use serde_json::{Value, json};

use crate::client::{V1, server, token};
use crate::contract::Contract;

/// The same as `body`, with one thing changed: a field less, one more, or one of another type.
fn changed(body: &Value) -> Vec<Value> {
    let fields = body.as_object().unwrap();
    let mut all = vec![json!([body]), json!("text"), json!(7)];
    for name in fields.keys() {
        let mut less = fields.clone();
        less.remove(name);
        all.push(less.into());
        if name == "p" {
            all.push(json!({"to": ["bob"], "p": null}));
        }
        for other in [json!({"x": 1}), json!(-1), json!(1.5), json!([7]), json!([""]), json!(["u"])]
        {
            let mut changed = fields.clone();
            changed.insert(name.clone(), other);
            all.push(changed.into());
        }
    }
    let mut more = fields.clone();
    more.insert("more".to_owned(), json!(1));
    all.push(more.into());
    all
}

#[tokio::test]
async fn the_server_and_the_description_refuse_the_same() {
    let mut contract = Contract::new();
    let server = server(|config| config.presence.publish_burst = 0);
    let _ann = V1::hello(&server, &token("ann", &[])).await;
    let (mut taken, mut refused) = (0, 0);
    for (line, body) in [
        ("POST /v1/online", json!({"users": ["ann"]})),
        ("POST /v1/online", json!({"after": "a", "limit": 7})),
        ("POST /v1/users/ann/contacts", json!({"add": ["bob"], "remove": ["eve"]})),
        ("POST /v1/users/ann/blocked", json!({"replace": ["eve"]})),
        ("POST /v1/users/ann/direct", json!({"to": ["bob"], "p": {"a": 1}, "for": 7})),
        ("POST /v1/system", json!({"to": ["bob"], "p": [1]})),
    ] {
        let (method, path) = line.split_once(' ').unwrap();
        let schema = contract.schema_of_body(method, path).unwrap();
        for body in changed(&body) {
            let is_right = contract.complaints(&schema, &body).is_empty();
            let answer = contract.ask(server.address(), line, body.clone()).await;
            assert_eq!(answer.status < 300, is_right, "{line} {body}: {answer:?}");
            *(if is_right { &mut taken } else { &mut refused }) += 1;
        }
    }
    assert!(taken > 15 && refused > 50, "{taken} {refused}");
    // Fields have names.
    for (line, body) in [
        ("POST /v1/online", json!([["ann"], null, null])),
        ("POST /v1/users/ann/contacts", json!([["bob"], null, null])),
        ("POST /v1/users/ann/direct", json!([["bob"], 1, 7])),
        ("POST /v1/system", json!([["bob"], 1])),
    ] {
        assert_eq!(contract.ask(server.address(), line, body).await.status, 400, "{line}");
    }
    server.host.stop().await;
}
