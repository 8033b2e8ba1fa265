//! The topics: their names, who is in them in which order, and what each of those is told.
//!
//! Everybody in a topic has a place in one of its channels: there is one for each view. Beside it
//! lies what a member has more than one who watches. The topics of a session are a chain from place
//! to place. Names are interned as those of users are, in an interner of their own.

mod gathered;
mod member;
mod members;
mod order;
mod pending;

pub(crate) use gathered::Gathered;
pub(crate) use member::{Mark, Member, Own};
pub(crate) use order::Seats;
pub(crate) use pending::{EndedMember, Pending};

use crate::key::TopicKey;
use crate::tables::channels::Channels;
use crate::tables::free_list::FreeList;
use crate::tables::ids::{ChannelIndex, MembershipIndex, SessionIndex, TopicIndex, User};
use crate::tables::interner::Users;
use crate::tables::segments::{Segments, per_segment};
use crate::tables::sorted_map::SortedMap;
use crate::topic::{TopicCounts, TopicOptions, View};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::num::{NonZeroU32, NonZeroU64};
use order::Order;
use smallvec::SmallVec;

/// Those in a topic who have one view.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    pub(crate) view: View,
    /// Whether they name members whom they are told of besides: each is told something else.
    pub(crate) is_personal: bool,
    pub(crate) channel: ChannelIndex,
    /// What they were told at the last tick: how many there are, and of whom. They know the users
    /// whose seats have numbers up to this one.
    pub(crate) counts: TopicCounts,
    pub(crate) known_to: u64,
}

impl Group {
    /// Returns whether they are told anything of the members.
    pub(crate) fn is_told(&self) -> bool {
        self.is_personal || self.view != View::Nothing
    }

    /// Returns whether they are told of every change of a member, at once or by the fast tick: as
    /// those who view all, or, where blocks [hide](Topic::hides), whoever is told anything.
    pub(crate) fn is_of_all(&self, hides: bool) -> bool {
        if hides { self.is_told() } else { self.view == View::All && !self.is_personal }
    }

    /// Returns whether they are told what members say.
    pub(crate) fn listens(&self, hides: bool) -> bool {
        if hides { self.is_told() } else { self.view >= View::Sample(0) }
    }
}

/// What few topics have.
#[derive(Default)]
struct Rare {
    options: Option<TopicOptions>,
    /// Who is looked at by name, and by whom.
    named: SortedMap<(User, MembershipIndex), ()>,
}

/// One topic.
#[derive(Default)]
pub(crate) struct Topic {
    /// Which of all topics it is; `None` if nobody is in it.
    generation: Option<NonZeroU64>,
    pub(crate) counts: TopicCounts,
    /// Those with seats: users who are members and not invisible.
    order: Order,
    /// One for each view that somebody has, in their order; those who name members come last.
    pub(crate) groups: SmallVec<[Group; 1]>,
    /// Whether those who view all are served a sample.
    pub(crate) is_large: bool,
    /// Whether blocks hide users from each other in it, as its options say: asked for often.
    hides: bool,
    /// Whether somebody may be congested in it who has been sent a snapshot since the last tick.
    pub(crate) has_late: bool,
    rare: Option<Box<Rare>>,
    /// What its two ticks will tell, the slow one last: one more than a place among all of those.
    pending: [Option<NonZeroU32>; 2],
}

impl Topic {
    /// Returns how many look at somebody by name, each counted for each whom it looks at.
    pub(super) fn named_len(&self) -> usize {
        self.rare.as_ref().map_or(0, |rare| rare.named.len())
    }

    /// Returns whether nobody is in it.
    pub(crate) fn is_empty(&self) -> bool {
        // There is none of those who have one view without somebody who has it.
        self.groups.is_empty()
    }
}

/// Of so many who come it is noted who they are.
const MOST_ARRIVALS: usize = 4_096;

pub(crate) struct Topics<K, P> {
    /// Their numbers are those of the topics.
    pub(super) names: Users<K>,
    records: Segments<Topic, { per_segment(64) }>,
    pub(super) channels: Channels<Member>,
    /// Whose channel each is, or was.
    of_channel: Segments<User, { per_segment(2_048) }>,
    /// For each session one more than its membership in the topic that it joined first, of those
    /// that it is in; zero if there is none.
    first: Segments<u32, { per_segment(2_048) }>,
    /// The memberships of sessions that are in more than a few topics, but for the first of each.
    beyond: SortedMap<(SessionIndex, TopicIndex), MembershipIndex>,
    /// The presences of those who have nothing else of their own, and what the others have.
    values: Segments<Option<P>, { per_segment(512) }>,
    free_values: FreeList,
    own: Segments<Own<P>, { per_segment(256) }>,
    free_own: FreeList,
    pending: Vec<Pending>,
    free_pending: Vec<u32>,
    /// Presences of their own.
    pub(super) presences: usize,
    len: usize,
    /// The number of topics that there ever were.
    opened: u64,
}

impl<K, P> Topics<K, P> {
    pub(super) const fn new() -> Self {
        Self {
            names: Users::new(),
            records: Segments::new(),
            channels: Channels::new(),
            of_channel: Segments::new(),
            first: Segments::new(),
            beyond: SortedMap::new(),
            values: Segments::new(),
            free_values: FreeList::new(),
            own: Segments::new(),
            free_own: FreeList::new(),
            pending: Vec::new(),
            free_pending: Vec::new(),
            presences: 0,
            len: 0,
            opened: 0,
        }
    }

    /// Returns the number of topics.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn channels(&self) -> &Channels<Member> {
        &self.channels
    }

    // ---- topics

    pub(crate) fn name(&self, topic: TopicIndex) -> &K {
        self.names.id(User(topic.0))
    }

    pub(crate) fn topic(&self, topic: TopicIndex) -> &Topic {
        &self.records[topic.0 as usize]
    }

    pub(crate) fn topic_mut(&mut self, topic: TopicIndex) -> &mut Topic {
        &mut self.records[topic.0 as usize]
    }

    pub(crate) fn is_open(&self, topic: TopicIndex) -> bool {
        self.records.get(topic.0 as usize).is_some_and(|record| record.generation.is_some())
    }

    pub(crate) fn key(&self, topic: TopicIndex) -> Option<TopicKey> {
        let generation = self.records.get(topic.0 as usize)?.generation?;
        Some(TopicKey { index: topic.0, generation })
    }

    pub(crate) fn find_key(&self, key: TopicKey) -> Option<TopicIndex> {
        let topic = TopicIndex(key.index);
        (self.key(topic) == Some(key)).then_some(topic)
    }

    /// Returns all topics.
    pub(crate) fn iter(&self) -> impl Iterator<Item = TopicIndex> + '_ {
        let all = (0..self.records.len() as u32).map(TopicIndex);
        all.filter(|topic| self.is_open(*topic))
    }

    /// Opens a topic whose name is interned, with these options as long as it has none of its own.
    pub(super) fn open(&mut self, topic: TopicIndex, default: &TopicOptions) {
        while self.records.len() <= topic.0 as usize {
            self.records.push(Topic::default());
        }
        self.names.retain(User(topic.0));
        self.names.forget_fresh();
        self.opened += 1;
        let record = &mut self.records[topic.0 as usize];
        (record.generation, record.hides) = (NonZeroU64::new(self.opened), default.hides());
        self.len += 1;
    }

    /// Closes a topic that nobody is in.
    pub(super) fn close(&mut self, topic: TopicIndex) {
        for is_slow in [false, true] {
            debug_assert!(self.pending_of(topic, is_slow).is_none());
        }
        let record = &mut self.records[topic.0 as usize];
        debug_assert!(record.is_empty() && record.order.len() == 0);
        record.generation = None;
        if let Some(rare) = &mut record.rare {
            rare.options = None;
        }
        (record.is_large, record.hides, record.has_late) = (false, false, false);
        record.counts = TopicCounts::default();
        debug_assert!(record.named_len() == 0);
        record.order.clear();
        self.len -= 1;
        self.names.release(User(topic.0));
    }

    pub(crate) fn options<'a>(
        &'a self,
        topic: TopicIndex,
        default: &'a TopicOptions,
    ) -> &'a TopicOptions {
        self.topic(topic).rare.as_ref().and_then(|rare| rare.options.as_ref()).unwrap_or(default)
    }

    pub(crate) fn set_options(&mut self, topic: TopicIndex, options: TopicOptions) {
        let record = self.topic_mut(topic);
        record.hides = options.hides();
        record.rare.get_or_insert_default().options = Some(options);
    }

    // ---- groups

    /// Returns the topic whose channel it is.
    pub(crate) fn of_channel(&self, channel: ChannelIndex) -> TopicIndex {
        TopicIndex(self.of_channel[channel.0 as usize].0)
    }

    pub(crate) fn topic_of(&self, membership: MembershipIndex) -> TopicIndex {
        self.of_channel(self.channels.channel_and_place(membership).0)
    }

    /// Returns the view of somebody in a topic.
    pub(crate) fn view(&self, membership: MembershipIndex) -> View {
        let (channel, _) = self.channels.channel_and_place(membership);
        let groups = &self.topic(self.of_channel(channel)).groups;
        let group = groups.iter().find(|group| group.channel == channel);
        group.map_or(View::Nothing, |group| group.view)
    }

    /// Returns whether blocks hide users from each other in a topic.
    #[inline]
    pub(crate) fn hides(&self, topic: TopicIndex) -> bool {
        self.topic(topic).hides
    }

    /// Returns whether somebody in a topic is told what members say there, by its view.
    pub(crate) fn listens(&self, topic: TopicIndex, membership: MembershipIndex) -> bool {
        let (channel, _) = self.channels.channel_and_place(membership);
        let Topic { groups, hides, .. } = self.topic(topic);
        let group = groups.iter().find(|group| group.channel == channel);
        group.is_some_and(|group| group.listens(*hides))
    }

    /// Returns the channel of those with this view, which is opened if nobody has it so far.
    pub(super) fn channel_of(
        &mut self,
        topic: TopicIndex,
        view: View,
        is_personal: bool,
    ) -> ChannelIndex {
        let groups = &self.topic(topic).groups;
        let (own, of) = ((is_personal, view), |group: &Group| (group.is_personal, group.view));
        let at = groups.partition_point(|group| of(group) < own);
        if let Some(group) = groups.get(at).filter(|group| of(group) == own) {
            return group.channel;
        }
        let channel = self.channels.open();
        while self.of_channel.len() <= channel.0 as usize {
            self.of_channel.push(User(0));
        }
        self.of_channel[channel.0 as usize] = User(topic.0);
        let counts = self.topic(topic).counts;
        let group = Group { view, is_personal, channel, counts, known_to: 0 };
        self.topic_mut(topic).groups.insert(at, group);
        channel
    }

    /// Closes a channel that nobody is in any more.
    pub(super) fn close_channel(&mut self, topic: TopicIndex, channel: ChannelIndex) {
        self.topic_mut(topic).groups.retain(|group| group.channel != channel);
        self.channels.close(channel);
    }

    // ---- who has come since the slow tick began to gather

    /// Notes that somebody is shown whom those do not know yet whom the slow tick tells. Where very
    /// many come these are told everything, and it makes no difference who has come.
    pub(crate) fn arrive(&mut self, topic: TopicIndex, membership: MembershipIndex) {
        let is_new = self.is(membership, Mark::NewSlowly);
        let pending = self.pending_mut(topic, true);
        pending.is_told_to_all = false;
        if pending.arrived.len() == MOST_ARRIVALS {
            pending.set_everything();
            self.forget_arrivals(topic);
        } else if !is_new {
            if !pending.everything {
                pending.arrived.push(membership);
                self.mark(membership, Mark::NewSlowly, true);
            }
        } else if let Some(at) = pending.told_arrival(membership) {
            // It had gone meanwhile.
            pending.told_arrived -= 1;
            pending.arrived.swap(at, pending.told_arrived as usize);
        }
    }

    /// Returns whether somebody has come whom nobody knows yet whom the slow tick tells, and
    /// whether those who view all know it nevertheless, by a snapshot.
    pub(crate) fn arrival(&self, topic: TopicIndex, membership: MembershipIndex) -> (bool, bool) {
        let is_new = self.is(membership, Mark::NewSlowly);
        let pending = self.pending_of(topic, true).filter(|_| is_new);
        (is_new, pending.is_some_and(|pending| pending.told_arrival(membership).is_some()))
    }

    /// Notes that those whom the slow tick tells know everybody, as far as they view.
    pub(crate) fn forget_arrivals(&mut self, topic: TopicIndex) {
        let Some(mut pending) = self.take_pending(topic, true) else { return };
        for membership in pending.arrived.drain(..) {
            self.mark(membership, Mark::NewSlowly, false);
            self.set_free_if_done(membership);
        }
        pending.told_arrived = 0;
        self.put_pending(topic, true, pending);
    }

    /// Notes that those who view all are sent a snapshot: of what has been gathered so far they
    /// need not be told.
    pub(crate) fn tell_to_all(&mut self, topic: TopicIndex) {
        if self.pending_of(topic, true).is_some() {
            self.pending_mut(topic, true).tell_to_all();
        }
    }

    // ---- who is looked at by name

    /// Returns whether anybody looks at a user by name.
    pub(crate) fn is_named(&self, topic: TopicIndex, user: User) -> bool {
        self.lookers(topic, user).next().is_some()
    }

    /// Returns who looks at a user by name.
    pub(crate) fn lookers(
        &self,
        topic: TopicIndex,
        user: User,
    ) -> impl Iterator<Item = MembershipIndex> + '_ {
        let rare = self.topic(topic).rare.as_ref();
        let from = rare.map(|rare| rare.named.iter_from((user, MembershipIndex(0))));
        let from = from.into_iter().flatten().map(|(key, ())| key);
        from.take_while(move |(named, _)| *named == user).map(|(_, looker)| looker)
    }

    /// Returns whether it is noted that somebody looks at a user by name.
    pub(super) fn looks_at(&self, topic: TopicIndex, user: User, looker: MembershipIndex) -> bool {
        let rare = self.topic(topic).rare.as_ref();
        rare.is_some_and(|rare| rare.named.contains((user, looker)))
    }

    /// Notes that somebody looks at a user by name, or no longer.
    pub(super) fn note_looker(
        &mut self,
        topic: TopicIndex,
        (user, looker): (User, MembershipIndex),
        looks: bool,
    ) {
        let named = &mut self.topic_mut(topic).rare.get_or_insert_default().named;
        match looks {
            true => named.insert((user, looker), ()),
            false => _ = named.remove((user, looker)),
        }
    }

    // ---- what waits for a tick

    pub(crate) fn pending_of(&self, topic: TopicIndex, is_slow: bool) -> Option<&Pending> {
        let at = self.topic(topic).pending[usize::from(is_slow)]?;
        Some(&self.pending[at.get() as usize - 1])
    }

    pub(super) fn pending_mut(&mut self, topic: TopicIndex, is_slow: bool) -> &mut Pending {
        let Self { records, pending, free_pending, .. } = self;
        let own = &mut records[topic.0 as usize].pending[usize::from(is_slow)];
        let at = *own.get_or_insert_with(|| {
            let free = free_pending.pop().unwrap_or_else(|| {
                pending.push(Pending::default());
                pending.len() as u32 - 1
            });
            NonZeroU32::MIN.saturating_add(free)
        });
        &mut pending[at.get() as usize - 1]
    }

    /// Has a tick tell what a member's session shows, unless it will tell everything. If that
    /// `is_new`, nobody knows the session before. Returns whether more waits than before.
    pub(crate) fn note_changed(
        &mut self,
        topic: TopicIndex,
        membership: MembershipIndex,
        is_slow: bool,
        is_new: bool,
    ) -> bool {
        let pending = self.pending_mut(topic, is_slow);
        pending.is_told_to_all = false;
        if pending.everything {
            return false;
        }
        if is_new {
            self.mark(membership, Mark::New, true);
        }
        let is_more = !self.is(membership, Mark::waits(is_slow));
        if is_more {
            self.mark(membership, Mark::waits(is_slow), true);
            self.pending_mut(topic, is_slow).changed.push(membership);
        } else {
            self.pending_mut(topic, is_slow).changed.change_again(membership);
        }
        is_more
    }

    /// Returns how much waits for a tick.
    pub(crate) fn pending_len(&self, topic: TopicIndex, is_slow: bool) -> usize {
        self.pending_of(topic, is_slow).map_or(0, Pending::len)
    }

    /// Returns how many entries the lists have of what waits for a tick, and of who has come.
    pub(crate) fn gathered(&self, topic: TopicIndex, is_slow: bool) -> usize {
        self.pending_of(topic, is_slow).map_or(0, Pending::gathered)
    }

    /// Drops a little of what waits for a tick and is not so any more. Whoever does so for each
    /// that is added keeps no more than about twice as much as is still so.
    pub(crate) fn sweep_pending(&mut self, topic: TopicIndex, is_slow: bool) {
        for _ in 0..2 {
            let changed = &mut self.pending_mut(topic, is_slow).changed;
            let Some(membership) = changed.next_to_sweep() else { return };
            let is_shown = self.is(membership, Mark::Shown);
            self.pending_mut(topic, is_slow).changed.sweep(is_shown);
            if !is_shown {
                self.wait_no_more(membership, is_slow);
            }
        }
    }

    /// Has a tick tell everything in place of what has changed.
    pub(crate) fn set_everything(&mut self, topic: TopicIndex, is_slow: bool) {
        self.pending_mut(topic, is_slow).set_everything();
    }

    /// Takes out what waits, to be [given back](Self::put_pending) empty.
    pub(super) fn take_pending(&mut self, topic: TopicIndex, is_slow: bool) -> Option<Pending> {
        let at = self.topic(topic).pending[usize::from(is_slow)]?;
        Some(core::mem::take(&mut self.pending[at.get() as usize - 1]))
    }

    /// Puts back what waits.
    pub(super) fn put_pending(&mut self, topic: TopicIndex, is_slow: bool, pending: Pending) {
        *self.pending_mut(topic, is_slow) = pending;
    }

    /// Gives back what waited for this tick; the lists keep their memory for whoever is next.
    pub(super) fn end_pending(&mut self, topic: TopicIndex, is_slow: bool) {
        let Some(at) = self.topic_mut(topic).pending[usize::from(is_slow)].take() else { return };
        let pending = &mut self.pending[at.get() as usize - 1];
        debug_assert!(pending.gone.is_empty() && pending.changed.len() == 0);
        (pending.everything, pending.told_ended, pending.is_told_to_all) = (false, 0, false);
        self.free_pending.push(at.get() - 1);
    }

    /// Notes that somebody is no more in the list of what waits for a tick. Who has left meanwhile
    /// leaves the membership to others.
    pub(super) fn wait_no_more(&mut self, membership: MembershipIndex, is_slow: bool) {
        self.mark(membership, Mark::waits(is_slow), false);
        if !is_slow {
            self.mark(membership, Mark::New, false);
        }
        self.set_free_if_done(membership);
    }

    fn set_free_if_done(&mut self, membership: MembershipIndex) {
        if !self.channels.beside(membership).is_kept() {
            self.channels.set_free(membership);
        }
    }

    // ---- room

    /// Gives back what only a past peak needed; there are so many sessions.
    pub(super) fn shrink_to_fit(&mut self, sessions: usize) {
        self.names.shrink_to_fit();
        self.records.truncate(self.names.span());
        for topic in 0..self.records.len() {
            let record = &mut self.records[topic];
            record.groups.shrink_to_fit();
            record.rare.take_if(|rare| rare.named.is_empty() && rare.options.is_none());
            if let Some(rare) = &mut record.rare {
                rare.named.shrink_to_fit();
            }
            record.order.shrink_to_fit();
        }
        self.records.shrink_to_fit();
        self.channels.shrink_to_fit();
        self.of_channel.truncate(self.channels.span());
        self.of_channel.shrink_to_fit();
        let mut beyond = core::mem::take(&mut self.beyond);
        beyond.retain(|(session, _), membership| !self.is_among_few(session, membership));
        beyond.shrink_to_fit();
        self.beyond = beyond;
        self.first.truncate(if self.len == 0 { 0 } else { sessions });
        self.first.shrink_to_fit();
        self.values.truncate(self.free_values.cut_off(self.values.len(), |_| true));
        self.values.shrink_to_fit();
        self.own.truncate(self.free_own.cut_off(self.own.len(), |_| true));
        self.own.shrink_to_fit();
        for own in 0..self.own.len() {
            self.own[own].named.shrink_to_fit();
        }
        self.shrink_pending();
    }

    /// Keeps of what waits for ticks what is in use, in the order of the topics.
    fn shrink_pending(&mut self) {
        let used = self.pending.len() - self.free_pending.len();
        let mut before = core::mem::replace(&mut self.pending, Vec::with_capacity(used));
        self.free_pending = Vec::new();
        for topic in 0..self.records.len() {
            for own in self.records[topic].pending.iter_mut().flatten() {
                let mut pending = core::mem::take(&mut before[own.get() as usize - 1]);
                pending.shrink_to_fit();
                *own = NonZeroU32::MIN.saturating_add(self.pending.len() as u32);
                self.pending.push(pending);
            }
        }
    }
}

#[cfg(test)]
mod tests;
