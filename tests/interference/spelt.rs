//! The same history in ids that compare equal and are spelt differently (rule 1): how what the
//! observer is told spells them.

use adsum::{Config, Decision, DefaultHashBuilder, Engine, Event as EventOf, Slot, Time};
use adsum_model::spelling::{Mention, SPELLINGS, Spelt, mentions, respelt};
use adsum_model::{Choice, Event, User};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) struct Spellings {
    engine: Engine<Spelt, u32>,
    observer: User,
    /// Whether each session that had a slot last is the observer's.
    is_own: BTreeMap<Slot, bool>,
    /// So many inputs of others than the hidden user there have been: as many on either side.
    inputs: u32,
    /// Whether the spelling of topics is looked at: not where it depends on pairs who is hidden in
    /// them, nor once the observer has been invisible (a Not yet of rule T6).
    are_topics_seen: bool,
}

impl Spellings {
    pub(crate) fn new(config: &Config, choice: Option<Choice>, observer: User) -> Self {
        let hasher = DefaultHashBuilder::default();
        let engine = match choice {
            Some(choice) => Engine::with_representative(config.clone(), hasher, choice.represent()),
            None => Engine::with_hasher(config.clone(), hasher),
        };
        let are_topics_seen = config.options().topics.blocks != adsum::TopicBlocks::Hidden;
        Self { engine, observer, is_own: BTreeMap::new(), inputs: 0, are_topics_seen }
    }

    /// Gives an input that was accepted, and whose it is. Returns how the observer sees ids spelt
    /// by what it is told of it.
    pub(crate) fn give(
        &mut self,
        now: Time,
        event: &Event,
        (of, hidden): (Option<User>, User),
    ) -> BTreeSet<(Mention, User, u32)> {
        let is_hidden = of == Some(hidden);
        self.inputs += u32::from(!is_hidden);
        self.are_topics_seen &=
            of != Some(self.observer) || !matches!(event, Event::Invisible { .. });
        // Each time that an id is named it is spelt otherwise, but by its owner: what is told late
        // of somebody who came again would have the new spelling (a Not yet of rule 1).
        let mut named = self.inputs + self.inputs / SPELLINGS + u32::from(is_hidden);
        let mut event = respelt(event, &mut |id| {
            named += 1;
            Spelt { id, spelling: named % SPELLINGS }
        });
        if let EventOf::Connect { user, .. } = &mut event {
            user.spelling = 0;
        }
        let Self { engine, observer, is_own, are_topics_seen, .. } = self;
        let begins = match &event {
            EventOf::Connect { user, .. } => Some(user.id == *observer),
            EventOf::Resume { session } => is_own.get(&session.slot()).copied(),
            _ => None,
        };
        let is_advance = matches!(event, EventOf::Advance);
        let decisions = engine.apply(now, event).expect("it is accepted in one spelling");
        if let (Some(is_its), Some(key)) = (begins, decisions.session()) {
            is_own.insert(key.slot(), is_its);
        }
        let mut seen = BTreeSet::new();
        let mut see = |decision: Decision<'_, Spelt, u32>| {
            if receivers(&decision).iter().any(|slot| is_own[slot]) {
                mentions(&decision, &mut |mention, id: &Spelt| {
                    if mention != Mention::Topic || *are_topics_seen {
                        seen.insert((mention, id.id, id.spelling));
                    }
                });
            }
        };
        decisions.for_each(&mut see);
        while is_advance && engine.deadline().is_some_and(|due| due <= now.max(engine.now())) {
            engine.advance(now).for_each(&mut see);
        }
        seen
    }
}

/// Returns who is told a decision.
fn receivers(decision: &Decision<'_, Spelt, u32>) -> Vec<Slot> {
    match decision {
        Decision::Deliver { to, .. } => to.to_vec(),
        Decision::Snapshot(snapshot) => vec![snapshot.to()],
        Decision::Topic(snapshot) => snapshot.to().to_vec(),
        Decision::Changes(changes) => changes.to().to_vec(),
        _ => Vec::new(),
    }
}
