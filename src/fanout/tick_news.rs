//! What waits for a tick, gone through once for all whom it tells.

use crate::fanout::topic_steps::ChangesOf;
use crate::tables::Tables;
use crate::tables::ids::{ChannelIndex, MembershipIndex, TopicIndex, User};
use crate::topic::View;
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};

/// What a tick has to tell, gone through once for all whom it tells.
#[derive(Default)]
pub(crate) struct TickNews {
    /// The numbers of the seats of those who show something new, in their order; and as far as
    /// whoever views all does not know it yet.
    changed: Vec<u64>,
    changed_of_all: Vec<u64>,
    /// Those of the users of whom sessions have gone, as far as whoever views all does not know it
    /// yet; and as far as the others knew of those.
    gone_of_all: Vec<u64>,
    gone_of_part: Vec<u64>,
    /// Whoever names one of them, by channel and place.
    lookers: Vec<Looker>,
    /// How much the fast tick has to tell, whose receivers know everybody.
    all: usize,
}

/// One who names somebody of whom there is something to tell.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Looker {
    channel: u32,
    pub(crate) place: u32,
    pub(crate) membership: MembershipIndex,
    /// Whether it is told if it views all, and if it does not.
    pub(crate) if_all: bool,
    pub(crate) if_part: bool,
}

impl TickNews {
    pub(crate) fn clear(&mut self) {
        self.changed.clear();
        self.changed_of_all.clear();
        self.gone_of_all.clear();
        self.gone_of_part.clear();
        self.lookers.clear();
        self.all = 0;
    }

    /// Returns how many name somebody of whom there is something to tell.
    pub(crate) const fn lookers(&self) -> usize {
        self.lookers.len()
    }

    /// Goes through what waits for a tick.
    pub(crate) fn gather<K: Eq + Hash, P, S: BuildHasher>(
        &mut self,
        tables: &Tables<K, P, S>,
        topic: TopicIndex,
        is_slow: bool,
    ) {
        let Some(pending) = tables.topics().pending_of(topic, is_slow) else { return };
        if !is_slow {
            self.all = pending.len();
            return;
        }
        for (membership, all_know) in (0..).map_while(|at| pending.changed().get(at)) {
            let user = tables.user_in(membership);
            let number = tables.seat_of(topic, user);
            self.changed.extend(number);
            self.changed_of_all.extend(number.filter(|_| !all_know));
            self.name(tables, (topic, user), (!all_know, true));
        }
        for one in pending.gone() {
            let (if_all, if_part) = (!pending.has_told(one), !one.is_new_to_others);
            self.gone_of_all.extend(if_all.then_some(one.number));
            self.gone_of_part.extend(if_part.then_some(one.number));
            self.name(tables, (topic, one.user), (if_all, if_part));
        }
        let Self { changed, changed_of_all, gone_of_all, gone_of_part, .. } = self;
        for numbers in [changed, changed_of_all, gone_of_all, gone_of_part] {
            numbers.sort_unstable();
        }
        self.lookers.sort_unstable();
        // Each once, and told if it is told of anybody.
        self.lookers.dedup_by(|next, one| {
            let is_same = next.membership == one.membership;
            if is_same {
                (one.if_all, one.if_part) =
                    (one.if_all || next.if_all, one.if_part || next.if_part);
            }
            is_same
        });
    }

    /// Lists those who look at a user by name, of whom there is something to tell.
    fn name<K: Eq + Hash, P, S: BuildHasher>(
        &mut self,
        tables: &Tables<K, P, S>,
        (topic, user): (TopicIndex, User),
        (if_all, if_part): (bool, bool),
    ) {
        let topics = tables.topics();
        self.lookers.extend(topics.lookers(topic, user).map(|membership| {
            let (channel, place) = topics.channels().channel_and_place(membership);
            Looker { channel: channel.0, place: place as u32, membership, if_all, if_part }
        }));
    }

    /// Returns how much there is to tell whoever is told this.
    pub(crate) fn count(&self, changes: &ChangesOf) -> usize {
        let known = |numbers: &[u64]| match changes.view_and_known() {
            (View::All, _) => numbers.len(),
            (_, (known_to, _)) => numbers.partition_point(|number| *number <= known_to),
        };
        let (changed, gone) = match changes.views_all() {
            true => (&self.changed_of_all, &self.gone_of_all),
            false => (&self.changed, &self.gone_of_part),
        };
        self.all + known(changed) + known(gone)
    }

    /// Returns those in a channel who name somebody.
    pub(crate) fn lookers_in(&self, channel: ChannelIndex) -> &[Looker] {
        let from = self.lookers.partition_point(|looker| looker.channel < channel.0);
        let end = self.lookers.partition_point(|looker| looker.channel <= channel.0);
        &self.lookers[from..end]
    }
}
