//! The web page in a real headless Chromium, against the real server.

#[path = "browser/access.rs"]
mod access;
#[path = "browser/command.rs"]
mod command;
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
#[path = "browser/roster.rs"]
mod roster;
#[path = "browser/visibility.rs"]
mod visibility;
#[path = "browser/world.rs"]
mod world;

use std::time::Duration;

use page::{Page, password};
use serde_json::json;
use world::World;

/// A friend's change must be on the screen before this.
const SOON_MS: u64 = 1_000;

/// Whether a tab is closed or reloaded is known when its grace is over: here, at once.
const NO_GRACE: [&str; 2] = ["--grace-going-away", "0"];

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
    alice.until_friend_is("available").await;
    bob.until_friend_is("available").await;
}

#[tokio::test]
async fn a_friends_change_shows_within_a_second() {
    let world = World::new();
    let (alice, bob) = two_friends(&world).await;
    bob.until_text("#friends .name", "alice").await;
    for (show, state, status) in [
        (1, "chatting", "ask me anything 💬"),
        (2, "away", "café ☕, back at 3"),
        (3, "extended away", "à la plage 🏖️👩‍👧"),
        (4, "do not disturb", "日本語 عربى"),
        (0, "available", ""),
    ] {
        bob.stamp_when_text("#friends .state", state).await;
        let told_at = alice.clock().await;
        alice.tell(show, status).await;
        let took_ms = bob.stamp().await - told_at;
        assert!(took_ms < SOON_MS, "{state}: {took_ms} ms");
        bob.until(&format!(
            "document.querySelector('#friends .words').textContent === {}",
            json!(status)
        ))
        .await;
    }
    assert_eq!(bob.text("#friends .devices").await, device(&alice).await);
    assert_eq!(bob.text("#friends-count").await, "1 of 1 here");
    // What is shown is also said.
    bob.until_text("#news", "alice: available").await;
    for page in [&alice, &bob] {
        assert_eq!(page.complaints().await, [""; 0]);
    }
}

/// How friends see the only device of somebody.
async fn device(page: &Page) -> String {
    format!("on {}", page.text("#device").await)
}

#[tokio::test]
async fn the_frames_are_shown_as_they_go_and_never_a_password() {
    let world = World::new();
    let (alice, bob) = two_friends(&world).await;
    alice.tell(2, "a word to look for").await;
    bob.until_text("#frames", "a word to look for").await;
    let sent = "return [...document.querySelectorAll('#frames > .sent')]
        .map((it) => it.textContent).find((it) => it.includes('a word to look for'))";
    let sent = alice.run(sent).await.to_string();
    assert!(sent.contains("19 BroadPresence") && sent.contains(r#"\"show\":2"#), "{sent}");
    let received = bob.text("#frames > .received").await;
    assert!(received.contains("91 Presence") && received.contains(r#""fromTid":{"#), "{received}");
    for (page, name) in [(&alice, "alice"), (&bob, "bob")] {
        let frames = page.text("#frames").await;
        assert!(frames.contains("14 Register") && frames.contains("16 Auth"), "{frames}");
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
async fn a_closed_tab_shows_offline_but_one_of_two_does_not() {
    let world = World::with_flags(&NO_GRACE);
    let (alice, bob) = two_friends(&world).await;
    let first = alice.window().await;
    alice.tell(2, "from the first tab").await;
    bob.until_text("#friends .words", "from the first tab").await;
    let second = alice.new_tab().await;
    alice.log_in("alice").await;
    alice.tell(1, "from the second tab").await;
    bob.until_text("#friends .words", "from the second tab").await;
    bob.until("document.querySelectorAll('#friends .devices > li').length === 2").await;

    bob.record_states().await;
    alice.close_tab().await;
    alice.switch_to(first.clone()).await;
    // The state of the tab that stays is the one that counts now, and its device the only one.
    bob.until_text("#friends .words", "from the first tab").await;
    bob.until("document.querySelectorAll('#friends .devices > li').length === 1").await;
    bob.until_friend_is("away").await;
    assert_eq!(bob.text("#friends .devices").await, device(&alice).await);
    assert_eq!(bob.recorded_states().await, ["chatting", "away"]);

    // A browser ends with its last tab; that is another way to go than the one looked at here.
    let other = alice.new_tab().await;
    assert_ne!(other, second);
    alice.switch_to(first).await;
    bob.stamp_when_text("#friends .state", "offline").await;
    let closed_at = bob.clock().await;
    alice.close_tab().await;
    let took_ms = bob.stamp().await - closed_at;
    assert!(took_ms < SOON_MS, "{took_ms} ms");
    assert_eq!(bob.text("#friends .devices").await, "");
    assert_eq!(bob.text("#friends-count").await, "0 of 1 here");
    assert_eq!(bob.recorded_states().await, ["chatting", "away", "offline"]);
}

#[tokio::test]
async fn a_closed_tab_takes_no_device_with_it_but_its_own() {
    let world = World::with_flags(&NO_GRACE);
    let (alice, bob) = two_friends(&world).await;
    let mut devices = vec![device(&alice).await];
    let mut tabs = vec![alice.window().await];
    for words in ["second", "third"] {
        tabs.push(alice.new_tab().await);
        alice.log_in("alice").await;
        devices.push(device(&alice).await);
        alice.tell(2, words).await;
        bob.until_text("#friends .words", words).await;
    }
    bob.until("document.querySelectorAll('#friends .devices > li').length === 3").await;
    alice.switch_to(tabs[1].clone()).await;
    alice.close_tab().await;
    bob.until("document.querySelectorAll('#friends .devices > li').length === 2").await;
    let shown = bob.text("#friends .devices").await;
    assert!(shown.contains(&devices[0]) && shown.contains(&devices[2]), "{shown}, {devices:?}");
    assert!(!shown.contains(&devices[1]), "{shown}, {devices:?}");
}

#[tokio::test]
async fn it_says_that_the_connection_is_lost_and_comes_back_by_itself() {
    let world = World::new();
    let (alice, bob) = two_friends(&world).await;
    alice.tell(4, "in a meeting").await;
    bob.until_friend_is("do not disturb").await;
    world.stop_server();
    for page in [&alice, &bob] {
        page.until_text("#link", "Connection lost").await;
        page.until_text("#countdown", "next try in").await;
        // What was true a moment ago is not shown as if it still were.
        page.until_friend_is("not known while disconnected").await;
    }
    assert_eq!(bob.text("#friends .words").await, "");
    assert_eq!(bob.text("#friends-count").await, "");
    assert_eq!(bob.name_and_role(&bob.find("#link").await).await.1, "status");
    world.start_server();
    bob.click("#retry").await;
    for page in [&alice, &bob] {
        page.until_text("#link", "Connected again").await;
    }
    // Each has told its own state again, without anybody doing anything.
    bob.until_friend_is("do not disturb").await;
    bob.until_text("#friends .words", "in a meeting").await;
    alice.until_friend_is("available").await;
    assert!(!bob.find("#retry").await.is_displayed().await.unwrap());
}

#[tokio::test]
async fn who_lost_the_place_to_another_device_is_told_and_does_not_fight_for_it() {
    let world = World::with_flags(&["--device-limit", "1", "--auth-min-unix", "0"]);
    let (alice, bob) = two_friends(&world).await;
    let first = alice.window().await;
    let second = alice.new_tab().await;
    bob.record_states().await;
    alice.log_in("alice").await;
    alice.tell(4, "from the newer device").await;
    bob.until_text("#friends .words", "from the newer device").await;
    alice.switch_to(first).await;
    alice.until_text("#enter-error", "The server ended this session").await;
    alice.until_text("#link", "Not connected").await;
    assert_eq!(alice.run("return document.querySelector('#inside').hidden").await, json!(true));
    assert!(!alice.find("#retry").await.is_displayed().await.unwrap());
    // The newer one has stayed, and the friend has seen nobody go.
    alice.switch_to(second).await;
    alice.until_text("#link", "Connected").await;
    assert_eq!(bob.recorded_states().await, ["here", "busy"]);
    // The device that went is not shown beside it.
    assert_eq!(bob.text("#friends .devices").await, device(&alice).await);
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
