//! The order of things: what a host must do when, and whom it must not mistake for whom.

use crate::fake::{Client, Frame, House, Noted, Said};
use adsum::host::{Closing, Connection, HostCounts};
use adsum::{
    CloseReason, Connect, Counts, EndReason, Error, Grace, Lease, LostCause, Options, OverLimit,
    PresenceKind, Rate, Time,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::sync_channel;

const CLOSED_FOR: fn(CloseReason, bool) -> Option<Closing> =
    |reason, resumable| Some(Closing::Engine { reason, resumable });

fn ann_and_bob(options: Options) -> (House, Client, Client) {
    let mut house = House::new(options);
    let ann = house.connect("ann", &["bob"], 100);
    let mut bob = house.connect("bob", &["ann"], 100);
    bob.read(usize::MAX);
    (house, ann, bob)
}

fn presence_of(frames: &[Said]) -> Vec<u32> {
    let presences = frames.iter().map(|said| match said {
        Said::Presence { presence, .. } => *presence,
        other => panic!("a presence was expected, not {other:?}"),
    });
    presences.collect()
}

fn one_session() -> Options {
    let over_limit = OverLimit::EvictOldest { min_age_ms: 0 };
    Options { max_sessions: 1, over_limit, ..Options::default() }
}

#[test]
fn what_was_due_comes_before_an_input() {
    let rate = Some(Rate { burst: 1, interval_ms: 1_000 });
    let (mut house, ann, mut bob) =
        ann_and_bob(Options { publish_rate: rate, ..Options::default() });
    house.publish(&ann, 1);
    let goes_out = house.host.publish(house.now, ann.id, 2).expect("it is accepted");
    assert_eq!(goes_out, Some(house.now.saturating_add(1_000)), "it waits for a token");
    // By then the token is there, and nobody has called `advance`.
    house.wait(5_000);
    house.publish(&ann, 3);
    assert_eq!(presence_of(&bob.read(usize::MAX)), [1, 2, 3]);
}

#[test]
fn at_the_same_millisecond_the_input_comes_before_what_is_due() {
    let (mut house, mut ann, _bob) = ann_and_bob(Options::default());
    house.host.lost(house.now, ann.id, LostCause::ConnectionError).expect("the id is current");
    house.wait(Grace::default().connection_error_ms);
    house.resume(&mut ann, 100).expect("the grace is not over yet");
    // The lease, too, is good for all of its last millisecond.
    house.wait(90_000);
    house.host.heartbeat(house.now, ann.id).expect("the lease has not lapsed yet");
    house.host.advance(house.now);
    assert!(house.host.engine().is_online("ann"));
}

#[test]
fn the_timer_does_what_is_due() {
    let (mut house, ann, mut bob) = ann_and_bob(Options::default());
    house.publish(&ann, 1);
    house.host.lost(house.now, ann.id, LostCause::ConnectionError).expect("the id is current");
    while let Some(at) = house.host.deadline().filter(|_| house.host.engine().is_online("ann")) {
        house.now = at;
        house.host.heartbeat(house.now, bob.id).expect("bob is there");
        house.host.advance(at);
    }
    assert_eq!(house.now, Time::from_millis(61_000), "the grace is 60 s");
    assert_eq!(bob.read(usize::MAX).last(), Some(&Said::Offline { user: "ann".to_owned() }));
    assert_eq!(house.host.application().noted.len(), 3);
}

/// So many end at one moment that no single call of the engine's `advance` does them all.
fn a_stranger_says_much_for(house: &mut House, for_ms: u64) {
    let eve = house.connect("eve", &[], 100);
    for _ in 0..1_100 {
        let said = house.host.direct_for(house.now, eve.id, ["nobody"], 1, for_ms);
        said.expect("there is no rate");
    }
}

/// Whether the timer is late, or comes at the last moment but with a part of what is due.
#[test]
fn all_that_was_due_comes_before_an_input_whatever_strangers_do() {
    for (is_hidden, late_ms) in [(false, 1), (true, 1), (false, 0), (true, 0)] {
        let options = Options { direct_rate: None, ..Options::default() };
        let (mut house, mut ann, _bob) = ann_and_bob(options);
        let grace_ms = Grace::default().connection_error_ms;
        if is_hidden {
            a_stranger_says_much_for(&mut house, grace_ms - 1);
        }
        house.host.lost(house.now, ann.id, LostCause::ConnectionError).expect("the id is current");
        house.wait(grace_ms + late_ms);
        if late_ms == 0 {
            house.host.advance(house.now);
            let is_left = house.host.deadline().is_some_and(|at| at <= house.now);
            assert_eq!(is_left, is_hidden, "no call is long because nobody looks on");
        }
        let refused = house.resume(&mut ann, 100).err().map(|refused| refused.error);
        assert_eq!(refused, Some(Error::UnknownSession), "{is_hidden}, {late_ms} ms late");
        assert!(house.host.deadline().is_none_or(|at| at > house.now));
    }
}

/// The timer has come at that moment, too, with a part of what is due.
#[test]
fn what_is_left_of_a_moment_comes_before_an_input_of_that_moment() {
    const FOR_MS: u64 = 5_000;
    let mut house = House::new(Options { direct_rate: None, ..Options::default() });
    let ann = house.connect("ann", &["bob"], 100);
    a_stranger_says_much_for(&mut house, FOR_MS);
    let until = house.now.saturating_add(FOR_MS);
    house.host.publish_until(house.now, ann.id, 1, until, None).expect("it is accepted");
    house.wait(FOR_MS);
    house.host.advance(house.now);
    assert_eq!(house.host.deadline(), Some(house.now), "what was shown is still to end");
    let frames = house.connect("bob", &["ann"], 100).read(usize::MAX);
    assert!(matches!(&frames[..], [Said::Snapshot { entries, .. }] if entries.is_empty()));
}

#[test]
fn a_new_connection_gets_its_snapshot() {
    let (mut house, ann, _bob) = ann_and_bob(Options::default());
    house.publish(&ann, 7);
    let mut other = house.connect("bob", &["ann"], 100);
    let frames = other.read(usize::MAX);
    assert!(matches!(&frames[..], [Said::Snapshot { entries, .. }] if entries.len() == 1));
    house.check(&other);
}

#[test]
fn a_refused_connection_is_given_back() {
    let options = Options { over_limit: OverLimit::Refuse, max_sessions: 1, ..Options::default() };
    let (mut house, _ann, _bob) = ann_and_bob(options);
    let connect = Connect::new("ann".to_owned()).audience(vec![]).blocked(vec![]);
    let refused = house.try_connect(connect, 1).err().expect("there is one already");
    let error = Error::SessionLimit { limit: 1, kind: None };
    assert_eq!((refused.error, refused.to_string()), (error, error.to_string()));
    drop(refused.connection);
    assert_eq!(house.counts().connections, 2);
    let pass_on = |house: &mut House| -> Result<(), Error> {
        let connect = Connect::new("ann".to_owned()).audience(vec![]).blocked(vec![]);
        house.try_connect(connect, 1)?;
        Ok(())
    };
    assert_eq!(pass_on(&mut house), Err(error));
}

#[test]
fn the_late_end_of_a_connection_that_was_replaced_ends_nobody() {
    let (mut house, mut ann, mut bob) = ann_and_bob(Options::default());
    house.publish(&ann, 1);
    let (first, first_wire) = (ann.id, std::rc::Rc::clone(&ann.wire));
    house.resume(&mut ann, 100).expect("the session is there");
    assert_eq!(first_wire.borrow().closed, CLOSED_FOR(CloseReason::Replaced, false));
    assert!(first_wire.borrow().is_dropped, "nothing of the old connection is held");
    bob.read(usize::MAX);

    let (before, now) = ((house.counts(), house.host.engine().counts()), house.now);
    let unknown = Err(Error::UnknownSession);
    assert_eq!(house.host.lost(now, first, LostCause::ConnectionError), unknown);
    assert_eq!(house.host.lost_with_grace(now, first, LostCause::Timeout, 0), unknown);
    assert_eq!(house.host.disconnect(now, first), unknown);
    assert_eq!(house.host.publish(now, first, 9), Err(Error::UnknownSession));
    assert_eq!(house.host.heartbeat(now, first), unknown);
    assert!(house.host.send(now, first, Frame::new(Said::Own(1))).is_err());
    house.host.flush(now, first);
    assert_eq!(house.host.session_of(first), None);
    assert!(house.resume(&mut Client { id: first, ..ann }, 1).is_err());
    assert_eq!((house.counts(), house.host.engine().counts()), before);
    assert_eq!(bob.read(usize::MAX), [], "nobody hears of it");
}

#[test]
fn an_evicted_connection_that_hangs_up_late_does_not_end_its_successor() {
    let (mut house, first, mut bob) = ann_and_bob(one_session());
    house.publish(&first, 1);
    let second = house.connect("ann", &["bob"], 100);
    assert_eq!(first.closed(), CLOSED_FOR(CloseReason::Evicted, false));
    house.publish(&second, 2);
    // Now the reader of the first notices.
    assert_eq!(house.host.disconnect(house.now, first.id), Err(Error::UnknownSession));
    house.publish(&second, 3);
    house.read_all(&mut bob);
    house.check(&bob);
    assert_eq!((second.closed(), house.counts().connections), (None, 2));
    let ended = house.noted().into_iter().filter(|noted| matches!(noted, Noted::Ended { .. }));
    let (user, reason, since) = ("ann".to_owned(), EndReason::Evicted, house.now);
    let of_first = Noted::Ended { user, connection: first.id, reason, since, last: false };
    assert_eq!(ended.collect::<Vec<_>>(), [of_first]);
}

#[test]
fn a_lost_connection_is_let_go_of_and_its_session_can_be_resumed() {
    let (mut house, mut ann, mut bob) = ann_and_bob(Options::default());
    house.publish(&ann, 1);
    house.host.lost(house.now, ann.id, LostCause::GoingAway).expect("the id is current");
    assert_eq!(ann.closed(), Some(Closing::Caller));
    assert_eq!((house.counts().sessions, house.counts().connections), (2, 1));
    house
        .host
        .lost(house.now, ann.id, LostCause::GoingAway)
        .expect("told twice, it changes nothing");
    assert_eq!(house.host.publish(house.now, ann.id, 2), Err(Error::Detached));
    assert!(house.host.send(house.now, ann.id, Frame::new(Said::Own(1))).is_err());
    house.wait(4_000);
    house.resume(&mut ann, 100).expect("it is within the grace");
    house.publish(&bob, 8);
    house.publish(&ann, 3);
    assert_eq!(presence_of(&bob.read(usize::MAX)), [1, 3], "bob has noticed nothing");
    house.read_all(&mut ann);
    house.check(&ann);
}

#[test]
fn the_grace_of_one_loss_can_be_given() {
    let (mut house, ann, _bob) = ann_and_bob(Options::default());
    let (now, cause) = (house.now, LostCause::Timeout);
    let limit = Error::GraceLimit { limit_ms: Grace::LIMIT_MS };
    let too_long = house.host.lost_with_grace(now, ann.id, cause, Grace::LIMIT_MS + 1);
    assert_eq!((too_long, ann.closed()), (Err(limit), None), "the connection is still there");
    house.host.lost_with_grace(now, ann.id, cause, 0).expect("the grace is in range");
    assert_eq!(ann.closed(), Some(Closing::Caller));
    assert_eq!(house.host.session_of(ann.id), None, "it has ended at once");
}

#[test]
fn a_session_whose_lease_lapsed_is_closed_and_can_be_resumed() {
    let lease = Some(Lease { lease_ms: 2_000, heartbeat_ms: 1_000 });
    let (mut house, mut ann, bob) = ann_and_bob(Options { lease, ..Options::default() });
    house.wait(1_500);
    house.host.heartbeat(house.now, bob.id).expect("bob is there");
    house.wait(1_000);
    house.host.heartbeat(house.now, bob.id).expect("bob is there");
    assert_eq!(ann.closed(), CLOSED_FOR(CloseReason::LeaseLapsed, true));
    house.host.lost(house.now, ann.id, LostCause::ConnectionError).expect("it is detached");
    house.resume(&mut ann, 100).expect("it is within the grace");
    house.read_all(&mut ann);
    house.check(&ann);
}

#[test]
fn an_expelled_user_is_closed_everywhere() {
    let (mut house, ann, mut bob) = ann_and_bob(Options::default());
    house.publish(&ann, 1);
    let phone = house.connect("ann", &["bob"], 100);
    house.noted();
    house.host.expel(house.now, "ann");
    let expelled = CLOSED_FOR(CloseReason::Expelled, false);
    assert_eq!((ann.closed(), phone.closed()), (expelled, expelled));
    let ended = |connection, last| {
        let (user, reason) = ("ann".to_owned(), EndReason::Expelled);
        Noted::Ended { user, connection, reason, since: house.now, last }
    };
    let each = [ended(ann.id, false), ended(phone.id, true)];
    assert_eq!(house.noted(), each);
    house.read_all(&mut bob);
    house.check(&bob);
}

#[test]
fn the_application_learns_of_each_edge_and_each_end() {
    let mut house = House::new(Options::default());
    let ann = house.connect("ann", &[], 1);
    let phone = house.connect("ann", &[], 1);
    let (user, connection) = ("ann".to_owned(), ann.id);
    assert_eq!(house.noted(), [Noted::Online { user, connection, visible: true }]);
    let lost_at = house.now;
    house.host.lost(lost_at, ann.id, LostCause::ConnectionError).expect("the id is current");
    house.wait(100);
    house.host.disconnect(house.now, ann.id).expect("a detached session can be ended");
    house.host.disconnect(house.now, phone.id).expect("the id is current");
    let ended = |connection, since, last| {
        let (user, reason) = ("ann".to_owned(), EndReason::Disconnected);
        Noted::Ended { user, connection, reason, since, last }
    };
    let each = [ended(ann.id, lost_at, false), ended(phone.id, house.now, true)];
    assert_eq!(house.noted(), each);
}

#[test]
fn every_verb_of_a_user_and_of_a_connection_reaches_the_engine() {
    let (mut house, mut ann, mut bob) = ann_and_bob(Options::default());
    let now = house.now;
    house.publish(&ann, 1);
    house.host.invisible(now, ann.id).expect("the id is current");
    assert!(house.host.engine().is_invisible("ann"));
    house.host.visible(now, ann.id).expect("the id is current");
    house.host.direct(now, ann.id, ["bob"], 5).expect("bob is a contact");
    house.host.system(now, ["bob", "nobody"], 6).expect("few are named");
    house.host.block(now, "bob", "ann".to_owned()).expect("the list has room");
    house.host.unblock(now, "bob", "ann").expect("it never fails");
    house.host.audience_remove(now, "ann", ["bob"]).expect("it never fails");
    house.host.audience_add(now, "ann", ["bob".to_owned()]).expect("the list has room");
    house.host.audience_replace(now, "ann", []).expect("the list has room");
    let session = house.host.engine().id_of(house.key(&ann)).expect("ann is there");
    let shown = || {
        let (user, kind) = ("ann".to_owned(), PresenceKind::First);
        Said::Presence { user, session, kind, presence: 1 }
    };
    let gone = || Said::Offline { user: "ann".to_owned() };
    let directed = Said::Directed { user: "ann".to_owned(), session, presence: 5 };
    assert_eq!(
        house.read_all(&mut bob),
        [
            shown(),
            gone(),
            shown(),
            directed,
            Said::System { presence: 6 },
            gone(),
            shown(),
            gone(),
            shown(),
            gone()
        ]
    );
    house.read_all(&mut ann);
    for client in [&ann, &bob] {
        house.check(client);
    }
}

/// The host advances before each input, so nobody has to look after what ends by itself.
#[test]
fn what_ends_by_itself_ends_in_its_time() {
    let (mut house, ann, mut bob) = ann_and_bob(Options::default());
    let now = house.now;
    let until = now.saturating_add(5_000);
    house.host.publish_until(now, ann.id, 1, until, Some(2)).expect("the id is current");
    house.host.direct_for(now, ann.id, ["bob"], 3, 4_000).expect("bob is a contact");
    assert_eq!(house.host.deadline().map(|at| at <= until), Some(true));
    house.wait(9_000);
    house.host.withdraw(house.now, ann.id).expect("the id is current");
    let (user, session) = ("ann".to_owned(), house.host.engine().id_of(house.key(&ann)));
    let session = session.expect("ann is there");
    let shown = |kind, presence| Said::Presence { user: user.clone(), session, kind, presence };
    let expected = [
        shown(PresenceKind::First, 1),
        Said::Directed { user: user.clone(), session, presence: 3 },
        Said::DirectedOver { user: user.clone(), session },
        shown(PresenceKind::Update, 2),
        Said::Withdrawn { user: user.clone(), session },
    ];
    assert_eq!(house.read_all(&mut bob), expected);
    for client in [&ann, &bob] {
        house.check(client);
    }
}

#[test]
fn an_application_that_says_nothing_sends_nothing() {
    let (mut house, ann, mut bob) = ann_and_bob(Options::default());
    house.host.application_mut().is_mute = true;
    house.publish(&ann, 1);
    let mut other = house.connect("ann", &["bob"], 1);
    assert_eq!((bob.read(usize::MAX), other.read(usize::MAX)), (vec![], vec![]));
}

#[test]
fn a_shutdown_closes_every_connection() {
    let (mut house, ann, bob) = ann_and_bob(Options::default());
    house.host.lost(house.now, ann.id, LostCause::ConnectionError).expect("the id is current");
    let other = house.connect("ann", &["bob"], 1);
    let journal = house.host.shut_down();
    assert_eq!((bob.closed(), other.closed()), (Some(Closing::ShutDown), Some(Closing::ShutDown)));
    assert_eq!(ann.closed(), Some(Closing::Caller), "it was closed before");
    assert!([&ann, &bob, &other].iter().all(|client| client.wire.borrow().is_dropped));
    assert_eq!(journal.noted.len(), 2, "two came online");
}

#[test]
fn what_a_crowd_needed_is_given_back() {
    let mut house = House::new(Options::default());
    let left = allocation_counter::measure(|| {
        let crowd: Vec<Client> =
            (0..3_000).map(|nth| house.connect(&nth.to_string(), &[], 1)).collect();
        for client in crowd {
            house.host.disconnect(house.now, client.id).expect("it is there");
        }
        house.noted();
        house.host.shrink_to_fit();
    });
    assert!(left.bytes_current < 32 << 10, "{left:?}");
}

#[test]
fn when_everyone_has_gone_nothing_is_held() {
    let (mut house, ann, bob) = ann_and_bob(Options::default());
    let slow = house.connect("bob", &["ann"], 1);
    house.publish(&ann, 1);
    house.publish(&ann, 2);
    assert!(house.counts().frames_waiting > 0);
    house.host.disconnect(house.now, ann.id).expect("the id is current");
    for client in [&bob, &slow] {
        let lost = house.host.lost(house.now, client.id, LostCause::NodeLoss);
        lost.expect("the id is current");
    }
    assert_eq!((house.counts().sessions, house.counts().connections), (2, 0));
    house.wait(100_000);
    house.host.advance(house.now);
    assert_eq!(house.counts(), HostCounts::default());
    assert_eq!(house.host.engine().counts(), Counts::default());
    assert!([&ann, &bob, &slow].iter().all(|client| client.wire.borrow().is_dropped));
}

/// A `panic` in the application loses decisions. What the host still holds for the session that
/// has ended gets out of the way when its slot is given to another.
#[test]
fn an_application_that_panics_leaves_a_host_that_can_be_used() {
    let (mut house, ann, bob) = ann_and_bob(Options::default());
    house.host.application_mut().panics_at_ends = true;
    let now = house.now;
    let panic = catch_unwind(AssertUnwindSafe(|| house.host.disconnect(now, ann.id)));
    assert!(panic.is_err());
    house.host.application_mut().panics_at_ends = false;
    assert_eq!(house.host.disconnect(now, ann.id), Err(Error::UnknownSession));
    let mut again = house.connect("ann", &["bob"], 100);
    assert!(ann.wire.borrow().is_dropped);
    house.publish(&bob, 4);
    house.read_all(&mut again);
    house.check(&again);
    assert_eq!((house.counts().sessions, house.counts().connections), (2, 2));
}

#[test]
fn what_is_shown_for_debugging_names_what_it_is() {
    let (mut house, mut ann, _bob) = ann_and_bob(Options::default());
    let key = house.key(&ann);
    assert_eq!(format!("{:?}", ann.id), format!("connection of {key:?}"));
    let text = format!("{:?}", house.host);
    assert!(text.contains("users_online: 2") && text.contains("connections: 2"), "{text}");
    house.host.disconnect(house.now, ann.id).expect("the id is current");
    let refused = house.resume(&mut ann, 100).expect_err("it has ended");
    assert_eq!(format!("{refused:?}"), "Refused { error: UnknownSession, .. }");
}

#[test]
fn who_watches_is_told_until_it_stops() {
    let (mut house, ann, _bob) = ann_and_bob(Options::default());
    let mut eve = house.connect("eve", &[], 100);
    house.host.watch(house.now, eve.id, ["ann".to_owned()]).expect("there is room");
    eve.read(usize::MAX);
    house.publish(&ann, 1);
    assert_eq!(presence_of(&eve.read(usize::MAX)), [1]);
    house.host.unwatch(house.now, eve.id, ["ann"]).expect("it is attached");
    eve.read(usize::MAX);
    house.publish(&ann, 2);
    assert_eq!(presence_of(&eve.read(usize::MAX)), []);
}

#[test]
fn a_channel_of_frames_is_a_connection() {
    let (mut connection, frames) = sync_channel(1);
    assert_eq!(Connection::send(&mut connection, 1), Ok(()));
    assert_eq!(Connection::send(&mut connection, 2), Err(2), "it is full");
    assert_eq!(frames.recv(), Ok(1));
    drop(frames);
    assert_eq!(Connection::send(&mut connection, 3), Ok(()), "nobody reads it any more");
}

/// A sign of a person goes to the engine, and what comes of it to contacts (rules U4 and U5); and
/// the host is around the engine that it was given.
#[test]
fn contacts_are_told_that_a_user_is_idle_and_is_no_longer() {
    let options = Options { idle_after_ms: Some(5_000), ..Options::default() };
    let mut house = House::with_representative(options, |_| 0);
    let ann = house.connect("ann", &["bob"], 100);
    let mut bob = house.connect("bob", &["ann"], 100);
    house.publish(&ann, 1);
    let said = |is_idle| Said::User { user: "ann".to_owned(), is_idle, presence: 1 };
    assert_eq!(bob.read(usize::MAX)[1..], [said(false)]);
    house.wait(4_000);
    house.host.active(house.now, ann.id).expect("ann is there");
    house.wait(4_000);
    house.host.advance(house.now);
    assert_eq!(bob.read(usize::MAX), [], "the first sign is no news, and is one");
    house.wait(1_000);
    house.host.advance(house.now);
    house.host.active(house.now, ann.id).expect("ann is there");
    assert_eq!(bob.read(usize::MAX), [said(true), said(false)]);
    house.host.disconnect(house.now, ann.id).expect("ann is there");
    assert_eq!(house.host.active(house.now, ann.id), Err(Error::UnknownSession));
}
