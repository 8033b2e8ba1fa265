//! What clients and server say to each other.

use adsum::{SessionId, Time};
use std::collections::BTreeSet;

/// An account.
pub(crate) type User = u16;
/// One device of one user: a place in the table of clients.
pub(crate) type Device = usize;
/// One connection, of all there ever were in a run.
pub(crate) type Connection = usize;

/// A presence: no device ever says the same word twice but to repeat itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Word {
    pub(crate) device: Device,
    pub(crate) number: u32,
}

impl Word {
    /// How loud it is: of several devices of a user, the one with the loudest word speaks where
    /// contacts are told one state. No two devices are as loud.
    pub(crate) const fn loudness(self) -> (u32, Device) {
        (self.number % 5, self.device)
    }
}

/// What a client keeps to get its session back: a number, which stays when the session is
/// resumed, and which start of the server gave it out, because those of an earlier start may name
/// other sessions by now. A real one cannot be guessed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub(crate) boot: u32,
    pub(crate) number: u32,
}

#[derive(Clone, Debug)]
pub(crate) enum ToServer {
    Hello {
        token: Option<Token>,
    },
    Say {
        word: Word,
    },
    Direct {
        to: User,
        word: Word,
    },
    /// All users of whom the client wants to be told beside its contacts.
    Watch {
        users: BTreeSet<User>,
    },
    Heartbeat,
    /// A person does something.
    Active,
    Goodbye,
    /// The page is being reloaded, or the application goes to the background.
    Away,
}

#[derive(Clone, Debug)]
pub(crate) enum ToClient {
    Welcome {
        token: Token,
        resumed: bool,
    },
    /// The server has what the client said up to here.
    Heard {
        number: u32,
    },
    Pong,
    /// Of these users, or of everything.
    Snapshot {
        named: Option<Vec<User>>,
        entries: Vec<Entry>,
    },
    /// The server tells no more of a user whom the client watched.
    Unwatched {
        user: User,
    },
    Notice(Told),
}

/// What a snapshot says of one session, or of a user as one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) user: User,
    pub(crate) session: Option<SessionId>,
    pub(crate) word: Word,
    pub(crate) idle_since: Option<Time>,
}

/// A notice on the wire.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Told {
    Presence { user: User, session: SessionId, word: Word },
    User { user: User, word: Word, idle_since: Option<Time> },
    Directed { user: User, session: SessionId, word: Word },
    DirectedOver { user: User, session: SessionId },
    Ended { user: User, session: SessionId },
    Offline { user: User },
}

impl Told {
    pub(crate) const fn user(self) -> User {
        match self {
            Self::Presence { user, .. }
            | Self::User { user, .. }
            | Self::DirectedOver { user, .. }
            | Self::Directed { user, .. }
            | Self::Ended { user, .. }
            | Self::Offline { user } => user,
        }
    }
}
