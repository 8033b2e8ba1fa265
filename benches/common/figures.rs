//! Times that can be compared on a noisy machine: the candidates take turns, and their medians
//! count.

use cpu_time::ThreadTime;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Longer work is likely to be interrupted.
const LONG: Duration = Duration::from_micros(200);

/// The times of several candidates, in nanoseconds for one operation.
#[derive(Default)]
pub(crate) struct Figures {
    samples: Vec<(&'static str, Vec<f64>)>,
}

impl Figures {
    /// Lets one candidate do its operations, once a round. They return something that depends on
    /// their work, so that it cannot be left out.
    pub(crate) fn time(
        &mut self,
        candidate: &'static str,
        operations: usize,
        mut operation: impl FnMut(usize) -> usize,
    ) {
        self.time_all(candidate, operations, || {
            (0..operations)
                .map(|at| black_box(operation(black_box(at))))
                .fold(0, usize::wrapping_add)
        });
    }

    /// The same for operations that are done all at once.
    #[allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
    pub(crate) fn time_all(
        &mut self,
        candidate: &'static str,
        operations: usize,
        all: impl FnOnce() -> usize,
    ) {
        let start_of_work = ThreadTime::now();
        let start = Instant::now();
        black_box(all());
        let elapsed = start.elapsed();
        let worked = start_of_work.elapsed();
        // What a thread has worked leaves out when others had its processor, but is dear to ask
        // for; short work is seldom interrupted, and then the median leaves it out.
        let time = if elapsed < LONG { elapsed } else { worked };
        let nanos = time.as_nanos() as f64 / operations as f64;
        match self.samples.iter_mut().find(|(name, _)| *name == candidate) {
            Some((_, samples)) => samples.push(nanos),
            None => self.samples.push((candidate, vec![nanos])),
        }
    }

    /// The median of all rounds but the first, which warms up.
    pub(crate) fn median(&self, candidate: &str) -> f64 {
        let samples = self.samples(candidate);
        let first = usize::from(samples.len() > 1);
        let mut samples = samples[first..].to_vec();
        samples.sort_unstable_by(f64::total_cmp);
        samples[samples.len() / 2]
    }

    /// The newest.
    pub(crate) fn last(&self, candidate: &str) -> f64 {
        *self.samples(candidate).last().expect("a candidate that was timed")
    }

    /// The mean of all rounds, for what changes from one to the next.
    pub(crate) fn mean(&self, candidate: &str) -> f64 {
        let samples = self.samples(candidate);
        samples.iter().sum::<f64>() / samples.len() as f64
    }

    fn samples(&self, candidate: &str) -> &[f64] {
        let found = self.samples.iter().find(|(name, _)| *name == candidate);
        &found.expect("a candidate that was timed").1
    }
}
