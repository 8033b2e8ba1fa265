//! What sessions are not told while they are congested, and the references that this holds.

use crate::tables::Tables;
use crate::tables::ids::{SessionIndex, User};
use crate::tables::missed::{Missed, Note, Noted};
use crate::tables::sessions::Link;
use core::hash::{BuildHasher, Hash};

/// So much may be noted for anybody, however short the lists are.
const NOTES: usize = if cfg!(feature = "shrunk") { 6 } else { 1_024 };
/// So much may be noted for each name in the audience, and each user watched.
const NOTES_A_NAME: usize = 2;

impl<K: Eq + Hash, P, S: BuildHasher> Tables<K, P, S> {
    /// Returns whether the session is to be sent something now: an attached one is. Of a congested
    /// one, `note` notes what it misses; a detached one is told nothing and misses nothing.
    pub(crate) fn receives_or(
        &mut self,
        receiver: SessionIndex,
        note: impl FnOnce(&mut Self),
    ) -> bool {
        match self.sessions.link(receiver) {
            Link::Attached => return true,
            Link::Congested => note(self),
            Link::Detached | Link::Held | Link::Vacant => {}
        }
        false
    }

    /// Notes something about a user that a congested session is not told (rule 14).
    pub(crate) fn note(&mut self, receiver: SessionIndex, user: User, note: Note) {
        let by_watch = self.sees_by_watch(receiver, user);
        match self.sessions.note(receiver, user, note, by_watch) {
            Noted::Added => self.users.retain(user),
            Noted::Removed => return self.users.release(user),
            Noted::AsBefore => return,
        }
        let audience = self.audience_at(self.sessions.place(receiver)).len();
        let names = audience + self.asked_for(receiver);
        let missed = self.sessions.missed(receiver).map_or(0, Missed::len);
        if missed > NOTES.max(NOTES_A_NAME * names) {
            self.note_everything(receiver);
        }
    }

    /// Forgets what a congested session was to be told of a user only because it watched it.
    pub(crate) fn forget_watched_notes(&mut self, receiver: SessionIndex, user: User) {
        let gone = self.sessions.forget_watched_notes(receiver, user);
        (0..gone).for_each(|_| self.users.release(user));
    }

    /// Puts one mark in the place of all that a session missed: it will be sent a snapshot.
    fn note_everything(&mut self, receiver: SessionIndex) {
        if let Some(mut missed) = self.sessions.take_missed(receiver) {
            self.release_noted(&missed);
            missed.mark_everything();
            self.sessions.put_missed(receiver, missed);
        }
    }

    /// Notes that a congested session has to hear whether its own user is visible.
    pub(crate) fn note_own_visibility(&mut self, receiver: SessionIndex) {
        self.sessions.note_own_visibility(receiver);
    }

    /// Forgets what the session missed: it is going to be told everything, or nothing ever again.
    pub(super) fn clear_missed(&mut self, session: SessionIndex) {
        let Some(mut missed) = self.sessions.take_missed(session) else { return };
        self.release_noted(&missed);
        missed.clear();
        self.sessions.put_missed(session, missed);
    }

    fn release_noted(&mut self, missed: &Missed) {
        for (user, ..) in missed.entries() {
            self.users.release(user);
        }
    }
}
