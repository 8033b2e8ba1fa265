//! Who is in a topic for one user from whom blocks hide others there.

use crate::tables::Tables;
use crate::tables::ids::{MembershipIndex, TopicIndex, User};
use crate::tables::topics::Mark;
use crate::topic::TopicCounts;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> Tables<K, P, S> {
    /// Returns everybody in a topic.
    pub(crate) fn all_in(&self, topic: TopicIndex) -> impl Iterator<Item = MembershipIndex> + '_ {
        let channels = self.topics().channels();
        let groups = self.topics().topic(topic).groups.iter();
        groups.flat_map(move |group| {
            let all = 0..channels.len(group.channel);
            all.map(move |at| channels.member_at(group.channel, at))
        })
    }

    /// Returns how many are in a topic: but for those whom blocks hide from the viewer, if there is
    /// one from whom they do.
    pub(crate) fn counts_for(&self, topic: TopicIndex, viewer: Option<User>) -> TopicCounts {
        let mut counts = self.topics().topic(topic).counts;
        let Some(viewer) = viewer else { return counts };
        for membership in self.all_in(topic) {
            let topics = self.topics();
            let is_shown = topics.is(membership, Mark::Shown);
            if !is_shown || !self.blocked_between(viewer, self.user_in(membership)) {
                continue;
            }
            match topics.is(membership, Mark::Member) {
                true => {
                    counts.sessions -= 1;
                    counts.users -= u32::from(topics.has_seat(membership));
                }
                false => counts.observers -= 1,
            }
        }
        counts
    }
}
