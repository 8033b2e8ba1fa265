//! The verbs of a session's life: it connects, is lost, is resumed, is alive, and ends.

use crate::connect::Connect;
use crate::decisions::{Decisions, InputContext};
use crate::engine::Engine;
use crate::error::Error;
use crate::event::LostCause;
use crate::key::SessionKey;
use crate::time::Time;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> Engine<K, P, S> {
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
    /// One hash look-up per id, O(n log n) to sort n of them, and for each contact who shows
    /// something a search in their audience.
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
        Ok((key, self.drain(InputContext { session: Some(key), ..InputContext::default() })))
    }

    /// Ends a session by its own will: a logout, a closed tab
    /// ([rule 4](crate::rules#rule-4-disconnect)). No grace, whatever is configured; a detached
    /// session can be ended so too.
    ///
    /// Those who were told of the session are told that it ended, or that the user is offline if
    /// it was the user's last ([rule 6](crate::rules#rule-6-the-end-of-a-session)): contacts, if
    /// it had published where they could see it, and those whom its directed presence reached.
    /// [`Options::offline_notices`](crate::Options::offline_notices) can widen that to all
    /// contacts or narrow it to nobody. If a session of the user that connected later shows
    /// nothing yet, contacts are told later, after
    /// [`Options::settle_ms`](crate::Options::settle_ms) at most: until then what this one showed
    /// is held. The host is told [`Ended`](crate::Decision::Ended) last, as it is of every end.
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
    ///
    /// # Costs
    /// O(w + t) with a grace, for the w users that the session watches and the t topics that it is
    /// in; without one those of [`disconnect`](Self::disconnect).
    pub fn lost(
        &mut self,
        now: Time,
        session: SessionKey,
        cause: LostCause,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        self.session_input(now, session, |state| state.lost(session, cause, None))
    }

    /// Reports a loss as [`lost`](Self::lost) does ([rule 5](crate::rules#rule-5-loss-and-resume)),
    /// with a grace for this one loss in milliseconds: 0 (the session ends at once) to
    /// [`Grace::LIMIT_MS`](crate::Grace::LIMIT_MS). For hosts that know more than the cause: a
    /// phone that went to sleep, a page that is reloaded.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] and [`Error::GraceLimit`], checked in this order.
    ///
    /// # Costs
    /// Those of [`lost`](Self::lost).
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
        Ok((key, self.drain(InputContext { session: Some(key), ..InputContext::default() })))
    }

    /// Says that a person did something on this session's device
    /// ([rule U4](crate::rules#rule-u4-idle)): a key was pressed, a window came to the front. It is
    /// a sign of life as well, as a [`heartbeat`](Self::heartbeat) is, but not the other way round.
    ///
    /// A user is idle from [`Options::idle_after_ms`](crate::Options::idle_after_ms) after the last
    /// such sign on any of its sessions, the connect of each counted, and no longer when there is
    /// another. Contacts are told of both, where they are told
    /// [one state of each user](Self::with_representative). Elsewhere it is a heartbeat.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] and [`Error::Detached`].
    ///
    /// # Costs
    /// O(1); for a session that was idle, O(n) if contacts are told.
    #[inline]
    pub fn active(
        &mut self,
        now: Time,
        session: SessionKey,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        self.state.active(now, session)?;
        Ok(self.drain(InputContext { session: Some(session), ..InputContext::default() }))
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
    /// O(1): it writes to the session's record and to nothing else. In the last two seconds of a
    /// lease it moves its deadline too: O(log n) in those that lapse so soon.
    #[inline]
    pub fn heartbeat(
        &mut self,
        now: Time,
        session: SessionKey,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        self.state.heartbeat(now, session)?;
        Ok(self.drain(InputContext { session: Some(session), ..InputContext::default() }))
    }
}
