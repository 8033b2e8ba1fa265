//! How sessions end, and who is told so (rules 6, 7 and 15).

use crate::{Decision, Model, Notice, Output, User};
use adsum::{CloseReason, EndReason, OfflineNotices, SessionId};

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
        self.end_all(out, &[id], reason, at, newcomer);
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
            self.end_all(&mut out, &sessions, EndReason::Expelled, now, None);
        }
        out
    }

    /// Ends sessions of one user, in the order in which they connected.
    fn end_all(
        &mut self,
        out: &mut Output,
        sessions: &[SessionId],
        reason: EndReason,
        at: u64,
        newcomer: Option<SessionId>,
    ) {
        let user = self.sessions[&sessions[0]].user;
        let are_last = self.sessions_of(user) == sessions;
        let mut told = self.holders(user, sessions);
        if are_last && self.options.offline_notices == OfflineNotices::ToAllContacts {
            for receiver in self.watchers(user) {
                told.entry(receiver).or_default();
            }
        }
        if let Some(newcomer) = newcomer {
            told.remove(&newcomer);
        }
        let visible = !self.is_invisible(user);
        let mut ended = Vec::new();
        for id in sessions {
            self.make_stale(*id, false);
            let session = self.sessions.remove(id).expect("the session is there");
            ended.push(Decision::Ended {
                user,
                session: session.key,
                id: *id,
                reason,
                since: session.lost.map_or(at, |(lost_at, _)| lost_at),
                last: are_last && Some(id) == sessions.last(),
                visible,
            });
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
        out.decisions.extend(ended);
    }
}
