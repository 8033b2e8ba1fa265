//! Somebody has an audience of everybody, and one in five of them is online. What does a publish
//! of theirs cost, and one contact more or less?
//!
//! A publish is held against the usual floor, which writes all receivers into one list; adding and
//! removing a contact against a look-up of the id, and an insertion into and a removal from a
//! plain sorted list of as many.

mod common;

use adsum::{Connect, DefaultHashBuilder, DeviceKind};
use common::arguments::Arguments;
use common::figures::Figures;
use common::floor::Floor;
use common::random::Random;
use common::report::Report;
use common::row::Row;
use common::world::{World, drain, numbers, unlimited};
use std::collections::HashMap;

fn main() {
    let Some(arguments) = Arguments::parse("celebrity") else { return };
    let scale = arguments.scale;
    let title = "what does a very large audience cost?";
    let mut report = Report::new("celebrity", title, scale);
    let fans = arguments.users.unwrap_or_else(|| scale.pick(10_000, 1_000_000, 1_000_000));
    measure(&mut report, fans, scale.pick(1, 5, 31));
    report.finish();
}

fn measure(report: &mut Report, fans: usize, rounds: usize) {
    let celebrity = fans as u32;
    let all: Vec<u32> = (0..celebrity).collect();
    let mut world = World::new(numbers(fans + 1), unlimited());
    let mut floor = Floor::new(fans + 1);
    floor.connect(celebrity, &all);
    let star = world.connect(celebrity, &all);
    let mut order = Random::new(3).order(fans);
    let online = order.split_off(fans - fans / 5);
    for fan in &online {
        world.connect(*fan, &[celebrity]);
        floor.connect(*fan, &[celebrity]);
    }
    let numbers: HashMap<u32, u32, DefaultHashBuilder> =
        world.ids.iter().copied().zip(0..).collect();
    let mut list = all;
    // Some of each, online and not.
    let chosen: Vec<u32> = online[..50].iter().chain(&order[..50]).copied().collect();
    let ids: Vec<u32> = chosen.iter().map(|fan| world.ids[*fan as usize]).collect();
    assert_eq!(world.publish(star, 0), online.len(), "all who are online are told");
    let mut figures = Figures::default();
    for round in 0..=rounds {
        figures.time("publish", 1, |_| world.publish(star, round as u64));
        figures.time("walk", 1, |_| floor.publish(celebrity));
        let (now, name) = (world.now, world.ids[fans]);
        figures.time("remove", ids.len(), |at| {
            drain(world.engine.audience_remove(now, &name, &[ids[at]]).expect("it is not refused"))
        });
        figures.time("list-remove", ids.len(), |at| {
            let place = list.binary_search(&numbers[&ids[at]]).expect("it is there");
            list.remove(place) as usize
        });
        figures.time("add", ids.len(), |at| {
            drain(world.engine.audience_add(now, &name, [ids[at]]).expect("there is room"))
        });
        figures.time("list-add", ids.len(), |at| {
            let fan = numbers[&ids[at]];
            let place = list.binary_search(&fan).expect_err("it is not there");
            list.insert(place, fan);
            place
        });
        // A second tab of a fan, whose connect asks if the celebrity's list holds the fan.
        figures.time("fan", 1_000, |at| {
            let (fan, audience) = (online[at % online.len()], [world.ids[fans]]);
            let id = world.ids[fan as usize];
            let connected =
                world.engine.connect(now, Connect::new(id).kind(DeviceKind(1)).audience(audience));
            let (session, decisions) = connected.expect("there is room");
            drain(decisions) + world.disconnect(session)
        });
        figures.time("look", 1_000, |at| {
            let fan = numbers[&world.ids[online[at % online.len()] as usize]];
            usize::from(list.binary_search(&fan).is_ok())
        });
    }
    let [ours, walk] = ["publish", "walk"].map(|name| figures.median(name));
    report.add(Row {
        question: format!("celebrity/publish/{fans}/floor"),
        unit: "ns",
        ours,
        other: walk,
        target: None,
        note: format!("{:.2} ns a delivery", ours / online.len() as f64),
    });
    for (question, other) in [("remove", "list-remove"), ("add", "list-add"), ("fan", "look")] {
        let (ours, theirs) = (figures.median(question), figures.median(other));
        report.compare(format!("celebrity/{question}/{fans}/{other}"), ours, theirs, None);
    }
}
