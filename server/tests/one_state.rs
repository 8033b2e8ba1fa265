//! One state a user over the wire: which device speaks, and whether anybody is there.

mod support;

use std::time::{SystemTime, UNIX_EPOCH};

use adsum_server::host::{ACTIVE, WATCH};
use adsum_tim::{Form, Kind, TimAck, TimNodes, TimPresence};
use support::{Client, Server, Told, auth_from, says};

const WITHDRAW: i32 = 1_003;
const NOT_OFFERED: i32 = 4107;
/// `subStatus` of tim's web client: tell me yours, and the answer.
const ASKS: i8 = 1;
const ANSWERS: i8 = 2;

/// A presence with a `show`.
fn shows(show: i16, status: &str) -> TimPresence {
    TimPresence { show: Some(show), ..says(status) }
}

async fn device(server: &Server, name: &str, resource: &str) -> Client {
    let mut device = server.login_as(name, Form::Json, auth_from(name, resource)).await;
    device.until_pong().await;
    device
}

/// Since when nobody is at any device of whom a presence is from, if it says so.
fn idle_since(presence: &TimPresence) -> Option<u128> {
    Some(presence.extend.as_ref()?.get("adsum.idle")?.parse().unwrap())
}

fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()
}

/// The next presence is a state of this user, from no device: what it says, and since when nobody
/// is there.
async fn state(client: &mut Client, node: &str) -> (String, Option<u128>) {
    let told = client.presence().await;
    let from = told.from_tid.clone().unwrap();
    assert_eq!((from.node.as_str(), from.resource, from.termtyp), (node, None, None));
    assert_eq!(told.offline, None);
    let since = idle_since(&told);
    (told.status.unwrap_or_default(), since)
}

/// Sends a sign of a person, and hears whatever comes before its answer.
async fn active(client: &mut Client) {
    client.ask(ACTIVE, None).await;
    let ack = TimAck { t: Some(ACTIVE.into()), ..TimAck::done(Kind::BUSINESS) };
    assert_eq!(client.next().await, Told::Ack(ack));
}

/// Of two devices the one that spoke last speaks; nothing else of them is told, but to each other.
#[tokio::test]
async fn the_newest_device_speaks() {
    let server = Server::run(&["--one-state", "newest"]);
    let [ann, _] = server.friends(["ann", "bob"]);
    let mut at_bob = server.login("bob").await;
    let mut phone = device(&server, "ann", "phone").await;
    let mut desk = device(&server, "ann", "desk").await;
    phone.say("on the phone").await;
    assert_eq!(state(&mut at_bob, &ann).await, ("on the phone".to_owned(), None));
    desk.say("at the desk").await;
    assert_eq!(state(&mut at_bob, &ann).await, ("at the desk".to_owned(), None));
    // The phone goes and comes, and withdraws, and its friend hears nothing of it.
    phone.ask(WITHDRAW, None).await;
    phone.close().await;
    assert_eq!(desk.heard().await.1, "on the phone", "own devices hear of each other");
    let mut at_eve = server.login_as("bob", Form::Thrift, auth_from("bob", "late")).await;
    assert_eq!(state(&mut at_eve, &ann).await, ("at the desk".to_owned(), None));
    assert_eq!(at_eve.until_pong().await, [], "one state for each user");
    assert_eq!(at_bob.until_pong().await, []);
    let mut phone = device(&server, "ann", "phone").await;
    phone.say("on the phone again").await;
    assert_eq!(state(&mut at_bob, &ann).await, ("on the phone again".to_owned(), None));
    phone.close().await;
    assert_eq!(state(&mut at_bob, &ann).await, ("at the desk".to_owned(), None));
    desk.ask(WITHDRAW, None).await;
    assert_eq!(at_bob.heard().await, (ann.clone(), "offline".to_owned()), "she shows nothing");
    desk.close().await;
    assert_eq!(at_bob.until_pong().await, []);
}

/// A friend does not see a user go who changes devices, though the new one says nothing yet.
#[tokio::test]
async fn nobody_blinks_at_a_change_of_devices() {
    let server = Server::run(&["--one-state", "newest"]);
    let [ann, _] = server.friends(["ann", "bob"]);
    let mut at_bob = server.login("bob").await;
    let mut phone = device(&server, "ann", "phone").await;
    phone.say("on the phone").await;
    assert_eq!(state(&mut at_bob, &ann).await.0, "on the phone");
    let mut desk = device(&server, "ann", "desk").await;
    phone.close().await;
    server.until_metric("adsum_sessions", 2.0).await;
    assert_eq!(at_bob.until_pong().await, []);
    desk.say("at the desk").await;
    assert_eq!(state(&mut at_bob, &ann).await.0, "at the desk");
}

/// Of two devices the one whose `show` ranks highest speaks, and what the other says is not told.
#[tokio::test]
async fn the_highest_show_speaks() {
    let server = Server::run(&["--one-state", "show", "--watch", "anyone"]);
    let [ann, _] = server.friends(["ann", "bob"]);
    server.account("eve");
    let (mut at_bob, mut at_eve) = (server.login("bob").await, server.login("eve").await);
    let nodelist = Some(vec![ann.clone()]);
    let watch = TimNodes { ntype: WATCH, nodelist, ..TimNodes::default() };
    at_eve.send(watch.to_request(Form::Json, Kind::NODES)).await;
    assert_eq!(at_eve.heard().await, (ann.clone(), "offline".to_owned()));
    at_eve.until_pong().await;
    let mut phone = device(&server, "ann", "phone").await;
    let mut desk = device(&server, "ann", "desk").await;
    phone.publish(&shows(3, "gone")).await;
    phone.until_pong().await;
    desk.publish(&shows(2, "away")).await;
    desk.until_pong().await;
    phone.publish(&shows(7, "here, in some way")).await;
    phone.until_pong().await;
    // Less than what the other shows: unseen.
    desk.publish(&shows(3, "gone")).await;
    desk.until_pong().await;
    desk.publish(&shows(1, "chatting")).await;
    desk.until_pong().await;
    phone.publish(&shows(0, "here")).await;
    phone.until_pong().await;
    phone.publish(&shows(4, "busy")).await;
    phone.until_pong().await;
    desk.publish(&shows(4, "busy, too")).await;
    desk.until_pong().await;
    desk.publish(&shows(2, "away")).await;
    desk.until_pong().await;
    for viewer in [&mut at_bob, &mut at_eve] {
        for said in ["gone", "away", "here, in some way", "chatting", "busy", "busy, too", "busy"] {
            assert_eq!(state(viewer, &ann).await, (said.to_owned(), None));
        }
        assert_eq!(viewer.until_pong().await, []);
    }
}

/// Typing on one device is told from that device, and when it is over her one state is.
#[tokio::test]
async fn typing_is_over_by_the_one_state() {
    let server = Server::run(&["--one-state", "newest"]);
    let [ann, bob] = server.friends(["ann", "bob"]);
    let mut at_bob = server.login("bob").await;
    let mut phone = device(&server, "ann", "phone").await;
    let mut desk = device(&server, "ann", "desk").await;
    phone.say("on the phone").await;
    assert_eq!(state(&mut at_bob, &ann).await.0, "on the phone");
    desk.say("at the desk").await;
    assert_eq!(state(&mut at_bob, &ann).await.0, "at the desk");
    let extend = Some([("adsum.for".to_owned(), "200".to_owned())].into());
    let typing = TimPresence { to_list: Some(vec![bob]), extend, ..says("typing") };
    phone.send(typing.to_request(Form::Json, Kind::PRESENCE)).await;
    let told = at_bob.presence().await;
    assert_eq!(told.from_tid.unwrap().resource.as_deref(), Some("phone"));
    let over = at_bob.presence().await;
    assert_eq!((over.status.as_deref(), over.offline), (Some("at the desk"), None));
    assert_eq!(over.from_tid.unwrap().resource, None);
    assert_eq!(over.to_tid.unwrap().extend.unwrap()["ended"], "phone");
}

/// Nobody is there when nobody is at any device; heartbeats are no sign of a person, a sign is, and
/// so is a presence, but not the answer of a client.
#[tokio::test]
async fn idle_is_told_and_a_sign_ends_it() {
    let server = Server::run(&["--one-state", "newest", "--idle-after", "1"]);
    let [ann, bob] = server.friends(["ann", "bob"]);
    let mut at_bob = server.login("bob").await;
    let began = now_ms();
    let mut at_ann = device(&server, "ann", "phone").await;
    // Nobody but the server says whether anybody is there.
    let extend = Some([("adsum.idle".to_owned(), "1".to_owned())].into());
    at_ann.publish(&TimPresence { extend, ..says("here") }).await;
    let told = at_bob.presence().await;
    assert_eq!((told.status.as_deref(), told.extend), (Some("here"), None));
    let (said, since) = state(&mut at_bob, &ann).await;
    let since = since.expect("she is idle");
    assert_eq!(said, "here");
    assert!((began.saturating_sub(100)..=now_ms() - 900).contains(&since), "{since} {began}");
    // A heartbeat ends nothing, and neither does what her client answers by itself.
    assert_eq!(at_ann.until_pong().await, []);
    let sub_status = Some(ANSWERS);
    let answer = TimPresence { to_list: Some(vec![bob.clone()]), sub_status, ..says("here") };
    at_ann.send(answer.to_request(Form::Json, Kind::PRESENCE)).await;
    let told = at_bob.presence().await;
    assert_eq!(told.sub_status, Some(ANSWERS));
    assert_eq!(at_bob.until_pong().await, []);
    let mut late = device_that_sees(&server, &ann, since).await;
    active(&mut at_ann).await;
    assert_eq!(state(&mut at_bob, &ann).await, ("here".to_owned(), None));
    assert_eq!(state(&mut late, &ann).await, ("here".to_owned(), None));
    // While somebody is there, a sign tells nobody anything.
    active(&mut at_ann).await;
    let (_, again) = state(&mut at_bob, &ann).await;
    assert!(again.is_some_and(|again| again > since));
    // What a person sends is a sign: her state ends being idle before it is told.
    at_ann.say("back").await;
    assert_eq!(state(&mut at_bob, &ann).await, ("here".to_owned(), None));
    assert_eq!(state(&mut at_bob, &ann).await, ("back".to_owned(), None));
    assert!(state(&mut at_bob, &ann).await.1.is_some());
    at_ann.direct(&[&bob], "to you alone").await;
    assert_eq!(state(&mut at_bob, &ann).await, ("back".to_owned(), None));
    assert_eq!(at_bob.heard().await.1, "to you alone");
}

/// Logs in another device of bob's, which is shown since when nobody is there.
async fn device_that_sees(server: &Server, ann: &str, since: u128) -> Client {
    let mut late = server.login_as("bob", Form::Thrift, auth_from("bob", "late")).await;
    let (_, told) = state(&mut late, ann).await;
    assert!(told.unwrap().abs_diff(since) < 500, "{told:?} {since}");
    late
}

/// One active device is enough.
#[tokio::test]
async fn a_user_is_there_while_anybody_is_at_one_device() {
    let server = Server::run(&["--one-state", "newest", "--idle-after", "1"]);
    let [ann, _] = server.friends(["ann", "bob"]);
    let mut at_bob = server.login("bob").await;
    let mut phone = device(&server, "ann", "phone").await;
    phone.say("on the phone").await;
    assert_eq!(state(&mut at_bob, &ann).await, ("on the phone".to_owned(), None));
    assert!(state(&mut at_bob, &ann).await.1.is_some());
    // A login is a sign, though the device shows nothing yet.
    let mut desk = device(&server, "ann", "desk").await;
    assert_eq!(state(&mut at_bob, &ann).await, ("on the phone".to_owned(), None));
    let signed = now_ms();
    active(&mut desk).await;
    let since = state(&mut at_bob, &ann).await.1.unwrap();
    assert!(since + 100 >= signed, "{since} is before {signed}");
}

/// What asks friends for theirs does so once, and not again when somebody comes or goes.
#[tokio::test]
async fn what_is_told_again_asks_for_nothing() {
    let server = Server::run(&["--one-state", "newest", "--idle-after", "1"]);
    server.friends(["ann", "bob"]);
    let mut at_bob = server.login("bob").await;
    let mut at_ann = device(&server, "ann", "phone").await;
    at_ann.publish(&TimPresence { sub_status: Some(ASKS), ..says("here") }).await;
    assert_eq!(at_bob.presence().await.sub_status, Some(ASKS));
    let idle = at_bob.presence().await;
    assert!(idle_since(&idle).is_some());
    assert_eq!(idle.sub_status, None);
    active(&mut at_ann).await;
    assert_eq!(at_bob.presence().await.sub_status, None);
    at_ann.publish(&TimPresence { sub_status: Some(ASKS), ..says("here") }).await;
    assert_eq!(at_bob.presence().await.sub_status, Some(ASKS));
}

/// Without the settings, each device is told of as ever, and a sign is not offered.
#[tokio::test]
async fn it_is_off_by_default() {
    for flags in [&[][..], &["--one-state", "newest"], &["--idle-after", "1"]] {
        let server = Server::run(flags);
        let [ann, _] = server.friends(["ann", "bob"]);
        let mut at_bob = server.login("bob").await;
        let mut phone = device(&server, "ann", "phone").await;
        phone.ask(ACTIVE, None).await;
        assert_eq!(phone.refusal().await, (Kind::BUSINESS.tim_type(), NOT_OFFERED), "{flags:?}");
        phone.say("on the phone").await;
        let told = at_bob.presence().await;
        let from = told.from_tid.unwrap();
        let is_told_of_devices = !flags.contains(&"--one-state");
        assert_eq!((from.node, from.resource.is_some()), (ann, is_told_of_devices), "{flags:?}");
    }
}
