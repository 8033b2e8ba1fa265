//! The sessions: one record each in a dense table, with generations against stale keys.

mod extras;
mod heard;
mod link;
mod room;

pub(crate) use link::Link;

use crate::event::LostCause;
use crate::key::{DeviceKind, SessionId, SessionKey, Slot};
use crate::tables::free_list::FreeList;
use crate::tables::ids::{
    Attachment, ExpiryIndex, MembershipIndex, Place, RemotePlace, SessionIndex, User,
};
use crate::tables::lists::UserList;
use crate::tables::missed::Missed;
use crate::tables::rate::Bucket;
use crate::tables::segments::sparse::Sparse;
use crate::tables::segments::{Segments, per_segment};
use crate::tables::steps;
use crate::tables::told::Told;
use crate::time::Time;
use alloc::vec::Vec;
use core::num::NonZeroU32;

/// What a heartbeat touches, in half a cache line of its own. The user is not in it: the slot tells
/// whose session it is.
#[repr(align(32))]
struct Record {
    /// Where its user stands in the table of online users.
    place: Place,
    slot: Slot,
    /// The attachment that is current, or the first of the next session.
    generation: NonZeroU32,
    link: Link,
    kind: DeviceKind,
    /// Why it was lost, while it is detached.
    cause: LostCause,
    /// Whether what was heard last was a sign of a person, which then stands here and nowhere else.
    by_person: bool,
    /// When something was last heard of it: its lease counts from here. The timer is not touched
    /// then, because that would cost three random memory accesses instead of one.
    heard: Time,
    /// While it is attached, which input that was: among deadlines of the same moment, the earlier
    /// input's comes first. While it is detached, the milliseconds of the moment of its loss. If it
    /// is another node's, where it stands among that node's.
    stamp: u64,
}

const _: () = assert!(size_of::<Record>() == 32);

/// What a publish touches besides.
struct Detail<P> {
    connected: Time,
    presence: Option<P>,
    bucket: Bucket,
    /// The generation of the session's first attachment, which names the session.
    born: NonZeroU32,
    /// One more than the index of its extras.
    extras: Option<NonZeroU32>,
}

/// What few sessions need: kept apart, so that the others are small.
struct Extras<P> {
    /// The publish that waits for a token.
    waiting: Option<P>,
    /// What ends what it shows, and the publish that waits.
    shown_until: Option<ExpiryIndex>,
    waits_until: Option<ExpiryIndex>,
    /// Whom its directed presence reached.
    told: Told,
    /// The rate of its directed presence.
    direct_bucket: Bucket,
    /// What it was not told while congested.
    missed: Missed,
    /// Whom it watches, sorted, with its place in the channel of each.
    watched: Vec<(User, MembershipIndex)>,
    /// Those whom it watched until they removed its user, and has not named since.
    struck: UserList,
}

/// A record whose generation has come so far is not used for another session, so that each session
/// can be resumed as often again.
const LAST_BIRTH: u32 = if cfg!(feature = "shrunk") { 4 } else { 1 << 31 };

/// Records that have no session are dropped, unless their generations have come farther: all
/// sessions after them begin at least there, and records should last.
const LAST_DROPPED: u32 = LAST_BIRTH / 2;

/// Far slots and session indices stay below 2^31.
pub(super) const MAX_SESSIONS: usize = if cfg!(feature = "shrunk") { 1 << 16 } else { 1 << 31 };

/// How many sessions are what, and how much is kept for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SessionCounts {
    pub(crate) detached: usize,
    pub(crate) remote: usize,
    pub(crate) congested: usize,
    pub(crate) published: usize,
    pub(crate) waiting: usize,
    pub(crate) told: usize,
    pub(crate) missed: usize,
}

pub(crate) struct Sessions<P> {
    records: Sparse<Record, { per_segment(1_024) }>,
    details: Sparse<Detail<P>, { per_segment(512) }>,
    free: FreeList,
    retired: usize,
    /// How many records are linked in which way. Of those that are vacant or attached it is only
    /// known how many more or fewer there are than at the beginning.
    linked: [usize; Link::COUNT],
    /// No session begins with an earlier generation: no record that has been dropped has used this
    /// one, or a later one.
    first_generation: NonZeroU32,
    /// The user whose session is in each far slot, or was.
    far: Sparse<u32, { per_segment(2_048) }>,
    free_far: FreeList,
    extras: Segments<Extras<P>, { per_segment(512) }>,
    free_extras: FreeList,
    counts: SessionCounts,
}

impl<P> Sessions<P> {
    pub(super) fn new() -> Self {
        Self {
            records: Sparse::new(),
            details: Sparse::new(),
            free: FreeList::new(),
            retired: 0,
            linked: [0; Link::COUNT],
            first_generation: NonZeroU32::MIN,
            far: Sparse::new(),
            free_far: FreeList::new(),
            extras: Segments::new(),
            free_extras: FreeList::new(),
            counts: SessionCounts::default(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.records.len() - self.free.len() - self.retired - self.linked(Link::Held)
    }

    /// Returns one more than the greatest index of a session.
    pub(crate) fn span(&self) -> usize {
        self.records.len()
    }

    pub(crate) const fn counts(&self) -> SessionCounts {
        SessionCounts {
            detached: self.linked(Link::Detached),
            remote: self.remote(),
            congested: self.linked(Link::Congested),
            ..self.counts
        }
    }

    /// Returns the number of sessions that other nodes have.
    pub(crate) const fn remote(&self) -> usize {
        self.linked(Link::Remote) + self.linked(Link::RemoteLost)
    }

    const fn linked(&self, link: Link) -> usize {
        self.linked[link as usize]
    }

    pub(crate) fn has_room(&self) -> bool {
        self.free.len() > 0 || self.records.len() < MAX_SESSIONS
    }

    /// Returns whether there is room for so many more.
    pub(crate) fn has_room_for(&self, count: usize) -> bool {
        count <= MAX_SESSIONS - self.records.len() + self.free.len()
    }

    // ---- finding

    pub(crate) fn find(&self, key: SessionKey) -> Option<SessionIndex> {
        let record = self.records.get(key.index as usize)?;
        record.is(key).then_some(SessionIndex(key.index))
    }

    /// Returns the session of an attachment that is not over.
    #[inline]
    pub(crate) fn find_attachment(&self, attachment: Attachment) -> Option<SessionIndex> {
        let record = self.records.get(attachment.session.0 as usize)?;
        let current = record.link.is_there() && record.generation == attachment.generation;
        current.then_some(attachment.session)
    }

    /// Returns the session of an id, if it has not ended.
    pub(crate) fn find_id(&self, id: SessionId) -> Option<SessionIndex> {
        self.find_record(id).filter(|session| self.link(*session).is_there())
    }

    /// Returns the session of an id, one that is held included.
    pub(crate) fn find_record(&self, id: SessionId) -> Option<SessionIndex> {
        let (index, born) = id.parts();
        let in_use = self.records.get(index as usize)?.link != Link::Vacant;
        let is_it = in_use && self.details[index as usize].born.get() == born;
        is_it.then_some(SessionIndex(index))
    }

    /// Returns all that have not ended.
    pub(crate) fn iter(&self) -> impl Iterator<Item = SessionIndex> + '_ {
        self.iter_records().filter(|session| self.link(*session).is_there())
    }

    /// Returns all that have not ended or are held.
    pub(crate) fn iter_records(&self) -> impl Iterator<Item = SessionIndex> + '_ {
        let in_use = self.records.entries().filter(|(_, record)| record.link != Link::Vacant);
        in_use.map(|(index, _)| SessionIndex(index as u32))
    }

    // ---- what is known of a session

    #[inline]
    fn record(&self, index: SessionIndex) -> &Record {
        steps::count_looks(1);
        &self.records[index.0 as usize]
    }

    #[inline]
    fn detail(&self, index: SessionIndex) -> &Detail<P> {
        &self.details[index.0 as usize]
    }

    #[inline]
    pub(crate) fn key(&self, index: SessionIndex) -> SessionKey {
        let Record { generation, slot, link, .. } = *self.record(index);
        let slot = if link.is_remote() { Slot::REMOTE } else { slot };
        SessionKey { index: index.0, generation, slot }
    }

    #[inline]
    pub(crate) fn id(&self, index: SessionIndex) -> SessionId {
        SessionId::new(index.0, self.detail(index).born)
    }

    #[inline]
    pub(crate) fn attachment(&self, session: SessionIndex) -> Attachment {
        Attachment { session, generation: self.record(session).generation }
    }

    #[inline]
    pub(crate) fn slot(&self, index: SessionIndex) -> Slot {
        self.record(index).slot
    }

    /// Returns the session's slot and how it is connected.
    #[inline]
    pub(crate) fn slot_and_link(&self, index: SessionIndex) -> (Slot, Link) {
        let record = self.record(index);
        (record.slot, record.link)
    }

    #[inline]
    pub(crate) fn user(&self, index: SessionIndex) -> User {
        let slot = self.slot(index);
        slot.near_user().map_or_else(|| User(self.far[slot.index()]), User)
    }

    /// Returns the place of the session's user among those online.
    pub(crate) fn place(&self, index: SessionIndex) -> Place {
        self.record(index).place
    }

    #[inline]
    pub(crate) fn link(&self, index: SessionIndex) -> Link {
        self.record(index).link
    }

    pub(crate) fn kind(&self, index: SessionIndex) -> DeviceKind {
        self.record(index).kind
    }

    pub(crate) fn connected(&self, index: SessionIndex) -> Time {
        self.detail(index).connected
    }

    /// Returns when and why the session was lost, if it is detached.
    pub(crate) fn loss(&self, index: SessionIndex) -> Option<(Time, LostCause)> {
        let record = self.record(index);
        match record.link {
            Link::Detached => Some((Time::from_millis(record.stamp), record.cause)),
            Link::RemoteLost => Some((record.heard, record.cause)),
            _ => None,
        }
    }

    /// Returns where the session stands among those of another node, if it is one.
    pub(crate) fn remote_place(&self, index: SessionIndex) -> Option<RemotePlace> {
        let record = self.record(index);
        record.link.is_remote().then(|| RemotePlace::from_bits(record.stamp))
    }

    pub(super) fn set_remote_place(&mut self, index: SessionIndex, place: RemotePlace) {
        self.records[index.0 as usize].stamp = place.to_bits();
    }

    pub(crate) fn presence(&self, index: SessionIndex) -> Option<&P> {
        self.detail(index).presence.as_ref()
    }

    pub(crate) fn has_published(&self, index: SessionIndex) -> bool {
        self.detail(index).presence.is_some()
    }

    // ---- coming and going

    /// Adds a session. `near` is the near slot of its user that is free, if one is. The caller has
    /// asked [`has_room`](Self::has_room).
    pub(super) fn insert(
        &mut self,
        (user, place): (User, Place),
        near: Option<Slot>,
        kind: DeviceKind,
        (now, order): (Time, u64),
    ) -> SessionIndex {
        let slot = near.unwrap_or_else(|| self.far_slot(user));
        self.insert_record((user, place), (slot, Link::Attached), kind, (now, order))
    }

    /// Adds a session of another node. The caller has asked [`has_room`](Self::has_room).
    pub(super) fn insert_remote(
        &mut self,
        (user, place): (User, Place),
        kind: DeviceKind,
        (now, connected): (Time, Time),
        at: RemotePlace,
    ) -> SessionIndex {
        // It only says whose it is.
        let state = (Slot::near(user.0, 0), Link::Remote);
        let index = self.insert_record((user, place), state, kind, (now, at.to_bits()));
        self.details[index.0 as usize].connected = connected;
        index
    }

    fn insert_record(
        &mut self,
        (_, place): (User, Place),
        (slot, link): (Slot, Link),
        kind: DeviceKind,
        (now, stamp): (Time, u64),
    ) -> SessionIndex {
        let free = self.free.pop();
        let index = free.unwrap_or(self.records.len() as u32);
        let before = free.and_then(|free| self.records.get(free as usize));
        // At this index there may have been a record that was dropped.
        let generation = before
            .map_or(self.first_generation, |record| record.generation.max(self.first_generation));
        let record = Record {
            place,
            slot,
            generation,
            link,
            kind,
            cause: LostCause::ConnectionError,
            by_person: false,
            heard: now,
            stamp,
        };
        self.linked[link as usize] = self.linked[link as usize].wrapping_add(1);
        let bucket = Bucket::default();
        let detail =
            Detail { connected: now, presence: None, bucket, born: generation, extras: None };
        if free.is_some() {
            self.records.set(index as usize, record);
            self.details.set(index as usize, detail);
        } else {
            self.records.push(record);
            self.details.push(detail);
        }
        SessionIndex(index)
    }

    fn far_slot(&mut self, user: User) -> Slot {
        if let Some(far) = self.free_far.pop() {
            self.far.set(far as usize, user.0);
            Slot::far(far)
        } else {
            self.far.push(user.0);
            Slot::far(self.far.len() as u32 - 1)
        }
    }

    /// Ends a session, but keeps what it showed: its key is stale from now on and its slot free.
    /// Its missed list must be empty.
    pub(super) fn hold(&mut self, index: SessionIndex) {
        let user = self.user(index);
        self.set_link(index, Link::Held);
        let slot = self.slot(index);
        if !slot.is_near() {
            self.free_far.push(slot.index() as u32);
        }
        // It only says whose it is now.
        self.records[index.0 as usize].slot = Slot::near(user.0, 0);
    }

    /// Ends a session: its key is stale from now on. Gives back its presence and the one that
    /// waits, for the caller to drop when everything is in order. Its missed list must be empty.
    pub(super) fn remove(&mut self, index: SessionIndex) -> [Option<P>; 2] {
        let record = &mut self.records[index.0 as usize];
        let before = core::mem::replace(&mut record.link, Link::Vacant);
        count_links(&mut self.linked, before, Link::Vacant);
        if !record.slot.is_near() {
            self.free_far.push(record.slot.index() as u32);
        }
        if record.generation.get() >= LAST_BIRTH {
            self.retired += 1;
        } else {
            record.generation = record.generation.saturating_add(1);
            self.free.push(index.0);
        }
        let detail = &mut self.details[index.0 as usize];
        let presence = detail.presence.take();
        self.counts.published -= usize::from(presence.is_some());
        let mut waiting = None;
        if let Some(own) = detail.extras.take() {
            let extras = &mut self.extras[extras_index(own)];
            waiting = extras.waiting.take();
            self.counts.waiting -= usize::from(waiting.is_some());
            self.counts.told -= extras.told.len();
            extras.told.clear();
            extras.direct_bucket = Bucket::default();
            debug_assert!(extras.shown_until.or(extras.waits_until).is_none());
            debug_assert!(extras.watched.is_empty() && extras.struck.len() == 0);
            self.free_extras.push(own.get() - 1);
        }
        [presence, waiting]
    }

    /// Begins a new attachment: the key of the one before is stale from now on. `None` if all keys
    /// of this record have been used.
    pub(super) fn begin_attachment(&mut self, index: SessionIndex) -> Option<()> {
        let record = &mut self.records[index.0 as usize];
        record.generation = record.generation.checked_add(1)?;
        Some(())
    }

    // ---- what changes

    pub(super) fn set_link(&mut self, index: SessionIndex, link: Link) {
        let before = core::mem::replace(&mut self.records[index.0 as usize].link, link);
        count_links(&mut self.linked, before, link);
    }

    pub(super) fn set_lost(&mut self, index: SessionIndex, at: Time, cause: LostCause) {
        self.set_link(index, Link::Detached);
        let record = &mut self.records[index.0 as usize];
        (record.stamp, record.cause) = (at.as_millis(), cause);
    }

    /// Says that a session of another node has been lost there, and when.
    pub(super) fn set_remote_lost(&mut self, index: SessionIndex, at: Time, cause: LostCause) {
        self.set_link(index, Link::RemoteLost);
        let record = &mut self.records[index.0 as usize];
        (record.heard, record.cause) = (at, cause);
    }

    /// Says that a session of another node is connected there.
    pub(super) fn set_remote_link(&mut self, index: SessionIndex) {
        self.set_link(index, Link::Remote);
    }

    /// Replaces the session's presence.
    pub(super) fn set_presence(&mut self, index: SessionIndex, presence: P) -> Option<P> {
        let replaced = self.details[index.0 as usize].presence.replace(presence);
        self.counts.published += usize::from(replaced.is_none());
        replaced
    }

    /// Takes out the session's presence.
    pub(super) fn take_presence(&mut self, index: SessionIndex) -> Option<P> {
        let presence = self.details[index.0 as usize].presence.take();
        self.counts.published -= usize::from(presence.is_some());
        presence
    }

    pub(crate) fn bucket(&self, index: SessionIndex) -> &Bucket {
        &self.detail(index).bucket
    }

    pub(crate) fn bucket_mut(&mut self, index: SessionIndex) -> &mut Bucket {
        &mut self.details[index.0 as usize].bucket
    }

    /// Returns whether everything is either free or a session's, but for records that are retired.
    pub(super) fn are_free_lists_right(&self) -> bool {
        let records = self.iter_records().map(|session| session.0 as usize);
        let own = self.iter().filter(|session| self.link(*session).is_local());
        let slots = own.map(|session| self.slot(session));
        let far = slots.filter(|slot| !slot.is_near()).map(Slot::index);
        let extras = self.details.entries().filter_map(|(_, detail)| detail.extras);
        self.free.neither(self.records.len(), records) == Some(self.retired)
            && self.free_far.neither(self.far.len(), far) == Some(0)
            && self.free_extras.neither(self.extras.len(), extras.map(extras_index)) == Some(0)
    }
}

/// When a person did something on a session, and which input that was.
pub(crate) type Sign = (Time, u64);

/// What came of the renewal of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renewal {
    Of(SessionIndex),
    /// So long after it was heard of before that its deadline is to be armed anew.
    Late(SessionIndex),
    /// What was heard last is a sign of a person.
    AfterSign(SessionIndex),
    Detached,
    Unknown,
}

/// No session.
impl Default for Record {
    fn default() -> Self {
        Self {
            place: Place::NONE,
            slot: Slot::near(0, 0),
            generation: NonZeroU32::MIN,
            link: Link::Vacant,
            kind: DeviceKind(0),
            cause: LostCause::ConnectionError,
            by_person: false,
            heard: Time::ZERO,
            stamp: 0,
        }
    }
}

impl<P> Default for Detail<P> {
    fn default() -> Self {
        Self {
            connected: Time::ZERO,
            presence: None,
            bucket: Bucket::default(),
            born: NonZeroU32::MIN,
            extras: None,
        }
    }
}

impl Record {
    #[inline]
    fn is(&self, key: SessionKey) -> bool {
        self.link.is_local() && self.has(key)
    }

    #[inline]
    fn has(&self, key: SessionKey) -> bool {
        self.generation == key.generation && self.slot == key.slot
    }
}

/// Counts a record that is linked in another way from now on.
fn count_links(linked: &mut [usize; Link::COUNT], before: Link, link: Link) {
    linked[before as usize] = linked[before as usize].wrapping_sub(1);
    linked[link as usize] = linked[link as usize].wrapping_add(1);
}

const fn extras_index(extras: NonZeroU32) -> usize {
    extras.get() as usize - 1
}

#[cfg(test)]
mod tests;
