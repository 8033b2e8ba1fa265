//! What does a publish cost, and how far is it from the floor and from what others do?
//!
//! The floor does the least that has to be done: it walks the same contact lists, asks a bitmap
//! who is online, and writes the slots of those who are. Users have one session each, but for the
//! rows that say otherwise, and publish in an order that memory does not help with: no list is
//! walked twice within some ten thousand publishes.
//!
//! They publish one by one, as if each were all that the host knew of; and "waiting", as a host
//! does that has several publishes at hand and has fetched what they will read.

mod common;

use adsum::SessionKey;
use common::arguments::{Arguments, Scale};
use common::figures::Figures;
use common::floor::Floor;
use common::graphs::{self, Graph};
use common::keyed::{Key, Keyed};
use common::peers::{Hour, Interned, Queues, rosters, session_of};
use common::random::Random;
use common::report::Report;
use common::row::Row;
use common::tim::Tim;
use common::world::{World, names, numbers, unlimited};
use std::hint::black_box;

/// What tim itself takes for a delivery, in nanoseconds, on a quiet machine of this kind.
const TIM_NS_A_DELIVERY: f64 = 1_700.0;

fn main() {
    let Some(arguments) = Arguments::parse("publish") else { return };
    let scale = arguments.scale;
    let mut report = Report::new("publish", "what does a publish cost?", scale);
    let degree = scale.pick(20, 100, 100);
    let mut costs = Vec::new();
    for users in arguments.sizes() {
        let rounds = scale.pick(1, 5, if users < 10_000 { 31 } else { 11 });
        let mut bench = Bench { report: &mut report, scale, rounds, name: "random", users };
        let graph = graphs::random(users, degree);
        costs.push((users, bench.shares(&graph)));
        bench.peers(&graph);
        bench.more_sessions(&graph);
        bench.name = "power-law";
        bench.shares(&graphs::power_law(users, degree));
    }
    growth(&mut report, &costs);
    if let Some(graph) = graphs::facebook() {
        let (rounds, users) = (scale.pick(1, 5, 31), graph.users());
        Bench { report: &mut report, scale, rounds, name: "facebook", users }.shares(&graph);
    } else {
        println!("without the real friend graph, which is not present");
    }
    report.finish();
}

/// Measures whether the cost grows with the number of users as the floor does.
fn growth(report: &mut Report, costs: &[(usize, [f64; 3])]) {
    if let [.., (fewer, before), (more, now)] = costs {
        for (way, ours) in [("growth", 0), ("waiting/growth", 2)] {
            report.add(Row {
                question: format!("publish/random/20%/{way}-{fewer}-{more}"),
                unit: "x",
                ours: now[ours] / before[ours],
                other: now[1] / before[1],
                target: Some(1.1),
                note: "times as much as with fewer users".to_owned(),
            });
        }
    }
}

struct Bench<'a> {
    report: &'a mut Report,
    scale: Scale,
    rounds: usize,
    name: &'static str,
    users: usize,
}

/// Those who are online.
struct Crowd {
    world: World<u32>,
    floor: Floor,
    keyed: Keyed,
    /// The session there of each user who is online.
    keys: Vec<Option<Key>>,
    /// With the session that each got first.
    online: Vec<(u32, SessionKey)>,
    /// In the order in which they come online.
    order: Vec<u32>,
    /// Those who are online in the order in which they publish, which is another: else the engine
    /// would walk through its memory from one end to the other.
    publishers: Vec<(u32, SessionKey)>,
}

impl Crowd {
    fn new(graph: &Graph) -> Self {
        Self {
            world: World::new(numbers(graph.users()), unlimited()),
            floor: Floor::new(graph.users()),
            keyed: Keyed::new(graph.users()),
            keys: vec![None; graph.users()],
            online: Vec::new(),
            order: Random::new(3).order(graph.users()),
            publishers: Vec::new(),
        }
    }

    /// More come online, until they are so many in a hundred.
    fn grow(&mut self, graph: &Graph, percent: usize) {
        for at in self.online.len()..graph.users() * percent / 100 {
            let user = self.order[at];
            self.online.push((user, self.world.connect(user, graph.of(user))));
            self.floor.connect(user, graph.of(user));
            self.keys[user as usize] = Some(self.keyed.connect(user, graph.of(user)));
        }
        self.publishers.clone_from(&self.online);
        Random::new(17).shuffle(&mut self.publishers);
    }

    /// Those who publish in a round: others than in the last if there are enough, and the same
    /// again and again if there are few, since those are meant to be in the cache.
    fn publishers(&self, round: usize, scale: Scale) -> Vec<(u32, SessionKey)> {
        let all = &self.publishers;
        let count = scale.pick(all.len(), 20_000, 20_000);
        let publishers = all.iter().cycle().skip(round * count % all.len());
        publishers.take(count).copied().collect()
    }

    /// Others than [`publishers`](Self::publishers) gives within a few rounds, if there are enough.
    fn waiting(&self, round: usize, scale: Scale) -> (Vec<u32>, Vec<SessionKey>) {
        self.publishers(round + 5, scale).into_iter().unzip()
    }
}

impl Bench<'_> {
    fn question(&self, percent: usize, other: &str) -> String {
        format!("publish/{}/{}/{percent}%/{other}", self.name, self.users)
    }

    /// With few, some and all online. Returns what it costs with some: one by one, the floor, and
    /// several at a time.
    fn shares(&mut self, graph: &Graph) -> [f64; 3] {
        let mut crowd = Crowd::new(graph);
        let mut some = [0.0; 3];
        for percent in [5, 20, 100] {
            crowd.grow(graph, percent);
            let costs = self.against_floor(graph, &mut crowd, percent);
            if percent == 20 {
                some = costs;
            }
        }
        some
    }

    fn against_floor(&mut self, graph: &Graph, crowd: &mut Crowd, percent: usize) -> [f64; 3] {
        let (mut contacts, mut told, mut publishes) = (0, 0, 0);
        let mut figures = Figures::default();
        for round in 0..=self.rounds {
            let publishers = crowd.publishers(round, self.scale);
            let Crowd { world, floor, keyed, keys, .. } = crowd;
            let count = publishers.len();
            figures.time("ours", count, |at| world.publish(publishers[at].1, round as u64));
            figures.time("floor", count, |at| floor.publish(publishers[at].0));
            let key = |at: usize| keys[publishers[at].0 as usize].expect("who publishes is online");
            let keys: Vec<Key> = (0..count).map(key).collect();
            figures.time("keyed", count, |at| keyed.publish(keys[at], round as u64));
            // Others, whose lists no cache holds.
            let (users, sessions) = crowd.waiting(round, self.scale);
            let Crowd { world, floor, .. } = crowd;
            figures.time_all("waiting", count, || world.publish_all(&sessions, round as u64));
            figures.time_all("floor-waiting", count, || floor.publish_all(&users));
            for (user, session) in &publishers[..count / 10] {
                let delivered = world.publish(*session, 0);
                assert_eq!(delivered, floor.publish(*user), "both must find the same receivers");
                contacts += graph.of(*user).len();
                told += delivered;
                publishes += 1;
            }
        }
        let [ours, floor, keyed, waiting, floor_waiting] =
            ["ours", "floor", "keyed", "waiting", "floor-waiting"].map(|name| figures.median(name));
        let [contacts, told] = [contacts, told].map(|sum| sum as f64 / f64::from(publishes));
        let target = match (self.name, self.users, percent) {
            ("random", 1_000, 20) => Some(2.0),
            ("random", 1_000_000, 20) => Some(1.3),
            _ => None,
        };
        self.report.add(Row {
            question: self.question(percent, "floor"),
            unit: "ns",
            ours,
            other: floor,
            target,
            note: format!(
                "{contacts:.0} contacts, {told:.1} told: {:.2} ns a contact, {:.2} a delivery",
                ours / contacts,
                ours / told
            ),
        });
        self.report.compare(self.question(percent, "floor-with-keys"), ours, keyed, None);
        let question = self.question(percent, "waiting/floor");
        self.report.compare(question, waiting, floor, target);
        let question = self.question(percent, "waiting/floor-waiting");
        self.report.compare(question, waiting, floor_waiting, None);
        [ours, floor, waiting]
    }

    /// Against what others do, with one in five online.
    fn peers(&mut self, graph: &Graph) {
        let mut crowd = Crowd::new(graph);
        crowd.grow(graph, 20);
        let online: Vec<u32> = crowd.online.iter().map(|(user, _)| *user).collect();
        let names = names(graph.users());
        let rosters = rosters(graph, &names, &online);
        let hour = Hour::new(rosters.clone(), &names, &online);
        let interned = Interned::new(graph, &online);
        let mut tim = Tim::new(rosters, &names, &online);
        let mut queues = Queues::new(graph, &online);
        let (mut told, mut publishes) = (0, 0.0);
        let mut figures = Figures::default();
        for round in 0..=self.rounds {
            let publishers = crowd.publishers(round, self.scale);
            let user = |at: usize| publishers[at].0;
            let world = &mut crowd.world;
            for at in 0..publishers.len() / 10 {
                let delivered = world.publish(publishers[at].1, 0);
                let others = [
                    hour.publish(names[user(at) as usize]).len(),
                    interned.publish(user(at)).len(),
                    tim.publish(session_of(user(at))),
                    queues.publish(user(at), 0),
                ];
                assert_eq!(others, [delivered; 4], "all must find the same receivers");
                told += delivered;
                publishes += 1.0;
            }
            let count = publishers.len();
            figures.time("ours", count, |at| world.publish(publishers[at].1, round as u64));
            let sessions = crowd.waiting(round, self.scale).1;
            let world = &mut crowd.world;
            figures.time_all("waiting", count, || world.publish_all(&sessions, round as u64));
            figures
                .time("hour", count, |at| black_box(hour.publish(names[user(at) as usize])).len());
            figures.time("interned", count, |at| black_box(interned.publish(user(at))).len());
            figures.time("tim", count, |at| tim.publish(session_of(user(at))));
            figures.time("queues", count, |at| queues.publish(user(at), at as u64));
        }
        let ours = figures.median("ours");
        for (peer, in_cache, million) in [
            ("hour", Some(1.0 / 30.0), Some(0.12)),
            ("interned", Some(1.0 / 8.0), None),
            ("tim", None, None),
            ("queues", None, None),
        ] {
            let target = match self.users {
                1_000 => in_cache,
                1_000_000 => million,
                _ => None,
            };
            self.report.compare(self.question(20, peer), ours, figures.median(peer), target);
        }
        let a_publish = told as f64 / publishes;
        let tim = figures.median("tim") / a_publish;
        for (other, ours) in [
            ("tim-itself-a-delivery", ours),
            ("waiting/tim-itself-a-delivery", figures.median("waiting")),
        ] {
            self.report.add(Row {
                question: self.question(20, other),
                unit: "ns",
                ours: ours / a_publish,
                other: TIM_NS_A_DELIVERY,
                target: (self.users == 1_000_000).then_some(0.03),
                note: format!("not of this run; transcribed it takes {tim:.0}"),
            });
        }
    }

    /// Every other user has two sessions, and the floor still one each.
    fn more_sessions(&mut self, graph: &Graph) {
        let mut crowd = Crowd::new(graph);
        crowd.grow(graph, 20);
        for (user, _) in crowd.online.iter().step_by(2) {
            crowd.world.connect(*user, graph.of(*user));
        }
        let mut figures = Figures::default();
        for round in 0..=self.rounds {
            let publishers = crowd.publishers(round, self.scale);
            let Crowd { world, floor, .. } = &mut crowd;
            let count = publishers.len();
            figures.time("ours", count, |at| world.publish(publishers[at].1, round as u64));
            figures.time("floor", count, |at| floor.publish(publishers[at].0));
            let sessions = crowd.waiting(round, self.scale).1;
            let world = &mut crowd.world;
            figures.time_all("waiting", count, || world.publish_all(&sessions, round as u64));
        }
        let floor = figures.median("floor");
        for (ours, other) in
            [("ours", "floor-1.5-sessions"), ("waiting", "waiting/floor-1.5-sessions")]
        {
            let question = self.question(20, other);
            self.report.compare(question, figures.median(ours), floor, Some(1.6));
        }
    }
}
