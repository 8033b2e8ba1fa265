//! Rooms: live counts, who is in them, what is said, and a reload.

use crate::two_friends;
use crate::world::World;

/// Presses the button of the first room.
const TOGGLE: &str = "#rooms .room .title button";

#[tokio::test]
async fn rooms_show_live_counts_members_and_what_is_said() {
    let world = World::new();
    let (alice, bob) = two_friends(&world).await;
    alice.until_text("#rooms .room .name", "lobby").await;
    alice.until_text("#rooms .room-count", "0 here").await;
    bob.trigger(TOGGLE).await;
    // Whoever only looks sees how many there are, and is none of them.
    alice.until_text("#rooms .room-count", "1 here").await;
    alice.trigger(TOGGLE).await;
    for page in [&alice, &bob] {
        page.until_text("#rooms .room-count", "2 here").await;
    }
    alice.until_text("#rooms .members", "bob").await;
    bob.until_text("#rooms .members", "You").await;
    bob.fill("#rooms .in-room input", "hello from bob").await;
    bob.press("\u{e007}").await;
    alice.until_text("#rooms .said", "bob: hello from bob").await;
    bob.until_text("#rooms .said", "hello from bob").await;
    assert_eq!(bob.run("return document.querySelector('#rooms .in-room input').value").await, "");
    let said = alice.find("#rooms .said").await;
    assert_eq!(alice.name_and_role(&said).await.0, "What is said");
    bob.trigger(TOGGLE).await;
    alice.until_text("#rooms .room-count", "1 here").await;
    alice.until("!document.querySelector('#rooms .members').textContent.includes('bob')").await;
    for page in [&alice, &bob] {
        assert_eq!(page.complaints().await, [""; 0]);
    }
}

#[tokio::test]
async fn a_room_is_opened_by_name_and_kept_over_a_reload() {
    let world = World::with_flags(&["--grace-going-away", "3600"]);
    let (alice, bob) = two_friends(&world).await;
    for page in [&alice, &bob] {
        page.fill("#room-name", "book club").await;
        page.click("#room-form button").await;
        page.until_text("#rooms > li:first-child .name", "book club").await;
    }
    bob.until_text("#rooms > li:first-child .room-count", "2 here").await;
    alice.open().await;
    alice.until_inside("alice").await;
    alice.until_text("#rooms > li:first-child .name", "book club").await;
    alice.until_text("#rooms > li:first-child .members", "bob").await;
    alice.until_text("#rooms > li:first-child .room-count", "2 here").await;
    bob.until_text("#rooms > li:first-child .room-count", "2 here").await;
    // A broken connection makes no room empty for ever.
    world.stop_server();
    alice.until_text("#rooms > li:first-child .room-count", "…").await;
    world.start_server();
    for page in [&alice, &bob] {
        page.until_text("#rooms > li:first-child .room-count", "2 here").await;
    }
}

#[tokio::test]
async fn a_room_that_may_not_be_entered_says_so() {
    let world = World::with_flags(&["--topic-max-members", "1", "--topics", "room:*"]);
    let (alice, bob) = two_friends(&world).await;
    alice.trigger(TOGGLE).await;
    alice.until_text("#rooms .members", "You").await;
    bob.until_text("#rooms .room-count", "1 here").await;
    bob.trigger(TOGGLE).await;
    bob.until_text("#room-refused", "lobby: This room is full.").await;
    assert_eq!(bob.name_and_role(&bob.find("#room-refused").await).await.1, "alert");
    assert_eq!(alice.text("#rooms .room-count").await, "1 here");
    assert_eq!(bob.complaints().await, [""; 0]);
}
