//! Who is in the topics: marks, the chain of a session's topics, seats, and what members have of
//! their own.

use super::order::Seats;
use super::{Mark, Member, Own, Topics};
use crate::tables::ids::{ChannelIndex, MembershipIndex, SessionIndex, TopicIndex, User};

/// So many topics of a session are gone through to find one; those that it joined later are looked
/// up.
const FEW: usize = if cfg!(feature = "shrunk") { 1 } else { 16 };

impl<K, P> Topics<K, P> {
    // ---- marks

    #[inline]
    pub(crate) fn is(&self, membership: MembershipIndex, mark: Mark) -> bool {
        self.channels.beside(membership).is(mark)
    }

    /// Returns whether it is a member whom others see.
    #[inline]
    pub(crate) fn is_shown_member(&self, membership: MembershipIndex) -> bool {
        self.channels.beside(membership).is_shown_member()
    }

    pub(crate) fn mark(&mut self, membership: MembershipIndex, mark: Mark, is_so: bool) {
        self.channels.change(membership, |member| member.mark(mark, is_so));
    }

    /// Notes whether somebody missed something of a topic while congested.
    pub(crate) fn set_dirty(&mut self, membership: MembershipIndex, is_dirty: bool) {
        self.mark(membership, Mark::Dirty, is_dirty);
        if is_dirty {
            self.mark(membership, Mark::Told, false);
        }
        self.channels.set_dirty(membership, is_dirty);
    }

    /// Returns whether somebody in a channel is congested who has been sent a snapshot since the
    /// last tick.
    pub(crate) fn are_late(&self, channel: ChannelIndex) -> bool {
        let first = self.channels.attached(channel);
        let mut clean = (first..first + self.channels.clean(channel))
            .map(|at| self.channels.member_at(channel, at));
        clean.any(|membership| self.is(membership, Mark::Told))
    }

    /// Takes a mark away. Returns whether it was there.
    pub(crate) fn unmark(&mut self, membership: MembershipIndex, mark: Mark) -> bool {
        let was = self.is(membership, mark);
        self.mark(membership, mark, false);
        was
    }

    /// Returns how many there are with a mark, those who have left and still wait included.
    pub(in crate::tables) fn marked(&self, mark: Mark) -> usize {
        self.channels.all_beside().filter(|member| member.is(mark)).count()
    }

    // ---- the topics of a session

    fn link(&self, session: SessionIndex) -> u32 {
        self.first.get(session.0 as usize).copied().unwrap_or(0)
    }

    /// Returns a session's place in the topic that it joined first, of those that it is in.
    #[inline]
    pub(crate) fn first_of(&self, session: SessionIndex) -> Option<MembershipIndex> {
        self.link(session).checked_sub(1).map(MembershipIndex)
    }

    /// Returns its place in the topic that it joined next.
    #[inline]
    pub(crate) fn next_of(&self, membership: MembershipIndex) -> Option<MembershipIndex> {
        let link = self.channels.beside(membership).next;
        link.checked_sub(1).map(MembershipIndex)
    }

    /// Returns what a session is in a topic, if it is in it.
    pub(crate) fn membership(
        &self,
        session: SessionIndex,
        topic: TopicIndex,
    ) -> Option<MembershipIndex> {
        let mut next = self.first_of(session);
        for _ in 0..FEW {
            let membership = next?;
            if self.topic_of(membership) == topic {
                return Some(membership);
            }
            next = self.next_of(membership);
        }
        next.and_then(|_| self.beyond.get((session, topic)).copied())
    }

    /// Returns whether it is one of those that are gone through, and need not be looked up.
    pub(super) fn is_among_few(&self, session: SessionIndex, membership: MembershipIndex) -> bool {
        let all = core::iter::successors(self.first_of(session), |one| self.next_of(*one));
        all.take(FEW).any(|one| one == membership)
    }

    /// Returns what can be looked up so, for tests.
    pub(in crate::tables) fn beyond(
        &self,
    ) -> impl Iterator<Item = ((SessionIndex, TopicIndex), MembershipIndex)> + '_ {
        self.beyond.iter()
    }

    /// Begins what is kept of a session that has got a place in a channel. Returns whether it is
    /// the session's first.
    pub(in crate::tables) fn begin(
        &mut self,
        session: SessionIndex,
        membership: MembershipIndex,
        is_member: bool,
    ) -> bool {
        self.channels.change(membership, |member| *member = Member::new(is_member));
        let link = membership.0 + 1;
        let Some(mut last) = self.first_of(session) else {
            self.set_first(session, link);
            return true;
        };
        let mut joined = 1;
        while let Some(next) = self.next_of(last) {
            (last, joined) = (next, joined + 1);
        }
        self.channels.change(last, |member| member.next = link);
        if joined >= FEW {
            self.beyond.insert((session, self.topic_of(membership)), membership);
        }
        false
    }

    /// The first of so many entries is made.
    fn set_first(&mut self, session: SessionIndex, link: u32) {
        while !self.first.extend_towards(session.0 as usize + 1) {}
        self.first[session.0 as usize] = link;
    }

    /// Ends what is kept of a session's place in a topic. Returns whether it still waits for a
    /// tick, so that it must not be another's yet.
    pub(in crate::tables) fn end(
        &mut self,
        session: SessionIndex,
        membership: MembershipIndex,
    ) -> bool {
        if !self.beyond.is_empty() {
            self.beyond.remove((session, self.topic_of(membership)));
        }
        let next = self.channels.beside(membership).next;
        if self.first_of(session) == Some(membership) {
            self.first[session.0 as usize] = next;
        } else {
            let mut before = self.first_of(session);
            while let Some(one) = before.filter(|one| self.next_of(*one) != Some(membership)) {
                before = self.next_of(one);
            }
            if let Some(before) = before {
                self.channels.change(before, |member| member.next = next);
            }
        }
        self.channels.change(membership, |member| {
            member.next = 0;
            member.unmark_all()
        })
    }

    // ---- seats

    /// Returns the number of the seat that somebody has; zero of who has none.
    #[inline]
    pub(crate) fn seat_number(&self, membership: MembershipIndex) -> u64 {
        self.channels.beside(membership).number()
    }

    fn set_number(&mut self, membership: MembershipIndex, number: u64) {
        self.channels.change(membership, |member| member.set_number(number));
    }

    #[inline]
    pub(crate) fn has_seat(&self, membership: MembershipIndex) -> bool {
        self.seat_number(membership) != 0
    }

    pub(in crate::tables) fn take_seat(&mut self, topic: TopicIndex, membership: MembershipIndex) {
        let Self { records, channels, .. } = self;
        let order = &mut records[topic.0 as usize].order;
        let number = order.push(membership, |lead| channels.beside(lead).number());
        self.set_number(membership, number);
    }

    pub(in crate::tables) fn hand_seat_on(
        &mut self,
        topic: TopicIndex,
        from: MembershipIndex,
        to: MembershipIndex,
    ) {
        let number = self.seat_number(from);
        self.set_number(from, 0);
        self.unmark(from, Mark::Others);
        self.set_number(to, number);
        self.topic_mut(topic).order.hand_on((from, number), to);
    }

    pub(in crate::tables) fn leave_seat(&mut self, topic: TopicIndex, membership: MembershipIndex) {
        let number = self.seat_number(membership);
        self.set_number(membership, 0);
        let Self { records, channels, .. } = self;
        let order = &mut records[topic.0 as usize].order;
        order.leave((membership, number), |lead| channels.beside(lead).number());
    }

    /// Returns the next seat from this place on, and who has it.
    pub(crate) fn next_seat(
        &self,
        topic: TopicIndex,
        from: usize,
    ) -> Option<(usize, MembershipIndex)> {
        self.topic(topic).order.next(from)
    }

    /// Returns a place from which on the next seat is the first with a greater number.
    pub(crate) fn place_after(&self, topic: TopicIndex, number: u64) -> usize {
        self.topic(topic).order.place_after(number, |lead| self.seat_number(lead))
    }

    /// Returns the number of the last seat of those who are in a sample of so many users.
    pub(crate) fn sample_end(&self, topic: TopicIndex, users: u32, seats: &mut Seats) -> u64 {
        if users < seats.users {
            seats.begin_again();
        }
        while seats.users < users
            && let Some(lead) = self.topic(topic).order.walk_on(seats)
        {
            (seats.users, seats.end) = (seats.users + 1, self.seat_number(lead));
        }
        seats.end
    }

    // ---- what members have of their own

    fn own_place(&self, membership: MembershipIndex) -> Option<usize> {
        self.channels.beside(membership).own_place()
    }

    fn take_own_place(&mut self, membership: MembershipIndex) -> Option<u32> {
        self.channels.change(membership, |member| {
            let own = member.own_place();
            member.own = 0;
            own.map(|own| own as u32)
        })
    }

    /// Returns the presence that a member has for this topic alone.
    pub(crate) fn own_presence(&self, membership: MembershipIndex) -> Option<&P> {
        let own = self.own_place(membership)?;
        if self.is(membership, Mark::More) {
            self.own[own].presence.as_ref()
        } else {
            self.values[own].as_ref()
        }
    }

    /// Makes a presence what a member shows in a topic alone, and gives back the one before.
    pub(in crate::tables) fn set_own_presence(
        &mut self,
        membership: MembershipIndex,
        presence: P,
    ) -> Option<P> {
        let replaced = match self.own_place(membership) {
            Some(own) if self.is(membership, Mark::More) => {
                self.own[own].presence.replace(presence)
            }
            Some(own) => self.values[own].replace(presence),
            None => {
                let free = self.free_values.pop().unwrap_or_else(|| {
                    self.values.push(None);
                    self.values.len() as u32 - 1
                });
                self.values[free as usize] = Some(presence);
                self.set_own(membership, free);
                None
            }
        };
        self.presences += usize::from(replaced.is_none());
        replaced
    }

    fn set_own(&mut self, membership: MembershipIndex, place: u32) {
        self.channels.change(membership, |member| member.own = place + 1);
    }

    /// Returns what a member has of its own, if that is more than a presence.
    pub(crate) fn own(&self, membership: MembershipIndex) -> Option<&Own<P>> {
        let own = self.own_place(membership).filter(|_| self.is(membership, Mark::More))?;
        Some(&self.own[own])
    }

    pub(crate) fn own_mut(&mut self, membership: MembershipIndex) -> Option<&mut Own<P>> {
        let own = self.own_place(membership).filter(|_| self.is(membership, Mark::More))?;
        Some(&mut self.own[own])
    }

    pub(crate) fn own_or_new(&mut self, membership: MembershipIndex) -> &mut Own<P> {
        if !self.is(membership, Mark::More) {
            let presence = self.take_value(membership);
            let free = self.free_own.pop().unwrap_or_else(|| {
                self.own.push(Own::default());
                self.own.len() as u32 - 1
            });
            self.set_own(membership, free);
            self.mark(membership, Mark::More, true);
            self.own[free as usize].presence = presence;
        }
        let own = self.own_place(membership).unwrap_or(0);
        &mut self.own[own]
    }

    /// Takes out the presence of a member that has nothing else of its own.
    fn take_value(&mut self, membership: MembershipIndex) -> Option<P> {
        let own = self.take_own_place(membership)?;
        self.free_values.push(own);
        self.values[own as usize].take()
    }

    /// Takes out all that a member has of its own, who names nobody. The list for that keeps its
    /// memory for whoever is next.
    pub(in crate::tables) fn take_own(&mut self, membership: MembershipIndex) -> Option<Own<P>> {
        let taken = if self.unmark(membership, Mark::More) {
            let at = self.take_own_place(membership)?;
            self.free_own.push(at);
            let own = &mut self.own[at as usize];
            debug_assert!(own.named.is_empty());
            let named = core::mem::take(&mut own.named);
            let taken = core::mem::take(own);
            own.named = named;
            taken
        } else {
            Own { presence: Some(self.take_value(membership)?), ..Own::default() }
        };
        self.presences -= usize::from(taken.presence.is_some());
        Some(taken)
    }

    /// Returns the users whom somebody in a topic looks at by name, sorted.
    pub(crate) fn named(&self, membership: MembershipIndex) -> &[User] {
        self.own(membership).map_or(&[], |own| &own.named)
    }

    /// Returns whether what members have of their own is either free or somebody's, and so many
    /// have a presence of their own as are counted.
    pub(in crate::tables) fn is_own_right(
        &self,
        all: impl Iterator<Item = MembershipIndex> + Clone,
    ) -> bool {
        let places = |more: bool| {
            let of = all.clone().filter(move |one| self.is(*one, Mark::More) == more);
            of.filter_map(|one| self.own_place(one))
        };
        let presences = all.clone().filter(|one| self.own_presence(*one).is_some()).count();
        self.free_own.neither(self.own.len(), places(true)) == Some(0)
            && self.free_values.neither(self.values.len(), places(false)) == Some(0)
            && presences == self.presences
    }
}
