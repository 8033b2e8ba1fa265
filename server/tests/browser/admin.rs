//! The page for administrators.

use serde_json::json;

use crate::notices::TOKEN;
use crate::page::Page;
use crate::two_friends;
use crate::world::World;

const FLAGS: [&str; 2] = ["--admin-token", TOKEN];

/// A browser of its own with the page, to which the token was given.
async fn admin(world: &World) -> Page {
    let page = world.page().await;
    page.go("admin").await;
    page.fill("#token", TOKEN).await;
    page.click("#door-form button").await;
    page.until("!document.querySelector('#inside').hidden").await;
    page
}

#[tokio::test]
async fn nobody_sees_anything_without_the_token() {
    let world = World::with_flags(&FLAGS);
    let page = world.page().await;
    page.register("alice").await;
    page.go("admin").await;
    page.fill("#token", "a guess that is wrong").await;
    page.click("#door-form button").await;
    page.until_text("#door-error", "This is not the server's token.").await;
    assert!(!page.find("#inside").await.is_displayed().await.unwrap());
    assert_eq!(page.text("#users").await, "");
    assert_eq!(page.run("return sessionStorage['adsum-admin'] ?? null").await, json!(null));
}

#[tokio::test]
async fn it_shows_who_is_online_expels_and_tells_all() {
    let world = World::with_flags(&FLAGS);
    let (alice, bob) = two_friends(&world).await;
    bob.trigger("#rooms .room .title button").await;
    let page = admin(&world).await;
    page.until_text("#total", "(2)").await;
    let names = "return [...document.querySelectorAll('#users .name')]
        .map((it) => it.textContent).sort()";
    assert_eq!(page.run(names).await, json!(["alice", "bob"]));
    page.until_text("#topics", "room:lobby").await;
    page.until_text("#counts", "users online").await;
    page.until_text("#no-nodes:not([hidden])", "by itself").await;
    page.until("document.querySelector('[data-figure=online] .value').textContent === '2'").await;

    page.fill("#notice", "tea at four").await;
    page.click("#notice-form button").await;
    page.until_text("#notice-said", "Told to 2 sessions.").await;
    for friend in [&alice, &bob] {
        friend.until_text("#said", "Notice from the server: tea at four").await;
    }

    // It wants to be pressed twice.
    let expel = "[...document.querySelectorAll('#users li')]
        .find((it) => it.textContent.includes('bob')).querySelector('button')";
    page.run(&format!("{expel}.click()")).await;
    page.until(&format!("{expel}.textContent === 'Really?'")).await;
    page.run(&format!("{expel}.click()")).await;
    page.until_text("#users-said", "is expelled: 1 session ended.").await;
    bob.until_text("#enter-error", "An administrator ended it.").await;
    alice.until_friend_is_gone().await;
    page.click("#refresh").await;
    page.until_text("#total", "(1)").await;
    assert_eq!(page.run(names).await, json!(["alice"]));

    // A reload keeps the administrator in; who leaves is out.
    page.go("admin").await;
    page.until_text("#total", "(1)").await;
    page.click("#leave").await;
    page.until("!document.querySelector('#door').hidden").await;
    assert_eq!(page.text("#users").await, "");
    assert_eq!(page.complaints().await, [""; 0]);
}

#[tokio::test]
async fn it_is_for_a_phone_and_for_who_does_not_see_it_too() {
    let world = World::with_flags(&FLAGS);
    let (alice, _bob) = two_friends(&world).await;
    let page = admin(&world).await;
    page.until_text("#users", "alice").await;
    page.assert_every_control_is_named().await;
    for scheme in ["light", "dark"] {
        page.prefer(&[("prefers-color-scheme", scheme), ("prefers-reduced-motion", "reduce")])
            .await;
        page.assert_contrast(4.5).await;
    }
    page.as_phone(360, 740).await;
    page.assert_no_sideways_scroll().await;
    for (css, role, name) in [
        ("#users", "list", "Online (2)"),
        ("#notice", "textbox", "Words of the notice"),
        ("#pulse", "region", "What happens"),
    ] {
        let (is_name, is_role) = page.name_and_role(&page.find(css).await).await;
        assert_eq!((is_role.as_str(), is_name.as_str()), (role, name), "{css}");
    }
    drop(alice);
}
