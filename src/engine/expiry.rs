//! The verbs for what ends by itself or is taken back.

use super::Engine;
use crate::decisions::{Decisions, InputContext};
use crate::error::Error;
use crate::key::SessionKey;
use crate::time::Time;
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> Engine<K, P, S> {
    /// Publishes a presence that ends by itself
    /// ([rule 25](crate::rules#rule-25-presence-that-ends-by-itself)): as
    /// [`publish`](Self::publish) does, and at `until` [`advance`](Self::advance) puts `then` in
    /// its place, or without one [withdraws](Self::withdraw) it. "In a meeting until three, then
    /// available" is one call, and nobody has to be there at three.
    ///
    /// A newer publish that is shown cancels it, and so do a withdrawal and the session's end. It
    /// holds for a detached session too. Its end takes no token. While it waits for a token the
    /// clock runs: from `until` on only `then` is shown. If `until` is not after `now`, `then` is
    /// published, or what the session shows is withdrawn, at once.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] and [`Error::Detached`]; [`Error::ExpiryLimit`] if it is to last
    /// longer than [`Options::max_expiry_ms`](crate::Options::max_expiry_ms); checked in this
    /// order.
    ///
    /// # Costs
    /// Those of a publish, now and at its end, and a deadline.
    ///
    /// ```
    /// # use adsum::{Config, Connect, Engine, Time};
    /// # let mut engine = Engine::<String, &str>::new(Config::default());
    /// # let (session, _) = engine.connect(Time::ZERO, Connect::new("ann".to_owned()))?;
    /// # let now = Time::ZERO;
    /// let three = now.saturating_add(3_600_000);
    /// let then = Some("available");
    /// engine.publish_until(now, session, "in a meeting", three, then)?.for_each(|_| {});
    /// # engine.heartbeat(Time::from_millis(3_590_000), session)?.for_each(|_| {});
    /// engine.advance(three).for_each(|_| {});
    /// assert_eq!(engine.presence(session), Some(&"available"));
    /// # Ok::<(), adsum::Error>(())
    /// ```
    pub fn publish_until(
        &mut self,
        now: Time,
        session: SessionKey,
        presence: P,
        until: Time,
        then: Option<P>,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        let waits_until =
            self.input(now, |state| state.publish_until(session, presence, until, then))?;
        Ok(self.drain(InputContext {
            session: Some(session),
            waits_until,
            ..InputContext::default()
        }))
    }

    /// Takes back what a session shows ([rule 25a](crate::rules#rule-25a-withdrawal)): from now on
    /// it shows nothing, while the user's other sessions show what they do. Whoever saw it is told
    /// [`Withdrawn`](crate::Notice::Withdrawn), whatever
    /// [`Options::offline_notices`](crate::Options::offline_notices) says. A publish that waits for
    /// a token is dropped, and no token is taken. What the session directed holds. Its next
    /// presence is a [`First`](crate::PresenceKind::First) again. If it shows nothing, this is
    /// silent.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] and [`Error::Detached`].
    ///
    /// # Costs
    /// Those of a publish.
    pub fn withdraw(
        &mut self,
        now: Time,
        session: SessionKey,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        self.session_input(now, session, |state| state.withdraw(session))
    }

    /// Says something to named users only, for so long
    /// ([rule 26](crate::rules#rule-26-directed-presence-that-ends-by-itself)): as
    /// [`direct`](Self::direct) does, and after `for_ms` milliseconds [`advance`](Self::advance)
    /// tells those it reached that it is [over](crate::Notice::DirectedOver). "Is typing" is what
    /// it is made for: a client that goes on typing says so again before the time is over, which
    /// extends it and is told as another [`Directed`](crate::Notice::Directed).
    ///
    /// Whoever the session has directed to again meanwhile is not told that this one is over. If
    /// the session ends first, that is told instead, and no more.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] and [`Error::Detached`]; [`Error::ExpiryLimit`] if it is to last
    /// longer than [`Options::max_expiry_ms`](crate::Options::max_expiry_ms); then those of
    /// `direct`; checked in this order.
    ///
    /// # Costs
    /// Those of `direct`, and one deadline, however many users are named. O(t) at its end, for the
    /// t receivers that the session's directed presences are remembered by.
    pub fn direct_for<'q, Q>(
        &mut self,
        now: Time,
        session: SessionKey,
        users: impl IntoIterator<Item = &'q Q>,
        presence: P,
        for_ms: u64,
    ) -> Result<Decisions<'_, K, P, S>, Error>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized + 'q,
    {
        let for_ms = Some(for_ms);
        self.session_input(now, session, |state| state.direct(session, users, presence, for_ms))
    }
}
