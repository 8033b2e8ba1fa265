//! Lists that are too long, or that never end: refused at the bound, with nothing changed and
//! nothing more taken from them than it takes to know.

use crate::common::{Picture, at, busy, config, drain, refused};
use adsum::{
    Config, Connect, DeviceKind, DirectTo, Engine, Error, Join, Origin, RemoteSession, RemoteState,
    SessionId, SessionKey, Time, TopicKey, View,
};
use allocation_counter::measure;
use std::cell::Cell;

const LIMIT: u32 = 100_000;
const MILLION: u32 = 1_000_000;

/// Counts what is taken from an iterator.
fn counted<T>(taken: &Cell<u32>, ids: impl Iterator<Item = T>) -> impl Iterator<Item = T> {
    ids.inspect(|_| taken.set(taken.get() + 1))
}

#[test]
fn a_million_directed_receivers() {
    let (mut engine, keys) = busy(at(1_000));
    let (taken, million) = (Cell::new(0), (0..MILLION).collect::<Vec<_>>());
    let error = Error::DirectLimit { limit: 1_000 };
    refused("a million", &mut engine, error, |engine| {
        engine.direct(at(2_000), keys[0], counted(&taken, million.iter()), 1).err()
    });
    assert_eq!(taken.get(), 1_001);
    // At the bound it is accepted, and repeated ids count.
    let ids = || [0, 1, 2, 3].iter().cycle().take(1_000);
    drain(engine.direct(at(2_000), keys[0], ids(), 1).expect("there is room"));
    refused("one more", &mut engine, error, |engine| {
        engine.direct(at(2_000), keys[0], ids().chain(&[1]), 1).err()
    });
}

/// The widest bound that there can be lets a million be named and remembered, and not one more:
/// names count, whoever is there.
#[test]
fn a_million_directed_receivers_of_whom_a_few_are_there() {
    let mut engine = Engine::new(config(|options| {
        (options.max_direct, options.direct_to) = (1 << 20, DirectTo::Anyone);
        options.max_told = 1 << 20;
    }));
    let mut connect = |user: u32| {
        let connected = engine.connect(at(0), Connect::new(user));
        connected.expect("there is room").0
    };
    let [sender, ..] = [0, 1].map(&mut connect);
    for user in 2..=1_501 {
        connect(user);
    }
    let million: Vec<u32> = (0..MILLION).collect();
    // Is there a decision? With the shrunk constants one notice comes in many.
    let direct = |engine: &mut Engine<u32, u32>, users: &[u32]| {
        let decisions = engine.direct(at(0), sender, users, 1).expect("so many may be named");
        !drain(decisions).is_empty()
    };
    assert!(direct(&mut engine, &million));
    assert_eq!((engine.counts().told, engine.verify()), (1_501, Ok(())));
    let left = (1 << 20) - MILLION as usize;
    assert!(direct(&mut engine, &million[..left]), "there is room for so many");
    let over = direct(&mut engine, &[MILLION]);
    assert!(!over, "the first call is over, and the second reached all of them");
    assert!(direct(&mut engine, &million[1_000..]));
    assert!(direct(&mut engine, &million[1_000..]), "the others hear that it is over");
    assert_eq!(engine.verify(), Ok(()));
}

const NODE: Origin = Origin(1);

/// A topic at which the session looks, and a session of another node, of user 20.
fn with_topic_and_node(engine: &mut Engine<u32, u32>, key: SessionKey) -> (TopicKey, SessionId) {
    let (now, id) = (at(1_000), SessionId::from_bits(1 << 32).expect("it is not zero"));
    let elsewhere = RemoteSession {
        id,
        kind: DeviceKind(0),
        age_ms: 0,
        lost: None,
        number: 0,
        shown: None,
        idle_ms: None,
        topics: Vec::new(),
    };
    let state = RemoteState { lists: None, sessions: vec![elsewhere], ended: Vec::new() };
    drain(engine.remote_state(now, NODE, 20, state).expect("there is room"));
    let join = Join::Observer { view: View::All };
    let (topic, decisions) = engine.join(now, key, 50, join).expect("there is room");
    decisions.for_each(|_| {});
    (topic, id)
}

/// What is given a list without end, the error, the bound that it names, and the input.
type Input<'t> = (&'t str, Error, u32, Box<dyn Fn(&mut Engine<u32, u32>) -> Option<Error> + 't>);

/// Each is refused, when one more has been taken from its list than it may have.
fn refused_at_the_bound(engine: &mut Engine<u32, u32>, taken: &Cell<u32>, inputs: &[Input<'_>]) {
    for (what, error, limit, input) in inputs {
        taken.set(0);
        refused(what, engine, *error, |engine| input(engine));
        assert_eq!(taken.get(), limit + 1, "{what}: taken from the list");
    }
}

/// The host's iterators have no end: they are not asked for one.
#[test]
fn lists_that_never_end() {
    let (mut engine, _) = busy(at(1_000));
    let (now, taken) = (at(2_000), Cell::new(0));
    let endless = || counted(&taken, 0..);
    let same = || counted(&taken, std::iter::repeat(3));
    // Nobody can lend what never ends but by repeating it.
    let borrowed = || counted(&taken, [1, 2, 3, 4].iter().cycle());
    let [audience, blocked] =
        [Error::AudienceLimit { limit: LIMIT }, Error::BlockedLimit { limit: 10_000 }];
    let inputs: [Input<'_>; 9] = [
        (
            "audience",
            audience,
            LIMIT,
            Box::new(|e| e.connect(now, Connect::new(4).audience(endless())).err()),
        ),
        (
            "audience again",
            audience,
            LIMIT,
            Box::new(|e| e.connect(now, Connect::new(1).audience(same())).err()),
        ),
        (
            "blocked",
            blocked,
            10_000,
            Box::new(|e| e.connect(now, Connect::new(4).blocked(endless())).err()),
        ),
        (
            "blocked again",
            blocked,
            10_000,
            Box::new(|e| e.connect(now, Connect::new(1).blocked(same())).err()),
        ),
        ("add", audience, LIMIT, Box::new(|e| e.audience_add(now, &1, endless()).err())),
        ("add the same", audience, LIMIT, Box::new(|e| e.audience_add(now, &1, same()).err())),
        ("replace", audience, LIMIT, Box::new(|e| e.audience_replace(now, &1, endless()).err())),
        ("with the same", audience, LIMIT, Box::new(|e| e.audience_replace(now, &1, same()).err())),
        ("remove", audience, LIMIT, Box::new(|e| e.audience_remove(now, &1, borrowed()).err())),
    ];
    refused_at_the_bound(&mut engine, &taken, &inputs);
    // For somebody who is not there nothing is stored, so nothing is taken.
    taken.set(0);
    for decisions in [
        engine.audience_add(now, &8, endless()).map(drain),
        engine.audience_replace(now, &8, endless()).map(drain),
        engine.audience_remove(now, &8, borrowed()).map(drain),
    ] {
        assert_eq!(decisions, Ok(Vec::new()));
    }
    assert_eq!(taken.get(), 0);
}

/// Nor are those that name whom an input reaches or is about.
#[test]
fn names_that_never_end() {
    let (mut engine, [key, ..]) = busy(at(1_000));
    let (topic, from) = with_topic_and_node(&mut engine, key);
    let (now, taken) = (at(2_000), Cell::new(0));
    let endless = || counted(&taken, 0..);
    let same = || counted(&taken, std::iter::repeat(3));
    let borrowed = || counted(&taken, [1, 2, 3, 4].iter().cycle());
    let [direct, system] = [1_000, 1 << 20].map(|limit| Error::DirectLimit { limit });
    let [watch, named] = [Error::WatchLimit { limit: 500 }, Error::NamedLimit { limit: 500 }];
    let inputs: [Input<'_>; 9] = [
        ("direct", direct, 1_000, Box::new(|e| e.direct(now, key, borrowed(), 1).err())),
        ("direct for", direct, 1_000, Box::new(|e| e.direct_for(now, key, borrowed(), 1, 9).err())),
        (
            "direct elsewhere",
            direct,
            1_000,
            Box::new(|e| e.remote_direct(now, NODE, (&20, from), borrowed(), 1, None).err()),
        ),
        ("system", system, 1 << 20, Box::new(|e| e.system(now, borrowed(), 1).err())),
        ("watch", watch, 500, Box::new(|e| e.watch(now, key, endless()).err())),
        ("watch the same", watch, 500, Box::new(|e| e.watch(now, key, same()).err())),
        ("unwatch", watch, 500, Box::new(|e| e.unwatch(now, key, borrowed()).err())),
        ("look at", named, 500, Box::new(|e| e.look_at(now, key, topic, endless()).err())),
        ("at the same", named, 500, Box::new(|e| e.look_at(now, key, topic, same()).err())),
    ];
    refused_at_the_bound(&mut engine, &taken, &inputs);
}

/// A hint cannot be refused: what is beyond the bound is passed over.
#[test]
fn hints_that_never_end() {
    let (engine, keys) = busy(at(1_000));
    let (taken, stale) = (Cell::new(0), SessionKey::from_bits((1 << 40, 9)));
    for key in [keys[0], stale.expect("it is not zero")] {
        taken.set(0);
        engine.prefetch(counted(&taken, std::iter::repeat(key)));
        assert_eq!(taken.get(), 4_096);
    }
}

/// Refused lists leave nothing behind that grows: a thousand of them take no more memory than one.
#[test]
fn refused_lists_leave_no_memory_behind() {
    let mut engine = Engine::<u32, u32>::new(config(|options| options.max_audience = 1_000));
    let connected = engine.connect(at(0), Connect::new(1).audience([2]));
    drop(connected.expect("there is room"));
    let refuse = |engine: &mut Engine<u32, u32>, from: u32| {
        let error = engine.audience_add(at(0), &1, from..).err();
        assert_eq!(error, Some(Error::AudienceLimit { limit: 1_000 }));
        let error = engine.connect(at(0), Connect::new(9).audience(from..)).err();
        assert_eq!(error, Some(Error::AudienceLimit { limit: 1_000 }));
    };
    // Until all that is kept for the next time is large enough.
    (0..20).for_each(|turn| refuse(&mut engine, turn * 5_000 + 10));
    let (before, _) = Picture::of(&engine);
    let memory = measure(|| {
        for turn in 20..120 {
            refuse(&mut engine, turn * 5_000);
        }
    });
    // The table of ids may have taken one last step. Ids left behind would be 200,000.
    assert!(memory.bytes_current < 40_000, "{memory:?}");
    assert_eq!(Picture::of(&engine).0, before);
}

/// The same names over and over do not pile up, where there is no limit to how many are named.
#[test]
fn repeated_names_take_no_memory() {
    let mut engine = Engine::<u32, u8>::new(Config::default());
    let now = Time::ZERO;
    drop(engine.connect(now, Connect::new(1).audience([2, 3])).expect("there is room"));
    let again = |ids| std::iter::repeat_n(ids, 500_000).flatten();
    let removed = measure(|| drop(engine.audience_remove(now, &1, again(&[2, 3]))));
    assert!(removed.bytes_max < 10_000, "removing takes {} bytes", removed.bytes_max);
    let told = measure(|| drop(engine.system(now, again(&[1, 2]), 0)));
    assert!(told.bytes_max < 10_000, "telling takes {} bytes", told.bytes_max);
}
