//! The topics: their names, who is in them in which order, and what each of those is told.
//!
//! Everybody in a topic has a place in one of its channels: there is one for each view. Beside it
//! lies what a member has more than one who watches. Names are interned as those of users are, in
//! an interner of their own.

mod order;
mod pending;

pub(crate) use pending::{Changed, Gone, Pending};

use crate::key::TopicKey;
use crate::tables::channels::Channels;
use crate::tables::free_list::FreeList;
use crate::tables::ids::{ChannelIndex, ExpiryIndex, MembershipIndex, TopicIndex, User};
use crate::tables::interner::Users;
use crate::tables::rate::Bucket;
use crate::tables::segments::{Segments, per_segment};
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
    pub(crate) groups: SmallVec<[Group; 2]>,
    /// Who is named by somebody, sorted, and by how many.
    pub(super) named: Vec<(User, u32)>,
    /// The number of sessions that are in it.
    pub(crate) sessions: u32,
    /// Whether those who view all are served a sample.
    pub(crate) is_large: bool,
    options: Option<Box<TopicOptions>>,
    /// The first joining of which the slow tick to come was not told yet.
    since: u32,
    /// Of those who have gone and of whom the slow tick will tell, those before this one in their
    /// order are known by a snapshot to all who view all.
    pub(crate) told_gone: Option<u32>,
    /// What its two ticks will tell, the slow one last: one more than a place among all of those.
    pending: [Option<NonZeroU32>; 2],
}

/// What a session in a topic has besides its place in a channel.
#[derive(Clone, Copy)]
pub(crate) struct Member {
    /// The user's seat, if this is the one of its sessions that has it.
    seat: u32,
    /// One more than the place of what it has of its own.
    own: Option<NonZeroU32>,
    /// Which joining this is.
    pub(crate) joining: u32,
    /// The number of the user's other sessions that are shown, if this one has the seat.
    pub(super) others: u16,
    /// Whether it is a member, and no observer.
    pub(crate) is_member: bool,
    /// Whether others see it, or count it if it observes: its user is visible.
    pub(crate) is_shown: bool,
    /// Whether it missed something while congested.
    pub(crate) is_dirty: bool,
    /// Whether it has said something that is not over.
    pub(crate) has_said: bool,
    /// Whether its change waits for the tick, of the two.
    pub(crate) is_pending: [bool; 2],
    /// Whether nobody has been told of it before the next tick.
    pub(crate) is_new: bool,
}

const NO_SEAT: u32 = u32::MAX;

impl Default for Member {
    fn default() -> Self {
        Self {
            seat: NO_SEAT,
            own: None,
            joining: 0,
            others: 0,
            is_member: false,
            is_shown: false,
            is_dirty: false,
            has_said: false,
            is_pending: [false; 2],
            is_new: false,
        }
    }
}

/// What some members have of their own: a presence for this topic, a rate, and what ends.
pub(crate) struct Own<P> {
    pub(crate) presence: Option<P>,
    pub(crate) bucket: Bucket,
    pub(crate) said_until: Option<ExpiryIndex>,
    pub(crate) update: Option<ExpiryIndex>,
    /// The users whom it looks at by name, sorted.
    pub(crate) named: Vec<User>,
}

impl<P> Default for Own<P> {
    fn default() -> Self {
        let (presence, named) = (None, Vec::new());
        Self { presence, bucket: Bucket::default(), said_until: None, update: None, named }
    }
}

pub(crate) struct Topics<K, P> {
    /// Their numbers are those of the topics.
    pub(super) names: Users<K>,
    records: Segments<Topic, { per_segment(64) }>,
    pub(super) channels: Channels,
    /// Whose channel each is, or was.
    of_channel: Segments<User, { per_segment(2_048) }>,
    /// One for each place in the channels.
    members: Segments<Member, { per_segment(1_024) }>,
    own: Segments<Own<P>, { per_segment(256) }>,
    free_own: FreeList,
    pending: Vec<Pending>,
    free_pending: Vec<u32>,
    /// Whether a name may have to be forgotten or dropped at the end of the input.
    pub(super) is_untidy: bool,
    /// Presences of their own.
    pub(super) presences: usize,
    len: usize,
    /// The number of topics that there ever were, and of joinings.
    opened: u64,
    joinings: u32,
}

impl<K, P> Topics<K, P> {
    pub(super) const fn new() -> Self {
        Self {
            names: Users::new(),
            records: Segments::new(),
            channels: Channels::new(),
            of_channel: Segments::new(),
            members: Segments::new(),
            own: Segments::new(),
            free_own: FreeList::new(),
            pending: Vec::new(),
            free_pending: Vec::new(),
            is_untidy: false,
            presences: 0,
            len: 0,
            opened: 0,
            joinings: 0,
        }
    }

    /// Returns the number of topics.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn channels(&self) -> &Channels {
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

    /// Opens a topic whose name is interned.
    pub(super) fn open(&mut self, topic: TopicIndex) {
        while self.records.len() <= topic.0 as usize {
            self.records.push(Topic::default());
        }
        self.names.retain(User(topic.0));
        self.opened += 1;
        self.records[topic.0 as usize].generation = NonZeroU64::new(self.opened);
        self.len += 1;
    }

    /// Closes a topic that nobody is in.
    pub(super) fn close(&mut self, topic: TopicIndex) {
        for is_slow in [false, true] {
            debug_assert!(self.pending_of(topic, is_slow).is_none());
        }
        let record = &mut self.records[topic.0 as usize];
        debug_assert!(record.groups.is_empty() && record.sessions == 0 && record.order.len() == 0);
        record.generation = None;
        record.options = None;
        record.is_large = false;
        record.counts = TopicCounts::default();
        debug_assert!(record.named.is_empty());
        record.order.clear();
        self.len -= 1;
        self.is_untidy = true;
        self.names.release(User(topic.0));
    }

    pub(crate) fn options<'a>(
        &'a self,
        topic: TopicIndex,
        default: &'a TopicOptions,
    ) -> &'a TopicOptions {
        self.topic(topic).options.as_deref().unwrap_or(default)
    }

    pub(crate) fn set_options(&mut self, topic: TopicIndex, options: TopicOptions) {
        self.topic_mut(topic).options = Some(Box::new(options));
    }

    /// Forgets and drops names that nothing refers to any more: the last thing about an input.
    #[cold]
    pub(super) fn tidy_up(&mut self) {
        self.names.forget_fresh();
        self.names.drop_unused();
        self.is_untidy = false;
    }

    // ---- groups

    /// Returns the topic whose channel it is.
    pub(crate) fn of_channel(&self, channel: ChannelIndex) -> TopicIndex {
        TopicIndex(self.of_channel[channel.0 as usize].0)
    }

    pub(crate) fn topic_of(&self, membership: MembershipIndex) -> TopicIndex {
        self.of_channel(self.channels.place(membership).0)
    }

    /// Returns the view of somebody in a topic.
    pub(crate) fn view(&self, membership: MembershipIndex) -> View {
        let (channel, _) = self.channels.place(membership);
        let groups = &self.topic(self.of_channel(channel)).groups;
        let group = groups.iter().find(|group| group.channel == channel);
        group.map_or(View::Nothing, |group| group.view)
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

    // ---- members

    pub(crate) fn member(&self, membership: MembershipIndex) -> &Member {
        &self.members[membership.0 as usize]
    }

    /// Returns the same of a place that may be there no longer.
    pub(crate) fn find_member(&self, membership: MembershipIndex) -> Option<&Member> {
        self.members.get(membership.0 as usize)
    }

    pub(crate) fn member_mut(&mut self, membership: MembershipIndex) -> &mut Member {
        &mut self.members[membership.0 as usize]
    }

    /// Begins what is kept of somebody who has got a place in a channel.
    pub(super) fn begin(&mut self, membership: MembershipIndex, is_member: bool) {
        while self.members.len() <= membership.0 as usize {
            self.members.push(Member::default());
        }
        self.joinings = self.joinings.wrapping_add(1);
        *self.member_mut(membership) =
            Member { is_member, joining: self.joinings, ..Member::default() };
    }

    /// What waits of a member's changes is told no more: another joining begins.
    pub(crate) fn begin_anew(&mut self, membership: MembershipIndex) {
        self.joinings = self.joinings.wrapping_add(1);
        let joining = self.joinings;
        let member = self.member_mut(membership);
        member.joining = joining;
        (member.is_pending, member.is_new) = ([false; 2], false);
    }

    /// The slow tick begins to gather: who has joined so far is known to those whom it tells, as
    /// far as they view.
    pub(crate) fn begin_gathering(&mut self, topic: TopicIndex) {
        self.joinings = self.joinings.wrapping_add(1);
        self.topic_mut(topic).since = self.joinings;
    }

    /// Those who view all are sent a snapshot: of who has gone so far they need not be told.
    pub(crate) fn skip_gone(&mut self, topic: TopicIndex) {
        let pending = self.pending_of(topic, true);
        let last = pending.and_then(|pending| pending.gone.last()).map(|last| last.order);
        if let Some(last) = last {
            self.topic_mut(topic).told_gone = Some(last.wrapping_add(1));
        }
    }

    /// Returns whether somebody has joined since the slow tick began to gather.
    pub(crate) fn is_since(&self, topic: TopicIndex, membership: MembershipIndex) -> bool {
        let after = self.member(membership).joining.wrapping_sub(self.topic(topic).since);
        after < 1 << 31
    }

    pub(super) fn has_seat(&self, membership: MembershipIndex) -> bool {
        self.member(membership).seat != NO_SEAT
    }

    pub(super) fn take_seat(&mut self, topic: TopicIndex, membership: MembershipIndex) {
        let seat = self.topic_mut(topic).order.push(membership);
        self.member_mut(membership).seat = seat;
    }

    pub(super) fn hand_seat_on(
        &mut self,
        topic: TopicIndex,
        from: MembershipIndex,
        to: MembershipIndex,
    ) {
        let before = self.member_mut(from);
        let seat = core::mem::replace(&mut before.seat, NO_SEAT);
        let others = core::mem::take(&mut before.others);
        let next = self.member_mut(to);
        (next.seat, next.others) = (seat, others - 1);
        self.topic_mut(topic).order.hand_on(seat, to);
    }

    pub(super) fn leave_seat(&mut self, topic: TopicIndex, membership: MembershipIndex) {
        let seat = core::mem::replace(&mut self.member_mut(membership).seat, NO_SEAT);
        let Self { records, members, .. } = self;
        let order = &mut records[topic.0 as usize].order;
        order.leave(seat, |lead, place| members[lead.0 as usize].seat = place);
    }

    /// Returns whether other sessions of a user are shown than the one that has the seat.
    pub(crate) fn has_others(&self, lead: MembershipIndex) -> bool {
        self.member(lead).others > 0
    }

    /// Returns the number of the seat that somebody has.
    pub(crate) fn seat_number(&self, topic: TopicIndex, lead: MembershipIndex) -> u64 {
        self.topic(topic).order.number(self.member(lead).seat)
    }

    /// Returns the next seat from this place on, and who has it.
    pub(crate) fn next_seat(
        &self,
        topic: TopicIndex,
        from: usize,
    ) -> Option<(usize, MembershipIndex)> {
        self.topic(topic).order.next(from)
    }

    /// Returns the place of the first seat with a greater number.
    pub(crate) fn place_after(&self, topic: TopicIndex, number: u64) -> usize {
        self.topic(topic).order.place_after(number)
    }

    // ---- what members have of their own

    pub(crate) fn own(&self, membership: MembershipIndex) -> Option<&Own<P>> {
        Some(&self.own[self.member(membership).own?.get() as usize - 1])
    }

    pub(crate) fn own_mut(&mut self, membership: MembershipIndex) -> Option<&mut Own<P>> {
        let own = self.member(membership).own?;
        Some(&mut self.own[own.get() as usize - 1])
    }

    pub(crate) fn own_or_new(&mut self, membership: MembershipIndex) -> &mut Own<P> {
        let at = self.member(membership).own.unwrap_or_else(|| {
            let free = self.free_own.pop().unwrap_or_else(|| {
                self.own.push(Own::default());
                self.own.len() as u32 - 1
            });
            NonZeroU32::MIN.saturating_add(free)
        });
        self.member_mut(membership).own = Some(at);
        &mut self.own[at.get() as usize - 1]
    }

    /// Takes out all that a member has of its own, who names nobody. The list for that keeps its
    /// memory for whoever is next.
    pub(super) fn take_own(&mut self, membership: MembershipIndex) -> Option<Own<P>> {
        let at = self.member_mut(membership).own.take()?.get() - 1;
        self.free_own.push(at);
        let own = &mut self.own[at as usize];
        debug_assert!(own.named.is_empty());
        let named = core::mem::take(&mut own.named);
        let taken = core::mem::take(own);
        own.named = named;
        Some(taken)
    }

    // ---- who is looked at by name

    /// Returns the users whom somebody in a topic looks at by name, sorted.
    pub(crate) fn named(&self, membership: MembershipIndex) -> &[User] {
        self.own(membership).map_or(&[], |own| &own.named)
    }

    /// Returns whether anybody looks at a user by name.
    pub(crate) fn is_named(&self, topic: TopicIndex, user: User) -> bool {
        let named = &self.topic(topic).named;
        !named.is_empty() && named.binary_search_by_key(&user, |(named, _)| *named).is_ok()
    }

    /// Counts that one more looks at a user by name, or one less.
    pub(super) fn count_named(&mut self, topic: TopicIndex, user: User, more: bool) {
        let named = &mut self.topic_mut(topic).named;
        match (named.binary_search_by_key(&user, |(named, _)| *named), more) {
            (Ok(at), true) => named[at].1 += 1,
            (Err(at), true) => named.insert(at, (user, 1)),
            (Ok(at), false) if named[at].1 > 1 => named[at].1 -= 1,
            (Ok(at), false) => _ = named.remove(at),
            (Err(_), false) => {}
        }
    }

    // ---- what waits for a tick

    pub(crate) fn pending_of(&self, topic: TopicIndex, is_slow: bool) -> Option<&Pending> {
        let at = self.topic(topic).pending[usize::from(is_slow)]?;
        Some(&self.pending[at.get() as usize - 1])
    }

    pub(crate) fn pending_mut(&mut self, topic: TopicIndex, is_slow: bool) -> &mut Pending {
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

    /// Takes out what waits, to be [given back](Self::put_pending) empty.
    pub(crate) fn take_pending(&mut self, topic: TopicIndex, is_slow: bool) -> Option<Pending> {
        let at = self.topic(topic).pending[usize::from(is_slow)]?;
        Some(core::mem::take(&mut self.pending[at.get() as usize - 1]))
    }

    /// Puts back what waits.
    pub(crate) fn put_pending(&mut self, topic: TopicIndex, is_slow: bool, pending: Pending) {
        *self.pending_mut(topic, is_slow) = pending;
    }

    /// Nothing waits for this tick any more; the lists keep their memory for whoever is next.
    pub(crate) fn end_pending(&mut self, topic: TopicIndex, is_slow: bool) {
        if is_slow {
            self.topic_mut(topic).told_gone = None;
        }
        let Some(at) = self.topic_mut(topic).pending[usize::from(is_slow)].take() else { return };
        let pending = &mut self.pending[at.get() as usize - 1];
        debug_assert!(pending.gone.is_empty());
        pending.changed.clear();
        pending.everything = false;
        self.free_pending.push(at.get() - 1);
    }

    // ---- room

    pub(super) fn shrink_to_fit(&mut self) {
        self.names.shrink_to_fit();
        self.records.truncate(self.names.span());
        for topic in 0..self.records.len() {
            let record = &mut self.records[topic];
            record.groups.shrink_to_fit();
            record.named.shrink_to_fit();
            record.order.shrink_to_fit();
        }
        self.records.shrink_to_fit();
        self.channels.shrink_to_fit();
        self.of_channel.truncate(self.channels.span());
        self.of_channel.shrink_to_fit();
        self.members.truncate(self.channels.membership_span());
        self.members.shrink_to_fit();
        self.own.truncate(self.free_own.cut_off(self.own.len(), |_| true));
        self.own.shrink_to_fit();
        if self.free_pending.len() == self.pending.len() {
            (self.pending, self.free_pending) = (Vec::new(), Vec::new());
        }
    }

    /// Returns whether what members have of their own is either free or somebody's, and so many
    /// have a presence of their own as are counted.
    pub(super) fn is_own_right(&self, all: impl Iterator<Item = MembershipIndex> + Clone) -> bool {
        let places = all.clone().filter_map(|one| self.member(one).own);
        let presences = all.filter_map(|one| self.own(one)?.presence.as_ref()).count();
        let used = places.map(|place| place.get() as usize - 1);
        self.free_own.neither(self.own.len(), used) == Some(0) && presences == self.presences
    }
}
