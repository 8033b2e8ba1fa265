//! Inputs that can be changed and played again, and what is told then.

use adsum::{Config, Options, Replica, SessionKey, Time};
use adsum_model::host::Outcome;
use adsum_model::world::{equal, no_session};
use adsum_model::{Case, Decision, Event, Host, Model, User, session_of, strategy, told};
use std::collections::BTreeMap;
use std::hash::RandomState;

/// An input, the session that says it by the order in which sessions connected.
#[derive(Clone)]
pub(crate) struct Input {
    pub(crate) now: Time,
    pub(crate) event: Event,
    pub(crate) session: Option<usize>,
}

#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) config: Config,
    pub(crate) inputs: Vec<Input>,
}

/// Draws cases and holds the law for each, under options that the law needs.
pub(crate) fn law(change: fn(&mut Options), holds: fn(&Case, &Script) -> Result<(), String>) {
    strategy::check(500, 60, |case| {
        let mut options = case.setup.options();
        change(&mut options);
        let config = Config::new(options).expect("the options go together");
        let script = Script { inputs: record(&case, &config)?, config };
        holds(&case, &script).map_err(|fault| format!("{}\n{fault}", script.list()))
    });
}

/// The inputs that a case comes to. Sessions that never were are left out: in another engine their
/// keys may be somebody's.
pub(crate) fn record(case: &Case, config: &Config) -> Result<Vec<Input>, String> {
    let mut host = Host::<u32>::new(config.clone(), RandomState::new());
    let mut model = Model::new(config);
    let (mut keys, mut inputs) = (Vec::new(), Vec::new());
    for (at, op) in case.ops.iter().enumerate() {
        let (now, mut event) = op.decode(&model, at as u32);
        let session = match session_of(&mut event) {
            None => None,
            Some(session) => match keys.iter().position(|key| key == session) {
                None => continue,
                known => known,
            },
        };
        let outcome = host.handle(now, &event, usize::MAX, &mut |_, _| {})?;
        let key = outcome.as_ref().ok().and_then(|(key, _)| *key);
        _ = model.apply(now.as_millis(), &event, key.unwrap_or_else(no_session));
        if let Event::Connect { .. } = event {
            keys.extend(key);
        }
        inputs.push(Input { now, event, session });
    }
    Ok(inputs)
}

impl Script {
    pub(crate) fn list(&self) -> String {
        let line = |input: &Input| {
            let Input { now, event, session } = input;
            let by = session.map_or_else(String::new, |session| format!(" by {session}"));
            format!("{:>6} {event:?}{by}", now.as_millis())
        };
        self.inputs.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// The same with every input changed.
    pub(crate) fn map(&self, change: impl FnMut(Input) -> Input) -> Self {
        Self { inputs: self.inputs.iter().cloned().map(change).collect(), ..self.clone() }
    }

    /// What comes of each input, with the users and presences in it changed.
    pub(crate) fn play_as(
        &self,
        change: fn(&mut User, &mut u32),
    ) -> Result<Vec<Vec<String>>, String> {
        let mut player = Player { change, ..Player::new(&self.config) };
        self.inputs.iter().map(|input| player.play(input)).collect()
    }

    /// What comes of each input.
    pub(crate) fn play(&self) -> Result<Vec<Vec<String>>, String> {
        self.play_as(|_, _| {})
    }
}

/// Plays inputs and hears what comes of them.
pub(crate) struct Player {
    pub(crate) host: Host<u32>,
    pub(crate) keys: Vec<SessionKey>,
    /// A session of which others only are heard, and what it believes.
    apart: Option<usize>,
    replica: Replica<User, u32>,
    /// What becomes of users and presences before they are put into words.
    change: fn(&mut User, &mut u32),
}

impl Player {
    pub(crate) fn new(config: &Config) -> Self {
        let host = Host::new(config.clone(), RandomState::new());
        let replica = Replica::new(1_000);
        Self { host, keys: Vec::new(), apart: None, replica, change: |_, _| {} }
    }

    pub(crate) fn apart(config: &Config, session: usize) -> Self {
        Self { apart: Some(session), ..Self::new(config) }
    }

    pub(crate) fn now(&self) -> Time {
        self.host.engine.now()
    }

    /// What comes of an input, in words.
    pub(crate) fn play(&mut self, input: &Input) -> Result<Vec<String>, String> {
        let outcome = self.decide(input)?;
        Ok(self.in_words(&input.event, outcome))
    }

    /// The same, apart for each receiver and in no order.
    pub(crate) fn play_apiece(&mut self, input: &Input) -> Result<Vec<String>, String> {
        let outcome = self.decide(input)?.map(|(key, decisions)| {
            (key, decisions.into_iter().flat_map(told::apiece).collect::<Vec<Decision>>())
        });
        let mut lines = self.in_words(&input.event, outcome);
        lines.sort();
        Ok(lines)
    }

    fn in_words(&mut self, event: &Event, mut outcome: Outcome) -> Vec<String> {
        if let Ok((_, decisions)) = &mut outcome {
            if let Some(key) = self.key_apart() {
                *decisions = decisions.drain(..).filter_map(|said| without(said, key)).collect();
            }
            decisions.iter_mut().for_each(|said| told::change(said, self.change));
        }
        let mut lines = Vec::new();
        told::hear(&mut self.keys, &mut lines, event, &outcome);
        lines
    }

    fn decide(&mut self, input: &Input) -> Result<Outcome, String> {
        let mut event = input.event.clone();
        if let (Some(session), Some(ordinal)) = (session_of(&mut event), input.session) {
            *session = *self.keys.get(ordinal).ok_or("a session did not come to be")?;
        }
        let (apart, replica) = (self.key_apart(), &mut self.replica);
        let is_coming = self.apart == Some(self.keys.len());
        let mut watch = |decision: &adsum::Decision<'_, User, u32>, to: &[SessionKey]| {
            // A snapshot at a connect is for the session that has none of the keys yet.
            let is_first = is_coming && matches!(decision, adsum::Decision::Snapshot(_));
            if is_first || apart.is_some_and(|apart| to.contains(&apart)) {
                believe(replica, decision);
            }
        };
        self.host.handle(input.now, &event, usize::MAX, &mut watch)
    }

    pub(crate) fn refusals(&self) -> u64 {
        self.host.engine.stats().refusals
    }

    /// Is the session attached, and does it take notices?
    pub(crate) fn is_well(&self, session: usize) -> bool {
        let engine = &self.host.engine;
        let key = self.keys.get(session);
        key.is_some_and(|key| engine.is_attached(*key) && !engine.is_congested(*key))
    }

    pub(crate) fn apart_while_there(&self) -> Option<SessionKey> {
        self.key_apart().filter(|key| self.host.engine.user_of(*key).is_some())
    }

    fn key_apart(&self) -> Option<SessionKey> {
        self.keys.get(self.apart?).copied()
    }

    /// Something that is said besides, by the session apart: nobody else hears of it.
    pub(crate) fn besides(&mut self, event: Event) -> Result<(), String> {
        let input = Input { now: self.now(), event, session: self.apart };
        equal("what others are told", self.play(&input)?, Vec::new())
    }

    /// What the session apart believes of what others publish.
    pub(crate) fn beliefs(&self) -> BTreeMap<usize, u32> {
        let mut beliefs = BTreeMap::new();
        for user in self.replica.users() {
            for (session, published, _) in self.replica.sessions_of(user) {
                let ordinal = self.keys.iter().position(|key| *key == session);
                beliefs.extend(published.map(|said| (ordinal.expect("it connected"), *said)));
            }
        }
        beliefs
    }
}

fn believe(replica: &mut Replica<User, u32>, decision: &adsum::Decision<'_, User, u32>) {
    match decision {
        adsum::Decision::Deliver { notice, .. } => replica.apply(notice),
        adsum::Decision::Snapshot(snapshot) => replica.apply_snapshot(snapshot),
        _ => Ok(()),
    }
    .expect("the replica is large enough");
}

/// A decision as far as others are concerned.
fn without(mut decision: Decision, key: SessionKey) -> Option<Decision> {
    match &mut decision {
        Decision::Deliver { to, .. } | Decision::Skipped { to, .. } => {
            to.remove(&key);
            (!to.is_empty()).then_some(decision)
        }
        Decision::Snapshot { to, .. } => (*to != key).then_some(decision),
        Decision::Close { .. } => Some(decision),
    }
}
