//! Decisions become frames in outboxes.

use crate::decision::Decision;
use crate::decisions::Decisions;
use crate::host::connection::{Application, Closing, Connection, ConnectionId, SessionEnd};
use crate::key::SessionKey;
use crate::reason::CloseReason;
use crate::slot_map::SlotMap;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};

/// What is kept for a session: its connection while it has one, and what waits for that.
pub(super) struct Entry<F, C> {
    pub(super) id: ConnectionId,
    /// `None` while the session is detached.
    connection: Option<C>,
    /// Frames that found no room. Empty while the connection takes frames.
    outbox: VecDeque<F>,
    /// Whether frames were dropped, so that only a snapshot makes good.
    has_lost: bool,
}

pub(super) type Connections<F, C> = SlotMap<Box<Entry<F, C>>>;

/// What is to be done when the decisions of one input have been carried out.
#[derive(Default)]
pub(super) struct Outcome {
    /// Attachments whose connection took nothing more.
    pub(super) full: Vec<SessionKey>,
    /// The last connections of sessions that have ended.
    pub(super) ended: Vec<ConnectionId>,
}

/// What becomes of the old connection of a session that was resumed.
const REPLACED: Closing = Closing::Engine { reason: CloseReason::Replaced, resumable: false };

impl<F, C: Connection<F>> Entry<F, C> {
    pub(super) const fn new(id: ConnectionId, connection: C) -> Self {
        let connection = Some(connection);
        Self { id, connection, outbox: VecDeque::new(), has_lost: false }
    }

    pub(super) const fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    /// Lets go of the connection, if there is one, and of what waits for it.
    pub(super) fn close(&mut self, reason: Closing) {
        self.outbox = VecDeque::new();
        self.has_lost = false;
        if let Some(connection) = self.connection.take() {
            connection.close(reason);
        }
    }

    /// Gives the session another connection.
    pub(super) fn replace(&mut self, id: ConnectionId, connection: C) {
        self.close(REPLACED);
        self.id = id;
        self.connection = Some(connection);
    }

    /// Sends a frame, or has it wait. Returns whether it is the first that waits.
    fn send(&mut self, frame: F, limit: usize) -> bool {
        if self.outbox.is_empty() {
            let refused = self.connection.as_mut().and_then(|to| to.send(frame).err());
            self.outbox.extend(refused);
            return !self.outbox.is_empty();
        }
        if self.outbox.len() < limit {
            self.outbox.push_back(frame);
        } else {
            self.has_lost = true;
        }
        false
    }

    /// Sends a frame of the caller's own. It is not dropped, but given back if too many wait.
    pub(super) fn send_own(&mut self, frame: F, limit: usize) -> Result<bool, F> {
        if self.outbox.len() >= limit || self.connection.is_none() {
            return Err(frame);
        }
        Ok(self.send(frame, limit))
    }

    /// Sends what waits, as far as there is room. Returns whether all of it is out.
    pub(super) fn flush(&mut self) -> bool {
        while let Some((frame, to)) = self.outbox.pop_front().zip(self.connection.as_mut()) {
            if let Err(frame) = to.send(frame) {
                self.outbox.push_front(frame);
                return false;
            }
        }
        true
    }

    /// Returns whether frames were dropped since this was asked last.
    pub(super) const fn take_has_lost(&mut self) -> bool {
        core::mem::replace(&mut self.has_lost, false)
    }
}

impl Outcome {
    pub(super) fn carry_out<K, P, A, C, S>(
        &mut self,
        decisions: Decisions<'_, K, P, S>,
        connections: &mut Connections<A::Frame, C>,
        application: &mut A,
        limit: usize,
    ) where
        K: Eq + Hash,
        A: Application<K, P>,
        C: Connection<A::Frame>,
        S: BuildHasher,
    {
        decisions.for_each(|decision| match decision {
            Decision::Deliver { notice, to } => {
                let Some(frame) = application.notice(&notice) else { return };
                for slot in to {
                    if let Some((key, entry)) = connections.at_mut(*slot)
                        && entry.send(frame.clone(), limit)
                    {
                        self.full.push(key);
                    }
                }
            }
            Decision::Snapshot(snapshot) => {
                let Some(frame) = application.snapshot(&snapshot) else { return };
                if let Some((key, entry)) = connections.at_mut(snapshot.to())
                    && entry.send(frame, limit)
                {
                    self.full.push(key);
                }
            }
            Decision::Skipped { notice, to } => application.skipped(&notice, to.len()),
            Decision::Close { session, reason, resumable } => {
                // Not there if the session was resumed: then it has been closed already.
                if let Some(entry) = connections.get_mut(session) {
                    entry.close(Closing::Engine { reason, resumable });
                }
            }
            Decision::Online { user, visible, .. } => application.online(user, visible),
            Decision::Ended { user, session, reason, since, last, visible, .. } => {
                let Some(mut entry) = connections.remove(session) else { return };
                let connection = entry.id;
                let end = SessionEnd { user, connection, session, reason, since, last, visible };
                application.ended(&end);
                entry.close(Closing::Caller);
                self.ended.push(connection);
            }
        });
    }
}
