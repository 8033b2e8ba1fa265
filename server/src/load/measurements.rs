//! What the clients receive, and how late.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// What all clients together have received.
pub(super) struct Measurements {
    start: Instant,
    pub(super) deliveries: AtomicU64,
    /// Notices that came after a newer one of the same sender.
    pub(super) disordered: AtomicU64,
    latencies: Mutex<Histogram<u64>>,
    pings: Mutex<Histogram<u64>>,
}

fn histogram() -> Mutex<Histogram<u64>> {
    // From a microsecond to a minute, to within one percent.
    let histogram = Histogram::new_with_bounds(1, 60_000_000, 2)
        .unwrap_or_else(|_| unreachable!("bounds in the right order"));
    Mutex::new(histogram)
}

fn record(histogram: &Mutex<Histogram<u64>>, us: u64) {
    histogram.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(us.max(1));
}

fn percentile_ms(histogram: &Mutex<Histogram<u64>>, percent: f64) -> f64 {
    let histogram = histogram.lock().unwrap_or_else(PoisonError::into_inner);
    histogram.value_at_percentile(percent) as f64 / 1_000.0
}

impl Measurements {
    pub(super) fn new() -> Self {
        Self {
            start: Instant::now(),
            deliveries: AtomicU64::new(0),
            disordered: AtomicU64::new(0),
            latencies: histogram(),
            pings: histogram(),
        }
    }

    /// Returns the text of a presence that is published now.
    pub(super) fn text(&self, number: u64, size: usize) -> String {
        let mut text = format!("{number} {} ", self.start.elapsed().as_micros());
        text.extend(std::iter::repeat_n('.', size.saturating_sub(text.len())));
        text
    }

    /// Counts such a text as received; `last` is the number of the newest that the receiver has.
    pub(super) fn receive(&self, text: &str, last: &mut u64) {
        let mut parts = text.split(' ').map(str::parse::<u64>);
        let (Some(Ok(number)), Some(Ok(sent))) = (parts.next(), parts.next()) else { return };
        if number < *last {
            self.disordered.fetch_add(1, Ordering::Relaxed);
        }
        *last = number.max(*last);
        let took = (self.start.elapsed().as_micros() as u64).saturating_sub(sent);
        record(&self.latencies, took);
        self.deliveries.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the latency that this many percent were below, in milliseconds.
    pub(super) fn percentile_ms(&self, percent: f64) -> f64 {
        percentile_ms(&self.latencies, percent)
    }

    /// Counts a ping that took this long until its answer came.
    pub(super) fn pinged(&self, took: Duration) {
        record(&self.pings, took.as_micros() as u64);
    }

    /// Returns the round trip that this many percent of the pings were below, in milliseconds.
    pub(super) fn ping_percentile_ms(&self, percent: f64) -> f64 {
        percentile_ms(&self.pings, percent)
    }
}
