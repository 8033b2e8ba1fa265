//! Who watches whom: each watched user has a channel, in which the sessions stand that watch it.

use crate::tables::Tables;
use crate::tables::channels::Channels;
use crate::tables::ids::{ChannelIndex, MembershipIndex, Place, SessionIndex, User};
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> Tables<K, P, S> {
    // ---- who watches

    /// Returns the channels, of which a fan-out lends parts.
    pub(crate) const fn channels(&self) -> &Channels {
        &self.watched.channels
    }

    /// Returns the number of sessions that watch a user, each pair of them counted.
    pub(crate) const fn watches(&self) -> usize {
        self.watched.channels.memberships()
    }

    /// Returns the channel of those who watch the user, if anybody does.
    pub(crate) fn watchers_of(&self, user: User) -> Option<ChannelIndex> {
        self.watched.find(user)
    }

    /// Returns whether anybody watches the user at this place.
    #[inline]
    pub(crate) fn is_watched_at(&self, place: Place) -> bool {
        self.online.at(place).is_watched
    }

    /// Returns the channel of those who watch the user at this place.
    #[inline]
    pub(crate) fn watchers_at(&self, place: Place) -> Option<ChannelIndex> {
        let online = self.online.at(place);
        if online.is_watched { self.watched.find(online.user) } else { None }
    }

    /// Returns the users whom a session watches, sorted, with its place in the channel of each.
    pub(crate) fn watched_by(&self, session: SessionIndex) -> &[(User, MembershipIndex)] {
        self.sessions.watched(session)
    }

    fn membership(&self, session: SessionIndex, user: User) -> Option<MembershipIndex> {
        if self.watched.is_empty() {
            return None;
        }
        let watched = self.watched_by(session);
        let place = watched.binary_search_by_key(&user, |(watched, _)| *watched).ok()?;
        Some(watched[place].1)
    }

    /// Returns the number of sessions that watch the user.
    pub(crate) fn watchers(&self, user: User) -> usize {
        self.watched.find(user).map_or(0, |channel| self.watched.channels.len(channel))
    }

    /// Returns whether any session of `viewer` watches the user.
    pub(crate) fn is_watched_by(&self, user: User, viewer: User) -> bool {
        self.sessions_of(viewer).iter().any(|session| self.does_watch(*session, user))
    }

    /// Returns whether a session watches a user, whether or not it sees anything by that.
    pub(crate) fn does_watch(&self, session: SessionIndex, user: User) -> bool {
        self.membership(session, user).is_some()
    }

    /// Returns those whom a session watched until they removed its user. They count as long as it
    /// has not named them again: a limit that has room again would tell of the removal.
    pub(crate) fn struck(&self, session: SessionIndex) -> &[User] {
        self.sessions.struck(session)
    }

    /// Returns whether a session has asked to watch a user, and not asked to stop.
    pub(crate) fn has_asked_for(&self, session: SessionIndex, user: User) -> bool {
        self.does_watch(session, user) || self.struck(session).binary_search(&user).is_ok()
    }

    /// Returns the number of users that a session has asked to watch.
    pub(crate) fn asked_for(&self, session: SessionIndex) -> usize {
        self.watched_by(session).len() + self.struck(session).len()
    }

    /// Returns whether a session sees by watching what the user shows: it is no contact's, and
    /// there is no block between the two.
    pub(crate) fn sees_by_watch(&self, session: SessionIndex, user: User) -> bool {
        let membership = self.membership(session, user);
        membership.is_some_and(|membership| !self.watched.channels.is_covered(membership))
    }

    /// Returns whether a session may see what a user publishes: as a contact's, or because it
    /// watches the user.
    pub(crate) fn session_sees(&self, session: SessionIndex, user: User) -> bool {
        let viewer = self.sessions.user(session);
        self.sees(viewer, user) || self.is_visible(user) && self.sees_by_watch(session, user)
    }

    // ---- what changes

    /// Has a session watch these users, a sorted set of whom it watches none yet.
    pub(crate) fn add_watches(&mut self, session: SessionIndex, users: &[User]) {
        let mut watched = self.sessions.take_watched(session);
        let viewer = self.sessions.user(session);
        if watched.capacity() == 0 {
            // Most sessions ask once.
            watched.reserve_exact(users.len());
        }
        for user in users {
            // Of those who are struck there is a reference already.
            if self.struck(session).binary_search(user).is_err() {
                self.users.retain(*user);
            }
            let channel = self.watched.find(*user).unwrap_or_else(|| {
                self.set_watched(*user, true);
                self.watched.open(*user)
            });
            let membership = self.watched.channels.join(channel, session);
            watched.push((*user, membership));
            self.cover_watch(membership, viewer, *user);
        }
        watched.sort_unstable_by_key(|(user, _)| *user);
        self.sessions.put_watched(session, watched);
        self.forget_struck(session, users);
    }

    /// Forgets that these users were struck from a session's list: it has named them again, or does
    /// not ask for them any more.
    fn forget_struck(&mut self, session: SessionIndex, users: &[User]) {
        if !self.struck(session).is_empty() {
            self.sessions.struck_mut(session).remove_any(users);
        }
    }

    /// Ends watches of a session, of a sorted set of users each of whom it has asked for.
    pub(crate) fn remove_watches(&mut self, session: SessionIndex, users: &[User]) {
        let mut watched = self.sessions.take_watched(session);
        let mut removed = users.iter().peekable();
        watched.retain(|(user, membership)| {
            while removed.next_if(|other| *other < user).is_some() {}
            let stays = removed.next_if(|other| *other == user).is_none();
            if !stays {
                self.end_watch(*user, *membership);
                self.users.release(*user);
            }
            stays
        });
        self.sessions.put_watched(session, watched);
        for user in users {
            if self.struck(session).binary_search(user).is_ok() {
                self.users.release(*user);
            }
        }
        self.forget_struck(session, users);
        self.look_at_notes_later(session);
    }

    /// Ends the watches that the sessions of these users have of the user. What they have asked for
    /// is remembered.
    pub(crate) fn remove_watchers(&mut self, user: User, watchers: &[User]) {
        if self.watched.find(user).is_none() {
            return;
        }
        for watcher in watchers {
            for nth in 0..self.sessions_of(*watcher).len() {
                let session = self.sessions_of(*watcher)[nth];
                self.strike_watch(session, user);
            }
        }
    }

    fn strike_watch(&mut self, session: SessionIndex, user: User) {
        let place = self.watched_by(session).binary_search_by_key(&user, |(watched, _)| *watched);
        let Ok(place) = place else { return };
        let mut watched = self.sessions.take_watched(session);
        let (_, membership) = watched.remove(place);
        self.sessions.put_watched(session, watched);
        self.end_watch(user, membership);
        self.sessions.struck_mut(session).insert_sorted(&[user]);
    }

    /// Ends all watches of a session.
    pub(super) fn clear_watches(&mut self, session: SessionIndex) {
        if self.asked_for(session) == 0 {
            return;
        }
        let mut watched = self.sessions.take_watched(session);
        for (user, membership) in watched.drain(..) {
            self.end_watch(user, membership);
            self.users.release(user);
        }
        self.sessions.put_watched(session, watched);
        self.users.release_all(self.sessions.struck(session));
        self.sessions.struck_mut(session).clear();
    }

    fn end_watch(&mut self, user: User, membership: MembershipIndex) {
        if self.watched.channels.leave(membership)
            && let Some(channel) = self.watched.find(user)
        {
            self.watched.close(user, channel);
            self.set_watched(user, false);
        }
    }

    fn set_watched(&mut self, user: User, is_watched: bool) {
        if let Some(online) = self.online_mut(user) {
            online.is_watched = is_watched;
        }
    }

    // ---- what else changes who sees by watching

    /// Works out anew what the sessions of each of these users see by watching the user, after its
    /// audience or a block has changed, or it has come or gone.
    #[inline]
    pub(super) fn cover_watches(&mut self, watchers: &[User], user: User) {
        if !self.watched.is_empty() {
            self.cover_each(watchers, user);
        }
    }

    fn cover_each(&mut self, watchers: &[User], user: User) {
        if self.watched.find(user).is_none() {
            return;
        }
        for watcher in watchers {
            for nth in 0..self.sessions_of(*watcher).len() {
                let session = self.sessions_of(*watcher)[nth];
                if let Some(membership) = self.membership(session, user) {
                    self.cover_watch(membership, *watcher, user);
                }
            }
        }
    }

    /// Works out whether a watch shows nothing, since the watcher is a contact or blocked.
    fn cover_watch(&mut self, membership: MembershipIndex, watcher: User, user: User) {
        let covered = self.has_in_audience(user, watcher) || self.blocked_between(watcher, user);
        let session = self.watched.channels.session(membership);
        self.watched.channels.cover(membership, covered);
        self.watched.channels.put(membership, self.sessions.slot_and_link(session));
    }

    /// Puts a session where it belongs in the channels that it is in, after its link has changed.
    pub(super) fn put_watches(&mut self, session: SessionIndex) {
        if self.watched.is_empty() {
            return;
        }
        let state = self.sessions.slot_and_link(session);
        for (_, membership) in self.sessions.watched(session) {
            self.watched.channels.put(*membership, state);
        }
    }

    // ---- for tests

    /// Checks that channels, watches and what is known of those online agree.
    pub(super) fn verify_watches(&self) -> bool {
        let mut used = Vec::new();
        for session in self.sessions.iter() {
            let watched = self.watched_by(session);
            if !watched.is_sorted_by(|a, b| a.0 < b.0) {
                return false;
            }
            if self.struck(session).iter().any(|user| self.does_watch(session, *user)) {
                return false;
            }
            let viewer = self.sessions.user(session);
            for (user, membership) in watched {
                let Some(channel) = self.watched.find(*user) else { return false };
                let covered =
                    self.has_in_audience(*user, viewer) || self.blocked_between(viewer, *user);
                let is_right = self.watched.channels.session(*membership) == session
                    && self.watched.channels.is_covered(*membership) == covered
                    && *user != viewer;
                if !is_right {
                    return false;
                }
                used.push(channel);
            }
        }
        let watches = used.len();
        used.sort_unstable_by_key(|channel| channel.0);
        used.dedup();
        let state_of = |session| self.sessions.slot_and_link(session);
        let bits = self
            .online
            .iter()
            .all(|(_, online)| online.is_watched == self.watched.find(online.user).is_some());
        bits && watches == self.watches()
            && used.len() == self.watched.len()
            && self.watched.channels.is_right(used.iter().copied(), state_of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hasher::tests::Plain;
    use crate::key::DeviceKind;
    use crate::tables::sessions::Link;
    use crate::time::Time;

    type Broken = Tables<u64, u32, Plain>;

    /// Three users, of whom the second is a contact of the first: it watches the first, and the
    /// third watches both. Only the third sees something by that.
    fn tables() -> Broken {
        let mut tables = Broken::new(Plain);
        let users = [1, 2, 3].map(|id| tables.intern(id).expect("there is room"));
        for user in users {
            let audience = if user == users[0] { &users[1..2] } else { &[] };
            let place = tables.go_online(user, audience, &[]);
            tables.add_session((user, place), DeviceKind(0), (Time::ZERO, 0));
        }
        tables.add_watches(SessionIndex(1), &users[..1]);
        tables.add_watches(SessionIndex(2), &users[..2]);
        tables
    }

    /// The third's membership of the first user's channel.
    fn uncovered(tables: &Broken) -> MembershipIndex {
        tables.watched_by(SessionIndex(2))[0].1
    }

    #[test]
    fn what_is_broken_is_seen() {
        let breaks: [fn(&mut Broken); 6] = [
            |tables| tables.set_watched(User(0), false),
            |tables| tables.set_watched(User(2), true),
            // In order, but for the part of the channel in which it stands.
            |tables| {
                let (slot, _) = tables.sessions.slot_and_link(SessionIndex(2));
                tables.watched.channels.put(uncovered(tables), (slot, Link::Congested));
            },
            // In order, but nothing covers it.
            |tables| {
                tables.watched.channels.cover(uncovered(tables), true);
                tables.put_watches(SessionIndex(2));
            },
            // In order, but there are two of it.
            |tables| {
                let channel = tables.watched.find(User(0)).expect("it is watched");
                let twice = tables.watched.channels.join(channel, SessionIndex(2));
                let mut watched = tables.sessions.take_watched(SessionIndex(2));
                watched.insert(1, (User(0), twice));
                tables.sessions.put_watched(SessionIndex(2), watched);
                tables.put_watches(SessionIndex(2));
            },
            |tables| {
                let mut watched = tables.sessions.take_watched(SessionIndex(2));
                watched.reverse();
                tables.sessions.put_watched(SessionIndex(2), watched);
            },
        ];
        assert!(tables().verify_watches());
        for (nth, break_it) in breaks.iter().enumerate() {
            let mut tables = tables();
            break_it(&mut tables);
            assert!(!tables.verify_watches(), "the break number {nth} is not seen");
        }
    }
}
