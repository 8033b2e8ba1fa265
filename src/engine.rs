//! The door: one verb for each input, each with its rule.

mod expiry;

use crate::config::Config;
use crate::connect::Connect;
use crate::decisions::{About, Decisions};
use crate::error::Error;
use crate::event::LostCause;
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
/// `n` in the costs below is the length of the user's audience.
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

    // ---- sessions

    /// Brings up a user's connection as a new session ([rule 1](crate::rules#rule-1-connect); the
    /// limits are [rule 12](crate::rules#rule-12-limits)).
    ///
    /// For a user who is online already the lists of [`Connect`] **replace** what the engine
    /// holds, as [`audience_replace`](Self::audience_replace), [`block`](Self::block) and
    /// [`unblock`](Self::unblock) would. The host keeps audiences mutual: a snapshot is found
    /// through the user's own, so somebody who has this user in their audience but is not in this
    /// user's is not in it, though later notices of theirs arrive.
    ///
    /// Contacts are told nothing: a session is seen once it has published. The host is told
    /// [`Online`](crate::Decision::Online) if it is the user's first session, and the session gets
    /// its [snapshot](crate::Snapshot) after all other decisions, if
    /// [`Options::snapshot_on_connect`](crate::Options::snapshot_on_connect) says so. Where the
    /// limits make another session go, that one is closed, and those who were told of it are told
    /// that it ended; the newcomer counts already, so nobody hears that the user is offline. The
    /// order: notices of changed lists, `Close` of the one that goes, its notices, its `Ended`,
    /// the newcomer's snapshot. A newcomer never gets the slot of the one that goes for it.
    ///
    /// # Errors
    /// [`Error::SessionLimit`], [`Error::Full`], [`Error::AudienceLimit`] and
    /// [`Error::BlockedLimit`], checked in this order.
    ///
    /// # Costs
    /// One hash look-up an id, O(n log n) to sort them, and for each contact who shows something
    /// a search in their audience.
    pub fn connect<A, B>(
        &mut self,
        now: Time,
        connect: Connect<K, A, B>,
    ) -> Result<(SessionKey, Decisions<'_, K, P, S>), Error>
    where
        A: IntoIterator<Item = K>,
        B: IntoIterator<Item = K>,
    {
        let key = self.input(now, |state| state.connect(connect))?;
        Ok((key, self.drain(About { session: Some(key), ..About::default() })))
    }

    /// Ends a session by its own will: a logout, a closed tab
    /// ([rule 4](crate::rules#rule-4-disconnect)). No grace, whatever is configured; a detached
    /// session can be ended so too.
    ///
    /// Those who were told of the session are told that it ended, or that the user is offline if
    /// it was the user's last ([rule 6](crate::rules#rule-6-the-end-of-a-session)): contacts, if
    /// it had published where they could see it, and those whom its directed presence reached.
    /// [`Options::offline_notices`](crate::Options::offline_notices) can widen that to all
    /// contacts or narrow it to nobody. The host is told [`Ended`](crate::Decision::Ended) last,
    /// as it is of every end.
    ///
    /// # Errors
    /// [`Error::UnknownSession`], for a second disconnect too.
    ///
    /// # Costs
    /// O(n), as a publish, and for the last session as much again to forget the audience.
    pub fn disconnect(
        &mut self,
        now: Time,
        session: SessionKey,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        self.session_input(now, session, |state| state.disconnect(session))
    }

    /// Reports that a session's connection is gone and nobody said goodbye
    /// ([rule 5](crate::rules#rule-5-loss-and-resume)).
    ///
    /// With a [grace](crate::Grace) for this cause the session is detached: still visible, no
    /// longer a receiver, and nobody is told anything. If it is not [resumed](Self::resume) in
    /// time, it ends in [`advance`](Self::advance). Without a grace it ends now. A session that is
    /// detached already stays as it is: its grace does not start anew.
    ///
    /// # Errors
    /// [`Error::UnknownSession`]: also for the late end of a connection that a
    /// [`resume`](Self::resume) has replaced.
    pub fn lost(
        &mut self,
        now: Time,
        session: SessionKey,
        cause: LostCause,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        self.session_input(now, session, |state| state.lost(session, cause, None))
    }

    /// Reports a loss as [`lost`](Self::lost) does, with a grace for this one loss in milliseconds:
    /// 0 (the session ends at once) to [`Grace::LIMIT_MS`](crate::Grace::LIMIT_MS). For hosts that
    /// know more than the cause: a phone that went to sleep, a page that is reloaded.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] and [`Error::GraceLimit`], checked in this order.
    pub fn lost_with_grace(
        &mut self,
        now: Time,
        session: SessionKey,
        cause: LostCause,
        grace_ms: u64,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        self.session_input(now, session, |state| state.lost(session, cause, Some(grace_ms)))
    }

    /// Attaches a session to a new connection
    /// ([rule 5](crate::rules#rule-5-loss-and-resume)) and returns the key of the new attachment.
    /// The key before is stale from now on, for every verb. The session keeps its id and its slot;
    /// contacts are told nothing; it gets a snapshot, since it missed notices, even where
    /// [`Options::snapshot_on_connect`](crate::Options::snapshot_on_connect) is off.
    ///
    /// At the very moment at which the grace is over it may still be resumed, unless
    /// [`advance`](Self::advance) came first. A session that still has a connection takes this as
    /// a change of connection that nobody noticed: the host is told to
    /// [close](crate::CloseReason::Replaced) the old one, and what it missed while congested is
    /// forgotten.
    ///
    /// # Errors
    /// [`Error::UnknownSession`], also if the grace is over and `advance` has not been told yet;
    /// and [`Error::Full`] when at least 2^31 resumes have used up the session's keys.
    ///
    /// # Costs
    /// Those of the snapshot: O(n), and for each contact who shows something a search in their
    /// audience.
    pub fn resume(
        &mut self,
        now: Time,
        session: SessionKey,
    ) -> Result<(SessionKey, Decisions<'_, K, P, S>), Error> {
        let key = self.input(now, |state| state.resume(session))?;
        Ok((key, self.drain(About { session: Some(key), ..About::default() })))
    }

    /// Says that a session is alive ([rule 11](crate::rules#rule-11-heartbeat-and-lease)). Any
    /// other accepted input of a session says so too, but not [`congested`](Self::congested) and
    /// [`writable`](Self::writable), which are the host's word.
    ///
    /// A session of which nothing was heard for the length of its lease is closed and counts as
    /// lost by timeout when [`advance`](Self::advance) comes to that moment; whatever is heard
    /// before that call counts, even if it was late.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] and [`Error::Detached`].
    ///
    /// # Costs
    /// O(1): it writes to the session's record and to nothing else.
    #[inline]
    pub fn heartbeat(
        &mut self,
        now: Time,
        session: SessionKey,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        self.state.heartbeat(now, session)?;
        Ok(self.drain(About { session: Some(session), ..About::default() }))
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
    /// O(n): a look at two bytes a contact. With several publishes waiting, see
    /// [`prefetch`](Self::prefetch).
    pub fn publish(
        &mut self,
        now: Time,
        session: SessionKey,
        presence: P,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        let waits_until = self.input(now, |state| state.publish(session, presence))?;
        Ok(self.drain(About { session: Some(session), waits_until, ..About::default() }))
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
    /// One hash look-up an id, a search in two audiences for each who is online, and O(t) for the
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
    /// One hash look-up an id.
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

    // ---- who may see whom

    /// Adds contacts to a user's audience ([rule 8](crate::rules#rule-8-audience-changes)): their
    /// sessions are told the user's present presences. For a user who is not online nothing is
    /// stored and nothing sent.
    ///
    /// # Errors
    /// [`Error::AudienceLimit`] and [`Error::Full`].
    ///
    /// # Costs
    /// One hash look-up an id, and O(n).
    pub fn audience_add<Q>(
        &mut self,
        now: Time,
        user: &Q,
        contacts: impl IntoIterator<Item = K>,
    ) -> Result<Decisions<'_, K, P, S>, Error>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.list_input(now, |state| state.audience_add(user, contacts))
    }

    /// Takes contacts out of a user's audience
    /// ([rule 8](crate::rules#rule-8-audience-changes)): their sessions are told that the user is
    /// offline, if they hold anything of it. For a user who is not online nothing happens.
    ///
    /// # Errors
    /// [`Error::AudienceLimit`] for a list longer than an audience may be.
    ///
    /// # Costs
    /// One hash look-up an id, and O(n).
    pub fn audience_remove<'q, Q, R>(
        &mut self,
        now: Time,
        user: &Q,
        contacts: impl IntoIterator<Item = &'q R>,
    ) -> Result<Decisions<'_, K, P, S>, Error>
    where
        K: Borrow<Q> + Borrow<R>,
        Q: Eq + Hash + ?Sized,
        R: Eq + Hash + ?Sized + 'q,
    {
        self.list_input(now, |state| state.audience_remove(user, contacts))
    }

    /// Makes this a user's audience ([rule 8](crate::rules#rule-8-audience-changes)): first those
    /// who are not in it any more are told, as by [`audience_remove`](Self::audience_remove), then
    /// those who are new, as by [`audience_add`](Self::audience_add).
    ///
    /// # Errors
    /// [`Error::AudienceLimit`] and [`Error::Full`].
    ///
    /// # Costs
    /// One hash look-up an id, and O(n log n).
    pub fn audience_replace<Q>(
        &mut self,
        now: Time,
        user: &Q,
        contacts: impl IntoIterator<Item = K>,
    ) -> Result<Decisions<'_, K, P, S>, Error>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.list_input(now, |state| state.audience_replace(user, contacts))
    }

    /// Blocks another user for a user ([rule 9](crate::rules#rule-9-block-and-unblock)): from now
    /// on each looks offline to the other, whatever their audiences say, and neither can direct to
    /// the other. A repeated block is silent. For a user who is not online nothing is stored: the
    /// host hands the list in at [`connect`](Self::connect).
    ///
    /// # Errors
    /// [`Error::BlockedLimit`] and [`Error::Full`].
    ///
    /// # Costs
    /// O(b) for the b users blocked, and a few hash look-ups.
    pub fn block<Q>(
        &mut self,
        now: Time,
        user: &Q,
        other: K,
    ) -> Result<Decisions<'_, K, P, S>, Error>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.list_input(now, |state| state.block(user, other))
    }

    /// Takes a user's block back ([rule 9](crate::rules#rule-9-block-and-unblock)). Unless the
    /// other has blocked this one as well, each is told the other's present presences, as far as
    /// their audiences allow.
    ///
    /// # Errors
    /// Never fails; returns `Result` for symmetry.
    pub fn unblock<Q, R>(
        &mut self,
        now: Time,
        user: &Q,
        other: &R,
    ) -> Result<Decisions<'_, K, P, S>, Error>
    where
        K: Borrow<Q> + Borrow<R>,
        Q: Eq + Hash + ?Sized,
        R: Eq + Hash + ?Sized,
    {
        self.list_input(now, |state| state.unblock(user, other))
    }

    /// Makes the user of this session invisible
    /// ([rule 10](crate::rules#rule-10-invisible-and-visible); compare XEP-0186): contacts are
    /// told exactly what a logout would tell them, and from now on nothing. Publishes still reach
    /// the user's own sessions, and directed presence works as before. It holds for all sessions
    /// of the user, until [`visible`](Self::visible) or until the last of them has ended. The
    /// user's other sessions are told [so](crate::Notice::Visibility). Repeated, it is silent.
    ///
    /// To connect unseen, say so before the first publish.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] and [`Error::Detached`].
    ///
    /// # Costs
    /// O(n).
    pub fn invisible(
        &mut self,
        now: Time,
        session: SessionKey,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        self.session_input(now, session, |state| state.invisible(session))
    }

    /// Makes the user of this session visible again
    /// ([rule 10](crate::rules#rule-10-invisible-and-visible)): contacts are told the present
    /// presences, not what they were in between. Repeated, it is silent.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] and [`Error::Detached`].
    ///
    /// # Costs
    /// O(n) for each session that has published.
    pub fn visible(
        &mut self,
        now: Time,
        session: SessionKey,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        self.session_input(now, session, |state| state.visible(session))
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
    /// O(1); afterwards, 24 bytes and O(log n) for each session that changes. When more than
    /// twice its audience, and more than 1,024, have changed, one mark takes the place of all.
    pub fn congested(
        &mut self,
        now: Time,
        session: SessionKey,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        self.session_input(now, session, |state| state.congested(session))
    }

    /// Says that the session's connection takes notices again
    /// ([rule 14](crate::rules#rule-14-congestion)). How whoever empties a queue knows when to say
    /// so, without a flag that is raced past, stands at [`Connection`](crate::host::Connection). It is told what changed meanwhile, once for
    /// each session that changed: the newest state, not the history. Nothing changes for a session
    /// that is not congested.
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
        self.drain(About::default())
    }

    /// Says that time has come to `now`: everything that is due happens, in the order of the
    /// deadlines and, among equal ones, of the inputs that set them. It is stamped with its own
    /// deadline, not with `now`, so it makes no difference whether the host calls this once or
    /// often.
    ///
    /// Call it at [`deadline`](Self::deadline), before giving inputs that came later. Too early it
    /// does nothing. Deadlines whose decisions are not drained stay due.
    ///
    /// # Costs
    /// O(1) a deadline, or O(log n) if n of the next two seconds were set in no order, besides what
    /// follows from it; memory for one decision, however many sessions are lost at once. What is
    /// due later is put in order ahead of time, 256 deadlines a call, as long as the host calls
    /// whenever [`deadline`](Self::deadline) says so. A call after a pause makes up for it.
    pub fn advance(&mut self, now: Time) -> Decisions<'_, K, P, S> {
        self.state.begin(now);
        self.state.accept();
        let until = Some(self.state.look_at_deadlines());
        self.drain(About { until, ..About::default() })
    }

    /// Returns when to call [`advance`](Self::advance) next: never later than the next deadline.
    /// It may be earlier, in which case that call does nothing but bring this nearer to it; while
    /// very many deadlines are to come, it may stay at the same moment for some calls. `None` while
    /// nothing is pending.
    ///
    /// Every verb may change it, so ask again after each drain.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        self.state.deadline()
    }

    // ---- what the verbs have in common

    const fn drain(&mut self, about: About) -> Decisions<'_, K, P, S> {
        Decisions::new(&mut self.state, about)
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
                self.state.settle();
                Err(error)
            }
        }
    }

    fn session_input(
        &mut self,
        now: Time,
        session: SessionKey,
        verb: impl FnOnce(&mut State<K, P, S>) -> Result<(), Error>,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        self.input(now, verb)?;
        Ok(self.drain(About { session: Some(session), ..About::default() }))
    }

    fn list_input(
        &mut self,
        now: Time,
        verb: impl FnOnce(&mut State<K, P, S>) -> Result<(), Error>,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        self.input(now, verb)?;
        Ok(self.drain(About::default()))
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
