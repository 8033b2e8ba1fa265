//! For who has a small screen, or does not see the page, or not well.

use serde_json::json;

use crate::page::FRIEND;
use crate::two_friends;
use crate::world::World;

/// Nothing is to move; nor is a colour then looked at half-way to another.
const STILL: (&str, &str) = ("prefers-reduced-motion", "reduce");

#[tokio::test]
async fn nothing_scrolls_sideways_on_a_phone() {
    let world = World::new();
    let (alice, bob) = two_friends(&world).await;
    for page in [&alice, &bob] {
        page.as_phone(360, 740).await;
    }
    alice.tell("xa", &"Donaudampfschifffahrtsgesellschaftskapitän".repeat(4)).await;
    bob.until_friend_is("Away for long").await;
    for page in [&alice, &bob] {
        page.assert_no_sideways_scroll().await;
    }
    // With a room, a lost connection, what can be undone: whatever may be on the screen.
    bob.trigger("#rooms .room .title button").await;
    bob.until_text("#rooms .members", "You").await;
    world.stop_server();
    bob.until_text("#link", "Connection lost").await;
    bob.assert_no_sideways_scroll().await;
    world.start_server();
    bob.until_text("#link", "Connected again").await;
    bob.trigger("#online .menu summary").await;
    bob.assert_no_sideways_scroll().await;
    bob.act("online", "Block").await;
    bob.assert_no_sideways_scroll().await;
    bob.act("online", "OK").await;
    bob.until_text("#blocked .name", "alice").await;
    bob.run("document.querySelectorAll('details').forEach((it) => { it.open = true; })").await;
    bob.assert_no_sideways_scroll().await;
    bob.click("#logout").await;
    bob.until("document.querySelector('#inside').hidden").await;
    bob.assert_no_sideways_scroll().await;
    // The controls are large enough for a thumb.
    let small = bob
        .run(
            "return [...document.querySelectorAll('button, input:not([type=checkbox])')]
                .filter((it) => it.checkVisibility())
                .filter((it) => it.getBoundingClientRect().height < 24)
                .map((it) => it.outerHTML)",
        )
        .await;
    assert_eq!(small, json!([]));
}

/// Fifty friends fit on some screens: who is not here takes no room.
#[tokio::test]
async fn people_who_are_not_here_take_no_room_and_what_one_does_first_is_at_the_top() {
    let world = World::with_flags(&["--demo"]);
    let page = world.page().await;
    page.click("#guest").await;
    page.until("document.querySelectorAll('#online > li').length > 10").await;
    page.until("document.querySelectorAll('#offline > li').length > 3").await;
    page.as_phone(390, 844).await;
    let heights = page
        .run(
            "const height = (css) => document.querySelector(css).getBoundingClientRect().height;
             const row = Math.max(...[...document.querySelectorAll('#online > li')]
                 .map((it) => it.getBoundingClientRect().height));
             return { row, folded: height('#offline-part') };",
        )
        .await;
    assert!(heights["row"].as_f64().unwrap() < 100.0, "{heights}");
    assert!(heights["folded"].as_f64().unwrap() < 60.0, "{heights}");
    let order = page
        .run(
            "const top = (css) => document.querySelector(css).getBoundingClientRect().top;
             return top('#filter') < top('#online') && top('#ask') < top('#online')",
        )
        .await;
    assert_eq!(order, json!(true));
}

#[tokio::test]
async fn every_control_and_every_part_has_a_name_to_be_read_out() {
    let world = World::new();
    let (alice, bob) = two_friends(&world).await;
    // One row of each kind: a friend, one who asks, one who is blocked, one who was asked.
    let carol = bob.new_tab().await;
    bob.register("carol").await;
    bob.ask("alice").await;
    alice.until_text("#requests .name", "carol").await;
    for (css, role, name) in [
        ("#requests button", "button", "Accept carol"),
        ("#online summary", "DisclosureTriangle", "More about bob"),
        ("#online", "list", "Friends who are here"),
        ("#online .name", "heading", "bob"),
        ("#status", "textbox", "Status"),
        ("#shows input", "radio", "Available"),
        ("#emoji input:nth-of-type(1)", "radio", "none"),
        ("#until", "combobox", "Until"),
        ("#invisible", "checkbox", "Invisible to friends"),
        ("#ask", "textbox", "Add a friend"),
        ("#filter", "searchbox", "Filter people"),
        ("#room-name", "textbox", "Open a room"),
        ("#rooms button", "button", "Join lobby"),
        ("header", "banner", ""),
        ("main:not([hidden])", "main", ""),
        (".you", "region", "alice"),
        ("#news", "status", "Changes of friends"),
        ("#own-devices", "list", "Your devices"),
    ] {
        let (is_name, is_role) = alice.name_and_role(&alice.find(css).await).await;
        assert_eq!((is_role.as_str(), is_name.as_str()), (role, name), "{css}");
    }
    alice.act_for_good("requests", "Block").await;
    alice.until_text("#blocked .name", "carol").await;
    alice.run("document.querySelectorAll('details').forEach((it) => { it.open = true; })").await;
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
    bob.trigger("#rooms .room .title button").await;
    bob.until_text("#rooms .members", "You").await;
    for (show, state) in [("chat", "Chatting"), ("away", "Away"), ("busy", "Busy")] {
        alice.tell(show, "a state to look at").await;
        bob.until_text(&format!("{FRIEND} .label"), state).await;
        for scheme in ["light", "dark"] {
            bob.prefer(&[("prefers-color-scheme", scheme), STILL]).await;
            bob.assert_contrast(4.5).await;
        }
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
                const { borderRadius, backgroundImage, backgroundColor, borderColor } =
                    getComputedStyle(it);
                const filled = backgroundColor === borderColor;
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
