//! Who may see a user: changes of its audience (rule 8).

use crate::error::Error;
use crate::rules::State;
use crate::tables::Tables;
use crate::tables::ids::User;
use crate::tables::lists;
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    pub(crate) fn audience_add<Q>(
        &mut self,
        id: &Q,
        contacts: impl IntoIterator<Item = K>,
    ) -> Result<(), Error>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.edit_audience(id, contacts, |state, user, added| {
            let present = state.tables.audience_of(user);
            let len = present.len();
            // In place: what is there already is taken out of `added`.
            added.retain(|contact| present.binary_search(contact).is_err());
            let limit = state.options.max_audience;
            if len + added.len() > limit as usize {
                return Err(Error::AudienceLimit { limit });
            }
            state.add_to_audience(user, added);
            Ok(())
        })
    }

    pub(crate) fn audience_replace<Q>(
        &mut self,
        id: &Q,
        contacts: impl IntoIterator<Item = K>,
    ) -> Result<(), Error>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.edit_audience(id, contacts, |state, user, audience| {
            state.replace_audience(user, audience);
            Ok(())
        })
    }

    fn edit_audience<Q>(
        &mut self,
        id: &Q,
        contacts: impl IntoIterator<Item = K>,
        edit: impl FnOnce(&mut Self, User, &mut Vec<User>) -> Result<(), Error>,
    ) -> Result<(), Error>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let Some(user) = self.tables.find_online(id) else { return Ok(()) };
        let limit = self.options.max_audience;
        self.with_users(|state, set| {
            if !state.tables.intern_all(contacts, limit, set)? {
                return Err(Error::AudienceLimit { limit });
            }
            lists::make_set(set, user);
            edit(state, user, set)
        })
    }

    pub(crate) fn audience_remove<'q, Q, R>(
        &mut self,
        id: &Q,
        contacts: impl IntoIterator<Item = &'q R>,
    ) -> Result<(), Error>
    where
        K: Borrow<Q> + Borrow<R>,
        Q: Eq + Hash + ?Sized,
        R: Eq + Hash + ?Sized + 'q,
    {
        let Some(user) = self.tables.find_online(id) else { return Ok(()) };
        let limit = self.options.max_audience;
        self.with_users(|state, removed| {
            let mut contacts = contacts.into_iter();
            let tables = &state.tables;
            let most = tables.audience_of(user).len() + tables.watchers(user);
            tables.find_all(contacts.by_ref().take(limit as usize), |_, contact| {
                if tables.has_in_audience(user, contact) || tables.is_watched_by(user, contact) {
                    lists::push_into_set(removed, contact, most);
                }
            });
            if contacts.next().is_some() {
                return Err(Error::AudienceLimit { limit });
            }
            lists::make_set(removed, user);
            state.hide_from(user, removed);
            state.tables.remove_watchers(user, removed);
            removed.retain(|contact| state.tables.has_in_audience(user, *contact));
            state.tables.remove_from_audience(user, removed);
            Ok(())
        })
    }

    /// Makes a sorted set, without the user, the user's audience.
    pub(super) fn replace_audience(&mut self, user: User, audience: &[User]) {
        self.with_difference(user, Tables::audience_of, audience, |state, removed, added| {
            state.remove_from_audience(user, removed);
            state.add_to_audience(user, added);
        });
    }

    /// Adds a sorted set of users, none of whom is in the audience yet, and shows them the user.
    fn add_to_audience(&mut self, user: User, added: &[User]) {
        self.tables.add_to_audience(user, added);
        self.show_to(user, added, true);
    }

    /// Removes a sorted set of users, all of whom are in the audience, and hides the user from
    /// them: they do not watch it any more either.
    fn remove_from_audience(&mut self, user: User, removed: &[User]) {
        self.hide_from(user, removed);
        self.tables.remove_watchers(user, removed);
        self.tables.remove_from_audience(user, removed);
    }

    /// Calls `change` with what one of the user's lists loses and gains when it becomes `new`.
    pub(super) fn with_difference(
        &mut self,
        user: User,
        list: impl FnOnce(&Tables<K, P, S>, User) -> &[User],
        new: &[User],
        change: impl FnOnce(&mut Self, &[User], &[User]),
    ) {
        let [mut removed, mut added] = core::mem::take(&mut self.lost_and_gained);
        let old = list(&self.tables, user);
        lists::difference(old, new, |old| removed.push(old), |new| added.push(new));
        change(self, &removed, &added);
        removed.clear();
        added.clear();
        self.lost_and_gained = [removed, added];
    }
}
