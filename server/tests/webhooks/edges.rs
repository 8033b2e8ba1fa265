//! Which edges there are, and what each says.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use adsum_tim::{Form, TimAuth};
use serde_json::{Value, json};

use super::support::hook::{Hook, Mode};
use super::support::{Client, auth_from, auth_with};
use super::{assert_true, hooked, run_in, truth};

const INVISIBLE: i32 = 1_001;
const VISIBLE: i32 = 1_002;

fn unix_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

/// An edge without what differs each time.
fn said(edge: &Value) -> Value {
    let mut edge = edge.clone();
    for key in ["number", "since"] {
        assert!(edge[key].is_u64(), "{edge}");
        edge.as_object_mut().unwrap().remove(key);
    }
    edge
}

/// A user's first session and last end are told, in turn, and no other.
#[tokio::test]
async fn a_users_edges_alternate() {
    let (hook, server) = hooked(&[]).await;
    let ann = server.account("ann");
    for round in 0..4 {
        let before = unix_ms();
        let first = server.login_as("ann", Form::Json, auth_from("ann", "phone")).await;
        let edge = hook.edge(2 * round + 1).await;
        let wanted = json!({ "user": ann, "state": "online", "visible": true });
        assert_eq!(said(&edge), wanted);
        assert!((before..=unix_ms()).contains(&edge["since"].as_u64().unwrap()), "{edge}");
        let second = server.login_as("ann", Form::Thrift, auth_from("ann", "desk")).await;
        first.close().await;
        // The server has done this before it ends the last one.
        server.until_metric("adsum_sessions", 1.0).await;
        let before = unix_ms();
        second.close().await;
        let edge = hook.edge(2 * round + 2).await;
        let wanted =
            json!({ "user": ann, "state": "offline", "cause": "disconnected", "visible": true });
        assert_eq!(said(&edge), wanted);
        assert!((before..=unix_ms()).contains(&edge["since"].as_u64().unwrap()), "{edge}");
    }
    // The number counts all that there were, and none was missed.
    assert_eq!(truth(&server).await.1, 8);
    let state = hook.state();
    let numbers: Vec<_> = state.edges().iter().map(|edge| edge["number"].as_u64()).collect();
    assert_eq!(numbers, (1..=8).map(Some).collect::<Vec<_>>());
    assert_eq!(state.missed(), 1);
    assert!(state.batches.iter().all(|batch| batch["start"] == state.batches[0]["start"]));
}

/// A page that is reloaded and a connection that comes back within the grace are no edges; one that
/// does not is gone since it was lost.
#[tokio::test]
async fn who_comes_back_within_the_grace_was_never_gone() {
    let (hook, server) = hooked(&["--grace-going-away", "3600", "--grace-error", "1"]).await;
    server.account("ann");
    let mut page = server.login("ann").await;
    hook.edge(1).await;
    for (code, detached) in [(1_000, 1.0), (1_001, 2.0)] {
        page.go_away(code).await;
        server.until_metric("adsum_detached", detached).await;
        page = server.login("ann").await;
    }
    assert_eq!(truth(&server).await.1, 1);
    let mut client = Client::connect(server.address(), Form::Json).await;
    let ack = client.authenticate(&auth_from("ann", "phone")).await;
    let secret = ack.n2.expect("a secret");
    client.go_away(1_001).await;
    server.until_metric("adsum_detached", 3.0).await;
    let resume = TimAuth { name: None, pwd: None, ..auth_with("", &[("resume", &secret)]) };
    let mut client = Client::connect(server.address(), Form::Json).await;
    assert!(client.authenticate(&resume).await.ok);
    assert_eq!(truth(&server).await.1, 1);
    drop((page, client));

    let (hook, server) = hooked(&["--grace-error", "1"]).await;
    server.account("bob");
    let bob = server.login("bob").await;
    let lost = unix_ms();
    bob.break_off();
    let edge = hook.edge(2).await;
    assert_eq!(edge["cause"], "connection_error");
    let since = edge["since"].as_u64().unwrap();
    assert!(since + 900 < unix_ms(), "since the end of the grace: {edge}");
    assert!((lost - 50..lost + 900).contains(&since), "{edge}, and lost at {lost}");
}

/// Each cause has its word.
#[tokio::test]
async fn an_offline_edge_says_why() {
    let (hook, server) =
        hooked(&["--grace-going-away", "0", "--grace-timeout", "0", "--ping-timeout", "4"]).await;
    server.account("ann");
    server.login("ann").await.go_away(1_001).await;
    assert_eq!(hook.edge(2).await["cause"], "going_away");
    let silent = server.login("ann").await;
    assert_eq!(hook.edge(4).await["cause"], "timeout");
    drop(silent);

    // Here nobody times out, however long it takes to expel them.
    let (hook, server) = hooked(&[]).await;
    let ann = server.account("ann");
    let expelled = server.login("ann").await;
    hook.edge(1).await;
    let head = format!(
        "POST /admin/expel HTTP/1.1\r\nAuthorization: Bearer {}\r\n",
        super::support::TOKEN
    );
    let body = json!({ "node": ann }).to_string();
    let (status, _) = super::support::request(server.address(), &head, body.as_bytes()).await;
    assert_eq!(status, 200);
    assert_eq!(hook.edge(2).await["cause"], "expelled");
    drop(expelled);
}

/// Who is invisible is online for the application's server, which is told that nobody sees them,
/// and when that changes.
#[tokio::test]
async fn whether_a_user_can_be_seen_is_told() {
    let (hook, server) = hooked(&[]).await;
    let ann = server.account("ann");
    let mut at_ann = Client::connect(server.address(), Form::Json).await;
    assert!(at_ann.authenticate(&auth_with("ann", &[("invisible", "true")])).await.ok);
    let first = hook.edge(1).await;
    assert_eq!(said(&first), json!({ "user": ann, "state": "online", "visible": false }));
    // Asking for what is so already is no change.
    at_ann.ask(INVISIBLE, None).await;
    at_ann.ask(VISIBLE, None).await;
    let second = hook.edge(2).await;
    assert_eq!(said(&second), json!({ "user": ann, "state": "online", "visible": true }));
    assert_eq!(second["since"], first["since"], "online since then all the time");
    // Another of her devices makes her invisible by coming in so.
    let mut other = Client::connect(server.address(), Form::Json).await;
    assert!(other.authenticate(&auth_with("ann", &[("invisible", "true")])).await.ok);
    assert_eq!(hook.edge(3).await["visible"], false);
    assert_true(&hook, &server).await;
    other.close().await;
    at_ann.close().await;
    let last = said(&hook.edge(4).await);
    let wanted =
        json!({ "user": ann, "state": "offline", "cause": "disconnected", "visible": false });
    assert_eq!(last, wanted);
    assert_eq!(truth(&server).await.1, 4);
}

/// What happens at one time is told in one post, but in no larger one than the settings say.
#[tokio::test]
async fn edges_are_told_together() {
    let flags = ["--webhook-wait-ms", "60000", "--webhook-batch", "3"];
    let (hook, server) = hooked(&flags).await;
    let names = super::support::crowd(7);
    for name in &names {
        server.account(name);
    }
    let clients = super::support::all_log_in(&server, &names).await;
    // Two full ones at once; the seventh edge waits a minute for others.
    hook.until("two batches", |state| state.edges().len() >= 6).await;
    server.until_metric("adsum_webhook_waiting", 1.0).await;
    let sizes: Vec<_> =
        hook.state().batches.iter().map(|batch| batch["edges"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [0, 3, 3]);
    server.until_metric("adsum_webhook_edges_total", 6.0).await;
    server.until_metric("adsum_webhook_latency_seconds_count", 6.0).await;
    drop(clients);
}

/// A server that is started again says so at once, even if nobody comes, so that nobody is held
/// for online who was connected to the one before.
#[tokio::test]
async fn a_server_that_starts_anew_says_so() {
    let hook = Hook::start(Mode::Takes).await;
    let server = run_in(tempfile::tempdir().unwrap(), &hook, &[]);
    server.account("ann");
    let at_ann = server.login("ann").await;
    let ann = hook.edge(1).await["user"].clone();
    let folder = server.into_program().kill();
    let server = run_in(folder, &hook, &[]);
    hook.until("told of the second start", |state| state.missed() == 2).await;
    {
        let state = hook.state();
        let (first, last) = (&state.batches[0], state.batches.last().unwrap());
        assert!(last["start"].as_u64() > first["start"].as_u64(), "{last}");
        assert_eq!(last["edges"], json!([]));
        assert_eq!(state.online().len(), 1);
    }
    let (_, answer) = super::ask(&server, &json!({ "users": [ann] })).await;
    assert!(!hook.state().reconcile(&answer));
    assert_true(&hook, &server).await;
    assert_eq!(hook.state().online().len(), 0);
    // The first edge of the new server is newer than the last of the old one, whatever its number.
    let again = server.login("ann").await;
    assert_eq!(hook.edge(2).await["number"], 1);
    assert_true(&hook, &server).await;
    drop((at_ann, again));
}

/// Clients that are killed all at once: each of their users is offline in the end, for the right
/// cause and since the right moment.
#[tokio::test]
async fn a_crowd_that_is_killed_is_offline() {
    const CROWD: usize = 60;
    let (hook, server) = hooked(&["--grace-error", "1", "--webhook-wait-ms", "200"]).await;
    let to = server.address().to_string();
    let crowd = CROWD.to_string();
    let mut clients = std::process::Command::new(env!("CARGO_BIN_EXE_adsum-server"))
        .args(["load", "--server", &to, "--sessions", &crowd, "--friends", "10"])
        .args(["--rate", "5", "--duration", "600"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    hook.until("all online", |state| state.online().len() == CROWD).await;
    assert_true(&hook, &server).await;
    let killed = unix_ms();
    clients.kill().unwrap();
    clients.wait().unwrap();
    hook.until("all offline", |state| state.online().is_empty()).await;
    assert_true(&hook, &server).await;
    let state = hook.state();
    // Some of them had logged in and out before, to make friends.
    let edges = state.edges();
    let lost: Vec<_> = edges.iter().filter(|edge| edge["cause"] == "connection_error").collect();
    assert_eq!((lost.len(), state.missed()), (CROWD, 1));
    for edge in lost {
        let since = Duration::from_millis(edge["since"].as_u64().unwrap() - killed + 50);
        assert!(since < Duration::from_millis(900), "{edge}, and killed at {killed}");
    }
}
