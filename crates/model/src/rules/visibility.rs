//! Who comes into sight and who goes out of it (rules 8 to 10).

use crate::{Model, Notice, Output, User};
use adsum::{Error, OfflineNotices, SessionKey};
use std::collections::BTreeSet;

impl Model {
    pub(super) fn invisible(&mut self, now: u64, key: SessionKey) -> Result<Output, Error> {
        let id = self.find_attached(key)?;
        self.accept_from(self.clamp(now), id);
        let mut out = Output::default();
        let user = self.sessions[&id].user;
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

    pub(super) fn visible(&mut self, now: u64, key: SessionKey) -> Result<Output, Error> {
        let id = self.find_attached(key)?;
        self.accept_from(self.clamp(now), id);
        let mut out = Output::default();
        let user = self.sessions[&id].user;
        if self.is_invisible(user) {
            self.account_mut(user).invisible = false;
            self.show(&mut out, user, &self.accounts[&user].audience.clone());
        }
        Ok(out)
    }

    /// Tells users who have just become able to see this one, if they can, what there is.
    pub(super) fn show(&mut self, out: &mut Output, user: User, viewers: &BTreeSet<User>) {
        for id in self.sessions_of(user) {
            if self.sessions[&id].presence.is_some() {
                let mut to = self.watchers(user);
                to.retain(|receiver| viewers.contains(&self.sessions[receiver].user));
                self.tell_presence(out, id, true, to);
            }
        }
    }

    /// Forgets that directed presence reached these users: they have been told that it is over.
    pub(super) fn forget_told(&mut self, user: User, viewers: &BTreeSet<User>) {
        let sessions = self.sessions.values();
        let theirs = sessions.filter(|session| viewers.contains(&session.user));
        let keys: Vec<SessionKey> = theirs.map(|session| session.key).collect();
        for id in self.sessions_of(user) {
            self.session_mut(id).told.retain(|receiver, _| !keys.contains(receiver));
        }
    }
}
