//! What can be asked about topics.

use crate::engine::Engine;
use crate::key::{SessionId, SessionKey, TopicKey};
use crate::queries::Session;
use crate::tables::ids::{MembershipIndex, SessionIndex, TopicIndex};
use crate::tables::topics::Mark;
use crate::topic::{TopicCounts, TopicOptions, View};
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};

/// What the engine knows of one topic ([rule 16](crate::rules#rule-16-queries)). For the host: of
/// those who are invisible too, where it says so.
pub struct Topic<'e, K, P, S> {
    engine: &'e Engine<K, P, S>,
    topic: TopicIndex,
    key: TopicKey,
}

/// One session of a member, as [`Topic::members_after`] gives it.
#[derive(Debug)]
#[non_exhaustive]
pub struct TopicMember<'e, K, P> {
    /// Where it stands: what to hand in to go on after its user.
    pub cursor: u64,
    /// Whose session.
    pub user: &'e K,
    /// Which session.
    pub session: SessionId,
    /// What it shows in the topic.
    pub presence: Option<&'e P>,
}

impl<K: Eq + Hash, P, S: BuildHasher> Engine<K, P, S> {
    /// Returns the topic of this name, `None` if nobody is in it. One hash look-up.
    #[must_use]
    pub fn topic<T>(&self, topic: &T) -> Option<Topic<'_, K, P, S>>
    where
        K: Borrow<T>,
        T: Eq + Hash + ?Sized,
    {
        let topic = self.state.tables().find_topic(topic)?;
        let key = self.state.tables().topics().key(topic)?;
        Some(Topic { engine: self, topic, key })
    }

    /// Returns the topic of this key, `None` if it is stale. O(1).
    #[must_use]
    pub fn topic_by_key(&self, key: TopicKey) -> Option<Topic<'_, K, P, S>> {
        let topic = self.state.tables().topics().find_key(key)?;
        Some(Topic { engine: self, topic, key })
    }

    /// Returns all topics that somebody is in, in no particular order. O(1) each, and for each that
    /// there was.
    pub fn topics(&self) -> impl Iterator<Item = Topic<'_, K, P, S>> {
        let topics = self.state.tables().topics();
        let all = topics.iter().filter_map(|topic| Some((topic, topics.key(topic)?)));
        all.map(|(topic, key)| Topic { engine: self, topic, key })
    }

    /// Returns the topics that a session is in, in the order in which it joined them; none if the
    /// key is stale. O(1) each.
    pub fn topics_of(&self, session: SessionKey) -> impl Iterator<Item = Topic<'_, K, P, S>> {
        let tables = self.state.tables();
        let session = tables.sessions().find(session);
        let topics = session.into_iter().flat_map(|session| tables.topics_of(session));
        let all = topics.filter_map(|(topic, _)| self.topic_by_index(topic));
        all.map(|(topic, key)| Topic { engine: self, topic, key })
    }

    fn topic_by_index(&self, topic: TopicIndex) -> Option<(TopicIndex, TopicKey)> {
        Some((topic, self.state.tables().topics().key(topic)?))
    }
}

impl<'e, K: Eq + Hash, P, S: BuildHasher> Topic<'e, K, P, S> {
    /// Returns its key.
    #[must_use]
    pub const fn key(&self) -> TopicKey {
        self.key
    }

    /// Returns its name.
    #[must_use]
    pub fn name(&self) -> &'e K {
        self.engine.state.tables().topics().name(self.topic)
    }

    /// Returns how many are in it, those who are invisible not counted. O(1).
    #[must_use]
    pub fn counts(&self) -> TopicCounts {
        self.engine.state.tables().topics().topic(self.topic).counts
    }

    /// Returns the options in force for it.
    #[must_use]
    pub fn options(&self) -> TopicOptions {
        *self.engine.state.topic_options_of(self.topic)
    }

    /// Returns whether it is so large that those who view all are served a sample.
    #[must_use]
    pub fn is_large(&self) -> bool {
        self.engine.state.tables().topics().topic(self.topic).is_large
    }

    /// Returns whether a block hides this user in it from the user of a session.
    pub(crate) fn hides_from(&self, viewer: SessionKey, user: &K) -> bool {
        let tables = self.engine.state.tables();
        let viewer = tables.sessions().find(viewer).map(|viewer| tables.sessions().user(viewer));
        let is_hidden = |viewer| {
            let user = tables.find_online(user);
            user.is_some_and(|user| tables.blocked_between(viewer, user))
        };
        tables.topics().hides(self.topic) && viewer.is_some_and(is_hidden)
    }

    /// Returns its members who are visible, in the order in which they became so. O(1) each.
    pub fn users(&self) -> impl Iterator<Item = &'e K> + use<'e, K, P, S> {
        let tables = self.engine.state.tables();
        self.leads(0).map(move |(_, lead)| tables.users().id(tables.user_in(lead)))
    }

    /// Returns the sessions of those, the sessions of one user one after the other. O(1) each.
    pub fn members(&self) -> impl Iterator<Item = TopicMember<'e, K, P>> + use<'e, K, P, S> {
        self.members_after(0)
    }

    /// Returns the sessions of those whose cursor is greater, in the same order: to read a large
    /// topic in pages, the next of which begins with the cursor of the last session of this one.
    /// Whoever is there before and after is in one of them. O(log n), and O(1) each.
    pub fn members_after(
        &self,
        cursor: u64,
    ) -> impl Iterator<Item = TopicMember<'e, K, P>> + use<'e, K, P, S> {
        let (tables, topic) = (self.engine.state.tables(), self.topic);
        let place = tables.topics().place_after(topic, cursor);
        self.leads(place).flat_map(move |(_, lead)| {
            let user = tables.user_in(lead);
            let cursor = tables.topics().seat_number(lead);
            tables.shown_in(topic, user).map(move |membership| {
                let (user, session, presence) = tables.topic_tables().member(membership);
                TopicMember { cursor, user, session, presence }
            })
        })
    }

    fn leads(
        &self,
        from: usize,
    ) -> impl Iterator<Item = (usize, MembershipIndex)> + use<'e, K, P, S> {
        let (topics, topic) = (self.engine.state.tables().topics(), self.topic);
        let mut place = from;
        core::iter::from_fn(move || {
            let seat = topics.next_seat(topic, place)?;
            place = seat.0 + 1;
            Some(seat)
        })
    }

    /// Returns all sessions that are in it with what each views: members and observers, those who
    /// are detached or invisible included, in no particular order. O(1) each.
    pub fn sessions(&self) -> impl Iterator<Item = (Session<'e, K, P>, View)> + use<'e, K, P, S> {
        let engine = self.engine;
        self.places().map(move |(session, view, _)| (engine.describe(session), view))
    }

    /// Returns those of them that observe, likewise.
    pub fn observers(&self) -> impl Iterator<Item = Session<'e, K, P>> + use<'e, K, P, S> {
        let engine = self.engine;
        let observers = self.places().filter(|(.., is_member)| !is_member);
        observers.map(move |(session, ..)| engine.describe(session))
    }

    fn places(&self) -> impl Iterator<Item = (SessionIndex, View, bool)> + use<'e, K, P, S> {
        let topics = self.engine.state.tables().topics();
        let channels = topics.channels();
        topics.topic(self.topic).groups.iter().flat_map(move |group| {
            (0..channels.len(group.channel)).map(move |at| {
                let membership = channels.member_at(group.channel, at);
                let is_member = topics.is(membership, Mark::Member);
                (channels.session(membership), group.view, is_member)
            })
        })
    }

    /// Returns what a session shows in it as a member whom others see; `None` if it is none. The
    /// inner `None` says that it shows nothing. O(t).
    #[must_use]
    pub fn presence(&self, session: SessionKey) -> Option<Option<&'e P>> {
        let tables = self.engine.state.tables();
        let session = tables.sessions().find(session)?;
        let membership = tables.membership_in(session, self.topic)?;
        let is_shown = tables.topics().is_shown_member(membership);
        is_shown.then(|| tables.presence_in(membership))
    }

    /// Returns whether a session is in it as a member, be its user visible or not, and not as an
    /// observer. O(t).
    #[must_use]
    pub fn is_member(&self, session: SessionKey) -> bool {
        let tables = self.engine.state.tables();
        let session = tables.sessions().find(session);
        let membership = session.and_then(|session| tables.membership_in(session, self.topic));
        membership.is_some_and(|membership| tables.topics().is(membership, Mark::Member))
    }

    /// Returns the users whom a session looks at by name, each once, in no particular order,
    /// whether or not they are members.
    pub fn looks_at(&self, session: SessionKey) -> impl Iterator<Item = &'e K> + use<'e, K, P, S> {
        let tables = self.engine.state.tables();
        let session = tables.sessions().find(session);
        let membership = session.and_then(|session| tables.membership_in(session, self.topic));
        let named = membership.map_or(&[][..], |one| tables.topics().named(one));
        named.iter().map(|user| tables.users().id(*user))
    }

    /// Returns what a session views; `None` if it is not in the topic. O(t).
    #[must_use]
    pub fn view(&self, session: SessionKey) -> Option<View> {
        let tables = self.engine.state.tables();
        let session = tables.sessions().find(session)?;
        Some(tables.topics().view(tables.membership_in(session, self.topic)?))
    }
}

impl<K, P, S> core::fmt::Debug for Topic<'_, K, P, S> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Topic").field("key", &self.key).finish_non_exhaustive()
    }
}
