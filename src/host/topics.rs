//! The inputs about topics.

use crate::error::Error;
use crate::host::Host;
use crate::host::connection::{Application, Connection, ConnectionId};
use crate::key::TopicKey;
use crate::time::Time;
use crate::topic::{Join, TopicOptions, View};
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};

/// The verbs about topics: each is the engine's verb of the same name.
impl<K, P, A, C, S> Host<K, P, A, C, S>
where
    K: Eq + Hash,
    A: Application<K, P>,
    C: Connection<A::Frame>,
    S: BuildHasher,
{
    /// Has a connection join a topic, as [`Engine::join`](crate::Engine::join) does. Who may join
    /// what is the caller's to check.
    ///
    /// # Errors
    /// Those of the verb.
    pub fn join(
        &mut self,
        now: Time,
        connection: ConnectionId,
        topic: K,
        join: Join<P>,
    ) -> Result<TopicKey, Error> {
        let mut key = None;
        self.session_verb(now, connection, |engine, session| {
            let (topic, decisions) = engine.join(now, session, topic, join)?;
            key = Some(topic);
            Ok(decisions)
        })?;
        key.ok_or(Error::UnknownTopic)
    }

    /// Changes what a connection shows in a topic, as [`Engine::update`](crate::Engine::update)
    /// does. Returns when it is shown, if it has to wait for a token.
    ///
    /// # Errors
    /// Those of the verb.
    pub fn update(
        &mut self,
        now: Time,
        connection: ConnectionId,
        topic: TopicKey,
        presence: P,
    ) -> Result<Option<Time>, Error> {
        self.session_verb(now, connection, |engine, key| engine.update(now, key, topic, presence))
    }

    /// Has a connection leave a topic, as [`Engine::leave`](crate::Engine::leave) does.
    ///
    /// # Errors
    /// Those of the verb.
    pub fn leave(
        &mut self,
        now: Time,
        connection: ConnectionId,
        topic: TopicKey,
    ) -> Result<(), Error> {
        self.session_verb(now, connection, |engine, key| engine.leave(now, key, topic)).map(drop)
    }

    /// Changes what a connection is told of a topic, as [`Engine::look`](crate::Engine::look) does.
    ///
    /// # Errors
    /// Those of the verb.
    pub fn look(
        &mut self,
        now: Time,
        connection: ConnectionId,
        topic: TopicKey,
        view: View,
    ) -> Result<(), Error> {
        self.session_verb(now, connection, |engine, key| engine.look(now, key, topic, view))
            .map(drop)
    }

    /// Has a connection look at members by name, as [`Engine::look_at`](crate::Engine::look_at)
    /// does.
    ///
    /// # Errors
    /// Those of the verb.
    pub fn look_at(
        &mut self,
        now: Time,
        connection: ConnectionId,
        topic: TopicKey,
        users: impl IntoIterator<Item = K>,
    ) -> Result<(), Error> {
        self.session_verb(now, connection, |engine, key| engine.look_at(now, key, topic, users))
            .map(drop)
    }

    /// Says something in a topic, as [`Engine::say`](crate::Engine::say) does.
    ///
    /// # Errors
    /// Those of the verb.
    pub fn say(
        &mut self,
        now: Time,
        connection: ConnectionId,
        topic: TopicKey,
        presence: P,
        for_ms: Option<u64>,
    ) -> Result<(), Error> {
        self.session_verb(now, connection, |engine, key| {
            engine.say(now, key, topic, presence, for_ms)
        })
        .map(drop)
    }

    /// Takes a user out of a topic, as [`Engine::remove`](crate::Engine::remove) does.
    pub fn remove<T, Q>(&mut self, now: Time, topic: &T, user: &Q)
    where
        K: Borrow<T> + Borrow<Q>,
        T: Eq + Hash + ?Sized,
        Q: Eq + Hash + ?Sized,
    {
        let _ = self.verb(now, |engine| Ok(engine.remove(now, topic, user)));
    }

    /// Closes a topic, as [`Engine::close`](crate::Engine::close) does.
    pub fn close<T>(&mut self, now: Time, topic: &T)
    where
        K: Borrow<T>,
        T: Eq + Hash + ?Sized,
    {
        let _ = self.verb(now, |engine| Ok(engine.close(now, topic)));
    }

    /// Gives a topic options of its own, as
    /// [`Engine::topic_options`](crate::Engine::topic_options) does.
    ///
    /// # Errors
    /// Those of the verb.
    pub fn topic_options<T>(
        &mut self,
        now: Time,
        topic: &T,
        options: TopicOptions,
    ) -> Result<(), Error>
    where
        K: Borrow<T>,
        T: Eq + Hash + ?Sized,
    {
        self.verb(now, |engine| engine.topic_options(now, topic, options))
    }
}
