//! Friends: asked, accepted, named, removed, blocked; and those who mean no good.

use fantoccini::key::Key;
use serde_json::json;

use crate::page::password;
use crate::world::World;
use crate::{befriend, two_friends};

#[tokio::test]
async fn friends_are_asked_accepted_removed_blocked_and_unblocked() {
    let world = World::new();
    let alice = world.page().await;
    let bob = world.page().await;
    alice.register("alice").await;
    bob.register("bob").await;

    bob.ask("alice").await;
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
    // A block looks like somebody who has not answered.
    bob.fill("#ask", "alice").await;
    bob.press(&Key::Enter.to_string()).await;
    bob.until_text("#said", "Asked").await;
    alice.until("document.querySelector('#requests-part').hidden").await;

    alice.act("blocked", "Unblock").await;
    alice.until("document.querySelector('#blocked').childElementCount === 0").await;
    befriend(&alice, &bob).await;

    // Who was not there when asked finds it at the next login.
    alice.act("friends", "Remove").await;
    bob.until("document.querySelector('#friends').childElementCount === 0").await;
    alice.click("#logout").await;
    bob.ask("alice").await;
    alice.log_in("alice").await;
    alice.until_text("#requests .words", "bob would like to be friends.").await;
    alice.until_text("#requests .name", "bob").await;
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
    alice.until_text("#refused", "There is nobody of that name.").await;
    alice.fill("#ask", "alice").await;
    alice.click("#ask-form button").await;
    alice.until_text("#refused", "Not allowed.").await;
}

/// Ids are for machines: whatever people read, they read names.
#[tokio::test]
async fn everybody_is_called_by_name_and_no_id_is_shown() {
    let world = World::new();
    let (alice, bob) = two_friends(&world).await;
    let carol = world.page().await;
    carol.register("carol").await;
    carol.ask("alice").await;
    alice.until_text("#said", "carol asks to be your friend.").await;
    bob.tell(2, "out").await;
    alice.until_text("#news", "bob: away, out").await;
    let without_frames = "
        const shown = document.querySelector('#inside').cloneNode(true);
        shown.querySelector('.frames').remove();
        const html = shown.innerHTML.replace(/ data-node=\"[^\"]*\"/g, '');
        const told = document.querySelector('#frames').textContent;
        const ids = [...told.matchAll(/\"node\":\"(\\w{11})\"/g)].map((it) => it[1]);
        return { known: ids.length > 2, shown: ids.filter((id) => html.includes(id)) };";
    for page in [&alice, &bob] {
        assert_eq!(page.run(without_frames).await, json!({ "known": true, "shown": [] }));
    }
    // One who comes back to a page that knows nobody sees names too.
    alice.act("requests", "Block").await;
    alice.until_text("#blocked .name", "carol").await;
    alice.open().await;
    alice.until_inside("alice").await;
    alice.until_text("#friends .name", "bob").await;
    alice.until_text("#blocked .name", "carol").await;
    assert_eq!(alice.run(without_frames).await["shown"], json!([]));
    assert_eq!(alice.complaints().await, [""; 0]);
}

/// A client of somebody who means no good: hostile words in every field that others are shown.
const HOSTILE_CLIENT: &str = r#"
    const [pwd, friend, evil, done] = arguments;
    // Nobody gets a name that reorders a line.
    const name = evil.replace('\u202e', '');
    const bytes = (type, body) => new Uint8Array(
        [type | 0x80, ...new TextEncoder().encode(JSON.stringify(body))]);
    const logIn = () => {
        const socket = new WebSocket(location.href.replace('http', 'ws') + 'tim');
        const put = (type, body) => socket.send(bytes(type, body));
        socket.binaryType = 'arraybuffer';
        socket.onopen = () =>
            put(16, { name, pwd, resource: evil, termtyp: 3, extend: { name: evil } });
        socket.onmessage = ({ data }) => {
            const type = new Uint8Array(data)[0];
            const text = new TextDecoder().decode(new Uint8Array(data).subarray(1));
            if (type !== 12 || !text.includes('"timType":16')) return;
            put(41, { rtype: 4, node: friend, reqStr: evil });
            put(19, { subStatus: 1, show: 77, status: evil, extend: { name: evil, evil } });
            window.evil = (status) => put(19, { subStatus: 4, show: 2, status });
            done(true);
        };
    };
    fetch('tim2', { method: 'POST', body: bytes(14, { name, pwd }) }).then(logIn);
"#;

#[tokio::test]
async fn hostile_text_stays_text() {
    let evil =
        "<img src=x onerror=\"window.pwned = 1\"><script>window.pwned = 1</script>\u{202e}&lt;";
    let name = evil.replace('\u{202e}', "");
    let world = World::new();
    let alice = world.page().await;
    let mallory = world.page().await;
    alice.register("alice").await;
    let arguments = vec![json!(password("mallory")), json!("alice"), json!(evil)];
    mallory.run_async(HOSTILE_CLIENT, arguments).await;

    alice.until_text("#requests .words", evil).await;
    alice.until_text("#requests .name", &name).await;
    alice.until_text("#said", &name).await;
    alice.act("requests", "Accept").await;
    alice.until_text("#friends .name", &name).await;
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
