//! What do topics cost?
//!
//! A million sessions are in five rooms of fifty each; one room is as large as that crowd; and a
//! hundred thousand join one room in a second. Held against what one writes in an hour, a
//! `HashMap<String, HashSet<..>>` each way, and against fixed numbers where there is nothing to
//! hold it against. It fails if a target is missed.

#[path = "../common/mod.rs"]
mod common;
mod crowd;
mod memory;
mod naive;
mod rooms;
mod storm;

use adsum::{Decision, Decisions, Options, Slot, TopicOptions};
use common::arguments::Arguments;
use common::report::Report;
use common::row::Row;
use std::hash::{BuildHasher, Hash};
use std::hint::black_box;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(arguments) = Arguments::parse("topics") else { return ExitCode::SUCCESS };
    let scale = arguments.scale;
    let mut report = Report::new("topics", "what do topics cost?", scale);
    let sessions = arguments.users.unwrap_or_else(|| scale.pick(2_000, 100_000, 1_000_000));
    memory::measure_all(&mut report, sessions);
    rooms::measure_all(&mut report, sessions, scale.pick(1, 9, 15));
    crowd::measure_all(&mut report, scale.pick(2_000, 100_000, 1_000_000), scale.pick(1, 15, 31));
    storm::measure_all(&mut report, scale.pick(2_000, 100_000, 100_000));
    if report.finish() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// So many rooms each session is in, and so many sessions are in each room.
const ROOMS_EACH: usize = 5;
const IN_A_ROOM: usize = 50;

/// Without rates and leases: what is said is told.
fn options(topics: TopicOptions) -> Options {
    Options {
        topics,
        topic_rate: None,
        direct_rate: None,
        publish_rate: None,
        lease: None,
        ..Options::default()
    }
}

/// What is held against a fixed number.
fn fixed(question: String, unit: &'static str, ours: f64, most: f64, note: &str) -> Row {
    let note = if note.is_empty() { "against a fixed number" } else { note };
    Row { question, unit, ours, other: most, target: Some(1.0), note: note.to_owned() }
}

/// The same without a target: times on a machine that has other work to do as well say little.
fn aim(question: String, unit: &'static str, ours: f64, aim: f64, note: &str) -> Row {
    Row { target: None, ..fixed(question, unit, ours, aim, note) }
}

/// Takes all decisions as a host does that sends nothing, and reads no slot. Says how many were
/// told.
fn take<K: Eq + Hash, P, S: BuildHasher>(mut decisions: Decisions<'_, K, P, S>) -> usize {
    let mut told = 0;
    while let Some(decision) = decisions.next() {
        match &decision {
            Decision::Deliver { to, .. } => told += to.len(),
            Decision::Topic(snapshot) => told += black_box(snapshot.to().len()),
            Decision::Changes(changes) => told += black_box(changes.to().len()),
            other => _ = black_box(other),
        }
    }
    told
}

/// Takes all decisions and reads all slots, as a host does that sends to each.
fn read<K: Eq + Hash, P, S: BuildHasher>(mut decisions: Decisions<'_, K, P, S>) -> usize {
    let mut sum = 0;
    while let Some(decision) = decisions.next() {
        if let Decision::Deliver { to, .. } = decision {
            sum += sum_of(to);
        }
    }
    sum
}

fn sum_of(slots: &[Slot]) -> usize {
    slots.iter().fold(0, |sum, slot| sum.wrapping_add(slot.index()))
}
