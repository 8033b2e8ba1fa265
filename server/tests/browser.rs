//! The web page in a real headless Chromium, against the real server.

#[path = "browser/access.rs"]
mod access;
#[path = "browser/admin.rs"]
mod admin;
#[path = "browser/command.rs"]
mod command;
#[path = "browser/demo.rs"]
mod demo;
#[path = "browser/keyboard.rs"]
mod keyboard;
#[path = "browser/notices.rs"]
mod notices;
#[path = "browser/page.rs"]
mod page;
#[path = "browser/process.rs"]
mod process;
#[path = "browser/reading.rs"]
mod reading;
#[path = "browser/reload.rs"]
mod reload;
#[path = "browser/rooms.rs"]
mod rooms;
#[path = "browser/roster.rs"]
mod roster;
#[path = "browser/status.rs"]
mod status;
#[path = "browser/strangers.rs"]
mod strangers;
#[path = "browser/tabs.rs"]
mod tabs;
#[path = "browser/visibility.rs"]
mod visibility;
#[path = "browser/world.rs"]
mod world;

use std::time::Duration;

use page::{FRIEND, Page, password};
use serde_json::json;
use world::World;

/// A friend's change must be on the screen before this.
const SOON_MS: u64 = 1_000;

/// Two people, each in a browser of their own, who are friends: the first one's row is the only
/// one in the second one's list, and the other way round.
async fn two_friends(world: &World) -> (Page, Page) {
    let alice = world.page().await;
    let bob = world.page().await;
    alice.register("alice").await;
    bob.register("bob").await;
    befriend(&alice, &bob).await;
    (alice, bob)
}

async fn befriend(alice: &Page, bob: &Page) {
    bob.ask(&alice.name().await).await;
    alice.until_text("#requests .name", "bob").await;
    alice.act("requests", "Accept").await;
    alice.until_friend_is("Available").await;
    bob.until_friend_is("Available").await;
}

#[tokio::test]
async fn a_friends_change_shows_within_a_second() {
    let world = World::new();
    let (alice, bob) = two_friends(&world).await;
    bob.until_text("#online .name", "alice").await;
    for (show, state, status) in [
        ("chat", "Chatting", "ask me anything"),
        ("away", "Away", "café ☕, back at 3"),
        ("xa", "Away for long", "à la plage 🏖️👩‍👧"),
        ("busy", "Busy", "日本語 عربى"),
        ("available", "Available", ""),
    ] {
        bob.stamp_when_text(&format!("{FRIEND} .state"), state).await;
        let told_at = alice.clock().await;
        alice.tell(show, status).await;
        let took_ms = bob.stamp().await - told_at;
        assert!(took_ms < SOON_MS, "{state}: {took_ms} ms");
        bob.until(&format!(
            "(document.querySelector('#online .words')?.textContent ?? '') === {}",
            json!(status)
        ))
        .await;
    }
    assert_eq!(bob.text("#friends-count").await, "1 of 1 here");
    // What is shown is also said.
    bob.until_text("#news", "alice: Available").await;
    for page in [&alice, &bob] {
        assert_eq!(page.complaints().await, [""; 0]);
    }
}

#[tokio::test]
async fn the_frames_are_folded_away_and_never_show_a_password_or_a_token() {
    let world = World::new();
    let (alice, bob) = two_friends(&world).await;
    alice.tell("away", "a word to look for").await;
    bob.until_words("a word to look for").await;
    assert_eq!(bob.run("return document.querySelector('#frames-part').open").await, json!(false));
    assert_eq!(bob.run("return document.querySelector('#frames').childElementCount").await, 0);
    for page in [&alice, &bob] {
        page.click("#frames-part > summary").await;
        page.until_text("#frames", "a word to look for").await;
    }
    let sent = "return [...document.querySelectorAll('#frames > .sent')]
        .map((it) => it.textContent).find((it) => it.includes('a word to look for'))";
    let sent = alice.run(sent).await.to_string();
    assert!(sent.contains("publish") && sent.contains(r#"\"show\":\"away\""#), "{sent}");
    for (page, name) in [(&alice, "alice"), (&bob, "bob")] {
        let frames = page.text("#frames").await;
        assert!(frames.contains(r#""register":true"#) && frames.contains("welcome"), "{frames}");
        assert!(frames.contains(r#""password":"…""#) && frames.contains(r#""token":"…""#));
        assert!(frames.contains(r#""resume":"…""#), "{frames}");
        let document = page.run("return document.documentElement.outerHTML").await;
        assert!(!document.to_string().contains(&password(name)));
    }
    // However many come, the pane stays bounded.
    bob.run(
        "for (let i = 0; i < 250; i += 1) document.querySelector('#state-form').requestSubmit()",
    )
    .await;
    bob.until("document.querySelector('#frames').childElementCount === 200").await;
    bob.click("#clear").await;
    assert_eq!(bob.text("#frames > .sent").await, "");
}

#[tokio::test]
async fn it_says_that_the_connection_is_lost_and_comes_back_by_itself() {
    let world = World::new();
    let (alice, bob) = two_friends(&world).await;
    alice.tell("busy", "in a meeting").await;
    bob.until_friend_is("Busy").await;
    world.stop_server();
    for page in [&alice, &bob] {
        page.until_text("#link", "Connection lost").await;
        page.until_text("#countdown", "next try in").await;
        // What was true a moment ago is not shown as if it still were.
        page.until_friend_is("Not known while disconnected").await;
        page.until_text("#seen-as", "when this page is connected again").await;
    }
    assert_eq!(bob.text("#online .words").await, "");
    assert_eq!(bob.text("#friends-count").await, "");
    assert_eq!(bob.name_and_role(&bob.find("#link").await).await.1, "status");
    world.start_server();
    for page in [&alice, &bob] {
        page.until_text("#link", "Connected again").await;
    }
    // Each has told its own state again, without anybody doing anything.
    bob.until_friend_is("Busy").await;
    bob.until_words("in a meeting").await;
    alice.until_friend_is("Available").await;
    assert!(!bob.find("#retry").await.is_displayed().await.unwrap());
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_said_at_the_form() {
    let world = World::new();
    let page = world.page().await;
    world.stop_server();
    page.fill("#name", "alice").await;
    page.fill("#password", "a word").await;
    page.click("#enter-form [type=submit]").await;
    page.until_text("#enter-error", "The server does not answer").await;
    assert_eq!(page.name_and_role(&page.find("#enter-error").await).await.1, "alert");
    // What was typed is still there to be sent once more.
    world.start_server();
    page.click("#create").await;
    page.until_inside("alice").await;
}

#[tokio::test]
async fn the_page_asks_nothing_of_anybody_else() {
    let world = World::new();
    let page = world.page().await;
    let loaded = page
        .run("return performance.getEntriesByType('resource').map((it) => new URL(it.name).origin)")
        .await;
    let loaded: Vec<String> = serde_json::from_value(loaded).unwrap();
    let own = page.run("return location.origin").await;
    assert!(!loaded.is_empty() && loaded.iter().all(|origin| own == json!(origin)), "{loaded:?}");
    // The tab has an icon, which the page's own policy lets in.
    let icon = page
        .run_async(
            "const done = arguments[0];
             const icon = new Image();
             icon.onload = () => done([icon.naturalWidth > 0, new URL(icon.src).origin]);
             icon.onerror = () => done('not an image');
             icon.src = document.querySelector('link[rel=icon]').href;",
            vec![],
        )
        .await;
    assert_eq!(icon, json!([true, own]));
    assert_eq!(page.complaints().await, [""; 0]);
    // A script that came in with somebody's words would not run.
    page.run(
        "const script = document.createElement('script');
         script.textContent = 'window.inline = 1';
         document.body.append(script);",
    )
    .await;
    assert_eq!(page.run("return window.inline ?? null").await, json!(null));
    assert!(page.complaints().await.iter().any(|line| line.contains("Content Security Policy")));
    page.until_within("document.title === 'adsum'", Duration::from_secs(1)).await;
}
