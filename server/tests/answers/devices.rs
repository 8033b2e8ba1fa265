//! What friends are told of somebody with several devices.

use adsum_tim::{Form, TimPresence, rtype};

use crate::support::{Client, Server, Told, auth_from, says};

const INVISIBLE: i32 = 1_001;

/// Two friends, and a second device of the first that says nothing.
async fn friends_and_a_silent_device() -> (Server, Client, Client) {
    let server = Server::run(&["--grace-error", "0"]);
    for name in ["ann", "bob"] {
        server.account(name);
    }
    server.make_all_friends();
    let bob = server.login("bob").await;
    let silent = server.login_as("ann", Form::Json, auth_from("ann", "silent")).await;
    (server, bob, silent)
}

/// A device that says something and goes; the friend hears that ann is still there.
async fn come_and_go(server: &Server, bob: &mut Client, broken: bool) {
    let mut loud = server.login_as("ann", Form::Json, auth_from("ann", "loud")).await;
    loud.publish(&TimPresence { show: Some(2), ..says("here") }).await;
    assert_eq!(bob.heard().await.1, "here");
    match broken {
        true => loud.break_off(),
        false => loud.close().await,
    }
    // A newcomer is given ten seconds to say something itself.
    let told = bob.presence().await;
    assert_eq!((told.offline, told.status, told.show), (None, None, None));
    assert_eq!(told.from_tid.unwrap().resource.as_deref(), Some("silent"));
}

/// A friend is told that somebody is offline when the last device is gone, and no sooner: not when
/// the only one that said anything goes and a silent one is left.
#[tokio::test]
async fn s6_nobody_is_offline_while_one_of_their_devices_is_there() {
    let (server, mut bob, silent) = friends_and_a_silent_device().await;
    for broken in [false, true] {
        come_and_go(&server, &mut bob, broken).await;
    }
    silent.close().await;
    assert_eq!(bob.presence().await.offline, Some(true));
    assert_eq!(bob.until_pong().await, []);
}

/// When the silent one speaks, hides, or is nobody's friend any more, that is told once too.
#[tokio::test]
async fn s6_a_silent_device_is_seen_as_any_other() {
    let (server, mut bob, mut silent) = friends_and_a_silent_device().await;
    come_and_go(&server, &mut bob, false).await;
    silent.ask(INVISIBLE, None).await;
    assert_eq!(bob.presence().await.offline, Some(true));
    silent.ask(INVISIBLE + 1, None).await;
    silent.until_pong().await;
    assert_eq!(bob.until_pong().await, []);

    come_and_go(&server, &mut bob, false).await;
    silent.say("at last").await;
    assert_eq!(bob.heard().await.1, "at last");
    silent.ask(rtype::REMOVE_ROSTER, Some(&bob.node)).await;
    silent.until_pong().await;
    let told = bob.until_pong().await;
    let offline = told.iter().filter(|told| match told {
        Told::Presence(told) => told.offline == Some(true),
        _ => false,
    });
    assert_eq!(offline.count(), 1, "{told:?}");
    silent.close().await;
    assert_eq!(bob.until_pong().await, []);
}
