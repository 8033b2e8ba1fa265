//! How often somebody may change a roster, and ask others to be friends: each request is told to
//! somebody who has not asked for it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::buckets::Buckets;
use super::command::Node;

/// How many changes one user may make at once, and how long until one more.
const CHANGES: u32 = 200;
const CHANGE_INTERVAL: Duration = Duration::from_millis(100);
/// The same of requests to others who have not asked.
const REQUESTS: u32 = 100;
const REQUEST_INTERVAL: Duration = Duration::from_secs(5);
/// The same of requests to one and the same.
const REQUESTS_TO_ONE: u32 = 10;
const REQUEST_TO_ONE_INTERVAL: Duration = Duration::from_secs(60);

/// Who has changed rosters how often of late.
pub(crate) struct Edits(Mutex<State>);

struct State {
    changes: Buckets<Node>,
    requests: Buckets<Node>,
    requests_to_one: Buckets<(Node, Node)>,
}

impl Default for Edits {
    fn default() -> Self {
        Self(Mutex::new(State {
            changes: Buckets::new(CHANGES, CHANGE_INTERVAL),
            requests: Buckets::new(REQUESTS, REQUEST_INTERVAL),
            requests_to_one: Buckets::new(REQUESTS_TO_ONE, REQUEST_TO_ONE_INTERVAL),
        }))
    }
}

impl Edits {
    /// Notes a change; returns whether the user may make it now.
    pub(crate) fn may_change(&self, user: &Node) -> bool {
        let (now, mut state) = (Instant::now(), self.state());
        let may = state.changes.has_one(user, now);
        state.changes.take(user.clone(), now);
        may
    }

    /// Returns whether the user may ask this one now.
    pub(crate) fn may_ask(&self, user: &Node, other: &Node) -> bool {
        let (now, state) = (Instant::now(), self.state());
        state.requests.has_one(user, now)
            && state.requests_to_one.has_one(&(user.clone(), other.clone()), now)
    }

    /// Notes that the user has asked one who had not asked.
    pub(crate) fn asked(&self, user: &Node, other: &Node) {
        let (now, mut state) = (Instant::now(), self.state());
        state.requests.take(user.clone(), now);
        state.requests_to_one.take((user.clone(), other.clone()), now);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_asks_others_and_one_other_so_often() {
        let edits = Edits::default();
        let [ann, bob] = ["ann", "bob"].map(Node::from);
        for _ in 0..REQUESTS_TO_ONE {
            assert!(edits.may_ask(&ann, &bob));
            edits.asked(&ann, &bob);
        }
        assert!(!edits.may_ask(&ann, &bob) && edits.may_ask(&bob, &ann));
        for number in REQUESTS_TO_ONE..REQUESTS {
            let other = Node::from(number.to_string());
            assert!(edits.may_ask(&ann, &other), "{number}");
            edits.asked(&ann, &other);
        }
        assert!(!edits.may_ask(&ann, &Node::from("one more")));
        // It takes longer to make so many changes than one more takes.
        let made = (0..2 * CHANGES).filter(|_| edits.may_change(&ann)).count();
        assert!((CHANGES as usize..CHANGES as usize + 50).contains(&made), "{made}");
        assert!(edits.may_change(&bob));
    }
}
