//! What was measured, for people and for programs.

use std::fmt;

use serde::Serialize;

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    /// Sessions that were connected.
    pub(super) sessions: usize,
    /// Friends of the one who published.
    pub(super) friends: usize,
    /// Friends who read nothing until the end.
    pub(super) slow: usize,
    /// Publishes.
    pub(super) published: u64,
    /// Presences that arrived at friends who read.
    pub(super) deliveries: u64,
    /// How many there would be if each publish had reached each of them.
    pub(super) expected: u64,
    /// How long it took, from the first publish to the last arrival.
    pub(super) seconds: f64,
    /// Arrivals a second.
    pub(super) deliveries_per_second: f64,
    /// Processor time of the server for each arrival.
    pub(super) cpu_us_per_delivery: Option<f64>,
    /// Half of the arrivals were faster.
    pub(super) latency_p50_ms: f64,
    /// Nine tenths were faster.
    pub(super) latency_p90_ms: f64,
    /// Ninety-nine in a hundred were faster.
    pub(super) latency_p99_ms: f64,
    /// The slowest.
    pub(super) latency_max_ms: f64,
    /// Arrivals after a newer one.
    pub(super) order_violations: u64,
    /// Slow friends who received the newest presence once they read on.
    pub(super) slow_caught_up: usize,
    /// Logins and logouts meanwhile.
    pub(super) churned: u64,
    /// Resident memory of the server before anybody connected, in KiB.
    pub(super) resident_before_kib: Option<u64>,
    /// Resident memory when all were connected.
    pub(super) resident_connected_kib: Option<u64>,
    /// Resident memory at the end.
    pub(super) resident_after_kib: Option<u64>,
    /// Resident memory of one connection.
    pub(super) resident_kib_per_connection: Option<f64>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_unknown = |value: Option<f64>, unit: &str| {
            value.map_or_else(|| "not known".to_owned(), |value| format!("{value:.2} {unit}"))
        };
        let Self { sessions, friends, slow, published, deliveries, expected, .. } = self;
        writeln!(f, "sessions          {sessions}, {friends} of them friends of the publisher")?;
        writeln!(f, "published         {published} in {:.2} s", self.seconds)?;
        writeln!(f, "deliveries        {deliveries} of {expected}")?;
        writeln!(f, "a second          {:.0}", self.deliveries_per_second)?;
        writeln!(f, "server CPU        {} a delivery", or_unknown(self.cpu_us_per_delivery, "us"))?;
        writeln!(
            f,
            "latency           p50 {:.2} ms, p90 {:.2} ms, p99 {:.2} ms, max {:.2} ms",
            self.latency_p50_ms, self.latency_p90_ms, self.latency_p99_ms, self.latency_max_ms
        )?;
        writeln!(f, "order violations  {}", self.order_violations)?;
        if *slow > 0 {
            writeln!(f, "slow readers      {} of {slow} caught up", self.slow_caught_up)?;
        }
        if self.churned > 0 {
            writeln!(f, "churn             {} logins and logouts", self.churned)?;
        }
        let per_connection = or_unknown(self.resident_kib_per_connection, "KiB");
        writeln!(f, "server memory     {per_connection} a connection")
    }
}
