//! The same events give the same decisions: whatever the hash seed, by verbs or by events, however
//! often time is told, and whatever happens to users who have nothing to do with each other.

use adsum::{Config, Decisions, Engine, Error, Time};
use adsum_model::hasher::Constant;
use adsum_model::host::{given, verb};
use adsum_model::queries::equal;
use adsum_model::told::{Names, Ordinal, hear, users_of};
use adsum_model::{
    Answer, Attachment, Case, Choice, Decision, Event, Host, Model, Op, Outcome, User, session_of,
    strategy,
};
use std::collections::BTreeSet;
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

type Script = Vec<(Time, Event)>;
type Drain<'e, S> = Result<Decisions<'e, User, u32, S>, Error>;

/// Returns the inputs that a case comes to, as the keys turn out to be, and all names that are
/// given out for them.
fn record(case: &Case) -> Result<(Script, Vec<Attachment>), String> {
    let config = case.setup.config();
    let choice = case.setup.choice();
    let mut host = Host::<u32>::with_choice(config.clone(), choice, RandomState::new());
    let mut model = Model::with_choice(&config, choice);
    let (mut script, mut begun) = (Script::new(), Vec::new());
    for (at, op) in case.ops.iter().enumerate() {
        let (now, event) = op.decode(&model, at as u32);
        let outcome = host.handle(now, &event, usize::MAX, &mut |_, _| {})?;
        let expected = model.apply(now.as_millis(), &event, given(&outcome));
        equal("the refusal", outcome.as_ref().err(), expected.as_ref().err())?;
        begun.extend(outcome.ok().and_then(|answer| answer.begun));
        script.push((now, event));
    }
    Ok((script, begun))
}

/// How an engine is set up.
type Setting = (Config, Option<Choice>);

fn setting(case: &Case) -> Setting {
    (case.setup.config(), case.setup.choice())
}

fn engine<S: BuildHasher>((config, choice): &Setting, hasher: S) -> Engine<User, u32, S> {
    match choice {
        Some(choice) => Engine::with_representative(config.clone(), hasher, choice.represent()),
        None => Engine::with_hasher(config.clone(), hasher),
    }
}

/// Returns all that an engine says, letter by letter: keys, slots, ids, chunks.
fn text<S: BuildHasher>(
    setting: &Setting,
    script: &Script,
    hasher: S,
    input: impl Fn(&mut Engine<User, u32, S>, Time, &Event, &mut String),
) -> String {
    let mut engine = engine(setting, hasher);
    let mut text = String::new();
    for (now, event) in script {
        input(&mut engine, *now, event, &mut text);
    }
    text
}

fn write_out<S: BuildHasher>(drain: Drain<'_, S>, text: &mut String) {
    if let Ok(decisions) = &drain {
        let (about, waits_until) = (decisions.session(), decisions.waits_until());
        *text += &format!("about {about:?}, waits until {waits_until:?}\n");
    }
    write_decisions(drain, text);
}

fn write_decisions<S: BuildHasher>(drain: Drain<'_, S>, text: &mut String) {
    match drain {
        Err(error) => *text += &format!("{error:?}\n"),
        Ok(decisions) => decisions.for_each(|decision| *text += &format!("{decision:?}\n")),
    }
}

fn by_event<S: BuildHasher>(
    engine: &mut Engine<User, u32, S>,
    now: Time,
    event: &Event,
    text: &mut String,
) {
    write_out(engine.apply(now, event.clone()), text);
}

fn by_verb<S: BuildHasher>(
    engine: &mut Engine<User, u32, S>,
    now: Time,
    event: &Event,
    text: &mut String,
) {
    write_out(verb(engine, now, event), text);
}

#[test]
fn the_hash_seed_does_not_matter() {
    strategy::check(500, 60, |case| {
        let (setting, (script, _)) = (setting(&case), record(&case)?);
        let told = text(&setting, &script, Constant, by_event);
        for seed in [0, 1, 0x0123_4567_89ab_cdef, u64::MAX] {
            equal("what is said", text(&setting, &script, Seeded(seed), by_event), told.clone())?;
        }
        equal("what is said", text(&setting, &script, RandomState::new(), by_event), told)
    });
}

#[test]
fn an_event_is_its_verb() {
    strategy::check(500, 60, |case| {
        let (setting, (script, _)) = (setting(&case), record(&case)?);
        let verbs = text(&setting, &script, Seeded(0), by_verb);
        equal("what is said", text(&setting, &script, Seeded(0), by_event), verbs)
    });
}

/// A stream of inputs that was written down and read again is the stream that it was, and all that
/// comes of it is the same letter by letter.
#[cfg(feature = "serde")]
#[test]
fn a_recorded_stream_replays_to_the_letter() {
    strategy::check(500, 60, |case| {
        let (setting, (script, given)) = (setting(&case), record(&case)?);
        let mut recorded = Vec::new();
        for input in &script {
            recorded.push(serde_json::to_string(input).map_err(|error| error.to_string())?);
        }
        let mut replayed = Script::new();
        for line in &recorded {
            replayed.push(serde_json::from_str(line).map_err(|error| error.to_string())?);
        }
        equal("what is read", &replayed, &script)?;
        equal("what is given out", given_out(&setting, &replayed), given)?;
        let told = text(&setting, &script, Seeded(0), by_event);
        equal("what is said", text(&setting, &replayed, Seeded(1), by_event), told)
    });
}

/// Replaying the same events gives the same keys, those of resumes included (rule 5).
#[test]
fn the_same_events_give_the_same_keys() {
    strategy::check(500, 60, |case| {
        let (script, given) = record(&case)?;
        equal("what is given out", given_out(&setting(&case), &script), given)
    });
}

/// Returns every name that an engine gives out for these inputs.
fn given_out(setting: &Setting, script: &Script) -> Vec<Attachment> {
    let mut engine = engine(setting, Seeded(7));
    let mut given = Vec::new();
    for (now, event) in script {
        let about = engine.apply(*now, event.clone()).ok().and_then(|decisions| {
            let about = decisions.session();
            decisions.for_each(|_| {});
            about
        });
        advance_to_the_end(&mut engine, *now, event, &mut String::new());
        if let (Event::Connect { .. } | Event::Resume { .. }, Some(key)) = (event, about) {
            let session = engine.id_of(key).expect("the session is there");
            given.push(Attachment { key, session });
        }
    }
    given
}

/// After an `advance`, calls it until nothing is due at that moment any more.
fn advance_to_the_end<S: BuildHasher>(
    engine: &mut Engine<User, u32, S>,
    now: Time,
    event: &Event,
    text: &mut String,
) {
    let is_due = |engine: &Engine<_, _, S>| {
        engine.deadline().is_some_and(|due| due <= now.max(engine.now()))
    };
    while *event == Event::Advance && is_due(engine) {
        write_decisions(Ok(engine.advance(now)), text);
    }
}

/// Once, in steps, or deadline by deadline.
#[test]
fn it_does_not_matter_how_often_time_is_told() {
    strategy::check(500, 60, |case| {
        let (setting, (script, _)) = (setting(&case), record(&case)?);
        let whole = text(&setting, &script, Seeded(0), |engine, now, event, text| {
            write_decisions(verb(engine, now, event), text);
            advance_to_the_end(engine, now, event, text);
        });
        let in_steps = text(&setting, &script, Seeded(0), |engine, now, event, text| {
            // Numbers count from the first input, so that one has to be the same.
            if *event == Event::Advance && engine.stats().inputs > 0 {
                let (from, span) = (engine.now(), now.since(engine.now()));
                for part in [0, span / 5, span / 3, span.saturating_sub(1)] {
                    write_decisions(Ok(engine.advance(from.saturating_add(part))), text);
                }
            }
            write_decisions(verb(engine, now, event), text);
            advance_to_the_end(engine, now, event, text);
        });
        let by_deadlines = text(&setting, &script, Seeded(0), |engine, now, event, text| {
            if *event == Event::Advance {
                while let Some(at) = engine.deadline().filter(|at| *at <= now) {
                    write_decisions(Ok(engine.advance(at)), text);
                }
            }
            write_decisions(verb(engine, now, event), text);
        });
        let [whole, in_steps, by_deadlines] = ranked([whole, in_steps, by_deadlines]);
        equal("what is said in steps", in_steps, whole.clone())?;
        equal("what is said by deadlines", by_deadlines, whole)
    });
}

/// Has each number of a notice replaced by how many smaller ones there are: it says when time was
/// told, and no more than its order counts. At the end of time, where a call tells that comes so
/// late, several notices have one number, and the order of their parts is all there is.
fn ranked(texts: [String; 3]) -> [String; 3] {
    const NUMBER: &str = "NoticeId(";
    let end = format!("{NUMBER}{})", u64::MAX);
    let any_at_end = texts.iter().any(|text| text.contains(&end));
    texts.map(|text| {
        let number = |rest: &str| rest.split_once(')').and_then(|(number, _)| number.parse().ok());
        let numbers: BTreeSet<u64> = text.split(NUMBER).skip(1).filter_map(number).collect();
        let mut parts = text.split(NUMBER);
        let mut ranked = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (own, rest) = part.split_once(')').expect("it is written so");
            let own: u64 = own.parse().expect("a number");
            let rank = if any_at_end { 0 } else { numbers.range(..own).count() };
            ranked += &format!("{NUMBER}{rank}){rest}");
        }
        ranked
    })
}

// ---- independent users

/// Users of the second group have these ids and above; the first group's are all below.
const SECOND: User = 100;

/// What one group's host did, each input with the attachment it names, and all that came of it.
struct Group {
    script: Vec<(Time, Event, Option<Ordinal>, Option<usize>)>,
    names: Names,
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
    let choice = case.setup.choice();
    let mut host = Host::<u32>::with_choice(config.clone(), choice, RandomState::new());
    let mut model = Model::with_choice(&config, choice);
    let mut group = Group { script: Vec::new(), names: Names::default(), told: Vec::new() };
    for (at, op) in ops.iter().enumerate() {
        let (now, mut event) = op.decode(&model, at as u32);
        let now = now.max(Time::from_millis(model.now));
        let by = match session_of(&mut event) {
            None => None,
            Some(session) => match group.names.find(*session) {
                // A key that was never given out may be somebody's in another engine.
                None => continue,
                by => by,
            },
        };
        let Ok(topic) = group.names.place_of_topic(&event) else { continue };
        // The model goes on without the shift; the other group's users are not in it.
        let shifted = shift(&event, from);
        for (shifted, event) in [(&Event::Advance, &Event::Advance), (&shifted, &event)] {
            let outcome = host.handle(now, shifted, usize::MAX, &mut |_, _| {})?;
            _ = model.apply(now.as_millis(), event, given(&outcome));
            hear(&mut group.names, &mut group.told, shifted, &outcome);
        }
        group.script.push((now, shifted, by, topic));
    }
    let outcome = host.handle(Time::MAX, &Event::Advance, usize::MAX, &mut |_, _| {})?;
    hear(&mut group.names, &mut group.told, &Event::Advance, &outcome);
    Ok(group)
}

fn together(case: &Case, groups: &[Group; 2], order: &[u8]) -> Result<[Vec<String>; 2], String> {
    let (config, choice) = setting(case);
    let mut host = Host::<u32>::with_choice(config, choice, RandomState::new());
    let mut names = [Names::default(), Names::default()];
    let mut told = [Vec::new(), Vec::new()];
    for (which, at) in merge(groups, order) {
        let (now, mut event, by, topic) = groups[which].script[at].clone();
        names[which].rename(&mut event, by, topic)?;
        for event in [Event::Advance, event] {
            let outcome = host.handle(now, &event, usize::MAX, &mut |_, _| {})?;
            hear_apart(&mut names, &mut told, which, &event, outcome);
        }
    }
    let outcome = host.handle(Time::MAX, &Event::Advance, usize::MAX, &mut |_, _| {})?;
    hear_apart(&mut names, &mut told, 0, &Event::Advance, outcome);
    Ok(told)
}

/// By time, and within one moment in the order that these bytes say.
fn merge(groups: &[Group; 2], order: &[u8]) -> Vec<(usize, usize)> {
    let mut next = [0, 0];
    let mut merged = Vec::new();
    loop {
        let time = |which: usize| groups[which].script.get(next[which]).map(|(now, ..)| *now);
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
    names: &mut [Names; 2],
    told: &mut [Vec<String>; 2],
    which: usize,
    event: &Event,
    outcome: Outcome,
) {
    let answer = match outcome {
        Ok(answer) => answer,
        Err(error) => return hear(&mut names[which], &mut told[which], event, &Err(error)),
    };
    let of_group = |decision: &Decision| {
        let one = match decision {
            Decision::Deliver { to, .. }
            | Decision::Skipped { to, .. }
            | Decision::Topic { to, .. }
            | Decision::Changes { to, .. } => to.first(),
            Decision::TopicOccupied { topic, .. } | Decision::TopicVacated { topic, .. } => {
                return usize::from(*topic >= SECOND);
            }
            Decision::Snapshot { to: one, .. }
            | Decision::Close { session: one, .. }
            | Decision::Online { session: one, .. }
            | Decision::Ended { session: one, .. } => Some(one),
        };
        // What the input has begun has no name yet.
        let begun = answer.begun.map(|begun| begun.key);
        let known = one.filter(|one| Some(**one) != begun);
        known.map_or(which, |one| usize::from(names[0].find(*one).is_none()))
    };
    let (own, others) = answer.decisions.iter().cloned().partition(|said| of_group(said) == which);
    let own = Answer { decisions: own, ..answer };
    let others = Answer { decisions: others, ..Answer::default() };
    hear(&mut names[which], &mut told[which], event, &Ok(own));
    hear(&mut names[1 - which], &mut told[1 - which], &Event::Advance, &Ok(others));
}

fn shift(event: &Event, by: User) -> Event {
    let mut event = event.clone();
    users_of(&mut event).for_each(|user| *user += by);
    event
}
