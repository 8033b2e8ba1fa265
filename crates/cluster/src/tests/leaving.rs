//! What is ordered at a node that leaves (rules C7 and C12): users go on elsewhere, and what an
//! administrator does at one node holds at all.

use super::world::{Weather, World};
use super::{config, options};
use crate::NodeState;
use adsum::Event;

/// Three nodes: users 1 and 3 are at the first, users 2 and 4 at the second. The first has left.
fn left() -> World {
    let mut world = World::new(3, &options(), 7);
    world.wait(500);
    for (at, user) in [(0, 1), (0, 3), (1, 2), (1, 4)] {
        world.log_in(at, user);
    }
    world.wait(200);
    leave(&mut world);
    world.wait(50);
    world
}

fn leave(world: &mut World) {
    let now = world.clock(0);
    world.nodes[0].cluster.leave(now);
    world.pump(0).expect("leaving is right");
}

fn is_online(world: &World, user: u32) -> [bool; 2] {
    [1, 2].map(|at| world.nodes[at].cluster.engine().is_online(&user))
}

fn blocks(world: &World, user: u32, other: u32) -> [bool; 2] {
    [1, 2].map(|at| world.nodes[at].cluster.engine().blocked(&user).any(|one| *one == other))
}

/// Rule C7: what concerns all nodes goes out from one that has left: who is expelled there goes
/// wherever it is, and a notice comes.
#[test]
fn rule_c7_what_is_ordered_at_a_node_that_has_left_is_done_by_all() {
    let mut world = left();
    world.does(0, Event::Expel { user: 2 });
    world.does(0, Event::Expel { user: 3 });
    let told = world.notices;
    world.does(0, Event::System { users: vec![4], presence: 1 });
    world.wait(50);
    assert_eq!([is_online(&world, 2), is_online(&world, 3)], [[false; 2]; 2]);
    assert_eq!(is_online(&world, 4), [true; 2]);
    assert_eq!(world.notices, told + 1, "the notice has come");
    assert!(world.nodes[0].cluster.desk.peers.iter().all(|peer| peer.orders.is_empty()));
}

/// Rule C12: what was ordered before a node leaves, or after, and got lost is sent again until it
/// is answered.
#[test]
fn rule_c12_a_node_that_leaves_sends_again_what_is_not_answered() {
    for is_ordered_first in [true, false] {
        let mut world = World::new(3, &options(), 7);
        world.wait(500);
        world.log_in(1, 2);
        world.wait(200);
        let order = |world: &mut World| {
            world.weather.lost = 100;
            world.does(0, Event::Expel { user: 2 });
            world.weather = Weather::FINE;
        };
        if is_ordered_first {
            order(&mut world);
        }
        leave(&mut world);
        if !is_ordered_first {
            order(&mut world);
        }
        world.wait(2 * config().beat_ms);
        assert_eq!(is_online(&world, 2), [false; 2], "ordered first: {is_ordered_first}");
    }
}

/// Rules C7 and C13: so do lists that are changed there: of a user who is at another node, of one
/// who is still at this, and of one whom nobody knows until it comes.
#[test]
fn rule_c13_an_edit_at_a_node_that_has_left_holds_at_all() {
    let mut world = left();
    for user in [1, 2] {
        world.does(0, Event::Block { user, other: 5 });
    }
    world.wait(50);
    assert_eq!([1, 2].map(|user| blocks(&world, user, 5)), [[true; 2]; 2]);
    // Each of several is done, and one takes another back.
    world.does(0, Event::Block { user: 1, other: 4 });
    world.does(0, Event::Unblock { user: 1, other: 5 });
    world.wait(50);
    assert_eq!([4, 5].map(|other| blocks(&world, 1, other)), [[true; 2], [false; 2]]);
    world.kill(0);
    world.agree().expect("all are the same");
}

/// Rule C7: a node that starts after another has left, and is given an order by it, does not wait
/// for it.
#[test]
fn rule_c7_a_node_that_has_left_is_not_waited_for_by_whom_it_orders() {
    let mut world = left();
    world.kill(2);
    world.start(2);
    world.wait(10);
    world.log_in(2, 5);
    world.wait(10);
    world.does(0, Event::Expel { user: 5 });
    world.wait(2 * config().beat_ms);
    assert_eq!(is_online(&world, 5), [false; 2]);
    let cluster = &world.nodes[2].cluster;
    assert!(cluster.is_synced());
    let state = cluster.nodes().find(|node| node.id == super::name(0)).map(|node| node.state);
    assert_eq!(state, Some(NodeState::Left));
}
