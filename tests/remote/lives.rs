//! What the sessions of other nodes do: how they end, what they say, where they are members.

use crate::edges::{ELSEWHERE, engine, session, state, told, viewer};
use crate::nodes::newest;
use adsum::{
    Config, Connect, EndReason, Engine, Error, Join, LostCause, Options, Origin, RemoteLists,
    RemoteMember, RemoteSession, RemoteState, Represent, Time, TopicBlocks, View,
};

const NOTHING: [&str; 0] = [];
const AFAR: Origin = Origin(8);
const LAPSED: EndReason = EndReason::Lost(LostCause::Timeout);

fn at(ms: u64) -> Time {
    Time::from_millis(ms)
}

/// Has a node say something of user 2, and returns what is told.
fn say(
    engine: &mut Engine<u32, u32>,
    now: u64,
    origin: Origin,
    said: RemoteState<u32, u32>,
) -> Vec<String> {
    told(engine.remote_state(at(now), origin, 2, said).expect("there is room"))
}

fn origins(engine: &Engine<u32, u32>) -> Vec<Origin> {
    engine.origins_of(&2).collect()
}

/// Rule C10: whom its node says to be there again, before its end was told, has not gone.
#[test]
fn whoever_is_there_again_while_the_end_is_kept_back_stays() {
    let mut engine = engine(|options| options.skew_ms = 50);
    viewer(&mut engine);
    let there = || state(vec![session(1, Some(8))]);
    say(&mut engine, 5, ELSEWHERE, there());
    assert_eq!(say(&mut engine, 6, ELSEWHERE, state(Vec::new())), NOTHING);
    assert_eq!(origins(&engine), []);
    assert_eq!(say(&mut engine, 7, ELSEWHERE, there()), NOTHING);
    assert_eq!(origins(&engine), [ELSEWHERE]);
    assert_eq!(engine.user_sessions(&2).next().expect("it is there").lost, None);
    assert_eq!((told(engine.advance(at(1_000))), engine.verify()), (Vec::new(), Ok(())));
    // It is another session that takes its place.
    assert_eq!(say(&mut engine, 1_001, ELSEWHERE, state(Vec::new())), NOTHING);
    let other = say(&mut engine, 1_002, ELSEWHERE, state(vec![session(2, Some(8))]));
    assert_eq!(other, ["2 ended to 1", "2: 8 to 1", "2 Disconnected false"]);
}

#[test]
fn each_session_ends_for_its_own_reason() {
    let mut engine = engine(|_| {});
    viewer(&mut engine);
    say(&mut engine, 5, ELSEWHERE, state((1..=4).map(|id| session(id, Some(8))).collect()));
    let ended = vec![(session(1, None).id, EndReason::Evicted), (session(2, None).id, LAPSED)];
    let said = RemoteState { ended, ..state(vec![session(4, Some(8))]) };
    let told = say(&mut engine, 6, ELSEWHERE, said);
    let reasons: Vec<_> = told.iter().filter(|told| told.ends_with("false")).collect();
    assert_eq!(
        reasons,
        ["2 Evicted false", &format!("2 {LAPSED:?} false"), "2 Disconnected false"]
    );
}

/// Rule C10: only a user's last end is kept back.
#[test]
fn the_last_end_is_kept_back_and_is_over_when_the_user_appears_elsewhere() {
    let mut engine = engine(|options| options.skew_ms = 50);
    viewer(&mut engine);
    let said = |ids: &[u64]| state(ids.iter().map(|id| session(*id, Some(8))).collect());
    let because =
        |id, reason| RemoteState { ended: vec![(session(id, None).id, reason)], ..said(&[]) };
    say(&mut engine, 5, ELSEWHERE, said(&[1, 2]));
    assert_eq!(origins(&engine), [ELSEWHERE; 2]);
    let told_at_once = say(&mut engine, 6, ELSEWHERE, said(&[2]));
    assert_eq!(told_at_once, ["2 ended to 1", "2 Disconnected false"]);
    assert_eq!(say(&mut engine, 7, ELSEWHERE, because(2, LAPSED)), NOTHING);
    // Here it is still shown, as a session that was lost for that reason.
    let lost = engine.user_sessions(&2).next().expect("it is kept").lost;
    assert_eq!((lost, origins(&engine)), (Some((at(7), LostCause::Timeout)), vec![]));
    // It says nothing more.
    let direct = engine.remote_direct(at(7), ELSEWHERE, (&2, session(2, None).id), [&1], 1, None);
    assert_eq!(direct.err(), Some(Error::UnknownSession));
    // With the one that comes it is over.
    let told_then = say(&mut engine, 8, AFAR, said(&[3]));
    assert_eq!(told_then, ["2 ended to 1", "2: 8 to 1", &format!("2 {LAPSED:?} false")]);
    assert_eq!(origins(&engine), [AFAR]);
    // And if none comes the user is offline, when the time is over.
    assert_eq!(say(&mut engine, 9, AFAR, because(3, EndReason::Disconnected)), NOTHING);
    assert_eq!(told(engine.advance(at(58))), NOTHING);
    assert_eq!(told(engine.advance(at(60))), ["2 offline to 1", "2 Disconnected true"]);
    // Whoever is expelled comes nowhere else.
    say(&mut engine, 61, AFAR, said(&[4]));
    let expelled = say(&mut engine, 62, AFAR, because(4, EndReason::Expelled));
    assert_eq!(expelled, ["2 offline to 1", "2 Expelled true"]);
}

#[test]
fn there_is_room_for_as_much_as_the_limits_say() {
    let mut engine = engine(|options| {
        (options.max_audience, options.max_blocked, options.max_topics) = (2, 2, 2);
    });
    viewer(&mut engine);
    let with = |audience: &[u32], blocked: &[u32], topics: &[u32]| {
        let member = |topic: &u32| RemoteMember {
            topic: *topic,
            observes: false,
            number: 1,
            presence: None,
        };
        let topics = topics.iter().map(member).collect();
        let mut said = state(vec![RemoteSession { topics, ..session(1, Some(8)) }]);
        let lists = said.lists.as_mut().expect("they are given");
        (lists.audience, lists.blocked) = (audience.to_vec(), blocked.to_vec());
        said
    };
    assert_eq!(say(&mut engine, 5, ELSEWHERE, with(&[1, 3], &[4, 5], &[6, 7])).len(), 4);
    let mut of_many = with(&[1], &[], &[6, 7, 8]);
    of_many.sessions.extend((2..=1_024).map(|id| session(id, None)));
    let before = engine.counts();
    for (said, refused) in [
        (with(&[1, 3, 4], &[], &[]), Error::AudienceLimit { limit: 2 }),
        (with(&[1, 3, 4, 5], &[], &[]), Error::AudienceLimit { limit: 2 }),
        (with(&[1], &[3, 4, 5], &[]), Error::BlockedLimit { limit: 2 }),
        (with(&[1], &[3, 4, 5, 6], &[]), Error::BlockedLimit { limit: 2 }),
        (with(&[1], &[], &[6, 7, 8]), Error::TopicLimit { limit: 2 }),
        (with(&[1], &[], &[6, 7, 8, 9]), Error::TopicLimit { limit: 2 }),
        // As many sessions as there may be are not too many: one of them is in too many topics.
        (of_many, Error::TopicLimit { limit: 2 }),
    ] {
        assert_eq!(engine.remote_state(at(6), ELSEWHERE, 2, said).err(), Some(refused));
    }
    assert_eq!((engine.counts(), engine.verify()), (before, Ok(())));
}

/// Whatever is said again is no more than it was, whoever else says something of the user.
#[test]
fn a_user_has_so_many_sessions_on_all_nodes_together() {
    let mut engine = engine(|_| {});
    let said = |from, count| state((from..from + count).map(|id| session(id, None)).collect());
    let limit = Error::SessionLimit { limit: 1_024, kind: None };
    say(&mut engine, 5, ELSEWHERE, said(1, 1_000));
    assert_eq!(engine.remote_state(at(6), AFAR, 2, said(1, 25)).err(), Some(limit));
    for now in [7, 8] {
        say(&mut engine, now, AFAR, said(1, 24));
    }
    assert_eq!(engine.remote_state(at(9), AFAR, 2, said(1, 25)).err(), Some(limit));
    // Those that end stay a moment longer, so they count.
    assert_eq!(engine.remote_state(at(9), AFAR, 2, said(101, 24)).err(), Some(limit));
    assert_eq!(engine.counts().remote, 1_024);
}

#[test]
fn what_a_session_elsewhere_directs_is_over_when_it_said() {
    let mut engine = engine(|_| {});
    viewer(&mut engine);
    say(&mut engine, 5, ELSEWHERE, state(vec![session(1, None)]));
    let from = (&2, session(1, None).id);
    let directed = engine.remote_direct(at(6), ELSEWHERE, from, [&1], 3, Some(100));
    assert_eq!(told(directed.expect("it is known")), ["2 directs 3 to 1"]);
    assert_eq!(told(engine.advance(at(105))), NOTHING);
    assert_eq!(told(engine.advance(at(107))), ["2 directs no more"]);
    let of_another = engine.remote_direct(at(108), AFAR, from, [&1], 3, None);
    assert_eq!(of_another.err(), Some(Error::UnknownSession));
}

#[test]
fn what_a_session_elsewhere_shows_and_says_in_a_topic_is_told_once() {
    let mut engine = engine(|_| {});
    viewer(&mut engine);
    let own = engine.sessions(&1).next().expect("it is here");
    let join = Join::Member { presence: None, view: View::All };
    engine.join(at(5), own, 100, join).expect("there is room").1.for_each(|_| {});
    let shows = |number, presence| {
        let topics =
            vec![RemoteMember { topic: 100, observes: false, number, presence: Some(presence) }];
        state(vec![RemoteSession { topics, ..session(1, None) }])
    };
    let from = (&2, session(1, None).id);
    say(&mut engine, 5, ELSEWHERE, state(vec![session(1, None)]));
    let say_there = |engine: &mut Engine<u32, u32>, from, topic| {
        engine.remote_say(at(6), ELSEWHERE, from, &topic, 9, None).map(told)
    };
    assert_eq!(say_there(&mut engine, from, 100), Err(Error::NotMember));
    assert_eq!(say_there(&mut engine, from, 101), Err(Error::UnknownTopic));
    assert_eq!(say(&mut engine, 6, ELSEWHERE, shows(2, 4)), ["2 joins: Some(4)"]);
    // By its number it is known whether it is news.
    assert_eq!(say(&mut engine, 6, ELSEWHERE, shows(2, 5)), NOTHING);
    assert_eq!(say(&mut engine, 6, ELSEWHERE, shows(3, 5)), ["2 there: Some(5)"]);
    assert_eq!(say(&mut engine, 6, ELSEWHERE, shows(3, 5)), NOTHING);
    assert_eq!(say_there(&mut engine, from, 100), Ok(vec!["2 says 9".to_owned()]));
    assert_eq!(say_there(&mut engine, (&3, from.1), 100), Err(Error::UnknownSession));
    assert_eq!(say(&mut engine, 7, ELSEWHERE, state(vec![session(1, None)])), ["2 leaves"]);
}

/// Rule T1: whoever goes on in a topic by another session does not leave it, as between two
/// sessions that are here.
#[test]
fn who_changes_devices_elsewhere_stays_in_a_topic() {
    let there = |id, number, presence| {
        let topics = vec![RemoteMember { topic: 100, observes: false, number, presence }];
        RemoteSession { topics, ..session(id, Some(8)) }
    };
    let speaks_first: Represent<u32> = |_| 0;
    let with_skew = |skew_ms| {
        let mut engine = engine(|options| options.skew_ms = skew_ms);
        viewer(&mut engine);
        engine
    };
    let engines = [with_skew(0), with_skew(50), as_one(None, speaks_first)];
    for mut engine in engines {
        let own = engine.sessions(&1).next().expect("it is here");
        let join = Join::Member { presence: None, view: View::All };
        engine.join(at(5), own, 100, join).expect("there is room").1.for_each(|_| {});
        let mut in_topic = |now, origin, sessions| {
            let told = say(&mut engine, now, origin, state(sessions));
            assert_eq!(engine.verify(), Ok(()));
            let of_topic = ["2 joins", "2 leaves", "2 there", "MemberSessionEnded"];
            let is_of_topic = |told: &String| of_topic.iter().any(|of| told.starts_with(of));
            let told: Vec<_> = told.into_iter().filter(is_of_topic).collect();
            told.into_iter()
                .map(|told| told.chars().take(18).collect::<String>())
                .collect::<Vec<_>>()
        };
        assert_eq!(in_topic(5, ELSEWHERE, vec![there(1, 2, Some(4))]), ["2 joins: Some(4)"]);
        // One session ends, and another is there.
        let told = in_topic(6, ELSEWHERE, vec![there(2, 2, Some(5))]);
        assert_eq!(told, ["2 there: Some(5)", "MemberSessionEnded"]);
        // It leaves, and one that is known already or new is there instead.
        let told = in_topic(7, ELSEWHERE, vec![session(2, Some(8)), there(3, 2, Some(6))]);
        assert_eq!(told, ["2 there: Some(6)", "MemberSessionEnded"]);
        let told = in_topic(8, ELSEWHERE, vec![there(2, 3, Some(7)), session(3, Some(8))]);
        assert_eq!(told, ["2 there: Some(7)", "MemberSessionEnded"]);
        // What was said is not told again, and so it is with what a session publishes.
        let told = in_topic(9, ELSEWHERE, vec![there(2, 3, Some(7)), session(3, Some(8))]);
        assert_eq!(told, NOTHING);
        let told = in_topic(10, ELSEWHERE, vec![there(4, 1, None)]);
        assert_eq!(told, ["2 there: None", "MemberSessionEnded", "2 there: Some(8)"]);
        // Where it is kept back that the user has gone, who comes at another node takes its place.
        let gone = in_topic(11, ELSEWHERE, vec![]);
        let came = in_topic(12, AFAR, vec![there(5, 1, Some(9))]);
        if gone.is_empty() {
            assert_eq!(came, ["2 there: Some(9)", "MemberSessionEnded"]);
        } else {
            assert_eq!((gone[0].as_str(), came), ("2 leaves", vec!["2 joins: Some(9)".to_owned()]));
        }
    }
}

/// Rule C13: what is so no more is told before what is so now; but for whoever takes another's
/// place in a topic, which is one change there.
#[test]
fn what_ends_elsewhere_is_told_before_what_begins() {
    let there = |id, topics: &[u32]| {
        let member = |topic: &u32| RemoteMember {
            topic: *topic,
            observes: false,
            number: 1,
            presence: Some(4),
        };
        RemoteSession { topics: topics.iter().map(member).collect(), ..session(id, None) }
    };
    let silent = |id| session(id, Some(8));
    type Sessions = Vec<RemoteSession<u32, u32>>;
    let cases: [(Sessions, Sessions, Sessions, &[&str]); 3] = [
        // Nobody of the user is in the topic.
        (vec![], vec![silent(1), there(2, &[])], vec![there(2, &[100])], &["2 ended", "2 joins"]),
        // Somebody is, at another node, and stays.
        (
            vec![there(3, &[100])],
            vec![silent(1), there(2, &[])],
            vec![there(2, &[100])],
            &["2 ended", "2 there"],
        ),
        // Somebody is, and leaves for another topic while another session joins.
        (
            vec![],
            vec![there(1, &[100]), there(2, &[])],
            vec![there(1, &[200]), there(2, &[100])],
            &["2 there", "MemberSessionEnded", "TopicOccupied"],
        ),
    ];
    for (elsewhere, before, after, expected) in cases {
        let mut engine = engine(|_| {});
        viewer(&mut engine);
        let own = engine.sessions(&1).next().expect("it is here");
        let join = Join::Member { presence: None, view: View::All };
        engine.join(at(5), own, 100, join).expect("there is room").1.for_each(|_| {});
        say(&mut engine, 5, ELSEWHERE, state(elsewhere));
        say(&mut engine, 5, AFAR, state(before));
        let told = say(&mut engine, 6, AFAR, state(after));
        let told = told.iter().filter(|told| !told.contains("Disconnected"));
        let told: Vec<_> = told.collect();
        assert_eq!(told.len(), expected.len(), "{told:?}");
        assert!(
            told.iter().zip(expected).all(|(told, begins)| told.starts_with(begins)),
            "{told:?}"
        );
    }
}

/// Rules 10 and T6: what a user does once it is hidden is told to nobody from whom it is, though
/// a node says both by the same word.
#[test]
fn who_hides_elsewhere_is_not_seen_to_do_anything_else() {
    let there = |id| {
        let topics =
            vec![RemoteMember { topic: 100, observes: false, number: 1, presence: Some(4) }];
        RemoteSession { topics, ..session(id, Some(8)) }
    };
    let silent = |id| session(id, Some(8));
    type Sessions = Vec<RemoteSession<u32, u32>>;
    let cases: [(Sessions, Sessions, &[&str]); 4] = [
        // Of the user nobody is in the topic, or a session that stays.
        (vec![silent(1)], vec![there(1)], &["2 offline to 1"]),
        (vec![there(1)], vec![there(1), there(2)], &["2 offline to 1", "2 leaves"]),
        // Another one takes the place of the one that was there, new or known.
        (vec![there(1)], vec![there(2)], &["2 offline to 1", "2 leaves", "2 Disconnected false"]),
        (vec![there(1), silent(2)], vec![silent(1), there(2)], &["2 offline to 1", "2 leaves"]),
    ];
    for (before, after, expected) in cases {
        for blocks in [false, true] {
            let mut engine = engine(|all| all.topics.blocks = TopicBlocks::Hidden);
            viewer(&mut engine);
            let own = engine.sessions(&1).next().expect("it is here");
            let join = Join::Member { presence: None, view: View::All };
            engine.join(at(5), own, 100, join).expect("there is room").1.for_each(|_| {});
            say(&mut engine, 5, ELSEWHERE, state(before.clone()));
            let mut said = state(after.clone());
            let lists = said.lists.as_mut().expect("they are given");
            if blocks {
                lists.blocked.push(1)
            } else {
                lists.visible = false
            }
            let told = say(&mut engine, 6, ELSEWHERE, said);
            let told: Vec<_> = told.iter().filter(|told| !told.starts_with("1 offline")).collect();
            assert_eq!(told, expected, "blocks: {blocks}");
            assert_eq!(engine.verify(), Ok(()));
        }
    }
}

/// Rule 10: whoever comes to see a user sees what it shows then, and nothing of before.
#[test]
fn who_is_let_see_somebody_elsewhere_sees_nothing_of_before() {
    let hidden: [fn(&mut RemoteLists<u32>); 3] = [
        |lists| lists.audience.clear(),
        |lists| lists.blocked.push(1),
        |lists| lists.visible = false,
    ];
    for hide in hidden {
        let mut engine = engine(|_| {});
        viewer(&mut engine);
        let mut before = state(vec![session(1, Some(8)), session(2, Some(7))]);
        hide(before.lists.as_mut().expect("they are given"));
        say(&mut engine, 5, ELSEWHERE, before);
        let after = vec![RemoteSession { number: 2, ..session(1, Some(9)) }];
        let told = say(&mut engine, 6, ELSEWHERE, state(after));
        let seen: Vec<_> = told.iter().filter(|told| told.starts_with("2: ")).collect();
        assert_eq!(seen, ["2: 9 to 1"], "{told:?}");
        assert_eq!(engine.verify(), Ok(()));
    }
}

/// An engine whose contacts are told one state of each user.
pub(crate) fn as_one(idle_after_ms: Option<u64>, represent: Represent<u32>) -> Engine<u32, u32> {
    let options = Options {
        skew_ms: 0,
        settle_ms: 0,
        lease: None,
        own_echo: false,
        idle_after_ms,
        ..Options::default()
    };
    let config = Config::new(options).expect("the options are in range");
    let mut engine = Engine::with_representative(config, std::hash::RandomState::new(), represent);
    viewer(&mut engine);
    engine
}

#[test]
fn who_is_idle_elsewhere_is_so_here() {
    let mut engine = as_one(Some(1_000), newest);
    let said = |idle_ms| state(vec![RemoteSession { idle_ms, ..session(1, Some(8)) }]);
    say(&mut engine, 5_000, ELSEWHERE, said(None));
    assert_eq!(say(&mut engine, 5_000, ELSEWHERE, said(Some(1_500))), ["2 idle since 3500: 8"]);
    assert_eq!(say(&mut engine, 5_100, ELSEWHERE, said(Some(1_600))), NOTHING);
    assert_eq!(say(&mut engine, 5_200, ELSEWHERE, said(None)), ["2 as one: 8"]);
}

/// Rule C18: durations travel, and are a little off each time. Who has been idle all along is not
/// told to be so since another moment, whatever is looked at anew.
#[test]
fn who_stays_idle_elsewhere_is_so_since_the_same_moment() {
    let mut engine = as_one(Some(1_000), newest);
    let said =
        |idle_ms| state(vec![RemoteSession { idle_ms: Some(idle_ms), ..session(1, Some(8)) }]);
    say(&mut engine, 5_000, ELSEWHERE, said(1_500));
    for off in [1_590, 1_610, 610] {
        assert_eq!(say(&mut engine, 5_100, ELSEWHERE, said(off)), NOTHING);
        assert_eq!(told(engine.origin_lost(at(5_100), ELSEWHERE)), NOTHING);
        assert_eq!(told(engine.origin_back(at(5_100), ELSEWHERE)), NOTHING);
    }
    // That somebody was there in between was not heard.
    assert_eq!(say(&mut engine, 6_100, ELSEWHERE, said(1_600)), ["2 idle since 4500: 8"]);
}

/// Rule U2: one word of a node's is told once, however much of it changes who speaks.
#[test]
fn what_a_node_says_at_once_is_told_as_one() {
    let mut engine = as_one(Some(1_000), newest);
    // Who is heard of when it is idle already is not taken for somebody who is there.
    let idle = |id, presence, idle_ms| RemoteSession { idle_ms, ..session(id, Some(presence)) };
    let told = say(&mut engine, 5_000, ELSEWHERE, state(vec![idle(1, 6, Some(1_500))]));
    assert_eq!(told, ["2 online true", "2 idle since 3500: 6"]);
    let both = vec![idle(1, 6, Some(1_501)), idle(2, 7, Some(1_401))];
    let told = say(&mut engine, 5_001, ELSEWHERE, state(both));
    assert_eq!(told, ["2 idle since 3600: 7"]);
    // The one that speaks ends, and another shows something else.
    let other = RemoteSession { number: 2, ..idle(1, 9, None) };
    let told = say(&mut engine, 5_002, ELSEWHERE, state(vec![other]));
    assert_eq!(told, ["2 as one: 9", "2 Disconnected false"]);
    // Whoever is let see the user is told once, too.
    let mut hidden = state(vec![RemoteSession { number: 2, ..idle(1, 9, None) }]);
    hidden.lists.as_mut().expect("they are given").visible = false;
    say(&mut engine, 5_003, ELSEWHERE, hidden);
    let seen = RemoteSession { number: 3, ..idle(1, 6, None) };
    let told = say(&mut engine, 5_004, ELSEWHERE, state(vec![seen]));
    assert_eq!(told, ["2 as one: 6"]);
    assert_eq!(engine.verify(), Ok(()));
}

/// Rule U2: of several sessions that show something new by one word of a node's, it matters whether
/// the one that speaks is among them.
#[test]
fn whoever_speaks_is_heard_though_others_show_something_too() {
    let mut engine = as_one(None, |_| 0);
    let shows = |number, presence, id| RemoteSession { number, ..session(id, Some(presence)) };
    say(&mut engine, 5, ELSEWHERE, state(vec![shows(1, 5, 1), shows(1, 6, 2)]));
    let both = vec![shows(2, 7, 1), shows(2, 8, 2)];
    assert_eq!(say(&mut engine, 6, ELSEWHERE, state(both)), ["2 as one: 7"]);
    let other = vec![shows(2, 7, 1), shows(3, 9, 2)];
    assert_eq!(say(&mut engine, 7, ELSEWHERE, state(other)), NOTHING);
}

/// Rule T2: whoever leaves a topic and joins it again with nothing of its own shows there what it
/// publishes, though its node says both by one word.
#[test]
fn whoever_joins_again_shows_there_what_it_shows_then() {
    let mut engine = engine(|_| {});
    viewer(&mut engine);
    let own = engine.sessions(&1).next().expect("it is here");
    let join = Join::Member { presence: None, view: View::All };
    engine.join(at(5), own, 100, join).expect("there is room").1.for_each(|_| {});
    let there = |number, presence| {
        let topics = vec![RemoteMember { topic: 100, observes: false, number, presence }];
        RemoteSession { topics, ..session(1, Some(8)) }
    };
    say(&mut engine, 5, ELSEWHERE, state(vec![there(2, Some(7))]));
    let told = say(&mut engine, 6, ELSEWHERE, state(vec![there(3, None)]));
    assert_eq!(told, ["2 leaves", "2 joins: Some(8)"]);
    let told = say(&mut engine, 7, ELSEWHERE, state(vec![there(3, None)]));
    assert_eq!(told, NOTHING);
    assert_eq!(engine.verify(), Ok(()));
}

/// A node that tells idleness may speak to one that does not.
#[test]
fn where_idleness_is_not_told_nobody_is_idle() {
    let awake: Represent<u32> =
        |all| all.iter().position(|one| one.idle_since.is_none()).unwrap_or(0);
    for (idle_after_ms, presence) in [(None, 9), (Some(1_000), 3)] {
        let mut engine = as_one(idle_after_ms, awake);
        let idle = RemoteSession { idle_ms: Some(1_500), ..session(1, Some(9)) };
        say(&mut engine, 5_000, ELSEWHERE, state(vec![idle, session(2, Some(3))]));
        let speaks = engine.representative(&2).and_then(|(session, _)| session.presence);
        assert_eq!(speaks, Some(&presence));
    }
}

#[test]
fn whoever_is_at_a_node_that_is_lost_does_not_speak_until_it_is_back() {
    let mut engine = as_one(Some(1_000), newest);
    let (key, decisions) =
        engine.connect(at(1), Connect::new(2).audience([1])).expect("there is room");
    decisions.for_each(|_| {});
    engine.publish(at(1), key, 7).expect("it is attached").for_each(|_| {});
    assert_eq!(
        say(&mut engine, 2, ELSEWHERE, state(vec![session(1, Some(9)), session(2, Some(3))])),
        ["2 as one: 9"]
    );
    assert_eq!(told(engine.origin_lost(at(3), ELSEWHERE)), ["2 as one: 7"]);
    let lost: Vec<_> = engine.user_sessions(&2).map(|session| session.lost).collect();
    let node_loss = Some((at(3), LostCause::NodeLoss));
    assert_eq!(lost, [None, node_loss, node_loss]);
    assert_eq!(told(engine.origin_back(at(4), ELSEWHERE)), ["2 as one: 9"]);
    // A session's own loss is told apart from that of its node.
    let loss = adsum::RemoteLoss { cause: LostCause::ConnectionError, since_ms: 1, left_ms: 100 };
    let detached = |id, presence| RemoteSession { lost: Some(loss), ..session(id, Some(presence)) };
    let said = state(vec![detached(1, 9), session(2, Some(3))]);
    assert_eq!(say(&mut engine, 5, ELSEWHERE, said), ["2 as one: 7"]);
    engine.lost(at(6), key, LostCause::Timeout).expect("it is attached").for_each(|_| {});
    let lost: Vec<_> = engine.user_sessions(&2).map(|session| session.lost).collect();
    let expected = [(6, LostCause::Timeout), (4, LostCause::ConnectionError)];
    assert_eq!(lost[..2], expected.map(|(ms, cause)| Some((at(ms), cause))));
    assert_eq!((lost[2], engine.verify()), (None, Ok(())));
}

/// Rule C10: whoever comes while the last end elsewhere is kept back brings lists along. Whom these
/// let see the user is shown what is over, and told its end, in this order.
#[test]
fn lists_of_whoever_comes_show_what_is_kept_back_before_it_ends() {
    let snapshot = |line: &String| line.starts_with("Snapshot(");
    let as_one = ["2 as one: 8", "2 Disconnected false"];
    for (settle_ms, represents, expected) in [
        (0, false, &["2: 8 to 1", "2 ended to 2", "2 Disconnected false"][..]),
        // As it is where the end of a session here is held back (rule 6).
        (300, false, &["2: 8 to 1", "2 Disconnected false"]),
        (0, true, &["2 as one: 8", "2 offline to 2", "2 Disconnected false"]),
        (300, true, &as_one),
    ] {
        let options = Options { settle_ms, skew_ms: 500, ..Options::default() };
        let config = Config::new(options).expect("the options are in range");
        let mut engine = match represents {
            true => {
                let hasher = std::hash::RandomState::new();
                Engine::with_representative(config, hasher, |_| 0)
            }
            false => Engine::with_hasher(config, std::hash::RandomState::new()),
        };
        viewer(&mut engine);
        let other = Connect::new(3).audience([2]);
        engine.connect(at(1), other).expect("there is room").1.for_each(|_| {});
        say(&mut engine, 5, ELSEWHERE, state(vec![session(1, Some(8))]));
        assert_eq!(say(&mut engine, 6, ELSEWHERE, state(Vec::new())), NOTHING);
        let newcomer = Connect::new(2).audience([1, 3]);
        let (key, decisions) = engine.connect(at(7), newcomer).expect("there is room");
        let all = told(decisions);
        assert!(all.last().is_some_and(snapshot), "{all:?}");
        assert_eq!(all[..all.len() - 1], *expected, "settle: {settle_ms}, one: {represents}");
        engine.verify().expect("nothing is wrong");
        engine.publish(at(8), key, 9).expect("it is attached").for_each(|_| {});
    }
}
