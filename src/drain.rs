//! The drain: turns what a verb has left to be told into decisions, one at a time.

use crate::decision::Decision;
use crate::notice::{Notice, NoticeId, PresenceKind};
use crate::online::Online;
use crate::prefetch::fetch_list;
use crate::receivers::CHUNK;
use crate::sessions::{Link, SessionIndex};
use crate::snapshot::Snapshot;
use crate::state::State;
use crate::users::User;
use crate::work::{About, SnapshotOf, Span, Step, Tell};
use crate::{CloseReason, SessionKey, Time};
use core::fmt;
use core::hash::{BuildHasher, Hash};

/// The decisions about one input, to be taken one by one until there is none left.
///
/// It borrows the engine, so the compiler sees to it that one input's decisions are drained before
/// the next input is given. Decisions are worked out as they are taken: memory stays bounded by
/// one decision, however many sessions are affected.
///
/// Dropping it before the end loses the notices that were not taken, but no state: the input has
/// happened all the same, and congested sessions still learn of it later. Only deadlines which
/// [`advance`](crate::Engine::advance) had not come to stay due for the next one.
#[must_use = "decisions that nobody takes are notices that nobody gets"]
pub struct Decisions<'e, K: Eq + Hash, P, S: BuildHasher> {
    state: &'e mut State<K, P, S>,
    /// Deadlines up to here are fired as the drain comes to them.
    until: Option<Time>,
    session: Option<SessionKey>,
}

/// What the next decision is. What a notice says, and the receivers or entries, lie in the work's
/// buffers.
enum Ready {
    Deliver,
    Skipped,
    Snapshot { to: SessionIndex, first_id: u64, is_first: bool, is_last: bool },
    Close { session: SessionKey, reason: CloseReason, resumable: bool },
}

impl<'e, K: Eq + Hash, P, S: BuildHasher> Decisions<'e, K, P, S> {
    pub(crate) const fn new(
        state: &'e mut State<K, P, S>,
        until: Option<Time>,
        session: Option<SessionKey>,
    ) -> Self {
        Self { state, until, session }
    }

    /// The session that the input was about: for a connect, the new one. `None` for inputs that
    /// name no session.
    #[must_use]
    pub const fn session(&self) -> Option<SessionKey> {
        self.session
    }

    /// The next decision. `None` when there is nothing left to do, then and ever after.
    // Not an `Iterator`: each decision borrows from the engine until the next one is asked for.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<Decision<'_, K, P>> {
        let ready = loop {
            if let Some(ready) = self.state.next_ready() {
                break ready;
            }
            if !self.until.is_some_and(|until| self.state.fire_next(until)) {
                return None;
            }
        };
        let state = &*self.state;
        let to = state.work.receivers.as_slice();
        Some(match ready {
            Ready::Deliver => Decision::Deliver { notice: state.notice(), to },
            Ready::Skipped => Decision::Skipped { notice: state.notice(), to },
            Ready::Close { session, reason, resumable } => {
                Decision::Close { session, reason, resumable }
            }
            Ready::Snapshot { to, first_id, is_first, is_last } => Decision::Snapshot(Snapshot {
                users: &state.users,
                sessions: &state.sessions,
                to,
                entries: &state.work.entries,
                first_id,
                is_first,
                is_last,
            }),
        })
    }
}

impl<K: Eq + Hash, P, S: BuildHasher> Drop for Decisions<'_, K, P, S> {
    fn drop(&mut self) {
        self.state.settle();
    }
}

impl<K: Eq + Hash, P, S: BuildHasher> fmt::Debug for Decisions<'_, K, P, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decisions").field("session", &self.session).finish_non_exhaustive()
    }
}

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    /// Works on the steps until one gives a decision.
    fn next_ready(&mut self) -> Option<Ready> {
        while let Some(step) = self.work.step() {
            match *step {
                Step::Tell(tell) => {
                    self.work.telling = tell;
                    let ready = self.next_of_tell();
                    if ready.is_some() {
                        return ready;
                    }
                }
                Step::Snapshot(snapshot) => return Some(self.next_of_snapshot(snapshot)),
                Step::Close { session, reason, resumable } => {
                    self.work.step_is_done();
                    return Some(Ready::Close { session, reason, resumable });
                }
                step @ (Step::Evict { .. } | Step::GoOffline { .. } | Step::Release { .. }) => {
                    self.work.step_is_done();
                    self.finish(step);
                    self.clean_up();
                }
            }
        }
        None
    }

    /// Fires the next deadline that has come by then. Was there one?
    fn fire_next(&mut self, until: Time) -> bool {
        let lifetime = self.first_lifetime_over(until);
        let conflation = self.conflations.first_due(until, |_| None);
        match (lifetime, conflation) {
            // If one input set both, what waits goes out before its session is lost.
            (Some(due), other) if other.is_none_or(|other| due < other) => self.lifetime_over(due),
            (_, Some(due)) => self.conflation_over(due),
            (_, None) => return false,
        }
        self.clean_up();
        true
    }

    /// The notice that is being told.
    fn notice(&self) -> Notice<'_, K, P> {
        let Tell { about, id, .. } = self.work.telling;
        let id = NoticeId(id);
        let said = "the notice's sender or words are kept until it is out";
        match about {
            About::Presence { session, first } => Notice::Presence {
                id,
                user: self.users.id(self.sessions.user(session)),
                session: self.sessions.key(session),
                kind: if first { PresenceKind::First } else { PresenceKind::Update },
                presence: self.sessions.rest(session).presence.as_ref().expect(said),
            },
            About::Directed { session } => Notice::Directed {
                id,
                user: self.users.id(self.sessions.user(session)),
                session: self.sessions.key(session),
                presence: self.work.saying.as_ref().expect(said),
            },
            About::Ended { user, session } => {
                Notice::SessionEnded { id, user: self.users.id(user), session }
            }
            About::Offline { user, .. } => Notice::UserOffline { id, user: self.users.id(user) },
            About::System => {
                Notice::System { id, presence: self.work.saying.as_ref().expect(said) }
            }
        }
    }

    // ---- the end of an input

    pub(crate) fn is_settled(&self) -> bool {
        !self.unsettled && self.work.is_done() && self.users.is_clean()
    }

    /// Completes what a drain left undone: notices that nobody took are lost, state is not.
    #[inline]
    pub(crate) fn settle(&mut self) {
        if self.unsettled {
            self.settle_now();
        }
    }

    fn settle_now(&mut self) {
        while let Some(step) = self.work.step().copied() {
            self.work.step_is_done();
            self.finish(step);
        }
        self.work.clear();
        self.unsettled = false;
        self.clean_up();
    }

    /// The last thing about an input: runs such code of the host's as may panic, now that
    /// everything is in order.
    pub(crate) fn clean_up(&mut self) {
        self.users.forget_fresh();
        self.users.bury();
        if !self.work.dead.is_empty() {
            self.work.dead.clear();
        }
    }

    /// What a step changes, whether or not its decisions are taken.
    fn finish(&mut self, step: Step) {
        match step {
            Step::Evict { victim, newcomer } => self.evict(victim, newcomer),
            Step::GoOffline { user } => self.go_offline(user),
            Step::Release { user } => self.release(user),
            Step::Tell(tell) => {
                self.work.telling = tell;
                self.pass_over();
            }
            Step::Snapshot(_) | Step::Close { .. } => {}
        }
    }

    /// Nobody is told, but what congested sessions are to be told later is noted all the same.
    fn pass_over(&mut self) {
        while self.work.telling.contacts.is_some() || self.work.telling.own.is_some() {
            self.work.receivers.clear();
            self.work.spilled.clear();
            self.add_contacts();
            self.add_own();
        }
    }

    // ---- one notice

    /// The next decision about the notice that is being told.
    fn next_of_tell(&mut self) -> Option<Ready> {
        self.work.receivers.clear();
        self.add_contacts();
        self.add_own();
        self.add_listed();
        let received = self.work.receivers.len();
        let ready = if received > 0 {
            self.stats.deliveries += received as u64;
            Ready::Deliver
        } else if self.work.telling.skipped.is_empty() {
            self.work.step_is_done();
            return None;
        } else {
            self.add_skipped();
            Ready::Skipped
        };
        // A notice takes its number when it turns out that there is somebody to be told.
        if self.work.telling.id == 0 {
            self.stats.notices += 1;
            self.work.telling.id = self.stats.notices;
        }
        if self.work.telling.is_done() && self.work.spilled.is_empty() {
            self.work.step_is_done();
        } else {
            self.work.go_on_with(Step::Tell(self.work.telling));
        }
        Some(ready)
    }

    /// Adds contacts until the decision is full or the list is done.
    fn add_contacts(&mut self) {
        self.add_spilled();
        while let Some(scan) = &mut self.work.telling.contacts {
            let Online { user, audience, .. } = self.online.at(scan.place);
            let left = &audience.as_slice()[scan.done as usize..];
            // Each may have two slots.
            let some = &left[..left.len().min(self.work.receivers.room() / 2)];
            if self.users.is_crowd() {
                fetch_list(some);
            }
            if left.len() == some.len() {
                self.work.telling.contacts = None;
            } else if some.is_empty() || !self.work.spilled.is_empty() {
                return;
            } else {
                scan.done += some.len() as u32;
            }
            let (blocks, hasher) = (&self.blocks, &self.hasher);
            let some = if blocks.involves(hasher, *user) {
                let unblocked = some.iter().filter(|other| !blocks.between(hasher, *user, **other));
                self.work.unblocked.clear();
                self.work.unblocked.extend(unblocked);
                &self.work.unblocked
            } else {
                some
            };
            self.work.receivers.add_reached(&self.users.marks, some, &mut self.work.unusual);
            if !self.work.unusual.is_empty() {
                self.spill_unusual();
                self.add_spilled();
            }
        }
    }

    /// Lists the sessions of those contacts for whom the marks do not say all.
    fn spill_unusual(&mut self) {
        let about = self.work.telling.about;
        while let Some(user) = self.work.unusual.pop() {
            for at in 0..self.sessions_of(user).len() {
                let session = self.sessions_of(user)[at];
                let record = self.sessions.get(session);
                match record.link {
                    Link::Attached => self.work.spilled.push(record.slot),
                    Link::Congested => self.note_missed(session, about),
                    Link::Detached => {}
                }
            }
        }
    }

    fn add_spilled(&mut self) {
        while self.work.receivers.room() > 0 {
            let Some(slot) = self.work.spilled.pop() else { return };
            self.work.receivers.push(slot);
        }
    }

    fn add_own(&mut self) {
        let Tell { about, except, own: Some(mut scan), .. } = self.work.telling else { return };
        while let Some(session) = self.online.at(scan.place).sessions.get(scan.done as usize) {
            let session = *session;
            if Some(session) != except {
                let record = self.sessions.get(session);
                match record.link {
                    Link::Attached if self.work.receivers.room() == 0 => {
                        self.work.telling.own = Some(scan);
                        return;
                    }
                    Link::Attached => self.work.receivers.push(record.slot),
                    Link::Congested => self.note_missed(session, about),
                    Link::Detached => {}
                }
            }
            scan.done += 1;
        }
        self.work.telling.own = None;
    }

    fn add_listed(&mut self) {
        let listed = self.work.telling.listed;
        let added = self.push_listed(listed);
        self.work.telling.listed.from += added;
    }

    fn add_skipped(&mut self) {
        let skipped = self.work.telling.skipped;
        let added = self.push_listed(skipped);
        self.work.telling.skipped.from += added;
    }

    /// Adds as many of these as there is room for. How many?
    fn push_listed(&mut self, listed: Span) -> u32 {
        let room = self.work.receivers.room();
        let some = listed.range().take(room);
        let added = some.len() as u32;
        for at in some {
            let session = self.work.listed[at];
            self.work.receivers.push(self.sessions.get(session).slot);
        }
        added
    }

    // ---- snapshots

    fn next_of_snapshot(&mut self, mut snapshot: SnapshotOf) -> Ready {
        self.work.entries.clear();
        let viewer = self.sessions.user(snapshot.to);
        let is_last = self.add_seen(viewer, &mut snapshot);
        let entries = self.work.entries.len() as u64;
        let first_id = self.stats.notices + 1;
        self.stats.notices += entries;
        self.stats.deliveries += entries;
        let is_first = snapshot.is_first;
        if is_last {
            self.work.step_is_done();
        } else {
            self.work.go_on_with(Step::Snapshot(SnapshotOf { is_first: false, ..snapshot }));
        }
        Ready::Snapshot { to: snapshot.to, first_id, is_first, is_last }
    }

    /// Adds what the viewer may see until a decision is full. Is that all?
    fn add_seen(&mut self, viewer: User, snapshot: &mut SnapshotOf) -> bool {
        let Some(online) = self.users.online(viewer).map(|place| self.online.at(place)) else {
            return true;
        };
        let audience = online.audience.as_slice();
        let blocked = self.blocks.involves(&self.hasher, viewer);
        let mut fetched = 0;
        // Own sessions come after the last contact.
        while snapshot.done as usize <= audience.len() {
            if snapshot.done as usize >= fetched {
                fetched =
                    snapshot.done as usize + self.fetch_shown(&audience[snapshot.done as usize..]);
            }
            let seen: &[SessionIndex] = match audience.get(snapshot.done as usize) {
                Some(user) if self.shown.get(*user) => {
                    let place = self.users.online(*user);
                    match place.map(|place| self.online.at(place)) {
                        Some(shown)
                            if shown.audience.contains(viewer)
                                && !(blocked
                                    && self.blocks.between(&self.hasher, viewer, *user)) =>
                        {
                            &shown.sessions
                        }
                        _ => &[],
                    }
                }
                Some(_) => &[],
                None if self.options.own_echo => &online.sessions,
                None => &[],
            };
            for session in &seen[(snapshot.done_sessions as usize).min(seen.len())..] {
                // Of whom something is shown and who has one session, that one has published.
                let published = || self.sessions.rest(*session).presence.is_some();
                if *session != snapshot.to && (seen.len() == 1 || published()) {
                    if self.work.entries.len() == CHUNK {
                        return false;
                    }
                    self.work.entries.push(*session);
                }
                snapshot.done_sessions += 1;
            }
            snapshot.done_sessions = 0;
            snapshot.done += 1;
        }
        true
    }
}
