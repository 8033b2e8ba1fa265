//! The door: one verb for each input, each with its rule.
//!
//! Here are the verbs that say something, those of slow receivers, and time. The others are in
//! `sessions`, `visibility`, `watching`, `expiry`, `topics` and `remote`. What can be refused goes
//! through `input`, which begins an input, accepts or refuses it, and cleans up after it;
//! `heartbeat` and `active` go a shorter way.

mod expiry;
mod remote;
mod sessions;
mod topics;
mod visibility;
mod watching;

use crate::candidate::Represent;
use crate::config::Config;
use crate::decisions::{Decisions, InputContext};
use crate::error::Error;
use crate::hasher::DefaultHashBuilder;
use crate::key::SessionKey;
use crate::rules::State;
use crate::time::Time;
use core::borrow::Borrow;
use core::fmt;
use core::hash::{BuildHasher, Hash};

/// Who is here, and who must be told.
///
/// `K` is the host's user id, `P` its presence value, which the engine never looks into and never
/// clones. See the [crate documentation](crate) for the loop around it, and the
/// [rules](crate::rules) for what happens on each input.
///
/// Every verb takes the time first. An accepted input has its whole effect, whether or not its
/// decisions are taken; a refused one leaves everything as it was, the clock included. Users that
/// are only looked up are named by any borrowed form of their id: with `String` ids, by `&str`.
///
/// `n` in the costs below is the length of the user's audience; add one for each session that
/// watches the user and for each receiver in a topic that shows it what is published. Where a verb
/// has an `n` of its own, it says so.
pub struct Engine<K, P, S = DefaultHashBuilder> {
    pub(crate) config: Config,
    pub(crate) state: State<K, P, S>,
}

#[cfg(feature = "std")]
impl<K: Eq + Hash, P> Engine<K, P> {
    /// Returns an empty engine.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self::with_hasher(config, DefaultHashBuilder::default())
    }
}

impl<K: Eq + Hash, P, S: BuildHasher> Engine<K, P, S> {
    /// Returns an empty engine with a hasher of the host's choice. Where outsiders choose user
    /// ids, it should be a keyed one. The decisions do not depend on it.
    #[must_use]
    pub fn with_hasher(config: Config, hasher: S) -> Self {
        let state = State::new(config.options().clone(), hasher);
        Self { config, state }
    }

    /// Returns an empty engine whose users' contacts are told one state of each user, that of the
    /// session which `represent` chooses
    /// ([rule U1](crate::rules#rule-u1-one-state-a-user)), instead of one of each session.
    ///
    /// They get [`Notice::User`](crate::Notice::User) when the chosen session shows something new,
    /// when another is chosen, and when the user becomes [idle](Self::active) or is no longer; and
    /// nothing otherwise. A user's own sessions go on being told of each other one by one.
    #[must_use]
    pub fn with_representative(config: Config, hasher: S, represent: Represent<P>) -> Self {
        let mut engine = Self::with_hasher(config, hasher);
        engine.state.set_representative(represent);
        engine
    }

    // ---- presence

    /// Makes a presence what the session shows from now on ([rule 2](crate::rules#rule-2-publish);
    /// the rate is [rule 13](crate::rules#rule-13-publish-rate)).
    ///
    /// It goes to every attached session of every contact who may see the user, and to the user's
    /// own other sessions if [`Options::own_echo`](crate::Options::own_echo) says so; never back
    /// to the sender. One that equals the last is delivered too: the engine does not look into
    /// it. While the user is [invisible](Self::invisible) it goes to own sessions only.
    ///
    /// Over [`Options::publish_rate`](crate::Options::publish_rate) it is not told now. The newest
    /// such presence is kept and goes out in [`advance`](Self::advance) as soon as there is a
    /// token; until then nobody sees it, and a newer one that can go out at once replaces it.
    /// [`Decisions::waits_until`] says so, and until when.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] and [`Error::Detached`].
    ///
    /// # Costs
    /// O(n): a look at two bytes per contact. Of each contact and watcher that is congested it is
    /// noted what it misses, in O(log m) for the m users of whom it misses something. Each topic in
    /// which it is shown costs what an [`update`](Self::update) there does. With several publishes
    /// waiting, see [`prefetch`](Self::prefetch).
    pub fn publish(
        &mut self,
        now: Time,
        session: SessionKey,
        presence: P,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        let waits_until = self.input(now, |state| state.publish(session, presence))?;
        Ok(self.drain(InputContext {
            session: Some(session),
            waits_until,
            ..InputContext::default()
        }))
    }

    /// Says something to named users only
    /// ([rule 3](crate::rules#rule-3-directed-presence); RFC 6121, section 4.6).
    ///
    /// It goes to every attached session of those who are online and may be told (see
    /// [`Options::direct_to`](crate::Options::direct_to); blocks always count), the sender's own
    /// other sessions if it names itself. All others are passed over *as if they were offline*:
    /// nothing that the sender can observe tells whether somebody is offline, invisible, a
    /// stranger or has blocked it. It does not become the session's presence, and no later
    /// snapshot repeats it. Congested sessions are [skipped](crate::Decision::Skipped).
    ///
    /// Who was told is remembered until the session ends, so that they are told of that too; up
    /// to [`Options::max_told`](crate::Options::max_told) names. Beyond, the oldest is over, and
    /// those who hear nothing of it any more are told
    /// [`DirectedOver`](crate::Notice::DirectedOver).
    ///
    /// # Errors
    /// [`Error::UnknownSession`] and [`Error::Detached`]; [`Error::DirectLimit`], which takes no
    /// token; [`Error::RateLimited`]; checked in this order. In none of these cases is anyone
    /// told.
    ///
    /// # Costs
    /// One hash look-up per id, a search in two audiences for each who is online, and O(t) for the
    /// t receivers remembered so far.
    ///
    /// ```
    /// # use adsum::{Config, Connect, Engine, Time};
    /// # let mut engine = Engine::<String, u8>::new(Config::default());
    /// # let ann = Connect::new("ann".to_owned()).audience(["bob".to_owned()]);
    /// # let (session, _) = engine.connect(Time::ZERO, ann)?;
    /// # let now = Time::ZERO;
    /// let friends = vec!["bob".to_owned(), "cyd".to_owned()];
    /// engine.direct(now, session, ["bob"], 1)?.for_each(|decision| { /* send it */ });
    /// engine.direct(now, session, &friends, 2)?.for_each(|decision| { /* send it */ });
    /// # Ok::<(), adsum::Error>(())
    /// ```
    pub fn direct<'q, Q>(
        &mut self,
        now: Time,
        session: SessionKey,
        users: impl IntoIterator<Item = &'q Q>,
        presence: P,
    ) -> Result<Decisions<'_, K, P, S>, Error>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized + 'q,
    {
        self.session_input(now, session, |state| state.direct(session, users, presence, None))
    }

    /// Says something to named users for the application, from no session
    /// ([rule 15](crate::rules#rule-15-system-notices-and-expulsion); tim's administrators'
    /// broadcast). Those who are not online are passed over, congested sessions are
    /// [skipped](crate::Decision::Skipped). Blocks do not matter, and nothing is remembered.
    ///
    /// # Errors
    /// [`Error::DirectLimit`] for more than 2^20 names.
    ///
    /// # Costs
    /// One hash look-up per id.
    pub fn system<'q, Q>(
        &mut self,
        now: Time,
        users: impl IntoIterator<Item = &'q Q>,
        presence: P,
    ) -> Result<Decisions<'_, K, P, S>, Error>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized + 'q,
    {
        self.list_input(now, |state| state.system(users, presence))
    }

    // ---- slow receivers

    /// Says that the session's connection takes nothing more for now
    /// ([rule 14](crate::rules#rule-14-congestion)): from here until [`writable`](Self::writable)
    /// no decision names it as a receiver of a notice. A notice that the host took and could not
    /// pass on before saying so is lost; [`resume`](Self::resume) makes good for that. It is no
    /// sign of life: a connection that hangs still lapses.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] and [`Error::Detached`].
    ///
    /// # Costs
    /// O(w + t) for the w users that the session watches and the t topics that it is in;
    /// afterwards, 20 to 80 bytes and O(log n) for each session that changes, where n have, as long
    /// as that has to be told; a few kilobytes stay for the next time. When more than twice its
    /// audience and the users it watches, and more than 1,024, have changed, one mark takes the
    /// place of all.
    pub fn congested(
        &mut self,
        now: Time,
        session: SessionKey,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        self.session_input(now, session, |state| state.congested(session))
    }

    /// Says that the session's connection takes notices again
    /// ([rule 14](crate::rules#rule-14-congestion)). The session is told what changed meanwhile,
    /// once for each session that changed: the newest state, not the history. Nothing changes for a
    /// session that is not congested. [`Connection`](crate::host::Connection) says how whoever
    /// empties a queue knows when to call this.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] and [`Error::Detached`].
    ///
    /// # Costs
    /// A search in an audience for each session that changed, or a snapshot where very much has.
    pub fn writable(
        &mut self,
        now: Time,
        session: SessionKey,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        self.session_input(now, session, |state| state.writable(session))
    }

    // ---- administration and time

    /// Ends all sessions of a user at once
    /// ([rule 15](crate::rules#rule-15-system-notices-and-expulsion)). The host is told to close
    /// each that has a connection; those who were told of any of them are told once that the user
    /// is offline. Nothing happens if the user is not online.
    ///
    /// # Costs
    /// O(n).
    pub fn expel<Q>(&mut self, now: Time, user: &Q) -> Decisions<'_, K, P, S>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.state.begin(now);
        self.state.expel(user);
        self.state.accept();
        self.state.clean_up();
        self.drain(InputContext::default())
    }

    /// Says that time has come to `now`
    /// ([what holds of every input](crate::rules#what-holds-of-every-input)): everything that is
    /// due happens, in the order of the deadlines and, among equal ones, of the inputs that set
    /// them. It is stamped with its own deadline, not with `now`.
    ///
    /// Call it at [`deadline`](Self::deadline), before giving inputs that came later. Too early it
    /// does nothing. Deadlines whose decisions are not drained stay due.
    ///
    /// **Call it until [`deadline`](Self::deadline) is later than `now` before giving another
    /// input.** Where deadlines give no decision, as when a crowd's statuses end at midnight and
    /// nobody looks on, the drain ends when they have gone over 1,024 entries of lists, each
    /// deadline counted as one more: the rest stays due, and [`deadline`](Self::deadline) is a
    /// moment that has come. Between two calls the host can look after its sockets. So it makes no
    /// difference whether it calls this once or often; else what is left happens after the next
    /// input, though it was due before.
    ///
    /// # Costs
    /// O(1) per deadline, or O(log n) if n of the next two seconds were set in no order, besides
    /// what follows from it: to find the next decision, or that there is none, takes no more than
    /// for 1,024 entries and those of one user's or one topic's lists besides. Memory for one
    /// decision, however many sessions are lost at once. What is due later is put in order ahead of
    /// time, some 1,300 deadlines per call at most, as long as the host calls whenever
    /// [`deadline`](Self::deadline) says so, or once a millisecond. A call after a pause makes up
    /// for it.
    pub fn advance(&mut self, now: Time) -> Decisions<'_, K, P, S> {
        self.state.begin(now);
        self.state.accept();
        let until = Some(self.state.begin_firing());
        self.drain(InputContext { until, ..InputContext::default() })
    }

    /// Returns when to call [`advance`](Self::advance) next
    /// ([what holds of every input](crate::rules#what-holds-of-every-input)): never later than the
    /// next deadline. It may be earlier, in which case that call does nothing but bring this nearer
    /// to it; while very many deadlines are to come, it may stay at the same moment for some calls.
    /// `None` while nothing is pending.
    ///
    /// Every verb may change it, so ask again after each drain.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        self.state.deadline()
    }

    // ---- what the verbs have in common

    const fn drain(&mut self, context: InputContext) -> Decisions<'_, K, P, S> {
        Decisions::new(&mut self.state, context)
    }

    fn input<T>(
        &mut self,
        now: Time,
        verb: impl FnOnce(&mut State<K, P, S>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.state.begin(now);
        match verb(&mut self.state) {
            Ok(done) => {
                self.state.accept();
                self.state.clean_up();
                Ok(done)
            }
            Err(error) => {
                self.state.refuse();
                self.state.finish_drain();
                Err(error)
            }
        }
    }

    #[inline]
    fn session_input(
        &mut self,
        now: Time,
        session: SessionKey,
        verb: impl FnOnce(&mut State<K, P, S>) -> Result<(), Error>,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        self.input(now, verb)?;
        Ok(self.drain(InputContext { session: Some(session), ..InputContext::default() }))
    }

    fn list_input(
        &mut self,
        now: Time,
        verb: impl FnOnce(&mut State<K, P, S>) -> Result<(), Error>,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        self.input(now, verb)?;
        Ok(self.drain(InputContext::default()))
    }
}

impl<K: Eq + Hash, P, S: BuildHasher> fmt::Debug for Engine<K, P, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("now", &self.now())
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}
