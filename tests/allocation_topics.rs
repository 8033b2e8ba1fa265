//! Once warm, no verb of topics allocates, and no tick does.

use adsum::{
    Config, Connect, Decision, Decisions, Engine, Join, Options, Rate, SessionKey, Time, TopicKey,
    TopicOptions, View,
};
use allocation_counter::measure;
use std::collections::BTreeMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::hint::black_box;

/// The same in every run.
type Hasher = BuildHasherDefault<DefaultHasher>;
type Topics = Engine<u32, u64, Hasher>;

const USERS: u32 = 24;
const WARM_DAYS: usize = 60;
const VIEWS: [View; 4] = [View::All, View::Sample(3), View::Count, View::All];

/// Takes all decisions as a host does, without allocating; says how many there were.
fn drain(mut decisions: Decisions<'_, u32, u64, Hasher>) -> usize {
    let mut count = 0;
    while let Some(decision) = decisions.next() {
        count += 1;
        match &decision {
            Decision::Topic(snapshot) => snapshot.entries().for_each(|entry| _ = black_box(entry)),
            Decision::Changes(changes) => changes.iter().for_each(|each| _ = black_box(each)),
            _ => {}
        }
        black_box(&decision);
    }
    count
}

/// What each sort of input did: how often it allocated, and how many decisions it had.
type Rows = BTreeMap<&'static str, (u64, usize)>;

fn give(rows: &mut Rows, name: &'static str, input: impl FnOnce() -> usize) {
    let mut decisions = 0;
    let info = measure(|| decisions = input());
    let row = rows.entry(name).or_default();
    *row = (row.0 + info.count_total, row.1 + decisions);
}

/// All join two topics, of which one tells everything at once and one gathers.
fn all_join(
    engine: &mut Topics,
    sessions: &[SessionKey],
    at: Time,
    rows: &mut Rows,
) -> Vec<(SessionKey, TopicKey)> {
    let mut keys = Vec::with_capacity(2 * sessions.len());
    for topic in [1, 2] {
        for (nth, session) in sessions.iter().enumerate() {
            let view = VIEWS[nth % 4];
            let join = match nth % 5 {
                4 => Join::Observer { view },
                3 => Join::Member { presence: None, view },
                _ => Join::Member { presence: Some(1), view },
            };
            give(rows, "join", || {
                let (key, decisions) = engine.join(at, *session, topic, join).expect("once");
                keys.push((*session, key));
                drain(decisions)
            });
        }
        let coalesce_ms = if topic == 2 { 50 } else { 0 };
        let options = TopicOptions { coalesce_ms, ..TopicOptions::default() };
        drain(engine.topic_options(at, &topic, options).expect("in range"));
    }
    keys
}

/// A day in two topics: sessions join as members and observers, update over the rate, say
/// something, look otherwise and by name, and leave, so that the topics are empty.
fn day(engine: &mut Topics, sessions: &[SessionKey], now: &mut u64) -> Rows {
    let mut all = Rows::new();
    let rows = &mut all;
    let keys = all_join(engine, sessions, Time::from_millis(*now), rows);
    for round in 0..4_u64 {
        let at = Time::from_millis(*now);
        for (nth, (session, topic)) in keys.iter().enumerate() {
            if nth % sessions.len() % 5 != 4 {
                give(rows, "update", || {
                    let updated = (0..3).map(|say| {
                        drain(engine.update(at, *session, *topic, round + say).expect("a member"))
                    });
                    updated.sum()
                });
                give(rows, "say", || {
                    drain(engine.say(at, *session, *topic, 9, Some(100)).expect("a member"))
                });
            }
            let view = VIEWS[(nth + round as usize) % 4];
            give(rows, "look", || {
                drain(engine.look(at, *session, *topic, view).expect("it is there"))
            });
            give(rows, "look_at", || {
                let named = if round % 2 == 0 { 0..3 } else { 0..0 };
                drain(engine.look_at(at, *session, *topic, named).expect("it is there"))
            });
        }
        for _ in 0..10 {
            *now += 100;
            give(rows, "tick", || drain(engine.advance(Time::from_millis(*now))));
        }
    }
    for (session, topic) in &keys {
        give(rows, "leave", || {
            let at = Time::from_millis(*now);
            drain(engine.leave(at, *session, *topic).expect("it is there"))
        });
    }
    *now += 10_000;
    give(rows, "tick", || drain(engine.advance(Time::from_millis(*now))));
    all
}

#[test]
fn once_warm_topics_allocate_nothing() {
    let config = Config::new(Options {
        lease: None,
        direct_rate: None,
        topic_rate: Some(Rate { burst: 4, interval_ms: 100 }),
        ..Options::default()
    });
    let config = config.expect("the options are in range");
    let mut engine = Topics::with_hasher(config, Hasher::default());
    let sessions: Vec<SessionKey> = (0..USERS)
        .map(|user| {
            let connected = engine.connect(Time::ZERO, Connect::new(user));
            let (key, decisions) = connected.expect("there is room");
            drain(decisions);
            drain(engine.publish(Time::ZERO, key, 5).expect("it is attached"));
            key
        })
        .collect();
    let mut now = 1_000;
    let cold = day(&mut engine, &sessions, &mut now);
    (0..WARM_DAYS).for_each(|_| _ = day(&mut engine, &sessions, &mut now));
    let warm = day(&mut engine, &sessions, &mut now);
    println!("cold {cold:?}\nwarm {warm:?}");
    assert!(cold.values().all(|(_, decisions)| *decisions > 0), "all are told: {cold:?}");
    assert!(cold["join"].0 > 0 && cold["update"].0 > 0, "a cold engine allocates: {cold:?}");
    for (name, (allocations, _)) in &warm {
        assert_eq!(*allocations, 0, "{name}");
    }
    assert_eq!((engine.counts().topics, engine.counts().memberships), (0, 0));
}
