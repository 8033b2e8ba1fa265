//! Half of those who are online lose their connections in the same moment. What does it cost until
//! they are back, or until everybody has been told that they are gone?
//!
//! * lost: against a read-modify-write of one record of 64 bytes for each, in the same order;
//! * resumed: each gets a snapshot; against a walk over their contacts that reads the presence of
//!   each who is online;
//! * gone: the grace is over and their contacts are told, all in one `advance`; against the floor
//!   of a publish for each.

mod common;

use adsum::{LostCause, SessionKey, Time};
use common::arguments::Arguments;
use common::figures::Figures;
use common::floor::Floor;
use common::graphs::{self, Graph};
use common::random::Random;
use common::report::Report;
use common::world::{World, drain, numbers, unlimited};
use std::hint::black_box;

fn main() {
    let Some(arguments) = Arguments::parse("outage") else { return };
    let scale = arguments.scale;
    let title = "what do mass losses and resumptions cost?";
    let mut report = Report::new("outage", title, scale);
    for users in arguments.sizes() {
        let graph = graphs::random(users, scale.pick(20, 100, 100));
        let rounds = scale.pick(1, 3, if users < 10_000 { 51 } else { 5 });
        measure(&mut report, &graph, rounds);
    }
    report.finish();
}

fn measure(report: &mut Report, graph: &Graph, rounds: usize) {
    let users = graph.users();
    let mut outage = Outage::new(graph);
    let mut figures = Figures::default();
    for _ in 0..=rounds {
        outage.lose(&mut figures);
        outage.resume(&mut figures);
    }
    for _ in 0..=rounds.min(31) {
        outage.lose(&mut figures);
        outage.end(&mut figures);
        outage.reconnect(graph);
    }
    for (question, ours, other) in [
        ("lost", "lose", "record"),
        ("resumed", "resume", "walk-and-read"),
        ("gone", "end", "walk"),
    ] {
        let question = format!("{question}/{users}/{}/{other}", outage.lost.len());
        report.compare(question, figures.median(ours), figures.median(other), None);
    }
}

struct Outage {
    world: World<u32>,
    floor: Floor,
    /// Those who will be lost, in the order in which that is found out.
    lost: Vec<(u32, SessionKey)>,
    records: Vec<[u64; 8]>,
}

impl Outage {
    /// One in five is online and shows something.
    fn new(graph: &Graph) -> Self {
        let users = graph.users();
        let mut world = World::new(numbers(users), unlimited());
        let mut floor = Floor::new(users);
        let mut order = Random::new(3).order(users);
        order.truncate(users / 5);
        let mut online = Vec::new();
        for user in order {
            let session = world.connect(user, graph.of(user));
            world.publish(session, 1);
            floor.connect(user, graph.of(user));
            online.push((user, session));
        }
        Random::new(17).shuffle(&mut online);
        online.truncate(users / 10);
        Self { world, floor, lost: online, records: vec![[1; 8]; users] }
    }

    fn lose(&mut self, figures: &mut Figures) {
        let Self { world, floor, lost, records } = self;
        figures.time("lose", lost.len(), |at| {
            let cause = LostCause::NodeLoss;
            drain(world.engine.lost(world.now, lost[at].1, cause).expect("it is attached"))
        });
        figures.time("record", lost.len(), |at| {
            let record = &mut records[lost[at].0 as usize];
            record[0] += 1;
            record[0] as usize
        });
        for (user, _) in lost {
            floor.set_online(*user, false);
        }
    }

    fn resume(&mut self, figures: &mut Figures) {
        let Self { world, floor, lost, records } = self;
        // A snapshot shows those who are detached too.
        for (user, _) in lost.iter() {
            floor.set_online(*user, true);
        }
        figures.time("resume", lost.len(), |at| {
            let resumed = world.engine.resume(world.now, lost[at].1);
            let (session, decisions) = resumed.expect("the grace is not over");
            lost[at].1 = session;
            drain(decisions)
        });
        figures.time("walk-and-read", lost.len(), |at| {
            let contacts = floor.contacts(lost[at].0).iter();
            let online = contacts.filter(|contact| floor.is_online(**contact));
            online.map(|contact| black_box(records[*contact as usize][1]) as usize).sum()
        });
    }

    fn end(&mut self, figures: &mut Figures) {
        let Self { world, floor, lost, .. } = self;
        let before = world.engine.counts().sessions;
        world.now = Time::from_millis(world.now.as_millis() + 60_000);
        figures.time_all("end", lost.len(), || drain(world.engine.advance(world.now)));
        let gone = before - world.engine.counts().sessions;
        assert_eq!(gone, lost.len(), "they have ended");
        figures.time("walk", lost.len(), |at| floor.publish(lost[at].0));
    }

    fn reconnect(&mut self, graph: &Graph) {
        for (user, session) in &mut self.lost {
            *session = self.world.connect(*user, graph.of(*user));
            self.world.publish(*session, 1);
            self.floor.set_online(*user, true);
        }
    }
}
