//! Who may see whom: audiences, blocks, invisibility.

use crate::{Model, Notice, Output, User};
use adsum::{Error, OfflineNotices, SessionKey};
use std::collections::BTreeSet;

impl Model {
    pub fn audience_add(
        &mut self,
        now: u64,
        user: User,
        contacts: &[User],
    ) -> Result<Output, Error> {
        let given = contacts.len();
        let Some(account) = self.accounts.get(&user) else {
            self.accept(self.clamp(now));
            return Ok(Output::default());
        };
        let mut audience = account.audience.clone();
        audience.extend(contacts.iter().filter(|contact| **contact != user));
        self.must_fit_audience(given.max(audience.len()))?;
        self.accept(self.clamp(now));
        Ok(self.set_audience(user, audience))
    }

    pub fn audience_remove(
        &mut self,
        now: u64,
        user: User,
        contacts: &[User],
    ) -> Result<Output, Error> {
        self.accept(self.clamp(now));
        let Some(account) = self.accounts.get(&user) else {
            return Ok(Output::default());
        };
        let mut audience = account.audience.clone();
        audience.retain(|contact| !contacts.contains(contact));
        Ok(self.set_audience(user, audience))
    }

    pub fn audience_replace(
        &mut self,
        now: u64,
        user: User,
        contacts: &[User],
    ) -> Result<Output, Error> {
        if !self.is_online(user) {
            self.accept(self.clamp(now));
            return Ok(Output::default());
        }
        self.must_fit_audience(contacts.len())?;
        self.accept(self.clamp(now));
        Ok(self.set_audience(user, without(contacts, user)))
    }

    pub fn must_fit_audience(&self, len: usize) -> Result<(), Error> {
        let limit = self.options.max_audience;
        if len as u64 <= u64::from(limit) { Ok(()) } else { Err(Error::AudienceLimit { limit }) }
    }

    /// Those who are out are told first, all by one notice; then those who are in, by one notice
    /// for each session.
    pub fn set_audience(&mut self, user: User, audience: BTreeSet<User>) -> Output {
        let mut out = Output::default();
        let before = self.accounts[&user].audience.clone();
        let removed: BTreeSet<User> = before.difference(&audience).copied().collect();
        let added: BTreeSet<User> = audience.difference(&before).copied().collect();

        let sessions = self.sessions_of(user);
        let mut holders = self.holders(user, &sessions);
        holders.retain(|receiver, _| removed.contains(&self.sessions[receiver].user));
        self.forget_told(user, &removed);
        self.account_mut(user).audience = audience;
        self.tell_ending(&mut out, Notice::UserOffline { user }, &holders);
        self.show(&mut out, user, &added);
        out
    }

    pub fn block(&mut self, now: u64, user: User, other: User) -> Result<Output, Error> {
        if let Some(account) = self.accounts.get(&user)
            && user != other
            && !account.blocked.contains(&other)
        {
            self.must_fit_blocked(account.blocked.len() + 1)?;
        }
        self.accept(self.clamp(now));
        let mut out = Output::default();
        if self.is_online(user) && user != other {
            self.set_blocked(&mut out, user, other);
        }
        Ok(out)
    }

    pub fn must_fit_blocked(&self, len: usize) -> Result<(), Error> {
        let limit = self.options.max_blocked;
        if len as u64 <= u64::from(limit) { Ok(()) } else { Err(Error::BlockedLimit { limit }) }
    }

    pub fn set_blocked(&mut self, out: &mut Output, user: User, other: User) {
        // Whoever is blocked already, by either, holds nothing; so only the first block tells.
        let pairs = [(user, other), (other, user)];
        let endings = pairs.map(|(user, viewer)| {
            let mut holders = self.holders(user, &self.sessions_of(user));
            holders.retain(|receiver, _| self.sessions[receiver].user == viewer);
            holders
        });
        self.account_mut(user).blocked.insert(other);
        for ((user, viewer), holders) in pairs.into_iter().zip(endings) {
            self.forget_told(user, &BTreeSet::from([viewer]));
            self.tell_ending(out, Notice::UserOffline { user }, &holders);
        }
    }

    pub fn unblock(&mut self, now: u64, user: User, other: User) -> Result<Output, Error> {
        self.accept(self.clamp(now));
        let mut out = Output::default();
        if self.is_online(user) {
            self.set_unblocked(&mut out, user, other);
        }
        Ok(out)
    }

    pub fn set_unblocked(&mut self, out: &mut Output, user: User, other: User) {
        let was_there = self.account_mut(user).blocked.remove(&other);
        if was_there && !self.is_blocked(user, other) {
            self.show(out, user, &BTreeSet::from([other]));
            self.show(out, other, &BTreeSet::from([user]));
        }
    }

    pub fn invisible(&mut self, now: u64, key: SessionKey) -> Result<Output, Error> {
        self.must_be_attached(key)?;
        self.accept_from(self.clamp(now), key);
        let mut out = Output::default();
        let user = self.sessions[&key].user;
        if self.is_invisible(user) {
            return Ok(out);
        }
        let contacts: BTreeSet<User> = self.accounts[&user]
            .audience
            .iter()
            .copied()
            .filter(|viewer| self.sees(*viewer, user))
            .collect();
        let mut holders = self.holders(user, &self.sessions_of(user));
        holders.retain(|receiver, _| contacts.contains(&self.sessions[receiver].user));
        if self.options.offline_notices == OfflineNotices::ToAllContacts {
            for receiver in self.watchers(user) {
                holders.entry(receiver).or_default();
            }
        }
        self.account_mut(user).invisible = true;
        if self.options.offline_notices != OfflineNotices::Never {
            self.forget_told(user, &contacts);
            self.tell_ending(&mut out, Notice::UserOffline { user }, &holders);
        }
        Ok(out)
    }

    pub fn visible(&mut self, now: u64, key: SessionKey) -> Result<Output, Error> {
        self.must_be_attached(key)?;
        self.accept_from(self.clamp(now), key);
        let mut out = Output::default();
        let user = self.sessions[&key].user;
        if self.is_invisible(user) {
            self.account_mut(user).invisible = false;
            self.show(&mut out, user, &self.accounts[&user].audience.clone());
        }
        Ok(out)
    }

    /// These users have just become able to see this one, if they can: they are told what there is.
    fn show(&mut self, out: &mut Output, user: User, viewers: &BTreeSet<User>) {
        for key in self.sessions_of(user) {
            if self.sessions[&key].presence.is_some() {
                let mut to = self.watchers(user);
                to.retain(|receiver| viewers.contains(&self.sessions[receiver].user));
                self.tell_presence(out, key, true, to);
            }
        }
    }

    /// Whatever these users were told by directed presence, they have been told that it is over.
    fn forget_told(&mut self, user: User, viewers: &BTreeSet<User>) {
        for key in self.sessions_of(user) {
            let mut told = std::mem::take(&mut self.session_mut(key).told);
            told.retain(|receiver, _| !viewers.contains(&self.sessions[receiver].user));
            self.session_mut(key).told = told;
        }
    }
}

/// A list as a set, in which the user itself does not count.
pub(crate) fn without(list: &[User], user: User) -> BTreeSet<User> {
    list.iter().copied().filter(|other| *other != user).collect()
}
