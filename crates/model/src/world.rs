//! The engine, the model and the receivers in step, with every check after every input.

use crate::host::Outcome;
use crate::receivers::Receivers;
use crate::{Case, Decision, Event, Host, Model, Notice, Op, Output, Payload, Setup, User};
use adsum::{Config, Counts, DefaultHashBuilder, Error, Options, SessionKey, Time};
use std::any::Any;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hash::BuildHasher;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub struct World<S = DefaultHashBuilder> {
    pub host: Host<u32, S>,
    pub model: Model,
    receivers: Receivers,
    /// Readable names of the sessions, and what has happened so far.
    names: BTreeMap<SessionKey, String>,
    transcript: Vec<String>,
    said: u32,
    is_punctual: bool,
    inputs: u64,
    refusals: u64,
}

impl World {
    /// With options of a test's own, and a host that is punctual only as far as the test is.
    pub fn new(options: Options) -> Self {
        let config = Config::new(options).expect("the options go together");
        Self::with_config(&config, false, DefaultHashBuilder::default())
    }
}

impl<S: BuildHasher> World<S> {
    pub fn with_hasher(setup: Setup, hasher: S) -> Self {
        Self::with_config(&setup.config(), setup.is_punctual(), hasher)
    }

    fn with_config(config: &Config, is_punctual: bool, hasher: S) -> Self {
        let model = Model::new(config);
        Self {
            host: Host::new(config.clone(), hasher),
            receivers: Receivers::new(&model),
            model,
            names: BTreeMap::new(),
            transcript: vec![format!("{:?}", config.options())],
            said: 0,
            is_punctual,
            inputs: 0,
            refusals: 0,
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

    /// The operation, decoded as things stand. A punctual host gives the deadlines their due first.
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

    /// What the operation is, as things stand, with a fresh presence.
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
        let input = AssertUnwindSafe(|| self.checked_input(now, event));
        let checked = catch_unwind(input).unwrap_or_else(|panic| Err(said_by(&*panic)));
        checked.map_err(|fault| self.report(&fault))
    }

    fn checked_input(&mut self, now: Time, event: &Event) -> Result<(), String> {
        let receivers = &mut self.receivers;
        let mut watch = |decision: &adsum::Decision<'_, _, _>, to: &[SessionKey]| {
            receivers.hear(decision, to);
        };
        let outcome = self.host.handle(now, event, usize::MAX, &mut watch)?;
        match &outcome {
            Ok((Some(key), _)) => self.name(event, *key),
            Ok((None, _)) => {}
            Err(_) => self.refusals += 1,
        }
        self.inputs += u64::from(outcome.is_ok());
        let key = outcome.as_ref().ok().and_then(|(key, _)| *key);
        let model = self.model.apply(now.as_millis(), event, key.unwrap_or_else(no_session));
        compare(&model, &outcome)?;
        about_whom(event, key)?;
        if let Event::Writable { .. } = event {
            check_catch_up(&outcome)?;
        }
        self.check_queries()?;
        self.check_stats()?;
        self.receivers.check(&self.model, event, key)
    }

    /// Calls `advance` as a host does, at each of the engine's deadlines up to this moment.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn pass_time(&mut self, until: Time) -> Result<(), String> {
        // A deadline may turn out to be too early, but not for ever.
        for _ in 0..10_000 {
            let Some(at) = self.host.engine.deadline().filter(|at| *at <= until) else {
                return Ok(());
            };
            self.input(at, &Event::Advance)?;
            if self.host.engine.deadline().is_some_and(|next| next <= at) {
                return Err(self.report("the deadline is where it was, or earlier"));
            }
        }
        Err(self.report("there is always another deadline"))
    }

    /// The end of every case: nobody is left, and nothing.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn everyone_leaves(&mut self, by_time: bool) -> Result<(), String> {
        if by_time {
            self.pass_time(Time::MAX)?;
        }
        let sessions: Vec<SessionKey> = self.model.sessions.keys().copied().collect();
        for session in sessions {
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

    /// Everything that can be asked of the engine is what the model says.
    fn check_queries(&self) -> Result<(), String> {
        let (engine, model) = (&self.host.engine, &self.model);
        engine.verify()?;
        equal("now", engine.now().as_millis(), model.now)?;
        check_state(engine, model)?;
        equal("counts", exact_counts(engine.counts(), model), model.counts())?;
        let next = model.deadlines().first().copied();
        match (engine.deadline(), next) {
            (None, None) => Ok(()),
            (Some(at), Some(next)) if at.as_millis() <= next => Ok(()),
            (at, next) => Err(format!("the deadline is {at:?}, and the next thing is at {next:?}")),
        }
    }

    fn check_stats(&self) -> Result<(), String> {
        let stats = self.host.engine.stats();
        equal("inputs", stats.inputs, self.inputs)?;
        equal("refusals", stats.refusals, self.refusals)?;
        equal("notices", stats.notices, self.host.last_id)?;
        equal("deliveries", stats.deliveries, self.host.deliveries)?;
        equal("skipped", stats.skipped, self.host.skipped)
    }

    // ---- for whoever reads the failure

    fn name(&mut self, event: &Event, key: SessionKey) {
        if let Event::Connect { user, .. } = event {
            let ordinal =
                self.names.values().filter(|n| n.starts_with(&format!("{user}."))).count();
            self.names.insert(key, format!("{user}.{}", ordinal + 1));
            let line = self.transcript.last_mut().expect("the input has a line");
            _ = write!(line, "  -> {user}.{}", ordinal + 1);
        }
    }

    fn report(&self, fault: &str) -> String {
        let mut text = format!("{}\n{fault}", self.transcript.join("\n"));
        let mut names: Vec<(String, &String)> =
            self.names.iter().map(|(key, name)| (format!("{key:?}"), name)).collect();
        // The longest first: one may begin as another one does.
        names.sort_by_key(|(key, _)| std::cmp::Reverse(key.len()));
        for (key, name) in names {
            text = text.replace(&key, name);
        }
        text
    }
}

/// The message of a panic, so that it is reported with what led to it.
fn said_by(panic: &dyn Any) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("it panics: {}", text.unwrap_or("without a text"))
}

/// What a model is told that an engine has given no key.
pub fn no_session() -> SessionKey {
    SessionKey::from_bits(u128::MAX)
}

/// Sessions, lists, sight: all that can be asked one by one.
///
/// # Errors
/// The first that is not as the model says.
pub fn check_state<P: Payload, S: BuildHasher>(
    engine: &adsum::Engine<User, P, S>,
    model: &Model,
) -> Result<(), String> {
    // Some who are in nobody's list as well.
    for user in (0..10).chain(model.accounts.range(10..).map(|(user, _)| *user)) {
        equal("is_online", engine.is_online(&user), model.is_online(user))?;
        equal("is_invisible", engine.is_invisible(&user), model.is_invisible(user))?;
        let sessions: Vec<SessionKey> = engine.sessions(&user).collect();
        equal("sessions", sessions, model.sessions_of(user))?;
        for viewer in (0..10).filter(|viewer| *viewer != user) {
            equal("sees", engine.sees(&viewer, &user), model.sees(viewer, user))
                .map_err(|fault| format!("{viewer}, {user}: {fault}"))?;
        }
    }
    for key in model.sessions.keys().chain(&model.ended) {
        let session = model.sessions.get(key);
        let presence = engine.presence(*key).map(Payload::said);
        equal("presence", presence, session.and_then(|session| session.presence))?;
        equal("user_of", engine.user_of(*key).copied(), session.map(|session| session.user))?;
        let attached = session.is_some_and(|session| session.attached);
        equal("is_attached", engine.is_attached(*key), attached)?;
        let congested = session.is_some_and(|session| session.missed.is_some());
        equal("is_congested", engine.is_congested(*key), congested)?;
    }
    Ok(())
}

/// The engine's counts, but for those who were told by directed presence: some of them may have
/// ended, within the limit of each sender. Where there is nobody, none may be counted.
pub fn exact_counts(mut counts: Counts, model: &Model) -> Counts {
    let told = model.counts().told;
    let most = model.sessions.len() * model.options.max_told as usize;
    if (told..=most).contains(&counts.told) {
        counts.told = told;
    }
    counts
}

pub fn equal<T: PartialEq + std::fmt::Debug>(
    what: &str,
    engine: T,
    model: T,
) -> Result<(), String> {
    if engine == model {
        Ok(())
    } else {
        Err(format!("{what} is {engine:?}, and should be {model:?}"))
    }
}

/// Holds what came of an input against what should have.
///
/// # Errors
/// Both.
pub fn compare(model: &Result<Output, Error>, engine: &Outcome) -> Result<(), String> {
    let agree = match (model, engine) {
        (Ok(output), Ok((_, decisions))) => output.agrees_with(decisions),
        (Err(model), Err(engine)) => model == engine,
        _ => false,
    };
    if agree {
        return Ok(());
    }
    let list = |decisions: &[Decision]| {
        decisions.iter().fold(String::new(), |text, decision| format!("{text}\n    {decision:?}"))
    };
    let model = match model {
        Ok(output) => list(&output.decisions),
        Err(error) => format!("{error:?}"),
    };
    let engine = match engine {
        Ok((_, decisions)) => list(decisions),
        Err(error) => format!("{error:?}"),
    };
    Err(format!("the engine says: {engine}\nand should say: {model}"))
}

/// A drain says which session its input was about.
fn about_whom(event: &Event, key: Option<SessionKey>) -> Result<(), String> {
    let named = crate::session_of(&mut event.clone()).copied();
    match (event, key) {
        (Event::Connect { .. }, _) | (_, None) => Ok(()),
        _ if named == key => Ok(()),
        _ => Err(format!("the input was not about {key:?}")),
    }
}

/// In a catch-up the order of users is free, but of each the presences come before the endings.
fn check_catch_up(outcome: &Outcome) -> Result<(), String> {
    let Ok((_, decisions)) = outcome else {
        return Ok(());
    };
    let mut over = Vec::new();
    for notice in decisions.iter().filter_map(Decision::notice) {
        match notice {
            Notice::Presence { user, .. } if over.contains(user) => {
                return Err(format!("{notice:?} comes after an ending of the same user"));
            }
            Notice::SessionEnded { user, .. } | Notice::UserOffline { user } => over.push(*user),
            _ => {}
        }
    }
    Ok(())
}
