//! The program: what it prints, and what it ends with.

use std::path::PathBuf;
use std::process::Command;

/// Examples are built beside the tests.
fn example(name: &str) -> Command {
    let test = std::env::current_exe().expect("a test knows where it is");
    let target = test.ancestors().nth(2).map(PathBuf::from).expect("tests lie in target/*/deps");
    Command::new(target.join("examples").join(name))
}

/// What the replay finds stands in `replay.rs`; here, that a script can rely on it.
#[test]
fn the_replay_fails_when_there_is_something_to_say() {
    let path = std::env::temp_dir().join(format!("adsum-replay-{}", std::process::id()));
    let replay = |trace: &str| {
        std::fs::write(&path, trace).expect("there is room for a file");
        example("replay").arg(&path).output().expect("the example is built with the tests")
    };
    let good = replay("20200101\t0000\tjoin\t1\t\n");
    let topics = example("replay").arg("--topics").arg(&path).output();
    let bad = replay("20200101\t0000\tjoin\t1\t\nnonsense\n");
    let bad_topics = example("replay").arg("--topics").arg(&path).output();
    std::fs::remove_file(&path).expect("it was written");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it prints text");
    assert!(good.status.success() && text(good.stdout).contains("0 differences"));
    assert_eq!(bad.status.code(), Some(1));
    let fault = text(bad.stderr);
    assert!(fault.contains("line 2: 1 columns"), "{fault}");
    let topics = topics.expect("the example is built with the tests");
    assert!(topics.status.success() && text(topics.stdout).contains("0 differences"));
    let bad_topics = bad_topics.expect("the example is built with the tests");
    assert_eq!(bad_topics.status.code(), Some(1));
    assert!(text(bad_topics.stderr).contains("line 2: 1 columns"));
    let usage = example("replay").output().expect("the example is built with the tests");
    assert_eq!(usage.status.code(), Some(1));
    assert!(text(usage.stderr).starts_with("usage: replay TRACE [GRAPH]"));
}
