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
    /// The number of the whole snapshot.
    pub(crate) id: u64,
    /// Whether the receiver's own user is visible.
    pub(crate) is_visible: bool,
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
        if snapshot.id == 0 {
            snapshot.id = self.next_number();
        }
        let entries = self.entries.len() as u64;
        stats.notices += entries;
        stats.deliveries += entries;
        let (id, is_first) = (snapshot.id, snapshot.is_first);
        let is_visible = tables.is_visible(tables.sessions().user(snapshot.to));
        if is_last {
            self.complete_step();
        } else {
            self.replace_step(Step::Snapshot(SnapshotOf { is_first: false, ..snapshot }));
        }
        Part { to: snapshot.to, id, is_visible, is_first, is_last }
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
        let (audience, hidden) = (tables.audience_at(place), tables.hidden_at(place));
        let is_hidden = |user: &User| !hidden.is_empty() && hidden.binary_search(user).is_ok();
        let mut fetched = 0;
        // Own sessions come after the last contact.
        while snapshot.done as usize <= audience.len() {
            let done = snapshot.done as usize;
            if done >= fetched {
                fetched = done + tables.fetch_shown(&audience[done..]);
            }
            let (of, seen) = match audience.get(done) {
                // Most contacts show nothing, so that is asked before anything else.
                Some(user) if !tables.is_shown(*user) || is_hidden(user) => (place, 0),
                Some(user) => tables.records_seen_by(viewer, *user).unwrap_or((place, 0)),
                None if own_echo => (place, tables.sessions_at(place).len()),
                None => (place, 0),
            };
            for at in snapshot.done_sessions as usize..seen {
                let session = tables.record_at(of, at);
                // A visible user with one session: that session has published.
                let shows = seen == 1 && of != place || tables.sessions().has_published(session);
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
        }
        true
    }
}
