//! How connections end, and sessions go on.

use futures_util::SinkExt as _;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::client::{V1, plain, server, token, token_with, unix_ms};
use crate::support::PATIENCE;

fn short(user: &str, contacts: &[&str], seconds: u64) -> String {
    // The clock counts whole seconds.
    token_with(user, contacts, json!({"exp": unix_ms() / 1_000 + seconds + 1}))
}

/// Rule B6: a token that expires sends its session away, and friends hear nothing of it.
#[tokio::test]
async fn an_expired_token_sends_away_and_nobody_hears_of_it() {
    let server = server(|config| config.presence.grace_going_away_ms = 0);
    let (mut ann, _) = V1::hello(&server, &short("ann", &["bob"], 1)).await;
    let (mut bob, _) = V1::hello(&server, &token("bob", &["ann"])).await;
    ann.does(json!({"op": "publish", "p": 1})).await;
    assert_eq!(bob.next().await["p"], 1);
    let until = ann.welcome["until"].as_u64().unwrap();
    let (bye, code) = ann.bye().await;
    assert!(unix_ms() >= until, "not before the time");
    assert_eq!((&bye["code"], &bye["reconnect"], code), (&json!("expired"), &json!(true), 1_001));
    assert!(bye["after_ms"].as_u64().unwrap() < 60_000);
    // By itself the session is good for nothing any more.
    let resume = ann.welcome["resume"].clone();
    let mut alone = V1::connect(server.address()).await;
    alone.send(json!({"op": "hello", "resume": resume})).await;
    assert_eq!(alone.next().await["code"], "unauthorized");
    let hello = json!({"op": "hello", "token": token("ann", &["bob"]), "resume": resume});
    let (mut again, _) = V1::hello_with(&server, hello).await;
    assert_eq!((&again.welcome["resumed"], &again.welcome["p"]), (&json!(true), &json!(1)));
    again.does(json!({"op": "publish", "p": 2})).await;
    let told = bob.next().await;
    assert_eq!((&told["kind"], &told["p"]), (&json!("update"), &json!(2)), "{told}");
    server.host.stop().await;
}

/// Whoever goes on with a session, and remembers nothing of it, is told what it shows and until
/// when, which topics it is in, and as what, be its user visible or not.
#[tokio::test]
async fn who_goes_on_with_a_session_is_told_what_it_is() {
    let server = server(|_| {});
    let (mut ann, _) = V1::hello(&server, &token("ann", &["bob"])).await;
    for absent in ["p", "for", "then", "topics", "observes", "seen"] {
        assert_eq!(ann.welcome[absent], Value::Null, "{absent}");
    }
    let meeting = json!({"op": "publish", "p": "busy", "for": 60_000, "then": {"text": "back"}});
    ann.does(meeting).await;
    ann.does(json!({"op": "join", "topic": "room:a", "view": "nothing"})).await;
    ann.does(json!({"op": "join", "topic": "room:b", "observe": true})).await;
    for invisible in [false, true] {
        if invisible {
            ann.does(json!({"op": "invisible"})).await;
        }
        let resume = ann.welcome["resume"].clone();
        ann.close(Some(1_001)).await;
        let hello = json!({"op": "hello", "token": token("ann", &["bob"]), "resume": resume});
        ann = V1::hello_with(&server, hello).await.0;
        let welcome = &ann.welcome;
        assert_eq!((&welcome["resumed"], &welcome["p"]), (&json!(true), &json!("busy")));
        let left_ms = welcome["for"].as_u64().unwrap();
        assert!((1..=60_000).contains(&left_ms), "{welcome}");
        assert_eq!(welcome["then"], json!({"text": "back"}));
        assert_eq!(welcome["topics"], json!(["room:a", "room:b"]));
        assert_eq!(welcome["observes"], json!(["room:b"]));
        assert_eq!(welcome["seen"], Value::Null);
    }
    server.host.stop().await;
}

/// A new session is told whether others see its user already: then it is not its to hide.
#[tokio::test]
async fn a_new_session_is_told_whether_its_user_is_seen() {
    let server = server(|_| {});
    let ann = || async { V1::hello(&server, &token("ann", &[])).await.0 };
    let seen = |client: &V1| client.welcome["seen"] == json!(true);
    let mut phone = ann().await;
    assert!(!seen(&phone) && !seen(&ann().await), "one that shows nothing is not seen");
    phone.does(json!({"op": "publish", "p": 1})).await;
    assert!(seen(&ann().await));
    phone.does(json!({"op": "invisible"})).await;
    assert!(!seen(&ann().await), "nobody who is invisible is");
    phone.does(json!({"op": "visible"})).await;
    phone.does(json!({"op": "withdraw"})).await;
    phone.does(json!({"op": "join", "topic": "room:a", "observe": true})).await;
    assert!(!seen(&ann().await), "nor is who observes");
    phone.does(json!({"op": "join", "topic": "room:b"})).await;
    assert!(seen(&ann().await), "a member of a topic is");
    server.host.stop().await;
}

/// What a client sends that is not to be understood closes its connection, and is no logout: it
/// goes on with the session, and friends hear nothing of it.
#[tokio::test]
async fn a_broken_client_has_the_grace_of_a_broken_connection() {
    let server = server(|_| {});
    let (mut ann, _) = V1::hello(&server, &token("ann", &["bob"])).await;
    let (mut bob, _) = V1::hello(&server, &token("bob", &["ann"])).await;
    ann.does(json!({"op": "publish", "p": 1})).await;
    assert_eq!(bob.next().await["p"], 1);
    let too_many = Value::from(vec![json!({"op": "ping"}); 1_001]).to_string();
    for (wrong, code) in [
        (Message::Binary(b"{}".as_slice().into()), 1_003),
        (Message::Text(too_many.into()), 1_009),
        (Message::Text("x".repeat(70_000).into()), 1_009),
    ] {
        ann.ws.send(wrong).await.unwrap();
        assert_eq!(ann.bye().await.1, code);
        server.until_metric("adsum_detached", 1.0).await;
        let resume = ann.welcome["resume"].clone();
        let hello = json!({"op": "hello", "token": token("ann", &["bob"]), "resume": resume});
        ann = V1::hello_with(&server, hello).await.0;
        assert_eq!(ann.welcome["resumed"], true);
    }
    assert_eq!(bob.until_pong().await, Vec::<Value>::new());
    server.host.stop().await;
}

/// Rule B6: a new token before that keeps the session, and one of somebody else does not.
#[tokio::test]
async fn another_token_goes_on() {
    let server = server(|_| {});
    let (mut ann, _) = V1::hello(&server, &short("ann", &["bob"], 1)).await;
    let until = ann.welcome["until"].as_u64().unwrap();
    let answer = ann.ask(json!({"op": "token", "token": token("eve", &[])})).await;
    assert_eq!(answer, json!({"op": "err", "code": "other_user"}));
    let answer = ann.ask(json!({"op": "token", "token": token("ann", &["bob"])})).await;
    assert!(answer["until"].as_u64().unwrap() > until + 1_000_000, "{answer}");
    while unix_ms() < until + 500 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        assert_eq!(ann.until_pong().await, Vec::<Value>::new());
    }
    server.host.stop().await;
}

/// The connection is closed somewhat before the token expires, and not always as much.
#[tokio::test]
async fn tokens_of_one_moment_do_not_end_at_one() {
    let server = server(|_| {});
    let exp = unix_ms() / 1_000 + 10_000;
    let one = token_with("ann", &[], json!({"exp": exp}));
    let mut untils = Vec::new();
    for _ in 0..12 {
        let (ann, _) = V1::hello(&server, &one).await;
        untils.push(ann.welcome["until"].as_u64().unwrap());
    }
    let (first, last) = (untils.iter().min().unwrap(), untils.iter().max().unwrap());
    assert!(*last <= exp * 1_000 && *first >= exp * 1_000 - 1_001_000, "{untils:?}");
    assert!(last - first > 50_000, "{untils:?}");
    server.host.stop().await;
}

/// Rule B6: the server that ends says so to all, and when to come back (rule B7).
#[tokio::test]
async fn a_server_that_ends_says_when_to_come_back() {
    let server = server(|_| {});
    let mut all = Vec::new();
    for at in 0..40 {
        all.push(V1::hello(&server, &token(&format!("u{at}"), &[])).await.0);
    }
    let stopping = tokio::spawn(server.host.stop());
    let mut waits = Vec::new();
    for client in &mut all {
        let (bye, code) = client.bye().await;
        assert_eq!((&bye["code"], &bye["reconnect"]), (&json!("shutdown"), &json!(true)));
        assert_eq!(code, 1_001);
        waits.push(bye["after_ms"].as_u64().unwrap());
    }
    // 500 ms and 2 for each; of forty hardly any two are the same.
    assert!(waits.iter().all(|wait| *wait < 600), "{waits:?}");
    waits.sort_unstable();
    waits.dedup();
    assert!(waits.len() > 20 && waits.last().unwrap() - waits[0] > 150, "{waits:?}");
    drop(all);
    tokio::time::timeout(PATIENCE, stopping).await.unwrap().unwrap();
}

/// A page that is reloaded goes on with its session; one that logs out ends it.
#[tokio::test]
async fn the_close_code_says_whether_the_session_goes_on() {
    // Longer than anybody here waits.
    let server = server(|config| config.presence.grace_going_away_ms = 600_000);
    let (mut bob, _) = V1::hello(&server, &token("bob", &["ann"])).await;
    for (code, goes_on) in
        [(Some(1_001), true), (Some(4_000), true), (Some(1_000), false), (None, false)]
    {
        let (mut ann, _) = V1::hello(&server, &token("ann", &["bob"])).await;
        ann.does(json!({"op": "publish", "p": 1})).await;
        assert_eq!(bob.next().await["p"], 1);
        let resume = ann.welcome["resume"].clone();
        ann.close(code).await;
        if !goes_on {
            assert_eq!(plain(bob.next().await), json!({"op": "offline", "u": "ann"}));
        }
        let hello = json!({"op": "hello", "token": token("ann", &["bob"]), "resume": resume});
        let (again, _) = V1::hello_with(&server, hello).await;
        assert_eq!(again.welcome["resumed"], goes_on, "{code:?}");
        again.close(None).await;
        if goes_on {
            assert_eq!(plain(bob.next().await), json!({"op": "offline", "u": "ann"}));
        }
        assert_eq!(bob.until_pong().await, Vec::<Value>::new(), "{code:?}");
    }
    server.host.stop().await;
}

/// A connection that breaks is resumed with topics, watches and presence; and one that only seems
/// to be there makes way.
#[tokio::test]
async fn a_resume_goes_on_with_topics_watches_and_presence() {
    let server = server(|_| {});
    let (mut eve, _) = V1::hello(&server, &token("eve", &[])).await;
    let (mut ann, _) = V1::hello(&server, &token("ann", &[])).await;
    ann.does(json!({"op": "publish", "p": "here"})).await;
    ann.does(json!({"op": "watch", "users": ["eve"]})).await;
    ann.does(json!({"op": "join", "topic": "room:1", "p": 1})).await;
    ann.does(json!({"op": "join", "topic": "room:2", "view": "nothing"})).await;
    // The first connection is still up.
    let hello = json!({"op": "hello", "resume": ann.welcome["resume"]});
    let mut again = V1::connect(server.address()).await;
    again.send(hello.clone()).await;
    let welcome = again.next().await;
    assert_eq!(welcome["resumed"], true);
    assert_eq!((&welcome["s"], &welcome["p"]), (&ann.welcome["s"], &json!("here")));
    let (bye, code) = ann.bye().await;
    assert_eq!((&bye["code"], &bye["reconnect"], code), (&json!("replaced"), &json!(false), 4_004));
    assert_eq!(again.next().await["op"], "snapshot");
    let topic = again.next().await;
    assert_eq!((&topic["topic"], &topic["entries"][0]["p"]), (&json!("room:1"), &json!(1)));
    assert_eq!(again.until_pong().await, Vec::<Value>::new());
    eve.does(json!({"op": "publish", "p": 5})).await;
    assert_eq!(again.next().await["p"], 5, "the watch goes on");
    assert_eq!(again.ask(json!({"op": "leave", "topic": "room:2"})).await["op"], "ok");
    // Each answer has a new secret, and the one before is good for nothing.
    again.close(Some(1_001)).await;
    let mut old = V1::connect(server.address()).await;
    old.send(hello).await;
    assert_eq!(old.next().await["code"], "unauthorized");
    // Another user's token does not go on with it.
    let other = json!({"op": "hello", "token": token("bob", &[]), "resume": welcome["resume"]});
    let (other, _) = V1::hello_with(&server, other).await;
    assert_eq!((&other.welcome["u"], &other.welcome["resumed"]), (&json!("bob"), &json!(false)));
    server.host.stop().await;
}

#[tokio::test]
async fn who_is_sent_away_is_told_why() {
    let server = server(|config| {
        config.presence.device_limit = 1;
        config.presence.auth_min_ms = 0;
        config.network.ping_timeout_ms = 2_000;
    });
    let (mut first, _) = V1::hello(&server, &token("ann", &[])).await;
    let (mut second, _) = V1::hello(&server, &token("ann", &[])).await;
    let (bye, code) = first.bye().await;
    assert_eq!((&bye["code"], &bye["reconnect"], code), (&json!("evicted"), &json!(false), 4_001));
    let (bye, code) = second.bye().await;
    assert_eq!((&bye["code"], &bye["reconnect"], code), (&json!("lapsed"), &json!(true), 4_003));
    let hello =
        json!({"op": "hello", "token": token("ann", &[]), "resume": second.welcome["resume"]});
    let (mut second, _) = V1::hello_with(&server, hello).await;
    assert_eq!(second.welcome["resumed"], true);
    let token = crate::support::TOKEN;
    let head = format!("POST /admin/expel HTTP/1.1\r\nAuthorization: Bearer {token}\r\n");
    let (status, _) = crate::support::request(server.address(), &head, br#"{"node":"ann"}"#).await;
    assert_eq!(status, 200);
    let (bye, code) = second.bye().await;
    assert_eq!((&bye["code"], &bye["reconnect"], code), (&json!("expelled"), &json!(false), 4_002));
    server.host.stop().await;
}
