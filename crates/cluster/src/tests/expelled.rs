//! Who is expelled while a node that has sessions of theirs is gone, or is not heard.

use super::world::World;
use super::{config, options};
use adsum::Event;

/// Three nodes, of which the second has a session of user 2, who is a contact of user 1.
fn world() -> World {
    let mut world = World::new(3, &options(), 7);
    // Whoever has been there for as long as the grace posts for a node that is gone (rule C17).
    world.wait(options().grace.node_loss_ms + 500);
    for (at, user) in [(0, 1), (1, 2)] {
        let session = world.log_in(at, user);
        world.publish(at, session, 10 + user);
    }
    world.wait(200);
    (world.notices, world.offline_notices, world.ends) = (0, 0, 0);
    world
}

fn expel(world: &mut World) {
    world.give(0, Event::Expel { user: 2 }).expect("it is right");
}

/// What the two nodes that stay show of user 2.
fn shown(world: &World) -> [usize; 2] {
    [0, 2].map(|at| world.shown(at, 2).len())
}

/// Rule C5: of a node that is suspected nobody else speaks for the sessions, so they end at once.
#[test]
fn rule_c5_who_is_expelled_does_not_outlive_a_dead_node() {
    let mut world = world();
    world.kill(1);
    world.wait(config().suspect_ms + 150);
    assert_eq!(shown(&world), [1, 1], "it is detached, and shown");
    expel(&mut world);
    assert_eq!(world.shown(0, 2), [], "at once where it was asked");
    world.wait(20);
    assert_eq!(shown(&world), [0, 0]);
    assert_eq!((world.offline_notices, world.ends), (1, 2), "contacts hear of it, once");
    world.wait(options().grace.node_loss_ms + 500);
    assert_eq!((world.offline_notices, world.ends), (1, 2));
    assert_eq!(world.posts.iter().filter(|post| **post == (2, false)).count(), 1);
}

/// Rule C5: what is asked before anybody has noticed that a node is dead holds when they notice.
#[test]
fn rule_c5_who_is_expelled_goes_when_their_node_is_suspected() {
    let mut world = world();
    world.kill(1);
    world.wait(50);
    expel(&mut world);
    world.wait(100);
    assert_eq!(shown(&world), [1, 1], "the node may be there, and do it");
    world.wait(config().suspect_ms);
    assert_eq!(shown(&world), [0, 0]);
    assert_eq!((world.offline_notices, world.ends), (1, 2));
}

/// Rule C5: a node that only was not heard is told, and ends the session itself; what the others
/// hold of the node is what it has.
#[test]
fn rule_c5_a_node_that_is_back_ends_who_was_expelled() {
    let mut world = world();
    let session = world.log_in(1, 3);
    world.publish(1, session, 13);
    world.cut(1);
    world.wait(config().suspect_ms + 150);
    expel(&mut world);
    world.wait(100);
    assert_eq!((shown(&world), world.keys(1, 2).len()), ([0, 0], 1));
    assert_eq!(world.shown(2, 3), [Some(13)], "others of that node wait for it");
    world.heal();
    world.wait(400);
    assert_eq!((shown(&world), world.keys(1, 2).len()), ([0, 0], 0));
    let healed = |at: usize| world.nodes[at].cluster.stats().wrong_digests;
    assert_eq!([0, 1, 2].map(healed), [0; 3]);
    let again = world.log_in(1, 2);
    world.publish(1, again, 5);
    world.wait(100);
    assert_eq!([0, 2].map(|at| world.shown(at, 2)), [[Some(5)], [Some(5)]]);
    world.agree().expect("they hold the same");
}

/// Nothing is lost silently: what a node has not heard for longer than the grace is counted, and so
/// is what it is asked after that.
#[test]
fn what_a_node_is_never_asked_is_counted() {
    let mut world = world();
    let lost = |world: &World| world.nodes[0].cluster.stats().orders_lost;
    world.cut(1);
    world.wait(config().suspect_ms + 150);
    expel(&mut world);
    assert_eq!(lost(&world), 0, "it may be heard within the grace");
    world.wait(options().grace.node_loss_ms + 500);
    assert_eq!(lost(&world), 1);
    expel(&mut world);
    assert_eq!(lost(&world), 2);
    world.heal();
    world.wait(400);
    assert_eq!(world.keys(1, 2).len(), 1, "it has not heard of them");
    world.agree().expect("they hold the same");
}

/// Rules C6 and C7: likewise where the node has begun another life, and where it has left.
#[test]
fn rule_c6_who_is_expelled_does_not_outlive_an_earlier_life() {
    for leaves in [false, true] {
        let mut world = world();
        if leaves {
            world.leave(1);
        } else {
            world.kill(1);
            world.start(1);
            world.wait(300);
        }
        // A further session is at a node that is there, and ends it.
        world.log_in(2, 2);
        world.wait(20);
        assert_eq!(shown(&world), [2, 2], "within its grace");
        expel(&mut world);
        world.wait(50);
        assert_eq!(shown(&world), [0, 0], "leaves: {leaves}");
        world.agree().expect("they hold the same");
    }
}

/// Rule C6: what a node was asked before it was killed holds when it is heard of in another life.
#[test]
fn rule_c6_who_was_expelled_goes_when_their_node_is_started_anew() {
    let mut world = world();
    world.kill(1);
    expel(&mut world);
    world.start(1);
    world.wait(200);
    assert_eq!(shown(&world), [0, 0]);
}

/// Who comes after the order stays, be the node that they came to heard of or not.
#[test]
fn who_comes_after_the_order_stays() {
    let mut world = world();
    world.cut(1);
    world.wait(config().suspect_ms + 150);
    expel(&mut world);
    world.wait(20);
    for at in [1, 2] {
        let again = world.log_in(at, 2);
        world.publish(at, again, 5);
    }
    world.wait(100);
    assert_eq!([0, 2].map(|at| world.shown(at, 2)), [[Some(5)], [Some(5)]]);
    world.heal();
    world.wait(400);
    // The order is carried out at the node that is back, and is for the older session alone.
    assert_eq!([0, 1, 2].map(|at| world.shown(at, 2)), [[Some(5), Some(5)]; 3]);
    world.agree().expect("they hold the same");
}

/// An order that comes late spares who came later to a node that is gone by now.
#[test]
fn a_late_order_spares_who_came_later_to_a_node_that_is_gone() {
    let mut world = world();
    world.cut(0);
    world.give(0, Event::Expel { user: 3 }).expect("it is right");
    world.wait(400);
    let later = world.log_in(1, 3);
    world.publish(1, later, 5);
    world.wait(100);
    world.kill(1);
    world.wait(config().suspect_ms + 150);
    assert_eq!(world.shown(2, 3), [Some(5)], "it is detached, and shown");
    world.heal();
    world.wait(300);
    let peers = &world.nodes[0].cluster.desk.peers;
    let of = |at| peers.at(peers.find(super::name(at)).expect("it is known"));
    assert_eq!(of(2).orders.len(), 0, "the order has come");
    assert_eq!(world.shown(2, 3), [Some(5)]);
}

/// Rule C5: nor if something of the session was under way when that was ordered.
#[test]
fn rule_c5_who_is_expelled_while_it_says_something_does_not_outlive_a_dead_node() {
    let mut world = world();
    let session = *world.keys(1, 2).first().expect("it is there");
    world.publish(1, session, 77);
    expel(&mut world);
    world.kill(1);
    world.wait(config().suspect_ms + 300);
    assert_eq!(shown(&world), [0, 0]);
}
