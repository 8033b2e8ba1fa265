//! Feeds what really happened to the engine, and counts.
//!
//! `cargo run --release --example replay -- TRACE [GRAPH]`, or with `--topics TRACE`
//!
//! TRACE is the coming and going in one channel, GRAPH the friendships of many people, both packed
//! by gzip or plain. Their forms stand in `src/trace.rs` and `src/friends.rs`; how a channel
//! becomes audiences, in `src/channel.rs`.
//!
//! The whole trace goes through the engine for each grace, and where everyone sees everyone it is
//! known who must be told what after every input. What the host is told of who comes and goes is
//! held against the inputs: in turn for each user, and never within a grace. On stretches of the
//! trace, the tests' reference model and a receiver for each session run beside the engine. Any
//! difference ends the replay with a failure.
//!
//! With `--topics` the channel is a topic (`src/room.rs`), told at once or by ticks, with and
//! without a grace, small or large. An observer of each view is held against who is there after
//! every tick (`src/viewer.rs`), and the model runs beside it on stretches as before.

use adsum_replay::beside::Sample;
use adsum_replay::report::Report;
use std::path::Path;
use std::process::ExitCode;

/// About as much work as the whole trace is without a model.
const SAMPLE: Sample = Sample { stretches: 40, events: 2_000 };
/// There are more settings of a topic than there are graces.
const TOPICS_SAMPLE: Sample = Sample { stretches: 12, events: 800 };

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let paths: Vec<&Path> = args.iter().map(Path::new).collect();
    let result = match paths[..] {
        [flag, trace] if flag == Path::new("--topics") => {
            Report::new(std::io::stdout()).topics(trace, TOPICS_SAMPLE)
        }
        [trace] => replay(trace, None),
        [trace, graph] => replay(trace, Some(graph)),
        _ => Err("usage: replay TRACE [GRAPH], or replay --topics TRACE".into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

fn replay(trace: &Path, graph: Option<&Path>) -> Result<(), String> {
    let mut report = Report::new(std::io::stdout());
    report.trace(trace, SAMPLE)?;
    graph.map_or(Ok(()), |graph| report.graph(graph))
}
