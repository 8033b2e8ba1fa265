//! The inputs that are about users, and of no connection.

use crate::decisions::Decisions;
use crate::engine::Engine;
use crate::error::Error;
use crate::host::Host;
use crate::host::connection::{Application, Connection};
use crate::time::Time;
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};

/// The verbs about users: each is the engine's verb of the same name.
impl<K, P, A, C, S> Host<K, P, A, C, S>
where
    K: Eq + Hash,
    A: Application<K, P>,
    C: Connection<A::Frame>,
    S: BuildHasher,
{
    /// Adds contacts to a user's audience, as [`Engine::audience_add`] does.
    ///
    /// # Errors
    /// Those of the verb.
    pub fn audience_add<Q>(
        &mut self,
        now: Time,
        user: &Q,
        contacts: impl IntoIterator<Item = K>,
    ) -> Result<(), Error>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.verb(now, |engine| engine.audience_add(now, user, contacts))
    }

    /// Takes contacts out of a user's audience, as [`Engine::audience_remove`] does.
    ///
    /// # Errors
    /// Those of the verb.
    pub fn audience_remove<'q, Q, R>(
        &mut self,
        now: Time,
        user: &Q,
        contacts: impl IntoIterator<Item = &'q R>,
    ) -> Result<(), Error>
    where
        K: Borrow<Q> + Borrow<R>,
        Q: Eq + Hash + ?Sized,
        R: Eq + Hash + ?Sized + 'q,
    {
        self.verb(now, |engine| engine.audience_remove(now, user, contacts))
    }

    /// Makes this a user's audience, as [`Engine::audience_replace`] does.
    ///
    /// # Errors
    /// Those of the verb.
    pub fn audience_replace<Q>(
        &mut self,
        now: Time,
        user: &Q,
        contacts: impl IntoIterator<Item = K>,
    ) -> Result<(), Error>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.verb(now, |engine| engine.audience_replace(now, user, contacts))
    }

    /// Blocks another user for a user, as [`Engine::block`] does.
    ///
    /// # Errors
    /// Those of the verb.
    pub fn block<Q>(&mut self, now: Time, user: &Q, other: K) -> Result<(), Error>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.verb(now, |engine| engine.block(now, user, other))
    }

    /// Takes a user's block back, as [`Engine::unblock`] does.
    ///
    /// # Errors
    /// Those of the verb.
    pub fn unblock<Q, R>(&mut self, now: Time, user: &Q, other: &R) -> Result<(), Error>
    where
        K: Borrow<Q> + Borrow<R>,
        Q: Eq + Hash + ?Sized,
        R: Eq + Hash + ?Sized,
    {
        self.verb(now, |engine| engine.unblock(now, user, other))
    }

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

    /// Ends all sessions of a user, as [`Engine::expel`] does, and closes their connections.
    pub fn expel<Q>(&mut self, now: Time, user: &Q)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let _ = self.verb(now, |engine| Ok(engine.expel(now, user)));
    }

    /// Gives back memory that only a past peak needed, of the engine as [`Engine::shrink_to_fit`]
    /// does, and of the table of connections. It walks over everything.
    pub fn shrink_to_fit(&mut self) {
        self.engine.shrink_to_fit();
        self.connections.shrink_to_fit();
    }

    pub(super) fn verb(
        &mut self,
        now: Time,
        verb: impl for<'e> FnOnce(&'e mut Engine<K, P, S>) -> Result<Decisions<'e, K, P, S>, Error>,
    ) -> Result<(), Error> {
        self.advance_before(now);
        self.carry_out(now, verb).map(drop)
    }
}
