//! What a congested session was not told.
//!
//! Only what is needed to make its belief true again later: for each session that changed in the
//! meantime, whether it knew that session before. A session that came and went unseen leaves
//! nothing here, so the list is bounded by what the receiver believed when it became congested and
//! what it may see now, however much happens in between.

use crate::key::SessionId;
use crate::tables::ids::User;
use alloc::vec::Vec;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct MissedSession {
    pub(crate) user: User,
    pub(crate) session: SessionId,
    /// Whether the receiver held something of this session when it last listened.
    pub(crate) believed: bool,
}

/// Sorted, so that a user's sessions stand together. Each entry of either list counts as a
/// reference to its user, which the caller takes and gives back.
#[derive(Default)]
pub(crate) struct Missed {
    sessions: Vec<MissedSession>,
    /// Users who looked offline to the receiver at some moment since.
    offline: Vec<User>,
}

/// What a note has changed in the number of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Noted {
    Added,
    Removed,
    AsBefore,
}

impl Missed {
    pub(crate) fn len(&self) -> usize {
        self.sessions.len() + self.offline.len()
    }

    pub(crate) fn sessions(&self) -> &[MissedSession] {
        &self.sessions
    }

    pub(crate) fn offline(&self) -> &[User] {
        &self.offline
    }

    /// Returns the user of each entry, once for each.
    pub(crate) fn references(&self) -> impl Iterator<Item = User> + '_ {
        let of_sessions = self.sessions.iter().map(|entry| entry.user);
        of_sessions.chain(self.offline.iter().copied())
    }

    pub(crate) fn clear(&mut self) {
        self.sessions.clear();
        self.offline.clear();
    }

    fn place(&self, user: User, session: SessionId) -> Result<usize, usize> {
        self.sessions.binary_search_by_key(&(user, session), |missed| (missed.user, missed.session))
    }

    /// The receiver would have been told of a presence; of the session's first, if it held none.
    pub(crate) fn presence(&mut self, user: User, session: SessionId, first: bool) -> Noted {
        match self.place(user, session) {
            Ok(_) => Noted::AsBefore,
            Err(place) => {
                self.sessions.insert(place, MissedSession { user, session, believed: !first });
                Noted::Added
            }
        }
    }

    /// The receiver would have been told that a session it was told of has ended.
    pub(crate) fn ended(&mut self, user: User, session: SessionId) -> Noted {
        match self.place(user, session) {
            Ok(place) if self.sessions[place].believed => Noted::AsBefore,
            Ok(place) => {
                self.sessions.remove(place);
                Noted::Removed
            }
            Err(place) => {
                self.sessions.insert(place, MissedSession { user, session, believed: true });
                Noted::Added
            }
        }
    }

    /// The receiver would have been told that a session has ended whose directed presence it was
    /// told, so that it holds something whatever it knew of the session otherwise.
    pub(crate) fn told_ended(&mut self, user: User, session: SessionId) -> Noted {
        match self.place(user, session) {
            Ok(place) => {
                self.sessions[place].believed = true;
                Noted::AsBefore
            }
            Err(place) => {
                self.sessions.insert(place, MissedSession { user, session, believed: true });
                Noted::Added
            }
        }
    }

    /// The receiver would have been told that the user is offline.
    pub(crate) fn offline_user(&mut self, user: User) -> Noted {
        match self.offline.binary_search(&user) {
            Ok(_) => Noted::AsBefore,
            Err(place) => {
                self.offline.insert(place, user);
                Noted::Added
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_and_went_unseen_leaves_nothing() {
        let mut missed = Missed::default();
        let session = |index| SessionId::new(index, core::num::NonZeroU32::MIN);
        assert_eq!(missed.ended(User(1), session(0)), Noted::Added);
        for index in 1..1_000 {
            assert_eq!(missed.presence(User(1), session(index), true), Noted::Added);
            assert_eq!(missed.presence(User(1), session(index), false), Noted::AsBefore);
            assert_eq!(missed.ended(User(1), session(index)), Noted::Removed);
        }
        assert_eq!(missed.presence(User(1), session(0), true), Noted::AsBefore);
        assert!(missed.sessions()[0].believed);
        assert_eq!(missed.offline_user(User(1)), Noted::Added);
        assert_eq!(missed.offline_user(User(1)), Noted::AsBefore);
        assert_eq!(missed.len(), 2);
        missed.clear();
        assert_eq!(missed.len(), 0);
    }
}
