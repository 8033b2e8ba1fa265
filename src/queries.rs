//! What an engine can be asked (rule 16): nothing here changes anything but `shrink_to_fit`.

use crate::engine::Engine;
use crate::sessions::Link;
use crate::{Config, Counts, Options, SessionKey, Stats, Time};
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> Engine<K, P, S> {
    /// The configuration in force.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The latest moment that the engine has been told of.
    #[must_use]
    pub const fn now(&self) -> Time {
        self.state.now
    }

    /// Has the user a session, be it a detached one? One hash look-up.
    #[must_use]
    pub fn is_online(&self, user: &K) -> bool {
        self.state.find_online(user).is_some()
    }

    /// The user's sessions, detached ones included, in the order in which they connected. One
    /// hash look-up.
    pub fn sessions<'e>(
        &'e self,
        user: &K,
    ) -> impl ExactSizeIterator<Item = SessionKey> + use<'e, K, P, S> {
        let user = self.state.find_online(user);
        let sessions = user.map_or(&[][..], |user| self.state.sessions_of(user));
        sessions.iter().map(|session| self.state.sessions.key(*session))
    }

    /// The presence of a session, one that waits for its token not counted. O(1).
    #[must_use]
    pub fn presence(&self, session: SessionKey) -> Option<&P> {
        let session = self.state.sessions.find(session)?;
        self.state.sessions.rest(session).presence.as_ref()
    }

    /// Whose session this is, if it has not ended. O(1).
    #[must_use]
    pub fn user_of(&self, session: SessionKey) -> Option<&K> {
        let session = self.state.sessions.find(session)?;
        Some(self.state.users.id(self.state.sessions.user(session)))
    }

    /// Is this session there and attached, congested or not? O(1).
    #[must_use]
    pub fn is_attached(&self, session: SessionKey) -> bool {
        self.state.attached(session).is_ok()
    }

    /// Is this session congested? O(1).
    #[must_use]
    pub fn is_congested(&self, session: SessionKey) -> bool {
        let session = self.state.sessions.find(session);
        session.is_some_and(|session| self.state.sessions.get(session).link == Link::Congested)
    }

    /// Is the user online and invisible? One hash look-up.
    #[must_use]
    pub fn is_invisible(&self, user: &K) -> bool {
        let online = self.state.find_online(user).and_then(|user| self.state.online(user));
        online.is_some_and(|online| !online.visible)
    }

    /// May `viewer` see what `user` publishes: is `user` online and visible, `viewer` in its
    /// audience, and neither blocked by the other? Two hash look-ups and a search.
    #[must_use]
    pub fn sees(&self, viewer: &K, user: &K) -> bool {
        let viewer = self.state.users.find(&self.state.hasher, viewer);
        let user = self.state.find_online(user);
        viewer.zip(user).is_some_and(|(viewer, user)| self.state.sees(viewer, user))
    }

    /// How much of everything the engine holds. It walks over all sessions.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.state.counts()
    }

    /// What the engine has done so far. O(1).
    #[must_use]
    pub const fn stats(&self) -> Stats {
        self.state.stats
    }

    /// Checks everything that must always hold between the parts of the engine, for tests and
    /// fuzzers. It walks over everything.
    ///
    /// # Errors
    /// What does not hold, in words.
    pub fn verify(&self) -> Result<(), &'static str> {
        self.state.verify()
    }

    /// Gives back memory that only a past peak needed. Otherwise the engine keeps it, so that it
    /// allocates nothing once warm. It may walk over everything.
    pub fn shrink_to_fit(&mut self) {
        self.state.shrink_to_fit();
    }

    /// The options, from the configuration.
    #[must_use]
    pub const fn options(&self) -> &Options {
        self.config.options()
    }
}
