//! What the engine does, as tables: the texts in `tests/scenarios` are read, run and compared.
//! How to read and write them stands in `tests/scenarios/README.md`.

mod always;
mod by_verb;
mod counted;
mod expect;
mod host;
mod input;
mod itself;
mod lives;
mod names;
mod options;
mod rooms;
mod run;
mod script;
mod told;
mod words;
mod world;

use script::Section;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

/// The sections of the file of this name.
fn sections(name: &str) -> Vec<Section> {
    let text = fs::read_to_string(folder().join(name)).expect("the scenarios are there");
    let sections = script::parse(&format!("tests/scenarios/{name}"), &text);
    sections.unwrap_or_else(|error| panic!("{error}"))
}

fn holds(name: &str) {
    let failures: Vec<_> =
        sections(name).iter().filter_map(|section| run::run(section).err()).collect();
    assert!(failures.is_empty(), "\n{}\n", failures.join("\n\n"));
}

/// One test for each file.
macro_rules! files {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                holds(concat!(stringify!($name), ".txt"));
            }
        )*

        const FILES: &[&str] = &[$(concat!(stringify!($name), ".txt")),*];
    };
}

files! {
    attachments directed edges endings expiry hidden limits loss one_state others rates refusals
    sessions slow snapshots takeovers time topics topics_large topics_ticks
    topics_unseen unseen watch
}

#[test]
fn every_file_is_run() {
    let files = fs::read_dir(folder()).expect("the scenarios are there");
    let names = files.map(|file| file.expect("a file has a name").file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    let texts: BTreeSet<_> = names.filter(|name| name.ends_with(".txt")).collect();
    assert_eq!(texts, FILES.iter().map(|name| (*name).to_owned()).collect());
}

/// The cases of `docs/CASES.md` that the rules of today decide. Two are about what no scenario has,
/// and stand in `tests/adversaries`: a full replica (50), and ids that fold case (53).
fn cases() -> BTreeSet<String> {
    numbers((1..=49).chain([51, 52, 55]))
}

/// The rules, some of which have a letter.
fn rules() -> BTreeSet<String> {
    let lettered = ["21a", "21b", "25a", "T9a", "T11a"].map(str::to_owned);
    let of_topics = (1..=15).map(|number| format!("T{number}"));
    let of_users = (1..=7).map(|number| format!("U{number}"));
    numbers(1..=27).into_iter().chain(lettered).chain(of_topics).chain(of_users).collect()
}

fn numbers(numbers: impl Iterator<Item = u32>) -> BTreeSet<String> {
    numbers.map(|number| number.to_string()).collect()
}

#[test]
fn every_case_rule_and_promise_is_named_by_a_scenario() {
    let sections: Vec<_> = FILES.iter().flat_map(|name| sections(name)).collect();
    let all = [("case", cases()), ("rule", rules()), ("promise", numbers(1..=4))];
    for (kind, numbers) in all {
        let tags = sections.iter().flat_map(|section| &section.tags);
        let named: BTreeSet<_> =
            tags.filter(|tag| tag.kind == kind).map(|tag| tag.number.clone()).collect();
        assert_eq!(named, numbers, "numbers of each {kind}");
    }
}

/// Both presets matter: where their answers differ, each has a scenario of its own.
#[test]
fn both_presets_are_tried_in_every_case() {
    let sections: Vec<_> = FILES.iter().flat_map(|name| sections(name)).collect();
    for preset in ["default", "tim"] {
        let has_preset = |section: &&Section| {
            section.configs.iter().any(|(words, _)| words.split(' ').next() == Some(preset))
        };
        let tags = sections.iter().filter(has_preset).flat_map(|section| &section.tags);
        let named = tags.filter(|tag| tag.kind == "case").map(|tag| tag.number.clone());
        assert_eq!(named.collect::<BTreeSet<_>>(), cases(), "cases with {preset}");
    }
}
