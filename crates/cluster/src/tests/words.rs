//! What a node says of itself and of what it refuses, what a host asks it beside its verbs, and
//! what is the same on every machine.

use super::world::World;
use super::{config, name, node, options};
use crate::{ClusterConfig, Fault, Incarnation, digest};
use adsum::{DeviceKind, Event, Options, OverLimit, Rate, Time};
use std::hash::{Hash, Hasher};

const NOW: Time = Time::from_millis(1_000_000);

#[test]
fn what_is_refused_is_said_in_words() {
    let theirs = Incarnation { started_ms: 5, random: 1 };
    let all = [
        Fault::Protocol { theirs: 9 },
        Fault::OtherCluster,
        Fault::NotTheSender,
        Fault::NotForMe,
        Fault::NameTaken { theirs },
        Fault::OldIncarnation { node: name(1) },
        Fault::TooManyNodes,
        Fault::TooLarge,
        Fault::Malformed,
        Fault::NotAnOrder,
        Fault::Clock,
    ];
    let mut words: Vec<_> = all.iter().map(Fault::to_string).collect();
    assert_eq!(words[0], "the message is of version 9 of the protocol");
    assert_eq!(words[5], "b has been started anew since");
    words.sort();
    words.dedup();
    assert_eq!(words.len(), all.len(), "each has words of its own: {words:?}");
    let wrong = ClusterConfig { max_nodes: 0, ..config() }.check().expect_err("none is too few");
    assert!(wrong.to_string().starts_with("max_nodes is 0, which is not within 1 to "), "{wrong}");
}

/// A number that is far out of its range is refused like any other.
#[test]
fn numbers_of_any_size_are_checked() {
    for beat_ms in [0, 60_001, u64::MAX / 2 + 2, u64::MAX] {
        let wrong = ClusterConfig { beat_ms, ..config() }.check().expect_err("it is out of range");
        assert_eq!((wrong.option, wrong.value), ("beat_ms", beat_ms));
    }
}

/// What is printed to look at is the node's name and counts, and nothing of what anybody shows.
#[test]
fn a_node_is_printed_by_its_name() {
    let mut cluster = node(1, 10, &options(), config());
    assert_eq!((cluster.id(), name(1).to_string()), (name(1), "b".to_owned()));
    let printed = format!("{cluster:?}");
    assert!(printed.starts_with("Cluster { me: ") && printed.contains("stats"), "{printed}");
    let outputs = format!("{:?}", cluster.advance(NOW));
    assert!(outputs.starts_with("Outputs { decisions: "), "{outputs}");
}

/// No two moments of the logical clock are the same, and each is later than the one before.
#[test]
fn each_stamp_is_later_than_the_one_before() {
    let mut cluster = node(0, 10, &options(), config());
    let mut last = cluster.clock();
    for now in [NOW, NOW, Time::ZERO, NOW.saturating_add(5)] {
        let stamp = cluster.stamp(now);
        assert!(stamp > last, "{stamp} after {last}");
        assert_eq!(cluster.clock(), stamp);
        last = stamp;
    }
}

#[test]
fn a_host_is_told_until_when_a_publish_waits_and_takes_all_that_is_left() {
    let publish_rate = Some(Rate { burst: 1, interval_ms: 1_000 });
    let mut cluster = node(0, 10, &Options { publish_rate, ..options() }, config());
    cluster.advance(NOW).for_each(|_| {});
    while cluster.next(NOW).is_some() {}
    let connect = |user: u32, audience: Vec<u32>| {
        let kind = DeviceKind(0);
        Event::Connect { user, kind, audience, blocked: Vec::new() }
    };
    let ann = cluster.apply(NOW, connect(1, vec![2])).expect("there is room").session();
    cluster.apply(NOW, connect(2, vec![1])).expect("there is room").for_each(|_| {});
    let session = ann.expect("it has a key");
    let mut count = 0;
    let first = cluster.apply(NOW, Event::Publish { session, presence: 5 }).expect("it is right");
    assert_eq!(first.waits_until(), None);
    first.for_each(|_| count += 1);
    assert_eq!(count, 1, "bob is told");
    let next = cluster.apply(NOW, Event::Publish { session, presence: 6 }).expect("it is right");
    assert_eq!(next.waits_until(), Some(NOW.saturating_add(1_000)));
    next.for_each(|_| panic!("nothing is told yet"));
}

/// Rule C11: the limit of a kind is one of all nodes, too.
#[test]
fn rule_c11_just_as_many_of_each_kind_stay_as_may() {
    for over_limit in [OverLimit::EvictOldest { min_age_ms: 0 }, OverLimit::Refuse] {
        let max_sessions_per_kind = Some(1);
        let options = Options { max_sessions_per_kind, over_limit, ..options() };
        for seed in 1..8 {
            let mut world = World::new(3, &options, seed);
            world.wait(500);
            for at in 0..3 {
                for kind in [0, 1] {
                    let connect = world.connect(2, kind);
                    world.give(at, connect).expect("nothing goes wrong");
                }
            }
            world.wait(600);
            let all: Vec<_> = (0..3).flat_map(|at| world.keys(at, 2).into_iter()).collect();
            assert_eq!(all.len(), 2, "{over_limit:?}, seed {seed}");
            for at in 0..3 {
                let engine = world.nodes[at].cluster.engine();
                let mut kinds: Vec<_> = engine
                    .all_sessions()
                    .filter(|session| *session.user == 2)
                    .map(|session| session.kind)
                    .collect();
                kinds.sort();
                assert_eq!(kinds, [DeviceKind(0), DeviceKind(1)], "seed {seed}, at {at}");
            }
        }
    }
}

/// A value that is hashed as these bytes.
struct Bytes<'a>(&'a [u8]);

impl Hash for Bytes<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.0);
    }
}

/// Rule C4: nodes on different machines have one checksum of the same.
#[test]
fn rule_c4_numbers_are_the_same_on_every_machine() {
    let same = |number: u64, bytes: &[u8]| assert_eq!(number, digest::of(&Bytes(bytes)));
    same(digest::of(&0x102_u16), &[2, 1]);
    same(digest::of(&-2_i16), &[0xfe, 0xff]);
    same(digest::of(&0x102_u32), &[2, 1, 0, 0]);
    same(digest::of(&-2_i32), &[0xfe, 0xff, 0xff, 0xff]);
    same(digest::of(&0x102_u64), &[2, 1, 0, 0, 0, 0, 0, 0]);
    same(digest::of(&0x102_usize), &[2, 1, 0, 0, 0, 0, 0, 0]);
    same(digest::of(&-2_i64), &(-2_i64).to_le_bytes());
    same(digest::of(&-2_isize), &(-2_i64).to_le_bytes());
    same(digest::of(&0x102_u128), &0x102_u128.to_le_bytes());
    same(digest::of(&-2_i128), &(-2_i128).to_le_bytes());
}
