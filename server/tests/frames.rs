//! Frames that no client should send: each is answered by tim's code or closed with a reason, and
//! nobody else hears of it.

mod support;

use adsum_server::host::Tuning;
use adsum_tim::{Form, Kind};
use futures_util::SinkExt as _;
use support::{Client, Server, Told, says};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};

const BROAD: i8 = Kind::BROAD_PRESENCE.tim_type();
const DIRECTED: i8 = Kind::PRESENCE.tim_type();

fn json(kind: Kind, body: &str) -> Vec<u8> {
    [&[kind.number() | 0x80], body.as_bytes()].concat()
}

/// Two friends, of whom the first one sends what nobody should.
struct Scene {
    server: Server,
    ann: Client,
    bob: Client,
}

impl Scene {
    async fn new(flags: &[&str]) -> Self {
        let server = Server::run(flags);
        let [_, _] = server.friends(["ann", "bob"]);
        let (ann, bob) = (server.login("ann").await, server.login("bob").await);
        Self { server, ann, bob }
    }

    /// This is answered so.
    async fn refuses(&mut self, frame: Vec<u8>, kind: i8, code: i32) {
        let start: Vec<_> = frame.iter().take(40).copied().collect();
        self.ann.send(frame).await;
        assert_eq!(self.ann.refusal().await, (kind, code), "{start:?}");
    }

    /// The friend has heard nothing, and hears what comes now: the session goes on.
    async fn ends_well(mut self) {
        assert_eq!(self.ann.until_pong().await, []);
        assert_eq!(self.bob.until_pong().await, []);
        self.ann.say("still here").await;
        assert_eq!(self.bob.heard().await.1, "still here");
        self.server.host.stop().await;
    }

    /// The connection is closed so. That is no logout: the session waits for its client, and the
    /// friend hears nothing but what it says when it comes again.
    async fn closes(mut self, code: u16, reason: &str) {
        let (found, words) = self.ann.close_frame().await;
        assert_eq!(found, code, "{words}");
        assert!(words.contains(reason), "{words}");
        self.server.until_metric("adsum_detached", 1.0).await;
        assert_eq!(self.bob.until_pong().await, []);
        let mut again = self.server.login("ann").await;
        again.say("here again").await;
        assert_eq!(self.bob.heard().await.1, "here again");
        self.server.host.stop().await;
    }
}

#[tokio::test]
async fn broken_json_is_answered() {
    let mut scene = Scene::new(&[]).await;
    for body in ["", "{", "[]", "null", "7", r#"{"status":"a""#, r#"{"show":"1"}"#, "{} {}"] {
        scene.refuses(json(Kind::BROAD_PRESENCE, body), BROAD, 4_113).await;
    }
    scene.refuses([&[0x93][..], b"{\"status\":\"\xff\xfe\"}"].concat(), BROAD, 4_113).await;
    scene.refuses(json(Kind::BUSINESS, "{"), 41, 4_104).await;
    scene.ends_well().await;
}

#[tokio::test]
async fn broken_thrift_is_answered() {
    let mut scene = Scene::new(&[]).await;
    let whole = says("whole").to_request(Form::Thrift, Kind::BROAD_PRESENCE);
    for length in 1..whole.len() {
        scene.refuses(whole[..length].to_vec(), BROAD, 4_113).await;
    }
    let bodies: [&[u8]; 5] = [
        &[0xff, 0xff, 0xff],
        // A text that claims four GiB, and a list that claims two thousand million.
        &[0x88, 0xff, 0xff, 0xff, 0xff, 0x0f, b'a'],
        &[0x69, 0xf8, 0xff, 0xff, 0xff, 0xff, 0x07],
        // A text that is not UTF-8, and a type that does not exist.
        &[0x88, 0x02, 0xff, 0xfe, 0x00],
        &[0x1e, 0x00],
    ];
    for body in bodies {
        let frame = [&[Kind::BROAD_PRESENCE.number()], body].concat();
        scene.refuses(frame, BROAD, 4_113).await;
    }
    scene.ends_well().await;
}

#[tokio::test]
async fn an_unknown_type_is_answered() {
    let mut scene = Scene::new(&[]).await;
    for number in [0, 1, 11, 21, 22, 43, 89, 90, 92, 97, 126, 127] {
        scene.refuses(json(Kind::from_byte(number), "{}"), number as i8, 4_107).await;
        scene.refuses(vec![number, 0], number as i8, 4_107).await;
    }
    scene.refuses(json(Kind::BUSINESS, r#"{"rtype":99}"#), 41, 4_107).await;
    scene.refuses(json(Kind::BUSINESS, "{}"), 41, 4_104).await;
    scene.ends_well().await;
}

#[tokio::test]
async fn a_text_frame_is_taken_for_its_bytes() {
    let mut scene = Scene::new(&[]).await;
    scene.ann.ws.send(Message::Text("\u{13}\u{1}".into())).await.unwrap();
    assert_eq!(scene.ann.refusal().await, (BROAD, 4_113));
    // Field 8, a text of two bytes, and the end.
    scene.ann.ws.send(Message::Text("\u{13}\u{8}\u{10}\u{2}hi\0".into())).await.unwrap();
    assert_eq!(scene.bob.heard().await.1, "hi");
    scene.ends_well().await;
}

/// All that there are, after a login and before it.
#[tokio::test]
async fn one_byte_frames_do_no_harm() {
    let mut scene = Scene::new(&["--request-burst", "2000"]).await;
    let not_pings = || (0..=u8::MAX).filter(|byte| Kind::from_byte(*byte) != Kind::PING);
    for byte in not_pings() {
        scene.ann.send(vec![byte]).await;
    }
    let told = scene.ann.until_pong().await;
    assert_eq!(told.len(), not_pings().count());
    for (byte, told) in not_pings().zip(told) {
        match (Kind::from_byte(byte), told) {
            // A question for messages, which needs no body.
            (Kind::OFFLINE_MESSAGES, told) => assert_eq!(told, Told::Bare(18)),
            (kind, Told::Ack(ack)) => {
                assert_eq!((ack.ok, ack.tim_type), (false, kind.tim_type()), "{byte}");
            }
            other => panic!("{byte}: {other:?}"),
        }
    }
    scene.ann.send(Vec::new()).await;
    for byte in 0..=u8::MAX {
        let mut client = Client::connect(scene.server.address(), Form::Json).await;
        client.send(vec![byte]).await;
        match Kind::from_byte(byte) {
            Kind::PING => drop(client),
            Kind::AUTH => {
                client.form = if byte & 0x80 == 0 { Form::Thrift } else { Form::Json };
                assert_eq!(client.refusal().await, (Kind::AUTH.tim_type(), 4_104));
            }
            _ => assert_eq!(client.close_frame().await, (1_008, "log in first".to_owned())),
        }
    }
    scene.ends_well().await;
}

#[tokio::test]
async fn nesting_100_000_deep_is_answered() {
    const DEEP: usize = 100_000;
    let mut scene = Scene::new(&["--security-maxdata", "1048576"]).await;
    let (open, close) = ("[".repeat(DEEP), "]".repeat(DEEP));
    let objects = ["{\"x\":".repeat(DEEP), "}".repeat(DEEP)];
    for body in [
        format!("{{\"x\":{open}1{close}}}"),
        format!("{}1{}", objects[0], objects[1]),
        format!("{{\"extend\":{open}{close}}}"),
        open,
    ] {
        scene.refuses(json(Kind::BROAD_PRESENCE, &body), BROAD, 4_113).await;
    }
    // A structure in a structure, and a list of lists, in fields that nobody knows.
    for level in [0x1c, 0xf9] {
        let body = [vec![Kind::BROAD_PRESENCE.number(), 0xfc], vec![level; DEEP], vec![0; DEEP]];
        scene.refuses(body.concat(), BROAD, 4_113).await;
    }
    scene.ends_well().await;
}

#[tokio::test]
async fn a_list_of_100_000_names_is_answered() {
    const NAMES: usize = 100_000;
    let mut scene = Scene::new(&["--security-maxdata", "8000000"]).await;
    let bob = scene.bob.node.clone();
    let names = vec![format!("\"{bob}\""); NAMES].join(",");
    let body = format!("{{\"toList\":[{names}]}}");
    scene.refuses(json(Kind::PRESENCE, &body), DIRECTED, 4_113).await;
    scene.refuses(json(Kind::BROAD_PRESENCE, &body), BROAD, 4_113).await;
    let list = adsum_tim::TimPresence { to_list: Some(vec![bob; NAMES]), ..says("to many") };
    scene.refuses(list.to_request(Form::Thrift, Kind::PRESENCE), DIRECTED, 4_113).await;
    // One name that no account can have.
    let body = r#"{"toTid":{"node":"no node"}}"#;
    scene.refuses(json(Kind::PRESENCE, body), DIRECTED, 4_106).await;
    scene.refuses(json(Kind::PRESENCE, "{}"), DIRECTED, 4_106).await;
    scene.ends_well().await;
}

/// A frame of the client's that the library would not make.
fn raw(is_final: bool, code: Data, payload: Vec<u8>) -> Message {
    let header = FrameHeader {
        is_final,
        opcode: OpCode::Data(code),
        // The library masks what it sends by the mask that stands here.
        mask: Some([1, 2, 3, 4]),
        ..FrameHeader::default()
    };
    Message::Frame(Frame::from_payload(header, payload.into()))
}

/// A message in several pieces, each of one byte, with a ping between them, is one message.
#[tokio::test]
async fn fragments_are_put_together() {
    let mut scene = Scene::new(&[]).await;
    let whole = says("in pieces").to_request(Form::Json, Kind::BROAD_PRESENCE);
    for (at, byte) in whole.iter().enumerate() {
        let code = if at == 0 { Data::Binary } else { Data::Continue };
        scene.ann.ws.send(raw(at + 1 == whole.len(), code, vec![*byte])).await.unwrap();
        if at == 5 {
            scene.ann.ws.send(Message::Ping(Vec::new().into())).await.unwrap();
        }
    }
    assert_eq!(scene.bob.heard().await.1, "in pieces");
    scene.ends_well().await;
}

/// A ping of the WebSocket protocol's own is answered at once, though nothing else is going on:
/// there are clients that hang up if it is not.
#[tokio::test]
async fn a_protocol_ping_is_answered() {
    use futures_util::StreamExt as _;
    let mut scene = Scene::new(&[]).await;
    for client in [&mut scene.ann, &mut scene.bob] {
        client.ws.send(Message::Ping(b"there?".as_slice().into())).await.unwrap();
        let answer = tokio::time::timeout(support::PATIENCE, client.ws.next()).await;
        assert_eq!(
            answer.expect("an answer").unwrap().unwrap(),
            Message::Pong(b"there?".as_slice().into())
        );
    }
    scene.ends_well().await;
}

#[tokio::test]
async fn a_frame_of_1_mb_is_closed_with_a_reason() {
    let mut scene = Scene::new(&[]).await;
    scene.ann.say("here").await;
    assert_eq!(scene.bob.heard().await.1, "here");
    // The server may close before it has all of it.
    let frame = says(&"x".repeat(1 << 20)).to_request(Form::Json, Kind::BROAD_PRESENCE);
    let _ = scene.ann.ws.send(Message::Binary(frame.into())).await;
    scene.closes(1_009, "maxdata").await;
}

/// Whoever is still sending when the close frame comes gets it all the same: what they send is
/// taken to its end, since the system answers unread bytes by breaking the connection.
#[tokio::test]
async fn a_close_frame_reaches_who_is_still_sending() {
    // More than fits into the system's buffers.
    const MUCH: usize = 16 << 20;
    let tuning = Tuning { linger: support::PATIENCE, ..support::brisk() };
    let server = Server::tuned(|config| config.presence.grace_error_ms = 0, tuning);
    let [ann, _] = server.friends(["ann", "bob"]);
    let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
    at_ann.say("here").await;
    assert_eq!(at_bob.heard().await.1, "here");
    let frame = says(&"x".repeat(MUCH)).to_request(Form::Json, Kind::BROAD_PRESENCE);
    at_ann.send(frame).await;
    let (code, reason) = at_ann.close_frame().await;
    assert!(code == 1_009 && reason.contains("maxdata"), "{code} {reason}");
    drop(at_ann);
    assert_eq!(at_bob.heard().await, (ann, "offline".to_owned()));
    drop(at_bob);
    server.host.stop().await;
}

/// Nor does it help to send it in pieces that are small enough.
#[tokio::test]
async fn fragments_over_maxdata_are_closed_with_a_reason() {
    let mut scene = Scene::new(&["--security-maxdata", "1000"]).await;
    scene.ann.say("here").await;
    assert_eq!(scene.bob.heard().await.1, "here");
    for at in 0..3 {
        let code = if at == 0 { Data::Binary } else { Data::Continue };
        scene.ann.ws.send(raw(false, code, vec![b'x'; 400])).await.unwrap();
    }
    scene.closes(1_009, "maxdata").await;
}

/// A body by POST is bounded as well.
#[tokio::test]
async fn a_request_over_maxdata_is_refused() {
    let server = Server::run(&["--security-maxdata", "1000"]);
    let body = support::auth(&"x".repeat(1_000)).to_request(Form::Json, Kind::REGISTER);
    let (status, _) = support::request(server.address(), "POST /tim2 HTTP/1.1\r\n", &body).await;
    assert_eq!(status, 413);
    server.host.stop().await;
}

#[tokio::test]
async fn text_that_is_not_utf8_is_closed_with_a_reason() {
    let mut scene = Scene::new(&[]).await;
    scene.ann.say("here").await;
    assert_eq!(scene.bob.heard().await.1, "here");
    scene.ann.ws.send(raw(true, Data::Text, vec![0xff, 0xfe])).await.unwrap();
    scene.closes(1_007, "UTF-8").await;
}

/// What is not WebSocket at all: an unmasked frame, and a kind of frame that does not exist.
#[tokio::test]
async fn what_is_not_websocket_is_closed_with_a_reason() {
    let frames: [&[u8]; 2] = [&[0x82, 0x01, 0x0d], &[0x83, 0x80, 0, 0, 0, 0]];
    for bytes in frames {
        use tokio::io::AsyncWriteExt as _;
        let mut scene = Scene::new(&[]).await;
        scene.ann.say("here").await;
        assert_eq!(scene.bob.heard().await.1, "here");
        scene.ann.ws.get_mut().write_all(bytes).await.unwrap();
        scene.closes(1_002, "WebSocket").await;
    }
}

/// One whose client does not speak the protocol any more is gone when the grace of a broken
/// connection is over, and no sooner; the cause that operators see is not a logout.
#[tokio::test]
async fn who_breaks_the_protocol_is_gone_after_the_grace() {
    let mut scene = Scene::new(&["--grace-error", "1"]).await;
    scene.ann.say("here").await;
    assert_eq!(scene.bob.heard().await.1, "here");
    let started = std::time::Instant::now();
    scene.ann.ws.send(raw(true, Data::Text, vec![0xff, 0xfe])).await.unwrap();
    assert_eq!(scene.bob.heard().await, (scene.ann.node.clone(), "offline".to_owned()));
    let passed = started.elapsed();
    assert!(passed >= std::time::Duration::from_secs(1), "{passed:?}");
    let ended = r#"adsum_sessions_ended_total{reason="connection_error"}"#;
    scene.server.until_metric(ended, 1.0).await;
    scene.server.host.stop().await;
}
