//! What an administrator asks for.

use serde_json::{Value, json};

use crate::support::{self, Server, TOKEN};

async fn post(server: &Server, path: &str, body: Value) -> (u16, Value) {
    let head = format!("POST {path} HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n");
    let (status, body) =
        support::request(server.address(), &head, body.to_string().as_bytes()).await;
    (status, serde_json::from_str(&body).unwrap_or_default())
}

/// Names are taken as well as ids, and who is unknown is an error: nothing is done then.
#[tokio::test]
async fn s16_administrators_name_people_by_name_and_are_told_of_the_unknown() {
    let server = Server::run(&["--admin-token", TOKEN]);
    let ann = server.account("ann");
    server.store.register("bea", support::PASSWORD, "elsewhere").unwrap();
    let mut at_ann = server.login("ann").await;
    let notice = |nodes: Value| json!({ "nodes": nodes, "presence": { "status": "hello" } });
    for name in ["ann", ann.as_str()] {
        let (status, body) = post(&server, "/admin/presence", notice(json!([name]))).await;
        assert_eq!((status, &body["delivered"]), (200, &json!(1)), "{name}");
        assert_eq!(at_ann.presence().await.status.as_deref(), Some("hello"));
    }
    let unknown = notice(json!(["nobody", "ann", "bea"]));
    let (status, body) = post(&server, "/admin/presence", unknown).await;
    assert_eq!((status, &body["unknown"]), (404, &json!(["nobody", "bea"])));
    assert_eq!(at_ann.until_pong().await, []);
    let (status, body) = post(&server, "/admin/expel", json!({ "node": "nobody" })).await;
    assert_eq!((status, &body["unknown"]), (404, &json!(["nobody"])));
    let of_domain = json!({ "node": "bea", "domain": "elsewhere" });
    assert_eq!(post(&server, "/admin/expel", of_domain).await, (200, json!({ "sessions": 0 })));
    let (status, body) = post(&server, "/admin/expel", json!({ "node": "ann" })).await;
    assert_eq!((status, body), (200, json!({ "sessions": 1 })));
    assert_eq!(at_ann.close_code().await, 4_002);
}

/// A notice may be for all who are online; names are told where accounts are here; and what happens
/// can be read.
#[tokio::test]
async fn administrators_tell_all_and_see_names_and_figures() {
    let server = Server::run(&["--admin-token", TOKEN]);
    server.friends(["ann", "bea"]);
    let mut ann = server.login("ann").await;
    ann.say("here").await;
    ann.until_pong().await;
    let mut bea = server.login("bea").await;
    bea.until_pong().await;
    let notice = json!({ "all": true, "presence": { "status": "hello" } });
    let (status, body) = post(&server, "/admin/presence", notice).await;
    assert_eq!((status, body), (200, json!({ "delivered": 2, "skipped": 0 })));
    for client in [&mut ann, &mut bea] {
        assert_eq!(client.presence().await.status.as_deref(), Some("hello"));
    }
    let both = json!({ "all": true, "nodes": ["ann"], "presence": { "status": "hello" } });
    assert_eq!(post(&server, "/admin/presence", both).await.0, 400);
    let (_, body) = server.get("/admin/online").await;
    let body: Value = serde_json::from_str(&body).unwrap();
    let names = body["users"].as_array().unwrap().iter().map(|user| user["name"].as_str());
    let mut names: Vec<_> = names.map(Option::unwrap).collect();
    names.sort_unstable();
    assert_eq!(names, ["ann", "bea"]);
    let (status, body) = server.get("/admin/figures").await;
    let figures: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &figures["users"], &figures["nodes"]), (200, &json!(2), &json!([])));
    assert!(figures["deliveries"].as_u64() >= Some(3), "{figures}");
    // Nobody reads them without the token.
    for path in ["/admin/figures", "/admin/online"] {
        let head = format!("GET {path} HTTP/1.1\r\n");
        assert_eq!(support::request(server.address(), &head, b"").await.0, 401, "{path}");
    }
}
