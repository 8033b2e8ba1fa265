//! One room as large as a crowd.

use crate::common::figures::Figures;
use crate::common::random::Random;
use crate::common::report::Report;
use crate::{aim, fixed, options, read, take};
use adsum::{
    Config, Connect, DefaultHashBuilder, Engine, Join, SessionKey, Time, TopicKey, TopicOptions,
    View,
};
use std::time::Instant;

/// What leaving and joining is meant to take in the largest room, in nanoseconds, and what it may
/// take of what it takes in the smallest.
const COMING_NS: f64 = 1_500.0;
const FLAT: f64 = 3.0;
/// What telling one of a crowd may take, and the first decision of it.
const RECEIVER_NS: f64 = 0.4;
const FIRST_NS: f64 = 5_000.0;

type Core = Engine<u32, u64>;

struct Room {
    engine: Core,
    sessions: Vec<SessionKey>,
    topic: TopicKey,
    now: Time,
}

fn join(engine: &mut Core, now: Time, session: SessionKey) -> TopicKey {
    let join = Join::Member { presence: Some(1), view: View::All };
    let (topic, decisions) = engine.join(now, session, 7, join).expect("there is room");
    take(decisions);
    topic
}

impl Room {
    fn new(users: usize) -> Self {
        let config = Config::new(options(TopicOptions::default())).expect("they are in range");
        let mut engine = Core::with_hasher(config, DefaultHashBuilder::default());
        let connect = |user| {
            let (key, decisions) =
                engine.connect(Time::ZERO, Connect::new(user)).expect("there is room");
            take(decisions);
            key
        };
        let sessions: Vec<_> = (0..users as u32).map(connect).collect();
        let topics: Vec<_> =
            sessions.iter().map(|session| join(&mut engine, Time::ZERO, *session)).collect();
        let mut room = Self { engine, sessions, topic: topics[0], now: Time::ZERO };
        room.tick();
        room
    }

    fn tick(&mut self) {
        self.now = self.now.saturating_add(1_000);
        take(self.engine.advance(self.now));
    }
}

pub(super) fn measure_all(report: &mut Report, largest: usize, rounds: usize) {
    let sizes = [1_000, 10_000, 100_000, 1_000_000];
    let mut rooms: Vec<_> =
        sizes.into_iter().filter(|size| *size <= largest).map(Room::new).collect();
    coming_and_going(report, &mut rooms, rounds);
    if let Some(room) = rooms.last_mut() {
        saying(report, room, rounds);
    }
}

/// Members of rooms of all sizes leave and join.
fn coming_and_going(report: &mut Report, rooms: &mut [Room], rounds: usize) {
    const NAMES: [&str; 4] = ["1000", "10000", "100000", "1000000"];
    const OPERATIONS: usize = 1_000;
    let (mut figures, mut random) = (Figures::default(), Random::new(23));
    for _ in 0..=rounds {
        for (room, name) in rooms.iter_mut().zip(NAMES) {
            let turn: Vec<_> = (0..OPERATIONS).map(|_| random.below(room.sessions.len())).collect();
            let (now, topic) = (room.now, room.topic);
            figures.time(name, OPERATIONS, |at| {
                let session = room.sessions[turn[at]];
                take(room.engine.leave(now, session, topic).expect("it is there"));
                join(&mut room.engine, now, session);
                at
            });
            room.tick();
        }
    }
    let smallest = figures.median(NAMES[0]);
    for (_, name) in rooms.iter().zip(NAMES) {
        let ours = figures.median(name);
        let question = |of: &str| format!("topics/leave-and-join/{name}{of}");
        let target = (name != NAMES[0]).then_some(FLAT);
        report.compare(question("/1000"), ours, smallest, target);
        if name == NAMES[NAMES.len() - 1] {
            report.add(aim(question(""), "ns", ours, COMING_NS, ""));
        }
    }
}

/// A member of the largest room says something to all of it.
#[allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn saying(report: &mut Report, room: &mut Room, rounds: usize) {
    let (mut figures, mut firsts) = (Figures::default(), Vec::new());
    let users = room.sessions.len();
    for round in 0..=rounds {
        let (session, topic) = (room.sessions[round * 7 % users], room.topic);
        let say = |room: &mut Room, sum: bool| {
            let said = room.engine.say(room.now, session, topic, round as u64, None);
            let said = said.expect("it is there");
            if sum { read(said) } else { take(said) }
        };
        assert_eq!(say(room, false), users - 1, "all others are told");
        figures.time("say", 1, |_| say(room, true));
        figures.time("decide", 1, |_| say(room, false));
        let start = Instant::now();
        let said = room.engine.say(room.now, session, topic, round as u64, None);
        let first = said.expect("it is there").next().is_some();
        firsts.push((start.elapsed().as_nanos() as f64, first));
    }
    firsts.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let first = firsts[firsts.len() / 2].0;
    let each = figures.median("say") / users as f64;
    let decide = figures.median("decide") / users as f64;
    let question = |what: &str| format!("topics/say/{users}/{what}");
    let note = format!("{decide:.4} ns without reading the slots");
    report.add(fixed(question("a-receiver"), "ns", each, RECEIVER_NS, &note));
    let note = "with the verb and the rest of the drain";
    report.add(fixed(question("first"), "ns", first, FIRST_NS, note));
}
