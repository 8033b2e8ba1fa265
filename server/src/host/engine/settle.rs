//! What has to wait until the decisions on an input are carried out: congestion, closing, and
//! what replaces an ended device.

use adsum::{CloseReason, SessionKey};

use super::core::Core;
use super::dispatch::Deferred;

/// Close codes of this server's own (RFC 6455 leaves 4000 to 4999 to applications).
const EVICTED: u16 = 4_001;
const EXPELLED: u16 = 4_002;
const LAPSED: u16 = 4_003;

impl Core {
    /// Does what had to wait for the end of the drain.
    pub(super) fn settle(&mut self) {
        while let Some(deferred) = self.dispatch.deferred.pop_front() {
            match deferred {
                Deferred::Congested(session) => {
                    let result = self.engine.congested(self.clock.now(), session);
                    self.metrics.congested();
                    self.dispatch.carry_out_if_taken(result);
                    if self.engine.is_congested(session) {
                        self.congested.insert(session);
                    }
                }
                Deferred::Close { session, reason, resumable } => {
                    self.close(session, reason, resumable);
                }
                Deferred::Replace { id, user, ended, to } => self.replace(id, user, ended, &to),
                Deferred::Deliver(presence, to) => self.dispatch.send(&presence, &to),
            }
        }
        debug_assert_eq!(self.congested.len(), self.engine.counts().congested);
        self.dispatch.remember(!self.congested.is_empty());
    }

    fn close(&mut self, session: SessionKey, reason: CloseReason, resumable: bool) {
        self.metrics.closed(reason);
        self.congested.remove(&session);
        let entry = self.dispatch.sessions.get_mut(session);
        if let Some(socket) = entry.and_then(|entry| entry.socket.take()) {
            let (code, text) = match reason {
                CloseReason::Evicted => (EVICTED, "another device took this one's place"),
                CloseReason::Expelled => (EXPELLED, "expelled by an administrator"),
                CloseReason::LeaseLapsed => (LAPSED, "nothing heard for too long"),
                _ => (1_000, "over"),
            };
            socket.close(code, text);
        }
        if !resumable {
            self.forget(session);
        }
    }

    /// Drops what was kept for a session, or only its connection if it is merely detached.
    pub(super) fn forget(&mut self, session: SessionKey) {
        self.congested.remove(&session);
        let Some(entry) = self.dispatch.sessions.get_mut(session) else { return };
        entry.socket = None;
        if self.engine.user_of(session).is_some() {
            return;
        }
        let node = entry.node.clone();
        self.dispatch.forget(session);
        if self.online.remove(&node) {
            self.finish_replacements_of(&node);
            self.offline_users.push(node);
        }
    }
}
