//! Sessions come, are lost and are resumed (rules 1, 4, 5 and 11).

use super::without;
use crate::state::{Account, Session};
use crate::{Attachment, Decision, Model, Output, User};
use adsum::{CloseReason, DeviceKind, EndReason, Error, Grace, LostCause, SessionId, SessionKey};
use std::collections::BTreeSet;

impl Model {
    pub(super) fn connect(
        &mut self,
        now: u64,
        (user, kind): (User, DeviceKind),
        audience: &[User],
        blocked: &[User],
        begun: Attachment,
    ) -> Result<Output, Error> {
        let now = self.clamp(now);
        let victim = self.victim(now, user, kind)?;
        self.must_fit_audience(audience.len())?;
        self.must_fit_blocked(blocked.len())?;
        self.accept(now);
        let is_first = !self.is_online(user);
        let mut out = self.set_lists(user, audience, blocked);
        let id = begun.session;
        self.sessions.insert(id, self.newcomer(user, kind, begun.key));
        if is_first {
            let online = Decision::Online { user, session: begun.key, visible: true };
            out.decisions.push(online);
        }
        if let Some(victim) = victim {
            self.close(&mut out, victim, CloseReason::Evicted);
            self.end(&mut out, victim, EndReason::Evicted, now, Some(id));
        }
        self.tell_new_states(&mut out);
        if self.options.snapshot_on_connect {
            self.snapshot(&mut out, id);
        }
        Ok(out)
    }

    fn newcomer(&self, user: User, kind: DeviceKind, key: SessionKey) -> Session {
        Session {
            key,
            user,
            kind: kind.0,
            connected: self.now,
            order: self.moments,
            heard: self.now,
            lost: None,
            presence: None,
            version: 0,
            published: 0,
            active: self.now,
            signed: self.moments,
            is_idle: false,
            expiry: None,
            waiting: None,
            waiting_end: None,
            calls: Vec::new(),
            watched: BTreeSet::new(),
            struck: BTreeSet::new(),
            missed: None,
            tat: 0,
            direct_tat: 0,
            lease: self.lease_from_now(),
            grace: None,
            token: None,
            held_until: None,
        }
    }

    /// Makes the lists that a connect brings the user's own.
    fn set_lists(&mut self, user: User, audience: &[User], blocked: &[User]) -> Output {
        let (audience, blocked) = (without(audience, user), without(blocked, user));
        if !self.is_online(user) {
            self.accounts.insert(user, Account { audience, blocked, ..Account::default() });
            return Output::default();
        }
        let mut out = self.set_audience(user, audience, BTreeSet::new());
        self.set_all_blocked(&mut out, user, &blocked);
        out
    }

    fn lease_from_now(&self) -> Option<(u64, u64)> {
        let lease = self.options.lease.as_ref()?;
        Some((self.now.saturating_add(lease.lease_ms), self.moments))
    }

    pub(super) fn snapshot(&self, out: &mut Output, id: SessionId) {
        let receiver = &self.sessions[&id];
        let mut entries = self.truth(id);
        // It is found through the user's own list and the session's, so those with one-way lists
        // whom it does not watch are not in it.
        let Session { key: to, user, watched, .. } = receiver;
        entries.retain(|_, (of, _)| {
            of == user || self.has_in_audience(*user, *of) || watched.contains(of)
        });
        let mut users = self.states_for(id);
        users.retain(|of, _| self.has_in_audience(*user, *of) || watched.contains(of));
        let visible = !self.is_invisible(*user);
        out.decisions.push(Decision::Snapshot { to: *to, visible, named: None, entries, users });
    }

    /// Has the connection of a session closed for good, if it has one.
    pub(super) fn close(&self, out: &mut Output, id: SessionId, reason: CloseReason) {
        let session = &self.sessions[&id];
        if session.is_attached() {
            let session = session.key;
            out.decisions.push(Decision::Close { session, reason, resumable: false });
        }
    }

    pub(super) fn disconnect(&mut self, now: u64, key: SessionKey) -> Result<Output, Error> {
        let id = self.find(key)?;
        let now = self.clamp(now);
        self.accept(now);
        let mut out = Output::default();
        self.end(&mut out, id, EndReason::Disconnected, now, None);
        Ok(out)
    }

    pub(super) fn lost(
        &mut self,
        now: u64,
        key: SessionKey,
        cause: LostCause,
        grace_ms: Option<u64>,
    ) -> Result<Output, Error> {
        let id = self.find(key)?;
        let limit_ms = Grace::LIMIT_MS;
        if grace_ms.is_some_and(|grace_ms| grace_ms > limit_ms) {
            return Err(Error::GraceLimit { limit_ms });
        }
        let now = self.clamp(now);
        self.accept(now);
        let mut out = Output::default();
        if self.sessions[&id].is_attached() {
            let grace_ms = grace_ms.unwrap_or_else(|| self.grace_ms(cause));
            self.lose(&mut out, id, now, cause, grace_ms);
        }
        Ok(out)
    }

    pub(super) fn grace_ms(&self, cause: LostCause) -> u64 {
        let grace = &self.options.grace;
        match cause {
            LostCause::ConnectionError => grace.connection_error_ms,
            LostCause::Timeout => grace.timeout_ms,
            LostCause::NodeLoss => grace.node_loss_ms,
            LostCause::GoingAway => grace.going_away_ms,
            other => unreachable!("the model does not know {other:?}"),
        }
    }

    pub(super) fn lose(
        &mut self,
        out: &mut Output,
        id: SessionId,
        at: u64,
        cause: LostCause,
        grace_ms: u64,
    ) {
        if grace_ms == 0 {
            self.end(out, id, EndReason::Lost(cause), at, None);
            return;
        }
        let order = self.moments;
        let session = self.session_mut(id);
        session.lost = Some((at, cause));
        session.missed = None;
        session.lease = None;
        session.grace = Some((at.saturating_add(grace_ms), order));
    }

    pub(super) fn resume(
        &mut self,
        now: u64,
        key: SessionKey,
        begun: Attachment,
    ) -> Result<Output, Error> {
        let id = self.find(key)?;
        let now = self.clamp(now);
        if self.sessions[&id].grace.is_some_and(|(at, _)| now > at) {
            return Err(Error::UnknownSession);
        }
        self.accept_from(now, id);
        let mut out = Output::default();
        self.close(&mut out, id, CloseReason::Replaced);
        self.make_stale(id, true);
        let session = self.session_mut(id);
        let user = session.user;
        session.key = begun.key;
        session.lost = None;
        session.missed = None;
        session.grace = None;
        self.tell_new_state(&mut out, user);
        self.snapshot(&mut out, id);
        self.tell_own_topics(&mut out, id, |_| true);
        Ok(out)
    }

    pub(super) fn heartbeat(&mut self, now: u64, key: SessionKey) -> Result<Output, Error> {
        let id = self.find_attached(key)?;
        self.accept_from(self.clamp(now), id);
        Ok(Output::default())
    }
}
