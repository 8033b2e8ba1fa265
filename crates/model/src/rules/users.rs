//! One state a user: when contacts are told it, and idleness (rules U1 to U7).

use crate::choice::Voice;
use crate::{Model, Notice, Output, User};
use adsum::{Error, OfflineNotices, SessionId, SessionKey};
use std::collections::BTreeSet;

impl Model {
    pub(super) fn active(&mut self, now: u64, key: SessionKey) -> Result<Output, Error> {
        let id = self.find_attached(key)?;
        self.accept_from(self.clamp(now), id);
        let (active, signed) = (self.now, self.moments);
        let session = self.session_mut(id);
        (session.active, session.signed, session.is_idle) = (active, signed, false);
        Ok(Output::default())
    }

    /// Nobody has done anything on a session for so long that it is idle, nor on others of its user
    /// for which the same moment is the one.
    pub(super) fn become_idle(&mut self, id: SessionId, at: u64) {
        for other in self.sessions_of(self.sessions[&id].user) {
            if self.idle_timer(other).is_some_and(|(idle_at, _)| idle_at <= at) {
                self.session_mut(other).is_idle = true;
            }
        }
    }

    /// Tells those who see a user its state, if there is another than they know: all that an input
    /// or a deadline does to it has been done.
    pub(super) fn tell_new_state(&mut self, out: &mut Output, user: User) {
        let Some(account) = self.accounts.get(&user) else { return };
        let known = account.voice;
        let Some(state) = self.state_of(user) else { return };
        let version = self.shown(state.session).map_or(0, |session| session.version);
        let voice = Voice { session: state.session, version, idle_since: state.idle_since };
        self.account_mut(user).voice = Some(voice);
        if known != Some(voice) {
            self.account_mut(user).told += 1;
            self.tell_state(out, user, known.is_none(), self.onlookers(user));
        }
    }

    /// Tells whatever is to be told of any user.
    pub(super) fn tell_new_states(&mut self, out: &mut Output) {
        let users: Vec<User> = self.accounts.keys().copied().collect();
        users.into_iter().for_each(|user| self.tell_new_state(out, user));
    }

    /// Tells these receivers the state of a user, or notes that a congested one missed it.
    pub(super) fn tell_state(
        &mut self,
        out: &mut Output,
        user: User,
        first: bool,
        to: BTreeSet<SessionId>,
    ) {
        let state = self.state_of(user).expect("it shows something");
        let mut told = to;
        told.retain(|receiver| {
            let by_watch = self.only_watches(*receiver, user);
            self.is_told_or_notes(*receiver, |missed| missed.note_state(user, !first, by_watch))
        });
        let (presence, idle_since) = (state.presence, state.idle_since);
        self.deliver(out, Notice::User { user, first, presence, idle_since }, &told);
    }

    /// Shows a user's state to those who see it now and did not before.
    pub(super) fn show_state(
        &mut self,
        out: &mut Output,
        user: User,
        before: &BTreeSet<SessionId>,
    ) {
        if self.state_of(user).is_some() {
            let to = self.onlookers(user).difference(before).copied().collect();
            self.tell_state(out, user, true, to);
        }
    }

    /// Tells contacts that a user looks offline, before this session shows nothing any more, if no
    /// other one does.
    pub(super) fn fall_silent(&mut self, out: &mut Output, id: SessionId) {
        let user = self.shown(id).expect("it may show something").user;
        if self.choice.is_some() && self.candidates(user) == [id] {
            self.look_offline(out, user);
            self.account_mut(user).voice = None;
        }
    }

    /// Tells those who see a user that it is offline: it goes on, and is not to be seen.
    pub(super) fn look_offline(&mut self, out: &mut Output, user: User) {
        let onlookers = self.onlookers(user);
        let all = self.sessions.keys().copied();
        let all_who_see = all.filter(|id| self.session_sees(*id, user)).collect();
        let mut holders = self.holders(user, &self.showing_of(user));
        self.add_holders_of_state(&mut holders, user);
        holders.retain(|receiver, _| onlookers.contains(receiver));
        match self.options.offline_notices {
            OfflineNotices::ToAllContacts => {
                for receiver in &onlookers {
                    self.add_holder(&mut holders, *receiver, user);
                }
            }
            // Directed presence goes on, and is remembered.
            OfflineNotices::Never => self.leave_out_unpublished(&mut holders),
            _ => {}
        }
        if self.options.offline_notices != OfflineNotices::Never {
            self.forget_told(user, &all_who_see);
        }
        self.say_farewell(out, Notice::UserOffline { user }, &holders);
    }
}
