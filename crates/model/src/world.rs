//! The engine, the model and the receivers in step, with every check after every input.

use crate::host::{self, Answer, Outcome};
use crate::queries::{check_state, equal};
use crate::receivers::Receivers;
use crate::spelling::{Spelling, mentions};
use crate::told::Names;
use crate::{
    Attachment, Case, Choice, Decision, Event, Host, Model, Notice, Op, Output, Setup, User,
};
use adsum::{Config, Counts, DefaultHashBuilder, Error, Options, SessionKey, Time};
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hash::BuildHasher;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// So many numbers each millisecond has.
const NUMBERS_PER_MS: u64 = 4_096;

pub struct World<S = DefaultHashBuilder> {
    pub host: Host<u32, S>,
    pub model: Model,
    /// Every key that was given out.
    pub names: Names,
    receivers: Receivers,
    spelling: Spelling,
    /// Readable names of what the engine names, and what has happened so far.
    readable: BTreeMap<String, String>,
    transcript: Vec<String>,
    said: u32,
    is_punctual: bool,
    inputs: u64,
    refusals: u64,
    conflated: u64,
    /// Notices and entries of snapshots.
    notices: u64,
}

impl World {
    /// Returns one with options of a test's own, and a host that is punctual only as far as the
    /// test is.
    pub fn new(options: Options) -> Self {
        Self::with_choice(options, None)
    }

    /// Returns the same, where one state of each user is told if it is said how to choose.
    pub fn with_choice(options: Options, choice: Option<Choice>) -> Self {
        let config = Config::new(options).expect("the options go together");
        Self::with_config(&config, choice, false, DefaultHashBuilder::default())
    }
}

impl<S: BuildHasher> World<S> {
    pub fn with_hasher(setup: Setup, hasher: S) -> Self {
        Self::with_config(&setup.config(), setup.choice(), setup.is_punctual(), hasher)
    }

    fn with_config(config: &Config, choice: Option<Choice>, is_punctual: bool, hasher: S) -> Self {
        let model = Model::with_choice(config, choice);
        Self {
            host: Host::with_choice(config.clone(), choice, hasher),
            receivers: Receivers::new(&model),
            spelling: Spelling::new(config.clone(), choice),
            model,
            names: Names::default(),
            readable: BTreeMap::new(),
            transcript: vec![format!("{:?}, {choice:?}", config.options())],
            said: 0,
            is_punctual,
            inputs: 0,
            refusals: 0,
            conflated: 0,
            notices: 0,
        }
    }

    /// Runs a whole case, and then lets everyone leave.
    ///
    /// # Errors
    /// Everything that was done, and what is wrong with what came of the last of it.
    pub fn run(case: &Case, hasher: S) -> Result<(), String> {
        let mut world = Self::with_hasher(case.setup, hasher);
        for op in &case.ops {
            world.op(*op)?;
        }
        let by_time = case.ops.len().is_multiple_of(2);
        world.everyone_leaves(by_time)
    }

    /// Gives an operation, decoded as things stand. A punctual host gives the deadlines their due
    /// first.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn op(&mut self, op: Op) -> Result<(), String> {
        let (now, event) = self.decode(op);
        if self.is_punctual
            && self.model.deadlines().first().is_some_and(|at| *at < now.as_millis())
        {
            self.pass_time(now)?;
        }
        self.input(now, &event)
    }

    /// Returns what the operation is as things stand, with a fresh presence.
    pub fn decode(&mut self, op: Op) -> (Time, Event) {
        self.said += 1;
        op.decode(&self.model, self.said)
    }

    /// Gives one input to the engine, to the model, and what comes of it to the receivers.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn input(&mut self, now: Time, event: &Event) -> Result<(), String> {
        self.transcript.push(format!("{:>6} {event:?}", now.as_millis()));
        let input = AssertUnwindSafe(|| {
            self.compared_input(now, event)?;
            self.check_queries()?;
            self.check_stats()?;
            self.receivers.check(&self.model)
        });
        let checked = catch_unwind(input).unwrap_or_else(|panic| Err(said_by(&*panic)));
        checked.map_err(|fault| self.report(&fault))
    }

    /// Gives an input that was given to a world just like this one before: looks at what comes of
    /// it, and not again at all that can be asked, which takes most of the time.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn again(&mut self, now: Time, event: &Event) -> Result<(), String> {
        self.transcript.push(format!("{:>6} {event:?}", now.as_millis()));
        self.compared_input(now, event).map_err(|fault| self.report(&fault))
    }

    fn compared_input(&mut self, now: Time, event: &Event) -> Result<(), String> {
        let last_id = self.host.last_id;
        let receivers = &mut self.receivers;
        receivers.expect(&self.model, event);
        let mut mentioned = Vec::new();
        let mut watch = |decision: &adsum::Decision<'_, _, _>, to: &[SessionKey]| {
            receivers.hear(decision, to);
            mentions(decision, &mut |mention, id: &User| mentioned.push((mention, *id)));
        };
        let outcome = self.host.handle(now, event, usize::MAX, &mut watch)?;
        let begun = outcome.as_ref().ok().and_then(|answer| answer.begun);
        begun.map_or(Ok(()), |begun| self.name(event, begun))?;
        self.names.add_topic(&outcome);
        match &outcome {
            Ok(answer) => {
                self.inputs += 1;
                self.conflated += u64::from(answer.waits_until.is_some());
                about_whom(event, answer)?;
            }
            Err(_) => self.refusals += 1,
        }
        let is_shown = is_anybody_shown(&self.model, event);
        let model = self.model.apply(now.as_millis(), event, host::given(&outcome));
        compare(&model, &outcome)?;
        self.spelling.input(now, event, &outcome, &mentioned, is_shown)?;
        if let (Ok(output), Ok(answer)) = (&model, &outcome) {
            self.notices += output.notices();
            check_numbers(&self.model, answer, last_id)?;
        }
        if let Event::Writable { .. } = event {
            check_catch_up(&outcome)?;
        }
        self.receivers.note(&self.model, event, begun)
    }

    /// Has the engines give back what they do not need.
    pub fn shrink_to_fit(&mut self) {
        self.host.engine.shrink_to_fit();
        self.spelling.shrink_to_fit();
    }

    /// Calls `advance` as a host does, at each of the engine's deadlines up to this moment.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn pass_time(&mut self, until: Time) -> Result<(), String> {
        // A deadline may turn out to be too early, or stay where it is, but not for ever.
        for _ in 0..10_000 {
            let Some(at) = self.host.engine.deadline().filter(|at| *at <= until) else {
                return Ok(());
            };
            self.input(at, &Event::Advance)?;
            if self.host.engine.deadline().is_some_and(|next| next < at) {
                return Err(self.report("the deadline is earlier than it was"));
            }
        }
        Err(self.report("there is always another deadline"))
    }

    /// Ends the case: nobody is left, and nothing.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn everyone_leaves(&mut self, by_time: bool) -> Result<(), String> {
        if by_time {
            self.pass_time(Time::MAX)?;
        }
        for session in self.model.keys() {
            let now = Time::from_millis(self.model.now);
            self.input(now, &Event::Disconnect { session })?;
        }
        let engine = &self.host.engine;
        let (counts, deadline) = (engine.counts(), engine.deadline());
        if counts != Counts::default() || deadline.is_some() {
            return Err(self.report(&format!("{counts:?} and {deadline:?} are left")));
        }
        Ok(())
    }

    // ---- the checks

    /// Checks that everything that can be asked of the engine is what the model says.
    fn check_queries(&self) -> Result<(), String> {
        let (engine, model) = (&self.host.engine, &self.model);
        engine.verify()?;
        equal("now", engine.now().as_millis(), model.now)?;
        check_state(engine, model)?;
        let next = model.deadlines().first().copied();
        match (engine.deadline(), next) {
            (None, None) => Ok(()),
            (Some(at), Some(next)) if at.as_millis() <= next => Ok(()),
            (at, next) => Err(format!("the deadline is {at:?}, and the next thing is at {next:?}")),
        }
    }

    fn check_stats(&self) -> Result<(), String> {
        let stats = self.host.engine.stats();
        equal("inputs", stats.inputs, self.inputs + self.host.advanced_again)?;
        equal("refusals", stats.refusals, self.refusals)?;
        equal("notices", stats.notices, self.notices)?;
        equal("deliveries", stats.deliveries, self.host.deliveries)?;
        equal("conflated", stats.conflated, self.conflated)?;
        equal("skipped", stats.skipped, self.host.skipped)
    }

    // ---- for whoever reads the failure

    /// Gives names to what an input has begun: sessions as `user.session`, attachments as
    /// `user.session/attachment`.
    ///
    /// # Errors
    /// A name that was given out before, or that is not what it has to be.
    fn name(&mut self, event: &Event, begun: Attachment) -> Result<(), String> {
        let Attachment { key, session } = begun;
        if self.names.find(key).is_some() {
            return Err(format!("{key:?} is given out twice"));
        }
        let name = match event {
            Event::Connect { user, .. } => {
                if self.names.position_of(session).is_some() {
                    return Err(format!("{session:?} is given out twice"));
                }
                let of_user = format!("{user}.");
                let named = self.readable.values().filter(|name| !name.contains('/'));
                let ordinal = named.filter(|name| name.starts_with(&of_user)).count();
                let name = format!("{user}.{}", ordinal + 1);
                self.readable.insert(format!("{session:?}"), name.clone());
                name
            }
            Event::Resume { session: resumed } => {
                let before = self.host.engine.id_of(*resumed);
                let place = self.names.position_of(session);
                if before.is_some() || place.is_none() || key.slot() != resumed.slot() {
                    return Err(format!("{resumed:?} is resumed as {begun:?}"));
                }
                self.readable[&format!("{session:?}")].clone()
            }
            _ => return Err(format!("{begun:?} begins of its own accord")),
        };
        self.names.add(begun);
        let ordinal = self.names.find(key).map_or(0, |ordinal| ordinal.attachment);
        let name = format!("{name}/{}", ordinal + 1);
        let line = self.transcript.last_mut().expect("the input has a line");
        _ = write!(line, "  -> {name}");
        self.readable.insert(format!("{key:?}"), name);
        Ok(())
    }

    fn report(&self, fault: &str) -> String {
        let mut text = format!("{}\n{fault}", self.transcript.join("\n"));
        let mut names: Vec<(&String, &String)> = self.readable.iter().collect();
        // The longest first: one may begin as another one does.
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        for (name, readable) in names {
            text = text.replace(name, readable);
        }
        text
    }
}

/// Returns whether a session of somebody visible is in the topic that another one joins.
fn is_anybody_shown(model: &Model, event: &Event) -> bool {
    let Event::Join { topic, .. } = event else { return false };
    let places = model.topics.get(topic).map(|topic| &topic.places);
    let mut users = places.into_iter().flatten().map(|(id, _)| model.sessions[id].user);
    users.any(|user| !model.is_invisible(user))
}

/// Returns the message of a panic, so that it is reported with what led to it.
fn said_by(panic: &dyn Any) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("it panics: {}", text.unwrap_or("without a text"))
}

/// Holds what came of an input against what should have.
///
/// # Errors
/// Both.
pub fn compare(model: &Result<Output, Error>, engine: &Outcome) -> Result<(), String> {
    let agree = match (model, engine) {
        (Ok(output), Ok(answer)) => {
            let agrees = if answer.numbers.contains(&u64::MAX) {
                output.agrees_without_numbers(&answer.decisions)
            } else {
                output.agrees_with(&answer.decisions)
            };
            agrees && output.waits_until == answer.waits_until
        }
        (Err(model), Err(engine)) => model == engine,
        _ => false,
    };
    if agree {
        return Ok(());
    }
    let list = |decisions: &[Decision], waits_until: Option<u64>| {
        let waits = waits_until.map(|until| format!("\n    it waits until {until}"));
        let lines = decisions.iter().map(|decision| format!("\n    {decision:?}"));
        lines.chain(waits).collect::<String>()
    };
    let model = match model {
        Ok(output) => list(&output.decisions, output.waits_until),
        Err(error) => format!("{error:?}"),
    };
    let engine = match engine {
        Ok(answer) => list(&answer.decisions, answer.waits_until),
        Err(error) => format!("{error:?}"),
    };
    Err(format!("the engine says: {engine}\nand should say: {model}"))
}

/// Checks that the numbers of notices say no more than their moments (`RULES.md`, "Numbers of
/// notices").
fn check_numbers(model: &Model, answer: &Answer, mut last: u64) -> Result<(), String> {
    // What was due before is told now, and numbered so.
    let millis = model.now - model.first.unwrap_or(model.now);
    let numbered = answer.numbers.iter().enumerate().filter(|(_, number)| **number > 0);
    for (at, number) in numbered {
        // Whoever is skipped misses the notice that others have received.
        if matches!(answer.decisions[at], Decision::Skipped { .. }) && *number == last {
            continue;
        }
        let least = millis.saturating_mul(NUMBERS_PER_MS).max(last.saturating_add(1));
        // Notices that nobody receives have numbers as well.
        let most = millis.saturating_add(1).saturating_mul(NUMBERS_PER_MS);
        if !(least..=most).contains(number) {
            return Err(format!("{:?} has the number {number}", answer.decisions[at]));
        }
        last = *number;
    }
    Ok(())
}

/// Checks that a drain says which session its input was about.
fn about_whom(event: &Event, answer: &Answer) -> Result<(), String> {
    let about = match event {
        Event::Connect { .. } | Event::Resume { .. } => answer.begun.map(|begun| begun.key),
        _ => crate::session_of(&mut event.clone()).copied(),
    };
    equal("whom the input was about", answer.about, about)
}

/// Checks that in a catch-up, where the order of users is free, the presences of each come before
/// the endings.
fn check_catch_up(outcome: &Outcome) -> Result<(), String> {
    let Ok(answer) = outcome else {
        return Ok(());
    };
    let mut over = Vec::new();
    for notice in answer.decisions.iter().filter_map(Decision::notice) {
        match notice {
            Notice::Presence { user, .. } | Notice::User { user, .. } if over.contains(user) => {
                return Err(format!("{notice:?} comes after an ending of the same user"));
            }
            Notice::SessionEnded { user, .. }
            | Notice::Withdrawn { user, .. }
            | Notice::UserOffline { user } => over.push(*user),
            _ => {}
        }
    }
    Ok(())
}
