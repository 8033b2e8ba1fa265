//! Users of whom one has blocked the other, in topics where blocks hide (rule T6).

use crate::fanout::topic_steps::{TopicFanOut, TopicSubject};
use crate::reason::{EndReason, LeaveReason};
use crate::rules::State;
use crate::tables::ids::{MembershipIndex, TopicIndex, User};
use crate::tables::topics::Mark;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    /// Has each of two users leave for the other, where a block that is there from now on hides
    /// them: it must look like a logout.
    pub(super) fn hide_in_shared_topics(&mut self, one: User, other: User) {
        let reason = LeaveReason::Ended(EndReason::Disconnected);
        for (user, viewer) in [(one, other), (other, one)] {
            self.for_hiding_topics_of(user, |state, topic, _, is_first| {
                if is_first {
                    let left = TopicSubject::Left { user, reason };
                    state.tell_user_in_topic(TopicFanOut::of(topic, left), topic, viewer);
                }
            });
        }
    }

    /// Has each of two users join for the other, where a block hid them that is there no more.
    pub(super) fn show_in_shared_topics(&mut self, one: User, other: User) {
        if self.tables.blocked_between(one, other) {
            return;
        }
        for (user, viewer) in [(one, other), (other, one)] {
            self.for_hiding_topics_of(user, |state, topic, membership, is_first| {
                let come = match is_first {
                    true => TopicSubject::Joined { membership },
                    false => TopicSubject::Member { membership, first: true },
                };
                state.tell_user_in_topic(TopicFanOut::of(topic, come), topic, viewer);
            });
        }
    }

    /// Calls `each` with the topics where blocks hide in which a user is shown as a member, and
    /// with whether it is the first of the user's sessions there: those of the session that
    /// connected first come first, in the order in which it joined them.
    fn for_hiding_topics_of(
        &mut self,
        user: User,
        mut each: impl FnMut(&mut Self, TopicIndex, MembershipIndex, bool),
    ) {
        let Some(place) = self.tables.place(user) else { return };
        self.for_topics_at(place, |state, topic, membership| {
            let topics = state.tables.topics();
            let is_member =
                topics.is(membership, Mark::Shown) && topics.is(membership, Mark::Member);
            if is_member && topics.hides(topic) {
                let is_first = state.tables.shown_at(topic, place).next() == Some(membership);
                each(state, topic, membership, is_first);
            }
        });
    }

    /// Tells the sessions of one user that view a topic, or marks it for those that are congested.
    fn tell_user_in_topic(&mut self, fan_out: TopicFanOut, topic: TopicIndex, viewer: User) {
        let from = self.plan.named_len();
        for at in 0..self.tables.sessions_of(viewer).len() {
            let session = self.tables.sessions_of(viewer)[at];
            let Some(membership) = self.tables.membership_in(session, topic) else { continue };
            let is_told = self.tables.topics().listens(topic, membership);
            let mark = |tables: &mut crate::tables::Tables<K, P, S>| {
                tables.topics_mut().set_dirty(membership, true);
            };
            if is_told && self.tables.receives_or(session, mark) {
                self.plan.name_receiver(session);
            }
        }
        let named = self.plan.named_since(from);
        if !named.is_empty() {
            self.tell_topic(fan_out.to_named(named));
        }
    }
}
