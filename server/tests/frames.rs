//! Frames that no client should send, and connections that say nothing.

mod support;

use std::time::Duration;

use adsum_server::protocol::{Form, Kind, TimPresence};
use futures_util::SinkExt as _;
use support::{Client, Server, auth, brisk};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};

fn json(kind: Kind, body: &str) -> Vec<u8> {
    [&[kind.number() | 0x80], body.as_bytes()].concat()
}

/// Each is answered by tim's code and by nothing else, and the session goes on.
#[tokio::test]
async fn what_cannot_be_read_is_answered() {
    let server = Server::start();
    let [_, bob] = server.friends(["ann", "bob"]);
    let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
    let names = vec![format!("\"{bob}\""); 9_000].join(",");
    let deep = format!("{{\"x\":{}1{}}}", "[".repeat(50_000), "]".repeat(50_000));
    let broad = Kind::BROAD_PRESENCE.tim_type();
    let cases: [(Vec<u8>, i8, i32); 14] = [
        (json(Kind::BROAD_PRESENCE, "{"), broad, 4_113),
        (json(Kind::BROAD_PRESENCE, "[]"), broad, 4_113),
        (json(Kind::BROAD_PRESENCE, &deep), broad, 4_113),
        (json(Kind::BROAD_PRESENCE, r#"{"show":"1"}"#), broad, 4_113),
        ([&[0x93][..], b"{\"status\":\"\xff\xfe\"}"].concat(), broad, 4_113),
        (vec![Kind::BROAD_PRESENCE.number()], broad, 4_113),
        (vec![Kind::BROAD_PRESENCE.number(), 0xff, 0xff, 0xff], broad, 4_113),
        (json(Kind::PRESENCE, &format!("{{\"toList\":[{names}]}}")), 91, 4_113),
        (json(Kind::PRESENCE, r#"{"toTid":{"node":"no node"}}"#), 91, 4_106),
        (json(Kind::PRESENCE, "{}"), 91, 4_106),
        (json(Kind::BUSINESS, r#"{"rtype":99}"#), 41, 4_104),
        (json(Kind::MESSAGE, "{}"), 90, 4_104),
        (json(Kind::from_byte(22), "{}"), 22, 4_104),
        (vec![0x7f], 127, 4_104),
    ];
    for (frame, kind, code) in cases {
        let start: Vec<_> = frame.iter().take(40).copied().collect();
        at_ann.send(frame).await;
        assert_eq!(at_ann.refusal().await, (kind, code), "{start:?}");
    }
    // An empty one is passed over; text is taken as bytes.
    at_ann.send(Vec::new()).await;
    let text = String::from_utf8(b"\x13\x01".to_vec()).unwrap();
    at_ann.ws.send(Message::Text(text.into())).await.unwrap();
    assert_eq!(at_ann.refusal().await, (broad, 4_113));
    assert_eq!(at_bob.until_pong().await, []);
    at_ann.say("still here").await;
    assert_eq!(at_bob.heard().await.1, "still here");
    server.host.stop().await;
}

/// A message in several pieces, some of one byte, is one message.
#[tokio::test]
async fn fragments_are_put_together() {
    let server = Server::start();
    let [_, _] = server.friends(["ann", "bob"]);
    let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
    let whole = support::says("in pieces").to_request(Form::Json, Kind::BROAD_PRESENCE);
    for (at, byte) in whole.iter().enumerate() {
        let code = if at == 0 { Data::Binary } else { Data::Continue };
        let header = FrameHeader {
            is_final: at + 1 == whole.len(),
            opcode: OpCode::Data(code),
            // The library masks what it sends by the mask that stands here.
            mask: Some([1, 2, 3, 4]),
            ..FrameHeader::default()
        };
        let piece = Frame::from_payload(header, vec![*byte].into());
        at_ann.ws.send(Message::Frame(piece)).await.unwrap();
    }
    assert_eq!(at_bob.heard().await.1, "in pieces");
    server.host.stop().await;
}

#[tokio::test]
async fn whoever_never_logs_in_is_closed_at_the_deadline() {
    let server = Server::with(|config| config.network.login_timeout_ms = 200);
    let mut silent = Client::connect(server.address(), Form::Json).await;
    let mut wrong = Client::connect(server.address(), Form::Json).await;
    assert!(!wrong.authenticate(&auth("nobody")).await.ok);
    let mut early = Client::connect(server.address(), Form::Json).await;
    early.publish(&TimPresence::default()).await;
    for client in [&mut silent, &mut wrong, &mut early] {
        assert_eq!(client.close_code().await, 1_008);
    }
    server.until_metric("adsum_connections", 0.0).await;
    server.host.stop().await;
}

#[tokio::test]
async fn whoever_stops_pinging_is_closed_and_contacts_are_told_once() {
    let server = Server::with(|config| {
        config.network.ping_timeout_ms = 800;
        config.presence.grace_timeout_ms = 0;
    });
    let [ann, _] = server.friends(["ann", "bob"]);
    let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
    at_ann.say("here").await;
    assert_eq!(at_bob.heard().await.1, "here");
    let closed = tokio::spawn(async move { at_ann.close_code().await });
    let mut told = Vec::new();
    while !closed.is_finished() || told.is_empty() {
        told.extend(at_bob.until_pong().await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(closed.await.unwrap(), 4_003);
    told.extend(at_bob.until_pong().await);
    let [support::Told::Presence(gone)] = &told[..] else { panic!("{told:?}") };
    assert_eq!((gone.offline, &gone.from_tid.as_ref().unwrap().node), (Some(true), &ann));
    server.host.stop().await;
}

/// A connection that does not speak WebSocket is closed with a reason.
#[tokio::test]
async fn text_that_is_not_utf8_is_closed() {
    let server = Server::tuned(|_| {}, brisk());
    server.account("ann");
    let mut at_ann = server.login("ann").await;
    let header = FrameHeader {
        is_final: true,
        opcode: OpCode::Data(Data::Text),
        mask: Some([0; 4]),
        ..FrameHeader::default()
    };
    let frame = Frame::from_payload(header, vec![0xff, 0xfe].into());
    at_ann.ws.send(Message::Frame(frame)).await.unwrap();
    assert_eq!(at_ann.close_code().await, 1_007);
    server.host.stop().await;
}

#[tokio::test]
async fn a_token_is_good_once_and_for_its_own_account() {
    let server = Server::start();
    server.account("ann");
    let body = auth("ann").to_request(Form::Json, Kind::TOKEN);
    let (status, answer) =
        support::request(server.address(), "POST /tim2 HTTP/1.1\r\n", &body).await;
    assert_eq!(status, 200);
    let token = answer.split("\"n\":\"").nth(1).unwrap().trim_end_matches("\"}").to_owned();
    for (name, code) in [("bob", Some(4_115)), ("ann", None), ("ann", Some(4_115))] {
        let mut client = Client::connect(server.address(), Form::Json).await;
        let mut auth = auth(name);
        (auth.pwd, auth.token) = (None, Some(token.as_str().into()));
        let ack = client.authenticate(&auth).await;
        assert_eq!(ack.error.and_then(|error| error.code), code, "{name}");
    }
    server.host.stop().await;
}
