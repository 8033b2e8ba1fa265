//! Ends of devices that wait for the user's newer device to show something.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use adsum::SessionKey;
use adsum_tim::Tid;

use crate::host::command::Node;

/// A session has ended, and its user's only other one is new and has published nothing yet.
pub(super) struct PendingReplacement {
    pub(super) due: Instant,
    /// The number of the notice that the session has ended.
    pub(super) id: u64,
    pub(super) user: Node,
    pub(super) ended: Arc<Tid>,
    pub(super) to: Vec<SessionKey>,
}

/// Those who are shown that a user is there and says nothing. To the engine they have been told of
/// no session that is left, so it does not tell them when the user goes.
#[derive(Default)]
pub(super) struct Silent {
    /// The number of the newest notice that a session has ended.
    pub(super) id: u64,
    pub(super) to: Vec<SessionKey>,
}

/// All that wait: for a while, in the order in which they are due, or for as long as the user says
/// nothing.
#[derive(Default)]
pub(super) struct PendingReplacements {
    waiting: VecDeque<PendingReplacement>,
    silent: HashMap<Node, Silent>,
}

impl PendingReplacements {
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.waiting.front().map(|pending| pending.due)
    }

    /// Adds one where it belongs: all wait equally long, so a new one is the last.
    pub(super) fn insert(&mut self, pending: PendingReplacement) {
        let at = self.waiting.partition_point(|other| other.due <= pending.due);
        self.waiting.insert(at, pending);
    }

    /// Puts one back that was taken, before those that are due at the same moment.
    pub(super) fn put_back(&mut self, pending: PendingReplacement) {
        let at = self.waiting.partition_point(|other| other.due < pending.due);
        self.waiting.insert(at, pending);
    }

    pub(super) fn take_due(&mut self, now: Instant) -> Option<PendingReplacement> {
        let is_due = self.next_due().is_some_and(|due| due <= now);
        if is_due { self.waiting.pop_front() } else { None }
    }

    /// Returns whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.silent.is_empty()
    }

    /// Notes that these are shown that the user is there and says nothing.
    pub(super) fn insert_silent(&mut self, user: Node, shown: Silent) {
        let all = self.silent.entry(user).or_default();
        all.id = shown.id;
        all.to.extend(shown.to);
        // Each once, however often a device comes and goes.
        all.to.sort_unstable();
        all.to.dedup();
    }

    /// Takes those who are shown that this user is there and says nothing.
    pub(super) fn take_silent(&mut self, user: &Node) -> Option<Silent> {
        self.silent.remove(user)
    }

    /// Forgets these sessions, sorted, among those who are shown that this user says nothing.
    pub(super) fn forget_silent(&mut self, user: &Node, told: &[SessionKey]) {
        if let Some(shown) = self.silent.get_mut(user) {
            shown.to.retain(|session| told.binary_search(session).is_err());
        }
    }

    /// Returns whether this session is shown that the user says nothing, or is yet to be told what
    /// the user shows.
    pub(super) fn concerns(&self, user: &Node, session: SessionKey) -> bool {
        let waits =
            |pending: &PendingReplacement| pending.user == *user && pending.to.contains(&session);
        self.silent.get(user).is_some_and(|shown| shown.to.contains(&session))
            || self.waiting.iter().any(waits)
    }

    /// Forgets this session among those who are yet to be told what the user shows, or are shown
    /// that the user says nothing.
    pub(super) fn forget(&mut self, user: &Node, session: SessionKey) {
        for pending in self.waiting.iter_mut().filter(|pending| pending.user == *user) {
            pending.to.retain(|other| *other != session);
        }
        self.forget_silent(user, &[session]);
    }

    /// Takes the first one of this user's.
    pub(super) fn take_of(&mut self, user: &Node) -> Option<PendingReplacement> {
        let at = self.waiting.iter().position(|pending| pending.user == *user)?;
        self.waiting.remove(at)
    }
}
