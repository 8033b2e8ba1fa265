//! Several tabs of one user, and what friends see of them.

use serde_json::json;

use crate::world::World;
use crate::{SOON_MS, two_friends};

/// Whether a tab is closed or reloaded is known when its grace is over: here, at once.
const NO_GRACE: [&str; 2] = ["--grace-going-away", "0"];

#[tokio::test]
async fn a_closed_tab_shows_offline_but_one_of_two_does_not() {
    let world = World::with_flags(&NO_GRACE);
    let (alice, bob) = two_friends(&world).await;
    let first = alice.window().await;
    alice.tell("away", "from the first tab").await;
    bob.until_words("from the first tab").await;
    let second = alice.new_tab().await;
    alice.log_in("alice").await;
    alice.tell("chat", "from the second tab").await;
    bob.until_words("from the second tab").await;
    bob.until_devices(2).await;

    bob.record_states().await;
    alice.close_tab().await;
    alice.switch_to(first.clone()).await;
    // The state of the tab that stays is the one that counts now.
    bob.until_words("from the first tab").await;
    bob.until_devices(1).await;
    bob.until_friend_is("Away").await;
    assert_eq!(bob.recorded_states().await, ["chatting", "away"]);

    // A browser ends with its last tab; that is another way to go than the one looked at here.
    let other = alice.new_tab().await;
    assert_ne!(other, second);
    alice.switch_to(first).await;
    bob.stamp_when_text("#offline .state", "Offline").await;
    let closed_at = bob.clock().await;
    alice.close_tab().await;
    let took_ms = bob.stamp().await - closed_at;
    assert!(took_ms < SOON_MS, "{took_ms} ms");
    assert_eq!(bob.text("#friends-count").await, "0 of 1 here");
    assert_eq!(bob.recorded_states().await, ["chatting", "away", "offline"]);
}

#[tokio::test]
async fn a_closed_tab_takes_no_device_with_it_but_its_own() {
    let world = World::with_flags(&NO_GRACE);
    let (alice, bob) = two_friends(&world).await;
    alice.tell("away", "first").await;
    let mut tabs = vec![alice.window().await];
    for words in ["second", "third"] {
        tabs.push(alice.new_tab().await);
        alice.log_in("alice").await;
        alice.tell("away", words).await;
        bob.until_words(words).await;
    }
    bob.until_devices(3).await;
    alice.switch_to(tabs[1].clone()).await;
    alice.close_tab().await;
    bob.until_devices(2).await;
    let shown = bob.text("#online .devices").await;
    assert!(shown.contains("Away: first") && shown.contains("Away: third"), "{shown}");
    assert!(!shown.contains("second"), "{shown}");
}

#[tokio::test]
async fn a_second_tab_starts_from_what_the_first_says() {
    let world = World::new();
    let (alice, bob) = two_friends(&world).await;
    let first = alice.window().await;
    alice.tell("busy", "in a meeting").await;
    bob.until_words("in a meeting").await;
    bob.record_states().await;
    let second = alice.new_tab().await;
    alice.log_in("alice").await;
    alice.until_text("#seen-as", "Friends see you as Busy: in a meeting").await;
    alice.until_text("#own-devices", "Busy: in a meeting").await;
    alice.until_text("#own-count", "(2)").await;
    bob.until_devices(2).await;
    assert_eq!(bob.recorded_states().await, ["busy"]);
    // And each sees what the other says from then on.
    alice.tell("away", "on the way").await;
    alice.switch_to(first).await;
    alice.until_text("#own-devices", "on the way").await;
    alice.switch_to(second).await;
    alice.click("#logout").await;
    bob.until_devices(1).await;
}

#[tokio::test]
async fn who_lost_the_place_to_another_device_is_told_and_does_not_fight_for_it() {
    let world = World::with_flags(&["--device-limit", "1", "--auth-min-unix", "0"]);
    let (alice, bob) = two_friends(&world).await;
    let first = alice.window().await;
    let second = alice.new_tab().await;
    bob.record_states().await;
    alice.log_in("alice").await;
    alice.tell("busy", "from the newer device").await;
    bob.until_words("from the newer device").await;
    alice.switch_to(first).await;
    alice.until_text("#enter-error", "Another device took this one's place").await;
    alice.until_text("#link", "Not connected").await;
    assert_eq!(alice.run("return document.querySelector('#inside').hidden").await, json!(true));
    assert!(!alice.find("#retry").await.is_displayed().await.unwrap());
    // The newer one has stayed, and is what the friend sees.
    alice.switch_to(second).await;
    alice.until_text("#link", "Connected").await;
    let states = bob.recorded_states().await;
    assert_eq!(states.last().map(String::as_str), Some("busy"), "{states:?}");
    bob.until_devices(1).await;
}
