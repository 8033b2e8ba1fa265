//! What an operator uses: an address of their own, the load generator, and how it all ends.

mod support;

use std::time::{Duration, Instant};

use adsum_tim::{Form, Kind};
use futures_util::future::join_all;
use serde_json::Value;
use support::program::Program;
use support::{Client, Server, Told, auth, crowd, request};
use tokio::net::TcpStream;

const ADMIN: &str = "a token of an administrator";

/// What is an operator's is there alone, and what is a client's is not there.
#[tokio::test]
async fn administration_has_an_address_of_its_own() {
    let program = Program::start(&["--admin-listen", "127.0.0.1:0", "--admin-token", ADMIN]);
    let (clients, admin) = (program.address, program.admin_address.unwrap());
    assert!(admin != clients && admin.ip().is_loopback());
    let status = async |to, line: &str| {
        let head = format!("{line} HTTP/1.1\r\nAuthorization: Bearer {ADMIN}\r\n");
        support::request_bytes(to, &head, b"{}").await.0
    };
    for line in ["GET /metrics", "GET /healthz", "GET /admin/online"] {
        assert_eq!((status(clients, line).await, status(admin, line).await), (404, 200), "{line}");
    }
    assert_eq!(status(clients, "POST /v1/online").await, 404);
    assert_eq!(status(admin, "POST /v1/online").await, 200);
    for line in ["POST /admin/presence", "POST /admin/expel"] {
        // There is nothing to be done, but it is the right place.
        assert_eq!((status(clients, line).await, status(admin, line).await), (404, 400), "{line}");
    }
    for line in ["GET /", "POST /tim2", "GET /tim"] {
        assert_ne!(status(clients, line).await, 404, "{line}");
        assert_eq!(status(admin, line).await, 404, "{line}");
    }
    assert_eq!(request(admin, "GET /admin/online HTTP/1.1\r\n", b"").await.0, 401);
    // The name of the scheme is the same in any case.
    let head = format!("GET /admin/online HTTP/1.1\r\nAuthorization: bearer {ADMIN}\r\n");
    assert_eq!(request(admin, &head, b"").await.0, 200);
    // One acts there on those who are here.
    let store = program.store();
    let ann = adsum_server::store::Store::register(&store, "ann", support::PASSWORD, "").unwrap();
    let mut at_ann = Client::connect(clients, Form::Json).await;
    assert!(at_ann.authenticate(&auth("ann")).await.ok);
    let head = format!("POST /admin/expel HTTP/1.1\r\nAuthorization: Bearer {ADMIN}\r\n");
    let body = format!(r#"{{"node":"{ann}"}}"#);
    let answer = request(admin, &head, body.as_bytes()).await;
    assert_eq!(answer, (200, r#"{"sessions":1}"#.to_owned()));
    assert_eq!(at_ann.close_code().await, 4_002);
}

/// Without a token there is no administration at all.
#[tokio::test]
async fn no_token_no_administration() {
    let program = Program::start(&["--admin-listen", "127.0.0.1:0", "--metrics=false"]);
    let admin = program.admin_address.unwrap();
    for line in ["GET /admin/online", "POST /admin/expel", "GET /metrics"] {
        let head = format!("{line} HTTP/1.1\r\nAuthorization: Bearer {ADMIN}\r\n");
        assert_eq!(request(admin, &head, b"{}").await.0, 404, "{line}");
    }
    assert_eq!(request(admin, "GET /healthz HTTP/1.1\r\n", b"").await.0, 200);
}

/// Runs the load generator to its end; its report.
fn load(flags: &[&str]) -> Value {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_adsum-server"))
        .args(["load", "--json", "--sessions", "24", "--friends", "12"])
        .args(flags)
        .env_clear()
        .output()
        .unwrap();
    let (out, err) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(0), "{err}");
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
}

#[test]
fn load_measures() {
    let report = load(&["--rate", "50", "--duration", "1"]);
    assert_eq!(report["sessions"], 24);
    assert_eq!((&report["published"], &report["deliveries"]), (&50.into(), &600.into()));
    assert_eq!((&report["expected"], &report["order_violations"]), (&600.into(), &0.into()));
    // It may take longer on a busy machine, but the pace is kept.
    let seconds = report["seconds"].as_f64().unwrap();
    assert!(seconds > 0.9, "{seconds}");
    let percentiles = ["latency_p50_ms", "latency_p90_ms", "latency_p99_ms", "latency_max_ms"];
    let percentiles = percentiles.map(|name| report[name].as_f64().unwrap());
    assert!(percentiles[0] > 0.0 && percentiles.is_sorted(), "{percentiles:?}");
    if cfg!(target_os = "linux") {
        assert!(report["cpu_us_per_delivery"].as_f64().unwrap() > 0.0);
        assert!(report["resident_connected_kib"].as_u64().unwrap() > 1_000);
    }
}

/// With friends who come and go, in Thrift, and as fast as it goes.
#[test]
fn load_measures_churn() {
    let report = load(&["--burst", "200", "--churn", "50", "--form", "thrift"]);
    assert_eq!((&report["published"], &report["deliveries"]), (&200.into(), &2_400.into()));
    assert_eq!(report["order_violations"], 0);
    assert!(report["churned"].as_u64().unwrap() > 0, "{report}");
}

/// In the neutral protocol.
#[test]
fn load_measures_the_neutral_protocol() {
    let report = load(&["--rate", "100", "--duration", "1", "--form", "v1", "--churn", "20"]);
    assert_eq!((&report["published"], &report["deliveries"]), (&100.into(), &1_200.into()));
    assert_eq!(report["order_violations"], 0);
    assert!(report["churned"].as_u64().unwrap() > 0, "{report}");
}

/// With friends who read nothing until the end, when they all come to know the newest.
#[test]
fn load_measures_slow_readers() {
    let report = load(&["--rate", "200", "--duration", "1", "--slow", "3", "--size", "2000"]);
    assert_eq!((&report["published"], &report["slow"]), (&200.into(), &3.into()));
    assert_eq!((&report["deliveries"], &report["slow_caught_up"]), (&1_800.into(), &3.into()));
    assert_eq!(report["order_violations"], 0);
}

/// A server that there is not is said to be so.
#[test]
fn load_says_what_went_wrong() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_adsum-server"))
        .args(["load", "--sessions", "2", "--friends", "1", "--server", &free.to_string()])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.contains("an account was not made"), "{err}");
}

/// A server that runs lets one address make so many accounts: that is said with what to do, in the
/// help too; without that bound the load has all of its friends, more than one may ask at once.
#[test]
fn load_says_what_a_running_server_needs() {
    let run = |to: &str, friends: &str| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_adsum-server"))
            .args(["load", "--json", "--server", to, "--sessions", "4", "--friends", friends])
            .args(["--rate", "5", "--duration", "1"])
            .env_clear()
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let bounded = Program::start(&["--register-burst", "2"]);
    let (code, _, err) = run(&bounded.address.to_string(), "2");
    assert_eq!(code, Some(1));
    assert!(err.contains("start that server with --register-burst 0"), "{err}");
    let unbounded = Program::start(&["--register-burst", "0"]);
    let (code, out, err) = run(&unbounded.address.to_string(), "110");
    assert_eq!(code, Some(0), "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&report["deliveries"], &report["expected"]), (&550.into(), &550.into()));
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_adsum-server"))
        .args(["load", "--help"])
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let help: Vec<_> = help.split_whitespace().collect();
    assert!(help.join(" ").contains("It needs --register-burst 0"), "{help:?}");
}

/// Told to stop, it lets nobody more in, gives everybody what is theirs, tells each, and ends well
/// and soon.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_drains_tells_everybody_and_ends_well() {
    let server = Server::of_program(Program::start(&[]));
    let names = crowd(30);
    for name in &names {
        server.account(name);
    }
    server.make_all_friends();
    let mut clients = support::all_log_in(&server, &names).await;
    let waiting = Client::connect(server.address(), Form::Json).await;
    let half_open = TcpStream::connect(server.address()).await.unwrap();
    let mut speaker = clients.pop().unwrap();
    for number in 0..20 {
        speaker.say(&number.to_string()).await;
    }
    // Taken by the server; most of it is not yet written to those who hear it.
    speaker.until_pong().await;
    let mut program = server.into_program();
    let started = Instant::now();
    program.signal("-TERM");
    let mut heard = join_all(clients.iter_mut().map(|client| async move {
        let mut count = 0;
        loop {
            use futures_util::StreamExt as _;
            use tokio_tungstenite::tungstenite::Message;
            match tokio::time::timeout(support::PATIENCE, client.ws.next()).await.unwrap() {
                Some(Ok(Message::Binary(_))) => count += 1,
                Some(Ok(Message::Close(Some(frame)))) => {
                    assert_eq!(frame.reason, "the server is shutting down");
                    return (count, u16::from(frame.code));
                }
                other => panic!("{other:?} instead of a close frame"),
            }
        }
    }))
    .await;
    heard.dedup();
    assert_eq!(heard, [(20, 1_001)]);
    for mut client in [waiting, speaker] {
        assert_eq!(client.close_code().await, 1_001);
    }
    assert!(TcpStream::connect(program.address).await.is_err(), "it lets nobody in any more");
    drop(clients);
    assert_eq!(program.end(), Some(0));
    // Five seconds are what it gives to those who do not take what is due.
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    drop(half_open);
    assert!(program.log().contains("stopping"));
}

/// One that is part of another program may be dropped instead: its threads end, its connections
/// are closed, and the store is nobody's but the test's again.
#[tokio::test]
async fn a_host_that_is_dropped_leaves_nothing_behind() {
    let server = Server::start();
    server.account("ann");
    let mut ann = server.login("ann").await;
    let store = server.store.clone();
    drop(server);
    assert_eq!(ann.close_code().await, 1_001);
    drop(ann);
    let all_gone = async {
        while std::sync::Arc::strong_count(&store) > 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(support::PATIENCE, all_gone).await.expect("an end");
}

/// A server that was stopped for longer than a client may be silent, as a machine that is moved is,
/// holds nobody to have been silent: their pings were there all the time. Afterwards silence counts
/// as before.
#[tokio::test]
async fn a_pause_of_the_server_makes_nobody_offline() {
    let server =
        Server::of_program(Program::start(&["--ping-timeout", "5", "--grace-timeout", "1"]));
    for name in ["ann", "bob"] {
        server.account(name);
    }
    server.make_all_friends();
    let mut ann = server.login("ann").await;
    let mut bob = server.login("bob").await;
    ann.say("before").await;
    assert_eq!(next_presence(&mut bob).await, ("before".to_owned(), false));
    server.program().signal("-STOP");
    let mut between_pings = tokio::time::interval(Duration::from_millis(500));
    for _ in 0..14 {
        between_pings.tick().await;
        for client in [&mut ann, &mut bob] {
            client.send(vec![Kind::PING.number()]).await;
        }
    }
    server.program().signal("-CONT");
    // The first thing that bob hears of ann is no end.
    ann.say("after").await;
    assert_eq!(next_presence(&mut bob).await, ("after".to_owned(), false));
    assert!(server.metric("adsum_stalled_seconds_total").await > 2.0);
    let log = server.program().log();
    assert!(log.contains("did not get to run"), "{log}");
    // From now on only bob pings.
    let silent = Instant::now();
    let told = loop {
        between_pings.tick().await;
        let told = bob.until_pong().await;
        if !told.is_empty() {
            break told;
        }
        assert!(silent.elapsed() < support::PATIENCE, "ann is silent and online");
    };
    let [Told::Presence(end)] = &told[..] else { panic!("{told:?}") };
    assert_eq!(end.offline, Some(true));
    assert!(silent.elapsed() > Duration::from_secs(1), "{:?}", silent.elapsed());
}

/// The next presence that comes, among pongs: what it says, and whether it says *offline*.
async fn next_presence(client: &mut Client) -> (String, bool) {
    loop {
        if let Told::Presence(heard) = client.next().await {
            return (heard.status.unwrap_or_default(), heard.offline == Some(true));
        }
    }
}

/// Not even a store that does not answer keeps it from ending.
#[tokio::test]
async fn it_ends_in_bounded_time_though_the_store_is_stuck() {
    let server = Server::of_program(Program::start(&["--drain-timeout", "1"]));
    let [_, bob] = ["ann", "bob"].map(|name| server.account(name));
    let mut ann = server.login("ann").await;
    let mut bobs = Client::connect(server.address(), Form::Json).await;
    let sql = server.program().sql();
    sql.execute_batch("BEGIN EXCLUSIVE").unwrap();
    ann.ask(adsum_tim::rtype::ADD_ROSTER, Some(&bob)).await;
    bobs.send(auth("bob").to_request(Form::Json, Kind::AUTH)).await;
    let mut program = server.into_program();
    let started = Instant::now();
    program.signal("-TERM");
    assert_eq!(program.end(), Some(0));
    // The lock would have kept it five seconds.
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    assert!(program.log().contains("did not end in time"), "{}", program.log());
    drop((ann, bobs, sql));
}
