//! What the host keeps for each session.

use std::collections::HashMap;
use std::sync::Arc;

use adsum::{SessionKey, Slot, SlotMap};
use adsum_tim::{Form, Tid};

use crate::host::command::Node;
use crate::host::resume_secret::ResumeSecret;
use crate::host::seats::SessionSeat;
use crate::host::transport::socket::Socket;
use crate::host::transport::wire::Wire;
use crate::host::v1::grant::Grant;

/// What is kept for a session.
pub(super) struct Entry {
    pub(super) node: Node,
    pub(super) wire: Wire,
    pub(super) tid: Arc<Tid>,
    /// `None` while it is detached.
    pub(super) socket: Option<Arc<Socket>>,
    /// What the client shows to go on with it on another connection.
    pub(super) secret: ResumeSecret,
    /// The number of the last frame that asked for a receipt.
    pub(super) sync: u32,
    /// While it was congested the user became invisible, or visible again.
    pub(super) owed_visibility: bool,
    /// Whether it is told of changes of its user's roster, in the neutral protocol.
    pub(super) roster: Heard,
    /// What it may do, if it speaks the neutral protocol.
    pub(super) grant: Option<Arc<Grant>>,
    /// Its seat, which it keeps while it is detached: whoever resumes it needs no other.
    pub(super) _seat: SessionSeat,
}

/// Whether a session is told of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It has not asked for it.
    No,
    Yes,
    /// While it was congested there was something that it has not been told.
    Owed,
}

impl Entry {
    /// Returns tim's form, if it speaks tim's protocol.
    pub(super) const fn form(&self) -> Option<Form> {
        self.wire.form()
    }
}

/// All sessions: looked up by slot, where the engine names a receiver, by key, or by secret.
#[derive(Default)]
pub(super) struct Sessions {
    entries: SlotMap<Box<Entry>>,
    by_secret: HashMap<ResumeSecret, SessionKey>,
    /// How many speak the neutral protocol.
    v1: usize,
}

impl Sessions {
    pub(super) fn insert(&mut self, session: SessionKey, entry: Entry) {
        self.by_secret.insert(entry.secret, session);
        self.v1 += usize::from(entry.wire == Wire::V1);
        self.entries.insert(session, Box::new(entry));
    }

    pub(super) fn remove(&mut self, session: SessionKey) -> Option<Box<Entry>> {
        let entry = self.entries.remove(session)?;
        self.by_secret.remove(&entry.secret);
        self.v1 -= usize::from(entry.wire == Wire::V1);
        Some(entry)
    }

    /// Returns whether any session speaks the neutral protocol.
    pub(super) const fn has_v1(&self) -> bool {
        self.v1 > 0
    }

    /// Returns whether any session speaks tim's.
    pub(super) fn has_tim(&self) -> bool {
        self.entries.len() > self.v1
    }

    /// Returns the session that this secret names.
    pub(super) fn named_by(&self, secret: ResumeSecret) -> Option<SessionKey> {
        self.by_secret.get(&secret).copied()
    }

    /// Returns the receiver that a decision names.
    pub(super) fn at(&self, slot: Slot) -> Option<(SessionKey, &Entry)> {
        self.entries.at(slot).map(|(key, entry)| (key, entry.as_ref()))
    }

    pub(super) fn get(&self, session: SessionKey) -> Option<&Entry> {
        self.entries.get(session).map(Box::as_ref)
    }

    pub(super) fn get_mut(&mut self, session: SessionKey) -> Option<&mut Entry> {
        self.entries.get_mut(session).map(Box::as_mut)
    }

    /// Returns whether the session's queue is full at this moment; a later change is reported anew.
    pub(super) fn look_at_queue(&self, session: SessionKey) -> bool {
        let socket = self.get(session).and_then(|entry| entry.socket.as_ref());
        socket.is_some_and(|socket| socket.look())
    }
}
