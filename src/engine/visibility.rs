//! The verbs that change who may see whom: audiences, blocks, and a user's own wish.

use crate::decisions::Decisions;
use crate::engine::Engine;
use crate::error::Error;
use crate::key::SessionKey;
use crate::time::Time;
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> Engine<K, P, S> {
    /// Adds contacts to a user's audience ([rule 8](crate::rules#rule-8-audience-changes)): their
    /// sessions are told the user's present presences. For a user who is not online nothing is
    /// stored and nothing sent.
    ///
    /// # Errors
    /// [`Error::AudienceLimit`] and [`Error::Full`].
    ///
    /// # Costs
    /// One hash look-up per id, and O(n).
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
    /// offline, if they hold anything of it, and watch the user no longer, even if they were never
    /// in the audience. For a user who is not online nothing happens.
    ///
    /// # Errors
    /// [`Error::AudienceLimit`] for a list longer than an audience may be.
    ///
    /// # Costs
    /// One hash look-up per id, and O(n).
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
    /// who are not in it any more are told, as by [`audience_remove`](Self::audience_remove), and
    /// watch the user no longer, then those who are new are told, as by
    /// [`audience_add`](Self::audience_add). Those who watch and were never in it go on.
    ///
    /// # Errors
    /// [`Error::AudienceLimit`] and [`Error::Full`].
    ///
    /// # Costs
    /// One hash look-up per id, and O(n log n).
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
    /// the other. In a topic it hides nobody unless
    /// [`TopicOptions::blocks`](crate::TopicOptions::blocks) says so
    /// ([rule T6](crate::rules#rule-t6-who-is-not-shown)). A repeated block is silent. For a user
    /// who is not online nothing is stored: the host hands the list in at
    /// [`connect`](Self::connect).
    ///
    /// # Errors
    /// [`Error::BlockedLimit`] and [`Error::Full`].
    ///
    /// # Costs
    /// O(b) for the b users blocked, and a few hash look-ups; where blocks hide in topics, O(t) for
    /// each of the t that the two are in.
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
    /// their audiences allow, and in topics where
    /// [blocks hide](crate::TopicOptions::blocks) that the other has joined
    /// ([rule T6](crate::rules#rule-t6-who-is-not-shown)).
    ///
    /// # Errors
    /// Never fails; returns `Result` for symmetry.
    ///
    /// # Costs
    /// Those of [`block`](Self::block).
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
    /// told exactly what a logout would tell them, and from now on nothing; so are those who view
    /// a topic that the user is in ([rule T6](crate::rules#rule-t6-who-is-not-shown)). Publishes
    /// still reach the user's own sessions, and directed presence works as before. It holds for all
    /// sessions of the user, until [`visible`](Self::visible) or until the last of them has ended.
    /// The user's other sessions are told [so](crate::Notice::Visibility). Repeated, it is silent.
    ///
    /// To connect unseen, say so before the first publish.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] and [`Error::Detached`].
    ///
    /// # Costs
    /// O(n), and for each topic that the user is in those of [`leave`](Self::leave).
    pub fn invisible(
        &mut self,
        now: Time,
        session: SessionKey,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        self.session_input(now, session, |state| state.invisible(session))
    }

    /// Makes the user of this session visible again
    /// ([rule 10](crate::rules#rule-10-invisible-and-visible)): contacts are told the present
    /// presences, not what they were in between, and those who view a topic that the user is in are
    /// told that it has joined ([rule T6](crate::rules#rule-t6-who-is-not-shown)). Repeated, it is
    /// silent.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] and [`Error::Detached`].
    ///
    /// # Costs
    /// O(n) for each session that has published, and those of [`join`](Self::join) for each topic.
    pub fn visible(
        &mut self,
        now: Time,
        session: SessionKey,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        self.session_input(now, session, |state| state.visible(session))
    }
}
