//! What does it cost to be one of several?
//!
//! A publish at a node, told to others in batches of 32, and taken by one of them, against the same
//! publish of an engine by itself; how long a newcomer takes to learn of everybody from two nodes;
//! and the memory of a user who is at another node, against that of one who is here. Nodes are in
//! one thread, and a message between them is written down and read again, as over a wire.

mod common;

use adsum::{DefaultHashBuilder, DeviceKind, Engine, Event, SessionKey, Time};
use adsum_cluster::{Cluster, ClusterConfig, Incarnation, Message, Next, NodeId};
use allocation_counter::measure;
use common::arguments::Arguments;
use common::figures::Figures;
use common::graphs::Ring;
use common::random::Random;
use common::report::Report;
use common::row::Row;
use common::world::unlimited;
use cpu_time::ThreadTime;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

/// As a server has them: ids and presences are shared, not copied.
type Id = Arc<str>;
type Words = Arc<u64>;
type Node = Cluster<Id, Words>;
type Said = Message<Id, Words>;

/// How many publishes a host has at hand at once.
const BATCH: usize = 32;
/// What the cluster's own code may take for a publish.
const PUBLISH_NS: f64 = 500.0;
/// How long a newcomer may take to learn of a million users.
const SYNC_NS_A_USER: f64 = 10_000.0;
const CONTACTS: usize = 20;

fn main() {
    let Some(arguments) = Arguments::parse("cluster") else { return };
    let scale = arguments.scale;
    let title = "what does it cost to be one of several?";
    let mut report = Report::new("cluster", title, scale);
    for users in arguments.sizes() {
        let rounds = scale.pick(1, 5, 15);
        publish(&mut report, users, rounds);
        join(&mut report, users);
        memory(&mut report, users);
    }
    report.finish();
}

fn engine() -> Engine<Id, Words> {
    Engine::new(adsum::Config::new(unlimited()).expect("the options are in range"))
}

fn node(name: &str, now: Time) -> Node {
    let me = NodeId::new(name).expect("a plain name");
    let life = Incarnation { started_ms: 1, random: 1 };
    let hasher = DefaultHashBuilder::default();
    let mut node = Cluster::new(me, life, ClusterConfig::default(), engine(), hasher)
        .expect("the numbers are in range");
    node.advance(now).for_each(|_| {});
    node
}

/// Does all that there is to do, and says what is to be sent.
fn pump(node: &mut Node, now: Time, mut send: impl FnMut(Said)) {
    while let Some(next) = node.next(now) {
        match next {
            Next::Decisions(outputs) => outputs.for_each(|output| {
                black_box(output);
            }),
            Next::PostOnline { user, .. } => {
                black_box(user);
            }
            Next::Send { message, .. } => send(message),
        }
    }
}

fn connect(node: &mut Node, now: Time, user: Id, audience: Vec<Id>) -> SessionKey {
    let kind = DeviceKind(0);
    let connect = Event::Connect { user, kind, audience, blocked: Vec::new() };
    let outputs = node.apply(now, connect).expect("there is room");
    let session = outputs.session().expect("a connect has one");
    outputs.for_each(|_| {});
    say(node, now, session, Words::new(1));
    session
}

fn say(node: &mut Node, now: Time, session: SessionKey, presence: Words) -> usize {
    let mut told = 0;
    let outputs = node.apply(now, Event::Publish { session, presence }).expect("it is attached");
    outputs.for_each(|output| {
        if let adsum::Decision::Deliver { to, .. } = black_box(output.decision) {
            told += to.len();
        }
    });
    told
}

/// Ids of 12 bytes.
fn ids(users: usize, from: usize) -> Vec<Id> {
    (from..from + users).map(|user| format!("user{user:08}").into()).collect()
}

/// Connects everybody, in random order.
fn fill(node: &mut Node, now: Time, ids: &[Id], degree: usize) -> Vec<SessionKey> {
    let users = ids.len();
    let ring = Ring::new(users, degree);
    let mut list = Vec::new();
    let mut keys = Vec::with_capacity(users);
    for user in Random::new(3).order(users) {
        list.clear();
        ring.contacts(user, &mut list);
        let contacts = list.iter().map(|contact| ids[*contact as usize].clone()).collect();
        keys.push(connect(node, now, ids[user as usize].clone(), contacts));
        if keys.len() % BATCH == 0 {
            pump(node, now, drop);
        }
    }
    pump(node, now, drop);
    keys
}

fn publish(report: &mut Report, users: usize, rounds: usize) {
    let now = Time::from_millis(1_000);
    let degree = CONTACTS.min(users / 4);
    let (mut here, mut there) = (node("a", now), node("b", now));
    let keys = fill(&mut here, now, &ids(users, 0), degree);
    learn(&mut there, &mut [&mut here], now);
    assert_eq!(there.engine().counts().users_online, users, "it has learned of all");
    // By itself: an engine with the same people.
    let mut alone = engine();
    let all = ids(users, 0);
    let ring = Ring::new(users, degree);
    let mut list = Vec::new();
    let mut own = Vec::with_capacity(users);
    for user in Random::new(3).order(users) {
        list.clear();
        ring.contacts(user, &mut list);
        let contacts = list.iter().map(|contact| all[*contact as usize].clone());
        let connect = adsum::Connect::new(all[user as usize].clone()).audience(contacts);
        let (session, decisions) = alone.connect(now, connect).expect("there is room");
        decisions.for_each(|_| {});
        alone.publish(now, session, Words::new(1)).expect("it is attached").for_each(|_| {});
        own.push(session);
    }
    let gaps = there.stats().gaps;
    let operations = users.min(100_000) / BATCH * BATCH;
    let mut figures = Figures::default();
    let (sender, mut sent) = (here.id(), Vec::new());
    for round in 0..=rounds {
        let turn = |at: usize| (round * operations + at) % users;
        figures.time("alone", operations, |at| {
            let session = own[turn(at)];
            let mut told = 0;
            let words = Words::new(at as u64);
            let decisions = alone.publish(now, session, words).expect("it is attached");
            decisions.for_each(|decision| {
                if let adsum::Decision::Deliver { to, .. } = black_box(decision) {
                    told += to.len();
                }
            });
            told
        });
        for from in (0..operations).step_by(BATCH) {
            let mut said: Option<Said> = None;
            figures.time_all("here", BATCH, || {
                let some = (0..BATCH).map(|at| (keys[turn(from + at)], Words::new(at as u64)));
                let told = some.map(|(session, words)| say(&mut here, now, session, words)).sum();
                pump(&mut here, now, |message| said = Some(message));
                told
            });
            // It is written by another thread.
            sent.push(encoded(said.expect("a batch is one message")));
        }
        for message in sent.drain(..) {
            figures.time_all("there", BATCH, || {
                there.receive(now, sender, decoded(&message)).expect("it is a node's");
                pump(&mut there, now, drop);
                message.len()
            });
        }
    }
    assert_eq!(there.stats().gaps, gaps, "nothing was missed");
    let question = |what: &str| format!("cluster/{what}/{users}");
    let (alone, here) = (figures.median("alone"), figures.median("here"));
    report.compare(question("publish-here"), here - alone, PUBLISH_NS, Some(1.0));
    report.compare(question("publish-here-whole"), here, alone, None);
    let there = figures.median("there");
    report.compare(question("publish-taken-there"), there, alone, None);
}

fn encoded(message: Said) -> Vec<u8> {
    postcard::to_allocvec(&message).expect("it can be written")
}

fn decoded(bytes: &[u8]) -> Said {
    postcard::from_bytes(bytes).expect("it was written so")
}

/// What it takes to learn of everybody, and where.
#[derive(Default)]
struct Spent {
    /// At the others.
    answering: Duration,
    /// On both sides, by threads besides.
    writing: Duration,
    /// At the newcomer.
    taking: Duration,
    bytes: usize,
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = ThreadTime::now();
    work();
    start.elapsed()
}

/// Has a newcomer learn all that others know.
fn learn(newcomer: &mut Node, others: &mut [&mut Node], now: Time) -> Spent {
    let mut spent = Spent::default();
    let from = newcomer.id();
    let mut asked: Vec<Said> = Vec::new();
    newcomer.advance(now).for_each(|_| {});
    pump(newcomer, now, |message| asked.push(message));
    // Its first beat may be long gone: they beat as well.
    let later = Time::from_millis(now.as_millis() + 1_000);
    for other in others.iter_mut() {
        other.advance(later).for_each(|_| {});
        let sender = other.id();
        let mut said = Vec::new();
        pump(other, later, |message| said.push(message));
        for message in said {
            newcomer.receive(later, sender, message).expect("it is a node's");
        }
        pump(newcomer, later, |message| asked.push(message));
    }
    while !asked.is_empty() {
        for question in std::mem::take(&mut asked) {
            for other in others.iter_mut() {
                // What is for another node is refused there.
                if other.receive(later, from, question.clone()).is_err() {
                    continue;
                }
                let sender = other.id();
                let mut said = Vec::new();
                spent.answering += timed(|| pump(other, later, |message| said.push(message)));
                for answer in said {
                    let (mut written, mut read) = (Vec::new(), None);
                    spent.writing += timed(|| written = encoded(answer));
                    spent.bytes += written.len();
                    spent.writing += timed(|| read = Some(decoded(&written)));
                    let read = read.expect("it was read");
                    spent.taking += timed(|| {
                        // One that comes twice, or late, is no fault.
                        let _ = newcomer.receive(later, sender, read);
                        pump(newcomer, later, |message| asked.push(message));
                    });
                }
            }
        }
    }
    spent
}

fn join(report: &mut Report, users: usize) {
    let now = Time::from_millis(1_000);
    let degree = CONTACTS.min(users / 8);
    let half = users / 2;
    let (mut a, mut b) = (node("a", now), node("b", now));
    fill(&mut a, now, &ids(half, 0), degree);
    fill(&mut b, now, &ids(half, half), degree);
    let mut newcomer = node("c", now);
    let spent = learn(&mut newcomer, &mut [&mut a, &mut b], now);
    assert_eq!(newcomer.engine().counts().users_online, half * 2, "it has learned of all");
    let Spent { answering, writing, taking, bytes } = spent;
    let all = answering + writing + taking;
    // Each of the two is asked for the next part when the one before has come, so there are two
    // chains, side by side; and the newcomer takes all parts by itself.
    let longest = taking.max(all / 2);
    let each = longest.as_nanos() as f64 / users as f64;
    let note = format!(
        "{longest:.1?} in all: {answering:.1?} at the two others, {writing:.1?} to write and read, \
         {taking:.1?} at the newcomer; {} B a user",
        bytes / users
    );
    report.add(Row {
        question: format!("cluster/join/{users}"),
        unit: "ns",
        ours: each,
        other: SYNC_NS_A_USER,
        target: Some(1.0),
        note,
    });
}

fn memory(report: &mut Report, users: usize) {
    let now = Time::from_millis(1_000);
    for degree in [0, 100.min(users / 4)] {
        let mut here = node("a", now);
        let local = measure(|| drop(fill(&mut here, now, &ids(users, 0), degree)));
        let mut there = node("b", now);
        let remote = measure(|| {
            black_box(learn(&mut there, &mut [&mut here], now));
        });
        assert_eq!(there.engine().counts().users_online, users, "it has learned of all");
        let each = |bytes: i64| bytes as f64 / users as f64;
        report.add(Row {
            question: format!("cluster/memory-remote-{degree}-contacts/{users}"),
            unit: "B",
            ours: each(remote.bytes_current),
            other: each(local.bytes_current),
            target: Some(1.0),
            note: "at a node that learns of a user, against the user's own".to_owned(),
        });
    }
}
