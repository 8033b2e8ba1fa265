//! The list of connections that have something to be written, as the writer takes it.

use std::sync::Arc;
use std::time::Instant;

use super::send_queue::When;
use super::socket::Socket;

/// Connections that have something to be written.
#[derive(Default)]
pub(crate) struct WriteList {
    pub(crate) now: Vec<Arc<Socket>>,
    /// At these moments; those that were written to together are due together.
    pub(crate) later: Vec<(Instant, Vec<Arc<Socket>>)>,
}

impl WriteList {
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
