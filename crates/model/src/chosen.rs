//! Which session speaks for a user at the moment, and whether the user is idle (rules U3 and U4).

use crate::choice::{Candidate, State};
use crate::{Model, User};
use adsum::SessionId;

impl Model {
    /// Returns those of a user's sessions that show something, in the order in which they
    /// connected.
    pub fn candidates(&self, user: User) -> Vec<SessionId> {
        let mut showing: Vec<_> = self
            .showing()
            .filter(|(_, session)| session.user == user && session.presence.is_some())
            .collect();
        showing.sort_by_key(|(_, session)| session.order);
        showing.into_iter().map(|(id, _)| id).collect()
    }

    /// Returns the session that speaks for a user, if contacts are told one state and there is
    /// one.
    pub fn chosen(&self, user: User) -> Option<SessionId> {
        let choice = self.choice?;
        let candidates = self.candidates(user);
        let shown: Vec<Candidate> = candidates.iter().map(|id| self.candidate(*id)).collect();
        let place = if shown.len() > 1 { choice.choose(&shown) } else { 0 };
        candidates.get(place).or_else(|| candidates.first()).copied()
    }

    fn candidate(&self, id: SessionId) -> Candidate {
        let session = self.shown(id).expect("it shows something");
        Candidate {
            kind: session.kind,
            presence: session.presence.expect("it shows something"),
            published: session.published,
            idle_since: session.is_idle.then_some(session.active),
            detached: !session.is_attached() || self.held.contains_key(&id),
        }
    }

    /// Returns since when a user is idle, if it is: all of its sessions are.
    pub fn idle_since(&self, user: User) -> Option<u64> {
        let of_user = || self.sessions.values().filter(|session| session.user == user);
        let last = of_user().map(|session| session.active).max();
        last.filter(|_| of_user().all(|session| session.is_idle))
    }

    /// Returns the state of a user as things stand, whoever may see it.
    pub fn state_of(&self, user: User) -> Option<State> {
        let session = self.chosen(user)?;
        let presence = self.shown(session)?.presence?;
        Some(State { session, presence, idle_since: self.idle_since(user) })
    }

    /// Returns what a session should know of others where it is told one state of each.
    pub fn states_for(&self, receiver: SessionId) -> std::collections::BTreeMap<User, State> {
        let users = self.accounts.keys().filter(|user| self.session_sees(receiver, **user));
        users.filter_map(|user| Some((*user, self.state_of(*user)?))).collect()
    }

    /// Returns when a session becomes idle, and its place in line.
    pub fn idle_timer(&self, id: SessionId) -> Option<(u64, u64)> {
        let after_ms = self.choice.and(self.options.idle_after_ms)?;
        let session = self.sessions.get(&id).filter(|session| !session.is_idle)?;
        Some((session.active.saturating_add(after_ms), session.signed))
    }
}
