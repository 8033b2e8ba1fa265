//! tim's faults, by their numbers: none of them is here.
//!
//! Each that concerns a server of presence has tests named after it in one of the files
//! `faults_*.rs`:
//!
//! | file | faults |
//! | --- | --- |
//! | `faults_crowd.rs` | many are lost at once (B1); the store fails or is slow (B6) |
//! | `faults_limits.rs` | who may do what and how much of it (B13, B14, B15, B17, B28) |
//! | `faults_order.rs` | much at the same time (B2, B10, B12, B18, B20, B22) |
//! | `faults_races.rs` | races (B27) |
//! | `faults_readers.rs` | those who do not read (B4, B5) |
//! | `faults_truth.rs` | what one is told is true (B3, B8, B9, B16, B19, B21, B25) |
//!
//! The others are about several servers that share users, which this one does not do.

use std::collections::{BTreeMap, BTreeSet};

/// How many there are in the list.
const FAULTS: u32 = 28;

/// What does not concern a single server, and why.
const NOT_HERE: [(u32, &str); 5] = [
    (
        7,
        "offline though online on another server: there is no other, and between two sessions \
         of one user see B8",
    ),
    (11, "a route to another server that is out of date"),
    (23, "a server's second registration with the others"),
    (24, "the registry of servers in ZooKeeper"),
    (26, "presence to a server that is gone"),
];

const FILES: [(&str, &str); 6] = [
    ("faults_crowd.rs", include_str!("faults_crowd.rs")),
    ("faults_limits.rs", include_str!("faults_limits.rs")),
    ("faults_order.rs", include_str!("faults_order.rs")),
    ("faults_races.rs", include_str!("faults_races.rs")),
    ("faults_readers.rs", include_str!("faults_readers.rs")),
    ("faults_truth.rs", include_str!("faults_truth.rs")),
];

/// Where each fault's tests are, by the tests' names.
fn tested() -> BTreeMap<u32, BTreeSet<&'static str>> {
    let mut tested = BTreeMap::<_, BTreeSet<_>>::new();
    for (file, text) in FILES {
        let tests = text.split("#[tokio::test").skip(1);
        for test in tests {
            let name = test.split("async fn ").nth(1).unwrap().split('(').next().unwrap();
            let number = name.strip_prefix('b').and_then(|name| name.get(..2)?.parse().ok());
            let number = number.unwrap_or_else(|| panic!("{name} in {file} is named after none"));
            tested.entry(number).or_default().insert(file);
        }
    }
    tested
}

#[test]
fn every_fault_has_its_test() {
    let tested = tested();
    let not_here: BTreeSet<_> = NOT_HERE.iter().map(|(number, _)| *number).collect();
    for number in 1..=FAULTS {
        let (is_tested, is_not_here) = (tested.contains_key(&number), not_here.contains(&number));
        assert!(is_tested != is_not_here, "B{number}");
    }
    assert_eq!(tested.len() + not_here.len(), FAULTS as usize);
}

/// The table above says where they are.
#[test]
fn the_table_is_right() {
    for (number, files) in tested() {
        let [file] = files.iter().collect::<Vec<_>>()[..] else { panic!("B{number}: {files:?}") };
        let line =
            include_str!("faults.rs").lines().find(|line| line.contains(&format!("`{file}` |")));
        let names = line.unwrap().replace([',', '(', ')', ';'], " ");
        assert!(names.split_whitespace().any(|name| name == format!("B{number}")), "B{number}");
    }
}
