//! What a host uses beside the verbs: memory given back, texts for logs, the configuration.

use adsum::{
    Config, ConfigError, Counts, Decision, DeviceKind, DirectTo, Engine, Error, Event, Grace,
    Lease, OfflineNotices, Options, OverLimit, Rate, Replica, SlotMap, Time,
};
use adsum_model::{World, strategy};
use allocation_counter::measure;
use std::hash::RandomState;

/// Whenever memory is given back, nobody misses it.
#[test]
fn memory_given_back_is_not_missed() {
    strategy::check(300, 80, |case| {
        let mut world = World::with_hasher(case.setup, RandomState::new());
        for op in &case.ops {
            world.op(*op)?;
            world.host.engine.shrink_to_fit();
        }
        world.everyone_leaves(case.ops.len().is_multiple_of(2))?;
        world.host.engine.shrink_to_fit();
        Ok(world.host.engine.verify()?)
    });
}

/// Everything there is to keep, for each of many users: two near sessions and a far one, lists,
/// blocks, what was told, what was missed, what waits, and deadlines.
fn busy_day(engine: &mut Engine<u32, u32>, users: u32) {
    let now = Time::from_millis(1);
    let mut all = Vec::new();
    for user in 0..users {
        for _ in 0..3 {
            let (contacts, blocked) = ((0..20).map(|at| (user + at) % users), [user + users]);
            let connected = engine.connect(now, user, DeviceKind(0), contacts, blocked);
            all.push((connected.expect("there is room").0, user));
        }
    }
    for (session, _) in all.iter().step_by(4) {
        drop(engine.congested(now, *session).expect("it is attached"));
    }
    for (session, user) in &all {
        for said in 0..3 {
            drop(engine.publish(now, *session, said).expect("it is attached"));
        }
        _ = engine.direct(now, *session, [(user + 1) % users], 9);
    }
    let counts = engine.counts();
    assert!(counts.missed > 0 && counts.conflated > 0 && counts.timers > 0, "{counts:?}");
    for (session, _) in &all {
        drop(engine.disconnect(now, *session).expect("it is there"));
    }
    assert_eq!(engine.counts(), Counts::default());
}

#[test]
fn after_a_peak_memory_can_be_given_back() {
    let options = Options {
        publish_rate: Some(Rate { burst: 1, interval_ms: 1_000 }),
        max_sessions: 3,
        max_sessions_per_kind: 3,
        ..Options::default()
    };
    let config = Config::new(options).expect("the options go together");
    // What an engine keeps for itself, besides the records of sessions: those stay, so that keys
    // of the past stay stale.
    let mut engine = None;
    let own = measure(|| engine = Some(Engine::new(config.clone()))).bytes_current;
    let mut engine = engine.expect("it was made");
    let held = measure(|| busy_day(&mut engine, 300)).bytes_current;
    let given_back = -measure(|| engine.shrink_to_fit()).bytes_current;
    let left = held - given_back;
    let records = 900 * 120;
    assert!(held > 3 * records, "the day took only {held} bytes");
    assert!(left < records, "{left} bytes of {held} are left, {own} are the engine's own");
    // And it is as good as new.
    busy_day(&mut engine, 300);
    assert_eq!(engine.verify(), Ok(()));
}

#[test]
fn every_error_says_what_is_wrong() {
    for (error, words) in [
        (Error::UnknownSession, "session"),
        (Error::Detached, "detached"),
        (Error::SessionLimit, "session"),
        (Error::AudienceLimit { limit: 21 }, "21"),
        (Error::BlockedLimit { limit: 22 }, "22"),
        (Error::DirectLimit { limit: 23 }, "23"),
        (Error::ToldLimit { limit: 24 }, "24"),
        (Error::NotPermitted, "directed presence"),
        (Error::RateLimited { retry_at: Time::from_millis(25) }, "25 ms"),
        (Error::Full, "no more"),
    ] {
        let text = error.to_string();
        assert!(text.contains(words), "{error:?}: {text}");
        assert!(text.starts_with(char::is_lowercase) && !text.ends_with('.'), "{text}");
    }
    let full = Replica::<u8, u8, u8>::new(0).set_presence(1, 1, 1).expect_err("it holds none");
    assert!(full.to_string().contains("as many sessions"), "{full}");
}

/// What tim does, as observed, and not what suits a messenger.
#[test]
fn the_preset_of_tim_is_what_tim_does() {
    let tim = Options::tim();
    assert_eq!(Config::tim().options(), &tim);
    assert_eq!((tim.max_sessions, tim.max_sessions_per_kind), (1, 1));
    assert_eq!(tim.over_limit, OverLimit::EvictOldest { min_age_ms: 10_000 });
    assert_eq!(tim.lease, Some(Lease { lease_ms: 600_000, heartbeat_ms: 15_000 }));
    assert_eq!((tim.own_echo, tim.snapshot_on_connect, tim.grace), (false, false, Grace::NONE));
    assert_eq!(tim.offline_notices, OfflineNotices::ToAllContacts);
    assert_eq!((tim.direct_to, tim.publish_rate), (DirectTo::Anyone, None));
}

#[test]
fn every_config_error_names_its_option() {
    let error = |options| Config::new(options).expect_err("it is refused").to_string();
    let text = error(Options { max_sessions: 0, ..Options::default() });
    assert!(text.contains("max_sessions is 0"), "{text}");
    let lease = Some(Lease { lease_ms: 10, heartbeat_ms: 10 });
    let text = error(Options { lease, ..Options::default() });
    assert!(text.contains("10"), "{text}");
    let offline_notices = OfflineNotices::ToWhoeverSaw;
    let options = Options { snapshot_on_connect: false, offline_notices, ..Options::default() };
    let text = error(options.clone());
    assert!(text.contains("offline_notices") && text.contains("snapshot_on_connect"), "{text}");
    let source: Box<dyn std::error::Error> = Box::new(Config::new(options).expect_err("refused"));
    assert!(source.downcast_ref::<ConfigError>().is_some());
}

#[test]
fn what_is_shown_for_debugging_names_what_it_is() {
    let config = Config::new(Options { max_told: 77, ..Options::default() }).expect("in range");
    let mut engine = Engine::<&str, &str>::new(config);
    assert_eq!((engine.config().options(), engine.options().max_told), (engine.options(), 77));
    let (now, kind) = (Time::from_millis(5), DeviceKind(0));
    let (bob, _) = engine.connect(now, "bob", kind, ["ann"], []).expect("there is room");
    let (ann, _) = engine.connect(now, "ann", kind, ["bob"], []).expect("there is room");
    assert_eq!(format!("{:?}", bob.slot()), "near 0");
    let text = format!("{engine:?}");
    assert!(text.contains("Engine") && text.contains("users_online: 2"), "{text}");
    let mut decisions = engine.publish(now, ann, "hello").expect("it is attached");
    assert!(format!("{decisions:?}").contains(&format!("{ann:?}")));
    let told = format!("{:?}", decisions.next().expect("bob is told"));
    assert!(told.contains("hello") && told.contains(&format!("{:?}", bob.slot())), "{told}");
    drop(decisions);
    let mut sockets = SlotMap::default();
    sockets.insert(bob.slot(), 1);
    *sockets.get_mut(bob.slot()).expect("it is there") += 1;
    assert_eq!(sockets.get_mut(ann.slot()), None);
    assert_eq!(format!("{sockets:?}"), "[2]");
    let event = Event::<&str, &str>::Heartbeat { session: ann };
    assert_eq!(format!("{:?}", event.clone()), format!("{event:?}"));
}

/// A host's table by slot is dense because of it.
#[test]
fn a_users_first_two_sessions_have_near_slots() {
    let options = Options { max_sessions: 4, max_sessions_per_kind: 4, ..Options::default() };
    let mut engine = Engine::<u8, u8>::new(Config::new(options).expect("in range"));
    let mut connect = |user| {
        let connected = engine.connect(Time::ZERO, user, DeviceKind(0), [], []);
        connected.expect("there is room").0.slot()
    };
    let slots = [7, 7, 7, 9, 7, 9].map(&mut connect);
    assert_eq!(slots.map(|slot| slot.is_near()), [true, true, false, true, false, true]);
    assert_eq!(slots.map(|slot| slot.index()), [0, 1, 0, 2, 1, 3]);
}

#[test]
fn a_snapshot_says_how_long_it_is() {
    let mut engine = Engine::<&str, &str>::new(Config::default());
    let (now, kind) = (Time::ZERO, DeviceKind(0));
    let (ann, decisions) = engine.connect(now, "ann", kind, ["bob"], []).expect("there is room");
    drop(decisions);
    drop(engine.publish(now, ann, "hello").expect("it is attached"));
    for (name, contacts, entries) in [("bob", vec!["ann"], 1), ("cyd", vec![], 0)] {
        let connected = engine.connect(now, name, kind, contacts, []);
        let (session, mut decisions) = connected.expect("there is room");
        let Some(Decision::Snapshot(snapshot)) = decisions.next() else { panic!("no snapshot") };
        assert_eq!((snapshot.len(), snapshot.is_empty()), (entries, entries == 0));
        assert_eq!((snapshot.entries().len(), snapshot.to()), (entries, session.slot()));
        assert!(snapshot.is_first() && snapshot.is_last());
    }
}
