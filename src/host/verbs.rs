//! The inputs of one connection.

use crate::decisions::Decisions;
use crate::engine::Engine;
use crate::error::Error;
use crate::event::LostCause;
use crate::host::Host;
use crate::host::connection::{Application, Closing, Connection, ConnectionId};
use crate::key::SessionKey;
use crate::time::Time;
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};

/// The verbs of a connection: each is the engine's verb of the same name.
impl<K, P, A, C, S> Host<K, P, A, C, S>
where
    K: Eq + Hash,
    A: Application<K, P>,
    C: Connection<A::Frame>,
    S: BuildHasher,
{
    /// Publishes a presence, as [`Engine::publish`] does. Returns when it goes out, if it has to
    /// wait for a token.
    ///
    /// # Errors
    /// Those of the verb.
    pub fn publish(
        &mut self,
        now: Time,
        connection: ConnectionId,
        presence: P,
    ) -> Result<Option<Time>, Error> {
        self.session_verb(now, connection, |engine, key| engine.publish(now, key, presence))
    }

    /// Sends directed presence, as [`Engine::direct`] does.
    ///
    /// # Errors
    /// Those of the verb.
    pub fn direct<'q, Q>(
        &mut self,
        now: Time,
        connection: ConnectionId,
        users: impl IntoIterator<Item = &'q Q>,
        presence: P,
    ) -> Result<(), Error>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized + 'q,
    {
        self.session_verb(now, connection, |engine, key| engine.direct(now, key, users, presence))
            .map(drop)
    }

    /// Publishes a presence that ends by itself, as [`Engine::publish_until`] does. Returns when it
    /// goes out, if it has to wait for a token.
    ///
    /// # Errors
    /// Those of the verb.
    pub fn publish_until(
        &mut self,
        now: Time,
        connection: ConnectionId,
        presence: P,
        until: Time,
        then: Option<P>,
    ) -> Result<Option<Time>, Error> {
        self.session_verb(now, connection, |engine, key| {
            engine.publish_until(now, key, presence, until, then)
        })
    }

    /// Takes back what a connection shows, as [`Engine::withdraw`] does.
    ///
    /// # Errors
    /// Those of the verb.
    pub fn withdraw(&mut self, now: Time, connection: ConnectionId) -> Result<(), Error> {
        self.session_verb(now, connection, |engine, key| engine.withdraw(now, key)).map(drop)
    }

    /// Sends directed presence that ends by itself, as [`Engine::direct_for`] does.
    ///
    /// # Errors
    /// Those of the verb.
    pub fn direct_for<'q, Q>(
        &mut self,
        now: Time,
        connection: ConnectionId,
        users: impl IntoIterator<Item = &'q Q>,
        presence: P,
        for_ms: u64,
    ) -> Result<(), Error>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized + 'q,
    {
        self.session_verb(now, connection, |engine, key| {
            engine.direct_for(now, key, users, presence, for_ms)
        })
        .map(drop)
    }

    /// Has a connection be told of users who need not have its user in their audience, as
    /// [`Engine::watch`] does. Who may watch whom is the caller's to check.
    ///
    /// # Errors
    /// Those of the verb.
    pub fn watch(
        &mut self,
        now: Time,
        connection: ConnectionId,
        users: impl IntoIterator<Item = K>,
    ) -> Result<(), Error> {
        self.session_verb(now, connection, |engine, key| engine.watch(now, key, users)).map(drop)
    }

    /// Ends watches of a connection, as [`Engine::unwatch`] does.
    ///
    /// # Errors
    /// Those of the verb.
    pub fn unwatch<'q, Q>(
        &mut self,
        now: Time,
        connection: ConnectionId,
        users: impl IntoIterator<Item = &'q Q>,
    ) -> Result<(), Error>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized + 'q,
    {
        self.session_verb(now, connection, |engine, key| engine.unwatch(now, key, users)).map(drop)
    }

    /// Says that a connection is alive, as [`Engine::heartbeat`] does. Say it for whatever came in
    /// that is no other input: else the session's lease lapses.
    ///
    /// # Errors
    /// Those of the verb.
    pub fn heartbeat(&mut self, now: Time, connection: ConnectionId) -> Result<(), Error> {
        self.session_verb(now, connection, |engine, key| engine.heartbeat(now, key)).map(drop)
    }

    /// Says that a person did something on a connection's device, as [`Engine::active`] does. It is
    /// a sign of life as well.
    ///
    /// # Errors
    /// Those of the verb.
    pub fn active(&mut self, now: Time, connection: ConnectionId) -> Result<(), Error> {
        self.session_verb(now, connection, |engine, key| engine.active(now, key)).map(drop)
    }

    /// Makes the user invisible, as [`Engine::invisible`] does.
    ///
    /// # Errors
    /// Those of the verb.
    pub fn invisible(&mut self, now: Time, connection: ConnectionId) -> Result<(), Error> {
        self.session_verb(now, connection, |engine, key| engine.invisible(now, key)).map(drop)
    }

    /// Makes the user visible, as [`Engine::visible`] does.
    ///
    /// # Errors
    /// Those of the verb.
    pub fn visible(&mut self, now: Time, connection: ConnectionId) -> Result<(), Error> {
        self.session_verb(now, connection, |engine, key| engine.visible(now, key)).map(drop)
    }

    /// Ends a session by its own will, as [`Engine::disconnect`] does, and lets go of its
    /// connection. A session whose connection is gone already is ended all the same, so say this
    /// for a logout only, and [`lost`](Self::lost) for whatever else ends a connection.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] for a stale id.
    pub fn disconnect(&mut self, now: Time, connection: ConnectionId) -> Result<(), Error> {
        self.session_verb(now, connection, |engine, key| engine.disconnect(now, key)).map(drop)
    }

    /// Reports that a connection is gone, as [`Engine::lost`] does, and lets go of it. Within the
    /// grace its session can be [resumed](Self::resume) by this id.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] for a stale id: the late end of a connection that another has
    /// replaced ends nobody.
    pub fn lost(
        &mut self,
        now: Time,
        connection: ConnectionId,
        cause: LostCause,
    ) -> Result<(), Error> {
        self.session_verb(now, connection, |engine, key| engine.lost(now, key, cause))?;
        self.let_go(connection);
        Ok(())
    }

    /// Reports a loss with a grace of its own, as [`Engine::lost_with_grace`] does, and lets go of
    /// the connection.
    ///
    /// # Errors
    /// Those of the verb, after which the connection is still there.
    pub fn lost_with_grace(
        &mut self,
        now: Time,
        connection: ConnectionId,
        cause: LostCause,
        grace_ms: u64,
    ) -> Result<(), Error> {
        self.session_verb(now, connection, |engine, key| {
            engine.lost_with_grace(now, key, cause, grace_ms)
        })?;
        self.let_go(connection);
        Ok(())
    }

    fn let_go(&mut self, connection: ConnectionId) {
        if let Some(key) = self.session_of(connection) {
            self.connections.close(key, Closing::Caller);
        }
    }

    /// Sends a frame of your own, an answer or an error, behind what waits already.
    ///
    /// # Errors
    /// The frame, if the id is stale, the connection gone, or too much waits for it.
    pub fn send(
        &mut self,
        now: Time,
        connection: ConnectionId,
        frame: A::Frame,
    ) -> Result<(), A::Frame> {
        self.advance_before(now);
        let Some(key) = self.session_of(connection) else { return Err(frame) };
        self.connections.send_own(key, frame)?;
        self.report_congestion(now);
        Ok(())
    }

    pub(super) fn session_verb(
        &mut self,
        now: Time,
        connection: ConnectionId,
        verb: impl for<'e> FnOnce(
            &'e mut Engine<K, P, S>,
            SessionKey,
        ) -> Result<Decisions<'e, K, P, S>, Error>,
    ) -> Result<Option<Time>, Error> {
        self.advance_before(now);
        let key = self.session_of(connection).ok_or(Error::UnknownSession)?;
        self.carry_out(now, |engine| verb(engine, key))
    }
}
