//! tim's faults, by their numbers: none of them is here. (Those that are not named concern rooms,
//! messages or several servers.)

mod support;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use adsum_server::protocol::{Form, Kind, Tid, TimPresence, rtype};
use futures_util::future::join_all;
use support::village::Village;
use support::{Client, PATIENCE, Server, Told, auth, auth_from, brisk, says};
use tokio::net::TcpSocket;

fn crowd(count: usize) -> Vec<String> {
    (0..count).map(|at| format!("p{at:03}")).collect()
}

async fn all_log_in(server: &Server, names: &[String]) -> Vec<Client> {
    join_all(names.iter().map(|name| server.login(name))).await
}

/// Reads until a presence of `from` says `what`; all that came until then.
async fn until(client: &mut Client, from: &str, what: &str) -> Vec<(String, String)> {
    let mut heard = Vec::new();
    loop {
        let next = client.heard().await;
        let done = next == (from.to_owned(), what.to_owned());
        heard.push(next);
        if done {
            return heard;
        }
    }
}

/// 200 mutual friends are lost at once, again and again, while the store does not answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b01_mass_disconnect_does_not_deadlock() {
    const CROWD: usize = 200;
    let names = crowd(CROWD);
    let village = Village::of(names.iter().cloned().chain(["watcher".to_owned()]));
    let no_grace = |config: &mut adsum_server::config::Config| {
        config.presence.grace_error_ms = 0;
        config.network.queue_frames = 2_000;
    };
    let server = Server::over(village.clone(), no_grace, brisk());
    let mut watcher = server.login("watcher").await;
    for _ in 0..3 {
        village.fails.store(false, Ordering::Relaxed);
        let mut clients = all_log_in(&server, &names).await;
        join_all(clients.iter_mut().map(|client| client.say("here"))).await;
        let mut here = BTreeSet::new();
        while here.len() < CROWD {
            let (from, what) = watcher.heard().await;
            assert_eq!(what, "here");
            assert!(here.insert(from));
        }
        // 199 others are told of each, too.
        let line = "adsum_deliveries_total{kind=\"presence\"}";
        assert!(server.metric(line).await >= (CROWD * (CROWD - 1)) as f64);
        village.fails.store(true, Ordering::Relaxed);
        clients.into_iter().for_each(Client::break_off);
        while !here.is_empty() {
            let (from, what) = watcher.heard().await;
            assert_eq!(what, "offline");
            assert!(here.remove(&from), "{from} went twice");
        }
    }
    server.until_metric("adsum_sessions", 1.0).await;
    assert_eq!(watcher.until_pong().await, []);
    server.host.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b02_no_reordering() {
    const ROUNDS: usize = 100;
    let names = crowd(40);
    let change = |config: &mut adsum_server::config::Config| {
        config.presence.publish_burst = 0;
        config.network.requests_per_second = 0;
        config.network.queue_frames = 10_000;
    };
    let server = Server::over(Village::of(names.clone()), change, brisk());
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

#[tokio::test]
async fn b03_offline_cannot_be_forged() {
    let server = Server::start();
    let [ann, bob] = server.friends(["ann", "bob"]);
    let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
    // What tim took half of is refused as a whole.
    for body in [r#"{"offline":true,"show":70000}"#, r#"{"offline":true,"status":5}"#] {
        for kind in [Kind::BROAD_PRESENCE, Kind::PRESENCE] {
            let frame = [&[kind.number() | 0x80], body.as_bytes()].concat();
            at_ann.send(frame).await;
            assert_eq!(at_ann.refusal().await, (kind.tim_type(), 4_113));
        }
    }
    // A Thrift frame without its stop byte.
    at_ann.send(vec![Kind::BROAD_PRESENCE.number(), 0x21]).await;
    assert_eq!(at_ann.refusal().await, (Kind::BROAD_PRESENCE.tim_type(), 4_113));
    // And what is well formed says nothing about id, offline and sender.
    let forged = TimPresence {
        id: Some(7),
        offline: Some(true),
        from_tid: Some(Tid::of("somebody else")),
        to_tid: Some(Tid { resource: Some("forged".to_owned()), ..Tid::of(bob.as_str()) }),
        ..says("forged")
    };
    at_ann.send(forged.to_request(Form::Json, Kind::PRESENCE)).await;
    let told = at_bob.presence().await;
    assert_eq!((told.offline, told.status.as_deref()), (None, Some("forged")));
    assert_eq!(told.from_tid, Some(Tid::of(ann.as_str())));
    assert_eq!(told.to_tid, Some(Tid::of(bob.as_str())));
    assert_ne!(told.id, Some(7));
    server.host.stop().await;
}

/// A login over a connection whose receive buffer is so small that it is full at once.
async fn tiny(server: &Server, name: &str) -> Client {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let stream = socket.connect(server.address()).await.unwrap();
    let mut client = Client::over(stream, server.address(), Form::Json).await;
    assert!(client.authenticate(&auth(name)).await.ok);
    client
}

/// One friend reads nothing, the others get everything, and what waits for the one is bounded.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b04_a_slow_reader_delays_nobody() {
    const PUBLISHES: usize = 1_500;
    const QUEUE: usize = 64 * 1024;
    let names = ["sender", "slow", "x", "y"].map(str::to_owned);
    let change = |config: &mut adsum_server::config::Config| {
        config.presence.publish_burst = 0;
        config.network.requests_per_second = 0;
        config.network.queue_frames = 100;
        config.network.queue_bytes = QUEUE;
    };
    let mut tuning = brisk();
    tuning.send_buffer_bytes = 4_096;
    let server = Server::over(Village::of(names), change, tuning);
    let mut slow = tiny(&server, "slow").await;
    let mut others = [server.login("x").await, server.login("y").await];
    let mut sender = server.login("sender").await;
    let text = "long ".repeat(200);
    for number in 0..PUBLISHES {
        sender.say(&format!("{text}{number}")).await;
        // Whoever reads has each of them: nobody is ahead of anybody.
        for other in &mut others {
            assert_eq!(other.heard().await, ("sender".to_owned(), format!("{text}{number}")));
        }
    }
    assert!(server.metric("adsum_congested_total").await >= 1.0);
    let waiting = server.metric("adsum_queued_bytes").await;
    // The host's figure is of the whole process, in which other tests run too.
    assert!(waiting < (8 * QUEUE) as f64, "{waiting}");
    let last = format!("{text}{}", PUBLISHES - 1);
    let heard = until(&mut slow, "sender", &last).await;
    assert!(heard.len() < PUBLISHES / 2, "newest state only, not {} presences", heard.len());
    // And from then on it hears everything again.
    sender.say("after").await;
    assert_eq!(slow.heard().await, ("sender".to_owned(), "after".to_owned()));
    server.host.stop().await;
}

/// The deadline of a silent client holds, though nothing can be written to it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b05_a_stuck_session_still_expires() {
    let change = |config: &mut adsum_server::config::Config| {
        config.presence.publish_burst = 0;
        config.network.requests_per_second = 0;
        config.presence.grace_timeout_ms = 0;
        config.network.ping_timeout_ms = 1_500;
    };
    let names = ["sender", "stuck", "x"].map(str::to_owned);
    let mut tuning = brisk();
    tuning.send_buffer_bytes = 4_096;
    let server = Server::over(Village::of(names), change, tuning);
    let mut stuck = tiny(&server, "stuck").await;
    stuck.say("here").await;
    let mut sender = server.login("sender").await;
    let mut x = server.login("x").await;
    assert_eq!(x.heard().await, ("stuck".to_owned(), "here".to_owned()));
    let text = "long ".repeat(2_000);
    let offline = async {
        loop {
            sender.say(&text).await;
            x.send(vec![Kind::PING.number()]).await;
            loop {
                match x.next().await {
                    Told::Presence(told) if told.offline == Some(true) => return told,
                    Told::Bare(_) => break,
                    _ => {}
                }
            }
        }
    };
    let told = tokio::time::timeout(PATIENCE, offline).await.unwrap();
    assert_eq!(told.from_tid.unwrap().node, "stuck");
    server.host.stop().await;
}

#[tokio::test]
async fn b06_a_failing_store_costs_no_notice() {
    let village = Village::of(crowd(5));
    let server = Server::over(village.clone(), |_| {}, brisk());
    let mut clients = all_log_in(&server, &crowd(5)).await;
    for client in &mut clients {
        client.say("here").await;
    }
    let mut watcher = clients.swap_remove(0);
    for _ in 1..5 {
        assert_eq!(watcher.heard().await.1, "here");
    }
    village.fails.store(true, Ordering::Relaxed);
    // The last known roster is used, and the failure is counted.
    watcher.ask(rtype::ROSTER, None).await;
    let Told::Nodes(nodes) = watcher.next().await else { panic!("no roster") };
    assert_eq!(nodes.nodelist.unwrap().len(), 4);
    assert!(server.metric("adsum_store_errors_total").await >= 1.0);
    assert_eq!(server.get("/healthz").await.0, 503);
    for client in clients {
        client.close().await;
        assert_eq!(watcher.heard().await.1, "offline");
    }
    server.host.stop().await;
}

/// A second device takes the only place: contacts do not hear that the user is offline.
#[tokio::test]
async fn b08_takeover_is_not_offline() {
    let one_device = |config: &mut adsum_server::config::Config| {
        config.presence.device_limit = 1;
        config.presence.auth_min_ms = 0;
    };
    let server = Server::with(one_device);
    let [ann, _bob] = server.friends(["ann", "bob"]);
    let mut at_bob = server.login("bob").await;
    let mut phone = server.login_as("ann", Form::Json, auth_from("ann", "phone")).await;
    phone.say("on the phone").await;
    assert_eq!(at_bob.heard().await, (ann.clone(), "on the phone".to_owned()));
    let mut desk = server.login_as("ann", Form::Json, auth_from("ann", "desk")).await;
    assert_eq!(phone.close_code().await, 4_001);
    assert_eq!(at_bob.until_pong().await, []);
    desk.say("at the desk").await;
    assert_eq!(at_bob.heard().await, (ann.clone(), "at the desk".to_owned()));
    assert_eq!(at_bob.until_pong().await, []);
    // One that takes the place, says nothing and goes leaves no ghost.
    let quiet = server.login("ann").await;
    quiet.close().await;
    assert_eq!(at_bob.heard().await, (ann, "offline".to_owned()));
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

/// A login that comes together with the handshake stays.
#[tokio::test]
async fn b12_a_login_in_the_first_packet_is_not_thrown_out() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let server = Server::with(|config| config.network.login_timeout_ms = 300);
    server.account("ann");
    let to = server.address();
    let mut stream = tokio::net::TcpStream::connect(to).await.unwrap();
    let frame = auth("ann").to_request(Form::Json, Kind::AUTH);
    // A masked binary frame; a mask of zeros changes nothing.
    let length = u8::try_from(frame.len()).unwrap();
    assert!(length < 126);
    let head = format!(
        "GET /tim HTTP/1.1\r\nHost: {to}\r\nOrigin: x\r\nUpgrade: websocket\r\nConnection: Upgrade\
         \r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    );
    let all = [head.as_bytes(), &[0x82, 0x80 | length, 0, 0, 0, 0], &frame].concat();
    stream.write_all(&all).await.unwrap();
    let mut answer = Vec::new();
    let has = |answer: &[u8], what: &[u8]| answer.windows(what.len()).any(|part| part == what);
    while !has(&answer, br#""timType":16"#) {
        let read = stream.read_buf(&mut answer);
        assert_ne!(tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap(), 0);
    }
    assert!(has(&answer, b"101 Switching") && has(&answer, br#""ok":true"#));
    // Beyond the deadline for a login it is still there.
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert!((server.metric("adsum_sessions").await - 1.0).abs() < f64::EPSILON);
    server.host.stop().await;
}

#[tokio::test]
async fn b13_over_the_rate_is_answered() {
    let server = Server::with(|config| {
        config.network.requests_per_second = 1;
        config.network.request_burst = 5;
    });
    let [_, _] = server.friends(["ann", "bob"]);
    let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
    for number in 0..4 {
        at_ann.say(&number.to_string()).await;
        assert_eq!(at_bob.heard().await.1, number.to_string());
    }
    for _ in 0..3 {
        at_ann.say("too much").await;
    }
    let refused = at_ann.refusal().await;
    assert_eq!(refused, (Kind::BROAD_PRESENCE.tim_type(), 5_104));
    server.host.stop().await;
}

#[tokio::test]
async fn b14_no_presence_to_strangers_and_none_twice() {
    let server = Server::start();
    let [_, bob] = server.friends(["ann", "bob"]);
    let stranger = server.account("stranger");
    let mut at_ann = server.login("ann").await;
    let (mut at_bob, mut at_stranger) = (server.login("bob").await, server.login("stranger").await);
    at_ann.direct(&[&stranger, &bob, &bob, &stranger, &bob], "to a list").await;
    assert_eq!(at_bob.heard().await.1, "to a list");
    at_ann.direct(&[&stranger], "to a stranger").await;
    // Whether the stranger is online is not told either.
    assert_eq!(at_ann.until_pong().await, []);
    assert_eq!(at_bob.until_pong().await, []);
    assert_eq!(at_stranger.until_pong().await, []);
    // And not to one who has blocked.
    at_bob.ask(rtype::BLOCK_ROSTER, Some(&at_ann.node)).await;
    at_bob.until_pong().await;
    at_ann.until_pong().await;
    at_ann.direct(&[&bob], "to one who has blocked").await;
    assert_eq!(at_ann.until_pong().await, []);
    assert_eq!(at_bob.until_pong().await.len(), 0);
    server.host.stop().await;
}

#[tokio::test]
async fn b15_asking_twice_is_no_consent() {
    let server = Server::start();
    let (_, bob) = (server.account("ann"), server.account("bob"));
    let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
    at_bob.say("private").await;
    for _ in 0..2 {
        at_ann.ask(rtype::ADD_ROSTER, Some(&bob)).await;
    }
    at_ann.ask(rtype::ROSTER, None).await;
    assert_eq!(at_ann.until_pong().await, []);
    server.host.stop().await;
}

#[tokio::test]
async fn b16_every_presence_has_a_number_of_the_servers() {
    let server = Server::start();
    let [_, bob] = server.friends(["ann", "bob"]);
    let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
    let given = TimPresence { id: Some(i64::MAX), ..says("x") };
    let mut last = 0;
    for _ in 0..3 {
        at_ann.publish(&given).await;
        at_ann.direct(&[&bob], "y").await;
        for _ in 0..2 {
            let id = at_bob.presence().await.id.unwrap();
            assert!(last < id && id < 1 << 53, "{id} after {last}");
            last = id;
        }
    }
    at_ann.close().await;
    assert!(at_bob.presence().await.id.unwrap() > last);
    server.host.stop().await;
}

#[tokio::test]
async fn b17_limits_are_the_right_way_round() {
    let server = Server::with(|config| config.network.max_data = 1_000);
    let [_, _] = server.friends(["ann", "bob"]);
    let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
    let long = "x".repeat(900);
    at_ann.say(&long).await;
    assert_eq!(at_bob.heard().await.1, long);
    at_ann.say(&"x".repeat(1_001)).await;
    assert_eq!(at_ann.close_code().await, 1_009);
    // A Thrift frame by POST is answered in Thrift.
    let body = auth("new").to_request(Form::Thrift, Kind::REGISTER);
    let (status, answer) =
        support::request_bytes(server.address(), "POST /tim2 HTTP/1.1\r\n", &body).await;
    assert_eq!((status, &answer[..5]), (200, &[0x0c, 0x11, 0x13, 0x0e, 0x38][..]));
    server.host.stop().await;
}

/// A session that logs in while presences fly is answered in its own form from the first byte.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b18_the_form_is_fixed_before_anybody_sees_the_session() {
    let names = ["a", "b"].map(str::to_owned);
    let change = |config: &mut adsum_server::config::Config| {
        config.presence.publish_burst = 0;
        config.network.requests_per_second = 0;
    };
    let server = Server::over(Village::of(names), change, brisk());
    let mut sender = server.login_as("a", Form::Thrift, auth("a")).await;
    let sending = tokio::spawn(async move {
        for number in 0..2_000 {
            sender.say(&number.to_string()).await;
        }
        sender
    });
    let mut logins = 0;
    while !sending.is_finished() || logins == 0 {
        let mut client = Client::connect(server.address(), Form::Json).await;
        client.send(auth("b").to_request(Form::Json, Kind::AUTH)).await;
        for at in 0..3 {
            let bytes = client.next_bytes().await.unwrap();
            assert_eq!(bytes[1], b'{');
            assert_eq!(bytes[0] == Kind::ACK.number(), at == 0, "the ack comes first");
            if sending.is_finished() {
                break;
            }
        }
        client.close().await;
        logins += 1;
    }
    drop(sending.await.unwrap());
    server.host.stop().await;
}

#[tokio::test]
async fn b19_each_receiver_is_named_alone() {
    let server = Server::start();
    let [_, bob, cyd] = server.friends(["ann", "bob", "cyd"]);
    let mut at_ann = server.login("ann").await;
    let (mut at_bob, mut at_cyd) = (server.login("bob").await, server.login("cyd").await);
    at_ann.direct(&[&bob, &cyd], "both").await;
    for (client, node) in [(&mut at_bob, &bob), (&mut at_cyd, &cyd)] {
        let told = client.presence().await;
        assert_eq!(told.to_tid, Some(Tid::of(node.as_str())));
        assert_eq!(told.to_list, None);
    }
    server.host.stop().await;
}

/// A connection that breaks and comes back within the grace is not offline meanwhile.
#[tokio::test]
async fn b21_a_short_break_is_not_offline() {
    for device_limit in [1, 16] {
        let server = Server::with(|config| config.presence.device_limit = device_limit);
        let [ann, _] = server.friends(["ann", "bob"]);
        let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
        at_ann.say("before").await;
        assert_eq!(at_bob.heard().await.1, "before");
        at_ann.break_off();
        server.until_metric("adsum_detached", 1.0).await;
        let mut again = server.login("ann").await;
        assert_eq!(at_bob.until_pong().await, []);
        again.say("after").await;
        assert_eq!(at_bob.heard().await, (ann, "after".to_owned()));
        assert_eq!(at_bob.until_pong().await, []);
        server.host.stop().await;
    }
}

#[tokio::test]
async fn b22_receipts_for_nothing_cost_nothing() {
    let server = Server::start();
    server.account("ann");
    let mut at_ann = server.login("ann").await;
    for id in 0..5_000u32 {
        at_ann.send([&[0x8c], &id.to_be_bytes()[..]].concat()).await;
    }
    assert_eq!(at_ann.until_pong().await, []);
    server.host.stop().await;
}

#[tokio::test]
async fn b25_the_administrators_word_is_from_somebody() {
    const TOKEN: &str = "a token of an administrator";
    let server = Server::with(|config| {
        config.services.admin_token = Some(TOKEN.into());
    });
    let ann = server.account("ann");
    let mut at_ann = server.login("ann").await;
    let head = format!("POST /admin/presence HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n");
    let body = format!(
        r#"{{"nodes":["{ann}","nobody"],"presence":{{"status":"hear","offline":true,"id":1,"fromTid":{{"node":"x"}}}}}}"#
    );
    let answer = support::request(server.address(), &head, body.as_bytes()).await;
    assert_eq!(answer, (200, r#"{"delivered":1,"skipped":0}"#.to_owned()));
    let told = at_ann.presence().await;
    assert_eq!((told.status.as_deref(), told.offline), (Some("hear"), None));
    assert_eq!(told.from_tid, Some(Tid::of("@server")));
    let wrong = head.replace(TOKEN, "another token of the same");
    assert_eq!(support::request(server.address(), &wrong, body.as_bytes()).await.0, 401);
    server.host.stop().await;
}

/// Passwords are checked at the same time, and none is mistaken for another.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b28_passwords_are_not_mixed_up() {
    let server = Server::start();
    let names = crowd(40);
    let logins = names.iter().map(|name| {
        let password = format!("secret of {name}");
        let store = server.store.clone();
        let to = server.address();
        async move {
            let mut auth = auth(name);
            auth.pwd = Some(password.as_str().into());
            let (owner, secret) = (name.clone(), password.clone());
            let made = tokio::task::spawn_blocking(move || store.register(&owner, &secret, ""));
            made.await.unwrap().unwrap();
            let mut client = Client::connect(to, Form::Json).await;
            assert!(client.authenticate(&auth).await.ok, "{name}");
            let mut other = Client::connect(to, Form::Json).await;
            auth.pwd = Some(format!("{password}!").as_str().into());
            let ack = other.authenticate(&auth).await;
            assert_eq!(ack.error.and_then(|error| error.code), Some(4_105));
        }
    });
    join_all(logins).await;
    server.host.stop().await;
}
