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
    /// Takes everything that a node says of one user, whose sessions it has
    /// ([rule C1](crate::rules#rule-c1-who-speaks-for-a-session)).
    ///
    /// Such sessions are seen as this engine's own are, and are never receivers: they have no slot,
    /// and no key that a verb takes ([rule C14](crate::rules#rule-c14-what-a-message-never-does)).
    /// What has changed is told here by the same rules as ever; what has not is not. A session that
    /// is not in the list any more has ended; if it was the user's last, that is told
    /// [`Options::skew_ms`](crate::Options::skew_ms) later, unless another appears meanwhile
    /// ([rule C10](crate::rules#rule-c10-one-user-on-several-nodes)).
    ///
    /// Lists that are given replace those that the engine holds; which of two nodes knows the newer
    /// ones is the caller's to know ([rule C13](crate::rules#rule-c13-lists)). Empty ones replace
    /// them too, so a node to which the user is offline must
    /// [send none](crate::LocalUser::to_remote). They hide before the sessions change, and let see
    /// when these have.
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
    /// [`direct`](Self::direct) and [`direct_for`](Self::direct_for) do for this engine's own
    /// ([rule C12](crate::rules#rule-c12-directed-presence-to-other-nodes)). The node has taken the
    /// token.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] if the node has no such session of this user as far as is known
    /// here; [`Error::ExpiryLimit`] and [`Error::DirectLimit`].
    ///
    /// # Costs
    /// Those of [`direct_for`](Self::direct_for), and a hash look-up for the sender.
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
    /// for this engine's own ([rule C12](crate::rules#rule-c12-directed-presence-to-other-nodes)).
    /// The node has taken the token.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] and [`Error::NotMember`] if the node has no such session as far as
    /// is known here, or it is no member; [`Error::UnknownTopic`] and [`Error::ExpiryLimit`].
    ///
    /// # Costs
    /// Those of [`say`](Self::say), and a hash look-up each for the sender and the topic.
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

    /// Says that nothing is heard of a node ([rule C5](crate::rules#rule-c5-suspicion)): its
    /// sessions are detached for [`Grace::node_loss_ms`](crate::Grace::node_loss_ms), and nobody is
    /// told. When that is over they end, in [`advance`](Self::advance). What is due by `now`
    /// happens too, as by `advance`.
    ///
    /// # Costs
    /// O(1) for each node that is known, however many sessions it has. Where contacts are told
    /// [one state of each user](Self::with_representative), each of its users has its state chosen
    /// anew, during the drain. Each end costs what that of [`disconnect`](Self::disconnect) does.
    pub fn origin_lost(&mut self, now: Time, origin: Origin) -> Decisions<'_, K, P, S> {
        self.origin_lost_since(now, origin, now)
    }

    /// Says that nothing is heard of a node, as [`origin_lost`](Self::origin_lost) does, and since
    /// when ([rule C6](crate::rules#rule-c6-restarts)): the grace counts from that moment.
    ///
    /// # Costs
    /// Those of [`origin_lost`](Self::origin_lost).
    pub fn origin_lost_since(
        &mut self,
        now: Time,
        origin: Origin,
        since: Time,
    ) -> Decisions<'_, K, P, S> {
        self.node_input(now, |engine| engine.origin_lost(origin, since))
    }

    /// Says that a node that was lost is back, and has what it had
    /// ([rule C5](crate::rules#rule-c5-suspicion)): nobody is told. What is due by `now` happens
    /// too, as by [`advance`](Self::advance).
    ///
    /// # Costs
    /// Those of [`origin_lost`](Self::origin_lost), without any end.
    pub fn origin_back(&mut self, now: Time, origin: Origin) -> Decisions<'_, K, P, S> {
        self.node_input(now, |engine| engine.origin_back(origin))
    }

    /// Says that a node will not come back ([rule C5](crate::rules#rule-c5-suspicion)): its
    /// sessions end now, one after the other. What is due by `now` happens too, as by
    /// [`advance`](Self::advance), and what is not drained stays due.
    ///
    /// # Costs
    /// Those of [`disconnect`](Self::disconnect) for each of its sessions, during the drain.
    pub fn origin_gone(&mut self, now: Time, origin: Origin) -> Decisions<'_, K, P, S> {
        self.node_input(now, |engine| engine.origin_gone(origin))
    }

    /// Ends one of this engine's own sessions that has to make way for one at another node, as a
    /// limit would ([rule 12](crate::rules#rule-12-limits),
    /// [rule C11](crate::rules#rule-c11-limits-of-several-nodes)).
    ///
    /// # Errors
    /// [`Error::UnknownSession`].
    ///
    /// # Costs
    /// Those of [`disconnect`](Self::disconnect).
    pub fn evict(
        &mut self,
        now: Time,
        session: SessionKey,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        let reasons = (CloseReason::Evicted, EndReason::Evicted);
        self.session_input(now, session, |engine| engine.end_for_others(session, reasons))
    }

    /// Ends one of this engine's own sessions whose user is expelled
    /// ([rule 15](crate::rules#rule-15-system-notices-and-expulsion)), where other nodes have
    /// sessions of the user too: each node ends its own. [`expel`](Self::expel) ends all that this
    /// engine knows of.
    ///
    /// # Errors
    /// [`Error::UnknownSession`].
    ///
    /// # Costs
    /// Those of [`disconnect`](Self::disconnect).
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
