//! Who is told, and how it is counted, where that takes more than one way or one decision.

use crate::config::{Config, DirectTo, Options};
use crate::connect::Connect;
use crate::decision::Decision;
use crate::decisions::Decisions;
use crate::engine::Engine;
use crate::fanout::receivers::CHUNK;
use crate::hasher::tests::Plain;
use crate::key::{SessionKey, Slot};
use crate::notice::Notice;
use crate::time::Time;
use crate::topic::{Join, TopicOptions, View};
use alloc::vec::Vec;

const ANN: u32 = 0;
const ROOM: u32 = 1;
/// Somebody of each part is left for another one.
const CROWD: usize = CHUNK + 1;

type Small = Engine<u32, u32, Plain>;

const fn at(millis: u64) -> Time {
    Time::from_millis(millis)
}

fn engine(coalesce_ms: u32) -> Small {
    let topics = TopicOptions { coalesce_ms, ..TopicOptions::default() };
    let options = Options { direct_to: DirectTo::Anyone, topics, ..Options::default() };
    Engine::with_hasher(Config::new(options).expect("they are in range"), Plain)
}

/// Connects a session whose user may be seen by these.
fn connect(engine: &mut Small, user: u32, audience: impl IntoIterator<Item = u32>) -> SessionKey {
    let newcomer = Connect::new(user).audience(audience);
    engine.connect(at(0), newcomer).expect("there is room").0
}

/// Connects sessions of a user or several, whom nobody may see.
fn connect_all(engine: &mut Small, users: impl IntoIterator<Item = u32>) -> Vec<SessionKey> {
    users.into_iter().map(|user| connect(engine, user, [])).collect()
}

/// Returns who is told, in the order of their slots.
fn told(
    decisions: Decisions<'_, u32, u32, Plain>,
    is_it: fn(&Notice<'_, u32, u32>) -> bool,
) -> Vec<Slot> {
    let mut all = Vec::new();
    decisions.for_each(|decision| match decision {
        Decision::Deliver { notice, to } if is_it(&notice) => all.extend_from_slice(to),
        _ => {}
    });
    all.sort_unstable();
    all
}

fn slots(sessions: &[SessionKey]) -> Vec<Slot> {
    let mut all: Vec<_> = sessions.iter().map(|session| session.slot()).collect();
    all.sort_unstable();
    all
}

const IS_PRESENCE: fn(&Notice<'_, u32, u32>) -> bool =
    |notice| matches!(notice, Notice::Presence { .. });

/// There is room for a session of each of them, but they have two.
#[test]
fn whoever_finds_no_room_in_a_decision_is_told_by_the_next_one() {
    let users = 1..=CROWD.div_ceil(2) as u32;
    let mut engine = engine(0);
    let contacts = connect_all(&mut engine, users.clone().chain(users.clone()));
    let ann = connect(&mut engine, ANN, users);
    let decisions = engine.publish(at(0), ann, 7).expect("it is attached");
    assert_eq!(told(decisions, IS_PRESENCE), slots(&contacts));
}

#[test]
fn contacts_and_a_crowd_that_watches_are_all_told() {
    let mut engine = engine(0);
    let all = connect_all(&mut engine, 1..100);
    let ann = connect(&mut engine, ANN, [1, 2]);
    for watcher in &all[2..] {
        drop(engine.watch(at(0), *watcher, [ANN]).expect("it is attached"));
    }
    let decisions = engine.publish(at(0), ann, 7).expect("it is attached");
    assert_eq!(told(decisions, IS_PRESENCE), slots(&all));
}

/// Rule 3 and rule 15: by one session of the user, or by two.
#[test]
fn all_whom_sessions_told_something_hear_once_that_their_user_is_expelled() {
    for by_other in [&[3][..], &[2, 3], &[1, 2, 3]] {
        let mut engine = engine(0);
        let receivers = connect_all(&mut engine, 1..=3);
        let [one, other] = [(); 2].map(|()| connect(&mut engine, ANN, []));
        drop(engine.direct(at(0), one, &[1, 2], 7).expect("it is attached"));
        drop(engine.direct(at(0), other, by_other, 8).expect("it is attached"));
        let is_offline = |notice: &Notice<'_, _, _>| matches!(notice, Notice::UserOffline { .. });
        let told = told(engine.expel(at(0), &ANN), is_offline);
        assert_eq!(told, slots(&receivers), "the other one told {by_other:?}");
    }
}

/// Returns how many notices and deliveries an engine has counted in what it does here, and how many
/// receivers it has not sent something.
fn counted(engine: &mut Small, run: impl FnOnce(&mut Small)) -> (u64, u64, u64) {
    let before = engine.stats();
    run(engine);
    let after = engine.stats();
    let notices = after.notices - before.notices;
    (notices, after.deliveries - before.deliveries, after.skipped - before.skipped)
}

fn join(engine: &mut Small, session: SessionKey, join: Join<u32>) {
    engine.join(at(0), session, ROOM, join).expect("there is room").1.for_each(|_| {});
}

/// A snapshot, changes and the closing of a topic, to a few or to more than one decision tells.
#[test]
fn what_a_topic_is_told_is_counted_once_however_many_decisions_it_takes() {
    for crowd in [3, CROWD] {
        let mut engine = engine(100);
        let members = connect_all(&mut engine, 1..=2);
        for member in &members {
            join(&mut engine, *member, Join::Member { presence: Some(1), view: View::Nothing });
        }
        for session in connect_all(&mut engine, 3..3 + crowd as u32) {
            join(&mut engine, session, Join::Observer { view: View::All });
        }
        let crowd = crowd as u64;
        let figures = counted(&mut engine, |engine| engine.advance(at(100)).for_each(|_| {}));
        assert_eq!(figures, (2, 2 * crowd, 0), "each of the entries of a snapshot");
        let topic = engine.topics_of(members[0]).next().expect("it is in one").key();
        let figures = counted(&mut engine, |engine| {
            drop(engine.update(at(100), members[0], topic, 2).expect("it is a member"));
            engine.advance(at(200)).for_each(|_| {});
        });
        assert_eq!(figures, (1, crowd, 0));
        let figures = counted(&mut engine, |engine| engine.close(at(200), &ROOM).for_each(|_| {}));
        assert_eq!(figures, (1, crowd + 2, 0));
    }
}

#[test]
fn what_is_said_in_a_topic_is_counted_and_so_are_those_who_are_congested() {
    let mut engine = engine(0);
    let ann = connect(&mut engine, ANN, []);
    join(&mut engine, ann, Join::Member { presence: None, view: View::Nothing });
    let listeners = connect_all(&mut engine, 1..=3);
    for session in &listeners {
        join(&mut engine, *session, Join::Observer { view: View::All });
    }
    let topic = engine.topics_of(ann).next().expect("it is in one").key();
    let say = |engine: &mut Small| {
        counted(engine, |engine| {
            engine.say(at(0), ann, topic, 7, None).expect("it is a member").for_each(|_| {});
        })
    };
    assert_eq!(say(&mut engine), (1, 3, 0));
    drop(engine.congested(at(0), listeners[0]).expect("it is attached"));
    assert_eq!(say(&mut engine), (1, 2, 1));
}
