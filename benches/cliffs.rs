//! Where a little more asked a lot of an engine: does it still?
//!
//! * a publish to 100,000 contacts when somebody has blocked somebody, against the same when nobody
//!   has;
//! * long lists, an entry of 131,072 against an entry of 16,384: a sort allows 1.2, caches that no
//!   longer hold it some more, and 8 would be quadratic. For an entry of a list of blocked users
//!   three hash tables are asked and changed: beside it stands a bare loop of such look-ups;
//! * `counts` of two million sessions, against that of a thousand;
//! * the memory that stays when two million have left, against what they took.

mod common;

use adsum::{Connect, Options, SessionKey};
use allocation_counter::measure;
use common::arguments::{Arguments, Scale};
use common::figures::Figures;
use common::graphs::Ring;
use common::random::Random;
use common::report::Report;
use common::row::Row;
use common::world::{World, drain, numbers, unlimited};
use std::collections::{HashMap, HashSet};
use std::hint::black_box;

/// What the longer lists may take for an entry, beside the shorter ones.
const LONGER: f64 = 2.0;
/// The same for lists of blocked users. The tables that are asked for each entry fit into a core's
/// caches where the list is short, and do not where it is long, so look-ups alone take over twice
/// as long.
const LONGER_BLOCKED: f64 = 3.0;

fn main() {
    let Some(arguments) = Arguments::parse("cliffs") else { return };
    let scale = arguments.scale;
    let mut report = Report::new("cliffs", "does a little more ask a lot?", scale);
    blocked(&mut report, scale);
    lists(&mut report, scale);
    let users = arguments.users.unwrap_or_else(|| scale.pick(2_000, 100_000, 2_000_000));
    counts(&mut report, users);
    memory(&mut report, users);
    report.finish();
}

/// One user with many contacts, of whom one in five is online, and a stranger.
struct Celebrity {
    world: World<u32>,
    session: SessionKey,
    contact: u32,
    stranger: u32,
}

impl Celebrity {
    fn new(contacts: usize) -> Self {
        let options = Options { max_blocked: 1 << 20, ..unlimited() };
        let mut world = World::new(numbers(contacts + 2), options);
        let others: Vec<u32> = (1..=contacts as u32).collect();
        let session = world.connect(0, &others);
        let mut order = Random::new(3).order(contacts);
        order.truncate(contacts / 5);
        order.iter().for_each(|other| _ = world.connect(other + 1, &[0]));
        let (contact, stranger) = (order[0] + 1, contacts as u32 + 1);
        world.connect(stranger, &[]);
        Self { world, session, contact, stranger }
    }

    fn block(mut self, who: impl Fn(&Self) -> (u32, u32)) -> Self {
        let (one, other) = who(&self);
        let World { engine, ids, now } = &mut self.world;
        let blocked = engine.block(*now, &ids[one as usize], ids[other as usize]);
        drain(blocked.expect("there is room"));
        self
    }

    fn publish(&mut self) -> usize {
        self.world.publish(self.session, 1)
    }
}

fn blocked(report: &mut Report, scale: Scale) {
    let contacts = scale.pick(1_000, 100_000, 100_000);
    let celebrity = || Celebrity::new(contacts);
    let mut all = [
        ("nobody", celebrity()),
        ("a-contact-is-blocked", celebrity().block(|all| (0, all.contact))),
        ("a-contact-blocks", celebrity().block(|all| (all.contact, 0))),
        ("a-stranger-blocks", celebrity().block(|all| (all.stranger, 0))),
    ];
    let mut figures = Figures::default();
    for _ in 0..=scale.pick(1, 51, 201) {
        for (name, celebrity) in &mut all {
            figures.time(name, 1, |_| celebrity.publish());
        }
    }
    let told = all.each_mut().map(|(_, celebrity)| celebrity.publish());
    let everybody = contacts / 5;
    assert_eq!(told, [everybody, everybody - 1, everybody - 1, everybody], "who may be told is");
    for (name, _) in &all[1..] {
        let [ours, other] = [name, "nobody"].map(|name| figures.median(name));
        report.compare(format!("publish/{contacts}/{name}"), ours, other, Some(1.2));
    }
}

fn lists(report: &mut Report, scale: Scale) {
    let lengths = scale.pick([256, 512], [1 << 14, 1 << 17], [1 << 14, 1 << 17]);
    let rounds = scale.pick(1, 5, 9);
    let mut figures = Figures::default();
    let names = [
        ["blocked", "look-ups", "told", "missed"],
        ["blocked-more", "look-ups-more", "told-more", "missed-more"],
    ];
    for _ in 0..=rounds {
        for (length, [blocked, look_ups, told, missed]) in lengths.into_iter().zip(names) {
            replace_blocked(&mut figures, blocked, length);
            look_up(&mut figures, look_ups, length);
            direct(&mut figures, told, length);
            miss(&mut figures, missed, length);
        }
    }
    let [shorter, longer] = lengths;
    for (few, many) in names[0].into_iter().zip(names[1]) {
        let [ours, other] = [many, few].map(|name| figures.median(name));
        let target = match few {
            "blocked" => Some(LONGER_BLOCKED),
            // It is there to compare with.
            "look-ups" => None,
            _ => Some(LONGER),
        };
        report.compare(format!("{few}/{longer}/{shorter}"), ours, other, target);
    }
}

/// A user connects once more, with as many blocked as before, who are all others.
fn replace_blocked(figures: &mut Figures, what: &'static str, length: usize) {
    let options = Options { max_blocked: 1 << 20, ..unlimited() };
    let mut world = World::new(numbers(2 * length), options);
    let others = Random::new(5).order(2 * length);
    let (before, after) = others.split_at(length);
    let World { engine, now, .. } = &mut world;
    let mut connect = |blocked: &[u32]| {
        // Neither one of them nor among them.
        let one = Connect::new(u32::MAX).blocked(blocked.iter().copied());
        drain(engine.connect(*now, one).expect("there is room").1)
    };
    connect(before);
    figures.time_all(what, length, || connect(after));
}

/// What has to be looked up when blocked users are replaced by others, and nothing else: the others
/// become known, each stands in a pair, and is counted for that; and those before do no longer.
fn look_up(figures: &mut Figures, what: &'static str, length: usize) {
    let others = Random::new(5).order(2 * length);
    let (before, after) = others.split_at(length);
    let (mut known, mut counts) = (HashMap::new(), HashMap::new());
    let mut pairs = HashSet::new();
    let mut replace = |gone: &[u32], come: &[u32]| {
        for user in come {
            known.insert(*user, *user);
            pairs.insert((u32::MAX, *user));
            *counts.entry(*user).or_insert(0_u32) += 1;
        }
        for user in gone {
            pairs.remove(&(u32::MAX, *user));
            counts.remove(user);
            known.remove(user);
        }
        pairs.len() + counts.len() + known.len()
    };
    replace(&[], before);
    figures.time_all(what, length, || replace(before, after));
}

/// Somebody says something to as many as it has said something to before, who are all others.
fn direct(figures: &mut Figures, what: &'static str, length: usize) {
    let (max_direct, max_told) = (1 << 20, 1 << 20);
    let direct_to = adsum::DirectTo::Anyone;
    let options = Options { direct_to, max_direct, max_told, direct_rate: None, ..unlimited() };
    let mut world = World::new(numbers(2 * length + 1), options);
    let others = Random::new(7).order(2 * length);
    others.iter().for_each(|other| _ = world.connect(other + 1, &[]));
    let session = world.connect(0, &[]);
    let World { engine, ids, now } = &mut world;
    let ids: Vec<u32> = others.iter().map(|other| ids[*other as usize + 1]).collect();
    let (before, after) = ids.split_at(length);
    let mut say = |to: &[u32]| drain(engine.direct(*now, session, to, 1).expect("they are few"));
    say(before);
    figures.time_all(what, length, || say(after));
}

/// All contacts of somebody who cannot be sent anything say something, and then it can again.
fn miss(figures: &mut Figures, what: &'static str, length: usize) {
    let mut world = World::new(numbers(length + 1), unlimited());
    let contacts: Vec<u32> = Random::new(9).order(length).iter().map(|other| other + 1).collect();
    let slow = world.connect(0, &contacts);
    let sessions: Vec<SessionKey> =
        contacts.iter().map(|user| world.connect(*user, &[0])).collect();
    drain(world.engine.congested(world.now, slow).expect("it is attached"));
    figures.time_all(what, length, || {
        sessions.iter().for_each(|session| _ = world.publish(*session, 1));
        drain(world.engine.writable(world.now, slow).expect("it is attached"))
    });
}

fn counts(report: &mut Report, users: usize) {
    let world = |users: usize| {
        let mut world = World::new(numbers(users), Options::default());
        (0..users as u32).for_each(|user| _ = world.connect(user, &[]));
        world
    };
    let (few, many) = (world(1_000), world(users));
    let mut figures = Figures::default();
    for _ in 0..=51 {
        for (name, world) in [("few", &few), ("many", &many)] {
            figures.time(name, 1_000, |_| black_box(world.engine.counts()).sessions);
        }
    }
    let [ours, other] = ["many", "few"].map(|name| figures.median(name));
    report.compare(format!("counts/{users}/1000"), ours, other, Some(1.5));
}

/// Of a crowd one in so many stays: a hundred of two million.
const STAYING: usize = 20_000;
/// What may be left of the memory that the crowd took.
const LEFT: f64 = 0.1;

fn memory(report: &mut Report, users: usize) {
    let ring = Ring::new(users, 20);
    let order = Random::new(3).order(users);
    let few = users.div_ceil(STAYING);
    // The places of those who stay, in the order in which they came.
    let nobody = |_: usize| false;
    let first = |at: usize| at < few;
    let anybody = |at: usize| at % STAYING == 7;
    let newest = |at: usize| at >= users - few;
    stays(report, &ring, &order, "all-left", nobody);
    stays(report, &ring, &order, &format!("the-first-{few}-stay"), first);
    stays(report, &ring, &order, &format!("any-{few}-stay"), anybody);
    stays(report, &ring, &order, &format!("the-last-{few}-stay"), newest);
}

fn stays(
    report: &mut Report,
    ring: &Ring,
    order: &[u32],
    what: &str,
    is_staying: impl Fn(usize) -> bool,
) {
    let users = order.len();
    let (mut sessions, mut list) = (Vec::with_capacity(users), Vec::with_capacity(20));
    let mut kept = None;
    let grown = measure(|| {
        let mut world = World::new(numbers(users), Options::default());
        for user in order {
            list.clear();
            ring.contacts(*user, &mut list);
            sessions.push(world.connect(*user, &list));
        }
        kept = Some(world);
    });
    let mut world = kept.take().expect("it was made");
    let left = measure(|| {
        for (at, session) in sessions.iter().enumerate() {
            if !is_staying(at) {
                world.disconnect(*session);
            }
        }
        world.engine.shrink_to_fit();
    });
    // What the world holds besides the engine.
    let grown = grown.bytes_current - 4 * users as i64;
    report.add(Row {
        question: format!("shrink/{users}/{what}"),
        unit: "B",
        ours: (grown + left.bytes_current) as f64,
        other: grown as f64,
        target: Some(LEFT),
        note: String::new(),
    });
}
