//! A demonstration: guests find people who are their friends, and what happens can be read.

mod support;

#[allow(dead_code, reason = "other tests use the rest")]
#[path = "v1/client.rs"]
mod client;

use std::collections::BTreeMap;

use client::V1;
use serde_json::{Value, json};
use support::{PATIENCE, Server, request};

/// How many guests are let in at once.
const AT_ONCE: usize = 20;

fn server() -> Server {
    Server::with(|config| config.services.demo = true)
}

async fn post(server: &Server, path: &str) -> (u16, Value) {
    let (status, body) = request(server.address(), &format!("POST {path} HTTP/1.1\r\n"), b"").await;
    (status, serde_json::from_str(&body).unwrap_or_default())
}

async fn get(server: &Server, path: &str) -> Value {
    let (status, body) = request(server.address(), &format!("GET {path} HTTP/1.1\r\n"), b"").await;
    assert_eq!(status, 200, "{path}");
    serde_json::from_str(&body).unwrap()
}

/// Waits until so many people are there, and each room has somebody in it.
async fn until_there(server: &Server, users: u64) -> Value {
    let there = async {
        loop {
            let pulse = get(server, "/demo/pulse").await;
            let has_rooms = users < 100 || pulse["topics"] == 8;
            if pulse["users"].as_u64().unwrap() >= users && has_rooms {
                return pulse;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, there).await.expect("people in time")
}

/// A guest, and what they are told first.
async fn guest(server: &Server) -> (V1, Value) {
    let (status, guest) = post(server, "/demo/guest").await;
    assert_eq!(status, 200, "{guest}");
    let hello = json!({"op": "hello", "name": guest["name"], "token": guest["token"]});
    V1::hello_with(server, hello).await
}

#[tokio::test]
async fn a_guest_has_friends_requests_and_rooms_from_the_beginning() {
    let server = server();
    let pulse = until_there(&server, 100).await;
    assert!(pulse["deliveries"].as_u64().unwrap() > 100, "{pulse}");
    assert_eq!(pulse["largest"].as_array().unwrap().len(), 8, "{pulse}");
    let (mut ann, snapshot) = guest(&server).await;
    let here = snapshot["entries"].as_array().unwrap().len();
    assert!((10..48).contains(&here), "{here} friends are here");
    let roster = ann.does(json!({"op": "roster"})).await;
    let roster = roster.iter().find(|frame| frame["op"] == "roster").unwrap();
    let mut relations = BTreeMap::new();
    for entry in roster["entries"].as_array().unwrap() {
        *relations.entry(entry["relation"].as_str().unwrap()).or_insert(0) += 1;
    }
    assert_eq!(relations, BTreeMap::from([("asks", 3), ("friends", 48)]));
    let about = get(&server, "/demo/about").await;
    assert_eq!((&about["people"], about["rooms"].as_array().unwrap().len()), (&json!(240), 8));
    server.host.stop().await;
}

#[tokio::test]
async fn guests_are_bounded() {
    let server = server();
    until_there(&server, 1).await;
    let mut names = Vec::new();
    let refused = loop {
        let (status, guest) = post(&server, "/demo/guest").await;
        if status != 200 {
            break status;
        }
        names.push(guest["name"].clone());
        assert!(names.len() < AT_ONCE * 10, "nobody is refused");
    };
    assert_eq!(refused, 429);
    assert!(names.len() >= AT_ONCE, "{}", names.len());
    names.dedup();
    assert_eq!(names.first(), Some(&json!("Guest 1")));
    server.host.stop().await;
}

#[tokio::test]
async fn a_server_in_earnest_has_no_demonstration() {
    let server = Server::start();
    for path in ["/demo/guest", "/demo/pulse", "/demo/about"] {
        assert_eq!(post(&server, path).await.0, 404, "{path}");
    }
    server.host.stop().await;
}
