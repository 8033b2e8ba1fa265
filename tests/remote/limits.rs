//! How many sessions a user may have here, where it has some at other nodes as well (rules 12 and
//! C11).

use crate::edges::{ELSEWHERE, engine, session, state};
use adsum::{
    Connect, DeviceKind, Engine, Error, LostCause, OverLimit, RemoteLoss, RemoteSession,
    SessionKey, Time,
};

const MOST: u16 = 3;

/// Connects user 2 here.
fn connect(engine: &mut Engine<u32, u32>, now: u64, kind: u8) -> Result<SessionKey, Error> {
    let connect = Connect::new(2).kind(DeviceKind(kind)).audience([1]);
    let (key, decisions) = engine.connect(Time::from_millis(now), connect)?;
    decisions.for_each(|_| {});
    Ok(key)
}

/// Has another node say that it has these sessions of user 2.
fn say(engine: &mut Engine<u32, u32>, sessions: Vec<RemoteSession<u32, u32>>) {
    let said = engine.remote_state(Time::ZERO, ELSEWHERE, 2, state(sessions));
    said.expect("there is room").for_each(|_| {});
    assert_eq!(engine.verify(), Ok(()));
}

fn detached(id: u64) -> RemoteSession<u32, u32> {
    let lost = RemoteLoss { cause: LostCause::ConnectionError, since_ms: 0, left_ms: 60_000 };
    RemoteSession { lost: Some(lost), ..session(id, Some(8)) }
}

fn own(engine: &Engine<u32, u32>) -> Vec<SessionKey> {
    engine.sessions(&2).filter(|key| !key.is_remote()).collect()
}

/// A session that is to go at its own node, which may be silent for long, makes way once.
#[test]
fn who_has_to_go_elsewhere_makes_way_for_one_newcomer() {
    for is_detached in [false, true] {
        let evict = OverLimit::EvictOldest { min_age_ms: 0 };
        let mut engine = engine(|all| (all.max_sessions, all.over_limit) = (MOST, evict));
        say(&mut engine, vec![if is_detached { detached(1) } else { session(1, Some(8)) }]);
        let mut keys = Vec::new();
        for nth in 1..=u64::from(MOST) + 3 {
            keys.push(connect(&mut engine, nth, 0).expect("somebody goes"));
            assert_eq!(engine.verify(), Ok(()), "after {nth}, detached: {is_detached}");
            // As many as may be here stay here: the one elsewhere goes when its node hears of it.
            let from = keys.len().saturating_sub(usize::from(MOST));
            assert_eq!(own(&engine), keys[from..]);
        }
        assert_eq!(engine.counts().remote, 1);
    }
}

#[test]
fn where_newcomers_are_refused_only_who_is_detached_makes_way() {
    let mut engine = engine(|all| (all.max_sessions, all.over_limit) = (MOST, OverLimit::Refuse));
    say(&mut engine, vec![detached(1), session(2, Some(8))]);
    let refused = Some(Error::SessionLimit { limit: MOST, kind: None });
    for nth in 1..=2 {
        connect(&mut engine, nth, 0).expect("there is room, or one that is detached goes");
    }
    assert_eq!(connect(&mut engine, 3, 0).err(), refused);
    // One here that is detached goes, after the one elsewhere.
    let first = own(&engine)[0];
    let lost = engine.lost(Time::from_millis(4), first, LostCause::ConnectionError);
    lost.expect("it is attached").for_each(|_| {});
    let last = connect(&mut engine, 5, 0).expect("one that is detached goes");
    assert!(engine.is_attached(last) && !own(&engine).contains(&first));
    assert_eq!(connect(&mut engine, 6, 0).err(), refused);
    assert_eq!((own(&engine).len(), engine.verify()), (2, Ok(())));
}

/// Where one of the kind goes elsewhere, the limit of all kinds holds here all the same.
#[test]
fn the_limits_of_a_kind_and_of_all_hold_together() {
    let mut engine = engine(|all| {
        (all.max_sessions, all.max_sessions_per_kind) = (2, Some(1));
        all.over_limit = OverLimit::EvictOldest { min_age_ms: 0 };
    });
    say(&mut engine, vec![RemoteSession { kind: DeviceKind(3), ..detached(1) }]);
    for (nth, kind) in [1, 2, 3, 3, 1, 2, 3].into_iter().enumerate() {
        let key = connect(&mut engine, nth as u64, kind).expect("somebody goes");
        assert_eq!(engine.verify(), Ok(()), "after {nth}");
        assert!(own(&engine).contains(&key) && own(&engine).len() <= 2, "after {nth}");
    }
}

/// The least age is that of whoever goes for the newcomer.
#[test]
fn whoever_is_too_young_does_not_make_way() {
    let mut engine = engine(|all| {
        (all.max_sessions, all.over_limit) = (1, OverLimit::EvictOldest { min_age_ms: 100 });
    });
    say(&mut engine, vec![detached(1)]);
    let first = connect(&mut engine, 10, 0).expect("the one elsewhere goes");
    let refused = Some(Error::SessionLimit { limit: 1, kind: None });
    assert_eq!(connect(&mut engine, 109, 0).err(), refused);
    let second = connect(&mut engine, 110, 0).expect("the one here goes");
    assert_eq!((own(&engine), engine.verify()), (vec![second], Ok(())));
    assert!(!engine.is_attached(first));
}

/// A node may have as many sessions of a user as an engine can, whatever may be here.
#[test]
fn a_node_has_at_most_so_many_sessions_of_a_user() {
    let sessions = |count| (1..=count).map(|id| session(id, Some(8))).collect();
    for (count, is_taken) in [(1_024, true), (1_025, false), (1_026, false)] {
        let mut engine = engine(|all| all.max_sessions = MOST);
        let said = engine.remote_state(Time::ZERO, ELSEWHERE, 2, state(sessions(count)));
        let refused = Error::SessionLimit { limit: 1_024, kind: None };
        match said {
            Ok(_) => assert!(is_taken, "{count}"),
            Err(error) => assert_eq!((error, is_taken), (refused, false), "{count}"),
        }
    }
}
