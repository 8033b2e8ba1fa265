//! Random inputs at nodes that hear of each other badly.

use super::world::{Weather, World};
use super::{config, options};
use crate::ClusterConfig;
use adsum::Options;
use core::ops::Range;

fn run(seed: u64, count: usize, steps: usize, set: impl Fn(&mut World), mishaps: bool) -> World {
    let small = ClusterConfig { max_batch: 2, max_gone: 3, max_orders: 50, ..config() };
    let config = if seed % 4 < 2 { config() } else { small };
    // As the server has it, which holds nothing back.
    let settle_ms = if seed % 7 < 2 { 0 } else { options().settle_ms };
    let skew_ms = if seed % 5 == 4 { 0 } else { options().skew_ms };
    let options = Options { settle_ms, skew_ms, ..options() };
    let mut world = World::with_config(count, &options, config, seed);
    set(&mut world);
    let go = |world: &mut World| {
        for step in 0..steps {
            world.step(mishaps)?;
            if step % 40 == 39 {
                world.agree()?;
                world.look_for_leftovers()?;
            }
        }
        world.agree()
    };
    if let Err(wrong) = go(&mut world) {
        let from = world.log.len().saturating_sub(100);
        panic!("seed {seed}: {wrong}\n{}", world.log[from..].join("\n"));
    }
    world
}

/// Which seeds each test is run with.
fn seeds() -> Range<u64> {
    let number = |name| std::env::var(name).ok().and_then(|number| number.parse().ok());
    let first = number("CLUSTER_FIRST_SEED").unwrap_or(0);
    first..first + number("CLUSTER_SEEDS").unwrap_or(15)
}

/// Such in which what was posted last was not so, until rule C17 was as it is.
const POSTED_WRONGLY: [[u64; 5]; 2] = [[68, 158, 199, 481, 239], [88, 95, 121, 613, 2_396]];

#[test]
fn nodes_agree_in_fine_weather() {
    for seed in seeds().chain(POSTED_WRONGLY[0]) {
        let world = run(seed, 3, 120, |_| {}, false);
        assert!(world.ends > 5, "seed {seed}: {} sessions ended", world.ends);
    }
}

#[test]
fn rule_c15_nodes_agree_after_foul_weather() {
    for seed in seeds().chain(POSTED_WRONGLY[1]) {
        run(seed, 3, 120, |world| world.weather = Weather::FOUL, false);
    }
}

#[test]
fn nodes_agree_after_mishaps() {
    for seed in seeds() {
        let set = |world: &mut World| {
            (world.weather, world.has_edits) = (Weather::FOUL, seed % 2 == 0);
        };
        run(seed, 3 + (seed % 3) as usize, 120, set, true);
    }
}

/// A host may give a node many inputs, and messages, before it does anything about them.
#[test]
fn nodes_agree_where_hosts_take_their_time() {
    for seed in seeds() {
        let set = |world: &mut World| {
            world.weather = if seed % 2 == 0 { Weather::FINE } else { Weather::FOUL };
            (world.has_edits, world.is_lazy, world.is_exact) = (seed % 3 != 1, true, false);
        };
        run(seed, 3 + usize::from(seed % 3 == 0), 160, set, true);
    }
}
