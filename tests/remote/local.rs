//! What an engine says of its own users to other nodes.

use crate::edges::{ELSEWHERE, engine, session, state, told, viewer};
use adsum::{
    Connect, DeviceKind, Engine, Event, Grace, Join, LostCause, RemoteEnd, RemoteLists, RemoteLoss,
    RemoteMember, RemotePresence, RemoteSession, RemoteState, SessionKey, Time, View,
};

fn at(ms: u64) -> Time {
    Time::from_millis(ms)
}

/// An engine that notes changes, with user 2 whom user 1 sees.
fn with_user() -> (Engine<u32, u32>, SessionKey) {
    let mut engine = engine(|options| {
        options.grace = Grace { timeout_ms: 500, ..options.grace };
        options.lease = None;
    });
    engine.note_changes();
    viewer(&mut engine);
    let connect = Connect::new(2).audience([1]).blocked([3]);
    let (key, decisions) = engine.connect(at(10), connect).expect("there is room");
    decisions.for_each(|_| {});
    (engine, key)
}

fn changed(engine: &mut Engine<u32, u32>) -> Vec<(u32, bool)> {
    let next = || engine.next_changed().map(|user| (*user.id(), user.is_online()));
    std::iter::from_fn(next).collect()
}

#[test]
fn what_a_session_shows_is_said_in_durations() {
    let (mut engine, key) = with_user();
    let id = engine.id_of(key).expect("it is there");
    let shown = engine.publish_until(at(20), key, 5, at(900), Some(6));
    shown.expect("it is attached").for_each(|_| {});
    let join = Join::Member { presence: None, view: View::Nothing };
    let (topic, decisions) = engine.join(at(20), key, 100, join).expect("there is room");
    decisions.for_each(|_| {});
    for (presence, number) in [(7, 2), (8, 3)] {
        engine.update(at(20), key, topic, presence).expect("a member").for_each(|_| {});
        let local = engine.local_user(&2).expect("it is online");
        let there = local.topics_of(id).next().expect("it is a member");
        assert_eq!((there.number, there.presence), (number, Some(&presence)));
    }
    engine.lost(at(30), key, LostCause::Timeout).expect("it is attached").for_each(|_| {});
    let until = Some(RemoteEnd { left_ms: 860, then: Some(6) });
    let said = RemoteSession {
        id,
        kind: DeviceKind(0),
        age_ms: 30,
        lost: Some(RemoteLoss { cause: LostCause::Timeout, since_ms: 10, left_ms: 490 }),
        number: 2,
        shown: Some(RemotePresence { presence: 5, age_ms: 40, until }),
        idle_ms: None,
        topics: vec![RemoteMember { topic: 100, observes: false, number: 3, presence: Some(8) }],
    };
    let lists = RemoteLists { audience: vec![1], blocked: vec![3], visible: true };
    let all = RemoteState { lists: Some(lists), sessions: vec![said], ended: Vec::new() };
    let local = engine.local_user(&2).expect("it is online");
    assert_eq!(local.to_remote(at(40), true), all);
    assert_eq!(format!("{local:?}"), "LocalUser { visible: true, .. }");
    let without_lists = RemoteState { lists: None, ..all };
    assert_eq!(local.to_remote(at(40), false), without_lists);
    // Nor does it forget a number when it gives memory back.
    engine.shrink_to_fit();
    let local = engine.local_user(&2).expect("it is online");
    assert_eq!(local.to_remote(at(40), false), without_lists);
    let topic = format!("{:?}", engine.topic(&100).expect("it is occupied"));
    assert!(topic.starts_with("Topic { key: "), "{topic}");
}

/// What comes by itself counts one, as every node sees it, and what is published two.
#[test]
fn the_end_of_a_presence_has_a_number_of_its_own() {
    let (mut engine, key) = with_user();
    let number = |engine: &Engine<u32, u32>| {
        let local = engine.local_user(&2).expect("it is online");
        local.sessions().next().expect("it is here").number
    };
    for (until, then, expected) in [(100, Some(6), 3), (200, None, 6)] {
        let from = at(until - 50);
        let shown = engine.publish_until(from, key, 5, at(until), then);
        shown.expect("it is attached").for_each(|_| {});
        assert_eq!(number(&engine), expected - 1);
        engine.advance(at(until + 1)).for_each(|_| {});
        assert_eq!(number(&engine), expected);
    }
}

#[test]
fn changes_here_are_noted_and_those_elsewhere_are_not() {
    let (mut engine, key) = with_user();
    assert_eq!(changed(&mut engine), [(1, true), (2, true)]);
    assert_eq!(changed(&mut engine), []);
    let said = state(vec![session(1, Some(8))]);
    engine.remote_state(at(20), ELSEWHERE, 4, said).expect("room").for_each(|_| {});
    assert_eq!(changed(&mut engine), []);
    let of = engine.user_sessions(&4).next().expect("it is known").id;
    assert_eq!((engine.origin_of(of), engine.origins_of(&4).count()), (Some(ELSEWHERE), 1));
    let own = engine.id_of(key).expect("it is there");
    assert_eq!((engine.origin_of(own), engine.origins_of(&2).count()), (None, 0));
    let ended = told(engine.disconnect(at(30), key).expect("it is there"));
    assert_eq!(ended.len(), 1, "nobody was shown anything: {ended:?}");
    assert_eq!(changed(&mut engine), [(2, false)]);
}

/// A user counts as being elsewhere as long as a node has a session of it, heard of or not.
#[test]
fn who_is_elsewhere_too_is_known() {
    let (mut engine, _) = with_user();
    let is_elsewhere =
        |engine: &Engine<u32, u32>| engine.local_user(&2).expect("it is online").is_elsewhere();
    assert!(!is_elsewhere(&engine));
    let said = state(vec![session(1, Some(8))]);
    engine.remote_state(at(20), ELSEWHERE, 2, said).expect("room").for_each(|_| {});
    assert!(is_elsewhere(&engine));
    engine.origin_lost(at(30), ELSEWHERE).for_each(|_| {});
    assert!(is_elsewhere(&engine), "it may be back");
    engine.origin_gone(at(40), ELSEWHERE).for_each(|_| {});
    assert!(!is_elsewhere(&engine));
}

/// Whatever changes lists, or whether a user is to be seen, is said by the node where it was given.
#[test]
fn what_belongs_to_a_user_is_noted_where_it_changes() {
    let (mut engine, key) = with_user();
    engine.verify().expect("those who are noted count as named");
    changed(&mut engine);
    let events = [
        Event::AudienceAdd { user: 2, contacts: vec![4] },
        Event::AudienceRemove { user: 2, contacts: vec![4] },
        Event::AudienceReplace { user: 2, contacts: vec![1, 5] },
        Event::Block { user: 2, other: 6 },
        Event::Unblock { user: 2, other: 6 },
        Event::Invisible { session: key },
        Event::Visible { session: key },
    ];
    for event in events {
        engine.apply(at(30), event.clone()).expect("it is right").for_each(|_| {});
        assert_eq!(changed(&mut engine), [(2, true)], "{event:?}");
    }
    // What another node says of the same is that node's.
    let lists = RemoteLists { audience: vec![1], blocked: vec![7], visible: false };
    let said = RemoteState { lists: Some(lists), ..state(vec![session(1, Some(8))]) };
    engine.remote_state(at(40), ELSEWHERE, 2, said).expect("room").for_each(|_| {});
    assert!(engine.is_invisible(&2));
    assert_eq!(changed(&mut engine), []);
}
