//! Two servers on one file.

use crate::support::program::{Program, run_to_end_in};

/// A second server on the same file would hold those who are online at the first for offline. It
/// is refused with the reason, by whatever name it knows the file, until the first has ended.
#[test]
fn s12_a_second_server_on_the_same_file_is_refused() {
    let program = Program::start(&[]);
    let other_name = program.folder().join("other name");
    std::os::unix::fs::symlink(program.file(), &other_name).unwrap();
    for (flags, name) in [
        (&["--client-listen", "127.0.0.1:0"][..], "adsum-server.db"),
        (&["--client-listen", "127.0.0.1:0", "--store-path", "other name"], "other name"),
    ] {
        let said = run_to_end_in(program.folder(), flags, &[]);
        assert_eq!(said.code, Some(1), "{}", said.out);
        let reason = format!("store_path = {name}: another server has it open");
        assert!(said.err.contains(&reason), "{}", said.err);
        assert!(said.out.is_empty(), "{}", said.out);
    }
    // Of a hard link only the file itself tells which it is.
    let elsewhere = tempfile::tempdir_in(program.folder()).unwrap();
    let linked = elsewhere.path().join("linked.db");
    std::fs::hard_link(program.file(), &linked).unwrap();
    let flags = ["--client-listen", "127.0.0.1:0", "--store-path", "linked.db"];
    let said = run_to_end_in(elsewhere.path(), &flags, &[]);
    assert_eq!(said.code, Some(1), "{}", said.out);
    let reason = "store_path = linked.db: another server has it open";
    assert!(said.err.contains(reason) && said.out.is_empty(), "{} {}", said.out, said.err);
    // The first goes on, and when it is gone, even by a power cut, the file is free.
    let folder = program.kill();
    let program = Program::start_in(folder, &[]);
    let log = program.log();
    assert!(log.contains("adsum-server.db has 2 names") && log.contains("hard link"), "{log}");
}
