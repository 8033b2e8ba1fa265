//! Measures the server's processor time for a delivery against bare writes.
//!
//! The floor is a loop that writes the same bytes to as many sockets on the loopback interface, at
//! the same pace, each delivery for itself, and does nothing else. It takes turns with the server
//! under load, so that whatever else the machine does weighs on both. Fails if the server takes
//! more of it than it may: it is cheaper than the floor because what gathers for a connection goes
//! out in one write, and dearer than it could be by all that it does besides.

use std::io::{self, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use adsum_tim::{Form, Tid, TimPresence};
use cpu_time::ThreadTime;
use serde::Deserialize;

const SESSIONS: usize = 1_000;
const FRIENDS: usize = 200;
/// Publishes a second, for so many seconds.
const RATE: u32 = 50;
const SECONDS: u32 = 4;
const BURST: u32 = 1_000;
const ROUNDS: usize = 2;

/// The server's time for a delivery, in bare writes, when publishes are paced: 0.3 to 0.6, as
/// busy as the machine is, and over 1 if each delivery is written for itself.
const PACED_AT_MOST: f64 = 0.75;
/// The same in bursts: 0.05.
const BURST_AT_MOST: f64 = 0.2;
/// Half of the paced deliveries must have come by then; nothing that waits for company waits
/// longer.
const LATENCY_AT_MOST_MS: f64 = 80.0;
const MEMORY_AT_MOST_KIB: f64 = 20.0;

/// What `adsum-server load --json` says, as far as it matters here.
#[derive(Deserialize)]
struct Load {
    deliveries: u64,
    expected: u64,
    order_violations: u64,
    cpu_us_per_delivery: Option<f64>,
    latency_p50_ms: f64,
    resident_kib_per_connection: Option<f64>,
}

fn load<const N: usize>(flags: [&str; N]) -> Result<Load, Box<dyn std::error::Error>> {
    let out = Command::new(env!("CARGO_BIN_EXE_adsum-server"))
        .args(["load", "--json", "--sessions", &SESSIONS.to_string()])
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

/// Sockets that somebody reads, as the clients of the load generator do: few threads, many
/// sockets.
struct Bare {
    ends: Vec<TcpStream>,
    read: Arc<AtomicU64>,
    // Ends the readers.
    _runtime: tokio::runtime::Runtime,
}

impl Bare {
    fn open() -> io::Result<Self> {
        let runtime = tokio::runtime::Runtime::new()?;
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let read = Arc::new(AtomicU64::new(0));
        let mut ends = Vec::with_capacity(FRIENDS);
        for _ in 0..FRIENDS {
            let other = TcpStream::connect(listener.local_addr()?)?;
            let (end, _) = listener.accept()?;
            end.set_nodelay(true)?;
            ends.push(end);
            other.set_nonblocking(true)?;
            let _entered = runtime.enter();
            let other = tokio::net::TcpStream::from_std(other)?;
            runtime.spawn(count(other, read.clone()));
        }
        Ok(Self { ends, read, _runtime: runtime })
    }

    /// Writes `publishes` frames to each; the processor time of one write, in microseconds.
    fn write(&mut self, publishes: u32, pace: Option<Duration>) -> io::Result<f64> {
        let frame = frame();
        let started = Instant::now();
        let before = self.read.load(Ordering::Relaxed);
        let mut took = Duration::ZERO;
        for number in 0..publishes {
            if let Some(pace) = pace {
                thread::sleep((started + pace * number).saturating_duration_since(Instant::now()));
            }
            let start = ThreadTime::try_now()?;
            for end in &mut self.ends {
                end.write_all(&frame)?;
            }
            took += start.try_elapsed()?;
        }
        let writes = u64::from(publishes) * FRIENDS as u64;
        while self.read.load(Ordering::Relaxed) - before < writes * frame.len() as u64 {
            thread::sleep(Duration::from_millis(1));
        }
        Ok(took.as_secs_f64() * 1e6 / writes as f64)
    }
}

async fn count(end: tokio::net::TcpStream, read: Arc<AtomicU64>) {
    let mut buffer = [0; 4_096];
    while end.readable().await.is_ok() {
        match end.try_read(&mut buffer) {
            Ok(0) => return,
            Ok(bytes) => drop(read.fetch_add(bytes as u64, Ordering::Relaxed)),
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
struct Costs {
    server_us: Vec<f64>,
    bare_us: Vec<f64>,
    latency_ms: Vec<f64>,
    memory_kib: Vec<f64>,
}

impl Costs {
    fn add(&mut self, bare_us: f64, load: &Load) -> Result<(), &'static str> {
        let used = load.cpu_us_per_delivery.zip(load.resident_kib_per_connection);
        let (server_us, kib) = used.ok_or("this system does not say what a process uses")?;
        self.server_us.push(server_us);
        self.bare_us.push(bare_us);
        self.latency_ms.push(load.latency_p50_ms);
        self.memory_kib.push(kib);
        Ok(())
    }

    /// Prints a line; returns whether the server's cost is within its limit.
    fn is_within(&self, what: &str, at_most: f64) -> bool {
        let pairs = self.server_us.iter().zip(&self.bare_us);
        let ratios = pairs.clone().map(|(server, bare)| server / bare);
        let besides: Vec<_> =
            pairs.map(|(server, bare)| format!("{server:.2} / {bare:.2} µs")).collect();
        is_within(what, least(ratios), at_most, &besides.join(", "))
    }
}

/// Prints a line; returns whether the value is within its limit.
fn is_within(what: &str, value: f64, at_most: f64, besides: &str) -> bool {
    let is_within = value <= at_most;
    let verdict = if is_within { "yes" } else { "NO" };
    println!("{what:<46} {value:>6.2}  at most {at_most:>5.2}  {verdict:<3}  {besides}");
    is_within
}

fn measure() -> Result<bool, Box<dyn std::error::Error>> {
    let mut bare = Bare::open()?;
    let pace = Duration::from_secs(1) / RATE;
    let (mut paced, mut burst) = <(Costs, Costs)>::default();
    for _ in 0..ROUNDS {
        let floor = bare.write(RATE * SECONDS, Some(pace))?;
        paced.add(
            floor,
            &load(["--rate", &RATE.to_string(), "--duration", &SECONDS.to_string()])?,
        )?;
        // It takes its time, and is the same after a tenth of it.
        let floor = bare.write(BURST / 10, None)?;
        burst.add(floor, &load(["--burst", &BURST.to_string()])?)?;
    }
    let what = format!("a delivery, {RATE} publishes/s, in bare writes");
    let within = [
        paced.is_within(&what, PACED_AT_MOST),
        burst.is_within("a delivery in a burst, in bare writes", BURST_AT_MOST),
    ];
    let (latency, memory) = (least(paced.latency_ms), least(paced.memory_kib));
    let all = [
        within[0],
        within[1],
        is_within("half of the paced came within, ms", latency, LATENCY_AT_MOST_MS, ""),
        is_within("memory of a connection, KiB", memory, MEMORY_AT_MOST_KIB, ""),
    ];
    Ok(all.into_iter().all(|is_within| is_within))
}

fn main() -> ExitCode {
    match measure() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cost: {error}");
            ExitCode::FAILURE
        }
    }
}
