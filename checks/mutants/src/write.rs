//! Writes a source with its switches.

use crate::find::Switch;
use std::cmp::Reverse;
use std::ops::Range;

/// Returns the source with the switches, and where the text of each mutant stands in it.
///
/// What is switched is nested, or the same stretch twice: the longer one goes around the shorter,
/// and of two that are equal the one with the lower rank, or the one that comes first.
pub fn with_switches(source: &str, switches: &[Switch]) -> (String, Vec<Range<usize>>) {
    let mut nested: Vec<usize> = (0..switches.len()).collect();
    nested.sort_by_key(|&nth| (Reverse(switches[nth].of.len()), switches[nth].rank, nth));
    // At one place, what ends there comes before what begins there.
    let mut added: Vec<(usize, bool, usize, usize)> = Vec::new();
    for (depth, &nth) in nested.iter().enumerate() {
        added.push((switches[nth].of.start, true, depth, nth));
        added.push((switches[nth].of.end, false, switches.len() - depth, nth));
    }
    // But a stretch without length begins before it ends.
    added.sort_by_key(|&(at, begins, depth, nth)| {
        let is_empty = switches[nth].of.is_empty();
        (at, begins || is_empty, depth, !begins)
    });
    let mut written = String::new();
    let mut texts = vec![0..0; switches.len()];
    let mut done = 0;
    for (at, begins, _, nth) in added {
        written += &source[done..at];
        done = at;
        let switch = &switches[nth];
        if begins {
            written += &switch.before;
            let start = written.len();
            written += &switch.text;
            texts[nth] = start..written.len();
            written += &switch.between;
        } else {
            written += &switch.after;
        }
    }
    written += &source[done..];
    (written, texts)
}
