//! The figures of one phase, a line for each verb.

use super::log::{Log, VERBS, Verb};
use super::series::quantile;
use std::fmt::Write as _;

/// What is aimed at, in nanoseconds.
pub(crate) const TARGET_NS: u32 = 1_000_000;

/// `worst` says the longest call of a verb in any one run, and `users` are looked at in so
/// many parts.
pub(crate) fn of(
    title: &str,
    log: &Log,
    worst: impl Fn(Verb) -> Option<u32>,
    users: usize,
    parts: usize,
) -> String {
    let mut text = format!("\n## {title}\n\n");
    text.push_str("| verb | calls | p50 µs | p99 µs | p99.99 µs | longest µs | over 1 ms ");
    text.push_str("| in one run | with users |\n");
    text.push_str("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
    for (verb, name) in VERBS {
        let series = log.of(verb);
        let mut sorted = series.nanos.clone();
        sorted.sort_unstable();
        let Some(most) = sorted.last().copied() else { continue };
        let at = series.nanos.iter().position(|nanos| *nanos == most).expect("it is one of them");
        let population = match series.bucket_of(at) {
            0 => String::new(),
            part => format!("{:.2}M", (part * users / parts) as f64 / 1e6),
        };
        let over = sorted.len() - sorted.partition_point(|nanos| *nanos <= TARGET_NS);
        let [half, hundredth, rarest] =
            [0.5, 0.99, 0.9999].map(|share| micros(quantile(&sorted, share)));
        let worst = worst(verb).unwrap_or(most);
        writeln!(
            text,
            "| {name} | {} | {half} | {hundredth} | {rarest} | {} | {over} | {} | {population} |",
            sorted.len(),
            micros(most),
            micros(worst),
        )
        .expect("a string takes everything");
    }
    text
}

fn micros(nanos: u32) -> String {
    format!("{:.2}", f64::from(nanos) / 1e3)
}
