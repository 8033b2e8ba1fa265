//! The door of a cluster: what other nodes say of the sessions that they have.

use crate::decisions::{Decisions, InputContext};
use crate::engine::Engine;
use crate::error::Error;
use crate::key::{SessionId, SessionKey};
use crate::reason::{CloseReason, EndReason};
use crate::remote::{Origin, RemoteState};
use crate::time::Time;
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> Engine<K, P, S> {
    /// Takes everything that a node says of one user, whose sessions it has.
    ///
    /// Such sessions are seen as this engine's own are, and are never receivers: they have no slot,
    /// and no key that a verb takes. What has changed is told here by the same rules as ever; what
    /// has not is not. A session that is not in the list any more has ended; if it was the user's
    /// last, that is told [`Options::skew_ms`](crate::Options::skew_ms) later, unless another
    /// appears meanwhile.
    ///
    /// Lists that are given replace those that the engine holds; which of two nodes knows the newer
    /// ones is the caller's to know.
    ///
    /// # Errors
    /// [`Error::SessionLimit`] for more than 1,024 sessions of one user, [`Error::TopicLimit`],
    /// [`Error::Full`], [`Error::AudienceLimit`] and [`Error::BlockedLimit`].
    ///
    /// # Costs
    /// One hash look-up per id, and what the changes cost in themselves.
    pub fn remote_state(
        &mut self,
        now: Time,
        origin: Origin,
        user: K,
        state: RemoteState<K, P>,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        self.list_input(now, |engine| engine.remote_state(origin, user, state))
    }

    /// Says something to named users for a session that another node has, as
    /// [`direct`](Self::direct) and [`direct_for`](Self::direct_for) do for this engine's own. The
    /// node has taken the token.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] if the node has no such session of this user as far as is known
    /// here; [`Error::ExpiryLimit`] and [`Error::DirectLimit`].
    pub fn remote_direct<'q, Q>(
        &mut self,
        now: Time,
        origin: Origin,
        from: (&Q, SessionId),
        users: impl IntoIterator<Item = &'q Q>,
        presence: P,
        for_ms: Option<u64>,
    ) -> Result<Decisions<'_, K, P, S>, Error>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized + 'q,
    {
        self.list_input(now, |engine| engine.remote_direct(origin, from, users, presence, for_ms))
    }

    /// Says something in a topic for a session that another node has, as [`say`](Self::say) does
    /// for this engine's own. The node has taken the token.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] and [`Error::NotMember`] if the node has no such session as far as
    /// is known here, or it is no member; [`Error::UnknownTopic`] and [`Error::ExpiryLimit`].
    pub fn remote_say<Q>(
        &mut self,
        now: Time,
        origin: Origin,
        from: (&Q, SessionId),
        topic: &Q,
        presence: P,
        for_ms: Option<u64>,
    ) -> Result<Decisions<'_, K, P, S>, Error>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.list_input(now, |engine| engine.remote_say(origin, from, topic, presence, for_ms))
    }

    /// Says that nothing is heard of a node: its sessions are detached for
    /// [`Grace::node_loss_ms`](crate::Grace::node_loss_ms), and nobody is told. When that is over
    /// they end, in [`advance`](Self::advance). What is due by `now` happens too, as by `advance`.
    pub fn origin_lost(&mut self, now: Time, origin: Origin) -> Decisions<'_, K, P, S> {
        self.origin_lost_since(now, origin, now)
    }

    /// Says that nothing is heard of a node, as [`origin_lost`](Self::origin_lost) does, and since
    /// when: the grace counts from that moment.
    pub fn origin_lost_since(
        &mut self,
        now: Time,
        origin: Origin,
        since: Time,
    ) -> Decisions<'_, K, P, S> {
        self.node_input(now, |engine| engine.origin_lost(origin, since))
    }

    /// Says that a node that was lost is back, and has what it had: nobody is told. What is due by
    /// `now` happens too, as by [`advance`](Self::advance).
    pub fn origin_back(&mut self, now: Time, origin: Origin) -> Decisions<'_, K, P, S> {
        self.node_input(now, |engine| engine.origin_back(origin))
    }

    /// Says that a node will not come back: its sessions end now, one after the other. What is due
    /// by `now` happens too, as by [`advance`](Self::advance), and what is not drained stays due.
    pub fn origin_gone(&mut self, now: Time, origin: Origin) -> Decisions<'_, K, P, S> {
        self.node_input(now, |engine| engine.origin_gone(origin))
    }

    /// Ends one of this engine's own sessions that has to make way for one at another node, as a
    /// limit would ([rule 12](crate::rules#rule-12-limits)).
    ///
    /// # Errors
    /// [`Error::UnknownSession`].
    pub fn evict(
        &mut self,
        now: Time,
        session: SessionKey,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        let reasons = (CloseReason::Evicted, EndReason::Evicted);
        self.session_input(now, session, |engine| engine.end_for_others(session, reasons))
    }

    /// Ends one of this engine's own sessions whose user is expelled, where other nodes have
    /// sessions of the user too: each node ends its own. [`expel`](Self::expel) ends all that this
    /// engine knows of.
    ///
    /// # Errors
    /// [`Error::UnknownSession`].
    pub fn expel_session(
        &mut self,
        now: Time,
        session: SessionKey,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        let reasons = (CloseReason::Expelled, EndReason::Expelled);
        self.session_input(now, session, |engine| engine.end_for_others(session, reasons))
    }

    /// Notes from now on whose state at this node changes, for
    /// [`next_changed`](Self::next_changed).
    pub fn note_changes(&mut self) {
        self.state.note_changes();
    }

    fn node_input(
        &mut self,
        now: Time,
        verb: impl FnOnce(&mut crate::rules::State<K, P, S>),
    ) -> Decisions<'_, K, P, S> {
        self.state.begin(now);
        verb(&mut self.state);
        self.state.accept();
        let until = Some(self.state.begin_firing());
        self.drain(InputContext { until, ..InputContext::default() })
    }
}
