//! Which states of users ask their receivers for theirs, so that none asks twice.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use crate::host::command::{Node, Presence};
use crate::host::shown::Shown;

/// Of each user the newest state that was told and asks its receivers for theirs.
#[derive(Default)]
pub(super) struct AskedStates(HashMap<Node, Asked>);

struct Asked {
    /// The number of the first notice of it.
    id: u64,
    presence: Weak<Shown>,
}

impl AskedStates {
    /// Notes that a state of a user which asks is told by this notice; returns whether another one
    /// has told it before.
    pub(super) fn note(&mut self, user: &Node, id: u64, presence: &Presence) -> bool {
        match self.0.get(user) {
            Some(first) if first.presence.as_ptr() == Arc::as_ptr(presence) => first.id != id,
            _ => {
                let asked = Asked { id, presence: Arc::downgrade(presence) };
                self.0.insert(user.clone(), asked);
                false
            }
        }
    }

    /// Forgets a user who has gone.
    pub(super) fn forget(&mut self, user: &Node) {
        self.0.remove(user);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_told_before_if_another_notice_has_told_it() {
        let mut asked = AskedStates::default();
        let [ann, bob] = ["ann", "bob"].map(Node::from);
        let [one, two] = [(); 2].map(|()| Presence::default());
        assert!(!asked.note(&ann, 1, &one), "the first");
        assert!(!asked.note(&ann, 1, &one), "more receivers of it");
        assert!(!asked.note(&bob, 2, &one));
        assert!(asked.note(&ann, 3, &one));
        assert!(!asked.note(&ann, 4, &two), "it says the same, and says it anew");
        asked.forget(&ann);
        assert!(!asked.note(&ann, 5, &two));
    }
}
