//! The HTTP API at any node answers for all, and what is asked for at one holds at all.

use serde_json::{Value, json};

use crate::client::{V1, plain};
use crate::contract::Contract;
use crate::nodes::{Node, SUSPECTS, three, token};
use crate::support::PATIENCE;

async fn user(node: &Node, name: &str, friends: &[&str]) -> V1 {
    let hello = json!({"op": "hello", "token": token(name, friends)});
    V1::hello_at(node.program().address, hello).await.0
}

async fn ask(node: &Node, line: &str, body: Value) -> (u16, Value) {
    let answer = Contract::new().ask(node.program().address, line, body).await;
    (answer.status, answer.body)
}

/// Waits until a node's answer is so.
async fn until(node: &Node, line: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let reached = async {
        loop {
            let (_, answer) = ask(node, line, Value::Null).await;
            if is_so(&answer) {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    };
    let reached = tokio::time::timeout(PATIENCE, reached).await;
    reached.unwrap_or_else(|_| panic!("{}: {line} never is so", node.name))
}

#[tokio::test]
async fn any_node_answers_for_all() {
    let (_nats, [a, b, c]) = three(&[]).await;
    let (mut ann, mut bob) = (user(&a, "ann", &[]).await, user(&b, "bob", &[]).await);
    ann.does(json!({"op": "publish", "p": {"x": 1}})).await;
    for (client, p) in [(&mut ann, 1), (&mut bob, 2)] {
        client.does(json!({"op": "join", "topic": "room:1", "view": "nothing", "p": p})).await;
    }
    let is_shown = |answer: &Value| answer["sessions"][0]["p"] == json!({"x": 1});
    let told = until(&c, "GET /v1/users/ann", is_shown).await;
    assert_eq!(told["sessions"].as_array().unwrap().len(), 1);
    until(&c, "GET /v1/topics/room:1", |counts| counts["users"] == 2).await;
    let (_, members) = ask(&c, "GET /v1/topics/room:1/members", Value::Null).await;
    let mut members: Vec<_> = members["members"].as_array().unwrap().iter().collect();
    members.sort_by_key(|member| member["user"].as_str());
    let said = |member: &Value| (member["user"].clone(), member["sessions"][0]["p"].clone());
    let said: Vec<_> = members.into_iter().map(said).collect();
    assert_eq!(said, [(json!("ann"), json!(1)), (json!("bob"), json!(2))]);
}

#[tokio::test]
async fn what_is_asked_for_at_one_node_holds_at_all() {
    let (_nats, [a, b, c]) = three(&["--direct-to", "contacts"]).await;
    let (mut ann, mut bob) = (user(&a, "ann", &[]).await, user(&b, "bob", &[]).await);
    ann.does(json!({"op": "publish", "p": 1})).await;
    for (node, user) in [(&c, "ann"), (&c, "bob"), (&a, "bob")] {
        until(node, &format!("GET /v1/users/{user}"), |told| told["online"] == true).await;
    }
    until(&b, "GET /v1/users/ann", |told| told["sessions"][0]["p"] == 1).await;
    let contacts = "POST /v1/users/bob/contacts";
    let (status, list) = ask(&c, contacts, json!({"add": ["ann"]})).await;
    assert_eq!((status, &list["count"]), (200, &json!(1)));
    let told = plain(bob.next().await);
    assert_eq!(told, json!({"op": "presence", "u": "ann", "kind": "first", "p": 1}));
    // In somebody's name one speaks where that user is.
    let direct = json!({"to": ["bob"], "p": "typing"});
    let (status, problem) = ask(&c, "POST /v1/users/ann/direct", direct.clone()).await;
    assert_eq!((status, &problem["code"]), (409, &json!("elsewhere")));
    assert_eq!(ask(&a, "POST /v1/users/ann/direct", direct).await.0, 204);
    let told = plain(bob.next().await);
    assert_eq!(told, json!({"op": "directed", "u": "ann", "p": "typing"}));
    let notice = json!({"to": ["bob"], "p": "soon"});
    assert_eq!(ask(&c, "POST /v1/system", notice).await.0, 200);
    assert_eq!(plain(bob.next().await), json!({"op": "system", "p": "soon"}));
    let (status, _) = ask(&c, "POST /v1/users/bob/blocked", json!({"add": ["ann"]})).await;
    assert_eq!(status, 200);
    assert_eq!(plain(bob.next().await), json!({"op": "offline", "u": "ann"}));
    let ended = ask(&c, "DELETE /v1/users/bob/sessions", Value::Null).await;
    assert_eq!(ended, (200, json!({"sessions": 1})));
    assert_eq!(bob.bye().await.1, 4_002);
    until(&a, "GET /v1/users/bob", |told| told["online"] == false).await;
}

/// Whoever is expelled does not outlive their server, be it known to be gone or not yet.
#[tokio::test]
async fn a_server_that_is_gone_keeps_nobody_who_is_expelled() {
    let (_nats, mut nodes) = three(&[&SUSPECTS[..], &["--grace-error", "600"]].concat()).await;
    let clients = (user(&nodes[1], "ann", &[]).await, user(&nodes[1], "bob", &[]).await);
    let [a, b, c] = &mut nodes;
    for (node, name) in [(&a, "ann"), (&a, "bob"), (&c, "ann"), (&c, "bob")] {
        until(node, &format!("GET /v1/users/{name}"), |told| told["online"] == true).await;
    }
    b.kill();
    let one = (200, json!({"sessions": 1}));
    assert_eq!(ask(a, "DELETE /v1/users/ann/sessions", Value::Null).await, one);
    for node in [&a, &c] {
        let suspected = "adsum_cluster_nodes{state=\"suspected\"}";
        node.until(suspected, |suspected| suspected == 1.0).await;
        until(node, "GET /v1/users/ann", |told| told["online"] == false).await;
        let (_, told) = ask(node, "GET /v1/users/bob", Value::Null).await;
        assert_eq!(told["online"], true, "within the grace");
    }
    assert_eq!(ask(c, "DELETE /v1/users/bob/sessions", Value::Null).await, one);
    let (_, told) = ask(c, "GET /v1/users/bob", Value::Null).await;
    assert_eq!(told["online"], false, "at once where it was asked for");
    until(a, "GET /v1/users/bob", |told| told["online"] == false).await;
    drop(clients);
}
