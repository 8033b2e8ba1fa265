//! What has to wait until the decisions on an input are carried out: congestion, closing, and
//! what replaces an ended device.

use std::sync::Arc;

use adsum::{CloseReason, Event, Session, SessionId, SessionKey};
use adsum_tim::Tid;

use super::core::Core;
use super::dispatch::Deferred;
use crate::host::command::{Node, Presence};
use crate::host::v1::bye::Bye;

impl Core {
    /// Does what had to wait for the end of the drain.
    pub(super) fn settle(&mut self) {
        while let Some(deferred) = self.dispatch.deferred.pop_front() {
            match deferred {
                Deferred::Close { session, reason } => self.close(session, reason),
                Deferred::Replace { id, user, ended, to } => {
                    let ended = self.ended_device(ended, &user);
                    self.replace(id, user, ended, &to);
                }
                Deferred::Over { id, user, session, to } => {
                    self.show_what_holds(id, &user, session, &to);
                }
                Deferred::Offline { id, user, to } => {
                    let device = self.last_seen_device(&user);
                    self.dispatch.send_offline(id, &device, &to);
                    self.forget_silent(&user, &to);
                }
                Deferred::ShowsNothing { id, user, to } => self.show_nothing(id, &user, &to),
                Deferred::Visibility(session) => {
                    let user = self.engine.user_of(session);
                    let invisible = user.is_some_and(|user| self.engine.is_invisible(user));
                    self.send_visibility(session, invisible);
                }
                Deferred::Deliver(presence, to) => self.dispatch.send(*presence, &to),
                Deferred::Shown(user) => self.newcomer_elsewhere_published(&user),
                Deferred::Online(user, posts) => self.came_online(user, posts),
                Deferred::Visible(user, posts) => self.visibility_changed(user, posts),
                Deferred::Ended { session, user, last } => {
                    self.dispatch.forget(session);
                    if let Some(end) = last {
                        self.went_offline(&user, end);
                        self.finish_replacements_of(&user);
                        self.dispatch.asked.forget(&user);
                        self.offline_users.push(user);
                    }
                }
            }
        }
        // Whoever is congested will be told later what others were told now.
        if self.engine.counts().congested == 0 {
            self.dispatch.ended_devices.forget_all();
        }
    }

    /// Tells the engine whether a session's queue is full, if it believes otherwise. It looks at
    /// the queue as it is now: whoever reported a change may have been overtaken by another.
    pub(super) fn queue_changed(&mut self, session: SessionKey) {
        let now = self.clock.now();
        let full = self.dispatch.sessions.look_at_queue(session);
        if full == self.engine.is_congested(session) {
            return;
        }
        // The engine refuses one whose connection is gone meanwhile: it needs to be told nothing.
        if full {
            self.metrics.congested();
            let result = self.engine.apply(now, Event::Congested { session });
            self.dispatch.carry_out_if_taken(result);
            return;
        }
        let result = self.engine.apply(now, Event::Writable { session });
        self.dispatch.carry_out_if_taken(result);
        let entry = self.dispatch.sessions.get(session);
        if entry.is_some_and(|entry| entry.owed_visibility) {
            self.dispatch.deferred.push_back(Deferred::Visibility(session));
        }
        self.settle_roster(session);
    }

    fn close(&mut self, session: SessionKey, reason: CloseReason) {
        self.metrics.closed(reason);
        let (bye, text) = match reason {
            CloseReason::Evicted => (Bye::Evicted, "another device took this one's place"),
            CloseReason::Expelled => (Bye::Expelled, "expelled by an administrator"),
            CloseReason::LeaseLapsed => (Bye::Lapsed, "nothing heard for too long"),
            _ => (Bye::Replaced, "over"),
        };
        self.dispatch.close(session, bye, text);
    }

    /// Returns the device of a session that has ended, or that contacts may see no more.
    pub(super) fn ended_device(&self, id: SessionId, user: &Node) -> Arc<Tid> {
        let ended = self.dispatch.ended_devices.of_session(id).cloned();
        let device = || self.device_of(&self.engine.session_by_id(id)?);
        ended.or_else(device).unwrap_or_else(|| Tid::of(user.as_ref()).into())
    }

    /// Returns the device by which a user was last seen: the newest that shows something, or else
    /// the last one that ended.
    pub(super) fn last_seen_device(&self, user: &Node) -> Arc<Tid> {
        let newest = self.engine.user_sessions(user).filter(|one| one.presence.is_some()).last();
        let device = newest.and_then(|session| self.device_of(&session));
        let device = device.or_else(|| self.dispatch.ended_devices.of_user(user).cloned());
        device.unwrap_or_else(|| Tid::of(user.as_ref()).into())
    }

    fn device(&self, session: SessionKey) -> Option<Arc<Tid>> {
        Some(self.dispatch.sessions.get(session)?.tid.clone())
    }

    /// Returns the device of a session, which another server may have: what it shows says which.
    pub(super) fn device_of(&self, session: &Session<'_, Node, Presence>) -> Option<Arc<Tid>> {
        let shown = || Some(Arc::new(session.presence?.from_tid.clone()?));
        self.device(session.key).or_else(shown)
    }
}
