//! The page about the server is true of the HTTP API: each request on it is answered so.

use serde_json::{Value, json};

use crate::client::{V1, server, token};
use crate::contract::Contract;

const PAGE: &str = include_str!("../../../docs/server.md");

/// Replaces what differs each time.
fn generalise(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match key.as_str() {
                    "since" => *value = 0.into(),
                    "s" => *value = "S".into(),
                    _ => generalise(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(generalise),
        _ => {}
    }
}

/// The requests of the page, each with its answer.
fn exchanges() -> Vec<(String, String)> {
    let (_, rest) = PAGE.split_once("```api\n").expect("requests");
    let (block, _) = rest.split_once("```").unwrap();
    // What is indented goes on with the line before.
    let block = block.replace("\n  ", "");
    let lines: Vec<_> = block.lines().map(str::to_owned).collect();
    lines.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
}

#[tokio::test]
async fn requests_are_answered_as_on_the_page() {
    let server = server(|_| {});
    let (mut ann, _) = V1::hello(&server, &token("ann", &[])).await;
    let (mut bob, _) = V1::hello(&server, &token("bob", &[])).await;
    ann.does(json!({"op": "publish", "p": {"text": "here"}})).await;
    for client in [&mut ann, &mut bob] {
        client.does(json!({"op": "join", "topic": "room:1", "view": "nothing"})).await;
    }
    let mut contract = Contract::new();
    let exchanges = exchanges();
    assert!(exchanges.len() > 8);
    for (asked, answered) in exchanges {
        let (line, body) = match asked.match_indices(' ').nth(1) {
            Some((at, _)) => (&asked[..at], serde_json::from_str(&asked[at..]).unwrap()),
            None => (asked.as_str(), Value::Null),
        };
        let mut answer = contract.ask(server.address(), line, body).await;
        let (status, wanted) = answered.split_at(3);
        let wanted = if wanted.is_empty() { "null" } else { wanted };
        let mut wanted: Value = serde_json::from_str(wanted).unwrap();
        generalise(&mut wanted);
        generalise(&mut answer.body);
        assert_eq!((answer.status.to_string(), answer.body), (status.to_owned(), wanted), "{line}");
    }
    server.host.stop().await;
}
