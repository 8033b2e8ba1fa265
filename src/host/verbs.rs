//! The verbs of an engine, for connections instead of attachments.

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

impl<K, P, A, C, S> Host<K, P, A, C, S>
where
    K: Eq + Hash,
    A: Application<K, P>,
    C: Connection<A::Frame>,
    S: BuildHasher,
{
    // ---- inputs of a session

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

    /// Says that a connection is alive, as [`Engine::heartbeat`] does. Say it for whatever came in
    /// that is no other input: else the session's lease lapses.
    ///
    /// # Errors
    /// Those of the verb.
    pub fn heartbeat(&mut self, now: Time, connection: ConnectionId) -> Result<(), Error> {
        self.session_verb(now, connection, |engine, key| engine.heartbeat(now, key)).map(drop)
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

    /// Ends a session by its own will, as [`Engine::disconnect`] does, and closes its connection.
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
    /// Those of the verb.
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
        let key = self.session_of(connection);
        if let Some(entry) = key.and_then(|key| self.connections.get_mut(key)) {
            entry.close(Closing::Caller);
        }
    }

    // ---- what concerns a connection alone

    /// Sends a frame of the application's own, an answer or an error, behind what waits already.
    ///
    /// # Errors
    /// The frame, if the id is stale, the connection gone, or too much waits for it.
    pub fn send(
        &mut self,
        now: Time,
        connection: ConnectionId,
        frame: A::Frame,
    ) -> Result<(), A::Frame> {
        let key = self.session_of(connection);
        let Some((key, entry)) = key.and_then(|key| Some((key, self.connections.get_mut(key)?)))
        else {
            return Err(frame);
        };
        if entry.send_own(frame, self.outbox_limit)? {
            self.outcome.full.push(key);
        }
        self.settle(now);
        Ok(())
    }

    /// Says that a connection that gave a frame back takes frames again. What waits is sent, and
    /// when all of it is out, the engine tells what changed meanwhile. Nothing happens for one
    /// that takes frames anyway, or whose id is stale.
    pub fn flush(&mut self, now: Time, connection: ConnectionId) {
        self.advance(now);
        let Some(key) = self.session_of(connection) else { return };
        let Some(entry) = self.connections.get_mut(key) else { return };
        if !entry.is_connected() || !entry.flush() {
            return;
        }
        // Frames that were dropped are not known to the engine: only a snapshot makes good.
        if !(entry.take_has_lost() && self.start_anew(now, connection, key)) {
            // Refused only if it has ended meanwhile.
            let _ = self.carry_out(now, |engine| engine.writable(now, key));
        }
    }

    /// Has a session told everything, on the connection it has. Returns whether that went well.
    fn start_anew(&mut self, now: Time, connection: ConnectionId, before: SessionKey) -> bool {
        let Ok((key, decisions)) = self.engine.resume(now, before) else { return false };
        if let Some(entry) = self.connections.remove(before) {
            self.connections.insert(key, entry);
        }
        self.sessions.insert(connection, key);
        self.outcome.carry_out(
            decisions,
            &mut self.connections,
            &mut self.application,
            self.outbox_limit,
        );
        self.settle(now);
        true
    }

    // ---- inputs of the application

    /// Says something to named users from no session, as [`Engine::system`] does.
    ///
    /// # Errors
    /// Those of the verb.
    pub fn system<'q, Q>(
        &mut self,
        now: Time,
        users: impl IntoIterator<Item = &'q Q>,
        presence: P,
    ) -> Result<(), Error>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized + 'q,
    {
        self.verb(now, |engine| engine.system(now, users, presence))
    }

    /// Ends all sessions of a user, as [`Engine::expel`] does.
    pub fn expel<Q>(&mut self, now: Time, user: &Q)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let _ = self.verb(now, |engine| Ok(engine.expel(now, user)));
    }

    /// Gives the engine any other verb: an edit of lists, say.
    ///
    /// ```
    /// # use adsum::host::{Application, Connection, Host};
    /// # use adsum::{Error, Time};
    /// # fn befriend<A, C>(host: &mut Host<String, u8, A, C>, now: Time) -> Result<(), Error>
    /// # where A: Application<String, u8>, C: Connection<A::Frame> {
    /// host.verb(now, |engine| engine.audience_add(now, "ann", ["bob".to_owned()]))?;
    /// host.verb(now, |engine| engine.audience_add(now, "bob", ["ann".to_owned()]))?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Connections are the host's own: [`Engine::connect`] and [`Engine::resume`] are not for this.
    ///
    /// # Errors
    /// Those of the verb.
    pub fn verb(
        &mut self,
        now: Time,
        verb: impl for<'e> FnOnce(&'e mut Engine<K, P, S>) -> Result<Decisions<'e, K, P, S>, Error>,
    ) -> Result<(), Error> {
        self.advance(now);
        self.carry_out(now, verb).map(drop)
    }

    /// Does what is due, as [`Engine::advance`] does. Every other call does it first, so it is for
    /// the timer alone, at [`deadline`](Self::deadline).
    pub fn advance(&mut self, now: Time) {
        if self.engine.deadline().is_some_and(|at| at <= now) {
            let _ = self.carry_out(now, |engine| Ok(engine.advance(now)));
        }
    }

    // ---- what they have in common

    fn session_verb(
        &mut self,
        now: Time,
        connection: ConnectionId,
        verb: impl for<'e> FnOnce(
            &'e mut Engine<K, P, S>,
            SessionKey,
        ) -> Result<Decisions<'e, K, P, S>, Error>,
    ) -> Result<Option<Time>, Error> {
        self.advance(now);
        let key = self.session_of(connection).ok_or(Error::UnknownSession)?;
        self.carry_out(now, |engine| verb(engine, key))
    }

    /// Gives the engine a verb and carries its decisions out. Returns when an accepted publish
    /// goes out, if it waits.
    fn carry_out(
        &mut self,
        now: Time,
        verb: impl for<'e> FnOnce(&'e mut Engine<K, P, S>) -> Result<Decisions<'e, K, P, S>, Error>,
    ) -> Result<Option<Time>, Error> {
        let decisions = verb(&mut self.engine)?;
        let waits_until = decisions.waits_until();
        self.outcome.carry_out(
            decisions,
            &mut self.connections,
            &mut self.application,
            self.outbox_limit,
        );
        self.settle(now);
        Ok(waits_until)
    }
}
