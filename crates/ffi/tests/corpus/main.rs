//! What fuzzing found worth keeping, and inputs of every kind beside it, given to an engine in Rust
//! and to one behind a handle: all that comes of them is the same, byte for byte.

mod choosing;
mod door;
mod nodes;
mod pair;
mod queries;
mod read;
mod record;
mod states;
mod topics;
mod verbs;

use adsum::arbitrary::Inputs;
use adsum::{Config, Engine, Event, Join, Lease, Options, OverLimit, Rate};
use adsum_model::host::given;
use adsum_model::targets::events;
use adsum_model::{Case, Choice, Host, Model};
use pair::Pair;
use std::collections::BTreeSet;
use std::hash::RandomState;

type Id = Box<[u8]>;
type Shown = Box<[u8]>;
type Core = Engine<Id, Shown>;
type Input = Event<Id, Shown>;
type Moment = adsum::Time;

/// Returns an id as bytes, of which some are no text and one is empty.
fn id(user: u32) -> Id {
    match user {
        3 => Box::default(),
        _ => [&user.to_le_bytes()[..], b"\0\xff"].concat().into(),
    }
}

/// Returns a presence as bytes, of different lengths, some of them empty.
fn shown(said: u32) -> Shown {
    if said % 11 == 7 {
        return Box::default();
    }
    let mut bytes = said.to_le_bytes().to_vec();
    bytes.resize(4 + said as usize % 5, 0xfe);
    bytes.into()
}

/// Returns what a presence says.
fn said(shown: &[u8]) -> u32 {
    shown.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn ids(users: Vec<u32>) -> Vec<Id> {
    users.into_iter().map(id).collect()
}

/// Returns an input with bytes for numbers: one of those that the corpora have.
fn in_bytes(event: adsum_model::Event) -> Input {
    match event {
        Event::Connect { user, kind, audience, blocked } => {
            let (audience, blocked) = (ids(audience), ids(blocked));
            Event::Connect { user: id(user), kind, audience, blocked }
        }
        Event::Disconnect { session } => Event::Disconnect { session },
        Event::Lost { session, cause, grace_ms } => Event::Lost { session, cause, grace_ms },
        Event::Resume { session } => Event::Resume { session },
        Event::Heartbeat { session } => Event::Heartbeat { session },
        Event::Active { session } => Event::Active { session },
        Event::Publish { session, presence } => {
            Event::Publish { session, presence: shown(presence) }
        }
        Event::PublishUntil { session, presence, until, then } => {
            let (presence, then) = (shown(presence), then.map(shown));
            Event::PublishUntil { session, presence, until, then }
        }
        Event::Withdraw { session } => Event::Withdraw { session },
        Event::Direct { session, users, presence } => {
            Event::Direct { session, users: ids(users), presence: shown(presence) }
        }
        Event::DirectFor { session, users, presence, for_ms } => {
            let (users, presence) = (ids(users), shown(presence));
            Event::DirectFor { session, users, presence, for_ms }
        }
        Event::Watch { session, users } => Event::Watch { session, users: ids(users) },
        Event::Unwatch { session, users } => Event::Unwatch { session, users: ids(users) },
        Event::AudienceAdd { user, contacts } => {
            Event::AudienceAdd { user: id(user), contacts: ids(contacts) }
        }
        Event::AudienceRemove { user, contacts } => {
            Event::AudienceRemove { user: id(user), contacts: ids(contacts) }
        }
        Event::AudienceReplace { user, contacts } => {
            Event::AudienceReplace { user: id(user), contacts: ids(contacts) }
        }
        Event::Block { user, other } => Event::Block { user: id(user), other: id(other) },
        Event::Unblock { user, other } => Event::Unblock { user: id(user), other: id(other) },
        Event::Invisible { session } => Event::Invisible { session },
        Event::Visible { session } => Event::Visible { session },
        Event::Congested { session } => Event::Congested { session },
        Event::Writable { session } => Event::Writable { session },
        Event::System { users, presence } => {
            Event::System { users: ids(users), presence: shown(presence) }
        }
        Event::Expel { user } => Event::Expel { user: id(user) },
        Event::Advance => Event::Advance,
        other => of_topics(other),
    }
}

/// Returns the same of an input that is about a topic.
fn of_topics(event: adsum_model::Event) -> Input {
    match event {
        Event::Join { session, topic, join } => {
            let join = match join {
                Join::Member { presence, view } => {
                    Join::Member { presence: presence.map(shown), view }
                }
                Join::Observer { view } => Join::Observer { view },
            };
            Event::Join { session, topic: id(topic), join }
        }
        Event::Update { session, topic, presence } => {
            Event::Update { session, topic, presence: shown(presence) }
        }
        Event::Leave { session, topic } => Event::Leave { session, topic },
        Event::Look { session, topic, view } => Event::Look { session, topic, view },
        Event::LookAt { session, topic, users } => {
            Event::LookAt { session, topic, users: ids(users) }
        }
        Event::Say { session, topic, presence, for_ms } => {
            Event::Say { session, topic, presence: shown(presence), for_ms }
        }
        Event::Remove { topic, user } => Event::Remove { topic: id(topic), user: id(user) },
        Event::Close { topic } => Event::Close { topic: id(topic) },
        Event::TopicOptions { topic, options } => Event::TopicOptions { topic: id(topic), options },
        other => panic!("no corpus has this: {other:?}"),
    }
}

/// Returns the inputs of a corpus, one a line.
fn lines(corpus: &str) -> impl Iterator<Item = Vec<u8>> {
    corpus.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let hex = line.split(' ').next().unwrap_or_default().as_bytes();
        let byte = |pair: &[u8; 2]| {
            let pair = str::from_utf8(pair).expect("two digits");
            u8::from_str_radix(pair, 16).expect("two digits")
        };
        hex.as_chunks().0.iter().map(byte).collect()
    })
}

/// What came of a replay.
#[derive(Debug, Default)]
struct Tally {
    inputs: usize,
    decisions: usize,
}

impl Tally {
    fn replay(
        &mut self,
        (config, choice): &(Config, Option<Choice>),
        script: impl IntoIterator<Item = (Moment, Input)>,
    ) {
        let mut pair = Pair::new(config, *choice);
        for (now, event) in script {
            self.inputs += 1;
            self.decisions += pair.input(now, &event);
        }
        // Whatever is still pending, to its end.
        self.decisions += pair.input(Moment::from_millis(u64::MAX / 2), &Event::Advance);
        queries::equal_queries(&pair);
    }
}

#[test]
fn operations_lead_to_the_same_through_c() {
    let mut tally = Tally::default();
    for line in lines(include_str!("../../../../tests/corpus/operations.hex")) {
        let case = Case::from_bytes(&line);
        let (config, choice) = (case.setup.config(), case.setup.choice());
        // The operations are decoded by what is so, which the model says.
        let mut host = Host::<u32>::with_choice(config.clone(), choice, RandomState::new());
        let mut model = Model::with_choice(&config, choice);
        let mut script = Vec::new();
        for (fresh, op) in case.ops.iter().enumerate() {
            let (now, event) = op.decode(&model, fresh as u32);
            let outcome = host.handle(now, &event, usize::MAX, &mut |_, _| {});
            let outcome = outcome.expect("the engine's own tests say so");
            _ = model.apply(now.as_millis(), &event, given(&outcome));
            script.push((now, in_bytes(event)));
        }
        tally.replay(&(config, choice), script);
    }
    assert!(tally.inputs > 1_500 && tally.decisions > 1_500, "{tally:?}");
}

#[test]
fn events_lead_to_the_same_through_c() {
    let mut tally = Tally::default();
    for line in lines(include_str!("../../../../tests/corpus/events.hex")) {
        let Some((config, choice, script)) = events::script(&line) else { continue };
        let script = script.into_iter().map(|(now, event)| (now, in_bytes(event)));
        tally.replay(&(config, choice), script);
    }
    assert!(tally.inputs > 1_500 && tally.decisions > 1_500, "{tally:?}");
}

/// The inputs that `adsum::arbitrary` makes of bytes have all verbs, those of topics too.
#[test]
fn arbitrary_inputs_lead_to_the_same_through_c() {
    let hasty = Options {
        max_sessions: 2,
        over_limit: OverLimit::EvictOldest { min_age_ms: 50 },
        lease: Some(Lease { lease_ms: 3_000, heartbeat_ms: 1_000 }),
        publish_rate: Some(Rate { burst: 2, interval_ms: 100 }),
        ..Options::default()
    };
    let (mut tally, mut of_topics) = (Tally::default(), 0);
    let (mut kinds, mut notices) = (BTreeSet::new(), BTreeSet::new());
    // Miri looks at every access to memory, and takes its time.
    let (streams, len) = if cfg!(miri) { (3, 40) } else { (24, 400) };
    for seed in 0..streams {
        let options = if seed % 2 == 0 { Options::default() } else { hasty.clone() };
        let options = Options { idle_after_ms: Some(2_000), ..options };
        let config = Config::new(options).expect("the options are in range");
        let choice = (seed % 2 == 1).then(|| Choice::ALL[seed as usize % 7]);
        let mut pair = Pair::new(&config, choice);
        let bytes = noise(seed, len);
        let mut inputs = Inputs::new(&bytes);
        while let Some((now, event)) =
            inputs.next(&pair.rust, |user| id(user.into()), |said| shown(said.into()))
        {
            tally.inputs += 1;
            of_topics += usize::from(matches!(event, Event::Join { .. } | Event::Update { .. }));
            tally.decisions += pair.input(now, &event);
        }
        queries::equal_queries(&pair);
        kinds.append(&mut pair.kinds);
        notices.append(&mut pair.notices);
    }
    assert_eq!(tally.inputs, streams as usize * len);
    if cfg!(miri) {
        return;
    }
    assert!(kinds.into_iter().eq(1..=10), "every kind of decision comes up");
    assert!(notices.into_iter().eq(0..=16), "every notice, and decisions without one");
    assert!(tally.decisions > 4_000, "{tally:?}");
    assert!(of_topics > 500, "{of_topics} of topics");
}

/// Bytes for so many inputs, without any pattern and the same in every run.
fn noise(seed: u64, inputs: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..6 * inputs).map(|_| next()).collect()
}
