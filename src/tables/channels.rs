//! Channels: dense lists of sessions that are told of one thing, lent as they lie.
//!
//! An audience is a list of users, most of whom are offline, and is filtered for each notice. In a
//! channel stand sessions, and those that receive stand first, their slots in one list that a
//! decision lends without copying it. Behind them come those that *arrive*, who can receive and are
//! told everything anew before they are told of changes; then those that are congested, and then
//! those that are told nothing at the moment: they are detached, or something covers their place.
//! Each membership knows its place, so that joining, leaving and moving from one part to another
//! take a few exchanges, however many there are.

use crate::key::Slot;
use crate::tables::free_list::FreeList;
use crate::tables::ids::{ChannelIndex, MembershipIndex, SessionIndex};
use crate::tables::index::Number;
use crate::tables::segments::{Segments, per_segment};
use crate::tables::sessions::Link;

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
    Silent,
}

#[derive(Default)]
struct Channel {
    members: Segments<MembershipIndex, SEGMENT>,
    /// The slots of those who receive, and then of those who arrive: the first members, in their
    /// order.
    slots: Segments<Slot, SEGMENT>,
    /// The number of those who receive.
    receiving: u32,
    /// The number of members behind them that are congested.
    congested: u32,
}

impl Channel {
    fn part_of(&self, place: u32) -> Part {
        match place as usize {
            place if place < self.receiving as usize => Part::Receiving,
            place if place < self.slots.len() => Part::Arriving,
            place if place < self.slots.len() + self.congested as usize => Part::Congested,
            _ => Part::Silent,
        }
    }
}

/// A session's place in a channel.
#[derive(Clone, Copy)]
struct Membership {
    session: SessionIndex,
    channel: ChannelIndex,
    place: u32,
    /// Whether the session is told nothing though it may be attached.
    is_covered: bool,
}

impl Default for Membership {
    fn default() -> Self {
        let (session, channel) = (SessionIndex(0), ChannelIndex(0));
        Self { session, channel, place: 0, is_covered: false }
    }
}

/// All channels and the places in them.
pub(crate) struct Channels {
    channels: Segments<Channel, { per_segment(256) }>,
    free: FreeList,
    memberships: Segments<Membership, { per_segment(1_024) }>,
    free_memberships: FreeList,
}

impl Channels {
    pub(crate) const fn new() -> Self {
        Self {
            channels: Segments::new(),
            free: FreeList::new(),
            memberships: Segments::new(),
            free_memberships: FreeList::new(),
        }
    }

    /// Returns one more than the greatest number of a channel.
    pub(crate) const fn span(&self) -> usize {
        self.channels.len()
    }

    /// Returns one more than the greatest number of a membership.
    pub(crate) const fn membership_span(&self) -> usize {
        self.memberships.len()
    }

    /// Returns the number of memberships.
    pub(crate) const fn memberships(&self) -> usize {
        self.memberships.len() - self.free_memberships.len()
    }

    // ---- what they are asked

    fn channel(&self, channel: ChannelIndex) -> &Channel {
        &self.channels[channel.0 as usize]
    }

    fn membership(&self, membership: MembershipIndex) -> &Membership {
        &self.memberships[membership.0 as usize]
    }

    /// Returns whose membership it is.
    pub(crate) fn session(&self, membership: MembershipIndex) -> SessionIndex {
        self.membership(membership).session
    }

    pub(crate) fn is_covered(&self, membership: MembershipIndex) -> bool {
        self.membership(membership).is_covered
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
        let slots = &self.channel(channel).slots;
        let together = slots.part(from);
        &together[..together.len().min(slots.len().min(end).saturating_sub(from))]
    }

    /// Returns in which channel a membership is, and its place there.
    pub(crate) fn place(&self, membership: MembershipIndex) -> (ChannelIndex, usize) {
        let Membership { channel, place, .. } = *self.membership(membership);
        (channel, place as usize)
    }

    /// Returns the part of its channel in which a member stands.
    pub(crate) fn part_of(&self, membership: MembershipIndex) -> Part {
        let Membership { channel, place, .. } = *self.membership(membership);
        self.channel(channel).part_of(place)
    }

    /// Returns one of a channel's members.
    pub(crate) fn member_at(&self, channel: ChannelIndex, at: usize) -> MembershipIndex {
        self.channel(channel).members[at]
    }

    /// Returns the number of members that are congested.
    pub(crate) fn congested(&self, channel: ChannelIndex) -> usize {
        self.channel(channel).congested as usize
    }

    /// Returns one of those.
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
        debug_assert!(of.receiving == 0 && of.congested == 0);
        if of.members.capacity().max(of.slots.capacity()) > SPARE {
            *of = Channel::default();
        }
        self.free.push(channel.0);
    }

    /// Adds a session that is told nothing yet.
    pub(crate) fn join(&mut self, channel: ChannelIndex, session: SessionIndex) -> MembershipIndex {
        let place = self.len(channel) as u32;
        let membership = Membership { session, channel, place, is_covered: false };
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

    /// Takes a session out of its channel. Returns whether it was the last one in it.
    pub(crate) fn leave(&mut self, membership: MembershipIndex) -> bool {
        let was_last = self.take_out(membership);
        self.free_memberships.push(membership.0);
        was_last
    }

    fn take_out(&mut self, membership: MembershipIndex) -> bool {
        self.move_to(membership, Part::Silent, Slot::near(0, 0));
        let Membership { channel, place, .. } = *self.membership(membership);
        let last = self.len(channel) as u32 - 1;
        self.exchange(channel, place, last);
        self.channels[channel.0 as usize].members.pop();
        last == 0
    }

    /// Takes a member to another channel, where it is told nothing yet. Returns whether it was the
    /// last one in its own.
    pub(crate) fn transfer(&mut self, membership: MembershipIndex, to: ChannelIndex) -> bool {
        let was_last = self.take_out(membership);
        let place = self.len(to) as u32;
        self.channels[to.0 as usize].members.push(membership);
        let own = &mut self.memberships[membership.0 as usize];
        (own.channel, own.place) = (to, place);
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

    /// Those who arrive have been told everything, and receive from now on.
    pub(crate) fn welcome(&mut self, channel: ChannelIndex) {
        let of = &mut self.channels[channel.0 as usize];
        of.receiving = of.slots.len() as u32;
    }

    /// Says whether a member is told nothing though it may be attached.
    pub(crate) fn cover(&mut self, membership: MembershipIndex, is_covered: bool) {
        self.memberships[membership.0 as usize].is_covered = is_covered;
    }

    /// Puts a member where it belongs with this slot and link.
    pub(crate) fn put(&mut self, membership: MembershipIndex, (slot, link): (Slot, Link)) {
        let part = match link {
            _ if self.membership(membership).is_covered => Part::Silent,
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
        let Membership { channel, place, .. } = *self.membership(membership);
        let mut place = place;
        loop {
            let of = self.channel(channel);
            let (receiving, attached) = (of.receiving, of.slots.len() as u32);
            let congested = of.congested;
            let part = of.part_of(place);
            let border = match part {
                _ if part == to => return,
                Part::Receiving => receiving - 1,
                Part::Arriving if to == Part::Receiving => receiving,
                Part::Arriving => attached - 1,
                Part::Congested if to < Part::Congested => attached,
                Part::Congested => attached + congested - 1,
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
                }
                Part::Congested => {
                    of.congested -= 1;
                    if to < Part::Congested {
                        of.slots.push(slot);
                    }
                }
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
        self.memberships[at_a.0 as usize].place = b;
        self.memberships[at_b.0 as usize].place = a;
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

    /// Checks that places, parts and slots agree, and that each channel and membership is either
    /// free or in use: `used` are the channels in use. `state_of` gives a session's slot and link.
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
                    _ if membership.is_covered => part == Part::Silent,
                    Link::Attached => part <= Part::Arriving,
                    Link::Congested => part == Part::Congested,
                    _ => part == Part::Silent,
                };
                let is_placed = membership.channel == channel && membership.place == place;
                let has_slot = part > Part::Arriving || of.slots[place as usize] == slot;
                if !is_placed || !is_in_part || !has_slot {
                    return false;
                }
                all.push(index.0 as usize);
            }
        }
        let channels = used.map(|channel| channel.0 as usize);
        self.free.neither(self.channels.len(), channels) == Some(0)
            && self.free_memberships.neither(self.memberships.len(), all.into_iter()) == Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    /// What each session should be, by its membership.
    type Model = BTreeMap<u32, (SessionIndex, ChannelIndex, bool, Link)>;

    const LINKS: [Link; 3] = [Link::Attached, Link::Congested, Link::Detached];

    fn slot(session: SessionIndex) -> Slot {
        Slot::near(session.0, 0)
    }

    fn check(channels: &Channels, model: &Model, used: &[ChannelIndex]) {
        let link_of =
            |session| model.values().find(|(own, ..)| *own == session).expect("it is in").3;
        assert!(
            channels.is_right(used.iter().copied(), |session| (slot(session), link_of(session)))
        );
        assert_eq!(channels.memberships(), model.len());
        for channel in used {
            let of_channel = |link| {
                let is_it = move |(_, of, covered, own): &&(_, ChannelIndex, bool, Link)| {
                    of == channel && !*covered && *own == link
                };
                let mut sessions: Vec<_> = model.values().filter(is_it).map(|m| m.0).collect();
                sessions.sort_unstable();
                sessions
            };
            let (mut lent, mut from) = (Vec::new(), 0);
            while from < channels.attached(*channel) {
                let slots = channels.slots(*channel, from, usize::MAX);
                assert!(!slots.is_empty() && slots.len() <= SEGMENT);
                lent.extend_from_slice(slots);
                from += slots.len();
            }
            assert!(channels.slots(*channel, from, usize::MAX).is_empty());
            lent.sort_unstable();
            let receiving = of_channel(Link::Attached);
            assert_eq!(lent, receiving.iter().map(|session| slot(*session)).collect::<Vec<_>>());
            let congested = 0..channels.congested(*channel);
            let mut congested: Vec<_> =
                congested.map(|at| channels.congested_at(*channel, at)).collect();
            congested.sort_unstable();
            assert_eq!(congested, of_channel(Link::Congested));
            let mut listening: Vec<_> = channels.listening(*channel).collect();
            listening.sort_unstable();
            let mut all = receiving;
            all.extend(congested);
            all.sort_unstable();
            assert_eq!(listening, all);
        }
    }

    proptest! {
        #[test]
        fn members_stand_where_they_belong_and_only_those_who_receive_are_lent(
            steps in proptest::collection::vec((0_u8..9, any::<u8>(), 0_usize..3), 0..80),
        ) {
            let mut channels = Channels::new();
            let used = [channels.open(), channels.open()];
            let mut model = Model::new();
            for (session, (step, which, link)) in (0..).map(SessionIndex).zip(steps) {
                let nth = usize::from(which) % model.len().max(1);
                let one = model.keys().nth(nth).map(|key| MembershipIndex(*key));
                match (step, one) {
                    (0..3, _) | (_, None) => {
                        let channel = used[usize::from(which % 2)];
                        let membership = channels.join(channel, session);
                        channels.put(membership, (slot(session), LINKS[link]));
                        model.insert(membership.0, (session, channel, false, LINKS[link]));
                    }
                    (3, Some(membership)) => {
                        let (_, channel, ..) = model.remove(&membership.0).expect("it is in");
                        let left = model.values().filter(|(_, of, ..)| *of == channel).count();
                        prop_assert_eq!(channels.leave(membership), left == 0);
                    }
                    (7, Some(membership)) => {
                        // Those who arrive are lent too, behind those who receive.
                        let of = model.get_mut(&membership.0).expect("it is in");
                        let before = channels.receiving(of.1);
                        let stood = channels.part_of(membership) == Part::Receiving;
                        of.3 = Link::Attached;
                        channels.seat(membership, (slot(of.0), of.3), !of.2);
                        let left = before - usize::from(stood);
                        prop_assert_eq!(channels.receiving(of.1), left);
                        if link == 0 {
                            channels.welcome(of.1);
                            prop_assert_eq!(channels.receiving(of.1), channels.attached(of.1));
                        }
                    }
                    (8, Some(membership)) => {
                        let of = model.get_mut(&membership.0).expect("it is in");
                        let to = used[usize::from(of.1 == used[0])];
                        channels.transfer(membership, to);
                        (of.1, of.2) = (to, channels.is_covered(membership));
                        channels.put(membership, (slot(of.0), of.3));
                    }
                    (_, Some(membership)) => {
                        let of = model.get_mut(&membership.0).expect("it is in");
                        (of.2, of.3) = (step == 4, LINKS[link]);
                        channels.cover(membership, step == 4);
                        channels.put(membership, (slot(of.0), of.3));
                    }
                }
                check(&channels, &model, &used);
            }
        }
    }

    #[test]
    fn memory_comes_back_when_a_crowd_has_gone() {
        let mut channels = Channels::new();
        let channel = channels.open();
        let crowd = (0..3 * SEGMENT.max(SPARE) as u32).map(SessionIndex);
        let all: Vec<_> = crowd.map(|session| channels.join(channel, session)).collect();
        for membership in &all {
            let session = channels.session(*membership);
            channels.put(*membership, (slot(session), Link::Attached));
        }
        assert_eq!(channels.receiving(channel), all.len());
        let last = all.iter().position(|membership| channels.leave(*membership));
        assert_eq!(last, Some(all.len() - 1));
        channels.close(channel);
        assert_eq!(channels.channels[0].members.capacity(), 0, "a large one is not kept");
        channels.shrink_to_fit();
        assert_eq!((channels.span(), channels.memberships.len()), (0, 0));
        assert_eq!(channels.open(), ChannelIndex(0));
    }
}
