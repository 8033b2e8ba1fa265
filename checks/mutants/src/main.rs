//! Puts mutants into the source of a copy, all at once and each behind a switch.
//!
//!     mutant-switches FROM TO < LIST > PLACES
//!
//! LIST is what `cargo mutants --list --json` writes, with a number `id` in each mutant. The files
//! that it names are read below FROM and written below TO, and so is the root of the crate, which
//! gets `switch.rs` as a module. PLACES says of each mutant that has got a switch where its own
//! text stands in the file that was written, in bytes, so that what the compiler says of it can be
//! told to be its; and whether it stands in a function that may be called while the compiler
//! evaluates a constant, where every switch is off. A mutant that is not in PLACES has no switch.

mod find;
mod write;

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = "src/lib.rs";
const NO_STD: &str = "#![no_std]\n";
const FEATURES: &str = "#![no_std]\n#![feature(core_intrinsics, const_eval_select)]\n";

fn main() -> Result<(), Box<dyn Error>> {
    let folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [from, to] = &folders[..] else {
        return Err("usage: mutant-switches FROM TO < LIST > PLACES".into());
    };
    let list: Vec<Value> = serde_json::from_reader(std::io::stdin())?;
    let mut files: BTreeMap<&str, Vec<&Value>> = BTreeMap::from([(ROOT, Vec::new())]);
    for mutant in &list {
        let file = mutant["file"].as_str().ok_or("a mutant has a file")?;
        files.entry(file).or_default().push(mutant);
    }
    let mut places = Vec::new();
    for (file, mutants) in files {
        places.extend(rewrite(file, &mutants, from, to)?);
    }
    println!("{}", Value::from(places));
    Ok(())
}

/// Writes one file with switches for these mutants, and says where they stand in it.
fn rewrite(
    file: &str,
    mutants: &[&Value],
    from: &Path,
    to: &Path,
) -> Result<Vec<Value>, Box<dyn Error>> {
    let mut source = fs::read_to_string(from.join(file))?;
    let mut added = 0;
    let switches = find::switches(&source, mutants).map_err(|error| format!("{file}: {error}"))?;
    let (mut written, texts) = write::with_switches(&source, &switches);
    if file == ROOT {
        let at = source.find(NO_STD).ok_or("the root of the crate is no_std")?;
        added = FEATURES.len() - NO_STD.len();
        written.replace_range(at..at + NO_STD.len(), FEATURES);
        written += "\n#[doc(hidden)]\npub mod switch;\n";
        fs::write(to.join("src/switch.rs"), include_str!("switch.rs"))?;
    }
    source = written;
    fs::write(to.join(file), source)?;
    let place = |(switch, text): (&find::Switch, std::ops::Range<usize>)| {
        json!({
            "id": switch.id,
            "file": file,
            "start": text.start + added,
            "end": text.end + added,
            "in_const_fn": switch.in_const_fn,
        })
    };
    Ok(switches.iter().zip(texts).map(place).collect())
}
