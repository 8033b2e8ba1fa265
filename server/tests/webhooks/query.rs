//! The question who is online.

use serde_json::{Value, json};

use super::ask;
use super::support::program::Program;
use super::support::{Server, TOKEN, all_log_in, crowd, request};

/// Who is asked about is answered for in that order, whether they are there or not; and the answer
/// says which edge it knows of.
#[tokio::test]
async fn it_says_who_is_online_as_of_which_edge() {
    let server = Server::run(&[]);
    let [ann, bob] = ["ann", "bob"].map(|name| server.account(name));
    let none = ask(&server, &json!({ "users": [bob, ann, "nobody"] })).await.1;
    let off = |user: &str| json!({ "user": user, "online": false });
    assert_eq!(none["users"], json!([off(&bob), off(&ann), off("nobody")]));
    assert_eq!((&none["number"], &none["next"]), (&json!(0), &Value::Null));
    let clients = [server.login("ann").await, server.login("ann").await];
    let answer = ask(&server, &json!({ "users": [bob, ann] })).await.1;
    let since = answer["users"][1]["since"].clone();
    assert!(since.as_u64() >= none["start"].as_u64(), "{answer}");
    let on = json!({ "user": ann, "online": true, "visible": true, "since": since, "sessions": 2 });
    assert_eq!(answer["users"], json!([off(&bob), on]));
    assert_eq!((&answer["number"], &answer["start"]), (&json!(1), &none["start"]));
    drop(clients);
}

/// All who are online can be walked, a page at a time, each as of its own edge.
#[tokio::test]
async fn all_who_are_online_can_be_walked() {
    let server = Server::run(&[]);
    let names = crowd(7);
    let mut nodes: Vec<_> = names.iter().map(|name| server.account(name)).collect();
    let clients = all_log_in(&server, &names).await;
    nodes.sort();
    let (mut found, mut after, mut pages) = (Vec::new(), Value::Null, 0);
    loop {
        let mut page = ask(&server, &json!({ "after": after, "limit": 3 })).await.1;
        pages += 1;
        assert_eq!(page["number"], 7);
        found.extend(page["users"].as_array_mut().unwrap().iter_mut().map(|user| {
            assert_eq!((&user["online"], &user["sessions"]), (&json!(true), &json!(1)));
            user["user"].take()
        }));
        after = page["next"].take();
        if after.is_null() {
            break;
        }
    }
    assert_eq!((json!(found), pages), (json!(nodes), 3));
    drop(clients);
}

/// What is not a question, or too long a one, is refused, and so is who shows no token.
#[tokio::test]
async fn it_is_asked_by_who_may_and_within_bounds() {
    let server = Server::run(&[]);
    let users = |count: usize| json!({ "users": vec!["x"; count] });
    assert_eq!(ask(&server, &users(1_000)).await.0, 200);
    for wrong in [
        users(1_001),
        json!({ "users": "ann" }),
        json!({ "users": [1] }),
        json!({ "user": ["ann"] }),
        json!({ "users": [], "limit": 1 }),
        json!({ "limit": 0 }),
        json!({ "limit": 1_001 }),
        json!([]),
    ] {
        assert_eq!(ask(&server, &wrong).await.0, 400, "{wrong}");
    }
    let post = "POST /v1/online HTTP/1.1\r\n";
    let wrong_token = format!("{post}Authorization: Bearer {TOKEN}x\r\n");
    for head in [post, &wrong_token] {
        assert_eq!(request(server.address(), head, b"{}").await.0, 401);
    }
    let none = Program::start(&["--admin-listen", "127.0.0.1:0"]);
    for address in [none.address, none.admin_address.unwrap()] {
        assert_eq!(request(address, post, b"{}").await.0, 404);
    }
}
