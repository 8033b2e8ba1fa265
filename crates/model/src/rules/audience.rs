//! Who may see a user: changes of its audience (rule 8).

use super::without;
use crate::{Model, Notice, Output, User};
use adsum::Error;
use std::collections::BTreeSet;

impl Model {
    pub(super) fn audience_add(
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
        Ok(self.set_audience(user, audience, BTreeSet::new()))
    }

    pub(super) fn audience_remove(
        &mut self,
        now: u64,
        user: User,
        contacts: &[User],
    ) -> Result<Output, Error> {
        let Some(account) = self.accounts.get(&user) else {
            self.accept(self.clamp(now));
            return Ok(Output::default());
        };
        let mut audience = account.audience.clone();
        audience.retain(|contact| !contacts.contains(contact));
        self.must_fit_audience(contacts.len())?;
        self.accept(self.clamp(now));
        let watching = self.sessions.values().filter(|session| session.watched.contains(&user));
        let mut watching: BTreeSet<User> = watching.map(|session| session.user).collect();
        watching.retain(|viewer| contacts.contains(viewer));
        Ok(self.set_audience(user, audience, watching))
    }

    pub(super) fn audience_replace(
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
        Ok(self.set_audience(user, without(contacts, user), BTreeSet::new()))
    }

    /// Makes this a user's audience, and takes out these who watch it besides those who are in it
    /// no longer. Those who are out are told first, all by one notice; then those who are in, by
    /// one notice for each session.
    pub(super) fn set_audience(
        &mut self,
        user: User,
        audience: BTreeSet<User>,
        watching: BTreeSet<User>,
    ) -> Output {
        let mut out = Output::default();
        let mut removed = watching;
        removed.extend(self.accounts[&user].audience.difference(&audience));

        let before = self.onlookers(user);
        let holders = self.holders_among(user, &removed);
        let theirs = removed.iter().flat_map(|viewer| self.sessions_of(*viewer)).collect();
        self.forget_told(user, &theirs);
        for id in theirs {
            let session = self.session_mut(id);
            if session.watched.remove(&user) {
                // It counts until the session names it: that there is room would tell of this.
                session.struck.insert(user);
            }
        }
        self.account_mut(user).audience = audience;
        self.tell_ending(&mut out, Notice::UserOffline { user }, &holders);
        self.show(&mut out, user, &before);
        out
    }
}
