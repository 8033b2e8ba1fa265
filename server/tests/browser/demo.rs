//! A demonstration: simulated people, from the first second on.

use std::time::Duration;

use serde_json::{Value, json};

use crate::world::World;

const DEMO: [&str; 1] = ["--demo"];

#[tokio::test]
async fn a_newcomer_sees_a_living_system_in_the_first_minute() {
    let world = World::with_flags(&DEMO);
    let page = world.page().await;
    // What happens is drawn before anybody is in.
    let online = "Number(document.querySelector('[data-figure=online] .value').textContent)";
    page.until(&format!("{online} > 80")).await;
    let line = "document.querySelector('[data-figure=deliveries] .line').getAttribute('d')";
    page.until(&format!("/L/.test({line})")).await;
    page.click("#guest").await;
    page.until("!document.querySelector('#inside').hidden").await;
    page.until_text("#me", "Guest 1").await;
    page.until("document.querySelectorAll('#online > li').length > 10").await;
    page.until("document.querySelectorAll('#requests > li').length === 3").await;
    page.until("document.querySelectorAll('#rooms > li').length === 8").await;
    page.until_text("#rooms", "lobby").await;
    page.until("parseInt(document.querySelector('#rooms .room-count').textContent) > 5").await;
    // People come, go and change by themselves: within the time that anybody looks.
    page.run("window.before = document.querySelector('.people-part').innerText").await;
    let changed = "document.querySelector('.people-part').innerText !== window.before";
    page.until_within(changed, Duration::from_secs(60)).await;
    // Somebody who is asked says yes.
    page.act("requests", "Accept").await;
    page.until("document.querySelectorAll('#requests > li').length === 2").await;
    page.trigger("#rooms .room .title button").await;
    page.until("document.querySelectorAll('#rooms .members > li').length > 5").await;
    assert_eq!(page.complaints().await, [""; 0]);
    // A reload keeps the guest in.
    page.open().await;
    page.until_inside("Guest 1").await;
    page.until("document.querySelectorAll('#rooms .members > li').length > 5").await;
    assert_eq!(page.complaints().await, [""; 0]);
}

#[tokio::test]
async fn a_simulated_person_who_is_asked_says_yes() {
    let world = World::with_flags(&DEMO);
    let page = world.page().await;
    page.register("newcomer").await;
    // Somebody who is there: whom the lobby shows.
    page.trigger("#rooms .room .title button").await;
    page.until("document.querySelectorAll('#rooms .members bdi').length > 3").await;
    let name = "const names = [...document.querySelectorAll('#rooms .members bdi')];
        return names.map((it) => it.textContent).find((it) => it !== 'You')";
    let Value::String(name) = page.run(name).await else { panic!("nobody") };
    page.ask(&name).await;
    page.until_text("#online .name", &name).await;
    assert_eq!(page.run("return document.querySelector('#asked').childElementCount").await, 0);
}

#[tokio::test]
async fn only_a_demonstration_lets_guests_in() {
    let world = World::new();
    let page = world.page().await;
    assert!(!page.find("#demo-part").await.is_displayed().await.unwrap());
    let statuses = page
        .run_async(
            "const done = arguments[0];
             const ask = (path, method) => fetch(path, { method }).then(({ status }) => status);
             Promise.all([ask('demo/guest', 'POST'), ask('demo/pulse'), ask('demo/about')])
                 .then(done);",
            vec![],
        )
        .await;
    assert_eq!(statuses, json!([404, 404, 404]));
}
