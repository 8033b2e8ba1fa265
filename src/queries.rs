//! What an engine can be asked (rule 16). Nothing here changes anything.
//!
//! Users can be asked for by any borrowed form of their id: with `String` ids, by `&str`.

pub(crate) mod local;
pub(crate) mod topics;

use crate::config::{Config, Options};
use crate::engine::Engine;
use crate::event::LostCause;
use crate::key::{DeviceKind, SessionId, SessionKey};
use crate::stats::{Counts, Stats};
use crate::tables::ids::SessionIndex;
use crate::tables::sessions::Link;
use crate::time::Time;
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};

/// What the engine knows of one session ([rule 16](crate::rules#rule-16-queries)).
#[derive(Debug)]
#[non_exhaustive]
pub struct Session<'e, K, P> {
    /// The key of its attachment, or of the last one if it is detached.
    pub key: SessionKey,
    /// What receivers know it by.
    pub id: SessionId,
    /// Whose session it is.
    pub user: &'e K,
    /// What kind of device it is on.
    pub kind: DeviceKind,
    /// What it shows; a publish that waits for its token is not counted.
    pub presence: Option<&'e P>,
    /// When it connected. A resume does not change that.
    pub connected: Time,
    /// When something was last heard of it: an input of its own, no word of the host's.
    pub heard: Time,
    /// When and why it was lost, if it is detached.
    pub lost: Option<(Time, LostCause)>,
    /// Whether it is [congested](Engine::congested).
    pub is_congested: bool,
}

impl<K, P> Session<'_, K, P> {
    /// Returns whether it has a connection, congested or not.
    #[must_use]
    pub const fn is_attached(&self) -> bool {
        self.lost.is_none()
    }
}

impl<K: Eq + Hash, P, S: BuildHasher> Engine<K, P, S> {
    /// Returns the configuration in force.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Returns the options, from the configuration.
    #[must_use]
    pub const fn options(&self) -> &Options {
        self.config.options()
    }

    /// Returns the latest moment that the engine has been told of.
    #[must_use]
    pub const fn now(&self) -> Time {
        self.state.now()
    }

    // ---- users

    /// Returns whether the user has a session, be it a detached one
    /// ([rule 16](crate::rules#rule-16-queries), as of all queries). One hash look-up.
    #[must_use]
    pub fn is_online<Q>(&self, user: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.state.tables().find_online(user).is_some()
    }

    /// Returns those of these users who are online, in the order in which they are given. One hash
    /// look-up each.
    pub fn online_of<'q, Q>(
        &self,
        users: impl IntoIterator<Item = &'q Q>,
    ) -> impl Iterator<Item = &'q Q>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized + 'q,
    {
        users.into_iter().filter(|user| self.is_online(*user))
    }

    /// Returns everyone who is online, each once, in no particular order. O(1) each.
    pub fn users_online(&self) -> impl Iterator<Item = &K> {
        let users = self.state.tables().users();
        self.state.tables().iter_online().map(|user| users.id(user))
    }

    /// Returns whether the user is online and invisible. One hash look-up.
    #[must_use]
    pub fn is_invisible<Q>(&self, user: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let tables = self.state.tables();
        tables.find_online(user).is_some_and(|user| !tables.is_visible(user))
    }

    /// Returns the user's audience while it is online, in no particular order; nobody if it is
    /// not. One hash look-up, and O(1) each.
    pub fn audience<Q>(&self, user: &Q) -> impl ExactSizeIterator<Item = &K>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let tables = self.state.tables();
        let user = tables.find_online(user);
        let audience = user.map_or(&[][..], |user| tables.audience_of(user));
        audience.iter().map(|user| tables.users().id(*user))
    }

    /// Returns those whom the user has blocked while it is online, in no particular order; nobody
    /// if it is not. One hash look-up, and O(1) each.
    pub fn blocked<Q>(&self, user: &Q) -> impl ExactSizeIterator<Item = &K>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let tables = self.state.tables();
        let user = tables.find_online(user);
        let blocked = user.map_or(&[][..], |user| tables.blocked_by(user));
        blocked.iter().map(|user| tables.users().id(*user))
    }

    /// Returns whom a session [watches](crate::Engine::watch), each once, in no particular order,
    /// whether or not they are online; nobody if the key is stale. O(1) each.
    pub fn watched(&self, session: SessionKey) -> impl ExactSizeIterator<Item = &K> {
        let tables = self.state.tables();
        let session = tables.sessions().find(session);
        let watched = session.map_or(&[][..], |session| tables.watched_by(session));
        watched.iter().map(|(user, _)| tables.users().id(*user))
    }

    /// Returns the number of sessions that watch the user, who need not be online. For the host
    /// alone: whoever is watched learns nothing of it. One hash look-up.
    #[must_use]
    pub fn watchers<Q>(&self, user: &Q) -> usize
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let tables = self.state.tables();
        tables.find(user).map_or(0, |user| tables.watchers(user))
    }

    /// Returns whether a session may see what `user` publishes, as a contact's or because it
    /// watches the user: `user` is online and visible and not the session's own, and there is no
    /// block between the two. One hash look-up and two searches.
    #[must_use]
    pub fn session_sees<Q>(&self, session: SessionKey, user: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let tables = self.state.tables();
        let session = tables.sessions().find(session);
        let both = session.zip(tables.find_online(user));
        both.is_some_and(|(session, user)| tables.session_sees(session, user))
    }

    /// Returns the session that speaks for a user whose contacts are told
    /// [one state](Self::with_representative) of it, and, if the user is idle, when a person last
    /// did something on any of its devices. `None` where nobody chooses, or the user shows nothing.
    /// The session may have ended, if it is held. One hash look-up.
    #[must_use]
    pub fn representative<Q>(&self, user: &Q) -> Option<(Session<'_, K, P>, Option<Time>)>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let user = self.state.tables().find_online(user)?;
        let (session, idle_since) = self.state.tables().representative(user)?;
        Some((self.describe(session), idle_since))
    }

    /// Returns whether `viewer` may see what `user` publishes: `user` is online and visible,
    /// `viewer` is in its audience, and neither has blocked the other. Two hash look-ups and a
    /// search.
    #[must_use]
    pub fn sees<V, U>(&self, viewer: &V, user: &U) -> bool
    where
        K: Borrow<V> + Borrow<U>,
        V: Eq + Hash + ?Sized,
        U: Eq + Hash + ?Sized,
    {
        let tables = self.state.tables();
        let (viewer, user) = (tables.find(viewer), tables.find_online(user));
        viewer.zip(user).is_some_and(|(viewer, user)| tables.sees(viewer, user))
    }

    // ---- sessions

    /// Returns the keys of the user's sessions, detached ones included, in the order in which they
    /// connected. One hash look-up.
    pub fn sessions<'e, Q>(
        &'e self,
        user: &Q,
    ) -> impl ExactSizeIterator<Item = SessionKey> + use<'e, K, P, S, Q>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let tables = self.state.tables();
        let user = tables.find_online(user);
        let sessions = user.map_or(&[][..], |user| tables.sessions_of(user));
        sessions.iter().map(|session| tables.sessions().key(*session))
    }

    /// Returns what is known of the user's sessions, detached ones and those of other nodes
    /// included, in the order in which they connected. One hash look-up.
    pub fn user_sessions<'e, Q>(
        &'e self,
        user: &Q,
    ) -> impl ExactSizeIterator<Item = Session<'e, K, P>> + use<'e, K, P, S, Q>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let tables = self.state.tables();
        let user = tables.find_online(user);
        let sessions = user.map_or(&[][..], |user| tables.sessions_of(user));
        sessions.iter().map(|session| self.describe(*session))
    }

    /// Returns all sessions, detached ones included, in no particular order. O(1) each.
    pub fn all_sessions(&self) -> impl Iterator<Item = Session<'_, K, P>> {
        self.state.tables().sessions().iter().map(|session| self.describe(session))
    }

    /// Returns what is known of the session that has this key; `None` for a stale one. O(1).
    #[must_use]
    pub fn session(&self, key: SessionKey) -> Option<Session<'_, K, P>> {
        Some(self.describe(self.state.tables().sessions().find(key)?))
    }

    /// Returns the session that receivers know by this id, if it has not ended. O(1).
    #[must_use]
    pub fn session_by_id(&self, id: SessionId) -> Option<Session<'_, K, P>> {
        Some(self.describe(self.state.tables().sessions().find_id(id)?))
    }

    /// Returns the session of this id, also if it has ended and what it showed is held for others.
    /// The second is whether it is.
    pub(crate) fn record_by_id(&self, id: SessionId) -> Option<(Session<'_, K, P>, bool)> {
        let sessions = self.state.tables().sessions();
        let session = sessions.find_record(id)?;
        Some((self.describe(session), sessions.link(session) == Link::Held))
    }

    /// Returns whether contacts are told one state of each user.
    pub(crate) const fn tells_users(&self) -> bool {
        self.state.tables().voices().is_on
    }

    /// Returns what is held for others of a user's sessions that have ended.
    pub(crate) fn held_of(&self, user: &K) -> impl Iterator<Item = Session<'_, K, P>> {
        let tables = self.state.tables();
        let held = tables.find_online(user).map_or(&[][..], |user| tables.held_of(user));
        held.iter().map(|held| self.describe(held.session))
    }

    fn describe(&self, session: SessionIndex) -> Session<'_, K, P> {
        let (users, sessions) = (self.state.tables().users(), self.state.tables().sessions());
        Session {
            key: sessions.key(session),
            id: sessions.id(session),
            user: users.id(sessions.user(session)),
            kind: sessions.kind(session),
            presence: sessions.presence(session),
            connected: sessions.connected(session),
            heard: sessions.heard(session),
            lost: self.state.tables().loss(session),
            is_congested: sessions.link(session) == Link::Congested,
        }
    }

    /// Returns the presence of a session, one that waits for its token not counted. O(1).
    #[must_use]
    pub fn presence(&self, session: SessionKey) -> Option<&P> {
        let sessions = self.state.tables().sessions();
        sessions.presence(sessions.find(session)?)
    }

    /// Returns when what the session shows [ends by itself](Self::publish_until), and what takes
    /// its place then; `None` if it shows nothing, or what it shows has no end. A publish that
    /// waits for its token is not counted. O(1).
    ///
    /// ```
    /// # use adsum::{Config, Connect, Engine, Time};
    /// # let mut engine = Engine::<String, &str>::new(Config::default());
    /// # let (ann, _) = engine.connect(Time::ZERO, Connect::new("ann".to_owned()))?;
    /// # let now = Time::ZERO;
    /// let three = now.saturating_add(3_600_000);
    /// engine.publish_until(now, ann, "in a meeting", three, Some("available"))?.for_each(|_| {});
    /// assert_eq!(engine.presence_end(ann), Some((three, Some(&"available"))));
    /// engine.publish(now, ann, "here")?.for_each(|_| {});
    /// assert_eq!(engine.presence_end(ann), None);
    /// # Ok::<(), adsum::Error>(())
    /// ```
    #[must_use]
    pub fn presence_end(&self, session: SessionKey) -> Option<(Time, Option<&P>)> {
        let sessions = self.state.tables().sessions();
        let [shown, _] = sessions.expiries(sessions.find(session)?);
        let expiry = self.state.expiries().get(shown?)?;
        Some((expiry.until, expiry.then.as_ref()))
    }

    /// Returns whose session this is, if the key is not stale. O(1).
    #[must_use]
    pub fn user_of(&self, session: SessionKey) -> Option<&K> {
        let tables = self.state.tables();
        let session = tables.sessions().find(session)?;
        Some(tables.users().id(tables.sessions().user(session)))
    }

    /// Returns what receivers know this session by, if the key is not stale. O(1).
    #[must_use]
    pub fn id_of(&self, session: SessionKey) -> Option<SessionId> {
        let sessions = self.state.tables().sessions();
        Some(sessions.id(sessions.find(session)?))
    }

    /// Returns whether this attachment is current and has a connection, congested or not. O(1).
    #[must_use]
    pub fn is_attached(&self, session: SessionKey) -> bool {
        self.state.tables().find_session(session).is_some_and(|(_, link)| link.is_up())
    }

    /// Returns whether this session is congested. O(1).
    #[must_use]
    pub fn is_congested(&self, session: SessionKey) -> bool {
        let found = self.state.tables().find_session(session);
        found.is_some_and(|(_, link)| link == Link::Congested)
    }

    // ---- the whole

    /// Returns how much of everything the engine holds. The counts are kept, so it is O(1).
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.state.counts()
    }

    /// Returns what the engine has done so far. O(1).
    #[must_use]
    pub const fn stats(&self) -> Stats {
        self.state.stats()
    }

    /// Checks everything that must always hold between the parts of the engine, for tests and
    /// fuzzers. It walks over everything.
    ///
    /// # Errors
    /// What does not hold, in words.
    pub fn verify(&self) -> Result<(), &'static str> {
        self.state.verify()
    }
}
