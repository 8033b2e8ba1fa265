//! `adsum::arbitrary`: bytes become inputs that an engine mostly takes.

use adsum::arbitrary::Inputs;
use adsum::{Config, Counts, Engine, Error, Event, Lease, Options, OverLimit, Rate, Stats, Time};
use adsum::{Connect, Join, LostCause, SessionKey, View};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

const STREAMS: u64 = 60;
const BYTES: usize = 6 * 400;

/// Bytes without any pattern, the same in every run.
fn bytes(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..BYTES).map(|_| next()).collect()
}

fn options(seed: u64) -> Options {
    let hasty = Options {
        max_sessions: 2,
        over_limit: OverLimit::EvictOldest { min_age_ms: 50 },
        lease: Some(Lease { lease_ms: 3_000, heartbeat_ms: 1_000 }),
        publish_rate: Some(Rate { burst: 2, interval_ms: 100 }),
        ..Options::default()
    };
    if seed.is_multiple_of(2) { Options::default() } else { hasty }
}

/// Feeds an engine with what the bytes make, and hands each input and what became of it on.
fn run(
    seed: u64,
    bytes: &[u8],
    mut each: impl FnMut(Time, Event<String, u8>, Result<(), Error>, &Engine<String, u8>),
) {
    let config = Config::new(options(seed)).expect("the options are in range");
    let mut engine = Engine::new(config);
    let mut inputs = Inputs::new(bytes);
    while let Some((now, event)) = inputs.next(&engine, |user| format!("user {user}"), |p| p) {
        let taken = engine.apply(now, event.clone());
        let result = taken.map(|decisions| decisions.for_each(|_| ()));
        assert_eq!(engine.verify(), Ok(()), "after {event:?}");
        each(now, event, result, &engine);
    }
}

/// The name of an input's variant.
fn verb(event: &Event<String, u8>) -> String {
    let text = format!("{event:?}");
    text.split([' ', '{']).next().unwrap_or_default().to_owned()
}

#[derive(Debug, Default)]
struct Tally {
    taken: usize,
    refused: usize,
    stale: usize,
    detached: usize,
}

#[test]
fn every_verb_comes_up_and_most_inputs_are_taken() {
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for seed in 0..STREAMS {
        run(seed, &bytes(seed), |_, event, result, _| {
            let tally = tallies.entry(verb(&event)).or_default();
            match result {
                Ok(()) => tally.taken += 1,
                Err(error) => {
                    tally.refused += 1;
                    tally.stale += usize::from(error == Error::UnknownSession);
                    tally.detached += usize::from(error == Error::Detached);
                }
            }
        });
    }
    assert_eq!(tallies.len(), 34, "every verb comes up: {tallies:#?}");
    for (verb, tally) in &tallies {
        assert!(tally.taken > tally.refused, "{verb}: {tally:?}");
    }
    let sum = |part: fn(&Tally) -> usize| tallies.values().map(part).sum::<usize>();
    let all = STREAMS as usize * BYTES / 6;
    assert_eq!(sum(|tally| tally.taken) + sum(|tally| tally.refused), all);
    assert!(sum(|tally| tally.taken) * 100 > all * 80, "most keys are live: {tallies:#?}");
    assert!(sum(|tally| tally.stale) * 100 > all * 3, "some are stale: {tallies:#?}");
    assert!(sum(|tally| tally.detached) * 100 > all, "some are detached: {tallies:#?}");
}

#[test]
fn the_inputs_lead_where_an_engine_has_something_to_do() {
    // Summed over the moments after each input.
    let mut sum = Counts::default();
    let (mut earlier, mut later, mut deliveries, mut skipped) = (0, 0, 0, 0);
    for seed in 0..STREAMS {
        let (mut last, mut stats) = (Time::ZERO, Stats::default());
        run(seed, &bytes(seed), |now, _, _, engine| {
            let counts = engine.counts();
            sum.sessions += counts.sessions;
            sum.detached += counts.detached;
            sum.congested += counts.congested;
            sum.missed += counts.missed;
            sum.conflated += counts.conflated;
            sum.told += counts.told;
            sum.memberships += counts.memberships;
            earlier += usize::from(now < last);
            later += usize::from(now > last);
            (last, stats) = (engine.now(), engine.stats());
        });
        deliveries += stats.deliveries;
        skipped += stats.skipped;
    }
    let all = STREAMS as usize * BYTES / 6;
    assert!(sum.sessions > 6 * all, "sessions live for a while: {sum:?}");
    assert!(sum.detached > all / 2 && sum.congested > all / 4 && sum.missed > all / 2, "{sum:?}");
    assert!(sum.conflated > all / 100 && sum.told > all, "{sum:?}");
    assert!(sum.memberships > all, "sessions are in topics: {sum:?}");
    assert!(earlier > all / 50 && later > all / 4, "{earlier} and {later} of {all}");
    assert!(deliveries * 4 > 3 * all as u64 && skipped > 0, "{deliveries} and {skipped}");
}

#[test]
fn the_same_bytes_make_the_same_inputs() {
    let inputs = |bytes: &[u8]| {
        let mut inputs = Vec::new();
        // Each engine has a hasher with another key.
        run(1, bytes, |now, event, result, _| inputs.push((now, event, result)));
        inputs
    };
    let bytes = bytes(1);
    let all = inputs(&bytes);
    assert_eq!(all.len(), BYTES / 6);
    assert_eq!(inputs(&bytes), all);
    // What comes later does not matter to what came before, and a rest is left.
    assert_eq!(inputs(&bytes[..6 * 100 + 5]), all[..100]);
}

/// Returns an engine in which there is somebody for every verb: attached, congested and detached
/// sessions, some of them in topics. Nothing is put into it afterwards.
fn inhabited() -> Engine<String, u8> {
    let mut engine = Engine::new(Config::default());
    let at = Time::from_millis;
    let mut keys: Vec<SessionKey> = Vec::new();
    for user in 0..6 {
        let connect = Connect::new(format!("user {user}"));
        let (key, decisions) = engine.connect(at(5_000), connect).expect("there is room");
        keys.push(key);
        drop(decisions);
    }
    let member = || Join::Member { presence: Some(1), view: View::All };
    for (nth, topics) in [(0, 3), (1, 2), (2, 1), (3, 1)] {
        for topic in 0..topics {
            let joined = engine.join(at(5_000), keys[nth], format!("user {topic}"), member());
            drop(joined.expect("there is room"));
        }
    }
    drop(engine.congested(at(5_000), keys[3]).expect("it is attached"));
    let cause = LostCause::ConnectionError;
    drop(engine.lost(at(5_000), keys[4], cause).expect("it is attached"));
    drop(engine.lost(at(5_000), keys[5], cause).expect("it is attached"));
    engine
}

/// What was found by fuzzing is kept as bytes, and is worth something as long as these mean what
/// they meant.
#[test]
#[cfg_attr(feature = "shrunk", ignore = "keys have other numbers")]
fn bytes_mean_what_they_meant() {
    let engine = inhabited();
    let mut meanings: BTreeMap<String, (usize, u64)> = BTreeMap::new();
    for seed in 0..STREAMS {
        let bytes = bytes(seed);
        let mut inputs = Inputs::new(&bytes);
        while let Some((now, event)) = inputs.next(&engine, |user| format!("user {user}"), |p| p) {
            let (count, sum) = meanings.entry(verb(&event)).or_insert((0, 0xcbf2_9ce4_8422_2325));
            *count += 1;
            // FNV-1a.
            for byte in format!("{now:?} {event:?}").bytes() {
                *sum = (*sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
    }
    let mut table = String::from("# How often each verb comes up, and a sum over its inputs.\n");
    for (verb, (count, sum)) in meanings {
        writeln!(table, "{verb:16} {count:5} {sum:016x}").expect("a String takes anything");
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/arbitrary.txt");
    if std::env::var_os("ADSUM_ARBITRARY_WRITE").is_some() {
        std::fs::write(&file, &table).expect("the table can be written");
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        table == kept,
        "bytes mean something else than before, so the corpora of fuzzers are worth less. If that \
         has to be: ADSUM_ARBITRARY_WRITE=1 cargo test -p adsum --features arbitrary --test \
         arbitrary\nbefore:\n{kept}\nnow:\n{table}"
    );
}
