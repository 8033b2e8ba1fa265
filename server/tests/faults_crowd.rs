//! tim's faults, by their numbers, against the program: many are lost at once, and the store does
//! not answer.

mod support;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use adsum_tim::{Form, Kind, TimAuth, rtype};
use futures_util::future::join_all;
use support::village::Village;
use support::{Client, Server, Told, all_log_in, auth, brisk, crowd};

/// How many are lost at once, all of them friends of each other: as many as tim's deadlock needed.
const LOST: usize = 200;
/// How many friends of all of them stay, each of whom must be told of each.
const STAYING: usize = 200;

/// Each of those who stay hears of each of the others, once: who it heard of.
async fn hear_of_all(staying: &mut [Client], what: &str) -> Vec<BTreeSet<String>> {
    join_all(staying.iter_mut().map(|client| async move {
        let mut from = BTreeSet::new();
        while from.len() < LOST {
            let heard = client.heard().await;
            assert_eq!(heard.1, what);
            assert!(from.insert(heard.0), "twice {what}");
        }
        from
    }))
    .await
}

/// The rounds: the store works; it answers nobody; the rosters in it cannot be read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b01_mass_disconnect_does_not_deadlock() {
    let names = crowd(LOST + STAYING);
    let flags = ["--grace-error", "0", "--queue-frames", "2000"];
    let server = Server::run(&flags);
    for name in &names {
        server.account(name);
    }
    server.make_all_friends();
    let mut staying = all_log_in(&server, &names[LOST..]).await;
    let sql = server.program().sql();
    for round in ["works", "is slow", "fails"] {
        let mut lost = all_log_in(&server, &names[..LOST]).await;
        join_all(lost.iter_mut().map(|client| client.say("here"))).await;
        let expected: BTreeSet<_> = lost.iter().map(|client| client.node.clone()).collect();
        for heard in hear_of_all(&mut staying, "here").await {
            assert_eq!(heard, expected);
        }
        let mut held_up = None;
        match round {
            "is slow" => held_up = Some(server.hold_up().await),
            "fails" => sql.execute_batch("ALTER TABLE relations RENAME TO gone").unwrap(),
            _ => {}
        }
        lost.into_iter().for_each(Client::break_off);
        for heard in hear_of_all(&mut staying, "offline").await {
            assert_eq!(heard, expected, "the store {round}");
        }
        if let Some(held_up) = held_up {
            held_up.let_go().await;
        }
    }
    // Whoever asks for a roster meanwhile is told the last that is known, and the operator hears.
    let mut one = staying.pop().unwrap();
    one.ask(rtype::ROSTER, None).await;
    let Told::Nodes(nodes) = one.next().await else { panic!("no roster") };
    assert_eq!(nodes.nodelist.unwrap().len(), LOST + STAYING - 1);
    assert!(server.metric("adsum_store_errors_total").await >= 1.0);
    let log = server.program().log();
    assert!(log.contains("ERROR") && log.contains("the store failed"), "{log}");
    assert!(log.contains("the last known roster is used"), "{log}");
    // Nobody is left over, and nobody is told anything more.
    server.until_metric("adsum_sessions", STAYING as f64).await;
    for client in &mut staying {
        assert_eq!(client.until_pong().await, []);
    }
    server.host.stop().await;
}

/// A token for one login.
async fn token(server: &Server, name: &str) -> String {
    let body = auth(name).to_request(Form::Json, Kind::TOKEN);
    let head = "POST /tim2 HTTP/1.1\r\n";
    let (_, answer) = support::request(server.address(), head, &body).await;
    answer.split("\"n\":\"").nth(1).expect("a token").trim_end_matches("\"}").to_owned()
}

/// Friends who all have said that they are here, and one of them who has heard it; and a token for
/// that one's next login.
async fn friends_and_a_watcher(server: &Server) -> (Vec<Client>, Client, TimAuth) {
    let names = crowd(5);
    for name in &names {
        server.account(name);
    }
    server.make_all_friends();
    let mut clients = all_log_in(server, &names).await;
    join_all(clients.iter_mut().map(|client| client.say("here"))).await;
    let mut watcher = clients.swap_remove(0);
    for _ in 1..5 {
        assert_eq!(watcher.heard().await.1, "here");
    }
    let token = Some(token(server, &names[0]).await.as_str().into());
    (clients, watcher, TimAuth { token, pwd: None, ..auth(&names[0]) })
}

/// Rosters that cannot be read are those that were read last: no notice is lost, neither to who is
/// there nor to who logs in meanwhile, and nobody has suddenly no friends.
#[tokio::test]
async fn b06_a_failing_store_costs_no_notice() {
    let server = Server::run(&["--token-timeout", "60"]);
    let (clients, mut watcher, login) = friends_and_a_watcher(&server).await;
    let sql = server.program().sql();
    sql.execute_batch("ALTER TABLE relations RENAME TO gone").unwrap();
    watcher.ask(rtype::ROSTER, None).await;
    let Told::Nodes(told) = watcher.next().await else { panic!("no roster") };
    assert_eq!(told.nodelist.unwrap().len(), 4);
    assert!(server.metric("adsum_store_errors_total").await >= 1.0);
    let log = server.program().log();
    assert!(log.contains("ERROR") && log.contains("the store failed"), "{log}");
    // A login that needs nothing of the store but the roster: its snapshot has everybody.
    let name = login.name.clone().unwrap();
    let mut again = server.login_as(&name, Form::Json, login).await;
    // And one by password, for which the accounts can be read.
    let mut third = server.login_as(&name, Form::Json, auth(&name)).await;
    // The fifth is the same user's other device.
    for _ in 0..5 {
        assert_eq!(again.heard().await.1, "here");
        assert_eq!(third.heard().await.1, "here");
    }
    for client in clients {
        let node = client.node.clone();
        client.close().await;
        for watcher in [&mut watcher, &mut again, &mut third] {
            assert_eq!(watcher.heard().await, (node.clone(), "offline".to_owned()));
        }
    }
    // As soon as it can be read again, what stands in it counts.
    sql.execute_batch("ALTER TABLE gone RENAME TO relations; DELETE FROM relations").unwrap();
    watcher.ask(rtype::ROSTER, None).await;
    assert_eq!(watcher.until_pong().await, []);
    server.host.stop().await;
}

/// Nor does a store that nobody can write to hold up anything but what must be written.
#[tokio::test]
async fn b06_a_store_that_is_written_to_costs_no_notice() {
    let server = Server::run(&["--token-timeout", "60"]);
    let (clients, mut watcher, login) = friends_and_a_watcher(&server).await;
    let held_up = server.hold_up().await;
    watcher.ask(rtype::ROSTER, None).await;
    let Told::Nodes(told) = watcher.next().await else { panic!("no roster") };
    assert_eq!(told.nodelist.unwrap().len(), 4);
    let name = login.name.clone().unwrap();
    let mut again = server.login_as(&name, Form::Json, login).await;
    // Four friends, and the same user's other device.
    for _ in 0..5 {
        assert_eq!(again.heard().await.1, "here");
    }
    for client in clients {
        let node = client.node.clone();
        client.close().await;
        for watcher in [&mut watcher, &mut again] {
            assert_eq!(watcher.heard().await, (node.clone(), "offline".to_owned()));
        }
    }
    held_up.let_go().await;
    again.ask(rtype::ROSTER, None).await;
    assert!(matches!(&again.until_pong().await[..], [Told::Nodes(_)]));
    server.host.stop().await;
}

/// A roster that takes too long to read is the last one that was read. (In this process, since a
/// file cannot be made that slow.)
#[tokio::test]
async fn b06_a_roster_that_takes_too_long_is_the_last_known() {
    let names = crowd(4);
    let village = Village::of(names.iter().cloned());
    let server = Server::over(village.clone(), |_| {}, brisk());
    let mut clients = all_log_in(&server, &names).await;
    let mut watcher = clients.remove(0);
    join_all(clients.iter_mut().map(|client| client.say("here"))).await;
    for _ in 1..4 {
        assert_eq!(watcher.heard().await.1, "here");
    }
    village.delay_ms.store(7_000, Ordering::Relaxed);
    watcher.ask(rtype::ROSTER, None).await;
    join_all(clients.into_iter().map(Client::close)).await;
    for _ in 1..4 {
        assert_eq!(watcher.heard().await.1, "offline");
    }
    assert!(server.metric("adsum_store_errors_total").await.abs() < f64::EPSILON);
    let Told::Nodes(told) = watcher.next().await else { panic!("no roster") };
    assert_eq!(told.nodelist.unwrap(), names[1..]);
    assert!((server.metric("adsum_store_errors_total").await - 1.0).abs() < f64::EPSILON);
    server.host.stop().await;
}
