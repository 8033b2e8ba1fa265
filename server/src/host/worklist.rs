//! Sessions whose connections take notices again.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use adsum::SessionKey;
use tokio::sync::mpsc::Sender;

use super::command::Command;
use super::outbox::{Socket, When};

/// Connections that have something to be written.
#[derive(Default)]
pub(crate) struct Worklist {
    pub(crate) now: Vec<Arc<Socket>>,
    /// At these moments; those that were written to together are due together.
    pub(crate) later: Vec<(Instant, Vec<Arc<Socket>>)>,
}

impl Worklist {
    pub(crate) fn push(&mut self, when: When, socket: Arc<Socket>) {
        match when {
            When::Now => self.now.push(socket),
            When::At(at) => match self.later.last_mut() {
                Some((last, sockets)) if *last == at => sockets.push(socket),
                _ => self.later.push((at, vec![socket])),
            },
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.now.is_empty() && self.later.is_empty()
    }
}

/// The list that those who write keep for the engine's thread.
///
/// It is not part of the channel of commands: that one is bounded, and whoever writes must never
/// wait for the engine. Each session is in it at most once.
pub(crate) struct Writable {
    sessions: Mutex<Vec<SessionKey>>,
    engine: Sender<Command>,
}

impl Writable {
    pub(crate) fn new(engine: Sender<Command>) -> Self {
        Self { sessions: Mutex::default(), engine }
    }

    pub(crate) fn push(&self, session: SessionKey) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.push(session);
        let first = sessions.len() == 1;
        drop(sessions);
        if first {
            // With a full channel the engine is awake, and looks here after each batch.
            let _ = self.engine.try_send(Command::Nudge);
        }
    }

    pub(crate) fn take(&self) -> Vec<SessionKey> {
        std::mem::take(&mut self.sessions.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
