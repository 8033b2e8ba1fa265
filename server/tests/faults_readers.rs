//! tim's faults, by their numbers: those who do not read. In this process and not against the
//! program, because the system's own buffers must be small for it.

mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use adsum_server::config::Config;
use adsum_server::host::Tuning;
use adsum_tim::Form;
use support::village::Village;
use support::{Client, PATIENCE, Server, Told, auth, brisk};
use tokio::net::TcpSocket;

/// A login over a connection whose receive buffer is so small that it is full at once.
async fn tiny(server: &Server, name: &str) -> Client {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let stream = socket.connect(server.address()).await.unwrap();
    let mut client = Client::over(stream, server.address(), Form::Json).await;
    assert!(client.authenticate(&auth(name)).await.ok);
    client
}

fn at_will(config: &mut Config) {
    config.presence.publish_burst = 0;
    config.network.requests_per_second = 0;
}

fn small_buffers() -> Tuning {
    Tuning { send_buffer_bytes: 4_096, ..brisk() }
}

/// One friend reads nothing: the others get everything, what waits for the one is bounded, and
/// when it reads on it comes to know what is true then, and not all that was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b04_a_slow_reader_delays_nobody() {
    const PUBLISHES: usize = 1_500;
    const QUEUE: usize = 64 * 1024;
    let names = ["late", "leaves", "sender", "slow", "twin", "x", "y"].map(str::to_owned);
    let change = |config: &mut Config| {
        at_will(config);
        config.network.queue_frames = 100;
        config.network.queue_bytes = QUEUE;
    };
    let server = Server::over(Village::of(names), change, small_buffers());
    let mut slow = tiny(&server, "slow").await;
    let mut sender = server.login("sender").await;
    let mut leaves = server.login("leaves").await;
    leaves.say("here").await;
    assert_eq!(slow.heard().await, ("leaves".to_owned(), "here".to_owned()));
    let mut others = [server.login("x").await, server.login("y").await];
    for other in &mut others {
        assert_eq!(other.heard().await.0, "leaves");
    }
    let text = "long ".repeat(200);
    for number in 0..PUBLISHES {
        sender.say(&format!("{text}{number}")).await;
        // Whoever reads has each of them: nobody is ahead of anybody.
        for other in &mut others {
            assert_eq!(other.heard().await, ("sender".to_owned(), format!("{text}{number}")));
        }
    }
    assert!(server.metric("adsum_congested_total").await >= 1.0);
    assert!(server.metric("adsum_congested_now").await >= 1.0);
    let waiting = server.metric("adsum_queued_bytes").await;
    // The figure is of the whole process, in which another test runs too.
    assert!(waiting < (8 * QUEUE) as f64, "{waiting}");
    // Meanwhile one goes, one comes and goes, and one speaks for the first time.
    leaves.close().await;
    let mut late = server.login("late").await;
    late.say("here").await;
    late.close().await;
    let mut twin = server.login("twin").await;
    twin.say("first").await;
    twin.say("last").await;
    sender.say("after all").await;
    for other in &mut others {
        while other.heard().await != ("sender".to_owned(), "after all".to_owned()) {}
    }
    let mut heard = Vec::new();
    let mut newest = BTreeMap::new();
    while newest.get("twin").map(String::as_str) != Some("last")
        || newest.get("sender").map(String::as_str) != Some("after all")
        || newest.get("leaves").map(String::as_str) != Some("offline")
    {
        let (from, what) = slow.heard().await;
        newest.insert(from.clone(), what.clone());
        heard.push((from, what));
    }
    // What was under way, two queues full at most, and the news.
    assert!(heard.len() < 250, "newest state only, not {} presences", heard.len());
    let numbers = heard.iter().filter_map(|(_, what)| what.strip_prefix(&text)?.parse().ok());
    assert!(numbers.collect::<Vec<usize>>().is_sorted_by(|one, two| one < two));
    let of = |who: &str| heard.iter().filter(|(from, _)| from == who).count();
    assert_eq!((of("leaves"), of("twin"), of("late")), (1, 1, 0));
    // And from then on it hears everything again.
    sender.say("after").await;
    assert_eq!(slow.heard().await, ("sender".to_owned(), "after".to_owned()));
    assert_eq!(slow.until_pong().await, []);
    server.until_metric("adsum_congested_now", 0.0).await;
    server.host.stop().await;
}

/// The deadline of a silent client holds, though nothing can be written to it; and so do those of
/// the other silent ones.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b05_a_stuck_session_still_expires() {
    let change = |config: &mut Config| {
        at_will(config);
        config.presence.grace_timeout_ms = 0;
        // The others live on only if they speak in time, however slow this machine is.
        config.network.ping_timeout_ms = 5_000;
        // And the stuck one's queue is full long before its time is up.
        config.network.queue_bytes = 64 * 1024;
    };
    let names = ["sender", "silent", "stuck", "x"].map(str::to_owned);
    // Long enough for a close frame to get past all that waits for a client that does read.
    let tuning = Tuning { linger: Duration::from_secs(2), ..small_buffers() };
    let server = Server::over(Village::of(names), change, tuning);
    let mut stuck = tiny(&server, "stuck").await;
    stuck.say("here").await;
    let (mut sender, mut x) = (server.login("sender").await, server.login("x").await);
    assert_eq!(x.heard().await, ("stuck".to_owned(), "here".to_owned()));
    let text = "long ".repeat(2_000);
    let mut silent = server.login("silent").await;
    silent.say("here").await;
    let closed = tokio::spawn(async move { silent.close_code().await });
    let mut gone = Vec::new();
    let all_gone = async {
        while gone.len() < 2 {
            sender.say(&text).await;
            for told in x.until_pong().await {
                match told {
                    Told::Presence(told) if told.offline == Some(true) => {
                        gone.push(told.from_tid.unwrap().node);
                    }
                    _ => {}
                }
            }
        }
    };
    tokio::time::timeout(PATIENCE, all_gone).await.unwrap();
    assert!(server.metric("adsum_congested_total").await >= 1.0, "it was stuck before");
    gone.sort();
    assert_eq!(gone, ["silent", "stuck"]);
    assert_eq!(closed.await.unwrap(), 4_003);
    let lapsed = "adsum_closed_total{reason=\"lease_lapsed\"}";
    assert!((server.metric(lapsed).await - 2.0).abs() < f64::EPSILON);
    drop(stuck);
    server.host.stop().await;
}
