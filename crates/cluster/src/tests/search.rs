//! Every state that two or three nodes can come to within a scope, breadth first. Nodes cannot be
//! copied, so each state is come to anew by the path that leads to it.

mod three;

use super::group::{Action, Group, Orders, Scope};
use std::collections::HashSet;

/// How a search has ended.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) states: usize,
    pub(super) steps: usize,
    /// Whether there was nothing left.
    pub(super) is_whole: bool,
    /// What does not hold, and the path that leads to it.
    pub(super) wrong: Option<(String, Vec<Action>)>,
}

/// Looks at states until there are none left, one is wrong, or so many steps have been taken.
pub(super) fn search(scope: Scope, max_steps: usize) -> Found {
    let mut known = HashSet::new();
    let mut found = Found { states: 1, steps: 0, is_whole: true, wrong: None };
    let mut level: Vec<Vec<Action>> = vec![Vec::new()];
    let orders = Orders::of(&scope);
    known.insert(Group::new(scope).fingerprint(&orders));
    while !level.is_empty() {
        let mut next = Vec::new();
        for path in &level {
            let actions = come_to(scope, path).actions(path);
            for action in actions {
                if found.steps == max_steps {
                    found.is_whole = false;
                    return found;
                }
                found.steps += 1;
                let mut group = come_to(scope, path);
                let mut path = path.clone();
                path.push(action);
                if let Err(wrong) = group.act(action) {
                    found.wrong = Some((wrong, path));
                    return found;
                }
                if !known.insert(group.fingerprint(&orders)) {
                    continue;
                }
                found.states += 1;
                if let Err(wrong) = group.heal() {
                    found.wrong = Some((wrong, path));
                    return found;
                }
                next.push(path);
            }
        }
        level = next;
    }
    found
}

fn come_to(scope: Scope, path: &[Action]) -> Group {
    let mut group = Group::new(scope);
    for action in path {
        group.act(*action).expect("the path was right");
    }
    group
}

/// How many steps each search takes at most: in a debug build, so many take some ten seconds.
const STEPS: usize = 10_000;

const NOTHING: Scope = Scope {
    changes: &[0, 0],
    beats: &[0, 0],
    suspicions: 0,
    is_cut_off: false,
    restarts: 0,
    is_shared: false,
    max_gone: 100,
    max_batch: 100,
};

/// Searches a scope, in which nothing may be wrong. `whole`: whether all of it fits.
fn all_is_right(scope: Scope, whole: bool) {
    all_is_right_within(scope, (!whole).then_some(STEPS));
}

/// Searches a scope, in which nothing may be wrong, in so many steps at most, or wholly. Others may
/// be asked for by the environment.
fn all_is_right_within(scope: Scope, steps: Option<usize>) {
    let asked = std::env::var("CLUSTER_STEPS").ok().and_then(|steps| steps.parse().ok());
    let most = steps.map_or(usize::MAX, |steps| asked.unwrap_or(steps));
    let found = search(scope, most);
    println!("{scope:?}: {found:?}");
    assert!(found.wrong.is_none(), "{found:?}");
    assert!(found.states > 5 && (found.is_whole || steps.is_some()), "{found:?}");
}

// Each of these is about rules C1 to C6 and rule C15: what a node shows of another is what that has
// shown at one moment, it never goes back, and one round of which nothing is lost heals.

#[test]
pub(super) fn one_change_each() {
    all_is_right(Scope { changes: &[1, 1], ..NOTHING }, true);
}

#[test]
pub(super) fn two_changes_and_a_beat() {
    all_is_right(Scope { changes: &[0, 2], beats: &[0, 1], ..NOTHING }, true);
}

#[test]
pub(super) fn three_changes_and_a_beat_of_each() {
    all_is_right(Scope { changes: &[1, 2], beats: &[1, 1], ..NOTHING }, false);
}

#[test]
pub(super) fn a_restart() {
    all_is_right(Scope { changes: &[0, 2], beats: &[0, 1], restarts: 1, ..NOTHING }, false);
}

#[test]
pub(super) fn a_suspicion() {
    all_is_right(Scope { changes: &[0, 2], suspicions: 1, ..NOTHING }, true);
}

#[test]
pub(super) fn a_suspicion_and_a_beat() {
    all_is_right(Scope { changes: &[0, 2], beats: &[0, 1], suspicions: 1, ..NOTHING }, false);
}

#[test]
pub(super) fn a_suspicion_and_a_restart() {
    let scope = Scope { changes: &[0, 1], beats: &[0, 1], suspicions: 1, restarts: 1, ..NOTHING };
    all_is_right(scope, false);
}

#[test]
pub(super) fn rule_c3_answers_in_parts() {
    let scope = Scope { changes: &[0, 3], beats: &[0, 1], max_gone: 1, max_batch: 1, ..NOTHING };
    all_is_right(scope, false);
}
