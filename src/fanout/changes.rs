//! What a tick tells becomes decisions: changes for all of one view, or for each who names members.

use crate::fanout::plan::{Plan, Step};
use crate::fanout::receivers::CHUNK;
use crate::fanout::subject::Span;
use crate::fanout::topic_steps::{ChangeOf, ChangesOf, SnapshotTo, TopicPart, TopicSnapshotOf};
use crate::fanout::topics::walk;
use crate::stats::Stats;
use crate::tables::Tables;
use crate::tables::ids::{ChannelIndex, MembershipIndex, TopicIndex, User};
use crate::tables::topics::{EndedMember, Mark, Pending};
use crate::topic::View;
use core::hash::{BuildHasher, Hash};

impl<P> Plan<P> {
    /// Makes the next decision of what a tick tells those of one view.
    pub(crate) fn next_changes<K: Eq + Hash, S: BuildHasher>(
        &mut self,
        mut of: ChangesOf,
        tables: &Tables<K, P, S>,
        stats: &mut Stats,
    ) -> TopicPart {
        if of.id == 0 {
            of.id = self.next_number();
            of.to = self.next_looker(&mut of, tables);
        }
        let (is_last, done) = of.part.unwrap_or_else(|| {
            self.changes.clear();
            (self.add_changes(&mut of, tables), 0)
        });
        let to = match of.to {
            Some(membership) => SnapshotTo::One(tables.session_in(membership)),
            None => SnapshotTo::Receiving(of.channel),
        };
        let (received, left) = self.add_receivers(to, done, tables);
        let ChangesOf { topic, view, id, is_first, .. } = of;
        // However many parts it has.
        stats.notices += u64::from(is_first && done == 0);
        stats.deliveries += received as u64;
        of.part = Some((is_last, done + received as u32));
        if left == 0 {
            (of.part, of.is_first) = (None, false);
        }
        if !is_last || left > 0 {
            self.replace_step(Step::Changes(of));
        } else if of.others.is_empty() {
            self.complete_step();
        } else {
            self.replace_step(Step::Changes(of.to_next()));
        }
        let counts = tables.topics().topic(topic).counts;
        TopicPart { topic, view, counts, id, is_first, is_last }
    }

    /// Takes out the next of those who are each told for itself, if there is one.
    fn next_looker<K: Eq + Hash, S: BuildHasher>(
        &self,
        of: &mut ChangesOf,
        tables: &Tables<K, P, S>,
    ) -> Option<MembershipIndex> {
        if of.others.is_empty() {
            return None;
        }
        let at = of.others.from as usize;
        of.others.from += 1;
        Some(match of.are_listed {
            true => self.lookers[at],
            false => tables.topics().channels().member_at(of.channel, at),
        })
    }

    // ---- what the rules leave to be told to each

    /// Lists whoever is told a change for itself.
    pub(crate) fn list_lookers(&mut self, all: impl Iterator<Item = MembershipIndex>) -> Span {
        let from = self.lookers.len() as u32;
        self.lookers.extend(all);
        Span { from, to: self.lookers.len() as u32 }
    }

    /// Tells changes to each of these for itself: of those listed, or in their channel.
    pub(crate) fn tell_each(&mut self, changes: ChangesOf, others: Span, are_listed: bool) {
        if !others.is_empty() {
            self.push_step(Step::Changes(ChangesOf { others, are_listed, ..changes }));
        }
    }

    /// Sends a snapshot to each of those in a channel, from one place on and before another.
    pub(crate) fn send_each(
        &mut self,
        topic: TopicIndex,
        view: View,
        (channel, next, end): (ChannelIndex, u32, u32),
        without_own: bool,
    ) {
        if next < end {
            let to = SnapshotTo::Each { channel, next, end, without_own };
            self.push_step(Step::TopicSnapshot(TopicSnapshotOf::begin(topic, view, to, None)));
        }
    }

    /// Adds changes until a decision is full. Returns whether that is all.
    fn add_changes<K: Eq + Hash, S: BuildHasher>(
        &mut self,
        of: &mut ChangesOf,
        tables: &Tables<K, P, S>,
    ) -> bool {
        let (known, knows) = of.known;
        let pending = tables.topics().pending_of(of.topic, of.is_slow);
        let changed = pending.filter(|_| of.has_members()).map(Pending::changed);
        while let Some((one, all_know)) = changed.and_then(|all| all.get(of.changed as usize)) {
            let user = tables.user_in(one);
            let is_known = of.views_all && all_know;
            if !is_known && of.concerns(tables, user, tables.seat_of(of.topic, user)) {
                if self.changes.len() == CHUNK {
                    return false;
                }
                self.changes.push(ChangeOf::Shown(one));
            }
            of.changed += 1;
        }
        // Who is shown everybody knows all seats before, and whoever is told a count alone none.
        if knows > known {
            if of.cursor.users == 0 && of.cursor.sessions == 0 {
                of.cursor.place = tables.topics().place_after(of.topic, known) as u32;
            }
            // Who is named and has changed has been told above.
            let named = of.to.map_or(&[][..], |to| tables.topics().named(to));
            let is_told = |membership| {
                tables.topics().is(membership, Mark::waits(of.is_slow))
                    && named.binary_search(&tables.user_in(membership)).is_ok()
            };
            let was_all = walk(tables, of.topic, &mut of.cursor, u32::MAX, knows, |membership| {
                let is_full = self.changes.len() == CHUNK;
                let is_left_out = is_told(membership);
                if !is_full && !is_left_out {
                    self.changes.push(ChangeOf::Shown(membership));
                }
                !is_full || is_left_out
            });
            if !was_all {
                return false;
            }
        }
        let Some(pending) = pending.filter(|_| of.has_members()) else { return true };
        while (of.gone as usize) < pending.gone().len() {
            let ended = ended_for(of, tables, pending);
            if ended.is_some() && self.changes.len() == CHUNK {
                return false;
            }
            self.changes.extend(ended);
            of.gone += 1;
        }
        true
    }
}

impl ChangesOf {
    /// Returns the same for the next of those who are each told for itself.
    fn to_next(self) -> Self {
        let Self { topic, is_slow, views_all, channel, view, known, .. } = self;
        let changes = Self::begin(topic, is_slow, (view, channel), known);
        Self { views_all, others: self.others, are_listed: self.are_listed, ..changes }
    }

    /// Returns whether there is anybody of whom its receivers are told.
    fn has_members(&self) -> bool {
        self.view > View::Count || self.to.is_some()
    }

    /// Returns whether a user with this seat is one of whom its receivers know.
    pub(crate) fn concerns<K: Eq + Hash, P, S: BuildHasher>(
        &self,
        tables: &Tables<K, P, S>,
        user: User,
        seat: Option<u64>,
    ) -> bool {
        self.includes(tables, user, seat, self.known.0)
    }

    /// Returns whether one is of whom they know with this.
    fn shows<K: Eq + Hash, P, S: BuildHasher>(
        &self,
        tables: &Tables<K, P, S>,
        user: User,
        seat: Option<u64>,
    ) -> bool {
        self.includes(tables, user, seat, self.known.1)
    }

    fn includes<K: Eq + Hash, P, S: BuildHasher>(
        &self,
        tables: &Tables<K, P, S>,
        user: User,
        seat: Option<u64>,
        known: u64,
    ) -> bool {
        let named = || self.to.map_or(&[][..], |to| tables.topics().named(to));
        let is_known = |number| self.view == View::All || number <= known;
        seat.is_some_and(|number| is_known(number) || named().binary_search(&user).is_ok())
    }
}

/// Returns what those of one view are told of the next one who has gone. Those of one user stand
/// together.
fn ended_for<K: Eq + Hash, P, S: BuildHasher>(
    of: &ChangesOf,
    tables: &Tables<K, P, S>,
    pending: &Pending,
) -> Option<ChangeOf> {
    let concerns = |one: &EndedMember| {
        !of.knows_ended(pending, one) && of.concerns(tables, one.user, Some(one.number))
    };
    let (one, others) = pending.gone().get(of.gone as usize..)?.split_first()?;
    let EndedMember { user, session, reason, .. } = *one;
    if !concerns(one) {
        return None;
    }
    let seat = tables.seat_of(of.topic, user);
    if of.shows(tables, user, seat) {
        let shown = tables.sessions().find_id(session);
        let is_shown = shown.is_some_and(|shown| {
            tables.shown_in(of.topic, user).any(|other| tables.session_in(other) == shown)
        });
        return (!is_shown).then_some(ChangeOf::SessionEnded { user, session });
    }
    // Told once of a user: with the last that has gone.
    let mut later = others.iter().take_while(|other| other.user == user);
    (!later.any(concerns)).then_some(ChangeOf::Left { user, reason })
}
