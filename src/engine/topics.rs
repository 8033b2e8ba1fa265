//! The verbs of topics: named groups that sessions join, see the members of, and leave.

use crate::decisions::{Decisions, InputContext};
use crate::engine::Engine;
use crate::error::Error;
use crate::key::{SessionKey, TopicKey};
use crate::time::Time;
use crate::topic::{Join, TopicOptions, View};
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> Engine<K, P, S> {
    /// Has a session join a topic ([rule T1](crate::rules#rule-t1-joining-and-leaving)), as a
    /// member whom others see or as an observer. Whoever is the first in it opens it. Topics have
    /// names of the type of user ids, in a namespace of their own.
    ///
    /// Those who view the topic are told, and the session gets a
    /// [snapshot](crate::Decision::Topic) of what it views: at once, or with all others who join
    /// before the next [tick](crate::rules#rule-t10-ticks). It stays in the topic until it
    /// [leaves](Self::leave) or ends, over losses and resumes. **Who may join what is the host's to
    /// check** before it calls this.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] and [`Error::Detached`]; [`Error::AlreadyJoined`], which has the
    /// topic's key; [`Error::TopicLimit`]; [`Error::MemberLimit`]; [`Error::Full`]; checked in this
    /// order ([rule T12](crate::rules#rule-t12-limits-and-rates-of-topics)).
    ///
    /// # Costs
    /// One hash look-up, and O(t) for the t topics that the session is in, beside what it takes to
    /// make the snapshot, and of different [views](View::Sample) in the topic: however many are in
    /// it.
    ///
    /// ```
    /// # use adsum::{Config, Connect, Decision, Engine, Join, Time, View};
    /// # let mut engine = Engine::<String, &str>::new(Config::default());
    /// # let now = Time::ZERO;
    /// let (ann, _) = engine.connect(now, Connect::new("ann".to_owned()))?;
    /// let join = Join::Member { presence: Some("reading"), view: View::All };
    /// let (room, _) = engine.join(now, ann, "room".to_owned(), join)?;
    /// let (bob, _) = engine.connect(now, Connect::new("bob".to_owned()))?;
    /// let join = Join::Observer { view: View::All };
    /// let (_, mut decisions) = engine.join(now, bob, "room".to_owned(), join)?;
    /// let Some(Decision::Topic(snapshot)) = decisions.next() else { panic!() };
    /// assert_eq!(snapshot.entries().next().and_then(|entry| entry.presence), Some(&"reading"));
    /// # drop(decisions);
    /// engine.update(now, ann, room, "writing")?.for_each(|decision| { /* tell bob and ann */ });
    /// # Ok::<(), adsum::Error>(())
    /// ```
    pub fn join(
        &mut self,
        now: Time,
        session: SessionKey,
        topic: K,
        join: Join<P>,
    ) -> Result<(TopicKey, Decisions<'_, K, P, S>), Error> {
        let key = self.input(now, |state| state.join(session, topic, join))?;
        let context = InputContext { session: Some(session), ..InputContext::default() };
        Ok((key, self.drain(context)))
    }

    /// Changes what a member's session shows in a topic
    /// ([rule T2](crate::rules#rule-t2-updates)): from now on that, and not what it publishes.
    ///
    /// Over [`Options::topic_rate`](crate::Options::topic_rate) it is not told now: the newest is
    /// kept and told when there is a token. [`Decisions::waits_until`] says so.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] and [`Error::Detached`]; [`Error::UnknownTopic`];
    /// [`Error::NotMember`] for one who observes.
    ///
    /// # Costs
    /// O(1), or O(log t) for a session in more than 16 topics, for each of the different
    /// [views](View::Sample) in the topic, and the receivers are lent as they lie. Congested ones
    /// are gone through once until they are writable again.
    pub fn update(
        &mut self,
        now: Time,
        session: SessionKey,
        topic: TopicKey,
        presence: P,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        let waits_until = self.input(now, |state| state.update(session, topic, presence))?;
        let (session, context) = (Some(session), InputContext::default());
        Ok(self.drain(InputContext { session, waits_until, ..context }))
    }

    /// Has a session leave a topic ([rule T1](crate::rules#rule-t1-joining-and-leaving)). It is
    /// told nothing more of it, this included; the others are told.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] and [`Error::Detached`]; [`Error::UnknownTopic`].
    ///
    /// # Costs
    /// O(t) for the t topics that the session is in, however many are in this one.
    pub fn leave(
        &mut self,
        now: Time,
        session: SessionKey,
        topic: TopicKey,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        self.session_input(now, session, |state| state.leave(session, topic))
    }

    /// Changes what a session is told of a topic
    /// ([rule T7](crate::rules#rule-t7-observers-and-views)). It gets a snapshot of the new view,
    /// unless that is [nothing](View::Nothing).
    ///
    /// # Errors
    /// Those of [`leave`](Self::leave).
    ///
    /// # Costs
    /// O(t), and those of the snapshot.
    pub fn look(
        &mut self,
        now: Time,
        session: SessionKey,
        topic: TopicKey,
        view: View,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        self.session_input(now, session, |state| state.look(session, topic, view))
    }

    /// Has a session look at members by name, beside its view and in place of those whom it named
    /// before ([rule T9a](crate::rules#rule-t9a-named-members)); at nobody, if none is named. It
    /// gets a snapshot of what it views and of those. They need not be members, nor known.
    ///
    /// # Errors
    /// Those of [`leave`](Self::leave); [`Error::NamedLimit`] if it names more than
    /// [`Options::max_topic_named`](crate::Options::max_topic_named); [`Error::Full`].
    ///
    /// # Costs
    /// One hash look-up per id, O(n log n) to sort n of them, and those of the snapshot. Each tick
    /// that concerns a session which names members is told to it alone.
    pub fn look_at(
        &mut self,
        now: Time,
        session: SessionKey,
        topic: TopicKey,
        users: impl IntoIterator<Item = K>,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        self.session_input(now, session, |state| state.look_at(session, topic, users))
    }

    /// Says something in a topic ([rule T11a](crate::rules#rule-t11a-what-is-said)): that a member
    /// is typing, where its cursor is. It goes to those who view the topic's members, and is not
    /// what the session shows there. With `for_ms` it is over after so many milliseconds, and those
    /// are told; it is over too when the session leaves, or says something else.
    ///
    /// # Errors
    /// Those of [`update`](Self::update); [`Error::ExpiryLimit`]; [`Error::RateLimited`], by
    /// [`Options::direct_rate`](crate::Options::direct_rate).
    ///
    /// # Costs
    /// Those of [`update`](Self::update), and a deadline.
    pub fn say(
        &mut self,
        now: Time,
        session: SessionKey,
        topic: TopicKey,
        presence: P,
        for_ms: Option<u64>,
    ) -> Result<Decisions<'_, K, P, S>, Error> {
        self.session_input(now, session, |state| {
            state.say_in_topic(session, topic, presence, for_ms)
        })
    }

    /// Takes all sessions of a user out of a topic, those that observe included
    /// ([rule T1](crate::rules#rule-t1-joining-and-leaving)). They are told
    /// [`TopicClosed`](crate::Notice::TopicClosed), the others that the user has left. Nothing
    /// happens if it is not there.
    ///
    /// # Costs
    /// Two hash look-ups, and O(t) for each session.
    pub fn remove<T, Q>(&mut self, now: Time, topic: &T, user: &Q) -> Decisions<'_, K, P, S>
    where
        K: Borrow<T> + Borrow<Q>,
        T: Eq + Hash + ?Sized,
        Q: Eq + Hash + ?Sized,
    {
        self.state.begin(now);
        self.state.remove_from_topic(topic, user);
        self.state.accept();
        self.state.clean_up();
        self.drain(InputContext::default())
    }

    /// Closes a topic ([rule T1](crate::rules#rule-t1-joining-and-leaving)): all who are in it are
    /// told [`TopicClosed`](crate::Notice::TopicClosed) and are in it no more. Nothing happens if
    /// nobody is in it.
    ///
    /// # Costs
    /// O(n) for the n sessions in it. They are taken out as the decisions are taken: with each,
    /// some thousand who have been told, and as many of those who are told nothing, because they
    /// are detached or congested. When all have been told, one call takes out the rest of those
    /// before [`TopicVacated`](crate::Decision::TopicVacated): some 0.1 µs for each that is
    /// detached and 0.25 µs for each that is congested, so 11 ms for 100,000 detached ones.
    pub fn close<T>(&mut self, now: Time, topic: &T) -> Decisions<'_, K, P, S>
    where
        K: Borrow<T>,
        T: Eq + Hash + ?Sized,
    {
        self.state.begin(now);
        self.state.close_topic(topic);
        self.state.accept();
        self.state.clean_up();
        self.drain(InputContext::default())
    }

    /// Gives a topic options of its own, instead of
    /// [`Options::topics`](crate::Options::topics). They hold until the topic is
    /// [empty](crate::rules#rule-t13-empty-topics), so a good moment is
    /// [`Decision::TopicOccupied`](crate::Decision::TopicOccupied).
    ///
    /// # Errors
    /// [`Error::TopicOptions`]; [`Error::UnknownTopic`] if nobody is in it;
    /// [`Error::MemberLimit`] if blocks are to hide in it and it has more members than
    /// [`full_up_to`](TopicOptions::full_up_to). Checked in this order.
    ///
    /// # Costs
    /// One hash look-up; where they change what viewers are told, also O(v) for the v of them who
    /// are congested, and the snapshots of the others.
    pub fn topic_options<T>(
        &mut self,
        now: Time,
        topic: &T,
        options: TopicOptions,
    ) -> Result<Decisions<'_, K, P, S>, Error>
    where
        K: Borrow<T>,
        T: Eq + Hash + ?Sized,
    {
        self.list_input(now, |state| state.topic_options(topic, options))
    }
}
