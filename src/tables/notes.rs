//! What sessions are not told while they are congested, and the references that this takes.

use crate::tables::Tables;
use crate::tables::ids::{Place, SessionIndex, User};
use crate::tables::missed::{Missed, Note, Noted};
use crate::tables::sessions::Link;
use core::hash::{BuildHasher, Hash};

/// So much may be noted for anybody, however short the lists are.
const NOTES: usize = if cfg!(feature = "shrunk") { 4 } else { 1_024 };
/// So much may be noted for each name in the audience, and each user watched.
const NOTES_A_NAME: usize = if cfg!(feature = "shrunk") { 1 } else { 2 };

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
            Link::Detached | Link::Remote | Link::RemoteLost => {}
            Link::Held | Link::Vacant => {}
        }
        false
    }

    /// Notes something about a user that a congested session is not told (rule 14).
    pub(crate) fn note(&mut self, receiver: SessionIndex, user: User, note: Note) {
        let by_watch = self.sees_by_watch(receiver, user);
        match self.sessions.note(receiver, user, note, by_watch) {
            Noted::Added => {
                self.users.retain(user);
                self.look_at_notes_later(receiver);
            }
            Noted::Removed => self.users.release(user),
            Noted::AsBefore => {}
        }
    }

    /// Remembers a session for which too much is noted. The same input may yet take some of it
    /// back, so it is judged when that is over.
    pub(super) fn look_at_notes_later(&mut self, receiver: SessionIndex) {
        if self.misses_too_much(receiver) && self.overfull.last() != Some(&receiver) {
            self.overfull.push(receiver);
        }
    }

    /// Remembers those of a user's sessions for which too much is noted now that its audience is
    /// shorter.
    pub(super) fn look_at_all_notes_later(&mut self, place: Place) {
        for nth in 0..self.sessions_at(place).len() {
            self.look_at_notes_later(self.sessions_at(place)[nth]);
        }
    }

    /// Puts a mark in the place of what was noted wherever it is too much: an input, or a deadline,
    /// has had all its effect.
    #[inline]
    pub(crate) fn judge_notes(&mut self) {
        if !self.overfull.is_empty() {
            self.judge_overfull();
        }
    }

    #[cold]
    fn judge_overfull(&mut self) {
        while let Some(receiver) = self.overfull.pop() {
            if self.misses_too_much(receiver) {
                self.note_everything(receiver);
            }
        }
    }

    /// Returns whether more is noted for a session than its lists allow.
    pub(super) fn misses_too_much(&self, receiver: SessionIndex) -> bool {
        let missed = self.sessions.missed(receiver).map_or(0, Missed::len);
        // Whoever misses something is online.
        missed > NOTES && {
            let audience = self.audience_at(self.sessions.place(receiver)).len();
            missed > NOTES_A_NAME * (audience + self.asked_for(receiver))
        }
    }

    /// Forgets what a congested session was to be told of a user only because it watched it.
    pub(crate) fn forget_watched_notes(&mut self, receiver: SessionIndex, user: User) {
        let gone = self.sessions.forget_watched_notes(receiver, user);
        (0..gone).for_each(|_| self.users.release(user));
    }

    /// Puts one mark in the place of all that a session missed: it will be sent a snapshot.
    pub(crate) fn note_everything(&mut self, receiver: SessionIndex) {
        let mut missed = self.sessions.take_missed(receiver).unwrap_or_default();
        self.release_noted(&missed);
        missed.mark_everything();
        self.sessions.put_missed(receiver, missed);
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

    /// Puts back what a session missed and is being told: it misses nothing any more. The
    /// references stay until the notices are [out](Self::release_caught_up).
    pub(crate) fn put_caught_up(&mut self, session: SessionIndex, mut missed: Missed) {
        self.caught_up.extend(missed.entries().map(|(user, ..)| user));
        missed.clear();
        self.sessions.put_missed(session, missed);
    }

    /// Gives back the references of what sessions missed and have been told.
    #[inline]
    pub(crate) fn release_caught_up(&mut self) {
        if !self.caught_up.is_empty() {
            self.release_some();
        }
    }

    #[cold]
    fn release_some(&mut self) {
        self.caught_up.drain(..).for_each(|user| self.users.release(user));
    }

    fn release_noted(&mut self, missed: &Missed) {
        for (user, ..) in missed.entries() {
            self.users.release(user);
        }
    }
}
