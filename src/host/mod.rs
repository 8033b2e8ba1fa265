//! The host's half of presence, without a transport: what everybody who embeds the engine would
//! write again.
//!
//! A [`Host`] wraps an [`Engine`] and keeps a connection for each attachment, an outbox for each
//! connection that takes nothing now, and the order of things: what was due comes before an input,
//! a new connection is in the table before the decisions about it, a frame that finds no room
//! waits, the engine is told of that after the drain, and told again when the connection takes
//! frames; one that lost frames gets a snapshot. It owns no socket, no clock, no thread and no
//! encoding: you bring those by [`Connection`] and [`Application`]. A node of a cluster drives the
//! engine itself: a host takes nothing of what other nodes say.
//!
//! The usual shape is one task or thread that owns the host and takes inputs from a queue, and for
//! each connection whatever reads it, which puts inputs into that queue, and whatever writes it,
//! which takes frames from a bounded queue of its own. Nobody waits for a slow reader then, and
//! the host is free of locks. `examples/room.rs` has threads, `examples/axum` has tasks.
//!
//! ```
//! use adsum::host::{Application, Connection, Host};
//! use adsum::{Config, Connect, Notice, Snapshot, Time};
//! use std::sync::mpsc::sync_channel;
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
//! let mut host = Host::new(Config::default(), Chat);
//! let now = Time::from_millis(0);
//! let connect = |name: &str, friend: &str| {
//!     Connect::new(name.to_owned()).audience([friend.to_owned()])
//! };
//! // The other end of each channel is for whatever writes to the socket.
//! let (to_bob, bobs) = sync_channel(8);
//! host.connect(now, connect("bob", "ann"), to_bob)?;
//! let (to_ann, _anns) = sync_channel(8);
//! let ann = host.connect(now, connect("ann", "bob"), to_ann)?;
//!
//! host.publish(now, ann, "at my desk".to_owned())?;
//! host.disconnect(now, ann)?;
//! let heard: Vec<String> = bobs.try_iter().collect();
//! assert_eq!(heard, ["0 here", "ann is at my desk", "ann has left"]);
//! # Ok::<(), adsum::Error>(())
//! ```

mod carry_out;
mod connection;
mod connections;
mod of_users;
mod topics;
mod verbs;

pub use connection::{Application, Closing, Connection, ConnectionId, Refused, SessionEnd};
pub use connections::HostCounts;

use crate::config::Config;
use crate::connect::Connect;
use crate::decisions::Decisions;
use crate::engine::Engine;
use crate::error::Error;
use crate::hasher::DefaultHashBuilder;
use crate::key::SessionKey;
use crate::time::Time;
use connections::{Connections, Flushed};
use core::fmt;
use core::hash::{BuildHasher, Hash};

/// The most frames that wait for one connection, unless [`Host::outbox_limit`] says otherwise.
const OUTBOX_LIMIT: usize = 1_024;

/// An engine with its connections.
///
/// Each call takes the time, does what was due before, gives the engine the verb of its name, and
/// carries the decisions out. It never blocks and never waits. A call that is refused changes
/// nothing, but what was due before it has been done.
///
/// # Time
/// All that was due before an input happens before it, whatever it takes. Where that is long,
/// [`advance`](Self::advance) does a part of it, so that you can look after your sockets.
///
/// What was due before an input happens before it, so an input that has waited for long may come
/// too late: a heartbeat after its lease has lapsed, say. A host that did not run for a while (a
/// paused machine, a thread that got no turn) therefore leaves that stretch out of its clock, or
/// everybody is lost at once; see [`Time`].
///
/// # Costs
/// Beside the engine's own: an indexed access for each input and two for each receiver; for each
/// session about 100 bytes and the connection, and 32 bytes for each user that the engine knows
/// ([`SlotMap`](crate::SlotMap)). Once warm, only [`connect`](Self::connect) and frames that have
/// to wait allocate.
pub struct Host<K, P, A: Application<K, P>, C, S = DefaultHashBuilder> {
    engine: Engine<K, P, S>,
    application: A,
    connections: Connections<A::Frame, C>,
    /// The moment of an [`advance`](Self::advance) that left something due: that comes before
    /// whatever else happens at it.
    left_due_at: Option<Time>,
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
        Self::with_engine(Engine::with_hasher(config, hasher), application)
    }

    /// Returns a host around an engine in which nobody is online yet, one with
    /// [a representative](Engine::with_representative), say.
    #[must_use]
    pub fn with_engine(engine: Engine<K, P, S>, application: A) -> Self {
        let connections = Connections::new(OUTBOX_LIMIT);
        Self { engine, application, connections, left_due_at: None }
    }

    /// Sets the most frames that wait for one connection: at least 1, by default 1,024. Beyond it
    /// notices are dropped, and when the connection takes frames again it gets a snapshot instead
    /// of what changed. A snapshot itself is never dropped, so with one waiting there may be more.
    ///
    /// Only notices of one input can wait at once, and frames of your own: after each call the
    /// engine knows which connections take nothing. One input gives a connection many notices if
    /// much was due at once, or when a connection that took nothing is told what changed.
    #[must_use]
    pub fn outbox_limit(mut self, frames: usize) -> Self {
        self.connections.set_outbox_limit(frames);
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
    /// for a stale id. O(1).
    #[must_use]
    pub fn session_of(&self, connection: ConnectionId) -> Option<SessionKey> {
        self.connections.find(connection)
    }

    /// Returns how much the host holds beside its engine. O(1).
    #[must_use]
    pub const fn counts(&self) -> HostCounts {
        self.connections.counts()
    }

    /// Returns when to call [`advance`](Self::advance) next; `None` while nothing is pending. Ask
    /// again after each call.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        self.engine.deadline()
    }

    // ---- connections come and go

    /// Brings up a connection with a new session, as [`Engine::connect`] does. A session that has
    /// to make way for it is closed.
    ///
    /// # Errors
    /// Those of the verb, with the connection, so that its client can be told.
    pub fn connect<L, B>(
        &mut self,
        now: Time,
        connect: Connect<K, L, B>,
        connection: C,
    ) -> Result<ConnectionId, Refused<C>>
    where
        L: IntoIterator<Item = K>,
        B: IntoIterator<Item = K>,
    {
        self.advance_before(now);
        let (key, decisions) = match self.engine.connect(now, connect) {
            Ok(connected) => connected,
            Err(error) => return Err(Refused { error, connection }),
        };
        // Before the decisions: the snapshot among them is for this connection.
        let id = self.connections.add(key, connection);
        carry_out::carry_out(decisions, None, &mut self.connections, &mut self.application);
        self.report_congestion(now);
        Ok(id)
    }

    /// Attaches the session of an earlier connection to a new one, as [`Engine::resume`] does. The
    /// earlier one is closed if it is still there, what waited for it is dropped, and its id is
    /// stale from now on.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] if the session has ended or its grace is over, with the
    /// connection: it can connect anew.
    pub fn resume(
        &mut self,
        now: Time,
        earlier: ConnectionId,
        connection: C,
    ) -> Result<ConnectionId, Refused<C>> {
        self.advance_before(now);
        let Some(before) = self.session_of(earlier) else {
            return Err(Refused { error: Error::UnknownSession, connection });
        };
        let (key, decisions) = match self.engine.resume(now, before) {
            Ok(resumed) => resumed,
            Err(error) => return Err(Refused { error, connection }),
        };
        // Before the decisions: the snapshot among them is for the new connection.
        let id = self.connections.replace(before, key, connection);
        carry_out::carry_out(decisions, None, &mut self.connections, &mut self.application);
        self.report_congestion(now);
        Ok(id)
    }

    /// Says that a connection that gave a frame back takes frames again. What waits is sent, and
    /// when all of it is out, the engine tells what changed meanwhile. Nothing happens while
    /// nothing waits, or if the id is stale.
    ///
    /// If notices were dropped, the session gets a snapshot instead. To the engine that is a
    /// [resume](Engine::resume) on the connection that it has, and so a sign of life.
    pub fn flush(&mut self, now: Time, connection: ConnectionId) {
        self.advance_before(now);
        let Some(key) = self.session_of(connection) else { return };
        match self.connections.flush(key) {
            Flushed::Nothing | Flushed::Some => {}
            Flushed::All => {
                // It is attached: frames wait only where there is a connection.
                let Self { engine, connections, application, .. } = self;
                if let Ok(decisions) = engine.writable(now, key) {
                    carry_out::carry_out(decisions, Some(key.slot()), connections, application);
                }
                self.report_congestion(now);
            }
            Flushed::AllThatWasKept => self.start_anew(now, key),
        }
    }

    /// Has a session told everything, on the connection that it has.
    fn start_anew(&mut self, now: Time, before: SessionKey) {
        // Refused only if 2^31 such resumes have used up the session's keys.
        let Ok((key, decisions)) = self.engine.resume(now, before) else { return };
        self.connections.move_to(before, key);
        carry_out::carry_out(decisions, None, &mut self.connections, &mut self.application);
        self.report_congestion(now);
    }

    /// Does what is due, as [`Engine::advance`] does: where much is due of which nobody is told, a
    /// part of it, and [`deadline`](Self::deadline) is still a moment that has come. Every other
    /// call first does all that was due before it, so this is for the timer alone, at that moment.
    pub fn advance(&mut self, now: Time) {
        // Time that goes backwards stands still.
        let now = now.max(self.engine.now());
        if self.deadline().is_some_and(|at| at <= now) {
            let _ = self.carry_out(now, |engine| Ok(engine.advance(now)));
            self.left_due_at = Some(now).filter(|_| self.deadline().is_some_and(|at| at <= now));
        }
    }

    /// Lets go of all connections, which are to be closed, and returns the application. Nobody is
    /// told anything else: every client sees its own connection close.
    pub fn shut_down(mut self) -> A {
        self.connections.close_all(Closing::ShutDown);
        self.application
    }

    // ---- what the calls have in common

    /// Does all that was due before an input. At the same millisecond the input comes first
    /// (rule 5), unless the timer has come before it.
    fn advance_before(&mut self, now: Time) {
        let before = now.as_millis().checked_sub(1).map(Time::from_millis);
        let Some(until) = before.max(self.left_due_at) else { return };
        while self.deadline().is_some_and(|at| at <= until) {
            let _ = self.carry_out(until, |engine| Ok(engine.advance(until)));
        }
        self.left_due_at = None;
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
        carry_out::carry_out(decisions, None, &mut self.connections, &mut self.application);
        self.report_congestion(now);
        Ok(waits_until)
    }

    /// Tells the engine of the connections that took nothing more.
    fn report_congestion(&mut self, now: Time) {
        while let Some(key) = self.connections.next_full() {
            // Refused if it has been closed since: then there is nobody to be told.
            let _ = self.engine.congested(now, key);
        }
    }
}

impl<K, P, A, C, S> fmt::Debug for Host<K, P, A, C, S>
where
    K: Eq + Hash,
    A: Application<K, P>,
    C: Connection<A::Frame>,
    S: BuildHasher,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("engine", &self.engine)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}
