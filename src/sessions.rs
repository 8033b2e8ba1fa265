//! The sessions: one record each in a dense table, with generations against stale keys.

use crate::missed::Missed;
use crate::rate::Bucket;
use crate::users::User;
use crate::{DeviceKind, SessionKey, Slot, Time};
use alloc::vec::Vec;

/// A session's place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SessionIndex(pub(crate) u32);

/// A session that may have ended since: what a key is outside, in eight bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SessionRef {
    pub(crate) index: SessionIndex,
    pub(crate) generation: u32,
}

/// How a session is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    Attached,
    /// Attached, but not to be sent anything at the moment.
    Congested,
    /// Lost and not yet given up.
    Detached,
}

/// What a heartbeat touches, in half a cache line of its own. The user is not in it: the slot tells
/// whose session it is.
#[repr(align(32))]
pub(crate) struct Session {
    /// Where its user stands in the table of online users.
    pub(crate) place: u32,
    pub(crate) slot: Slot,
    generation: u32,
    in_use: bool,
    pub(crate) link: Link,
    pub(crate) kind: DeviceKind,
    /// The last moment at which something was heard of it: its lease counts from here. The timer
    /// is not touched then, because that would cost three random memory accesses instead of one.
    pub(crate) heard: Time,
    /// Which input that was: among deadlines of the same moment, the earlier input's comes first.
    pub(crate) heard_order: u64,
}

const _: () = assert!(size_of::<Session>() == 32);

/// The rest of a session.
pub(crate) struct Rest<P> {
    pub(crate) connected: Time,
    pub(crate) presence: Option<P>,
    pub(crate) bucket: Bucket,
    extras: Option<u32>,
}

/// What few sessions need: kept apart, so that the others are small.
pub(crate) struct Extras<P> {
    /// The publish that waits for a token.
    pub(crate) conflated: Option<P>,
    /// Whom its directed presence reached, sorted. Those who have ended since are dropped when
    /// there is need.
    pub(crate) told: Vec<SessionRef>,
    /// What it was not told while congested.
    pub(crate) missed: Missed,
}

/// Generations end here, and the record with them: it is never used again.
const LAST_GENERATION: u32 = if cfg!(feature = "shrunk") { 3 } else { u32::MAX };

/// Far slots and session indices stay below 2^31.
const MAX_SESSIONS: usize = if cfg!(feature = "shrunk") { 1 << 16 } else { 1 << 31 };

pub(crate) struct Sessions<P> {
    records: Vec<Session>,
    rests: Vec<Rest<P>>,
    free: Vec<SessionIndex>,
    retired: usize,
    /// Whose session is in each far slot, or was.
    far: Vec<User>,
    free_far: Vec<u32>,
    extras: Vec<Extras<P>>,
    free_extras: Vec<u32>,
}

impl<P> Sessions<P> {
    pub(crate) const fn new() -> Self {
        Self {
            records: Vec::new(),
            rests: Vec::new(),
            free: Vec::new(),
            retired: 0,
            far: Vec::new(),
            free_far: Vec::new(),
            extras: Vec::new(),
            free_extras: Vec::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len() - self.free.len() - self.retired
    }

    pub(crate) fn has_room(&self) -> bool {
        !self.free.is_empty() || self.records.len() < MAX_SESSIONS
    }

    pub(crate) fn find(&self, key: SessionKey) -> Option<SessionIndex> {
        let record = self.records.get(key.index as usize)?;
        let is_it = record.in_use && record.generation == key.generation && record.slot == key.slot;
        is_it.then_some(SessionIndex(key.index))
    }

    #[inline]
    pub(crate) fn find_mut(&mut self, key: SessionKey) -> Option<&mut Session> {
        let record = self.records.get_mut(key.index as usize)?;
        let is_it = record.in_use && record.generation == key.generation && record.slot == key.slot;
        is_it.then_some(record)
    }

    pub(crate) fn find_ref(&self, session: SessionRef) -> Option<SessionIndex> {
        let record = self.records.get(session.index.0 as usize)?;
        (record.in_use && record.generation == session.generation).then_some(session.index)
    }

    pub(crate) fn get(&self, index: SessionIndex) -> &Session {
        &self.records[index.0 as usize]
    }

    pub(crate) fn user(&self, index: SessionIndex) -> User {
        self.user_in(self.records[index.0 as usize].slot)
    }

    /// Whose session is in this slot.
    pub(crate) fn user_in(&self, slot: Slot) -> User {
        slot.near_user().map_or_else(|| self.far[slot.index()], User)
    }

    pub(crate) fn get_mut(&mut self, index: SessionIndex) -> &mut Session {
        &mut self.records[index.0 as usize]
    }

    pub(crate) fn rest(&self, index: SessionIndex) -> &Rest<P> {
        &self.rests[index.0 as usize]
    }

    pub(crate) fn rest_mut(&mut self, index: SessionIndex) -> &mut Rest<P> {
        &mut self.rests[index.0 as usize]
    }

    pub(crate) fn key(&self, index: SessionIndex) -> SessionKey {
        let Session { generation, slot, .. } = self.records[index.0 as usize];
        SessionKey { index: index.0, generation, slot }
    }

    pub(crate) fn reference(&self, index: SessionIndex) -> SessionRef {
        SessionRef { index, generation: self.records[index.0 as usize].generation }
    }

    /// A new session. `near` is the near slot of its user that is free, if one is. The caller has
    /// asked [`has_room`](Self::has_room).
    pub(crate) fn insert(
        &mut self,
        (user, place): (User, u32),
        near: Option<Slot>,
        kind: DeviceKind,
        now: Time,
        order: u64,
    ) -> SessionIndex {
        let index = self.free.pop().unwrap_or(SessionIndex(self.records.len() as u32));
        let slot = near.unwrap_or_else(|| self.far_slot(user));
        let generation = self.records.get(index.0 as usize).map_or(0, |old| old.generation);
        let session = Session {
            place,
            slot,
            generation,
            in_use: true,
            link: Link::Attached,
            kind,
            heard: now,
            heard_order: order,
        };
        let bucket = Bucket::default();
        let rest = Rest { connected: now, presence: None, bucket, extras: None };
        if index.0 as usize == self.records.len() {
            self.records.push(session);
            self.rests.push(rest);
        } else {
            self.records[index.0 as usize] = session;
            self.rests[index.0 as usize] = rest;
        }
        index
    }

    fn far_slot(&mut self, user: User) -> Slot {
        if let Some(far) = self.free_far.pop() {
            self.far[far as usize] = user;
            Slot::far(far)
        } else {
            self.far.push(user);
            Slot::far(self.far.len() as u32 - 1)
        }
    }

    /// Ends a session: its key is stale from now on. Gives back its presence and the one that
    /// waits, for the caller to drop when everything is in order. Its missed list must be empty.
    pub(crate) fn remove(&mut self, index: SessionIndex) -> [Option<P>; 2] {
        let (record, rest) =
            (&mut self.records[index.0 as usize], &mut self.rests[index.0 as usize]);
        let presence = rest.presence.take();
        record.in_use = false;
        if !record.slot.is_near() {
            self.free_far.push(record.slot.index() as u32);
        }
        let mut conflated = None;
        if let Some(place) = rest.extras.take() {
            let extras = &mut self.extras[place as usize];
            conflated = extras.conflated.take();
            extras.told.clear();
            self.free_extras.push(place);
        }
        if record.generation == LAST_GENERATION {
            self.retired += 1;
        } else {
            record.generation += 1;
            self.free.push(index);
        }
        [presence, conflated]
    }

    pub(crate) fn extras(&self, index: SessionIndex) -> Option<&Extras<P>> {
        Some(&self.extras[self.rests[index.0 as usize].extras? as usize])
    }

    pub(crate) fn extras_mut(&mut self, index: SessionIndex) -> Option<&mut Extras<P>> {
        Some(&mut self.extras[self.rests[index.0 as usize].extras? as usize])
    }

    /// The session's extras, which it gets if it has none. They come from a pool and keep the
    /// memory of whoever had them before, so that nothing is allocated once the pool is warm.
    pub(crate) fn extras_or_new(&mut self, index: SessionIndex) -> &mut Extras<P> {
        let place = match self.rests[index.0 as usize].extras.or_else(|| self.free_extras.pop()) {
            Some(place) => place,
            None => {
                let (told, missed) = (Vec::new(), Missed::default());
                self.extras.push(Extras { conflated: None, told, missed });
                self.extras.len() as u32 - 1
            }
        };
        self.rests[index.0 as usize].extras = Some(place);
        &mut self.extras[place as usize]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (SessionIndex, &Session)> {
        let indexed = (0..).map(SessionIndex).zip(&self.records);
        indexed.filter(|(_, record)| record.in_use)
    }

    /// Releases memory that only a past peak needed. Records keep their generations and so must stay.
    pub(crate) fn shrink_to_fit(&mut self) {
        self.records.shrink_to_fit();
        self.rests.shrink_to_fit();
        self.free.shrink_to_fit();
        if self.free_far.len() == self.far.len() {
            self.far.clear();
            self.free_far.clear();
        }
        self.far.shrink_to_fit();
        self.free_far.shrink_to_fit();
        if self.free_extras.len() == self.extras.len() {
            self.extras.clear();
            self.free_extras.clear();
        }
        self.extras.shrink_to_fit();
        self.free_extras.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_whose_generations_are_used_up_is_retired() {
        let mut sessions = Sessions::<()>::new();
        let add = |sessions: &mut Sessions<()>| {
            let index = sessions.insert((User(0), 0), None, DeviceKind(0), Time::ZERO, 0);
            (index, sessions.key(index))
        };
        let (first, _) = add(&mut sessions);
        sessions.records[first.0 as usize].generation = LAST_GENERATION - 1;
        let mut keys = alloc::vec![sessions.key(first)];
        sessions.remove(first);
        let (second, key) = add(&mut sessions);
        assert_eq!((second, key.generation), (first, LAST_GENERATION));
        keys.push(key);
        sessions.remove(second);
        let (third, key) = add(&mut sessions);
        assert_ne!(third, first, "the record must not come back with a generation used before");
        assert_eq!(sessions.find(key), Some(third));
        assert!(keys.iter().all(|stale| sessions.find(*stale).is_none()));
        assert_eq!(sessions.len(), 1);
    }

    #[test]
    fn a_key_with_another_slot_is_no_key() {
        let mut sessions = Sessions::<()>::new();
        let index =
            sessions.insert((User(4), 0), Some(Slot::near(4, 1)), DeviceKind(0), Time::ZERO, 0);
        let key = sessions.key(index);
        assert_eq!(sessions.find(key), Some(index));
        assert_eq!(sessions.find(SessionKey { slot: Slot::near(4, 0), ..key }), None);
        assert_eq!(sessions.find(SessionKey { index: 1, ..key }), None);
    }
}
