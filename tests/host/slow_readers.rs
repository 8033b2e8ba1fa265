//! What happens to a connection that takes nothing now: nobody waits for it, nothing is lost
//! silently, and it gets the newest state later.

use crate::fake::{Client, Frame, House, Noted, Said};
use adsum::host::{Application, Connection, Host};
use adsum::{Config, Connect, LostCause, Notice, Options, Rate, Snapshot, Time};
use allocation_counter::measure;

fn without_rate() -> Options {
    Options { publish_rate: None, ..Options::default() }
}

/// Ann, who publishes, and bob, for whom one frame may be on the way.
fn ann_and_slow_bob(outbox: usize) -> (House, Client, Client) {
    let mut house = House::new(without_rate()).with_outbox_limit(outbox);
    let ann = house.connect("ann", &["bob"], 1_000);
    let mut bob = house.connect("bob", &["ann"], 1);
    assert_eq!(bob.read(1).len(), 1, "his snapshot");
    (house, ann, bob)
}

fn presences(frames: &[Said]) -> Vec<u32> {
    let presences = frames.iter().filter_map(|said| match said {
        Said::Presence { presence, .. } => Some(*presence),
        _ => None,
    });
    presences.collect()
}

#[test]
fn a_frame_that_finds_no_room_waits_and_the_engine_is_told_after_the_drain() {
    let (mut house, ann, mut bob) = ann_and_slow_bob(8);
    house.publish(&ann, 1);
    assert!(!house.is_congested(&bob), "there was room for one");
    house.publish(&ann, 2);
    assert!(house.is_congested(&bob));
    assert_eq!(house.counts().frames_waiting, 1);
    // From now on the engine keeps what is new, and the outbox does not grow.
    (3..1_000).for_each(|presence| house.publish(&ann, presence));
    assert_eq!(house.counts().frames_waiting, 1);
    assert_eq!(presences(&house.read_all(&mut bob)), [1, 2, 999], "the newest, not the history");
    assert!(!house.is_congested(&bob));
    assert_eq!((house.counts().frames_waiting, house.counts().overflows), (0, 0));
    house.check(&bob);
}

#[test]
fn a_flush_sends_as_much_as_there_is_room_for() {
    let (mut house, ann, mut bob) = ann_and_slow_bob(8);
    (1..=2).for_each(|presence| house.publish(&ann, presence));
    for number in 3..=5 {
        house.host.send(house.now, bob.id, Frame::new(Said::Own(number))).expect("it can wait");
    }
    assert_eq!(house.counts().frames_waiting, 4);
    bob.wire.borrow_mut().capacity = 3;
    house.flush(&bob);
    assert_eq!((house.counts().frames_waiting, house.is_congested(&bob)), (2, true));
    house.read_all(&mut bob);
    assert_eq!((house.counts().frames_waiting, house.is_congested(&bob)), (0, false));
    assert_eq!(bob.own, [3, 4, 5], "in their order");
}

#[test]
fn a_flush_that_nobody_waits_for_does_nothing() {
    let (mut house, _ann, bob) = ann_and_slow_bob(8);
    let inputs = house.host.engine().stats().inputs;
    house.host.flush(house.now, bob.id);
    assert_eq!(house.host.engine().stats().inputs, inputs);
}

/// Ten contacts end at the same moment: ten notices in one drain, and the outbox has room for two.
#[test]
fn what_overflows_is_made_good_by_a_snapshot() {
    let mut house = House::new(without_rate()).with_outbox_limit(2);
    let names: Vec<String> = (0..10).map(|number| format!("user {number}")).collect();
    let friends: Vec<&str> = names.iter().map(String::as_str).collect();
    let contacts: Vec<Client> =
        names.iter().map(|name| house.connect(name, &["bob"], 100)).collect();
    contacts.iter().for_each(|contact| house.publish(contact, 1));
    let mut bob = house.connect("bob", &friends, 1);
    house.read_all(&mut bob);
    let (first, key) = (bob.id, house.key(&bob));
    for contact in &contacts[1..] {
        let lost = house.host.lost(house.now, contact.id, LostCause::ConnectionError);
        lost.expect("the id is current");
    }
    house.wait(60_000);
    for client in [&bob, &contacts[0]] {
        house.host.heartbeat(house.now, client.id).expect("both are there");
    }
    house.host.advance(house.now);
    assert_eq!((house.counts().frames_waiting, house.counts().overflows), (2, 1));

    let frames = house.read_all(&mut bob);
    let offline = frames.iter().filter(|said| matches!(said, Said::Offline { .. })).count();
    assert_eq!(offline, 3, "one on the way and two that waited");
    assert!(matches!(frames.last(), Some(Said::Snapshot { .. })), "{frames:?}");
    house.check(&bob);
    assert_eq!(bob.replica.len(), 1);

    // It is another attachment, but the same connection.
    assert_ne!(house.key(&bob), key);
    assert_eq!((bob.id, bob.closed()), (first, None));
    house.publish(&contacts[0], 2);
    assert_eq!(presences(&house.read_all(&mut bob)), [2]);
    assert_eq!(house.counts().overflows, 1);
    house.host.disconnect(house.now, bob.id).expect("its id is still good");
}

/// With room for one frame on the way and one that waits, a snapshot in three parts gets through:
/// if its end were dropped, another snapshot would have to make good for it, and so for ever.
#[test]
fn a_snapshot_is_never_dropped() {
    const CONTACTS: usize = 9_000;
    let mut house = House::new(without_rate()).with_outbox_limit(1);
    let names: Vec<String> = (0..CONTACTS).map(|number| format!("user {number}")).collect();
    for name in &names {
        let contact = house.connect(name, &["bob"], 10);
        house.publish(&contact, 1);
    }
    let friends: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut bob = house.connect("bob", &friends, 1);
    assert!(house.counts().frames_waiting >= 2);
    house.read_all(&mut bob);
    house.check(&bob);
    assert_eq!((bob.replica.len(), house.counts().overflows), (CONTACTS, 0));
    house.resume(&mut bob, 1).expect("the session is there");
    house.read_all(&mut bob);
    house.check(&bob);
}

#[test]
fn a_frame_of_ones_own_comes_after_what_waits_or_is_given_back() {
    let (mut house, ann, mut bob) = ann_and_slow_bob(3);
    (1..=2).for_each(|presence| house.publish(&ann, presence));
    let send = |house: &mut House, number| {
        house.host.send(house.now, bob.id, Frame::new(Said::Own(number)))
    };
    send(&mut house, 10).expect("two of three wait then");
    send(&mut house, 11).expect("three of three wait then");
    let given_back = send(&mut house, 12).expect_err("it would be the fourth");
    assert_eq!(*given_back, Said::Own(12));
    assert_eq!(house.counts().overflows, 0, "nothing was dropped");
    let frames = house.read_all(&mut bob);
    assert_eq!((presences(&frames), &bob.own[..]), (vec![1, 2], &[10, 11][..]));
}

/// The first frame that finds no room may be the host's own.
#[test]
fn a_frame_of_ones_own_tells_the_engine_of_a_full_connection() {
    let (mut house, ann, mut bob) = ann_and_slow_bob(3);
    for number in [10, 11] {
        house.host.send(house.now, bob.id, Frame::new(Said::Own(number))).expect("it can wait");
    }
    assert!(house.is_congested(&bob));
    house.publish(&ann, 1);
    assert_eq!(house.counts().frames_waiting, 1);
    assert_eq!(presences(&house.read_all(&mut bob)), [1]);
    assert_eq!(bob.own, [10, 11]);
}

#[test]
fn the_application_learns_whom_a_directed_notice_did_not_reach() {
    let (mut house, ann, mut bob) = ann_and_slow_bob(3);
    (1..=2).for_each(|presence| house.publish(&ann, presence));
    house.noted();
    house.host.direct(house.now, ann.id, ["bob"], 5).expect("bob is a contact");
    house.host.system(house.now, ["bob", "ann"], 6).expect("few are named");
    assert_eq!(house.noted(), [Noted::Skipped { receivers: 1 }, Noted::Skipped { receivers: 1 }]);
    let frames = house.read_all(&mut bob);
    assert!(!frames.iter().any(|f| matches!(f, Said::Directed { .. } | Said::System { .. })));
}

#[test]
fn what_waits_for_a_connection_goes_with_it() {
    let (mut house, ann, mut bob) = ann_and_slow_bob(3);
    (1..=2).for_each(|presence| house.publish(&ann, presence));
    house.host.lost(house.now, bob.id, LostCause::ConnectionError).expect("the id is current");
    assert_eq!(house.counts().frames_waiting, 0);
    house.resume(&mut bob, 1).expect("it is within the grace");
    (3..=4).for_each(|presence| house.publish(&ann, presence));
    assert_eq!(house.counts().frames_waiting, 1);
    house.resume(&mut bob, 1).expect("the session is there");
    assert_eq!((house.counts().frames_waiting, house.is_congested(&bob)), (0, false));
    house.read_all(&mut bob);
    house.check(&bob);
}

/// A connection that hangs is lost when its lease lapses, whatever waits for it.
#[test]
fn a_full_connection_is_no_sign_of_life() {
    let (mut house, ann, bob) = ann_and_slow_bob(3);
    for presence in 1..100 {
        house.wait(1_000);
        house.publish(&ann, presence);
    }
    assert!(bob.closed().is_some());
    assert_eq!((house.counts().frames_waiting, house.counts().connections), (0, 1));
}

/// An application whose frames are numbers, and so cost nothing.
struct Numbers;

impl Application<u32, u32> for Numbers {
    type Frame = u32;

    fn notice(&mut self, notice: &Notice<'_, u32, u32>) -> Option<u32> {
        match notice {
            Notice::Presence { presence, .. } => Some(**presence),
            _ => None,
        }
    }

    fn snapshot(&mut self, _: &Snapshot<'_, u32, u32>) -> Option<u32> {
        None
    }
}

/// A connection that takes everything.
struct Sum(u64);

impl Connection<u32> for Sum {
    fn send(&mut self, frame: u32) -> Result<(), u32> {
        self.0 += u64::from(frame);
        Ok(())
    }
}

#[test]
fn no_delivery_allocates() {
    let config = Config::new(Options {
        publish_rate: Some(Rate { burst: 1, interval_ms: 100 }),
        ..without_rate()
    });
    let mut host = Host::new(config.expect("the options are in range"), Numbers);
    let connections: Vec<_> = (0..20)
        .map(|user| {
            let connect = Connect::new(user).audience(0..20);
            host.connect(Time::ZERO, connect, Sum(0)).expect("the host is empty")
        })
        .collect();
    let mut now = 0;
    let mut inputs = || {
        for connection in connections.iter().cycle().take(1_000) {
            now += 10;
            let at = Time::from_millis(now);
            host.publish(at, *connection, 1).expect("the session is there");
            host.heartbeat(at, *connection).expect("the session is there");
            host.flush(at, *connection);
            host.advance(at);
        }
    };
    inputs();
    assert_eq!(measure(&mut inputs).count_total, 0);
    let delivered = host.engine().stats().deliveries;
    assert_eq!(delivered, 2_000 * 19);
}
