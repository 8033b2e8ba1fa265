//! Hooks that fail, hang or are down: nobody's presence waits for them, and in the end they know
//! the truth.

use std::time::{Duration, Instant};

use adsum_tim::Form;
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use super::flapping::{Flapping, STEADY};
use super::support::hook::{Hook, Mode, SECRET};
use super::support::program::Program;
use super::support::{Client, Server, crowd, says};
use super::{ask, assert_true, down_for, hooked, truth};

/// What a hook refuses is told again, in its newest state.
#[tokio::test]
async fn what_is_refused_is_told_again() {
    let (hook, server) = hooked(&[]).await;
    let [ann, bob] = ["ann", "bob"].map(|name| server.account(name));
    hook.set(Mode::Refuses);
    let at_ann = server.login("ann").await;
    hook.until("refused twice", |state| state.posts >= 3).await;
    // While it fails, bob comes, goes and comes again.
    server.login("bob").await.close().await;
    server.until_metric("adsum_users_online", 1.0).await;
    let at_bob = server.login("bob").await;
    server.until_metric("adsum_webhook_waiting", 2.0).await;
    hook.set(Mode::Takes);
    hook.until("both known", |state| state.edges().len() >= 2).await;
    let told: Vec<_> = hook.state().edges().iter().map(|edge| edge["user"].clone()).collect();
    assert_eq!(told, [json!(ann), json!(bob)]);
    let numbers: Vec<_> = hook.state().edges().iter().map(|edge| edge["number"].clone()).collect();
    assert_eq!(numbers, [1, 4], "the newest edge of each alone");
    assert_eq!(hook.state().missed(), 1);
    assert_true(&hook, &server).await;
    assert!(server.metric("adsum_webhook_retries_total").await >= 2.0);
    assert_eq!(server.metric("adsum_webhook_dropped_total").await, 0.0);
    let log = server.program().log();
    assert!(log.contains("it answered 500") && log.contains("works again"), "{log}");
    assert!(!log.contains(SECRET) && !log.contains("of=tests"), "{log}");
    drop((at_ann, at_bob));
}

/// A hook that takes long, or for ever, delays nobody's presence.
#[tokio::test]
async fn a_hook_that_hangs_delays_nobody() {
    let (hook, server) = hooked(&["--webhook-timeout-ms", "60000"]).await;
    server.friends(["ann", "bob"]);
    hook.set(Mode::Hangs);
    let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
    hook.until("hanging", |state| state.hanging == 1).await;
    for number in 0..500 {
        at_ann.say(&number.to_string()).await;
        assert_eq!(at_bob.heard().await.1, number.to_string());
    }
    for _ in 0..20 {
        at_ann.close().await;
        assert_eq!(at_bob.heard().await.1, "offline");
        at_ann = server.login("ann").await;
        at_ann.say("back").await;
        assert_eq!(at_bob.heard().await.1, "back");
    }
    // All that time it has not answered, and one post waits for it at most.
    {
        let state = hook.state();
        assert_eq!((state.hanging, state.posts, state.edges().len()), (1, 2, 0));
    }
    hook.set(Mode::Takes);
    server.until_metric("adsum_webhook_waiting", 0.0).await;
    assert_true(&hook, &server).await;
    assert_eq!(hook.state().missed(), 1);
}

/// A post that takes too long counts as failed.
#[tokio::test]
async fn a_post_has_a_time_limit() {
    let (hook, server) = hooked(&["--webhook-timeout-ms", "300"]).await;
    server.account("ann");
    hook.set(Mode::Hangs);
    let at_ann = server.login("ann").await;
    hook.until("tried again", |state| state.posts >= 3).await;
    drop(at_ann);
}

/// Of so many users at most an edge waits; that another one was dropped is told and counted, and
/// one query makes up for it.
#[tokio::test]
async fn one_user_too_many_is_missed_and_said_to_be() {
    let (hook, server) = hooked(&["--webhook-users", "3"]).await;
    let names = crowd(8);
    let nodes: Vec<_> = names.iter().map(|name| server.account(name)).collect();
    hook.set(Mode::Refuses);
    let mut clients = Vec::new();
    for name in &names {
        clients.push(server.login(name).await);
    }
    // Those who wait already go on doing so with what is newer.
    clients.remove(0).close().await;
    server.until_metric("adsum_users_online", 7.0).await;
    assert_eq!(server.metric("adsum_webhook_waiting").await, 3.0);
    assert_eq!(server.metric("adsum_webhook_dropped_total").await, 5.0);
    hook.set(Mode::Takes);
    hook.until("told", |state| state.edges().len() >= 3).await;
    assert_eq!(hook.state().missed(), 2);
    assert_eq!(hook.state().online().len(), 2);
    let (status, answer) = ask(&server, &json!({ "users": nodes })).await;
    assert_eq!((status, &answer["number"]), (200, &json!(9)));
    assert!(!hook.state().reconcile(&answer));
    assert_true(&hook, &server).await;
    assert_eq!(hook.state().online().len(), 7);
    // From then on nothing is missed any more.
    clients.remove(0).close().await;
    hook.until("told of the next", |state| state.edges().len() == 4).await;
    assert_eq!(hook.state().missed(), 2);
    assert_true(&hook, &server).await;
}

/// Lets people come and go while a hook is down for so long; it and its server then agree, after
/// one query if something was missed. Returns how many posts said that.
async fn outage(flags: &[&str], down: Duration, seed: u64) -> usize {
    let (hook, server) = hooked(&[&["--grace-error", "0"], flags].concat()).await;
    let mut people = Flapping::new(&server, 30, seed);
    for at in 0..60 {
        people.flap(&server).await;
        if at < STEADY / 2 {
            people.flap_one(&server, at).await;
        }
    }
    server.until_metric("adsum_users_online", people.online() as f64).await;
    server.until_metric("adsum_webhook_waiting", 0.0).await;
    assert_true(&hook, &server).await;
    let known = hook.state().batches.len();
    hook.set(Mode::Down);
    let began = Instant::now();
    // Each of these changes once and then no more, so that what is told of them waits all the time.
    for at in 0..STEADY {
        people.flap_one(&server, at).await;
    }
    while began.elapsed() < down {
        people.flap(&server).await;
    }
    assert_eq!(hook.state().batches.len(), known);
    hook.set(Mode::Takes);
    hook.until("told again", |state| state.batches.len() > known).await;
    server.until_metric("adsum_users_online", people.online() as f64).await;
    server.until_metric("adsum_webhook_waiting", 0.0).await;
    let missed = hook.state().missed() - 1;
    if missed > 0 {
        let known = hook.state().online().keys().map(|user| (*user).to_owned()).collect::<Vec<_>>();
        assert_ne!(known, truth(&server).await.0.into_keys().collect::<Vec<_>>());
        let users: Vec<_> = people.names.iter().map(|name| node(&server, name)).collect();
        let (status, answer) = ask(&server, &json!({ "users": users })).await;
        assert_eq!(status, 200);
        assert!(!hook.state().reconcile(&answer));
    }
    assert_true(&hook, &server).await;
    let flaps = people.flaps;
    let (_, edges) = truth(&server).await;
    eprintln!(
        "seed {seed}: {flaps} flaps, {edges} edges, {missed} posts said that some were missed"
    );
    missed
}

fn node(server: &Server, name: &str) -> String {
    server.store.account(name, "").unwrap().expect("an account")
}

#[tokio::test]
async fn after_a_short_outage_edges_alone_are_the_truth() {
    assert_eq!(outage(&["--webhook-retry-ms", "60000"], Duration::from_secs(1), 1).await, 0);
}

#[tokio::test]
async fn after_a_long_outage_one_query_is_the_truth() {
    // Nobody's edge waits for longer than this, however long the outage is.
    let flags = ["--webhook-retry-ms", "200"];
    assert_eq!(outage(&flags, Duration::from_secs(3), 2).await, 1);
}

/// The same with the settings that are the default, which keep an edge for a minute, and with a
/// retry that is shorter than the outage. `scripts/proof webhooks` has it last for thirty seconds.
#[tokio::test]
async fn after_an_outage_the_table_is_the_truth() {
    let down = down_for();
    let defaults = ["--webhook-wait-ms", "200", "--webhook-pause-ms", "250"];
    assert_eq!(outage(&defaults, down, 3).await, 0);
    let retry = (down / 6).as_millis().to_string();
    let shorter = ["--webhook-retry-ms", &retry];
    assert_eq!(outage(&[&defaults[..], &shorter].concat(), down, 4).await, 1);
}

/// A hook that fails now and then is told everything in the end.
#[tokio::test]
async fn a_hook_that_fails_now_and_then_knows_the_truth() {
    let (hook, server) = hooked(&["--grace-error", "0", "--webhook-batch", "5"]).await;
    let mut people = Flapping::new(&server, 40, 5);
    for round in 0..120 {
        let mode = [Mode::Takes, Mode::Refuses, Mode::Takes, Mode::Down][round % 4];
        hook.set(mode);
        for _ in 0..10 {
            people.flap(&server).await;
        }
    }
    hook.set(Mode::Takes);
    server.until_metric("adsum_users_online", people.online() as f64).await;
    server.until_metric("adsum_webhook_waiting", 0.0).await;
    assert_eq!(hook.state().missed(), 1);
    assert_true(&hook, &server).await;
    assert_eq!(hook.state().online().len(), people.online());
    // What is told of each user is ever newer, and what is told twice is told as it was.
    let state = hook.state();
    for node in state.table.keys() {
        let edges = state.edges();
        let numbers: Vec<_> = edges.iter().filter(|edge| edge["user"] == **node).collect();
        assert!(numbers.is_sorted_by_key(|edge| edge["number"].as_u64()), "{numbers:?}");
    }
}

/// With https, what goes out is TLS and nothing else.
#[tokio::test]
async fn https_is_encrypted() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/hook", listener.local_addr().unwrap());
    let program = Program::start(&["--webhook-url", &url, "--webhook-secret", SECRET]);
    let heard = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = [0; 6];
        stream.read_exact(&mut head).await.unwrap();
        head
    };
    let head = tokio::time::timeout(super::support::PATIENCE, heard).await.expect("a post");
    // A handshake, and its first message: that of a client.
    assert_eq!((head[0], head[1], head[5]), (0x16, 0x03, 0x01));
    drop(program);
}

/// A secret that is in a file signs as one that is given; and neither is said or logged.
#[tokio::test]
async fn a_secret_from_a_file_signs_and_is_shown_nowhere() {
    use std::os::unix::fs::OpenOptionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hook-secret");
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&path).unwrap();
    std::io::Write::write_all(&mut file, format!("{SECRET}\n").as_bytes()).unwrap();
    let hook = Hook::start(Mode::Takes).await;
    let url = hook.url();
    let flags = ["--webhook-url", &url, "--webhook-secret-file", "hook-secret"];
    let program = Program::start_in(folder, &flags);
    hook.until("told of the start", |state| state.batches.len() == 1).await;
    let mut program = program;
    program.signal("-TERM");
    assert_eq!(program.end(), Some(0));
    let said = program.said() + &program.log();
    assert!(said.contains("clients connect") && !said.contains(SECRET), "{said}");
}

/// The hook is told of people, not of what they say.
#[tokio::test]
async fn presence_is_not_told() {
    let (hook, server) = hooked(&[]).await;
    server.friends(["ann", "bob"]);
    let (mut at_ann, mut at_bob) = (server.login("ann").await, server.login("bob").await);
    at_ann.publish(&says("MARKER")).await;
    assert_eq!(at_bob.heard().await.1, "MARKER");
    at_ann.close().await;
    hook.until("three edges", |state| state.edges().len() == 3).await;
    let told = format!("{:?}", hook.state().batches);
    assert!(!told.contains("MARKER"), "{told}");
    let client = Client::connect(server.address(), Form::Json).await;
    drop(client);
}
