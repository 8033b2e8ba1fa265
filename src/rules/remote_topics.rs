//! Topics in which sessions of other nodes are.

use crate::error::Error;
use crate::fanout::topic_steps::Except;
use crate::reason::LeaveReason;
use crate::remote::{RemoteMember, RemoteSession};
use crate::rules::State;
use crate::tables::ids::{Place, SessionIndex, TopicIndex};
use crate::tables::remotes::RemoteIds;
use crate::tables::topics::Mark;
use crate::topic::View;
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};
use smallvec::SmallVec;

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    /// Has those sessions join at once that take the place of others of their user in a topic, all
    /// of which go with what their node says.
    pub(super) fn stay_in_topics(
        &mut self,
        node: usize,
        place: Place,
        sessions: &mut [RemoteSession<K, P>],
    ) {
        if !self.tables.is_in_topics_at(place) {
            return;
        }
        let known = self.tables.remote_ids(place, node);
        // Both are worked out where somebody joins: hardly ever.
        let mut stay = None;
        let mut looked_at: SmallVec<[(TopicIndex, bool); 4]> = SmallVec::new();
        for at in 0..sessions.len() {
            let Some(session) = known.get(sessions[at].id) else { continue };
            for nth in 0..sessions[at].topics.len() {
                let member = &sessions[at].topics[nth];
                let Some(topic) = self.tables.find_topic(&member.topic) else { continue };
                if member.observes || self.tables.membership_in(session, topic).is_some() {
                    continue;
                }
                let stay = stay.get_or_insert_with(|| self.who_stays(&known, sessions));
                let place_of = looked_at.partition_point(|(of, _)| of.0 < topic.0);
                if looked_at.get(place_of).is_none_or(|(of, _)| *of != topic) {
                    looked_at.insert(place_of, (topic, self.all_go(node, (topic, place), stay)));
                }
                // Whoever joins is there for those who come after it.
                if core::mem::take(&mut looked_at[place_of].1) {
                    let member = &mut sessions[at].topics[nth];
                    let shown = (member.number, member.presence.take());
                    self.enter_remote(session, topic, true, shown);
                }
            }
        }
    }

    /// Returns who is a member of which topic with what a node says, in order.
    fn who_stays(
        &self,
        known: &RemoteIds,
        sessions: &[RemoteSession<K, P>],
    ) -> Vec<(TopicIndex, SessionIndex)> {
        let mut stay = Vec::new();
        for session in sessions {
            let Some(known) = known.get(session.id) else { continue };
            let members = session.topics.iter().filter(|member| !member.observes);
            let topics = members.filter_map(|member| self.tables.find_topic(&member.topic));
            stay.extend(topics.map(|topic| (topic, known)));
        }
        stay.sort_unstable_by_key(|(topic, session)| (topic.0, session.0));
        stay
    }

    /// Returns whether a user is shown in a topic, and all of its sessions there go with what a
    /// node says: they have ended, or are there no longer.
    fn all_go(
        &self,
        node: usize,
        (topic, place): (TopicIndex, Place),
        stay: &[(TopicIndex, SessionIndex)],
    ) -> bool {
        let goes = |membership| {
            let session = self.tables.session_in(membership);
            let Some(remote) = self.tables.remote(session) else { return false };
            let of = |(topic, session): &(TopicIndex, SessionIndex)| (topic.0, session.0);
            let stays = || stay.binary_search_by_key(&of(&(topic, session)), of).is_ok();
            remote.over.is_some() || self.tables.origin_of(session) == Some(node) && !stays()
        };
        let mut shown = self.tables.shown_at(topic, place).peekable();
        shown.peek().is_some() && shown.all(goes)
    }

    /// Takes a session out of the topics that are not named, and of those where it shows nothing of
    /// its own any more, or is a member and was none, or the other way round: it has left, and
    /// joined again.
    pub(super) fn leave_remote_topics(
        &mut self,
        session: SessionIndex,
        topics: &[RemoteMember<K, P>],
    ) {
        let mut named: SmallVec<[_; 4]> = SmallVec::new();
        for member in topics {
            let Some(topic) = self.tables.find_topic(&member.topic) else { continue };
            let here = self.tables.membership_in(session, topic);
            let has_own = |one| self.tables.topics().own_presence(one).is_some();
            let is_new = |one| self.tables.changed().number_in(one) != member.number;
            let is_other = |one| self.tables.topics().is(one, Mark::Member) == member.observes;
            let is_bare = member.presence.is_none();
            let is_anew = |one| is_other(one) || is_bare && is_new(one) && has_own(one);
            if !here.is_some_and(is_anew) {
                named.push(topic);
            }
        }
        let mut next = self.tables.topics().first_of(session);
        while let Some(membership) = next {
            let topic = self.tables.topics().topic_of(membership);
            next = self.tables.topics().next_of(membership);
            if !named.contains(&topic) {
                self.take_out(topic, membership, LeaveReason::Left, false);
            }
        }
    }

    pub(super) fn set_remote_topics(
        &mut self,
        session: SessionIndex,
        topics: Vec<RemoteMember<K, P>>,
    ) -> Result<(), Error> {
        for RemoteMember { topic: name, observes, number, presence } in topics {
            let found = self.tables.find_topic(&name);
            let here =
                found.and_then(|topic| Some((topic, self.tables.membership_in(session, topic)?)));
            let Some((topic, membership)) = here else {
                self.join_remote(session, name, !observes, (number, presence))?;
                continue;
            };
            self.tables.discard_name(name);
            let before = self.tables.changed().number_in(membership);
            match presence {
                Some(presence) if before != number && !observes => {
                    self.show_in(topic, membership, presence);
                }
                presence => self.plan.drop_later(presence),
            }
            self.tables.changed_mut().set_number_in(membership, number);
        }
        Ok(())
    }

    fn join_remote(
        &mut self,
        session: SessionIndex,
        name: K,
        is_member: bool,
        shown: (u64, Option<P>),
    ) -> Result<(), Error> {
        let topic = match self.tables.find_topic(&name) {
            Some(topic) => {
                self.tables.spell_topic(topic, name);
                topic
            }
            None => self.open_topic(name)?,
        };
        self.enter_remote(session, topic, is_member, shown);
        Ok(())
    }

    fn enter_remote(
        &mut self,
        session: SessionIndex,
        topic: TopicIndex,
        is_member: bool,
        (number, presence): (u64, Option<P>),
    ) {
        let membership = self.tables.join_topic(session, topic, is_member, View::Nothing);
        self.begin_view(topic, membership);
        match presence {
            Some(presence) if is_member => _ = self.tables.set_own_presence(membership, presence),
            // Who observes shows nothing.
            presence => self.plan.drop_later(presence),
        }
        if self.tables.is_visible(self.tables.sessions().user(session)) {
            self.show_member(topic, membership, Except::Session(session));
        }
        self.welcome(topic, membership);
        self.tables.changed_mut().set_number_in(membership, number);
    }
}
