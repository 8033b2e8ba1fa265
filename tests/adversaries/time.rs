//! The first moment there is, the last, and clocks that run backwards.

use crate::common::{OTHER_VERBS, Picture, SESSION_VERBS, Verb, at, busy, config, drain};
use adsum::{Connect, Counts, Engine, SessionKey, Time};

/// Every verb, one name each.
fn verbs() -> impl Iterator<Item = (&'static str, Verb)> + Clone {
    let advance: (&str, Verb) = ("advance", |engine, now, _| Ok(engine.advance(now)));
    let of_sessions = SESSION_VERBS.into_iter().map(|(name, _, verb)| (name, verb));
    of_sessions.chain(OTHER_VERBS).chain([advance])
}

/// Says what came of it.
fn give(engine: &mut Engine<u32, u32>, verb: Verb, now: Time, key: SessionKey) -> Vec<String> {
    match verb(engine, now, key) {
        Ok(decisions) => drain(decisions),
        Err(error) => vec![error.to_string()],
    }
}

/// What was said, with the moments in it counted from `origin`.
fn counted_from(origin: u64, said: Vec<String>) -> Vec<String> {
    let relative = |said: String| {
        let Some((before, rest)) = said.split_once("since: Time(") else { return said };
        let (since, after) = rest.split_once(')').expect("a moment ends");
        let since: u64 = since.parse().expect("a moment is a number");
        format!("{before}since {}{after}", since - origin)
    };
    said.into_iter().map(relative).collect()
}

/// The host may count from any origin. What happens does not depend on it.
#[test]
fn every_verb_at_the_first_moment_and_at_any_other() {
    for (name, verb) in verbs() {
        let run = |origin: u64| {
            let (mut engine, keys) = busy(at(origin));
            let mut said = Vec::new();
            // The last one is left as it is, so that something is due.
            for key in &keys[..4] {
                let answer = give(&mut engine, verb, at(origin), *key);
                said.push(counted_from(origin, answer));
                assert_eq!(engine.verify(), Ok(()), "{name} at {origin}");
            }
            assert_eq!(engine.now(), at(origin), "{name}");
            // Everything ends in the same order, after the same times.
            let mut after = 0;
            while let Some(deadline) = engine.deadline() {
                after = deadline.since(at(origin));
                said.push(counted_from(origin, drain(engine.advance(deadline))));
            }
            // Where it looks for deadlines in between does depend on the origin.
            said.retain(|said| !said.is_empty());
            (said, after)
        };
        let from_zero = run(0);
        assert!(from_zero.1 > 0, "{name}: something is due after the first moment");
        for origin in [1, 63, 1 << 40, u64::MAX - (1 << 40)] {
            assert_eq!(run(origin), from_zero, "{name} at {origin}");
        }
    }
}

/// Deadlines do not lie beyond the last moment: at it, everything is due, comes to an end, and
/// whoever connects then can still do all that others can.
#[test]
fn every_verb_at_the_last_moment() {
    for (name, verb) in verbs() {
        let (mut engine, keys) = busy(at(1_000));
        let mut at_the_end = busy(Time::MAX).0;
        for key in keys {
            for engine in [&mut engine, &mut at_the_end] {
                give(engine, verb, Time::MAX, key);
                assert_eq!(engine.verify(), Ok(()), "{name}");
                assert_eq!(engine.now(), Time::MAX, "{name}");
                // It is not overtaken.
                give(engine, verb, Time::ZERO, key);
                assert_eq!(engine.now(), Time::MAX, "{name}");
            }
        }
        for mut engine in [engine, at_the_end] {
            let said = drain(engine.advance(Time::MAX));
            assert!(said.len() < 100, "{name}: {said:?}");
            assert_eq!(engine.deadline(), None, "{name}: everything was due");
            assert_eq!(engine.counts(), Counts::default(), "{name}");
        }
    }
}

/// A moment that is earlier than one already given counts as that later one: not one decision
/// differs, and no deadline.
#[test]
fn every_verb_with_a_clock_that_runs_backwards() {
    for (name, verb) in verbs() {
        for back in [1, 999, 60_000] {
            let (mut engine, keys) = busy(at(60_000));
            let (mut twin, _) = busy(at(60_000));
            for key in keys {
                let said = give(&mut engine, verb, at(60_000 - back), key);
                assert_eq!(said, give(&mut twin, verb, at(60_000), key), "{name}, back {back}");
            }
            assert_eq!(Picture::of(&engine), Picture::of(&twin), "{name}, back {back}");
            assert_eq!(engine.now(), at(60_000), "{name}, back {back}");
            // Nothing fires early, and everything in time.
            assert_eq!(drain(engine.advance(at(0))), [""; 0], "{name}");
            for later in [74_999, 75_000, 119_999, 120_000, 150_000, 165_000, 400_000] {
                let (said, twin) =
                    (drain(engine.advance(at(later))), drain(twin.advance(at(later))));
                assert_eq!(said, twin, "{name}, back {back}, {later}");
            }
        }
    }
}

/// A clock that leaps there and back between any two inputs changes nothing but what is due.
#[test]
fn a_clock_that_leaps_to_and_fro() {
    let (mut engine, keys) = busy(at(500));
    let mut now = Time::ZERO;
    for (step, (name, verb)) in verbs().cycle().take(200).enumerate() {
        let leap = [0, 501, 7, u64::from(u32::MAX), 40, 1 << 52, 3][step % 7];
        give(&mut engine, verb, at(leap), keys[step % keys.len()]);
        assert!(engine.now() >= now, "{name}: time runs backwards");
        now = engine.now();
        assert_eq!(engine.verify(), Ok(()), "{name}, step {step}");
    }
    drain(engine.advance(Time::MAX));
    assert_eq!(engine.counts(), Counts::default());
}

/// A crowd whose statuses end at midnight, with nobody there to be told, is no long call: the drain
/// ends, the rest stays due, and a host that asks again gives it its due.
#[test]
fn what_tells_nobody_is_done_some_at_a_time() {
    const CROWD: u32 = 2_500;
    let midnight = at(1_000);
    let mut engine: Engine<u32, u32> = Engine::new(config(|options| options.lease = None));
    let connect = |engine: &mut Engine<u32, u32>, user, audience: Vec<u32>| {
        let connected = engine.connect(at(0), Connect::new(user).audience(audience));
        let (key, decisions) = connected.expect("there is room");
        drain(decisions);
        key
    };
    let mut keys = Vec::new();
    for user in 0..CROWD {
        let key = connect(&mut engine, user, vec![]);
        drain(engine.publish_until(at(0), key, 1, midnight, Some(2)).expect("it is attached"));
        keys.push(key);
    }
    // The last of them is seen.
    connect(&mut engine, CROWD, vec![CROWD - 1]);
    drain(engine.audience_add(at(0), &(CROWD - 1), [CROWD]).expect("it is online"));
    let showing = |engine: &Engine<u32, u32>, presence| {
        let shown = |key: &&SessionKey| engine.presence(**key) == Some(&presence);
        keys.iter().filter(shown).count()
    };
    let mut ended = Vec::new();
    let mut told = Vec::new();
    while engine.deadline().is_some_and(|due| due <= midnight) {
        told.extend(drain(engine.advance(midnight)));
        ended.push(showing(&engine, 2));
        assert_eq!(engine.verify(), Ok(()));
    }
    // Calls that only look for what is due are let pass.
    ended.dedup();
    let at_once = if cfg!(feature = "shrunk") { 16 } else { 1_024 };
    let parts = (at_once..CROWD as usize).step_by(at_once).chain([CROWD as usize]);
    assert_eq!(ended, parts.collect::<Vec<_>>());
    assert_eq!((told.len(), showing(&engine, 1)), (1, 0), "{told:?}");
}
