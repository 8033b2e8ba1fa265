//! Congested sessions, and what they are told once they take notices again (rule 14).

use crate::missed::{Change, Missed};
use crate::{Decision, Model, Notice, Output, User};
use adsum::{Error, OfflineNotices, SessionId, SessionKey};
use std::collections::BTreeSet;

impl Model {
    pub(super) fn congested(&mut self, now: u64, key: SessionKey) -> Result<Output, Error> {
        let id = self.find_attached(key)?;
        self.accept(self.clamp(now));
        self.session_mut(id).missed.get_or_insert_default();
        for name in self.topics_of(id) {
            // It misses the snapshot that the next tick was to send it; what it knows is true until
            // then if it has been sent one.
            let place = self.place_mut(name, id);
            let was_new = std::mem::take(&mut place.is_new);
            place.is_dirty |= was_new && !place.is_told;
            place.is_late |= was_new && place.is_told;
        }
        Ok(Output::default())
    }

    pub(super) fn writable(&mut self, now: u64, key: SessionKey) -> Result<Output, Error> {
        let id = self.find_attached(key)?;
        self.accept(self.clamp(now));
        let mut out = Output::default();
        let Some(missed) = self.session_mut(id).missed.take() else {
            return Ok(out);
        };
        if missed.everything {
            self.snapshot(&mut out, id);
            self.tell_own_topics(&mut out, id, |_| true);
            return Ok(out);
        }
        for user in missed.users() {
            self.catch_up_on(&mut out, id, user, &missed);
        }
        out.unordered_since(0);
        if missed.visibility {
            let user = self.sessions[&id].user;
            let visible = !self.is_invisible(user);
            self.deliver(&mut out, Notice::Visibility { user, visible }, &BTreeSet::from([id]));
        }
        for name in self.topics_of(id) {
            // What it missed it may have known.
            let is_told = self.heard.iter().any(|told| match told {
                Decision::Topic { topic, to, .. } => *topic == name && to.contains(&key),
                _ => false,
            });
            let place = self.place_mut(name, id);
            place.is_dirty |= std::mem::take(&mut place.may_be_dirty) && is_told;
            place.is_new |= std::mem::take(&mut place.is_late) && !place.is_dirty;
        }
        self.tell_own_topics(&mut out, id, |place| place.is_dirty);
        Ok(out)
    }

    /// Tells of one user what there is, and then what is over.
    fn catch_up_on(&mut self, out: &mut Output, id: SessionId, user: User, missed: &Missed) {
        if self.choice.is_some() && self.sessions[&id].user != user {
            return self.catch_up_on_state(out, id, user, missed);
        }
        let to = BTreeSet::from([id]);
        let truth = self.truth(id);
        let changed = missed.sessions.iter().filter(|((of, _), _)| *of == user);
        let changed: Vec<(SessionId, Change)> =
            changed.map(|((_, session), change)| (*session, *change)).collect();
        for (session, change) in &changed {
            if change.shown && truth.contains_key(session) {
                self.tell_presence(out, *session, change.is_unheard(), to.clone());
            }
        }
        let is_gone =
            |session: &SessionId, change: &Change| change.over && !truth.contains_key(session);
        let notices = self.options.offline_notices;
        let (offline, unaware) = match missed.offline.get(&user) {
            Some(offline) => (true, offline.unaware),
            None => (false, false),
        };
        let nothing_shown = truth.values().all(|(of, _)| *of != user);
        let looks_offline = offline && nothing_shown && !self.session_sees(id, user);
        let knew = unaware || changed.iter().any(|(session, change)| is_gone(session, change));
        // Whoever knew nothing of a user is not told that it is offline, but by tim.
        if looks_offline && (knew || notices == OfflineNotices::ToAllContacts) {
            return self.deliver(out, Notice::UserOffline { user }, &to);
        }
        self.stays_unaware(user, id, unaware);
        for (session, change) in changed {
            let is_gone = is_gone(&session, &change);
            // Where endings are not told, only a block or a removal is.
            if is_gone && (offline || notices != OfflineNotices::Never) {
                self.deliver(out, Notice::SessionEnded { user, session }, &to);
            }
            if !is_gone && change.withdrawn && !truth.contains_key(&session) {
                self.deliver(out, Notice::Withdrawn { user, session }, &to);
            }
            // What was directed is over too where its sender looked offline meanwhile.
            if !is_gone && change.is_of_directed() {
                self.deliver(out, Notice::DirectedOver { user, session }, &to);
            }
        }
    }

    /// Remembers that a session goes on believing what is over, where it sees the user again before
    /// it was told.
    fn stays_unaware(&mut self, user: User, id: SessionId, is_unaware: bool) {
        let key = self.sessions[&id].key;
        if is_unaware && let Some(account) = self.accounts.get_mut(&user) {
            account.unaware.insert(key);
        }
    }

    /// The same where one state of each user is told.
    fn catch_up_on_state(&mut self, out: &mut Output, id: SessionId, user: User, missed: &Missed) {
        let to = BTreeSet::from([id]);
        let state = self.state_of(user).filter(|_| self.session_sees(id, user));
        let noted = missed.states.get(&user);
        if let Some(noted) = noted.filter(|noted| noted.shown && state.is_some()) {
            self.tell_state(out, user, !noted.held, to.clone());
        }
        let over = missed
            .sessions
            .iter()
            .filter(|((of, _), change)| *of == user && (change.over || change.directed_over));
        let over: Vec<(SessionId, bool)> =
            over.map(|((_, session), change)| (*session, change.over)).collect();
        let notices = self.options.offline_notices;
        let offline = missed.offline.get(&user);
        let knew_state = noted.is_some_and(|noted| noted.held);
        let looks_offline = offline.is_some() && state.is_none();
        let knew = knew_state
            || offline.is_some_and(|offline| offline.unaware)
            || over.iter().any(|(_, ended)| *ended);
        if looks_offline && (knew || notices == OfflineNotices::ToAllContacts) {
            return self.deliver(out, Notice::UserOffline { user }, &to);
        }
        self.stays_unaware(user, id, offline.is_some_and(|offline| offline.unaware));
        for (session, ended) in over {
            // Where endings are not told, only a block or a removal is.
            if !ended || offline.is_some() || notices != OfflineNotices::Never {
                self.deliver(out, Notice::DirectedOver { user, session }, &to);
            }
        }
    }
}
