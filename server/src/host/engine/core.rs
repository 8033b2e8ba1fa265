//! The state of the engine's thread: the engine, and what the host keeps beside it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use adsum::{Config, Engine, SessionKey};
use adsum_tim::{Kind, Tid};

use super::clock::Clock;
use super::dispatch::Dispatch;
use super::online_users::OnlineUsers;
use super::pending_replacements::PendingReplacements;
use crate::host::command::{Node, Presence};
use crate::host::metrics::Metrics;
use crate::host::offline_users::OfflineUsers;
use crate::host::roster_messages;
use crate::host::writable::WritableSessions;
use crate::host::writer::Writer;

/// The engine, and what the host keeps beside it.
pub(crate) struct Core {
    pub(super) engine: Engine<Node, Presence>,
    pub(super) dispatch: Dispatch,
    /// Who is online, for the administrator to page through.
    pub(super) online: OnlineUsers,
    /// Ends of devices that contacts have not been told of yet.
    pub(super) pending: PendingReplacements,
    /// Sessions that read too slowly: the engine counts them only by walking over all sessions,
    /// which is too much for each command.
    pub(super) congested: HashSet<SessionKey>,
    pub(super) clock: Clock,
    pub(super) writer: Writer,
    pub(super) writable: Arc<WritableSessions>,
    pub(super) metrics: Arc<Metrics>,
    /// Told of each user whose last session has ended.
    pub(super) offline_users: Arc<OfflineUsers>,
}

impl Core {
    pub(crate) fn new(
        config: Config,
        writer: Writer,
        writable: Arc<WritableSessions>,
        metrics: Arc<Metrics>,
        offline_users: Arc<OfflineUsers>,
    ) -> Self {
        Self {
            engine: Engine::new(config),
            dispatch: Dispatch::new(metrics.clone()),
            online: OnlineUsers::default(),
            pending: PendingReplacements::default(),
            congested: HashSet::new(),
            clock: Clock::new(Instant::now()),
            writer,
            writable,
            metrics,
            offline_users,
        }
    }

    /// Returns the newest device of a user, of those that are left.
    pub(super) fn newest_device(&self, user: &Node) -> Option<Arc<Tid>> {
        let session = self.engine.sessions(user).last()?;
        Some(self.dispatch.sessions.get(session)?.tid.clone())
    }

    /// Notes that the next input is about this session's user, and from its device.
    pub(super) fn note_session_as_sender(&mut self, session: SessionKey) {
        let entry = self.dispatch.sessions.get(session);
        let sender = entry.map(|entry| (entry.node.clone(), entry.tid.clone()));
        if let Some((node, tid)) = sender {
            self.dispatch.note_sender(&node, Some(tid));
        }
    }

    /// Tells a session whether its user is invisible.
    pub(super) fn send_visibility(&mut self, session: SessionKey, invisible: bool) {
        // One that does not read gets only the newest, once there is room again.
        let owed = self.engine.is_congested(session);
        let Some(entry) = self.dispatch.sessions.get_mut(session) else { return };
        entry.owed_visibility = owed;
        if owed {
            return;
        }
        let ack = roster_messages::visibility(invisible).to_frame(entry.form, Kind::ACK);
        self.dispatch.send_frame(session, &ack);
    }
}
