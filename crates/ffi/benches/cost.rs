//! What a call through the C interface costs over the same verb in Rust.
//!
//! Two engines with ids and presences as bytes hold the same users, each with 100 contacts of whom
//! a fifth are online, or all. Each verb is given to both in turns, its decisions taken to the end,
//! in many short rounds; the fastest round of each counts, since whatever else runs only ever slows
//! one down. The calls go through pointers that the compiler cannot see through, as a host's do.
//!
//! A verb is as many calls as it says: its own, one of `adsum_next` for each decision, and the one
//! that finds none left.
//!
//!     cargo bench -p adsum-ffi --bench cost             prints the table
//!     cargo bench -p adsum-ffi --bench cost -- --check  fails if a call costs over 15 ns more
//!     cargo bench -p adsum-ffi --bench cost -- --count  does a round of each, for Valgrind

use adsum::{Config, Connect, Decision, Decisions, Engine, Options, SessionKey, Time};
use adsum_ffi::bytes::{adsum_bytes, adsum_list};
use adsum_ffi::decision::adsum_decision;
use adsum_ffi::engine::{adsum_engine, adsum_engine_free, adsum_engine_new, adsum_next};
use adsum_ffi::names::adsum_session;
use adsum_ffi::options::adsum_options;
use adsum_ffi::status::adsum_status;
use adsum_ffi::verbs::presence::{adsum_direct, adsum_publish};
use adsum_ffi::verbs::sessions::{adsum_connect, adsum_heartbeat, adsum_newcomer};
use adsum_ffi::verbs::time::adsum_advance;
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::ptr;
use std::time::{Duration, Instant};

type Core = Engine<Box<[u8]>, Box<[u8]>>;

/// Users are in a ring, each with so many contacts on either side.
const USERS: usize = 1_000;
const SIDE: usize = 50;
/// How many calls a round has, and how many rounds there are.
const CALLS: usize = 200;
const ROUNDS: usize = 400;
const MOST_NS: f64 = 15.0;

fn id(user: usize) -> Vec<u8> {
    format!("user-{user:06}").into_bytes()
}

fn contacts(user: usize) -> Vec<Vec<u8>> {
    let of = |step: usize| [(user + step) % USERS, (user + USERS - step) % USERS];
    (1..=SIDE).flat_map(of).map(id).collect()
}

fn bytes(bytes: &[u8]) -> adsum_bytes {
    adsum_bytes { data: bytes.as_ptr(), len: bytes.len() }
}

/// The same users in both engines.
struct Worlds {
    rust: Core,
    c: *mut adsum_engine,
    in_rust: Vec<SessionKey>,
    in_c: Vec<adsum_session>,
    now: u64,
}

impl Drop for Worlds {
    fn drop(&mut self) {
        // SAFETY: the engine is there, and is used no more.
        unsafe { adsum_engine_free(self.c) };
    }
}

impl Worlds {
    /// Every so many are online.
    fn new(every: usize) -> Self {
        let rates = Options { publish_rate: None, direct_rate: None, ..Options::default() };
        let config = Config::new(rates).expect("in range");
        let options = adsum_options::from(config.options());
        let (mut rust, mut c) = (Core::new(config), ptr::null_mut());
        // SAFETY: what is pointed to is there.
        let made =
            unsafe { adsum_engine_new(&options, None, ptr::null_mut(), &mut c, ptr::null_mut()) };
        assert_eq!(made, adsum_status::ADSUM_OK);
        let (mut in_rust, mut in_c) = (Vec::new(), Vec::new());
        for user in (0..USERS).step_by(every) {
            let (name, contacts) = (id(user), contacts(user));
            let audience = contacts.iter().map(|id| Box::from(&**id));
            let connect = Connect::new(Box::from(&*name)).audience(audience);
            in_rust.push(rust.connect(Time::ZERO, connect).expect("there is room").0);
            let items: Vec<_> = contacts.iter().map(|id| bytes(id)).collect();
            let none = adsum_list { items: ptr::null(), len: 0 };
            let newcomer = adsum_newcomer {
                user: bytes(&name),
                audience: adsum_list { items: items.as_ptr(), len: items.len() },
                blocked: none,
                kind: 0,
            };
            let mut session = adsum_session::default();
            // SAFETY: the engine is there, and all that is handed in.
            let status = unsafe { adsum_connect(c, 0, &newcomer, &mut session) };
            assert_eq!(status, adsum_status::ADSUM_OK);
            assert!(drain_c(c) > 0);
            in_c.push(session);
        }
        Self { rust, c, in_rust, in_c, now: 1 }
    }
}

/// Takes all decisions, and says how many receivers there were.
fn drain_rust(mut decisions: Decisions<'_, Box<[u8]>, Box<[u8]>>) -> usize {
    let mut receivers = 0;
    while let Some(decision) = decisions.next() {
        receivers += match &decision {
            Decision::Deliver { to, .. } => to.len(),
            _ => 1,
        };
        black_box(&decision);
    }
    receivers
}

fn drain_c(engine: *mut adsum_engine) -> usize {
    let next = black_box(adsum_next as unsafe extern "C" fn(_, _) -> bool);
    let (mut receivers, mut out) = (0, MaybeUninit::<adsum_decision>::uninit());
    // SAFETY: the engine is there, and where it returns true it has written.
    while unsafe { next(engine, out.as_mut_ptr()) } {
        // SAFETY: it has.
        let decision = unsafe { out.assume_init_ref() };
        receivers += decision.to_len.max(1);
        black_box(decision);
    }
    receivers
}

/// A verb, once in Rust and once in C. Each says how many receivers there were.
struct Verb {
    name: &'static str,
    /// Every so many users are online.
    every: usize,
    calls: u32,
    rust: fn(&mut Worlds, usize) -> usize,
    c: fn(&mut Worlds, usize) -> usize,
}

const PRESENCE: &[u8] = b"{\"show\":\"away\",\"text\":\"at lunch\"}";

#[rustfmt::skip]
const VERBS: [Verb; 5] = [
    Verb { name: "heartbeat", every: 5, calls: 2, rust: heartbeat, c: heartbeat_c },
    Verb { name: "advance-idle", every: 5, calls: 2, rust: advance, c: advance_c },
    Verb { name: "publish-20", every: 5, calls: 3, rust: publish, c: publish_c },
    Verb { name: "publish-100", every: 1, calls: 3, rust: publish, c: publish_c },
    Verb { name: "direct-2", every: 5, calls: 3, rust: direct, c: direct_c },
];

fn heartbeat(world: &mut Worlds, nth: usize) -> usize {
    let session = world.in_rust[nth % world.in_rust.len()];
    let now = Time::from_millis(black_box(world.now));
    drain_rust(world.rust.heartbeat(now, session).expect("it is attached"))
}

fn heartbeat_c(world: &mut Worlds, nth: usize) -> usize {
    let session = world.in_c[nth % world.in_c.len()];
    let call = black_box(adsum_heartbeat as unsafe extern "C" fn(_, _, _) -> _);
    // SAFETY: the engine is there.
    assert!(unsafe { call(world.c, world.now, session) } == adsum_status::ADSUM_OK);
    drain_c(world.c)
}

fn advance(world: &mut Worlds, _: usize) -> usize {
    let now = Time::from_millis(black_box(world.now));
    drain_rust(world.rust.advance(now))
}

fn advance_c(world: &mut Worlds, _: usize) -> usize {
    let call = black_box(adsum_advance as unsafe extern "C" fn(_, _) -> _);
    // SAFETY: the engine is there.
    assert!(unsafe { call(world.c, world.now) } == adsum_status::ADSUM_OK);
    drain_c(world.c)
}

fn publish(world: &mut Worlds, nth: usize) -> usize {
    let session = world.in_rust[nth % world.in_rust.len()];
    let now = Time::from_millis(black_box(world.now));
    let presence = Box::from(black_box(PRESENCE));
    drain_rust(world.rust.publish(now, session, presence).expect("it is attached"))
}

fn publish_c(world: &mut Worlds, nth: usize) -> usize {
    let session = world.in_c[nth % world.in_c.len()];
    let call = black_box(adsum_publish as unsafe extern "C" fn(_, _, _, _) -> _);
    let presence = bytes(black_box(PRESENCE));
    // SAFETY: the engine is there, and so is the presence.
    assert!(unsafe { call(world.c, world.now, session, presence) } == adsum_status::ADSUM_OK);
    drain_c(world.c)
}

/// Two of those who are online stand on either side.
fn named(nth: usize) -> [&'static [u8]; 2] {
    const NAMES: [&[u8]; 3] = [b"user-000010", b"user-000020", b"user-000030"];
    [NAMES[nth % 2], NAMES[nth % 2 + 1]]
}

fn direct(world: &mut Worlds, nth: usize) -> usize {
    let session = world.in_rust[0];
    let (now, users) = (Time::from_millis(black_box(world.now)), named(black_box(nth)));
    // A list that is as long as it turns out to be, as a host's are.
    let users: &[&[u8]] = black_box(&users);
    let presence = Box::from(black_box(PRESENCE));
    let directed = world.rust.direct(now, session, users.iter().copied(), presence);
    drain_rust(directed.expect("they are contacts"))
}

fn direct_c(world: &mut Worlds, nth: usize) -> usize {
    let call = black_box(adsum_direct as unsafe extern "C" fn(_, _, _, _, _) -> _);
    let users = named(black_box(nth)).map(bytes);
    let users = adsum_list { items: users.as_ptr(), len: users.len() };
    let presence = bytes(black_box(PRESENCE));
    // SAFETY: the engine is there, and so is all that is handed in.
    let status = unsafe { call(world.c, world.now, world.in_c[0], users, presence) };
    assert!(status == adsum_status::ADSUM_OK);
    drain_c(world.c)
}

/// Does a round of one verb, and says how long it took and how many receivers there were.
fn round(world: &mut Worlds, verb: fn(&mut Worlds, usize) -> usize) -> (Duration, usize) {
    let (start, mut receivers) = (now(), 0);
    for nth in 0..CALLS {
        receivers += verb(world, nth);
    }
    (start.elapsed(), receivers)
}

#[allow(clippy::disallowed_methods, reason = "this measures")]
fn now() -> Instant {
    Instant::now()
}

/// Where Valgrind begins and ends to count.
#[inline(never)]
fn mark(verb: &str) {
    black_box(verb);
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let is = |name: &str| arguments.iter().any(|argument| argument == name);
    if is("--count") {
        return count();
    }
    let titles = "verb                Rust         C      over    a call  receivers";
    println!("{titles}");
    let mut is_over = false;
    for verb in &VERBS {
        let ([rust, c], receivers) = measure(verb);
        let (over, calls) = (c - rust, f64::from(verb.calls));
        let name = verb.name;
        print!("{name:<14} {rust:>6.1} ns {c:>6.1} ns {over:>6.1} ns ");
        println!("{:>6.1} ns {receivers:>10.1}", over / calls);
        is_over |= over / calls > MOST_NS;
    }
    if is("--check") && is_over {
        eprintln!("a call costs over {MOST_NS} ns more through C");
        std::process::exit(1);
    }
}

/// Returns what a verb takes in Rust and in C, in nanoseconds, and how many receivers it has.
fn measure(verb: &Verb) -> ([f64; 2], f64) {
    let mut world = Worlds::new(verb.every);
    let (mut fastest, mut receivers) = ([Duration::MAX; 2], [0; 2]);
    for nth in 0..ROUNDS {
        world.now += 1;
        // Now one first, now the other.
        for which in [nth % 2, 1 - nth % 2] {
            let one = [verb.rust, verb.c][which];
            let (took, told) = round(&mut world, one);
            fastest[which] = fastest[which].min(took);
            receivers[which] += told;
        }
    }
    assert_eq!(receivers[0], receivers[1], "{} does the same in both", verb.name);
    let each = fastest.map(|took| took.as_secs_f64() * 1e9 / CALLS as f64);
    (each, receivers[0] as f64 / (ROUNDS * CALLS) as f64)
}

fn count() {
    for verb in &VERBS {
        let mut world = Worlds::new(verb.every);
        for (which, one) in [("Rust", verb.rust), ("C", verb.c)] {
            // Once to warm up.
            round(&mut world, one);
            world.now += 1;
            mark(verb.name);
            round(&mut world, one);
            mark(verb.name);
            println!("{} {which} {CALLS}", verb.name);
        }
    }
}
