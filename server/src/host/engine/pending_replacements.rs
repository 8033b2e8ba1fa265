//! Ends of devices that wait for the user's newer device to show something.

use std::collections::VecDeque;
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

/// All that wait, in the order in which they are due.
#[derive(Default)]
pub(super) struct PendingReplacements {
    waiting: VecDeque<PendingReplacement>,
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

    /// Takes the first one of this user's.
    pub(super) fn take_of(&mut self, user: &Node) -> Option<PendingReplacement> {
        let at = self.waiting.iter().position(|pending| pending.user == *user)?;
        self.waiting.remove(at)
    }
}
