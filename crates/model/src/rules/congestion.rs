//! Congested sessions, and what they are told once they take notices again (rule 14).

use crate::{Model, Notice, Output, User};
use adsum::{Error, OfflineNotices, SessionKey};
use std::collections::BTreeSet;

impl Model {
    pub(super) fn congested(&mut self, now: u64, key: SessionKey) -> Result<Output, Error> {
        let id = self.find_attached(key)?;
        self.accept(self.clamp(now));
        self.session_mut(id).missed.get_or_insert_default();
        Ok(Output::default())
    }

    pub(super) fn writable(&mut self, now: u64, key: SessionKey) -> Result<Output, Error> {
        let id = self.find_attached(key)?;
        self.accept(self.clamp(now));
        let mut out = Output::default();
        let Some(missed) = self.session_mut(id).missed.take() else {
            return Ok(out);
        };
        let mut users: BTreeSet<User> = missed.sessions.keys().map(|(user, _)| *user).collect();
        users.extend(&missed.offline);
        let truth = self.truth(id);
        let to = BTreeSet::from([id]);
        for user in users {
            let changed = missed.sessions.iter().filter(|((of, _), _)| *of == user);
            let changed: Vec<_> = changed.map(|((_, session), held)| (*session, *held)).collect();
            for (session, held) in &changed {
                if truth.contains_key(session) {
                    self.tell_presence(&mut out, *session, !held, to.clone());
                }
            }
            let gone: Vec<_> = changed
                .iter()
                .filter(|(session, held)| *held && !truth.contains_key(session))
                .collect();
            let notices = self.options.offline_notices;
            // Whoever knew nothing of a user is not told that it is offline, but by tim.
            if gone.is_empty() && notices != OfflineNotices::ToAllContacts {
                continue;
            }
            let offline = missed.offline.contains(&user);
            let nothing_shown = truth.values().all(|(of, _)| *of != user);
            if offline && nothing_shown && !self.sees(self.sessions[&id].user, user) {
                self.deliver(&mut out, Notice::UserOffline { user }, &to);
            } else if offline || notices != OfflineNotices::Never {
                for (session, _) in gone {
                    let notice = Notice::SessionEnded { user, session: *session };
                    self.deliver(&mut out, notice, &to);
                }
            }
        }
        out.unordered_since(0);
        Ok(out)
    }
}
