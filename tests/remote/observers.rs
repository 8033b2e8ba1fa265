//! Who observes a topic at another node: counted, and nothing else (rule T7).

use crate::edges::{ELSEWHERE, engine, session, state, told, viewer};
use adsum::{
    Config, Connect, Engine, Error, Join, RemoteMember, RemoteSession, RemoteState, Time,
    TopicCounts, View,
};
use std::rc::Rc;

const TOPIC: u32 = 100;

fn at(ms: u64) -> Time {
    Time::from_millis(ms)
}

fn say(
    engine: &mut Engine<u32, u32>,
    now: u64,
    said: RemoteState<u32, u32>,
) -> Result<Vec<String>, Error> {
    engine.remote_state(at(now), ELSEWHERE, 2, said).map(told)
}

/// What a node says of user 2, who is in the topic so.
fn is_in(observes: bool, number: u64, presence: Option<u32>) -> RemoteState<u32, u32> {
    let topics = vec![RemoteMember { topic: TOPIC, observes, number, presence }];
    state(vec![RemoteSession { topics, ..session(1, Some(8)) }])
}

/// How a session is in the topic: whether it observes, the number of what it shows, and that.
type In = (bool, u64, Option<u32>);

/// What a node says of two sessions of user 2.
fn two(first: &[In], second: &[In]) -> RemoteState<u32, u32> {
    let topics = |all: &[In]| {
        let of = |(observes, number, presence): &In| {
            let (observes, number, presence) = (*observes, *number, *presence);
            RemoteMember { topic: TOPIC, observes, number, presence }
        };
        all.iter().map(of).collect()
    };
    state(vec![
        RemoteSession { topics: topics(first), ..session(1, Some(8)) },
        RemoteSession { topics: topics(second), ..session(2, None) },
    ])
}

fn counts(engine: &Engine<u32, u32>) -> Option<TopicCounts> {
    engine.topic(&TOPIC).map(|topic| topic.counts())
}

fn of(users: u32, observers: u32) -> Option<TopicCounts> {
    Some(TopicCounts { users, sessions: users, observers })
}

/// An engine with user 1, who is a member and views everything.
fn with_member() -> Engine<u32, u32> {
    let mut engine = engine(|_| {});
    viewer(&mut engine);
    let key = engine.sessions(&1).next().expect("it is here");
    let join = Join::Member { presence: Some(1), view: View::All };
    engine.join(at(1), key, TOPIC, join).expect("there is room").1.for_each(|_| {});
    engine
}

#[test]
fn rule_t7_who_observes_elsewhere_is_counted_and_not_shown() {
    let mut engine = with_member();
    let observes = is_in(true, 1, None);
    let first = say(&mut engine, 2, observes.clone()).expect("there is room");
    assert_eq!(first, ["2 online true", "2: 8 to 1"], "contacts hear of it, and no topic");
    assert_eq!(counts(&engine), of(1, 1));
    assert_eq!(say(&mut engine, 3, observes), Ok(Vec::new()));
    assert_eq!(counts(&engine), of(1, 1), "what is said again changes nothing");
    // It shows nothing there, whatever its node says.
    assert_eq!(say(&mut engine, 4, is_in(true, 2, Some(5))), Ok(Vec::new()));
    let topic = engine.topic(&TOPIC).expect("it is occupied");
    assert_eq!(topic.users().collect::<Vec<_>>(), [&1]);
    let from = (&2, session(1, None).id);
    let says = engine.remote_say(at(5), ELSEWHERE, from, &TOPIC, 6, None);
    assert_eq!(says.err(), Some(Error::NotMember));
    assert_eq!(say(&mut engine, 6, state(vec![session(1, Some(8))])), Ok(Vec::new()));
    assert_eq!((counts(&engine), engine.verify()), (of(1, 0), Ok(())));
}

#[test]
fn who_observes_first_and_then_joins_has_come_and_the_other_way_round_has_left() {
    let mut engine = with_member();
    say(&mut engine, 2, is_in(true, 1, None)).expect("there is room");
    assert_eq!(say(&mut engine, 3, is_in(false, 2, Some(5))), Ok(vec!["2 joins: Some(5)".into()]));
    assert_eq!(counts(&engine), of(2, 0));
    assert_eq!(say(&mut engine, 4, is_in(true, 3, None)), Ok(vec!["2 leaves".into()]));
    assert_eq!((counts(&engine), engine.verify()), (of(1, 1), Ok(())));
}

/// A topic is there as long as anybody at any node observes it.
#[test]
fn rule_t13_an_observer_elsewhere_keeps_a_topic_open() {
    let mut engine = engine(|_| {});
    viewer(&mut engine);
    say(&mut engine, 2, is_in(true, 1, None)).expect("there is room");
    assert_eq!(counts(&engine), of(0, 1));
    let gone = say(&mut engine, 3, state(Vec::new())).expect("there is room");
    assert!(gone[1].starts_with("TopicVacated"), "{gone:?}");
    assert_eq!(counts(&engine), None);
}

#[test]
fn who_observes_elsewhere_and_is_invisible_is_not_counted() {
    let mut engine = with_member();
    let mut hidden = is_in(true, 1, None);
    hidden.lists.as_mut().expect("they are given").visible = false;
    say(&mut engine, 2, hidden.clone()).expect("there is room");
    assert_eq!(counts(&engine), of(1, 0));
    hidden.lists.as_mut().expect("they are given").visible = true;
    say(&mut engine, 3, hidden).expect("there is room");
    assert_eq!((counts(&engine), engine.verify()), (of(1, 1), Ok(())));
}

/// Of one device that goes and another that comes to observe, the user has left as a member.
#[test]
fn who_observes_takes_no_members_place() {
    let mut engine = with_member();
    say(&mut engine, 2, is_in(false, 1, Some(5))).expect("there is room");
    let topics = vec![RemoteMember { topic: TOPIC, observes: true, number: 2, presence: None }];
    let other = RemoteSession { topics, ..session(2, None) };
    let first = session(1, Some(8));
    let told = say(&mut engine, 3, state(vec![first, other])).expect("there is room");
    assert_eq!(told, ["2 leaves"]);
    assert_eq!((counts(&engine), engine.verify()), (of(1, 1), Ok(())));
}

/// The other way round: the user has not left, since another of its devices has come.
#[test]
fn who_observes_from_now_on_makes_room_for_another_device() {
    let mut engine = with_member();
    say(&mut engine, 2, is_in(false, 1, Some(5))).expect("there is room");
    say(&mut engine, 3, two(&[(false, 1, Some(5))], &[])).expect("there is room");
    let swapped = two(&[(true, 2, None)], &[(false, 1, Some(6))]);
    let told = say(&mut engine, 4, swapped).expect("there is room");
    assert!(told[1].starts_with("MemberSessionEnded"), "{told:?}");
    assert_eq!((&told[0][..], told.len()), ("2 there: Some(6)", 2));
    assert_eq!((counts(&engine), engine.verify()), (of(2, 1), Ok(())));
}

#[test]
fn what_a_node_says_that_an_observer_shows_is_dropped() {
    let shown = Rc::new(());
    let mut engine = Engine::<u32, Rc<()>>::new(Config::default());
    let presence = Some(shown.clone());
    let topics = vec![RemoteMember { topic: TOPIC, observes: true, number: 1, presence }];
    let RemoteSession { id, kind, age_ms, lost, number, idle_ms, .. } = session(1, None);
    let there = RemoteSession { id, kind, age_ms, lost, number, shown: None, idle_ms, topics };
    let said = RemoteState { lists: None, sessions: vec![there], ended: Vec::new() };
    engine.remote_state(at(1), ELSEWHERE, 2, said).expect("there is room").for_each(|_| {});
    assert_eq!(Rc::strong_count(&shown), 1);
}

#[test]
fn a_node_says_who_observes() {
    let mut engine = engine(|_| {});
    engine.note_changes();
    let (key, decisions) = engine.connect(at(1), Connect::new(2)).expect("there is room");
    decisions.for_each(|_| {});
    let mut changed = Vec::new();
    let mut look = |engine: &mut Engine<u32, u32>| {
        let said = engine.next_changed().map(|local| local.to_remote(at(9), false).sessions);
        let topics = said.map(|mut sessions| sessions.remove(0).topics);
        changed.push(topics.map(|all| all.iter().map(|one| one.observes).collect::<Vec<_>>()));
        assert!(engine.next_changed().is_none());
    };
    look(&mut engine);
    let join = Join::Observer { view: View::Count };
    let (topic, decisions) = engine.join(at(2), key, TOPIC, join).expect("there is room");
    decisions.for_each(|_| {});
    look(&mut engine);
    engine.look(at(3), key, topic, View::All).expect("it is in it").for_each(|_| {});
    look(&mut engine);
    engine.leave(at(4), key, topic).expect("it is in it").for_each(|_| {});
    look(&mut engine);
    // What it views is nobody else's business.
    assert_eq!(changed, [Some(vec![]), Some(vec![true]), None, Some(vec![])]);
}
