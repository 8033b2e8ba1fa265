//! Every frame that fuzzing found worth keeping, and every one that once was a fault.

#[path = "targets/frames.rs"]
mod target;

#[test]
fn frames() {
    let corpus = include_str!("corpus/frames.hex");
    let (mut frames, mut understood) = (0, 0);
    for line in corpus.lines().filter(|line| !line.starts_with('#')) {
        // Shown if the frame turns out to be a fault.
        println!("{line}");
        let hex = line.split(' ').next().unwrap_or_default();
        let digits = hex.as_bytes().as_chunks::<2>().0.iter();
        let byte = |pair: &[u8; 2]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
        frames += 1;
        understood += target::run(&digits.map(byte).collect::<Vec<u8>>());
    }
    assert!(frames > 500 && understood > 300, "{understood} readings of {frames} frames");
}
