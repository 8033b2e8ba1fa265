//! Users who want nothing of each other (rule 9).

use crate::error::Error;
use crate::rules::State;
use crate::tables::Tables;
use crate::tables::ids::User;
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    pub(crate) fn block<Q>(&mut self, id: &Q, other: K) -> Result<(), Error>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let Some(user) = self.tables.find_online(id) else { return Ok(()) };
        let limit = self.options.max_blocked;
        let is_full = self.tables.blocked_by(user).len() >= limit as usize;
        let other = self.tables.intern(other)?;
        let is_new = other != user && !self.tables.has_blocked(user, other);
        if is_new && is_full {
            return Err(Error::BlockedLimit { limit });
        }
        if is_new {
            self.block_new(user, &[other]);
        }
        Ok(())
    }

    /// Blocks a sorted set of users who are not blocked yet.
    fn block_new(&mut self, user: User, added: &[User]) {
        for other in added {
            if !self.tables.blocked_between(user, *other) {
                self.hide_from(user, &[*other]);
                self.hide_from(*other, &[user]);
                self.hide_in_shared_topics(user, *other);
            }
        }
        self.tables.add_blocked(user, added);
    }

    pub(crate) fn unblock<Q, R>(&mut self, id: &Q, other: &R) -> Result<(), Error>
    where
        K: Borrow<Q> + Borrow<R>,
        Q: Eq + Hash + ?Sized,
        R: Eq + Hash + ?Sized,
    {
        let Some(user) = self.tables.find_online(id) else { return Ok(()) };
        let Some(other) = self.tables.find(other) else { return Ok(()) };
        if self.tables.has_blocked(user, other) {
            self.unblock_old(user, &[other]);
        }
        Ok(())
    }

    /// Takes the blocks of a sorted set of users back.
    fn unblock_old(&mut self, user: User, removed: &[User]) {
        self.tables.remove_blocked(user, removed);
        // As far as the other has not blocked this one as well.
        for other in removed {
            if self.tables.place(*other).is_some() {
                self.show_to(user, &[*other], false);
                self.show_to(*other, &[user], false);
                self.show_in_shared_topics(user, *other);
            }
        }
    }

    /// Makes a sorted set, without the user, the users it has blocked.
    pub(super) fn replace_blocked(&mut self, user: User, blocked: &[User]) {
        self.with_difference(user, Tables::blocked_by, blocked, |state, removed, added| {
            state.unblock_old(user, removed);
            state.block_new(user, added);
        });
    }
}
