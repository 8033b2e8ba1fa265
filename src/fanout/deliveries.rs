//! One notice becomes decisions: its receivers are found, a decision full at a time.

use crate::fanout::plan::{FanOut, Lent, Plan, Step, Watchers};
use crate::fanout::subject::{Span, Subject};
use crate::key::SessionId;
use crate::stats::Stats;
use crate::tables::Tables;
use crate::tables::ids::{SessionIndex, User};
use crate::tables::lists::{self, fetch_list};
use crate::tables::missed::Note;
use core::hash::{BuildHasher, Hash};

/// So many who watch are put among the other receivers: more are lent as they lie.
const FEW: usize = if cfg!(feature = "shrunk") { 2 } else { 64 };

/// What the next decision about a notice is. The receivers lie in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    Deliver,
    Skipped,
}

impl<P> Plan<P> {
    /// Works on the step to do now, if it is a fan-out, until it gives a decision. `None` if nobody
    /// is left to be told.
    pub(crate) fn next_delivery<K: Eq + Hash, S: BuildHasher>(
        &mut self,
        tables: &mut Tables<K, P, S>,
        stats: &mut Stats,
    ) -> Option<Delivery> {
        let Some(Step::FanOut(fan_out)) = self.step() else { return None };
        self.current = *fan_out;
        // A notice takes its number whether or not there is anybody to be told.
        if self.current.id == 0 {
            self.current.id = self.next_number();
        }
        self.receivers.begin_next();
        self.add_contacts(tables);
        if self.current.own.is_some() {
            self.add_own(tables);
        }
        if !self.current.named.is_empty() {
            self.add_named(tables);
        }
        let mut received = self.receivers.as_slice().len();
        self.lent = None;
        if self.current.is_watched {
            received = self.add_watchers(tables);
        }
        let delivery = if received > 0 {
            stats.deliveries += received as u64;
            Delivery::Deliver
        } else if self.current.skipped.is_empty() {
            self.complete_step();
            return None;
        } else {
            self.add_skipped(tables);
            Delivery::Skipped
        };
        if !self.current.is_told {
            self.current.is_told = true;
            stats.notices += 1;
        }
        if self.current.is_done() && self.spilled.is_empty() && !self.receivers.has_surplus() {
            self.complete_step();
        } else {
            self.replace_step(Step::FanOut(self.current));
        }
        Some(delivery)
    }

    /// Tells nobody, but notes all the same what congested sessions are to be told later.
    pub(crate) fn pass_over<K: Eq + Hash, S: BuildHasher>(
        &mut self,
        fan_out: FanOut,
        tables: &mut Tables<K, P, S>,
    ) {
        self.current = fan_out;
        while self.current.contacts.is_some() || self.current.own.is_some() {
            self.receivers.clear();
            self.spilled.clear();
            self.add_contacts(tables);
            self.add_own(tables);
        }
        if self.current.is_watched {
            self.begin_watchers(tables);
            self.end_watchers();
        }
    }

    /// Adds contacts until the decision is full or the list is done.
    fn add_contacts<K: Eq + Hash, S: BuildHasher>(&mut self, tables: &mut Tables<K, P, S>) {
        if !self.spilled.is_empty() {
            self.add_spilled();
        }
        while let Some(cursor) = &mut self.current.contacts {
            let (audience, hidden) = tables.contacts_at(cursor.place);
            let left = &audience[cursor.done as usize..];
            let some = &left[..left.len().min(self.receivers.room())];
            self.gone_over += some.len();
            if tables.users().is_crowd() {
                fetch_list(some);
            }
            if left.len() == some.len() {
                self.current.contacts = None;
            } else if some.is_empty() || !self.spilled.is_empty() {
                return;
            } else {
                cursor.done += some.len() as u32;
            }
            let reaches = tables.users().reaches();
            if hidden.is_empty() {
                self.receivers.add_reached(reaches, some, &mut self.unusual);
            } else {
                self.go_over(hidden.len());
                lists::without(some, hidden, |some| {
                    self.receivers.add_reached(reaches, some, &mut self.unusual);
                });
            }
            if !self.unusual.is_empty() {
                self.spill_unusual(tables);
                self.add_spilled();
            }
        }
    }

    /// Lists the sessions of those contacts whose reach does not say all.
    fn spill_unusual<K: Eq + Hash, S: BuildHasher>(&mut self, tables: &mut Tables<K, P, S>) {
        while let Some(user) = self.unusual.pop() {
            self.go_over(tables.sessions_of(user).len());
            for nth in 0..tables.sessions_of(user).len() {
                let session = tables.sessions_of(user)[nth];
                if self.receives(tables, session) {
                    self.spilled.push(tables.sessions().slot(session));
                }
            }
        }
    }

    fn add_spilled(&mut self) {
        while self.receivers.room() > 0 {
            let Some(slot) = self.spilled.pop() else { return };
            self.receivers.push(slot);
        }
    }

    fn add_own<K: Eq + Hash, S: BuildHasher>(&mut self, tables: &mut Tables<K, P, S>) {
        let FanOut { except, own: Some(mut cursor), .. } = self.current else { return };
        while let Some(session) = tables.sessions_at(cursor.place).get(cursor.done as usize) {
            let session = *session;
            if self.receivers.room() == 0 {
                self.current.own = Some(cursor);
                return;
            }
            if Some(session) != except && self.receives(tables, session) {
                self.receivers.push(tables.sessions().slot(session));
            }
            cursor.done += 1;
        }
        self.go_over(cursor.done as usize);
        self.current.own = None;
    }

    /// Adds those who watch: a few to the receivers that have been found, many by lending their
    /// slots as they lie, when everybody else has been told. Returns the number of receivers of the
    /// decision at hand.
    #[cold]
    fn add_watchers<K: Eq + Hash, S: BuildHasher>(
        &mut self,
        tables: &mut Tables<K, P, S>,
    ) -> usize {
        self.begin_watchers(tables);
        // If others are still to be found, this decision is full of those before them.
        let found = self.receivers.as_slice().len();
        let Some(Watchers { channel, done }) = self.watchers else { return found };
        let channels = tables.channels();
        let mut done = done as usize;
        let left = channels.receiving(channel) - done;
        if left <= FEW.min(self.receivers.room()) {
            // Few lie in one part, or in two.
            let receiving = channels.receiving(channel);
            while done < receiving {
                let slots = channels.slots(channel, done, receiving);
                slots.iter().for_each(|slot| self.receivers.push(*slot));
                done += slots.len();
            }
            self.end_watchers();
            return found + left;
        }
        if found > 0 {
            return found;
        }
        let end = done + left;
        let slots = channels.slots(channel, done, end).len();
        self.lent = Some(Lent { channel, from: done as u32, end: end as u32 });
        self.watchers = Some(Watchers { channel, done: (done + slots) as u32 });
        if slots == left {
            self.end_watchers();
        }
        slots
    }

    /// Finds the channel of those who watch, and notes what those of them who are congested are not
    /// told: once, when the first decision is made, or none.
    fn begin_watchers<K: Eq + Hash, S: BuildHasher>(&mut self, tables: &mut Tables<K, P, S>) {
        if self.watchers.is_some() {
            return;
        }
        let subject = self.current.subject;
        let user = match subject {
            Subject::Presence { session, .. } | Subject::Directed { session } => {
                tables.sessions().user(session)
            }
            Subject::User { user, .. }
            | Subject::SessionEnded { user, .. }
            | Subject::Offline { user, .. }
            | Subject::DirectedOver { user, .. }
            | Subject::Withdrawn { user, .. }
            | Subject::Visibility { user } => user,
            Subject::System => return self.end_watchers(),
        };
        let Some(channel) = tables.watchers_of(user) else { return self.end_watchers() };
        self.watchers = Some(Watchers { channel, done: 0 });
        self.go_over(tables.channels().congested(channel));
        for nth in 0..tables.channels().congested(channel) {
            let receiver = tables.channels().congested_at(channel, nth);
            self.note_missed(tables, receiver, subject);
        }
    }

    const fn end_watchers(&mut self) {
        self.current.is_watched = false;
        self.watchers = None;
    }

    fn add_named<K: Eq + Hash, S: BuildHasher>(&mut self, tables: &Tables<K, P, S>) {
        let named = self.current.named;
        self.current.named.from += self.push_named(named, tables);
    }

    fn add_skipped<K: Eq + Hash, S: BuildHasher>(&mut self, tables: &Tables<K, P, S>) {
        let skipped = self.current.skipped;
        self.current.skipped.from += self.push_named(skipped, tables);
    }

    /// Adds as many of these as there is room for, and returns their number.
    #[inline]
    fn push_named<K: Eq + Hash, S: BuildHasher>(
        &mut self,
        named: Span,
        tables: &Tables<K, P, S>,
    ) -> u32 {
        let room = self.receivers.room();
        let some = named.range().take(room);
        let added = some.len() as u32;
        for nth in some {
            self.receivers.push(tables.sessions().slot(self.named[nth]));
        }
        added
    }

    // ---- congested receivers

    /// Returns whether a receiver of the notice at hand is to be sent it now.
    fn receives<K: Eq + Hash, S: BuildHasher>(
        &self,
        tables: &mut Tables<K, P, S>,
        receiver: SessionIndex,
    ) -> bool {
        let subject = self.current.subject;
        tables.receives_or(receiver, |tables| self.note_missed(tables, receiver, subject))
    }

    /// Notes what a congested session is not told.
    pub(crate) fn note_missed<K: Eq + Hash, S: BuildHasher>(
        &self,
        tables: &mut Tables<K, P, S>,
        receiver: SessionIndex,
        subject: Subject,
    ) {
        let (user, note): (User, Note) = match subject {
            Subject::Presence { session, first } => {
                let user = tables.sessions().user(session);
                let session = tables.sessions().id(session);
                (user, Note::Presence { session, first })
            }
            Subject::SessionEnded { user, session } => (user, Note::SessionGone { session }),
            Subject::Offline { user, ended } => {
                for session in self.ended(ended) {
                    tables.note(receiver, user, Note::SessionGone { session: *session });
                }
                (user, Note::Offline { unaware: false })
            }
            Subject::User { user, first } => {
                (user, Note::Presence { session: SessionId::OF_USER, first })
            }
            Subject::Withdrawn { user, session } => (user, Note::Withdrawn { session }),
            Subject::DirectedOver { user, session } => (user, Note::DirectedOver { session }),
            Subject::Visibility { .. } => return tables.note_own_visibility(receiver),
            // Not state: skipped, and the host told so, where the receivers are worked out.
            Subject::Directed { .. } | Subject::System => return,
        };
        tables.note(receiver, user, note);
    }
}
