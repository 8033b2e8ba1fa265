//! What do a connect, alone, and a disconnect cost, and how far are they from their floors?
//!
//! One in five is online and shows something; some more connect and publish (which is not timed),
//! and as many of the others disconnect. The floor of a connect is what every engine has to do that
//! keeps dense numbers for ids: a look-up of each id in a table with the same hasher, a counter of
//! who refers to it, and a look at the bitmap that gathers those who are online. The engine's own
//! share in a connect is all the rest, the snapshot included. The floor of a disconnect is that of
//! a publish.

mod common;

use adsum::{DefaultHashBuilder, SessionKey};
use common::arguments::Arguments;
use common::figures::Figures;
use common::floor::Floor;
use common::graphs::{self, Graph};
use common::random::Random;
use common::report::Report;
use common::world::{World, names, numbers, unlimited};
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::hint::black_box;

fn main() {
    let Some(arguments) = Arguments::parse("connect") else { return };
    let scale = arguments.scale;
    let title = "what do a connect and a disconnect cost?";
    let mut report = Report::new("connect", title, scale);
    for users in arguments.sizes() {
        let graph = graphs::random(users, scale.pick(20, 100, 100));
        let rounds = scale.pick(1, 5, if users < 10_000 { 51 } else { 9 });
        measure(&mut report, "string", names(users), &graph, rounds, |name| {
            black_box(name.as_bytes()[0]);
        });
        measure(&mut report, "integer", numbers(users), &graph, rounds, |number| {
            black_box(number);
        });
    }
    report.finish();
}

/// Numbers for ids, and counters of how many refer to each.
struct LookUps<K> {
    numbers: HashMap<K, u32, DefaultHashBuilder>,
    counters: Vec<u32>,
    found: Vec<u32>,
}

impl<K: Copy + Eq + Hash> LookUps<K> {
    fn new(ids: &[K], longest: usize) -> Self {
        let numbers = ids.iter().enumerate().map(|(number, id)| (*id, number as u32)).collect();
        Self { numbers, counters: vec![0; ids.len()], found: vec![0; longest + 1] }
    }

    fn connect(&mut self, audience: impl Iterator<Item = K>, floor: &Floor) -> usize {
        let mut len = 0;
        for id in audience {
            let user = self.numbers[&id];
            self.counters[user as usize] += 1;
            self.found[len] = user;
            len += usize::from(floor.is_online(user));
        }
        black_box(&self.found[..len]).len()
    }
}

/// The ids of a user's contacts.
fn audience<'a, K: Copy>(
    graph: &'a Graph,
    user: u32,
    ids: &'a [K],
) -> impl Iterator<Item = K> + use<'a, K> {
    graph.of(user).iter().map(|other| ids[*other as usize])
}

fn measure<K: Copy + Eq + Hash + 'static>(
    report: &mut Report,
    kind: &str,
    ids: Vec<K>,
    graph: &Graph,
    rounds: usize,
    touch: impl Fn(K),
) {
    let users = graph.users();
    let longest = (0..users as u32).map(|user| graph.of(user).len()).max().unwrap_or(0);
    let mut look_ups = LookUps::new(&ids, longest);
    let mut world = World::new(ids, unlimited());
    let mut floor = Floor::new(users);
    let mut order = Random::new(3).order(users);
    let mut offline: VecDeque<u32> = order.split_off(users / 5).into();
    let mut online: VecDeque<(u32, SessionKey)> = VecDeque::new();
    for user in order {
        let session = world.connect(user, graph.of(user));
        world.publish(session, 0);
        floor.connect(user, graph.of(user));
        online.push_back((user, session));
    }
    // In another order than they came.
    Random::new(17).shuffle(online.make_contiguous());
    // A twentieth of those who are online come, and as many of those who have long been there go,
    // so that they stay one in five.
    let count = (users / 100).min(10_000);
    let mut figures = Figures::default();
    for _ in 0..=rounds {
        let coming: Vec<u32> = offline.drain(..count).collect();
        // The host has just read the ids from somewhere, for the one as for the other.
        let read = |ids: &[K]| {
            coming.iter().flat_map(|user| audience(graph, *user, ids)).for_each(&touch);
        };
        read(&world.ids);
        figures.time("look-ups", count, |at| {
            look_ups.connect(audience(graph, coming[at], &world.ids), &floor)
        });
        read(&world.ids);
        let mut came = Vec::with_capacity(count);
        figures.time("connect", count, |at| {
            came.push((coming[at], world.connect(coming[at], graph.of(coming[at]))));
            at
        });
        for (user, session) in &came {
            world.publish(*session, 0);
            floor.connect(*user, graph.of(*user));
        }
        let going: Vec<(u32, SessionKey)> = online.drain(..count).collect();
        figures.time("walk", count, |at| floor.publish(going[at].0));
        for (user, _) in &going {
            floor.disconnect(*user);
        }
        // Half of them one by one, and half as a host does that has several at hand.
        let (some, others) = going.split_at(count / 2);
        figures.time("disconnect", some.len(), |at| world.disconnect(some[at].1));
        let others: Vec<SessionKey> = others.iter().map(|(_, session)| *session).collect();
        figures.time_all("waiting", others.len(), || world.disconnect_all(&others));
        Random::new(17).shuffle(&mut came);
        online.extend(came);
        offline.extend(going.iter().map(|(user, _)| *user));
    }
    compare(report, kind, users, &figures);
}

fn compare(report: &mut Report, kind: &str, users: usize, figures: &Figures) {
    let [connect, look_ups] = ["connect", "look-ups"].map(|name| figures.median(name));
    let target = (kind == "string" && users == 1_000_000).then_some(1.5);
    report.compare(format!("connect/{kind}/{users}/look-ups"), connect, look_ups, target);
    let target = (users == 1_000_000).then_some(1.3);
    for (ours, other) in [("disconnect", "walk"), ("waiting", "waiting/walk")] {
        let [ours, walk] = [ours, "walk"].map(|name| figures.median(name));
        report.compare(format!("disconnect/{kind}/{users}/{other}"), ours, walk, target);
    }
}
