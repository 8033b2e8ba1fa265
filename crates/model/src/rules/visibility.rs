//! Who begins to see a user, and who sees it no more (rules 8 to 10).

use crate::telling::{Held, Holders};
use crate::{Model, Notice, Output, User};
use adsum::{Error, SessionId, SessionKey};
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
        self.look_offline(&mut out, user);
        self.account_mut(user).invisible = true;
        self.hide_in_topics(&mut out, user);
        self.tell_own_visibility(&mut out, id);
        Ok(out)
    }

    pub(super) fn leave_out_unpublished(&self, holders: &mut Holders) {
        for holding in holders.values_mut() {
            holding
                .sessions
                .retain(|(id, _)| self.shown(*id).is_some_and(|s| s.presence.is_some()));
            for (_, held) in &mut holding.sessions {
                *held = Held { directed: false, published: true };
            }
        }
    }

    pub(super) fn visible(&mut self, now: u64, key: SessionKey) -> Result<Output, Error> {
        let id = self.find_attached(key)?;
        self.accept_from(self.clamp(now), id);
        let mut out = Output::default();
        let user = self.sessions[&id].user;
        if self.is_invisible(user) {
            self.account_mut(user).invisible = false;
            self.show(&mut out, user, &BTreeSet::new());
            self.show_in_topics(&mut out, user);
            self.tell_own_visibility(&mut out, id);
        }
        Ok(out)
    }

    /// Tells a user's other sessions whether it is visible.
    fn tell_own_visibility(&mut self, out: &mut Output, except: SessionId) {
        let user = self.sessions[&except].user;
        let mut to = self.attached(|id, session| session.user == user && id != except);
        to.retain(|id| match &mut self.session_mut(*id).missed {
            None => true,
            Some(missed) => {
                missed.visibility = true;
                false
            }
        });
        let visible = !self.is_invisible(user);
        self.deliver(out, Notice::Visibility { user, visible }, &to);
    }

    /// Tells those who see this user, and did not before, what there is.
    pub(super) fn show(&mut self, out: &mut Output, user: User, before: &BTreeSet<SessionId>) {
        if self.choice.is_some() {
            return self.show_state(out, user, before);
        }
        for id in self.showing_of(user) {
            if self.shown(id).is_some_and(|session| session.presence.is_some()) {
                let to = self.onlookers(user).difference(before).copied().collect();
                self.tell_presence(out, id, true, to);
            }
        }
    }

    /// Forgets that directed presence reached these: they have been told that it is over.
    pub(super) fn forget_told(&mut self, user: User, receivers: &BTreeSet<SessionId>) {
        let keys = self.attachments(receivers);
        for session in self.sessions.values_mut().chain(self.held.values_mut()) {
            if session.user == user {
                keys.iter().for_each(|key| session.forget_told(*key));
            }
        }
        if let Some(account) = self.accounts.get_mut(&user) {
            account.unaware.retain(|key| !keys.contains(key));
        }
    }
}
