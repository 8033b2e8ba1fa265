//! What pages say of these tests.

use std::path::Path;

const BREAKS: &str = include_str!("breaks.rs");

/// How many faults are put in on purpose: all that there are.
fn breaks() -> usize {
    let list = BREAKS.split("\nconst LIST: ").nth(1).expect("there is a list");
    let count = list.split("\n];").next().expect("it ends").matches("(Break::").count();
    let names = BREAKS.split("enum Break {").nth(1).and_then(|after| after.split('}').next());
    let lines = names.expect("they have names").lines().map(str::trim);
    assert_eq!(lines.filter(|line| !line.is_empty() && !line.starts_with('/')).count(), count);
    count
}

#[test]
fn pages_count_the_faults_that_are_put_in() {
    let said = format!("* {} faults that are put in on purpose", breaks());
    assert!(include_str!("../../README.md").contains(&said), "README.md does not say: {said}");
    // Whoever has the archive of this crate alone has no such page.
    let proof = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/PROOF.md");
    if let Ok(proof) = std::fs::read_to_string(proof) {
        let said = format!("* **{} faults** that are put in on purpose", breaks());
        assert!(proof.contains(&said), "PROOF.md does not say: {said}");
    }
}
