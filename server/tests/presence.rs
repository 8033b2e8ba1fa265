//! Login, roster and presence over the wire.

mod support;

use adsum_server::host::{INVISIBLE, VISIBLE};
use adsum_tim::{Form, Kind, rtype};
use support::{Server, Told, says};

#[tokio::test]
async fn friends_see_each_other() {
    let server = Server::start();
    let [ann, bob] = server.friends(["ann", "bob"]);
    let mut at_ann = server.login("ann").await;
    let mut at_bob = server.login_as("bob", Form::Thrift, support::auth("bob")).await;
    at_ann.say("here 😄").await;
    let seen = at_bob.presence().await;
    assert_eq!(seen.status.as_deref(), Some("here 😄"));
    assert_eq!(seen.from_tid.unwrap().node, ann);
    assert_eq!(seen.to_tid.unwrap().node, bob);
    assert_eq!(seen.offline, None);
    at_bob.say("me too").await;
    assert_eq!(at_ann.heard().await, (bob.clone(), "me too".to_owned()));
    // A late joiner is told who is there, right after the answer to the login.
    let mut late = server.login("bob").await;
    assert_eq!(late.heard().await, (ann.clone(), "here 😄".to_owned()));
    // Closing one of two tabs is not going offline; closing the last is, at once.
    late.close().await;
    at_bob.close().await;
    assert_eq!(at_ann.heard().await, (bob, "offline".to_owned()));
    assert_eq!(at_ann.until_pong().await, []);
    server.host.stop().await;
}

#[tokio::test]
async fn a_friendship_needs_both_and_shows_at_once() {
    let server = Server::start();
    let (ann, bob) = (server.account("ann"), server.account("bob"));
    let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
    at_ann.publish(&says("ann is here")).await;
    at_ann.ask(rtype::ADD_ROSTER, Some(&bob)).await;
    let Told::Message(asked) = at_bob.next().await else { panic!("no request") };
    assert_eq!((asked.bn_type, asked.data_string.as_deref()), (Some(4), Some("please")));
    // Asking twice is asking once.
    at_ann.ask(rtype::ADD_ROSTER, Some(&bob)).await;
    at_ann.ask(rtype::ROSTER, None).await;
    assert_eq!(at_ann.until_pong().await, []);
    at_bob.ask(rtype::ADD_ROSTER, Some(&ann)).await;
    assert_eq!(at_bob.heard().await, (ann.clone(), "ann is here".to_owned()));
    let Told::Message(friends) = at_ann.next().await else { panic!("no answer") };
    assert_eq!((friends.bn_type, friends.from_tid.unwrap().node), (Some(5), bob.clone()));
    at_ann.ask(rtype::ROSTER, None).await;
    let Told::Nodes(nodes) = at_ann.next().await else { panic!("no roster") };
    assert_eq!((nodes.ntype, nodes.nodelist), (1, Some(vec![bob.clone()])));
    at_bob.ask(rtype::BLOCK_ROSTER, Some(&ann)).await;
    // Two threads write to this connection, so either may come first.
    let told = at_bob.until_pong().await;
    assert_eq!(told.len(), 2, "{told:?}");
    let is_gone = |told: &Told| matches!(told, Told::Presence(gone) if gone.offline == Some(true));
    let business = Kind::BUSINESS.tim_type();
    let is_done =
        |told: &Told| matches!(told, Told::Ack(ack) if ack.ok && ack.tim_type == business);
    assert!(told.iter().any(is_gone) && told.iter().any(is_done), "{told:?}");
    server.host.stop().await;
}

/// Nobody goes on showing the state of a device that is gone.
#[tokio::test]
async fn when_one_of_two_devices_goes_the_other_shows_again() {
    let server = Server::start();
    let [ann, _] = server.friends(["ann", "bob"]);
    let mut at_bob = server.login("bob").await;
    let mut desk = server.login_as("ann", Form::Json, support::auth_from("ann", "desk")).await;
    let mut phone = server.login_as("ann", Form::Json, support::auth_from("ann", "phone")).await;
    desk.say("at the desk").await;
    assert_eq!(at_bob.heard().await.1, "at the desk");
    phone.say("on the phone").await;
    assert_eq!(at_bob.heard().await.1, "on the phone");
    phone.close().await;
    let again = at_bob.presence().await;
    assert_eq!((again.offline, again.status.as_deref()), (None, Some("at the desk")));
    let from = again.from_tid.unwrap();
    assert_eq!((from.node, from.resource.as_deref()), (ann.clone(), Some("desk")));
    desk.close().await;
    assert_eq!(at_bob.heard().await, (ann, "offline".to_owned()));
    server.host.stop().await;
}

#[tokio::test]
async fn invisible_looks_offline_and_visible_shows_the_present() {
    let server = Server::start();
    let [ann, bob] = server.friends(["ann", "bob"]);
    let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
    at_ann.say("here").await;
    assert_eq!(at_bob.heard().await.1, "here");
    at_ann.ask(INVISIBLE, None).await;
    assert_eq!(at_bob.heard().await, (ann.clone(), "offline".to_owned()));
    at_ann.say("unseen").await;
    at_ann.direct(&[&bob], "for you alone").await;
    assert_eq!(at_bob.heard().await.1, "for you alone");
    at_ann.ask(VISIBLE, None).await;
    assert_eq!(at_bob.heard().await, (ann, "unseen".to_owned()));
    server.host.stop().await;
}

/// Every device of a user shows whether friends see the user.
#[tokio::test]
async fn all_of_ones_devices_hear_that_one_is_invisible() {
    let server = Server::start();
    server.account("ann");
    let (mut desk, mut phone) = (
        server.login("ann").await,
        server.login_as("ann", Form::Thrift, support::auth("ann")).await,
    );
    let visibility = |told: &[Told], rtype: i32| {
        let [Told::Ack(ack)] = told else { panic!("{told:?}") };
        (ack.ok, ack.tim_type, ack.t) == (true, Kind::BUSINESS.tim_type(), Some(rtype.into()))
    };
    for rtype in [INVISIBLE, VISIBLE, INVISIBLE] {
        desk.ask(rtype, None).await;
        for device in [&mut desk, &mut phone] {
            assert!(visibility(&device.until_pong().await, rtype));
        }
    }
    // Who comes later hears it right after the answer to the login.
    let mut late = server.login("ann").await;
    assert!(visibility(&late.until_pong().await, INVISIBLE));
    late.ask(VISIBLE, None).await;
    for device in [&mut desk, &mut phone, &mut late] {
        assert!(visibility(&device.until_pong().await, VISIBLE));
    }
    let mut last = server.login("ann").await;
    assert_eq!(last.until_pong().await, []);
    server.host.stop().await;
}

#[tokio::test]
async fn a_request_waits_for_the_one_who_is_away() {
    let server = Server::start();
    let (ann, bob) = (server.account("ann"), server.account("bob"));
    server.store.ask(&ann, &bob, "please").unwrap();
    let mut at_bob = server.login("bob").await;
    let Told::Message(asked) = at_bob.next().await else { panic!("no request") };
    assert_eq!((asked.bn_type, asked.from_tid.unwrap().node), (Some(4), ann));
    // Presence keeps no history: the answer is its end.
    at_bob.send(vec![0x91]).await;
    assert_eq!(at_bob.next().await, Told::Bare(18));
    server.host.stop().await;
}

#[tokio::test]
async fn an_administrator_sees_who_is_online_and_expels() {
    const TOKEN: &str = "a token of an administrator";
    let server = Server::with(|config| config.services.admin_token = Some(TOKEN.into()));
    let [ann, bob] = server.friends(["ann", "bob"]);
    let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
    let also_bob = server.login("bob").await;
    let mut online = [(&ann, "ann", 1), (&bob, "bob", 2)];
    online.sort_unstable();
    at_bob.say("here").await;
    assert_eq!(at_ann.heard().await.1, "here");
    let head = |line: &str| format!("{line} HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n");
    let mut path = "/admin/online?limit=1".to_owned();
    for (at, (node, name, sessions)) in online.into_iter().enumerate() {
        let next = if at == 0 { format!("\"{node}\"") } else { "null".to_owned() };
        let user = format!(r#"{{"name":"{name}","node":"{node}","sessions":{sessions}}}"#);
        let page = format!(r#"{{"next":{next},"total":2,"users":[{user}]}}"#);
        let line = head(&format!("GET {path}"));
        assert_eq!(support::request(server.address(), &line, b"").await, (200, page));
        path = format!("/admin/online?limit=1&after={node}");
    }
    let body = format!(r#"{{"node":"{bob}"}}"#);
    let line = head("POST /admin/expel");
    let answer = support::request(server.address(), &line, body.as_bytes()).await;
    assert_eq!(answer, (200, r#"{"sessions":2}"#.to_owned()));
    assert_eq!(at_bob.close_code().await, 4_002);
    assert_eq!(at_ann.heard().await, (bob, "offline".to_owned()));
    assert_eq!(at_ann.until_pong().await, []);
    let no_token = "GET /admin/online HTTP/1.1\r\n";
    assert_eq!(support::request(server.address(), no_token, b"").await.0, 401);
    drop(also_bob);
    server.host.stop().await;
}

/// A login at the same moment as an edit does not bring the older roster back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_login_brings_back_an_older_roster() {
    let server = Server::start();
    let [ann, bob] = server.friends(["ann", "bob"]);
    let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
    for round in 0..40 {
        // One of them logs in once more while the other ends the friendship.
        at_bob.ask(rtype::REMOVE_ROSTER, Some(&ann)).await;
        let other_tab = server.login("ann").await;
        at_bob.until_pong().await;
        at_ann.say("for friends").await;
        at_ann.until_pong().await;
        assert_eq!(at_bob.until_pong().await, [], "round {round}");
        other_tab.close().await;
        server.befriend(&ann, &bob);
        // What was changed behind the server's back it learns at the next login.
        for name in ["ann", "bob"] {
            server.login(name).await.close().await;
        }
        at_ann.say("friends again").await;
        let told = loop {
            let told = at_bob.heard().await;
            if told.1 != "for friends" {
                break told;
            }
        };
        assert_eq!(told.1, "friends again", "round {round}");
    }
    server.host.stop().await;
}
