//! What the host keeps for good: who is whose contact, who has blocked whom, who is invisible.

use super::random::Random;
use super::wire::User;
use std::collections::BTreeSet;

pub(crate) struct Accounts {
    /// Both directions of each pair: the host keeps rosters mutual.
    pub(crate) contacts: BTreeSet<(User, User)>,
    /// Who has blocked whom.
    pub(crate) blocked: BTreeSet<(User, User)>,
    pub(crate) invisible: BTreeSet<User>,
}

impl Accounts {
    /// About half of all pairs are contacts.
    pub(crate) fn new(random: &mut Random, users: User) -> Self {
        let (blocked, invisible) = (BTreeSet::new(), BTreeSet::new());
        let mut accounts = Self { contacts: BTreeSet::new(), blocked, invisible };
        for a in 0..users {
            for b in 0..a {
                if random.chance(50) {
                    accounts.contacts.extend([(a, b), (b, a)]);
                }
            }
        }
        accounts
    }

    pub(crate) fn others(pairs: &BTreeSet<(User, User)>, user: User) -> Vec<User> {
        pairs.range((user, 0)..=(user, User::MAX)).map(|(_, other)| *other).collect()
    }

    /// May the one see what the other says?
    pub(crate) fn shows(&self, viewer: User, user: User) -> bool {
        let is_blocked = |by, other| self.blocked.contains(&(by, other));
        viewer == user
            || self.contacts.contains(&(user, viewer))
                && !is_blocked(user, viewer)
                && !is_blocked(viewer, user)
                && !self.invisible.contains(&user)
    }
}
