//! Inputs that can be changed and played again, and what is told then.

use adsum::{Config, Options, Replica, SessionKey, Time};
use adsum_model::host::given;
use adsum_model::queries::equal;
use adsum_model::told::{self, Names, Ordinal};
use adsum_model::{
    Answer, Case, Choice, Decision, Event, Host, Model, Outcome, User, session_of, strategy,
};
use std::collections::BTreeMap;
use std::hash::RandomState;

/// An input, and the attachment that it names.
#[derive(Clone)]
pub(crate) struct Input {
    pub(crate) now: Time,
    pub(crate) event: Event,
    pub(crate) by: Option<Ordinal>,
    /// The topic whose key it names.
    pub(crate) topic: Option<usize>,
}

impl Input {
    /// Returns whether it names this session.
    pub(crate) fn is_of(&self, session: usize) -> bool {
        self.by.is_some_and(|by| by.session == session)
    }
}

#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) config: Config,
    /// How a session is chosen that speaks for each user, if contacts are told one state.
    pub(crate) choice: Option<Choice>,
    pub(crate) inputs: Vec<Input>,
}

/// Draws cases and holds the law for each, under options that the law needs: whether contacts are
/// told of each session or one state a user.
pub(crate) fn law(change: fn(&mut Options), holds: fn(&Case, &Script) -> Result<(), String>) {
    law_for(|choice| choice, change, holds);
}

/// The same, under the choices for which the law holds.
pub(crate) fn law_for(
    chosen: fn(Option<Choice>) -> Option<Choice>,
    change: fn(&mut Options),
    holds: fn(&Case, &Script) -> Result<(), String>,
) {
    strategy::check(500, 60, |case| {
        let mut options = case.setup.options();
        change(&mut options);
        let config = Config::new(options).expect("the options go together");
        let choice = chosen(case.setup.choice());
        let inputs = record(&case, &config, choice)?;
        let script = Script { inputs, config, choice };
        holds(&case, &script).map_err(|fault| format!("{}\n{fault}", script.list()))
    });
}

/// No input comes later: at the end of time all notices have one number, and two that are alike
/// cannot be told from one in two parts.
const LAST_MOMENT: Time = Time::from_millis(1 << 50);

/// Returns the inputs that a case comes to. Sessions that never were are left out: in another
/// engine their keys may be somebody's.
fn record(case: &Case, config: &Config, choice: Option<Choice>) -> Result<Vec<Input>, String> {
    let mut host = Host::<u32>::with_choice(config.clone(), choice, RandomState::new());
    let mut model = Model::with_choice(config, choice);
    let (mut names, mut inputs) = (Names::default(), Vec::new());
    for (at, op) in case.ops.iter().enumerate() {
        let (now, mut event) = op.decode(&model, at as u32);
        let now = now.min(LAST_MOMENT);
        let by = match session_of(&mut event) {
            None => None,
            Some(session) => match names.find(*session) {
                None => continue,
                known => known,
            },
        };
        let Ok(topic) = names.place_of_topic(&event) else { continue };
        let outcome = host.handle(now, &event, usize::MAX, &mut |_, _| {})?;
        _ = model.apply(now.as_millis(), &event, given(&outcome));
        names.add_all(&outcome);
        inputs.push(Input { now, event, by, topic });
    }
    Ok(inputs)
}

impl Script {
    pub(crate) fn list(&self) -> String {
        let line = |input: &Input| {
            let Input { now, event, by, .. } = input;
            let by = by.map_or_else(String::new, |by| format!(" by {by:?}"));
            format!("{:>6} {event:?}{by}", now.as_millis())
        };
        let inputs = self.inputs.iter().map(line).collect::<Vec<_>>();
        format!("{:?}, {:?}\n{}", self.config.options(), self.choice, inputs.join("\n"))
    }

    /// Returns an engine to play it on.
    pub(crate) fn host(&self) -> Host<u32> {
        Host::with_choice(self.config.clone(), self.choice, RandomState::new())
    }

    /// Returns the same with every input changed.
    pub(crate) fn map(&self, change: impl FnMut(Input) -> Input) -> Self {
        Self { inputs: self.inputs.iter().cloned().map(change).collect(), ..self.clone() }
    }

    /// Returns what comes of each input, with the users and presences in it changed.
    pub(crate) fn play_as(
        &self,
        change: fn(&mut User, &mut u32),
    ) -> Result<Vec<Vec<String>>, String> {
        let mut player = Player { change, ..Player::new(self) };
        self.inputs.iter().map(|input| player.play(input)).collect()
    }

    /// Returns what comes of each input.
    pub(crate) fn play(&self) -> Result<Vec<Vec<String>>, String> {
        self.play_as(|_, _| {})
    }
}

/// Plays inputs and hears what comes of them.
pub(crate) struct Player {
    pub(crate) host: Host<u32>,
    pub(crate) names: Names,
    /// A session of which others only are heard, and what it believes.
    apart: Option<usize>,
    replica: Replica<User, u32>,
    /// What becomes of users and presences before they are put into words.
    change: fn(&mut User, &mut u32),
}

impl Player {
    pub(crate) fn new(script: &Script) -> Self {
        let host = script.host();
        let replica = Replica::new(1_000);
        Self { host, names: Names::default(), apart: None, replica, change: |_, _| {} }
    }

    pub(crate) fn apart(script: &Script, session: usize) -> Self {
        Self { apart: Some(session), ..Self::new(script) }
    }

    pub(crate) fn now(&self) -> Time {
        self.host.engine.now()
    }

    /// Returns what comes of an input, in words.
    pub(crate) fn play(&mut self, input: &Input) -> Result<Vec<String>, String> {
        let (event, outcome) = self.decide(input)?;
        Ok(self.in_words(&event, outcome))
    }

    /// Returns the same, apart for each receiver and in no order.
    pub(crate) fn play_apiece(&mut self, input: &Input) -> Result<Vec<String>, String> {
        let (event, mut outcome) = self.decide(input)?;
        if let Ok(Answer { decisions, .. }) = &mut outcome {
            *decisions = decisions.drain(..).flat_map(told::apiece).collect();
        }
        let mut lines = self.in_words(&event, outcome);
        lines.sort();
        Ok(lines)
    }

    fn in_words(&mut self, event: &Event, mut outcome: Outcome) -> Vec<String> {
        if let Ok(answer) = &mut outcome {
            // A resume gives it another key in the middle of this.
            let new_key = answer.begun.map(|begun| begun.key);
            let keys = [self.key_apart(), new_key.filter(|_| self.is_resumed(event))];
            let decisions = answer.decisions.drain(..);
            answer.decisions = decisions.filter_map(|said| without(said, keys)).collect();
            answer.decisions.iter_mut().for_each(|said| told::change(said, self.change));
        }
        let mut lines = Vec::new();
        told::hear(&mut self.names, &mut lines, event, &outcome);
        lines
    }

    /// Returns whether this resumes the session apart.
    fn is_resumed(&self, event: &Event) -> bool {
        matches!(event, Event::Resume { session } if self.key_apart() == Some(*session))
    }

    /// Gives an input, which names attachments by the keys that they have here.
    fn decide(&mut self, input: &Input) -> Result<(Event, Outcome), String> {
        let mut event = input.event.clone();
        self.names.rename(&mut event, input.by, input.topic)?;
        let (apart, is_resumed) = (self.key_apart(), self.is_resumed(&event));
        let is_coming = self.apart == Some(self.names.len());
        let replica = &mut self.replica;
        let mut watch = |decision: &adsum::Decision<'_, User, u32>, to: &[SessionKey]| {
            // A snapshot is for an attachment that has no name yet.
            let is_first = is_coming || is_resumed;
            let is_first = is_first && matches!(decision, adsum::Decision::Snapshot(_));
            if is_first || apart.is_some_and(|apart| to.contains(&apart)) {
                believe(replica, decision);
            }
        };
        let outcome = self.host.handle(input.now, &event, usize::MAX, &mut watch)?;
        if outcome.is_ok() {
            self.forget(&event);
        }
        Ok((event, outcome))
    }

    /// Has the session apart forget whom it watches no more and sees by nothing else: it is not
    /// told that (rule 24).
    fn forget(&mut self, event: &Event) {
        let Event::Unwatch { session, users } = event else { return };
        let Some(session) = self.key_apart().filter(|apart| apart == session) else { return };
        let engine = &self.host.engine;
        let Some(viewer) = engine.user_of(session) else { return };
        for user in users {
            if user != viewer && !engine.audience(user).any(|contact| contact == viewer) {
                self.replica.forget(user);
            }
        }
    }

    pub(crate) fn refusals(&self) -> u64 {
        self.host.engine.stats().refusals
    }

    /// Returns whether the session is attached and takes notices.
    pub(crate) fn is_well(&self, session: usize) -> bool {
        let engine = &self.host.engine;
        let key = self.names.last_key(session);
        key.is_some_and(|key| engine.is_attached(key) && !engine.is_congested(key))
    }

    pub(crate) fn apart_while_there(&self) -> Option<SessionKey> {
        self.key_apart().filter(|key| self.host.engine.user_of(*key).is_some())
    }

    fn key_apart(&self) -> Option<SessionKey> {
        self.names.last_key(self.apart?)
    }

    /// Says something besides for the session apart: nobody else hears of it. A resume of this kind
    /// takes the place of the attachment that it replaces.
    pub(crate) fn besides(&mut self, event: Event) -> Result<(), String> {
        let is_resume = matches!(event, Event::Resume { .. });
        let input = Input { now: self.now(), event, by: None, topic: None };
        equal("what others are told", self.play(&input)?, Vec::new())?;
        if let Some(apart) = self.apart.filter(|_| is_resume) {
            self.names.forget_one_before(apart);
        }
        Ok(())
    }

    /// Returns what the session apart believes of what others publish.
    pub(crate) fn beliefs(&self) -> BTreeMap<Of, (u32, Option<Time>)> {
        let mut beliefs = BTreeMap::new();
        for user in self.replica.users() {
            for (session, published, _) in self.replica.sessions_of(user) {
                let place = self.names.position_of(session).expect("it connected");
                beliefs.extend(published.map(|said| (Of::Session(place), (*said, None))));
            }
            let state = self.replica.user(user);
            beliefs.extend(state.map(|(said, idle)| (Of::User(*user), (*said, idle))));
        }
        beliefs
    }
}

/// What a belief is of: a session, by the order in which they connected, or a user as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Of {
    Session(usize),
    User(User),
}

fn believe(replica: &mut Replica<User, u32>, decision: &adsum::Decision<'_, User, u32>) {
    match decision {
        adsum::Decision::Deliver { notice, .. } => replica.apply(notice),
        adsum::Decision::Snapshot(snapshot) => replica.apply_snapshot(snapshot),
        _ => Ok(()),
    }
    .expect("the replica is large enough");
}

/// Returns a decision as far as others than the one with these keys are concerned.
fn without(mut decision: Decision, keys: [Option<SessionKey>; 2]) -> Option<Decision> {
    let is_it = |key: &SessionKey| keys.contains(&Some(*key));
    match &mut decision {
        Decision::Deliver { to, .. } | Decision::Skipped { to, .. } => {
            to.retain(|key| !is_it(key));
            (!to.is_empty()).then_some(decision)
        }
        Decision::Snapshot { to, .. } => (!is_it(to)).then_some(decision),
        // Its connection is its own affair, and so is since when it had none.
        Decision::Close { session, .. } => (!is_it(session)).then_some(decision),
        Decision::Ended { session, since, .. } => {
            *since = if is_it(session) { 0 } else { *since };
            Some(decision)
        }
        Decision::Topic { to, .. } | Decision::Changes { to, .. } => {
            to.retain(|key| !is_it(key));
            (!to.is_empty()).then_some(decision)
        }
        Decision::Online { .. }
        | Decision::TopicOccupied { .. }
        | Decision::TopicVacated { .. } => Some(decision),
    }
}
