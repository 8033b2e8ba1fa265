//! What a member of a room costs in adsum, in the presence registry of sockudo-core, and in the two
//! maps that one writes in an hour, in one run.
//!
//! `cargo run --release --manifest-path benches/sockudo/Cargo.toml`. Rooms have fifty members each.
//! The registry answers who was the first of a client's connections and who the last; whom to tell
//! it does not say, and keeps no order. adsum tells the others in ticks, and finds for a snapshot
//! the fifty in their order. The maps have who is in a room and in which rooms one is, and keep no
//! order either. What all are told of a member is a number.

use adsum::{Config, Connect, Decision, Decisions, Engine, Join, Options, SessionKey, Time};
use adsum::{TopicKey, TopicOptions, View};
use cpu_time::ThreadTime;
use sockudo_core::presence_registry::{PresenceRecord, PresenceRegistry};
use std::collections::{HashMap, HashSet};
use std::hint::black_box;

const SESSIONS: usize = 100_000;
const IN_A_ROOM: usize = 50;
const ROUNDS: usize = 11;
const OPERATIONS: usize = 20_000;
const APP: &str = "app";

type Core = Engine<String, u64>;

fn main() {
    let rooms: Vec<String> =
        (0..SESSIONS / IN_A_ROOM).map(|room| format!("room{room:08}")).collect();
    let users: Vec<String> = (0..SESSIONS).map(|user| format!("user{user:08}")).collect();
    let room_of = |session: usize| &rooms[session * 7_919 % rooms.len()];
    let registry = PresenceRegistry::new(SESSIONS);
    for (session, user) in users.iter().enumerate() {
        registry.register_connection(APP, user);
        enter(&registry, user, room_of(session));
    }
    let mut maps = Maps::default();
    (0..SESSIONS).for_each(|session| maps.join(session, room_of(session)));
    let (mut engine, mut now) = (engine(), Time::ZERO);
    let mut members: Vec<_> = users
        .iter()
        .enumerate()
        .map(|(session, user)| {
            let connected = engine.connect(now, Connect::new(user.clone()));
            let (key, decisions) = connected.expect("there is room");
            take(decisions);
            (key, join(&mut engine, now, key, room_of(session)))
        })
        .collect();
    tick(&mut engine, &mut now);

    let mut figures = Figures::default();
    for round in 0..ROUNDS {
        let turn = |at: usize| (round * OPERATIONS + at) * 31_337 % SESSIONS;
        figures.time(0, || {
            for at in (0..OPERATIONS).map(turn) {
                let (key, topic) = members[at];
                take(engine.leave(now, key, topic).expect("it is there"));
                members[at].1 = join(&mut engine, now, key, room_of(at));
            }
            tick(&mut engine, &mut now);
        });
        figures.time(1, || {
            for at in (0..OPERATIONS).map(turn) {
                let left = registry.leave(APP, room_of(at), &users[at], &users[at]);
                black_box(left.expect("it is there"));
                enter(&registry, &users[at], room_of(at));
            }
        });
        figures.time(2, || {
            for at in (0..OPERATIONS).map(turn) {
                maps.leave(at, room_of(at));
                maps.join(at, room_of(at));
            }
        });
        figures.time(3, || {
            for at in (0..OPERATIONS).map(turn) {
                let (key, topic) = members[at];
                let looked = engine.look(now, key, topic, View::All);
                assert_eq!(take(looked.expect("it is there")), IN_A_ROOM);
            }
        });
        figures.time(4, || {
            for at in (0..OPERATIONS).map(turn) {
                assert_eq!(registry.snapshot(APP, room_of(at)).len(), IN_A_ROOM);
            }
        });
        figures.time(5, || {
            for at in (0..OPERATIONS).map(turn) {
                assert_eq!(maps.members(room_of(at)).len(), IN_A_ROOM);
            }
        });
    }
    figures.print();
}

/// What one writes in an hour.
#[derive(Default)]
struct Maps {
    rooms: HashMap<String, HashSet<usize>>,
    of: HashMap<usize, HashSet<String>>,
}

impl Maps {
    fn join(&mut self, session: usize, room: &str) {
        self.rooms.entry(room.to_owned()).or_default().insert(session);
        self.of.entry(session).or_default().insert(room.to_owned());
    }

    fn leave(&mut self, session: usize, room: &str) {
        if let Some(members) = self.rooms.get_mut(room) {
            members.remove(&session);
        }
        if let Some(rooms) = self.of.get_mut(&session) {
            rooms.remove(room);
        }
    }

    fn members(&self, room: &str) -> Vec<usize> {
        self.rooms.get(room).into_iter().flatten().copied().collect()
    }
}

fn enter(registry: &PresenceRegistry, user: &str, room: &str) {
    let member = PresenceRecord {
        connection_id: user.to_owned(),
        client_id: user.to_owned(),
        id: user.to_owned(),
        data: None,
        encoding: None,
        extras: None,
        timestamp_ms: 1,
    };
    black_box(registry.enter(APP, room, member).expect("there is room"));
}

fn engine() -> Core {
    let topics = TopicOptions { coalesce_ms: 1_000, ..TopicOptions::default() };
    let options = Options { topics, lease: None, ..Options::default() };
    Core::new(Config::new(options).expect("they are in range"))
}

fn join(engine: &mut Core, now: Time, session: SessionKey, room: &str) -> TopicKey {
    let join = Join::Member { presence: Some(1), view: View::All };
    let joined = engine.join(now, session, room.to_owned(), join);
    let (topic, decisions) = joined.expect("there is room");
    take(decisions);
    topic
}

/// All is told that has changed.
fn tick(engine: &mut Core, now: &mut Time) {
    *now = now.saturating_add(1_000);
    take(engine.advance(*now));
}

/// Takes all decisions and reads their entries. Returns how many there were of the last.
fn take(mut decisions: Decisions<'_, String, u64>) -> usize {
    let mut entries = 0;
    while let Some(decision) = decisions.next() {
        match &decision {
            Decision::Topic(room) => entries = room.entries().map(black_box).count(),
            Decision::Changes(changes) => entries = changes.iter().map(black_box).count(),
            other => _ = black_box(other),
        }
    }
    entries
}

/// The times of three candidates with two questions, in nanoseconds for one operation.
#[derive(Default)]
struct Figures([Vec<f64>; 6]);

impl Figures {
    fn time(&mut self, candidate: usize, work: impl FnOnce()) {
        let begun = ThreadTime::now();
        work();
        self.0[candidate].push(begun.elapsed().as_nanos() as f64 / OPERATIONS as f64);
    }

    fn print(&self) {
        println!("| | adsum | sockudo-core | two maps |\n| --- | ---: | ---: | ---: |");
        for (question, first) in [("leave and join, told", 0), ("a snapshot of fifty", 3)] {
            let times = [0, 1, 2].map(|at| format!("{:.0} ns", self.median(first + at)));
            println!("| {question} | {} |", times.join(" | "));
        }
    }

    fn median(&self, candidate: usize) -> f64 {
        let mut times = self.0[candidate].clone();
        times.sort_unstable_by(f64::total_cmp);
        times[times.len() / 2]
    }
}
