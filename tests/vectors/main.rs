//! What a client in another language is held against: the frames that sessions are sent, and what
//! a [`Replica`](adsum::Replica) believes then.
//!
//! `sample.jsonl` beside this file has a few cases, one a line. As many as are wanted are written
//! by
//!
//! ```sh
//! ADSUM_VECTORS=target/vectors.jsonl cargo test --test vectors
//! ```
//!
//! `ADSUM_VECTORS_CASES` says how many; 10,000 if it does not. `README.md` beside this file has the
//! form of a case.

// With the inner constants shrunk, snapshots come in smaller parts: other cases, and no truer.
#![cfg(not(feature = "shrunk"))]

mod arbitrary;
mod belief;
mod case;
#[path = "../topics/driver.rs"]
mod driver;
#[path = "../topics/figures.rs"]
mod figures;
mod fold;
mod recorder;
mod wire;

/// The driver of `tests/topics` has a listener by this name. Here it is one that writes down what
/// everybody is told.
mod beliefs {
    pub(crate) use crate::recorder::topics::Beliefs;
}

use case::Case;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// The path of the sample, and how many cases it has.
const SAMPLE: (&str, u32) =
    (concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/sample.jsonl"), 200);

fn written(cases: u32) -> String {
    (0..cases).map(|seed| Case::of_seed(seed).to_line()).collect()
}

/// What the sample says is what the replica believes today, whatever the hasher and the machine.
/// First as many cases as are asked for are written where they are asked for.
#[test]
fn the_sample_is_what_is_written_now() {
    if let Ok(path) = std::env::var("ADSUM_VECTORS") {
        let cases = std::env::var("ADSUM_VECTORS_CASES").ok();
        let cases = cases.map_or(10_000, |cases| cases.parse().expect("a number of cases"));
        fs::write(path, written(cases)).expect("the file can be written");
    }
    let (path, cases) = SAMPLE;
    let sample = fs::read_to_string(path).expect("the sample can be read");
    assert!(sample.len() < 300_000, "the sample has {} bytes", sample.len());
    let stale = sample.lines().zip(written(cases).lines()).position(|(old, new)| old != new);
    let is_same = stale.is_none() && sample.lines().count() == cases as usize;
    assert!(
        is_same,
        "case {stale:?} of tests/vectors/sample.jsonl is not what is written now. \
         If that is meant, write it anew: \
         ADSUM_VECTORS=tests/vectors/sample.jsonl ADSUM_VECTORS_CASES={cases} \
         cargo test --test vectors"
    );
}

/// Nothing that can be told is missing in the cases, nor in the few of the sample.
#[test]
fn everything_that_can_be_told_is_in_the_cases() {
    let (mut seen, mut in_sample) = (BTreeMap::new(), BTreeSet::new());
    for seed in 0..1_000 {
        let labels = Case::of_seed(seed).labels();
        labels.iter().for_each(|label| *seen.entry(label.clone()).or_insert(0) += 1);
        if seed < SAMPLE.1 {
            in_sample.extend(labels);
        }
    }
    let all: BTreeSet<String> = wire::ALL_LABELS.iter().map(|label| (*label).to_owned()).collect();
    assert_eq!(in_sample, all);
    let rare: Vec<_> = seen.iter().filter(|(_, times)| **times < 10).collect();
    assert!(rare.is_empty() && seen.len() == all.len(), "few of 1,000 cases have {rare:?}");
}
