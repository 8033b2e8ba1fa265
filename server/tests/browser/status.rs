//! What one says of oneself: words, an emoji, until when, and nothing any more.

use serde_json::json;

use crate::page::FRIEND;
use crate::two_friends;
use crate::world::World;

#[tokio::test]
async fn a_choice_is_told_at_once_and_words_are_marked_until_they_are() {
    let world = World::new();
    let (alice, bob) = two_friends(&world).await;
    alice.trigger("#shows input[value=busy]").await;
    bob.until_friend_is("Busy").await;
    alice.trigger("#emoji input[value='🎧']").await;
    bob.until_words("🎧").await;
    alice.fill("#status", "a long song").await;
    alice.until_text("#said", "Not told yet").await;
    assert_eq!(bob.text(&format!("{FRIEND} .words")).await, "🎧");
    alice.click("#state-form [type=submit]").await;
    bob.until_words("🎧 a long song").await;
    alice.until_text("#said", "Told.").await;
    alice.until_text("#seen-as", "Friends see you as Busy: 🎧 a long song").await;
}

#[tokio::test]
async fn a_status_has_an_end_and_can_be_cleared() {
    let world = World::new();
    let (alice, bob) = two_friends(&world).await;
    alice.tell("busy", "in a call").await;
    let choose = "const until = document.querySelector('#until');
        until.value = '30';
        until.dispatchEvent(new Event('change', { bubbles: true }));";
    alice.run(choose).await;
    bob.until_text(&format!("{FRIEND} .until"), "until ").await;
    alice.until_text("#seen-as", "in a call, until ").await;
    alice.click("#clear-status").await;
    bob.until_friend_is("Available").await;
    bob.until(&format!("document.querySelector('{FRIEND} .words, {FRIEND} .until') === null"))
        .await;
    let form = "return [document.querySelector('#status').value,
        document.querySelector('#until').value]";
    assert_eq!(alice.run(form).await, json!(["", ""]));
}

/// The server ends it, whatever becomes of the page.
#[tokio::test]
async fn a_status_ends_by_itself_when_its_time_is_over() {
    let world = World::new();
    let (alice, bob) = two_friends(&world).await;
    alice.tell("busy", "for a moment").await;
    bob.until_words("for a moment").await;
    let choose = "const until = document.querySelector('#until');
        const moment = until.options[1].cloneNode();
        moment.value = '0.05';
        until.append(moment);
        until.value = '0.05';
        until.dispatchEvent(new Event('change', { bubbles: true }));";
    alice.run(choose).await;
    bob.until_text(&format!("{FRIEND} .until"), "until ").await;
    bob.until_friend_is("Available").await;
    bob.until(&format!("document.querySelector('{FRIEND} .words') === null")).await;
    alice.until("document.querySelector('#status').value === ''").await;
    alice.until_text("#seen-as", "Friends see you as Available").await;
}
