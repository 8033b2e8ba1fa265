//! Fetching what the next inputs will read, many at a time.
//!
//! An input reads its session's record, then what is kept of the user, then the user's list. Each
//! lies where the one before says, so with a million users online each waits for memory in turn.
//! The chains of several inputs do not depend on each other: walked side by side, one step of all
//! before the next step of any, their waits fall together.

use crate::key::SessionKey;
use crate::tables::Tables;
use crate::tables::ids::{Place, SIDE_BY_SIDE, User};
use crate::tables::lists::fetch_list;
use crate::tables::online::Online;
use core::hash::{BuildHasher, Hash};
use core::hint::black_box;

/// The most sessions of which anything is fetched at once: with a few cache lines each they fill
/// the caches, and whoever is fetched after them drives the first out.
const AT_ONCE: usize = 4_096;

impl<K: Eq + Hash, P, S: BuildHasher> Tables<K, P, S> {
    /// Fetches what the next inputs of these sessions will read: of so many as a cache may hold.
    pub(crate) fn prefetch(&self, sessions: impl IntoIterator<Item = SessionKey>) {
        let mut sessions = sessions.into_iter().fuse().take(AT_ONCE);
        loop {
            let mut places = [None; SIDE_BY_SIDE];
            let mut none = true;
            for (place, key) in places.iter_mut().zip(&mut sessions) {
                *place = self.fetch_session(key);
                none = false;
            }
            if none {
                return;
            }
            self.fetch_lists(places);
        }
    }

    /// Fetches a session and returns its user's place among those online.
    fn fetch_session(&self, key: SessionKey) -> Option<Place> {
        let session = self.sessions.find(key)?;
        // Known to be there only when it has been read, and nobody waits for that.
        black_box(self.sessions.has_published(session));
        Some(self.sessions.place(session))
    }

    /// Fetches what an input of this session reads later, while it waits for what it reads first.
    /// It is known from the key alone whose session it is, so nothing waits for the session's
    /// record.
    #[inline]
    pub(crate) fn fetch_sender(&self, key: SessionKey) {
        if !self.users.is_crowd() {
            return;
        }
        let user = key.slot.near_user().map(User);
        // The key may be another engine's.
        if let Some(user) = user.filter(|user| (user.0 as usize) < self.users.span()) {
            self.users.fetch(user);
            black_box(self.is_visible(user));
        }
    }

    /// Fetches what a snapshot for somebody with these contacts will read, and returns how many of
    /// them that covers.
    pub(crate) fn fetch_shown(&self, contacts: &[User]) -> usize {
        if !self.users.is_crowd() {
            return contacts.len() + 1;
        }
        let mut places = [None; SIDE_BY_SIDE];
        let mut shown = contacts.iter().enumerate().filter(|(_, user)| self.is_shown(**user));
        for (place, (_, user)) in places.iter_mut().zip(&mut shown) {
            *place = self.place(*user);
        }
        let online = self.fetch_lists(places);
        for online in online.into_iter().flatten() {
            if let [session, ..] = online.sessions[..] {
                black_box(self.sessions.place(session));
                black_box(self.sessions.has_published(session));
            }
        }
        shown.next().map_or(contacts.len() + 1, |(at, _)| at)
    }

    /// Fetches what will be read of all of these, as far as they show something.
    pub(crate) fn fetch_all_shown(&self, mut users: &[User]) {
        while !users.is_empty() {
            let fetched = self.fetch_shown(users).max(1);
            users = &users[fetched.min(users.len())..];
        }
    }

    fn fetch_lists(
        &self,
        places: [Option<Place>; SIDE_BY_SIDE],
    ) -> [Option<&Online>; SIDE_BY_SIDE] {
        let online = places.map(|place| place.map(|place| self.online.at(place)));
        for online in online.into_iter().flatten() {
            fetch_list(online.audience.as_slice());
        }
        online
    }
}
