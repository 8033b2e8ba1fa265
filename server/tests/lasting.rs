//! What ends by itself, and what is withdrawn, over the wire: told in tim's own words.

mod support;

use adsum_tim::{Form, Kind, TimPresence};
use support::{Client, Server, Told, auth_from, says};

const WITHDRAW: i32 = 1_003;

/// A presence for so many milliseconds, and perhaps another one after that.
fn for_ms(status: &str, for_ms: &str, then: Option<&str>) -> TimPresence {
    let mut extend = vec![("adsum.for".to_owned(), for_ms.to_owned())];
    extend.extend(then.map(|then| ("adsum.then".to_owned(), then.to_owned())));
    TimPresence { extend: Some(extend.into_iter().collect()), ..says(status) }
}

async fn types(client: &mut Client, to: &str, status: &str) {
    let to_list = Some(vec![to.to_owned()]);
    let presence = TimPresence { to_list, ..for_ms(status, "1500", None) };
    client.send(presence.to_request(Form::Json, Kind::PRESENCE)).await;
}

/// Two friends who are there.
async fn friends(server: &Server) -> ([String; 2], Client, Client) {
    let nodes = server.friends(["ann", "bob"]);
    (nodes, server.login("ann").await, server.login("bob").await)
}

/// Whoever types on is typing, and it is over once, by what they show; a client that is gone need
/// not say so.
#[tokio::test]
async fn typing_is_over_once_and_shows_what_holds() {
    let server = Server::run(&["--grace-error", "3600"]);
    let ([ann, bob], mut at_ann, mut at_bob) = friends(&server).await;
    at_ann.say("here").await;
    assert_eq!(at_bob.heard().await.1, "here");
    for _ in 0..3 {
        types(&mut at_ann, &bob, "typing").await;
        assert_eq!(at_bob.heard().await, (ann.clone(), "typing".to_owned()));
    }
    at_ann.break_off();
    let over = at_bob.presence().await;
    assert_eq!((over.status.as_deref(), over.offline), (Some("here"), None));
    assert_eq!(over.to_tid.unwrap().extend, None, "her device has not ended");
    assert_eq!(at_bob.until_pong().await, []);
}

/// Who may not see the sender is told what they were told of everybody they may not see.
#[tokio::test]
async fn typing_of_one_who_is_unseen_is_over_by_offline() {
    let server = Server::run(&[]);
    let ([ann, bob], mut at_ann, mut at_bob) = friends(&server).await;
    at_ann.ask(adsum_server::host::INVISIBLE, None).await;
    types(&mut at_ann, &bob, "typing").await;
    assert_eq!(at_bob.heard().await, (ann.clone(), "typing".to_owned()));
    assert_eq!(at_bob.heard().await, (ann, "offline".to_owned()));
}

/// A status ends though its client is gone for the moment, and what follows is told.
#[tokio::test]
async fn a_status_ends_without_its_client() {
    let server = Server::run(&["--grace-error", "3600"]);
    let ([_, _], mut at_ann, mut at_bob) = friends(&server).await;
    at_ann.publish(&for_ms("in a call", "300", Some(r#"{"status":"back"}"#))).await;
    assert_eq!(at_bob.heard().await.1, "in a call");
    at_ann.break_off();
    assert_eq!(at_bob.heard().await.1, "back");
    // A newer one takes the place of the end as well.
    let mut at_ann = server.login("ann").await;
    at_ann.publish(&for_ms("lunch", "200", None)).await;
    assert_eq!(at_bob.heard().await.1, "lunch");
    at_ann.say("at my desk").await;
    assert_eq!(at_bob.heard().await.1, "at my desk");
    at_ann.publish(&for_ms("a moment", "200", None)).await;
    assert_eq!(at_bob.heard().await.1, "a moment");
    // The lunch would have been over before this.
    assert_eq!(at_bob.heard().await.1, "back", "of her other device, which is detached");
}

/// A device that shows nothing any more leaves what the other shows; the last one leaves a user who
/// is there, and in the end goes.
#[tokio::test]
async fn a_device_that_withdraws_leaves_the_others() {
    let server = Server::run(&[]);
    let ([ann, _], mut phone, mut at_bob) = friends(&server).await;
    phone.say("on the phone").await;
    assert_eq!(at_bob.heard().await.1, "on the phone");
    let mut desk = server.login_as("ann", Form::Json, auth_from("ann", "desk")).await;
    desk.until_pong().await;
    desk.say("at the desk").await;
    assert_eq!(at_bob.heard().await.1, "at the desk");
    desk.ask(WITHDRAW, None).await;
    let shown = at_bob.presence().await;
    assert_eq!(shown.status.as_deref(), Some("on the phone"));
    assert_eq!(shown.to_tid.unwrap().extend.unwrap()["ended"], "desk");
    phone.ask(WITHDRAW, None).await;
    assert_eq!(at_bob.heard().await, (ann.clone(), String::new()));
    assert_eq!(at_bob.until_pong().await, []);
    desk.close().await;
    phone.close().await;
    assert_eq!(at_bob.heard().await, (ann, "offline".to_owned()));
    assert_eq!(at_bob.until_pong().await, []);
}

/// What cannot be is refused, and told to nobody.
#[tokio::test]
async fn what_cannot_last_is_refused() {
    let server = Server::run(&[]);
    let ([_, bob], mut at_ann, mut at_bob) = friends(&server).await;
    let refused = (Kind::BROAD_PRESENCE.tim_type(), 4_104);
    // Of what follows nobody counts the time, and nobody is told it either.
    let ends_too = r#"{"status":"after","extend":{"adsum.for":"5"}}"#;
    let wrong = [("soon", None), ("604800001", None), ("5", Some("[]")), ("5", Some(ends_too))];
    for (time, then) in wrong {
        at_ann.publish(&for_ms("never", time, then)).await;
        assert_eq!(at_ann.refusal().await, refused, "{time} {then:?}");
    }
    let to_list = Some(vec![bob]);
    let directed = TimPresence { to_list, ..for_ms("never", "5", Some("{}")) };
    at_ann.send(directed.to_request(Form::Json, Kind::PRESENCE)).await;
    assert_eq!(at_ann.refusal().await, (Kind::PRESENCE.tim_type(), 4_104));
    // Nothing of it is kept: what is said next is the first that anybody hears.
    at_ann.say("now").await;
    let Told::Presence(heard) = at_bob.next().await else { panic!("no presence") };
    assert_eq!(heard.status.as_deref(), Some("now"));
}
