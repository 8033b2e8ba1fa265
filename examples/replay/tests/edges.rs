//! What is told of edges is held against what happened: each way to be told wrongly is a fault.

use adsum::{Decision, DeviceKind, EndReason, LostCause, SessionId, SessionKey, Time};
use adsum_model::{Event, User};
use adsum_replay::edges::{Edges, Tally};

const GRACE_MS: u64 = 100;
const CAUSE: LostCause = LostCause::Timeout;

type Told<'a> = &'a [Decision<'a, User, u32>];

fn key(nth: u32) -> SessionKey {
    SessionKey::from_bits((1 << 32 | u64::from(nth), 1)).expect("it has a generation")
}

fn connect(user: User) -> Event {
    Event::Connect { user, kind: DeviceKind(0), audience: Vec::new(), blocked: Vec::new() }
}

fn lost(nth: u32) -> Event {
    Event::Lost { session: key(nth), cause: CAUSE, grace_ms: None }
}

const fn online(user: &User, session: SessionKey) -> Decision<'_, User, u32> {
    Decision::Online { user, session, visible: true }
}

fn ended(
    user: &User,
    session: SessionKey,
    reason: EndReason,
    since: u64,
) -> Decision<'_, User, u32> {
    let id = SessionId::from_bits(1 << 32).expect("it has a generation");
    let since = Time::from_millis(since);
    Decision::Ended { user, session, id, reason, since, last: true, visible: true }
}

/// Gives an input and what was told of it.
fn input(
    edges: &mut Edges,
    at: u64,
    event: &Event,
    attached: Option<SessionKey>,
    told: Told<'_>,
) -> Result<(), String> {
    told.iter().for_each(|decision| edges.note(decision));
    edges.hold(Time::from_millis(at), event, attached)
}

/// User 1 has come at 0.
fn one_is_there() -> Edges {
    let mut edges = Edges::new(GRACE_MS);
    input(&mut edges, 0, &connect(1), Some(key(1)), &[online(&1, key(1))]).expect("it has come");
    edges
}

/// The same, and is lost at 10.
fn one_is_lost() -> Edges {
    let mut edges = one_is_there();
    input(&mut edges, 10, &lost(1), None, &[]).expect("it has a grace");
    edges
}

#[test]
fn who_comes_and_goes_in_turn_is_counted() {
    let mut edges = one_is_lost();
    let resume = Event::Resume { session: key(1) };
    input(&mut edges, 110, &resume, Some(key(2)), &[]).expect("it is back in time");
    input(&mut edges, 120, &lost(2), None, &[]).expect("it has a grace");
    // The grace does not begin anew.
    input(&mut edges, 130, &lost(2), None, &[]).expect("it is lost already");
    input(&mut edges, 219, &Event::Advance, None, &[]).expect("it is not over");
    let over = [ended(&1, key(2), EndReason::Lost(CAUSE), 120)];
    input(&mut edges, 220, &Event::Advance, None, &over).expect("it is over");
    input(&mut edges, 230, &connect(1), Some(key(3)), &[online(&1, key(3))])
        .expect("it comes anew");
    input(&mut edges, 240, &lost(3), None, &[]).expect("it has a grace");
    assert!(edges.finish().is_err_and(|fault| fault.contains("never told that 1")));
    // Within its grace it can be ended outright, and has been gone since it was lost.
    let expelled = [ended(&1, key(3), EndReason::Expelled, 240)];
    input(&mut edges, 250, &Event::Expel { user: 1 }, None, &expelled).expect("it is expelled");
    edges.finish().expect("it has gone");
    assert_eq!(edges.tally, Tally { online: 2, outright: 1, over: 1, hidden: 1 });
    assert_eq!(edges.tally.offline(), 2);
}

#[test]
fn whoever_comes_is_told_once_and_nobody_else() {
    let fault = |edges: &mut Edges, event: &Event, told: Told<'_>| {
        input(edges, 20, event, None, told).expect_err("it is wrong")
    };
    let mut edges = Edges::new(GRACE_MS);
    assert!(fault(&mut edges, &connect(1), &[]).contains("was not told"));
    let told = [online(&2, key(1))];
    assert!(fault(&mut edges, &connect(1), &told).contains("2 has not come"));
    let twice = [online(&1, key(1)), online(&1, key(1))];
    assert!(fault(&mut Edges::new(GRACE_MS), &connect(1), &twice).contains("1 has not come"));
    let told = [online(&1, key(1))];
    assert!(fault(&mut one_is_there(), &connect(1), &told).contains("1 has not come"));
    // A resume is not a beginning.
    let (resume, told) = (Event::Resume { session: key(1) }, [online(&1, key(2))]);
    assert!(fault(&mut one_is_lost(), &resume, &told).contains("1 has not come"));
}

#[test]
fn whoever_has_gone_is_told_once_and_never_within_a_grace() {
    let fault = |mut edges: Edges, at: u64, event: &Event, told: Told<'_>| {
        input(&mut edges, at, event, None, told).expect_err("it is wrong")
    };
    let over = [ended(&1, key(1), EndReason::Lost(CAUSE), 10)];
    let none = Edges::new(GRACE_MS);
    assert!(fault(none, 110, &Event::Advance, &over).contains("1 is not there"));
    assert!(fault(one_is_there(), 110, &Event::Advance, &over).contains("1 was not lost"));
    let early = fault(one_is_lost(), 109, &Event::Advance, &over);
    assert!(early.contains("1 was lost at Time(10) and has a grace"), "{early}");
    assert!(fault(one_is_there(), 10, &lost(1), &over).contains("has a grace"));
    assert!(fault(one_is_lost(), 110, &Event::Advance, &[]).contains("was not told"));
    let twice = [10, 10].map(|since| ended(&1, key(1), EndReason::Lost(CAUSE), since));
    assert!(fault(one_is_lost(), 110, &Event::Advance, &twice).contains("1 is not there"));
    // By the loss's own moment and cause.
    let late = [ended(&1, key(1), EndReason::Lost(CAUSE), 110)];
    assert!(fault(one_is_lost(), 110, &Event::Advance, &late).contains("gone since Time(10)"));
    let other = [ended(&1, key(1), EndReason::Disconnected, 10)];
    assert!(fault(one_is_lost(), 110, &Event::Advance, &other).contains("Lost(Timeout)"));
    let mut kept = ended(&1, key(1), EndReason::Lost(CAUSE), 10);
    if let Decision::Ended { last, .. } = &mut kept {
        *last = false;
    }
    assert!(fault(one_is_lost(), 110, &Event::Advance, &[kept]).contains("for good"));
}

#[test]
fn whoever_is_said_to_go_has_gone_at_once() {
    let fault = |mut edges: Edges, event: &Event, told: Told<'_>| {
        input(&mut edges, 20, event, None, told).expect_err("it is wrong")
    };
    for event in [Event::Disconnect { session: key(1) }, Event::Expel { user: 1 }] {
        assert!(fault(one_is_there(), &event, &[]).contains("was not told"));
        let of_another = [ended(&1, key(2), EndReason::Disconnected, 20)];
        assert!(fault(one_is_there(), &event, &of_another).contains("not there with this session"));
        let for_another = [ended(&1, key(1), EndReason::Lost(CAUSE), 20)];
        assert!(fault(one_is_there(), &event, &for_another).contains("gone since Time(20)"));
    }
    // Somebody else's end is none of its own.
    let other = Event::Expel { user: 2 };
    let told = [ended(&1, key(1), EndReason::Expelled, 20)];
    assert!(fault(one_is_there(), &other, &told).contains("1 was not lost"));
    assert!(fault(one_is_lost(), &other, &told).contains("has a grace"));
    // Without a grace, a loss is an end outright.
    let mut edges = Edges::new(0);
    input(&mut edges, 0, &connect(1), Some(key(1)), &[online(&1, key(1))]).expect("it has come");
    assert!(input(&mut edges, 20, &lost(1), None, &[]).is_err());
    let told = [ended(&1, key(1), EndReason::Lost(CAUSE), 20)];
    input(&mut edges, 20, &lost(1), None, &told).expect("it has no grace");
    assert_eq!(edges.tally, Tally { online: 1, outright: 1, over: 0, hidden: 0 });
}
