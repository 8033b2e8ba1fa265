//! What does a directed presence to one and to ten contacts cost?
//!
//! The floor looks each id up in a table with the same hasher and asks a bitmap who is online.
//! Everyone directs to the same contacts each time, and all of them are online: one in five is.

mod common;

use adsum::{DefaultHashBuilder, SessionKey};
use common::arguments::Arguments;
use common::figures::Figures;
use common::floor::Floor;
use common::graphs::{self, Graph};
use common::random::Random;
use common::report::Report;
use common::world::{World, drain, names, numbers, unlimited};
use std::collections::HashMap;
use std::hash::Hash;

fn main() {
    let Some(arguments) = Arguments::parse("direct") else { return };
    let scale = arguments.scale;
    let mut report = Report::new("direct", "what does a directed presence cost?", scale);
    for users in arguments.sizes() {
        let graph = graphs::random(users, 100);
        let rounds = scale.pick(1, 5, if users < 10_000 { 51 } else { 11 });
        measure(&mut report, "string", names(users), &graph, rounds);
        measure(&mut report, "integer", numbers(users), &graph, rounds);
    }
    report.finish();
}

fn measure<K: Copy + Eq + Hash + 'static>(
    report: &mut Report,
    kind: &str,
    ids: Vec<K>,
    graph: &Graph,
    rounds: usize,
) {
    let users = graph.users();
    let numbers = ids.iter().enumerate().map(|(number, id)| (*id, number as u32));
    let numbers: HashMap<K, u32, DefaultHashBuilder> = numbers.collect();
    let mut world = World::new(ids, unlimited());
    let mut floor = Floor::new(users);
    let mut order = Random::new(3).order(users);
    order.truncate(users / 5);
    let mut online: Vec<(u32, SessionKey)> = Vec::new();
    for user in order {
        online.push((user, world.connect(user, graph.of(user))));
        floor.connect(user, graph.of(user));
    }
    Random::new(17).shuffle(&mut online);
    online.truncate(20_000);
    for receivers in [1, 10] {
        // The ids are at hand: they are what the client sent.
        let named = |(user, session): &(u32, SessionKey)| {
            let contacts = graph.of(*user).iter().filter(|other| floor.is_online(**other));
            let named: Vec<K> =
                contacts.take(receivers).map(|other| world.ids[*other as usize]).collect();
            (*session, named)
        };
        let requests: Vec<(SessionKey, Vec<K>)> = online.iter().map(named).collect();
        let requests: Vec<_> =
            requests.into_iter().filter(|(_, named)| named.len() == receivers).collect();
        assert!(requests.len() > online.len() / 2, "most have so many contacts");
        let (count, now) = (requests.len(), world.now);
        let mut slots = [0; 10];
        let mut figures = Figures::default();
        for round in 0..=rounds {
            figures.time("ours", count, |at| {
                let (session, named) = &requests[at];
                let directed = world.engine.direct(now, *session, named, round as u64);
                let told = drain(directed.expect("they are contacts"));
                assert_eq!(told, receivers, "all of them are told");
                told
            });
            figures.time("floor", count, |at| {
                let mut len = 0;
                for id in &requests[at].1 {
                    let user = numbers[id];
                    slots[len] = 2 * user;
                    len += usize::from(floor.is_online(user));
                }
                std::hint::black_box(&slots[..len]).len()
            });
        }
        let [ours, floor] = ["ours", "floor"].map(|name| figures.median(name));
        report.compare(format!("direct/{kind}/{users}/{receivers}/look-ups"), ours, floor, None);
    }
}
