//! The loop of the engine's thread.

use std::time::Instant;

use adsum::{Engine, Time};
use tokio::sync::mpsc::Receiver;

use super::core::Core;
use crate::host::command::Command;

/// The most commands between two looks at the clock and at the queues that have changed.
const BATCH: usize = 256;

impl Core {
    /// Takes commands until it is told to stop.
    pub(crate) async fn run(mut self, mut commands: Receiver<Command>) {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let bound = self.engine.deadline().map(|at| self.clock.wait_until(at));
            let deadline = [bound, self.pending.next_due()].into_iter().flatten().min();
            let taken = commands.recv_many(&mut batch, BATCH);
            let count = match deadline {
                Some(at) => tokio::time::timeout_at(at.into(), taken).await.unwrap_or(usize::MAX),
                None => taken.await,
            };
            if count == 0 {
                return;
            }
            self.metrics.queue_depth(commands.len());
            let started = Instant::now();
            self.begin_turn(started, bound.is_some());
            let worked = self.advance() || !batch.is_empty();
            if batch.len() > 1 {
                self.engine.prefetch(batch.iter().filter_map(Command::session));
            }
            let mut exchanged = started;
            for command in batch.drain(..) {
                if matches!(command, Command::Stop) {
                    return;
                }
                self.metrics.event(&command);
                self.take(command);
                self.settle();
                self.exchange_in_time(&mut exchanged);
            }
            self.review_queues();
            self.exchange();
            if worked {
                self.metrics.batch(started.elapsed());
            }
        }
    }

    fn begin_turn(&mut self, now: Instant, bounded: bool) {
        let stalled = self.clock.turn(now, bounded);
        self.dispatch.now = self.clock.now();
        self.dispatch.v1_notices.now = self.clock.now();
        if !stalled.is_zero() {
            self.metrics.stalled(stalled);
            tracing::warn!(
                ms = stalled.as_millis() as u64,
                "the server did not get to run; what is due of clients is put off by as much"
            );
        }
    }

    /// Does all that is due, before any command; returns whether anything was.
    pub(super) fn advance(&mut self) -> bool {
        let now = self.clock.now();
        let is_due = |at: Option<Time>| at.is_some_and(|at| at <= now);
        let mut worked = is_due(self.engine.deadline());
        if worked {
            self.dispatch.carry_out(self.engine.advance(now));
            self.settle();
        }
        // The engine may have done a part of it.
        while is_due(Engine::deadline(&self.engine)) {
            self.dispatch.carry_out(self.engine.advance(now));
            self.settle();
            worked = true;
        }
        let now = Instant::now();
        while let Some(pending) = self.pending.take_due(now) {
            self.finish_replacement(pending);
            worked = true;
        }
        self.settle();
        worked
    }

    /// Looks at the queues that have become full, or have emptied.
    pub(super) fn review_queues(&mut self) {
        for session in self.queues.take() {
            self.queue_changed(session);
            self.settle();
        }
    }
}
