//! Topics in which sessions of other nodes are members.

use crate::error::Error;
use crate::fanout::topic_steps::Except;
use crate::reason::LeaveReason;
use crate::remote::RemoteMember;
use crate::rules::State;
use crate::tables::ids::SessionIndex;
use crate::topic::View;
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};
use smallvec::SmallVec;

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    /// Takes a session out of the topics that are not named.
    pub(super) fn leave_remote_topics(
        &mut self,
        session: SessionIndex,
        topics: &[RemoteMember<K, P>],
    ) {
        let mut named: SmallVec<[_; 4]> = SmallVec::new();
        for member in topics {
            named.extend(self.tables.find_topic(&member.topic));
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
        Ok(())
    }
}
