//! Who asks to be told of accounts that are no friends: told in tim's own words, and nothing else.

mod support;

use adsum_server::host::{INVISIBLE, UNWATCH, VISIBLE, WATCH};
use adsum_tim::{Form, Kind, TimAck, TimNodes, rtype};
use support::{Client, Server, Told, auth, auth_from};

const WITHDRAW: i32 = 1_003;
const PARAMETER: i32 = 4104;
const ONESELF: i32 = 4105;
const NO_ACCOUNT: i32 = 4106;
const NOT_OFFERED: i32 = 4107;
const TOO_MANY: i32 = 4111;

/// Asks to be told of these accounts, or no more.
async fn ask(client: &mut Client, ntype: i32, nodes: &[&str]) {
    let nodelist = Some(nodes.iter().map(|node| (*node).to_owned()).collect());
    let asked = TimNodes { ntype, nodelist, ..TimNodes::default() };
    client.send(asked.to_request(client.form, Kind::NODES)).await;
}

/// Asks, and returns what there is to see: who, and what they say.
async fn watch(client: &mut Client, nodes: &[&str]) -> Vec<(String, String)> {
    ask(client, WATCH, nodes).await;
    let mut seen = Vec::new();
    loop {
        match client.next().await {
            Told::Presence(presence) => {
                let said = if presence.offline == Some(true) {
                    "offline".to_owned()
                } else {
                    presence.status.unwrap_or_default()
                };
                seen.push((presence.from_tid.unwrap().node, said));
            }
            Told::Ack(ack) => {
                assert_eq!(ack, done(WATCH));
                return seen;
            }
            other => panic!("{other:?}"),
        }
    }
}

async fn unwatch(client: &mut Client, nodes: &[&str]) {
    ask(client, UNWATCH, nodes).await;
    assert_eq!(client.next().await, Told::Ack(done(UNWATCH)));
}

fn done(asked: i32) -> TimAck {
    TimAck { t: Some(asked.into()), ..TimAck::done(Kind::NODES) }
}

async fn is_refused(client: &mut Client, ntype: i32, nodes: &[&str], code: i32) {
    ask(client, ntype, nodes).await;
    assert_eq!(client.refusal().await, (Kind::NODES.tim_type(), code), "{nodes:?}");
}

/// An account's id that nobody has.
fn nobodys(server: &Server) -> String {
    let node = server.account("nobody");
    let sql = server.program().sql();
    assert_eq!(sql.execute("DELETE FROM accounts WHERE node = ?1", [&node]).unwrap(), 1);
    node
}

fn said(node: &str, what: &str) -> (String, String) {
    (node.to_owned(), what.to_owned())
}

/// A stranger is seen as by a friend: at once, live, and until the end; whoever is watched hears
/// nothing of it.
#[tokio::test]
async fn a_stranger_is_seen_until_the_end() {
    let server = Server::run(&["--watch", "anyone"]);
    let [ann, _] = ["ann", "bob"].map(|name| server.account(name));
    let mut at_ann = server.login("ann").await;
    at_ann.say("on stage").await;
    at_ann.until_pong().await;
    for form in [Form::Json, Form::Thrift] {
        let mut at_bob = server.login_as("bob", form, auth("bob")).await;
        assert_eq!(watch(&mut at_bob, &[&ann]).await, [said(&ann, "on stage")]);
        at_ann.say("encore").await;
        assert_eq!(at_bob.heard().await, said(&ann, "encore"));
        at_ann.ask(INVISIBLE, None).await;
        assert_eq!(at_bob.heard().await, said(&ann, "offline"));
        at_ann.ask(VISIBLE, None).await;
        assert_eq!(at_bob.heard().await, said(&ann, "encore"));
        at_ann.say("on stage").await;
        assert_eq!(at_bob.heard().await, said(&ann, "on stage"));
        at_bob.close().await;
    }
    let mut at_bob = server.login("bob").await;
    watch(&mut at_bob, &[&ann]).await;
    assert_eq!(server.metric("adsum_watches").await, 1.0);
    let told = at_ann.until_pong().await;
    let acks = |told: &Told| matches!(told, Told::Ack(ack) if ack.tim_type == 41);
    assert!(told.len() == 4 && told.iter().all(acks), "{told:?}");
    at_ann.close().await;
    assert_eq!(at_bob.heard().await, said(&ann, "offline"));
    assert_eq!(at_bob.until_pong().await, []);
    // It lasts as long as the session of whoever watches, whatever becomes of the other.
    let mut at_ann = server.login("ann").await;
    at_ann.say("back").await;
    assert_eq!(at_bob.heard().await, said(&ann, "back"));
    at_bob.close().await;
    server.until_metric("adsum_watches", 0.0).await;
}

/// Several devices of one who is watched are shown as a friend is shown them.
#[tokio::test]
async fn a_device_that_ends_is_replaced_for_a_stranger_too() {
    let server = Server::run(&["--watch", "anyone"]);
    let [ann, _] = ["ann", "bob"].map(|name| server.account(name));
    let mut phone = server.login_as("ann", Form::Json, auth_from("ann", "phone")).await;
    let mut desk = server.login_as("ann", Form::Json, auth_from("ann", "desk")).await;
    let mut at_bob = server.login("bob").await;
    assert_eq!(watch(&mut at_bob, &[&ann]).await, [said(&ann, "offline")]);
    phone.say("on the phone").await;
    assert_eq!(at_bob.heard().await, said(&ann, "on the phone"));
    desk.say("at the desk").await;
    assert_eq!(at_bob.heard().await, said(&ann, "at the desk"));
    desk.close().await;
    assert_eq!(at_bob.heard().await, said(&ann, "on the phone"));
    phone.close().await;
    assert_eq!(at_bob.heard().await, said(&ann, "offline"));
    assert_eq!(at_bob.until_pong().await, []);
}

/// Whoever wants to be told no more is not; a friend goes on being told as a friend.
#[tokio::test]
async fn unwatch_ends_it_and_leaves_friends() {
    let server = Server::run(&["--watch", "anyone"]);
    let [ann, _] = server.friends(["ann", "bob"]);
    let star = server.account("star");
    let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
    let mut at_star = server.login("star").await;
    assert_eq!(
        watch(&mut at_bob, &[&star, &ann, &star]).await.len(),
        2,
        "each once, though one is named twice"
    );
    unwatch(&mut at_bob, &[&star, &ann]).await;
    at_star.say("on stage").await;
    at_star.until_pong().await;
    at_ann.say("here").await;
    assert_eq!(at_bob.heard().await, said(&ann, "here"));
    assert_eq!(at_bob.until_pong().await, []);
}

/// Whoever watches no more is not told what was held back until then, and who is known to be there
/// is not told as offline by being named again.
#[tokio::test]
async fn unwatch_ends_what_was_still_to_be_told() {
    let server = Server::run(&["--watch", "anyone"]);
    let [ann, _] = ["ann", "bob"].map(|name| server.account(name));
    let mut at_bob = server.login("bob").await;
    watch(&mut at_bob, &[&ann]).await;
    let mut phone = server.login_as("ann", Form::Json, auth_from("ann", "phone")).await;
    phone.say("on the phone").await;
    assert_eq!(at_bob.heard().await, said(&ann, "on the phone"));
    // The end of one device waits for what the newcomer shows.
    let mut desk = server.login_as("ann", Form::Json, auth_from("ann", "desk")).await;
    phone.close().await;
    server.until_metric("adsum_sessions", 2.0).await;
    assert_eq!(watch(&mut at_bob, &[&ann]).await, []);
    unwatch(&mut at_bob, &[&ann]).await;
    desk.say("at the desk").await;
    desk.until_pong().await;
    assert_eq!(at_bob.until_pong().await, []);
    // She is there and says nothing, for whoever has seen her.
    assert_eq!(watch(&mut at_bob, &[&ann]).await, [said(&ann, "at the desk")]);
    desk.ask(WITHDRAW, None).await;
    assert_eq!(at_bob.heard().await, said(&ann, ""));
    assert_eq!(watch(&mut at_bob, &[&ann]).await, []);
    unwatch(&mut at_bob, &[&ann]).await;
    desk.say("at the desk again").await;
    desk.close().await;
    server.until_metric("adsum_sessions", 1.0).await;
    assert_eq!(at_bob.until_pong().await, []);
}

/// Nothing tells one who exists and is not there from one who does not exist, or who blocks.
#[tokio::test]
async fn who_is_not_seen_looks_like_who_does_not_exist() {
    let server = Server::run(&["--watch", "anyone", "--max-watched", "4"]);
    let nobody = nobodys(&server);
    let [offline, hidden, blocking, _] =
        ["offline", "hidden", "blocking", "bob"].map(|name| server.account(name));
    let mut at_hidden = server.login("hidden").await;
    at_hidden.ask(INVISIBLE, None).await;
    at_hidden.say("here").await;
    at_hidden.until_pong().await;
    let mut at_bob = server.login("bob").await;
    let bob = at_bob.node.clone();
    let mut at_blocking = server.login("blocking").await;
    at_blocking.ask(rtype::BLOCK_ROSTER, Some(&bob)).await;
    at_blocking.say("here").await;
    at_blocking.until_pong().await;
    let all = [&nobody, &offline, &hidden, &blocking].map(String::as_str);
    let mut seen = watch(&mut at_bob, &all).await;
    seen.sort();
    let mut wanted = all.map(|node| said(node, "offline"));
    wanted.sort();
    assert_eq!(seen, wanted);
    // They count alike, too.
    assert_eq!(server.metric("adsum_watches").await, 4.0);
}

/// A block ends what is seen, either way, and nothing comes until it is lifted.
#[tokio::test]
async fn a_block_either_way_ends_what_is_seen() {
    let server = Server::run(&["--watch", "anyone"]);
    let [ann, bob] = ["ann", "bob"].map(|name| server.account(name));
    let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
    at_ann.say("here").await;
    at_ann.until_pong().await;
    assert_eq!(watch(&mut at_bob, &[&ann]).await, [said(&ann, "here")]);
    at_ann.ask(rtype::BLOCK_ROSTER, Some(&bob)).await;
    assert_eq!(at_bob.heard().await, said(&ann, "offline"));
    at_ann.say("unseen").await;
    at_ann.until_pong().await;
    assert_eq!(at_bob.until_pong().await, []);
    at_ann.ask(rtype::REMOVE_ROSTER, Some(&bob)).await;
    assert_eq!(at_bob.heard().await, said(&ann, "unseen"));
    at_bob.ask(rtype::BLOCK_ROSTER, Some(&ann)).await;
    // The connection answers, and the engine's thread tells: in either order.
    let told = at_bob.until_pong().await;
    let is_over = |told: &Told| match told {
        Told::Presence(presence) => presence.offline == Some(true),
        Told::Ack(ack) => ack.ok,
        _ => false,
    };
    assert!(told.len() == 2 && told.iter().all(is_over), "{told:?}");
    at_ann.say("unseen again").await;
    at_ann.until_pong().await;
    assert_eq!(at_bob.until_pong().await, []);
}

/// Unless the settings allow it, it is as if it were not there.
#[tokio::test]
async fn it_is_refused_by_default() {
    for flags in [&[][..], &["--watch", "anyone", "--deactivate-api-timnodes"]] {
        let server = Server::run(flags);
        let [ann, _] = ["ann", "bob"].map(|name| server.account(name));
        let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
        is_refused(&mut at_bob, WATCH, &[&ann], NOT_OFFERED).await;
        is_refused(&mut at_bob, UNWATCH, &[&ann], NOT_OFFERED).await;
        at_ann.say("here").await;
        at_ann.until_pong().await;
        assert_eq!(at_bob.until_pong().await, []);
        assert_eq!(server.metric("adsum_watches").await, 0.0);
    }
}

/// Over the limit, or with a name that cannot be one, nothing is changed and an answer says why.
#[tokio::test]
async fn what_is_refused_changes_nothing() {
    let server = Server::run(&["--watch", "anyone", "--max-watched", "2"]);
    let [ann, star, third, bob] = ["ann", "star", "third", "bob"].map(|name| server.account(name));
    let mut at_bob = server.login("bob").await;
    assert_eq!(watch(&mut at_bob, &[&ann]).await, [said(&ann, "offline")]);
    is_refused(&mut at_bob, WATCH, &[&star, &third], TOO_MANY).await;
    is_refused(&mut at_bob, WATCH, &[], PARAMETER).await;
    is_refused(&mut at_bob, UNWATCH, &[], PARAMETER).await;
    is_refused(&mut at_bob, WATCH, &[&star, "no id"], NO_ACCOUNT).await;
    is_refused(&mut at_bob, UNWATCH, &[&ann, "no id"], NO_ACCOUNT).await;
    is_refused(&mut at_bob, WATCH, &[&star, &bob], ONESELF).await;
    assert_eq!(server.metric("adsum_watches").await, 1.0);
    let mut at_star = server.login("star").await;
    at_star.say("on stage").await;
    at_star.until_pong().await;
    let mut at_ann = server.login("ann").await;
    at_ann.say("here").await;
    assert_eq!(at_bob.heard().await, said(&ann, "here"));
    // Who is watched already does not count twice, and there is room for one more.
    let mut seen = watch(&mut at_bob, &[&ann, &star]).await;
    seen.sort();
    let mut wanted = [said(&ann, "here"), said(&star, "on stage")];
    wanted.sort();
    assert_eq!(seen, wanted);
    unwatch(&mut at_bob, &[&ann]).await;
    assert_eq!(watch(&mut at_bob, &[&third]).await, [said(&third, "offline")]);
}

/// A session that goes on elsewhere goes on watching, and is told again what there is to see.
#[tokio::test]
async fn it_goes_on_with_the_session() {
    let server = Server::run(&["--watch", "anyone"]);
    let [ann, _] = ["ann", "bob"].map(|name| server.account(name));
    let mut at_ann = server.login("ann").await;
    let mut at_bob = Client::connect(server.address(), Form::Json).await;
    let secret = at_bob.authenticate(&auth("bob")).await.n2.unwrap();
    assert_eq!(watch(&mut at_bob, &[&ann]).await, [said(&ann, "offline")]);
    at_bob.break_off();
    server.until_metric("adsum_detached", 1.0).await;
    at_ann.say("here").await;
    at_ann.until_pong().await;
    let resume = support::auth_with("bob", &[("resume", &secret)]);
    let mut at_bob = server.login_as("bob", Form::Json, resume).await;
    assert_eq!(at_bob.heard().await, said(&ann, "here"));
    at_ann.say("still here").await;
    assert_eq!(at_bob.heard().await, said(&ann, "still here"));
}

/// With offline notices switched off, nobody is told of who is not there either.
#[tokio::test]
async fn without_offline_notices_nothing_is_shown_of_who_is_not_there() {
    let server = Server::run(&["--watch", "anyone", "--presence-offline-block"]);
    let [ann, _] = ["ann", "bob"].map(|name| server.account(name));
    let mut at_bob = server.login("bob").await;
    assert_eq!(watch(&mut at_bob, &[&ann]).await, []);
}
