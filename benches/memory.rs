//! How many bytes do an online user, a session and a contact take, and what allocates?
//!
//! Counted by an allocator that counts, for everything that the engine asks it for. The id itself
//! (4 bytes here) and the payload (8 bytes) are the host's and taken off. All users are online and
//! know each other's ids, with 100 contacts each. The peers are those of the publish benchmark.

mod common;

use adsum::{Connect, DeviceKind, Options, SessionKey};
use allocation_counter::{AllocationInfo, measure};
use common::arguments::Arguments;
use common::graphs::Ring;
use common::random::Random;
use common::report::Report;
use common::row::Row;
use common::world::{World, drain, names, numbers, unlimited};
use foldhash::fast::RandomState as FastState;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;

/// What an online user with one session, and a contact, may take, in bytes.
const USER: f64 = 96.0;
const CONTACT: f64 = 4.5;
/// What one may take at any moment while more and more come, and the tables grow.
const USER_WHILE_GROWING: f64 = 176.0;
/// The id and the payload.
const OF_THE_HOST: f64 = 12.0;

fn main() {
    let Some(arguments) = Arguments::parse("memory") else { return };
    let scale = arguments.scale;
    let mut report = Report::new("memory", "how much memory does it take?", scale);
    for users in arguments.sizes() {
        let degree = if users < 1_000 { 20 } else { 100 };
        engine(&mut report, users, degree);
        if users <= 100_000 {
            peers(&mut report, users, degree);
        }
    }
    allocations(&mut report);
    report.finish();
}

/// Bytes for each of `count`.
fn each(info: AllocationInfo, count: usize) -> f64 {
    info.bytes_current as f64 / count as f64
}

fn row(question: String, ours: f64, other: f64, target: Option<f64>, note: String) -> Row {
    Row { question, unit: "B", ours, other, target, note }
}

/// Those who will be online, and their sessions: memory that is not the engine's.
struct Host {
    order: Vec<u32>,
    sessions: Vec<SessionKey>,
    list: Vec<u32>,
}

impl Host {
    fn new(users: usize) -> Self {
        let (sessions, list) = (Vec::with_capacity(users), Vec::with_capacity(1_000));
        Self { order: Random::new(3).order(users), sessions, list }
    }

    /// An engine with everybody online, which `contacts` gives their lists.
    fn crowd(&mut self, contacts: impl Fn(u32, &mut Vec<u32>)) -> World<u32> {
        self.crowd_with(unlimited(), contacts)
    }

    fn crowd_with(
        &mut self,
        options: Options,
        contacts: impl Fn(u32, &mut Vec<u32>),
    ) -> World<u32> {
        let mut world = World::new(numbers(self.order.len()), options);
        self.sessions.clear();
        for user in &self.order {
            self.list.clear();
            contacts(*user, &mut self.list);
            let session = world.connect(*user, &self.list);
            world.publish(session, 1);
            self.sessions.push(session);
        }
        world
    }
}

/// Returns the most that each of those who are online takes while a crowd comes, from half of it
/// on: by then what there is from the beginning is little.
fn while_growing(users: usize) -> f64 {
    let order = Random::new(3).order(users);
    let (mut world, mut bytes, mut online, mut most) = (None, 0, 0, 0.0);
    for some in order.chunks(users.div_ceil(256)) {
        let taken = measure(|| {
            let world: &mut World<u32> =
                world.get_or_insert_with(|| World::new(numbers(users), unlimited()));
            for user in some {
                let session = world.connect(*user, &[]);
                world.publish(session, 1);
            }
        });
        // The greatest of these moments had no fewer users than at the beginning of the step.
        let peak = (bytes + taken.bytes_max as i64) as f64 - aside(users);
        if online >= users / 2 {
            most = f64::max(most, peak / online as f64);
        }
        (bytes, online) = (bytes + taken.bytes_current, online + some.len());
    }
    most - OF_THE_HOST
}

/// What a world holds besides the engine.
fn aside(users: usize) -> f64 {
    4.0 * users as f64
}

fn engine(report: &mut Report, users: usize, degree: usize) {
    let (ring, mut host) = (Ring::new(users, degree), Host::new(users));
    let mut kept = None;
    let alone = measure(|| kept = Some(host.crowd(|_, _| {})));
    let alone = (alone.bytes_current as f64 - aside(users)) / users as f64 - OF_THE_HOST;
    let question = |what: &str| format!("memory/{what}/{users}");
    report.add(row(
        question("user"),
        alone,
        USER,
        Some(1.0),
        "one session, no contacts".to_owned(),
    ));

    report.add(row(
        question("user-while-growing"),
        while_growing(users),
        USER_WHILE_GROWING,
        Some(1.0),
        "the most at any moment while the second half comes".to_owned(),
    ));

    let mut world = kept.take().expect("it was made");
    let second = measure(|| {
        for id in world.ids.clone() {
            let connected = world.engine.connect(world.now, Connect::new(id).kind(DeviceKind(1)));
            let session = connected.expect("there is room").0;
            world.publish(session, 2);
        }
    });
    let second = each(second, users) - 8.0;
    report.add(row(question("second-session"), second, USER, None, "without payload".to_owned()));
    drop(world);

    let leases = Options { lease: Options::default().lease, ..unlimited() };
    let mut kept = None;
    let leased = measure(|| kept = Some(host.crowd_with(leases, |_, _| {})));
    drop(kept);
    let leased = (leased.bytes_current as f64 - aside(users)) / users as f64 - OF_THE_HOST;
    let note = "each session with a deadline".to_owned();
    report.add(row(question("user-with-lease"), leased, USER, None, note));

    let mut kept = None;
    let whole = measure(|| kept = Some(host.crowd(|user, list| ring.contacts(user, list))));
    drop(kept);
    let peak = whole.bytes_max as f64 / users as f64;
    let whole = (whole.bytes_current as f64 - aside(users)) / users as f64 - OF_THE_HOST;
    let contact = (whole - alone) / degree as f64;
    let note = format!("{degree} contacts each; {peak:.0} B a user for a moment");
    report.add(row(question("contact"), contact, CONTACT, Some(1.0), note));
    let most = USER + CONTACT * degree as f64;
    report.add(row(question("user-with-contacts"), whole, most, Some(1.0), String::new()));
}

/// What the peers take for the same users, ids and payload included.
fn peers(report: &mut Report, users: usize, degree: usize) {
    let (ring, mut host) = (Ring::new(users, degree), Host::new(users));
    let mut kept = None;
    let ours = measure(|| kept = Some(host.crowd(|user, list| ring.contacts(user, list))));
    drop(kept);
    let ours = (ours.bytes_current as f64 - aside(users)) / users as f64;
    let names = names(users);
    let named = |user: &u32| names[*user as usize].to_owned();
    let hour = measured(users, &ring, named, std::hash::RandomState::default());
    let interned = measured(users, &ring, |user| *user, FastState::default());
    for (peer, theirs) in [("hour", hour), ("interned", interned)] {
        let question = format!("memory/user-with-contacts/{users}/{peer}");
        report.add(row(question, ours, theirs, None, "ids included".to_owned()));
    }
}

/// Bytes a user of two tables: whose sessions, and whose contacts.
fn measured<K: Eq + std::hash::Hash, S: BuildHasher + Clone + Default>(
    users: usize,
    ring: &Ring,
    id: impl Fn(&u32) -> K,
    hasher: S,
) -> f64 {
    let mut kept = None;
    let info = measure(|| {
        let mut sessions: HashMap<K, HashSet<u64, S>, S> = HashMap::with_hasher(hasher.clone());
        let mut contacts: HashMap<K, Vec<K>, S> = HashMap::with_hasher(hasher);
        let mut list = Vec::new();
        for user in 0..users as u32 {
            list.clear();
            ring.contacts(user, &mut list);
            sessions.insert(id(&user), [u64::from(user)].into_iter().collect());
            contacts.insert(id(&user), list.iter().map(&id).collect());
        }
        kept = Some((sessions, contacts));
    });
    drop(kept);
    each(info, users)
}

/// What once warm must not allocate.
fn allocations(report: &mut Report) {
    const USERS: usize = 1_000;
    const CONTACTS: usize = 100;
    let ring = Ring::new(USERS, CONTACTS);
    let mut host = Host::new(USERS);
    let mut world = host.crowd(|user, list| ring.contacts(user, list));
    let Host { order, sessions, mut list } = host;
    // Everyone directs, goes and comes once before it counts.
    let mut sessions = sessions;
    for counts in [false, true] {
        list.clear();
        ring.contacts(order[0], &mut list);
        let named: Vec<u32> = list[..10].iter().map(|user| world.ids[*user as usize]).collect();
        let (first, now) = (sessions[0], world.now);
        let mut rows = vec![
            ("publish", measure(|| sessions.iter().for_each(|key| _ = world.publish(*key, 3)))),
            (
                "direct",
                measure(|| {
                    let directed = world.engine.direct(now, first, &named, 4);
                    drain(directed.expect("they are contacts"));
                }),
            ),
            (
                "heartbeat",
                measure(|| {
                    for session in &sessions {
                        drain(world.engine.heartbeat(now, *session).expect("it is attached"));
                    }
                }),
            ),
            ("advance", measure(|| _ = drain(world.engine.advance(now)))),
        ];
        let going = measure(|| sessions.iter().for_each(|key| _ = world.disconnect(*key)));
        rows.push(("disconnect", going));
        for (user, session) in order.iter().zip(&mut sessions) {
            list.clear();
            ring.contacts(*user, &mut list);
            *session = world.connect(*user, &list);
            world.publish(*session, 5);
        }
        for (verb, info) in rows.into_iter().filter(|_| counts) {
            report.add(Row {
                question: format!("allocations/{verb}"),
                unit: "in all",
                ours: info.count_total as f64,
                other: 1.0,
                target: Some(0.0),
                note: "once warm".to_owned(),
            });
        }
    }
}
