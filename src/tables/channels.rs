//! Channels: dense lists of sessions that are told of one thing, lent as they lie.
//!
//! An audience is a list of users, most of whom are offline, and is filtered for each notice. In a
//! channel stand sessions, and those that receive stand first, their slots in one list that a
//! decision lends without copying it. Behind them come those that *arrive*, who can receive and are
//! told everything anew before they are told of changes; then those that are congested, last those
//! of whom it is noted that they have missed something; and then those that are told nothing at the
//! moment: they are detached, or something covers their place.
//! Each membership knows its place, so that joining, leaving and moving from one part to another
//! take a few exchanges, however many there are.

use crate::key::Slot;
use crate::tables::free_list::FreeList;
use crate::tables::ids::{ChannelIndex, MembershipIndex, SessionIndex};
use crate::tables::index::Number;
use crate::tables::list::List;
use crate::tables::segments::{Segments, per_segment};
use crate::tables::sessions::Link;
use crate::tables::steps;

/// A decision lends a part of a segment, so it has no more than so many receivers.
const SEGMENT: usize = per_segment(4_096);

/// A channel that has been closed keeps the memory for so many members.
const SPARE: usize = 64;

impl Number for ChannelIndex {
    const NONE: Self = Self(u32::MAX);
}

/// In which part of its channel a member stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Receiving,
    Arriving,
    Congested,
    /// It is congested, and what it holds is not true any more.
    Dirty,
    Silent,
}

#[derive(Default)]
struct Channel {
    members: List<MembershipIndex, SEGMENT>,
    /// The slots of those who receive, and then of those who arrive: the first members, in their
    /// order.
    slots: List<Slot, SEGMENT>,
    /// The number of those who receive.
    receiving: u32,
    /// The number of members behind them that are congested, and of the first of those, that are
    /// not dirty.
    congested: u32,
    clean: u32,
}

impl Channel {
    fn part_of(&self, place: u32) -> Part {
        match place as usize {
            place if place < self.receiving as usize => Part::Receiving,
            place if place < self.slots.len() => Part::Arriving,
            place if place < self.slots.len() + self.clean as usize => Part::Congested,
            place if place < self.slots.len() + self.congested as usize => Part::Dirty,
            _ => Part::Silent,
        }
    }
}

/// A session's place in a channel, and what whoever keeps the channels has beside it. There is no
/// room between one and the next, whatever that is.
#[derive(Clone, Copy)]
#[repr(C, packed(2))]
struct Membership<E> {
    session: SessionIndex,
    channel: ChannelIndex,
    /// The place, and in the highest bit whether the session is told nothing though it may be
    /// attached. There are never as many places as sessions.
    place: u32,
    beside: E,
}

const COVERED: u32 = 1 << 31;

impl<E: Copy> Membership<E> {
    const fn place(&self) -> u32 {
        self.place & !COVERED
    }

    const fn is_covered(&self) -> bool {
        self.place & COVERED != 0
    }

    const fn set_place(&mut self, place: u32) {
        self.place = self.place & COVERED | place;
    }
}

impl<E: Copy + Default> Default for Membership<E> {
    fn default() -> Self {
        let (session, channel) = (SessionIndex(0), ChannelIndex(0));
        Self { session, channel, place: 0, beside: E::default() }
    }
}

/// All channels and the places in them.
pub(crate) struct Channels<E = ()> {
    channels: Segments<Channel, { per_segment(256) }>,
    free: FreeList,
    memberships: Segments<Membership<E>, { per_segment(1_024) }>,
    free_memberships: FreeList,
    /// The number of memberships that are in no channel any more and not free yet.
    outside: usize,
}

impl<E: Copy> Channels<E> {
    pub(crate) const fn new() -> Self {
        Self {
            channels: Segments::new(),
            free: FreeList::new(),
            memberships: Segments::new(),
            free_memberships: FreeList::new(),
            outside: 0,
        }
    }

    /// Returns one more than the greatest number of a channel.
    pub(crate) const fn span(&self) -> usize {
        self.channels.len()
    }

    /// Returns the number of memberships.
    pub(crate) const fn memberships(&self) -> usize {
        self.memberships.len() - self.free_memberships.len() - self.outside
    }

    // ---- what they are asked

    fn channel(&self, channel: ChannelIndex) -> &Channel {
        &self.channels[channel.0 as usize]
    }

    #[inline]
    fn membership(&self, membership: MembershipIndex) -> &Membership<E> {
        steps::count_looks(1);
        &self.memberships[membership.0 as usize]
    }

    fn membership_mut(&mut self, membership: MembershipIndex) -> &mut Membership<E> {
        steps::count_looks(1);
        &mut self.memberships[membership.0 as usize]
    }

    /// Returns what is kept beside a membership.
    #[inline]
    pub(crate) fn beside(&self, membership: MembershipIndex) -> E {
        self.membership(membership).beside
    }

    /// Returns the same of all, those that are free included.
    pub(crate) fn all_beside(&self) -> impl Iterator<Item = E> + '_ {
        self.memberships.iter().map(|membership| membership.beside)
    }

    /// Changes what is kept beside a membership.
    #[inline]
    pub(crate) fn change<R>(
        &mut self,
        membership: MembershipIndex,
        change: impl FnOnce(&mut E) -> R,
    ) -> R {
        let own = self.membership_mut(membership);
        let mut beside = own.beside;
        let changed = change(&mut beside);
        own.beside = beside;
        changed
    }

    /// Returns whose membership it is.
    pub(crate) fn session(&self, membership: MembershipIndex) -> SessionIndex {
        self.membership(membership).session
    }

    pub(crate) fn is_covered(&self, membership: MembershipIndex) -> bool {
        self.membership(membership).is_covered()
    }

    /// Returns the number of a channel's members.
    pub(crate) fn len(&self, channel: ChannelIndex) -> usize {
        self.channel(channel).members.len()
    }

    /// Returns the number of members that receive.
    pub(crate) fn receiving(&self, channel: ChannelIndex) -> usize {
        self.channel(channel).receiving as usize
    }

    /// Returns the number of members that receive or arrive.
    pub(crate) fn attached(&self, channel: ChannelIndex) -> usize {
        self.channel(channel).slots.len()
    }

    /// Returns slots of members that receive or arrive, from this place on and before `end`: as
    /// many as lie together.
    pub(crate) fn slots(&self, channel: ChannelIndex, from: usize, end: usize) -> &[Slot] {
        let together = self.channel(channel).slots.part(from);
        &together[..together.len().min(end.saturating_sub(from))]
    }

    /// Returns in which channel a membership is, and its place there.
    pub(crate) fn channel_and_place(&self, membership: MembershipIndex) -> (ChannelIndex, usize) {
        let of = self.membership(membership);
        (of.channel, of.place() as usize)
    }

    /// Returns the part of its channel in which a member stands.
    pub(crate) fn part_of(&self, membership: MembershipIndex) -> Part {
        let of = self.membership(membership);
        self.channel(of.channel).part_of(of.place())
    }

    /// Returns one of a channel's members.
    pub(crate) fn member_at(&self, channel: ChannelIndex, at: usize) -> MembershipIndex {
        self.channel(channel).members[at]
    }

    /// Returns the number of members that are congested.
    pub(crate) fn congested(&self, channel: ChannelIndex) -> usize {
        self.channel(channel).congested as usize
    }

    /// Returns the number of the first of those, that are not dirty.
    pub(crate) fn clean(&self, channel: ChannelIndex) -> usize {
        self.channel(channel).clean as usize
    }

    /// Returns one of those that are congested.
    pub(crate) fn congested_at(&self, channel: ChannelIndex, at: usize) -> SessionIndex {
        let of = self.channel(channel);
        self.session(of.members[of.slots.len() + at])
    }

    /// Returns the sessions that have a connection and are not covered: first those that receive.
    pub(crate) fn listening(
        &self,
        channel: ChannelIndex,
    ) -> impl Iterator<Item = SessionIndex> + '_ {
        let of = self.channel(channel);
        let listening = of.slots.len() + of.congested as usize;
        (0..listening).map(|place| self.session(of.members[place]))
    }

    // ---- what changes

    /// Opens a channel, which nobody is in.
    pub(crate) fn open(&mut self) -> ChannelIndex {
        ChannelIndex(self.free.pop().unwrap_or_else(|| {
            self.channels.push(Channel::default());
            self.channels.len() as u32 - 1
        }))
    }

    /// Closes a channel, in which nobody is any more.
    pub(crate) fn close(&mut self, channel: ChannelIndex) {
        let of = &mut self.channels[channel.0 as usize];
        debug_assert!(of.members.len() == 0 && of.slots.len() == 0);
        debug_assert!(of.receiving == 0 && of.congested == 0 && of.clean == 0);
        if of.members.capacity().max(of.slots.capacity()) > SPARE {
            *of = Channel::default();
        }
        self.free.push(channel.0);
    }

    /// Takes a session out of its channel. Returns whether it was the last one in it.
    pub(crate) fn leave(&mut self, membership: MembershipIndex) -> bool {
        let was_last = self.take_out(membership);
        self.free_memberships.push(membership.0);
        was_last
    }

    /// Takes a session out of its channel likewise, but keeps its membership from being another's
    /// until it is [set free](Self::set_free).
    pub(crate) fn leave_behind(&mut self, membership: MembershipIndex) -> bool {
        self.outside += 1;
        let was_last = self.take_out(membership);
        self.membership_mut(membership).channel = ChannelIndex::NONE;
        was_last
    }

    /// Sets a membership free if nobody has it any more.
    pub(crate) fn set_free(&mut self, membership: MembershipIndex) {
        if self.channel_and_place(membership).0 == ChannelIndex::NONE {
            self.outside -= 1;
            self.free_memberships.push(membership.0);
        }
    }

    fn take_out(&mut self, membership: MembershipIndex) -> bool {
        self.move_to(membership, Part::Silent, Slot::near(0, 0));
        let (channel, place) = self.channel_and_place(membership);
        let last = self.len(channel) as u32 - 1;
        self.exchange(channel, place as u32, last);
        self.channels[channel.0 as usize].members.pop();
        last == 0
    }

    /// Takes a member to another channel, where it is told nothing yet. Returns whether it was the
    /// last one in its own.
    pub(crate) fn transfer(&mut self, membership: MembershipIndex, to: ChannelIndex) -> bool {
        let was_last = self.take_out(membership);
        let place = self.len(to) as u32;
        self.channels[to.0 as usize].members.push(membership);
        let own = self.membership_mut(membership);
        own.channel = to;
        own.set_place(place);
        was_last
    }

    /// Puts a member where it belongs with this slot and link; one that can receive among those
    /// who arrive, if so it is said.
    pub(crate) fn seat(
        &mut self,
        membership: MembershipIndex,
        (slot, link): (Slot, Link),
        arrives: bool,
    ) {
        match link {
            Link::Attached if arrives => self.move_to(membership, Part::Arriving, slot),
            _ => self.put(membership, (slot, link)),
        }
    }

    /// Has those who arrive receive from now on: they have been told everything.
    pub(crate) fn welcome(&mut self, channel: ChannelIndex) {
        let of = &mut self.channels[channel.0 as usize];
        of.receiving = of.slots.len() as u32;
    }

    /// Says whether a member is told nothing though it may be attached.
    pub(crate) fn cover(&mut self, membership: MembershipIndex, is_covered: bool) {
        let own = self.membership_mut(membership);
        own.place = own.place() | if is_covered { COVERED } else { 0 };
    }

    /// Notes of a member, if it is congested, whether it has missed something.
    pub(crate) fn set_dirty(&mut self, membership: MembershipIndex, is_dirty: bool) {
        if let Part::Congested | Part::Dirty = self.part_of(membership) {
            let part = if is_dirty { Part::Dirty } else { Part::Congested };
            // Neither has a slot.
            self.move_to(membership, part, Slot::near(0, 0));
        }
    }

    /// Puts a member where it belongs with this slot and link.
    pub(crate) fn put(&mut self, membership: MembershipIndex, (slot, link): (Slot, Link)) {
        let part = match link {
            _ if self.membership(membership).is_covered() => Part::Silent,
            Link::Attached => Part::Receiving,
            Link::Congested => Part::Congested,
            Link::Detached | Link::Remote | Link::RemoteLost => Part::Silent,
            Link::Held | Link::Vacant => Part::Silent,
        };
        self.move_to(membership, part, slot);
    }

    /// Moves a member from part to part: each time it takes the place at the border, and the
    /// border moves past it.
    fn move_to(&mut self, membership: MembershipIndex, to: Part, slot: Slot) {
        let (channel, place) = self.channel_and_place(membership);
        let mut place = place as u32;
        loop {
            let of = self.channel(channel);
            let (receiving, attached) = (of.receiving, of.slots.len() as u32);
            let (congested, clean) = (of.congested, of.clean);
            let part = of.part_of(place);
            let border = match part {
                _ if part == to => return,
                Part::Receiving => receiving - 1,
                Part::Arriving if to == Part::Receiving => receiving,
                Part::Arriving => attached - 1,
                Part::Congested if to < Part::Congested => attached,
                Part::Congested => attached + clean - 1,
                Part::Dirty if to < Part::Dirty => attached + clean,
                Part::Dirty => attached + congested - 1,
                Part::Silent => attached + congested,
            };
            self.exchange(channel, place, border);
            place = border;
            let of = &mut self.channels[channel.0 as usize];
            match part {
                Part::Receiving => of.receiving -= 1,
                Part::Arriving if to == Part::Receiving => of.receiving += 1,
                Part::Arriving => {
                    of.slots.pop();
                    of.congested += 1;
                    of.clean += 1;
                }
                Part::Congested => {
                    of.clean -= 1;
                    if to < Part::Congested {
                        of.congested -= 1;
                        of.slots.push(slot);
                    }
                }
                Part::Dirty if to < Part::Dirty => of.clean += 1,
                Part::Dirty => of.congested -= 1,
                Part::Silent => of.congested += 1,
            }
        }
    }

    /// Exchanges two members of one part.
    fn exchange(&mut self, channel: ChannelIndex, a: u32, b: u32) {
        if a == b {
            return;
        }
        let Channel { members, slots, .. } = &mut self.channels[channel.0 as usize];
        let (at_a, at_b) = (members[a as usize], members[b as usize]);
        members[a as usize] = at_b;
        members[b as usize] = at_a;
        if slots.len() > a.max(b) as usize {
            let slot = slots[a as usize];
            slots[a as usize] = slots[b as usize];
            slots[b as usize] = slot;
        }
        self.membership_mut(at_a).set_place(b);
        self.membership_mut(at_b).set_place(a);
    }

    /// Checks that places, parts and slots agree, and that each channel and membership is either
    /// free or in use, but for those left behind: `used` are the channels in use. `state_of` gives
    /// a session's slot and link.
    pub(crate) fn is_right(
        &self,
        used: impl Iterator<Item = ChannelIndex> + Clone,
        state_of: impl Fn(SessionIndex) -> (Slot, Link),
    ) -> bool {
        let mut all = alloc::vec::Vec::new();
        for channel in used.clone() {
            let of = self.channel(channel);
            for (place, index) in (0..).zip(of.members.iter()) {
                let membership = self.membership(*index);
                let (slot, link) = state_of(membership.session);
                let part = of.part_of(place);
                let is_in_part = match link {
                    _ if membership.is_covered() => part == Part::Silent,
                    Link::Attached => part <= Part::Arriving,
                    Link::Congested => matches!(part, Part::Congested | Part::Dirty),
                    _ => part == Part::Silent,
                };
                let is_placed = self.channel_and_place(*index) == (channel, place as usize);
                let has_slot = part > Part::Arriving || of.slots[place as usize] == slot;
                if !is_placed || !is_in_part || !has_slot {
                    return false;
                }
                all.push(index.0 as usize);
            }
        }
        let channels = used.map(|channel| channel.0 as usize);
        self.free.neither(self.channels.len(), channels) == Some(0)
            && self.free_memberships.neither(self.memberships.len(), all.into_iter())
                == Some(self.outside)
    }
}

impl<E: Copy + Default> Channels<E> {
    /// Adds a session that is told nothing yet.
    pub(crate) fn join(&mut self, channel: ChannelIndex, session: SessionIndex) -> MembershipIndex {
        let place = self.len(channel) as u32;
        let membership = Membership { session, channel, place, beside: E::default() };
        let index = match self.free_memberships.pop() {
            Some(free) => {
                self.memberships[free as usize] = membership;
                free
            }
            None => {
                self.memberships.push(membership);
                self.memberships.len() as u32 - 1
            }
        };
        self.channels[channel.0 as usize].members.push(MembershipIndex(index));
        MembershipIndex(index)
    }

    // ---- room

    /// Gives back what only a past peak needed.
    pub(crate) fn shrink_to_fit(&mut self) {
        let end = self.free.cut_off(self.channels.len(), |_| true);
        self.channels.truncate(end);
        for channel in 0..end {
            let of = &mut self.channels[channel];
            of.members.shrink_to_fit();
            of.slots.shrink_to_fit();
        }
        self.channels.shrink_to_fit();
        let end = self.free_memberships.cut_off(self.memberships.len(), |_| true);
        self.memberships.truncate(end);
        self.memberships.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests;
