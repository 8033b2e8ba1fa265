//! The thread that writes to connections.
//!
//! A job that is alone is written at once, frame by frame as they are made. What is there at the
//! same moment goes out together, in one write for each connection: most of the cost of a delivery
//! is the system's, which is paid for each write, not for each frame. Where the settings say so, a
//! connection that was written to a moment ago is left alone for a while as well.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use adsum::{Slot, SlotMap};

use super::changed_queues::ChangedQueues;
use super::jobs::{Goodbye, Job, Outgoing};
use super::metrics::Metrics;
use super::presence_frames::PresenceFrames;
use super::transport::send_queue::{Rest, When};
use super::transport::socket::Socket;
use super::transport::wire::Wire;
use super::v1::told::Told;

/// How many receivers are fetched into the caches before the first of them gets its notice.
const LOOK_AHEAD: usize = 16;
/// The most jobs that go out together: the first of them waits for the last.
const TOGETHER: usize = 256;
/// How many are written to as if at one moment: they are due together again, and are then written
/// to one after the other, which is cheaper than a wake-up for each.
const AT_ONE_MOMENT: usize = 256;
/// What is due within this time is due now.
const SOON: Duration = Duration::from_millis(2);

/// The writer's end: the connections of all sessions, and what is to be written to them.
pub(crate) struct Writing {
    incoming: Receiver<Job>,
    sockets: SlotMap<Arc<Socket>>,
    listed: Listed,
    /// Where a frame is made that is written at once.
    scratch: Vec<u8>,
    queues: Arc<ChangedQueues>,
    metrics: Arc<Metrics>,
}

/// Connections that have something to be written.
struct Listed {
    rest: Duration,
    patience: Duration,
    now: Vec<Arc<Socket>>,
    /// Connections that have a rest, and when it is over at the latest.
    later: BTreeMap<Instant, Vec<Arc<Socket>>>,
}

impl Writing {
    pub(super) fn new(
        incoming: Receiver<Job>,
        rest: Duration,
        queues: Arc<ChangedQueues>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let listed = Listed { rest, patience: rest / 4, now: Vec::new(), later: BTreeMap::new() };
        let (sockets, scratch) = (SlotMap::new(), Vec::new());
        Self { incoming, sockets, listed, scratch, queues, metrics }
    }

    /// Does jobs until nobody can hand over any more.
    pub(super) fn run(mut self) {
        loop {
            let first = match self.listed.later.first_key_value() {
                None => self.incoming.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some((at, _)) => {
                    self.incoming.recv_timeout(at.saturating_duration_since(Instant::now()))
                }
            };
            match first {
                Ok(job) => self.take(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.write_due();
        }
        for socket in self.listed.later.into_values().flatten() {
            socket.flush();
        }
    }

    /// Does all jobs that are there.
    #[cfg(test)]
    pub(super) fn take_all(&mut self) {
        while let Ok(job) = self.incoming.try_recv() {
            self.take(job);
        }
    }

    /// Does a job, and those that are there already.
    fn take(&mut self, job: Job) {
        let Ok(second) = self.incoming.try_recv() else {
            let alone = self.listed.rest.is_zero();
            self.work(job, alone);
            return self.write_listed();
        };
        self.work(job, false);
        self.work(second, false);
        for _ in 2..TOGETHER {
            match self.incoming.try_recv() {
                Ok(job) => self.work(job, false),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        self.write_listed();
    }

    fn work(&mut self, job: Job, alone: bool) {
        match job {
            Job::Attach(session, socket) => drop(self.sockets.insert(session, socket)),
            Job::Detach(session) => drop(self.sockets.remove(session)),
            Job::Presence(outgoing) => self.present(*outgoing, alone),
            Job::Told(told, to) => self.tell(&told, &to, alone),
            Job::Frame(session, frame) => {
                let Some(socket) = self.sockets.get(session) else { return };
                let payload = |buffer: &mut Vec<u8>| buffer.extend_from_slice(&frame);
                let appended = socket.append(Instant::now(), frame.len(), payload);
                self.listed.note(socket, appended.list);
                if appended.over {
                    self.queues.report(socket.flush());
                }
            }
            Job::Close(session, Goodbye { code, reason, last }) => {
                if let Some(socket) = self.sockets.remove(session) {
                    socket.close(code, reason, &last);
                }
            }
        }
    }

    /// Makes a presence's frame for each receiver, and writes it or puts it into the queue.
    fn present(&mut self, outgoing: Outgoing, alone: bool) {
        let Self { sockets, listed, scratch, queues, metrics, .. } = self;
        let Outgoing { presence, extend, to } = outgoing;
        let mut frames = PresenceFrames::of(&presence, extend);
        let now = Instant::now();
        let mut guess = 192;
        for (at, slot) in to.iter().enumerate() {
            if at % LOOK_AHEAD == 0 {
                fetch(sockets, &to[at..to.len().min(at + LOOK_AHEAD)]);
            }
            let Some((_, socket)) = sockets.at(*slot) else { continue };
            let Some(receiver) = socket.receiver() else { continue };
            let Some(form) = receiver.wire.form() else { continue };
            let prepared = frames.get(form, metrics);
            let expected = guess;
            let payload = |buffer: &mut Vec<u8>| {
                let before = buffer.len();
                prepared.write_for(&receiver.node, buffer);
                guess = buffer.len() - before;
            };
            let flushed = if alone {
                socket.send(scratch, expected, payload)
            } else {
                let appended = socket.append(now, expected, payload);
                listed.note(socket, appended.list);
                if !appended.over {
                    continue;
                }
                // A queue is full only if the system takes no more of it.
                socket.flush()
            };
            queues.report(flushed);
        }
    }

    /// Tells something to each receiver that speaks the neutral protocol: the same frames to all.
    fn tell(&mut self, told: &Told, to: &[Slot], alone: bool) {
        let Self { sockets, listed, scratch, queues, metrics, .. } = self;
        let mut made: Option<Vec<Vec<u8>>> = None;
        let now = Instant::now();
        for (at, slot) in to.iter().enumerate() {
            if at % LOOK_AHEAD == 0 {
                fetch(sockets, &to[at..to.len().min(at + LOOK_AHEAD)]);
            }
            let Some((_, socket)) = sockets.at(*slot) else { continue };
            if socket.receiver().is_none_or(|receiver| receiver.wire != Wire::V1) {
                continue;
            }
            let frames = made.get_or_insert_with(|| {
                metrics.encoded(Wire::V1);
                told.frames()
            });
            for frame in frames {
                let payload = |buffer: &mut Vec<u8>| buffer.extend_from_slice(frame);
                if alone {
                    queues.report(socket.send(scratch, frame.len(), payload));
                    continue;
                }
                let appended = socket.append(now, frame.len(), payload);
                listed.note(socket, appended.list);
                if appended.over {
                    queues.report(socket.flush());
                }
            }
        }
    }

    fn write_listed(&mut self) {
        let mut sockets = std::mem::take(&mut self.listed.now);
        self.write_all(&sockets);
        sockets.clear();
        self.listed.now = sockets;
    }

    fn write_due(&mut self) {
        let now = Instant::now();
        // A wake-up for each would cost more than what their waiting longer gains.
        while let Some(first) =
            self.listed.later.first_entry().filter(|first| *first.key() <= now + SOON)
        {
            let (at, mut sockets) = first.remove_entry();
            sockets.retain(|socket| socket.is_due(at));
            self.write_all(&sockets);
        }
    }

    fn write_all(&self, sockets: &[Arc<Socket>]) {
        let Listed { rest, patience, .. } = self.listed;
        for sockets in sockets.chunks(AT_ONE_MOMENT) {
            let until = Instant::now() + rest;
            let at_latest = until + patience;
            for socket in sockets {
                let flushed = match rest.is_zero() {
                    true => socket.flush(),
                    false => socket.flush_and_rest(Rest { until, at_latest }),
                };
                self.queues.report(flushed);
            }
        }
    }
}

impl Listed {
    /// Notes when a connection is to be written to, if anybody is to.
    fn note(&mut self, socket: &Arc<Socket>, when: Option<When>) {
        match when {
            None => {}
            Some(When::Now) => self.now.push(socket.clone()),
            Some(When::At(at)) => self.later.entry(at).or_default().push(socket.clone()),
        }
    }
}

/// Reads something of each of these receivers. By the next notice hardly any of them are in the
/// caches, and such a read does not wait for the one before it, while taking a lock does.
fn fetch(sockets: &SlotMap<Arc<Socket>>, to: &[Slot]) {
    let sockets = to.iter().filter_map(|slot| sockets.at(*slot));
    std::hint::black_box(sockets.fold(0, |read, (_, socket)| read ^ socket.touch()));
}
