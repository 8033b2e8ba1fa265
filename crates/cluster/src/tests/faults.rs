//! Messages that are refused, and change nothing.

use super::{config, name, node, options};
use crate::{
    Beat, Body, Cluster, Direct, Fault, Incarnation, Message, Need, Next, NodeId, Order, Orders,
    PROTOCOL, Repeat, Sync, To, UserState, Version,
};
use adsum::{Event, RemoteLists, RemoteState, SessionId, Time};

const NOW: Time = Time::from_millis(1_000_000);

fn message(body: Body<u32, u32>) -> Message<u32, u32> {
    let incarnation = Incarnation { started_ms: 5, random: 1 };
    Message { protocol: PROTOCOL, cluster: 0, from: name(1), incarnation, clock: 7, body }
}

fn beat() -> Message<u32, u32> {
    let beat = Beat { round: 1, seq: 0, digest: 0, users: 0, topics: 0, is_joining: false };
    message(Body::Beat(beat))
}

fn state(number: u64) -> UserState<u32, u32> {
    let state = RemoteState { lists: None, sessions: Vec::new(), ended: Vec::new() };
    let (version, stamps) = (Version::default(), Vec::new());
    let (is_gone, posted, is_cut) = (false, None, false);
    UserState { user: 3, number, is_gone, posted, version, is_cut, stamps, state }
}

fn first() -> Cluster<u32, u32> {
    let mut cluster = node(0, 10, &options(), config());
    drop(cluster.advance(NOW));
    while cluster.next(NOW).is_some() {}
    cluster
}

/// Gives a message to a node, and sees that it is refused as is to be, and nothing else happens.
fn refused(sender: NodeId, message: Message<u32, u32>) -> Fault {
    let mut cluster = first();
    let known = cluster.nodes().count();
    let fault = cluster.receive(NOW, sender, message).expect_err("it is refused");
    assert!(cluster.next(NOW).is_none(), "{fault} has no consequence");
    assert_eq!((cluster.stats().faults, cluster.nodes().count()), (1, known));
    fault
}

/// Rule C1: a node speaks for itself alone.
#[test]
fn rule_c1_a_node_that_speaks_for_another_is_refused() {
    assert_eq!(refused(name(2), beat()), Fault::NotTheSender);
}

#[test]
fn messages_of_others_are_refused() {
    let of = |change: &dyn Fn(&mut Message<u32, u32>)| {
        let mut message = beat();
        change(&mut message);
        refused(message.from, message)
    };
    assert_eq!(of(&|message| message.protocol = 9), Fault::Protocol { theirs: 9 });
    assert_eq!(of(&|message| message.cluster = 9), Fault::OtherCluster);
    assert_eq!(of(&|message| message.clock = u64::MAX), Fault::Clock);
}

/// Two nodes must not have one name.
#[test]
fn a_name_that_is_used_twice_is_refused() {
    let mut message = beat();
    message.from = name(0);
    let theirs = message.incarnation;
    assert_eq!(refused(name(0), message), Fault::NameTaken { theirs });
    // A node's own words may come back to it.
    let mut cluster = first();
    let mut message = beat();
    (message.from, message.incarnation) = (name(0), Incarnation { started_ms: 10, random: 0 });
    assert_eq!(cluster.receive(NOW, name(0), message), Ok(()));
    assert!(cluster.next(NOW).is_none());
}

/// Rule C6: what an earlier life of a node has said is not heard.
#[test]
fn rule_c6_an_earlier_life_is_refused() {
    let mut cluster = first();
    assert_eq!(cluster.receive(NOW, name(1), beat()), Ok(()));
    let mut old = beat();
    old.incarnation.started_ms = 4;
    let fault = Fault::OldIncarnation { node: name(1) };
    assert_eq!(cluster.receive(NOW, name(1), old), Err(fault));
}

#[test]
fn messages_for_others_are_refused() {
    let to = name(2);
    let needs = Need { to, since: 0, is_full: false, start: None };
    let states = Vec::new();
    let sync = Sync { to, since: 0, seq: 0, start: None, last: 0, states };
    let session = SessionId::from_bits(1 << 32 | 1).expect("it is an id");
    let users = Vec::new();
    let direct = Direct { to, user: 1, session, users, presence: 1, for_ms: None };
    let orders = Orders { to, first: 1, orders: Vec::new(), is_leaving: false };
    let repeat = Repeat { to, users: Vec::new() };
    let life = Incarnation { started_ms: 10, random: 0 };
    for body in [
        Body::Need(needs),
        Body::Sync(sync),
        Body::Repeat(repeat),
        Body::Direct(direct),
        Body::Orders(orders),
        Body::Done { to, life, id: 1 },
    ] {
        assert_eq!(refused(name(1), message(body)), Fault::NotForMe);
    }
}

#[test]
fn messages_that_are_too_large_are_refused() {
    let many = u64::from(config().max_batch) + 1;
    let ops = (1..=many).map(state).collect();
    assert_eq!(refused(name(1), message(Body::Ops(ops))), Fault::TooLarge);
    let session = SessionId::from_bits(1 << 32 | 1).expect("it is an id");
    let users = (0..=options().max_direct).collect();
    let direct = Direct { to: name(0), user: 1, session, users, presence: 1, for_ms: None };
    assert_eq!(refused(name(1), message(Body::Direct(direct))), Fault::TooLarge);
    let users = (0..=config().max_batch).collect();
    let repeat = Repeat { to: name(0), users };
    assert_eq!(refused(name(1), message(Body::Repeat(repeat))), Fault::TooLarge);
    let orders = vec![order(Event::Expel { user: 1 }); crate::orders::MAX_ORDERS + 1];
    let body = orders_of(orders);
    assert_eq!(refused(name(1), message(body)), Fault::TooLarge);
}

fn orders_of(orders: Vec<Order<u32, u32>>) -> Body<u32, u32> {
    Body::Orders(Orders { to: name(0), first: 1, orders, is_leaving: false })
}

fn order(event: Event<u32, u32>) -> Order<u32, u32> {
    Order { version: Version::default(), event }
}

#[test]
fn what_no_node_can_say_is_refused() {
    let ops = |ops: Vec<UserState<u32, u32>>| refused(name(1), message(Body::Ops(ops)));
    assert_eq!(ops(vec![state(1), state(3)]), Fault::Malformed, "there is a gap");
    assert_eq!(ops(vec![state(2), state(2)]), Fault::Malformed, "one number twice");
    assert_eq!(ops(vec![state(0)]), Fault::Malformed, "numbers begin at one");
    let stamped = UserState { stamps: vec![4], ..state(1) };
    assert_eq!(ops(vec![stamped]), Fault::Malformed, "a stamp without a session");
    let version = Version { clock: u64::MAX, ..Version::default() };
    assert_eq!(ops(vec![UserState { version, ..state(1) }]), Fault::Malformed);
    // What somebody has done is no later than the message that says so.
    let later = message(Body::Leaving).clock + 1;
    let posted = Some(later);
    assert_eq!(ops(vec![UserState { posted, ..state(1) }]), Fault::Malformed);
    let lists = Some(RemoteLists { audience: Vec::new(), blocked: Vec::new(), visible: true });
    let state_of = RemoteState { lists, sessions: Vec::new(), ended: Vec::new() };
    let cut = UserState { is_cut: true, state: state_of, ..state(1) };
    assert_eq!(ops(vec![cut]), Fault::Malformed, "what is there is not cut");
    let version = Version { wish: 2 * later, ..Version::default() };
    assert_eq!(ops(vec![UserState { version, ..state(1) }]), Fault::Malformed);
    let sync = |since, seq, last, number| {
        let (to, states) = (name(0), vec![state(number)]);
        let sync = Sync { to, since, seq, start: None, last, states };
        refused(name(1), message(Body::Sync(sync)))
    };
    assert_eq!(sync(5, 7, 7, 8), Fault::Malformed, "it is beyond the end");
    assert_eq!(sync(5, 7, 7, 5), Fault::Malformed, "it is before the beginning");
    assert_eq!(sync(5, 7, 6, 6), Fault::Malformed, "it is beyond the last");
    assert_eq!(sync(5, u64::MAX, u64::MAX, 6), Fault::Malformed, "nothing could come after it");
    let event = Event::Heartbeat { session: session_key() };
    let body = orders_of(vec![order(event)]);
    assert_eq!(refused(name(1), message(body)), Fault::NotAnOrder);
}

/// A clock that is ahead by a thousand years: whoever took it over could not count on from it.
#[test]
fn a_clock_that_nobody_can_have_is_refused() {
    let with_clock = |clock| Message { clock, ..beat() };
    let most = NOW.as_millis() + (1 << 45);
    assert_eq!(refused(name(1), with_clock(most + 1)), Fault::Clock);
    let mut cluster = node(0, 10, &options(), config());
    assert_eq!(cluster.receive(NOW, name(1), with_clock(most)), Ok(()));
    let version = Version { clock: most + 1, ..Version::default() };
    let orders = vec![Order { version, event: Event::Expel { user: 1 } }];
    let body = orders_of(orders);
    assert_eq!(refused(name(1), message(body)), Fault::Malformed, "its clock is behind that");
}

fn session_key() -> adsum::SessionKey {
    adsum::SessionKey::from_bits((1 << 32 | 1, 0)).expect("it is a key")
}

#[test]
fn more_nodes_than_may_be_are_refused() {
    let config = crate::ClusterConfig { max_nodes: 1, ..config() };
    let mut cluster = node(0, 10, &options(), config);
    assert_eq!(cluster.receive(NOW, name(1), beat()), Ok(()));
    let mut other = beat();
    other.from = name(2);
    assert_eq!(cluster.receive(NOW, name(2), other.clone()), Err(Fault::TooManyNodes));
    // One that has long been gone gives its place away.
    let later = NOW.saturating_add(2 * 60 * 60 * 1_000);
    for at in [later, later.saturating_add(options().grace.node_loss_ms)] {
        drop(cluster.advance(at));
        while cluster.next(at).is_some() {}
    }
    let later = later.saturating_add(60 * 60 * 1_000);
    assert_eq!(cluster.receive(later, name(2), other), Ok(()));
    assert_eq!(cluster.nodes().map(|node| node.id).collect::<Vec<_>>(), [name(2)]);
}

/// The whole of a user comes from one node, and nobody else can take it away.
#[test]
fn rule_c1_another_node_says_nothing_of_a_session() {
    let mut owner = node(1, 5, &options(), config());
    let mut viewer = first();
    let (kind, audience) = (adsum::DeviceKind(0), Vec::new());
    let connect = Event::Connect { user: 3, kind, audience, blocked: Vec::new() };
    drop(owner.apply(NOW, connect).expect("it is right"));
    while let Some(next) = owner.next(NOW) {
        if let Next::Send { to: To::Everyone, message } = next {
            viewer.receive(NOW, name(1), message).expect("it is right");
        }
    }
    while viewer.next(NOW).is_some() {}
    assert!(viewer.engine().is_online(&3));
    // The third node says that it has nothing of the user.
    let mut ops = message(Body::Ops(vec![UserState { is_gone: true, ..state(1) }]));
    ops.from = name(2);
    viewer.receive(NOW, name(2), ops).expect("it may say so");
    while viewer.next(NOW).is_some() {}
    assert!(viewer.engine().is_online(&3));
}

#[test]
fn names_are_plain() {
    assert_eq!(NodeId::new("node-7_A").map(|id| id.as_str().to_owned()), Some("node-7_A".into()));
    for wrong in ["", "a.b", "a b", "a*", "ä", "a2345678901234567890123456789012"] {
        assert_eq!(NodeId::new(wrong), None, "{wrong}");
    }
    assert!(NodeId::new("a") < NodeId::new("b"));
    assert!(NodeId::new("a") < NodeId::new("aa"));
}

#[test]
fn numbers_out_of_range_are_refused() {
    assert_eq!(config().check(), Ok(()));
    let wrong = crate::ClusterConfig { suspect_ms: 199, ..config() };
    assert_eq!(wrong.check().map_err(|error| error.option), Err("suspect_ms"));
    let wrong = crate::ClusterConfig { max_nodes: 0, ..config() };
    assert_eq!(wrong.check().map_err(|error| error.option), Err("max_nodes"));
}
