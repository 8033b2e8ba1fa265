//! Measures what a delivery costs the server and how long it takes, against bare writes and pings.
//!
//! The floor of the cost is a loop that writes the same bytes to as many sockets on the loopback
//! interface, at the same pace, each delivery for itself, and does nothing else. It takes turns
//! with the server under load, so that whatever else the machine does weighs on both. The measure
//! of latency is the round trip of a ping in the same run. Fails if the server takes more of either
//! than it may.

use std::io::{self, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use adsum_server::load::cores;
use adsum_tim::{Form, Tid, TimPresence};
use cpu_time::ThreadTime;
use serde::Deserialize;
use tokio::task::JoinSet;

const SESSIONS: usize = 1_000;
const FRIENDS: usize = 200;
/// Publishes a second, for so many seconds.
const RATES: [(u32, u32); 4] = [(1, 10), (10, 8), (50, 6), (200, 5)];
const BURST: u32 = 1_000;
const ROUNDS: usize = 3;

/// The server's time for a delivery, in bare writes, when publishes are paced and each delivery is
/// written for itself. At one a second, with everything out of the caches, what a publish costs
/// besides its writes weighs as much as half of them.
const PACED_AT_MOST: [f64; 4] = [2.0, 1.15, 1.15, 1.15];
/// The same in bursts, in which what is there at once for a connection goes out in one write.
const BURST_AT_MOST: f64 = 0.2;
/// Half of the paced deliveries must have come by then, in medians of a ping's round trip, or not
/// much later than half of the bare writes.
const P50_AT_MOST: f64 = 5.0;
const P50_OF_BARE_AT_MOST: f64 = 1.25;
/// Ninety-nine in a hundred of them must have.
const P99_AT_MOST: f64 = 30.0;
/// Memory of a connection with somebody on it, and of one with nobody yet. So many of these that
/// what the process touches for the first time with them, half a megabyte, hardly counts as theirs.
const MEMORY_AT_MOST_KIB: f64 = 10.0;
const GUEST_AT_MOST_KIB: f64 = 6.0;
const GUESTS: &str = "4000";
/// On a machine that does something else all the while no round may come out right, so all of them
/// are repeated once.
const ATTEMPTS: usize = 2;

/// What `adsum-server load --json` says, as far as it matters here.
#[derive(Deserialize)]
struct Load {
    deliveries: u64,
    expected: u64,
    order_violations: u64,
    cpu_us_per_delivery: Option<f64>,
    ping_p50_ms: f64,
    latency_p50_in_pings: f64,
    latency_p99_in_pings: f64,
    resident_kib_per_connection: Option<f64>,
    resident_kib_per_guest: Option<f64>,
}

fn load<const N: usize>(flags: [&str; N]) -> Result<Load, Box<dyn std::error::Error>> {
    let out = Command::new(env!("CARGO_BIN_EXE_adsum-server"))
        .args(["load", "--json", "--sessions", &SESSIONS.to_string(), "--guests", GUESTS])
        .args(["--friends", &FRIENDS.to_string()])
        .args(flags)
        .output()?;
    if !out.status.success() {
        return Err(String::from_utf8_lossy(&out.stderr).into());
    }
    let load: Load = serde_json::from_slice(&out.stdout)?;
    if load.deliveries != load.expected || load.order_violations > 0 {
        let Load { deliveries, expected, order_violations, .. } = load;
        let fault = format!("{deliveries} of {expected} arrived, {order_violations} out of order");
        return Err(fault.into());
    }
    Ok(load)
}

/// A frame as a friend gets it, with the WebSocket's header.
fn frame() -> Vec<u8> {
    let node = "x".repeat(11);
    let presence = TimPresence {
        id: Some(1),
        from_tid: Some(Tid::of(node.as_str())),
        status: Some("1 1234567 ......".to_owned()),
        ..TimPresence::default()
    };
    let payload = presence.prepare(Form::Json).for_receiver(&node);
    [&[0x82, 126, 0, payload.len() as u8], payload.as_slice()].concat()
}

/// Sockets that somebody reads, as the clients of the load generator do: one thread, many sockets.
struct Bare {
    ends: Vec<TcpStream>,
    read: Arc<Read>,
}

/// What was read of the bare writes, and when.
#[derive(Default)]
struct Read {
    bytes: AtomicU64,
    began: Mutex<Option<Instant>>,
    arrivals: Mutex<Vec<Duration>>,
}

/// What a bare write costs, and when half of those to all friends have come.
struct Floor {
    us: f64,
    p50_ms: f64,
}

impl Bare {
    fn open() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let read = Arc::new(Read::default());
        let (mut ends, mut others) = (Vec::with_capacity(FRIENDS), Vec::with_capacity(FRIENDS));
        for _ in 0..FRIENDS {
            let other = TcpStream::connect(listener.local_addr()?)?;
            let (end, _) = listener.accept()?;
            end.set_nodelay(true)?;
            ends.push(end);
            other.set_nonblocking(true)?;
            others.push(other);
        }
        let of_readers = read.clone();
        thread::spawn(move || read_all(others, &of_readers));
        Ok(Self { ends, read })
    }

    /// Writes `publishes` frames to each, on the cores that the server has under load.
    fn write(&mut self, publishes: u32, pace: Option<Duration>) -> io::Result<Floor> {
        let here = || {
            cores::leave_the_last();
            self.write_here(publishes, pace)
        };
        thread::scope(|scope| scope.spawn(here).join().expect("a write"))
    }

    fn write_here(&mut self, publishes: u32, pace: Option<Duration>) -> io::Result<Floor> {
        let frame = frame();
        let started = Instant::now();
        let before = self.read.bytes.load(Ordering::Relaxed);
        self.read.arrivals.lock().unwrap().clear();
        let mut took = Duration::ZERO;
        for number in 0..publishes {
            if let Some(pace) = pace {
                thread::sleep((started + pace * number).saturating_duration_since(Instant::now()));
            }
            *self.read.began.lock().unwrap() = Some(Instant::now());
            let start = ThreadTime::try_now()?;
            for end in &mut self.ends {
                end.write_all(&frame)?;
            }
            took += start.try_elapsed()?;
        }
        let writes = u64::from(publishes) * FRIENDS as u64;
        while self.read.bytes.load(Ordering::Relaxed) - before < writes * frame.len() as u64 {
            thread::sleep(Duration::from_millis(1));
        }
        let mut arrivals = std::mem::take(&mut *self.read.arrivals.lock().unwrap());
        arrivals.sort_unstable();
        let p50_ms = arrivals[arrivals.len() / 2].as_secs_f64() * 1e3;
        Ok(Floor { us: took.as_secs_f64() * 1e6 / writes as f64, p50_ms })
    }
}

/// Reads what is written, to its end.
fn read_all(ends: Vec<TcpStream>, read: &Arc<Read>) {
    cores::take_the_last();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    runtime.block_on(async {
        let mut readers = JoinSet::new();
        for end in ends {
            let end = tokio::net::TcpStream::from_std(end).unwrap();
            readers.spawn(count(end, read.clone()));
        }
        readers.join_all().await;
    });
}

async fn count(end: tokio::net::TcpStream, read: Arc<Read>) {
    let mut buffer = [0; 4_096];
    while end.readable().await.is_ok() {
        match end.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(bytes) => {
                let began = *read.began.lock().unwrap();
                read.arrivals.lock().unwrap().extend(began.map(|began| began.elapsed()));
                read.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
}

/// The round in which others disturbed least counts: what costs too much does so in all of them.
fn least(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(f64::INFINITY, f64::min)
}

/// What several rounds came to.
#[derive(Default)]
struct Rounds {
    server_us: Vec<f64>,
    bare_us: Vec<f64>,
    bare_p50_in_pings: Vec<f64>,
    p50_in_pings: Vec<f64>,
    p99_in_pings: Vec<f64>,
    memory_kib: Vec<f64>,
    guest_kib: Vec<f64>,
}

impl Rounds {
    fn add(&mut self, floor: &Floor, load: &Load) -> Result<(), &'static str> {
        let untold = "this system does not say what a process uses";
        self.server_us.push(load.cpu_us_per_delivery.ok_or(untold)?);
        self.bare_us.push(floor.us);
        self.bare_p50_in_pings.push(floor.p50_ms / load.ping_p50_ms);
        self.p50_in_pings.push(load.latency_p50_in_pings);
        self.p99_in_pings.push(load.latency_p99_in_pings);
        self.memory_kib.push(load.resident_kib_per_connection.ok_or(untold)?);
        self.guest_kib.push(load.resident_kib_per_guest.ok_or(untold)?);
        Ok(())
    }

    /// Prints a line; returns whether the server's cost is within its limit.
    fn cost_is_within(&self, what: &str, at_most: f64) -> bool {
        let pairs = self.server_us.iter().zip(&self.bare_us);
        let ratios = pairs.clone().map(|(server, bare)| server / bare);
        let besides: Vec<_> =
            pairs.map(|(server, bare)| format!("{server:.2} / {bare:.2} µs")).collect();
        is_within(what, least(ratios), at_most, &besides.join(", "))
    }

    /// Prints a line; returns whether half of the deliveries came in time.
    fn p50_is_within(&self, what: &str) -> bool {
        let bare = least(self.bare_p50_in_pings.iter().copied());
        let at_most = P50_AT_MOST.max(bare * P50_OF_BARE_AT_MOST);
        let values = list(&self.p50_in_pings);
        let besides = format!("{values}; bare writes: {}", list(&self.bare_p50_in_pings));
        is_within(what, least(self.p50_in_pings.iter().copied()), at_most, &besides)
    }
}

/// Prints a line; returns whether the value is within its limit.
fn is_within(what: &str, value: f64, at_most: f64, besides: &str) -> bool {
    let is_within = value <= at_most;
    let verdict = if is_within { "yes" } else { "NO" };
    println!("{what:<46} {value:>6.2}  at most {at_most:>5.2}  {verdict:<3}  {besides}");
    is_within
}

/// The same of the least of several values.
fn least_is_within(what: &str, values: &[f64], at_most: f64) -> bool {
    is_within(what, least(values.iter().copied()), at_most, &list(values))
}

fn list(values: &[f64]) -> String {
    let values: Vec<_> = values.iter().map(|value| format!("{value:.1}")).collect();
    values.join(", ")
}

fn measure() -> Result<bool, Box<dyn std::error::Error>> {
    let mut bare = Bare::open()?;
    let mut burst = Rounds::default();
    let mut paced = RATES.map(|_| Rounds::default());
    for _ in 0..ROUNDS {
        for ((rate, seconds), paced) in RATES.into_iter().zip(&mut paced) {
            let floor = bare.write(rate * seconds, Some(Duration::from_secs(1) / rate))?;
            let flags = ["--rate", &rate.to_string(), "--duration", &seconds.to_string()];
            paced.add(&floor, &load(flags)?)?;
        }
        // It takes its time, and is the same after a tenth of it.
        let floor = bare.write(BURST / 10, None)?;
        burst.add(&floor, &load(["--burst", &BURST.to_string()])?)?;
    }
    let mut all_within = true;
    for (((rate, _), paced), cost_at_most) in RATES.into_iter().zip(&paced).zip(PACED_AT_MOST) {
        let what = |what: &str| format!("{rate} publishes/s: {what}");
        all_within &= paced.cost_is_within(&what("a delivery, in bare writes"), cost_at_most)
            & paced.p50_is_within(&what("p50, in pings"))
            & least_is_within(&what("p99, in pings"), &paced.p99_in_pings, P99_AT_MOST);
    }
    all_within &= burst.cost_is_within("a delivery in a burst, in bare writes", BURST_AT_MOST)
        & least_is_within("memory of a session, KiB", &burst.memory_kib, MEMORY_AT_MOST_KIB)
        & least_is_within("memory of a connection, KiB", &burst.guest_kib, GUEST_AT_MOST_KIB);
    Ok(all_within)
}

fn main() -> ExitCode {
    for _ in 0..ATTEMPTS {
        match measure() {
            Ok(true) => return ExitCode::SUCCESS,
            Ok(false) => println!("more than it may be"),
            Err(error) => {
                eprintln!("cost: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::FAILURE
}
