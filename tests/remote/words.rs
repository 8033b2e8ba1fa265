//! What one word of another node's brings about at once, and the order in which it is told.

use crate::edges::{ELSEWHERE, engine, session, state, told, viewer};
use crate::lives::as_one;
use adsum::{
    Candidate, Config, EndReason, Engine, Join, LostCause, Options, Origin, RemoteEnd, RemoteLoss,
    RemoteMember, RemotePresence, RemoteSession, RemoteState, Represent, Time, View,
};

const AFAR: Origin = Origin(9);

fn at(ms: u64) -> Time {
    Time::from_millis(ms)
}

fn say(
    engine: &mut Engine<u32, u32>,
    now: u64,
    origin: Origin,
    said: Vec<RemoteSession<u32, u32>>,
) -> Vec<String> {
    told(engine.remote_state(at(now), origin, 2, state(said)).expect("there is room"))
}

/// Rules 19 and U2: the host hears of an end when everybody has been told of all that came with it.
#[test]
fn rule_19_ends_come_after_all_else_that_one_word_brings() {
    let mut engine = engine(|_| {});
    viewer(&mut engine);
    say(&mut engine, 5, ELSEWHERE, vec![session(1, Some(8)), session(2, Some(7))]);
    let other = RemoteSession { number: 2, ..session(2, Some(9)) };
    let told = say(&mut engine, 6, ELSEWHERE, vec![other]);
    assert_eq!(told, ["2 ended to 1", "2: 9 to 1", "2 Disconnected false"]);
    // Whom the lists let see the user is told before it, too.
    let sessions = vec![session(3, Some(6))];
    let mut said = RemoteState { ended: Vec::new(), ..state(sessions) };
    said.lists.as_mut().expect("they are given").visible = false;
    engine.remote_state(at(7), ELSEWHERE, 2, said.clone()).expect("room").for_each(|_| {});
    said.lists.as_mut().expect("they are given").visible = true;
    said.sessions = vec![session(4, Some(5))];
    let shown = engine.remote_state(at(8), ELSEWHERE, 2, said).expect("there is room");
    assert_eq!(crate::edges::told(shown), ["2: 5 to 1", "2 Disconnected false"]);
}

/// Rule U2: of a user who never stops showing something nobody is told that it is offline,
/// whichever of its devices does.
#[test]
fn rule_u2_who_goes_on_by_another_device_is_not_told_to_be_offline() {
    for ends in [true, false] {
        let mut engine = as_one(None, |_| 0);
        say(&mut engine, 5, ELSEWHERE, vec![session(1, Some(8)), session(2, None)]);
        let silent = (!ends).then(|| RemoteSession { number: 2, ..session(1, None) });
        let shows = session(2, Some(9));
        let told = say(&mut engine, 6, ELSEWHERE, silent.into_iter().chain([shows]).collect());
        let end = ends.then_some("2 Disconnected false");
        assert_eq!(told, ["2 as one: 9"].into_iter().chain(end).collect::<Vec<_>>());
        // And who shows nothing any more is.
        let nothing = RemoteSession { number: 2, ..session(2, None) };
        assert_eq!(say(&mut engine, 7, ELSEWHERE, vec![nothing])[0], "2 offline to 1");
        assert_eq!(engine.verify(), Ok(()));
    }
}

/// Rule U2: the choice is made anew when a device elsewhere is lost, and when it is back.
#[test]
fn rule_u2_who_speaks_is_chosen_anew_when_a_device_elsewhere_is_lost() {
    let represent = |candidates: &[Candidate<'_, u32>]| {
        candidates.iter().rposition(|one| !one.detached).unwrap_or(0)
    };
    let mut engine = as_one(None, represent);
    let both = || vec![session(1, Some(8)), session(2, Some(9))];
    assert_eq!(say(&mut engine, 5, ELSEWHERE, both()).last().expect("it is shown"), "2 as one: 9");
    let mut lost = both();
    lost[1].lost = Some(RemoteLoss { cause: LostCause::Timeout, since_ms: 0, left_ms: 500 });
    assert_eq!(say(&mut engine, 6, ELSEWHERE, lost), ["2 as one: 8"]);
    assert_eq!(say(&mut engine, 7, ELSEWHERE, both()), ["2 as one: 9"]);
}

/// Rules 15 and T5: a user who is expelled at its node is so in one go here.
#[test]
fn rule_15_who_is_expelled_elsewhere_goes_at_once() {
    let mut engine = engine(|options| options.skew_ms = 50);
    viewer(&mut engine);
    let key = engine.sessions(&1).next().expect("it is here");
    let join = Join::Member { presence: None, view: View::All };
    engine.join(at(1), key, 100, join).expect("there is room").1.for_each(|_| {});
    let topics = || vec![RemoteMember { topic: 100, observes: false, number: 1, presence: None }];
    let there = |id| RemoteSession { topics: topics(), ..session(id, Some(8)) };
    say(&mut engine, 5, ELSEWHERE, (1..=3).map(there).collect());
    let ended = (1..=3).map(|id| (session(id, None).id, EndReason::Expelled)).collect();
    let said = RemoteState { ended, ..state(Vec::new()) };
    let gone = told(engine.remote_state(at(6), ELSEWHERE, 2, said).expect("there is room"));
    let ends = ["2 Expelled false", "2 Expelled false", "2 Expelled true"];
    assert_eq!(gone, [&["2 offline to 1", "2 leaves"], &ends[..]].concat());
    assert_eq!(engine.verify(), Ok(()));
}

/// What ends by itself at every node is not told again by the node that has it, whether or not this
/// one has others to tell.
#[test]
fn what_has_ended_by_itself_is_not_told_again() {
    let mut engine = engine(|_| {});
    viewer(&mut engine);
    let until = Some(RemoteEnd { left_ms: 100, then: Some(9) });
    let shown = Some(RemotePresence { presence: 8, age_ms: 0, until });
    let said = RemoteSession { shown, number: 2, ..session(1, None) };
    say(&mut engine, 5, ELSEWHERE, vec![said]);
    assert_eq!(told(engine.advance(at(200))), ["2: 9 to 1"]);
    let then = RemoteSession { number: 3, ..session(1, Some(9)) };
    assert_eq!(say(&mut engine, 201, ELSEWHERE, vec![then]), [""; 0]);
}

/// Rule 18: the loss that counts is the last one, though the one before was not heard to be over.
#[test]
fn who_is_lost_once_more_was_lost_then() {
    let mut engine = engine(|_| {});
    viewer(&mut engine);
    let lost = |cause, since_ms| {
        let lost = Some(RemoteLoss { cause, since_ms, left_ms: 500 });
        vec![RemoteSession { lost, ..session(1, Some(8)) }]
    };
    say(&mut engine, 100, ELSEWHERE, lost(LostCause::Timeout, 10));
    say(&mut engine, 200, ELSEWHERE, lost(LostCause::ConnectionError, 20));
    let session = engine.user_sessions(&2).next().expect("it is there");
    assert_eq!(session.lost, Some((at(180), LostCause::ConnectionError)));
    engine.origin_lost(at(300), ELSEWHERE).for_each(|_| {});
    let told = told(engine.advance(at(2_000)));
    assert_eq!(told, ["2 offline to 1", "2 Lost(ConnectionError) true"]);
}

/// Rule U3: sessions have the order in which they connected, whichever is heard of first; so do
/// those whose presence is held (rule 6).
#[test]
fn rule_u3_sessions_have_the_order_in_which_they_connected() {
    let of = |id, age_ms, presence| RemoteSession { age_ms, ..session(id, Some(presence)) };
    let mut one = as_one(None, |_| 0);
    say(&mut one, 1_000, ELSEWHERE, vec![of(1, 900, 6)]);
    say(&mut one, 1_001, AFAR, vec![of(2, 300, 7)]);
    let mut other = as_one(None, |_| 0);
    assert_eq!(say(&mut other, 1_001, AFAR, vec![of(2, 300, 7)])[1], "2 as one: 7");
    assert_eq!(say(&mut other, 1_002, ELSEWHERE, vec![of(1, 902, 6)]), ["2 as one: 6"]);
    for engine in [&one, &other] {
        let shown: Vec<_> = engine.user_sessions(&2).map(|one| one.presence.copied()).collect();
        assert_eq!(shown, [Some(6), Some(7)]);
        assert_eq!(engine.verify(), Ok(()));
    }
}

#[test]
fn who_is_heard_of_late_comes_before_what_is_held_for_a_later_session() {
    let options = Options { skew_ms: 0, settle_ms: 500, lease: None, ..Options::default() };
    let config = Config::new(options).expect("the options are in range");
    let represent: Represent<u32> = |all| 1.min(all.len() - 1);
    let mut engine =
        Engine::<u32, u32>::with_representative(config, std::hash::RandomState::new(), represent);
    viewer(&mut engine);
    let of = |id, age_ms, presence| RemoteSession { age_ms, ..session(id, presence) };
    // The second one has just come, and the first, which goes, is held for it.
    let first = of(1, 700, Some(6));
    say(&mut engine, 1_000, ELSEWHERE, vec![first.clone()]);
    say(&mut engine, 1_001, ELSEWHERE, vec![first, of(2, 0, None)]);
    say(&mut engine, 1_002, ELSEWHERE, vec![of(2, 1, None)]);
    assert!(engine.representative(&2).is_some(), "it is held");
    // One that connected between the two, and one from before both.
    let before = [of(3, 302, None), of(4, 902, Some(8))];
    assert_eq!(say(&mut engine, 1_003, AFAR, before.to_vec()), [""; 0], "it is the second now");
    assert_eq!(engine.verify(), Ok(()));
    assert_eq!(told(engine.advance(at(1_600))), ["2 as one: 8"], "what was held is over");
    assert_eq!(engine.verify(), Ok(()));
}
