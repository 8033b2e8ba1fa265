//! The verbs of those who want to be told of users without being in their audience.

use crate::decisions::Decisions;
use crate::engine::Engine;
use crate::error::Error;
use crate::key::SessionKey;
use crate::time::Time;
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> Engine<K, P, S> {
    /// Has a session be told of users who need not have its user in their audience
    /// ([rule 21](crate::rules#rule-21-watch)), in addition to those that it watches already.
    ///
    /// From now on it sees of them what a contact would see. It gets one
    /// [snapshot](crate::Snapshot) of those named, which says what they show now and
    /// [names](crate::Snapshot::named) all of them; if it is congested, it is told with what else
    /// it missed. Users who are not online, or not known, may be watched: the session is told when
    /// they show something. A watch lasts until [`unwatch`](Self::unwatch), the session's end, or
    /// the session's user is [removed](Self::audience_remove) by the watched one. The session's own
    /// user is passed over.
    ///
    /// Nobody is asked and nobody is told, but for blocks and invisibility, which hold here as for
    /// contacts. **Who may watch whom is the host's to check** before it calls this, and a client's
    /// wish must not reach it unchecked.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] and [`Error::Detached`]; [`Error::WatchLimit`] if it names more
    /// than [`Options::max_watched`](crate::Options::max_watched), or would watch more;
    /// [`Error::Full`].
    ///
    /// # Costs
    /// One hash look-up per id, O(n log n) to sort n of them, and O(w log w) for the w users
    /// who are watched then.
    ///
    /// ```
    /// # use adsum::{Config, Connect, Decision, Engine, Time};
    /// # let mut engine = Engine::<String, &str>::new(Config::default());
    /// # let now = Time::ZERO;
    /// // A public figure: nobody stands in its audience.
    /// let (star, _) = engine.connect(now, Connect::new("star".to_owned()))?;
    /// engine.publish(now, star, "on stage")?.for_each(|_| {});
    /// let (fan, _) = engine.connect(now, Connect::new("fan".to_owned()))?;
    /// let mut decisions = engine.watch(now, fan, ["star".to_owned()])?;
    /// let Some(Decision::Snapshot(snapshot)) = decisions.next() else { panic!() };
    /// assert_eq!(snapshot.entries().next().map(|entry| *entry.presence), Some("on stage"));
    /// # Ok::<(), adsum::Error>(())
    /// ```
    pub fn watch(
        &mut self,
        now: Time,
        session: SessionKey,
        users: impl IntoIterator<Item = K>,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        self.session_input(now, session, |state| state.watch(session, users))
    }

    /// Ends watches of a session ([rule 24](crate::rules#rule-24-unwatch)). Nobody is told: the
    /// session goes on holding what it knows of those users, which is no longer kept true unless it
    /// sees them as their contact, so whoever keeps it forgets it (see
    /// [`Replica::forget`](crate::Replica::forget)). Users who are not watched are passed over.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] and [`Error::Detached`]; [`Error::WatchLimit`] if it names more
    /// than [`Options::max_watched`](crate::Options::max_watched).
    ///
    /// # Costs
    /// One hash look-up per id, and O(w) for the w users watched.
    pub fn unwatch<'q, Q>(
        &mut self,
        now: Time,
        session: SessionKey,
        users: impl IntoIterator<Item = &'q Q>,
    ) -> Result<Decisions<'_, K, P, S>, Error>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized + 'q,
    {
        self.session_input(now, session, |state| state.unwatch(session, users))
    }
}
