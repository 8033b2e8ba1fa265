//! A whole world around the engine, in virtual time: clients with latency, broken and half-open
//! connections, slow readers, restarts of applications and of the server, and a replica at each
//! client. When all is quiet, what every client believes is true. A second replica at each client,
//! with little room, is told the same: it believes nothing else, and says when something is
//! missing.
//!
//! The reference model has no part in it: the truth is what the users of the simulated clients
//! want, and the only word of the engine that is taken for it is the names of sessions.
//!
//! | variable | what `cargo test --test simulation` does with it |
//! | --- | --- |
//! | `ADSUM_SIMULATION_SEED=7` | lives through one seed, and says all that happens (`-- --nocapture` shows it also where nothing fails) |
//! | `ADSUM_SIMULATION_SEEDS=1000` | lives through so many, and says how far it is |
//! | `ADSUM_SIMULATION_SCENARIO=breaks` | with one of the above: in this scenario only |
//! | `ADSUM_SIMULATION_WRITE=1` | writes the summary, `tests/simulation/summary.txt`, anew: look at what changed in it |

mod accounts;
mod client;
mod desk;
mod network;
mod random;
mod scenario;
mod server;
mod small;
mod tally;
mod watch;
mod wire;
mod world;

use scenario::{Fault, Scenario};
use std::fs;
use std::path::Path;
use tally::Tally;
use world::World;

/// Seeds in every run of the tests.
const SEEDS: u64 = 8;

const LEGEND: &str = "\
What happened in the simulated worlds of tests/simulation, summed up over all runs. Each ends
with everyone believing what is true. Reviewed: the test compares, and
`ADSUM_SIMULATION_WRITE=1 cargo test --test simulation` writes it anew.

events     messages, timers and whims of everyone in the world
inputs     accepted by the engine
notices    once for each receiver
naive      notices of a host that tells every word, every lost connection, and every return
spared     the difference: what grace, conflation and backpressure save
idle       notices that said what their receiver knew: words said again by a client that could not
           know whether they had arrived, what went out of sight of a slow reader and came back
           unseen, and the ends of what it had not been told because its queue was full
lost       connections that the host reported as lost
late       ends of connections that it reported when their session had another, or was over: refused
hidden     clients that got their session back, so that nobody heard that they had been away
seen       clients that came back too late for that, as a new session
congested  times at which a reader was too slow
overflows  times at which its queue was full, and a snapshot made good for what was dropped
wrong      the longest that anyone connected believed one thing that was not so, or did not know
           one that was
";

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable} is {value}, which is no number")))
}

fn live(scenario: &Scenario, seed: u64, trace: bool) -> Tally {
    let outcome = World::new(scenario, seed, Fault::None, trace).run();
    let tally = outcome.and_then(|tally| match tally.longest_wrong_ms {
        wrong if wrong > scenario.wrong_at_most_ms => {
            Err(format!("{}: somebody is wrong for {wrong} ms", scenario.name))
        }
        _ => Ok(tally),
    });
    tally.unwrap_or_else(|fault| {
        let name = scenario.name;
        panic!(
            "{fault}\nthis repeats it, and says what happens: ADSUM_SIMULATION_SEED={seed} \
             ADSUM_SIMULATION_SCENARIO='{name}' cargo test --test simulation"
        )
    })
}

fn summarise(seeds: std::ops::Range<u64>, trace: bool) -> String {
    let only = std::env::var("ADSUM_SIMULATION_SCENARIO").ok();
    let loud = seeds.end > SEEDS;
    let mut rows = Vec::new();
    for scenario in &Scenario::all() {
        if only.as_ref().is_some_and(|only| only != scenario.name) {
            continue;
        }
        let mut sum = Tally::default();
        for seed in seeds.clone() {
            sum.add(&live(scenario, seed, trace));
            if loud && (seed + 1).is_multiple_of(100) {
                eprintln!("{}: {} of {} seeds", scenario.name, seed + 1, seeds.end);
            }
        }
        rows.push((scenario.name, sum));
    }
    format!("{LEGEND}\n{}", Tally::table(&rows))
}

#[test]
fn in_quiet_everyone_believes_the_truth() {
    if let Some(seed) = number("ADSUM_SIMULATION_SEED") {
        return eprintln!("{}", summarise(seed..seed + 1, true));
    }
    if let Some(seeds) = number("ADSUM_SIMULATION_SEEDS") {
        return eprintln!("{}", summarise(0..seeds, false));
    }
    let table = summarise(0..SEEDS, false);
    if cfg!(feature = "shrunk") {
        // Slow readers get a snapshot sooner, and deadlines are looked at more often: the numbers
        // are others.
        return;
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/simulation/summary.txt");
    if number("ADSUM_SIMULATION_WRITE").is_some() {
        fs::write(&file, &table).expect("the summary can be written");
    }
    let reviewed = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        table == reviewed,
        "the summary is another one than the one that was reviewed. If that is right, write it \
         anew and look at what changed: ADSUM_SIMULATION_WRITE=1 cargo test --test simulation\n\
         reviewed:\n{reviewed}\nnow:\n{table}"
    );
}

fn named(name: &str) -> Scenario {
    let mut scenarios = Scenario::all().into_iter();
    scenarios.find(|scenario| scenario.name == name).expect("there is such a scenario")
}

/// Whatever the seed: of all notices of a round the last one is lost, so that no later one makes
/// good for it, and its reader is found to believe what is not so.
#[test]
fn the_simulation_notices_a_lost_notice() {
    let scenario = named("latency only");
    for seed in 0..SEEDS {
        let whole = World::new(&scenario, seed, Fault::None, false).last_of_a_round();
        let last = whole.expect("nothing is lost");
        let fault = Fault::LoseNotice(last);
        let said = World::new(&scenario, seed, fault, false).last_of_a_round();
        let said = said.expect_err("a notice is lost");
        assert!(said.contains("believes") || said.contains("ghost"), "{said}");
        // With any other number nothing is lost in this round.
        let fault = Fault::LoseNotice(u64::MAX);
        assert_eq!(World::new(&scenario, seed, fault, false).last_of_a_round(), Ok(last));
    }
}

/// Each decision that a host must carry out, and each duty that it has, is needed for the check
/// to pass: a plain run, with the seeds that it has, notices where one is neglected.
///
/// Not with every seed: a token of before a restart, say, must first happen to be somebody else's.
/// Of the first 40 seeds, so many noticed when this was written.
#[test]
fn the_simulation_notices_a_careless_host() {
    for (scenario, fault) in [
        ("breaks", Fault::CutSnapshots),            // 40
        ("all at once", Fault::IgnoreCloses),       // 40
        ("latency only", Fault::SkipLastReceiver),  // 40
        ("slow readers", Fault::ForgetWritable),    // 40
        ("slow readers", Fault::ForgetGaps),        // 18
        ("all at once", Fault::TrustOldTokens),     // 39
        ("restarts", Fault::TrustOldTokens),        // 38
        ("half-open", Fault::EndByNewestKey),       // 38
        ("latency only", Fault::IgnoreEnds),        // 40
        ("watching", Fault::IgnoreWatches),         // 40
        ("watching", Fault::KeepUnwatched),         // 9
        ("watching", Fault::PermitRemoved),         // 39
        ("one state a user", Fault::IgnorePersons), // 40
    ] {
        if cfg!(feature = "shrunk") && fault == Fault::ForgetGaps {
            // A slow reader gets a snapshot after few notes, which makes good for any gap.
            continue;
        }
        let scenario = named(scenario);
        let fails = |seed| World::new(&scenario, seed, fault, false).run().is_err();
        assert!((0..SEEDS).any(fails), "{fault:?} is not noticed in {:?}", scenario.name);
    }
}
