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
