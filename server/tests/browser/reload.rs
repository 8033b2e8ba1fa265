//! A page that is reloaded, left and come back to, or cut off from the network.

use serde_json::json;

use crate::two_friends;
use crate::world::World;

/// The grace of a page that goes away is over long after a test is.
const LONG: [&str; 2] = ["--grace-going-away", "3600"];
/// It is over at once: what is kept is what the page itself remembers.
const NONE: [&str; 2] = ["--grace-going-away", "0"];

#[tokio::test]
async fn a_reload_goes_on_where_it_was_and_friends_notice_nothing() {
    let world = World::with_flags(&LONG);
    let (alice, bob) = two_friends(&world).await;
    alice.tell("busy", "in a meeting").await;
    bob.until_words("in a meeting").await;
    bob.record_states().await;
    for _ in 0..2 {
        alice.open().await;
        alice.until_inside("alice").await;
        alice.until_text("#seen-as", "Friends see you as Busy: in a meeting").await;
        alice.until_friend_is("Available").await;
        let form = "return [document.querySelector('#status').value,
            document.querySelector('#shows input:checked').value]";
        assert_eq!(alice.run(form).await, json!(["in a meeting", "busy"]));
    }
    // The next that bob sees is the next that alice tells.
    alice.tell("away", "out").await;
    bob.until_words("out").await;
    assert_eq!(bob.recorded_states().await, ["busy", "away"]);
    bob.until_devices(1).await;
    // While the page is there nothing is kept that another tab could take.
    assert_eq!(alice.run("return sessionStorage.length").await, json!(0));

    // A logout is one: nothing is left to go on with.
    alice.click("#logout").await;
    bob.until_friend_is_gone().await;
    alice.open().await;
    alice.until("!document.querySelector('#enter').hidden").await;
    assert_eq!(alice.run("return sessionStorage.length").await, json!(0));
}

#[tokio::test]
async fn back_and_forward_keep_one_in() {
    let world = World::with_flags(&LONG);
    let (alice, bob) = two_friends(&world).await;
    alice.tell("chat", "still here").await;
    bob.until_words("still here").await;
    bob.record_states().await;
    alice.go("favicon.svg").await;
    alice.back().await;
    alice.until_inside("alice").await;
    alice.until_text("#seen-as", "Friends see you as Chatting: still here").await;
    alice.until_friend_is("Available").await;
    assert_eq!(bob.recorded_states().await, ["chatting"]);
}

#[tokio::test]
async fn one_is_still_in_when_the_session_is_gone_and_a_server_was_started_anew() {
    let world = World::with_flags(&NONE);
    let (alice, bob) = two_friends(&world).await;
    alice.tell("xa", "on holiday").await;
    bob.until_words("on holiday").await;
    alice.go("favicon.svg").await;
    bob.until_friend_is_gone().await;
    world.stop_server();
    world.start_server();
    bob.until_text("#link", "Connected again").await;
    alice.open().await;
    alice.until_inside("alice").await;
    // What one said is said again, though no session has it any more.
    bob.until_words("on holiday").await;
    alice.until_text("#seen-as", "Friends see you as Away for long: on holiday").await;
}

#[tokio::test]
async fn whoever_is_invisible_stays_so_over_a_reload() {
    for flags in [&LONG, &NONE] {
        let world = World::with_flags(flags);
        let (alice, bob) = two_friends(&world).await;
        alice.click("#invisible").await;
        bob.until_friend_is_gone().await;
        bob.record_states().await;
        alice.open().await;
        alice.until_inside("alice").await;
        alice.until("document.querySelector('#invisible').checked").await;
        alice.tell("chat", "unseen").await;
        alice.until_text("#seen-as", "Visible, you would be Chatting: unseen").await;
        alice.click("#invisible").await;
        bob.until_words("unseen").await;
        assert_eq!(bob.recorded_states().await, ["offline", "chatting"]);
    }
}

#[tokio::test]
async fn a_session_that_is_over_is_said_to_be_over() {
    let world = World::with_flags(&NONE);
    let (alice, _bob) = two_friends(&world).await;
    alice.go("favicon.svg").await;
    // As if it had taken longer than tokens are good for.
    alice
        .run(
            "const kept = JSON.parse(sessionStorage['adsum-page']);
             kept.tokens = kept.tokens.map((it) => `${it}x`);
             sessionStorage['adsum-page'] = JSON.stringify(kept);",
        )
        .await;
    alice.open().await;
    alice.until_text("#enter-error", "Your session is over. Log in again.").await;
    alice.log_in("alice").await;
}

#[tokio::test]
async fn a_network_that_is_gone_is_noticed_at_once() {
    let world = World::new();
    let (alice, bob) = two_friends(&world).await;
    alice.stamp_when_text("#link", "Connection lost").await;
    let gone_at = alice.clock().await;
    alice.run("dispatchEvent(new Event('offline'))").await;
    let took_ms = alice.stamp().await - gone_at;
    assert!(took_ms < 1_000, "{took_ms} ms");
    alice.run("dispatchEvent(new Event('online'))").await;
    alice.until_text("#link", "Connected again").await;
    alice.until_friend_is("Available").await;
    bob.until_friend_is("Available").await;
}
