//! What do a heartbeat, a connect and a disconnect cost, and how far are they from their floors?
//!
//! The floor of a heartbeat is a read-modify-write of one record of the same number, in the same
//! order. The floor of a connect is a look-up of each id in a table with the same hasher, and a
//! look at a bitmap for each. The floor of a disconnect is a bare publish: a walk over the contact
//! list against the bitmap.

mod common;

use adsum::{Config, DeviceKind, Engine, Options, SessionKey, Time};
use common::{Random, medians, random_graph};
use std::collections::HashMap;
use std::hash::RandomState;

const DEGREE: usize = 100;

fn main() {
    for sessions in [10_000, 1_000_000] {
        heartbeat(sessions);
    }
    for users in [1_000, 100_000, 1_000_000] {
        connect(users);
    }
}

fn shuffled(count: usize) -> Vec<usize> {
    let mut random = Random::new(3);
    let mut order: Vec<usize> = (0..count).collect();
    for at in (1..count).rev() {
        order.swap(at, random.below(at + 1));
    }
    order
}

fn report(question: &str, ours: f64, least: f64) {
    println!("{question:<24} {ours:>9.1} ns   floor {least:>9.1} ns   {:>6.2}", ours / least);
    println!("RATIO {question} {ours:.1} {least:.1} {:.3}", ours / least);
}

fn heartbeat(count: usize) {
    let mut engine = Engine::<u32, ()>::new(Config::default());
    let keys: Vec<SessionKey> = (0..count as u32)
        .map(|user| {
            let connected = engine.connect(Time::ZERO, user, DeviceKind(0), [], []);
            connected.expect("there is room").0
        })
        .collect();
    // A host has the key at hand: it comes with the connection that is read.
    let order = shuffled(count);
    let keys: Vec<SessionKey> = order.iter().map(|at| keys[*at]).collect();
    let mut records = vec![[0_u64; 8]; count];
    let operations = count.min(200_000);
    let mut now = 0;
    let [ours, least] = medians(
        15,
        operations,
        [
            &mut |at| {
                now += 1;
                let now = Time::from_millis(now / 1_000_000);
                usize::from(engine.heartbeat(now, keys[at]).is_ok())
            },
            &mut |at| {
                let record = &mut records[order[at]];
                record[0] += 1;
                record[0] as usize
            },
        ],
    );
    report(&format!("heartbeat/{count}"), ours, least);
}

fn connect(users: usize) {
    let friends = random_graph(users, DEGREE);
    let names: Vec<String> = (0..users).map(|user| format!("user{user:08}")).collect();
    let options = Options { lease: None, publish_rate: None, ..Options::default() };
    let config = Config::new(options).expect("the rest are the defaults");
    let mut engine = Engine::<&str, u64>::new(config);
    let mut random = Random::new(5);
    let mut table: HashMap<&str, u32, RandomState> = HashMap::new();
    let mut online = vec![0_u64; users / 64 + 1];
    for user in 0..users {
        table.insert(&names[user], user as u32);
        if random.below(5) == 0 {
            online[user / 64] |= 1 << (user % 64);
            let audience = friends[user].iter().map(|friend| names[*friend as usize].as_str());
            let connected = engine.connect(Time::ZERO, &names[user], DeviceKind(0), audience, []);
            let session = connected.expect("there is room").0;
            drop(engine.publish(Time::ZERO, session, 0));
        }
    }
    let offline: Vec<usize> = shuffled(users)
        .into_iter()
        .filter(|user| online[user / 64] >> (user % 64) & 1 == 0)
        .take(10_000)
        .collect();
    let mut sessions = Vec::with_capacity(offline.len());
    let (mut slots, mut other_slots) = (vec![0_u32; 4_096], vec![0_u32; 4_096]);
    let engine = std::cell::RefCell::new(engine);
    let sessions = std::cell::RefCell::new(&mut sessions);
    let [connects, disconnects, look_ups, walks] = medians(
        9,
        offline.len(),
        [
            &mut |at| {
                let user = offline[at];
                let audience = friends[user].iter().map(|friend| names[*friend as usize].as_str());
                let mut engine = engine.borrow_mut();
                let connected =
                    engine.connect(Time::ZERO, &names[user], DeviceKind(0), audience, []);
                let (session, mut decisions) = connected.expect("there is room");
                while decisions.next().is_some() {}
                drop(decisions);
                drop(engine.publish(Time::ZERO, session, 0));
                sessions.borrow_mut().push(session);
                1
            },
            &mut |_| {
                let session = sessions.borrow_mut().pop().expect("as many as were connected");
                let mut engine = engine.borrow_mut();
                let mut decisions = engine.disconnect(Time::ZERO, session).expect("it is there");
                while decisions.next().is_some() {}
                1
            },
            &mut |at| {
                let mut len = 0;
                for friend in &friends[offline[at]] {
                    let user = table[names[*friend as usize].as_str()];
                    slots[len] = user;
                    len += (online[user as usize / 64] >> (user % 64) & 1) as usize;
                }
                len
            },
            &mut |at| {
                let mut len = 0;
                for friend in &friends[offline[offline.len() - 1 - at]] {
                    other_slots[len] = 2 * friend;
                    len += (online[*friend as usize / 64] >> (friend % 64) & 1) as usize;
                }
                len
            },
        ],
    );
    report(&format!("connect/{users}"), connects, look_ups);
    report(&format!("disconnect/{users}"), disconnects, walks);
}
