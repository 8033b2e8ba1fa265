//! The same events give the same decisions: whatever the hash seed, by verbs or by events, however
//! often time is told, and whatever happens to users who have nothing to do with each other.

use adsum::{Config, Decisions, Engine, Error, SessionKey, Time};
use adsum_model::host::{Outcome, verb};
use adsum_model::told::{hear, users_of};
use adsum_model::world::{equal, no_session};
use adsum_model::{Case, Decision, Event, Host, Model, Op, User, session_of, strategy};
use std::hash::{BuildHasher, Hasher, RandomState};

/// Multiplies and adds, from a seed.
#[derive(Clone)]
struct Seeded(u64);

impl BuildHasher for Seeded {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        self.clone()
    }
}

impl Hasher for Seeded {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 =
                (self.0 ^ u64::from(*byte)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Everything collides.
#[derive(Clone, Default)]
struct Constant;

impl BuildHasher for Constant {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        Self
    }
}

impl Hasher for Constant {
    fn write(&mut self, _: &[u8]) {}

    fn finish(&self) -> u64 {
        0
    }
}

type Script = Vec<(Time, Event)>;
type Drain<'e, S> = Result<Decisions<'e, User, u32, S>, Error>;

/// The inputs that a case comes to, as the keys turn out to be.
fn record(case: &Case) -> Result<Script, String> {
    let config = case.setup.config();
    let mut host = Host::<u32>::new(config.clone(), RandomState::new());
    let mut model = Model::new(&config);
    let mut script = Script::new();
    for (at, op) in case.ops.iter().enumerate() {
        let (now, event) = op.decode(&model, at as u32);
        _ = step(&mut host, &mut model, now, &event)?;
        script.push((now, event));
    }
    Ok(script)
}

fn step(
    host: &mut Host<u32>,
    model: &mut Model,
    now: Time,
    event: &Event,
) -> Result<Outcome, String> {
    let outcome = host.handle(now, event, usize::MAX, &mut |_, _| {})?;
    let key = outcome.as_ref().ok().and_then(|(key, _)| *key);
    let expected = model.apply(now.as_millis(), event, key.unwrap_or_else(no_session));
    equal("the refusal", outcome.as_ref().err(), expected.as_ref().err())?;
    Ok(outcome)
}

/// All that an engine says, letter by letter: keys, slots, ids, chunks.
fn text<S: BuildHasher>(
    config: &Config,
    script: &Script,
    hasher: S,
    input: impl Fn(&mut Engine<User, u32, S>, Time, &Event, &mut String),
) -> String {
    let mut engine = Engine::with_hasher(config.clone(), hasher);
    let mut text = String::new();
    for (now, event) in script {
        input(&mut engine, *now, event, &mut text);
    }
    text
}

fn write_out<S: BuildHasher>(drain: Drain<'_, S>, text: &mut String) {
    match drain {
        Err(error) => *text += &format!("{error:?}\n"),
        Ok(mut decisions) => {
            while let Some(decision) = decisions.next() {
                *text += &format!("{decision:?}\n");
            }
        }
    }
}

fn by_event<S: BuildHasher>(
    engine: &mut Engine<User, u32, S>,
    now: Time,
    event: &Event,
    text: &mut String,
) {
    let drain = engine.apply(now, event.clone());
    if let Ok(decisions) = &drain {
        *text += &format!("about {:?}\n", decisions.session());
    }
    write_out(drain, text);
}

fn by_verb<S: BuildHasher>(
    engine: &mut Engine<User, u32, S>,
    now: Time,
    event: &Event,
    text: &mut String,
) {
    let drain = verb(engine, now, event);
    if let Ok(decisions) = &drain {
        *text += &format!("about {:?}\n", decisions.session());
    }
    write_out(drain, text);
}

#[test]
fn the_hash_seed_does_not_matter() {
    strategy::check(500, 60, |case| {
        let (config, script) = (case.setup.config(), record(&case)?);
        let told = text(&config, &script, Constant, by_event);
        for seed in [0, 1, 0x0123_4567_89ab_cdef, u64::MAX] {
            equal("what is said", text(&config, &script, Seeded(seed), by_event), told.clone())?;
        }
        equal("what is said", text(&config, &script, RandomState::new(), by_event), told)
    });
}

#[test]
fn an_event_is_its_verb() {
    strategy::check(500, 60, |case| {
        let (config, script) = (case.setup.config(), record(&case)?);
        let verbs = text(&config, &script, Seeded(0), by_verb);
        equal("what is said", text(&config, &script, Seeded(0), by_event), verbs)
    });
}

/// A stream of inputs that was written down and read again is the stream that it was, and all that
/// comes of it is the same letter by letter.
#[cfg(feature = "serde")]
#[test]
fn a_recorded_stream_replays_to_the_letter() {
    strategy::check(500, 60, |case| {
        let (config, script) = (case.setup.config(), record(&case)?);
        let mut recorded = Vec::new();
        for input in &script {
            recorded.push(serde_json::to_string(input).map_err(|error| error.to_string())?);
        }
        let mut replayed = Script::new();
        for line in &recorded {
            replayed.push(serde_json::from_str(line).map_err(|error| error.to_string())?);
        }
        equal("what is read", &replayed, &script)?;
        let told = text(&config, &script, Seeded(0), by_event);
        equal("what is said", text(&config, &replayed, Seeded(1), by_event), told)
    });
}

/// Once, in steps, or deadline by deadline.
#[test]
fn it_does_not_matter_how_often_time_is_told() {
    strategy::check(500, 60, |case| {
        let (config, script) = (case.setup.config(), record(&case)?);
        let whole = text(&config, &script, Seeded(0), |engine, now, event, text| {
            write_out(verb(engine, now, event), text);
        });
        let in_steps = text(&config, &script, Seeded(0), |engine, now, event, text| {
            if *event == Event::Advance {
                let (from, span) = (engine.now(), now.since(engine.now()));
                for part in [0, span / 5, span / 3, span.saturating_sub(1)] {
                    write_out(Ok(engine.advance(from.saturating_add(part))), text);
                }
            }
            write_out(verb(engine, now, event), text);
        });
        let by_deadlines = text(&config, &script, Seeded(0), |engine, now, event, text| {
            if *event == Event::Advance {
                while let Some(at) = engine.deadline().filter(|at| *at <= now) {
                    write_out(Ok(engine.advance(at)), text);
                }
            }
            write_out(verb(engine, now, event), text);
        });
        equal("what is said in steps", in_steps, whole.clone())?;
        equal("what is said by deadlines", by_deadlines, whole)
    });
}

// ---- independent users

/// Users of the second group have these ids and above; the first group's are all below.
const SECOND: User = 100;

/// What one group's host did, and all that came of it, with sessions named by the order in which
/// they came.
struct Group {
    script: Script,
    keys: Vec<SessionKey>,
    told: Vec<String>,
}

/// Two groups of users who do not know each other, told of in any order within one moment, hear
/// and say what they would by themselves.
#[test]
fn those_who_do_not_know_each_other_do_not_matter_to_each_other() {
    strategy::check(500, 80, |case| {
        let (first, second) = case.ops.split_at(case.ops.len() / 2);
        let groups = [alone(&case, first, 0)?, alone(&case, second, SECOND)?];
        let order: Vec<u8> = case.ops.iter().map(|op| op.0[1] ^ op.0[5]).collect();
        let [first, second] = together(&case, &groups, &order)?;
        equal("what the first are told", &first, &groups[0].told)?;
        equal("what the second are told", &second, &groups[1].told)
    });
}

fn alone(case: &Case, ops: &[Op], from: User) -> Result<Group, String> {
    let config = case.setup.config();
    let mut host = Host::<u32>::new(config.clone(), RandomState::new());
    let mut model = Model::new(&config);
    let mut group = Group { script: Vec::new(), keys: Vec::new(), told: Vec::new() };
    for (at, op) in ops.iter().enumerate() {
        let (now, mut event) = op.decode(&model, at as u32);
        let now = now.max(Time::from_millis(model.now));
        // A key that was never given out may be somebody's in another engine.
        if session_of(&mut event).is_some_and(|session| !group.keys.contains(session)) {
            continue;
        }
        // The model goes on without the shift; the other group's users are not in it.
        let shifted = shift(&event, from);
        for (shifted, event) in [(&Event::Advance, &Event::Advance), (&shifted, &event)] {
            let outcome = host.handle(now, shifted, usize::MAX, &mut |_, _| {})?;
            let key = outcome.as_ref().ok().and_then(|(key, _)| *key);
            _ = model.apply(now.as_millis(), event, key.unwrap_or_else(no_session));
            hear(&mut group.keys, &mut group.told, shifted, &outcome);
        }
        group.script.push((now, shifted));
    }
    let outcome = host.handle(Time::MAX, &Event::Advance, usize::MAX, &mut |_, _| {})?;
    hear(&mut group.keys, &mut group.told, &Event::Advance, &outcome);
    Ok(group)
}

fn together(case: &Case, groups: &[Group; 2], order: &[u8]) -> Result<[Vec<String>; 2], String> {
    let mut host = Host::<u32>::new(case.setup.config(), RandomState::new());
    let mut keys = [Vec::new(), Vec::new()];
    let mut told = [Vec::new(), Vec::new()];
    for (which, at) in merge(groups, order) {
        let (now, mut event) = groups[which].script[at].clone();
        if let Some(session) = session_of(&mut event) {
            let ordinal = groups[which].keys.iter().position(|key| key == session);
            *session = keys[which][ordinal.expect("the session was named before")];
        }
        for event in [Event::Advance, event] {
            let outcome = host.handle(now, &event, usize::MAX, &mut |_, _| {})?;
            hear_apart(&mut keys, &mut told, which, &event, outcome);
        }
    }
    let outcome = host.handle(Time::MAX, &Event::Advance, usize::MAX, &mut |_, _| {})?;
    hear_apart(&mut keys, &mut told, 0, &Event::Advance, outcome);
    Ok(told)
}

/// By time, and within one moment in the order that these bytes say.
fn merge(groups: &[Group; 2], order: &[u8]) -> Vec<(usize, usize)> {
    let mut next = [0, 0];
    let mut merged = Vec::new();
    loop {
        let time = |which: usize| groups[which].script.get(next[which]).map(|(now, _)| *now);
        let which = match (time(0), time(1)) {
            (None, None) => return merged,
            (Some(_), None) => 0,
            (None, Some(_)) => 1,
            (Some(a), Some(b)) if a == b => usize::from(order[merged.len() % order.len()] % 2),
            (Some(a), Some(b)) => usize::from(a > b),
        };
        merged.push((which, next[which]));
        next[which] += 1;
    }
}

/// Each group hears what is for its own sessions.
fn hear_apart(
    keys: &mut [Vec<SessionKey>; 2],
    told: &mut [Vec<String>; 2],
    which: usize,
    event: &Event,
    outcome: Outcome,
) {
    let (key, decisions) = match outcome {
        Ok((key, decisions)) => (key, decisions),
        Err(error) => return hear(&mut keys[which], &mut told[which], event, &Err(error)),
    };
    let mut apart = [Vec::new(), Vec::new()];
    for decision in decisions {
        let one = match &decision {
            Decision::Deliver { to, .. } | Decision::Skipped { to, .. } => to.first().copied(),
            Decision::Snapshot { to, .. } => Some(*to),
            Decision::Close { session, .. } => Some(*session),
        };
        let one = one.filter(|one| Some(*one) != key || !matches!(event, Event::Connect { .. }));
        let group = one.map_or(which, |one| usize::from(!keys[0].contains(&one)));
        apart[group].push(decision);
    }
    let of_the_other = std::mem::take(&mut apart[1 - which]);
    hear(&mut keys[which], &mut told[which], event, &Ok((key, apart[which].split_off(0))));
    hear(&mut keys[1 - which], &mut told[1 - which], &Event::Advance, &Ok((None, of_the_other)));
}

fn shift(event: &Event, by: User) -> Event {
    let mut event = event.clone();
    users_of(&mut event).for_each(|user| *user += by);
    event
}
