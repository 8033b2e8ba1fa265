//! One snapshot becomes decisions: what its receiver may see is found, a decision full at a time.

use crate::fanout::plan::{Plan, SnapshotOf, Step};
use crate::fanout::receivers::CHUNK;
use crate::stats::Stats;
use crate::tables::Tables;
use crate::tables::ids::{SessionIndex, User};
use core::hash::{BuildHasher, Hash};

/// A part of a snapshot. Its entries lie in the plan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    pub(crate) to: SessionIndex,
    /// The number of its first entry; the others follow.
    pub(crate) first_id: u64,
    pub(crate) is_first: bool,
    pub(crate) is_last: bool,
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
        let entries = self.entries.len() as u64;
        let first_id = stats.notices + 1;
        stats.notices += entries;
        stats.deliveries += entries;
        let is_first = snapshot.is_first;
        if is_last {
            self.step_is_done();
        } else {
            self.go_on_with(Step::Snapshot(SnapshotOf { is_first: false, ..snapshot }));
        }
        Part { to: snapshot.to, first_id, is_first, is_last }
    }

    /// Adds what the receiver may see until a decision is full. Returns whether that is all.
    fn add_seen<K: Eq + Hash, S: BuildHasher>(
        &mut self,
        snapshot: &mut SnapshotOf,
        tables: &Tables<K, P, S>,
        own_echo: bool,
    ) -> bool {
        let viewer = tables.sessions().user(snapshot.to);
        let Some(place) = tables.place(viewer) else { return true };
        let audience = tables.audience_at(place);
        let blocked = tables.is_in_blocks(viewer);
        let mut fetched = 0;
        // Own sessions come after the last contact.
        while snapshot.done as usize <= audience.len() {
            let done = snapshot.done as usize;
            if done >= fetched {
                fetched = done + tables.fetch_shown(&audience[done..]);
            }
            let seen: &[SessionIndex] = match audience.get(done) {
                // Most contacts show nothing, so that is asked before anything else.
                Some(user) if !tables.is_shown(*user) => &[],
                Some(user) => seen_of(*user, viewer, blocked, tables),
                None if own_echo => tables.sessions_at(place),
                None => &[],
            };
            for session in &seen[(snapshot.done_sessions as usize).min(seen.len())..] {
                // A visible user with one session: that session has published.
                let shows = seen.len() == 1 || tables.sessions().has_published(*session);
                if *session != snapshot.to && shows {
                    if self.entries.len() == CHUNK {
                        return false;
                    }
                    self.entries.push(*session);
                }
                snapshot.done_sessions += 1;
            }
            snapshot.done_sessions = 0;
            snapshot.done += 1;
        }
        true
    }
}

/// Returns the sessions of a user, who shows something, that `viewer` may see.
fn seen_of<K: Eq + Hash, P, S: BuildHasher>(
    user: User,
    viewer: User,
    blocked: bool,
    tables: &Tables<K, P, S>,
) -> &[SessionIndex] {
    match tables.place(user) {
        Some(place)
            if tables.has_in_audience_at(place, viewer)
                && !(blocked && tables.blocked_between(viewer, user)) =>
        {
            tables.sessions_at(place)
        }
        _ => &[],
    }
}
