//! How sessions end, who is told so, and what is held of them (rules 6, 7 and 15).

use crate::telling::Holders;
use crate::{Decision, Model, Notice, Output, User};
use adsum::{CloseReason, EndReason, OfflineNotices, SessionId};
use std::collections::BTreeSet;

impl Model {
    /// Ends one session. `newcomer`, for whom it makes way, is not told.
    pub(super) fn end(
        &mut self,
        out: &mut Output,
        id: SessionId,
        reason: EndReason,
        at: u64,
        newcomer: Option<SessionId>,
    ) {
        let user = self.sessions[&id].user;
        if self.sessions_of(user) == [id] {
            self.end_all(out, user, reason, at);
            return;
        }
        let until = self.held_until(id, at);
        if until.is_none() {
            self.fall_silent(out, id);
        }
        let mut told = self.holders(user, &[id]);
        told.retain(|receiver, _| {
            let is_own = self.sessions[receiver].user == user;
            Some(*receiver) != newcomer && (is_own || until.is_none())
        });
        let ended = self.ended(id, reason, at, false);
        let mut topics = Output::default();
        self.leave_topics(&mut topics, &[id], reason.into());
        self.make_stale(id, false);
        let mut session = self.sessions.remove(&id).expect("the session is there");
        if let Some(until) = until {
            if self.options.offline_notices != OfflineNotices::Never {
                self.keys_of(user).into_iter().for_each(|own| session.forget_told(own));
            }
            (session.lease, session.grace, session.token) = (None, None, None);
            (session.waiting, session.waiting_end, session.missed) = (None, None, None);
            // It hears of nobody any more.
            (session.watched, session.struck) = (BTreeSet::new(), BTreeSet::new());
            session.held_until = Some((until, self.moments));
            self.held.insert(id, session);
        }
        self.tell_end(out, user, id, told);
        out.decisions.extend(topics.decisions);
        self.let_go_of_held(out, user);
        self.tell_new_state(out, user);
        out.decisions.push(ended);
    }

    pub(super) fn expel(&mut self, now: u64, user: User) -> Output {
        let now = self.clamp(now);
        self.accept(now);
        let mut out = Output::default();
        let sessions = self.sessions_of(user);
        for id in &sessions {
            self.close(&mut out, *id, CloseReason::Expelled);
        }
        if !sessions.is_empty() {
            self.end_all(&mut out, user, EndReason::Expelled, now);
        }
        out
    }

    /// Ends all sessions of a user, in the order in which they connected, and what is held.
    fn end_all(&mut self, out: &mut Output, user: User, reason: EndReason, at: u64) {
        let mut told = self.holders(user, &self.showing_of(user));
        self.add_holders_of_state(&mut told, user);
        if self.options.offline_notices == OfflineNotices::ToAllContacts {
            for receiver in self.onlookers(user) {
                self.add_holder(&mut told, receiver, user);
            }
        }
        let sessions = self.sessions_of(user);
        let ended: Vec<Decision> = sessions
            .iter()
            .map(|id| self.ended(*id, reason, at, Some(id) == sessions.last()))
            .collect();
        let mut topics = Output::default();
        self.leave_topics(&mut topics, &sessions, reason.into());
        for id in &sessions {
            self.make_stale(*id, false);
            self.sessions.remove(id);
        }
        self.held.retain(|_, session| session.user != user);
        self.accounts.remove(&user);
        self.say_farewell(out, Notice::UserOffline { user }, &told);
        out.decisions.extend(topics.decisions);
        out.decisions.extend(ended);
    }

    fn ended(&self, id: SessionId, reason: EndReason, at: u64, last: bool) -> Decision {
        let session = &self.sessions[&id];
        Decision::Ended {
            user: session.user,
            session: session.key,
            id,
            reason,
            since: session.lost.map_or(at, |(lost_at, _)| lost_at),
            last,
            visible: !self.is_invisible(session.user),
        }
    }

    // ---- nobody blinks

    /// Returns until when what a session shows is held after its end: there is a session that
    /// connected later, is attached and has published nothing yet.
    fn held_until(&self, id: SessionId, at: u64) -> Option<u64> {
        let session = &self.sessions[&id];
        let directed = session.calls.iter().any(|call| call.names > 0);
        let shows = session.presence.is_some() || directed;
        let newcomers = self.sessions.values().filter(|other| {
            other.user == session.user
                && other.order > session.order
                && other.is_attached()
                && other.presence.is_none()
        });
        let last_came = newcomers.map(|newcomer| newcomer.connected).max()?;
        let until = last_came.saturating_add(self.options.settle_ms);
        (shows && self.options.settle_ms > 0 && at < until).then_some(until)
    }

    /// Ends what is held of a user's sessions where no later one is left, and where it is too
    /// much.
    fn let_go_of_held(&mut self, out: &mut Output, user: User) {
        let most = usize::from(self.options.max_sessions);
        let held = self.held_of(user);
        for oldest in &held[..held.len().saturating_sub(most)] {
            self.end_held(out, *oldest);
        }
        for id in self.held_of(user) {
            let order = self.held[&id].order;
            let mut others = self.sessions.values();
            if !others.any(|other| other.user == user && other.order > order) {
                self.end_held(out, id);
            }
        }
    }

    /// Tells that what was held of a session is over.
    pub(super) fn end_held(&mut self, out: &mut Output, id: SessionId) {
        let user = self.held[&id].user;
        self.fall_silent(out, id);
        let told = self.holders(user, &[id]);
        self.held.remove(&id);
        self.tell_end(out, user, id, told);
    }

    /// Tells these receivers of the end of a session. Others than the user's own know of no single
    /// sessions where they are told one state of each user: for them, what it directed is over.
    fn tell_end(&mut self, out: &mut Output, user: User, session: SessionId, told: Holders) {
        let is_own = |receiver: &SessionId| self.sessions[receiver].user == user;
        let ended = Notice::SessionEnded { user, session };
        if self.choice.is_none() {
            return self.say_farewell(out, ended, &told);
        }
        let (own, others): (Holders, Holders) =
            told.into_iter().partition(|(receiver, _)| is_own(receiver));
        self.say_farewell(out, ended, &own);
        self.say_farewell(out, Notice::DirectedOver { user, session }, &others);
    }

    /// Ends what is held of the sessions that connected before this one, which has shown something.
    pub(super) fn take_over(&mut self, out: &mut Output, newcomer: SessionId) {
        let (user, order) = (self.sessions[&newcomer].user, self.sessions[&newcomer].order);
        for id in self.held_of(user) {
            if self.held[&id].order < order {
                self.end_held(out, id);
            }
        }
    }
}
