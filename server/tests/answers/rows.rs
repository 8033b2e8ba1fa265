//! Every row of the two lists has its test.

use std::fs;
use std::path::Path;

/// How many rows there are: S1 to S20 of wrong answers, A1 to A9 of ways in.
const LISTS: [(char, u32); 2] = [('s', 20), ('a', 9)];

/// Returns the names of all tests in a folder that are run.
fn tests_in(folder: &Path, into: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests_in(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            tests_of(&fs::read_to_string(path).unwrap(), into);
        }
    }
}

fn tests_of(text: &str, into: &mut Vec<String>) {
    let (mut is_test, mut is_left_out) = (false, false);
    for line in text.lines() {
        match line {
            line if line.starts_with("#[test") || line.starts_with("#[tokio::test") => {
                is_test = true;
            }
            line if line.starts_with("#[ignore") => is_left_out = true,
            line if line.starts_with("#[") => {}
            line => {
                let name = line.trim_start_matches("async ").strip_prefix("fn ");
                if let Some(name) = name.filter(|_| is_test && !is_left_out) {
                    into.extend(name.split('(').next().map(str::to_owned));
                }
                (is_test, is_left_out) = (false, false);
            }
        }
    }
}

#[test]
fn every_row_has_a_test_named_after_it() {
    let mut tests = Vec::new();
    tests_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"), &mut tests);
    let has = |row: &str| tests.iter().any(|test| test.starts_with(&format!("{row}_")));
    let rows = LISTS.iter().flat_map(|(list, last)| (1..=*last).map(move |row| (list, row)));
    let without: Vec<_> =
        rows.map(|(list, row)| format!("{list}{row}")).filter(|row| !has(row)).collect();
    assert_eq!(without, [""; 0], "rows without a test");
    // Nor is a test named after a row that there is not.
    let of_none: Vec<_> = tests
        .iter()
        .filter(|test| {
            let row = test.split('_').next().unwrap_or_default();
            let list = LISTS.iter().find(|(list, _)| row.starts_with(*list));
            let number = list.and_then(|(_, last)| Some((row[1..].parse::<u32>().ok()?, last)));
            number.is_some_and(|(number, last)| !(1..=*last).contains(&number))
        })
        .collect();
    assert!(of_none.is_empty(), "there is no such row: {of_none:?}");
}

#[test]
fn only_what_is_run_is_a_test() {
    let text = "#[test]\nfn s1_a() {}\n#[tokio::test(flavor = \"x\")]\n#[cfg(unix)]\n\
                async fn s2_b() {}\nfn s3_c() {}\n#[test]\n#[ignore = \"long\"]\nfn s4_d() {}\n";
    let mut tests = Vec::new();
    tests_of(text, &mut tests);
    assert_eq!(tests, ["s1_a", "s2_b"]);
}
