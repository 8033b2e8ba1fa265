//! Topics: rooms with members, counts and what is said in them.

use serde_json::{Value, json};

use crate::client::{V1, plain, server, token, token_with};
use crate::support::Server;

async fn user(server: &Server, name: &str) -> V1 {
    V1::hello(server, &token(name, &[])).await.0
}

fn counts(users: u32, sessions: u32, observers: u32) -> Value {
    json!({"users": users, "sessions": sessions, "observers": observers})
}

#[tokio::test]
async fn members_are_users_and_not_tabs() {
    let server = server(|_| {});
    let mut eve = user(&server, "eve").await;
    eve.does(json!({"op": "join", "topic": "room:1", "observe": true})).await;
    let (mut first, mut second) = (user(&server, "ann").await, user(&server, "ann").await);
    first.does(json!({"op": "join", "topic": "room:1", "p": 1})).await;
    let joined = json!({"op": "joined", "topic": "room:1", "u": "ann", "p": 1});
    assert_eq!(plain(eve.next().await), joined);
    second.does(json!({"op": "join", "topic": "room:1", "p": 2})).await;
    let told = eve.next().await;
    assert_eq!(told["s"], second.welcome["s"]);
    let member = json!({"op": "member", "topic": "room:1", "u": "ann", "kind": "first", "p": 2});
    assert_eq!(plain(told), member);
    second.does(json!({"op": "leave", "topic": "room:1"})).await;
    let told = eve.next().await;
    assert_eq!(told["s"], second.welcome["s"]);
    assert_eq!(plain(told), json!({"op": "member_ended", "topic": "room:1", "u": "ann"}));
    first.close(None).await;
    let left = json!({"op": "left", "topic": "room:1", "u": "ann", "reason": "disconnected"});
    assert_eq!(plain(eve.next().await), left);
    server.host.stop().await;
}

/// Whoever says nothing of its own in a topic shows there what it publishes.
#[tokio::test]
async fn what_is_published_is_shown_until_the_first_update() {
    let server = server(|_| {});
    let (mut ann, mut eve) = (user(&server, "ann").await, user(&server, "eve").await);
    eve.does(json!({"op": "join", "topic": "room:1", "observe": true})).await;
    ann.does(json!({"op": "publish", "p": 1})).await;
    ann.does(json!({"op": "join", "topic": "room:1"})).await;
    assert_eq!(eve.next().await["p"], 1);
    ann.does(json!({"op": "publish", "p": 2})).await;
    assert_eq!(eve.next().await["p"], 2);
    ann.does(json!({"op": "withdraw"})).await;
    assert!(eve.next().await.get("p").is_none());
    ann.does(json!({"op": "update", "topic": "room:1", "p": 3})).await;
    ann.does(json!({"op": "publish", "p": 4})).await;
    assert_eq!(eve.next().await["p"], 3);
    assert_eq!(eve.until_pong().await, Vec::<Value>::new());
    server.host.stop().await;
}

#[tokio::test]
async fn a_large_room_is_a_sample_and_counts_and_whom_one_names() {
    let server = server(|config| {
        config.presence.topic_full_up_to = 3;
        config.presence.topic_sample = 2;
    });
    let mut all = Vec::new();
    for at in 0..5 {
        let mut one = user(&server, &format!("u{at}")).await;
        one.does(json!({"op": "join", "topic": "room:1", "p": at, "view": "nothing"})).await;
        all.push(one);
    }
    let mut eve = user(&server, "eve").await;
    eve.does(json!({"op": "join", "topic": "room:1", "observe": true})).await;
    let topic = eve.next().await;
    assert_eq!((&topic["view"], &topic["counts"]), (&json!(2), &counts(5, 5, 1)));
    let shown: Vec<_> = topic["entries"].as_array().unwrap().iter().map(|e| &e["u"]).collect();
    assert_eq!(shown, ["u0", "u1"]);
    eve.send(json!({"op": "look_at", "topic": "room:1", "users": ["u4"]})).await;
    let topic = eve.next().await;
    let shown: Vec<_> = topic["entries"].as_array().unwrap().iter().map(|e| &e["u"]).collect();
    assert_eq!(shown, ["u0", "u1", "u4"]);
    all.remove(0).close(None).await;
    let changes = eve.next().await;
    assert_eq!((&changes["op"], &changes["counts"]), (&json!("changes"), &counts(4, 4, 1)));
    let of = |user: &str| {
        let changes = changes["changes"].as_array().unwrap();
        changes.iter().find(|change| change["u"] == user).cloned()
    };
    assert_eq!(of("u0"), Some(json!({"u": "u0", "left": "disconnected"})));
    assert_eq!(plain(of("u2").unwrap()), json!({"u": "u2", "p": 2}));
    // A count alone, and then nothing.
    eve.send(json!({"op": "look_at", "topic": "room:1", "users": []})).await;
    assert_eq!(eve.next().await["op"], "topic");
    eve.send(json!({"op": "look", "topic": "room:1", "view": "count"})).await;
    let topic = eve.next().await;
    assert_eq!((&topic["view"], &topic["entries"]), (&json!("count"), &json!([])));
    eve.does(json!({"op": "look", "topic": "room:1", "view": "nothing"})).await;
    server.host.stop().await;
}

/// Of what is gathered each who joined together is told at once.
#[tokio::test]
async fn with_ticks_a_room_is_told_together() {
    let server = server(|config| config.presence.topic_coalesce_ms = 300);
    let mut eve = user(&server, "eve").await;
    eve.does(json!({"op": "join", "topic": "room:1", "observe": true})).await;
    assert_eq!(eve.next().await["counts"], counts(0, 0, 1));
    let mut all = Vec::new();
    for at in 0..4 {
        let mut one = user(&server, &format!("u{at}")).await;
        assert!(one.does(json!({"op": "join", "topic": "room:1", "p": at})).await.is_empty());
        all.push(one);
    }
    let changes = eve.next().await;
    assert_eq!(changes["op"], "changes");
    let told = changes["changes"].as_array().unwrap().len();
    let snapshot = all[0].next().await;
    assert_eq!(snapshot["op"], "topic");
    assert_eq!(snapshot["entries"].as_array().unwrap().len(), told);
    assert_eq!(snapshot["id"], changes["id"].as_u64().unwrap() + 1);
    server.host.stop().await;
}

/// What is said in a topic is over with its session, and is told to nobody who comes later.
#[tokio::test]
async fn what_is_said_is_not_shown() {
    let server = server(|_| {});
    let (mut ann, mut bob) = (user(&server, "ann").await, user(&server, "bob").await);
    bob.does(json!({"op": "join", "topic": "room:1", "observe": true})).await;
    ann.does(json!({"op": "join", "topic": "room:1"})).await;
    assert_eq!(bob.next().await["op"], "joined");
    ann.does(json!({"op": "say", "topic": "room:1", "p": {"typing": true}})).await;
    assert_eq!(bob.next().await["p"], json!({"typing": true}));
    let mut late = user(&server, "cyd").await;
    let told = late.does(json!({"op": "join", "topic": "room:1", "observe": true})).await;
    assert!(told[0]["entries"][0].get("p").is_none());
    let answer = bob.ask(json!({"op": "say", "topic": "room:1", "p": 1})).await;
    assert_eq!(answer, json!({"op": "err", "code": "not_member"}));
    ann.close(None).await;
    assert_eq!(bob.next().await["op"], "left");
    server.host.stop().await;
}

/// Each refusal that a topic has.
#[tokio::test]
async fn a_topic_says_why_not() {
    let server = server(|config| {
        config.presence.max_topics = 2;
        config.presence.topic_max_members = 1;
    });
    let (mut ann, mut bob) = (user(&server, "ann").await, user(&server, "bob").await);
    let join = |topic: &str| json!({"op": "join", "topic": topic});
    let refused = |code: &str| json!({"op": "err", "code": code});
    ann.does(join("room:1")).await;
    assert_eq!(ann.ask(join("room:1")).await, refused("already_joined"));
    assert_eq!(bob.ask(join("room:1")).await, refused("member_limit"));
    // However a view is spelt as JSON.
    ann.send_text(r#"{"op":"join","topic":"room:2","view":"\u0061ll"}"#.to_owned()).await;
    assert_eq!(ann.next().await["op"], "topic");
    assert_eq!(ann.ask(join("room:3")).await, refused("topic_limit"));
    assert_eq!(ann.ask(join("lobby")).await, refused("forbidden"));
    for wrong in [json!(""), json!("x".repeat(129)), json!(5)] {
        let invalid = json!({"op": "err", "code": "invalid", "field": "topic"});
        assert_eq!(ann.ask(json!({"op": "leave", "topic": wrong})).await, invalid);
    }
    let many: Vec<_> = (0..501).map(|at| format!("u{at}")).collect();
    let look_at = json!({"op": "look_at", "topic": "room:1", "users": many});
    assert_eq!(ann.ask(look_at).await, refused("named_limit"));
    assert_eq!(ann.ask(json!({"op": "watch", "users": many})).await, refused("watch_limit"));
    // Of a topic that others are in a stranger learns nothing.
    for op in ["update", "leave", "look", "look_at", "say"] {
        let ask = json!({"op": op, "topic": "room:1", "p": 1, "view": "all", "users": []});
        assert_eq!(bob.ask(ask).await, refused("unknown_topic"), "{op}");
    }
    server.host.stop().await;
}

/// The names that a token lets in, and no others; a new token takes a session out of those that it
/// does not.
#[tokio::test]
async fn a_token_says_which_topics() {
    let server = server(|_| {});
    let topics = |patterns: &[&str]| token_with("ann", &[], json!({"adsum.topics": patterns}));
    let (mut ann, _) = V1::hello(&server, &topics(&["team:*", "lobby"])).await;
    let join = |topic: &str| json!({"op": "join", "topic": topic});
    ann.does(join("team:1")).await;
    ann.does(join("lobby")).await;
    for topic in ["room:1", "lobby2", "team"] {
        assert_eq!(ann.ask(join(topic)).await["code"], "forbidden", "{topic}");
    }
    let mut eve = user(&server, "eve").await;
    assert_eq!(eve.ask(join("lobby")).await["code"], "forbidden");
    let (answer, told) =
        ann.told(json!({"op": "token", "token": topics(&["lobby", "room:1"])})).await;
    assert_eq!(answer["op"], "ok");
    assert_eq!(told, [json!({"op": "closed", "topic": "team:1", "reason": "removed"})]);
    let update = |topic: &str| json!({"op": "update", "topic": topic, "p": 1});
    assert_eq!(ann.ask(update("team:1")).await["code"], "unknown_topic");
    ann.does(update("lobby")).await;
    ann.does(join("room:1")).await;
    server.host.stop().await;
}

/// Who is invisible is no member, and counted nowhere.
#[tokio::test]
async fn invisible_is_nowhere() {
    let server = server(|_| {});
    let (mut ann, mut bob) = (user(&server, "ann").await, user(&server, "bob").await);
    ann.does(json!({"op": "invisible"})).await;
    ann.does(json!({"op": "join", "topic": "room:1", "p": 1})).await;
    let told = bob.does(json!({"op": "join", "topic": "room:1", "observe": true})).await;
    assert_eq!((&told[0]["entries"], &told[0]["counts"]), (&json!([]), &counts(0, 0, 1)));
    ann.does(json!({"op": "visible"})).await;
    assert_eq!(bob.next().await["op"], "joined");
    ann.does(json!({"op": "invisible"})).await;
    let left = json!({"op": "left", "topic": "room:1", "u": "ann", "reason": "disconnected"});
    assert_eq!(plain(bob.next().await), left);
    server.host.stop().await;
}
