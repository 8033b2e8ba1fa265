//! Those who mean no good: hostile words in every field that others are shown.

use serde_json::json;

use crate::page::{FRIEND, password};
use crate::world::World;

/// A client of somebody whose words are hostile, in the protocol that the page speaks.
const HOSTILE_CLIENT: &str = r#"
    const [password, friend, evil, done] = arguments;
    // Nobody gets a name that reorders a line.
    const name = evil.replace('\u202e', '');
    const socket = new WebSocket(location.href.replace('http', 'ws') + 'v1');
    const put = (operation) => socket.send(JSON.stringify(operation));
    socket.onopen = () => put({ op: 'hello', name, password, register: true });
    socket.onmessage = ({ data }) => {
        if (!data.includes('"welcome"')) return;
        put({ op: 'befriend', user: friend, text: evil });
        put({ op: 'publish', p: { show: evil, text: evil, emoji: evil, on: evil, until: 1e300 } });
        put({ op: 'join', topic: 'room:lobby', p: { name: evil, text: { evil } } });
        put({ op: 'say', topic: 'room:lobby', p: { text: evil } });
        window.evil = (p) => put({ op: 'publish', p });
        done(true);
    };
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
    alice.trigger("#rooms .room .title button").await;
    let arguments = vec![json!(password("mallory")), json!("alice"), json!(evil)];
    mallory.run_async(HOSTILE_CLIENT, arguments).await;

    alice.until_text("#requests .state", evil).await;
    alice.until_text("#requests .name", &name).await;
    alice.until_text("#news", &name).await;
    alice.until_text("#rooms .members", "<img").await;
    alice.until_text("#rooms .said", "onerror").await;
    alice.act("requests", "Accept").await;
    alice.until_text(&format!("{FRIEND} .name"), &name).await;
    alice.until_words(evil).await;
    alice.until_friend_is("Available (<img").await;
    alice.click("#frames-part > summary").await;
    alice.until_text("#frames", "onerror=").await;
    // Whatever it is that somebody shows, it is no error.
    for p in [json!(null), json!(7), json!([[]]), json!({ "text": 1, "until": "x", "emoji": {} })] {
        mallory.run_with("window.evil(arguments[0])", vec![p]).await;
    }
    mallory.run("window.evil('only words')").await;
    alice.until_words("only words").await;
    // An endless word neither widens the page nor fills the screen.
    mallory.run("window.evil({ show: 'away', text: 'x'.repeat(3900) })").await;
    alice.until_friend_is("Away").await;
    alice
        .until(&format!("document.querySelector('{FRIEND} .words').textContent.length < 1100"))
        .await;
    alice.until("document.documentElement.scrollWidth <= innerWidth").await;
    assert_eq!(alice.run("return window.pwned ?? null").await, json!(null));
    assert_eq!(alice.run("return document.querySelectorAll('img').length").await, json!(0));
    assert_eq!(alice.run("return document.scripts.length").await, json!(1));
    assert_eq!(alice.complaints().await, [""; 0]);
}

/// Names that run from right to left stay among themselves.
#[tokio::test]
async fn names_that_run_from_right_to_left_reorder_nothing_else() {
    let world = World::new();
    let alice = world.page().await;
    let layla = world.page().await;
    alice.register("alice").await;
    layla.register("ليلى حداد").await;
    layla.ask("alice").await;
    alice.until_text("#requests .name", "ليلى حداد").await;
    alice.act("requests", "Accept").await;
    layla.tell("busy", "في اجتماع").await;
    alice.until_words("في اجتماع").await;
    let isolated = alice
        .run(
            "const row = document.querySelector('#online > li');
             return [...row.querySelectorAll('bdi')].map((it) => getComputedStyle(it).direction)",
        )
        .await;
    assert_eq!(isolated, json!(["rtl", "rtl"]));
    // The page's own words around them stay where they are.
    let order = alice
        .run(
            "const left = (css) => document.querySelector(`#online ${css}`)
                .getBoundingClientRect().left;
             return left('.face') < left('.who') && left('.state .label') < left('.state .words')",
        )
        .await;
    assert_eq!(order, json!(true));
    assert_eq!(layla.text("#own-face").await, "لح");
}
