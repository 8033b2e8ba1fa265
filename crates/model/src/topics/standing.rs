//! Who is to be seen in a topic at one moment.

use crate::User;
use adsum::{SessionId, TopicCounts, View};
use std::collections::BTreeSet;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Members in the order in which they became so, each with its sessions.
    pub members: Vec<(User, Vec<SessionId>)>,
    pub counts: TopicCounts,
}

impl Standing {
    /// Returns the sessions that are in a view, or of those who are named.
    ///
    /// # Panics
    /// At a view that it does not know.
    pub fn in_view(&self, view: View, named: &BTreeSet<User>) -> Vec<(User, SessionId)> {
        let users = match view {
            View::Nothing | View::Count => 0,
            View::Sample(users) => usize::from(users),
            View::All => usize::MAX,
            other => unreachable!("the model does not know {other:?}"),
        };
        let members = self.members.iter().enumerate();
        let seen = members.filter(|(nth, (user, _))| *nth < users || named.contains(user));
        seen.flat_map(|(_, (user, sessions))| sessions.iter().map(|id| (*user, *id))).collect()
    }
}
