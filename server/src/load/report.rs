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
    /// Processor time of those who read, for each arrival.
    pub(super) own_cpu_us_per_delivery: Option<f64>,
    /// Half of the arrivals were faster.
    pub(super) latency_p50_ms: f64,
    /// Nine tenths were faster.
    pub(super) latency_p90_ms: f64,
    /// Ninety-nine in a hundred were faster.
    pub(super) latency_p99_ms: f64,
    /// The slowest.
    pub(super) latency_max_ms: f64,
    /// Pings of somebody else meanwhile: half of their answers came sooner.
    pub(super) ping_p50_ms: f64,
    /// Ninety-nine in a hundred came sooner.
    pub(super) ping_p99_ms: f64,
    /// The median of the arrivals, in medians of a ping's round trip.
    pub(super) latency_p50_in_pings: f64,
    /// What ninety-nine in a hundred arrivals were faster than, in medians of a ping's round trip.
    pub(super) latency_p99_in_pings: f64,
    /// How long the server leaves a connection alone after a write, if it is the run's own.
    pub(super) write_rest_ms: Option<u32>,
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
    /// Resident memory of one connection with somebody on it.
    pub(super) resident_kib_per_connection: Option<f64>,
    /// Resident memory of one on which nobody has logged in, if there were any.
    pub(super) resident_kib_per_guest: Option<f64>,
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
        let own = or_unknown(self.own_cpu_us_per_delivery, "us");
        let on_core = if self.write_rest_ms.is_some() { ", on a core of their own" } else { "" };
        writeln!(f, "the readers' CPU  {own} a delivery{on_core}")?;
        writeln!(
            f,
            "latency           p50 {:.2} ms, p90 {:.2} ms, p99 {:.2} ms, max {:.2} ms",
            self.latency_p50_ms, self.latency_p90_ms, self.latency_p99_ms, self.latency_max_ms
        )?;
        writeln!(
            f,
            "a ping            p50 {:.2} ms, p99 {:.2} ms; in such medians arrivals took \
             p50 {:.1}, p99 {:.1}",
            self.ping_p50_ms,
            self.ping_p99_ms,
            self.latency_p50_in_pings,
            self.latency_p99_in_pings
        )?;
        match self.write_rest_ms {
            None => writeln!(f, "write_rest_ms     as that server is set")?,
            Some(0) => writeln!(f, "write_rest_ms     0: each presence goes out at once")?,
            Some(ms) => writeln!(f, "write_rest_ms     {ms}: a connection rests after a write")?,
        }
        writeln!(f, "order violations  {}", self.order_violations)?;
        if *slow > 0 {
            writeln!(f, "slow readers      {} of {slow} caught up", self.slow_caught_up)?;
        }
        if self.churned > 0 {
            writeln!(f, "churn             {} logins and logouts", self.churned)?;
        }
        let per_connection = or_unknown(self.resident_kib_per_connection, "KiB");
        writeln!(f, "server memory     {per_connection} a session")?;
        if let Some(kib) = self.resident_kib_per_guest {
            writeln!(f, "                  {kib:.2} KiB a connection on which nobody logs in")?;
        }
        Ok(())
    }
}
