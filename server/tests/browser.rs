//! The web page in a real headless Chromium, against the real server.

#[path = "browser/command.rs"]
mod command;
#[path = "browser/page.rs"]
mod page;
#[path = "browser/process.rs"]
mod process;
#[path = "browser/reading.rs"]
mod reading;
#[path = "browser/world.rs"]
mod world;

use std::time::Duration;

use fantoccini::key::Key;
use page::{Page, password};
use serde_json::json;
use world::World;

/// A friend's change must be on the screen before this.
const SOON_MS: u64 = 1_000;

/// Nothing is to move; nor is a colour then looked at half-way to another.
const STILL: (&str, &str) = ("prefers-reduced-motion", "reduce");

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
    bob.ask(&alice.node().await).await;
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
    format!("{} (type 3)", page.text("#device").await)
}

#[tokio::test]
async fn the_frames_are_shown_as_they_go_and_never_a_password() {
    let world = World::new();
    let (alice, bob) = two_friends(&world).await;
    alice.tell(2, "a word to look for").await;
    bob.until_text("#frames", "a word to look for").await;
    let sent = alice.text("#frames > .sent:first-child, #frames > .sent").await;
    assert!(sent.contains("19 BroadPresence") && sent.contains(r#""show":2"#), "{sent}");
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
    let world = World::new();
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
}

#[tokio::test]
async fn invisible_is_offline_to_friends_and_nothing_else_is() {
    let world = World::new();
    let (alice, bob) = two_friends(&world).await;
    alice.tell(2, "before").await;
    bob.until_text("#friends .words", "before").await;
    alice.click("#invisible").await;
    bob.until_friend_is("offline").await;
    alice.until_text("#seen-as", "Friends see you as offline").await;
    bob.record_states().await;
    // A word said now reaches nobody: the next thing that bob sees is what is true afterwards.
    alice.tell(4, "while nobody looks").await;
    bob.tell(1, "do you see me?").await;
    alice.until_friend_is("chatting").await;
    alice.click("#invisible").await;
    bob.until_text("#friends .words", "while nobody looks").await;
    assert_eq!(bob.recorded_states().await, ["offline", "busy"]);

    // Coming in invisible shows not even a flash, and holds over a lost connection.
    alice.click("#logout").await;
    bob.until_friend_is("offline").await;
    bob.record_states().await;
    alice.click("#enter-invisible").await;
    alice.log_in("alice").await;
    alice.until_friend_is("chatting").await;
    alice.tell(2, "nobody sees this").await;
    alice.until_text("#frames", "nobody sees this").await;
    world.stop_server();
    bob.until_text("#link", "Connection lost").await;
    world.start_server();
    for page in [&alice, &bob] {
        page.until_text("#link", "Connected again").await;
    }
    alice.until_friend_is("chatting").await;
    bob.until_friend_is("offline").await;
    assert_eq!(bob.recorded_states().await, ["offline", "unknown", "offline"]);
}

#[tokio::test]
async fn friends_are_asked_accepted_removed_blocked_and_unblocked() {
    let world = World::new();
    let alice = world.page().await;
    let bob = world.page().await;
    alice.register("alice").await;
    bob.register("bob").await;

    bob.ask(&alice.node().await).await;
    alice.until_text("#requests .words", "bob would like to be friends.").await;
    alice.act("requests", "Decline").await;
    alice.until("document.querySelector('#requests-part').hidden").await;
    assert_eq!(alice.text("#friends").await, "");

    befriend(&alice, &bob).await;
    bob.until_text("#said", "is your friend now").await;
    alice.act("friends", "Remove").await;
    for page in [&alice, &bob] {
        page.until("document.querySelector('#friends').childElementCount === 0").await;
        page.until_text("#no-friends", "Nobody yet").await;
    }

    befriend(&alice, &bob).await;
    alice.act("friends", "Block").await;
    alice.until_text("#blocked .name", "bob").await;
    for page in [&alice, &bob] {
        page.until("document.querySelector('#friends').childElementCount === 0").await;
    }
    bob.fill("#ask", &alice.node().await).await;
    bob.press(&Key::Enter.to_string()).await;
    bob.until_text("#refused", "blocks the other").await;

    alice.act("blocked", "Unblock").await;
    alice.until("document.querySelector('#blocked').childElementCount === 0").await;
    befriend(&alice, &bob).await;

    // Who was not there when asked finds it at the next login.
    alice.act("friends", "Remove").await;
    bob.until("document.querySelector('#friends').childElementCount === 0").await;
    let node = alice.node().await;
    alice.click("#logout").await;
    bob.ask(&node).await;
    alice.log_in("alice").await;
    alice.until_text("#requests .words", "bob would like to be friends.").await;
    alice.until_text("#requests .name", &bob.node().await).await;
}

#[tokio::test]
async fn refusals_are_told_in_words() {
    let world = World::new();
    let alice = world.page().await;
    let bob = world.page().await;
    alice.register("alice").await;
    bob.fill("#name", "alice").await;
    bob.fill("#password", "not hers").await;
    bob.click("#create").await;
    bob.until_text("#enter-error", "That name is taken.").await;
    bob.click("#enter-form [type=submit]").await;
    bob.until_text("#enter-error", "Wrong name or password.").await;
    assert_eq!(bob.name_and_role(&bob.find("#enter-error").await).await.1, "alert");
    alice.fill("#ask", "nobody of that name").await;
    alice.click("#ask-form button").await;
    alice.until_text("#refused", "There is no such account: ask by the id").await;
    alice.fill("#ask", &alice.node().await).await;
    alice.click("#ask-form button").await;
    alice.until_text("#refused", "Not allowed.").await;
}

/// A client of somebody who means no good: hostile words in every field that others are shown.
const HOSTILE_CLIENT: &str = r#"
    const [name, pwd, friend, evil, done] = arguments;
    const socket = new WebSocket(location.href.replace('http', 'ws') + 'tim');
    const put = (type, body) => socket.send(new Uint8Array(
        [type | 0x80, ...new TextEncoder().encode(JSON.stringify(body))]));
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => put(16, { name, pwd, resource: evil, termtyp: 3, extend: { name: evil } });
    socket.onmessage = ({ data }) => {
        const type = new Uint8Array(data)[0];
        const text = new TextDecoder().decode(new Uint8Array(data).subarray(1));
        if (type !== 12 || !text.includes('"timType":16')) return;
        put(41, { rtype: 4, node: friend, reqStr: evil });
        put(19, { subStatus: 1, show: 77, status: evil, extend: { name: evil, evil } });
        window.evil = (status) => put(19, { subStatus: 4, show: 2, status });
        done(true);
    };
"#;

#[tokio::test]
async fn hostile_text_stays_text() {
    let evil =
        "<img src=x onerror=\"window.pwned = 1\"><script>window.pwned = 1</script>\u{202e}&lt;";
    let world = World::new();
    let alice = world.page().await;
    let mallory = world.page().await;
    alice.register("alice").await;
    mallory.register("mallory").await;
    mallory.click("#logout").await;
    let arguments =
        vec![json!("mallory"), json!(password("mallory")), json!(alice.node().await), json!(evil)];
    mallory.run_async(HOSTILE_CLIENT, arguments).await;

    alice.until_text("#requests .words", evil).await;
    alice.act("requests", "Accept").await;
    alice.until_text("#friends .words", evil).await;
    alice.until_text("#friends .devices", evil).await;
    alice.until_text("#friends .state", "available (show 77)").await;
    alice.until_text("#frames", "onerror=").await;
    // An endless word neither widens the page nor fills the screen.
    mallory.run("window.evil('x'.repeat(20000))").await;
    alice.until_friend_is("away").await;
    alice.until("document.querySelector('#friends .words').textContent.length < 1100").await;
    alice.until("document.documentElement.scrollWidth <= innerWidth").await;
    assert_eq!(alice.run("return window.pwned ?? null").await, json!(null));
    assert_eq!(alice.run("return document.querySelectorAll('img').length").await, json!(0));
    assert_eq!(alice.run("return document.scripts.length").await, json!(1));
    assert_eq!(alice.complaints().await, [""; 0]);
}

#[tokio::test]
async fn nothing_scrolls_sideways_on_a_phone() {
    let world = World::new();
    let (alice, bob) = two_friends(&world).await;
    for page in [&alice, &bob] {
        page.as_phone(360, 740).await;
    }
    alice.tell(3, &"Donaudampfschifffahrtsgesellschaftskapitän".repeat(8)).await;
    bob.until_friend_is("extended away").await;
    for page in [&alice, &bob] {
        page.assert_no_sideways_scroll().await;
    }
    // With a request, somebody blocked, a lost connection: whatever may be on the screen.
    world.stop_server();
    bob.until_text("#link", "Connection lost").await;
    bob.assert_no_sideways_scroll().await;
    world.start_server();
    bob.until_text("#link", "Connected again").await;
    bob.act("friends", "Block").await;
    bob.until_text("#blocked .name", "alice").await;
    bob.assert_no_sideways_scroll().await;
    bob.click("#logout").await;
    bob.until("document.querySelector('#inside').hidden").await;
    bob.assert_no_sideways_scroll().await;
    // The controls are large enough for a thumb.
    let small = bob
        .run(
            "return [...document.querySelectorAll('button, input:not([type=checkbox])')]
                .filter((it) => it.getClientRects().length && it.getBoundingClientRect().height < 24)
                .map((it) => it.outerHTML)",
        )
        .await;
    assert_eq!(small, json!([]));
}

#[tokio::test]
async fn everything_can_be_done_with_the_keyboard_alone() {
    let world = World::new();
    let (alice, bob) = two_friends(&world).await;
    alice.assert_tab_reaches_every_control().await;
    alice.click("#logout").await;
    // The focus is where one goes on.
    alice.until("document.activeElement.id === 'name'").await;
    alice.assert_tab_reaches_every_control().await;

    alice.run("document.querySelector('#name').focus()").await;
    alice.press("alice").await;
    alice.tab().await;
    alice.press(&password("alice")).await;
    alice.press(&Key::Enter.to_string()).await;
    alice.until_inside("alice").await;
    alice.until("document.activeElement.id === 'you-title'").await;
    bob.until_friend_is("available").await;
    alice.tab().await;
    // Two to the right of "available" is "away".
    alice.press(&Key::Right.to_string()).await;
    alice.press(&Key::Right.to_string()).await;
    alice.tab().await;
    alice.press("typed").await;
    alice.press(&Key::Enter.to_string()).await;
    bob.until_friend_is("away").await;
    bob.until_text("#friends .words", "typed").await;
    alice.tab().await;
    alice.tab().await;
    alice.press(" ").await;
    bob.until_friend_is("offline").await;
    alice.press(" ").await;
    bob.until_friend_is("away").await;
    // Blocking takes the row away; the focus stays nearby instead of falling to the page's top.
    alice.tab().await;
    alice.tab().await;
    let (label, _) = alice.name_and_role(&alice.focused().await).await;
    assert_eq!(label, "Block bob");
    alice.press(&Key::Enter.to_string()).await;
    alice.until_text("#blocked .name", "bob").await;
    alice.until("document.activeElement.id === 'friends-title'").await;
}

#[tokio::test]
async fn every_control_and_every_part_has_a_name_to_be_read_out() {
    let world = World::new();
    let (alice, bob) = two_friends(&world).await;
    // One row of each kind: a friend, one who asks, one who is blocked.
    let carol = bob.new_tab().await;
    bob.register("carol").await;
    bob.ask(&alice.node().await).await;
    alice.until_text("#requests .name", "carol").await;
    for (css, role, name) in [
        ("#requests button", "button", "Accept carol"),
        ("#friends button", "button", "Remove bob"),
        ("#friends", "list", "Friends 1 of 1 here"),
        ("#friends .name", "heading", "bob"),
        ("#status", "textbox", "Status"),
        ("#shows input", "radio", "available"),
        ("#invisible", "checkbox", "Invisible to friends"),
        ("#ask", "textbox", "Ask somebody to be friends"),
        ("#frames-pane", "region", "Frames, newest first"),
        ("header", "banner", ""),
        ("main:not([hidden])", "main", ""),
        (".you", "region", "alice"),
        ("#news", "status", "Changes of friends"),
    ] {
        let (is_name, is_role) = alice.name_and_role(&alice.find(css).await).await;
        assert_eq!((is_role.as_str(), is_name.as_str()), (role, name), "{css}");
    }
    alice.act("requests", "Block").await;
    alice.until_text("#blocked .name", "carol").await;
    let (name, _) = alice.name_and_role(&alice.find("#blocked button").await).await;
    assert_eq!(name, "Unblock carol");
    alice.assert_every_control_is_named().await;
    assert_eq!(bob.window().await, carol);
    bob.click("#logout").await;
    bob.assert_every_control_is_named().await;
}

#[tokio::test]
async fn text_stands_out_in_light_and_in_dark_and_nothing_moves_for_who_wants_none() {
    let world = World::new();
    let (alice, bob) = two_friends(&world).await;
    for (scheme, show) in
        [("light", 1), ("dark", 1), ("light", 2), ("dark", 2), ("light", 4), ("dark", 4)]
    {
        alice.tell(show, "a state to look at").await;
        bob.until_text("#friends .words", "a state to look at").await;
        bob.prefer(&[("prefers-color-scheme", scheme), STILL]).await;
        bob.until_friend_is(["", "chatting", "away", "", "do not disturb"][usize::from(show)])
            .await;
        bob.assert_contrast(4.5).await;
    }
    let moving = bob
        .run(
            "return [...document.querySelectorAll('*')].filter((it) => {
                const { transitionDuration, animationName } = getComputedStyle(it);
                return transitionDuration !== '0s' || animationName !== 'none';
            }).length",
        )
        .await;
    assert_eq!(moving, json!(0));
    world.stop_server();
    for scheme in ["light", "dark"] {
        bob.prefer(&[("prefers-color-scheme", scheme), STILL]).await;
        bob.until_text("#link", "Connection lost").await;
        bob.assert_contrast(4.5).await;
    }
    alice.click("#logout").await;
    for scheme in ["light", "dark"] {
        alice.prefer(&[("prefers-color-scheme", scheme), STILL]).await;
        alice.assert_contrast(4.5).await;
    }
    // The states differ in form too, not in colour alone.
    let forms = bob
        .run(
            "return [...document.querySelectorAll('#shows .mark')].map((it) => {
                const { borderRadius, backgroundImage, backgroundColor } = getComputedStyle(it);
                const filled = backgroundColor !== 'rgba(0, 0, 0, 0)';
                return `${borderRadius} ${backgroundImage.replace(/rgb[^)]*\\)/g, '')} ${filled}`;
            })",
        )
        .await;
    let forms: Vec<String> = serde_json::from_value(forms).unwrap();
    for (at, form) in forms.iter().enumerate() {
        assert!(!forms[..at].contains(form), "{form} twice");
    }
    assert_eq!(forms.len(), 5);
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
