//! The door: one verb for each input, each with its rule.

use crate::drain::Decisions;
use crate::hasher::DefaultHashBuilder;
use crate::state::State;
use crate::{Config, DeviceKind, Error, Event, LostCause, SessionKey, Time};
use core::borrow::Borrow;
use core::fmt;
use core::hash::{BuildHasher, Hash};

/// Who is here, and who must be told.
///
/// `K` is the host's user id, `P` its presence value, which the engine never looks into and never
/// clones. See the [crate documentation](crate) for the loop around it.
///
/// Every verb takes the time first. An accepted input has its whole effect, whether or not its
/// decisions are taken; a refused one leaves everything as it was, the clock included. `n` in
/// the costs below is the length of the user's audience.
pub struct Engine<K, P, S = DefaultHashBuilder> {
    pub(crate) config: Config,
    pub(crate) state: State<K, P, S>,
}

#[cfg(feature = "std")]
impl<K: Eq + Hash, P> Engine<K, P> {
    /// An empty engine.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self::with_hasher(config, DefaultHashBuilder::default())
    }
}

impl<K: Eq + Hash, P, S: BuildHasher> Engine<K, P, S> {
    /// An empty engine with a hasher of the host's choice. Where outsiders choose user ids, it
    /// should be a keyed one. The decisions do not depend on it.
    #[must_use]
    pub fn with_hasher(config: Config, hasher: S) -> Self {
        let state = State::new(config.options().clone(), hasher);
        Self { config, state }
    }

    // ---- sessions

    /// A user's connection is up (rule 1; the limits are rule 12).
    ///
    /// `audience` is who may see this user's presence, `blocked` whom the user has blocked; each
    /// is a set, in which the user itself does not count. For a user who is online already they
    /// **replace** what the engine holds, as [`audience_replace`](Self::audience_replace),
    /// [`block`](Self::block) and [`unblock`](Self::unblock) would. The host keeps audiences
    /// mutual: a snapshot is found through the user's own, so somebody who has this user in their
    /// audience but is not in this user's is not in it, though later notices of theirs arrive.
    ///
    /// Contacts are told nothing: a session is seen once it has published. The new session gets
    /// its [snapshot](crate::Snapshot) after all other decisions, if
    /// [`Options::snapshot_on_connect`](crate::Options::snapshot_on_connect) says so. Where the limits make another session go, that
    /// one is closed, and those who were told of it are told that it ended; the newcomer counts
    /// already, so nobody hears that the user is offline.
    ///
    /// # Errors
    /// [`Error::SessionLimit`], [`Error::AudienceLimit`], [`Error::BlockedLimit`] and
    /// [`Error::Full`].
    ///
    /// # Costs
    /// One hash look-up an id, O(n log n) to sort them, and for each contact who shows something
    /// a search in their audience.
    pub fn connect(
        &mut self,
        now: Time,
        user: K,
        kind: DeviceKind,
        audience: impl IntoIterator<Item = K>,
        blocked: impl IntoIterator<Item = K>,
    ) -> Result<(SessionKey, Decisions<'_, K, P, S>), Error> {
        let key = self.input(now, |state| state.connect(user, kind, audience, blocked))?;
        Ok((key, Decisions::new(&mut self.state, None, Some(key))))
    }

    /// A session has ended by its own will: a logout, a closed tab (rules 4, 6 and 7). No grace,
    /// whatever is configured; a detached session can be ended so too.
    ///
    /// Those who were told of the session are told that it ended, or that the user is offline if
    /// it was the user's last: contacts, if it had published where they could see it, and those
    /// whom its directed presence reached. [`Options::offline_notices`](crate::Options::offline_notices) can widen that to all
    /// contacts or narrow it to nobody.
    ///
    /// # Errors
    /// [`Error::UnknownSession`], for a second disconnect too.
    ///
    /// # Costs
    /// O(n), as a publish, and for the last session as much again to forget the audience.
    pub fn disconnect(&mut self, now: Time, session: SessionKey) -> Verb<'_, K, P, S> {
        self.session_input(now, session, |state| state.disconnect(session))
    }

    /// A session's connection is gone and nobody said goodbye (rule 5).
    ///
    /// With a [grace](crate::Grace) for this cause the session is detached: still visible, no
    /// longer a receiver, and nobody is told anything. If it is not
    /// [resumed](Self::resume) in time, it ends in [`advance`](Self::advance), with a
    /// [`Close`](crate::Decision::Close) to let the host forget it. Without a grace it ends now,
    /// as by [`disconnect`](Self::disconnect). A session that is detached already stays as it is:
    /// its grace does not start anew.
    ///
    /// # Errors
    /// [`Error::UnknownSession`].
    pub fn lost(&mut self, now: Time, session: SessionKey, cause: LostCause) -> Verb<'_, K, P, S> {
        self.session_input(now, session, |state| state.lost(session, cause))
    }

    /// A lost session has a connection again (rule 5). It keeps its key and its slot; contacts are
    /// told nothing; it gets a snapshot, since it missed notices, even where
    /// [`Options::snapshot_on_connect`](crate::Options::snapshot_on_connect) is off.
    ///
    /// At the very moment at which the grace is over it may still be resumed, unless
    /// [`advance`](Self::advance) came first. A session that is attached takes this as a change
    /// of connection that nobody noticed: what it missed while congested is forgotten, and it
    /// gets a snapshot.
    ///
    /// # Errors
    /// [`Error::UnknownSession`], also if the grace is over and `advance` has not been told yet.
    ///
    /// # Costs
    /// Those of the snapshot: O(n), and for each contact who shows something a search in their
    /// audience.
    pub fn resume(&mut self, now: Time, session: SessionKey) -> Verb<'_, K, P, S> {
        self.session_input(now, session, |state| state.resume(session))
    }

    /// The session is alive (rule 11). Any other accepted input of a session says so too, but not
    /// [`congested`](Self::congested) and [`writable`](Self::writable), which are the host's word.
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
    pub fn heartbeat(&mut self, now: Time, session: SessionKey) -> Verb<'_, K, P, S> {
        // By far the most frequent input, and there is nothing to settle after it.
        self.state.settle();
        self.state.moment = self.state.now.max(now);
        match self.state.hear(session) {
            Ok(_) => {
                self.accept();
                Ok(Decisions::new(&mut self.state, None, Some(session)))
            }
            Err(error) => {
                self.state.stats.refusals += 1;
                Err(error)
            }
        }
    }

    // ---- presence

    /// A session says what its presence is from now on (rule 2; the rate is rule 13).
    ///
    /// It goes to every attached session of every contact who may see the user, and to the user's
    /// own other sessions if [`Options::own_echo`](crate::Options::own_echo) says so; never back to the sender. One that
    /// equals the last is delivered too: the engine does not look into it. While the user is
    /// [invisible](Self::invisible) it goes to own sessions only.
    ///
    /// Over [`Options::publish_rate`](crate::Options::publish_rate) it is not told now. The newest such presence is kept and
    /// goes out in [`advance`](Self::advance) as soon as there is a token; until then nobody sees
    /// it, and a newer one that can go out at once replaces it.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] and [`Error::Detached`].
    ///
    /// # Costs
    /// O(n): a look at two bytes a contact. With several publishes waiting, see
    /// [`prefetch`](Self::prefetch).
    pub fn publish(&mut self, now: Time, session: SessionKey, presence: P) -> Verb<'_, K, P, S> {
        self.session_input(now, session, |state| state.publish(session, presence))
    }

    /// A session says something to named users only (rule 3; RFC 6121, section 4.6).
    ///
    /// It goes to every attached session of those who are online, the sender's own other sessions
    /// if it names itself; those who are not online, or not known, are passed over. It does not
    /// become the session's presence, and no later snapshot repeats it. Who was told is remembered
    /// until the session ends, so that they are told of that too. Congested sessions are
    /// [skipped](crate::Decision::Skipped).
    ///
    /// # Errors
    /// [`Error::UnknownSession`], [`Error::Detached`], [`Error::DirectLimit`],
    /// [`Error::NotPermitted`] if one of those who are online may not be told (see
    /// [`Options::direct_to`](crate::Options::direct_to); blocks always count), [`Error::ToldLimit`], and
    /// [`Error::RateLimited`]. In none of these cases is anyone told.
    ///
    /// # Costs
    /// One hash look-up an id, a search in two audiences for each who is online, and O(t) for the
    /// t receivers remembered so far.
    pub fn direct(
        &mut self,
        now: Time,
        session: SessionKey,
        users: impl IntoIterator<Item: Borrow<K>>,
        presence: P,
    ) -> Verb<'_, K, P, S> {
        self.session_input(now, session, |state| state.direct(session, users, presence))
    }

    /// The application says something to named users, from no session (rule 15; tim's
    /// administrators' broadcast). Those who are not online are passed over, congested sessions
    /// are [skipped](crate::Decision::Skipped). Blocks do not matter, and nothing is remembered.
    ///
    /// # Costs
    /// One hash look-up an id. The list is the host's own, so it has no limit.
    pub fn system(
        &mut self,
        now: Time,
        users: impl IntoIterator<Item: Borrow<K>>,
        presence: P,
    ) -> Decisions<'_, K, P, S> {
        self.host_input(now, |state| state.system(users, presence))
    }

    // ---- who may see whom

    /// Adds contacts to a user's audience (rule 8): their sessions are told the user's present
    /// presences. For a user who is not online nothing is stored and nothing sent.
    ///
    /// # Errors
    /// [`Error::AudienceLimit`] and [`Error::Full`].
    ///
    /// # Costs
    /// One hash look-up an id, and O(n).
    pub fn audience_add(
        &mut self,
        now: Time,
        user: &K,
        contacts: impl IntoIterator<Item = K>,
    ) -> Verb<'_, K, P, S> {
        self.list_input(now, |state| state.audience_add(user, contacts))
    }

    /// Takes contacts out of a user's audience (rule 8): their sessions are told that the user is
    /// offline, if they hold anything of it. For a user who is not online nothing happens.
    ///
    /// # Errors
    /// None today; it returns what its siblings return.
    ///
    /// # Costs
    /// One hash look-up an id, and O(n).
    pub fn audience_remove(
        &mut self,
        now: Time,
        user: &K,
        contacts: impl IntoIterator<Item: Borrow<K>>,
    ) -> Verb<'_, K, P, S> {
        self.list_input(now, |state| state.audience_remove(user, contacts))
    }

    /// Makes this a user's audience (rule 8): first those who are not in it any more are told, as
    /// by [`audience_remove`](Self::audience_remove), then those who are new, as by
    /// [`audience_add`](Self::audience_add).
    ///
    /// # Errors
    /// [`Error::AudienceLimit`] and [`Error::Full`].
    ///
    /// # Costs
    /// One hash look-up an id, and O(n log n).
    pub fn audience_replace(
        &mut self,
        now: Time,
        user: &K,
        contacts: impl IntoIterator<Item = K>,
    ) -> Verb<'_, K, P, S> {
        self.list_input(now, |state| state.audience_replace(user, contacts))
    }

    /// A user blocks another (rule 9): from now on each looks offline to the other, whatever their
    /// audiences say, and neither can direct to the other. A repeated block is silent. For a user
    /// who is not online nothing is stored: the host hands the list in at
    /// [`connect`](Self::connect).
    ///
    /// # Errors
    /// [`Error::BlockedLimit`] and [`Error::Full`].
    ///
    /// # Costs
    /// O(b) for the b users blocked, and a few hash look-ups.
    pub fn block(&mut self, now: Time, user: &K, other: K) -> Verb<'_, K, P, S> {
        self.list_input(now, |state| state.block(user, other))
    }

    /// A user takes a block back (rule 9). Unless the other has blocked this one as well, each is
    /// told the other's present presences, as far as their audiences allow.
    ///
    /// # Errors
    /// None today; it returns what its siblings return.
    pub fn unblock(&mut self, now: Time, user: &K, other: &K) -> Verb<'_, K, P, S> {
        self.list_input(now, |state| state.unblock(user, other))
    }

    /// The user of this session goes invisible (rule 10; compare XEP-0186): contacts are told
    /// exactly what a logout would tell them, and from now on nothing. Publishes still reach the
    /// user's own sessions, and directed presence works as before. It holds for all sessions of the user, until
    /// [`visible`](Self::visible) or until the last of them has ended. Repeated, it is silent.
    ///
    /// To connect unseen, say so before the first publish.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] and [`Error::Detached`].
    ///
    /// # Costs
    /// O(n).
    pub fn invisible(&mut self, now: Time, session: SessionKey) -> Verb<'_, K, P, S> {
        self.session_input(now, session, |state| state.invisible(session))
    }

    /// The user of this session is visible again (rule 10): contacts are told the present
    /// presences, not what they were in between. Repeated, it is silent.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] and [`Error::Detached`].
    ///
    /// # Costs
    /// O(n) for each session that has published.
    pub fn visible(&mut self, now: Time, session: SessionKey) -> Verb<'_, K, P, S> {
        self.session_input(now, session, |state| state.visible(session))
    }

    // ---- slow receivers

    /// The session's connection takes nothing more for now (rule 14): from here until
    /// [`writable`](Self::writable) no decision names it as a receiver of a notice. A notice that the
    /// host took and could not pass on before saying so is lost; [`resume`](Self::resume) makes
    /// good for that. It is no sign of life: a connection that hangs still lapses.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] and [`Error::Detached`].
    ///
    /// # Costs
    /// O(1); afterwards, 20 bytes for each session that changes, at most as many as the receiver
    /// knew before plus those it may see, and a search among them for each notice it is not sent.
    pub fn congested(&mut self, now: Time, session: SessionKey) -> Verb<'_, K, P, S> {
        self.session_input(now, session, |state| state.congested(session))
    }

    /// The session's connection takes notices again (rule 14). It is told what changed meanwhile,
    /// once for each session that changed: the newest state, not the history. Nothing changes for
    /// a session that is not congested.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] and [`Error::Detached`].
    ///
    /// # Costs
    /// A search in an audience for each session that changed.
    pub fn writable(&mut self, now: Time, session: SessionKey) -> Verb<'_, K, P, S> {
        self.session_input(now, session, |state| state.writable(session))
    }

    // ---- administration and time

    /// Ends all sessions of a user at once (rule 15). The host is told to close each; those who
    /// were told of any of them are told once that the user is offline. Nothing happens if the
    /// user is not online.
    ///
    /// # Costs
    /// O(n).
    pub fn expel(&mut self, now: Time, user: &K) -> Decisions<'_, K, P, S> {
        self.host_input(now, |state| state.expel(user))
    }

    /// Time has come to `now`: everything that is due happens, in the order of the deadlines and,
    /// among equal ones, of the inputs that set them. It is stamped with its own deadline, not
    /// with `now`, so it makes no difference whether the host calls this once or often.
    ///
    /// Call it at [`deadline`](Self::deadline), before giving inputs that came later. Too early it
    /// does nothing. Deadlines whose decisions are not drained stay due.
    ///
    /// # Costs
    /// O(1) a deadline, besides what follows from it; memory for one decision, however many
    /// sessions are lost at once. (Leases that lapse at the same millisecond, but not in the
    /// order in which they were granted, are sorted first: 16 bytes each, for the moment.)
    pub fn advance(&mut self, now: Time) -> Decisions<'_, K, P, S> {
        self.begin(now);
        self.accept();
        self.state.lifetimes.look_again();
        self.state.conflations.look_again();
        let now = self.state.moment;
        Decisions::new(&mut self.state, Some(now), None)
    }

    /// When to call [`advance`](Self::advance) next: never later than the next deadline. It may be
    /// earlier, in which case that call does nothing but bring this nearer to it. `None` while
    /// nothing is pending.
    ///
    /// Every verb may change it, so ask again after each drain.
    #[must_use]
    pub fn deadline(&self) -> Option<Time> {
        let lifetime = self.state.lifetimes.next_look();
        let conflation = self.state.conflations.next_look();
        [lifetime, conflation].into_iter().flatten().min()
    }

    /// The verb that this event stands for.
    ///
    /// # Errors
    /// The verb's own.
    pub fn apply(&mut self, now: Time, event: Event<K, P>) -> Verb<'_, K, P, S> {
        match event {
            Event::Connect { user, kind, audience, blocked } => {
                self.connect(now, user, kind, audience, blocked).map(|(_, decisions)| decisions)
            }
            Event::Disconnect { session } => self.disconnect(now, session),
            Event::Lost { session, cause } => self.lost(now, session, cause),
            Event::Resume { session } => self.resume(now, session),
            Event::Heartbeat { session } => self.heartbeat(now, session),
            Event::Publish { session, presence } => self.publish(now, session, presence),
            Event::Direct { session, users, presence } => {
                self.direct(now, session, users, presence)
            }
            Event::AudienceAdd { user, contacts } => self.audience_add(now, &user, contacts),
            Event::AudienceRemove { user, contacts } => self.audience_remove(now, &user, contacts),
            Event::AudienceReplace { user, contacts } => {
                self.audience_replace(now, &user, contacts)
            }
            Event::Block { user, other } => self.block(now, &user, other),
            Event::Unblock { user, other } => self.unblock(now, &user, &other),
            Event::Invisible { session } => self.invisible(now, session),
            Event::Visible { session } => self.visible(now, session),
            Event::Congested { session } => self.congested(now, session),
            Event::Writable { session } => self.writable(now, session),
            Event::System { users, presence } => Ok(self.system(now, users, presence)),
            Event::Expel { user } => Ok(self.expel(now, &user)),
            Event::Advance => Ok(self.advance(now)),
        }
    }

    // ---- what the verbs have in common

    fn begin(&mut self, now: Time) {
        // Not settled only if a drain was leaked instead of dropped, or the host's code panicked.
        self.state.settle();
        self.state.unsettled = true;
        self.state.moment = self.state.now.max(now);
    }

    /// Only now has the input happened: not if it was refused, nor if the host's code panicked.
    const fn accept(&mut self) {
        self.state.now = self.state.moment;
        self.state.stats.inputs += 1;
    }

    fn input<T>(
        &mut self,
        now: Time,
        verb: impl FnOnce(&mut State<K, P, S>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.begin(now);
        match verb(&mut self.state) {
            Ok(done) => {
                self.accept();
                self.state.clean_up();
                Ok(done)
            }
            Err(error) => {
                self.state.stats.refusals += 1;
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
    ) -> Verb<'_, K, P, S> {
        self.input(now, verb)?;
        Ok(Decisions::new(&mut self.state, None, Some(session)))
    }

    fn list_input(
        &mut self,
        now: Time,
        verb: impl FnOnce(&mut State<K, P, S>) -> Result<(), Error>,
    ) -> Verb<'_, K, P, S> {
        self.input(now, verb)?;
        Ok(Decisions::new(&mut self.state, None, None))
    }

    fn host_input(
        &mut self,
        now: Time,
        verb: impl FnOnce(&mut State<K, P, S>),
    ) -> Decisions<'_, K, P, S> {
        self.begin(now);
        verb(&mut self.state);
        self.accept();
        self.state.clean_up();
        Decisions::new(&mut self.state, None, None)
    }
}

/// What a verb that can be refused returns.
pub type Verb<'e, K, P, S> = Result<Decisions<'e, K, P, S>, Error>;

impl<K: Eq + Hash, P, S: BuildHasher> fmt::Debug for Engine<K, P, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("now", &self.now())
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}
