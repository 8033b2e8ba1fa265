//! For who has a small screen, no mouse, or does not see the page.

use fantoccini::key::Key;
use serde_json::json;

use crate::page::password;
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
                .filter((it) => it.getClientRects().length)
                .filter((it) => it.getBoundingClientRect().height < 24)
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
    // From there it is one step to where friends are asked; to ask somebody lifts the block.
    alice.tab().await;
    alice.press("bob").await;
    alice.press(&Key::Enter.to_string()).await;
    alice.until_text("#said", "Asked bob.").await;
    alice.until("document.querySelector('#blocked').childElementCount === 0").await;
    bob.until_text("#requests .name", "alice").await;
    bob.run("document.querySelector('#friends-title').focus()").await;
    bob.tab().await;
    let (label, _) = bob.name_and_role(&bob.focused().await).await;
    assert_eq!(label, "Accept alice");
    bob.press(&Key::Enter.to_string()).await;
    alice.until_text("#friends .name", "bob").await;
    bob.until_text("#friends .name", "alice").await;
}

#[tokio::test]
async fn every_control_and_every_part_has_a_name_to_be_read_out() {
    let world = World::new();
    let (alice, bob) = two_friends(&world).await;
    // One row of each kind: a friend, one who asks, one who is blocked.
    let carol = bob.new_tab().await;
    bob.register("carol").await;
    bob.ask("alice").await;
    alice.until_text("#requests .name", "carol").await;
    for (css, role, name) in [
        ("#requests button", "button", "Accept carol"),
        ("#friends button", "button", "Remove bob"),
        ("#friends", "list", "Friends 1 of 1 here"),
        ("#friends .name", "heading", "bob"),
        ("#status", "textbox", "Status"),
        ("#shows input", "radio", "available"),
        ("#invisible", "checkbox", "Invisible to friends"),
        ("#ask", "textbox", "Add a friend"),
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
