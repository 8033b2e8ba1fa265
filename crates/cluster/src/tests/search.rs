//! Every state that two nodes can come to within a scope, breadth first. Nodes cannot be copied, so
//! each state is come to anew by the path that leads to it.

use super::breaks::Break;
use super::pair::{Action, Pair, Scope};
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
pub(super) fn search(scope: Scope, broken: Option<Break>, max_steps: usize) -> Found {
    let mut known = HashSet::new();
    let mut found = Found { states: 1, steps: 0, is_whole: true, wrong: None };
    let mut level: Vec<Vec<Action>> = vec![Vec::new()];
    known.insert(Pair::new(scope, broken).fingerprint());
    while !level.is_empty() {
        let mut next = Vec::new();
        for path in &level {
            let actions = come_to(scope, broken, path).actions(path);
            for action in actions {
                if found.steps == max_steps {
                    found.is_whole = false;
                    return found;
                }
                found.steps += 1;
                let mut pair = come_to(scope, broken, path);
                let mut path = path.clone();
                path.push(action);
                if let Err(wrong) = pair.act(action) {
                    found.wrong = Some((wrong, path));
                    return found;
                }
                if !known.insert(pair.fingerprint()) {
                    continue;
                }
                found.states += 1;
                if let Err(wrong) = pair.heal() {
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

fn come_to(scope: Scope, broken: Option<Break>, path: &[Action]) -> Pair {
    let mut pair = Pair::new(scope, broken);
    for action in path {
        pair.act(*action).expect("the path was right");
    }
    pair
}

/// How many steps each search takes at most: in a debug build so many fit a quarter of a minute.
pub(super) fn max_steps() -> usize {
    let steps = std::env::var("CLUSTER_STEPS").ok().and_then(|steps| steps.parse().ok());
    steps.unwrap_or(20_000)
}

pub(super) const SCOPES: [(&str, Scope); 5] = [
    ("changes", Scope { changes: [2, 1], beats: [1, 0], ..NOTHING }),
    ("a restart", Scope { changes: [0, 2], beats: [0, 1], restarts: 1, ..NOTHING }),
    ("a suspicion", Scope { changes: [0, 2], beats: [0, 1], suspicions: 1, ..NOTHING }),
    ("both", Scope { changes: [0, 2], beats: [0, 1], suspicions: 1, restarts: 1, ..NOTHING }),
    ("parts", Scope { changes: [0, 3], beats: [0, 2], max_gone: 1, max_batch: 1, ..NOTHING }),
];

const NOTHING: Scope = Scope {
    changes: [0, 0],
    beats: [0, 0],
    suspicions: 0,
    restarts: 0,
    max_gone: 100,
    max_batch: 100,
};

#[test]
fn two_nodes_never_show_what_is_not_so_and_heal_by_one_round() {
    for (name, scope) in SCOPES {
        let began = std::time::Instant::now();
        let found = search(scope, None, max_steps());
        println!("{name}: {found:?} in {:?}", began.elapsed());
        assert!(found.wrong.is_none(), "{name}: {found:?}");
        assert!(found.states > 100, "{name}: {found:?}");
    }
}
