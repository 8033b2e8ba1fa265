//! Fetching what the next inputs will read, many at a time.
//!
//! An input reads its session's record, then what is kept of the user, then the user's list. Each
//! lies where the one before says, so with a million users online each waits for memory in turn.
//! The chains of several inputs do not depend on each other: walked side by side, one step of all
//! before the next step of any, their waits fall together.

use crate::SessionKey;
use crate::engine::Engine;
use crate::online::Online;
use crate::state::State;
use crate::users::User;
use core::hash::{BuildHasher, Hash};
use core::hint::black_box;

/// So many chains are walked side by side: more than a core can wait for at once.
pub(crate) const SIDE_BY_SIDE: usize = 32;

/// As many contacts as lie in a cache line.
const LINE: usize = 64 / size_of::<User>();

/// So much of a list is fetched. When a longer one is read the processor sees where it goes on.
const CONTACTS: usize = 16 * LINE;

impl<K: Eq + Hash, P, S: BuildHasher> Engine<K, P, S> {
    /// Fetches into the processor's caches what the next inputs of these sessions will read.
    ///
    /// It changes nothing and may always be left out. A host that has several inputs waiting, from
    /// a channel or a batch of packets, calls it with their sessions before it hands the inputs in
    /// one by one: with so many users online that no cache holds them, a publish then costs six
    /// tenths (`SPEED.md`). Sixteen to some hundred at a time are a good number: with more, the
    /// first are out of the caches again before their turn comes. Keys of sessions that have ended
    /// are passed over.
    ///
    /// # Costs
    /// O(1) a session: three accesses to memory, and up to sixteen cache lines of its contacts.
    ///
    /// ```
    /// # use adsum::{Config, DeviceKind, Engine, SessionKey, Time};
    /// # let mut engine: Engine<u64, &str> = Engine::new(Config::default());
    /// # let now = Time::from_millis(0);
    /// # let (ada, _) = engine.connect(now, 1, DeviceKind(0), [2], [])?;
    /// let waiting = [(ada, "here"), (ada, "busy")];
    /// engine.prefetch(waiting.iter().map(|(session, _)| *session));
    /// for (session, presence) in waiting {
    ///     let mut decisions = engine.publish(now, session, presence)?;
    ///     while let Some(decision) = decisions.next() { /* send it */ }
    /// }
    /// # Ok::<(), adsum::Error>(())
    /// ```
    pub fn prefetch(&self, sessions: impl IntoIterator<Item = SessionKey>) {
        let mut sessions = sessions.into_iter().fuse();
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
            self.state.fetch_lists(places);
        }
    }

    /// Where the user of this session stands among those online.
    fn fetch_session(&self, key: SessionKey) -> Option<u32> {
        let sessions = &self.state.sessions;
        let index = sessions.find(key)?;
        // Known to be there only when it has been read, and nobody waits for that.
        black_box(sessions.rest(index).presence.is_some());
        Some(sessions.get(index).place)
    }
}

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    /// Fetches what an input of this session reads later, while it waits for what it reads first. It
    /// is known from the key alone whose session it is, so nothing waits for the session's record.
    #[inline]
    pub(crate) fn fetch_sender(&self, key: SessionKey) {
        if !self.users.is_crowd() {
            return;
        }
        let user = key.slot.near_user().map(User);
        // The key may be another engine's.
        if let Some(user) = user.filter(|user| (user.0 as usize) < self.users.span()) {
            self.users.fetch(user);
            black_box(self.online(user).is_some_and(|online| online.visible));
        }
    }

    /// The same for the snapshot of somebody with these contacts, up to a point: which?
    pub(crate) fn fetch_shown(&self, contacts: &[User]) -> usize {
        if !self.users.is_crowd() {
            return contacts.len() + 1;
        }
        let mut places = [None; SIDE_BY_SIDE];
        let mut shown = contacts.iter().enumerate().filter(|(_, user)| self.shown.get(**user));
        for (place, (_, user)) in places.iter_mut().zip(&mut shown) {
            *place = self.users.online(*user);
        }
        let online = self.fetch_lists(places);
        for online in online.into_iter().flatten() {
            if let [session, ..] = online.sessions[..] {
                black_box(self.sessions.get(session).place);
                black_box(self.sessions.rest(session).presence.is_some());
            }
        }
        shown.next().map_or(contacts.len() + 1, |(at, _)| at)
    }

    fn fetch_lists(&self, places: [Option<u32>; SIDE_BY_SIDE]) -> [Option<&Online>; SIDE_BY_SIDE] {
        let online = places.map(|place| place.map(|place| self.online.at(place)));
        for online in online.into_iter().flatten() {
            fetch_list(online.audience.as_slice());
        }
        online
    }
}

/// All of its cache lines at once, where a walk would come to them one after the other.
#[inline]
pub(crate) fn fetch_list(contacts: &[User]) {
    let lines = contacts.iter().take(CONTACTS).step_by(LINE);
    black_box(lines.fold(0, |read, user| read ^ user.0));
}
