//! Friends: asked, accepted, named, found, removed, blocked; and that undone.

use fantoccini::key::Key;
use serde_json::json;

use crate::world::World;
use crate::{befriend, two_friends};

const NO_FRIENDS: &str = "document.querySelector('#online, #offline').childElementCount
    + document.querySelector('#offline').childElementCount === 0";

#[tokio::test]
async fn friends_are_asked_accepted_removed_blocked_and_unblocked() {
    let world = World::new();
    let alice = world.page().await;
    let bob = world.page().await;
    alice.register("alice").await;
    bob.register("bob").await;

    bob.ask("alice").await;
    // What was asked is shown to either.
    bob.until_text("#asked .name", "alice").await;
    alice.until_text("#requests .state", "bob would like to be friends.").await;
    alice.act_for_good("requests", "Decline").await;
    alice.until("document.querySelector('#requests-part').hidden").await;
    bob.until("document.querySelector('#asked-part').hidden").await;
    bob.ask("alice").await;
    alice.until_text("#requests .name", "bob").await;
    bob.act("asked", "Withdraw").await;
    alice.until("document.querySelector('#requests-part').hidden").await;

    befriend(&alice, &bob).await;
    bob.until_text("#news", "is your friend now").await;
    alice.act_for_good("online", "Remove").await;
    for page in [&alice, &bob] {
        page.until(NO_FRIENDS).await;
        page.until_text("#no-friends:not([hidden])", "Nobody yet").await;
    }

    befriend(&alice, &bob).await;
    alice.act_for_good("online", "Block").await;
    alice.until_text("#blocked .name", "bob").await;
    for page in [&alice, &bob] {
        page.until(NO_FRIENDS).await;
    }
    // A block looks like somebody who has not answered.
    bob.fill("#ask", "alice").await;
    bob.press(&Key::Enter.to_string()).await;
    bob.until_text("#asked-said", "Asked").await;
    bob.until_text("#asked .name", "alice").await;
    alice.until("document.querySelector('#requests-part').hidden").await;

    alice.act("blocked", "Unblock").await;
    alice.until("document.querySelector('#blocked').childElementCount === 0").await;
    befriend(&alice, &bob).await;

    // Who was not there when asked finds it at the next login.
    alice.act_for_good("online", "Remove").await;
    bob.until(NO_FRIENDS).await;
    alice.click("#logout").await;
    bob.ask("alice").await;
    alice.log_in("alice").await;
    alice.until_text("#requests .state", "bob would like to be friends.").await;
    alice.until_text("#requests .name", "bob").await;
}

#[tokio::test]
async fn what_was_done_by_mistake_is_undone_where_it_was_done() {
    let world = World::new();
    let (alice, bob) = two_friends(&world).await;
    bob.record_states().await;
    for what in ["Remove", "Block"] {
        alice.act("online", what).await;
        alice.until("document.querySelector('#online .undo:not([hidden])') !== null").await;
        // The focus is at the way back.
        alice.until("document.activeElement.textContent === 'Undo'").await;
        alice.press(&Key::Enter.to_string()).await;
        alice.until("document.querySelector('#online .undo').hidden").await;
    }
    // Friends still, and nobody has noticed anything.
    alice.tell("chat", "after all").await;
    bob.until_words("after all").await;
    assert_eq!(bob.recorded_states().await, ["here", "chatting"]);
    // What waits when the page is left is done.
    alice.act("online", "Remove").await;
    alice.open().await;
    alice.until_inside("alice").await;
    bob.until(NO_FRIENDS).await;
}

#[tokio::test]
async fn refusals_are_told_in_words_where_the_action_was() {
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
    alice.until_text("#asked-refused", "There is nobody of that name.").await;
    alice.fill("#ask", "alice").await;
    alice.click("#ask-form button").await;
    alice.until_text("#asked-refused", "That is you.").await;
}

#[tokio::test]
async fn those_who_are_here_come_first_the_others_are_folded_and_a_filter_finds_all() {
    let world = World::new();
    let (alice, bob) = two_friends(&world).await;
    let other = bob.window().await;
    for name in ["carol", "dave"] {
        let tab = bob.new_tab().await;
        bob.register(name).await;
        bob.ask("alice").await;
        alice.until_text("#requests .name", name).await;
        alice.act("requests", "Accept").await;
        bob.until_friend_is("Available").await;
        if name == "dave" {
            bob.click("#logout").await;
        }
        assert_ne!(bob.window().await, other);
        drop(tab);
    }
    alice.until_text("#friends-count", "2 of 3 here").await;
    alice.until_text("#offline .name", "dave").await;
    let names = "return [...document.querySelectorAll('#online .name')]
        .map((it) => it.textContent)";
    assert_eq!(alice.run(names).await, json!(["bob", "carol"]));
    let is_open = "return document.querySelector('#offline-part').open";
    assert_eq!(alice.run(is_open).await, json!(false));
    alice.fill("#filter", "DAV").await;
    alice.until("document.querySelector('#online').childElementCount === 0").await;
    assert_eq!(alice.run(is_open).await, json!(true));
    assert!(alice.find("#offline .name").await.is_displayed().await.unwrap());
    alice.fill("#filter", "nobody").await;
    alice.until("!document.querySelector('#no-match').hidden").await;
    // What somebody says is found, too.
    alice.fill("#filter", "").await;
    alice.until("document.querySelector('#online').childElementCount === 2").await;
}

/// Ids are for machines: whatever people read, they read names.
#[tokio::test]
async fn everybody_is_called_by_name_and_no_id_is_shown() {
    let world = World::new();
    let (alice, bob) = two_friends(&world).await;
    let carol = world.page().await;
    carol.register("carol").await;
    carol.ask("alice").await;
    alice.until_text("#news", "carol asks to be your friend.").await;
    bob.tell("away", "out").await;
    alice.until_text("#news", "bob: Away: out").await;
    let without_frames = "
        const shown = document.querySelector('#inside').cloneNode(true);
        const html = shown.innerHTML.replace(/ data-(key|undo)=\"[^\"]*\"/g, '');
        const ids = [...document.querySelectorAll('.people > li')].map((it) => it.dataset.key);
        return { known: ids.length > 1 && ids.every((id) => /^\\w{11}$/.test(id)),
            shown: ids.filter((id) => html.includes(id)) };";
    assert_eq!(alice.run(without_frames).await, json!({ "known": true, "shown": [] }));
    // One who comes back to a page that knows nobody sees names too.
    alice.act_for_good("requests", "Block").await;
    alice.until_text("#blocked .name", "carol").await;
    alice.open().await;
    alice.until_inside("alice").await;
    alice.until_text("#online .name", "bob").await;
    alice.until_text("#blocked .name", "carol").await;
    assert_eq!(alice.run(without_frames).await["shown"], json!([]));
    assert_eq!(alice.complaints().await, [""; 0]);
}
