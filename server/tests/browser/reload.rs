//! A page that is reloaded, and another tab beside it.

use serde_json::json;

use crate::two_friends;
use crate::world::World;

/// The grace of a page that goes away is over long after a test is.
const LONG: [&str; 2] = ["--grace-going-away", "3600"];

#[tokio::test]
async fn a_reload_goes_on_where_it_was_and_friends_notice_nothing() {
    let world = World::with_flags(&LONG);
    let (alice, bob) = two_friends(&world).await;
    alice.tell(4, "in a meeting").await;
    bob.until_text("#friends .words", "in a meeting").await;
    let device = alice.text("#device").await;
    bob.record_states().await;
    for _ in 0..2 {
        alice.open().await;
        alice.until_inside("alice").await;
        alice.until_text("#seen-as", "Friends see you as do not disturb: in a meeting").await;
        alice.until_friend_is("available").await;
        assert_eq!(alice.text("#device").await, device);
        let form = "return [document.querySelector('#status').value,
            document.querySelector('#shows input:checked').value]";
        assert_eq!(alice.run(form).await, json!(["in a meeting", "4"]));
    }
    // The next that bob sees is the next that alice tells.
    alice.tell(2, "out").await;
    bob.until_text("#friends .words", "out").await;
    assert_eq!(bob.recorded_states().await, ["busy", "away"]);
    assert_eq!(
        bob.run("return document.querySelectorAll('#friends .devices > li').length").await,
        1
    );
    // What names the session is as good as a password, and is shown no more than that.
    let memory = alice.run("return JSON.parse(sessionStorage['adsum-session']).secret").await;
    let document = alice.run("return document.documentElement.outerHTML").await;
    assert!(!document.to_string().contains(memory.as_str().unwrap()));

    // A logout is one: nothing is left to go on with.
    alice.click("#logout").await;
    bob.until_friend_is("offline").await;
    alice.open().await;
    alice.until("!document.querySelector('#enter').hidden").await;
    assert_eq!(alice.run("return sessionStorage.length").await, json!(0));
}

#[tokio::test]
async fn whoever_is_invisible_stays_so_over_a_reload() {
    let world = World::with_flags(&LONG);
    let (alice, bob) = two_friends(&world).await;
    alice.click("#invisible").await;
    bob.until_friend_is("offline").await;
    bob.record_states().await;
    alice.open().await;
    alice.until_inside("alice").await;
    alice.until("document.querySelector('#invisible').checked").await;
    alice.tell(1, "unseen").await;
    alice.until_text("#said", "Kept until you are visible").await;
    alice.click("#invisible").await;
    bob.until_text("#friends .words", "unseen").await;
    assert_eq!(bob.recorded_states().await, ["offline", "chatting"]);
}

#[tokio::test]
async fn a_session_that_is_over_is_said_to_be_over() {
    let world = World::with_flags(&LONG);
    let (alice, bob) = two_friends(&world).await;
    world.stop_server();
    bob.until_text("#link", "Connection lost").await;
    world.start_server();
    // Nobody remembers a session over a restart; a page that was not reloaded has its password.
    bob.until_text("#link", "Connected again").await;
    alice.until_text("#link", "Connected again").await;
    alice
        .run(
            "sessionStorage['adsum-session'] = sessionStorage['adsum-session']
        .replace(/\"secret\":\"[^\"]*/, '\"secret\":\"1111111111111111')",
        )
        .await;
    alice.open().await;
    alice.until_text("#enter-error", "Your session is over. Log in again.").await;
}

#[tokio::test]
async fn a_second_tab_starts_from_what_the_first_says() {
    let world = World::with_flags(&LONG);
    let (alice, bob) = two_friends(&world).await;
    let first = alice.window().await;
    let device = alice.text("#device").await;
    alice.tell(4, "in a meeting").await;
    bob.until_text("#friends .words", "in a meeting").await;
    bob.record_states().await;
    let second = alice.new_tab().await;
    alice.log_in("alice").await;
    alice.until_text("#seen-as", "Friends see you as do not disturb: in a meeting").await;
    alice.until_text("#own-devices", &device).await;
    bob.until("document.querySelectorAll('#friends .devices > li').length === 2").await;
    assert_eq!(bob.recorded_states().await, ["busy"]);
    // And each sees what the other says from then on.
    alice.tell(2, "on the way").await;
    alice.switch_to(first).await;
    alice.until_text("#own-devices", "on the way").await;
    alice.switch_to(second).await;
    alice.click("#logout").await;
    bob.until("document.querySelectorAll('#friends .devices > li').length === 1").await;
}

#[tokio::test]
async fn a_network_that_is_gone_is_noticed_at_once() {
    let world = World::new();
    let (alice, bob) = two_friends(&world).await;
    alice.record_states().await;
    alice.run("dispatchEvent(new Event('offline'))").await;
    alice.until_text("#link", "Connection lost").await;
    alice.until_friend_is("not known while disconnected").await;
    alice.run("dispatchEvent(new Event('online'))").await;
    alice.until_text("#link", "Connected again").await;
    alice.until_friend_is("available").await;
    bob.until_friend_is("available").await;
}
