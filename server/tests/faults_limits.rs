//! tim's faults, by their numbers, against the program: who may do what, and how much of it.

mod support;

use std::collections::BTreeMap;

use adsum_tim::{Form, Kind, TimPresence, rtype};
use futures_util::SinkExt as _;
use futures_util::future::join_all;
use support::{Client, Server, Told, auth, crowd, says};
use tokio_tungstenite::tungstenite::Message;

/// One request by POST: the body of the answer.
async fn post(server: &Server, frame: &[u8]) -> Vec<u8> {
    let head = "POST /tim2 HTTP/1.1\r\n";
    let (status, body) = support::request_bytes(server.address(), head, frame).await;
    assert_eq!(status, 200);
    body
}

/// Too many frames are answered by tim's overload, and are nobody else's concern. Presence and
/// pings are not refused: of presence the newest goes out, and pings are answered, both later.
#[tokio::test]
async fn b13_over_the_rate_is_answered() {
    const EACH: usize = 4;
    let flags = ["--security-reqhzsecond", "1", "--request-burst", "5", "--publish-burst", "0"];
    let server = Server::run(&flags);
    let [_, _, _] = server.friends(["ann", "bob", "cyd"]);
    let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
    // The login was one.
    for number in 0..4 {
        at_ann.say(&number.to_string()).await;
        assert_eq!(at_bob.heard().await.1, number.to_string());
    }
    // On a slow machine one or the other is within the rate again, but not all.
    for kind in [Kind::BROAD_PRESENCE, Kind::PRESENCE, Kind::BUSINESS, Kind::PING] {
        for number in 0..EACH {
            at_ann.send(says(&format!("too much {number}")).to_request(Form::Json, kind)).await;
        }
    }
    let mut answers = BTreeMap::new();
    for _ in 0..3 * EACH {
        let answer = match at_ann.next().await {
            Told::Ack(ack) => (ack.tim_type, ack.error.unwrap().code == Some(5_104)),
            told => {
                assert_eq!(told, Told::Bare(Kind::PING.number()));
                (Kind::PING.tim_type(), false)
            }
        };
        *answers.entry(answer).or_insert(0) += 1;
    }
    let of = |kind: Kind, refused| answers.get(&(kind.tim_type(), refused)).copied().unwrap_or(0);
    assert_eq!((of(Kind::BROAD_PRESENCE, true), of(Kind::PING, false)), (0, EACH), "{answers:?}");
    for kind in [Kind::PRESENCE, Kind::BUSINESS] {
        assert!(of(kind, true) > 0, "{answers:?}");
        assert_eq!(of(kind, true) + of(kind, false), EACH, "{answers:?}");
    }
    let mut heard = at_bob.heard().await.1;
    while heard != format!("too much {}", EACH - 1) {
        heard = at_bob.heard().await.1;
    }
    // tim had one limit for the directed presence of all together.
    let mut at_cyd = server.login("cyd").await;
    assert!(matches!(at_cyd.next().await, Told::Presence(_)), "the snapshot");
    at_cyd.direct(&[&at_bob.node], "not too much").await;
    assert_eq!(at_bob.heard().await.1, "not too much");
    server.host.stop().await;
}

/// What asks for nothing is counted too, and takes nothing away from requests.
#[tokio::test]
async fn b13_signs_of_life_over_the_rate_are_answered() {
    let server = Server::run(&["--security-reqhzsecond", "1", "--request-burst", "5"]);
    let [_, _] = server.friends(["ann", "bob"]);
    let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
    let ping = || Message::Ping(vec![7].into());
    for sign in [ping(), Message::Pong(vec![].into()), Message::Binary(vec![].into())] {
        at_ann.ws.send(sign).await.unwrap();
    }
    for sign in [ping(), Message::Text("".into())] {
        at_ann.ws.send(sign).await.unwrap();
    }
    at_ann.say("there was room for five").await;
    assert_eq!(at_bob.heard().await.1, "there was room for five");
    assert_eq!(at_ann.until_pong().await, []);
    for sign in [ping(), Message::Binary(vec![].into()), Message::Pong(vec![].into())] {
        at_ann.ws.send(sign).await.unwrap();
        assert_eq!(at_ann.refusal().await, (Kind::PING.tim_type(), 5_104));
    }
    // The login, a presence and a ping were three of five.
    at_ann.say("and for a request").await;
    assert_eq!(at_bob.heard().await.1, "and for a request");
    server.host.stop().await;
}

/// Presences over the rate become one: the newest.
#[tokio::test]
async fn b13_too_many_presences_become_the_newest() {
    // So slow that hardly any gets through while they are all being said, however long it takes.
    let server = Server::run(&["--publish-burst", "2", "--publish-interval-ms", "1000"]);
    let [ann, _] = server.friends(["ann", "bob"]);
    let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
    for number in 1..=200 {
        at_ann.say(&number.to_string()).await;
    }
    let mut heard = Vec::new();
    while heard.last().is_none_or(|last| *last != 200) {
        let (from, number) = at_bob.heard().await;
        assert_eq!(from, ann);
        heard.push(number.parse::<u32>().unwrap());
    }
    assert!(heard.starts_with(&[1, 2]) && heard.is_sorted(), "{heard:?}");
    assert!(heard.len() < 20, "{heard:?}");
    assert!(server.metric("adsum_publishes_conflated_total").await >= 180.0);
    assert_eq!(at_ann.until_pong().await, []);
    server.host.stop().await;
}

/// What is kept until there is room stays so until something better comes.
#[tokio::test]
async fn b13_a_presence_that_is_refused_takes_the_place_of_none() {
    let server = Server::run(&["--security-reqhzsecond", "1", "--request-burst", "5"]);
    server.friends(["ann", "bob"]);
    let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
    for number in 0..10 {
        at_ann.say(&number.to_string()).await;
    }
    let extend = Some([("adsum.for".to_owned(), "none".to_owned())].into());
    at_ann.publish(&TimPresence { extend, ..says("refused") }).await;
    assert_eq!(at_ann.refusal().await, (Kind::BROAD_PRESENCE.tim_type(), 4_104));
    while at_bob.heard().await.1 != "9" {}
    server.host.stop().await;
}

#[tokio::test]
async fn b14_no_presence_to_strangers_and_none_twice() {
    let server = Server::run(&["--max-direct", "10"]);
    let [_, bob] = server.friends(["ann", "bob"]);
    let stranger = server.account("stranger");
    let elsewhere = server.store.register("eve", support::PASSWORD, "elsewhere").unwrap();
    let mut at_ann = server.login("ann").await;
    let (mut at_bob, mut at_stranger) = (server.login("bob").await, server.login("stranger").await);
    let in_other_domain =
        adsum_tim::TimAuth { domain: Some("elsewhere".to_owned()), ..auth("eve") };
    let mut at_eve = server.login_as("eve", Form::Json, in_other_domain).await;
    at_ann.direct(&[&stranger, &bob, &bob, &stranger, &elsewhere, &bob], "to a list").await;
    assert_eq!(at_bob.heard().await.1, "to a list");
    // The lists are bounded, and what is over the bound is refused as a whole.
    at_ann.direct(&[bob.as_str(); 11], "to too many").await;
    assert_eq!(at_ann.refusal().await, (Kind::PRESENCE.tim_type(), 4_113));
    for somebody in [&stranger, &elsewhere] {
        at_ann.direct(&[somebody], "to a stranger").await;
    }
    // Whether a stranger is online is not told either.
    assert_eq!(at_ann.until_pong().await, []);
    for client in [&mut at_bob, &mut at_stranger, &mut at_eve] {
        assert_eq!(client.until_pong().await, []);
    }
    // Nobody becomes a friend across domains.
    at_ann.ask(rtype::ADD_ROSTER, Some(&elsewhere)).await;
    assert_eq!(at_ann.refusal().await, (Kind::BUSINESS.tim_type(), 4_106));
    // And nothing goes to one who has blocked.
    at_bob.ask(rtype::BLOCK_ROSTER, Some(&at_ann.node)).await;
    at_bob.until_pong().await;
    at_ann.until_pong().await;
    at_ann.direct(&[&bob], "to one who has blocked").await;
    assert_eq!(at_ann.until_pong().await, []);
    assert_eq!(at_bob.until_pong().await, []);
    server.host.stop().await;
}

#[tokio::test]
async fn b15_asking_twice_is_no_consent() {
    let server = Server::run(&[]);
    let (ann, bob) = (server.account("ann"), server.account("bob"));
    let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
    at_bob.say("private").await;
    at_bob.until_pong().await;
    for _ in 0..3 {
        at_ann.ask(rtype::ADD_ROSTER, Some(&bob)).await;
    }
    at_ann.ask(rtype::ROSTER, None).await;
    at_ann.say("let me in").await;
    at_ann.direct(&[&bob], "let me in").await;
    assert_eq!(at_ann.until_pong().await, []);
    // The one who was asked is told so once, and nothing else.
    let Told::Message(asked) = at_bob.next().await else { panic!("no request") };
    assert_eq!((asked.bn_type, asked.from_tid.unwrap().node), (Some(4), ann));
    at_bob.ask(rtype::ROSTER, None).await;
    assert_eq!(at_bob.until_pong().await, []);
    at_bob.close().await;
    assert_eq!(at_ann.until_pong().await, []);
    server.host.stop().await;
}

#[tokio::test]
async fn b17_limits_are_the_right_way_round() {
    let server = Server::run(&["--security-maxdata", "1000"]);
    let [_, _] = server.friends(["ann", "bob"]);
    let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
    let long = "x".repeat(900);
    at_ann.say(&long).await;
    assert_eq!(at_bob.heard().await.1, long);
    at_ann.say(&"x".repeat(1_001)).await;
    assert_eq!(at_ann.close_code().await, 1_009);
    // A Thrift frame by POST is answered in Thrift.
    let answer = post(&server, &auth("new").to_request(Form::Thrift, Kind::REGISTER)).await;
    assert_eq!(&answer[..5], [0x0c, 0x11, 0x13, 0x0e, 0x38]);
    server.host.stop().await;
}

/// What is switched off is refused in both forms, over HTTP and over WebSocket, and nothing else.
#[tokio::test]
async fn b17_what_is_switched_off_is_off() {
    let server = Server::run(&[
        "--deactivate-api-timregister",
        "--deactivate-api-timtoken",
        "--deactivate-api-timbroadpresence",
        "--deactivate-api-timbusiness",
    ]);
    let [_, bob] = server.friends(["ann", "bob"]);
    for kind in [Kind::REGISTER, Kind::TOKEN] {
        let answer = post(&server, &auth("new").to_request(Form::Json, kind)).await;
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.contains("\"ok\":false") && answer.contains("4107"), "{answer}");
        let answer = post(&server, &auth("new").to_request(Form::Thrift, kind)).await;
        // Field 1 is false.
        assert_eq!(&answer[..2], [0x0c, 0x12]);
    }
    let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
    for form in [Form::Json, Form::Thrift] {
        at_ann.send(says("off").to_request(form, Kind::BROAD_PRESENCE)).await;
        assert_eq!(at_ann.refusal().await, (Kind::BROAD_PRESENCE.tim_type(), 4_107));
    }
    at_ann.ask(rtype::ROSTER, None).await;
    assert_eq!(at_ann.refusal().await, (Kind::BUSINESS.tim_type(), 4_107));
    at_ann.direct(&[&bob], "on").await;
    assert_eq!(at_bob.heard().await.1, "on");
    server.host.stop().await;
    let server = Server::run(&["--deactivate-api-timpresence"]);
    let [_, bob] = server.friends(["ann", "bob"]);
    let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
    at_ann.direct(&[&bob], "off").await;
    assert_eq!(at_ann.refusal().await, (Kind::PRESENCE.tim_type(), 4_107));
    at_ann.publish(&TimPresence { show: Some(1), ..says("on") }).await;
    assert_eq!(at_bob.heard().await.1, "on");
    server.host.stop().await;
}

/// Passwords are checked at the same time, and none is mistaken for another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b28_passwords_are_not_mixed_up() {
    let server = Server::run(&["--password-workers", "8"]);
    let names = crowd(40);
    let one = |name: String| {
        let server = &server;
        async move {
            let password = format!("secret of {name}");
            let with = |password: &str| {
                let pwd = Some(password.into());
                adsum_tim::TimAuth { pwd, ..auth(&name) }
            };
            let frame = with(&password).to_request(Form::Json, Kind::REGISTER);
            let answer = String::from_utf8(post(server, &frame).await).unwrap();
            assert!(answer.contains("\"ok\":true"), "{answer}");
            for _ in 0..3 {
                let mut client = Client::connect(server.address(), Form::Json).await;
                let ack = client.authenticate(&with(&format!("{password}!"))).await;
                assert_eq!(ack.error.and_then(|error| error.code), Some(4_105));
                assert!(client.authenticate(&with(&password)).await.ok, "{name}");
                client.close().await;
            }
        }
    };
    join_all(names.into_iter().map(one)).await;
    server.host.stop().await;
}
