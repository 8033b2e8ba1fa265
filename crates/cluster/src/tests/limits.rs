//! How many sessions a user may have on all nodes together (rule C11).

use super::options;
use super::world::World;
use adsum::{Options, OverLimit};

fn race(over_limit: OverLimit, max_sessions: u16, count: usize, seed: u64) -> (World, Vec<u64>) {
    let options = Options { max_sessions, over_limit, ..options() };
    let mut world = World::new(count, &options, seed);
    world.wait(500);
    for nth in 0..3 {
        for at in 0..count {
            let connect = world.connect(2, 0);
            world.give(at, connect).expect("nothing goes wrong");
            for session in world.keys(at, 2) {
                world.publish(at, session, (nth * 10 + at) as u32);
            }
        }
        world.wait(300);
    }
    world.wait(300);
    let evicted = (0..count).map(|at| world.nodes[at].cluster.stats().evicted).collect();
    (world, evicted)
}

/// Rule C11: of sessions that connect at all nodes at once just as many stay as may, whichever
/// node hears of which first.
#[test]
pub(super) fn rule_c11_just_as_many_stay_as_may() {
    let evict = OverLimit::EvictOldest { min_age_ms: 0 };
    for (over_limit, limit) in [(evict, 1), (evict, 2), (OverLimit::Refuse, 1)] {
        for seed in 1..15 {
            let (world, evicted) = race(over_limit, limit, 3, seed);
            let own: usize = (0..3).map(|at| world.keys(at, 2).len()).sum();
            assert_eq!(own, usize::from(limit), "{over_limit:?} {limit}, seed {seed}");
            for at in 0..3 {
                assert_eq!(world.shown(at, 2).len(), usize::from(limit), "seed {seed}, at {at}");
            }
            let evicted: u64 = evicted.iter().sum();
            assert!(evicted > 0, "one had to go because of another at another node");
            assert_eq!(world.offline_notices, 0);
        }
    }
}
