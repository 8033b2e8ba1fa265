//! One run of the load generator.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::client::Client;
use super::cpu::CpuTime;
use super::error::LoadError;
use super::measurements::Measurements;
use super::options::Options;
use super::report::Report;
use super::server::Server;
use crate::usage::Usage;

/// How many log in at once.
const LOGINS: usize = 32;
/// How often somebody pings: seldom enough to cost next to nothing, and not in step with publishes.
const PING_EVERY: Duration = Duration::from_millis(730);
/// How long nothing may arrive before the run is over.
const QUIET: Duration = Duration::from_secs(3);
/// How long the server is looked at to see whether it is at rest, and how often at most.
const REST: Duration = Duration::from_millis(200);
const REST_TRIES: usize = 25;

struct Load {
    options: Options,
    server: Server,
    measurements: Arc<Measurements>,
    progress: ProgressBar,
    /// Set when the slow readers are to read on.
    read_on: CancellationToken,
    /// The number of the last publish.
    last: Arc<AtomicU64>,
    /// Set when friends are to stop coming and going, and pings to be sent.
    over: Arc<AtomicBool>,
}

/// Puts a server under load and prints what was measured.
///
/// # Errors
/// Whatever kept it from measuring.
pub async fn run(options: Options) -> Result<(), LoadError> {
    // Draws nothing where there is no terminal.
    let progress = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{msg:12} {wide_bar} {pos}/{len} {elapsed}");
    progress.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let server = Server::prepare(&options, &progress).await?;
    let json = options.json;
    let read_on = CancellationToken::new();
    let measurements = Arc::new(Measurements::new());
    let last = Arc::new(AtomicU64::new(0));
    let mut load =
        Load { options, server, measurements, progress, read_on, last, over: Arc::default() };
    let report = load.measure().await;
    load.server.end();
    load.progress.finish_and_clear();
    let report = report?;
    if json {
        let text = serde_json::to_string_pretty(&report);
        println!("{}", text.map_err(|error| LoadError::new("no report", error))?);
    } else {
        print!("{report}");
    }
    Ok(())
}

impl Load {
    fn resident(&self) -> Option<u64> {
        Some(Usage::of(self.server.pid?)?.resident_kib)
    }

    fn cpu(&self) -> Option<CpuTime> {
        CpuTime::of(self.server.pid?)
    }

    async fn measure(&self) -> Result<Report, LoadError> {
        let resident_empty = self.resident();
        let guests = self.let_guests_in().await?;
        let resident_before = self.resident();
        let mut clients = self.log_in().await?;
        let resident_connected = self.resident();
        let friends = self.options.friends;
        let mut publisher = clients.remove(0);
        let mut others = clients.split_off(friends);
        let pings = self.ping(others.remove(0));
        let readers = self.readers(clients);
        let churn = self.churn();
        self.until_at_rest().await;
        let (cpu_before, own_cpu_before) = (self.cpu(), own_cpu());
        let start = Instant::now();
        let published = self.publish(&mut publisher).await?;
        let arrived = self.wait(published).await;
        let seconds = (arrived - start).as_secs_f64();
        let cpu = self.cpu().zip(cpu_before).map(|(after, before)| after.since(&before));
        let own_cpu = own_cpu().zip(own_cpu_before).map(|(after, before)| after.since(&before));
        self.over.store(true, Ordering::Release);
        let churned = if let Some(churn) = churn { churn.await.unwrap_or_default() } else { 0 };
        let slow_caught_up = self.catch_up(readers).await;
        let resident_after = self.resident();
        drop((publisher, others, guests));
        pings.await.map_err(|error| LoadError::new("no pings", error))??;
        let deliveries = self.measurements.deliveries.load(Ordering::Relaxed);
        let grown = |from: Option<u64>, to: Option<u64>, count: usize| {
            let grown = to?.saturating_sub(from?) as f64;
            (count > 0).then_some(grown / count as f64)
        };
        let a_delivery = |cpu: Duration| cpu.as_secs_f64() * 1e6 / deliveries.max(1) as f64;
        let ping_p50_ms = self.measurements.ping_percentile_ms(50.0);
        let in_pings = |percent| self.measurements.percentile_ms(percent) / ping_p50_ms;
        Ok(Report {
            sessions: self.options.sessions,
            friends,
            slow: self.options.slow,
            published,
            deliveries,
            expected: published * (friends - self.options.slow) as u64,
            seconds,
            deliveries_per_second: deliveries as f64 / seconds,
            cpu_us_per_delivery: cpu.map(a_delivery),
            own_cpu_us_per_delivery: own_cpu.map(a_delivery),
            latency_p50_ms: self.measurements.percentile_ms(50.0),
            latency_p90_ms: self.measurements.percentile_ms(90.0),
            latency_p99_ms: self.measurements.percentile_ms(99.0),
            latency_max_ms: self.measurements.percentile_ms(100.0),
            ping_p50_ms,
            ping_p99_ms: self.measurements.ping_percentile_ms(99.0),
            latency_p50_in_pings: in_pings(50.0),
            latency_p99_in_pings: in_pings(99.0),
            write_rest_ms: self.options.server.is_none().then_some(self.options.write_rest_ms),
            order_violations: self.measurements.disordered.load(Ordering::Relaxed),
            slow_caught_up,
            churned,
            resident_before_kib: resident_before,
            resident_connected_kib: resident_connected,
            resident_after_kib: resident_after,
            resident_kib_per_connection: grown(
                resident_before,
                resident_connected,
                self.options.sessions,
            ),
            resident_kib_per_guest: grown(resident_empty, resident_before, self.options.guests),
        })
    }

    /// Waits until the server has done what logins leave it to do, which is not what is measured:
    /// it is at rest when it uses less than a hundredth of a core. One that never is, is measured
    /// too.
    async fn until_at_rest(&self) {
        if self.options.churn > 0 {
            return;
        }
        for _ in 0..REST_TRIES {
            let before = self.cpu();
            tokio::time::sleep(REST).await;
            let used = self.cpu().zip(before).map(|(after, before)| after.since(&before));
            if used.is_none_or(|used| used < REST / 100) {
                return;
            }
        }
    }

    /// Opens connections on which nobody logs in.
    async fn let_guests_in(&self) -> Result<Vec<Client>, LoadError> {
        let mut guests = Vec::with_capacity(self.options.guests);
        while guests.len() < self.options.guests {
            guests.push(Client::connect(self.server.address, self.options.form).await?);
        }
        Ok(guests)
    }

    async fn log_in(&self) -> Result<Vec<Client>, LoadError> {
        self.progress.set_message("logins");
        self.progress.set_position(0);
        let permits = Arc::new(Semaphore::new(LOGINS));
        let mut logins = JoinSet::new();
        for (at, name) in self.server.names.iter().cloned().enumerate() {
            let (permits, to, form) = (permits.clone(), self.server.address, self.options.form);
            logins.spawn(async move {
                let _permit = permits.acquire_owned().await;
                Client::login(to, form, &name).await.map(|client| (at, client))
            });
        }
        let mut clients = Vec::with_capacity(self.server.names.len());
        while let Some(login) = logins.join_next().await {
            clients.push(login.map_err(|error| LoadError::new("a login failed", error))??);
            self.progress.inc(1);
        }
        clients.sort_unstable_by_key(|(at, _)| *at);
        Ok(clients.into_iter().map(|(_, client)| client).collect())
    }

    fn readers(&self, clients: Vec<Client>) -> JoinSet<bool> {
        let mut readers = JoinSet::new();
        for (at, mut client) in clients.into_iter().enumerate() {
            let (measurements, read_on, last) =
                (self.measurements.clone(), self.read_on.clone(), self.last.clone());
            let is_slow = at < self.options.slow;
            readers.spawn(async move {
                if is_slow {
                    read_on.cancelled().await;
                    return newest(&mut client, last.load(Ordering::Acquire)).await;
                }
                let mut newest = 0;
                while let Ok(text) = client.next_text().await {
                    measurements.receive(&text, &mut newest);
                }
                false
            });
        }
        readers
    }

    async fn publish(&self, publisher: &mut Client) -> Result<u64, LoadError> {
        self.progress.set_message("publishes");
        self.progress.set_position(0);
        let Options { rate, duration, burst, size, .. } = self.options;
        let count = burst.map_or_else(|| u64::from(rate) * duration.as_secs(), u64::from).max(1);
        self.progress.set_length(count);
        let mut pace = tokio::time::interval(Duration::from_secs(1) / rate);
        for number in 1..=count {
            if burst.is_none() {
                pace.tick().await;
            }
            publisher.publish(self.measurements.text(number, size)).await?;
            self.last.store(number, Ordering::Release);
            self.progress.inc(1);
        }
        Ok(count)
    }

    /// Lets somebody ping from now until the run is over, at least once.
    fn ping(&self, mut client: Client) -> tokio::task::JoinHandle<Result<(), LoadError>> {
        let (measurements, over) = (self.measurements.clone(), self.over.clone());
        tokio::spawn(async move {
            let mut pace = tokio::time::interval(PING_EVERY);
            loop {
                pace.tick().await;
                let sent = Instant::now();
                client.ping().await?;
                measurements.pinged(sent.elapsed());
                if over.load(Ordering::Acquire) {
                    return Ok(());
                }
            }
        })
    }

    /// Waits until everything has arrived, or nothing more does; returns when the last came.
    async fn wait(&self, published: u64) -> Instant {
        let expected = published * (self.options.friends - self.options.slow) as u64;
        let (mut count, mut at) = (0, Instant::now());
        loop {
            let now = self.measurements.deliveries.load(Ordering::Relaxed);
            if now != count {
                (count, at) = (now, Instant::now());
            }
            if now >= expected || at.elapsed() > QUIET {
                return at;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Lets friends come and go, each with one session more; the task returns how often.
    fn churn(&self) -> Option<tokio::task::JoinHandle<u64>> {
        let (per_second, friends) = (self.options.churn, self.options.friends);
        if per_second == 0 || friends == 0 {
            return None;
        }
        let (to, form) = (self.server.address, self.options.form);
        let names: Vec<_> = self.server.names[1..=friends].to_vec();
        let over = self.over.clone();
        Some(tokio::spawn(async move {
            let mut pace = tokio::time::interval(Duration::from_secs(1) / per_second);
            let mut count = 0;
            for name in names.iter().cycle() {
                pace.tick().await;
                if over.load(Ordering::Acquire) {
                    break;
                }
                if let Ok(client) = Client::login(to, form, name).await {
                    client.close().await;
                    count += 1;
                }
            }
            count
        }))
    }

    /// Lets the slow readers read on; returns how many receive the newest presence.
    async fn catch_up(&self, mut readers: JoinSet<bool>) -> usize {
        self.read_on.cancel();
        let mut caught_up = 0;
        let all = async {
            while caught_up < self.options.slow {
                match readers.join_next().await {
                    Some(Ok(true)) => caught_up += 1,
                    Some(_) => {}
                    None => return,
                }
            }
        };
        // Those who have not by then do not count.
        let _ = tokio::time::timeout(Duration::from_secs(20), all).await;
        caught_up
    }
}

/// Returns the processor time of this process.
fn own_cpu() -> Option<CpuTime> {
    CpuTime::of(std::process::id())
}

/// Reads until the newest presence comes; returns whether it came.
async fn newest(client: &mut Client, newest: u64) -> bool {
    while let Ok(text) = client.next_text().await {
        let number = text.split(' ').next().and_then(|number| number.parse::<u64>().ok());
        if number == Some(newest) {
            return true;
        }
    }
    false
}
