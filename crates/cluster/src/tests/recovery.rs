//! Nodes that are not heard for a while, that stop, and that are started anew.

use super::world::{Weather, World};
use super::{config, options};
use crate::NodeState;
use adsum::Event;

/// Three nodes: user 1 at the first and user 2 at the second, both show something.
fn world() -> World {
    let mut world = World::new(3, &options(), 7);
    world.wait(500);
    for (at, user) in [(0, 1), (1, 2)] {
        let session = world.log_in(at, user);
        world.publish(at, session, 10 + user);
    }
    world.wait(200);
    (world.notices, world.offline_notices) = (0, 0);
    world
}

fn state(world: &World, at: usize, of: usize) -> NodeState {
    let mut nodes = world.nodes[at].cluster.nodes();
    nodes.find(|node| node.id == super::name(of)).expect("it is known").state
}

/// Rules C5 and C8: a cut that is shorter than the grace, and the time until somebody is
/// suspected, is told to nobody.
#[test]
pub(super) fn rule_c8_a_short_cut_is_not_noticed() {
    let mut world = world();
    world.cut(1);
    world.wait(options().grace.node_loss_ms);
    assert_eq!(state(&world, 0, 1), NodeState::Suspected);
    assert_eq!(world.shown(0, 2), [Some(12)], "it is detached, and shown");
    world.heal();
    world.wait(250);
    assert_eq!(state(&world, 0, 1), NodeState::Alive);
    world.wait(options().grace.node_loss_ms + 500);
    assert_eq!((world.notices, world.ends), (0, 0));
}

/// Rule C8: after a longer one each side sees the other go once, and come again once.
#[test]
fn rule_c8_a_long_cut_is_one_end_and_one_return() {
    let mut world = world();
    world.cut(1);
    world.wait(options().grace.node_loss_ms + config().suspect_ms + 200);
    // Users 1 and 2 are contacts.
    assert_eq!((world.notices, world.offline_notices, world.ends), (2, 2, 3));
    world.heal();
    world.wait(300);
    assert_eq!((world.notices, world.offline_notices), (4, 2));
    for at in 0..3 {
        assert_eq!((world.shown(at, 1), world.shown(at, 2)), (vec![Some(11)], vec![Some(12)]));
    }
}

/// Rule C5: after the grace a stream is taken up by an answer with everything, and not before.
#[test]
pub(super) fn rule_c5_after_the_grace_everything_is_asked_for() {
    let mut world = world();
    world.cut(1);
    world.wait(options().grace.node_loss_ms + config().suspect_ms + 200);
    let peer = |world: &World| {
        let desk = &world.nodes[0].cluster.desk;
        let at = desk.peers.find(super::name(1)).expect("it is known");
        (desk.peers.at(at).is_floor, desk.peers.at(at).held)
    };
    let (is_floor, held) = peer(&world);
    assert!(is_floor && held > 0, "the number stays as the least that is taken");
    world.heal();
    world.log_in(1, 4);
    world.wait(4);
    assert!(world.shown(0, 4).is_empty(), "it is not known what it was before");
    world.wait(250);
    assert_eq!((world.shown(0, 4), world.shown(0, 2)), (vec![None], vec![Some(12)]));
    assert!(!peer(&world).0 && peer(&world).1 > held);
}

/// Rule C6: a node that is started anew has nothing. What it had is detached, and if its clients
/// are back in time, contacts see them all the while.
#[test]
fn rule_c6_a_restart_is_not_noticed_if_clients_are_back_in_time() {
    let mut world = world();
    world.kill(1);
    world.wait(50);
    world.start(1);
    world.wait(400);
    assert_eq!((world.notices, world.shown(0, 2)), (0, vec![Some(12)]));
    let again = world.log_in(1, 2);
    world.publish(1, again, 20);
    world.wait(options().grace.node_loss_ms + 500);
    assert_eq!(world.offline_notices, 0);
    // Its new session, and the end of the old one.
    assert_eq!((world.notices, world.shown(0, 2)), (2, vec![Some(20)]));
}

/// Rule C6: the grace of a life that is over counts from its last beat.
#[test]
fn rule_c6_the_grace_counts_from_the_last_beat() {
    let mut world = world();
    world.kill(1);
    world.wait(300);
    world.start(1);
    // Between the last beat and one beat later.
    world.wait(options().grace.node_loss_ms - 300 - 110);
    assert_eq!(world.offline_notices, 0);
    world.wait(120);
    assert_eq!(world.offline_notices, 1);
}

/// Rule C7: users of a node that leaves connect elsewhere, and nobody hears that they go: a rolling
/// restart.
#[test]
fn rule_c7_a_rolling_restart_is_not_heard_of() {
    let mut world = world();
    for at in [0, 1, 2] {
        let moving: Vec<u32> = (0..6).filter(|user| !world.keys(at, *user).is_empty()).collect();
        world.leave(at);
        for user in moving {
            let session = world.log_in((at + 1) % 3, user);
            world.publish((at + 1) % 3, session, 30 + user);
        }
        world.wait(100);
        world.start(at);
        world.wait(300);
    }
    world.wait(options().grace.node_loss_ms + 500);
    assert_eq!(world.offline_notices, 0);
    for at in 0..3 {
        assert_eq!((world.shown(at, 1), world.shown(at, 2)), (vec![Some(31)], vec![Some(32)]));
    }
}

/// Rule C9: a node that joins waits until it knows what the others know, or for long enough.
#[test]
fn rule_c9_a_node_waits_for_the_others() {
    let mut world = world();
    world.kill(2);
    world.start(2);
    world.wait(1);
    assert!(!world.nodes[2].cluster.is_synced(), "nobody has answered yet");
    world.wait(config().beat_ms * 3 / 2 + 10);
    assert!(world.nodes[2].cluster.is_synced());
    assert_eq!(world.shown(2, 1), [Some(11)]);
    // One that hears nothing but beats does not wait for ever.
    world.kill(2);
    world.start(2);
    world.weather = Weather { lost: 100, ..Weather::FINE };
    world.wait(config().join_ms - 10);
    let waits = world.nodes[2].cluster.nodes().count() > 0;
    assert!(!waits || !world.nodes[2].cluster.is_synced());
    world.wait(20);
    assert!(world.nodes[2].cluster.is_synced());
}

/// Rule C4: what a node holds that is wrong is found by the next beat, counted, and made right.
#[test]
pub(super) fn rule_c4_a_wrong_digest_heals_itself() {
    let mut world = world();
    let desk = &mut world.nodes[0].cluster.desk;
    let at = desk.peers.find(super::name(1)).expect("it is known");
    let person = desk.people.all.get_mut(&2).expect("user 2 is known");
    let held = person.held.pop().expect("the second node has it");
    desk.peers.at_mut(at).sum.take(&2, held.number);
    // And a user of whom that has never said anything.
    desk.people.entry(&5).held.push(crate::people::Held { seen: Default::default(), ..held });
    desk.peers.at_mut(at).sum.add(&5, held.number);
    world.wait(250);
    let cluster = &world.nodes[0].cluster;
    assert_eq!(cluster.stats().wrong_digests, 1);
    let person = cluster.desk.people.get(&2).expect("user 2 is known");
    assert_eq!(person.held.len(), 1);
    assert!(cluster.desk.people.get(&5).is_none());
}

/// Rules C2 and C3: a lost change is asked for when the next one comes, and nothing changes until
/// the answer is there.
#[test]
pub(super) fn rule_c2_a_gap_changes_nothing_and_is_asked_for() {
    let mut world = world();
    let session = world.keys(1, 2).pop_first().expect("user 2 is there");
    let gaps = |world: &World| [0, 1, 2].map(|at| world.nodes[at].cluster.stats().gaps);
    let before = gaps(&world);
    world.weather = Weather { lost: 100, ..Weather::FINE };
    world.publish(1, session, 50);
    world.weather = Weather::FINE;
    world.publish(1, session, 51);
    world.wait(20);
    for at in 0..3 {
        assert_eq!(world.shown(at, 2), [Some(51)]);
    }
    assert_eq!(gaps(&world), [before[0] + 1, before[1], before[2] + 1]);
}

/// Rule C18: while a node is suspected, what ends by itself does so at the others, by durations
/// that travelled between clocks that are an hour apart.
#[test]
fn rule_c18_what_ends_by_itself_does_so_while_its_node_is_suspected() {
    let mut world = world();
    let session = world.keys(1, 2).pop_first().expect("user 2 is there");
    let until = world.clock(1).saturating_add(800);
    let then = Some(61);
    world.give(1, Event::PublishUntil { session, presence: 60, until, then }).expect("it is right");
    world.wait(50);
    world.cut(1);
    world.wait(700);
    assert_eq!(world.shown(0, 2), [Some(60)]);
    world.wait(60);
    assert_eq!((world.shown(0, 2), state(&world, 0, 1)), (vec![Some(61)], NodeState::Suspected));
    let notices = world.notices;
    world.heal();
    world.wait(250);
    assert_eq!(world.notices, notices, "its node says the same");
}

/// Rule C16: a thousand comings and goings leave nothing behind.
#[test]
fn rule_c16_flapping_leaves_nothing_behind() {
    let mut world = world();
    world.weather = Weather { repeated: 30, ..Weather::FINE };
    let size = |world: &World, at: usize| {
        let desk = &world.nodes[at].cluster.desk;
        let waiting = desk.jobs.len() + desk.outbox.len() + desk.parting_count();
        (desk.people.all.len(), waiting, desk.peers.len())
    };
    let before = [0, 1, 2].map(|at| size(&world, at));
    for nth in 0..1_000 {
        let session = world.log_in(nth % 3, 3);
        world.publish(nth % 3, session, nth as u32);
        world.give(nth % 3, Event::Disconnect { session }).expect("it is right");
        world.wait(nth as u64 % 7);
        world.log.clear();
    }
    world.wait(500);
    assert_eq!([0, 1, 2].map(|at| size(&world, at)), before);
    for at in 0..3 {
        let gone = world.nodes[at].cluster.desk.people.gone_count();
        assert!(gone <= config().max_gone as usize, "{gone} are remembered");
        assert_eq!(world.nodes[at].cluster.stats().wrong_digests, 0);
    }
}

/// Rule C5: a beat that comes again, or late, is no sign of life.
#[test]
pub(super) fn rule_c5_a_late_beat_is_no_sign_of_life() {
    let mut world = world();
    world.weather = Weather { repeated: 100, delay_ms: 0, ..Weather::FINE };
    world.wait(150);
    let late = world.last_beat(1).expect("it has beaten");
    world.kill(1);
    world.wait(config().suspect_ms + 100);
    assert_eq!(state(&world, 0, 1), NodeState::Suspected);
    world.arrive(1, 0, late);
    assert_eq!(state(&world, 0, 1), NodeState::Suspected);
}

/// Rule C7: what happens at a node that has left is not told.
#[test]
pub(super) fn rule_c7_who_has_left_says_nothing() {
    let mut world = world();
    let now = world.clock(1);
    world.nodes[1].cluster.leave(now);
    world.pump(1).expect("leaving is right");
    let session = world.keys(1, 2).pop_first().expect("user 2 is there");
    world.give(1, Event::Disconnect { session }).expect("it is right");
    world.wait(config().suspect_ms);
    assert_eq!((world.shown(0, 2), state(&world, 0, 1)), (vec![Some(12)], NodeState::Left));
    assert_eq!(world.offline_notices, 0);
}
