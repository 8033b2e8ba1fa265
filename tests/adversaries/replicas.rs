//! Receivers that are too small for what they are told (promise 4, case 50).

use crate::common::{at, config};
use adsum::{Connect, Decision, Engine, LostCause, Replica, ReplicaFull, SessionKey};
use std::collections::BTreeSet;

type People = Engine<&'static str, u32>;

fn comes(engine: &mut People, user: &'static str) -> SessionKey {
    let connect = Connect::new(user).audience(["ann", "bob", "cyd", "dan"]);
    let (key, decisions) = engine.connect(at(0), connect).expect("there is room");
    decisions.for_each(|_| {});
    engine.publish(at(0), key, 1).expect("it is attached").for_each(|_| {});
    key
}

fn held(replica: &Replica<&'static str, u32>) -> BTreeSet<&'static str> {
    replica.users().copied().collect()
}

/// Who has gone is gone, one of the rest is missing, and it says so.
#[test]
fn a_full_replica_recovers_from_anything_by_a_snapshot() {
    let mut engine = People::new(config(|options| options.settle_ms = 0));
    let mut replica = Replica::new(2);
    let mut dan = comes(&mut engine, "dan");
    let mut others = ["ann", "bob"].map(|user| comes(&mut engine, user));
    let names = ["ann", "bob", "cyd"];
    for round in 0..5 {
        // While dan is away, one of the two leaves and a third comes, and then a fourth stays too.
        let (goes, next) = (names[round % 3], names[(round + 2) % 3]);
        let lost = engine.lost(at(0), dan, LostCause::ConnectionError);
        lost.expect("it is attached").for_each(|_| {});
        engine.disconnect(at(0), others[0]).expect("it is there").for_each(|_| {});
        others = [others[1], comes(&mut engine, next)];
        let extra = (round == 3).then(|| comes(&mut engine, goes));
        let (key, mut decisions) = engine.resume(at(0), dan).expect("it is there");
        let mut outcome = Ok(());
        while let Some(decision) = decisions.next() {
            if let Decision::Snapshot(snapshot) = decision {
                outcome = replica.apply_snapshot(&snapshot);
            }
        }
        drop(decisions);
        dan = key;
        let there: BTreeSet<_> = names.into_iter().filter(|name| engine.is_online(name)).collect();
        assert!(held(&replica).is_subset(&there), "{:?} of {there:?}", held(&replica));
        assert_eq!(replica.len(), 2, "as many as fit");
        assert_eq!(outcome, if extra.is_some() { Err(ReplicaFull) } else { Ok(()) });
        if let Some(extra) = extra {
            engine.disconnect(at(0), extra).expect("it is there").for_each(|_| {});
        }
    }
}

/// Between the beginning of a snapshot and its end, what was believed still is, each session with
/// what it says, directed presence included.
#[test]
fn an_open_snapshot_leaves_no_session_that_says_nothing() {
    let mut replica = Replica::<&str, u32, u32>::new(4);
    replica.set_presence("ann", 1, 10).expect("there is room");
    replica.set_directed("ann", 1, 11).expect("there is room");
    replica.set_directed("bob", 2, 20).expect("there is room");
    replica.begin_snapshot();
    let of = |replica: &Replica<&str, u32, u32>, user: &str| {
        let sessions = replica.sessions_of(user);
        sessions.map(|(id, own, to_it)| (id, own.copied(), to_it.copied())).collect::<Vec<_>>()
    };
    assert_eq!(of(&replica, "ann"), [(1, Some(10), Some(11))]);
    assert_eq!(of(&replica, "bob"), [(2, None, Some(20))]);
    replica.set_presence("ann", 1, 12).expect("it is there");
    assert_eq!(of(&replica, "ann"), [(1, Some(12), Some(11))]);
    // What is said after the beginning is the present.
    replica.set_directed("cyd", 3, 30).expect("there is room");
    assert_eq!(replica.end_snapshot(), Ok(()));
    assert_eq!(of(&replica, "ann"), [(1, Some(12), None)]);
    assert_eq!(of(&replica, "bob"), []);
    assert_eq!(of(&replica, "cyd"), [(3, None, Some(30))]);
}
