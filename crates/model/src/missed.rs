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
    pub offline: BTreeMap<User, Offline>,
    /// Users whose one state changed, where that is what is told.
    pub states: BTreeMap<User, Stated>,
    /// Whether its own user became visible or invisible.
    pub visibility: bool,
    /// So much that only a snapshot makes good.
    pub everything: bool,
}

/// That a user went offline, or looks so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offline {
    /// Whether the receiver may hold something of the user that was over before.
    pub unaware: bool,
    /// Whether it is noted only because the receiver watches the user.
    pub by_watch: bool,
}

/// What became of the one state of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stated {
    /// Whether the receiver holds one.
    pub held: bool,
    /// Whether there was another.
    pub shown: bool,
    /// Whether it is noted only because the receiver watches the user.
    pub by_watch: bool,
}

/// What became of one session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Whether the receiver holds what it published. `None` while nothing is noted of that.
    pub held: Option<bool>,
    /// Whether it showed something.
    pub shown: bool,
    /// Whether it ended, or its user looked offline, at some moment.
    pub over: bool,
    /// Whether it showed nothing any more at some moment, and went on.
    pub withdrawn: bool,
    /// Whether its directed presence was over, and the session went on.
    pub directed_over: bool,
    /// Whether directed presence ended with it.
    pub directed_ended: bool,
    /// Whether what is noted of its published presence is so only because the receiver watches the
    /// user.
    pub by_watch: bool,
}

impl Change {
    /// Returns whether what is noted ends directed presence.
    pub const fn is_of_directed(&self) -> bool {
        self.directed_over || self.directed_ended
    }

    /// Returns whether the receiver does not hold what the session published: it never heard of it.
    pub fn is_unheard(&self) -> bool {
        self.held == Some(false)
    }

    /// Something is noted of what the session published. Unless more is, the receiver holds it as
    /// this says.
    fn is_of_published(&mut self, held: bool, by_watch: bool) {
        self.by_watch = by_watch && (self.held.is_none() || self.by_watch);
        self.held.get_or_insert(held);
    }

    /// Forgets what is noted of what the session published.
    fn forget_published(&mut self) {
        (self.held, self.shown, self.withdrawn) = (None, false, false);
        self.over = self.directed_ended;
    }
}

impl Missed {
    /// Returns the number of notes.
    pub fn len(&self) -> usize {
        self.sessions.len() + self.states.len() + self.offline.len()
    }

    /// Returns whether nothing is noted, or nothing but a mark.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns everyone whom it is to be told of.
    pub fn users(&self) -> BTreeSet<User> {
        let changed = self.sessions.keys().map(|(user, _)| *user);
        changed.chain(self.offline.keys().chain(self.states.keys()).copied()).collect()
    }

    pub(crate) fn note_offline(&mut self, user: User, unaware: bool, by_watch: bool) {
        let new = Offline { unaware, by_watch };
        let offline = self.offline.entry(user).or_insert(new);
        offline.unaware |= unaware;
        offline.by_watch &= by_watch;
    }

    /// Notes that a user has another state. Unless more is noted of it, the receiver holds one as
    /// this says.
    pub(crate) fn note_state(&mut self, user: User, held: bool, by_watch: bool) {
        let new = Stated { held, shown: true, by_watch };
        let stated = self.states.entry(user).or_insert(new);
        stated.shown = true;
        stated.by_watch &= by_watch;
    }

    /// Notes that a user whose state it was to hold has none any more, or looks offline. If it
    /// never heard of that, it need not hear of this.
    pub(crate) fn note_no_state(&mut self, user: User, by_watch: bool) {
        if self.states.get(&user).is_some_and(|stated| !stated.held) {
            self.states.remove(&user);
            return;
        }
        let new = Stated { held: true, shown: false, by_watch };
        self.states.entry(user).or_insert(new).by_watch &= by_watch;
    }

    /// Notes that a session shows something. Unless more is noted of it, the receiver holds what it
    /// showed before as this says.
    pub(crate) fn note_shown(
        &mut self,
        (user, session): (User, SessionId),
        held: bool,
        by_watch: bool,
    ) {
        let change = self.sessions.entry((user, session)).or_default();
        change.is_of_published(held, by_watch);
        change.shown = true;
    }

    /// Notes that directed presence is over, because its session has ended, or its user looks
    /// offline.
    pub(crate) fn note_directed_ended(&mut self, user: User, session: SessionId) {
        let change = self.sessions.entry((user, session)).or_default();
        (change.over, change.directed_ended) = (true, true);
    }

    /// Notes that directed presence is over, and its session is not.
    pub(crate) fn note_directed_over(&mut self, user: User, session: SessionId) {
        self.sessions.entry((user, session)).or_default().directed_over = true;
    }

    /// Notes that a session whose published presence it was to hold has ended. Where it heard but
    /// of directed presence, that is what has ended.
    pub(crate) fn note_ended(&mut self, user: User, session: SessionId, by_watch: bool) {
        if let Some(change) = self.change_of_heard(user, session, by_watch) {
            change.over = true;
        } else if self.sessions.contains_key(&(user, session)) {
            self.note_directed_ended(user, session);
        }
    }

    /// Notes that a session whose published presence it was to hold shows nothing any more.
    pub(crate) fn note_withdrawn(&mut self, user: User, session: SessionId, by_watch: bool) {
        if let Some(change) = self.change_of_heard(user, session, by_watch) {
            change.withdrawn = true;
        }
    }

    /// Returns what is noted of a session whose published presence the receiver was to hold,
    /// unless it never heard of that: then it need not hear that it is over, and nothing is noted
    /// of it any more.
    fn change_of_heard(
        &mut self,
        user: User,
        session: SessionId,
        by_watch: bool,
    ) -> Option<&mut Change> {
        let change = self.sessions.entry((user, session)).or_default();
        if change.is_unheard() {
            change.forget_published();
            if !change.is_of_directed() {
                self.sessions.remove(&(user, session));
            }
            return None;
        }
        change.is_of_published(true, by_watch);
        self.sessions.get_mut(&(user, session))
    }

    /// Forgets what is noted of what these users published only because the receiver watched them.
    /// What ends directed presence stays.
    pub(crate) fn forget_by_watch(&mut self, users: &BTreeSet<User>) {
        self.states.retain(|user, stated| !(users.contains(user) && stated.by_watch));
        self.sessions.retain(|(user, _), change| {
            let is_gone = users.contains(user) && change.by_watch;
            if is_gone {
                change.forget_published();
            }
            !is_gone || change.is_of_directed()
        });
        for user in users {
            let is_over = self.sessions.iter().any(|((of, _), change)| of == user && change.over);
            // While something of the user is to be told as over, it may be told as the user's end.
            if !is_over && self.offline.get(user).is_some_and(|offline| offline.by_watch) {
                self.offline.remove(user);
            }
        }
    }
}
