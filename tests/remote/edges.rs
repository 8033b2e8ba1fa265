//! The edges of the door: what it refuses, and whom a node that is gone takes along.

use adsum::{
    Config, Connect, Decision, DeviceKind, EndReason, Engine, Error, Grace, LostCause, Notice,
    Options, Origin, RemoteLists, RemoteLoss, RemotePresence, RemoteSession, RemoteState,
    SessionId, Time,
};

pub(crate) const ELSEWHERE: Origin = Origin(7);

pub(crate) fn engine(change: impl FnOnce(&mut Options)) -> Engine<u32, u32> {
    let mut options = Options { skew_ms: 0, settle_ms: 0, ..Options::default() };
    change(&mut options);
    Engine::new(Config::new(options).expect("the options are in range"))
}

pub(crate) fn session(id: u64, presence: Option<u32>) -> RemoteSession<u32, u32> {
    RemoteSession {
        id: SessionId::from_bits(1 << 32 | id).expect("it is not zero"),
        kind: DeviceKind(0),
        age_ms: 0,
        lost: None,
        number: u64::from(presence.is_some()),
        shown: presence.map(|presence| RemotePresence { presence, age_ms: 0, until: None }),
        idle_ms: None,
        topics: Vec::new(),
    }
}

pub(crate) fn state(sessions: Vec<RemoteSession<u32, u32>>) -> RemoteState<u32, u32> {
    let (audience, blocked) = (vec![1], Vec::new());
    let lists = Some(RemoteLists { audience, blocked, visible: true });
    RemoteState { lists, sessions, ended: Vec::new() }
}

/// Returns what is told and to how many, without the numbers of notices.
pub(crate) fn told(mut decisions: adsum::Decisions<'_, u32, u32>) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(decision) = decisions.next() {
        all.push(match decision {
            Decision::Deliver { notice, to } => match notice {
                Notice::Presence { user, presence, .. } => {
                    format!("{user}: {presence} to {}", to.len())
                }
                Notice::UserOffline { user, .. } => format!("{user} offline to {}", to.len()),
                Notice::SessionEnded { user, .. } => format!("{user} ended to {}", to.len()),
                Notice::User { user, idle_since, presence, .. } => match idle_since {
                    Some(since) => format!("{user} idle since {}: {presence}", since.as_millis()),
                    None => format!("{user} as one: {presence}"),
                },
                Notice::Directed { user, presence, .. } => {
                    format!("{user} directs {presence} to {}", to.len())
                }
                Notice::DirectedOver { user, .. } => format!("{user} directs no more"),
                Notice::Withdrawn { user, .. } => format!("{user} shows nothing"),
                Notice::Member { user, presence, .. } => format!("{user} there: {presence:?}"),
                Notice::Joined { user, presence, .. } => format!("{user} joins: {presence:?}"),
                Notice::Left { user, .. } => format!("{user} leaves"),
                Notice::Said { user, presence, .. } => format!("{user} says {presence}"),
                other => format!("{other:?}"),
            },
            Decision::Changes(changes) => format!("{} changes", changes.len()),
            Decision::Online { user, session, .. } => {
                format!("{user} online {}", session.is_remote())
            }
            Decision::Ended { user, reason, last, .. } => format!("{user} {reason:?} {last}"),
            other => format!("{other:?}"),
        });
    }
    all
}

/// One who is here and sees what is said of user 2.
pub(crate) fn viewer(engine: &mut Engine<u32, u32>) {
    let (_, decisions) = engine.connect(Time::ZERO, Connect::new(1).audience([2])).expect("room");
    decisions.for_each(|_| {});
}

#[test]
fn what_is_said_of_another_node_is_told_and_its_sessions_are_no_receivers() {
    let mut engine = engine(|_| {});
    viewer(&mut engine);
    let now = Time::from_millis(5);
    let said = state(vec![session(1, Some(8)), session(2, None)]);
    let decisions = engine.remote_state(now, ELSEWHERE, 2, said.clone()).expect("there is room");
    assert_eq!(told(decisions), ["2 online true", "2: 8 to 1"]);
    // The same once more is no news.
    let again = engine.remote_state(now, ELSEWHERE, 2, said).expect("there is room");
    assert_eq!(told(again), [""; 0]);
    // What is published here has nobody to go to but user 1's contacts, who are all elsewhere.
    let key = engine.sessions(&1).next().expect("it is here");
    assert_eq!(told(engine.publish(now, key, 9).expect("it is attached")), [""; 0]);
    assert_eq!((engine.counts().sessions, engine.counts().remote), (3, 2));
}

#[test]
fn no_verb_takes_the_key_of_another_nodes_session() {
    let mut engine = engine(|_| {});
    let now = Time::from_millis(5);
    let said = state(vec![session(1, Some(8))]);
    engine.remote_state(now, ELSEWHERE, 2, said).expect("there is room").for_each(|_| {});
    let key = engine.sessions(&2).next().expect("it is known");
    assert!(key.is_remote());
    let before = engine.counts();
    assert_eq!(engine.publish(now, key, 1).err(), Some(Error::UnknownSession));
    assert_eq!(engine.heartbeat(now, key).err(), Some(Error::UnknownSession));
    assert_eq!(engine.resume(now, key).err(), Some(Error::UnknownSession));
    assert_eq!(engine.disconnect(now, key).err(), Some(Error::UnknownSession));
    assert_eq!(engine.evict(now, key).err(), Some(Error::UnknownSession));
    assert_eq!(engine.lost(now, key, LostCause::Timeout).err(), Some(Error::UnknownSession));
    assert_eq!((engine.counts(), engine.verify()), (before, Ok(())));
}

/// Why sessions have ended is read of those that were there, however many others are named.
#[test]
fn reasons_of_ends_are_found_among_very_many() {
    const MANY: u64 = 65_536;
    for (place, found) in [(0, true), (MANY - 1, true), (MANY, false)] {
        let mut engine = engine(|_| {});
        let ids = [3, 1, 2].map(|id| session(id, Some(8)));
        let stays = ids[1].clone();
        let said = state(ids.to_vec());
        engine.remote_state(Time::ZERO, ELSEWHERE, 2, said).expect("room").for_each(|_| {});
        let others = (10..).map(|id| (session(id, None).id, EndReason::Expelled));
        let mut ended: Vec<_> = others.take(MANY as usize).collect();
        ended.insert(place as usize, (ids[0].id, EndReason::Evicted));
        // Said twice, the first counts.
        ended.push((ids[0].id, EndReason::Expelled));
        let said = RemoteState { lists: None, sessions: vec![stays], ended };
        let mut decisions = engine.remote_state(Time::ZERO, ELSEWHERE, 2, said).expect("room");
        let mut reasons = Vec::new();
        while let Some(decision) = decisions.next() {
            if let Decision::Ended { reason, .. } = decision {
                reasons.push(reason);
            }
        }
        let first = if found { EndReason::Evicted } else { EndReason::Disconnected };
        assert_eq!(reasons, [first, EndReason::Disconnected], "at {place}");
    }
}

#[test]
fn what_is_over_a_limit_is_refused_and_changes_nothing() {
    let mut engine = engine(|options| options.max_audience = 2);
    viewer(&mut engine);
    let (now, before) = (Time::from_millis(5), engine.counts());
    let many = (1..=1_025).map(|id| session(id, Some(8))).collect();
    let refused = engine.remote_state(now, ELSEWHERE, 2, state(many)).err();
    assert_eq!(refused, Some(Error::SessionLimit { limit: 1_024, kind: None }));
    let mut long = state(vec![session(1, Some(8))]);
    long.lists.as_mut().expect("they are given").audience = vec![1, 3, 4];
    let refused = engine.remote_state(now, ELSEWHERE, 2, long).err();
    assert_eq!(refused, Some(Error::AudienceLimit { limit: 2 }));
    let from = (&2, session(1, None).id);
    let refused = engine.remote_direct(now, ELSEWHERE, from, [&1], 1, None).err();
    assert_eq!(refused, Some(Error::UnknownSession));
    assert_eq!((engine.counts(), engine.verify()), (before, Ok(())));
}

#[test]
fn a_node_that_is_lost_and_back_is_not_noticed_and_one_that_is_gone_ends_once() {
    let mut engine = engine(|options| {
        options.grace = Grace { node_loss_ms: 1_000, ..options.grace };
        options.lease = None;
    });
    viewer(&mut engine);
    let said = |presence| state(vec![session(1, Some(presence)), session(2, Some(presence))]);
    let at = Time::from_millis;
    engine.remote_state(at(5), ELSEWHERE, 2, said(8)).expect("there is room").for_each(|_| {});
    assert_eq!(told(engine.origin_lost(at(10), ELSEWHERE)), [""; 0]);
    assert_eq!(told(engine.advance(at(1_009))), [""; 0]);
    assert_eq!(told(engine.origin_back(at(1_009), ELSEWHERE)), [""; 0]);
    assert_eq!(told(engine.advance(at(5_000))), [""; 0]);
    let again = engine.remote_state(at(5_000), ELSEWHERE, 2, said(8)).expect("there is room");
    assert_eq!(told(again), [""; 0]);
    // Lost once more, and not back in time.
    assert_eq!(told(engine.origin_lost(at(6_000), ELSEWHERE)), [""; 0]);
    assert_eq!(engine.deadline(), Some(at(7_000)));
    let lost = EndReason::Lost(LostCause::NodeLoss);
    let ended = told(engine.advance(at(8_000)));
    let [first, last] = [false, true].map(|last| format!("2 {lost:?} {last}"));
    assert_eq!(ended, ["2 ended to 1", &first, "2 offline to 1", &last]);
    assert_eq!((engine.counts().remote, engine.deadline(), engine.verify()), (0, None, Ok(())));
    // It is a node like any other when it comes again, and goes for good by the host's word.
    let decisions = engine.remote_state(at(9_000), ELSEWHERE, 2, said(9)).expect("room");
    assert_eq!(told(decisions).len(), 3);
    assert_eq!(told(engine.origin_gone(at(9_000), ELSEWHERE)).len(), 4);
    assert_eq!(engine.counts().remote, 0);
}

/// A hundred thousand ends of a node that is gone take the memory of one decision, and what is not
/// drained stays due.
#[test]
fn what_is_not_drained_of_a_node_that_is_gone_stays_due() {
    let mut engine = engine(|options| options.grace.node_loss_ms = 100);
    for user in 10..200 {
        let said = state(vec![session(u64::from(user), Some(user))]);
        engine.remote_state(Time::ZERO, ELSEWHERE, user, said).expect("room").for_each(|_| {});
    }
    engine.origin_lost(Time::ZERO, ELSEWHERE).for_each(|_| {});
    let later = Time::from_millis(200);
    let mut decisions = engine.advance(later);
    for _ in 0..5 {
        decisions.next();
    }
    drop(decisions);
    let left = engine.counts().remote;
    assert!((180..190).contains(&left), "{left} are left");
    assert!(engine.deadline().is_some_and(|at| at <= later));
    engine.advance(later).for_each(|_| {});
    assert_eq!((engine.counts().remote, engine.counts().users_online), (0, 0));
    assert_eq!(engine.verify(), Ok(()));
}

/// A session that is detached at its node waits for what that says, and is looked at now and then;
/// a host whose clock leaps does not pay for every moment in between.
#[test]
fn a_leap_of_the_clock_is_no_work_for_sessions_that_are_detached_elsewhere() {
    let mut engine = engine(|options| options.lease = None);
    viewer(&mut engine);
    let lost = RemoteLoss { cause: LostCause::ConnectionError, since_ms: 0, left_ms: 10 };
    let detached = RemoteSession { lost: Some(lost), ..session(1, Some(5)) };
    let told_first = engine.remote_state(Time::ZERO, ELSEWHERE, 2, state(vec![detached]));
    told_first.expect("it is in order").for_each(|_| {});
    for now in [Time::from_millis(u64::MAX / 2), Time::MAX, Time::MAX] {
        assert_eq!(told(engine.advance(now)), [""; 0]);
        assert!(engine.is_online(&2));
        assert_eq!(engine.verify(), Ok(()));
    }
}

/// Rule C18: the grace of who was detached there ends by itself while its node is suspected, though
/// the host has told the time late before.
#[test]
fn a_late_host_does_not_put_off_the_end_of_a_grace_elsewhere() {
    let mut engine = engine(|options| options.lease = None);
    viewer(&mut engine);
    let at = Time::from_millis;
    let lost = RemoteLoss { cause: LostCause::ConnectionError, since_ms: 0, left_ms: 10 };
    let detached = RemoteSession { lost: Some(lost), ..session(1, Some(5)) };
    let said = engine.remote_state(Time::ZERO, ELSEWHERE, 2, state(vec![detached]));
    said.expect("it is in order").for_each(|_| {});
    assert_eq!(told(engine.advance(at(2_510))), [""; 0]);
    assert_eq!(told(engine.origin_lost(at(2_511), ELSEWHERE)), [""; 0]);
    let ended = format!("2 {:?} true", EndReason::Lost(LostCause::ConnectionError));
    assert_eq!(told(engine.advance(at(3_510))), ["2 offline to 1", &ended]);
}

/// Rule 6: what is held while a later session settles is not held of one that is put out.
#[test]
fn what_a_session_showed_that_is_expelled_is_over_at_once() {
    for elsewhere in [false, true] {
        let mut engine = engine(|options| options.settle_ms = 1_000);
        viewer(&mut engine);
        let now = Time::from_millis(5);
        let connect = |engine: &mut Engine<u32, u32>, now| {
            let connect = Connect::new(2).audience([1]);
            let (key, decisions) = engine.connect(now, connect).expect("there is room");
            decisions.for_each(|_| {});
            key
        };
        let first = connect(&mut engine, now);
        let second = connect(&mut engine, Time::from_millis(6));
        let now = Time::from_millis(7);
        let ended = if elsewhere {
            engine.disconnect(now, first).expect("it is there").for_each(|_| {});
            let said = state(vec![session(1, Some(8))]);
            engine.remote_state(now, ELSEWHERE, 2, said).expect("room").for_each(|_| {});
            connect(&mut engine, now);
            let ended = vec![(session(1, None).id, EndReason::Expelled)];
            let said = RemoteState { ended, ..state(vec![]) };
            told(engine.remote_state(now, ELSEWHERE, 2, said).expect("it was there"))
        } else {
            engine.publish(now, first, 8).expect("it is attached").for_each(|_| {});
            told(engine.expel_session(now, first).expect("it is there"))
        };
        let said: Vec<_> = ended.iter().filter(|told| told.starts_with('2')).collect();
        // The contact, and the user's others.
        let receivers = if elsewhere { 3 } else { 2 };
        assert_eq!(said, [&format!("2 ended to {receivers}"), "2 Expelled false"]);
        assert!(engine.is_attached(second));
        let mut shown = 0;
        let newcomer = engine.connect(now, Connect::new(1).audience([2])).expect("there is room");
        newcomer.1.for_each(|decision| {
            if let Decision::Snapshot(snapshot) = decision {
                shown += snapshot.len();
            }
        });
        assert_eq!(shown, 0, "elsewhere: {elsewhere}");
    }
}

/// A node that is lost before it has said anything is forgotten when its grace is over.
#[test]
fn a_node_that_was_lost_before_it_spoke_is_due_and_then_no_longer() {
    let mut engine = engine(|options| options.grace.node_loss_ms = 1_000);
    engine.origin_lost(Time::from_millis(5), ELSEWHERE).for_each(|_| {});
    let due = Time::from_millis(1_005);
    assert_eq!(engine.deadline(), Some(due));
    engine.advance(due).for_each(|_| {});
    assert_eq!(engine.deadline(), None);
    viewer(&mut engine);
    let now = Time::from_millis(1_006);
    let said = state(vec![session(1, Some(8))]);
    engine.remote_state(now, ELSEWHERE, 2, said).expect("there is room").for_each(|_| {});
    assert_eq!(told(engine.advance(Time::from_millis(60_000))), [""; 0], "it is there");
}
