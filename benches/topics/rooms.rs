//! Many rooms of fifty: to join one, to come back to five, and to tell one of something.

use crate::common::figures::Figures;
use crate::common::random::Random;
use crate::common::report::Report;
use crate::common::row::Row;
use crate::naive::Naive;
use crate::{IN_A_ROOM, ROOMS_EACH, aim, options, read, take};
use adsum::{
    Config, Connect, DefaultHashBuilder, Engine, Join, SessionKey, Time, TopicKey, TopicOptions,
    View,
};

/// What a join is meant to take, coming back to five rooms, and telling fifty, in nanoseconds, on a
/// machine that has nothing else to do.
const JOIN_NS: f64 = 600.0;
const RECONNECT_NS: f64 = 6_000.0;
const PUBLISH_NS: f64 = 200.0;
/// And of what the naive one takes, which finds at once whom to tell, and keeps no order, no view,
/// no presence and nothing for slow readers. What takes the time is that each of these lies in a
/// cache line of its own, of which a session that comes back touches some two hundred.
const NAIVE: f64 = 1.0;

type Core = Engine<&'static str, u64>;

/// A crowd, the same for both: each session is in five rooms.
struct Crowd {
    names: Vec<&'static str>,
    rooms: Vec<[u32; ROOMS_EACH]>,
}

impl Crowd {
    fn new(sessions: usize) -> Self {
        let count = (sessions * ROOMS_EACH / IN_A_ROOM).max(4 * ROOMS_EACH);
        let names = (0..count).map(|room| &*format!("room{room:08}").leak()).collect();
        let mut random = Random::new(13);
        let rooms = (0..sessions).map(|_| {
            let mut own = [u32::MAX; ROOMS_EACH];
            for at in 0..ROOMS_EACH {
                while own[at] == u32::MAX {
                    let room = random.below(count) as u32;
                    if !own[..at].contains(&room) {
                        own[at] = room;
                    }
                }
            }
            own
        });
        Self { names, rooms: rooms.collect() }
    }

    fn name(&self, room: u32) -> &'static str {
        self.names[room as usize]
    }

    /// A room in which a session is not.
    fn another(&self, session: usize, random: &mut Random) -> u32 {
        loop {
            let room = random.below(self.names.len()) as u32;
            if !self.rooms[session].contains(&room) {
                return room;
            }
        }
    }
}

struct World {
    engine: Core,
    sessions: Vec<SessionKey>,
    keys: Vec<[TopicKey; ROOMS_EACH]>,
    now: Time,
}

const JOIN_ALL: Join<u64> = Join::Member { presence: Some(1), view: View::All };

fn join(engine: &mut Core, now: Time, session: SessionKey, room: &'static str) -> TopicKey {
    let (topic, decisions) = engine.join(now, session, room, JOIN_ALL).expect("there is room");
    take(decisions);
    topic
}

impl World {
    fn new(crowd: &Crowd, coalesce_ms: u32) -> Self {
        let topics = TopicOptions { coalesce_ms, ..TopicOptions::default() };
        let config = Config::new(options(topics)).expect("they are in range");
        let mut engine = Core::with_hasher(config, DefaultHashBuilder::default());
        let users = (0..crowd.rooms.len()).map(|user| &*format!("user{user:08}").leak());
        let connect = |user: &'static str| {
            let (key, decisions) =
                engine.connect(Time::ZERO, Connect::new(user)).expect("there is room");
            take(decisions);
            key
        };
        let sessions: Vec<_> = users.map(connect).collect();
        let mut world = Self { engine, sessions, keys: Vec::new(), now: Time::ZERO };
        for (session, rooms) in world.sessions.iter().zip(&crowd.rooms) {
            let key = |room| join(&mut world.engine, Time::ZERO, *session, crowd.name(room));
            world.keys.push(rooms.map(key));
        }
        world.tick();
        world
    }

    /// All ticks come that are due.
    fn tick(&mut self) -> usize {
        self.now = self.now.saturating_add(1_000);
        take(self.engine.advance(self.now))
    }
}

pub(super) fn measure_all(report: &mut Report, sessions: usize, rounds: usize) {
    let crowd = Crowd::new(sessions);
    let mut naive = Naive::default();
    for (session, rooms) in crowd.rooms.iter().enumerate() {
        rooms.iter().for_each(|room| naive.join(session as u64, crowd.name(*room)));
    }
    coming_and_going(report, &crowd, &mut naive, rounds);
    telling(report, &crowd, &naive, rounds);
}

/// What is changed is told by a tick, whose turn is between the rounds.
fn coming_and_going(report: &mut Report, crowd: &Crowd, naive: &mut Naive, rounds: usize) {
    let mut world = World::new(crowd, 1_000);
    let sessions = crowd.rooms.len();
    let (operations, mut random) = (sessions.min(20_000), Random::new(17));
    let mut figures = Figures::default();
    for _ in 0..=rounds {
        let order: Vec<_> = random.order(sessions).into_iter().take(operations).collect();
        let turn: Vec<_> = order.iter().map(|session| *session as usize).collect();
        let another: Vec<_> = turn.iter().map(|at| crowd.another(*at, &mut random)).collect();
        let (now, mut sixth) = (world.now, Vec::with_capacity(operations));
        figures.time("join", operations, |at| {
            let session = world.sessions[turn[at]];
            sixth.push(join(&mut world.engine, now, session, crowd.name(another[at])));
            sixth.len()
        });
        figures.time("naive-join", operations, |at| {
            let (session, room) = (turn[at] as u64, crowd.name(another[at]));
            naive.join(session, room);
            naive.publish(session, room).len()
        });
        for (at, topic) in turn.iter().zip(sixth) {
            let left = world.engine.leave(now, world.sessions[*at], topic);
            take(left.expect("it is there"));
        }
        for (at, room) in turn.iter().zip(&another) {
            naive.leave(*at as u64, crowd.name(*room));
        }
        world.tick();
        let now = world.now;
        figures.time("reconnect", operations, |at| {
            let (session, own) = (world.sessions[turn[at]], crowd.rooms[turn[at]]);
            for topic in world.keys[turn[at]] {
                take(world.engine.leave(now, session, topic).expect("it is there"));
            }
            let key = |room| join(&mut world.engine, now, session, crowd.name(room));
            world.keys[turn[at]] = own.map(key);
            at
        });
        figures.time("naive-reconnect", operations, |at| {
            let session = turn[at] as u64;
            let rooms = naive.rooms(session);
            let mut told = 0;
            for room in &rooms {
                told += naive.publish(session, room).len();
                naive.leave(session, room);
            }
            for room in &rooms {
                naive.join(session, room);
                told += naive.publish(session, room).len();
            }
            told
        });
        // Each has left five rooms and joined them, of which the others are told in one decision.
        figures.time_all("tick", operations * ROOMS_EACH, || world.tick());
    }
    report_coming_and_going(report, sessions, &figures);
}

fn report_coming_and_going(report: &mut Report, sessions: usize, figures: &Figures) {
    let at = |name: &str| figures.median(name);
    let question = |what: &str| format!("topics/{what}/{sessions}");
    report.add(aim(question("join"), "ns", at("join"), JOIN_NS, "told by the next tick"));
    let (ours, theirs) = (at("join"), at("naive-join"));
    report.compare(question("join/naive"), ours, theirs, Some(NAIVE));
    let note = "leave five rooms, join five";
    report.add(aim(question("reconnect"), "ns", at("reconnect"), RECONNECT_NS, note));
    let (ours, theirs) = (at("reconnect"), at("naive-reconnect"));
    report.compare(question("reconnect/naive"), ours, theirs, Some(NAIVE));
    let note = "of one who has left and joined again, against what both took";
    let tick = Row {
        question: question("tick/a-membership"),
        unit: "ns",
        ours: at("tick"),
        other: at("reconnect") / ROOMS_EACH as f64,
        target: None,
        note: note.to_owned(),
    };
    report.add(tick);
}

/// What is changed is told at once.
fn telling(report: &mut Report, crowd: &Crowd, naive: &Naive, rounds: usize) {
    let mut world = World::new(crowd, 0);
    let sessions = crowd.rooms.len();
    let (operations, mut random) = (sessions.min(20_000), Random::new(19));
    let (mut figures, now) = (Figures::default(), world.now);
    for round in 0..=rounds {
        let order: Vec<_> = random.order(sessions).into_iter().take(operations).collect();
        let turn: Vec<_> = order.iter().map(|session| *session as usize).collect();
        figures.time("update", operations, |at| {
            let (session, topic) = (world.sessions[turn[at]], world.keys[turn[at]][at % 5]);
            let update = world.engine.update(now, session, topic, round as u64);
            read(update.expect("it is there"))
        });
        figures.time("naive-update", operations, |at| {
            let room = crowd.name(crowd.rooms[turn[at]][at % 5]);
            let to = naive.publish(turn[at] as u64, room);
            to.iter().fold(0, |sum, session| sum.wrapping_add(*session as usize))
        });
        let another: Vec<_> = turn.iter().map(|at| crowd.another(*at, &mut random)).collect();
        let mut sixth = Vec::with_capacity(operations);
        figures.time("join", operations, |at| {
            let session = world.sessions[turn[at]];
            sixth.push(join(&mut world.engine, now, session, crowd.name(another[at])));
            sixth.len()
        });
        for (at, topic) in turn.iter().zip(sixth) {
            let left = world.engine.leave(now, world.sessions[*at], topic);
            take(left.expect("it is there"));
        }
    }
    let at = |name: &str| figures.median(name);
    let question = |what: &str| format!("topics/{what}/{sessions}");
    let note = "all fifty slots read";
    report.add(aim(question("update-to-50"), "ns", at("update"), PUBLISH_NS, note));
    let (ours, theirs) = (at("update"), at("naive-update"));
    report.compare(question("update-to-50/naive"), ours, theirs, Some(NAIVE));
    let note = "a snapshot of the fifty and a notice to each, against a join told by a tick";
    report.add(aim(question("join-at-once"), "ns", at("join"), JOIN_NS, note));
}
