//! The lists of those online: audiences and blocks, and the references to users that they hold.

use crate::tables::Tables;
use crate::tables::ids::User;
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};

/// The table of users is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooManyUsers;

impl<K: Eq + Hash, P, S: BuildHasher> Tables<K, P, S> {
    // ---- making numbers of ids

    /// Returns the number of an id, which is made known if it was not. No reference is taken: the
    /// caller takes one, and [`forget_fresh`](Self::forget_fresh) follows when the input is
    /// through.
    pub(crate) fn intern(&mut self, id: K) -> Result<User, TooManyUsers> {
        let user = self.users.intern(&self.hasher, id).ok_or(TooManyUsers);
        self.shown.extend_to(self.users.span());
        user
    }

    /// Adds the numbers of these ids, likewise, until there are `limit` of them. Returns whether
    /// that was all.
    pub(crate) fn intern_all(
        &mut self,
        ids: impl IntoIterator<Item = K>,
        limit: u32,
        into: &mut Vec<User>,
    ) -> Result<bool, TooManyUsers> {
        let mut ids = ids.into_iter();
        let some = ids.by_ref().take((limit as usize).saturating_sub(into.len()));
        let interned = self.users.intern_all(&self.hasher, some, into).ok_or(TooManyUsers);
        self.shown.extend_to(self.users.span());
        interned?;
        Ok(ids.next().is_none())
    }

    /// Forgets those who became known and to whom nothing refers after all, and drops the ids to
    /// which nothing refers any more: the last thing about an input.
    pub(crate) fn forget_fresh(&mut self) {
        self.users.forget_fresh();
        self.users.bury();
    }

    /// Returns whether no id waits to be forgotten or dropped.
    pub(crate) fn is_clean(&self) -> bool {
        self.users.is_clean()
    }

    /// Takes a reference to a user, so that its id is kept.
    pub(crate) fn retain(&mut self, user: User) {
        self.users.retain(user);
    }

    /// Gives a reference back; with the last one the user is forgotten.
    pub(crate) fn release(&mut self, user: User) {
        self.users.release(user);
    }

    // ---- audiences

    /// Adds a sorted set of users, none of whom is there yet, to the user's audience.
    pub(crate) fn add_to_audience(&mut self, user: User, added: &[User]) {
        for contact in added {
            self.users.retain(*contact);
        }
        if let Some(place) = self.place(user) {
            self.online.add_to_audience(place, added);
        }
    }

    /// Removes a sorted set of users, each of whom is there, from the user's audience.
    pub(crate) fn remove_from_audience(&mut self, user: User, removed: &[User]) {
        if let Some(place) = self.place(user) {
            self.online.remove_from_audience(place, removed);
        }
        self.users.release_all(removed);
    }

    // ---- blocks

    /// Adds somebody whom the user has not blocked yet to those it has.
    pub(crate) fn add_blocked(&mut self, user: User, other: User) {
        self.add_blocked_pair(user, other);
        if let Some(online) = self.online_mut(user) {
            online.blocked.insert_sorted(&[other]);
        }
    }

    /// Removes somebody from those whom the user has blocked. The reference to `other` goes too,
    /// so it may be forgotten afterwards.
    pub(crate) fn remove_blocked(&mut self, user: User, other: User) {
        if let Some(online) = self.online_mut(user) {
            online.blocked.remove_sorted(&[other]);
        }
        self.remove_blocked_pair(user, other);
    }

    pub(super) fn add_blocked_pair(&mut self, user: User, other: User) {
        self.blocks.insert(&self.hasher, user, other);
        self.users.retain(other);
    }

    pub(super) fn remove_blocked_pair(&mut self, user: User, other: User) {
        self.blocks.remove(&self.hasher, user, other);
        self.users.release(other);
    }
}
