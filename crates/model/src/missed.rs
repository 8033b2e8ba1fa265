//! What a congested session was not told (rule 14).

use crate::User;
use adsum::SessionId;
use std::collections::{BTreeMap, BTreeSet};

/// So much is noted for anybody, however short the lists are.
pub(crate) const NOTES: usize = if cfg!(feature = "shrunk") { 4 } else { 1_024 };
/// And so much for each name in the audience.
pub(crate) const NOTES_A_CONTACT: usize = if cfg!(feature = "shrunk") { 1 } else { 2 };

#[derive(Clone, Debug, Default)]
pub struct Missed {
    /// Sessions that changed.
    pub sessions: BTreeMap<(User, SessionId), Change>,
    /// Users of whom it would have been told that they are offline, and whether it may have held
    /// something of them that was over before.
    pub offline: BTreeMap<User, bool>,
    /// Whether its own user became visible or invisible.
    pub visibility: bool,
    /// So much that only a snapshot makes good.
    pub everything: bool,
}

/// What became of one session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Whether the receiver holds something of it.
    pub held: bool,
    /// Whether it showed something.
    pub shown: bool,
    /// Whether it ended, or went out of sight, at some moment.
    pub over: bool,
    /// Whether it showed nothing any more at some moment, and went on.
    pub withdrawn: bool,
    /// Whether its directed presence was over, and the session went on.
    pub directed_over: bool,
}

impl Missed {
    /// Returns the number of notes.
    pub fn len(&self) -> usize {
        self.sessions.len() + self.offline.len()
    }

    /// Returns whether nothing is noted, or nothing but a mark.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns everyone whom it is to be told of.
    pub fn users(&self) -> BTreeSet<User> {
        let changed = self.sessions.keys().map(|(user, _)| *user);
        changed.chain(self.offline.keys().copied()).collect()
    }

    pub(crate) fn note_offline(&mut self, user: User, unaware: bool) {
        *self.offline.entry(user).or_default() |= unaware;
    }

    /// Notes that a session whose published presence it was to hold has ended. If it never heard
    /// of the session, it need not hear that it has ended.
    pub(crate) fn note_ended(&mut self, user: User, session: SessionId) {
        match self.sessions.get_mut(&(user, session)) {
            Some(Change { held: false, .. }) => _ = self.sessions.remove(&(user, session)),
            Some(change) => change.over = true,
            None => {
                let change = Change { held: true, over: true, ..Change::default() };
                self.sessions.insert((user, session), change);
            }
        }
    }
    /// Notes that a session whose published presence it was to hold shows nothing any more. If it
    /// never heard of that, it need not hear of this.
    pub(crate) fn note_withdrawn(&mut self, user: User, session: SessionId) {
        match self.sessions.get_mut(&(user, session)) {
            Some(Change { held: false, .. }) => _ = self.sessions.remove(&(user, session)),
            Some(change) => change.withdrawn = true,
            None => {
                let change = Change { held: true, withdrawn: true, ..Change::default() };
                self.sessions.insert((user, session), change);
            }
        }
    }
}
