//! Who may see whom: audiences, blocks and invisibility (rules 8 to 10).

use crate::config::OfflineNotices;
use crate::list::{self, UserList};
use crate::online::Online;
use crate::sessions::{Link, SessionIndex};
use crate::state::State;
use crate::users::User;
use crate::work::{About, Span, Tell};
use crate::{Error, SessionKey};
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    // ---- audiences

    pub(crate) fn audience_add(
        &mut self,
        id: &K,
        contacts: impl IntoIterator<Item = K>,
    ) -> Result<(), Error> {
        self.edit_audience(id, contacts, |state, user, added| {
            let present = state.online(user).map_or(&[][..], |online| online.audience.as_slice());
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

    pub(crate) fn audience_replace(
        &mut self,
        id: &K,
        contacts: impl IntoIterator<Item = K>,
    ) -> Result<(), Error> {
        self.edit_audience(id, contacts, |state, user, audience| {
            state.replace_audience(user, audience);
            Ok(())
        })
    }

    fn edit_audience(
        &mut self,
        id: &K,
        contacts: impl IntoIterator<Item = K>,
        edit: impl FnOnce(&mut Self, User, &mut Vec<User>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Some(user) = self.find_online(id) else { return Ok(()) };
        let limit = self.options.max_audience;
        let mut interned = core::mem::take(&mut self.scratch[0]);
        let mut set = core::mem::take(&mut self.scratch[1]);
        let result = self
            .intern_all(contacts, limit, &mut interned)
            .and_then(|all| all.ok_or(Error::AudienceLimit { limit }))
            .and_then(|()| {
                set.extend_from_slice(&interned);
                list::make_set(&mut set, user);
                edit(self, user, &mut set)
            });
        interned.clear();
        set.clear();
        self.scratch[0] = interned;
        self.scratch[1] = set;
        result
    }

    pub(crate) fn audience_remove(
        &mut self,
        id: &K,
        contacts: impl IntoIterator<Item: Borrow<K>>,
    ) -> Result<(), Error> {
        let Some(user) = self.find_online(id) else { return Ok(()) };
        let mut removed = core::mem::take(&mut self.scratch[0]);
        let most = self.online(user).map_or(0, |online| online.audience.len());
        self.users.find_all(&self.hasher, contacts.into_iter(), |contact| {
            if self.has_in_audience(user, contact) {
                list::push_into_set(&mut removed, contact, most);
            }
        });
        list::make_set(&mut removed, user);
        self.remove_from_audience(user, &removed);
        removed.clear();
        self.scratch[0] = removed;
        Ok(())
    }

    /// Makes a sorted set, without the user, the user's audience.
    pub(crate) fn replace_audience(&mut self, user: User, audience: &[User]) {
        self.replace(
            user,
            |online| &online.audience,
            audience,
            |state, removed, added| {
                state.remove_from_audience(user, removed);
                state.add_to_audience(user, added);
            },
        );
    }

    fn replace(
        &mut self,
        user: User,
        list: impl FnOnce(&Online) -> &UserList,
        new: &[User],
        change: impl FnOnce(&mut Self, &[User], &[User]),
    ) {
        let [mut removed, mut added] = core::mem::take(&mut self.lost_and_gained);
        if let Some(online) = self.online(user) {
            let old = list(online).as_slice();
            list::difference(old, new, |old| removed.push(old), |new| added.push(new));
        }
        change(self, &removed, &added);
        removed.clear();
        added.clear();
        self.lost_and_gained = [removed, added];
    }

    /// `added`, a sorted set, has nobody in it who is in the audience already.
    fn add_to_audience(&mut self, user: User, added: &[User]) {
        for contact in added {
            self.users.retain(*contact);
        }
        if let Some(online) = self.online_mut(user) {
            online.audience.insert_sorted(added);
        }
        self.show_to(user, added);
    }

    /// `removed`, a sorted set, has nobody in it who is not in the audience.
    fn remove_from_audience(&mut self, user: User, removed: &[User]) {
        self.hide_from(user, removed);
        if let Some(online) = self.online_mut(user) {
            online.audience.remove_sorted(removed);
        }
        self.users.release_all(removed);
    }

    // ---- blocks

    pub(crate) fn block(&mut self, id: &K, other: K) -> Result<(), Error> {
        let Some(user) = self.find_online(id) else { return Ok(()) };
        let limit = self.options.max_blocked;
        let Some(online) = self.online(user) else { return Ok(()) };
        let is_full = online.blocked.len() >= limit as usize;
        let other = self.intern(other)?;
        let is_new = other != user && self.online(user).is_some_and(|o| !o.blocked.contains(other));
        if is_new && is_full {
            return Err(Error::BlockedLimit { limit });
        }
        if is_new {
            self.block_new(user, other);
        }
        Ok(())
    }

    fn block_new(&mut self, user: User, other: User) {
        if !self.blocked_between(user, other) {
            self.hide_from(user, &[other]);
            self.hide_from(other, &[user]);
        }
        self.add_blocked_pair(user, other);
        if let Some(online) = self.online_mut(user) {
            online.blocked.insert_sorted(&[other]);
        }
    }

    pub(crate) fn unblock(&mut self, id: &K, other: &K) -> Result<(), Error> {
        let Some(user) = self.find_online(id) else { return Ok(()) };
        let Some(other) = self.users.find(&self.hasher, other) else { return Ok(()) };
        if self.online(user).is_some_and(|online| online.blocked.contains(other)) {
            self.unblock_old(user, other);
        }
        Ok(())
    }

    fn unblock_old(&mut self, user: User, other: User) {
        if let Some(online) = self.online_mut(user) {
            online.blocked.remove_sorted(&[other]);
        }
        let is_online = self.online(other).is_some();
        self.remove_blocked_pair(user, other);
        // As far as the other has not blocked this one as well.
        if is_online {
            self.show_to(user, &[other]);
            self.show_to(other, &[user]);
        }
    }

    /// Makes a sorted set, without the user, the users it has blocked.
    pub(crate) fn replace_blocked(&mut self, user: User, blocked: &[User]) {
        self.replace(
            user,
            |online| &online.blocked,
            blocked,
            |state, removed, added| {
                for other in removed {
                    state.unblock_old(user, *other);
                }
                for other in added {
                    state.block_new(user, *other);
                }
            },
        );
    }

    // ---- the two directions of a change

    /// Tells `viewers` what the user's sessions say now, as far as they may see it.
    fn show_to(&mut self, user: User, viewers: &[User]) {
        if !self.any_published(user) {
            return;
        }
        let from = self.work.listed.len();
        for viewer in viewers {
            if self.sees(*viewer, user) {
                let sessions =
                    self.users.online(*viewer).map(|place| &self.online.at(place).sessions);
                self.work.listed.extend(sessions.into_iter().flatten().copied());
            }
        }
        let (listed, congested) = self.split_listed(from);
        for at in 0..self.sessions_of(user).len() {
            let session = self.sessions_of(user)[at];
            if self.has_published(session) {
                let about = About::Presence { session, first: true };
                for receiver in congested.range() {
                    self.note_missed(self.work.listed[receiver], about);
                }
                self.work.tell(Tell::new(about).listed(listed));
            }
        }
    }

    /// Before `viewers` lose sight of the user: tells those who hold something of it that it is
    /// offline, and forgets that its directed presence reached them.
    fn hide_from(&mut self, user: User, viewers: &[User]) {
        if self.online(user).is_none() {
            return;
        }
        let gone = self.list_published(user);
        let about = About::Offline { user, gone };
        let from = self.work.listed.len();
        for viewer in viewers {
            let saw = !gone.is_empty() && self.sees(*viewer, user);
            for at in 0..self.sessions_of(*viewer).len() {
                let receiver = self.sessions_of(*viewer)[at];
                let told = self.forget_told(user, receiver);
                match self.sessions.get(receiver).link {
                    Link::Attached if saw || told => self.work.listed.push(receiver),
                    Link::Congested if saw => self.note_missed(receiver, about),
                    Link::Attached | Link::Congested | Link::Detached => {}
                }
            }
        }
        self.work.tell(Tell::new(about).listed(self.work.listed_from(from)));
    }

    /// Forgets that directed presence of the user's sessions reached this receiver. Was there
    /// any? If the receiver is congested, notes that it must hear that it no longer holds.
    fn forget_told(&mut self, user: User, receiver: SessionIndex) -> bool {
        let reference = self.sessions.reference(receiver);
        let congested = self.sessions.get(receiver).link == Link::Congested;
        let mut any = false;
        for at in 0..self.sessions_of(user).len() {
            let session = self.sessions_of(user)[at];
            let Some(extras) = self.sessions.extras_mut(session) else { continue };
            if let Ok(place) = extras.told.binary_search(&reference) {
                extras.told.remove(place);
                any = true;
                if congested {
                    let session = self.sessions.key(session);
                    self.note_told_ended(receiver, user, session, true);
                }
            }
        }
        any
    }

    // ---- invisibility

    pub(crate) fn invisible(&mut self, key: SessionKey) -> Result<(), Error> {
        let session = self.hear(key)?;
        let place = self.sessions.get(session).place;
        let online = self.online.at_mut(place);
        let user = online.user;
        if !online.visible {
            return Ok(());
        }
        online.visible = false;
        if self.options.offline_notices != OfflineNotices::Never {
            self.tell_invisible(user, place);
        }
        self.update_shown(user);
        Ok(())
    }

    /// To contacts it must look like a logout, so they hear what a logout would have told them.
    fn tell_invisible(&mut self, user: User, place: u32) {
        let to_all = self.options.offline_notices == OfflineNotices::ToAllContacts;
        let gone = self.list_published(user);
        let contacts = to_all || !gone.is_empty();
        let about = About::Offline { user, gone };
        let from = self.work.listed.len();
        for at in 0..self.sessions_of(user).len() {
            self.list_told_contacts(user, self.sessions_of(user)[at], contacts);
        }
        self.work.make_listed_set(from);
        let mut tell = Tell::new(about).listed(self.work.listed_from(from));
        if contacts {
            tell = tell.contacts_of(place);
        }
        self.work.tell(tell);
    }

    /// Forgets those contacts whom the session's directed presence reached, and lists those who
    /// are not `told_anyway`.
    fn list_told_contacts(&mut self, user: User, session: SessionIndex, told_anyway: bool) {
        let key = self.sessions.key(session);
        let Some(extras) = self.sessions.extras_mut(session) else { return };
        let mut told = core::mem::take(&mut extras.told);
        told.retain(|receiver| {
            let Some(receiver) = self.sessions.find_ref(*receiver) else { return false };
            let viewer = self.sessions.user(receiver);
            if !self.has_in_audience(user, viewer) {
                return true;
            }
            match self.sessions.get(receiver).link {
                Link::Attached if told_anyway => {}
                Link::Attached => self.work.listed.push(receiver),
                Link::Congested => self.note_told_ended(receiver, user, key, true),
                Link::Detached => {}
            }
            false
        });
        self.sessions.extras_or_new(session).told = told;
    }

    pub(crate) fn visible(&mut self, key: SessionKey) -> Result<(), Error> {
        let session = self.hear(key)?;
        let place = self.sessions.get(session).place;
        let online = self.online.at_mut(place);
        let user = online.user;
        if online.visible {
            return Ok(());
        }
        online.visible = true;
        self.update_shown(user);
        for at in 0..self.sessions_of(user).len() {
            let session = self.sessions_of(user)[at];
            if self.has_published(session) {
                let about = About::Presence { session, first: true };
                self.work.tell(Tell::new(about).contacts_of(place));
            }
        }
        Ok(())
    }

    // ---- lists of receivers

    /// Sorts what has been listed since `from` into sessions that receive and congested ones;
    /// detached ones are dropped.
    fn split_listed(&mut self, from: usize) -> (Span, Span) {
        let link = |state: &Self, at: usize| state.sessions.get(state.work.listed[at]).link;
        let mut attached = from;
        for at in from..self.work.listed.len() {
            if link(self, at) == Link::Attached {
                self.work.listed.swap(attached, at);
                attached += 1;
            }
        }
        let mut congested = attached;
        for at in attached..self.work.listed.len() {
            if link(self, at) == Link::Congested {
                self.work.listed.swap(congested, at);
                congested += 1;
            }
        }
        self.work.listed.truncate(congested);
        let span = |from: usize, to: usize| Span { from: from as u32, to: to as u32 };
        (span(from, attached), span(attached, congested))
    }
}
