//! The present state of all whom one session may see.

mod topics;

pub use topics::{Changes, TopicChange, TopicEntry, TopicSnapshot};

use crate::fanout::Plan;
use crate::fanout::snapshots::Part;
use crate::key::{SessionId, SessionKey, Slot};
use crate::notice::NoticeId;
use crate::tables::Users;
use crate::tables::sessions::Sessions;
use crate::tables::voices::Voices;
use crate::time::Time;
use core::fmt;

/// What one session is told when it attaches, the presence of every session that it may see; or
/// when it asks to [watch](crate::Engine::watch), that of the users it named.
///
/// It is the whole truth of its [scope](Self::scope) and replaces what the receiver believed of
/// it: whoever is not in it is gone. A large one comes as several
/// decisions, of which only the first [is first](Self::is_first) and only the last
/// [is last](Self::is_last); nothing else is sent to the session in between. It may be empty.
pub struct Snapshot<'a, K, P> {
    pub(crate) users: &'a Users<K>,
    pub(crate) sessions: &'a Sessions<P>,
    pub(crate) voices: &'a Voices,
    pub(crate) plan: &'a Plan<P>,
    pub(crate) part: Part,
}

/// What a snapshot is the whole truth of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// Everything that the receiver may see: it starts anew with this, and directed presence is
    /// gone as well.
    Everything,
    /// What the users [named](Snapshot::named) show. What others show stays as it was, and so does
    /// directed presence.
    Users,
}

/// One session's presence in a [`Snapshot`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Entry<'a, K, P> {
    /// The number of the snapshot, which all its entries share.
    pub id: NoticeId,
    /// Whose session.
    pub user: &'a K,
    /// Which session.
    pub session: SessionId,
    /// What it says.
    pub presence: &'a P,
    /// Whether this is the one state of the user, and the session the one that
    /// [speaks](crate::Engine::with_representative) for it.
    pub is_user: bool,
    /// If the user is told as one and idle, when a person last did something on any of its devices.
    pub idle_since: Option<Time>,
}

impl<'a, K, P> Snapshot<'a, K, P> {
    /// Returns the slot of the session that is told.
    #[must_use]
    pub fn to(&self) -> Slot {
        self.sessions.slot(self.part.to)
    }

    /// Returns the key of the session that is told.
    #[must_use]
    pub fn receiver(&self) -> SessionKey {
        self.sessions.key(self.part.to)
    }

    /// Returns what it is the whole truth of.
    #[must_use]
    pub const fn scope(&self) -> Scope {
        if self.part.is_of_users { Scope::Users } else { Scope::Everything }
    }

    /// Returns the users whom the whole snapshot is about, each once, whether or not they show
    /// anything; nobody where it is about everything. The same in all of its parts.
    ///
    /// They are spelt as in the call that asked for it, where [entries](Self::entries) spell a
    /// user as it spells itself ([rule 1](crate::rules#rule-1-connect)).
    pub fn named(&self) -> impl ExactSizeIterator<Item = &'a K> + use<'a, K, P> {
        let users = self.users;
        users.named().take(if self.part.is_of_users { usize::MAX } else { 0 })
    }

    /// Returns the number of the snapshot, which all its parts share.
    #[must_use]
    pub const fn id(&self) -> NoticeId {
        NoticeId(self.part.id)
    }

    /// Returns whether the receiver's own user is visible.
    #[must_use]
    pub const fn is_visible(&self) -> bool {
        self.part.is_visible
    }

    /// Returns whether this is the first part, at which the receiver starts anew in its scope.
    #[must_use]
    pub const fn is_first(&self) -> bool {
        self.part.is_first
    }

    /// Returns whether this is the last part, after which the receiver knows the whole truth of its
    /// scope.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        self.part.is_last
    }

    /// Returns the number of entries of this part: at most 4,096.
    #[must_use]
    pub fn len(&self) -> usize {
        self.plan.entries().len()
    }

    /// Returns whether this part has no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.plan.entries().is_empty()
    }

    /// Returns the entries of this part, a user's sessions one after the other.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = Entry<'a, K, P>> + use<'a, K, P> {
        let (users, sessions, voices, id) = (self.users, self.sessions, self.voices, self.id());
        // Only where contacts are told one state of a user is it asked whose entry it is.
        let receiver = voices.is_on.then(|| sessions.user(self.part.to));
        self.plan.entries().iter().map(move |index| {
            let user = sessions.user(*index);
            let is_user = receiver.is_some_and(|receiver| user != receiver);
            let voice = is_user.then(|| voices.voice(sessions.place(*index))).flatten();
            Entry {
                id,
                user: users.id(user),
                session: sessions.id(*index),
                presence: sessions
                    .presence(*index)
                    .expect("only sessions with a presence are put in a snapshot"),
                is_user,
                idle_since: voice.and_then(|voice| voice.idle_since),
            }
        })
    }
}

impl<K: fmt::Debug, P: fmt::Debug> fmt::Debug for Snapshot<'_, K, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("to", &self.to())
            .field("scope", &self.scope())
            .field("is_first", &self.is_first())
            .field("is_last", &self.is_last())
            .field("entries", &self.entries().collect::<alloc::vec::Vec<_>>())
            .finish()
    }
}
