//! The users who have sessions.

use crate::list::{RareList, UserList};
use crate::sessions::SessionIndex;
use crate::users::User;
use alloc::vec::Vec;
use smallvec::SmallVec;

/// What the engine keeps of a user while it has a session, detached ones included: a cache line.
#[repr(align(64))]
pub(crate) struct Online {
    pub(crate) user: User,
    pub(crate) visible: bool,
    /// In the order in which they connected. Empty only from the end of the last one until the
    /// decisions about it have been drained.
    pub(crate) sessions: SmallVec<[SessionIndex; 4]>,
    pub(crate) audience: UserList,
    pub(crate) blocked: RareList,
}

const _: () = assert!(size_of::<Option<Online>>() == 64);

/// The online users, each at the place that [`Users::online`](crate::users::Users::online) gives.
#[derive(Default)]
pub(crate) struct OnlineUsers {
    places: Vec<Option<Online>>,
    free: Vec<u32>,
}

impl OnlineUsers {
    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub(crate) fn insert(&mut self, online: Online) -> u32 {
        if let Some(place) = self.free.pop() {
            self.places[place as usize] = Some(online);
            place
        } else {
            self.places.push(Some(online));
            // There are never more places than known users, of whom there are at most 2^30.
            self.places.len() as u32 - 1
        }
    }

    pub(crate) fn remove(&mut self, place: u32) -> Option<Online> {
        let online = self.places[place as usize].take()?;
        self.free.push(place);
        Some(online)
    }

    #[inline]
    pub(crate) fn at(&self, place: u32) -> &Online {
        self.places[place as usize].as_ref().expect("known users point to places in use")
    }

    #[inline]
    pub(crate) fn at_mut(&mut self, place: u32) -> &mut Online {
        self.places[place as usize].as_mut().expect("known users point to places in use")
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Online)> {
        (0..).zip(&self.places).filter_map(|(place, online)| Some((place, online.as_ref()?)))
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        while self.places.last().is_some_and(Option::is_none) {
            self.places.pop();
        }
        let span = self.places.len() as u32;
        self.free.retain(|place| *place < span);
        self.places.shrink_to_fit();
        self.free.shrink_to_fit();
    }
}
