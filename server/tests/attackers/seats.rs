//! Who can keep others from connecting.

use std::time::{Duration, Instant};

use adsum_tim::{Form, Secret, TimAuth};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::program::Program;
use crate::support::{self, Client, PATIENCE, Server, auth, auth_with, stream_from};

const X_FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED: &str = "forwarded";

async fn is_well(at: std::net::SocketAddr) -> bool {
    let asked = support::request(at, "GET /healthz HTTP/1.1\r\n", b"");
    let answer = tokio::time::timeout(Duration::from_secs(4), asked).await;
    answer.is_ok_and(|answer| answer == (200, "ok\n".to_owned()))
}

/// Waits until the server has closed a connection on which nothing comes.
async fn until_closed(stream: &mut TcpStream) {
    let mut answer = Vec::new();
    let end = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    assert!(end.is_ok(), "it is not closed");
    assert!(answer.is_empty(), "{answer:?}");
}

fn is_open(stream: &TcpStream) -> bool {
    let read = stream.try_read(&mut [0]);
    read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
}

/// However many say nothing, and even if they come to the operators' own address, whoever logs in
/// has a seat and operators are answered.
#[tokio::test]
async fn a3_silent_connections_take_no_seat_and_operators_are_answered() {
    let flags = ["--admin-listen", "127.0.0.1:0", "--connect-limit", "2", "--pending-limit", "50"];
    let server = Server::run(&flags);
    let (clients, admin) = (server.address(), server.program().admin_address.unwrap());
    server.account("ann");
    let mut silent = Vec::new();
    for _ in 0..60 {
        silent.push(stream_from(2, clients).await);
    }
    assert!(is_well(admin).await);
    let mut ann = server.login("ann").await;
    for _ in 0..100 {
        silent.push(stream_from(2, admin).await);
    }
    assert!(is_well(admin).await);
    assert_eq!(ann.until_pong().await, []);
}

/// `connect_limit` counts those who are logged in; whoever is one too many is told so, and gets in
/// on the same connection when there is room.
#[tokio::test]
async fn a3_a_seat_is_had_after_login() {
    let flags = ["--connect-limit", "2", "--seats-per-address", "2", "--grace-error", "0"];
    let server = Server::run(&flags);
    for name in ["ann", "bob", "cyd"] {
        server.account(name);
    }
    let (_ann, bob) = (server.login("ann").await, server.login("bob").await);
    let mut third = Client::connect(server.address(), Form::Json).await;
    let wrong = TimAuth { pwd: Some(Secret::from("wrong")), ..auth("cyd") };
    // No password is looked at where there is no seat.
    for auth in [&auth("cyd"), &wrong, &auth("cyd")] {
        let ack = third.authenticate(auth).await;
        assert_eq!(ack.error.and_then(|error| error.code), Some(5_104));
    }
    server.until_metric("adsum_pending", 2.0).await;
    bob.close().await;
    let started = Instant::now();
    while !third.authenticate(&auth("cyd")).await.ok {
        assert!(started.elapsed() < PATIENCE, "no seat becomes free");
    }
    // The connection of the question itself is the only one left.
    server.until_metric("adsum_pending", 1.0).await;
}

/// Somebody with many accounts and many devices does not take all seats: whoever comes from another
/// address finds one, and is told so if an operator wonders.
#[tokio::test]
async fn a3_an_address_does_not_take_all_seats_after_login() {
    let flags = ["--connect-limit", "16", "--device-limit", "16", "--devicetype-limit", "16"];
    let server = Server::run(&flags);
    for name in ["ann", "eve", "mal"] {
        server.account(name);
    }
    let mut open = Vec::new();
    let mut refused = 0;
    for at in 0..16 {
        let mut client = Client::connect_from(2, server.address(), Form::Json).await;
        let ack = client.authenticate(&auth(["eve", "mal"][at % 2])).await;
        match ack.error.and_then(|error| error.code) {
            None => open.push(client),
            code => {
                assert_eq!(code, Some(5_104));
                refused += 1;
            }
        }
    }
    assert_eq!((open.len(), refused), (8, 8));
    let log = server.program().log();
    let warned = log.lines().filter(|line| line.contains("WARN"));
    assert_eq!(warned.filter(|line| line.contains("127.0.0.2 has 8 seats")).count(), 1, "{log}");
    for from in 3..=6 {
        let mut ann = Client::connect_from(from, server.address(), Form::Json).await;
        assert!(ann.authenticate(&auth("ann")).await.ok, "127.0.0.{from}");
        open.push(ann);
    }
    // What is free again may be anybody's.
    for client in open.drain(7..) {
        client.close().await;
    }
    let started = Instant::now();
    loop {
        let mut eve = Client::connect_from(2, server.address(), Form::Json).await;
        if eve.authenticate(&auth("eve")).await.ok {
            break;
        }
        assert!(started.elapsed() < PATIENCE, "no seat becomes free");
    }
}

/// Without a seat a login token stays as it was, and works when there is one.
#[tokio::test]
async fn a3_a_login_without_a_seat_uses_up_no_token() {
    let server = Server::run(&["--connect-limit", "1"]);
    for name in ["ann", "bob"] {
        server.account(name);
    }
    let mut bob = server.login("bob").await;
    let token = bob.token().await;
    bob.close().await;
    server.until_metric("adsum_sessions", 0.0).await;
    let ann = server.login("ann").await;
    let mut again = Client::connect(server.address(), Form::Json).await;
    for _ in 0..3 {
        let ack = again.authenticate(&token).await;
        assert_eq!(ack.error.and_then(|error| error.code), Some(5_104));
    }
    ann.close().await;
    server.until_metric("adsum_sessions", 0.0).await;
    assert!(again.authenticate(&token).await.ok);
}

/// A session keeps its seat through its grace: it goes on however many want to come, over a
/// connection of which nobody knows yet that it is gone too, and `connect_limit` bounds sessions.
#[tokio::test]
async fn a3_a_session_that_goes_on_has_its_seat() {
    let server = Server::run(&["--connect-limit", "1"]);
    for name in ["ann", "bob"] {
        server.account(name);
    }
    let mut first = Client::connect(server.address(), Form::Json).await;
    let mut secret = first.authenticate(&auth("ann")).await.n2.expect("a secret");
    let mut open = vec![first];
    for is_gone in [false, true] {
        if is_gone {
            open.drain(..).for_each(Client::break_off);
            server.until_metric("adsum_detached", 1.0).await;
        }
        let mut bob = Client::connect(server.address(), Form::Json).await;
        let ack = bob.authenticate(&auth("bob")).await;
        assert_eq!(ack.error.and_then(|error| error.code), Some(5_104), "{is_gone}");
        let shown = TimAuth { name: None, pwd: None, ..auth_with("", &[("resume", &secret)]) };
        let mut next = Client::connect(server.address(), Form::Json).await;
        let ack = next.authenticate(&shown).await;
        secret = ack.n2.unwrap_or_else(|| panic!("{is_gone}: {:?}", ack.error));
        open.push(next);
    }
    server.until_metric("adsum_sessions", 1.0).await;
}

/// A login that would evict a device of its own user's needs a seat, too: at a full server nothing
/// is evicted for it. Where there is one, the seat of whoever makes way is free at once.
#[tokio::test]
async fn a3_who_makes_way_for_another_device_gives_its_seat_back() {
    let flags = ["--connect-limit", "2", "--seats-per-address", "2", "--grace-error", "0"];
    let more = ["--device-limit", "1", "--auth-min-unix", "0"];
    let server = Server::run(&[&flags[..], &more].concat());
    for name in ["ann", "bob"] {
        server.account(name);
    }
    let mut old = server.login("ann").await;
    let bob = server.login("bob").await;
    let mut new = Client::connect(server.address(), Form::Json).await;
    let refused = new.authenticate(&auth("ann")).await;
    assert_eq!(refused.error.and_then(|error| error.code), Some(5_104));
    assert_eq!(old.until_pong().await, []);
    bob.close().await;
    server.until_metric("adsum_sessions", 1.0).await;
    assert!(new.authenticate(&auth("ann")).await.ok);
    // It is evicted.
    assert_eq!(old.close_code().await, 4_001);
    let mut bob = server.login("bob").await;
    assert_eq!(bob.until_pong().await, []);
    assert_eq!(new.until_pong().await, []);
    server.until_metric("adsum_sessions", 2.0).await;
}

/// Behind a proxy that is trusted each of its clients has its own share of the seats; of one that
/// is not, all of them have one.
#[tokio::test]
async fn a3_behind_a_proxy_each_client_has_its_share_of_the_seats() {
    // Either so many as are said, or half of two and half of what is left.
    let one_each = [
        &["--connect-limit", "9", "--seats-per-address", "1"][..],
        &["--connect-limit", "2", "--seats-per-address", "0"],
    ];
    for (flags, is_trusted) in one_each.iter().flat_map(|one| [(one, true), (one, false)]) {
        // The first is 127.0.0.8 and 127.0.0.9, in the form that IPv6 has for them.
        let trusted = if is_trusted { "::ffff:127.0.0.8/127" } else { "127.0.0.8" };
        let server = Server::run(&[flags, &["--trusted-proxies", trusted][..]].concat());
        let mut open = Vec::new();
        for (name, from, gets_in) in [
            ("ann", "203.0.113.1", true),
            ("bob", "203.0.113.1", false),
            ("cyd", "203.0.113.2", is_trusted),
        ] {
            server.account(name);
            let stream = stream_from(9, server.address()).await;
            let header = Some((X_FORWARDED_FOR, from));
            let mut client = Client::forwarded(stream, server.address(), Form::Json, header).await;
            let ack = client.authenticate(&auth(name)).await;
            assert_eq!(ack.ok, gets_in, "{flags:?} {is_trusted} {name}: {ack:?}");
            if !gets_in {
                assert_eq!(ack.error.and_then(|error| error.code), Some(5_104), "{name}");
            }
            open.push(client);
        }
    }
}

/// An address that has too many connections open loses the oldest, and takes nothing from others.
#[tokio::test]
async fn a3_an_address_has_so_many_connections_and_no_more() {
    let server = Server::run(&["--pending-per-address", "5"]);
    server.account("ann");
    let mut of_others = stream_from(3, server.address()).await;
    of_others.write_all(b"GET /tim HT").await.unwrap();
    let mut open = Vec::new();
    for _ in 0..8 {
        let mut stream = stream_from(2, server.address()).await;
        // One that has begun to speak is there for certain.
        stream.write_all(b"GET /tim HT").await.unwrap();
        open.push(stream);
    }
    for stream in &mut open[..3] {
        until_closed(stream).await;
    }
    assert!(open[3..].iter().chain([&of_others]).all(is_open));
    // One who comes from there all the same gets in; the next oldest goes.
    let mut ann = Client::connect_from(2, server.address(), Form::Json).await;
    assert!(ann.authenticate(&auth("ann")).await.ok);
    until_closed(&mut open[3]).await;
    // A WebSocket on which nobody has logged in is told why it has to go.
    let mut waiting = Client::connect_from(4, server.address(), Form::Json).await;
    let more: Vec<_> =
        futures_util::future::join_all((0..5).map(|_| stream_from(4, server.address()))).await;
    assert_eq!(waiting.close_frame().await, (1_008, "too many have not logged in".to_owned()));
    drop(more);
}

/// Neither one request after the other nor answers that nobody reads keep a connection open.
#[tokio::test]
async fn a3_http_connections_end() {
    let server = Server::run(&["--http-timeout", "1"]);
    let asking = async {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let started = Instant::now();
        loop {
            let asked = stream.write_all(b"GET /favicon.svg HTTP/1.1\r\nHost: x\r\n\r\n").await;
            let mut answer = [0; 4_096];
            if asked.is_err() || stream.read(&mut answer).await.map_or(true, |read| read == 0) {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "it may ask for ever");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let deaf = async {
        let mut stream = TcpStream::connect(server.address()).await.unwrap();
        let requests = b"GET /app.js HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_000);
        let started = Instant::now();
        // As much as it takes; then nothing goes any more, and in the end it breaks.
        while stream.write_all(&requests).await.is_ok() {
            assert!(started.elapsed() < PATIENCE, "it may be deaf for ever");
        }
    };
    let both = async { tokio::join!(asking, deaf) };
    tokio::time::timeout(PATIENCE, both).await.expect("both end");
}

/// Behind a proxy limits are for the addresses that it tells; nobody else's word is taken for it.
#[tokio::test]
async fn a3_behind_a_proxy_its_clients_are_told_apart() {
    const PROXY: u8 = 9;
    let flags = ["--trusted-proxies", "127.0.0.9", "--pending-per-address", "3"];
    let server = Server::run(&flags);
    server.account("ann");
    let connect = async |from: u8, client: &str| {
        let stream = stream_from(from, server.address()).await;
        let header = Some((X_FORWARDED_FOR, client));
        Client::forwarded(stream, server.address(), Form::Json, header).await
    };
    let mut of_one = Vec::new();
    for client in ["203.0.113.1", "6.6.6.6, 203.0.113.1", "203.0.113.1", "203.0.113.1"] {
        of_one.push(connect(PROXY, client).await);
    }
    assert_eq!(of_one[0].close_code().await, 1_008);
    let mut of_another = connect(PROXY, "203.0.113.2").await;
    // Guessing is counted for who guesses.
    let wrong = TimAuth { pwd: Some(Secret::from("wrong")), ..auth("ann") };
    let guess = async |client: &mut Client| {
        client.authenticate(&wrong).await.error.and_then(|error| error.code)
    };
    for _ in 0..10 {
        assert_eq!(guess(&mut of_one[1]).await, Some(4_105));
    }
    assert_eq!(guess(&mut of_one[2]).await, Some(5_105));
    assert_eq!(guess(&mut of_another).await, Some(4_105));
    assert!(of_another.authenticate(&auth("ann")).await.ok);
    // Who is no proxy is counted where it is, whatever it says.
    let mut liars = Vec::new();
    for client in ["203.0.113.3", "203.0.113.4", "203.0.113.5", "203.0.113.6"] {
        liars.push(connect(2, client).await);
    }
    assert_eq!(liars[0].close_code().await, 1_008);
}

/// However a proxy writes an address, it is that address: with a port, in brackets, in quotes, in
/// the header of RFC 7239. One who comes too often by all of these loses the oldest connection.
#[tokio::test]
async fn a3_a_client_behind_a_proxy_is_one_however_its_address_is_written() {
    let v4 = ["203.0.113.7", "203.0.113.7:4711", "\"203.0.113.7:4712\"", "6.6.6.6, 203.0.113.7:1"];
    let v6 = ["2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:4711", "\"[2001:db8::1]:4711\""];
    let of_the_rfc = [
        "for=203.0.113.7",
        "for=6.6.6.6;by=\", FOR=\"203.0.113.7:4711\";proto=https",
        "proto=http; host=\"a;b,c\"; For=203.0.113.7:_port",
        "for=unknown, for=203.0.113.7",
    ];
    for (name, spellings) in [(X_FORWARDED_FOR, v4), (X_FORWARDED_FOR, v6), (FORWARDED, of_the_rfc)]
    {
        // The first is the default.
        let header: &[_] =
            if name == FORWARDED { &["--forwarded-header", "forwarded"] } else { &[] };
        let flags = ["--trusted-proxies", "127.0.0.9", "--pending-per-address", "3"];
        let server = Server::run(&[header, &flags].concat());
        server.account("ann");
        let mut open = Vec::new();
        for client in spellings {
            let stream = stream_from(9, server.address()).await;
            let header = Some((name, client));
            open.push(Client::forwarded(stream, server.address(), Form::Json, header).await);
        }
        assert_eq!(open[0].close_code().await, 1_008, "{spellings:?}");
        assert!(open[1].authenticate(&auth("ann")).await.ok);
        let log = server.program().log();
        assert!(!log.contains("trusted proxy"), "{log}");
    }
}

/// What is no address is said, once, and whoever it is for counts as the proxy itself, which has as
/// many connections as it likes. The other header is a client's own.
#[tokio::test]
async fn a3_a_proxy_that_says_no_address_is_named_in_the_log() {
    for (name, wrong, said) in [
        (X_FORWARDED_FOR, "9.9.9.9, not an address", "\"not an address\" in x-forwarded-for"),
        (X_FORWARDED_FOR, "\"[::1", "\"\\\"[::1\" in x-forwarded-for"),
        (FORWARDED, "for=1.1.1.1", "forwarded and no x-forwarded-for"),
    ] {
        let server = Server::run(&["--trusted-proxies", "127.0.0.9", "--pending-per-address", "2"]);
        server.account("ann");
        let mut open = Vec::new();
        for _ in 0..4 {
            let stream = stream_from(9, server.address()).await;
            let header = Some((name, wrong));
            open.push(Client::forwarded(stream, server.address(), Form::Json, header).await);
        }
        for client in &mut open {
            assert!(client.authenticate(&auth("ann")).await.ok, "{wrong}");
        }
        let log = server.program().log();
        assert!(log.contains(&format!("the trusted proxy 127.0.0.9 sends {said}")), "{log}");
        assert_eq!(log.matches("trusted proxy").count(), 1, "{log}");
    }
}

/// With fewer files than connections, operators are answered all the same.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a3_operators_are_answered_when_files_run_out() {
    let server = Server::of_program(Program::start_with_files(
        200,
        &["--admin-listen", "127.0.0.1:0", "--drain-timeout", "0"],
    ));
    let log = server.program().log();
    assert!(log.contains("the limit of 200 open files"), "{log}");
    server.account("ann");
    let admin = server.program().admin_address.unwrap();
    let mut open = Vec::new();
    for _ in 0..300 {
        open.push(stream_from(2, server.address()).await);
    }
    assert!(is_well(admin).await);
    let mut ann = server.login("ann").await;
    assert_eq!(ann.until_pong().await, []);
}

/// Nor do those take all files who have lost their seat and do not answer the close frame.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a3_operators_are_answered_when_nobody_says_goodbye() {
    const FILES: u32 = 512;
    let server = Server::of_program(Program::start_with_files(
        FILES,
        &["--admin-listen", "127.0.0.1:0", "--drain-timeout", "0"],
    ));
    server.account("ann");
    let admin = server.program().admin_address.unwrap();
    let descriptors = format!("/proc/{}/fd", server.program().pid());
    let mut silent = Vec::new();
    for _ in 0..FILES * 3 / 2 {
        silent.push(Client::connect_from(2, server.address(), Form::Json).await);
    }
    let open = std::fs::read_dir(descriptors).unwrap().count();
    assert!(open < FILES as usize - 100, "{open}");
    assert!(is_well(admin).await);
    let mut ann = server.login("ann").await;
    assert_eq!(ann.until_pong().await, []);
}
