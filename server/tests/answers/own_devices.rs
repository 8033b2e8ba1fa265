//! What a user's own devices are told of each other.

use adsum_tim::{Form, TimPresence};

use crate::support::{Client, Server, auth_from};

async fn device(server: &Server, name: &str) -> Client {
    server.login_as("ann", Form::Json, auth_from("ann", name)).await
}

/// Who it is from, what it says, and whose place it takes.
async fn told(client: &mut Client) -> (String, String, Option<String>) {
    let TimPresence { from_tid, to_tid, status, offline, .. } = client.presence().await;
    assert_eq!(offline, None, "nobody is offline to themselves");
    let ended = to_tid.unwrap().extend.unwrap_or_default().remove("ended");
    (from_tid.unwrap().resource.unwrap(), status.unwrap_or_default(), ended)
}

fn says(device: &str, words: &str) -> (String, String, Option<String>) {
    (device.to_owned(), words.to_owned(), None)
}

/// A second device is told what the first says, before and after it came; the one that says it is
/// not.
#[tokio::test]
async fn s9_a_users_devices_agree() {
    let server = Server::run(&[]);
    server.account("ann");
    let mut desk = device(&server, "desk").await;
    desk.say("busy").await;
    assert_eq!(desk.until_pong().await, []);
    let mut phone = device(&server, "phone").await;
    assert_eq!(told(&mut phone).await, says("desk", "busy"));
    desk.say("very busy").await;
    assert_eq!(told(&mut phone).await, says("desk", "very busy"));
    assert_eq!(desk.until_pong().await, []);
    phone.say("on my way").await;
    assert_eq!(told(&mut desk).await, says("phone", "on my way"));
    assert_eq!(phone.until_pong().await, []);
    // Whatever is said by nobody any more is shown by nobody.
    phone.close().await;
    let (from, words, ended) = told(&mut desk).await;
    assert_eq!((from, words, ended.as_deref()), ("desk".into(), "very busy".into(), Some("phone")));
    assert_eq!(desk.until_pong().await, []);
}

/// They are told so while the user is invisible to everybody else, too.
#[tokio::test]
async fn s9_also_while_the_user_is_invisible() {
    let server = Server::run(&[]);
    server.account("ann");
    let mut desk = device(&server, "desk").await;
    desk.ask(1_001, None).await;
    desk.until_pong().await;
    desk.say("hiding").await;
    desk.until_pong().await;
    let mut phone = device(&server, "phone").await;
    assert_eq!(told(&mut phone).await, says("desk", "hiding"));
}
