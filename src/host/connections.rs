//! The table of connections, and the frames that wait for each.

use crate::host::connection::{Closing, Connection, ConnectionId};
use crate::key::{SessionKey, Slot};
use crate::reason::CloseReason;
use crate::slot_map::SlotMap;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// All that a host keeps for sessions. Once warm, only a connect and a frame that has to wait
/// allocate.
pub(super) struct Connections<F, C> {
    table: SlotMap<Box<Entry<F, C>>>,
    outbox_limit: usize,
    /// Attachments whose connection took nothing more, until the engine is told.
    full: Vec<SessionKey>,
    counts: HostCounts,
}

/// What is kept for a session: its connection while it has one, and what waits for that.
struct Entry<F, C> {
    id: ConnectionId,
    /// `None` while the session is detached.
    connection: Option<C>,
    /// Frames that found no room. While there are any, the connection is not asked to take more.
    outbox: VecDeque<F>,
    /// Whether notices were dropped, so that only a snapshot makes good.
    lost_notices: bool,
}

/// How much a [`Host`](crate::host::Host) holds beside its engine, and how often an outbox was
/// full. But for the last, all are zero, as by default, when everyone has left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostCounts {
    /// Sessions that are known, detached ones included.
    pub sessions: usize,
    /// Connections that have not been let go of.
    pub connections: usize,
    /// Frames that wait in outboxes.
    pub frames_waiting: usize,
    /// How many times notices were dropped because an outbox was full, so that its session got or
    /// will get a snapshot instead. This number only grows.
    pub overflows: u64,
}

/// What has come of a flush.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flushed {
    /// Nothing waited.
    Nothing,
    /// The connection takes nothing more, and some still waits.
    Some,
    /// All that waited is sent.
    All,
    /// All that waited is sent, and before that notices were dropped.
    AllThatWasKept,
}

/// What becomes of the old connection of a session that was resumed.
const REPLACED: Closing = Closing::Engine { reason: CloseReason::Replaced, resumable: false };

impl<F, C: Connection<F>> Connections<F, C> {
    pub(super) fn new(outbox_limit: usize) -> Self {
        let counts = HostCounts::default();
        Self { table: SlotMap::new(), outbox_limit, full: Vec::new(), counts }
    }

    pub(super) fn set_outbox_limit(&mut self, frames: usize) {
        self.outbox_limit = frames.max(1);
    }

    pub(super) const fn counts(&self) -> HostCounts {
        HostCounts { sessions: self.table.len(), ..self.counts }
    }

    /// Returns the key of the attachment that this connection has, or had until it was lost.
    pub(super) fn find(&self, id: ConnectionId) -> Option<SessionKey> {
        let (key, entry) = self.table.at(id.0.slot())?;
        // The key that the connection was given first is still its own unless it overflowed.
        (key == id.0 || entry.id == id).then_some(key)
    }

    // ---- connections come and go

    /// Takes in the connection of a new attachment.
    pub(super) fn add(&mut self, key: SessionKey, connection: C) -> ConnectionId {
        let id = ConnectionId(key);
        let outbox = VecDeque::new();
        let entry = Entry { id, connection: Some(connection), outbox, lost_notices: false };
        self.counts.connections += 1;
        // The slot is free, unless the application panicked while an end was carried out.
        if let Some((_, mut entry)) = self.table.insert(key, Box::new(entry)) {
            entry.close(Closing::Caller, &mut self.counts);
        }
        id
    }

    /// Takes in another connection for a session that was resumed, and closes the one before.
    pub(super) fn replace(
        &mut self,
        before: SessionKey,
        key: SessionKey,
        connection: C,
    ) -> ConnectionId {
        self.close(before, REPLACED);
        self.table.remove(before);
        self.add(key, connection)
    }

    /// Gives the connection of an attachment to another one of the same session.
    pub(super) fn move_to(&mut self, before: SessionKey, key: SessionKey) {
        if let Some(entry) = self.table.remove(before) {
            self.table.insert(key, entry);
        }
    }

    /// Lets go of the connection of an attachment, if there is one, and of what waits for it. The
    /// session is still known.
    pub(super) fn close(&mut self, key: SessionKey, reason: Closing) {
        if let Some(entry) = self.table.get_mut(key) {
            entry.close(reason, &mut self.counts);
        }
    }

    /// Forgets a session, and lets go of its connection if there is one.
    pub(super) fn remove(&mut self, key: SessionKey, reason: Closing) {
        if let Some(mut entry) = self.table.remove(key) {
            entry.close(reason, &mut self.counts);
        }
    }

    /// Returns the connection that an attachment has, or had until it was lost.
    pub(super) fn id(&self, key: SessionKey) -> Option<ConnectionId> {
        self.table.get(key).map(|entry| entry.id)
    }

    /// Lets go of all connections.
    pub(super) fn close_all(&mut self, reason: Closing) {
        let keys: Vec<SessionKey> = self.table.iter().map(|(key, _)| key).collect();
        keys.into_iter().for_each(|key| self.close(key, reason));
    }

    /// Gives back memory that only a past peak needed.
    pub(super) fn shrink_to_fit(&mut self) {
        self.table.shrink_to_fit();
        self.full.shrink_to_fit();
    }

    // ---- frames

    /// Sends a frame that says a notice, or has it wait, or drops it if too many wait.
    pub(super) fn send_notice(&mut self, to: Slot, frame: F) {
        let Some((key, entry)) = self.table.at_mut(to) else { return };
        if entry.outbox.len() < self.outbox_limit {
            if entry.send(frame, &mut self.counts) {
                self.full.push(key);
            }
        } else if !entry.lost_notices {
            entry.lost_notices = true;
            self.counts.overflows += 1;
        }
    }

    /// Sends a part of a snapshot of everything, or of a topic that comes with it, or has it wait:
    /// it makes good for what was dropped, so it is never dropped itself. An attachment gets one,
    /// so no more than that waits.
    pub(super) fn send_snapshot(&mut self, to: Slot, frame: F) {
        if let Some((key, entry)) = self.table.at_mut(to)
            && entry.send(frame, &mut self.counts)
        {
            self.full.push(key);
        }
    }

    /// Sends a frame of the caller's own, or has it wait, or gives it back if too many wait or
    /// there is no connection.
    pub(super) fn send_own(&mut self, to: SessionKey, frame: F) -> Result<(), F> {
        match self.table.get_mut(to) {
            Some(entry) if entry.connection.is_some() && entry.outbox.len() < self.outbox_limit => {
                if entry.send(frame, &mut self.counts) {
                    self.full.push(to);
                }
                Ok(())
            }
            _ => Err(frame),
        }
    }

    /// Sends what waits, as far as there is room.
    pub(super) fn flush(&mut self, key: SessionKey) -> Flushed {
        match self.table.get_mut(key) {
            Some(entry) if !entry.outbox.is_empty() => entry.flush(&mut self.counts),
            _ => Flushed::Nothing,
        }
    }

    /// Returns an attachment whose connection took nothing more, each once.
    pub(super) fn next_full(&mut self) -> Option<SessionKey> {
        self.full.pop()
    }
}

impl<F, C: Connection<F>> Entry<F, C> {
    fn close(&mut self, reason: Closing, counts: &mut HostCounts) {
        counts.frames_waiting -= self.outbox.len();
        self.outbox = VecDeque::new();
        self.lost_notices = false;
        if let Some(connection) = self.connection.take() {
            counts.connections -= 1;
            connection.close(reason);
        }
    }

    /// Sends a frame, or has it wait. Returns whether it is the first that waits.
    fn send(&mut self, frame: F, counts: &mut HostCounts) -> bool {
        let Some(connection) = &mut self.connection else { return false };
        let waits = if self.outbox.is_empty() { connection.send(frame).err() } else { Some(frame) };
        let Some(frame) = waits else { return false };
        self.outbox.push_back(frame);
        counts.frames_waiting += 1;
        self.outbox.len() == 1
    }

    fn flush(&mut self, counts: &mut HostCounts) -> Flushed {
        while let Some((frame, connection)) = self.outbox.pop_front().zip(self.connection.as_mut())
        {
            if let Err(frame) = connection.send(frame) {
                self.outbox.push_front(frame);
                return Flushed::Some;
            }
            counts.frames_waiting -= 1;
        }
        // What a slow minute needed is not kept for ever.
        self.outbox = VecDeque::new();
        match core::mem::take(&mut self.lost_notices) {
            true => Flushed::AllThatWasKept,
            false => Flushed::All,
        }
    }
}
