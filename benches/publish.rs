//! What does a publish cost, and how far is it from the floor?
//!
//! The floor does the least that has to be done: it walks the same contact lists, in the same
//! memory order, asks a bitmap who is online, and writes the slots of those who are. Users have one session each.
//!
//! `cargo bench --bench publish` prints a line for each size and share of users online, and
//! `RATIO` lines for scripts.

mod common;

use adsum::{Config, Decision, DeviceKind, Engine, Options, SessionKey, Time};
use common::{Random, medians, random_graph};

const DEGREE: usize = 100;

fn main() {
    println!(
        "users     online  contacts  receivers   publish ns   floor ns   ratio   ns/contact  ns/delivery"
    );
    for (users, rounds) in [(1_000, 41), (100_000, 21), (1_000_000, 11)] {
        let friends = random_graph(users, DEGREE);
        for percent in [5, 20, 100] {
            measure(users, &friends, percent, rounds);
        }
    }
}

fn measure(users: usize, friends: &[Vec<u32>], percent: usize, rounds: usize) {
    let mut random = Random::new(11);
    let online: Vec<bool> = (0..users).map(|_| random.below(100) < percent).collect();
    let options = Options { lease: None, publish_rate: None, ..Options::default() };
    let config = Config::new(options).expect("the rest are the defaults");
    let mut engine = Engine::<u32, u64>::new(config);
    let mut sessions = Vec::new();
    for user in (0..users).filter(|user| online[*user]) {
        let audience = friends[user].iter().copied();
        let connected = engine.connect(Time::ZERO, user as u32, DeviceKind(0), audience, []);
        let (session, decisions) = connected.expect("there is room");
        drop(decisions);
        sessions.push((session, user));
    }
    // Publishers in an order that memory does not help with.
    for at in (1..sessions.len()).rev() {
        sessions.swap(at, random.below(at + 1));
    }
    let publishers = &sessions[..sessions.len().min(20_000)];

    let mut floor = Floor::new(friends, &online);
    let (mut contacts, mut receivers) = (0, 0);
    for (session, user) in publishers {
        contacts += friends[*user].len();
        let delivered = publish(&mut engine, *session, 0);
        assert_eq!(delivered, floor.publish(*user), "both must find the same receivers");
        receivers += delivered;
    }
    let count = publishers.len();
    let [ours, least] = medians(
        rounds,
        count,
        [&mut |at| publish(&mut engine, publishers[at].0, at as u64), &mut |at| {
            floor.publish(publishers[at].1)
        }],
    );
    let (contacts, receivers) = (contacts as f64 / count as f64, receivers as f64 / count as f64);
    let (ratio, per_contact, per_delivery) = (ours / least, ours / contacts, ours / receivers);
    println!(
        "{users:<9} {percent:>4} %  {contacts:>8.1}  {receivers:>9.1}  {ours:>11.1}  {least:>9.1}  \
         {ratio:>6.2}  {per_contact:>10.2}  {per_delivery:>11.2}"
    );
    println!("RATIO publish/{users}/{percent} {ours:.1} {least:.1} {ratio:.3}");
}

fn publish(engine: &mut Engine<u32, u64>, session: SessionKey, presence: u64) -> usize {
    let mut decisions = engine.publish(Time::ZERO, session, presence).expect("it is attached");
    let mut receivers = 0;
    while let Some(decision) = decisions.next() {
        if let Decision::Deliver { to, .. } = decision {
            receivers += to.len();
        }
    }
    receivers
}

/// The least that has to be done.
struct Floor<'a> {
    friends: &'a [Vec<u32>],
    online: Vec<u64>,
    slots: Vec<u32>,
}

impl<'a> Floor<'a> {
    fn new(friends: &'a [Vec<u32>], is_online: &[bool]) -> Self {
        let mut online = vec![0; is_online.len() / 64 + 1];
        for (user, _) in is_online.iter().enumerate().filter(|(_, online)| **online) {
            online[user / 64] |= 1 << (user % 64);
        }
        let longest = friends.iter().map(Vec::len).max().unwrap_or(0);
        Self { friends, online, slots: vec![0; longest + 1] }
    }

    fn publish(&mut self, user: usize) -> usize {
        let mut len = 0;
        for friend in &self.friends[user] {
            let bit = self.online[*friend as usize / 64] >> (friend % 64) & 1;
            self.slots[len] = 2 * friend;
            len += bit as usize;
        }
        std::hint::black_box(&self.slots[..len]).len()
    }
}
