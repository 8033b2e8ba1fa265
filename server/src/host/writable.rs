//! The list of sessions whose connections take notices again.

use std::sync::{Mutex, PoisonError};

use adsum::SessionKey;
use tokio::sync::mpsc::Sender;

use super::command::Command;
use super::transport::socket::Flushed;

/// The sessions that whoever writes lists for the engine's thread.
///
/// It is not part of the channel of commands: that one is bounded, and whoever writes must never
/// wait for the engine. Each session is in it at most once.
pub(crate) struct WritableSessions {
    sessions: Mutex<Vec<SessionKey>>,
    engine: Sender<Command>,
}

impl WritableSessions {
    pub(crate) fn new(engine: Sender<Command>) -> Self {
        Self { sessions: Mutex::default(), engine }
    }

    /// Lists the session that was written to, if it takes notices again.
    pub(crate) fn report(&self, flushed: Flushed) {
        if let Some(session) = flushed.writable {
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
            let _ = self.engine.try_send(Command::Writable);
        }
    }

    pub(crate) fn take(&self) -> Vec<SessionKey> {
        std::mem::take(&mut self.sessions.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
