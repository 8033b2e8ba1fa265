//! The thread that writes to connections.
//!
//! The engine's thread hands over whole lists, so this is one wake-up for a fan-out instead of one
//! for each receiver. What is there at one moment for one connection goes out in one write. Where
//! the settings say so, a connection that was written to a moment ago is left alone for a while as
//! well, and what comes for it meanwhile goes out in one write too: most of the cost of a delivery
//! is the system's, which is paid for each write, not for each frame.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::changed_queues::ChangedQueues;
use super::transport::send_queue::Rest;
use super::transport::socket::Socket;
use super::transport::write_list::WriteList;

/// How many are written to as if at one moment: they are due together again, and are then written
/// to one after the other, which is cheaper than a wake-up for each.
const TOGETHER: usize = 256;
/// What is due within this time is due now.
const SOON: Duration = Duration::from_millis(2);

/// Hands connections to the thread.
#[derive(Clone)]
pub(crate) struct Writer {
    lists: Sender<WriteList>,
}

impl Writer {
    /// Starts the thread, which ends when the last `Writer` is gone. After a write a connection has
    /// this rest; what gathers meanwhile waits a quarter longer for something that it can go out
    /// with.
    pub(crate) fn start(
        rest: Duration,
        queues: Arc<ChangedQueues>,
    ) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (lists, incoming) = channel();
        let writing = Writing { rest, patience: rest / 4, queues, later: BTreeMap::new() };
        let thread = std::thread::Builder::new()
            .name("adsum-writer".to_owned())
            .spawn(move || writing.run(&incoming))?;
        Ok((Self { lists }, thread))
    }

    /// Hands over connections that have something to be written.
    pub(crate) fn write(&self, list: WriteList) {
        // The thread ends only after all who could send.
        let _ = self.lists.send(list);
    }
}

struct Writing {
    rest: Duration,
    patience: Duration,
    queues: Arc<ChangedQueues>,
    /// Connections that have a rest, and when it is over at the latest.
    later: BTreeMap<Instant, Vec<Arc<Socket>>>,
}

impl Writing {
    fn run(mut self, incoming: &Receiver<WriteList>) {
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

    fn take(&mut self, list: WriteList) {
        for (at, mut sockets) in list.later {
            self.later.entry(at).or_default().append(&mut sockets);
        }
        self.write_all(&list.now);
    }

    fn write_due(&mut self) {
        let now = Instant::now();
        // A wake-up for each would cost more than what their waiting longer gains.
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
                self.queues.report(flushed);
            }
        }
    }
}
