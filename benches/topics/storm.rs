//! Everybody joins one room within a second, and is told by ticks of 200 milliseconds.

use crate::common::report::Report;
use crate::common::row::Row;
use crate::{fixed, options, take};
use adsum::{
    Config, Connect, Decision, Engine, Join, NoticeId, SessionKey, Time, TopicOptions, View,
};
use allocation_counter::measure;

/// So many snapshots are encoded for each view, at most.
const SNAPSHOTS: f64 = 5.0;
/// What two decisions take, in bytes: each names 4,096 receivers and lists 4,096 entries, in four
/// bytes each.
const DECISIONS: f64 = 2.0 * 2.0 * 4_096.0 * 4.0;
const SECOND: u64 = 1_000;
const VIEWS: [View; 4] = [View::All, View::Sample(50), View::Count, View::All];

type Core = Engine<u32, u64>;

/// What was told, of which a host encodes each snapshot, and all changes of a tick, once.
struct Told {
    snapshots: Vec<(View, NoticeId)>,
    changes: Vec<NoticeId>,
    receivers: usize,
    peak: u64,
}

impl Told {
    fn advance(&mut self, engine: &mut Core, at: u64) {
        let Self { snapshots, changes, receivers, .. } = self;
        let taken = measure(|| {
            let mut decisions = engine.advance(Time::from_millis(at));
            while let Some(decision) = decisions.next() {
                match &decision {
                    Decision::Topic(snapshot) => {
                        *receivers += snapshot.to().len();
                        snapshots.push((snapshot.view(), snapshot.id()));
                    }
                    Decision::Changes(these) => changes.push(these.id()),
                    other => panic!("{other:?}"),
                }
            }
        });
        self.peak = self.peak.max(taken.bytes_max);
    }
}

fn storm(people: usize) -> Told {
    let topics = TopicOptions { coalesce_ms: 200, ..TopicOptions::default() };
    let config = Config::new(options(topics)).expect("they are in range");
    let mut engine = Core::new(config);
    let connect = |user| {
        let (key, decisions) =
            engine.connect(Time::ZERO, Connect::new(user)).expect("there is room");
        take(decisions);
        key
    };
    let sessions: Vec<SessionKey> = (0..people as u32).map(connect).collect();
    let (snapshots, changes) = (Vec::with_capacity(10_000), Vec::with_capacity(10_000));
    let mut told = Told { snapshots, changes, receivers: 0, peak: 0 };
    for (nth, session) in sessions.iter().enumerate() {
        let at = nth as u64 * SECOND / people as u64;
        while let Some(due) = engine.deadline().filter(|due| due.as_millis() <= at) {
            told.advance(&mut engine, due.as_millis());
        }
        let join = Join::Member { presence: None, view: VIEWS[nth % VIEWS.len()] };
        let joined = engine.join(Time::from_millis(at), *session, 7, join);
        take(joined.expect("there is room").1);
    }
    told.advance(&mut engine, SECOND + 200);
    assert!(told.receivers >= people, "everybody is sent a snapshot");
    told.changes.sort_unstable();
    told.changes.dedup();
    told.snapshots.sort_unstable();
    told.snapshots.dedup();
    told
}

pub(super) fn measure_all(report: &mut Report, people: usize) {
    let told = storm(people);
    let question = |what: &str| format!("topics/storm/{people}/{what}");
    let count = told.snapshots.len() as f64;
    // Those who view all are served a sample as soon as there are many of them.
    let mut views: Vec<_> = told.snapshots.iter().map(|(view, _)| *view).collect();
    views.dedup();
    let all = (told.snapshots.len() + told.changes.len()) as f64;
    let note = format!("for {} views, and {} times changes", views.len(), told.changes.len());
    let each = count / views.len() as f64;
    report.add(fixed(question("snapshots-a-view"), "", each, SNAPSHOTS, &note));
    report.add(Row {
        question: question("encodings/frames-to-each"),
        unit: "",
        ours: all,
        other: told.receivers as f64,
        target: None,
        note: "against a snapshot for each".to_owned(),
    });
    let note = "the most that a tick takes, against what two decisions hold";
    report.add(fixed(question("memory"), "B", told.peak as f64, DECISIONS, note));
}
