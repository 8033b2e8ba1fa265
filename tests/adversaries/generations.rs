//! The same place for a session, again and again, until its generations are used up.
//!
//! With the feature `shrunk` a place is good for four sessions and there are 65,536 places, so
//! that all of them can be used up; without it, for 2^31 each, of which some thousands are tried.
//! A resume takes a generation too, so a place is then good for fewer sessions, but a session that
//! is there is resumed as often as anybody likes.

use crate::common::{at, config, drain};
use adsum::{Connect, Counts, Engine, Error, LostCause, SessionKey};
use std::collections::BTreeSet;

const GENERATIONS: usize = 4;
const PLACES: usize = 1 << 16;
/// How many keys are kept to be tried again.
const REMEMBERED: usize = 64;

fn connect(engine: &mut Engine<u32, u32>, user: u32) -> Result<SessionKey, Error> {
    engine.connect(at(1), Connect::new(user)).map(|(key, _)| key)
}

fn all_stale(engine: &mut Engine<u32, u32>, keys: &[SessionKey]) {
    engine.prefetch(keys.iter().copied());
    for key in keys {
        assert_eq!(engine.user_of(*key), None, "{key:?}");
        let refused = [
            engine.publish(at(1), *key, 1).err(),
            engine.resume(at(1), *key).err(),
            engine.disconnect(at(1), *key).err(),
        ];
        assert_eq!(refused, [Some(Error::UnknownSession); 3], "{key:?}");
    }
}

/// How many sessions one after the other this test tries.
const fn sessions() -> usize {
    if cfg!(feature = "shrunk") { GENERATIONS * PLACES } else { 50_000 }
}

/// Of all sessions that one user ever has, one at a time, no two have the same key, and no key
/// of before opens anything.
#[test]
fn one_slot_reused_until_nothing_is_left() {
    let mut engine = Engine::new(config(|options| options.lease = None));
    let mut keys = BTreeSet::new();
    let mut remembered = Vec::new();
    for turn in 0..sessions() {
        let key = connect(&mut engine, 7).expect("there is room");
        assert!(keys.insert(key), "{key:?} is given out twice");
        assert_eq!(key.slot().index(), 0, "the slot is always the same");
        if turn.is_multiple_of(997) {
            drain(engine.publish(at(1), key, 5).expect("it is attached"));
            all_stale(&mut engine, &remembered);
            assert_eq!(engine.presence(key), Some(&5), "nobody else has touched it");
        }
        drain(engine.disconnect(at(1), key).expect("it is there"));
        if remembered.len() == REMEMBERED {
            // The first ones are kept for ever: they would be the first to come back.
            remembered.swap_remove(REMEMBERED / 2 + turn % (REMEMBERED / 2));
        }
        remembered.push(key);
    }
    let places: BTreeSet<u32> = keys.iter().map(|key| key.to_bits().0 as u32).collect();
    let full = connect(&mut engine, 7);
    if cfg!(feature = "shrunk") {
        assert_eq!(places.len(), PLACES, "each place is used, four times");
        assert_eq!(full, Err(Error::Full), "no place and no generation is left");
    } else {
        assert_eq!(places.len(), 1, "one place does for all");
        let key = full.expect("there is room");
        drain(engine.disconnect(at(1), key).expect("it is there"));
    }
    all_stale(&mut engine, &remembered);
    assert_eq!((engine.verify(), engine.counts()), (Ok(()), Counts::default()));
}

/// Places are given up one by one in the middle of others that are in use, whose sessions do not
/// notice. Far slots, of which a user with many sessions has some, are reused all the same.
#[test]
fn places_are_given_up_among_others_in_use() {
    let mut engine = Engine::new(config(|options| {
        // What is held for a while has a place too.
        (options.lease, options.settle_ms) = (None, 0);
    }));
    let mut stale: Vec<SessionKey> = Vec::new();
    let mut live: Vec<_> = (0..12).map(|at| connect(&mut engine, at / 4).expect("room")).collect();
    for turn in 0..400 {
        let place = turn * 5 % live.len();
        let key = live[place];
        drain(engine.publish(at(1), key, turn as u32).expect("it is attached"));
        drain(engine.disconnect(at(1), key).expect("it is there"));
        stale.push(key);
        live[place] = connect(&mut engine, place as u32 / 4).expect("there is room");
        assert!(!stale.contains(&live[place]), "{:?} is given out twice", live[place]);
        let slots: BTreeSet<_> = live.iter().map(|key| key.slot()).collect();
        assert_eq!(slots.len(), live.len(), "no two live sessions share a slot");
        assert!(slots.iter().all(|slot| slot.is_near() || slot.index() < 12));
    }
    all_stale(&mut engine, &stale);
    assert_eq!(engine.verify(), Ok(()));
    let places: BTreeSet<u32> = stale.iter().map(|key| key.to_bits().0 as u32).collect();
    match cfg!(feature = "shrunk") {
        true => assert!(places.len() > stale.len() / GENERATIONS - live.len(), "none is given up"),
        false => assert!(places.len() <= 12, "no more places than sessions at once"),
    }
}

/// A session is resumed far more often than its place is good for sessions: each time by another
/// key, at the same slot, as the same session; and all keys of before are stale.
#[test]
fn a_session_is_resumed_ten_thousand_times() {
    let mut engine = Engine::new(config(|options| options.lease = None));
    let mut key = connect(&mut engine, 7).expect("there is room");
    let (slot, id) = (key.slot(), engine.id_of(key).expect("it is there"));
    drain(engine.publish(at(1), key, 5).expect("it is attached"));
    let mut keys = BTreeSet::from([key]);
    for turn in 0..10_000 {
        if turn % 3 == 0 {
            drain(engine.lost(at(1), key, LostCause::NodeLoss).expect("it is attached"));
        }
        let (resumed, decisions) = engine.resume(at(1), key).expect("it is there");
        drain(decisions);
        assert!(keys.insert(resumed), "{resumed:?} is given out twice");
        assert_eq!((resumed.slot(), engine.id_of(resumed)), (slot, Some(id)));
        key = resumed;
    }
    assert_eq!(engine.session_by_id(id).map(|session| session.key), Some(key));
    assert_eq!(engine.presence(key), Some(&5), "it goes on showing what it showed");
    let stale: Vec<_> = keys.iter().filter(|old| **old != key).copied().collect();
    all_stale(&mut engine, &stale);
    drain(engine.disconnect(at(1), key).expect("it is there"));
    let next = connect(&mut engine, 7).expect("there is room");
    assert!(!keys.contains(&next), "{next:?} is given out twice");
    // Its place has been used too often for another session, if that is not often.
    let place = |key: SessionKey| key.to_bits().0 as u32;
    assert_eq!(place(next) == place(key), !cfg!(feature = "shrunk"));
    assert_eq!(engine.verify(), Ok(()));
}

/// Sessions that are resumed once each take two generations each: neither keys nor ids come back.
#[test]
fn generations_go_to_sessions_and_resumes_alike() {
    let mut engine = Engine::new(config(|options| options.lease = None));
    let (mut keys, mut ids) = (BTreeSet::new(), BTreeSet::new());
    let sessions = if cfg!(feature = "shrunk") { GENERATIONS / 2 * PLACES } else { 20_000 };
    for _ in 0..sessions {
        let key = connect(&mut engine, 7).expect("there is room");
        let id = engine.id_of(key).expect("it is there");
        let (resumed, decisions) = engine.resume(at(1), key).expect("it is there");
        drain(decisions);
        assert!(keys.insert(key) && keys.insert(resumed), "{key:?} or {resumed:?} came before");
        assert!(ids.insert(id), "{id:?} names two sessions");
        drain(engine.disconnect(at(1), resumed).expect("it is there"));
        assert!(engine.session_by_id(id).is_none(), "{id:?} is over");
    }
    let full = connect(&mut engine, 7);
    match cfg!(feature = "shrunk") {
        true => assert_eq!(full, Err(Error::Full), "half as many sessions used everything up"),
        false => assert!(full.is_ok_and(|key| !keys.contains(&key))),
    }
    assert!(ids.iter().take(1_000).all(|id| engine.session_by_id(*id).is_none()));
    assert_eq!(engine.verify(), Ok(()));
}
