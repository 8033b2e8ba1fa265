//! Sessions that are told of users whose contacts they need not be (rules 21 to 24).

use super::without;
use crate::state::Session;
use crate::{Decision, Model, Output, User};
use adsum::{Error, SessionId, SessionKey};
use std::collections::BTreeSet;

impl Model {
    pub(super) fn watch(
        &mut self,
        now: u64,
        key: SessionKey,
        users: &[User],
    ) -> Result<Output, Error> {
        let id = self.find_attached(key)?;
        let Session { user, watched, struck, .. } = &self.sessions[&id];
        let named = without(users, *user);
        let all: BTreeSet<User> = watched.union(&named).copied().collect();
        let still_struck: BTreeSet<User> = struck.difference(&named).copied().collect();
        self.must_fit_watched(users.len().max(all.len() + still_struck.len()))?;
        self.accept_from(self.clamp(now), id);

        let mut seen = named.clone();
        seen.retain(|user| self.session_sees(id, *user));
        let session = self.session_mut(id);
        (session.watched, session.struck) = (all, still_struck);
        let mut out = Output::default();
        if self.sessions[&id].missed.is_some() {
            self.miss_snapshot(id, &named, &seen);
        } else {
            let mut entries = self.truth(id);
            entries.retain(|_, (user, _)| named.contains(user));
            let visible = !self.is_invisible(self.sessions[&id].user);
            let mut users = self.states_for(id);
            users.retain(|user, _| named.contains(user));
            let named = Some(named);
            out.decisions.push(Decision::Snapshot { to: key, visible, named, entries, users });
        }
        Ok(out)
    }

    /// Notes for a congested session what these users show. It may hold something of those whom it
    /// has seen before.
    fn miss_snapshot(&mut self, id: SessionId, named: &BTreeSet<User>, seen: &BTreeSet<User>) {
        for (session, (user, _)) in self.truth(id) {
            if named.contains(&user) {
                let by_watch = self.only_watches(id, user);
                self.is_told_or_notes(id, |missed| {
                    missed.note_shown((user, session), seen.contains(&user), by_watch);
                });
            }
        }
        for user in self.states_for(id).into_keys().filter(|user| named.contains(user)) {
            let (held, by_watch) = (seen.contains(&user), self.only_watches(id, user));
            self.is_told_or_notes(id, |missed| missed.note_state(user, held, by_watch));
        }
    }

    pub(super) fn unwatch(
        &mut self,
        now: u64,
        key: SessionKey,
        users: &[User],
    ) -> Result<Output, Error> {
        let id = self.find_attached(key)?;
        self.must_fit_watched(users.len())?;
        self.accept_from(self.clamp(now), id);
        let mut ended: BTreeSet<User> = users.iter().copied().collect();
        ended.retain(|user| {
            let Session { watched, struck, .. } = self.session_mut(id);
            watched.remove(user) || struck.remove(user)
        });
        // Whoever has this one in its audience is seen as before.
        ended.retain(|user| self.only_watches(id, *user));
        if let Some(missed) = &mut self.session_mut(id).missed {
            missed.forget_by_watch(&ended);
        }
        Ok(Output::default())
    }
}
