//! One snapshot becomes decisions: what its receiver may see is found, a decision full at a time.

use crate::fanout::plan::{Plan, SnapshotOf, Step};
use crate::fanout::receivers::CHUNK;
use crate::fanout::subject::Span;
use crate::stats::Stats;
use crate::tables::Tables;
use crate::tables::ids::{Place, SessionIndex, User};
use core::hash::{BuildHasher, Hash};

/// A part of a snapshot. Its entries lie in the plan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) to: SessionIndex,
    /// The number of the whole snapshot.
    pub(crate) id: u64,
    /// Whether the receiver's own user is visible.
    pub(crate) is_visible: bool,
    pub(crate) is_first: bool,
    pub(crate) is_last: bool,
    /// The users it is about, where it is not about everybody.
    pub(crate) users: Option<Span>,
}

impl<P> Plan<P> {
    /// Makes the next part of a snapshot, which is the step to do now.
    pub(crate) fn next_part<K: Eq + Hash, S: BuildHasher>(
        &mut self,
        mut snapshot: SnapshotOf,
        tables: &Tables<K, P, S>,
        stats: &mut Stats,
        own_echo: bool,
    ) -> Part {
        self.entries.clear();
        let is_last = self.add_seen(&mut snapshot, tables, own_echo);
        if snapshot.id == 0 {
            snapshot.id = self.next_number();
        }
        let entries = self.entries.len() as u64;
        stats.notices += entries;
        stats.deliveries += entries;
        let (id, is_first, users) = (snapshot.id, snapshot.is_first, snapshot.users);
        let is_visible = tables.is_visible(tables.sessions().user(snapshot.to));
        if is_last {
            self.complete_step();
        } else {
            self.replace_step(Step::Snapshot(SnapshotOf { is_first: false, ..snapshot }));
        }
        Part { to: snapshot.to, id, is_visible, is_first, is_last, users }
    }

    /// Adds what the receiver may see until a decision is full. Returns whether that is all.
    fn add_seen<K: Eq + Hash, S: BuildHasher>(
        &mut self,
        snapshot: &mut SnapshotOf,
        tables: &Tables<K, P, S>,
        own_echo: bool,
    ) -> bool {
        if let Some(users) = snapshot.users {
            return self.add_seen_of(snapshot, users, tables);
        }
        let viewer = tables.sessions().user(snapshot.to);
        let Some(place) = tables.place(viewer) else { return true };
        let (audience, hidden) = (tables.audience_at(place), tables.hidden_at(place));
        let is_hidden = |user: &User| !hidden.is_empty() && hidden.binary_search(user).is_ok();
        let watched = tables.watched_by(snapshot.to);
        let mut fetched = 0;
        // Those who are watched come after the last contact, and own sessions at the end.
        while snapshot.done as usize <= audience.len() + watched.len() {
            let done = snapshot.done as usize;
            if done >= fetched && done < audience.len() {
                fetched = done + tables.fetch_shown(&audience[done..]);
            }
            let (of, seen) = match audience.get(done) {
                // Most contacts show nothing, so that is asked before anything else.
                Some(user) if !tables.is_shown(*user) || is_hidden(user) => (place, 0),
                Some(user) => tables.records_seen_by(viewer, *user).unwrap_or((place, 0)),
                None => match watched.get(done - audience.len()) {
                    Some((user, _)) => {
                        let is_new = audience.binary_search(user).is_err()
                            || tables.sees_by_watch(snapshot.to, *user);
                        let seen = seen_by(tables, snapshot.to, *user).filter(|_| is_new);
                        seen.unwrap_or((place, 0))
                    }
                    None if own_echo => (place, tables.sessions_at(place).len()),
                    None => (place, 0),
                },
            };
            if !self.add_sessions(snapshot, tables, (of, seen), of != place) {
                return false;
            }
        }
        true
    }

    /// Adds what the receiver may see of these users, likewise.
    fn add_seen_of<K: Eq + Hash, S: BuildHasher>(
        &mut self,
        snapshot: &mut SnapshotOf,
        users: Span,
        tables: &Tables<K, P, S>,
    ) -> bool {
        while let Some(user) = self.users(users).get(snapshot.done as usize) {
            match seen_by(tables, snapshot.to, *user) {
                Some(seen) if !self.add_sessions(snapshot, tables, seen, true) => return false,
                Some(_) => {}
                None => snapshot.done += 1,
            }
        }
        true
    }

    /// Adds what the sessions of the user at a place show, so many of whom may show something.
    /// Returns whether there was room for all.
    #[inline]
    fn add_sessions<K: Eq + Hash, S: BuildHasher>(
        &mut self,
        snapshot: &mut SnapshotOf,
        tables: &Tables<K, P, S>,
        (of, seen): (Place, usize),
        is_shown: bool,
    ) -> bool {
        if is_shown && tables.voices().is_on {
            return self.add_user(snapshot, tables, of);
        }
        for at in snapshot.done_sessions as usize..seen {
            let session = tables.record_at(of, at);
            // A user who shows something and has one session: that session has published.
            let shows = seen == 1 && is_shown || tables.sessions().has_published(session);
            if session != snapshot.to && shows {
                if self.entries.len() == CHUNK {
                    return false;
                }
                self.entries.push(session);
            }
            snapshot.done_sessions += 1;
        }
        snapshot.done_sessions = 0;
        snapshot.done += 1;
        true
    }

    /// Adds the session that speaks for the user at a place, who is told as one. Returns whether
    /// there was room for it.
    #[cold]
    fn add_user<K: Eq + Hash, S: BuildHasher>(
        &mut self,
        snapshot: &mut SnapshotOf,
        tables: &Tables<K, P, S>,
        of: Place,
    ) -> bool {
        if let Some((session, _)) = tables.representative(tables.user_at(of)) {
            if self.entries.len() == CHUNK {
                return false;
            }
            self.entries.push(session);
        }
        snapshot.done += 1;
        true
    }
}

/// Returns the place of a user who shows something to this session, and the number of sessions that
/// it shows or may.
fn seen_by<K: Eq + Hash, P, S: BuildHasher>(
    tables: &Tables<K, P, S>,
    receiver: SessionIndex,
    user: User,
) -> Option<(Place, usize)> {
    let place = tables.place(user).filter(|_| tables.is_shown(user))?;
    tables.session_sees(receiver, user).then(|| (place, tables.record_count_at(place)))
}
