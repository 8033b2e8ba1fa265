//! What the benchmarks have in common: a world to measure in, and figures that can be trusted on a
//! noisy machine: the candidates take turns within one run, and medians are compared.

#![allow(dead_code, reason = "each benchmark needs its part of this")]

pub(crate) mod graphs;
pub(crate) mod random;

pub(crate) use random::Random;
use std::hint::black_box;
use std::time::Instant;

/// Mutual friendships: everyone has `degree` friends on average.
pub(crate) fn random_graph(users: usize, degree: usize) -> Vec<Vec<u32>> {
    let mut random = Random::new(7);
    let mut friends = vec![Vec::new(); users];
    for _ in 0..users * degree / 2 {
        let (a, b) = (random.below(users), random.below(users));
        if a != b {
            friends[a].push(b as u32);
            friends[b].push(a as u32);
        }
    }
    for list in &mut friends {
        list.sort_unstable();
        list.dedup();
    }
    friends
}

/// Nanoseconds for one operation of each candidate, who take turns `rounds` times; the median.
#[allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
pub(crate) fn medians<const N: usize>(
    rounds: usize,
    operations: usize,
    mut candidates: [&mut dyn FnMut(usize) -> usize; N],
) -> [f64; N] {
    let mut times = [const { Vec::new() }; N];
    for round in 0..=rounds {
        for (candidate, times) in candidates.iter_mut().zip(&mut times) {
            let start = Instant::now();
            for operation in 0..operations {
                black_box(candidate(black_box(operation)));
            }
            let nanos = start.elapsed().as_nanos() as f64 / operations as f64;
            // The first round warms up.
            if round > 0 {
                times.push(nanos);
            }
        }
    }
    times.map(|mut times| {
        times.sort_unstable_by(f64::total_cmp);
        times[times.len() / 2]
    })
}
