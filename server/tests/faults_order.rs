//! tim's faults, by their numbers: many do many things at the same time. Against the program but
//! for the one that needs twenty thousand rounds and so a store without passwords.

mod support;

use std::time::Duration;

use adsum_tim::{Form, Kind};
use futures_util::future::join_all;
use support::village::Village;
use support::{Client, PATIENCE, Server, all_log_in, auth, brisk, crowd};

/// One may speak as often as one likes, and everything fits.
const AT_WILL: [&str; 6] =
    ["--publish-burst", "0", "--security-reqhzsecond", "0", "--queue-frames", "20000"];

/// A program in which everybody knows everybody.
fn village_of(names: &[String], flags: &[&str]) -> Server {
    let server = Server::run(&[&AT_WILL, flags].concat());
    for name in names {
        server.account(name);
    }
    server.make_all_friends();
    server
}

/// Two updates sent one after the other arrive so, at each friend, every time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b02_no_reordering() {
    const ROUNDS: usize = 100;
    let names = crowd(40);
    let server = village_of(&names, &[]);
    let mut clients = all_log_in(&server, &names).await;
    let mut sender = clients.swap_remove(0);
    let from = sender.node.clone();
    let readers = clients.into_iter().map(|mut client| {
        let from = from.clone();
        tokio::spawn(async move {
            for round in 0..ROUNDS {
                for what in ["away", "online"] {
                    assert_eq!(client.heard().await, (from.clone(), format!("{what} {round}")));
                }
            }
        })
    });
    let readers: Vec<_> = readers.collect();
    for round in 0..ROUNDS {
        sender.say(&format!("away {round}")).await;
        sender.say(&format!("online {round}")).await;
    }
    for reader in readers {
        reader.await.unwrap();
    }
    server.host.stop().await;
}

/// All speak at once, to all and to some, and come and go: each hears it in the order in which it
/// was decided, which is that of the numbers, and of each sender everything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b02_all_receivers_hear_in_the_order_of_decision() {
    const EACH: usize = 60;
    let names = crowd(12);
    let server = village_of(&names, &[]);
    let mut watchers = all_log_in(&server, &names[..6]).await;
    let everybody: Vec<_> = watchers.iter().map(|client| client.node.clone()).collect();
    let speakers = join_all(names[6..].iter().map(|name| {
        let (server, everybody) = (&server, &everybody);
        async move {
            let to: Vec<_> = everybody.iter().map(String::as_str).collect();
            for life in 0..3 {
                let mut client = server.login(name).await;
                for number in 0..EACH {
                    let text = format!("{life:02} {number:03}");
                    match number % 3 {
                        0 => client.direct(&to, &text).await,
                        _ => client.say(&text).await,
                    }
                }
                client.until_pong().await;
                client.close().await;
            }
        }
    }));
    let heard = join_all(watchers.iter_mut().map(|client| async move {
        let (mut last, mut said) = (0, std::collections::BTreeMap::<_, Vec<_>>::new());
        let mut offline = 0;
        while offline < 6 * 3 {
            let told = client.presence().await;
            let id = told.id.unwrap();
            assert!(id > last, "{id} after {last}");
            last = id;
            offline += usize::from(told.offline == Some(true));
            let status = told.status.unwrap_or_default();
            said.entry(told.from_tid.unwrap().node).or_default().push(status);
        }
        said
    }));
    let (_, heard) = tokio::join!(speakers, heard);
    for said in heard {
        assert_eq!(said.len(), 6);
        for all in said.values() {
            let all: Vec<_> = all.iter().filter(|text| !text.is_empty()).collect();
            assert!(all.len() == 3 * EACH && all.is_sorted(), "{all:?}");
        }
    }
    server.host.stop().await;
}

/// Two logins and two logouts of one user at the same instant, again and again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b10_no_lost_session_and_no_ghost() {
    let rounds = std::env::var("ADSUM_TEST_ROUNDS").map_or(300, |rounds| rounds.parse().unwrap());
    // The watcher speaks once a round, faster than one may for long.
    let no_rate = |config: &mut adsum_server::config::Config| {
        config.presence.publish_burst = 0;
        config.network.requests_per_second = 0;
    };
    let server = Server::over(Village::of(["a", "w"].map(str::to_owned)), no_rate, brisk());
    let mut watcher = server.login("w").await;
    for round in 0..rounds {
        let (mut one, mut two) = tokio::join!(server.login("a"), server.login("a"));
        let text = round.to_string();
        watcher.direct(&["a"], &text).await;
        // Neither session is lost.
        for client in [&mut one, &mut two] {
            assert_eq!(client.heard().await, ("w".to_owned(), text.clone()), "round {round}");
        }
        one.say(&text).await;
        assert_eq!(watcher.heard().await, ("a".to_owned(), text));
        tokio::join!(one.close(), two.close());
        assert_eq!(watcher.heard().await, ("a".to_owned(), "offline".to_owned()));
    }
    server.until_metric("adsum_sessions", 1.0).await;
    server.until_metric("adsum_users_online", 1.0).await;
    server.host.stop().await;
}

/// Logins that come together with the handshake stay.
#[tokio::test]
async fn b12_a_login_in_the_first_packet_is_not_thrown_out() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    const CLIENTS: usize = 100;
    let flags = ["--login-timeout", "1", "--device-limit", "200", "--devicetype-limit", "200"];
    let server = Server::run(&flags);
    server.account("ann");
    let to = server.address();
    let frame = auth("ann").to_request(Form::Json, Kind::AUTH);
    // A masked binary frame; a mask of zeros changes nothing.
    let length = u8::try_from(frame.len()).unwrap();
    assert!(length < 126);
    let head = format!(
        "GET /tim HTTP/1.1\r\nHost: {to}\r\nOrigin: x\r\nUpgrade: websocket\r\nConnection: Upgrade\
         \r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    );
    let all = [head.as_bytes(), &[0x82, 0x80 | length, 0, 0, 0, 0], &frame].concat();
    let one = || async {
        let mut stream = tokio::net::TcpStream::connect(to).await.unwrap();
        stream.write_all(&all).await.unwrap();
        let mut answer = Vec::new();
        let has = |answer: &[u8], what: &[u8]| answer.windows(what.len()).any(|part| part == what);
        while !has(&answer, br#""timType":16"#) {
            let read = stream.read_buf(&mut answer);
            assert_ne!(tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap(), 0);
        }
        assert!(has(&answer, b"101 Switching") && has(&answer, br#""ok":true"#));
        stream
    };
    let streams = join_all((0..CLIENTS).map(|_| one())).await;
    // Beyond the deadline for a login they are still there.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!((server.metric("adsum_sessions").await - CLIENTS as f64).abs() < f64::EPSILON);
    drop(streams);
    server.host.stop().await;
}

/// A session that logs in while presences fly is answered in its own form from the first byte.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b18_the_form_is_fixed_before_anybody_sees_the_session() {
    const LOGINS: usize = 8;
    let names = crowd(2);
    let server = village_of(&names, &["--device-limit", "200", "--devicetype-limit", "200"]);
    let mut sender = server.login_as(&names[0], Form::Thrift, auth(&names[0])).await;
    let over = std::sync::atomic::AtomicBool::new(false);
    let sending = async {
        for number in 0.. {
            if over.load(std::sync::atomic::Ordering::Relaxed) {
                return;
            }
            sender.say(&number.to_string()).await;
            tokio::task::yield_now().await;
        }
    };
    let logins = join_all((0..2 * LOGINS).map(|at| {
        let (to, auth) = (server.address(), auth(&names[1]));
        async move {
            let form = if at % 2 == 0 { Form::Json } else { Form::Thrift };
            for _ in 0..LOGINS {
                let mut client = Client::connect(to, form).await;
                client.send(auth.to_request(form, Kind::AUTH)).await;
                for number in 0..3 {
                    let bytes = client.next_bytes().await.unwrap();
                    assert_eq!(bytes[1] == b'{', form == Form::Json, "{bytes:?}");
                    assert_eq!(bytes[0] == Kind::ACK.number(), number == 0, "the ack comes first");
                }
                client.break_off();
            }
        }
    }));
    let logins = async {
        logins.await;
        over.store(true, std::sync::atomic::Ordering::Relaxed);
    };
    tokio::join!(sending, logins);
    server.host.stop().await;
}

/// Receipts for what was never sent cost neither threads nor memory, and no answer.
#[tokio::test]
async fn b22_receipts_for_nothing_cost_nothing() {
    let server = Server::run(&[]);
    server.account("ann");
    let status = || {
        let file = format!("/proc/{}/status", server.program().pid());
        let status = std::fs::read_to_string(file).unwrap();
        ["Threads:", "VmRSS:"].map(|field| {
            let line = status.lines().find(|line| line.starts_with(field)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<i64>().unwrap()
        })
    };
    let mut at_ann = server.login("ann").await;
    at_ann.until_pong().await;
    let before = status();
    for id in 0..20_000u32 {
        at_ann.send([&[0x8c], &id.to_be_bytes()[..]].concat()).await;
    }
    // The receipts do not count against the rate either.
    assert_eq!(at_ann.until_pong().await, []);
    let after = status();
    assert!(after[0] <= before[0] + 1, "{} threads", after[0]);
    assert!(after[1] - before[1] < 4_096, "{} KiB more", after[1] - before[1]);
    server.host.stop().await;
}

/// A presence is encoded once for each form and not once for each receiver, and the roster is not
/// read for it.
#[tokio::test]
async fn b20_encoded_once_for_each_form() {
    const PUBLISHES: usize = 25;
    let names = crowd(41);
    let server = village_of(&names, &[]);
    let mut sender = server.login(&names[0]).await;
    let mut receivers = Vec::new();
    for (at, name) in names[1..].iter().enumerate() {
        let form = if at % 2 == 0 { Form::Json } else { Form::Thrift };
        receivers.push(server.login_as(name, form, auth(name)).await);
    }
    let figures = async || {
        let lines = [
            "adsum_encodings_total{form=\"json\"}",
            "adsum_encodings_total{form=\"thrift\"}",
            "adsum_deliveries_total{kind=\"presence\"}",
            "adsum_deliveries_total{kind=\"offline\"}",
            "adsum_store_errors_total",
        ];
        join_all(lines.map(|line| server.metric(line))).await
    };
    // Whoever reads the roster from now on fails.
    server.program().sql().execute_batch("ALTER TABLE relations RENAME TO gone").unwrap();
    let before = figures().await;
    for number in 0..PUBLISHES {
        sender.say(&number.to_string()).await;
    }
    for client in &mut receivers {
        for number in 0..PUBLISHES {
            assert_eq!(client.heard().await.1, number.to_string());
        }
    }
    sender.close().await;
    for client in &mut receivers {
        assert_eq!(client.heard().await.1, "offline");
    }
    let after = figures().await;
    let grown: Vec<_> = before.iter().zip(&after).map(|(before, after)| after - before).collect();
    let each = (PUBLISHES + 1) as f64;
    assert_eq!(grown, [each, each, (40 * PUBLISHES) as f64, 40.0, 0.0]);
    server.host.stop().await;
}
