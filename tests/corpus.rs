//! Every input that fuzzing found worth keeping, and every one that once was a fault.

use adsum_model::targets;

/// Runs a target on each line of its corpus; says how many operations there were.
fn replay(corpus: &str, run: fn(&[u8]) -> u64) -> u64 {
    let mut operations = 0;
    for line in corpus.lines().filter(|line| !line.starts_with('#')) {
        // Shown if the input turns out to be a fault.
        println!("{line}");
        let hex = line.split(' ').next().unwrap_or_default();
        let digits = hex.as_bytes().as_chunks::<2>().0.iter();
        let byte = |pair: &[u8; 2]| {
            let pair = str::from_utf8(pair).expect("two digits");
            u8::from_str_radix(pair, 16).expect("two digits")
        };
        operations += run(&digits.map(byte).collect::<Vec<u8>>());
    }
    operations
}

/// A corpus that has been lost or emptied finds nothing.
fn assert_worth(operations: u64, at_least: u64) {
    assert!(operations >= at_least, "only {operations} operations");
}

#[test]
fn operations() {
    assert_worth(replay(include_str!("corpus/operations.hex"), targets::operations::run), 1_500);
}

#[test]
fn events() {
    assert_worth(replay(include_str!("corpus/events.hex"), targets::events::run), 1_500);
}

#[test]
fn replica() {
    assert_worth(replay(include_str!("corpus/replica.hex"), targets::replica::run), 1_000);
}
