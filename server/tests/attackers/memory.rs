//! How much memory strangers can take.

use std::time::Duration;

use adsum_tim::{Form, Kind, Limits, Secret, ServerFrame, TimAck, TimAuth};
use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::program::Program;
use crate::support::{Client, Server, auth};

/// A field of what the program holds in memory, in KiB.
fn memory(program: &Program, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with(field)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn resident(program: &Program) -> u64 {
    memory(program, "VmRSS:")
}

/// How many log in at once, and what a hash costs: 2,500 for a figure, with hashes as they are by
/// default.
fn logins_at_once() -> (usize, u32, u32) {
    match std::env::var("ADSUM_TEST_LOGINS") {
        Ok(count) => (count.parse().unwrap(), 19_456, 2),
        Err(_) => (24, 8_192, 1),
    }
}

/// So many come from one address, which is few enough that they have no other bound than all
/// together.
const OF_ONE_ADDRESS: usize = 20;

/// That many wrong passwords at once: how many of them were hashed.
async fn wrong_passwords(server: &Server, logins: usize) -> usize {
    let clients = (0..logins).map(async |at| {
        let last = u8::try_from(2 + at / OF_ONE_ADDRESS).unwrap();
        let mut client = Client::connect_from(last, server.address(), Form::Json).await;
        let auth = auth(&format!("nobody{at}"));
        client.send(auth.to_request(Form::Json, Kind::AUTH)).await;
        client
    });
    let clients = stream::iter(clients).buffer_unordered(256).collect::<Vec<_>>().await;
    // All of them wait for their hash now; the last ones for as long as all others take.
    let answers = clients.into_iter().map(async |mut client| {
        let answer = tokio::time::timeout(Duration::from_secs(400), client.ws.next()).await;
        let answer = answer.expect("an answer in time").expect("an answer").unwrap().into_data();
        let frame = ServerFrame::split(&answer).unwrap();
        let ack = TimAck::decode(Form::Json, frame.body, &Limits::default()).unwrap();
        ack.error.and_then(|error| error.code)
    });
    let codes = join_all(answers).await;
    let hashed = codes.iter().filter(|code| **code == Some(4_105)).count();
    let put_off = codes.iter().filter(|code| **code == Some(5_104)).count();
    assert_eq!(hashed + put_off, logins, "{codes:?}");
    hashed
}

/// However many wrong passwords come at once, and however often, hashing takes the memory of as
/// many hashes as run at once: two, which is kept for the next ones. A second time takes no more.
#[tokio::test]
async fn a1_hashing_passwords_takes_the_memory_of_the_workers() {
    // What a connection takes that waits for its hash.
    const WAITING_KIB: u64 = 24;
    let (logins, hash_kib, passes) = logins_at_once();
    let server = Server::of_program(Program::start_with_cost(hash_kib, passes));
    let before = resident(server.program());
    let (mut hashed, mut after) = (0, Vec::new());
    for _ in 0..2 {
        hashed += wrong_passwords(&server, logins).await;
        server.until_metric("adsum_connections", 0.0).await;
        after.push(resident(server.program()));
    }
    let most = memory(server.program(), "VmHWM:");
    println!(
        "{logins} logins at once, twice: {hashed} passwords were hashed, in {hash_kib} KiB each; \
         {before} KiB before, {most} KiB at most, {after:?} KiB after each time"
    );
    assert!(hashed >= logins.min(1_000), "{hashed}");
    // The first hash, of nobody's password, was made at the start.
    let bound = before + 2 * u64::from(hash_kib) + 12_288 + logins as u64 * WAITING_KIB;
    assert!(most < bound, "{before} KiB before, {most} KiB at most, and not {bound} KiB");
    assert!(after[1] < after[0] + 8_192, "{after:?} KiB after each time");
}

/// Connections that are opened at once, and only then say something, take no more than such as come
/// one after the other: 5 to 6 KiB each, and not as much again for what all might have said.
#[tokio::test]
async fn a4_connections_that_are_opened_at_once_take_little() {
    const STRANGERS: u64 = 1_000;
    let flags = ["--pending-limit", "4096", "--pending-per-address", "4096"];
    let program = Program::start(&[&flags[..], &["--login-timeout", "60"]].concat());
    let before = resident(&program);
    let mut streams = Vec::new();
    for _ in 0..STRANGERS {
        streams.push(TcpStream::connect(program.address).await.unwrap());
    }
    let handshake =
        b"GET /tim HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    for stream in &mut streams {
        stream.write_all(handshake).await.unwrap();
    }
    for stream in &mut streams {
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 101");
    }
    let taken = resident(&program).saturating_sub(before);
    assert!(taken < STRANGERS * 9, "{taken} KiB for {STRANGERS} connections");
}

/// Whoever has not logged in yet can send what a login takes, and no more: unfinished messages do
/// not pile up.
#[tokio::test]
async fn a4_unfinished_messages_before_login_take_little() {
    const STRANGERS: usize = 300;
    let program = Program::start(&[]);
    let before = resident(&program);
    let mut streams = Vec::new();
    for _ in 0..STRANGERS {
        let Client { ws, .. } = Client::connect(program.address, Form::Json).await;
        streams.push(ws.into_inner());
    }
    // The head of a masked binary frame of 127 KiB, and most of what it announces.
    let length: u64 = 127 * 1024;
    let mut unfinished = vec![0x82, 0x80 | 127];
    unfinished.extend(length.to_be_bytes());
    unfinished.extend([0; 4]);
    unfinished.resize(100 * 1024, 0);
    // Each is told to go, with the code for too much.
    let codes = join_all(streams.into_iter().map(async |mut stream: TcpStream| {
        // The server may have closed before it has taken everything.
        let _ = stream.write_all(&unfinished).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        answer.get(2..4).map(|code| u16::from_be_bytes([code[0], code[1]]))
    }))
    .await;
    let after = resident(&program);
    assert!(codes.iter().all(|code| code.is_none_or(|code| code == 1_009)), "{codes:?}");
    assert!(codes.iter().flatten().count() > STRANGERS / 2, "{codes:?}");
    assert!(after.saturating_sub(before) < 16 * 1024, "{before} KiB, then {after} KiB");
}

/// A login that takes several tries, and a long name and resource, has room; after it, frames are
/// as long as the settings say.
#[tokio::test]
async fn a4_a_login_has_room_and_then_frames_are_long() {
    let server = Server::run(&[]);
    let name = "n".repeat(256);
    for name in [name.as_str(), "bob"] {
        server.account(name);
    }
    server.make_all_friends();
    let mut bob = server.login("bob").await;
    let mut client = Client::connect(server.address(), Form::Json).await;
    let wrong = TimAuth { pwd: Some(Secret::from("wrong")), ..auth(&name) };
    for _ in 0..5 {
        assert!(!client.authenticate(&wrong).await.ok);
    }
    let right = TimAuth { resource: Some("r".repeat(1_000)), ..auth(&name) };
    assert!(client.authenticate(&right).await.ok);
    let words = "w".repeat(100 * 1024);
    client.say(&words).await;
    assert_eq!(bob.heard().await.1, words);
}

/// The same by HTTP, where a body is read before anything is known of who sends it.
#[tokio::test]
async fn a4_unfinished_posts_take_little() {
    const STRANGERS: usize = 300;
    let program = Program::start(&[]);
    let before = resident(&program);
    let mut unfinished =
        b"POST /tim2 HTTP/1.1\r\nHost: a\r\nContent-Length: 130000\r\n\r\n".to_vec();
    unfinished.push(0x8e);
    unfinished.resize(100 * 1024, b' ');
    let answers = join_all((0..STRANGERS).map(async |_| {
        let mut stream = TcpStream::connect(program.address).await.unwrap();
        // The server may have closed before it has taken everything.
        let _ = stream.write_all(&unfinished).await;
        let mut answer = [0; 12];
        let read = stream.read_exact(&mut answer).await;
        read.is_ok().then(|| String::from_utf8_lossy(&answer).into_owned())
    }))
    .await;
    let after = resident(&program);
    assert!(answers.iter().flatten().all(|answer| answer == "HTTP/1.1 413"), "{answers:?}");
    assert!(after.saturating_sub(before) < 16 * 1024, "{before} KiB, then {after} KiB");
}

/// Where tokens are another service's a login may be as long as a frame, though not all at once:
/// whoever begins many loses the oldest, and somebody else's long token is taken.
#[tokio::test]
async fn a4_unfinished_logins_with_long_tokens_take_little() {
    const STRANGERS: usize = 900;
    const SECRET: &str = "a secret of the tests, of 32 bytes";
    let flags = ["--store", "jwt", "--jwt-secret", SECRET, "--login-timeout", "60"];
    let program = Program::start(&flags);
    let before = resident(&program);
    let length: u64 = 127 * 1024;
    let mut unfinished = vec![0x82, 0x80 | 127];
    unfinished.extend(length.to_be_bytes());
    unfinished.extend([0; 4]);
    unfinished.resize(100 * 1024, 0);
    let mut streams = Vec::new();
    for _ in 0..STRANGERS {
        let Client { ws, .. } = Client::connect_from(9, program.address, Form::Json).await;
        let mut stream = ws.into_inner();
        stream.write_all(&unfinished).await.unwrap();
        streams.push(stream);
    }
    // The oldest are told to go.
    let mut answer = [0; 4];
    streams[0].read_exact(&mut answer).await.unwrap();
    assert_eq!((answer[0], u16::from_be_bytes([answer[2], answer[3]])), (0x88, 1_008));
    let contacts: Vec<_> = (0..2_000).map(|number| format!("contact{number}")).collect();
    let claims = serde_json::json!({
        "sub": "ann", "exp": jsonwebtoken::get_current_timestamp() + 60, "roster": contacts,
    });
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
    let token = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &claims, &key).unwrap();
    assert!(token.len() > 16 * 1024, "it is short");
    let mut ann = Client::connect(program.address, Form::Json).await;
    let login = TimAuth { token: Some(token.as_str().into()), ..TimAuth::default() };
    assert!(ann.authenticate(&login).await.ok);
    let after = resident(&program);
    assert!(after.saturating_sub(before) < 48 * 1024, "{before} KiB, then {after} KiB");
    drop(streams);
}
