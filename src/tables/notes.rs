//! What sessions are not told while they are congested, and the references that this holds.

use crate::key::SessionId;
use crate::tables::Tables;
use crate::tables::ids::{SessionIndex, User};
use crate::tables::missed::{Missed, Noted};
use crate::tables::sessions::Link;
use core::hash::{BuildHasher, Hash};

/// Something about a user that a congested session is not told.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Note {
    /// A presence; `first` if the receiver held none of this session.
    Presence { session: SessionId, first: bool },
    /// A session that it was told of has ended.
    Ended { session: SessionId },
    /// A session has ended whose directed presence it was told.
    DirectedEnded { session: SessionId },
    /// The user looks offline.
    Offline,
}

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
            Link::Detached | Link::Vacant => {}
        }
        false
    }

    /// Notes something that a congested session is not told.
    pub(crate) fn note(&mut self, receiver: SessionIndex, user: User, note: Note) {
        let noted = self.sessions.note(receiver, |missed: &mut Missed| match note {
            Note::Presence { session, first } => missed.presence(user, session, first),
            Note::Ended { session } => missed.ended(user, session),
            Note::DirectedEnded { session } => missed.told_ended(user, session),
            Note::Offline => missed.offline_user(user),
        });
        match noted {
            Noted::Added => self.users.retain(user),
            Noted::Removed => self.users.release(user),
            Noted::AsBefore => {}
        }
    }

    /// Forgets what the session missed: it is going to be told everything, or nothing ever again.
    pub(super) fn clear_missed(&mut self, session: SessionIndex) {
        let Some(missed) = self.sessions.take_missed(session) else { return };
        for user in missed.references() {
            self.users.release(user);
        }
        self.sessions.put_missed(session, missed);
    }
}
