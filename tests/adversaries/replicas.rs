//! Receivers that are too small for what they are told (promise 4, case 50).

use crate::common::{at, config};
use adsum::{
    Connect, Decision, Decisions, Engine, Join, LostCause, OverLimit, Replica, ReplicaFull,
    SessionKey, View,
};
use adsum_model::targets;
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

type Small = Replica<&'static str, u32, u32>;

/// Tells of these in a whole snapshot.
fn told_of(replica: &mut Small, users: &[&'static str]) -> Result<(), ReplicaFull> {
    replica.begin_snapshot();
    for (session, user) in (10..).zip(users) {
        // What finds no room is said at the end.
        _ = replica.set_presence(user, session, session);
    }
    replica.end_snapshot()
}

/// Tells of these in a snapshot of a topic.
fn told_in(
    replica: &mut Small,
    topic: &'static str,
    users: &[&'static str],
) -> Result<(), ReplicaFull> {
    // What finds no room is said at the end.
    _ = replica.begin_topic_snapshot(topic, View::All);
    for (session, user) in (20..).zip(users) {
        _ = replica.set_member(topic, user, session, Some(session));
    }
    replica.end_topic_snapshot(topic)
}

fn members(replica: &Small, topic: &'static str) -> BTreeSet<&'static str> {
    replica.members(topic).map(|(user, ..)| *user).collect()
}

fn of(replica: &Small) -> BTreeSet<&'static str> {
    replica.users().copied().collect()
}

/// Topics are gone at its end, so they take no room from what it says.
#[test]
fn a_whole_snapshot_has_the_room_that_topics_had() {
    let mut replica = Small::new(4);
    assert_eq!(told_in(&mut replica, "room", &["a", "b"]), Ok(()));
    replica.set_presence("w", 10, 1).expect("there is room");
    assert_eq!(told_of(&mut replica, &["w", "x", "y", "z"]), Ok(()));
    assert_eq!(of(&replica), BTreeSet::from(["w", "x", "y", "z"]));
    assert_eq!(replica.topics().count(), 0);
    // One that is too large is taken in as far as it fits, and nobody in a topic is kept for it.
    assert_eq!(told_of(&mut replica, &["w"]), Ok(()));
    assert_eq!(told_in(&mut replica, "room", &["a", "b"]), Ok(()));
    assert_eq!(told_of(&mut replica, &["v", "w", "x", "y", "z"]), Err(ReplicaFull));
    assert_eq!(of(&replica), BTreeSet::from(["v", "w", "x", "y"]));
}

/// Where the rest of a snapshot never comes, what made way is missing, and no more: as long as
/// there is room, or the topics make enough of it, everybody else is still believed.
#[test]
fn an_interrupted_snapshot_takes_no_more_than_it_has_to() {
    let mut replica = Small::new(5);
    assert_eq!(told_of(&mut replica, &["a", "b"]), Ok(()));
    assert_eq!(told_in(&mut replica, "room", &["m"]), Ok(()));
    replica.begin_snapshot();
    replica.set_presence("c", 30, 1).expect("there is room");
    assert_eq!((of(&replica).len(), members(&replica, "room").len()), (3, 1));
    replica.set_presence("d", 31, 1).expect("the topic makes way");
    replica.set_presence("e", 32, 1).expect("it counted as well");
    assert_eq!((of(&replica).len(), replica.topics().count()), (5, 0));
    replica.set_presence("f", 33, 1).expect("who has not been repeated makes way");
    assert_eq!(of(&replica), BTreeSet::from(["c", "d", "e", "f"]));
    // The next one begins anew.
    assert_eq!(told_of(&mut replica, &["a", "b", "c", "d", "e"]), Ok(()));
    assert_eq!(of(&replica), BTreeSet::from(["a", "b", "c", "d", "e"]));
}

/// What a topic's snapshot does not repeat makes way for what it says, what it leaves alone does
/// not.
#[test]
fn a_snapshot_of_a_topic_has_the_room_that_the_topic_had() {
    // Four sessions and two topics.
    let mut replica = Small::new(6);
    assert_eq!(told_of(&mut replica, &["x"]), Ok(()));
    assert_eq!(told_in(&mut replica, "hall", &["y"]), Ok(()));
    assert_eq!(told_in(&mut replica, "room", &["a", "b", "c"]), Err(ReplicaFull));
    assert_eq!(members(&replica, "room"), BTreeSet::from(["a", "b"]));
    assert_eq!(told_in(&mut replica, "room", &["c", "d"]), Ok(()));
    assert_eq!(members(&replica, "room"), BTreeSet::from(["c", "d"]));
    assert_eq!(told_in(&mut replica, "room", &["e", "d", "f"]), Err(ReplicaFull));
    assert_eq!(members(&replica, "room"), BTreeSet::from(["d", "e"]));
    assert_eq!(of(&replica), BTreeSet::from(["x"]));
    assert_eq!(members(&replica, "hall"), BTreeSet::from(["y"]));
    // What others say there is gone at its end, and makes way too; and who is repeated after one
    // of its sessions has made way is still the same user.
    replica.end_member("room", "d");
    replica.set_said("room", "f", 1, 1).expect("there is room");
    replica.begin_topic_snapshot("room", View::All).expect("it is known");
    replica.set_member("room", "f", 2, None).expect("what it said with another session goes");
    replica.set_member("room", "e", 20, None).expect("it has made way too");
    assert_eq!(replica.end_topic_snapshot("room"), Ok(()), "all of it is taken in");
    assert_eq!(members(&replica, "room"), BTreeSet::from(["e", "f"]));
    assert_eq!(replica.said("room").count(), 0);
    // A topic that is left leaves room.
    replica.forget_topic("room");
    assert_eq!(told_in(&mut replica, "hall", &["y", "z", "a"]), Ok(()));
}

/// Whichever part it was of which something found no room. Of a topic that is not known nothing is
/// taken in, and it says so.
#[test]
fn a_snapshot_of_a_topic_says_at_its_last_part_whether_all_of_it_fitted() {
    const MEMBERS: usize = 5_000;
    let mut engine = Engine::<usize, ()>::new(config(|options| options.topics.full_up_to = 10_000));
    let mut room = None;
    for user in 0..=MEMBERS {
        let (key, decisions) = engine.connect(at(0), Connect::new(user)).expect("there is room");
        decisions.for_each(|_| {});
        if user < MEMBERS {
            let join = Join::Member { presence: None, view: View::Nothing };
            engine.join(at(0), key, 0, join).expect("it can").1.for_each(|_| {});
        } else {
            room = Some(key);
        }
    }
    let observer = room.expect("somebody comes last");
    let mut outcomes = |limit: usize| {
        let mut replica = Replica::new(limit);
        let observes = Join::Observer { view: View::All };
        let (key, mut decisions) = engine.join(at(0), observer, 0, observes).expect("it can");
        let mut outcomes = Vec::new();
        while let Some(decision) = decisions.next() {
            if let Decision::Topic(part) = decision {
                outcomes.push(replica.apply_topic(&part));
            }
        }
        drop(decisions);
        engine.leave(at(0), observer, key).expect("it is in it").for_each(|_| {});
        outcomes
    };
    for (limit, last) in [(MEMBERS + 1, Ok(())), (MEMBERS, Err(ReplicaFull))] {
        let outcomes = outcomes(limit);
        assert!(outcomes.len() > 1, "it has several parts");
        let (at_last, before) = outcomes.split_last().expect("there is one");
        assert_eq!((*at_last, before.iter().all(Result::is_ok)), (last, true), "{limit}");
    }
    let mut replica = Small::new(9);
    assert_eq!(replica.end_topic_snapshot("nowhere"), Err(ReplicaFull));
    assert_eq!(told_in(&mut replica, "room", &["a"]), Ok(()));
    assert_eq!(replica.end_topic_snapshot("room"), Ok(()), "it is over");
}

/// Ann's second session evicts her first, which is held until the second shows something: that is
/// told first, and then the end of the other. It makes no difference that there is room for one.
#[test]
fn whoever_takes_over_from_a_session_finds_room() {
    let mut engine = People::new(config(|options| {
        options.max_sessions = 1;
        options.over_limit = OverLimit::EvictOldest { min_age_ms: 0 };
    }));
    let mut replica = Replica::<&str, u32>::new(1);
    let (bob, decisions) =
        engine.connect(at(0), Connect::new("bob").audience(["ann"])).expect("there is room");
    decisions.for_each(|_| {});
    let mut heard = 0;
    for round in 0..4 {
        let ann = Connect::new("ann").audience(["bob"]);
        let (ann, decisions) = engine.connect(at(round), ann).expect("it evicts");
        decisions.for_each(|_| {});
        let mut decisions = engine.publish(at(round), ann, 1).expect("it is attached");
        while let Some(decision) = decisions.next() {
            if let Decision::Deliver { notice, to } = decision
                && to.contains(&bob.slot())
            {
                assert_eq!(replica.apply(&notice), Ok(()), "{notice:?}");
                heard += 1;
            }
        }
        drop(decisions);
        assert_eq!((replica.differs_from(&engine, bob), replica.len()), (None, 1));
    }
    assert_eq!(heard, 7, "a presence each, and three ends");
}

/// There is one place more than the limit among contacts, and one for each topic, for another
/// session of a user who is there already, and for nobody else; and none while a snapshot goes on.
#[test]
fn a_takeover_has_one_place_more() {
    let mut replica = Small::new(2);
    assert_eq!(told_of(&mut replica, &["a", "b"]), Ok(()));
    assert_eq!(replica.set_presence("c", 1, 1), Err(ReplicaFull), "it is nobody's takeover");
    assert_eq!(replica.set_presence("a", 1, 1), Ok(()));
    assert_eq!(replica.set_presence("b", 2, 1), Err(ReplicaFull), "one at a time");
    replica.end_session("a", 10);
    assert_eq!(replica.set_presence("b", 2, 1), Ok(()));
    assert_eq!(replica.set_presence("b", 3, 1), Err(ReplicaFull), "bob has taken it");
    // What was taken in is held, and repeated; what makes way for others leaves no more than fit.
    replica.begin_snapshot();
    for (user, session) in [("a", 1), ("b", 2), ("b", 11)] {
        assert_eq!(replica.set_presence(user, session, 1), Ok(()));
    }
    assert_eq!(replica.set_presence("a", 4, 1), Err(ReplicaFull));
    assert_eq!((replica.end_snapshot(), replica.len()), (Err(ReplicaFull), 3));
    assert_eq!(told_of(&mut replica, &["a", "b", "c"]), Err(ReplicaFull));
    assert_eq!(replica.len(), 2);
    // In a topic as well, where the topic counts.
    let mut replica = Small::new(2);
    assert_eq!(told_in(&mut replica, "room", &["a"]), Ok(()));
    assert_eq!(replica.set_member("room", "b", 1, None), Err(ReplicaFull));
    assert_eq!(replica.set_member("room", "a", 1, None), Ok(()));
    assert_eq!(replica.set_said("room", "a", 2, 1), Ok(()), "sessions alone were as many as fit");
    assert_eq!(replica.set_said("room", "a", 3, 1), Err(ReplicaFull));
    replica.end_member_session("room", "a", 20);
    replica.end_member_session("room", "a", 2);
    assert_eq!((replica.members("room").count(), replica.topics().count()), (1, 1));
    assert_eq!(told_in(&mut replica, "room", &["b", "c"]), Err(ReplicaFull));
    assert_eq!(members(&replica, "room"), BTreeSet::from(["b"]));
}

/// Whoever takes over does so wherever it was, before the session ends anywhere.
#[test]
fn a_takeover_has_one_place_more_among_contacts_and_in_each_topic() {
    let topics = ["hall", "room", "yard"];
    let mut replica = Small::new(8);
    assert_eq!(told_of(&mut replica, &["a"]), Ok(()));
    for topic in topics {
        assert_eq!(told_in(&mut replica, topic, &["a"]), Ok(()));
    }
    assert_eq!(told_in(&mut replica, "yard", &["a", "b"]), Ok(()));
    assert_eq!(replica.set_presence("b", 1, 1), Err(ReplicaFull), "it is just full");
    let [mut before, mut after] = [(10, 20), (1, 2)];
    for _ in 0..5 {
        assert_eq!(replica.set_presence("a", after.0, 1), Ok(()));
        for topic in topics {
            assert_eq!(replica.set_member(topic, "a", after.1, None), Ok(()), "in the {topic}");
        }
        assert_eq!(replica.set_presence("a", 99, 1), Err(ReplicaFull), "one at a time");
        assert_eq!(replica.set_member("yard", "b", 99, None), Err(ReplicaFull));
        replica.end_session("a", before.0);
        topics.iter().for_each(|topic| replica.end_member_session(topic, "a", before.1));
        assert!(replica.sessions_of("a").map(|(id, ..)| id).eq([after.0]));
        for topic in topics {
            let sessions = replica.members(topic).filter(|(user, ..)| **user == "a");
            assert!(sessions.map(|(_, id, _)| id).eq([after.1]), "in the {topic}");
        }
        (before, after) = (after, (after.0 + 10, after.1 + 10));
    }
    // A new topic, and whoever is new, have no more room than before.
    assert_eq!(replica.begin_topic_snapshot("loft", View::Count), Err(ReplicaFull));
    assert_eq!(replica.set_member("hall", "c", 1, None), Err(ReplicaFull));
    assert_eq!(replica.set_presence("c", 1, 1), Err(ReplicaFull));
}

/// A topic counts as one of what is held, members or none, and what an open snapshot of everything
/// is to drop makes way for it. Where there is no room, it is not known, and all that is said of it
/// is passed over.
#[test]
fn a_topic_without_members_takes_room() {
    let mut replica = Small::new(2);
    assert_eq!(replica.begin_topic_snapshot("hall", View::Count), Ok(()));
    assert_eq!(replica.begin_topic_snapshot("room", View::Count), Ok(()));
    assert_eq!(replica.begin_topic_snapshot("yard", View::Count), Err(ReplicaFull));
    assert_eq!(replica.begin_topic_snapshot("room", View::All), Ok(()), "it is known");
    assert_eq!(replica.set_member("yard", "a", 1, None), Ok(()), "it is passed over");
    assert_eq!(replica.set_member("room", "a", 1, None), Err(ReplicaFull));
    assert_eq!(replica.end_topic_snapshot("yard"), Err(ReplicaFull));
    assert_eq!(
        replica.topics().copied().collect::<BTreeSet<_>>(),
        BTreeSet::from(["hall", "room"])
    );
    replica.forget_topic("hall");
    assert_eq!(replica.set_presence("a", 1, 1), Ok(()));
    assert_eq!(replica.set_presence("b", 2, 1), Err(ReplicaFull));
    replica.begin_snapshot();
    assert_eq!(replica.begin_topic_snapshot("yard", View::Count), Ok(()), "the room makes way");
    assert_eq!(replica.begin_topic_snapshot("hall", View::Count), Ok(()), "and so does the yard");
    assert_eq!((replica.topics().count(), replica.len()), (1, 1));
    let mut replica = Small::new(0);
    assert_eq!(told_in(&mut replica, "room", &[]), Err(ReplicaFull));
}

/// Of the users whom it is about, and of no others.
#[test]
fn a_snapshot_of_some_users_has_the_room_that_they_had() {
    let mut replica = Small::new(4);
    for (user, session) in [("a", 1), ("a", 2), ("b", 3)] {
        replica.set_presence(user, session, 1).expect("there is room");
    }
    replica.set_directed("a", 4, 1).expect("there is room");
    replica.begin_snapshot_of(["a", "d"]);
    assert_eq!(of(&replica), BTreeSet::from(["a", "b"]));
    replica.set_presence("d", 5, 1).expect("what ann published makes way");
    replica.set_presence("a", 6, 1).expect("it has made way");
    assert_eq!(replica.set_presence("d", 7, 1), Err(ReplicaFull), "nobody else makes way");
    assert_eq!(replica.end_snapshot_of(["a", "d"]), Err(ReplicaFull));
    let sessions = |user| replica.sessions_of(user).map(|(id, ..)| id).collect::<Vec<u32>>();
    assert_eq!((sessions("a"), sessions("b"), sessions("d")), (vec![4, 6], vec![3], vec![5]));
}

/// Whoever has been repeated, and then is not shown any more, takes no room until the end.
#[test]
fn what_was_directed_before_an_open_snapshot_makes_way_at_any_time() {
    let mut replica = Small::new(1);
    replica.set_directed("a", 1, 1).expect("there is room");
    replica.begin_snapshot();
    replica.set_presence("a", 1, 1).expect("it is there");
    assert_eq!(replica.set_presence("b", 2, 1), Err(ReplicaFull));
    replica.end_published("a", 1);
    replica.set_presence("b", 2, 1).expect("all that is held of ann is old");
    assert_eq!(replica.end_snapshot(), Err(ReplicaFull));
    assert_eq!(of(&replica), BTreeSet::from(["b"]));
}

/// In a tick who is new is told before who is gone.
#[test]
fn whoever_is_gone_by_a_tick_leaves_room_for_who_is_new_by_it() {
    let mut engine = People::new(config(|options| options.topics.coalesce_ms = 100));
    let mut replica = Replica::<&str, u32>::new(3);
    let users = ["obs", "ann", "bob", "cyd"];
    let keys = users.map(|user| {
        let (key, decisions) = engine.connect(at(0), Connect::new(user)).expect("there is room");
        decisions.for_each(|_| {});
        key
    });
    let mut outcomes = Vec::new();
    let mut hear = |mut decisions: Decisions<'_, &'static str, u32>| {
        while let Some(decision) = decisions.next() {
            outcomes.push(match decision {
                Decision::Topic(snapshot) => replica.apply_topic(&snapshot),
                Decision::Changes(changes) => replica.apply_changes(&changes),
                _ => continue,
            });
        }
    };
    let observes = Join::Observer { view: View::All };
    let (room, decisions) = engine.join(at(0), keys[0], "room", observes).expect("it can");
    hear(decisions);
    for (moment, comes, goes) in [(1, 1, None), (2, 2, None), (200, 3, Some(1)), (400, 1, Some(2))]
    {
        let join = Join::Member { presence: None, view: View::Nothing };
        hear(engine.join(at(moment), keys[comes], "room", join).expect("it can").1);
        if let Some(goes) = goes {
            hear(engine.leave(at(moment), keys[goes], room).expect("it is in it"));
        }
        hear(engine.advance(at(moment + 150)));
    }
    assert!(outcomes.len() >= 3, "{outcomes:?}");
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let held: BTreeSet<_> = replica.members("room").map(|(user, ..)| *user).collect();
    assert_eq!(held, BTreeSet::from(["ann", "cyd"]));
}

/// The fuzz target on bytes at random: contacts and topics, in parts and whole, by a server that
/// may be hostile, beside a plain truth.
#[test]
fn a_replica_of_any_size_holds_what_it_was_told_as_far_as_it_fits() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut byte = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    let mut inputs = 0;
    for nth in 0..2_000_u32 {
        let bytes: Vec<u8> = (0..=3 * (nth % 120)).map(|_| byte()).collect();
        inputs += targets::replica::run(&bytes);
    }
    assert!(inputs > 100_000, "{inputs}");
}
