//! The state of the engine's thread: the engine, and what the host keeps beside it.

use std::sync::Arc;
use std::time::Instant;

use adsum::SessionKey;
use adsum_tim::Kind;

use super::clock::Clock;
use super::dispatch::Dispatch;
use super::edge_counter::EdgeCounter;
use super::engines::Engines;
use super::pending_replacements::PendingReplacements;
use crate::host::changed_queues::ChangedQueues;
use crate::host::metrics::Metrics;
use crate::host::offline_users::OfflineUsers;
use crate::host::roster_messages;
use crate::host::writer::Writer;

/// The engine, and what the host keeps beside it.
pub(crate) struct Core {
    pub(super) engine: Engines,
    pub(super) dispatch: Dispatch,
    /// Ends of devices that contacts have not been told of yet.
    pub(super) pending: PendingReplacements,
    pub(super) clock: Clock,
    pub(super) queues: Arc<ChangedQueues>,
    pub(super) edges: EdgeCounter,
    pub(super) metrics: Arc<Metrics>,
    /// Told of each user whose last session has ended.
    pub(super) offline_users: Arc<OfflineUsers>,
}

impl Core {
    pub(crate) fn new(
        engine: Engines,
        writer: Writer,
        edges: EdgeCounter,
        queues: Arc<ChangedQueues>,
        metrics: Arc<Metrics>,
        offline_users: Arc<OfflineUsers>,
    ) -> Self {
        let clock = Clock::new(Instant::now(), engine.time_of_start());
        Self {
            engine,
            dispatch: Dispatch::new(writer, metrics.clone()),
            pending: PendingReplacements::default(),
            clock,
            queues,
            edges,
            metrics,
            offline_users,
        }
    }

    /// Tells a session whether its user is invisible.
    pub(super) fn send_visibility(&mut self, session: SessionKey, invisible: bool) {
        // One that does not read gets only the newest, once there is room again.
        let owed = self.engine.is_congested(session);
        let Some(entry) = self.dispatch.sessions.get_mut(session) else { return };
        // Who speaks the neutral protocol is told by the engine's own notice.
        entry.owed_visibility = owed && entry.form().is_some();
        if owed {
            return;
        }
        let Some(form) = entry.form() else { return };
        let ack = roster_messages::visibility(invisible).to_frame(form, Kind::ACK);
        self.dispatch.send_frame(session, &ack);
    }
}
