//! What is counted of webhooks.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// What is counted of webhooks; clones count together.
#[derive(Clone, Debug)]
pub(crate) struct WebhookMetrics {
    sent: Counter,
    retries: Counter,
    dropped: Counter,
    waiting: Gauge,
    latency: Histogram,
}

impl Default for WebhookMetrics {
    fn default() -> Self {
        Self {
            sent: Counter::default(),
            retries: Counter::default(),
            dropped: Counter::default(),
            waiting: Gauge::default(),
            latency: Histogram::new(exponential_buckets(1e-3, 4.0, 9)),
        }
    }
}

impl WebhookMetrics {
    pub(crate) fn register(&self, to: &mut Registry) {
        to.register("webhook_edges", "Edges that the webhook has taken", self.sent.clone());
        to.register(
            "webhook_retries",
            "Posts to the webhook that failed and are tried again",
            self.retries.clone(),
        );
        to.register(
            "webhook_dropped",
            "Edges that were dropped: too many users waited, or the webhook failed for too long",
            self.dropped.clone(),
        );
        to.register(
            "webhook_waiting",
            "Users of whom the webhook is to be told",
            self.waiting.clone(),
        );
        to.register_with_unit(
            "webhook_latency",
            "Time from an edge until the webhook has taken it",
            Unit::Seconds,
            self.latency.clone(),
        );
    }

    pub(super) fn sent(&self, edges: usize) {
        self.sent.inc_by(edges as u64);
    }

    pub(super) fn latency(&self, time: Duration) {
        self.latency.observe(time.as_secs_f64());
    }

    pub(super) fn retried(&self) {
        self.retries.inc();
    }

    pub(super) fn dropped(&self, edges: usize) {
        self.dropped.inc_by(edges as u64);
    }

    pub(super) fn waiting(&self, users: usize) {
        self.waiting.set(users as i64);
    }

    /// Returns how many edges were dropped and how many wait.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (u64, i64) {
        (self.dropped.get(), self.waiting.get())
    }
}
