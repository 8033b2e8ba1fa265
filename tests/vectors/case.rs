//! One case: a history at random, cut somewhere, perhaps disturbed, and what is believed then.

use crate::arbitrary;
use crate::driver::Driver;
use crate::fold::Client;
use crate::recorder::{History, users};
use crate::wire;
use adsum::{Options, TopicOptions};
use adsum_model::{Op, Setup};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A client that has room for everybody in any case.
const ROOMY: usize = 100_000;

pub(crate) struct Case {
    seed: u32,
    limit: usize,
    /// Frames as they come; several that come at once are an array.
    steps: Vec<Value>,
    client: Client,
}

impl Case {
    /// Returns the case of this seed, always the same.
    ///
    /// # Panics
    /// Where a frame in its own place is taken for one that comes late.
    pub(crate) fn of_seed(seed: u32) -> Self {
        let mut random = Random::new(seed);
        let mut steps = match seed % 4 {
            0 => chosen(told_of_users(&mut random), &mut random),
            1 => chosen(told_of_topics(&mut random, seed), &mut random),
            _ => arbitrary::history(&mut random),
        };
        let is_arbitrary = seed % 4 > 1;
        let is_disturbed = is_arbitrary || random.below(4) == 0;
        if !is_arbitrary {
            steps.iter_mut().for_each(|step| split_snapshots(step, &mut random));
            if is_disturbed {
                disturb(&mut steps, &mut random);
            }
        }
        // What a full replica does is rare in histories, and every second time in the others.
        let is_small = random.below(if is_arbitrary { 2 } else { 3 }) == 0;
        let limit = if is_small { random.below(6) } else { ROOMY };
        let steps = packed(steps, &mut random);
        let mut client = Client::new(limit);
        steps.iter().for_each(|step| client.take(step));
        assert!(is_disturbed || client.late == 0, "seed {seed}: something is not in order");
        Self { seed, limit, steps, client }
    }

    pub(crate) fn to_line(&self) -> String {
        let Self { seed, limit, steps, client } = self;
        let mut case = json!({ "seed": seed, "frames": steps, "belief": client.belief() });
        if *limit != ROOMY {
            case["limit"] = (*limit).into();
        }
        format!("{case}\n")
    }

    /// Says what is in the case.
    pub(crate) fn labels(&self) -> BTreeSet<String> {
        let mut labels = BTreeSet::new();
        for step in &self.steps {
            match step {
                Value::Array(frames) => {
                    labels.insert("several at once".into());
                    labels.extend(frames.iter().map(wire::label));
                }
                frame => _ = labels.insert(wire::label(frame)),
            }
        }
        labels.extend((self.client.late > 0).then(|| "late".into()));
        labels.extend((self.client.cut > 0).then(|| "cut".into()));
        labels
    }
}

/// A case of the properties' generator.
fn told_of_users(random: &mut Random) -> Vec<History> {
    let mut byte = || random.below(256) as u8;
    let bytes: Vec<u8> = (0..Setup::LEN + 60 * Op::LEN).map(|_| byte()).collect();
    users::histories(&adsum_model::Case::from_bytes(&bytes))
}

/// A run of the driver of topics, each of several sorts of topics in turn.
fn told_of_topics(random: &mut Random, seed: u32) -> Vec<History> {
    let topics = |full_up_to, coalesce_ms| {
        let topics = TopicOptions { full_up_to, sample: 2, coalesce_ms, ..TopicOptions::default() };
        Options { topics, topic_rate: None, direct_rate: None, ..Options::default() }
    };
    let mut options =
        [topics(200, 0), topics(200, 100), topics(3, 0), topics(3, 50)][random.below(4)].clone();
    options.own_echo = random.below(4) > 0;
    options.idle_after_ms = (random.below(4) == 0).then_some(200);
    let mut driver = Driver::new(options, seed.into());
    (0..80).for_each(|_| driver.step());
    if random.below(8) == 0 {
        driver.end();
    }
    driver.beliefs.recorder.histories()
}

/// Returns one of these histories, cut somewhere: often one in which much is told that is rare.
fn chosen(histories: Vec<History>, random: &mut Random) -> History {
    let told: Vec<History> = histories
        .into_iter()
        .map(|history| cut(history, random))
        .filter(|history| history.len() > 1)
        .collect();
    let any = random.below(told.len().max(1));
    let richest = (0..told.len()).max_by_key(|nth| richness(&told[*nth]));
    let nth = if random.below(3) == 0 { Some(any) } else { richest };
    nth.and_then(|nth| told.into_iter().nth(nth)).unwrap_or_default()
}

/// Says how much is told in a history, what is rare above all.
fn richness(history: &History) -> usize {
    let labels: BTreeSet<String> = history.iter().flatten().map(wire::label).collect();
    let worth = |label: &String| if wire::RARE_LABELS.contains(&label.as_str()) { 8 } else { 1 };
    labels.iter().map(worth).sum()
}

/// Returns the beginning of a history, with at most so many frames as a case should have.
fn cut(history: History, random: &mut Random) -> History {
    let mut left = 6 + random.below(28);
    let steps = history.into_iter().take_while(|frames| {
        let fits = left > 0;
        left = left.saturating_sub(frames.len());
        fits
    });
    steps.collect()
}

/// A server may send a snapshot in as many parts as it likes.
fn split_snapshots(step: &mut Vec<Value>, random: &mut Random) {
    let mut at = 0;
    while at < step.len() {
        let entries = step[at].get("entries").and_then(Value::as_array).map_or(0, Vec::len);
        let is_snapshot = step[at].get("first").is_some();
        if is_snapshot && entries > 0 && random.below(4) == 0 {
            let border = random.below(entries + 1);
            let mut rest = step[at].clone();
            let all = step[at]["entries"].as_array_mut().expect("it has entries");
            rest["entries"] = all.split_off(border).into();
            (step[at]["last"], rest["first"]) = (false.into(), false.into());
            step.insert(at + 1, rest);
        }
        at += 1;
    }
}

/// What no good server does: frames are lost, come twice, or overtake each other.
fn disturb(steps: &mut History, random: &mut Random) {
    for _ in 0..1 + random.below(3) {
        if steps.is_empty() {
            return;
        }
        let (from, to) = (random.below(steps.len()), random.below(steps.len()));
        if steps[from].is_empty() {
            continue;
        }
        let at = random.below(steps[from].len());
        match random.below(4) {
            0 => _ = steps[from].remove(at),
            1 => {
                let again = steps[from][at].clone();
                steps[to].push(again);
            }
            2 => {
                let moved = steps[from].remove(at);
                steps[to].insert(0, moved);
            }
            _ => steps.swap(from, to),
        }
    }
}

/// What is due at once comes in one array, and so does what an input has brought before.
fn packed(steps: History, random: &mut Random) -> Vec<Value> {
    let mut packed: Vec<Vec<Value>> = Vec::new();
    for step in steps {
        match packed.last_mut() {
            Some(last) if random.below(4) == 0 => last.extend(step),
            _ => packed.push(step),
        }
    }
    let one = |mut frames: Vec<Value>| match frames.len() {
        1 => frames.remove(0),
        _ => Value::Array(frames),
    };
    packed.into_iter().map(one).collect()
}

/// Numbers at random, the same for the same seed.
pub(crate) struct Random(u64);

impl Random {
    fn new(seed: u32) -> Self {
        let mut random = Self(u64::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        (0..8).for_each(|_| _ = random.below(2));
        random
    }

    pub(crate) const fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % limit
    }
}
