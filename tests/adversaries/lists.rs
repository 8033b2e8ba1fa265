//! Lists that are too long, or that never end: refused at the bound, with nothing changed and
//! nothing more taken from them than it takes to know.

use crate::common::{Picture, at, busy, config, drain, refused};
use adsum::{Config, DeviceKind, DirectTo, Engine, Error, Time};
use allocation_counter::measure;
use std::cell::Cell;

const LIMIT: u32 = 100_000;
const MILLION: u32 = 1_000_000;

/// Counts what is taken from an iterator.
fn counted(taken: &Cell<u32>, ids: impl Iterator<Item = u32>) -> impl Iterator<Item = u32> {
    ids.inspect(|_| taken.set(taken.get() + 1))
}

#[test]
fn a_million_directed_receivers() {
    let (mut engine, keys) = busy(at(1_000));
    let taken = Cell::new(0);
    let error = Error::DirectLimit { limit: 1_000 };
    refused("a million", &mut engine, error, |engine| {
        engine.direct(at(2_000), keys[0], counted(&taken, 0..MILLION), 1).err()
    });
    assert_eq!(taken.get(), 1_001);
    // At the bound it is accepted, and repeated ids count.
    let ids = || (0..1_000).map(|id| id % 4);
    drain(engine.direct(at(2_000), keys[0], ids(), 1).expect("there is room"));
    refused("one more", &mut engine, error, |engine| {
        engine.direct(at(2_000), keys[0], ids().chain([1]), 1).err()
    });
}

/// The widest bound that there can be lets a million be named, but not remembered.
#[test]
fn a_million_directed_receivers_of_whom_too_many_are_there() {
    let mut engine = Engine::new(config(|options| {
        (options.max_direct, options.direct_to) = (1 << 20, DirectTo::Anyone);
        options.max_told = 1_500;
    }));
    let mut connect = |user: u32| {
        let connected = engine.connect(at(0), user, DeviceKind(0), [], []);
        connected.expect("there is room").0
    };
    let [sender, ..] = [0, 1].map(&mut connect);
    for user in 2..=1_501 {
        connect(user);
    }
    let error = Error::ToldLimit { limit: 1_500 };
    refused("a million", &mut engine, error, |engine| {
        engine.direct(at(0), sender, 0..MILLION, 1).err()
    });
    let said = drain(engine.direct(at(0), sender, 2..MILLION, 1).expect("they can be remembered"));
    assert!(!said.is_empty());
    assert_eq!((engine.counts().told, engine.verify()), (1_500, Ok(())));
}

/// The host's iterators have no end: they are not asked for one.
#[test]
fn lists_that_never_end() {
    let (mut engine, keys) = busy(at(1_000));
    let now = at(2_000);
    let taken = Cell::new(0);
    let endless = || counted(&taken, 0..);
    let same = || counted(&taken, std::iter::repeat(3));
    let [audience, blocked] =
        [Error::AudienceLimit { limit: LIMIT }, Error::BlockedLimit { limit: 10_000 }];
    let direct = Error::DirectLimit { limit: 1_000 };
    let kind = DeviceKind(0);

    type Input<'t> = Box<dyn Fn(&mut Engine<u32, u32>) -> Option<Error> + 't>;
    let inputs: [(&str, Error, u32, Input<'_>); 10] = [
        ("audience", audience, LIMIT, Box::new(|e| e.connect(now, 4, kind, endless(), []).err())),
        (
            "audience again",
            audience,
            LIMIT,
            Box::new(|e| e.connect(now, 1, kind, same(), []).err()),
        ),
        ("blocked", blocked, 10_000, Box::new(|e| e.connect(now, 4, kind, [], endless()).err())),
        ("blocked again", blocked, 10_000, Box::new(|e| e.connect(now, 1, kind, [], same()).err())),
        ("add", audience, LIMIT, Box::new(|e| e.audience_add(now, &1, endless()).err())),
        ("add the same", audience, LIMIT, Box::new(|e| e.audience_add(now, &1, same()).err())),
        ("replace", audience, LIMIT, Box::new(|e| e.audience_replace(now, &1, endless()).err())),
        ("with the same", audience, LIMIT, Box::new(|e| e.audience_replace(now, &1, same()).err())),
        ("direct", direct, 1_000, Box::new(|e| e.direct(now, keys[0], endless(), 1).err())),
        ("direct the same", direct, 1_000, Box::new(|e| e.direct(now, keys[0], same(), 1).err())),
    ];
    for (what, error, limit, input) in &inputs {
        taken.set(0);
        refused(what, &mut engine, *error, |engine| input(engine));
        assert_eq!(taken.get(), limit + 1, "{what}: taken from the list");
    }
    // For somebody who is not there nothing is stored, so nothing is taken.
    taken.set(0);
    for decisions in [
        engine.audience_add(now, &8, endless()).map(drain),
        engine.audience_replace(now, &8, endless()).map(drain),
        engine.audience_remove(now, &8, endless()).map(drain),
    ] {
        assert_eq!(decisions, Ok(Vec::new()));
    }
    assert_eq!(taken.get(), 0);
}

/// Refused lists leave nothing behind that grows: a thousand of them take no more memory than one.
#[test]
fn refused_lists_leave_no_memory_behind() {
    let mut engine = Engine::<u32, u32>::new(config(|options| options.max_audience = 1_000));
    let connected = engine.connect(at(0), 1, DeviceKind(0), [2], []);
    drop(connected.expect("there is room"));
    let refuse = |engine: &mut Engine<u32, u32>, from: u32| {
        let error = engine.audience_add(at(0), &1, from..).err();
        assert_eq!(error, Some(Error::AudienceLimit { limit: 1_000 }));
        let error = engine.connect(at(0), 9, DeviceKind(0), from.., []).err();
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
    drop(engine.connect(now, 1, DeviceKind(0), [2, 3], []).expect("there is room"));
    let again = || (0..1_000_000_u32).map(|at| 2 + at % 2);
    let removed = measure(|| drop(engine.audience_remove(now, &1, again())));
    assert!(removed.bytes_max < 10_000, "removing takes {} bytes", removed.bytes_max);
    let told = measure(|| drop(engine.system(now, again().map(|at| at - 1), 0)));
    assert!(told.bytes_max < 10_000, "telling takes {} bytes", told.bytes_max);
}
