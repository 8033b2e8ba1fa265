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
    /// Whoever was removed, and by whom: those may not watch any more.
    pub(crate) removed: BTreeSet<(User, User)>,
}

impl Accounts {
    /// About half of all pairs are contacts.
    pub(crate) fn new(random: &mut Random, users: User) -> Self {
        let (blocked, invisible) = (BTreeSet::new(), BTreeSet::new());
        let (contacts, removed) = (BTreeSet::new(), BTreeSet::new());
        let mut accounts = Self { contacts, blocked, invisible, removed };
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

    /// Returns whether the one may see what the other says, as a contact.
    pub(crate) fn shows(&self, viewer: User, user: User) -> bool {
        viewer == user || self.contacts.contains(&(user, viewer)) && !self.is_hidden(viewer, user)
    }

    /// Returns whether the one may see what the other says, as one who watches.
    pub(crate) fn shows_watcher(&self, viewer: User, user: User) -> bool {
        self.may_watch(viewer, user) && !self.is_hidden(viewer, user)
    }

    /// Returns whether the one is permitted to watch the other: profiles are public, but for those
    /// removed.
    pub(crate) fn may_watch(&self, viewer: User, user: User) -> bool {
        viewer != user && !self.removed.contains(&(user, viewer))
    }

    fn is_hidden(&self, viewer: User, user: User) -> bool {
        let is_blocked = |by, other| self.blocked.contains(&(by, other));
        is_blocked(user, viewer) || is_blocked(viewer, user) || self.invisible.contains(&user)
    }
}
