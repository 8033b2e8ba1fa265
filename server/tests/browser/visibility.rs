//! Being there and not being seen.

use crate::two_friends;
use crate::world::World;

#[tokio::test]
async fn invisible_is_offline_to_friends_and_nothing_else_is() {
    let world = World::new();
    let (alice, bob) = two_friends(&world).await;
    alice.tell("away", "before").await;
    bob.until_words("before").await;
    alice.click("#invisible").await;
    bob.until_friend_is_gone().await;
    alice.until_text("#seen-as", "Friends see you as offline").await;
    bob.record_states().await;
    // A word said now reaches nobody: the next thing that bob sees is what is true afterwards.
    alice.tell("busy", "while nobody looks").await;
    bob.tell("chat", "do you see me?").await;
    alice.until_friend_is("Chatting").await;
    alice.click("#invisible").await;
    bob.until_words("while nobody looks").await;
    assert_eq!(bob.recorded_states().await, ["offline", "busy"]);

    // Coming in invisible shows not even a flash, and holds over a lost connection.
    alice.click("#logout").await;
    bob.until_friend_is_gone().await;
    bob.record_states().await;
    alice.click("#enter-invisible").await;
    alice.log_in("alice").await;
    alice.until_friend_is("Chatting").await;
    alice.tell("away", "nobody sees this").await;
    alice.until_text("#seen-as", "nobody sees this").await;
    world.stop_server();
    bob.until_text("#link", "Connection lost").await;
    world.start_server();
    for page in [&alice, &bob] {
        page.until_text("#link", "Connected again").await;
    }
    alice.until_friend_is("Chatting").await;
    bob.until_friend_is_gone().await;
    assert_eq!(bob.recorded_states().await, ["offline", "unknown", "offline"]);
}

#[tokio::test]
async fn every_tab_knows_that_its_user_is_invisible() {
    const TICKED: &str = "document.querySelector('#invisible').checked";
    let world = World::new();
    let (alice, bob) = two_friends(&world).await;
    let first = alice.window().await;
    let second = alice.new_tab().await;
    alice.log_in("alice").await;
    alice.click("#invisible").await;
    bob.until_friend_is_gone().await;
    alice.switch_to(first.clone()).await;
    alice.until(TICKED).await;
    alice.until_text("#seen-as", "Friends see you as offline").await;
    // One that logs in later learns it, though nobody there has asked for it.
    let third = alice.new_tab().await;
    alice.log_in("alice").await;
    alice.until(TICKED).await;
    alice.tell("busy", "unseen").await;
    alice.click("#invisible").await;
    bob.until_words("unseen").await;
    for tab in [first, second, third] {
        alice.switch_to(tab).await;
        alice.until(&format!("!{TICKED}")).await;
        alice.until_text("#seen-as", "Friends see you as ").await;
    }
}
