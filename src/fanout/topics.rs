//! What is told about topics becomes decisions: receivers are lent as they lie, and what a snapshot
//! or a tick says is found once for all of them.

use crate::fanout::deliveries::Delivery;
use crate::fanout::plan::{Lent, Plan, Step};
use crate::fanout::receivers::CHUNK;
use crate::fanout::subject::Span;
use crate::fanout::topic_steps::{
    ChangeOf, Except, MemberCursor, SnapshotTo, TopicFanOut, TopicPart, TopicSnapshotOf,
    TopicSubject,
};
use crate::stats::Stats;
use crate::tables::Tables;
use crate::tables::ids::{ChannelIndex, MembershipIndex, SessionIndex, TopicIndex, User};
use crate::tables::topics::{Mark, Seats};
use crate::topic::View;
use core::hash::{BuildHasher, Hash};

/// Of so many receivers those who are told are copied, rather than lent in several decisions
/// because somebody among them is not told.
const FEW: usize = if cfg!(feature = "shrunk") { 2 } else { 64 };

impl<P> Plan<P> {
    /// Returns what the notice about a topic at hand says.
    pub(crate) const fn current_topic(&self) -> (TopicIndex, TopicSubject, u64) {
        self.current_topic
    }

    /// Returns the entries of the snapshot of a topic at hand.
    pub(crate) fn members(&self) -> &[MembershipIndex] {
        &self.members
    }

    /// Returns the changes of a topic at hand.
    pub(crate) fn changes(&self) -> &[ChangeOf] {
        &self.changes
    }

    // ---- one notice

    /// Works on a notice about a topic, which is the step to do now, until it gives a decision.
    /// `None` if nobody is left to be told.
    pub(crate) fn next_topic_delivery<K: Eq + Hash, S: BuildHasher>(
        &mut self,
        mut of: TopicFanOut,
        tables: &Tables<K, P, S>,
        stats: &mut Stats,
    ) -> Option<Delivery> {
        if of.id == 0 {
            of.id = self.next_number();
        }
        self.current_topic = (of.topic, of.subject, of.id);
        self.receivers.clear();
        self.lent = None;
        let mut received = self.add_viewers(&mut of, tables);
        if received == 0 {
            received = self.add_named_in_topic(&mut of.named, tables);
        }
        let mut delivery = Delivery::Deliver;
        if received == 0 && (of.skipped.is_some() || !of.named_skipped.is_empty()) {
            delivery = Delivery::Skipped;
            received = self.add_skipped_in_topic(&mut of, tables);
            stats.skipped += received as u64;
        } else {
            stats.deliveries += received as u64;
        }
        if received == 0 {
            self.go_over(of.groups as usize);
            self.complete_step();
            return None;
        }
        stats.notices += u64::from(!of.is_told);
        of.is_told = true;
        self.replace_step(Step::TellTopic(of));
        Some(delivery)
    }

    /// Finds those who view the topic, as many as lie together. Returns their number.
    fn add_viewers<K: Eq + Hash, S: BuildHasher>(
        &mut self,
        of: &mut TopicFanOut,
        tables: &Tables<K, P, S>,
    ) -> usize {
        let (topics, channels) = (tables.topics(), tables.topics().channels());
        let hides = topics.hides(of.topic);
        while let Some(group) = topics.topic(of.topic).groups.get(of.groups as usize) {
            let (channel, done) = (group.channel, of.done as usize);
            let receiving = channels.receiving(channel);
            if !of.viewers.have(group, hides) || done >= receiving {
                (of.groups, of.done) = (of.groups + 1, 0);
                continue;
            }
            let (cut, looked_at) = next_excluded(tables, of, channel);
            self.go_over(looked_at);
            let cut = cut.filter(|cut| *cut < receiving);
            if cut == Some(done) {
                of.done += 1;
                continue;
            }
            let end = cut.unwrap_or(receiving);
            if end < receiving && receiving <= FEW && done == 0 {
                return self.copy_viewers(of, tables, channel);
            }
            let slots = channels.slots(channel, done, end).len();
            self.lend(channel, done, end);
            of.done += slots as u32;
            return slots;
        }
        0
    }

    /// Copies those of a channel who are told, of whom there are few.
    fn copy_viewers<K: Eq + Hash, S: BuildHasher>(
        &mut self,
        of: &mut TopicFanOut,
        tables: &Tables<K, P, S>,
        channel: ChannelIndex,
    ) -> usize {
        let channels = tables.topics().channels();
        let receiving = channels.receiving(channel);
        while (of.done as usize) < receiving {
            let done = of.done as usize;
            let (cut, looked_at) = next_excluded(tables, of, channel);
            self.go_over(looked_at);
            let slots = channels.slots(channel, done, cut.unwrap_or(receiving).min(receiving));
            slots.iter().for_each(|slot| self.receivers.push(*slot));
            of.done += slots.len().max(1) as u32;
        }
        self.receivers.as_slice().len()
    }

    const fn lend(&mut self, channel: ChannelIndex, from: usize, end: usize) {
        let (from, end) = (from as u32, end as u32);
        self.lent = Some(Lent { channel, from, end });
    }

    fn add_named_in_topic<K: Eq + Hash, S: BuildHasher>(
        &mut self,
        named: &mut Span,
        tables: &Tables<K, P, S>,
    ) -> usize {
        let some = named.range().take(CHUNK);
        let added = some.len();
        for at in some {
            self.receivers.push(tables.sessions().slot(self.named[at]));
        }
        named.from += added as u32;
        added
    }

    /// Finds those who are not told because they are congested.
    fn add_skipped_in_topic<K: Eq + Hash, S: BuildHasher>(
        &mut self,
        of: &mut TopicFanOut,
        tables: &Tables<K, P, S>,
    ) -> usize {
        let (topics, channels) = (tables.topics(), tables.topics().channels());
        let Some((mut groups, mut done)) = of.skipped else {
            return self.add_named_in_topic(&mut of.named_skipped, tables);
        };
        let mut found = 0;
        while let Some(group) = topics.topic(of.topic).groups.get(groups as usize) {
            let congested = channels.congested(group.channel) as u32;
            if !of.viewers.have(group, topics.hides(of.topic)) || done >= congested {
                (groups, done) = (groups + 1, 0);
                continue;
            }
            if found == CHUNK {
                break;
            }
            let session = channels.congested_at(group.channel, done as usize);
            done += 1;
            if !is_excluded(tables, (of.except, of.hidden), session) {
                self.receivers.push(tables.sessions().slot(session));
                found += 1;
            }
        }
        of.skipped = Some((groups, done));
        found
    }

    // ---- snapshots

    /// Makes the next decision of a snapshot of a topic, which is the step to do now. Each part is
    /// told all its receivers before the next one is made, so that the host makes it once.
    pub(crate) fn next_topic_part<K: Eq + Hash, S: BuildHasher>(
        &mut self,
        mut of: TopicSnapshotOf,
        tables: &Tables<K, P, S>,
        stats: &mut Stats,
    ) -> TopicPart {
        if of.id == 0 {
            of.id = self.next_number();
        }
        let all = of.to;
        of.to = match all {
            SnapshotTo::Each { channel, next, without_own, .. } => {
                let membership = tables.topics().channels().member_at(channel, next as usize);
                of.without = without_own.then(|| tables.user_in(membership));
                SnapshotTo::One(tables.session_in(membership))
            }
            to => to,
        };
        let to = of.to;
        let (is_last, done) = of.part.unwrap_or_else(|| {
            self.members.clear();
            (self.add_members(&mut of, tables), 0)
        });
        let (received, left) = self.add_receivers(to, done, tables);
        of.to = all;
        stats.notices += if done == 0 { self.members.len() as u64 } else { 0 };
        stats.deliveries += (received * self.members.len()) as u64;
        let TopicSnapshotOf { topic, view, id, is_first, .. } = of;
        of.part = Some((is_last, done + received as u32));
        if left == 0 {
            (of.part, of.is_first) = (None, false);
        }
        let next = match of.to {
            SnapshotTo::Each { channel, next, end, without_own } if is_last => {
                let next = next + 1;
                let to = SnapshotTo::Each { channel, next, end, without_own };
                // Each says something else, so each has a number of its own.
                (next < end).then(|| TopicSnapshotOf::begin(topic, view, to, None))
            }
            _ if is_last && left == 0 => None,
            _ => Some(of),
        };
        match next {
            Some(next) => self.replace_step(Step::TopicSnapshot(next)),
            None => self.complete_step(),
        }
        let counts = tables.counts_for(topic, viewer_of(to, topic, tables));
        TopicPart { topic, view, counts, id, is_first, is_last }
    }

    /// Finds receivers of a snapshot behind those that are done. Returns their number, and that of
    /// those who are left.
    pub(super) fn add_receivers<K: Eq + Hash, S: BuildHasher>(
        &mut self,
        to: SnapshotTo,
        done: u32,
        tables: &Tables<K, P, S>,
    ) -> (usize, usize) {
        self.receivers.clear();
        self.lent = None;
        let channels = tables.topics().channels();
        let (channel, from, end) = match to {
            SnapshotTo::One(session) => {
                self.receivers.push(tables.sessions().slot(session));
                return (1, 0);
            }
            SnapshotTo::Receiving(channel) => (channel, 0, channels.receiving(channel)),
            SnapshotTo::Arriving(channel) => {
                (channel, channels.receiving(channel), channels.attached(channel))
            }
            SnapshotTo::Attached(channel) => (channel, 0, channels.attached(channel)),
            SnapshotTo::Each { .. } => return (0, 0),
        };
        let from = from + done as usize;
        let slots = channels.slots(channel, from, end).len();
        self.lend(channel, from, end);
        (slots, end - from - slots)
    }

    /// Adds members until a decision is full. Returns whether that is all.
    fn add_members<K: Eq + Hash, S: BuildHasher>(
        &mut self,
        of: &mut TopicSnapshotOf,
        tables: &Tables<K, P, S>,
    ) -> bool {
        let most = match of.view {
            View::Nothing | View::Count => 0,
            View::Sample(users) => users.into(),
            View::All => u32::MAX,
        };
        let without = of.without;
        let viewer = viewer_of(of.to, of.topic, tables);
        let all = walk(tables, of.topic, &mut of.cursor, most, u64::MAX, |membership| {
            let is_full = self.members.len() == CHUNK;
            let user = tables.user_in(membership);
            let is_left_out = without == Some(user)
                || viewer.is_some_and(|viewer| tables.blocked_between(viewer, user));
            if !is_full && !is_left_out {
                self.members.push(membership);
            }
            // It is full only if there is one more: a last part is never empty.
            !is_full || is_left_out
        });
        all && self.add_named_members(of, most, tables)
    }

    /// Adds those whom the receiver names and who are not in its view anyway.
    fn add_named_members<K: Eq + Hash, S: BuildHasher>(
        &mut self,
        of: &mut TopicSnapshotOf,
        most: u32,
        tables: &Tables<K, P, S>,
    ) -> bool {
        let SnapshotTo::One(session) = of.to else { return true };
        if of.view == View::All {
            return true;
        }
        let own = tables.membership_in(session, of.topic);
        let named = own.map_or(&[][..], |own| tables.topics().named(own));
        let viewed_to = if named.is_empty() {
            0
        } else {
            tables.topics().sample_end(of.topic, most, &mut Seats::default())
        };
        // In the order in which they became members.
        let seats = named.iter().filter_map(|user| Some((tables.seat_of(of.topic, *user)?, *user)));
        self.by_seat.clear();
        self.by_seat.extend(seats.filter(|(number, _)| *number > viewed_to));
        self.by_seat.sort_unstable();
        while let Some((_, user)) = self.by_seat.get(of.cursor.named as usize) {
            for membership in tables.shown_in(of.topic, *user).skip(of.cursor.sessions as usize) {
                if self.members.len() == CHUNK {
                    return false;
                }
                self.members.push(membership);
                of.cursor.sessions += 1;
            }
            (of.cursor.named, of.cursor.sessions) = (of.cursor.named + 1, 0);
        }
        true
    }
}

/// Calls `each` with the sessions of members, so many users at most and none whose seat has a
/// greater number, until it says no: that one has not been taken then. Returns whether it was all.
pub(super) fn walk<K: Eq + Hash, P, S: BuildHasher>(
    tables: &Tables<K, P, S>,
    topic: TopicIndex,
    cursor: &mut MemberCursor,
    most: u32,
    number: u64,
    mut each: impl FnMut(MembershipIndex) -> bool,
) -> bool {
    while cursor.users < most {
        let seat = tables.topics().next_seat(topic, cursor.place as usize);
        let Some((place, lead)) = seat else { break };
        if number < u64::MAX && tables.topics().seat_number(lead) > number {
            break;
        }
        if !tables.topics().is(lead, Mark::Others) {
            if !each(lead) {
                return false;
            }
        } else {
            let sessions = tables.shown_in(topic, tables.user_in(lead));
            for membership in sessions.skip(cursor.sessions as usize) {
                if !each(membership) {
                    return false;
                }
                cursor.sessions += 1;
            }
        }
        (cursor.place, cursor.users, cursor.sessions) = (place as u32 + 1, cursor.users + 1, 0);
    }
    true
}

/// Returns the user who is sent a snapshot, if blocks may hide others from it.
fn viewer_of<K: Eq + Hash, P, S: BuildHasher>(
    to: SnapshotTo,
    topic: TopicIndex,
    tables: &Tables<K, P, S>,
) -> Option<User> {
    let SnapshotTo::One(session) = to else { return None };
    let user = tables.sessions().user(session);
    (tables.topics().hides(topic) && tables.has_blocks(user)).then_some(user)
}

/// Returns the place of the next receiver in a channel, from the one at hand on, who is not told,
/// and how many have been looked at to find it.
fn next_excluded<K: Eq + Hash, P, S: BuildHasher>(
    tables: &Tables<K, P, S>,
    of: &TopicFanOut,
    channel: ChannelIndex,
) -> (Option<usize>, usize) {
    let place_of = |session: SessionIndex| {
        let membership = tables.membership_in(session, of.topic)?;
        let (own, place) = tables.topics().channels().channel_and_place(membership);
        (own == channel && place >= of.done as usize).then_some(place)
    };
    let (excepted, own) = match of.except {
        Except::Nobody => (None, 0),
        Except::Session(session) => (place_of(session), 1),
        Except::User(user) => {
            let own = tables.sessions_of(user);
            (own.iter().filter_map(|session| place_of(*session)).min(), own.len())
        }
    };
    let Some(user) = of.hidden else { return (excepted, own) };
    let channels = tables.topics().channels();
    let mut places = of.done as usize..excepted.unwrap_or_else(|| channels.receiving(channel));
    let all = places.len();
    let is_blocked = |place: &usize| {
        tables.blocked_between(user, tables.user_in(channels.member_at(channel, *place)))
    };
    let found = places.find(is_blocked);
    (found.or(excepted), own + all - places.len())
}

/// Returns whether a session is one of those who are not told: because of what it is, or because
/// blocks hide this user from its own.
pub(crate) fn is_excluded<K: Eq + Hash, P, S: BuildHasher>(
    tables: &Tables<K, P, S>,
    (except, hidden): (Except, Option<User>),
    session: SessionIndex,
) -> bool {
    let own = || tables.sessions().user(session);
    let is_excepted = match except {
        Except::Nobody => false,
        Except::Session(excepted) => excepted == session,
        Except::User(user) => own() == user,
    };
    is_excepted || hidden.is_some_and(|user| tables.blocked_between(user, own()))
}
