//! The present state of all whom one session may see.

use crate::notice::NoticeId;
use crate::sessions::{SessionIndex, Sessions};
use crate::users::Users;
use crate::{SessionKey, Slot};
use core::fmt;

/// What one session is told when it attaches: the presence of every session that it may see.
///
/// It is the whole truth and replaces everything the receiver believed: whoever is not in it is
/// gone, directed presence included. A large one comes as several decisions, of which only the
/// first [is first](Self::is_first) and only the last [is last](Self::is_last); nothing else is
/// sent to the session in between. It may be empty.
pub struct Snapshot<'a, K, P> {
    pub(crate) users: &'a Users<K>,
    pub(crate) sessions: &'a Sessions<P>,
    pub(crate) to: SessionIndex,
    pub(crate) entries: &'a [SessionIndex],
    pub(crate) first_id: u64,
    pub(crate) is_first: bool,
    pub(crate) is_last: bool,
}

/// One session's presence in a [`Snapshot`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Entry<'a, K, P> {
    /// The number of this entry, a notice's like any other.
    pub id: NoticeId,
    /// Whose session.
    pub user: &'a K,
    /// Which session.
    pub session: SessionKey,
    /// What it says.
    pub presence: &'a P,
}

impl<'a, K, P> Snapshot<'a, K, P> {
    /// The session that is told.
    #[must_use]
    pub fn to(&self) -> Slot {
        self.sessions.get(self.to).slot
    }

    /// Is this the first part, at which the receiver starts anew?
    #[must_use]
    pub const fn is_first(&self) -> bool {
        self.is_first
    }

    /// Is this the last part, after which the receiver knows the whole truth?
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.is_last
    }

    /// How many entries this part has: at most 4,096.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Has this part no entry?
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The entries of this part, a user's sessions one after the other.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = Entry<'a, K, P>> + use<'a, K, P> {
        let (users, sessions, first_id) = (self.users, self.sessions, self.first_id);
        self.entries.iter().enumerate().map(move |(at, index)| {
            let presence = sessions.rest(*index).presence.as_ref();
            Entry {
                id: NoticeId(first_id + at as u64),
                user: users.id(sessions.user(*index)),
                session: sessions.key(*index),
                presence: presence.expect("only sessions with a presence are put in a snapshot"),
            }
        })
    }
}

impl<K: fmt::Debug, P: fmt::Debug> fmt::Debug for Snapshot<'_, K, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("to", &self.to())
            .field("is_first", &self.is_first)
            .field("is_last", &self.is_last)
            .field("entries", &self.entries().collect::<alloc::vec::Vec<_>>())
            .finish()
    }
}
