//! What do a heartbeat, and an `advance` with nothing due, cost?
//!
//! The floor of a heartbeat is a read-modify-write of one record in a table of as many, in the
//! same random order: 16 bytes, in which a generation is checked and a time is written. The other
//! of an idle `advance` is a look at the oldest of as many deadlines.

mod common;

use adsum::{Config, Connect, Engine, SessionKey, Time};
use common::arguments::Arguments;
use common::figures::Figures;
use common::random::Random;
use common::report::Report;
use common::row::Row;
use std::collections::VecDeque;
use std::hint::black_box;

/// What a heartbeat may take when all sessions are in the cache.
const IN_CACHE_NS: f64 = 15.0;

fn main() {
    let Some(arguments) = Arguments::parse("heartbeat") else { return };
    let scale = arguments.scale;
    let title = "what do a heartbeat and an idle advance cost?";
    let mut report = Report::new("heartbeat", title, scale);
    for sessions in arguments.sizes() {
        let rounds = scale.pick(1, 5, if sessions < 10_000 { 101 } else { 15 });
        measure(&mut report, sessions, rounds);
    }
    report.finish();
}

fn measure(report: &mut Report, count: usize, rounds: usize) {
    // As by default: with leases.
    let mut engine = Engine::<u32, u64>::new(Config::default());
    let keys: Vec<SessionKey> = (0..count as u32)
        .map(|user| {
            let connected = engine.connect(Time::ZERO, Connect::new(user));
            connected.expect("there is room").0
        })
        .collect();
    // A host has the key at hand: it comes with the connection that is read.
    let order = Random::new(3).order(count);
    let keys: Vec<SessionKey> = order.iter().map(|at| keys[*at as usize]).collect();
    let mut records = vec![(1_u32, 0_u64); count];
    let mut deadlines: VecDeque<u64> = (0..count as u64).map(|at| 90_000 + at).collect();
    let operations = count.min(200_000);
    let mut inputs = 0;
    let mut figures = Figures::default();
    for round in 0..=rounds {
        // Others than in the last round, if there are enough.
        let turn = |at: usize| (round * operations + at) % count;
        figures.time("heartbeat", operations, |at| {
            // A million inputs a second.
            inputs += 1;
            let now = Time::from_millis(inputs / 1_000);
            usize::from(engine.heartbeat(now, keys[turn(at)]).is_ok())
        });
        figures.time("record", operations, |at| {
            let (generation, seen) = &mut records[order[turn(at)] as usize];
            inputs += 1;
            if *generation == black_box(1) {
                *seen = (*seen).max(inputs / 1_000);
            }
            *seen as usize
        });
        figures.time("advance", operations, |_| {
            inputs += 1;
            let now = Time::from_millis(inputs / 1_000);
            usize::from(engine.advance(now).next().is_some())
        });
        figures.time("deadline", operations, |at| {
            let now = at as u64;
            let due = deadlines.front().is_some_and(|deadline| *deadline <= now);
            deadlines.rotate_left(usize::from(due));
            usize::from(due)
        });
    }
    // Not within a round: it would put the engine's records into the cache.
    assert!(keys.iter().all(|key| engine.is_attached(*key)), "nobody's lease has lapsed");
    let [heartbeat, record] = ["heartbeat", "record"].map(|name| figures.median(name));
    let target = (count == 1_000_000).then_some(1.5);
    report.compare(format!("heartbeat/{count}/record"), heartbeat, record, target);
    if count == 1_000 {
        report.add(Row {
            question: format!("heartbeat/{count}/{IN_CACHE_NS}-ns"),
            unit: "ns",
            ours: heartbeat,
            other: IN_CACHE_NS,
            target: Some(1.0),
            note: "against a fixed number".to_owned(),
        });
    }
    let [advance, deadline] = ["advance", "deadline"].map(|name| figures.median(name));
    report.compare(format!("advance-idle/{count}/deadline"), advance, deadline, None);
}
