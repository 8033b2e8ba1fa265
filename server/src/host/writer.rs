//! What the engine's thread hands to the writer's thread.
//!
//! The engine says once for many who is told what; the frames are made and written on the other
//! side, where a connection's queue is touched once for both. So a fan-out takes the engine's
//! thread the time of deciding it, and the order of what is handed over is the order in which each
//! connection gets it.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::changed_queues::ChangedQueues;
use super::jobs::Job;
use super::metrics::Metrics;
use super::writing::Writing;

/// How many jobs may wait. The engine's thread waits when there are more, and so do those who give
/// it commands: what is decided for a connection that takes nothing is bounded by this until the
/// engine knows of it.
const JOBS: usize = 256;

/// The engine's end: hands jobs to the thread.
#[derive(Clone)]
pub(crate) struct Writer {
    jobs: SyncSender<Job>,
}

impl Writer {
    /// Returns both ends. After a write a connection has this rest; what gathers meanwhile waits a
    /// quarter longer for something that it can go out with.
    pub(crate) fn new(
        rest: Duration,
        queues: Arc<ChangedQueues>,
        metrics: Arc<Metrics>,
    ) -> (Self, Writing) {
        let (jobs, incoming) = sync_channel(JOBS);
        (Self { jobs }, Writing::new(incoming, rest, queues, metrics))
    }

    /// Starts the thread, which ends when the last `Writer` is gone.
    pub(crate) fn start(
        rest: Duration,
        queues: Arc<ChangedQueues>,
        metrics: Arc<Metrics>,
    ) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (writer, writing) = Self::new(rest, queues, metrics);
        let thread = std::thread::Builder::new()
            .name("adsum-writer".to_owned())
            .spawn(move || writing.run())?;
        Ok((writer, thread))
    }

    /// Hands a job over.
    pub(super) fn give(&self, job: Job) {
        // The thread ends only after all who could send.
        let _ = self.jobs.send(job);
    }
}
