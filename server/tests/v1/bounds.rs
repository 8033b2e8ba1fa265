//! What a client may do to others and to the server: nothing.

use std::time::Duration;

use futures_util::SinkExt as _;
use serde_json::{Value, json};
use tokio::net::TcpSocket;
use tokio_tungstenite::tungstenite::Message;

use crate::client::{End, V1, server, token};
use crate::support::{PASSWORD, Server, TOKEN, request};

async fn hello(server: &Server) -> V1 {
    V1::hello(server, &token("ann", &["bob"])).await.0
}

/// Rule B1.
#[tokio::test]
async fn a_message_that_is_too_long_closes_the_connection() {
    let server = server(|config| config.network.request_burst = 10_000);
    let long = |bytes: usize| {
        let mut text = r#"{"op":"ping","n":1,"x":""#.to_owned();
        text.push_str(&"x".repeat(bytes - text.len() - 2));
        text + "\"}"
    };
    let mut ann = hello(&server).await;
    ann.send_text(long(64 * 1_024)).await;
    assert_eq!(ann.next().await, json!({"op": "ok", "n": 1}));
    ann.send_text(long(64 * 1_024 + 1)).await;
    let (bye, code) = ann.bye().await;
    assert_eq!((bye["code"].as_str(), code), (Some("too_big"), 1_009));

    let many = |count: usize| Value::from(vec![json!({"op": "withdraw"}); count]);
    let mut ann = hello(&server).await;
    ann.send(many(1_000)).await;
    assert_eq!(ann.until_pong().await, Vec::<Value>::new());
    ann.send(many(1_001)).await;
    let (bye, code) = ann.bye().await;
    assert_eq!((bye["code"].as_str(), code), (Some("too_big"), 1_009));
    server.host.stop().await;
}

/// Rule B2.
#[tokio::test]
async fn an_unknown_field_is_refused_only_to_who_is_strict() {
    let server = server(|_| {});
    let mut ann = hello(&server).await;
    assert_eq!(ann.ask(json!({"op": "withdraw", "colour": 1})).await, json!({"op": "ok"}));
    let hello = json!({"op": "hello", "token": token("ann", &[]), "strict": true});
    let (mut strict, _) = V1::hello_with(&server, hello).await;
    let refused = json!({"op": "err", "code": "unknown_field", "field": "colour"});
    assert_eq!(strict.ask(json!({"op": "withdraw", "colour": 1})).await, refused);
    assert_eq!(strict.ask(json!({"op": "withdraw", "colour": null})).await, refused);
    // One that another operation has is unknown to this one.
    let refused = json!({"op": "err", "code": "unknown_field", "field": "p"});
    assert_eq!(strict.ask(json!({"op": "leave", "topic": "room:1", "p": 1})).await, refused);
    let mut first = V1::connect(server.address()).await;
    first.send(json!({"op": "hello", "token": token("ann", &[]), "strict": true, "x": 1})).await;
    assert_eq!(first.next().await["code"], "unknown_field");
    assert_eq!(first.bye().await.0["code"], "no_hello");
    server.host.stop().await;
}

#[tokio::test]
async fn what_is_shown_is_bounded() {
    let server = server(|config| config.network.max_p = 100);
    let mut ann = hello(&server).await;
    let p = |bytes: usize| json!({"op": "publish", "p": "x".repeat(bytes - 2)});
    assert_eq!(ann.ask(p(100)).await, json!({"op": "ok"}));
    let refused = json!({"op": "err", "code": "too_big", "field": "p"});
    assert_eq!(ann.ask(p(101)).await, refused);
    server.host.stop().await;
}

/// What is shown goes to others as it came: what their libraries cannot read would cost them the
/// whole frame, and in a snapshot everybody else's presence with it.
#[tokio::test]
async fn what_some_readers_cannot_read_is_not_shown() {
    let server = server(|_| {});
    let mut ann = hello(&server).await;
    let (mut bob, _) = V1::hello(&server, &token("bob", &["ann"])).await;
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    ann.send_text(r#"{"op":"join","topic":"room:1"}"#.to_owned()).await;
    ann.until_pong().await;
    for p in [nested(33), nested(2_000), r#""\ud83d""#.to_owned(), "1e999".to_owned()] {
        for operation in [
            format!(r#"{{"op":"publish","p":{p}}}"#),
            format!(r#"{{"op":"direct","to":"bob","p":{p}}}"#),
            format!(r#"{{"op":"join","topic":"room:2","p":{p}}}"#),
            format!(r#"{{"op":"update","topic":"room:1","p":{p}}}"#),
            format!(r#"{{"op":"say","topic":"room:1","p":{p}}}"#),
        ] {
            ann.send_text(operation.clone()).await;
            let refused = json!({"op": "err", "code": "invalid", "field": "p"});
            assert_eq!(ann.next().await, refused, "{operation}");
        }
        ann.send_text(format!(r#"{{"op":"publish","p":1,"for":1000,"then":{p}}}"#)).await;
        assert_eq!(ann.next().await["field"], "then", "{p}");
        let body = format!(r#"{{"to":["bob"],"p":{p}}}"#);
        let head = format!("POST /v1/system HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n");
        let (status, said) = request(server.address(), &head, body.as_bytes()).await;
        assert_eq!(status, 400, "{said}");
    }
    assert_eq!(bob.until_pong().await, Vec::<Value>::new());
    ann.send_text(format!(r#"{{"op":"publish","p":{}}}"#, nested(32))).await;
    assert_eq!(bob.next().await["op"], "presence");
    server.host.stop().await;
}

#[tokio::test]
async fn what_is_no_operation_has_its_answer_or_its_close_code() {
    let server = server(|_| {});
    let mut ann = hello(&server).await;
    for wrong in ["", "{", "nonsense", "1", "null", "[[]]", "[{},1]", "{}{}", "[{\"op\":\"ping\"}"]
    {
        ann.send_text(wrong.to_owned()).await;
        assert_eq!(ann.next().await, json!({"op": "err", "code": "malformed"}), "{wrong}");
    }
    ann.send_text("[]".to_owned()).await;
    assert_eq!(ann.until_pong().await, Vec::<Value>::new());
    ann.ws.send(Message::Binary(b"{}".as_slice().into())).await.unwrap();
    let (bye, code) = ann.bye().await;
    assert_eq!((bye["code"].as_str(), code), (Some("protocol"), 1_003));
    for first in ["{}", "[", "{\"op\":\"ping\"}", "{\"op\":\"hello\"}"] {
        let mut guest = V1::connect(server.address()).await;
        guest.send_text(first.to_owned()).await;
        let (bye, code) = guest.bye().await;
        assert_eq!((bye["code"].as_str(), code), (Some("no_hello"), 1_008), "{first}");
    }
    server.host.stop().await;
}

#[tokio::test]
async fn who_says_nothing_is_asked_to_come_back() {
    let server = server(|config| config.network.login_timeout_ms = 100);
    let mut guest = V1::connect(server.address()).await;
    let (bye, code) = guest.bye().await;
    assert_eq!((&bye["code"], &bye["reconnect"], code), (&json!("late"), &json!(true), 1_008));
    server.host.stop().await;
}

#[tokio::test]
async fn over_the_rate_an_operation_is_refused_and_told_when_it_may_come() {
    let server = server(|config| {
        config.network.request_burst = 5;
        config.network.requests_per_second = 2;
    });
    let mut ann = hello(&server).await;
    ann.send(Value::from((0..20).map(|n| json!({"op": "ping", "n": n})).collect::<Vec<_>>())).await;
    let mut refused = Vec::new();
    for n in 0..20 {
        let answer = ann.next().await;
        assert_eq!(answer["n"], n);
        if answer["op"] == "err" {
            assert_eq!(answer["code"], "rate");
            refused.push(answer["retry_ms"].as_u64().unwrap());
        }
    }
    assert!(refused.len() >= 15 && refused.iter().all(|wait| (1..=500).contains(wait)));
    tokio::time::sleep(Duration::from_millis(refused[0] + 100)).await;
    assert_eq!(ann.ask(json!({"op": "ping"})).await, json!({"op": "ok"}));
    server.host.stop().await;
}

/// What is no operation is refused as well, and that too costs something: it counts.
#[tokio::test]
async fn what_is_malformed_counts_for_the_rate() {
    let server = server(|config| {
        config.network.request_burst = 5;
        config.network.requests_per_second = 1;
    });
    let mut ann = hello(&server).await;
    let wrong = [json!({}), json!({"op": 1}), json!({"op": "sing"}), json!({"n": "x"})];
    ann.send(wrong.iter().cycle().take(40).cloned().collect()).await;
    ann.send_text("no JSON".to_owned()).await;
    let mut codes = Vec::new();
    for _ in 0..41 {
        codes.push(ann.next().await["code"].as_str().unwrap().to_owned());
    }
    let late = codes.iter().filter(|code| *code == "rate").count();
    assert!(late >= 36 && codes[40] == "rate", "{codes:?}");
    assert!(codes[..4].iter().all(|code| code != "rate"), "{codes:?}");
    server.host.stop().await;
}

/// What is told is bounded too: a publish over its rate waits, and what is said is refused.
#[tokio::test]
async fn what_is_over_the_engines_rates_waits_or_is_refused() {
    let server = server(|config| {
        config.presence.publish_burst = 2;
        config.presence.publish_interval_ms = 400;
    });
    let mut ann = hello(&server).await;
    let (mut bob, _) = V1::hello(&server, &token("bob", &["ann"])).await;
    for p in 0..5 {
        let answer = ann.ask(json!({"op": "publish", "p": p})).await;
        assert_eq!(answer.get("waits_ms").is_some(), p >= 2, "{answer}");
    }
    for p in [0, 1, 4] {
        assert_eq!(bob.next().await["p"], p);
    }
    let direct = json!({"op": "direct", "to": "bob", "p": 1});
    assert_eq!(ann.ask(direct.clone()).await, json!({"op": "ok"}));
    assert_eq!(ann.ask(direct.clone()).await, json!({"op": "ok"}));
    let refused = ann.ask(direct).await;
    assert_eq!(refused["code"], "rate");
    assert!((1..=400).contains(&refused["retry_ms"].as_u64().unwrap()), "{refused}");
    server.host.stop().await;
}

/// What an operator has turned off is off.
#[tokio::test]
async fn what_is_turned_off_is_forbidden() {
    let server = server(|config| {
        config.services.no_broad_presence = true;
        config.services.no_presence = true;
        config.services.no_nodes = true;
    });
    let mut ann = hello(&server).await;
    let forbidden = json!({"op": "err", "code": "forbidden"});
    for operation in [
        json!({"op": "publish", "p": 1}),
        json!({"op": "direct", "to": "bob", "p": 1}),
        json!({"op": "watch", "users": ["bob"]}),
    ] {
        assert_eq!(ann.ask(operation).await, forbidden);
    }
    ann.does(json!({"op": "join", "topic": "room:1"})).await;
    server.host.stop().await;
}

#[tokio::test]
async fn a_full_house_says_when_to_come_back() {
    let server = server(|config| config.network.connect_limit = 1);
    let _ann = hello(&server).await;
    let mut bob = V1::connect(server.address()).await;
    bob.send(json!({"op": "hello", "token": token("bob", &[])})).await;
    assert_eq!(bob.next().await["code"], "overload");
    let (bye, code) = bob.bye().await;
    assert_eq!((&bye["code"], &bye["reconnect"], code), (&json!("busy"), &json!(true), 1_013));
    assert!(bye["after_ms"].as_u64().unwrap() < 60_000);
    server.host.stop().await;
}

/// Without a seat nobody is given an account that would be theirs already at the next try, nor is a
/// token used up; and whoever asks for too many is told when to come back.
#[tokio::test]
async fn without_a_seat_nothing_is_used_up() {
    let server = Server::with(|config| {
        config.network.connect_limit = 1;
        config.accounts.register_burst = 1;
    });
    for name in ["ann", "cyd"] {
        server.account(name);
    }
    let hello = |name| json!({"op": "hello", "name": name, "password": PASSWORD});
    let (mut cyd, _) = V1::hello_with(&server, hello("cyd")).await;
    let token = cyd.ask(json!({"op": "login_token"})).await["token"].clone();
    cyd.close(Some(1_000)).await;
    server.until_metric("adsum_sessions", 0.0).await;
    let ann = server.login("ann").await;
    let mut new = hello("new");
    new["register"] = true.into();
    let by_token = json!({"op": "hello", "name": "cyd", "token": token});
    for hello in [&new, &by_token] {
        let mut refused = V1::connect(server.address()).await;
        refused.send(hello.clone()).await;
        assert_eq!(refused.next().await["code"], "overload");
    }
    assert!(server.store.account("new", "").unwrap().is_none());
    ann.close().await;
    for hello in [&new, &by_token] {
        server.until_metric("adsum_sessions", 0.0).await;
        let mut client = V1::connect(server.address()).await;
        client.send(hello.clone()).await;
        assert_eq!(client.next().await["op"], "welcome", "{hello}");
        client.close(Some(1_000)).await;
    }
    server.until_metric("adsum_sessions", 0.0).await;
    let mut more = V1::connect(server.address()).await;
    new["name"] = "more".into();
    more.send(new).await;
    let refused = more.next().await;
    assert_eq!((&refused["code"], &refused["retry_ms"]), (&json!("rate"), &json!(10_000)));
    let (bye, _) = more.bye().await;
    assert!(bye["after_ms"].as_u64().unwrap() >= 10_000, "{bye}");
    server.host.stop().await;
}

/// Rule B5: a client that never reads is told less, and costs others nothing; when it reads on it
/// knows the truth.
#[tokio::test]
async fn who_never_reads_is_bounded_and_then_knows_the_truth() {
    let mut tuning = crate::support::brisk();
    tuning.send_buffer_bytes = 4_096;
    let server = Server::over(
        std::sync::Arc::new(crate::client::jwt()),
        |config| {
            config.network.queue_frames = 16;
            config.network.queue_bytes = 16 * 1_024;
            config.presence.publish_burst = 0;
            config.network.requests_per_second = 0;
        },
        tuning,
    );
    let (mut ann, _) = V1::hello(&server, &token("ann", &["bob", "cyd"])).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let stream = socket.connect(server.address()).await.unwrap();
    let mut bob = V1::over(stream, server.address()).await;
    bob.send(json!({"op": "hello", "token": token("bob", &["ann"])})).await;
    let (mut cyd, _) = V1::hello(&server, &token("cyd", &["ann"])).await;
    let big = "x".repeat(4_000);
    for at in 0..300 {
        ann.does(json!({"op": "publish", "p": [at, big]})).await;
        assert_eq!(cyd.next().await["p"][0], at);
    }
    assert!(server.metric("adsum_congested_now").await >= 1.0);
    assert!(server.metric("adsum_queued_bytes").await < 100_000.0);
    let mut frames = 0;
    loop {
        let frame = bob.next().await;
        frames += 1;
        if frame["op"] == "presence" && frame["p"][0] == 299 {
            break;
        }
    }
    assert!(frames < 200, "{frames}");
    server.host.stop().await;
}

/// A frame that was sent to no end is as if it was not: nothing comes after `bye` (rule B4).
#[tokio::test]
async fn nothing_comes_after_bye() {
    let server = server(|_| {});
    let mut ann = hello(&server).await;
    let (mut bob, _) = V1::hello(&server, &token("bob", &["ann"])).await;
    bob.send(json!({"op": "publish", "p": 1})).await;
    let many = Value::from(vec![json!({"op": "ping"}); 1_001]);
    ann.send_text(many.to_string()).await;
    bob.send(json!({"op": "publish", "p": 2})).await;
    // `bye` itself looks for what comes after it.
    assert_eq!(ann.bye().await.1, 1_009);
    assert!(matches!(ann.next_or_end().await, Err(End::Broken)));
    server.host.stop().await;
}
