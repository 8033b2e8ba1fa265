//! The users who have sessions.

use crate::tables::free_list::FreeList;
use crate::tables::ids::{Attachment, Place, SessionIndex, User};
use crate::tables::lists::UserList;
use crate::tables::segments::{Segments, per_segment};
use crate::tables::sorted_map::UserSet;
use crate::tables::unaware::Unaware;
use alloc::boxed::Box;
use alloc::vec::Vec;
use smallvec::SmallVec;

/// What the engine keeps of a user while it has a session, detached ones included: a cache line.
#[repr(align(64))]
pub(super) struct Online {
    pub(super) user: User,
    pub(super) visible: bool,
    /// Whether somebody watches it.
    pub(super) is_watched: bool,
    /// Whether one of its sessions is in a topic.
    pub(super) is_in_topics: bool,
    /// In the order in which they connected. Empty only from the end of the last one until the
    /// decisions about it have been drained.
    pub(super) sessions: SmallVec<[SessionIndex; 4]>,
    pub(super) audience: UserList,
    rare: Option<Box<Rare>>,
}

const _: () = assert!(size_of::<Option<Online>>() == 64);

/// What most users do without: a pointer in the record, and no more.
pub(super) struct Rare {
    pub(super) blocked: UserList,
    /// Those in the audience who have blocked the user or whom it has blocked.
    pub(super) hidden: UserSet,
    /// Sessions that have ended and whose presence is held, the oldest first.
    pub(super) held: Vec<Held>,
    /// Attachments that may believe something of the user that is no longer so and that they were
    /// not told, if there ever were any.
    pub(super) unaware: Option<Box<Unaware>>,
}

/// A session that has ended and whose presence is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) session: SessionIndex,
    /// The number of the user's sessions that connected before it: those behind them in the list
    /// are later ones.
    pub(crate) earlier: u16,
    /// The number of the others that are held and connected before it.
    pub(crate) rank: u16,
}

impl Rare {
    const EMPTY: Self =
        Self { blocked: UserList::EMPTY, hidden: UserSet::new(), held: Vec::new(), unaware: None };
}

impl Rare {
    /// Gives back what its lists do not need. Returns whether there is anything in one.
    fn shrink_to_fit(&mut self, is_over: impl Fn(Attachment) -> bool) -> bool {
        let Self { blocked, hidden, held, unaware } = self;
        blocked.shrink_to_fit();
        hidden.shrink_to_fit();
        held.shrink_to_fit();
        unaware.take_if(|unaware| !unaware.shrink_to_fit(is_over));
        blocked.len() + hidden.len() + held.len() > 0 || unaware.is_some()
    }
}

impl Online {
    fn shrink_lists(&mut self, is_over: impl Fn(Attachment) -> bool) {
        self.sessions.shrink_to_fit();
        self.audience.shrink_to_fit();
        self.rare.take_if(|rare| !rare.shrink_to_fit(is_over));
    }

    /// Returns those in the audience who have blocked the user or whom it has blocked.
    #[inline]
    pub(super) fn hidden(&self) -> &UserSet {
        &self.rare().hidden
    }

    /// Returns the user's sessions that are held, the oldest first.
    #[inline]
    pub(super) fn held(&self) -> &[Held] {
        self.rare.as_deref().map_or(&[], |rare| &rare.held)
    }

    #[inline]
    pub(super) fn held_len(&self) -> usize {
        self.held().len()
    }

    /// Returns the user's records: its sessions, and then those that are held.
    #[inline]
    pub(super) fn records(&self) -> impl Iterator<Item = SessionIndex> + '_ {
        (0..self.record_count()).map(|nth| self.record(nth))
    }

    #[inline]
    pub(super) fn record_count(&self) -> usize {
        self.sessions.len() + self.held_len()
    }

    #[inline]
    pub(super) fn record(&self, nth: usize) -> SessionIndex {
        let held = || self.held()[nth - self.sessions.len()].session;
        self.sessions.get(nth).copied().unwrap_or_else(held)
    }

    #[inline]
    pub(super) fn rare(&self) -> &Rare {
        static EMPTY: Rare = Rare::EMPTY;
        self.rare.as_deref().unwrap_or(&EMPTY)
    }

    pub(super) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_with(|| Box::new(Rare::EMPTY))
    }
}

/// The online users, each at the place that [`Users::online`](super::interner::Users::online)
/// gives.
pub(super) struct OnlineUsers {
    places: Segments<Option<Online>, { per_segment(512) }>,
    free: FreeList,
    /// The number of entries in all audiences.
    audience_entries: usize,
}

impl OnlineUsers {
    pub(super) const fn new() -> Self {
        Self { places: Segments::new(), free: FreeList::new(), audience_entries: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Returns one more than the greatest place in use.
    pub(super) const fn span(&self) -> usize {
        self.places.len()
    }

    pub(super) const fn audience_entries(&self) -> usize {
        self.audience_entries
    }

    /// Adds a user who has these lists, which are sorted, and no session yet.
    pub(super) fn insert(&mut self, user: User, audience: &[User], blocked: &[User]) -> Place {
        self.audience_entries += audience.len();
        let mut online = Online {
            user,
            visible: true,
            is_watched: false,
            is_in_topics: false,
            sessions: SmallVec::new(),
            audience: UserList::from_sorted(audience),
            rare: None,
        };
        if !blocked.is_empty() {
            online.rare_mut().blocked = UserList::from_sorted(blocked);
        }
        if let Some(place) = self.free.pop() {
            self.places[place as usize] = Some(online);
            Place(place)
        } else {
            self.places.push(Some(online));
            // There are never more places than known users, of whom there are at most 2^30.
            Place(self.places.len() as u32 - 1)
        }
    }

    /// Takes out a user, and returns its audience and whom it has blocked.
    pub(super) fn remove(&mut self, place: Place) -> (UserList, UserList) {
        let Some(Online { audience, rare, sessions, .. }) = self.places[place.index()].take()
        else {
            return (UserList::EMPTY, UserList::EMPTY);
        };
        let blocked = rare.map_or(UserList::EMPTY, |rare| {
            debug_assert!(rare.held.is_empty());
            rare.blocked
        });
        debug_assert!(sessions.is_empty());
        self.audience_entries -= audience.len();
        self.free.push(place.0);
        (audience, blocked)
    }

    pub(super) fn add_to_audience(&mut self, place: Place, added: &[User]) {
        self.audience_entries += added.len();
        self.at_mut(place).audience.insert_sorted(added);
    }

    pub(super) fn remove_from_audience(&mut self, place: Place, removed: &[User]) {
        self.audience_entries -= removed.len();
        self.at_mut(place).audience.remove_sorted(removed);
    }

    #[inline]
    pub(super) fn at(&self, place: Place) -> &Online {
        self.places[place.index()].as_ref().expect("known users point to places in use")
    }

    #[inline]
    pub(super) fn at_mut(&mut self, place: Place) -> &mut Online {
        self.places[place.index()].as_mut().expect("known users point to places in use")
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Place, &Online)> {
        let places = (0..).map(Place).zip(self.places.iter());
        places.filter_map(|(place, online)| Some((place, online.as_ref()?)))
    }

    /// Makes room for so many in all.
    pub(super) fn reserve(&mut self, users: usize) {
        self.places.reserve(users);
    }

    /// Moves the last ones to the places that are free, so that none is, and gives the rest back.
    /// Calls `moved` with each that has another place from now on.
    pub(super) fn shrink_to_fit(&mut self, mut moved: impl FnMut(&Online, Place)) {
        let (len, mut free) = (self.len(), 0..);
        for from in len..self.places.len() {
            if let Some(online) = self.places[from].take() {
                let to = free.find(|to| self.places[*to].is_none());
                let to = to.expect("there are as many free places before as users behind");
                moved(&online, Place(to as u32));
                self.places[to] = Some(online);
            }
        }
        self.free = FreeList::new();
        self.places.truncate(len);
        self.places.shrink_to_fit();
    }

    /// Gives back what the lists of those who are online do not need: `is_over` says which
    /// attachments are.
    pub(super) fn shrink_lists(&mut self, is_over: impl Fn(Attachment) -> bool) {
        for place in 0..self.places.len() {
            if let Some(online) = &mut self.places[place] {
                online.shrink_lists(&is_over);
            }
        }
    }

    /// Returns whether each place is either free or somebody's.
    pub(super) fn is_free_list_right(&self) -> bool {
        let used = self.iter().map(|(place, _)| place.index());
        self.free.neither(self.places.len(), used) == Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_ones_move_to_where_others_were() {
        let mut online = OnlineUsers::new();
        let places: Vec<Place> = (0..9).map(|user| online.insert(User(user), &[], &[])).collect();
        assert!(places.iter().copied().eq((0..9).map(Place)));
        for place in [4, 0, 1, 8, 2] {
            online.remove(Place(place));
        }
        assert!(online.is_free_list_right());
        let mut moved = Vec::new();
        online.shrink_to_fit(|online, place| moved.push((online.user.0, place.0)));
        assert_eq!(moved, [(5, 0), (6, 1), (7, 2)]);
        let users: Vec<u32> = online.iter().map(|(_, online)| online.user.0).collect();
        assert_eq!((users, online.places.len()), (alloc::vec![5, 6, 7, 3], 4));
        assert!(online.is_free_list_right());
        // And the table goes on as before.
        assert_eq!(online.insert(User(9), &[], &[]), Place(4));
        online.shrink_to_fit(|_, _| unreachable!("nobody has to move"));
        online.free.push(2);
        assert!(!online.is_free_list_right(), "somebody is there");
    }
}
