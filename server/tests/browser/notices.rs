//! What an administrator says.

use serde_json::json;

use crate::page::Page;
use crate::world::World;

pub(crate) const TOKEN: &str = "a token of an administrator";

/// Has the server say something to somebody; how many sessions it reached.
async fn say(page: &Page, name: &str, presence: serde_json::Value) -> serde_json::Value {
    let script = "const [token, body, done] = arguments;
        fetch('admin/presence', {
            method: 'POST', headers: { Authorization: `Bearer ${token}` }, body,
        }).then((answer) => answer.json()).then(done, (error) => done(String(error)));";
    let body = json!({ "nodes": [name], "presence": presence }).to_string();
    page.run_async(script, vec![json!(TOKEN), json!(body)]).await
}

#[tokio::test]
async fn s15_an_administrators_notice_is_shown() {
    let world = World::with_flags(&["--admin-token", TOKEN]);
    let alice = world.page().await;
    alice.register("alice").await;
    let words = "maintenance at 5 <b>sharp</b>";
    let answer = say(&alice, "alice", json!({ "status": words })).await;
    assert_eq!(answer["delivered"], 1, "{answer}");
    alice.until_text("#said", &format!("Notice from the server: {words}")).await;
    assert_eq!(alice.name_and_role(&alice.find("#said").await).await.1, "status");
    // It is nobody's state, and makes nobody a friend.
    assert_eq!(alice.text("#online").await, "");
    assert_eq!(alice.complaints().await, [""; 0]);
}
