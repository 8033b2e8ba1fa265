//! The thread that writes to connections.
//!
//! The engine's thread hands over whole lists, so this is one wake-up for a fan-out instead of one
//! for each receiver. A connection that was written to a moment ago is left alone for a short
//! while: what comes for it meanwhile goes out in one write. Most of what a delivery costs is
//! the system's, and that is paid for each write, not for each frame.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::outbox::{Flushed, Socket};
use super::worklist::Writable;

/// Hands connections to the thread.
#[derive(Clone)]
pub(crate) struct Writer {
    lists: Sender<Vec<Arc<Socket>>>,
}

impl Writer {
    /// Starts the thread; it ends when the last `Writer` is gone.
    pub(crate) fn start(
        rest: Duration,
        writable: Arc<Writable>,
    ) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (lists, incoming) = channel();
        let thread = std::thread::Builder::new()
            .name("adsum-writer".to_owned())
            .spawn(move || Writing { rest, writable, later: VecDeque::new() }.run(&incoming))?;
        Ok((Self { lists }, thread))
    }

    /// All of these have something to be written.
    pub(crate) fn write(&self, list: Vec<Arc<Socket>>) {
        // The thread ends after all who could send.
        let _ = self.lists.send(list);
    }
}

struct Writing {
    rest: Duration,
    writable: Arc<Writable>,
    /// Connections that have a rest, and until when.
    later: VecDeque<(Instant, Arc<Socket>)>,
}

impl Writing {
    fn run(mut self, incoming: &Receiver<Vec<Arc<Socket>>>) {
        loop {
            let list = match self.later.front() {
                None => incoming.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some((at, _)) => {
                    incoming.recv_timeout(at.saturating_duration_since(Instant::now()))
                }
            };
            match list {
                Ok(list) => self.take(list),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.write_due();
        }
        for (_, socket) in self.later {
            socket.flush();
        }
    }

    fn take(&mut self, list: Vec<Arc<Socket>>) {
        for socket in list {
            let now = Instant::now();
            match socket.rest(now) {
                // In the order of the moments, to within a rest: nobody waits twice as long.
                Some(until) => self.later.push_back((until, socket)),
                None => self.flush(&socket, now),
            }
        }
    }

    fn write_due(&mut self) {
        let mut now = Instant::now();
        while self.later.front().is_some_and(|(at, _)| *at <= now) {
            let Some((_, socket)) = self.later.pop_front() else { break };
            self.flush(&socket, now);
            now = Instant::now();
        }
    }

    fn flush(&self, socket: &Socket, now: Instant) {
        let flushed = if self.rest.is_zero() {
            socket.flush()
        } else {
            socket.flush_and_rest(now + self.rest)
        };
        self.writable.report(flushed);
    }
}

impl Writable {
    /// Tells the engine's thread, if there is something to tell.
    pub(crate) fn report(&self, flushed: Flushed) {
        if let Some(session) = flushed.writable {
            self.push(session);
        }
    }
}
