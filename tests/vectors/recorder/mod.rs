//! Writes down what each session is sent, from its first connection to its end.

pub(crate) mod topics;
pub(crate) mod users;

use crate::wire::Sessions;
use adsum::{Decision, Engine, Slot};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::hash::BuildHasher;

/// What one session is told: for each input, all that it brings.
pub(crate) type History = Vec<Vec<Value>>;

#[derive(Default)]
pub(crate) struct Recorder {
    sessions: Sessions,
    open: BTreeMap<Slot, History>,
    over: Vec<History>,
    /// What the input at hand brings to whom.
    at_hand: BTreeMap<Slot, Vec<Value>>,
}

impl Recorder {
    /// The session in this slot has a connection, and is a new one or is resumed.
    fn welcome(&mut self, slot: Slot, is_new: bool) {
        if is_new {
            self.over.extend(self.open.remove(&slot));
        }
        self.at_hand.entry(slot).or_default().insert(0, json!({ "op": "welcome" }));
    }

    fn tell(&mut self, slot: Slot, frame: Value) {
        self.at_hand.entry(slot).or_default().push(frame);
    }

    fn hear(&mut self, decision: &Decision<'_, u32, u32>) {
        match decision {
            Decision::Deliver { notice, to } => {
                let frame = self.sessions.notice(notice);
                to.iter().for_each(|slot| self.tell(*slot, frame.clone()));
            }
            Decision::Snapshot(snapshot) => {
                let frame = self.sessions.snapshot(snapshot);
                self.tell(snapshot.to(), frame);
            }
            Decision::Topic(snapshot) => {
                let frame = self.sessions.topic(snapshot);
                snapshot.to().iter().for_each(|slot| self.tell(*slot, frame.clone()));
            }
            Decision::Changes(changes) => {
                let frame = self.sessions.changes(changes);
                changes.to().iter().for_each(|slot| self.tell(*slot, frame.clone()));
            }
            _ => {}
        }
    }

    /// The input at hand has been told; sessions that it has ended are told no more.
    fn end_input<S: BuildHasher>(&mut self, engine: &Engine<u32, u32, S>) {
        for (slot, frames) in std::mem::take(&mut self.at_hand) {
            self.open.entry(slot).or_default().push(frames);
        }
        let here: Vec<Slot> = engine.all_sessions().map(|session| session.key.slot()).collect();
        let all = std::mem::take(&mut self.open);
        let (open, over): (BTreeMap<_, _>, BTreeMap<_, _>) =
            all.into_iter().partition(|(slot, _)| here.contains(slot));
        self.open = open;
        self.over.extend(over.into_values());
    }

    /// Returns everything that was told to anybody.
    pub(crate) fn histories(self) -> Vec<History> {
        self.over.into_iter().chain(self.open.into_values()).collect()
    }
}
