//! Non-interference: of two histories that differ only in what a user may not see, that user
//! observes the same.
//!
//! Two engines are given the same inputs, but for those of one user who is hidden from another: it
//! blocks the observer or is blocked by it, is a stranger, or is invisible. From the point at which
//! they diverge, only one of them is given its inputs. All that the observer can see must be equal:
//! what comes of its own inputs, and what its sessions are told, in what order. Sessions are called
//! by the order in which those of the others came, and numbers of notices, which grow from one to
//! the next on either side, are left out. In half of the cases ids that are equal are spelt in
//! several ways, and the observer sees how.

mod hiding;
mod side;
mod small;
mod spelt;

use adsum::{Config, Error, SessionId, TopicBlocks};
use adsum_model::host::given;
use adsum_model::queries::equal;
use adsum_model::topics::Topic;
use adsum_model::{Case, Choice, Event, Model, User, strategy};
use hiding::Hiding;
use side::{Input, Side};
use std::cell::Cell;

/// What the cases came to.
#[derive(Clone, Copy, Debug, Default)]
struct Reached {
    cases: u32,
    diverged: u32,
    /// Inputs of the hidden user that one side alone was given.
    hidden: u32,
    /// Cases in which both were in a topic where only a block hides one from the other.
    in_topics: u32,
    /// Lines that the observer saw from then on.
    lines: usize,
}

/// So many cases: fewer with the inner constants shrunk, which few of them reach.
const CASES: u32 = if cfg!(feature = "shrunk") { 1_000 } else { 2_500 };

#[test]
fn what_a_hidden_user_does_makes_no_difference() {
    let reached = Cell::new(Reached::default());
    strategy::check(CASES, 80, |case| {
        let mut own = reached.get();
        own.cases += 1;
        let outcome = compare(&case, &case.setup.config(), &Hiding::ALL, &mut own);
        reached.set(own);
        outcome
    });
    let reached = reached.get();
    println!("{reached:?}");
    assert!(2 * reached.diverged > reached.cases, "{reached:?}");
    assert!(reached.hidden > 2 * reached.cases, "{reached:?}");
    assert!(reached.lines as u32 > 5 * reached.cases, "{reached:?}");
}

/// Rule T6: where blocks hide in topics, and users do there most of what they do, a user who blocks
/// the observer or is blocked by it makes no difference there either.
#[test]
fn whom_a_block_hides_in_a_topic_makes_no_difference() {
    let reached = Cell::new(Reached::default());
    strategy::check(CASES, 120, |mut case| {
        // At first everybody has to come; then every second verb is one of topics.
        for op in case.ops.iter_mut().skip(8).step_by(2) {
            op.0[0] = 132 + op.0[0] % 61;
        }
        let mut options = case.setup.options();
        options.topics.coalesce_ms = 0;
        options.topics.blocks = TopicBlocks::Hidden;
        if case.ops.len().is_multiple_of(2) {
            // There is room for all in half of the cases.
            (options.topics.full_up_to, options.topics.max_members) = (200, 200);
        }
        let config = Config::new(options).map_err(|error| error.to_string())?;
        let blocks = [Hiding::BlocksObserver, Hiding::IsBlocked];
        let mut own = reached.get();
        own.cases += 1;
        let outcome = compare(&case, &config, &blocks, &mut own);
        reached.set(own);
        outcome
    });
    let reached = reached.get();
    println!("{reached:?}");
    assert!(16 * reached.in_topics > reached.cases, "{reached:?}");
    assert!(reached.hidden > reached.cases, "{reached:?}");
    assert!(reached.lines as u32 > 2 * reached.cases, "{reached:?}");
}

/// Whoever is watched observes nothing of it (rule 22): all that one user can see is the same
/// whether others watch whom they do or only say that they are alive.
#[test]
fn whom_others_watch_makes_no_difference() {
    let (cases, watches, lines) = (Cell::new(0), Cell::new(0), Cell::new(0));
    strategy::check(CASES / 2, 80, |case| {
        let (own_watches, own_lines) = without_watches(&case)?;
        cases.set(cases.get() + 1);
        watches.set(watches.get() + own_watches);
        lines.set(lines.get() + own_lines);
        Ok(())
    });
    println!("{} watches, {} lines seen", watches.get(), lines.get());
    assert!(2 * watches.get() > cases.get(), "{watches:?} in {cases:?}");
    assert!(lines.get() > 4 * cases.get(), "{lines:?} in {cases:?}");
}

/// Returns how many watches of others one history had, and how many lines the observer saw.
fn without_watches(case: &Case) -> Result<(usize, usize), String> {
    let config = case.setup.config();
    let observer = User::from(case.ops.last().map_or(0, |op| op.0[0])) % 3;
    // Nobody is hidden.
    let choice = case.setup.choice();
    let side = || Side::new(&config, choice, observer, User::MAX);
    let [mut with, mut without] = [(); 2].map(|()| side().with_spellings(&config, choice));
    let mut model = Model::with_choice(&config, choice);
    let (mut watches, mut log) = (0, Vec::new());
    for (at, op) in case.ops.iter().enumerate() {
        let (now, event) = op.decode(&model, at as u32);
        let Some(input) = with.input(now, event) else { continue };
        log.push(format!("{:>6} {:?}", input.now.as_millis(), input.event));
        let outcome = with.give(&input)?;
        _ = model.apply(input.now.as_millis(), &input.event, given(&outcome));
        let mut other = input.clone();
        if let Event::Watch { session, .. } | Event::Unwatch { session, .. } = input.event
            && input.of != Some(observer)
        {
            if outcome.is_err() {
                continue;
            }
            watches += 1;
            other.event = Event::Heartbeat { session };
        }
        equal("the refusal", without.give(&other)?.err(), outcome.err())?;
        equal("what is seen", &with.told, &without.told)
            .map_err(|fault| format!("{}\n{fault}", log.join("\n")))?;
    }
    Ok((watches, with.told.len()))
}

fn compare(
    case: &Case,
    config: &Config,
    hidings: &[Hiding],
    reached: &mut Reached,
) -> Result<(), String> {
    let choice = case.ops.last().map_or([0; 6], |op| op.0);
    let observer = User::from(choice[0]) % 3;
    let hidden = (observer + 1 + User::from(choice[1]) % 2) % 3;
    let hiding = hidings[usize::from(choice[2]) % hidings.len()];
    // At first everybody has to come.
    let from = 4 + usize::from(choice[3]) % 24;
    // In every other case ids have several spellings.
    let spelt = choice[4].is_multiple_of(2);
    let mut pair = Pair::new((config, case.setup.choice()), hiding, (observer, hidden), spelt);
    for (at, op) in case.ops.iter().enumerate() {
        if at == from {
            pair.begin(hiding)?;
        }
        if at >= from && !pair.diverged {
            pair.diverged = hiding.is_so(&pair.model, observer, hidden);
        }
        let (now, event) = op.decode(&pair.model, at as u32);
        pair.input(now.as_millis(), event)?;
        // A topic that it alone has kept shows by when its ticks come: a Not yet of rule T6.
        let is_hiddens = |id: &SessionId| pair.model.sessions[id].user == hidden;
        let mut topics = pair.model.topics.values();
        if pair.diverged && topics.any(|topic| topic.places.keys().all(is_hiddens)) {
            break;
        }
    }
    pair.input(u64::MAX / 2, Event::Advance)?;
    reached.in_topics += u32::from(pair.met_in_topic);
    reached.diverged += u32::from(pair.diverged);
    reached.hidden += pair.hidden_inputs;
    reached.lines += pair.with.told.len() - pair.lines_before;
    Ok(())
}

/// Returns a refusal without the key of a topic, which may have another name on either side.
fn refusal(error: Option<Error>) -> Option<String> {
    error.map(|error| match error {
        Error::AlreadyJoined { .. } => "it is in the topic".into(),
        error => format!("{error:?}"),
    })
}

/// Both histories in step.
struct Pair {
    model: Model,
    with: Side,
    without: Side,
    hiding: Hiding,
    observer: User,
    hidden: User,
    diverged: bool,
    met_in_topic: bool,
    hidden_inputs: u32,
    lines_before: usize,
    log: Vec<String>,
}

impl Pair {
    fn new(
        (config, choice): (&Config, Option<Choice>),
        hiding: Hiding,
        (observer, hidden): (User, User),
        spelt: bool,
    ) -> Self {
        let side = || Side::new(config, choice, observer, hidden);
        let [mut with, mut without] = [(); 2].map(|()| side());
        if spelt {
            [with, without] = [with, without].map(|side| side.with_spellings(config, choice));
        }
        Self {
            model: Model::with_choice(config, choice),
            with,
            without,
            hiding,
            observer,
            hidden,
            diverged: false,
            met_in_topic: false,
            hidden_inputs: 0,
            lines_before: 0,
            log: vec![format!(
                "{observer} does not see {hidden}: {hiding:?}; {config:?}, {choice:?}"
            )],
        }
    }

    /// Lets it begin, for both.
    fn begin(&mut self, hiding: Hiding) -> Result<(), String> {
        match hiding.begin(&self.model, self.observer, self.hidden) {
            Some(event) => self.input(self.model.now, event),
            None => Ok(()),
        }
    }

    fn input(&mut self, now: u64, event: Event) -> Result<(), String> {
        // Whether a topic still has options of its own is the host's to know.
        if let Event::TopicOptions { .. } = event {
            return Ok(());
        }
        let now = adsum::Time::from_millis(now.max(self.model.now));
        let Some(mut input) = self.with.input(now, event) else { return Ok(()) };
        if self.diverged {
            let (of, observer, hidden) = (input.of, self.observer, self.hidden);
            let kept = self.hiding.keep(input.event, of, &self.model, observer, hidden);
            let Some(event) = kept else { return Ok(()) };
            input.event = event;
        } else {
            self.lines_before = self.with.told.len();
        }
        self.log.push(format!("{:>6} {:?}", input.now.as_millis(), input.event));
        self.give(&input).map_err(|fault| format!("{}\n{fault}", self.log.join("\n")))
    }

    /// Returns whether both are in a topic, where only a block hides one from the other.
    fn meets_in_topic(&self) -> bool {
        let is_in = |topic: &Topic, user: User| {
            topic.places.keys().any(|id| self.model.sessions[id].user == user)
        };
        let mut topics = self.model.topics.values();
        self.hiding != Hiding::Invisible
            && topics.any(|topic| is_in(topic, self.hidden) && is_in(topic, self.observer))
    }

    fn give(&mut self, input: &Input) -> Result<(), String> {
        let outcome = self.with.give(input)?;
        let now = input.now.as_millis();
        let expected = self.model.apply(now, &input.event, given(&outcome));
        equal("the refusal", outcome.as_ref().err(), expected.as_ref().err())?;
        self.met_in_topic |= self.diverged && self.meets_in_topic();
        if self.diverged && input.of == Some(self.hidden) {
            self.hidden_inputs += 1;
        } else {
            let without = self.without.give(input)?;
            equal("the refusal", refusal(without.err()), refusal(outcome.err()))?;
        }
        let seen = self.lines_before.min(self.without.told.len());
        equal("what is seen", &self.with.told[seen..], &self.without.told[seen..])
    }
}
