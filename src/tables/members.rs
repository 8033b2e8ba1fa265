//! Who is in which topic: what joining, leaving and being shown there change in every table.

use crate::tables::Tables;
use crate::tables::channels::Part;
use crate::tables::ids::{ChannelIndex, MembershipIndex, Place, SessionIndex, TopicIndex, User};
use crate::tables::roster::TooManyUsers;
use crate::tables::sessions::Link;
use crate::tables::topics::{EndedMember, Gathered, Group, Mark, Own, Topics};
use crate::topic::{TopicOptions, View};
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> Tables<K, P, S> {
    pub(crate) const fn topics(&self) -> &Topics<K, P> {
        &self.topics
    }

    /// Returns the topics, for changes that concern one topic alone.
    pub(crate) const fn topics_mut(&mut self) -> &mut Topics<K, P> {
        &mut self.topics
    }

    // ---- finding

    /// Returns the topic of this name, if anybody is in it.
    pub(crate) fn find_topic<Q>(&self, name: &Q) -> Option<TopicIndex>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let topic = TopicIndex(self.topics.names.find(&self.hasher, name)?.0);
        self.topics.is_open(topic).then_some(topic)
    }

    /// Returns the topics that a session is in, in the order in which it joined them, with its
    /// place in each.
    pub(crate) fn topics_of(
        &self,
        session: SessionIndex,
    ) -> impl Iterator<Item = (TopicIndex, MembershipIndex)> + '_ {
        let all = core::iter::successors(self.topics.first_of(session), |membership| {
            self.topics.next_of(*membership)
        });
        all.map(|membership| (self.topics.topic_of(membership), membership))
    }

    pub(crate) fn membership_in(
        &self,
        session: SessionIndex,
        topic: TopicIndex,
    ) -> Option<MembershipIndex> {
        self.topics.membership(session, topic)
    }

    /// Returns whether a session of the user at this place is in a topic.
    #[inline]
    pub(crate) fn is_in_topics_at(&self, place: Place) -> bool {
        self.online.at(place).is_in_topics
    }

    /// Returns whose place in a topic it is.
    pub(crate) fn session_in(&self, membership: MembershipIndex) -> SessionIndex {
        self.topics.channels.session(membership)
    }

    pub(crate) fn user_in(&self, membership: MembershipIndex) -> User {
        self.sessions.user(self.session_in(membership))
    }

    /// Returns what the sessions of a user are in a topic that are shown there as members, in the
    /// order in which they connected.
    pub(crate) fn shown_in(
        &self,
        topic: TopicIndex,
        user: User,
    ) -> impl Iterator<Item = MembershipIndex> + '_ {
        self.shown_among(topic, self.sessions_of(user))
    }

    /// Returns the same of the user at this place.
    pub(crate) fn shown_at(
        &self,
        topic: TopicIndex,
        place: Place,
    ) -> impl Iterator<Item = MembershipIndex> + '_ {
        self.shown_among(topic, self.sessions_at(place))
    }

    fn shown_among<'a>(
        &'a self,
        topic: TopicIndex,
        sessions: &'a [SessionIndex],
    ) -> impl Iterator<Item = MembershipIndex> + 'a {
        let all = sessions.iter().filter_map(move |one| self.membership_in(*one, topic));
        all.filter(|membership| self.topics.is_shown_member(*membership))
    }

    /// Returns the number of the user's seat, if it is a member and shown.
    pub(crate) fn seat_of(&self, topic: TopicIndex, user: User) -> Option<u64> {
        let lead = self.shown_in(topic, user).find(|one| self.topics.has_seat(*one))?;
        Some(self.topics.seat_number(lead))
    }

    /// Returns the session that has the seat of the user of one in a topic, if it has one.
    fn lead_of(&self, topic: TopicIndex, membership: MembershipIndex) -> Option<MembershipIndex> {
        if self.topics.has_seat(membership) {
            return Some(membership);
        }
        let place = self.sessions.place(self.session_in(membership));
        self.shown_at(topic, place).find(|one| self.topics.has_seat(*one))
    }

    /// Returns what a member shows in a topic.
    pub(crate) fn presence_in(&self, membership: MembershipIndex) -> Option<&P> {
        let own = self.topics.own_presence(membership);
        own.or_else(|| self.sessions.presence(self.session_in(membership)))
    }

    /// Returns whether a member shows in a topic what it publishes.
    pub(crate) fn shows_published(&self, membership: MembershipIndex) -> bool {
        self.topics.is(membership, Mark::Member) && self.topics.own_presence(membership).is_none()
    }

    /// Returns whether a session is in a topic, and how many it is in.
    pub(crate) fn count_topics(
        &self,
        session: SessionIndex,
        topic: Option<TopicIndex>,
    ) -> (bool, usize) {
        let all = self.topics_of(session);
        all.fold((false, 0), |(is_in, count), (of, _)| (is_in || Some(of) == topic, count + 1))
    }

    /// Returns somebody who is in the topic, if anybody is.
    pub(crate) fn anybody_in(&self, topic: TopicIndex) -> Option<(SessionIndex, MembershipIndex)> {
        let channel = self.topics.topic(topic).groups.first()?.channel;
        let last = self.topics.channels.len(channel).checked_sub(1)?;
        let membership = self.topics.channels.member_at(channel, last);
        Some((self.session_in(membership), membership))
    }

    // ---- coming and going

    /// Opens the topic of this name, which nobody is in, with these options as long as it has none
    /// of its own.
    pub(crate) fn open_topic(
        &mut self,
        name: K,
        default: &TopicOptions,
    ) -> Result<TopicIndex, TooManyUsers> {
        let named = self.topics.names.intern(&self.hasher, name).ok_or(TooManyUsers)?;
        let topic = TopicIndex(named.0);
        self.topics.open(topic, default);
        Ok(topic)
    }

    /// Closes a topic that nobody is in any more.
    pub(crate) fn close_topic(&mut self, topic: TopicIndex) {
        self.topics.close(topic);
        // The host's code is run to drop a name, as it is for users' ids: when all is in order.
        self.topics.names.hand_unused_to(&mut self.users);
    }

    /// Spells the name of a topic so for whoever joins it, unless somebody is shown there: those
    /// who are not must not be known by it.
    pub(crate) fn spell_topic(&mut self, topic: TopicIndex, name: K) {
        let counts = self.topics.topic(topic).counts;
        if counts.users > 0 || counts.observers > 0 {
            return self.discard_name(name);
        }
        self.topics.names.spell(User(topic.0), name);
        self.topics.names.hand_unused_to(&mut self.users);
    }

    /// Has a name dropped when everything is in order.
    pub(crate) fn discard_name(&mut self, name: K) {
        self.users.discard(name);
    }

    /// Puts a session in a topic: it is told nothing yet, and shown to nobody.
    pub(crate) fn join_topic(
        &mut self,
        session: SessionIndex,
        topic: TopicIndex,
        is_member: bool,
        view: View,
    ) -> MembershipIndex {
        let channel = self.topics.channel_of(topic, view, false);
        let membership = self.topics.channels.join(channel, session);
        if self.topics.begin(session, membership, is_member) {
            let place = self.sessions.place(session);
            self.online.at_mut(place).is_in_topics = true;
        }
        self.count_shown_in(membership);
        membership
    }

    /// Takes a session that is shown no more out of a topic. Gives back what it has of its own, to
    /// be dropped when everything is in order.
    pub(crate) fn leave_topic(
        &mut self,
        topic: TopicIndex,
        membership: MembershipIndex,
    ) -> Option<Own<P>> {
        let session = self.session_in(membership);
        self.list_changed_session(session);
        self.set_named(topic, membership, &[]);
        let own = self.topics.take_own(membership);
        let (channel, _) = self.topics.channels.channel_and_place(membership);
        let was_last = match self.topics.end(session, membership) {
            true => self.topics.channels.leave_behind(membership),
            false => self.topics.channels.leave(membership),
        };
        if was_last {
            self.topics.close_channel(topic, channel);
        }
        if self.topics.first_of(session).is_none() {
            let place = self.sessions.place(session);
            let mut sessions = self.online.at(place).sessions.iter();
            let any = sessions.any(|session| self.topics.first_of(*session).is_some());
            self.online.at_mut(place).is_in_topics = any;
        }
        own
    }

    /// Shows somebody in a topic, who counts from now on. Returns whether it is the user's first
    /// session there.
    pub(crate) fn show_in_topic(&mut self, topic: TopicIndex, membership: MembershipIndex) -> bool {
        let lead = self.lead_of(topic, membership);
        let is_first = lead.is_none();
        self.topics.mark(membership, Mark::Shown, true);
        if !self.topics.is(membership, Mark::Member) {
            self.topics.topic_mut(topic).counts.observers += 1;
            return false;
        }
        let counts = &mut self.topics.topic_mut(topic).counts;
        counts.sessions += 1;
        counts.users += u32::from(is_first);
        match lead {
            Some(lead) => self.topics.mark(lead, Mark::Others, true),
            None => self.topics.take_seat(topic, membership),
        }
        is_first
    }

    /// Shows somebody in a topic no more. Of a member returns whether it was the user's last
    /// session there, and the number of the user's seat.
    pub(crate) fn hide_in_topic(
        &mut self,
        topic: TopicIndex,
        membership: MembershipIndex,
    ) -> Option<(bool, u64)> {
        let lead = self.lead_of(topic, membership);
        let number = lead.map(|lead| self.topics.seat_number(lead));
        self.topics.mark(membership, Mark::Shown, false);
        if !self.topics.is(membership, Mark::Member) {
            self.topics.topic_mut(topic).counts.observers -= 1;
            return None;
        }
        let place = self.sessions.place(self.session_in(membership));
        let has_others = lead.is_some_and(|lead| self.topics.is(lead, Mark::Others));
        let other = if has_others { self.shown_at(topic, place).next() } else { None };
        let counts = &mut self.topics.topic_mut(topic).counts;
        counts.sessions -= 1;
        counts.users -= u32::from(other.is_none());
        match other {
            Some(other) if lead == Some(membership) => {
                self.topics.hand_seat_on(topic, membership, other);
            }
            Some(_) => {}
            // The last one has the seat.
            None => self.topics.leave_seat(topic, membership),
        }
        if let Some(other) = other
            && let Some(lead) = self.lead_of(topic, other)
        {
            let has_others = self.shown_at(topic, place).nth(1).is_some();
            self.topics.mark(lead, Mark::Others, has_others);
        }
        number.map(|number| (other.is_none(), number))
    }

    /// Gives somebody in a topic another view; it is told nothing yet.
    pub(crate) fn set_view(&mut self, topic: TopicIndex, membership: MembershipIndex, view: View) {
        let (before, _) = self.topics.channels.channel_and_place(membership);
        let is_personal = !self.topics.named(membership).is_empty();
        let channel = self.topics.channel_of(topic, view, is_personal);
        if channel != before && self.topics.channels.transfer(membership, channel) {
            self.topics.close_channel(topic, before);
        }
    }

    /// Has somebody look at these members by name, a sorted set, and at no others. It has no place
    /// among those who do, or do not, before its [view](Self::set_view) is set.
    pub(crate) fn set_named(
        &mut self,
        topic: TopicIndex,
        membership: MembershipIndex,
        users: &[User],
    ) {
        if users.is_empty() && self.topics.named(membership).is_empty() {
            return;
        }
        let mut named = core::mem::take(&mut self.topics.own_or_new(membership).named);
        // New ones first: who is in both must not be forgotten in between.
        for user in users {
            self.users.retain(*user);
            if named.binary_search(user).is_err() {
                self.topics.note_looker(topic, (*user, membership), true);
            }
        }
        for user in named.drain(..) {
            self.users.release(user);
            if users.binary_search(&user).is_err() {
                self.topics.note_looker(topic, (user, membership), false);
            }
        }
        named.extend_from_slice(users);
        self.topics.own_or_new(membership).named = named;
    }

    /// Makes a presence what a member shows in a topic alone, and gives back the one before.
    pub(crate) fn set_own_presence(
        &mut self,
        membership: MembershipIndex,
        presence: P,
    ) -> Option<P> {
        let replaced = self.topics.set_own_presence(membership, presence);
        self.count_shown_in(membership);
        replaced
    }

    /// Puts somebody where it belongs by its link; if it can receive and so it is said, among those
    /// who are told everything at the next tick.
    pub(crate) fn seat_in_topic(&mut self, membership: MembershipIndex, arrives: bool) {
        let state = self.sessions.slot_and_link(self.session_in(membership));
        self.topics.channels.seat(membership, state, arrives);
        self.topics.mark(membership, Mark::Told, false);
        self.topics.set_dirty(membership, self.topics.is(membership, Mark::Dirty));
    }

    /// Notes of somebody who waits for the next tick that it has been sent a snapshot now.
    pub(crate) fn note_told(&mut self, membership: MembershipIndex) {
        if self.topics.channels.part_of(membership) == Part::Arriving {
            self.topics.mark(membership, Mark::Told, true);
        }
    }

    /// Puts a session where it belongs in the topics that it is in, after its link has changed.
    pub(super) fn put_topics(&mut self, session: SessionIndex) {
        if self.topics.len() == 0 {
            return;
        }
        let state = self.sessions.slot_and_link(session);
        let mut next = self.topics.first_of(session);
        while let Some(membership) = next {
            // One that waited to be told everything has not been, unless it was a moment ago: that
            // one knows all but what the tick will tell.
            let part = self.topics.channels.part_of(membership);
            let was_told = matches!(part, Part::Arriving | Part::Congested)
                && self.topics.is(membership, Mark::Told);
            let is_dirty = state.1 == Link::Congested && part == Part::Arriving && !was_told
                || state.1.is_up() && self.topics.is(membership, Mark::Dirty);
            let is_told = was_told && state.1.is_up();
            self.topics.channels.seat(membership, state, is_told);
            self.topics.mark(membership, Mark::Told, is_told);
            if is_told && state.1 == Link::Congested {
                let topic = self.topics.topic_of(membership);
                self.topics.topic_mut(topic).has_late = true;
            }
            self.topics.set_dirty(membership, is_dirty);
            next = self.topics.next_of(membership);
        }
    }

    /// Notes that what those congested members of a channel hold of its topic is not true any more
    /// who would have been told.
    pub(crate) fn mark_dirty(
        &mut self,
        topic: TopicIndex,
        group: usize,
        is_told: impl Fn(&Self, SessionIndex) -> bool,
    ) {
        let channel = self.topics.topic(topic).groups[group].channel;
        let (mut at, first) = (0, self.topics.channels.attached(channel));
        // Each that is marked makes way for one that is not.
        while at < self.topics.channels.clean(channel) {
            let membership = self.topics.channels.member_at(channel, first + at);
            match is_told(self, self.session_in(membership)) {
                true => self.topics.set_dirty(membership, true),
                false => at += 1,
            }
        }
    }

    /// Notes of those congested members of a channel who had been sent a snapshot before a tick
    /// that they have missed this one.
    pub(crate) fn mark_late(&mut self, channel: ChannelIndex) {
        let (mut at, first) = (0, self.topics.channels.attached(channel));
        while at < self.topics.channels.clean(channel) {
            let membership = self.topics.channels.member_at(channel, first + at);
            match self.topics.is(membership, Mark::Told) {
                true => self.topics.set_dirty(membership, true),
                false => at += 1,
            }
        }
    }

    /// Has those who arrive in a channel receive from now on: they have been told everything.
    pub(crate) fn welcome(&mut self, channel: ChannelIndex) {
        self.topics.channels.welcome(channel);
    }

    // ---- what a tick tells

    /// Has a tick tell that a session is gone. Returns whether that waits now.
    pub(crate) fn note_ended(
        &mut self,
        topic: TopicIndex,
        gone: EndedMember,
        is_slow: bool,
    ) -> bool {
        let is_noted = self.topics.pending_mut(topic, is_slow).note_ended(gone);
        if is_noted {
            self.users.retain(gone.user);
        }
        is_noted
    }

    /// Takes those out of what waits for a tick who are shown no more: what they showed is told of
    /// nobody.
    fn drop_hidden(&mut self, changed: &mut Gathered, is_slow: bool) {
        changed.close_gap();
        while let Some(membership) = changed.next_to_sweep() {
            let is_shown = self.topics.is(membership, Mark::Shown);
            changed.sweep(is_shown);
            if !is_shown {
                self.topics.wait_no_more(membership, is_slow);
            }
        }
    }

    /// Brings what waits for a tick in order: what is not so any more is dropped, and what has gone
    /// of one user stands together.
    pub(crate) fn settle_pending(&mut self, topic: TopicIndex, is_slow: bool) {
        let Some(mut pending) = self.topics.take_pending(topic, is_slow) else { return };
        self.drop_hidden(&mut pending.changed, is_slow);
        pending.gone.sort_unstable_by_key(|gone| (gone.user, gone.order));
        self.topics.put_pending(topic, is_slow, pending);
    }

    /// Forgets what waited for a tick.
    pub(crate) fn clear_pending(&mut self, topic: TopicIndex, is_slow: bool) {
        if is_slow {
            self.topics.forget_arrivals(topic);
        }
        let Some(mut pending) = self.topics.take_pending(topic, is_slow) else { return };
        for membership in pending.changed.drain() {
            self.topics.wait_no_more(membership, is_slow);
        }
        pending.gone.drain(..).for_each(|gone| self.users.release(gone.user));
        self.topics.put_pending(topic, is_slow, pending);
        self.topics.end_pending(topic, is_slow);
    }

    // ---- for tests

    /// Checks that topics, memberships and what is known of those online agree.
    pub(super) fn verify_topics(&self) -> Result<(), &'static str> {
        use crate::tables::verify::ensure;
        let (mut all, mut channels, mut open) = (Vec::new(), Vec::new(), 0);
        for session in self.sessions.iter_records() {
            let is_there = self.sessions.link(session).is_there();
            for (topic, membership) in self.topics_of(session) {
                ensure!(is_there, "a session that has ended is in a topic");
                ensure!(self.topics.is_open(topic), "a session is in a topic that is closed");
                ensure!(self.session_in(membership) == session, "a membership is another's");
                let is_shown = self.topics.is(membership, Mark::Shown);
                let is_visible = self.is_visible(self.sessions.user(session));
                ensure!(is_shown == is_visible, "who is shown in a topic is wrong");
                let is_congested = self.sessions.link(session) == Link::Congested;
                let is_dirty = self.topics.is(membership, Mark::Dirty);
                ensure!(!is_dirty || is_congested, "what is not congested missed something");
                let is_in_part = self.topics.channels.part_of(membership) == Part::Dirty;
                ensure!(is_dirty == is_in_part, "who missed something stands elsewhere");
                all.push(membership);
                let found = self.membership_in(session, topic);
                ensure!(found == Some(membership), "a session's place in a topic is not found");
            }
        }
        for ((session, topic), membership) in self.topics.beyond() {
            let is_so = self.topics_of(session).any(|of| of == (topic, membership));
            ensure!(is_so, "a place in a topic is looked up that is not there");
        }
        let mut waiting = [0, 0];
        for topic in self.topics.iter() {
            open += 1;
            self.verify_topic(topic)?;
            for (is_slow, waiting) in [false, true].into_iter().zip(&mut waiting) {
                let pending = self.topics.pending_of(topic, is_slow);
                let Some(pending) = pending else { continue };
                let mut changed = pending.changed.iter();
                let are_marked = changed.all(|one| self.topics.is(one, Mark::waits(is_slow)));
                ensure!(are_marked, "what waits is not marked");
                *waiting += pending.changed.len();
            }
            channels.extend(self.topics.topic(topic).groups.iter().map(|group| group.channel));
        }
        ensure!(open == self.topics.len(), "the topics are miscounted");
        let marked = [Mark::Waits, Mark::WaitsSlowly].map(|mark| self.topics.marked(mark));
        ensure!(marked == waiting, "who waits for a tick is not marked so");
        ensure!(all.len() == self.topics.channels.memberships(), "a place in a topic is nobody's");
        ensure!(self.topics.is_own_right(all.iter().copied()), "what is a member's own is lost");
        let state_of = |session| self.sessions.slot_and_link(session);
        let are_right = self.topics.channels.is_right(channels.iter().copied(), state_of);
        ensure!(are_right, "the channels of topics are wrong");
        for (_, online) in self.online.iter() {
            let any = online.sessions.iter().any(|one| self.topics.first_of(*one).is_some());
            ensure!(any == online.is_in_topics, "the bit for topics is wrong");
        }
        let mut named = self.topics.names.iter_known().map(|name| TopicIndex(name.0));
        ensure!(named.all(|topic| self.topics.is_open(topic)), "a name is kept");
        ensure!(self.topics.names.len() == open, "a topic has no name");
        ensure!(self.topics.names.is_clean(), "a name is left to be dropped");
        Ok(())
    }

    fn verify_topic(&self, topic: TopicIndex) -> Result<(), &'static str> {
        use crate::tables::verify::ensure;
        let record = self.topics.topic(topic);
        let (mut counts, mut sessions) = (crate::topic::TopicCounts::default(), 0);
        let order = |a: &Group, b: &Group| (a.is_personal, a.view) < (b.is_personal, b.view);
        ensure!(record.groups.is_sorted_by(order), "views are not in order");
        let mut named = 0;
        for group in &record.groups {
            let len = self.topics.channels.len(group.channel);
            ensure!(len > 0, "a channel of a topic is empty");
            ensure!(self.topics.of_channel(group.channel) == topic, "a channel is another's");
            sessions += len;
            for at in 0..len {
                let membership = self.topics.channels.member_at(group.channel, at);
                let is_shown = self.topics.is(membership, Mark::Shown);
                let is_member = self.topics.is(membership, Mark::Member);
                counts.sessions += u32::from(is_shown && is_member);
                counts.observers += u32::from(is_shown && !is_member);
                let own = self.topics.named(membership);
                ensure!(own.is_empty() != group.is_personal, "who names members is elsewhere");
                ensure!(own.is_sorted_by(|a, b| a < b), "those named are not a sorted set");
                let is_noted = |user: &User| self.topics.looks_at(topic, *user, membership);
                ensure!(own.iter().all(is_noted), "somebody is named whom nobody knows to be");
                named += own.len();
            }
        }
        ensure!(named == record.named_len(), "those named are miscounted");
        ensure!(sessions > 0, "nobody is in a topic");
        let (mut place, mut last) = (0, 0);
        while let Some((at, lead)) = self.topics.next_seat(topic, place) {
            let number = self.topics.seat_number(lead);
            ensure!(self.topics.has_seat(lead) && number > last, "a seat is nobody's");
            let user = self.user_in(lead);
            let seats = self.shown_in(topic, user).filter(|one| self.topics.has_seat(*one));
            ensure!(seats.eq([lead]), "a user has not just one seat");
            let has_others = self.shown_in(topic, user).count() > 1;
            let is_marked = self.topics.is(lead, Mark::Others);
            ensure!(is_marked == has_others, "the other sessions of a member are forgotten");
            (place, last) = (at + 1, number);
            counts.users += 1;
        }
        ensure!(counts == record.counts, "who is in a topic is miscounted");
        let found = self.find_topic(self.topics.name(topic));
        ensure!(found == Some(topic), "a topic is not found");
        Ok(())
    }
}

#[cfg(test)]
mod tests;
