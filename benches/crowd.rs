//! Everybody is online in one process. Does it fit, how fast do they connect, and does a publish
//! still cost what the floor does?
//!
//! `cargo bench --bench crowd -- --users 10000000` asks it of ten million (and needs 12 GB, of
//! which the floor takes 5). Ids are integers, contacts 100 each. The memory is what the engine
//! asks the allocator for, with ids and payloads of 8 bytes.

mod common;

use adsum::SessionKey;
use allocation_counter::measure;
use common::arguments::Arguments;
use common::figures::Figures;
use common::floor::Floor;
use common::graphs::Ring;
use common::random::Random;
use common::report::Report;
use common::row::Row;
use common::world::{World, numbers, unlimited};

/// At 100,000 a second.
const CONNECT_NS: f64 = 10_000.0;
/// 8 GiB for ten million, with the payloads.
const BYTES_A_USER: f64 = (8_u64 << 30) as f64 / 1e7 + 8.0;
/// How many connect at a time, so that their lists need not all be made beforehand.
const BATCH: usize = 1_000;

fn main() {
    let Some(arguments) = Arguments::parse("crowd") else { return };
    let scale = arguments.scale;
    let title = "everybody is online in one process";
    let mut report = Report::new("crowd", title, scale);
    let users = arguments.users.unwrap_or_else(|| scale.pick(2_000, 100_000, 1_000_000));
    run(&mut report, users, scale.pick(1, 5, 15));
    report.finish();
}

struct Crowd {
    ring: Ring,
    world: World<u32>,
    sessions: Vec<(u32, SessionKey)>,
}

impl Crowd {
    /// Some connect, each with a list of ids that is made beforehand.
    fn connect(&mut self, figures: &mut Figures, what: &'static str, users: &[u32]) {
        let Self { ring, world, sessions } = self;
        for batch in users.chunks(BATCH) {
            let (mut lists, mut ends) = (Vec::with_capacity(BATCH * 100), vec![0]);
            for user in batch {
                ring.contacts(*user, &mut lists);
                ends.push(lists.len());
            }
            // As a host has them that has just read them from somewhere.
            let id = |user: &u32| world.ids[*user as usize];
            let ids: Vec<u32> = batch.iter().map(id).collect();
            let lists: Vec<u32> = lists.iter().map(id).collect();
            figures.time(what, batch.len(), |at| {
                let session = world.connect_by_id(ids[at], &lists[ends[at]..ends[at + 1]]);
                sessions.push((batch[at], session));
                at
            });
            if sessions.len() % 1_000_000 == 0 {
                let rate = 1e9 / figures.last(what);
                println!("{} are online, {rate:.0} a second connect", sessions.len());
            }
        }
    }
}

fn run(report: &mut Report, users: usize, rounds: usize) {
    let ring = Ring::new(users, 100);
    let order = Random::new(3).order(users);
    let (world, sessions) = (World::new(numbers(users), unlimited()), Vec::with_capacity(users));
    let mut crowd = Crowd { ring, world, sessions };
    let mut figures = Figures::default();
    let whole = measure(|| {
        crowd.connect(&mut figures, "connect", &order);
        for (_, session) in &crowd.sessions {
            crowd.world.publish(*session, 0);
        }
    });
    // The mean, as it gets dearer while they become more.
    let connect = figures.mean("connect");
    report.add(Row {
        question: format!("crowd/connect/{users}/100000-a-second"),
        unit: "ns",
        ours: connect,
        other: CONNECT_NS,
        target: Some(1.0),
        note: format!("{:.0} a second, nobody shows anything yet", 1e9 / connect),
    });
    let gib = |bytes: f64| bytes / (1_u64 << 30) as f64;
    report.add(Row {
        question: format!("crowd/memory/{users}/8-GiB"),
        unit: "B",
        ours: whole.bytes_current as f64 / users as f64,
        other: BYTES_A_USER,
        target: Some(1.0),
        note: format!(
            "a user; {:.2} GiB in all, {:.2} for a moment",
            gib(whole.bytes_current as f64),
            gib(whole.bytes_max as f64)
        ),
    });
    again(report, &mut crowd, users);
    publish(report, &mut crowd, users, rounds);
}

/// Some go and come back, to a snapshot of all their contacts.
fn again(report: &mut Report, crowd: &mut Crowd, users: usize) {
    let mut figures = Figures::default();
    Random::new(19).shuffle(&mut crowd.sessions);
    let count = (users / 10).min(100_000);
    for _ in 0..2 {
        let going = crowd.sessions.split_off(crowd.sessions.len() - count);
        figures.time("disconnect", count, |at| crowd.world.disconnect(going[at].1));
        let mut coming: Vec<u32> = going.iter().map(|(user, _)| *user).collect();
        Random::new(23).shuffle(&mut coming);
        crowd.connect(&mut figures, "connect", &coming);
        for (_, session) in &crowd.sessions[users - count..] {
            crowd.world.publish(*session, 0);
        }
    }
    let connect = figures.mean("connect");
    report.add(Row {
        question: format!("crowd/reconnect/{users}/100000-a-second"),
        unit: "ns",
        ours: connect,
        other: CONNECT_NS,
        target: None,
        note: format!("{:.0} a second, all contacts are in the snapshot", 1e9 / connect),
    });
}

fn publish(report: &mut Report, crowd: &mut Crowd, users: usize, rounds: usize) {
    let mut floor = Floor::new(users);
    let mut list = Vec::new();
    for user in Random::new(29).order(users) {
        list.clear();
        crowd.ring.contacts(user, &mut list);
        floor.connect(user, &list);
    }
    Random::new(31).shuffle(&mut crowd.sessions);
    let count = users.min(20_000);
    let mut figures = Figures::default();
    for round in 0..=rounds {
        let turn = |at: usize| crowd.sessions[(round * count + at) % users];
        let world = &mut crowd.world;
        figures.time("ours", count, |at| world.publish(turn(at).1, round as u64));
        figures.time("floor", count, |at| floor.publish(turn(at).0));
        // Others, of whom no cache holds anything.
        let waiting = |at: usize| crowd.sessions[((round + rounds + 1) * count + at) % users].1;
        let waiting: Vec<SessionKey> = (0..count).map(waiting).collect();
        figures.time_all("waiting", count, || world.publish_all(&waiting, round as u64));
        let (user, session) = turn(0);
        assert_eq!(world.publish(session, 0), floor.publish(user), "all contacts are told");
    }
    for (ours, way) in [("ours", "publish"), ("waiting", "publish/waiting")] {
        let [ours, least] = [ours, "floor"].map(|name| figures.median(name));
        report.compare(format!("crowd/{way}/{users}/floor"), ours, least, Some(1.5));
    }
}
