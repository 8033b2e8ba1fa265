//! What friends are told, to the byte, when a device or its user goes: at once, later because
//! they did not read, or after a newcomer took its place.

mod support;

use adsum_server::config::Config;
use adsum_tim::{Form, Kind, Limits, Tid, TimAuth, TimPresence};
use support::village::Village;
use support::{Client, Server, Told, auth, auth_from, brisk, says};
use tokio::net::TcpSocket;

/// A login from a device with everything that goes into a `fromTid`.
fn from_device(name: &str, resource: &str) -> TimAuth {
    TimAuth { domain: Some(String::new()), termtyp: Some(3), ..auth_from(name, resource) }
}

/// A friend's next frame: its number and the whole as text.
async fn next_json(client: &mut Client) -> (i64, String) {
    let frame = client.next_bytes().await.expect("a frame");
    assert_eq!(frame[0], Kind::PRESENCE.number());
    let read = TimPresence::decode(Form::Json, &frame[1..], &Limits::default()).unwrap();
    (read.id.expect("a number"), String::from_utf8(frame[1..].to_vec()).unwrap())
}

#[tokio::test]
async fn the_frames_when_a_device_and_then_the_user_goes() {
    let server = Server::start();
    let [ann, bob] = server.friends(["ann", "bob"]);
    let mut json = server.login("bob").await;
    let mut thrift = server.login_as("bob", Form::Thrift, auth("bob")).await;
    let mut desk = server.login_as("ann", Form::Json, from_device("ann", "desk")).await;
    let mut phone = server.login_as("ann", Form::Json, from_device("ann", "phone")).await;
    for (device, words) in [(&mut desk, "at the desk"), (&mut phone, "on the phone")] {
        // 1 asks friends for theirs; what is shown again later asks for nothing.
        device.publish(&TimPresence { sub_status: Some(1), ..says(words) }).await;
        let told = json.presence().await;
        assert_eq!((told.status.as_deref(), told.sub_status), (Some(words), Some(1)));
        assert_eq!(thrift.heard().await.1, words);
    }
    phone.close().await;
    let (id, frame) = next_json(&mut json).await;
    let from = format!(r#"{{"node":"{ann}","domain":"","resource":"desk","termtyp":3}}"#);
    let to = format!(r#"{{"node":"{bob}","extend":{{"ended":"phone"}}}}"#);
    let wanted = format!(r#"{{"id":{id},"fromTid":{from},"toTid":{to},"status":"at the desk"}}"#);
    assert_eq!(frame, wanted);
    let same = TimPresence::decode(Form::Json, wanted.as_bytes(), &Limits::default()).unwrap();
    let frame = thrift.next_bytes().await.unwrap();
    assert_eq!(frame, same.to_frame(Form::Thrift, Kind::PRESENCE));

    desk.close().await;
    let (id, frame) = next_json(&mut json).await;
    let wanted =
        format!(r#"{{"id":{id},"offline":true,"fromTid":{from},"toTid":{{"node":"{bob}"}}}}"#);
    assert_eq!(frame, wanted);
    let same = TimPresence::decode(Form::Json, wanted.as_bytes(), &Limits::default()).unwrap();
    let frame = thrift.next_bytes().await.unwrap();
    assert_eq!(frame, same.to_frame(Form::Thrift, Kind::PRESENCE));
    server.host.stop().await;
}

/// A device without a name of its own ends too.
#[tokio::test]
async fn a_nameless_device_is_named_by_nothing() {
    let server = Server::start();
    server.friends(["ann", "bob"]);
    let mut at_bob = server.login("bob").await;
    let mut desk = server.login_as("ann", Form::Json, auth_from("ann", "desk")).await;
    let mut nameless = server.login("ann").await;
    for (device, words) in [(&mut desk, "at the desk"), (&mut nameless, "from somewhere")] {
        device.say(words).await;
        let told = at_bob.presence().await;
        assert_eq!((told.status.as_deref(), told.to_tid.unwrap().extend), (Some(words), None));
    }
    nameless.close().await;
    let shown = at_bob.presence().await;
    let ended = shown.to_tid.unwrap().extend.unwrap();
    assert_eq!(ended.get("ended").map(String::as_str), Some(""));
    server.host.stop().await;
}

/// A server whose people fill a queue soon.
fn with_short_queues(people: [&str; 4]) -> Server {
    let change = |config: &mut Config| {
        config.presence.publish_burst = 0;
        config.network.requests_per_second = 0;
        config.network.queue_frames = 50;
        config.network.queue_bytes = 64 * 1024;
    };
    let mut tuning = brisk();
    tuning.send_buffer_bytes = 4_096;
    Server::over(Village::of(people.map(str::to_owned)), change, tuning)
}

/// A client that reads little at a time, and only when asked to.
async fn unhurried(server: &Server, name: &str) -> Client {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let stream = socket.connect(server.address()).await.unwrap();
    let mut client = Client::over(stream, server.address(), Form::Json).await;
    assert!(client.authenticate(&auth(name)).await.ok);
    client
}

/// Who a notice is from, and what goes with the receiver.
fn tids(told: &TimPresence) -> (Tid, Option<String>) {
    let extend = told.to_tid.clone().unwrap().extend.unwrap_or_default();
    (told.from_tid.clone().unwrap(), extend.get("ended").cloned())
}

fn is_offline_of(node: &str) -> impl Fn(&TimPresence) -> bool {
    move |told| told.offline == Some(true) && told.from_tid.as_ref().unwrap().node == node
}

fn is_instead(told: &TimPresence) -> bool {
    tids(told).1.is_some()
}

async fn until(client: &mut Client, holds: impl Fn(&TimPresence) -> bool) -> TimPresence {
    loop {
        if let Told::Presence(told) = client.next().await
            && holds(&told)
        {
            return *told;
        }
    }
}

/// Says something until somebody's queue is full: not that of those who read it.
async fn congest(server: &Server, speaker: &mut Client, readers: [&mut Client; 3]) {
    let words = "long ".repeat(400);
    let mut readers = readers;
    while server.metric("adsum_congested_total").await < 1.0 {
        speaker.say(&words).await;
        for reader in &mut readers {
            until(reader, |told| told.status.as_ref() == Some(&words)).await;
        }
    }
}

/// What a slow reader missed names the same devices as what the others were told at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_catch_up_is_from_the_same_devices() {
    let server = with_short_queues(["ann", "carl", "slow", "x"]);
    let mut x = server.login("x").await;
    let mut slow = unhurried(&server, "slow").await;
    let mut desk = server.login_as("ann", Form::Json, from_device("ann", "desk")).await;
    let mut phone = server.login_as("ann", Form::Json, from_device("ann", "phone")).await;
    let mut pad = server.login_as("carl", Form::Json, from_device("carl", "pad")).await;
    for (device, words) in
        [(&mut desk, "at the desk"), (&mut phone, "on the phone"), (&mut pad, "on the pad")]
    {
        device.say(words).await;
        until(&mut slow, |told| told.status.as_deref() == Some(words)).await;
    }
    // Now it reads nothing until its queue is full.
    congest(&server, &mut pad, [&mut x, &mut desk, &mut phone]).await;
    phone.close().await;
    pad.close().await;
    let ended = tids(&until(&mut x, is_instead).await);
    let gone = tids(&until(&mut x, is_offline_of("carl")).await);
    assert_eq!(ended.1.as_deref(), Some("phone"));
    assert_eq!((gone.0.resource.as_deref(), gone.0.termtyp), (Some("pad"), Some(3)));
    // Who goes invisible goes too, though the device is still there.
    desk.ask(adsum_server::host::INVISIBLE, None).await;
    let unseen = tids(&until(&mut x, is_offline_of("ann")).await);
    assert_eq!(unseen.0.resource.as_deref(), Some("desk"));

    let (mut missed_gone, mut missed_unseen) = (None, None);
    while missed_gone.is_none() || missed_unseen.is_none() {
        let told = until(&mut slow, |told| told.offline == Some(true)).await;
        let place = match told.from_tid.as_ref().unwrap().node.as_str() {
            "carl" => &mut missed_gone,
            _ => &mut missed_unseen,
        };
        assert_eq!(place.replace(tids(&told)), None, "told twice");
    }
    assert_eq!((missed_gone, missed_unseen), (Some(gone), Some(unseen)));
    server.host.stop().await;
}

/// The same for a device whose user stays.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_catch_up_names_the_device_that_ended() {
    let server = with_short_queues(["ann", "carl", "slow", "x"]);
    let mut x = server.login("x").await;
    let mut slow = unhurried(&server, "slow").await;
    let mut desk = server.login_as("ann", Form::Json, from_device("ann", "desk")).await;
    let mut phone = server.login_as("ann", Form::Json, from_device("ann", "phone")).await;
    let mut noisy = server.login("carl").await;
    for (device, words) in [(&mut desk, "at the desk"), (&mut phone, "on the phone")] {
        device.say(words).await;
        until(&mut slow, |told| told.status.as_deref() == Some(words)).await;
    }
    congest(&server, &mut noisy, [&mut x, &mut desk, &mut phone]).await;
    phone.close().await;
    let at_once = until(&mut x, is_instead).await;
    let later = until(&mut slow, is_instead).await;
    assert_eq!(tids(&later), tids(&at_once));
    assert_eq!(later.status, at_once.status);
    assert_eq!(tids(&later).1.as_deref(), Some("phone"));
    server.host.stop().await;
}

/// The first word of a newcomer names the device whose place it took.
#[tokio::test]
async fn a_takeover_names_the_device_that_went() {
    let one_device = |config: &mut Config| {
        config.presence.device_limit = 1;
        config.presence.auth_min_ms = 0;
    };
    let server = Server::with(one_device);
    let [ann, _] = server.friends(["ann", "bob"]);
    let mut at_bob = server.login("bob").await;
    let mut old = server.login_as("ann", Form::Json, auth_from("ann", "old")).await;
    old.say("from the old one").await;
    assert_eq!(at_bob.heard().await.1, "from the old one");
    let mut new = server.login_as("ann", Form::Json, auth_from("ann", "new")).await;
    assert_eq!(old.close_code().await, 4_001);
    assert_eq!(at_bob.until_pong().await, []);
    new.say("from the new one").await;
    let new_one = Tid { resource: Some("new".to_owned()), ..Tid::of(ann) };
    let told = at_bob.presence().await;
    assert_eq!(told.status.as_deref(), Some("from the new one"));
    assert_eq!(tids(&told), (new_one.clone(), Some("old".to_owned())));
    new.say("and again").await;
    let told = at_bob.presence().await;
    assert_eq!(told.status.as_deref(), Some("and again"));
    assert_eq!(tids(&told), (new_one, None));
    assert_eq!(at_bob.until_pong().await, []);
    server.host.stop().await;
}
