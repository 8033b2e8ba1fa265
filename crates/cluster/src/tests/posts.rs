//! Who posts that a user comes and goes (rule C17).

use super::world::{USERS, World};
use super::{config, options};
use adsum::Event;

/// Rule C17: where no two things happen at once, each edge is posted by one node.
#[test]
pub(super) fn rule_c17_each_edge_is_posted_once() {
    for seed in 0..10 {
        let mut world = World::new(3, &options(), seed);
        world.wait(500);
        for _ in 0..200 {
            // All have heard by then what was posted before.
            world.wait(250);
            world.step(false).expect("nothing goes wrong");
        }
        world.wait(3_000);
        assert!(world.posts.len() > 15, "seed {seed}: {:?}", world.posts);
        for user in 0..USERS {
            let of_user = world.posts.iter().filter(|(of, _)| *of == user);
            let edges: Vec<bool> = of_user.map(|(_, comes)| *comes).collect();
            let alternate = edges.iter().enumerate().all(|(nth, comes)| *comes == (nth % 2 == 0));
            let is_online = world.nodes[0].cluster.engine().is_online(&user);
            let is_right = alternate && (edges.len() % 2 == 1) == is_online;
            assert!(is_right, "seed {seed}: {user} {edges:?}\n{}", world.log.join("\n"));
        }
    }
}

/// Rule C17: of two last sessions that end at once on two nodes, one node posts that the user is
/// offline: the one that had the newer.
#[test]
fn rule_c17_an_end_on_two_nodes_at_once_is_posted_once() {
    for seed in 0..20 {
        let mut world = World::new(3, &options(), seed);
        world.wait(500);
        let first = world.log_in(0, 2);
        world.wait(50);
        let second = world.log_in(1, 2);
        // All have heard by then that the first has posted that the user is online.
        world.wait(250);
        let ends = [(0, first), (1, second)];
        for nth in [seed as usize % 2, 1 - seed as usize % 2] {
            let (at, session) = ends[nth];
            world.give(at, Event::Disconnect { session }).expect("it is right");
        }
        world.wait(300);
        assert_eq!(world.posts, [(2, true), (2, false)], "seed {seed}");
    }
}

/// Rule C17: a user's last session ends at one node while another begins at a second, which takes
/// the user for online. The first posts the end, and the second puts it right when it hears of it.
#[test]
pub(super) fn rule_c17_an_end_and_a_return_at_once_are_both_posted() {
    for seed in 0..20 {
        let mut world = World::new(3, &options(), seed);
        world.wait(500);
        let session = world.log_in(0, 2);
        world.wait(50);
        world.give(0, Event::Disconnect { session }).expect("it is right");
        world.log_in(1, 2);
        // Of two that have come meanwhile, the newer.
        let count = 1 + seed as usize % 2;
        for _ in 1..count {
            world.log_in(2, 2);
        }
        world.wait(300);
        assert_eq!(world.posts[..2], [(2, true), (2, false)], "seed {seed}");
        let again = &world.posts[2..];
        assert!((1..=count).contains(&again.len()), "seed {seed}: {again:?}");
        assert!(again.iter().all(|post| *post == (2, true)), "seed {seed}: {again:?}");
    }
}

/// Rule C17: for a node that is gone, the first by name of those that know posts.
#[test]
fn rule_c17_for_a_node_that_is_gone_another_posts() {
    let mut world = World::new(3, &options(), 3);
    // The others have to be there for the length of the grace to count as those who know.
    world.wait(options().grace.node_loss_ms + 500);
    world.log_in(0, 2);
    world.log_in(2, 3);
    world.wait(50);
    world.kill(0);
    world.wait(100);
    // It is there again, and does not know whom it had.
    world.start(0);
    world.wait(options().grace.node_loss_ms + 500);
    assert_eq!(world.posts, [(2, true), (3, true), (2, false)]);
    world.kill(2);
    world.wait(options().grace.node_loss_ms + 1_000);
    assert_eq!(world.posts[3..], [(3, false)]);
}

/// Rule C17: after a cut that was longer than the grace each side has posted that the other's users
/// are gone. Nobody posts that they are there, so each says that something may have been missed,
/// when it shows them again.
#[test]
fn rule_c17_after_a_long_cut_something_may_have_been_missed() {
    let mut world = World::new(3, &options(), 7);
    world.wait(options().grace.node_loss_ms + 500);
    world.log_in(0, 1);
    world.log_in(1, 2);
    world.wait(200);
    assert_eq!(world.missed, [0, 0, 0]);
    world.cut(1);
    world.wait(options().grace.node_loss_ms + config().suspect_ms + 200);
    let mut gone = world.posts.split_off(2);
    gone.sort_unstable();
    assert_eq!(gone, [(1, false), (2, false)]);
    // Of those that hear each other the first says so when a node is gone.
    let told = |world: &mut World| {
        core::mem::replace(&mut world.missed, vec![0; 3]).into_iter().map(|times| times > 0)
    };
    assert!(told(&mut world).eq([true, true, false]));
    world.heal();
    world.wait(4);
    assert!(told(&mut world).eq([false; 3]));
    world.wait(2 * config().beat_ms);
    assert_eq!((world.shown(0, 2), world.shown(1, 1)), (vec![None], vec![None]));
    assert!(told(&mut world).eq([true; 3]));
    world.wait(5_000);
    assert!(told(&mut world).eq([false; 3]));
    // What was posted a moment ago is put right without that.
    assert!(world.posts.iter().all(|(_, comes)| *comes), "{:?}", world.posts);
}

/// Rule C17: so does a node that has started behind a cut, and those it had not met: each has said
/// who is online as of later than what was posted behind the cut.
#[test]
fn rule_c17_nodes_that_meet_late_may_have_missed_something() {
    let mut world = World::new(2, &options(), 7);
    world.cut(1);
    world.log_in(0, 1);
    world.wait(options().grace.node_loss_ms + 500);
    world.log_in(1, 2);
    world.wait(200);
    assert!(world.nodes.iter().all(|node| node.cluster.known_until() > 0));
    assert_eq!(world.missed, [0, 0]);
    world.heal();
    world.wait(3 * config().beat_ms);
    assert_eq!((world.shown(0, 2), world.shown(1, 1)), (vec![None], vec![None]));
    assert_eq!(world.missed, [1, 1]);
    // And where one of them was known in an earlier life.
    world.cut(1);
    world.kill(1);
    world.start(1);
    world.wait(options().grace.node_loss_ms + config().suspect_ms + 200);
    world.log_in(1, 3);
    world.wait(200);
    world.missed = vec![0; 2];
    world.heal();
    world.wait(3 * config().beat_ms);
    assert_eq!(world.missed, [1, 1]);
}

/// Rule C17: a node that starts and hears the others has missed nothing, and they have not either,
/// though it has users by the time.
#[test]
fn rule_c17_nodes_that_meet_in_time_have_missed_nothing() {
    let mut world = World::new(3, &options(), 7);
    world.log_in(0, 1);
    world.wait(500);
    world.kill(2);
    world.wait(options().grace.node_loss_ms + config().suspect_ms + 200);
    world.start(2);
    world.missed = vec![0; 3];
    world.wait(300);
    world.log_in(2, 3);
    world.wait(options().grace.node_loss_ms + 500);
    assert_eq!(world.missed, [0; 3]);
}

/// Rule C17: a node that is killed, or leaves, may not have posted what it was to post. The first
/// of those that are left says so, once.
#[test]
fn rule_c17_when_a_node_is_gone_something_may_have_been_missed() {
    for leaves in [false, true] {
        let mut world = World::new(3, &options(), 7);
        world.wait(options().grace.node_loss_ms + 500);
        match leaves {
            true => world.leave(0),
            false => world.kill(0),
        }
        world.wait(options().grace.node_loss_ms + config().suspect_ms + 200);
        assert_eq!(world.missed, [0, 1, 0], "{leaves}");
    }
}

/// Rule C17: what a node answers is as of a moment, which trails by a beat or so, and stands still
/// while a node is not heard whose sessions count as there.
#[test]
fn rule_c17_what_is_known_is_known_as_of_a_moment() {
    let mut world = World::new(2, &options(), 7);
    let known = |world: &World| world.nodes[0].cluster.known_until();
    assert_eq!(known(&world), 0);
    world.wait(500);
    let clock = |world: &World| world.nodes[0].cluster.clock();
    world.log_in(1, 2);
    let stamp = world.nodes[1].cluster.clock();
    assert!(known(&world) < stamp);
    world.wait(2 * config().beat_ms);
    assert!(known(&world) >= stamp);
    world.cut(1);
    world.wait(config().suspect_ms + 50);
    let before = known(&world);
    world.wait(options().grace.node_loss_ms - 100);
    assert_eq!(known(&world), before);
    world.wait(500);
    assert!(known(&world) > before && known(&world) <= clock(&world));
}
