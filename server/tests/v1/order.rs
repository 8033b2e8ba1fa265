//! Answers keep their order, and so does what is told.

use serde_json::{Value, json};

use crate::client::{V1, server, token};

/// Rule B3: whatever an operation costs, and whoever knows its answer.
#[tokio::test]
async fn answers_come_in_the_order_of_the_operations() {
    let server = server(|_| {});
    let (mut ann, _) = V1::hello(&server, &token("ann", &["bob"])).await;
    let kinds = [
        json!({"op": "publish", "p": 1}),
        json!({"op": "dance"}),
        json!({"op": "ping"}),
        json!({"op": "join", "topic": "secret"}),
        json!({"op": "token", "token": token("ann", &["bob"])}),
        json!({"op": "publish"}),
        json!({"op": "leave", "topic": "room:1"}),
        json!({"op": "token", "token": "no"}),
        json!({"op": "watch", "users": ["bob"]}),
        json!({"op": "withdraw"}),
    ];
    let mut all = Vec::new();
    for n in 0..200 {
        let mut operation = kinds[n % kinds.len()].clone();
        operation["n"] = n.into();
        all.push(operation);
    }
    // Some alone, and some together.
    for operation in &all[..100] {
        ann.send(operation.clone()).await;
    }
    ann.send(Value::from(all[100..].to_vec())).await;
    let mut n = 0;
    while n < 200 {
        let frame = ann.next().await;
        if frame.get("n").is_some() {
            assert_eq!(frame["n"], n, "{frame}");
            n += 1;
        }
    }
    server.host.stop().await;
}

/// Rule B9: ids of sessions say nothing, and stay over resumes; numbers of notices grow.
#[tokio::test]
async fn ids_of_sessions_are_random_and_numbers_grow() {
    let server = server(|_| {});
    let (mut ann, _) = V1::hello(&server, &token("ann", &["bob"])).await;
    let (mut bob, _) = V1::hello(&server, &token("bob", &["ann"])).await;
    let ids: Vec<_> =
        [&ann, &bob].map(|client| client.welcome["s"].as_str().unwrap().to_owned()).into();
    let number = |id: &str| u64::from_str_radix(id, 16).unwrap();
    assert!(number(&ids[0]).abs_diff(number(&ids[1])) > 1_000_000, "{ids:?}");
    let mut last = 0;
    for p in 0..20 {
        ann.does(json!({"op": "publish", "p": p})).await;
        let told = bob.next().await;
        assert_eq!(told["s"], ids[0].as_str());
        let id = told["id"].as_u64().unwrap();
        assert!(last < id && id < 1 << 53, "{last} {id}");
        last = id;
    }
    let resume = ann.welcome["resume"].clone();
    ann.close(Some(1_001)).await;
    let hello = json!({"op": "hello", "token": token("ann", &["bob"]), "resume": resume});
    let (again, _) = V1::hello_with(&server, hello).await;
    assert_eq!((&again.welcome["s"], &again.welcome["p"]), (&json!(ids[0]), &json!(19)));
    let other = crate::client::server(|_| {});
    let (elsewhere, _) = V1::hello(&other, &token("ann", &["bob"])).await;
    assert_ne!(elsewhere.welcome["s"], ids[0].as_str(), "of another start they are others");
    other.host.stop().await;
    server.host.stop().await;
}

/// An operation without `n` is answered only if it is refused.
#[tokio::test]
async fn who_gives_no_number_hears_of_refusals_only() {
    let server = server(|_| {});
    let (mut ann, _) = V1::hello(&server, &token("ann", &[])).await;
    ann.send(json!([{"op": "publish", "p": 1}, {"op": "publish"}, {"op": "withdraw", "n": null}]))
        .await;
    assert_eq!(ann.until_pong().await, [json!({"op": "err", "code": "missing", "field": "p"})]);
    server.host.stop().await;
}
