//! Sessions come, are lost, return and end; time passes.

use crate::lists::without;
use crate::state::{Account, Session};
use crate::{Decision, Event, Model, Notice, Output, User};
use adsum::{CloseReason, DeviceKind, Error, LostCause, OfflineNotices, OverLimit, SessionKey};
use std::collections::BTreeMap;

/// What a deadline is for. Where one input set two of the same moment, what the session said goes
/// out before its lease lapses: the last word is never lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Token,
    Lease,
    Grace,
}

impl Model {
    /// The verb for this event. A connect needs the key that the engine gave out for it.
    pub fn apply(&mut self, now: u64, event: &Event, key: SessionKey) -> Result<Output, Error> {
        match event {
            Event::Connect { user, kind, audience, blocked } => {
                self.connect(now, *user, *kind, audience, blocked, key)
            }
            Event::Disconnect { session } => self.disconnect(now, *session),
            Event::Lost { session, cause } => self.lost(now, *session, *cause),
            Event::Resume { session } => self.resume(now, *session),
            Event::Heartbeat { session } => self.heartbeat(now, *session),
            Event::Publish { session, presence } => self.publish(now, *session, *presence),
            Event::Direct { session, users, presence } => {
                self.direct(now, *session, users, *presence)
            }
            Event::AudienceAdd { user, contacts } => self.audience_add(now, *user, contacts),
            Event::AudienceRemove { user, contacts } => self.audience_remove(now, *user, contacts),
            Event::AudienceReplace { user, contacts } => {
                self.audience_replace(now, *user, contacts)
            }
            Event::Block { user, other } => self.block(now, *user, *other),
            Event::Unblock { user, other } => self.unblock(now, *user, *other),
            Event::Invisible { session } => self.invisible(now, *session),
            Event::Visible { session } => self.visible(now, *session),
            Event::Congested { session } => self.congested(now, *session),
            Event::Writable { session } => self.writable(now, *session),
            Event::System { users, presence } => Ok(self.system(now, users, *presence)),
            Event::Expel { user } => Ok(self.expel(now, *user)),
            Event::Advance => Ok(self.advance(now)),
            other => unreachable!("the model does not know {other:?}"),
        }
    }

    pub fn connect(
        &mut self,
        now: u64,
        user: User,
        kind: DeviceKind,
        audience: &[User],
        blocked: &[User],
        key: SessionKey,
    ) -> Result<Output, Error> {
        let now = self.clamp(now);
        let victim = self.victim(now, user, kind.0)?;
        self.must_fit_audience(audience.len())?;
        self.must_fit_blocked(blocked.len())?;
        self.accept(now);
        let mut out = self.set_lists(user, audience, blocked);
        self.sessions.insert(
            key,
            Session {
                user,
                kind: kind.0,
                connected_at: now,
                order: self.moments,
                attached: true,
                presence: None,
                version: 0,
                waiting: None,
                told: BTreeMap::new(),
                missed: None,
                tat: 0,
                lease: self.lease_from(now),
                grace: None,
                token: None,
            },
        );
        if let Some(victim) = victim {
            let reason = CloseReason::Evicted;
            out.decisions.push(Decision::Close { session: victim, reason, resumable: false });
            self.end(&mut out, victim, Some(key));
        }
        if self.options.snapshot_on_connect {
            self.snapshot(&mut out, key);
        }
        Ok(out)
    }

    /// Who must go so that a newcomer finds room.
    fn victim(&self, now: u64, user: User, kind: u8) -> Result<Option<SessionKey>, Error> {
        let all = self.sessions_of(user);
        let mut same_kind = all.clone();
        same_kind.retain(|key| self.sessions[key].kind == kind);
        let candidates = if same_kind.len() >= self.options.max_sessions_per_kind.into() {
            same_kind
        } else if all.len() >= self.options.max_sessions.into() {
            all
        } else {
            return Ok(None);
        };
        if let Some(detached) = candidates.iter().find(|key| !self.sessions[key].attached) {
            return Ok(Some(*detached));
        }
        let oldest = candidates[0];
        match self.options.over_limit {
            OverLimit::EvictOldest { min_age_ms }
                if now - self.sessions[&oldest].connected_at >= min_age_ms =>
            {
                Ok(Some(oldest))
            }
            _ => Err(Error::SessionLimit),
        }
    }

    /// The lists that a connect brings are the user's from now on.
    fn set_lists(&mut self, user: User, audience: &[User], blocked: &[User]) -> Output {
        let (audience, blocked) = (without(audience, user), without(blocked, user));
        if !self.is_online(user) {
            self.accounts.insert(user, Account { audience, blocked, invisible: false });
            return Output::default();
        }
        let mut out = self.set_audience(user, audience);
        let before = self.accounts[&user].blocked.clone();
        let start = out.decisions.len();
        for other in before.difference(&blocked) {
            self.set_unblocked(&mut out, user, *other);
        }
        out.unordered_since(start);
        let start = out.decisions.len();
        for other in blocked.difference(&before) {
            self.set_blocked(&mut out, user, *other);
        }
        out.unordered_since(start);
        out
    }

    fn lease_from(&self, now: u64) -> Option<(u64, u64)> {
        let lease = self.options.lease.as_ref()?;
        Some((now.saturating_add(lease.lease_ms), self.moments))
    }

    fn snapshot(&mut self, out: &mut Output, key: SessionKey) {
        let user = self.sessions[&key].user;
        let mut entries = self.truth(key);
        // It is found through the user's own list, so those with one-way lists are not in it.
        entries.retain(|_, (of, _)| *of == user || self.has_in_audience(user, *of));
        out.decisions.push(Decision::Snapshot { to: key, entries });
        // It replaces everything, so of directed presence nothing is held any more. The senders
        // still remember whom they told.
        for session in self.sessions.values_mut() {
            if let Some(held) = session.told.get_mut(&key) {
                *held = None;
            }
        }
    }

    pub fn disconnect(&mut self, now: u64, key: SessionKey) -> Result<Output, Error> {
        self.must_be_known(key)?;
        self.accept(self.clamp(now));
        let mut out = Output::default();
        self.end(&mut out, key, None);
        Ok(out)
    }

    pub fn lost(&mut self, now: u64, key: SessionKey, cause: LostCause) -> Result<Output, Error> {
        self.must_be_known(key)?;
        let now = self.clamp(now);
        self.accept(now);
        let mut out = Output::default();
        if self.sessions[&key].attached {
            self.lose(&mut out, now, key, cause);
        }
        Ok(out)
    }

    fn grace_ms(&self, cause: LostCause) -> u64 {
        match cause {
            LostCause::ConnectionError => self.options.grace.connection_error_ms,
            LostCause::Timeout => self.options.grace.timeout_ms,
            LostCause::NodeLoss => self.options.grace.node_loss_ms,
        }
    }

    fn lose(&mut self, out: &mut Output, at: u64, key: SessionKey, cause: LostCause) {
        let grace_ms = self.grace_ms(cause);
        if grace_ms == 0 {
            self.end(out, key, None);
            return;
        }
        let order = self.moments;
        let session = self.session_mut(key);
        session.attached = false;
        session.missed = None;
        session.lease = None;
        session.grace = Some((at.saturating_add(grace_ms), order));
    }

    pub fn resume(&mut self, now: u64, key: SessionKey) -> Result<Output, Error> {
        self.must_be_known(key)?;
        let now = self.clamp(now);
        if self.sessions[&key].grace.is_some_and(|(at, _)| now > at) {
            return Err(Error::UnknownSession);
        }
        self.accept_from(now, key);
        let session = self.session_mut(key);
        session.attached = true;
        session.missed = None;
        session.grace = None;
        let mut out = Output::default();
        self.snapshot(&mut out, key);
        Ok(out)
    }

    pub fn heartbeat(&mut self, now: u64, key: SessionKey) -> Result<Output, Error> {
        self.must_be_attached(key)?;
        self.accept_from(self.clamp(now), key);
        Ok(Output::default())
    }

    pub fn expel(&mut self, now: u64, user: User) -> Output {
        self.accept(self.clamp(now));
        let mut out = Output::default();
        let sessions = self.sessions_of(user);
        for session in &sessions {
            let (session, reason) = (*session, CloseReason::Expelled);
            out.decisions.push(Decision::Close { session, reason, resumable: false });
        }
        if !sessions.is_empty() {
            self.end_all(&mut out, user, &sessions, true, None);
        }
        out
    }

    /// One session ends. `newcomer`, for whom it made way, is not told.
    fn end(&mut self, out: &mut Output, key: SessionKey, newcomer: Option<SessionKey>) {
        let user = self.sessions[&key].user;
        let is_last = self.sessions_of(user) == [key];
        self.end_all(out, user, &[key], is_last, newcomer);
    }

    fn end_all(
        &mut self,
        out: &mut Output,
        user: User,
        sessions: &[SessionKey],
        are_last: bool,
        newcomer: Option<SessionKey>,
    ) {
        let mut told = self.holders(user, sessions);
        if are_last && self.options.offline_notices == OfflineNotices::ToAllContacts {
            for receiver in self.watchers(user) {
                told.entry(receiver).or_default();
            }
        }
        if let Some(newcomer) = newcomer {
            told.remove(&newcomer);
        }
        for key in sessions {
            self.sessions.remove(key);
            self.ended.push(*key);
            for session in self.sessions.values_mut() {
                session.told.remove(key);
            }
        }
        if are_last {
            self.accounts.remove(&user);
        }
        if self.options.offline_notices != OfflineNotices::Never {
            let notice = if are_last {
                Notice::UserOffline { user }
            } else {
                Notice::SessionEnded { user, session: sessions[0] }
            };
            self.tell_ending(out, notice, &told);
        }
    }

    pub fn advance(&mut self, now: u64) -> Output {
        let now = self.clamp(now);
        self.accept(now);
        let mut out = Output::default();
        while let Some((at, key, due)) = self.next_due(now) {
            self.moments += 1;
            match due {
                Due::Token => self.publish_waiting(&mut out, key, at),
                Due::Lease => {
                    let reason = CloseReason::LeaseLapsed;
                    let resumable = self.grace_ms(LostCause::Timeout) > 0;
                    out.decisions.push(Decision::Close { session: key, reason, resumable });
                    self.lose(&mut out, at, key, LostCause::Timeout);
                }
                Due::Grace => {
                    let reason = CloseReason::GraceOver;
                    out.decisions.push(Decision::Close { session: key, reason, resumable: false });
                    self.end(&mut out, key, None);
                }
            }
        }
        out
    }

    fn next_due(&self, now: u64) -> Option<(u64, SessionKey, Due)> {
        let mut due = Vec::new();
        for (key, session) in &self.sessions {
            let timers = [
                (session.token, Due::Token),
                (session.lease, Due::Lease),
                (session.grace, Due::Grace),
            ];
            for (timer, what) in timers {
                if let Some((at, order)) = timer.filter(|(at, _)| *at <= now) {
                    due.push((at, order, what, *key));
                }
            }
        }
        due.into_iter().min().map(|(at, _, what, key)| (at, key, what))
    }
}
