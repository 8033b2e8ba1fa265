//! The only unsafe code of the repository is in this crate's `src` and tests.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn manifest(package: &str) -> String {
    let path = root().join(package).join("Cargo.toml");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the packages of the workspace, as its manifest lists them.
fn members(workspace: &str) -> Vec<&str> {
    let list = workspace.split_once("members = [").expect("there is a list").1;
    let list = list.split_once(']').expect("it has an end").0;
    let members = list.split('"').skip(1).step_by(2).collect::<Vec<_>>();
    assert!(members.len() > 7 && members.contains(&"crates/ffi"), "{members:?}");
    members
}

#[test]
fn every_other_package_is_forbidden_unsafe_code() {
    let workspace = manifest("");
    let lints = workspace.split_once("[workspace.lints.rust]\n").expect("there are lints").1;
    let lints = lints.split_once("\n[").expect("they have an end").0;
    assert!(lints.contains("unsafe_code = \"forbid\""), "{lints}");
    for member in members(&workspace).into_iter().filter(|member| *member != "crates/ffi") {
        let manifest = manifest(member);
        assert!(manifest.contains("\n[lints]\nworkspace = true\n"), "{member}");
    }
}

/// The lints of this crate are those of the workspace, but for the one.
#[test]
fn this_package_is_let_off_nothing_else() {
    let (workspace, own) = (manifest(""), manifest("crates/ffi"));
    for group in ["rust", "clippy"] {
        let of = |text: &str, head: &str| {
            let lints = text.split_once(head).expect("there are lints").1;
            let lints = lints.split_once("\n[").map_or(lints, |(lints, _)| lints);
            lints.lines().filter(|line| line.contains('=')).map(str::to_owned).collect::<Vec<_>>()
        };
        let own = of(&own, &format!("[lints.{group}]\n"));
        for lint in of(&workspace, &format!("[workspace.lints.{group}]\n")) {
            if lint != "unsafe_code = \"forbid\"" {
                assert!(own.contains(&lint), "{lint} is not a lint of this crate");
            }
        }
    }
    assert!(manifest("crates/ffi").contains("unsafe_op_in_unsafe_fn = \"deny\""));
    assert!(manifest("crates/ffi").contains("undocumented_unsafe_blocks = \"deny\""));
}
