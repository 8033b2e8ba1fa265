//! tim's faults, by their numbers, against the program: what one is told of others is true.

mod support;

use adsum_tim::{Form, Kind, Tid, TimPresence, rtype};
use support::program::Program;
use support::{Server, auth_from, says};

const ADMIN: &str = "a token of an administrator";

#[tokio::test]
async fn b03_offline_cannot_be_forged() {
    let server = Server::run(&[]);
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
    // And what is well formed says nothing about id, offline and sender, whichever way it goes.
    let forged = TimPresence {
        id: Some(7_777_777),
        offline: Some(true),
        from_tid: Some(Tid::of("somebody else")),
        ..says("forged")
    };
    let to_tid = Some(Tid { resource: Some("forged".to_owned()), ..Tid::of(bob.as_str()) });
    let to_one = TimPresence { to_tid, ..forged.clone() };
    let to_list = TimPresence { to_list: Some(vec![bob.clone()]), ..forged.clone() };
    for said in [forged, to_one, to_list] {
        for form in [Form::Json, Form::Thrift] {
            for kind in [Kind::BROAD_PRESENCE, Kind::PRESENCE] {
                let names_nobody = said.to_tid.is_none() && said.to_list.is_none();
                if names_nobody && kind == Kind::PRESENCE {
                    continue;
                }
                at_ann.send(said.to_request(form, kind)).await;
                let told = at_bob.presence().await;
                assert_eq!((told.offline, told.status.as_deref()), (None, Some("forged")));
                assert_eq!(told.from_tid, Some(Tid::of(ann.as_str())));
                assert_eq!(told.to_tid, Some(Tid::of(bob.as_str())));
                assert_eq!(told.to_list, None);
                assert_ne!(told.id, Some(7_777_777));
            }
        }
    }
    assert_eq!(at_bob.until_pong().await, []);
    server.host.stop().await;
}

/// A second device takes the only place: contacts do not hear that the user is offline, though the
/// two take it from each other again and again.
#[tokio::test]
async fn b08_takeover_is_not_offline() {
    let one_device = ["--device-limit", "1", "--devicetype-limit", "1", "--auth-min-unix", "0"];
    let server = Server::run(&one_device);
    let [ann, _bob] = server.friends(["ann", "bob"]);
    let mut at_bob = server.login("bob").await;
    let mut device = server.login_as("ann", Form::Json, auth_from("ann", "phone")).await;
    device.say("on the phone").await;
    assert_eq!(at_bob.heard().await, (ann.clone(), "on the phone".to_owned()));
    for resource in ["desk", "phone", "desk", "phone"] {
        let next = server.login_as("ann", Form::Json, auth_from("ann", resource)).await;
        assert_eq!(device.close_code().await, 4_001);
        device = next;
        assert_eq!(at_bob.until_pong().await, []);
        device.say(resource).await;
        assert_eq!(at_bob.heard().await, (ann.clone(), resource.to_owned()));
        assert_eq!(at_bob.until_pong().await, []);
    }
    // One that takes the place, says nothing and goes leaves no ghost.
    let quiet = server.login("ann").await;
    quiet.close().await;
    assert_eq!(at_bob.heard().await, (ann, "offline".to_owned()));
    server.host.stop().await;
}

/// A server that is killed takes all presence with it: after it nobody is a ghost, and whoever
/// comes back is told what is true then.
#[tokio::test]
async fn b09_a_crash_leaves_no_ghost() {
    let flags = ["--admin-token", ADMIN, "--device-limit", "1", "--over-limit", "refuse"];
    let server = Server::run(&flags);
    let [ann, bob, _cyd] = server.friends(["ann", "bob", "cyd"]);
    let mut at_ann = server.login("ann").await;
    let (mut at_bob, mut at_cyd) = (server.login("bob").await, server.login("cyd").await);
    at_ann.say("before").await;
    at_bob.say("before").await;
    for (client, from) in [(&mut at_ann, &bob), (&mut at_bob, &ann)] {
        assert_eq!(client.heard().await, (from.clone(), "before".to_owned()));
    }
    let folder = server.into_program().kill();
    // Every client sees at once that what it knows is no longer looked after.
    for mut client in [at_ann, at_bob] {
        assert_eq!(client.next_bytes().await, None);
    }
    while at_cyd.next_bytes().await.is_some() {}
    let server = Server::of_program(Program::start_in(folder, &flags));
    for line in ["adsum_sessions", "adsum_users_online", "adsum_detached", "adsum_presences"] {
        assert!(server.metric(line).await.abs() < f64::EPSILON, "{line}");
    }
    let online = format!("GET /admin/online HTTP/1.1\r\nAuthorization: Bearer {ADMIN}\r\n");
    let nobody = (200, r#"{"next":null,"total":0,"users":[]}"#.to_owned());
    assert_eq!(support::request(server.address(), &online, b"").await, nobody);
    // Nothing of before is told, and no entry of before is in anybody's way.
    let mut at_bob = server.login("bob").await;
    assert_eq!(at_bob.until_pong().await, []);
    let mut at_ann = server.login("ann").await;
    at_ann.say("after").await;
    assert_eq!(at_bob.heard().await, (ann.clone(), "after".to_owned()));
    let mut at_cyd = server.login("cyd").await;
    assert_eq!(at_cyd.heard().await, (ann.clone(), "after".to_owned()));
    assert_eq!(at_cyd.until_pong().await, []);
    at_ann.close().await;
    assert_eq!(at_bob.heard().await, (ann, "offline".to_owned()));
    server.host.stop().await;
}

#[tokio::test]
async fn b16_every_presence_has_a_number_of_the_servers() {
    let server = Server::run(&["--admin-token", ADMIN]);
    let [_, bob] = server.friends(["ann", "bob"]);
    let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
    let given = TimPresence { id: Some(i64::MAX), ..says("x") };
    let head = format!("POST /admin/presence HTTP/1.1\r\nAuthorization: Bearer {ADMIN}\r\n");
    let body = format!(r#"{{"nodes":["{bob}"],"presence":{{"id":9007199254740993}}}}"#);
    let mut last = 0;
    for _ in 0..3 {
        at_ann.publish(&given).await;
        at_ann.direct(&[&bob], "y").await;
        let to_list = TimPresence { to_list: Some(vec![bob.clone()]), ..given.clone() };
        at_ann.publish(&to_list).await;
        at_ann.until_pong().await;
        assert_eq!(support::request(server.address(), &head, body.as_bytes()).await.0, 200);
        for _ in 0..4 {
            let id = at_bob.presence().await.id.unwrap();
            // JavaScript can tell it from its neighbours.
            assert!(last < id && id < 1 << 53, "{id} after {last}");
            last = id;
        }
    }
    at_ann.close().await;
    let gone = at_bob.presence().await;
    assert!(gone.offline == Some(true) && gone.id.unwrap() > last, "{gone:?}");
    server.host.stop().await;
}

#[tokio::test]
async fn b19_each_receiver_is_named_alone() {
    let server = Server::run(&[]);
    let [_, bob, cyd] = server.friends(["ann", "bob", "cyd"]);
    let mut at_ann = server.login("ann").await;
    let mut at_bob = server.login("bob").await;
    let mut at_cyd = server.login_as("cyd", Form::Thrift, support::auth("cyd")).await;
    at_ann.direct(&[&bob, &cyd], "both").await;
    at_ann.say("all").await;
    for (client, node) in [(&mut at_bob, &bob), (&mut at_cyd, &cyd)] {
        for what in ["both", "all"] {
            let told = client.presence().await;
            assert_eq!(told.status.as_deref(), Some(what));
            assert_eq!(told.to_tid, Some(Tid::of(node.as_str())));
            assert_eq!(told.to_list, None);
        }
    }
    // What is kept of it is not what was sent to somebody.
    let mut late = server.login("bob").await;
    let told = late.presence().await;
    assert_eq!((told.to_tid, told.to_list), (Some(Tid::of(bob.as_str())), None));
    server.host.stop().await;
}

/// A connection that breaks and comes back within the grace is not offline meanwhile.
#[tokio::test]
async fn b21_a_short_break_is_not_offline() {
    for device_limit in ["1", "16"] {
        let server = Server::run(&["--device-limit", device_limit]);
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
async fn b25_the_administrators_word_is_from_somebody() {
    let server = Server::run(&["--admin-token", ADMIN]);
    let ann = server.account("ann");
    let mut at_ann = server.login("ann").await;
    let head = format!("POST /admin/presence HTTP/1.1\r\nAuthorization: Bearer {ADMIN}\r\n");
    let presence = r#"{"status":"hear","offline":true,"id":1,"fromTid":{"node":"x"}}"#;
    let body = format!(r#"{{"nodes":["{ann}"],"presence":{presence}}}"#);
    let answer = support::request(server.address(), &head, body.as_bytes()).await;
    assert_eq!(answer, (200, r#"{"delivered":1,"skipped":0}"#.to_owned()));
    let told = at_ann.presence().await;
    assert_eq!((told.status.as_deref(), told.offline), (Some("hear"), None));
    assert_eq!(told.from_tid, Some(Tid::of("@server")));
    // A presence that is none, or is missing, is refused and nobody is told.
    for body in [r#"{"nodes":[]}"#, r#"{"nodes":["x"],"presence":null}"#, "{"] {
        assert_eq!(support::request(server.address(), &head, body.as_bytes()).await.0, 400);
    }
    let wrong = head.replace(ADMIN, "another token of the same");
    assert_eq!(support::request(server.address(), &wrong, body.as_bytes()).await.0, 401);
    // And nobody can ask to be called so: the request goes nowhere.
    at_ann.ask(rtype::ADD_ROSTER, Some("@server")).await;
    assert_eq!(at_ann.refusal().await, (Kind::BUSINESS.tim_type(), 4_106));
    assert_eq!(at_ann.until_pong().await, []);
    server.host.stop().await;
}
