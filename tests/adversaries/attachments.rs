//! Connections that end late, after their session has another one: whatever they say, and whatever
//! a host does with their keys, the session that is there is not touched.

use crate::common::{Picture, SESSION_VERBS, at, busy, config, drain, refused};
use crate::keys::{all_events_refuse, all_refuse};
use adsum::{Connect, Decision, Engine, Error, LostCause, SessionKey, SlotMap};
use std::collections::BTreeSet;

const NOW: u64 = 1_000;

fn resume(engine: &mut Engine<u32, u32>, key: SessionKey) -> SessionKey {
    let (resumed, decisions) = engine.resume(at(NOW), key).expect("it is there");
    drain(decisions);
    resumed
}

/// Every verb with the key of every attachment that was replaced, of sessions that were attached,
/// congested or detached then and are attached, congested or detached now.
#[test]
fn keys_of_attachments_that_were_replaced() {
    let (mut engine, mut keys) = busy(at(NOW));
    let mut stale = Vec::new();
    for turn in 0..4 {
        for key in &mut keys {
            let resumed = resume(&mut engine, *key);
            assert!(resumed.slot() == key.slot() && resumed != *key);
            stale.push(std::mem::replace(key, resumed));
        }
        drain(engine.congested(at(NOW), keys[turn]).expect("it is attached"));
        let last = keys[4 - turn];
        drain(engine.lost(at(NOW), last, LostCause::Timeout).expect("it is attached"));
        all_refuse("of an attachment that was replaced", &mut engine, &stale);
    }
    assert_eq!(stale.len(), 20);
    // And when the sessions have ended, and others are there.
    for user in [1, 2, 3] {
        drain(engine.expel(at(NOW), &user));
    }
    stale.extend(keys);
    for user in [1, 1, 2, 3, 3] {
        let connect = Connect::new(user).audience(0..5);
        drain(engine.connect(at(NOW), connect).expect("there is room").1);
    }
    all_refuse("of an attachment of a session that has ended", &mut engine, &stale);
}

/// The same through events, with whatever grace they bring.
#[test]
fn events_of_attachments_that_were_replaced() {
    let (mut engine, [session, ..]) = busy(at(NOW));
    let live = resume(&mut engine, session);
    all_events_refuse(&mut engine, session);
    assert!(engine.is_attached(live));
}

/// The two ends of a session and of its attachment race: whichever comes first, the other one is
/// refused, and the session goes its way.
#[test]
fn a_late_end_races_with_each_verb_of_the_live_attachment() {
    for (verb, _, input) in SESSION_VERBS {
        let run = |late_first: bool| {
            let (mut engine, [session, ..]) = busy(at(NOW));
            let live = resume(&mut engine, session);
            let late = |engine: &mut Engine<u32, u32>| {
                let lost = engine.lost(at(NOW), session, LostCause::ConnectionError).err();
                let gone = engine.disconnect(at(NOW), session).err();
                assert_eq!([lost, gone], [Some(Error::UnknownSession); 2], "{verb}");
            };
            if late_first {
                late(&mut engine);
            }
            let said = drain(input(&mut engine, at(NOW), live).expect(verb));
            late(&mut engine);
            let rest = drain(engine.advance(at(NOW + 500_000)));
            (said, rest, Picture::of(&engine).0)
        };
        assert_eq!(run(true), run(false), "{verb}");
    }
}

/// A loss for whose grace there is no room is refused, and changes nothing: of an attached session
/// as of a detached one. Who has no session is told that first.
#[test]
fn graces_that_are_too_long() {
    let (mut engine, keys) = busy(at(NOW));
    let stale = keys[0];
    let live = resume(&mut engine, stale);
    let limit_ms = 7 * 24 * 60 * 60 * 1_000;
    for grace_ms in [limit_ms + 1, 1 << 40, u64::MAX] {
        for (key, error) in [
            (live, Error::GraceLimit { limit_ms }),
            (keys[2], Error::GraceLimit { limit_ms }),
            (keys[4], Error::GraceLimit { limit_ms }),
            (stale, Error::UnknownSession),
        ] {
            refused("a grace", &mut engine, error, |engine| {
                engine.lost_with_grace(at(NOW + 9), key, LostCause::Timeout, grace_ms).err()
            });
        }
    }
    let lost = engine.lost_with_grace(at(NOW), live, LostCause::Timeout, limit_ms);
    assert_eq!(drain(lost.expect("so long a grace is allowed")), [""; 0]);
    assert!(!engine.is_attached(live) && engine.session(live).is_some());
}

/// A host's table is asked by key: the late end of an old connection finds nothing in it, and takes
/// nothing out that belongs to the new one, or to another session at the same slot.
#[test]
fn a_table_of_sockets_is_asked_with_late_keys() {
    let mut engine = Engine::<u32, u32>::new(config(|_| {}));
    let mut sockets = SlotMap::new();
    let (first, _) = engine.connect(at(NOW), Connect::new(7)).expect("there is room");
    assert_eq!(sockets.insert(first, "first"), None);
    let second = resume(&mut engine, first);
    assert_eq!(sockets.insert(second, "second"), Some((first, "first")));
    drain(engine.disconnect(at(NOW), second).expect("it is there"));
    let late = |sockets: &mut SlotMap<&str>, keys: &[SessionKey]| {
        for key in keys {
            assert_eq!(sockets.get(*key), None, "{key:?}");
            assert_eq!(sockets.get_mut(*key), None, "{key:?}");
            assert_eq!(sockets.remove(*key), None, "{key:?}");
        }
    };
    late(&mut sockets, &[first]);
    assert_eq!(sockets.at(first.slot()), Some((second, &"second")));

    // The slot is another session's by now, whose host was not told of the end before.
    let (third, _) = engine.connect(at(NOW), Connect::new(7)).expect("there is room");
    assert_eq!(third.slot(), first.slot());
    assert_eq!(sockets.insert(third, "third"), Some((second, "second")));
    late(&mut sockets, &[first, second]);
    assert_eq!((sockets.get(third), sockets.len()), (Some(&"third"), 1));
    assert_eq!(sockets.iter().collect::<Vec<_>>(), [(third, &"third")]);

    // Invented keys of the same slot, and slots beyond the table.
    let (name, slot) = third.to_bits();
    let invented = [(name ^ 1, slot), (name ^ 2 << 32, slot), (name, slot ^ 1), (name, u32::MAX)];
    let invented = invented.map(|bits| SessionKey::from_bits(bits).expect("it has a generation"));
    late(&mut sockets, &invented);
    assert_eq!(sockets.remove(third), Some("third"));
    assert_eq!((sockets.remove(third), sockets.is_empty()), (None, true));
}

/// A host as careful as it can be keeps one socket for each attachment by key, and reports the end
/// of each socket, however late: no receiver is ever without a socket, and every socket that it is
/// told to close is that of an attachment that is over.
#[test]
fn a_host_whose_sockets_all_end_late() {
    let mut engine = Engine::<u32, u32>::new(config(|options| options.lease = None));
    let mut sockets = SlotMap::new();
    let mut live = Vec::new();
    for user in 0..6 {
        let connect = Connect::new(user).audience(0..6);
        let (key, decisions) = engine.connect(at(NOW), connect).expect("there is room");
        drain(decisions);
        sockets.insert(key, ());
        live.push(key);
    }
    let mut ending: Vec<SessionKey> = Vec::new();
    let (mut closed, mut told) = (BTreeSet::new(), 0);
    for turn in 0..2_000_usize {
        let place = turn * 7 % live.len();
        let (key, decisions) = engine.resume(at(NOW), live[place]).expect("it is there");
        let old = sockets.insert(key, ()).map(|(old, ())| old);
        decisions.for_each(|decision| {
            if let Decision::Close { session, .. } = decision {
                assert!(closed.insert(session), "{session:?} is closed twice");
                assert_eq!(old, Some(session), "the socket that has just been replaced");
            }
        });
        ending.push(std::mem::replace(&mut live[place], key));
        // Some of the old ones end at last, in no order.
        while ending.len() > 9 {
            let key = ending.swap_remove(turn % ending.len());
            assert_eq!(sockets.remove(key), None, "its place has the socket of another");
            let lost = engine.lost(at(NOW), key, LostCause::ConnectionError).err();
            assert_eq!(lost, Some(Error::UnknownSession));
        }
        let speaker = live[(place + 1) % live.len()];
        engine
            .publish(at(NOW + turn as u64 * 2_000), speaker, 1)
            .expect("it is attached")
            .for_each(|decision| {
                if let Decision::Deliver { to, .. } = decision {
                    for slot in to {
                        let (key, ()) = sockets.at(*slot).expect("who is told has a socket");
                        assert!(live.contains(&key), "{key:?} is told something");
                        told += 1;
                    }
                }
            });
    }
    assert_eq!((closed.len(), told), (2_000, 2_000 * 5));
    assert_eq!((engine.counts().sessions, engine.verify()), (6, Ok(())));
}
