//! When a node that is lost is gone: by its moment, among all else that is due.

use crate::edges::{ELSEWHERE, engine, session, state, told, viewer};
use crate::nodes::newest;
use adsum::{
    Config, Connect, Decision, Engine, Grace, Join, LostCause, Options, Origin, RemoteMember,
    RemoteSession, RemoteState, Time, TopicChange, TopicOptions, View,
};
use std::collections::BTreeSet;

const GONE: u64 = 1_000;

fn at(ms: u64) -> Time {
    Time::from_millis(ms)
}

fn options() -> Options {
    let grace = Grace { node_loss_ms: GONE, timeout_ms: 0, ..Grace::default() };
    Options { skew_ms: 0, settle_ms: 0, lease: None, grace, ..Options::default() }
}

/// Has user 2 be at a node of which nothing is heard from the beginning of time on.
fn lose(engine: &mut Engine<u32, u32>, of: RemoteSession<u32, u32>) {
    let said = engine.remote_state(Time::ZERO, ELSEWHERE, 2, state(vec![of]));
    said.expect("there is room").for_each(|_| {});
    engine.origin_lost(Time::ZERO, ELSEWHERE).for_each(|_| {});
}

/// Returns which of the two is told first, when time has leapt over both.
fn first_of(engine: &mut Engine<u32, u32>, [one, other]: [&str; 2]) -> usize {
    let told = told(engine.advance(at(5_000)));
    let place = |wanted| {
        let place = told.iter().position(|told| told.starts_with(wanted));
        place.unwrap_or_else(|| panic!("{wanted} is not told: {told:?}"))
    };
    usize::from(place(other) < place(one))
}

/// What is due at the same moment comes after it, and so does what its ends bring about.
#[test]
fn what_ends_by_itself_keeps_its_place() {
    for (until, first) in [(GONE - 1, 1), (GONE, 0), (GONE + 1, 0)] {
        let mut engine = engine(|all| *all = options());
        viewer(&mut engine);
        lose(&mut engine, session(1, Some(8)));
        let viewer = engine.sessions(&1).next().expect("it is here");
        let shown = engine.publish_until(Time::ZERO, viewer, 1, at(until), Some(5));
        shown.expect("it is attached").for_each(|_| {});
        let (own, decisions) =
            engine.connect(Time::ZERO, Connect::new(1).audience([2])).expect("there is room");
        decisions.for_each(|_| {});
        assert_eq!(first_of(&mut engine, ["2 offline", "1: 5"]), first, "{until}");
        assert!(engine.is_attached(own));
    }
}

#[test]
fn a_grace_keeps_its_place() {
    for (over, first) in [(GONE - 1, 1), (GONE, 0), (GONE + 1, 0)] {
        let mut engine = engine(|all| *all = options());
        viewer(&mut engine);
        lose(&mut engine, session(1, Some(8)));
        let (key, decisions) =
            engine.connect(Time::ZERO, Connect::new(3).audience([1])).expect("there is room");
        decisions.for_each(|_| {});
        let lost = engine.lost_with_grace(Time::ZERO, key, LostCause::Timeout, over);
        lost.expect("it is attached").for_each(|_| {});
        assert_eq!(first_of(&mut engine, ["2 offline", "3 Lost"]), first, "{over}");
    }
}

/// Of a grace and a node that are over at the same moment, the one that was lost first is first.
#[test]
fn graces_of_one_moment_are_over_in_the_order_in_which_they_began() {
    for node_first in [true, false] {
        let mut engine = engine(|all| *all = options());
        viewer(&mut engine);
        let (key, decisions) =
            engine.connect(Time::ZERO, Connect::new(3).audience([1])).expect("there is room");
        decisions.for_each(|_| {});
        if node_first {
            lose(&mut engine, session(1, Some(8)));
        }
        let lost = engine.lost_with_grace(Time::ZERO, key, LostCause::Timeout, GONE);
        lost.expect("it is attached").for_each(|_| {});
        if !node_first {
            lose(&mut engine, session(1, Some(8)));
        }
        let first = first_of(&mut engine, ["2 offline", "3 Lost"]);
        assert_eq!(first == 0, node_first);
    }
}

/// Rule T10: all that a node had in a topic is gone by one tick's changes, to whoever views all,
/// and by those of a sample where that is what it is shown.
#[test]
fn a_lost_node_of_100_000_members_is_one_ticks_changes() {
    const MEMBERS: u32 = 100_000;
    for (full_up_to, stay, gone) in [(MEMBERS, 0, MEMBERS), (200, 500, 20)] {
        let topics = TopicOptions { coalesce_ms: 200, full_up_to, ..TopicOptions::default() };
        let mut engine = engine(|all| *all = Options { topics, ..options() });
        viewer(&mut engine);
        let viewer = engine.sessions(&1).next().expect("it is here");
        let join = Join::Observer { view: View::All };
        engine.join(Time::ZERO, viewer, 100, join).expect("there is room").1.for_each(|_| {});
        for user in 0..MEMBERS + stay {
            let origin = if user < MEMBERS { ELSEWHERE } else { Origin(8) };
            let there = RemoteMember { topic: 100, observes: false, number: 1, presence: None };
            let of = RemoteSession { topics: vec![there], ..session(u64::from(user), None) };
            let said = RemoteState { lists: None, sessions: vec![of], ended: Vec::new() };
            let taken = engine.remote_state(Time::ZERO, origin, 10 + user, said);
            taken.expect("there is room").for_each(|_| {});
        }
        engine.advance(at(500)).for_each(|_| {});
        engine.origin_lost(at(500), ELSEWHERE).for_each(|_| {});
        let (mut left, mut snapshots, mut numbers) = (0, 0, BTreeSet::new());
        let mut tell = |engine: &mut Engine<u32, u32>, until| {
            while engine.deadline().is_some_and(|due| due <= until) {
                engine.advance(until).for_each(|decision| match decision {
                    Decision::Changes(part) => {
                        let gone = |one: &TopicChange<'_, u32, u32>| {
                            matches!(one, TopicChange::Left { .. })
                        };
                        left += part.iter().filter(gone).count();
                        numbers.insert(part.id());
                    }
                    Decision::Topic(_) => snapshots += 1,
                    _ => {}
                });
            }
        };
        tell(&mut engine, at(500 + GONE));
        tell(&mut engine, at(1_000 + GONE));
        assert_eq!(engine.topic(&100).expect("it is observed").counts().users, stay);
        assert_eq!((left, snapshots, numbers.len()), (gone as usize, 0, 1), "{full_up_to}");
    }
}

#[test]
fn idleness_keeps_its_place() {
    for (after, first) in [(GONE - 1, 1), (GONE, 0), (GONE + 1, 0)] {
        let options = Options { idle_after_ms: Some(after), ..options() };
        let config = Config::new(options).expect("the options are in range");
        let mut engine = Engine::with_representative(config, std::hash::RandomState::new(), newest);
        let connect = Connect::new(1).audience([2, 3]);
        engine.connect(Time::ZERO, connect).expect("there is room").1.for_each(|_| {});
        let connect = Connect::new(3).audience([1]);
        let (key, decisions) = engine.connect(Time::ZERO, connect).expect("there is room");
        decisions.for_each(|_| {});
        engine.publish(Time::ZERO, key, 4).expect("it is attached").for_each(|_| {});
        lose(&mut engine, session(1, Some(8)));
        assert_eq!(first_of(&mut engine, ["2 offline", "3 idle since 0: 4"]), first, "{after}");
    }
}

#[test]
fn a_tick_keeps_its_place() {
    for (coalesce_ms, first) in [(GONE - 1, 1), (GONE, 0), (GONE + 1, 0)] {
        let mut engine = in_topics(coalesce_ms as u32, false);
        lose(&mut engine, session(1, Some(8)));
        assert_eq!(first_of(&mut engine, ["2 offline", "Topic("]), first, "{coalesce_ms}");
    }
}

/// An engine with user 1 in two topics, of which the second is told in ticks that are far apart and
/// has a change already, and user 3 shows something in the first until some moment.
fn in_topics(coalesce_ms: u32, with_user: bool) -> Engine<u32, u32> {
    let topics = TopicOptions { coalesce_ms, ..TopicOptions::default() };
    let mut engine = engine(|all| *all = Options { topics, ..options() });
    viewer(&mut engine);
    let viewer = engine.sessions(&1).next().expect("it is here");
    let (key, decisions) =
        engine.connect(Time::ZERO, Connect::new(3).audience([4])).expect("there is room");
    decisions.for_each(|_| {});
    let join = Join::Member { presence: None, view: View::All };
    let topics = if with_user { &[100, 101][..] } else { &[101] };
    for topic in topics {
        for key in [viewer, key] {
            let joined = engine.join(Time::ZERO, key, *topic, join);
            joined.expect("there is room").1.for_each(|_| {});
        }
    }
    engine
}

/// What its ends bring about is due by their moment, however late the host is.
#[test]
fn a_late_host_tells_what_comes_of_it_when_it_was_due() {
    let tell = |stops: &[u64]| {
        let mut engine = in_topics(100, true);
        engine.advance(at(200)).for_each(|_| {});
        let slow = TopicOptions { coalesce_ms: 60_000, ..TopicOptions::default() };
        engine.topic_options(at(200), &101, slow).expect("in range").for_each(|_| {});
        let there = RemoteMember { topic: 100, observes: false, number: 1, presence: None };
        lose_at_200(&mut engine, RemoteSession { topics: vec![there], ..session(1, Some(8)) });
        engine.advance(at(400)).for_each(|_| {});
        let of_three = engine.sessions(&3).next().expect("it is here");
        // Something waits for a tick that is far away.
        let topic = engine.topic(&101).expect("it is occupied").key();
        engine.update(at(400), of_three, topic, 1).expect("a member").for_each(|_| {});
        // And user 3 shows something else after the tick that tells who is gone.
        let shown = engine.publish_until(at(400), of_three, 5, at(2_000), Some(6));
        shown.expect("it is attached").for_each(|_| {});
        engine.advance(at(600)).for_each(|_| {});
        let mut all = Vec::new();
        for stop in stops {
            all.extend(told(engine.advance(at(*stop))));
        }
        all
    };
    let in_time: Vec<_> = (601..=5_000).collect();
    assert_eq!(tell(&[5_000]), tell(&in_time));
}

fn lose_at_200(engine: &mut Engine<u32, u32>, of: RemoteSession<u32, u32>) {
    let said = engine.remote_state(at(200), ELSEWHERE, 2, state(vec![of]));
    said.expect("there is room").for_each(|_| {});
    engine.origin_lost(at(200), ELSEWHERE).for_each(|_| {});
}

/// A session that is held when its node is gone is so for no longer than if the host is in time.
#[test]
fn a_late_host_holds_no_longer() {
    let tell = |stops: &[u64]| {
        let mut engine = engine(|all| *all = Options { settle_ms: 300, ..options() });
        viewer(&mut engine);
        lose(&mut engine, session(1, Some(8)));
        let newcomer = engine.connect(at(900), Connect::new(2).audience([1]));
        newcomer.expect("there is room").1.for_each(|_| {});
        let other = engine.connect(at(900), Connect::new(1).audience([2]));
        let (key, decisions) = other.expect("there is room");
        decisions.for_each(|_| {});
        let shown = engine.publish_until(at(900), key, 5, at(2_000), Some(6));
        shown.expect("it is attached").for_each(|_| {});
        let mut all = Vec::new();
        for stop in stops {
            all.extend(told(engine.advance(at(*stop))));
        }
        all
    };
    let in_time: Vec<_> = (901..=5_000).collect();
    assert_eq!(tell(&[5_000]), tell(&in_time));
}
