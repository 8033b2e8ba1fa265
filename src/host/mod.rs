//! The host's half of presence, without a transport: what everybody who embeds the engine would
//! write again.
//!
//! A [`Host`] wraps an [`Engine`] and keeps a connection for each attachment, an outbox for each
//! connection that takes nothing now, and the order of things: what is due comes before an input,
//! a new connection is in the table before the decisions about it, a frame that finds no room
//! waits, the engine is told of that after the drain, and told again when the connection takes
//! frames; one that lost frames gets a snapshot. It owns no socket, no clock, no thread and no
//! encoding: you bring those by [`Connection`] and [`Application`].
//!
//! ```
//! use adsum::host::{Application, Connection, Host};
//! use adsum::{Config, Connect, Notice, Snapshot, Time};
//! use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
//!
//! struct Chat;
//! impl Application<String, String> for Chat {
//!     type Frame = String;
//!     fn notice(&mut self, notice: &Notice<'_, String, String>) -> Option<String> {
//!         match notice {
//!             Notice::Presence { user, presence, .. } => Some(format!("{user} is {presence}")),
//!             Notice::UserOffline { user, .. } => Some(format!("{user} has left")),
//!             _ => None,
//!         }
//!     }
//!     fn snapshot(&mut self, snapshot: &Snapshot<'_, String, String>) -> Option<String> {
//!         Some(format!("{} here", snapshot.len()))
//!     }
//! }
//!
//! /// The other end of the channel is read by whatever writes to the socket.
//! struct Outbound(SyncSender<String>);
//! impl Connection<String> for Outbound {
//!     fn send(&mut self, frame: String) -> Result<(), String> {
//!         self.0.try_send(frame).map_err(|full| match full {
//!             std::sync::mpsc::TrySendError::Full(frame) => frame,
//!             std::sync::mpsc::TrySendError::Disconnected(frame) => frame,
//!         })
//!     }
//! }
//!
//! let mut host = Host::new(Config::default(), Chat);
//! let now = Time::from_millis(0);
//! let connect = |name: &str, friend: &str| {
//!     Connect::new(name.to_owned()).audience([friend.to_owned()])
//! };
//! let (to_bob, bobs): (_, Receiver<String>) = sync_channel(8);
//! let bob = host.connect(now, connect("bob", "ann"), Outbound(to_bob)).map_err(|(e, _)| e)?;
//! let (to_ann, _anns) = sync_channel(8);
//! let ann = host.connect(now, connect("ann", "bob"), Outbound(to_ann)).map_err(|(e, _)| e)?;
//!
//! host.publish(now, ann, "at my desk".to_owned())?;
//! host.disconnect(now, ann)?;
//! assert_eq!(bobs.try_iter().collect::<Vec<_>>(), ["0 here", "ann is at my desk", "ann has left"]);
//! # let _ = bob;
//! # Ok::<(), adsum::Error>(())
//! ```

mod carry_out;
mod connection;
mod verbs;

pub use connection::{Application, Closing, Connection, ConnectionId, SessionEnd};

use crate::config::Config;
use crate::connect::Connect;
use crate::engine::Engine;
use crate::error::Error;
use crate::hasher::DefaultHashBuilder;
use crate::key::SessionKey;
use crate::slot_map::SlotMap;
use crate::time::Time;
use alloc::boxed::Box;
use carry_out::{Connections, Entry, Outcome};
use core::fmt;
use core::hash::{BuildHasher, Hash};
use std::collections::HashMap;

/// The most frames that wait for one connection, unless [`Host::outbox_limit`] says otherwise.
const OUTBOX_LIMIT: usize = 1_024;

/// An engine with its connections.
///
/// Each call takes the time, does what is due before, gives the engine the verb of its name, and
/// carries the decisions out. It never blocks and never waits.
pub struct Host<K, P, A: Application<K, P>, C, S = DefaultHashBuilder> {
    engine: Engine<K, P, S>,
    application: A,
    connections: Connections<A::Frame, C>,
    /// The current attachment of each session, by the connection that it has or had last.
    sessions: HashMap<ConnectionId, SessionKey>,
    last_id: u64,
    outbox_limit: usize,
    outcome: Outcome,
}

impl<K: Eq + Hash, P, A: Application<K, P>, C: Connection<A::Frame>> Host<K, P, A, C> {
    /// Returns a host with an empty engine.
    #[must_use]
    pub fn new(config: Config, application: A) -> Self {
        Self::with_hasher(config, DefaultHashBuilder::default(), application)
    }
}

impl<K, P, A, C, S> Host<K, P, A, C, S>
where
    K: Eq + Hash,
    A: Application<K, P>,
    C: Connection<A::Frame>,
    S: BuildHasher,
{
    /// Returns a host with an empty engine that has this hasher, as [`Engine::with_hasher`] does.
    #[must_use]
    pub fn with_hasher(config: Config, hasher: S, application: A) -> Self {
        Self {
            engine: Engine::with_hasher(config, hasher),
            application,
            connections: SlotMap::new(),
            sessions: HashMap::new(),
            last_id: 0,
            outbox_limit: OUTBOX_LIMIT,
            outcome: Outcome::default(),
        }
    }

    /// Sets the most frames that wait for one connection: at least 1, by default 1,024. Beyond it
    /// frames are dropped, and when the connection takes frames again it gets a snapshot instead
    /// of what changed. Only the frames of one input can wait at once: after it the engine knows
    /// that the connection takes nothing.
    #[must_use]
    pub fn outbox_limit(mut self, frames: usize) -> Self {
        self.outbox_limit = frames.max(1);
        self
    }

    // ---- what can be asked

    /// Returns the engine, to ask it.
    #[must_use]
    pub const fn engine(&self) -> &Engine<K, P, S> {
        &self.engine
    }

    /// Returns the application.
    #[must_use]
    pub const fn application(&self) -> &A {
        &self.application
    }

    /// Returns the application, to change it.
    #[must_use]
    pub const fn application_mut(&mut self) -> &mut A {
        &mut self.application
    }

    /// Returns the key of the session that this connection has, or had until it was lost; `None`
    /// for a stale id.
    #[must_use]
    pub fn session_of(&self, connection: ConnectionId) -> Option<SessionKey> {
        self.sessions.get(&connection).copied()
    }

    /// Returns when to call [`advance`](Self::advance) next; `None` while nothing is pending. Ask
    /// again after each call.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        self.engine.deadline()
    }

    // ---- connections come and go

    /// Brings up a connection with a new session, as [`Engine::connect`] does.
    ///
    /// # Errors
    /// Those of the verb, with the connection, so that its client can be told.
    pub fn connect<L, B>(
        &mut self,
        now: Time,
        connect: Connect<K, L, B>,
        connection: C,
    ) -> Result<ConnectionId, (Error, C)>
    where
        L: IntoIterator<Item = K>,
        B: IntoIterator<Item = K>,
    {
        self.advance(now);
        let (key, decisions) = match self.engine.connect(now, connect) {
            Ok(connected) => connected,
            Err(error) => return Err((error, connection)),
        };
        self.last_id += 1;
        let id = ConnectionId(self.last_id);
        // Before the decisions: the snapshot among them is for this connection.
        self.connections.insert(key, Box::new(Entry::new(id, connection)));
        self.sessions.insert(id, key);
        self.outcome.carry_out(
            decisions,
            &mut self.connections,
            &mut self.application,
            self.outbox_limit,
        );
        self.settle(now);
        Ok(id)
    }

    /// Attaches the session of an earlier connection to a new one, as [`Engine::resume`] does. The
    /// earlier one is closed if it is still there, and its id is stale from now on.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] if the session has ended or its grace is over, with the
    /// connection: it can connect anew.
    pub fn resume(
        &mut self,
        now: Time,
        earlier: ConnectionId,
        connection: C,
    ) -> Result<ConnectionId, (Error, C)> {
        self.advance(now);
        let Some(before) = self.session_of(earlier) else {
            return Err((Error::UnknownSession, connection));
        };
        let (key, decisions) = match self.engine.resume(now, before) {
            Ok(resumed) => resumed,
            Err(error) => return Err((error, connection)),
        };
        self.last_id += 1;
        let id = ConnectionId(self.last_id);
        // Before the decisions: the snapshot among them is for the new connection.
        if let Some(mut entry) = self.connections.remove(before) {
            entry.replace(id, connection);
            self.connections.insert(key, entry);
        }
        self.sessions.remove(&earlier);
        self.sessions.insert(id, key);
        self.outcome.carry_out(
            decisions,
            &mut self.connections,
            &mut self.application,
            self.outbox_limit,
        );
        self.settle(now);
        Ok(id)
    }

    // ---- what a drain leaves

    /// Tells the engine of the connections that took nothing more, and forgets the sessions that
    /// have ended.
    fn settle(&mut self, now: Time) {
        for id in self.outcome.ended.drain(..) {
            self.sessions.remove(&id);
        }
        for key in self.outcome.full.drain(..) {
            // Refused if it has ended since, and then there is nobody to be told.
            let _ = self.engine.congested(now, key);
        }
    }
}

impl<K, P, A, C, S> fmt::Debug for Host<K, P, A, C, S>
where
    K: Eq + Hash,
    A: Application<K, P>,
    S: BuildHasher,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("engine", &self.engine)
            .field("connections", &self.connections.len())
            .finish_non_exhaustive()
    }
}
