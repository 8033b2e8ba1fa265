//! What one receiver believes of topics: what it is told, and what it can be asked.

use super::{Replica, ReplicaFull};
use crate::engine::Engine;
use crate::key::{SessionId, SessionKey};
use crate::notice::Notice;
use crate::queries::topics::Topic;
use crate::replica::topics::MemberBelief;
use crate::snapshot::{Changes, TopicChange, TopicEntry, TopicSnapshot};
use crate::topic::{TopicBlocks, TopicCounts, View};
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, I: Copy + Eq + Hash, S: BuildHasher> Replica<K, P, I, S> {
    // ---- what it is told

    /// Begins a snapshot of a topic, as this view shows it: who is not repeated before
    /// [`end_topic_snapshot`](Self::end_topic_snapshot) is gone then, and so is what was said.
    /// Until that, what was believed still is, unless there is no room: then all that would be gone
    /// makes way for those who are new. Contacts and other topics do not, except that what an open
    /// snapshot of contacts is to drop makes way for a topic that is new.
    ///
    /// # Errors
    /// [`ReplicaFull`] if there is no room for the topic: it is not known then.
    pub fn begin_topic_snapshot(&mut self, topic: K, view: View) -> Result<(), ReplicaFull> {
        let is_new = self.topics.find(&self.hasher, &topic).is_none();
        if is_new && self.is_full() && !self.make_room() {
            return Err(ReplicaFull);
        }
        self.topics.begin(&self.hasher, topic, view)
    }

    /// Ends the snapshot of a topic.
    ///
    /// # Errors
    /// [`ReplicaFull`] if it said more than was taken in: everybody who is held is in the topic,
    /// but somebody is missing. So it is with a topic that is not known, of which nothing is held.
    pub fn end_topic_snapshot<Q>(&mut self, topic: &Q) -> Result<(), ReplicaFull>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.topics.end(&self.hasher, topic)
    }

    /// Records how many are in a topic. A topic that it does not know is passed over, here and in
    /// what follows.
    pub fn set_topic_counts<Q>(&mut self, topic: &Q, counts: TopicCounts)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.topics.set_counts(&self.hasher, topic, counts);
    }

    /// Records what a member's session shows in a topic.
    ///
    /// # Errors
    /// [`ReplicaFull`].
    pub fn set_member<Q>(
        &mut self,
        topic: &Q,
        user: K,
        session: I,
        presence: Option<P>,
    ) -> Result<(), ReplicaFull>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        if let Some(member) = self.member_mut(topic, (user, session, true))? {
            member.presence = presence;
        }
        Ok(())
    }

    /// Records what a session says in a topic, in place of what it said before.
    ///
    /// # Errors
    /// [`ReplicaFull`].
    pub fn set_said<Q>(
        &mut self,
        topic: &Q,
        user: K,
        session: I,
        said: P,
    ) -> Result<(), ReplicaFull>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        if let Some(member) = self.member_mut(topic, (user, session, false))? {
            member.said = Some(said);
        }
        Ok(())
    }

    fn member_mut<Q>(
        &mut self,
        topic: &Q,
        member: (K, I, bool),
    ) -> Result<Option<&mut MemberBelief<P>>, ReplicaFull>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let most = self.limit.saturating_sub(self.beliefs.len());
        self.topics.member_mut(&self.hasher, topic, member, most)
    }

    /// Forgets what a session said in a topic.
    pub fn end_said<Q, R>(&mut self, topic: &Q, user: &R, session: I)
    where
        K: Borrow<Q> + Borrow<R>,
        Q: Eq + Hash + ?Sized,
        R: Eq + Hash + ?Sized,
    {
        self.topics.keep(&self.hasher, topic, (user, Some(session)), |member| {
            member.said = None;
            member.is_member
        });
    }

    /// Forgets a session in a topic.
    pub fn end_member_session<Q, R>(&mut self, topic: &Q, user: &R, session: I)
    where
        K: Borrow<Q> + Borrow<R>,
        Q: Eq + Hash + ?Sized,
        R: Eq + Hash + ?Sized,
    {
        self.topics.keep(&self.hasher, topic, (user, Some(session)), |_| false);
    }

    /// Forgets a user in a topic.
    pub fn end_member<Q, R>(&mut self, topic: &Q, user: &R)
    where
        K: Borrow<Q> + Borrow<R>,
        Q: Eq + Hash + ?Sized,
        R: Eq + Hash + ?Sized,
    {
        self.topics.keep(&self.hasher, topic, (user, None), |_| false);
    }

    /// Forgets a topic: the replica's own session has [left](Engine::leave) it, views nothing of it
    /// any more, or it is closed.
    pub fn forget_topic<Q>(&mut self, topic: &Q)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.topics.forget(&self.hasher, topic);
    }

    // ---- what it can be asked

    /// Returns the topics that it knows, in no particular order.
    pub fn topics(&self) -> impl Iterator<Item = &K> {
        self.topics.names()
    }

    /// Returns whom it believes to be members of a topic: whose session, which, and what that shows
    /// there. In no particular order.
    pub fn members<Q>(&self, topic: &Q) -> impl Iterator<Item = (&K, I, Option<&P>)>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let belief = self.topics.find(&self.hasher, topic).into_iter();
        let rows = belief.flat_map(|belief| belief.members.iter());
        let members = rows.filter(|row| row.belief.is_member);
        members.map(|row| (self.topics.user(row.user), row.session, row.belief.presence.as_ref()))
    }

    /// Returns what it believes to have been said in a topic, by whose session. In no particular
    /// order.
    pub fn said<Q>(&self, topic: &Q) -> impl Iterator<Item = (&K, I, &P)>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let belief = self.topics.find(&self.hasher, topic).into_iter();
        belief.flat_map(|belief| belief.members.iter()).filter_map(|row| {
            Some((self.topics.user(row.user), row.session, row.belief.said.as_ref()?))
        })
    }

    /// Returns how many it was told are in a topic when it was told last, and what it is shown of
    /// them; `None` if it does not know the topic.
    #[must_use]
    pub fn topic_counts<Q>(&self, topic: &Q) -> Option<(TopicCounts, View)>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let belief = self.topics.find(&self.hasher, topic)?;
        Some((belief.counts, belief.view))
    }
}

impl<K: Eq + Hash + Clone, P: Clone, S: BuildHasher> Replica<K, P, SessionId, S> {
    /// Takes in a notice about a topic.
    pub(super) fn apply_in_topic(&mut self, notice: &Notice<'_, K, P>) -> Result<(), ReplicaFull> {
        match *notice {
            Notice::Joined { topic, user, session, presence, .. }
            | Notice::Member { topic, user, session, presence, .. } => {
                return self.set_member(topic, user.clone(), session, presence.cloned());
            }
            Notice::Said { topic, user, session, presence, .. } => {
                return self.set_said(topic, user.clone(), session, presence.clone());
            }
            Notice::SaidOver { topic, user, session, .. } => self.end_said(topic, user, session),
            Notice::MemberSessionEnded { topic, user, session, .. } => {
                self.end_member_session(topic, user, session);
            }
            Notice::Left { topic, user, .. } => self.end_member(topic, user),
            Notice::TopicClosed { topic, .. } => self.forget_topic(topic),
            _ => {}
        }
        Ok(())
    }

    /// Takes in a snapshot of a topic, or a part of one: as much of it as fits beside contacts and
    /// other topics.
    ///
    /// # Errors
    /// [`ReplicaFull`] at the last part, if it said more than was taken in.
    pub fn apply_topic(&mut self, snapshot: &TopicSnapshot<'_, K, P>) -> Result<(), ReplicaFull> {
        let topic = snapshot.topic();
        if snapshot.is_first() {
            // What finds no room is reported at the end.
            let _ = self.begin_topic_snapshot(topic.clone(), snapshot.view());
        }
        self.set_topic_counts(topic, snapshot.counts());
        for TopicEntry { user, session, presence } in snapshot.entries() {
            let _ = self.set_member(topic, user.clone(), session, presence.cloned());
        }
        if snapshot.is_last() { self.end_topic_snapshot(topic) } else { Ok(()) }
    }

    /// Takes in what a tick has told of a topic. Whoever is gone leaves room for those who are new.
    ///
    /// # Errors
    /// [`ReplicaFull`] if it said more than was taken in.
    pub fn apply_changes(&mut self, changes: &Changes<'_, K, P>) -> Result<(), ReplicaFull> {
        self.set_topic_counts(changes.topic(), changes.counts());
        // Who is gone comes after who is new. Of what is taken in again nothing changes.
        self.apply_each_change(changes).or_else(|ReplicaFull| self.apply_each_change(changes))
    }

    fn apply_each_change(&mut self, changes: &Changes<'_, K, P>) -> Result<(), ReplicaFull> {
        let topic = changes.topic();
        let mut result = Ok(());
        for change in changes.iter() {
            match change {
                TopicChange::Member { user, session, presence } => {
                    let set = self.set_member(topic, user.clone(), session, presence.cloned());
                    result = result.and(set);
                }
                TopicChange::SessionEnded { user, session } => {
                    self.end_member_session(topic, user, session);
                }
                TopicChange::Left { user, .. } => self.end_member(topic, user),
            }
        }
        result
    }
}

impl<K: Eq + Hash, P: PartialEq, S: BuildHasher> Replica<K, P, SessionId, S> {
    /// Returns the name of a topic of which it believes something else than this session of the
    /// engine should; `None` if there is none: promise 4 in topics.
    ///
    /// Ask it of a session that is attached and not congested, when everything that was sent to it
    /// has been applied and every topic's [tick](crate::rules#rule-t10-ticks) has come since the
    /// last input. A topic that the session has left must be [forgotten](Self::forget_topic). What
    /// is said is not looked at.
    ///
    /// # Costs
    /// A look-up for each member of the topics that the session is in.
    pub fn differs_in_topics<'s, E: BuildHasher>(
        &'s self,
        engine: &'s Engine<K, P, E>,
        session: SessionKey,
    ) -> Option<&'s K> {
        let is_in = |name: &K| {
            let topic = engine.topic(name);
            topic.is_some_and(|topic| {
                let view = topic.view(session);
                view.is_some_and(|view| view > View::Nothing || topic.looks_at(session).count() > 0)
            })
        };
        let ghost = self.topics().find(|name| !is_in(name));
        let mut own = engine.topics_of(session);
        let wrong = own.find(|topic| self.differs_in(topic, engine, session));
        ghost.or_else(|| wrong.map(|topic| topic.name()))
    }

    fn differs_in<E: BuildHasher>(
        &self,
        topic: &Topic<'_, K, P, E>,
        engine: &Engine<K, P, E>,
        session: SessionKey,
    ) -> bool {
        let wished = topic.view(session).unwrap_or(View::Nothing);
        let names_any = topic.looks_at(session).next().is_some();
        let hides = topic.options().blocks == TopicBlocks::Hidden;
        let view = match wished {
            _ if hides && (wished > View::Nothing || names_any) => View::All,
            View::All if topic.is_large() => View::Sample(topic.options().sample),
            other => other,
        };
        let told = self.topic_counts(topic.name());
        if view == View::Nothing && !names_any {
            return told.is_some();
        }
        let Some((counts, shown)) = told else { return true };
        let is_live =
            view == View::All && topic.options().coalesce_ms == 0 && (hides || !names_any);
        let users = match view {
            View::Sample(users) => users.into(),
            View::All => usize::MAX,
            _ => 0,
        };
        let own = engine.user_of(session);
        let is_own = |user: &K| is_live && !engine.options().own_echo && Some(user) == own;
        let shown_users = topic.users().take(users).count();
        let (mut expected, mut before, mut nth) = (0, None, 0);
        for member in topic.members() {
            nth += usize::from(before.replace(member.cursor) != Some(member.cursor));
            let is_named = || topic.looks_at(session).any(|user| user == member.user);
            let is_hidden = topic.hides_from(session, member.user);
            if nth > shown_users && !is_named() || is_own(member.user) || is_hidden {
                continue;
            }
            expected += 1;
            let held = self
                .members(topic.name())
                .find(|(user, id, _)| *id == member.session && *user == member.user);
            if held.map(|(.., presence)| presence) != Some(member.presence) {
                return true;
            }
        }
        let is_counted = !matches!(view, View::All | View::Nothing);
        shown != view
            || self.members(topic.name()).count() != expected
            || is_counted && counts != topic.counts()
    }
}
