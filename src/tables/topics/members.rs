//! What a session in a topic is besides its place in a channel, and what it has of its own there.

use super::Topics;
use crate::tables::channels::Channels;
use crate::tables::ids::{ExpiryIndex, MembershipIndex, SessionIndex, TopicIndex, User};
use crate::tables::rate::Bucket;
use crate::tables::segments::{Segments, per_segment};
use alloc::vec::Vec;
use core::num::NonZeroU32;

/// What is kept beside a place in a channel. With the place and what is marked that is 26 bytes.
#[derive(Clone, Copy, Default)]
pub(crate) struct Member {
    /// One more than the next membership of the same session; none is zero.
    next: u32,
    /// One more than the place of what it has of its own: of a presence alone, or of more.
    own: Option<NonZeroU32>,
    /// The low part of the number of its user's seat, if this is the one of the user's sessions
    /// that has it; zero, as a whole, if not.
    number: u32,
}

/// What can be so or not of a session in a topic.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mark {
    /// It is a member, and no observer.
    Member,
    /// Others see it, or count it if it observes: its user is visible.
    Shown,
    /// It missed something while congested.
    Dirty,
    /// It has said something that is not over.
    Said,
    /// It is in the list of what waits for the fast tick, or for the slow one.
    Waits,
    WaitsSlowly,
    /// Nobody has been told of it before the next tick.
    New,
    /// It has its user's seat, and other sessions of the user are shown.
    Others,
    /// It has more of its own than a presence.
    More,
}

impl Mark {
    const COUNT: u32 = 9;

    pub(crate) const fn waits(is_slow: bool) -> Self {
        if is_slow { Self::WaitsSlowly } else { Self::Waits }
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

/// All marks of a session in a topic, and behind them the high part of the number of its seat. That
/// has 39 bits, which a topic that is never empty and that a thousand join each second does not use
/// up in 17 years.
#[derive(Clone, Copy, Default)]
pub(super) struct Marks(u16);

pub(super) type MarksOfAll = Segments<Marks, { per_segment(2_048) }>;

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

#[inline]
fn number_in(marks: &MarksOfAll, channels: &Channels<Member>, membership: MembershipIndex) -> u64 {
    let high = marks[membership.0 as usize].0 >> Mark::COUNT;
    u64::from(high) << 32 | u64::from(channels.beside(membership).number)
}

impl<K, P> Topics<K, P> {
    // ---- marks

    #[inline]
    pub(crate) fn is(&self, membership: MembershipIndex, mark: Mark) -> bool {
        self.marks[membership.0 as usize].0 & mark.bit() != 0
    }

    /// Returns whether it is a member whom others see.
    #[inline]
    pub(crate) fn is_shown_member(&self, membership: MembershipIndex) -> bool {
        let both = Mark::Member.bit() | Mark::Shown.bit();
        self.marks[membership.0 as usize].0 & both == both
    }

    pub(crate) fn mark(&mut self, membership: MembershipIndex, mark: Mark, is_so: bool) {
        let marks = &mut self.marks[membership.0 as usize].0;
        *marks = *marks & !mark.bit() | if is_so { mark.bit() } else { 0 };
    }

    /// Takes a mark away. Returns whether it was there.
    pub(crate) fn unmark(&mut self, membership: MembershipIndex, mark: Mark) -> bool {
        let was = self.is(membership, mark);
        self.mark(membership, mark, false);
        was
    }

    /// Returns how many there are with a mark, those who have left and still wait included.
    pub(in crate::tables) fn marked(&self, mark: Mark) -> usize {
        self.marks.iter().filter(|marks| marks.0 & mark.bit() != 0).count()
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
        self.channels.beside(membership).next.checked_sub(1).map(MembershipIndex)
    }

    /// Begins what is kept of a session that has got a place in a channel.
    pub(in crate::tables) fn begin(
        &mut self,
        session: SessionIndex,
        membership: MembershipIndex,
        is_member: bool,
    ) {
        while self.marks.len() <= membership.0 as usize {
            self.marks.push(Marks::default());
        }
        self.marks[membership.0 as usize] = Marks(if is_member { Mark::Member.bit() } else { 0 });
        let link = membership.0 + 1;
        let Some(mut last) = self.first_of(session) else {
            return self.set_first(session, link);
        };
        while let Some(next) = self.next_of(last) {
            last = next;
        }
        self.channels.beside_mut(last).next = link;
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
        let next = core::mem::take(&mut self.channels.beside_mut(membership).next);
        if self.first_of(session) == Some(membership) {
            self.first[session.0 as usize] = next;
        } else {
            let mut before = self.first_of(session);
            while let Some(one) = before.filter(|one| self.next_of(*one) != Some(membership)) {
                before = self.next_of(one);
            }
            if let Some(before) = before {
                self.channels.beside_mut(before).next = next;
            }
        }
        let marks = &mut self.marks[membership.0 as usize].0;
        *marks &= Mark::Waits.bit() | Mark::WaitsSlowly.bit();
        *marks != 0
    }

    // ---- seats

    /// Returns the number of the seat that somebody has; zero of who has none.
    #[inline]
    pub(crate) fn seat_number(&self, membership: MembershipIndex) -> u64 {
        number_in(&self.marks, &self.channels, membership)
    }

    fn set_number(&mut self, membership: MembershipIndex, number: u64) {
        let marks = &mut self.marks[membership.0 as usize].0;
        let low = *marks & ((1 << Mark::COUNT) - 1);
        *marks = low | ((number >> 32) as u16) << Mark::COUNT;
        self.channels.beside_mut(membership).number = number as u32;
    }

    #[inline]
    pub(crate) fn has_seat(&self, membership: MembershipIndex) -> bool {
        self.seat_number(membership) != 0
    }

    pub(in crate::tables) fn take_seat(&mut self, topic: TopicIndex, membership: MembershipIndex) {
        let Self { records, marks, channels, .. } = self;
        let order = &mut records[topic.0 as usize].order;
        let number = order.push(membership, |lead| number_in(marks, channels, lead));
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
        let Self { records, marks, channels, .. } = self;
        let order = &mut records[topic.0 as usize].order;
        order.leave((membership, number), |lead| number_in(marks, channels, lead));
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

    // ---- what members have of their own

    fn own_place(&self, membership: MembershipIndex) -> Option<usize> {
        Some(self.channels.beside(membership).own?.get() as usize - 1)
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
        self.channels.beside_mut(membership).own = Some(NonZeroU32::MIN.saturating_add(place));
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
        let own = self.channels.beside_mut(membership).own.take()?.get() - 1;
        self.free_values.push(own);
        self.values[own as usize].take()
    }

    /// Takes out all that a member has of its own, who names nobody. The list for that keeps its
    /// memory for whoever is next.
    pub(in crate::tables) fn take_own(&mut self, membership: MembershipIndex) -> Option<Own<P>> {
        let taken = if self.unmark(membership, Mark::More) {
            let at = self.channels.beside_mut(membership).own.take()?.get() - 1;
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
