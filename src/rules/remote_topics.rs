//! Topics in which sessions of other nodes are members.

use crate::error::Error;
use crate::fanout::topic_steps::Except;
use crate::reason::LeaveReason;
use crate::remote::{RemoteMember, RemoteSession};
use crate::rules::State;
use crate::tables::ids::{Place, SessionIndex, TopicIndex};
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
        for at in 0..sessions.len() {
            let Some(session) = self.tables.find_remote(place, (node, sessions[at].id)) else {
                continue;
            };
            for nth in 0..sessions[at].topics.len() {
                let name = &sessions[at].topics[nth].topic;
                let Some(topic) = self.tables.find_topic(name) else { continue };
                let goes = |one| self.goes_from(node, self.tables.session_in(one), name, sessions);
                let is_known = self.tables.membership_in(session, topic).is_some();
                let any = self.tables.shown_at(topic, place).next().is_some();
                if !is_known && any && self.tables.shown_at(topic, place).all(goes) {
                    let member = &mut sessions[at].topics[nth];
                    let shown = (member.number, member.presence.take());
                    self.enter_remote(session, topic, shown);
                }
            }
        }
    }

    /// Returns whether a session goes from a topic with what a node says: it has ended, or is there
    /// no longer.
    fn goes_from(
        &self,
        node: usize,
        session: SessionIndex,
        topic: &K,
        sessions: &[RemoteSession<K, P>],
    ) -> bool {
        let Some(remote) = self.tables.remote(session) else { return false };
        if remote.over.is_some() {
            return true;
        }
        let mut stays = sessions.iter().filter(|one| one.id == remote.id);
        let is_nodes = self.tables.origin_of(session) == Some(node);
        is_nodes && !stays.any(|one| one.topics.iter().any(|member| member.topic == *topic))
    }

    /// Takes a session out of the topics that are not named, and of those where it shows nothing of
    /// its own any more: it has left, and joined again.
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
            let is_anew = here.is_some_and(|one| is_new(one) && has_own(one));
            if member.presence.is_some() || !is_anew {
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
        for RemoteMember { topic: name, number, presence } in topics {
            let found = self.tables.find_topic(&name);
            let here =
                found.and_then(|topic| Some((topic, self.tables.membership_in(session, topic)?)));
            let Some((topic, membership)) = here else {
                self.join_remote(session, name, (number, presence))?;
                continue;
            };
            self.tables.discard_name(name);
            let before = self.tables.changed().number_in(membership);
            match presence {
                Some(presence) if before != number => self.show_in(topic, membership, presence),
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
        (number, presence): (u64, Option<P>),
    ) -> Result<(), Error> {
        let topic = match self.tables.find_topic(&name) {
            Some(topic) => {
                self.tables.spell_topic(topic, name);
                topic
            }
            None => self.open_topic(name)?,
        };
        self.enter_remote(session, topic, (number, presence));
        Ok(())
    }

    fn enter_remote(
        &mut self,
        session: SessionIndex,
        topic: TopicIndex,
        (number, presence): (u64, Option<P>),
    ) {
        let membership = self.tables.join_topic(session, topic, true, View::Nothing);
        self.begin_view(topic, membership);
        if let Some(presence) = presence {
            self.tables.set_own_presence(membership, presence);
        }
        if self.tables.is_visible(self.tables.sessions().user(session)) {
            self.show_member(topic, membership, Except::Session(session));
        }
        self.welcome(topic, membership);
        self.tables.changed_mut().set_number_in(membership, number);
    }
}
