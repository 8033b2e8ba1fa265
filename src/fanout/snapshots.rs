//! One snapshot becomes decisions: what its receiver may see is found, a decision full at a time.

use crate::fanout::plan::{Plan, SnapshotOf, Step};
use crate::fanout::receivers::CHUNK;
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
    /// Whether it is about the users whom the input names, and not about everybody.
    pub(crate) is_of_users: bool,
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
        let SnapshotOf { to, id, is_first, is_of_users, .. } = snapshot;
        let is_visible = tables.is_visible(tables.sessions().user(snapshot.to));
        if is_last {
            self.complete_step();
        } else {
            self.replace_step(Step::Snapshot(SnapshotOf { is_first: false, ..snapshot }));
        }
        Part { to, id, is_visible, is_first, is_last, is_of_users }
    }

    /// Adds what the receiver may see until a decision is full. Returns whether that is all.
    fn add_seen<K: Eq + Hash, S: BuildHasher>(
        &mut self,
        snapshot: &mut SnapshotOf,
        tables: &Tables<K, P, S>,
        own_echo: bool,
    ) -> bool {
        if snapshot.is_of_users {
            return self.add_seen_of(snapshot, tables);
        }
        let viewer = tables.sessions().user(snapshot.to);
        let Some(place) = tables.place(viewer) else { return true };
        let (audience, hidden) = tables.contacts_at(place);
        let any_hidden = !hidden.is_empty();
        let is_hidden = |user: &User| any_hidden && hidden.contains(*user);
        let mut fetched = 0;
        while let Some(user) = audience.get(snapshot.done as usize) {
            let done = snapshot.done as usize;
            if done >= fetched {
                fetched = done + tables.fetch_shown(&audience[done..]);
            }
            // Most contacts show nothing, so that is asked before anything else.
            let seen = match tables.is_shown(*user) && !is_hidden(user) {
                true => tables.records_seen_by(viewer, *user),
                false => None,
            };
            match seen {
                Some(seen) if !self.add_seen_at(snapshot, tables, seen) => return false,
                Some(_) => {}
                None => snapshot.done += 1,
            }
        }
        self.add_watched(snapshot, tables, audience)
            && (!own_echo || self.add_own_records(snapshot, tables, place))
    }

    /// Adds what the receiver sees by watching, likewise, and has not seen in its audience.
    fn add_watched<K: Eq + Hash, S: BuildHasher>(
        &mut self,
        snapshot: &mut SnapshotOf,
        tables: &Tables<K, P, S>,
        audience: &[User],
    ) -> bool {
        let watched = tables.watched_by(snapshot.to);
        while let Some((user, _)) = watched.get(snapshot.done as usize - audience.len()) {
            let is_new =
                audience.binary_search(user).is_err() || tables.sees_by_watch(snapshot.to, *user);
            match seen_by(tables, snapshot.to, *user).filter(|_| is_new) {
                Some(seen) if !self.add_seen_at(snapshot, tables, seen) => return false,
                Some(_) => {}
                None => snapshot.done += 1,
            }
        }
        true
    }

    /// Adds what the receiver may see of these users, likewise.
    fn add_seen_of<K: Eq + Hash, S: BuildHasher>(
        &mut self,
        snapshot: &mut SnapshotOf,
        tables: &Tables<K, P, S>,
    ) -> bool {
        while let Some(user) = tables.users().named_at(snapshot.done as usize) {
            match seen_by(tables, snapshot.to, user) {
                Some(seen) if !self.add_seen_at(snapshot, tables, seen) => return false,
                Some(_) => {}
                None => snapshot.done += 1,
            }
        }
        true
    }

    /// Adds what the user at a place shows, who shows something and has so many records. Returns
    /// whether there was room for all. Whoever is not seen is passed over by the caller: most are
    /// not, and a call for each of them makes a resume a third dearer.
    #[inline]
    fn add_seen_at<K: Eq + Hash, S: BuildHasher>(
        &mut self,
        snapshot: &mut SnapshotOf,
        tables: &Tables<K, P, S>,
        (of, records): (Place, usize),
    ) -> bool {
        if tables.voices().is_on {
            return self.add_user(snapshot, tables, of);
        }
        for nth in snapshot.done_sessions as usize..records {
            let session = tables.record_at(of, nth);
            // A user who shows something and has one session: that session has published.
            let shows = records == 1 || tables.sessions().has_published(session);
            if shows && !self.add_entry(session) {
                return false;
            }
            snapshot.done_sessions += 1;
        }
        snapshot.done_sessions = 0;
        snapshot.done += 1;
        true
    }

    /// Adds what the receiver's own user's others show, likewise.
    fn add_own_records<K: Eq + Hash, S: BuildHasher>(
        &mut self,
        snapshot: &mut SnapshotOf,
        tables: &Tables<K, P, S>,
        place: Place,
    ) -> bool {
        let sessions = tables.sessions_at(place);
        while let Some(session) = sessions.get(snapshot.done_sessions as usize) {
            let shows = *session != snapshot.to && tables.sessions().has_published(*session);
            if shows && !self.add_entry(*session) {
                return false;
            }
            snapshot.done_sessions += 1;
        }
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
        if let Some((session, _)) = tables.representative(tables.user_at(of))
            && !self.add_entry(session)
        {
            return false;
        }
        snapshot.done += 1;
        true
    }

    /// Adds an entry. Returns whether there was room for it.
    #[inline]
    fn add_entry(&mut self, session: SessionIndex) -> bool {
        let has_room = self.entries.len() < CHUNK;
        if has_room {
            self.entries.push(session);
        }
        has_room
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
