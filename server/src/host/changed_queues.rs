//! The list of sessions whose queues have become full, or have emptied.

use std::sync::{Mutex, PoisonError};

use adsum::SessionKey;
use tokio::sync::mpsc::Sender;

use super::command::Command;
use super::transport::socket::Flushed;

/// The sessions that whoever writes lists for the engine's thread, which then looks at their
/// queues.
///
/// It is not part of the channel of commands: that one is bounded, and whoever writes must never
/// wait for the engine. Each session is in it at most once.
pub(crate) struct ChangedQueues {
    sessions: Mutex<Vec<SessionKey>>,
    engine: Sender<Command>,
}

impl ChangedQueues {
    pub(crate) fn new(engine: Sender<Command>) -> Self {
        Self { sessions: Mutex::default(), engine }
    }

    /// Lists the session that was written to, if its queue has become full or has emptied.
    pub(crate) fn report(&self, flushed: Flushed) {
        if let Some(session) = flushed.changed {
            self.push(session);
        }
    }

    fn push(&self, session: SessionKey) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.push(session);
        let first = sessions.len() == 1;
        drop(sessions);
        if first {
            // If the channel is full the engine is awake, and looks here after each batch.
            let _ = self.engine.try_send(Command::QueuesChanged);
        }
    }

    pub(crate) fn take(&self) -> Vec<SessionKey> {
        std::mem::take(&mut self.sessions.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
