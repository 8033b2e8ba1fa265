//! What people on several nodes hear of each other in fine weather.

use serde_json::{Value, json};

use crate::nodes::{Node, SUSPECTS, three};
use crate::support::hook::{Hook, Mode, SECRET};
use crate::support::{Client, PATIENCE, Told};

/// Says something, and waits until a friend elsewhere has heard just that.
pub(crate) async fn says_to(from: &mut Client, words: &str, to: &mut Client) {
    from.say(words).await;
    assert_eq!(to.heard().await, (from.node.clone(), words.to_owned()));
}

/// Waits until a node knows that a user is online: what is directed there is sent where the user is
/// known to be, once, and to nobody else.
pub(crate) async fn knows(node: &Node, user: &str) {
    let is_known = async { while !is_online(node, user).await {} };
    tokio::time::timeout(PATIENCE, is_known).await.expect("it hears of it");
}

#[tokio::test]
async fn contacts_on_three_nodes_are_as_on_one() {
    let (_nats, [a, b, c]) = three(&["--direct-to", "contacts"]).await;
    let mut ann = a.login("ann", &["bob", "cat"]).await;
    let mut bob = b.login("bob", &["ann", "cat"]).await;
    ann.say("here").await;
    assert_eq!(bob.heard().await, ("ann".to_owned(), "here".to_owned()));
    // Who comes later is told at once.
    let mut cat = c.login("cat", &["ann", "bob"]).await;
    assert_eq!(cat.heard().await, ("ann".to_owned(), "here".to_owned()));
    says_to(&mut bob, "me too", &mut cat).await;
    assert_eq!(ann.heard().await, ("bob".to_owned(), "me too".to_owned()));
    // What is said to one reaches nobody else.
    knows(&a, "cat").await;
    ann.direct(&["cat"], "for cat").await;
    assert_eq!(cat.heard().await, ("ann".to_owned(), "for cat".to_owned()));
    // A stranger hears nothing.
    let mut eve = a.login("eve", &[]).await;
    ann.say("again").await;
    assert_eq!(bob.heard().await, ("ann".to_owned(), "again".to_owned()));
    assert_eq!(cat.heard().await, ("ann".to_owned(), "again".to_owned()));
    assert_eq!(eve.until_pong().await, []);
    bob.close().await;
    for friend in [&mut ann, &mut cat] {
        assert_eq!(friend.heard().await, ("bob".to_owned(), "offline".to_owned()));
    }
    for node in [&a, &b, &c] {
        assert_eq!(node.metric("adsum_cluster_wrong_digests_total").await, 0.0);
        assert_eq!(node.metric("adsum_cluster_users{node=\"b\"}").await, 0.0);
        assert_eq!(node.metric("adsum_cluster_suspicions_total").await, 0.0);
    }
}

/// Whoever turns invisible looks offline to friends on all nodes, and the user's own devices on
/// other nodes are told.
#[tokio::test]
async fn invisible_holds_on_all_nodes() {
    let (_nats, [a, b, c]) = three(&[]).await;
    let mut phone = a.device("ann", "phone", &["bob"]).await;
    let mut laptop = b.device("ann", "laptop", &["bob"]).await;
    let mut bob = c.login("bob", &["ann"]).await;
    says_to(&mut phone, "here", &mut bob).await;
    assert_eq!(laptop.heard().await, ("ann".to_owned(), "here".to_owned()));
    phone.ask(adsum_server::host::INVISIBLE, None).await;
    assert_eq!(bob.heard().await, ("ann".to_owned(), "offline".to_owned()));
    let told = laptop.next().await;
    let Told::Ack(ack) = &told else { panic!("{told:?}") };
    assert_eq!(ack.t, Some(adsum_server::host::INVISIBLE.into()), "{ack:?}");
    phone.say("unseen").await;
    assert_eq!(laptop.heard().await, ("ann".to_owned(), "unseen".to_owned()));
    laptop.ask(adsum_server::host::VISIBLE, None).await;
    assert_eq!(bob.heard().await, ("ann".to_owned(), "unseen".to_owned()));
}

/// Flags by which a node tells this hook at once.
fn hooked(hook: &Hook) -> Vec<String> {
    let url = hook.url();
    let flags = ["--webhook-url", &url, "--webhook-secret", SECRET];
    let flags = [&flags[..], &["--webhook-wait-ms", "0"]].concat();
    flags.into_iter().map(str::to_owned).collect()
}

/// Of each edge the application's server is told once, and the newest number is the newest edge,
/// whichever node has told it.
#[tokio::test]
async fn rule_c17_one_node_posts_an_edge() {
    let hook = Hook::start(Mode::Takes).await;
    let flags = hooked(&hook);
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    let (_nats, [a, b, c]) = three(&flags).await;
    let mut watcher = c.login("bob", &["ann"]).await;
    hook.edge(1).await;
    let mut phone = a.device("ann", "phone", &["bob"]).await;
    assert_eq!(hook.edge(2).await["state"], "online");
    says_to(&mut phone, "here", &mut watcher).await;
    let mut laptop = b.device("ann", "laptop", &["bob"]).await;
    assert_eq!(laptop.heard().await, ("ann".to_owned(), "here".to_owned()));
    says_to(&mut laptop, "there", &mut watcher).await;
    // The phone's node, which posts, knows the laptop before the phone goes.
    assert_eq!(phone.heard().await, ("ann".to_owned(), "there".to_owned()));
    phone.close().await;
    // The laptop's words take the phone's place.
    assert_eq!(watcher.heard().await, ("ann".to_owned(), "there".to_owned()));
    laptop.close().await;
    assert_eq!(watcher.heard().await, ("ann".to_owned(), "offline".to_owned()));
    assert_eq!(hook.edge(3).await["state"], "offline");
    // Again, at another node than before: newer for whoever goes by numbers.
    let _phone = c.device("ann", "phone", &["bob"]).await;
    assert_eq!(hook.edge(4).await["state"], "online");
    let numbers: Vec<_> =
        hook.state().edges().iter().map(|edge| edge["number"].as_u64().unwrap()).collect();
    assert!(numbers.is_sorted_by(|one, next| one < next), "{numbers:?}");
    for node in [&a, &b, &c] {
        // The hook may know it before the other nodes do.
        knows(node, "ann").await;
        reconcile(&hook, node).await;
        let state = hook.state();
        let online: Vec<_> = state.online().into_keys().collect();
        assert_eq!(online, ["ann", "bob"], "as {} says", node.name);
    }
}

/// After a split that was longer than the grace the application's server has been told by each side
/// that the other's users are gone. It is told to ask, and knows the truth then.
#[tokio::test]
async fn rule_c17_after_a_long_outage_the_hook_is_to_ask() {
    let hook = Hook::start(Mode::Takes).await;
    let flags = hooked(&hook);
    let flags: Vec<_> = flags.iter().map(String::as_str).chain(SUSPECTS).collect();
    let (mut nats, nodes) = three(&flags).await;
    let mut ann = nodes[0].login("ann", &["bob"]).await;
    let mut bob = nodes[1].login("bob", &["ann"]).await;
    says_to(&mut ann, "one", &mut bob).await;
    says_to(&mut bob, "me", &mut ann).await;
    nats.kill();
    assert_eq!(bob.heard().await, ("ann".to_owned(), "offline".to_owned()));
    assert_eq!(ann.heard().await, ("bob".to_owned(), "offline".to_owned()));
    hook.until("told that nobody is there", |state| state.online().is_empty()).await;
    let missed = hook.state().missed();
    nats.resume().await;
    assert_eq!(bob.heard().await, ("ann".to_owned(), "one".to_owned()));
    assert_eq!(ann.heard().await, ("bob".to_owned(), "me".to_owned()));
    hook.until("told by each node to ask", |state| state.missed() >= missed + 3).await;
    for node in &nodes {
        reconcile(&hook, node).await;
        let online: Vec<_> = hook.state().online().into_keys().map(str::to_owned).collect();
        assert_eq!(online, ["ann", "bob"], "as {} says", node.name);
    }
}

/// Has the hook ask a node who is online until it has an answer for each.
async fn reconcile(hook: &Hook, node: &Node) {
    let asks = async {
        loop {
            let answer = who_is_online(node).await;
            if !hook.state().reconcile(&answer) {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, asks).await.expect("an answer that is new enough");
}

/// Whether this user is online, as a node says.
pub(crate) async fn is_online(node: &Node, user: &str) -> bool {
    ask(node, &json!({ "users": [user] })).await["users"][0]["online"] == true
}

async fn who_is_online(node: &Node) -> Value {
    ask(node, &json!({ "users": ["ann", "bob", "cat"] })).await
}

pub(crate) async fn ask(node: &Node, question: &Value) -> Value {
    let head =
        format!("POST /v1/online HTTP/1.1\r\nAuthorization: Bearer {}\r\n", crate::support::TOKEN);
    let question = question.to_string();
    let address = node.program().address;
    let (status, answer) = crate::support::request(address, &head, question.as_bytes()).await;
    assert_eq!(status, 200, "{answer}");
    serde_json::from_str(&answer).unwrap()
}
