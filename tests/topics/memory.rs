//! What topics cost in memory: nothing once warm, and in a storm no more than a decision or two.

use adsum::{
    Config, Connect, Counts, Decision, Decisions, Engine, Join, Options, SessionKey, Time,
    TopicOptions, View,
};
use allocation_counter::measure;
use std::collections::BTreeSet;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::hint::black_box;

/// The same in every run.
type Hasher = BuildHasherDefault<DefaultHasher>;
type Rooms = Engine<u32, u32, Hasher>;

fn engine(topics: TopicOptions) -> Rooms {
    let options = Options { topics, topic_rate: None, direct_rate: None, ..Options::default() };
    let config = Config::new(options).expect("the options are in range");
    Engine::with_hasher(config, Hasher::default())
}

/// Takes all decisions as a host does, without allocating.
fn drain(mut decisions: Decisions<'_, u32, u32, Hasher>) {
    while let Some(decision) = decisions.next() {
        match &decision {
            Decision::Topic(snapshot) => snapshot.entries().for_each(|entry| _ = black_box(entry)),
            Decision::Changes(changes) => changes.iter().for_each(|change| _ = black_box(change)),
            other => _ = black_box(other),
        }
    }
}

fn connect(engine: &mut Rooms, users: u32) -> Vec<SessionKey> {
    let connect = |user| {
        let (key, decisions) =
            engine.connect(Time::ZERO, Connect::new(user)).expect("there is room");
        drain(decisions);
        key
    };
    (0..users).map(connect).collect()
}

/// One day in three rooms: all come, show and say things, look elsewhere, are slow, and go.
fn day(engine: &mut Rooms, sessions: &[SessionKey], millis: &mut u64) {
    let at = |millis: &mut u64| {
        *millis += 7;
        Time::from_millis(*millis)
    };
    let mut rooms = Vec::with_capacity(sessions.len());
    for (nth, session) in (0_u32..).zip(sessions) {
        let view = [View::All, View::Sample(2), View::Count, View::Nothing][nth as usize % 4];
        let join = match nth % 5 {
            0 => Join::Observer { view },
            1 => Join::Member { presence: None, view },
            _ => Join::Member { presence: Some(nth), view },
        };
        let joined = engine.join(at(millis), *session, nth % 3, join);
        let (room, decisions) = joined.expect("there is room");
        drain(decisions);
        rooms.push(room);
    }
    for round in 0..8 {
        for (nth, (session, room)) in sessions.iter().zip(&rooms).enumerate() {
            let now = at(millis);
            drain(engine.heartbeat(now, *session).expect("it is attached"));
            let done = match (nth + round) % 6 {
                0 => engine.congested(now, *session),
                1 => engine.writable(now, *session),
                2 => engine.look(now, *session, *room, View::All),
                3 => engine.look_at(now, *session, *room, (0..round as u32 % 3).map(|u| u * 3)),
                _ if nth % 5 == 0 => continue,
                4 => engine.update(now, *session, *room, 7),
                _ => engine.say(now, *session, *room, 8, Some(50)),
            };
            drain(done.expect("it is in the room"));
            drain(engine.advance(now));
        }
    }
    for (session, room) in sessions.iter().zip(&rooms) {
        drain(engine.leave(at(millis), *session, *room).expect("it is in the room"));
    }
    *millis += 1_000;
    drain(engine.advance(at(millis)));
}

#[test]
#[cfg_attr(feature = "shrunk", ignore = "small segments come and go")]
fn once_warm_no_input_about_a_topic_allocates() {
    for coalesce_ms in [0, 40] {
        let topics = TopicOptions { full_up_to: 6, sample: 3, coalesce_ms, ..Default::default() };
        let mut engine = engine(topics);
        let sessions = connect(&mut engine, 30);
        let mut millis = 1_000;
        let first = measure(|| day(&mut engine, &sessions, &mut millis));
        assert!(first.count_total > 10, "a cold engine allocates: {first:?}");
        for _ in 0..8 {
            day(&mut engine, &sessions, &mut millis);
        }
        let warm = measure(|| day(&mut engine, &sessions, &mut millis));
        // One is the test's own list of rooms.
        assert_eq!((warm.count_total, warm.bytes_current), (1, 0), "{coalesce_ms}: {warm:?}");
        let Counts { topics, memberships, .. } = engine.counts();
        assert_eq!((topics, memberships), (0, 0));
    }
}

/// Rule T10: what is not so any more is not kept until the tick, however often it happens.
#[test]
fn whoever_comes_and_goes_between_two_ticks_leaves_little_behind() {
    let views = [View::All, View::Sample(2), View::Count];
    let ways = [3, 100].into_iter().flat_map(|size| views.map(|view| (size, view)));
    for (full_up_to, view) in ways {
        let topics = TopicOptions { full_up_to, sample: 2, coalesce_ms: 100, ..Default::default() };
        let mut engine = engine(topics);
        let sessions = connect(&mut engine, 8);
        for session in &sessions[1..] {
            let join = Join::Member { presence: None, view };
            drain(engine.join(Time::ZERO, *session, 1, join).expect("there is room").1);
        }
        drain(engine.advance(Time::from_millis(1_000)));
        let now = Time::from_millis(2_000);
        let mut visits = |times: usize| {
            for _ in 0..times {
                let join = Join::Member { presence: Some(5), view: View::Nothing };
                let (topic, decisions) =
                    engine.join(now, sessions[0], 1, join).expect("there is room");
                drain(decisions);
                drain(engine.leave(now, sessions[0], topic).expect("it is there"));
            }
        };
        // For some, those who come are noted apart up to a number.
        visits(4_200);
        let grown = measure(|| visits(1_500)).bytes_current;
        assert!(grown < 1_024, "{view:?}, {full_up_to}: {grown} bytes");
    }
}

/// Rule T10: everybody comes back within a second. What is encoded is one snapshot a tick and view,
/// whoever it goes to, and the changes for those who were there.
#[test]
#[cfg_attr(feature = "shrunk", ignore = "with few entries in a decision there are many")]
fn a_storm_of_joins_is_told_in_a_few_frames_and_in_little_memory() {
    storm(20_000, &[View::All]);
    // When the topic becomes large, those who view all are told by the other tick from then on,
    // which may have come at the same moment.
    storm(100_000, &[View::All, View::Sample(50), View::Count, View::All]);
}

/// So many join within a second, with these views in turn.
fn storm(people: u32, views: &[View]) {
    const SECOND: u64 = 1_000;
    let mut engine = engine(TopicOptions { coalesce_ms: 200, ..Default::default() });
    let sessions = connect(&mut engine, people);
    let (mut snapshots, mut changes, mut told) = (BTreeSet::new(), BTreeSet::new(), 0);
    let mut advance = |engine: &mut Rooms, at: u64| {
        let mut decisions = engine.advance(Time::from_millis(at));
        while let Some(decision) = decisions.next() {
            match &decision {
                Decision::Topic(snapshot) => {
                    snapshots.insert((snapshot.view(), snapshot.id()));
                    assert!(snapshot.is_last(), "it has one part");
                    told += snapshot.to().len();
                }
                Decision::Changes(these) => _ = changes.insert(these.id()),
                other => panic!("{other:?}"),
            }
        }
    };
    for (nth, session) in (0_u64..).zip(&sessions) {
        let at = nth * SECOND / u64::from(people);
        while let Some(due) = engine.deadline().filter(|due| due.as_millis() <= at) {
            advance(&mut engine, due.as_millis());
        }
        let join = Join::Member { presence: None, view: views[nth as usize % views.len()] };
        let (_, decisions) =
            engine.join(Time::from_millis(at), *session, 7, join).expect("there is room");
        drain(decisions);
    }
    let last = measure(|| advance(&mut engine, SECOND + 200));
    assert!(last.bytes_max < 64 * 1_024, "{last:?}");
    for (view, _) in &snapshots {
        let alike = snapshots.iter().filter(|(other, _)| other == view);
        assert!(alike.count() <= 5, "{snapshots:?}");
    }
    if let [View::All] = views {
        assert_eq!(told, people as usize, "each is told once");
        assert!(changes.len() <= 5, "{changes:?}");
    }
    assert_eq!(engine.topic(&7).map(|topic| topic.counts().users), Some(people));
    // And all of it goes in one input.
    drain(engine.close(Time::from_millis(2 * SECOND), &7));
    assert_eq!(engine.counts().memberships, 0);
}

/// Rule T10: each of those who name members is told for itself, and a tick holds little for each.
#[test]
#[cfg_attr(feature = "shrunk", ignore = "small segments come and go")]
fn those_who_name_members_are_told_one_after_the_other() {
    const LOOKERS: u32 = 20_000;
    let mut engine = engine(TopicOptions { full_up_to: 1, sample: 1, ..Default::default() });
    let sessions = connect(&mut engine, LOOKERS);
    let observer = Join::Observer { view: View::Count };
    let member = Join::Member { presence: None, view: View::Nothing };
    let now = Time::from_millis(1_000);
    let mut room = None;
    for (nth, session) in (0..).zip(&sessions) {
        let join = if nth == 0 { member } else { observer };
        let (key, decisions) = engine.join(now, *session, 0, join).expect("there is room");
        drain(decisions);
        room = Some(key);
        if nth > 0 {
            drain(engine.look_at(now, *session, key, [0]).expect("it is there"));
        }
    }
    drain(engine.advance(Time::from_millis(2_000)));
    let room = room.expect("somebody has joined");
    drain(engine.update(now, sessions[0], room, 5).expect("it is a member"));
    let mut told = 0;
    let tick = measure(|| {
        engine.advance(Time::from_millis(3_000)).for_each(|decision| {
            told += u32::from(matches!(decision, Decision::Changes(_)));
        });
    });
    assert_eq!(told, LOOKERS - 1);
    let each = tick.bytes_max / u64::from(LOOKERS);
    assert!(each <= 48, "{each} B for each: {tick:?}");
}
