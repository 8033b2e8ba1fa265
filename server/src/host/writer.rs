//! The thread that writes to connections.
//!
//! The engine's thread hands over whole lists, so this is one wake-up for a fan-out instead of one
//! for each receiver. A connection that was written to a moment ago is left alone for a short
//! while: what comes for it meanwhile goes out in one write. Most of what a delivery costs is
//! the system's, and that is paid for each write, not for each frame.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::outbox::{Flushed, Rest, Socket};
use super::worklist::{Worklist, Writable};

/// So many are written to as if it were at one moment: they are due together again, and are
/// written to one after the other then, which is cheaper than a wake-up for each.
const TOGETHER: usize = 256;
/// What is due so soon is due now.
const SOON: Duration = Duration::from_millis(2);

/// Hands connections to the thread.
#[derive(Clone)]
pub(crate) struct Writer {
    lists: Sender<Worklist>,
}

impl Writer {
    /// Starts the thread; it ends when the last `Writer` is gone. After a write a connection has a
    /// rest, which may last so much longer than `rest` as `patience` says until something comes
    /// that can go with what has gathered.
    pub(crate) fn start(
        rest: Duration,
        patience: Duration,
        writable: Arc<Writable>,
    ) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (lists, incoming) = channel();
        let writing = Writing { rest, patience, writable, later: BTreeMap::new() };
        let thread = std::thread::Builder::new()
            .name("adsum-writer".to_owned())
            .spawn(move || writing.run(&incoming))?;
        Ok((Self { lists }, thread))
    }

    /// All of these have something to be written.
    pub(crate) fn write(&self, list: Worklist) {
        // The thread ends after all who could send.
        let _ = self.lists.send(list);
    }
}

struct Writing {
    rest: Duration,
    patience: Duration,
    writable: Arc<Writable>,
    /// Connections that have a rest, and until when at the latest.
    later: BTreeMap<Instant, Vec<Arc<Socket>>>,
}

impl Writing {
    fn run(mut self, incoming: &Receiver<Worklist>) {
        loop {
            let list = match self.later.first_key_value() {
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
        for socket in self.later.into_values().flatten() {
            socket.flush();
        }
    }

    fn take(&mut self, list: Worklist) {
        for (at, mut sockets) in list.later {
            self.later.entry(at).or_default().append(&mut sockets);
        }
        self.write_all(&list.now);
    }

    fn write_due(&mut self) {
        let now = Instant::now();
        // A wake-up costs more than they could wait for.
        while let Some(first) = self.later.first_entry().filter(|first| *first.key() <= now + SOON)
        {
            let (at, mut sockets) = first.remove_entry();
            sockets.retain(|socket| socket.is_due(at));
            self.write_all(&sockets);
        }
    }

    fn write_all(&self, sockets: &[Arc<Socket>]) {
        for sockets in sockets.chunks(TOGETHER) {
            let until = Instant::now() + self.rest;
            let rest = Rest { until, at_latest: until + self.patience };
            for socket in sockets {
                let flushed = match self.rest.is_zero() {
                    true => socket.flush(),
                    false => socket.flush_and_rest(rest),
                };
                self.writable.report(flushed);
            }
        }
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
