//! A topic is closed to everybody: those in it are told, a part of them at a time, and each part is
//! taken out before the next one is told. So no call works on all who are told, however many there
//! are. Those who are told nothing are taken out beside them, and when there is nobody left to be
//! told, all at once: there is no decision to stop at.

use crate::fanout::plan::{Plan, Step};
use crate::fanout::receivers::CHUNK;
use crate::fanout::topic_steps::{Closing, TopicSubject};
use crate::reason::TopicClosing;
use crate::stats::Stats;
use crate::tables::Tables;
use crate::tables::ids::MembershipIndex;
use core::hash::{BuildHasher, Hash};

impl<P> Plan<P> {
    /// Begins to close a topic, which is the step to do now: the notice gets its number.
    pub(crate) fn begin_closing(&mut self, of: Closing) {
        let closed = TopicSubject::Closed { reason: TopicClosing::Closed };
        self.current_topic = (of.topic, closed, self.next_number());
        self.members.clear();
        self.replace_step(Step::CloseTopic(Closing { has_begun: true, ..of }));
    }

    /// Finds a part of those who are in the topic at hand, and tells those of them who are there.
    /// Returns their number; `None` if nobody is in it any more.
    pub(crate) fn tell_closing<K: Eq + Hash, S: BuildHasher>(
        &mut self,
        tables: &Tables<K, P, S>,
        stats: &mut Stats,
    ) -> Option<usize> {
        let Some(Step::CloseTopic(of)) = self.step().copied() else { return None };
        let (topics, channels) = (tables.topics(), tables.topics().channels());
        let channel = topics.topic(of.topic).groups.first()?.channel;
        let (all, attached) = (channels.len(channel), channels.attached(channel));
        let told = attached.saturating_sub(CHUNK)..attached;
        // As many again of those who are told nothing.
        let others = attached.max(all.saturating_sub(CHUNK))..all;
        let some = told.clone().chain(others);
        self.members.extend(some.map(|at| channels.member_at(channel, at)));
        self.receivers.clear();
        self.lent = None;
        let mut from = told.start;
        while from < told.end {
            let slots = channels.slots(channel, from, told.end);
            slots.iter().for_each(|slot| self.receivers.push(*slot));
            from += slots.len();
        }
        stats.deliveries += told.len() as u64;
        if !told.is_empty() {
            stats.notices += u64::from(!of.is_told);
            self.replace_step(Step::CloseTopic(Closing { is_told: true, ..of }));
        }
        Some(told.len())
    }

    /// Returns one of the part that was found last, and takes it out of that.
    pub(crate) fn take_closed(&mut self) -> Option<MembershipIndex> {
        self.members.pop()
    }
}
