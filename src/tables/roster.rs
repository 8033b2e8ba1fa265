//! The lists of those online: audiences and blocks, and the references to users that they take.

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

    /// Returns the number of an id likewise, and the id itself if it was known already, perhaps
    /// spelt differently.
    pub(crate) fn intern_owner(&mut self, id: K) -> Result<(User, Option<K>), TooManyUsers> {
        match self.users.find(&self.hasher, &id) {
            Some(user) => Ok((user, Some(id))),
            None => Ok((self.intern(id)?, None)),
        }
    }

    /// Spells a user's id so: one that equals the one before.
    pub(crate) fn spell(&mut self, user: User, id: K) {
        self.users.spell(user, id);
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

    /// Adds the numbers of these ids likewise, each once and but for one, a sorted run; and keeps
    /// how they are spelt until [`forget_named`](Self::forget_named).
    pub(crate) fn intern_named(
        &mut self,
        ids: impl IntoIterator<Item = K>,
        limit: u32,
        not: User,
        into: &mut Vec<User>,
    ) -> Result<bool, TooManyUsers> {
        let mut ids = ids.into_iter();
        let some = ids.by_ref().take(limit as usize);
        let interned = self.users.intern_named(&self.hasher, some, not, into).ok_or(TooManyUsers);
        self.shown.extend_to(self.users.span());
        interned?;
        Ok(ids.next().is_none())
    }

    /// Forgets whom the input named, which is over. Their ids are dropped when everything is in
    /// order.
    #[inline]
    pub(crate) fn forget_named(&mut self) {
        self.users.forget_named();
    }

    /// Forgets those who became known and to whom nothing refers after all, and drops the ids to
    /// which nothing refers any more: the last thing about an input.
    pub(crate) fn forget_fresh(&mut self) {
        self.users.forget_fresh();
        self.users.drop_unused();
    }

    /// Returns whether no reference waits to be given back, and no id to be forgotten or dropped.
    pub(crate) fn is_clean(&self) -> bool {
        self.caught_up.is_empty() && self.overfull.is_empty() && self.users.is_clean()
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
        self.list_own_change(user);
        if let Some(place) = self.place(user) {
            self.online.add_to_audience(place, added);
            self.hide(user, added);
            self.cover_watches(added, user);
        }
    }

    /// Removes a sorted set of users, each of whom is there, from the user's audience.
    pub(crate) fn remove_from_audience(&mut self, user: User, removed: &[User]) {
        self.list_own_change(user);
        if let Some(place) = self.place(user) {
            self.online.remove_from_audience(place, removed);
            let online = self.online.at_mut(place);
            if !online.hidden().is_empty() {
                online.rare_mut().hidden.remove_all(removed.iter().copied());
            }
            self.cover_watches(removed, user);
            self.look_at_all_notes_later(place);
        }
        self.users.release_all(removed);
    }

    // ---- blocks

    /// Adds a sorted set of users whom the user has not blocked yet to those it has.
    pub(crate) fn add_blocked(&mut self, user: User, added: &[User]) {
        self.list_own_change(user);
        if let Some(online) = self.online_mut(user) {
            online.rare_mut().blocked.insert_sorted(added);
        }
        added.iter().for_each(|other| self.add_blocked_pair(user, *other));
        self.hide(user, added);
    }

    /// Removes a sorted set of users from those whom the user has blocked. The references to them
    /// go too, so they may be forgotten afterwards.
    pub(crate) fn remove_blocked(&mut self, user: User, removed: &[User]) {
        self.list_own_change(user);
        if let Some(online) = self.online_mut(user) {
            online.rare_mut().blocked.remove_sorted(removed);
        }
        removed.iter().for_each(|other| self.remove_blocked_pair(user, *other));
        self.unhide(user, removed);
    }

    /// Adds a pair that is in the user's list by now, and hides the user from the other where that
    /// lists it. The user's own list of those hidden is the caller's to keep.
    pub(super) fn add_blocked_pair(&mut self, user: User, other: User) {
        self.blocks.add(&self.hasher, other);
        self.users.retain(other);
        self.hide(other, &[user]);
        self.cover_pair(user, other);
    }

    /// Removes a pair that is in no list any more, likewise.
    pub(super) fn remove_blocked_pair(&mut self, user: User, other: User) {
        self.blocks.remove(&self.hasher, other);
        self.unhide(other, &[user]);
        self.cover_pair(user, other);
        self.users.release(other);
    }

    fn cover_pair(&mut self, user: User, other: User) {
        self.cover_watches(&[user], other);
        self.cover_watches(&[other], user);
    }

    /// Hides those of a sorted set of users who are in the user's audience and between whom and
    /// the user there is a block.
    pub(super) fn hide(&mut self, user: User, others: &[User]) {
        self.change_hidden(user, others, true);
    }

    /// Takes those of a sorted set of users out of the hidden ones between whom and the user there
    /// is no block any more.
    fn unhide(&mut self, user: User, others: &[User]) {
        self.change_hidden(user, others, false);
    }

    fn change_hidden(&mut self, user: User, others: &[User], hide: bool) {
        let mut changed = core::mem::take(&mut self.scratch);
        self.find_changed(user, others, hide, &mut changed);
        if let Some(online) = self.online_mut(user).filter(|_| !changed.is_empty()) {
            let hidden = &mut online.rare_mut().hidden;
            match hide {
                true => hidden.insert_all(changed.iter().map(|other| (*other, ()))),
                false => hidden.remove_all(changed.iter().copied()),
            }
        }
        changed.clear();
        self.scratch = changed;
    }

    /// Lists those who are hidden from now on, or no longer.
    fn find_changed(&self, user: User, others: &[User], hide: bool, changed: &mut Vec<User>) {
        let Some(online) = self.online(user) else { return };
        let nothing_to_do = match hide {
            true => !self.has_blocks(user),
            false => online.hidden().is_empty(),
        };
        if nothing_to_do {
            return;
        }
        let changes = |other: &&User| {
            online.audience.contains(**other)
                && online.hidden().contains(**other) != hide
                && self.blocked_between(user, **other) == hide
        };
        changed.extend(others.iter().filter(changes));
    }
}
