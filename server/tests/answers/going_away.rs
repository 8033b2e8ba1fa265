//! Going away is not logging out: a page that is reloaded, and who comes back to it.

use std::time::{Duration, Instant};

use adsum_tim::{Form, TimAck, TimAuth, TimPresence};

use crate::support::program::Program;
use crate::support::{Client, Server, Told, auth, auth_from, auth_with};

const INVISIBLE: i32 = 1_001;
const VISIBLE: i32 = 1_002;
const BAD_TOKEN: i32 = 4_115;
const RESUMED_ELSEWHERE: u16 = 4_004;

/// Long enough that nothing of it is over before a test is.
const LONG: [&str; 2] = ["--grace-going-away", "3600"];

/// Two friends, one of whom is there.
async fn a_friend_of_ann(flags: &[&str]) -> (Server, Client) {
    let server = Server::run(flags);
    for name in ["ann", "bob"] {
        server.account(name);
    }
    server.make_all_friends();
    let bob = server.login("bob").await;
    (server, bob)
}

/// A login from a new connection, and the answer to it.
async fn log_in(server: &Server, auth: &TimAuth) -> (Client, TimAck) {
    let mut client = Client::connect(server.address(), Form::Json).await;
    let ack = client.authenticate(auth).await;
    (client, ack)
}

/// A login that says nothing but which session is to go on.
fn resume(secret: &str) -> TimAuth {
    TimAuth { name: None, pwd: None, ..auth_with("", &[("resume", secret)]) }
}

/// A browser closes with 1001 when a page goes, libraries with 1000, and some with a code of their
/// own. None of these is a logout: whoever comes back soon was never gone.
#[tokio::test]
async fn s7_a_page_that_is_reloaded_is_not_gone() {
    let (server, mut bob) = a_friend_of_ann(&LONG).await;
    for code in [1_000, 1_001, 4_000] {
        let mut page = server.login("ann").await;
        page.say("before").await;
        assert_eq!(bob.heard().await.1, "before");
        page.go_away(code).await;
        let mut page = server.login("ann").await;
        page.say("after").await;
        assert_eq!(bob.heard().await.1, "after");
        assert_eq!(bob.until_pong().await, [], "{code}");
    }
}

/// Whoever does not come back is gone after the grace, and no sooner.
#[tokio::test]
async fn s7_who_does_not_come_back_is_gone_soon() {
    let (server, mut bob) = a_friend_of_ann(&["--grace-going-away", "1"]).await;
    let mut page = server.login("ann").await;
    page.say("here").await;
    assert_eq!(bob.heard().await.1, "here");
    let left = Instant::now();
    page.go_away(1_001).await;
    assert_eq!(bob.heard().await.1, "offline");
    assert!(left.elapsed() >= Duration::from_millis(900), "{:?}", left.elapsed());
}

/// A logout is a statement: it ends at once, whatever the grace.
#[tokio::test]
async fn s7_a_logout_ends_at_once() {
    let (server, mut bob) = a_friend_of_ann(&LONG).await;
    let mut page = server.login("ann").await;
    page.say("here").await;
    assert_eq!(bob.heard().await.1, "here");
    page.close().await;
    assert_eq!(bob.heard().await.1, "offline");
}

/// The answer to a login names the session. Whoever shows that name goes on with it, without a
/// password, and is told what they say and what others do; friends notice nothing.
#[tokio::test]
async fn s7_a_client_that_says_so_goes_on() {
    let (server, mut bob) = a_friend_of_ann(&LONG).await;
    bob.say("is here").await;
    let (mut page, ack) = log_in(&server, &auth_from("ann", "page")).await;
    assert_eq!(page.heard().await.1, "is here");
    let (node, first) = (ack.n.unwrap(), ack.n2.unwrap());
    page.say("busy").await;
    assert_eq!(bob.heard().await.1, "busy");
    page.go_away(1_001).await;

    let (mut page, ack) = log_in(&server, &resume(&first)).await;
    assert!(ack.ok, "{ack:?}");
    assert_eq!(ack.n.as_deref(), Some(node.as_str()));
    let second = ack.n2.unwrap();
    assert_ne!(second, first);
    assert_eq!(page.heard().await.1, "is here");
    assert_eq!(page.heard().await, (node.clone(), "busy".to_owned()));
    assert_eq!(page.until_pong().await, []);
    page.say("still").await;
    let told = bob.presence().await;
    assert_eq!(told.status.as_deref(), Some("still"));
    let from = told.from_tid.unwrap();
    assert_eq!((from.node, from.resource.as_deref()), (node, Some("page")));
    assert_eq!(from.extend, None);

    // The name is good for once; but with a password besides it is a login like any other.
    let (_, ack) = log_in(&server, &resume(&first)).await;
    assert_eq!(ack.error.and_then(|error| error.code), Some(BAD_TOKEN));
    let (other, ack) = log_in(&server, &auth_with("ann", &[("resume", &first)])).await;
    assert!(ack.ok, "{ack:?}");
    other.close().await;
    // A connection of which nobody knew that it is dead gives way.
    let (other, ack) = log_in(&server, &resume(&second)).await;
    assert!(ack.ok, "{ack:?}");
    assert_eq!(page.close_code().await, RESUMED_ELSEWHERE);
    // After a logout there is nothing to go on with.
    other.close().await;
    assert_eq!(bob.heard().await.1, "offline");
    let (_, ack) = log_in(&server, &resume(&ack.n2.unwrap())).await;
    assert_eq!(ack.error.and_then(|error| error.code), Some(BAD_TOKEN));
}

/// Whoever is invisible stays so over a reload, though the page announces itself as plain clients
/// do; and the answer to the login says so.
#[tokio::test]
async fn s8_invisibility_survives_a_reload() {
    let (server, mut bob) = a_friend_of_ann(&LONG).await;
    let (mut page, ack) = log_in(&server, &auth("ann")).await;
    assert_eq!(ack.t2, Some(VISIBLE.into()));
    page.ask(INVISIBLE, None).await;
    assert!(matches!(page.next().await, Told::Ack(ack) if ack.t == Some(INVISIBLE.into())));
    page.say("unseen").await;
    page.until_pong().await;
    page.go_away(1_001).await;
    let (mut page, ack) = log_in(&server, &auth("ann")).await;
    assert_eq!(ack.t2, Some(INVISIBLE.into()));
    page.say("unseen too").await;
    page.until_pong().await;
    assert_eq!(bob.until_pong().await, []);
    page.go_away(1_001).await;
    let (mut page, ack) = log_in(&server, &resume(&ack.n2.unwrap())).await;
    assert_eq!(ack.t2, Some(INVISIBLE.into()));
    page.say("and this").await;
    page.until_pong().await;
    assert_eq!(bob.until_pong().await, []);
    page.ask(VISIBLE, None).await;
    // Of the sessions that are left behind too, until their grace is over.
    while bob.heard().await.1 != "and this" {}
}

/// After a restart nobody remembers who was invisible, so a client can say so when it logs in: no
/// friend sees as much as a flash of it.
#[tokio::test]
async fn s8_a_client_can_come_in_invisible() {
    let (server, bob) = a_friend_of_ann(&[]).await;
    drop(bob);
    let server = Server::of_program(Program::start_in(server.into_program().kill(), &[]));
    let mut bob = server.login("bob").await;
    let (mut page, ack) = log_in(&server, &auth_with("ann", &[("invisible", "true")])).await;
    assert_eq!((ack.ok, ack.t2), (true, Some(INVISIBLE.into())));
    page.say("unseen").await;
    page.until_pong().await;
    assert_eq!(bob.until_pong().await, []);
    page.ask(VISIBLE, None).await;
    let told: TimPresence = bob.presence().await;
    assert_eq!(told.status.as_deref(), Some("unseen"));
    assert_eq!(told.from_tid.unwrap().extend, None, "it is nobody else's concern");
}
