//! What an application's server is told of who comes and goes: by the program itself, over HTTP.

mod support;

#[path = "webhooks/edges.rs"]
mod edges;
#[path = "webhooks/failures.rs"]
mod failures;
#[path = "webhooks/flapping.rs"]
mod flapping;
#[path = "webhooks/page.rs"]
mod page;
#[path = "webhooks/query.rs"]
mod query;
#[path = "webhooks/seeds.rs"]
mod seeds;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use support::hook::{Hook, Mode, Online, SECRET, online};
use support::program::Program;
use support::{Server, TOKEN};
use tempfile::TempDir;

/// Flags by which a server tells this hook at once.
fn flags_for(hook: &Hook, flags: &[&str]) -> Vec<String> {
    let url = hook.url();
    let given = ["--webhook-url", &url, "--webhook-secret", SECRET, "--drain-timeout", "0"];
    let defaults = [("--webhook-wait-ms", "0"), ("--webhook-pause-ms", "10")];
    let defaults = defaults.iter().filter(|(flag, _)| !flags.contains(flag));
    let defaults = defaults.flat_map(|(flag, value)| [*flag, value]);
    given.into_iter().chain(defaults).chain(flags.iter().copied()).map(str::to_owned).collect()
}

fn run_in(folder: TempDir, hook: &Hook, flags: &[&str]) -> Server {
    let flags = flags_for(hook, flags);
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    Server::of_program(Program::start_in(folder, &flags))
}

/// A hook that works, and a server that has told it of its start.
async fn hooked(flags: &[&str]) -> (Hook, Server) {
    let hook = Hook::start(Mode::Takes).await;
    let server = run_in(tempfile::tempdir().unwrap(), &hook, flags);
    hook.until("told of the start", |state| !state.batches.is_empty()).await;
    let start = hook.state().batches[0].clone();
    assert_eq!((&start["missed"], &start["edges"]), (&json!(true), &json!([])));
    (hook, server)
}

/// How long hooks are down that are down for long: three seconds, or what `scripts/proof webhooks`
/// says.
fn down_for() -> Duration {
    let given = std::env::var("ADSUM_OUTAGE_SECONDS").ok();
    Duration::from_secs(given.map_or(3, |given| given.parse().expect("a number of seconds")))
}

/// Asks who is online.
async fn ask(server: &Server, question: &Value) -> (u16, Value) {
    let head = format!("POST /v1/online HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n");
    let question = question.to_string();
    let (status, answer) = support::request(server.address(), &head, question.as_bytes()).await;
    (status, serde_json::from_str(&answer).unwrap_or_default())
}

/// Who is online in truth, and the number of the newest edge.
async fn truth(server: &Server) -> (BTreeMap<String, Online>, u64) {
    let (status, answer) = ask(server, &json!({ "limit": 1_000 })).await;
    assert_eq!((status, &answer["next"]), (200, &Value::Null), "{answer}");
    let users = answer["users"].as_array().unwrap().iter();
    let users = users.map(|user| (user["user"].as_str().unwrap().to_owned(), online(user)));
    (users.collect(), answer["number"].as_u64().unwrap())
}

/// Checks that the hook's table is the truth.
async fn assert_true(hook: &Hook, server: &Server) {
    let (truth, _) = truth(server).await;
    let truth: BTreeMap<_, _> =
        truth.iter().map(|(user, online)| (user.as_str(), *online)).collect();
    assert_eq!(hook.state().online(), truth);
}
