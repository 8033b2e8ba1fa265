//! Who posts that a user comes and goes (rule C17).

use super::options;
use super::world::{USERS, World};
use adsum::Event;

/// Rule C17: where no two things happen at once, each edge is posted by one node.
#[test]
pub(super) fn rule_c17_each_edge_is_posted_once() {
    for seed in 0..10 {
        let mut world = World::new(3, &options(), seed);
        world.wait(500);
        for _ in 0..200 {
            world.wait(120);
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
        world.wait(50);
        let ends = [(0, first), (1, second)];
        for nth in [seed as usize % 2, 1 - seed as usize % 2] {
            let (at, session) = ends[nth];
            world.give(at, Event::Disconnect { session }).expect("it is right");
        }
        world.wait(300);
        assert_eq!(world.posts, [(2, true), (2, false)], "seed {seed}");
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
