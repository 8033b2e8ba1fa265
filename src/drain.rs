//! The drain: turns what a verb has left to be told into decisions, one at a time.

use crate::decision::Decision;
use crate::notice::{Notice, NoticeId, PresenceKind};
use crate::receivers::CHUNK;
use crate::sessions::{Link, SessionIndex};
use crate::snapshot::Snapshot;
use crate::state::State;
use crate::users::User;
use crate::work::{About, SnapshotOf, Step, Tell};
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

/// What the next decision is about; its receivers or entries lie in the work's buffers.
enum Ready {
    Deliver(About, NoticeId),
    Skipped(About, NoticeId),
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
            Ready::Deliver(about, id) => Decision::Deliver { notice: state.notice(about, id), to },
            Ready::Skipped(about, id) => Decision::Skipped { notice: state.notice(about, id), to },
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
        while let Some(step) = self.work.steps.pop_front() {
            match step {
                Step::Close { session, reason, resumable } => {
                    return Some(Ready::Close { session, reason, resumable });
                }
                Step::Tell(tell) => {
                    if let Some(ready) = self.next_of_tell(tell) {
                        return Some(ready);
                    }
                }
                Step::Snapshot(snapshot) => return Some(self.next_of_snapshot(snapshot)),
                Step::Evict { .. } | Step::GoOffline { .. } | Step::Release { .. } => {
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

    fn notice(&self, about: About, id: NoticeId) -> Notice<'_, K, P> {
        let said = "the notice's sender or words are kept until it is out";
        match about {
            About::Presence { session, first } => {
                let record = self.sessions.get(session);
                Notice::Presence {
                    id,
                    user: self.users.id(record.user),
                    session: self.sessions.key(session),
                    kind: if first { PresenceKind::First } else { PresenceKind::Update },
                    presence: self.sessions.rest(session).presence.as_ref().expect(said),
                }
            }
            About::Directed { session } => Notice::Directed {
                id,
                user: self.users.id(self.sessions.get(session).user),
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
    pub(crate) fn settle(&mut self) {
        if !self.unsettled {
            return;
        }
        while let Some(step) = self.work.steps.pop_front() {
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
            Step::Tell(tell) => self.pass_over(tell),
            Step::Snapshot(_) | Step::Close { .. } => {}
        }
    }

    /// Nobody is told, but what congested sessions are to be told later is noted all the same.
    fn pass_over(&mut self, mut tell: Tell) {
        while tell.contacts.is_some() || tell.own.is_some() {
            self.work.receivers.clear();
            self.work.spilled.clear();
            self.add_contacts(&mut tell);
            self.add_own(&mut tell);
        }
    }

    // ---- one notice

    /// The next decision about one notice.
    fn next_of_tell(&mut self, mut tell: Tell) -> Option<Ready> {
        self.work.receivers.clear();
        self.add_contacts(&mut tell);
        self.add_own(&mut tell);
        self.add_listed(&mut tell);
        let received = self.work.receivers.len();
        if received > 0 {
            let id = self.id_of(&mut tell);
            self.go_on_with(tell);
            self.stats.deliveries += received as u64;
            return Some(Ready::Deliver(tell.about, id));
        }
        let chunk = tell.skipped.range().len().min(CHUNK);
        if chunk == 0 {
            return None;
        }
        let from = tell.skipped.range().start;
        for at in from..from + chunk {
            let session = self.work.listed[at];
            self.work.receivers.push(self.sessions.get(session).slot);
        }
        tell.skipped.from += chunk as u32;
        let id = self.id_of(&mut tell);
        self.go_on_with(tell);
        Some(Ready::Skipped(tell.about, id))
    }

    /// What is left of a notice becomes the next step again.
    fn go_on_with(&mut self, tell: Tell) {
        if !tell.is_done() || !self.work.spilled.is_empty() {
            self.work.steps.push_front(Step::Tell(tell));
        }
    }

    /// A notice takes its number when it turns out that there is somebody to be told.
    fn id_of(&mut self, tell: &mut Tell) -> NoticeId {
        let stats = &mut self.stats;
        *tell.id.get_or_insert_with(|| {
            stats.notices += 1;
            NoticeId(stats.notices)
        })
    }

    /// Adds contacts until the decision is full or the list is done.
    fn add_contacts(&mut self, tell: &mut Tell) {
        self.add_spilled();
        let Some(scan) = &mut tell.contacts else { return };
        let user = scan.user;
        let Some(place) = self.users.online(user) else {
            tell.contacts = None;
            return;
        };
        let blocks_matter = self.blocks.involves(&self.hasher, user);
        loop {
            let audience = self.online.at(place).audience.as_slice();
            let left = &audience[scan.done as usize..];
            // Each may have two slots.
            let mut some = &left[..left.len().min(self.work.receivers.room() / 2)];
            if left.is_empty() {
                tell.contacts = None;
                return;
            }
            if some.is_empty() || !self.work.spilled.is_empty() {
                return;
            }
            scan.done += some.len() as u32;
            if blocks_matter {
                let blocked = |other: &User| self.blocks.between(&self.hasher, user, *other);
                self.work.unblocked.clear();
                self.work.unblocked.extend(some.iter().filter(|other| !blocked(other)));
                some = &self.work.unblocked;
            }
            self.work.receivers.add_reached(&self.reach, some, &mut self.work.unusual);
            self.spill_unusual(tell.about);
            self.add_spilled();
        }
    }

    /// Lists the sessions of those contacts for whom the bitmap did not say all.
    fn spill_unusual(&mut self, about: About) {
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

    fn add_own(&mut self, tell: &mut Tell) {
        let Some(scan) = &mut tell.own else { return };
        let about = tell.about;
        while let Some(session) = self.sessions_of(scan.user).get(scan.done as usize).copied() {
            if Some(session) != scan.except {
                let record = self.sessions.get(session);
                match record.link {
                    Link::Attached if self.work.receivers.room() == 0 => return,
                    Link::Attached => self.work.receivers.push(record.slot),
                    Link::Congested => self.note_missed(session, about),
                    Link::Detached => {}
                }
            }
            scan.done += 1;
        }
        tell.own = None;
    }

    fn add_listed(&mut self, tell: &mut Tell) {
        let room = self.work.receivers.room();
        let from = tell.listed.range().start;
        let some = from..from + room.min(tell.listed.range().len());
        tell.listed.from = some.end as u32;
        for at in some {
            let session = self.work.listed[at];
            self.work.receivers.push(self.sessions.get(session).slot);
        }
    }

    // ---- snapshots

    fn next_of_snapshot(&mut self, mut snapshot: SnapshotOf) -> Ready {
        self.work.entries.clear();
        let viewer = self.sessions.get(snapshot.to).user;
        let is_last = self.add_seen(viewer, &mut snapshot);
        let entries = self.work.entries.len() as u64;
        let first_id = self.stats.notices + 1;
        self.stats.notices += entries;
        self.stats.deliveries += entries;
        let is_first = snapshot.is_first;
        if !is_last {
            self.work.steps.push_front(Step::Snapshot(SnapshotOf { is_first: false, ..snapshot }));
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
        // Own sessions come after the last contact.
        while snapshot.done as usize <= audience.len() {
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
                let published = self.sessions.rest(*session).presence.is_some();
                if published && *session != snapshot.to {
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
