//! How long is the longest call? A host gives the engine one thread, so that is its latency.
//!
//! 0 to 4 million users connect, with 20 contacts each and everything else between; then they are
//! at rest; then ten minutes pass in which they only send heartbeats. `--users N` asks it of
//! others than 4 million, which need 4 GB.
//!
//! Times are processor time of the thread where they are long. All of it is done in three
//! processes, which do the very same calls, and the least of the three times of a call counts:
//! the table says what the engine does to a host, not what the machine does besides.

#[path = "../common/mod.rs"]
mod common;

mod calendar;
mod crowd;
mod log;
mod picture;
mod series;
mod storm;
mod table;

use common::arguments::{Arguments, Scale};
use crowd::Crowd;
use log::Log;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use storm::{Host, Then};

/// Set for the processes that measure, which write their samples to their output.
const ONCE: &str = "PAUSES_ONCE";
/// The population is looked at in so many equal parts.
const BUCKETS: usize = 50;

/// What is going on, and the title of its table.
const PHASES: [&str; 7] = [
    "while all come online, with everything else between",
    "at rest",
    "ten minutes of heartbeats, of which few stay away",
    "a quarter of them heard in one millisecond out of order, then at random",
    "the same, then silent: all lapse, and end",
    "the same, then silent until the last second",
    "silent, of a host that calls `advance` once a millisecond, whatever `deadline` says",
];

fn main() {
    let Some(arguments) = Arguments::parse("pauses") else { return };
    let scale = arguments.scale;
    let users = arguments.users.unwrap_or_else(|| scale.pick(2_000, 100_000, 4_000_000));
    if std::env::var_os(ONCE).is_some() {
        let logs = run(users, scale);
        let mut output = BufWriter::new(io::stdout().lock());
        let written = logs.iter().try_for_each(|log| log.write(&mut output));
        written.and_then(|()| output.flush()).expect("whoever asked reads it");
        return;
    }
    println!("\npauses: how long is the longest call, with up to {users} users?");
    let runs = scale.pick(2, 2, 3);
    let all: Vec<Vec<Log>> = (0..runs).map(|_| run_apart()).collect();
    let mut least = all[0].clone();
    for others in &all {
        least.iter_mut().zip(others).for_each(|(least, log)| least.take_least(log));
    }
    let worst =
        |phase: usize, verb| all.iter().flat_map(|logs| &logs[phase].of(verb).nanos).copied().max();
    let mut text = format!("# pauses\n\nUp to {users} users; {runs} runs.\n");
    for (phase, title) in PHASES.iter().enumerate() {
        let table = table::of(title, &least[phase], |verb| worst(phase, verb), users, BUCKETS);
        println!("{table}");
        text.push_str(&table);
    }
    if scale == Scale::Smoke {
        return;
    }
    let table = target("pauses.md");
    std::fs::write(&table, text).expect("a table is written");
    let plot = target("pauses.svg");
    picture::draw(&plot, &least[0], users).expect("a plot is drawn");
    println!("written: {} and {}", table.display(), plot.display());
}

fn target(name: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the target directory");
    let directory = target.join("bench");
    std::fs::create_dir_all(&directory).expect("a directory for what was measured");
    directory.join(name)
}

/// Does everything once.
fn run(users: usize, scale: Scale) -> Vec<Log> {
    let say = |what: &str| eprintln!("  {what}");
    let mut crowd = Crowd::new(users);
    let mut logs = vec![crowd.grow(BUCKETS)];
    say("all are online");
    logs.push(crowd.rest(scale.pick(200, 20_000, 20_000)));
    say("they have rested");
    logs.push(crowd.beat(scale.pick(130_000, 600_000, 600_000)));
    if scale == Scale::Smoke {
        crowd.engine.verify().expect("everything agrees");
    }
    drop(crowd);
    say("ten minutes have passed");
    for (then, host) in [
        (Then::Beat, Host::Asks),
        (Then::Silence, Host::Asks),
        (Then::LastSecond, Host::Asks),
        (Then::Silence, Host::CallsOnce),
    ] {
        logs.push(storm::run(users / 4, then, host));
    }
    say("done");
    logs
}

/// Does everything once in a process of its own, so that no run begins with another's memory.
fn run_apart() -> Vec<Log> {
    let program = std::env::current_exe().expect("this is a program");
    let mut child = Command::new(program)
        .args(std::env::args_os().skip(1))
        .env(ONCE, "1")
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs once more");
    let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
    let logs = PHASES.iter().map(|_| Log::read(&mut output)).collect::<io::Result<_>>();
    let status = child.wait().expect("it ends");
    assert!(status.success(), "a run failed: {status}");
    logs.expect("the samples are complete")
}
