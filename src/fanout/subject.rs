//! What a notice is about, in the numbers of the tables.

use crate::key::SessionId;
use crate::tables::ids::{SessionIndex, User};
use core::ops::Range;

/// A part of one of the plan's lists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(super) from: u32,
    pub(super) to: u32,
}

impl Span {
    /// Returns the first so many places.
    pub(crate) const fn first(places: u32) -> Self {
        Self { from: 0, to: places }
    }

    pub(super) const EMPTY: Self = Self { from: 0, to: 0 };

    pub(crate) const fn range(self) -> Range<usize> {
        self.from as usize..self.to as usize
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.from == self.to
    }
}

/// What a notice says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject {
    /// A session's presence; `first` if its receivers know nothing of the session.
    Presence { session: SessionIndex, first: bool },
    /// The one state of a user; `first` if its receivers know nothing of the user.
    User { user: User, first: bool },
    /// What the session says to those named alone.
    Directed { session: SessionIndex },
    /// A session has ended, and its user has others.
    SessionEnded { user: User, session: SessionId },
    /// The user looks offline. `ended` are those sessions that contacts who see the user were told
    /// of and that are over for them.
    Offline { user: User, ended: Span },
    /// What the session said to those named is over; the session goes on.
    DirectedOver { user: User, session: SessionId },
    /// The session shows nothing any more.
    Withdrawn { user: User, session: SessionId },
    /// Whether a user is visible, for its own sessions.
    Visibility { user: User },
    /// What the application says.
    System,
}
