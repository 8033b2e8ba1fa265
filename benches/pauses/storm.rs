//! Everybody was heard in the same millisecond, in another order than they came.

use super::common::random::Random;
use super::crowd::Hasher;
use super::log::{Log, Verb};
use adsum::{Config, Connect, Decision, Engine, SessionKey, Time};
use std::hint::black_box;

const LEASE_MS: u64 = 90_000;
/// The grace after a timeout.
const GRACE_MS: u64 = 15_000;
const START_MS: u64 = 1_000;

/// What they do until their leases are over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// Each sends heartbeats every 30 seconds, anyhow.
    Beat,
    /// Nothing: all lapse at once, and end when their grace is over.
    Silence,
    /// Nothing until the last second: then each sends a heartbeat.
    LastSecond,
}

/// When the host calls `advance`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Host {
    /// Each millisecond, and again as long as `deadline` says so.
    Asks,
    /// Once a millisecond.
    CallsOnce,
}

pub(crate) fn run(users: usize, then: Then, host: Host) -> Log {
    let mut engine = Engine::<u32, u64, Hasher>::with_hasher(Config::default(), Hasher::default());
    let (mut log, mut random) = (Log::new(), Random::new(13));
    let start = Time::from_millis(START_MS);
    let mut keys: Vec<SessionKey> = (0..users as u32)
        .map(|user| engine.connect(start, Connect::new(user)).expect("there is room").0)
        .collect();
    random.shuffle(&mut keys);
    for key in &keys {
        engine.heartbeat(start, *key).expect("it is attached").for_each(|_| {});
    }
    let (mut closed, mut ended) = (0, 0);
    let end = START_MS + LEASE_MS + GRACE_MS + 5_000;
    for now_ms in START_MS + 1..=end {
        let beats = match then {
            Then::Beat => (users as u64 / 30_000).max(1) as usize,
            Then::LastSecond if now_ms == START_MS + LEASE_MS - 1_000 => users,
            Then::Silence | Then::LastSecond => 0,
        };
        for at in 0..beats {
            let turn = (now_ms as usize * beats + at) % users;
            let beat = engine.heartbeat(Time::from_millis(now_ms), keys[turn]);
            beat.expect("it is attached").for_each(|_| {});
        }
        let now = Time::from_millis(now_ms);
        let mut note = |decision: Option<Decision<'_, u32, u64>>| {
            closed += usize::from(matches!(decision, Some(Decision::Close { .. })));
            ended += usize::from(matches!(decision, Some(Decision::Ended { .. })));
            decision.is_some()
        };
        loop {
            let (mut decisions, mut is_more) = log.time(Verb::Advance, || {
                let mut decisions = engine.advance(now);
                let is_more = note(decisions.next());
                (decisions, is_more)
            });
            while is_more {
                is_more = log.time(Verb::NextOfAdvance, || note(decisions.next()));
            }
            drop(decisions);
            let deadline = log.time(Verb::Deadline, || black_box(engine.deadline()));
            if host == Host::CallsOnce || deadline.is_none_or(|deadline| deadline > now) {
                break;
            }
        }
    }
    let all = if then == Then::Silence { users } else { 0 };
    assert_eq!((closed, ended), (all, all), "who is silent ends, and nobody else");
    log
}
