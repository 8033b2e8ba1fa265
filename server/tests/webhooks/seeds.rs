//! Whatever happens to the server, its hook and its people: in the end the hook's table is what
//! `/v1/online` says.

use std::time::{Duration, Instant};

use serde_json::json;

use super::flapping::Flapping;
use super::support::Server;
use super::support::hook::{Hook, Mode};
use super::{ask, assert_true, down_for, hooked, run_in};

/// People who log in, log out and break off.
const PEOPLE: usize = 40;
/// In so many parts a history has different troubles.
const PARTS: usize = 12;
const FLAGS: [&str; 6] =
    ["--grace-error", "0", "--webhook-batch", "7", "--webhook-retry-ms", "2000"];

/// Returns a number that the environment may set.
fn number(name: &str, otherwise: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(otherwise, |given| given.parse().expect("a number"))
}

/// What has happened in a history.
#[derive(Clone, Copy, Debug, Default)]
struct Happened {
    flaps: usize,
    kills: usize,
    refused: usize,
    /// How often the hook had to ask, because it was told that something was missed.
    asked: usize,
}

/// One history: in turn the hook takes everything, refuses, is down, and is down for long, and
/// twice the server is killed and started anew. After each part the hook works again, and knows the
/// truth.
async fn history(seed: u64, flaps: usize, down: Duration) -> Happened {
    let (hook, mut server) = hooked(&FLAGS).await;
    let mut people = Flapping::new(&server, PEOPLE, seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let (mut happened, mut known) = (Happened::default(), hook.state().missed());
    for part in 0..PARTS {
        let trouble = [Mode::Takes, Mode::Refuses, Mode::Takes, Mode::Down][part % 4];
        hook.set(trouble);
        let posts = hook.state().posts;
        let began = Instant::now();
        let is_long = part == PARTS - 1;
        let until = people.flaps + flaps / PARTS;
        while people.flaps < until || is_long && began.elapsed() < down {
            people.flap(&server).await;
        }
        happened.refused += usize::from(trouble == Mode::Refuses && hook.state().posts > posts);
        // While it is working, and while it is not.
        if part == 3 || part == 6 {
            let folder = server.into_program().kill();
            people.lose_all();
            server = run_in(folder, &hook, &FLAGS);
            happened.kills += 1;
        }
        hook.set(Mode::Takes);
        let missed = settle(&hook, &server, &people).await;
        if missed > known {
            reconcile(&hook, &server, &people).await;
            (known, happened.asked) = (missed, happened.asked + 1);
        }
        assert_true(&hook, &server).await;
    }
    happened.flaps = people.flaps;
    happened
}

/// Waits until the hook has been told all that there is to tell, by the server that runs now.
/// Returns how many posts have said that something was missed.
async fn settle(hook: &Hook, server: &Server, people: &Flapping) -> usize {
    server.until_metric("adsum_users_online", people.online() as f64).await;
    let start = ask(server, &json!({ "limit": 1 })).await.1["start"].clone();
    hook.until("told by this server", |state| {
        state.batches.last().is_some_and(|batch| batch["start"] == start)
    })
    .await;
    server.until_metric("adsum_webhook_waiting", 0.0).await;
    hook.state().missed()
}

/// Does as docs/server.md says when something was missed: asks about everybody.
async fn reconcile(hook: &Hook, server: &Server, people: &Flapping) {
    let account = |name: &String| server.store.account(name, "").unwrap().expect("an account");
    let users: Vec<_> = people.names.iter().map(account).collect();
    let (status, answer) = ask(server, &json!({ "users": users })).await;
    assert_eq!(status, 200);
    assert!(!hook.state().reconcile(&answer));
}

/// Three seeds with a few flaps in every run; fifty with ten thousand each, and a hook that is down
/// for thirty seconds, by `scripts/proof webhooks`.
#[tokio::test]
async fn the_table_is_the_truth_whatever_happens() {
    let (seeds, flaps) = (number("ADSUM_WEBHOOK_SEEDS", 3), number("ADSUM_WEBHOOK_FLAPS", 480));
    for seed in 1..=seeds {
        let happened = history(seed, flaps as usize, down_for()).await;
        eprintln!("seed {seed}: {happened:?}");
        assert!(happened.flaps as u64 >= flaps && happened.kills == 2, "{happened:?}");
        // Each start says that something may have been missed.
        assert!(happened.asked >= 2 && happened.refused > 0, "{happened:?}");
    }
}
