//! What decisions lend of topics, out of several tables.

use crate::key::SessionId;
use crate::tables::Tables;
use crate::tables::ids::{MembershipIndex, TopicIndex, User};
use crate::tables::interner::Users;
use crate::tables::sessions::Sessions;
use crate::tables::topics::Topics;
use core::hash::{BuildHasher, Hash};

/// The tables that say who is in a topic with what.
pub(crate) struct TopicTables<'a, K, P> {
    users: &'a Users<K>,
    sessions: &'a Sessions<P>,
    topics: &'a Topics<K, P>,
}

impl<K, P> Clone for TopicTables<'_, K, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, P> Copy for TopicTables<'_, K, P> {}

impl<'a, K, P> TopicTables<'a, K, P> {
    pub(crate) fn name(self, topic: TopicIndex) -> &'a K {
        self.topics.name(topic)
    }

    pub(crate) fn user(self, user: User) -> &'a K {
        self.users.id(user)
    }

    /// Returns whose place in a topic it is, which session, and what that shows there.
    pub(crate) fn member(self, membership: MembershipIndex) -> (&'a K, SessionId, Option<&'a P>) {
        let session = self.topics.channels().session(membership);
        let own = self.topics.own_presence(membership);
        let presence = own.or_else(|| self.sessions.presence(session));
        (self.users.id(self.sessions.user(session)), self.sessions.id(session), presence)
    }
}

impl<K: Eq + Hash, P, S: BuildHasher> Tables<K, P, S> {
    pub(crate) const fn topic_tables(&self) -> TopicTables<'_, K, P> {
        TopicTables { users: self.users(), sessions: self.sessions(), topics: self.topics() }
    }
}
