//! What do watching, and being told one state a user, cost?
//!
//! A public figure is watched by one in five of a million: its publish is held against a walk over
//! a list of as many slots, which a host does anyway to send to each. A session that begins and
//! stops to watch 500 users is held against two look-ups of each id in a hash map with the same
//! hasher. A sign of a person on an active session is held against a heartbeat, and the publish of
//! a user who is told as one against the same publish without.

mod common;

use adsum::{Candidate, Decision, Decisions};
use adsum::{Config, Connect, DefaultHashBuilder, Engine, Options, SessionKey, Slot, Time};
use allocation_counter::measure;
use common::arguments::Arguments;
use common::figures::Figures;
use common::random::Random;
use common::report::Report;
use common::row::Row;
use std::collections::HashMap;
use std::hint::black_box;

type Core = Engine<u32, u64>;

/// So many users one session watches.
const WATCHED: usize = 500;
/// What it may take to tell one who watches, in nanoseconds; to watch one, besides the look-up;
/// and what a watch may take in bytes.
const RECEIVER_NS: f64 = 0.4;
const WATCH_NS: f64 = 100.0;
const WATCH_BYTES: f64 = 40.0;

fn main() {
    let Some(arguments) = Arguments::parse("watch") else { return };
    let scale = arguments.scale;
    let title = "what do watching, and one state a user, cost?";
    let mut report = Report::new("watch", title, scale);
    let users = arguments.users.unwrap_or_else(|| scale.pick(10_000, 1_000_000, 1_000_000));
    let rounds = scale.pick(1, 15, 31);
    celebrity(&mut report, users, rounds);
    many(&mut report, scale.pick(2_000, 100_000, 1_000_000), rounds);
    one_state(&mut report, scale.pick(1_000, 100_000, 1_000_000), rounds);
    report.finish();
}

fn unlimited() -> Config {
    let options = Options { publish_rate: None, max_watched: 1 << 20, ..Options::default() };
    Config::new(options).expect("they make sense together")
}

/// Reads all slots, as a host does that sends to each.
fn read<S: std::hash::BuildHasher>(mut decisions: Decisions<'_, u32, u64, S>) -> usize {
    let mut read = 0;
    while let Some(decision) = decisions.next() {
        if let Decision::Deliver { to, .. } = decision {
            read += sum(to);
        }
    }
    read
}

fn sum(slots: &[Slot]) -> usize {
    slots.iter().fold(0, |sum, slot| sum.wrapping_add(slot.index()))
}

/// Takes all decisions and reads none of the slots.
fn take<S: std::hash::BuildHasher>(mut decisions: Decisions<'_, u32, u64, S>) -> usize {
    let mut told = 0;
    while let Some(decision) = decisions.next() {
        if let Decision::Deliver { to, .. } = decision {
            told += to.len();
        }
    }
    told
}

fn connect(engine: &mut Core, user: u32, audience: &[u32]) -> SessionKey {
    let connect = Connect::new(user).audience(audience.iter().copied());
    engine.connect(Time::ZERO, connect).expect("there is room").0
}

fn celebrity(report: &mut Report, users: usize, rounds: usize) {
    let mut engine = Core::new(unlimited());
    // Everybody is known, and one in five is online.
    let everybody: Vec<u32> = (0..users as u32).collect();
    let owner = connect(&mut engine, users as u32 + 1, &everybody[..users.min(100_000)]);
    let star = connect(&mut engine, users as u32, &[]);
    engine.publish(Time::ZERO, star, 0).expect("it is attached").for_each(|_| {});
    let fans: Vec<u32> = Random::new(3).order(users).into_iter().take(users / 5).collect();
    let mut slots = Vec::new();
    for fan in &fans {
        let session = connect(&mut engine, *fan, &[]);
        engine.watch(Time::ZERO, session, [users as u32]).expect("it may").for_each(|_| {});
        slots.push(session.slot());
    }
    assert!(engine.is_attached(owner));
    let told = engine.publish(Time::ZERO, star, 1).expect("it is attached");
    assert_eq!(take(told), fans.len(), "all who watch are told");
    let mut figures = Figures::default();
    for round in 0..=rounds as u64 {
        figures.time("publish", 1, |_| {
            read(engine.publish(Time::ZERO, star, round).expect("it is attached"))
        });
        figures.time("walk", 1, |_| black_box(&slots).chunks(4_096).map(sum).sum());
        figures.time("decide", 1, |_| {
            take(engine.publish(Time::ZERO, star, round).expect("it is attached"))
        });
    }
    let [publish, walk, decide] =
        ["publish", "walk", "decide"].map(|name| figures.median(name) / fans.len() as f64);
    let mut add = |what: &str, ours: f64, other: f64, target: Option<f64>, note: String| {
        let question = format!("watch/{what}/{users}");
        report.add(Row { question, unit: "ns", ours, other, target, note });
    };
    let note = format!("{:.3} ns a receiver without reading the slots", decide);
    add("celebrity/walk", publish, walk, None, note);
    add(
        "celebrity/a-receiver",
        publish,
        RECEIVER_NS,
        Some(1.0),
        "against a fixed number".to_owned(),
    );
}

/// What is read of somebody to show it to whoever begins to watch: where the record of the user
/// is, that record, the session's, and what that shows. Nothing is written.
struct Shown {
    places: Vec<u32>,
    users: Vec<[u32; 16]>,
    sessions: Vec<[u32; 8]>,
    presences: Vec<[u32; 8]>,
}

impl Shown {
    fn new(users: usize) -> Self {
        let numbers = || 0..users as u32;
        Self {
            places: numbers().collect(),
            users: numbers().map(|number| [number; 16]).collect(),
            sessions: numbers().map(|number| [number; 8]).collect(),
            presences: numbers().map(|number| [number; 8]).collect(),
        }
    }

    /// Reads all of these, each step of all at once before the next step of any.
    fn read(&self, users: impl Iterator<Item = u32>) -> usize {
        let mut numbers: Vec<u32> = users.collect();
        numbers.iter_mut().for_each(|number| *number = self.places[*number as usize]);
        numbers.iter_mut().for_each(|number| *number = self.users[*number as usize][1]);
        numbers.iter_mut().for_each(|number| *number = self.sessions[*number as usize][1]);
        numbers.iter_mut().for_each(|number| *number = self.presences[*number as usize][1]);
        numbers.iter().fold(0, |sum, number| sum.wrapping_add(*number as usize))
    }
}

/// Sessions that begin and stop to watch many users.
fn many(report: &mut Report, users: usize, rounds: usize) {
    let mut engine = Core::new(unlimited());
    for user in 0..users as u32 {
        let session = connect(&mut engine, user, &[]);
        engine.publish(Time::ZERO, session, 1).expect("it is attached").for_each(|_| {});
    }
    let watcher = connect(&mut engine, users as u32, &[]);
    let numbers: HashMap<u32, u32, DefaultHashBuilder> =
        (0..users as u32).map(|user| (user, user)).collect();
    let shown = Shown::new(users);
    let order = Random::new(5).order(users);
    let mut figures = Figures::default();
    for round in 0..=rounds {
        let from = round * WATCHED % (users - WATCHED);
        let named = &order[from..from + WATCHED];
        figures.time_all("watch", WATCHED, || {
            let watching = engine.watch(Time::ZERO, watcher, named.iter().copied());
            take(watching.expect("there is room"))
        });
        figures.time_all("look-up", WATCHED, || {
            named.iter().map(|user| numbers[user] as usize).fold(0, usize::wrapping_add)
        });
        figures.time_all("read", WATCHED, || shown.read(named.iter().map(|user| numbers[user])));
        engine.unwatch(Time::ZERO, watcher, named).expect("it is attached").for_each(|_| {});
    }
    let [watch, look_up, read] = ["watch", "look-up", "read"].map(|name| figures.median(name));
    let question = format!("watch/one-of-{WATCHED}/{users}/reading-what-they-show");
    report.compare(question, watch, read, None);
    report.add(Row {
        question: format!("watch/one-of-{WATCHED}/{users}/besides-a-look-up"),
        unit: "ns",
        ours: watch - look_up,
        other: WATCH_NS,
        target: Some(1.0),
        note: format!("{watch:.0} with the look-up and the entry of its snapshot"),
    });
    let taken = measure(|| {
        for session in 0..(users as u32).min(20_000) {
            let watcher = engine.sessions(&session).next().expect("it is online");
            let others = (1..=50).map(|other| (session + other * 7) % users as u32);
            engine.watch(Time::ZERO, watcher, others).expect("there is room").for_each(|_| {});
        }
    });
    let watches = engine.counts().watches;
    report.add(Row {
        question: format!("watch/memory/{watches}"),
        unit: "B",
        ours: taken.bytes_current as f64 / watches as f64,
        other: WATCH_BYTES,
        target: Some(1.0),
        note: "each of fifty a session, the channels of as many users included".to_owned(),
    });
}

fn last(candidates: &[Candidate<'_, u64>]) -> usize {
    candidates.len() - 1
}

/// Users who are told as one.
fn one_state(report: &mut Report, users: usize, rounds: usize) {
    let options = Options { idle_after_ms: Some(300_000), ..unlimited().options().clone() };
    let config = Config::new(options).expect("they make sense together");
    let hasher = DefaultHashBuilder::default;
    let mut one = Core::with_representative(config.clone(), hasher(), last);
    // The same again, in which nobody is heard of by a sign of a person.
    let mut alive = Core::with_representative(config.clone(), hasher(), last);
    let mut each = Core::with_hasher(config, hasher());
    let friends = |user: u32| (1..=20).map(move |at| (user + at * 31) % users as u32);
    let mut keys = Vec::new();
    for user in 0..users as u32 {
        let audience: Vec<u32> = friends(user).collect();
        let connected =
            [&mut one, &mut each, &mut alive].map(|in_it| connect(in_it, user, &audience));
        keys.push(connected);
    }
    let order = Random::new(7).order(users);
    let operations = users.min(100_000);
    let mut figures = Figures::default();
    for round in 0..=rounds {
        let turn = |at: usize| keys[order[(round * operations + at) % users] as usize];
        let now = Time::from_millis(round as u64);
        figures.time("active", operations, |at| {
            usize::from(one.active(now, turn(at)[0]).expect("it is attached").next().is_some())
        });
        figures.time("heartbeat", operations, |at| {
            usize::from(alive.heartbeat(now, turn(at)[2]).expect("it is attached").next().is_some())
        });
        figures.time("publish-one", operations, |at| {
            take(one.publish(now, turn(at)[0], at as u64).expect("it is attached"))
        });
        figures.time("publish-each", operations, |at| {
            take(each.publish(now, turn(at)[1], at as u64).expect("it is attached"))
        });
    }
    let [active, heartbeat] = ["active", "heartbeat"].map(|name| figures.median(name));
    report.compare(format!("watch/active/{users}/heartbeat"), active, heartbeat, Some(1.5));
    let [one, each] = ["publish-one", "publish-each"].map(|name| figures.median(name));
    report.compare(format!("watch/publish-one/{users}/publish"), one, each, None);
}
