//! Keys of sessions that have ended, or that never were: every verb, every kind.

use crate::common::{SESSION_VERBS, at, busy, config, drain, refused};
use adsum::{Connect, DeviceKind, Engine, Error, Event, LostCause, SessionKey};

const NOW: u64 = 1_000;

/// Each verb refuses each of these keys and changes nothing; nor is anything known of them.
pub(crate) fn all_refuse(kind: &str, engine: &mut Engine<u32, u32>, keys: &[SessionKey]) {
    for key in keys {
        for (verb, _, input) in SESSION_VERBS {
            let what = format!("{verb} with {key:?}, {kind}");
            // Later than everything, so that a clock that moved would be noticed.
            refused(&what, engine, Error::UnknownSession, |engine| {
                input(engine, at(NOW + 500), *key).err()
            });
        }
        assert_eq!((engine.presence(*key), engine.user_of(*key)), (None, None), "{kind}");
        assert!(!engine.is_attached(*key) && !engine.is_congested(*key), "{kind}");
        assert!(engine.session(*key).is_none() && engine.id_of(*key).is_none(), "{kind}");
    }
}

/// Each event with this key is refused and changes nothing, whatever grace it brings.
pub(crate) fn all_events_refuse(engine: &mut Engine<u32, u32>, session: SessionKey) {
    let lost = |cause, grace_ms| Event::Lost { session, cause, grace_ms };
    let events = [
        Event::Disconnect { session },
        lost(LostCause::ConnectionError, None),
        lost(LostCause::GoingAway, Some(0)),
        lost(LostCause::NodeLoss, Some(u64::MAX)),
        Event::Resume { session },
        Event::Heartbeat { session },
        Event::Publish { session, presence: 1 },
        Event::Direct { session, users: vec![2], presence: 1 },
        Event::Invisible { session },
        Event::Visible { session },
        Event::Congested { session },
        Event::Writable { session },
    ];
    for event in events {
        let what = format!("{event:?}");
        refused(&what, engine, Error::UnknownSession, |engine| {
            engine.apply(at(NOW + 9), event).err()
        });
    }
}

#[test]
fn keys_of_sessions_that_have_ended() {
    let (mut engine, keys) = busy(at(NOW));
    // By its own will, by expulsion (two at once), and by a loss without a grace.
    drain(engine.disconnect(at(NOW), keys[0]).expect("it is there"));
    drain(engine.expel(at(NOW), &3));
    all_refuse("ended", &mut engine, &[keys[0], keys[3], keys[4]]);

    // Over a grace, and over a limit.
    let mut engine = Engine::new(config(|options| options.max_sessions_per_kind = Some(1)));
    let connect = |engine: &mut Engine<u32, u32>, user, now| {
        let connected = engine.connect(at(now), Connect::new(user).audience(0..5));
        let (key, decisions) = connected.expect("there is room");
        drain(decisions);
        key
    };
    let (lost, evicted) = (connect(&mut engine, 1, 0), connect(&mut engine, 2, 0));
    drain(engine.lost(at(0), lost, LostCause::Timeout).expect("it is there"));
    drain(engine.advance(at(15_000)));
    let newcomer = connect(&mut engine, 2, 15_000);
    assert_ne!(newcomer, evicted);
    all_refuse("evicted, or lost for good", &mut engine, &[lost, evicted]);
}

#[test]
fn keys_of_sessions_whose_slot_another_has() {
    let (mut engine, keys) = busy(at(NOW));
    let mut stale = Vec::new();
    let mut live = keys;
    for _ in 0..6 {
        // All four places and all slots are given to others of the same users.
        for place in [0, 1, 2, 3] {
            drain(engine.disconnect(at(NOW), live[place]).expect("it is there"));
            stale.push(live[place]);
        }
        for (place, user) in [(0, 1), (1, 1), (2, 2), (3, 3)] {
            let connected = engine.connect(at(NOW), Connect::new(user).audience(0..5));
            let (key, decisions) = connected.expect("there is room");
            drain(decisions);
            drain(engine.publish(at(NOW), key, 8).expect("it is attached"));
            live[place] = key;
        }
    }
    let reused = stale.iter().filter(|stale| live.iter().any(|key| key.slot() == stale.slot()));
    assert!(reused.count() >= 12, "slots are not reused");
    assert!(stale.iter().all(|key| !live.contains(key)));
    all_refuse("of a slot that another has", &mut engine, &stale);
}

/// Every key one bit away from one that is live, and some that are far away from any.
#[test]
fn invented_keys() {
    let (mut engine, keys) = busy(at(NOW));
    let near = keys.iter().flat_map(|key| one_bit_away(*key));
    let swapped = keys.iter().map(|key| key.to_bits());
    let swapped = swapped.map(|(name, slot)| (name.rotate_left(32) ^ u64::from(slot), name as u32));
    let far = [(u64::MAX, u32::MAX), (u64::MAX, 0), (1 << 32, u32::MAX), (u64::MAX << 32, 0)];
    let far = swapped.chain(far).filter_map(SessionKey::from_bits);
    let invented: Vec<_> = near.chain(far).filter(|key| !keys.contains(key)).collect();
    assert!(invented.len() > 475);
    all_refuse("invented", &mut engine, &invented);
}

/// Keys that differ in one bit. Without a generation it is none, and cannot even be made.
fn one_bit_away(key: SessionKey) -> impl Iterator<Item = SessionKey> {
    let (name, slot) = key.to_bits();
    let names = (0..64).map(move |bit| (name ^ 1 << bit, slot));
    let slots = (0..32).map(move |bit| (name, slot ^ 1 << bit));
    assert_eq!(SessionKey::from_bits((name & 0xffff_ffff, slot)), None);
    names.chain(slots).filter_map(SessionKey::from_bits)
}

/// The same among so many that the engine fetches in advance what a key says that it will read.
#[test]
fn invented_keys_in_a_crowd() {
    let mut engine = Engine::new(config(|options| options.max_audience = 30_000));
    let connected = engine.connect(at(NOW), Connect::new(1).audience(0..30_000));
    let (key, decisions) = connected.expect("there is room");
    drain(decisions);
    for invented in one_bit_away(key) {
        let published = engine.publish(at(NOW), invented, 77).err();
        let disconnected = engine.disconnect(at(NOW), invented).err();
        assert_eq!((published, disconnected), (Some(Error::UnknownSession), published));
        engine.prefetch([invented]);
    }
    drain(engine.publish(at(NOW), key, 8).expect("it is attached"));
    assert_eq!(engine.presence(key), Some(&8));
}

/// Two engines do not know of each other: a key of one is no key of the other, unless the other
/// has given out the very same, so a host that has several, or that starts anew, must not mix
/// them up.
#[test]
fn keys_of_another_engine() {
    let (mut engine, keys) = busy(at(NOW));
    let (mut other, _) = busy(at(NOW));
    let mut foreign = Vec::new();
    for user in [1, 1, 5, 6] {
        let connected = other.connect(at(NOW), Connect::new(user).kind(DeviceKind(1)));
        let (key, decisions) = connected.expect("there is room");
        drain(decisions);
        foreign.push(key);
    }
    drain(other.disconnect(at(NOW), foreign[0]).expect("it is there"));
    let connected = other.connect(at(NOW), Connect::new(7).kind(DeviceKind(1)));
    foreign[0] = connected.expect("there is room").0;
    assert!(foreign.iter().all(|key| !keys.contains(key)));
    all_refuse("of another engine", &mut engine, &foreign);
}

/// The same through `apply`, and with a payload that is given back to nobody.
#[test]
fn events_with_keys_of_sessions_that_have_ended() {
    let (mut engine, [session, ..]) = busy(at(NOW));
    drain(engine.disconnect(at(NOW), session).expect("it is there"));
    all_events_refuse(&mut engine, session);
}

/// A detached session is no stale one, but it cannot speak.
#[test]
fn keys_of_detached_sessions() {
    for (verb, needs_attached, input) in SESSION_VERBS {
        let (mut engine, keys) = busy(at(NOW));
        let detached = keys[4];
        if needs_attached {
            refused(verb, &mut engine, Error::Detached, |engine| {
                input(engine, at(NOW + 500), detached).err()
            });
        } else {
            drain(input(&mut engine, at(NOW + 500), detached).expect(verb));
            assert_eq!(engine.verify(), Ok(()), "{verb}");
        }
    }
}

/// Its grace is over, and nobody has said `advance` yet: it cannot come back, and it still ends
/// with its notices.
#[test]
fn a_key_whose_grace_is_over_but_has_not_fired() {
    let (mut engine, keys) = busy(at(NOW));
    let over = at(NOW + 60_001);
    refused("resume", &mut engine, Error::UnknownSession, |engine| {
        engine.resume(over, keys[4]).err()
    });
    let said = drain(engine.advance(over));
    assert!(said.iter().any(|said| said.contains("Lost(NodeLoss)")), "{said:?}");
    all_refuse("over its grace", &mut engine, &[keys[4]]);
}

/// What a session was told is not held against the one that has its place and slot now.
#[test]
fn a_newer_session_is_not_told_what_concerns_an_older_one() {
    let mut engine = Engine::new(config(|options| options.direct_to = adsum::DirectTo::Anyone));
    let connect = |engine: &mut Engine<u32, u32>, user| {
        let connected = engine.connect(at(NOW), Connect::new(user));
        connected.expect("there is room").0
    };
    let sender = connect(&mut engine, 1);
    let mut receiver = connect(&mut engine, 2);
    for _ in 0..3 {
        let said = drain(engine.direct(at(NOW), sender, &[2], 6).expect("anyone may"));
        assert_eq!(said.len(), 1, "{said:?}");
        drain(engine.disconnect(at(NOW), receiver).expect("it is there"));
        let newer = connect(&mut engine, 2);
        assert!(newer != receiver && newer.slot() == receiver.slot());
        receiver = newer;
    }
    assert_eq!(engine.counts().told, 3, "those who were told are remembered until there is need");
    let said = drain(engine.disconnect(at(NOW), sender).expect("it is there"));
    assert!(
        said.len() == 1 && said[0].starts_with("Ended"),
        "nobody who is here is told: {said:?}"
    );
}
