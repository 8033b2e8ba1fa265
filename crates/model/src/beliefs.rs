//! What each session believes, and whether that is so.

use adsum::{Decision, Engine, Event, Replica, SessionKey, Slot};
use std::collections::BTreeMap;

struct Receiver {
    key: SessionKey,
    replica: Replica<u32, u32>,
    is_congested: bool,
}

#[derive(Default)]
pub struct Beliefs {
    receivers: BTreeMap<Slot, Receiver>,
    /// The name of the topic that is left by the input at hand, and by whom.
    leaves: Option<(SessionKey, u32)>,
    /// A topic has other options, and perhaps a tick to come from before.
    has_new_options: bool,
}

impl Beliefs {
    /// Notes, before an input, what the engine forgets with it.
    pub fn expect(&mut self, engine: &Engine<u32, u32>, event: &Event<u32, u32>) {
        self.leaves = match event {
            Event::Leave { session, topic } => {
                engine.topic_by_key(*topic).map(|topic| (*session, *topic.name()))
            }
            Event::Look { session, topic, view: adsum::View::Nothing } => {
                let topic = engine.topic_by_key(*topic);
                let topic = topic.filter(|topic| topic.looks_at(*session).count() == 0);
                topic.map(|topic| (*session, *topic.name()))
            }
            Event::LookAt { session, topic, users } if users.is_empty() => {
                let topic = engine.topic_by_key(*topic);
                let topic =
                    topic.filter(|topic| topic.view(*session) == Some(adsum::View::Nothing));
                topic.map(|topic| (*session, *topic.name()))
            }
            _ => None,
        };
    }

    /// Notes that an input has been accepted, and the key that it gave out.
    pub fn accept(&mut self, event: &Event<u32, u32>, key: Option<SessionKey>) {
        match (event, key) {
            (Event::Connect { .. }, Some(key)) => {
                let (replica, is_congested) = (Replica::new(10_000), false);
                self.receivers.insert(key.slot(), Receiver { key, replica, is_congested });
            }
            (Event::Resume { .. }, Some(key)) => {
                let receiver = self.receivers.entry(key.slot()).or_insert_with(|| Receiver {
                    key,
                    replica: Replica::new(10_000),
                    is_congested: false,
                });
                (receiver.key, receiver.is_congested) = (key, false);
            }
            (Event::Lost { session, .. } | Event::Disconnect { session }, _) => {
                self.receivers.remove(&session.slot());
            }
            (Event::Congested { session } | Event::Writable { session }, _) => {
                if let Some(receiver) = self.receivers.get_mut(&session.slot()) {
                    receiver.is_congested = matches!(event, Event::Congested { .. });
                }
            }
            (Event::TopicOptions { .. }, _) => self.has_new_options = true,
            _ => {}
        }
        if let Some((session, topic)) = self.leaves.take()
            && let Some(receiver) = self.receivers.get_mut(&session.slot())
        {
            receiver.replica.forget_topic(&topic);
        }
    }

    fn to(&mut self, slot: Slot) -> Result<&mut Replica<u32, u32>, String> {
        match self.receivers.get_mut(&slot) {
            Some(receiver) if !receiver.is_congested => Ok(&mut receiver.replica),
            Some(_) => Err(format!("{slot:?} is told something while it is congested")),
            None => Err(format!("{slot:?} is told something and is not there")),
        }
    }

    /// Has its receivers take in a decision.
    ///
    /// # Errors
    /// Whoever is told what it may not be told, in words.
    pub fn take_in(&mut self, decision: &Decision<'_, u32, u32>) -> Result<(), String> {
        let full = |_| "a replica is full".to_owned();
        let none_twice = |to: &[Slot]| {
            let mut slots = to.to_vec();
            slots.sort_unstable();
            slots.dedup();
            let is_right = slots.len() == to.len() && !to.is_empty();
            is_right.then_some(()).ok_or("somebody is told twice, or nobody")
        };
        match decision {
            Decision::Deliver { notice, to } => {
                none_twice(to)?;
                for slot in *to {
                    self.to(*slot)?.apply(notice).map_err(full)?;
                }
            }
            Decision::Snapshot(snapshot) => {
                self.to(snapshot.to())?.apply_snapshot(snapshot).map_err(full)?;
            }
            Decision::Topic(snapshot) => {
                none_twice(snapshot.to())?;
                for slot in snapshot.to() {
                    self.to(*slot)?.apply_topic(snapshot).map_err(full)?;
                }
            }
            Decision::Changes(changes) => {
                none_twice(changes.to())?;
                for slot in changes.to() {
                    self.to(*slot)?.apply_changes(changes).map_err(full)?;
                }
            }
            Decision::Close { session, .. } => {
                let is_it = self.receivers.get(&session.slot()).map(|own| own.key);
                if is_it == Some(*session) {
                    self.receivers.remove(&session.slot());
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Forgets receivers whose sessions have ended.
    pub fn learn(&mut self, engine: &Engine<u32, u32>) {
        self.receivers.retain(|_, receiver| engine.is_attached(receiver.key));
    }

    /// Checks that everybody believes what is so: in topics only once every tick has come.
    ///
    /// # Errors
    /// Who believes something else, in words.
    pub fn check(&mut self, engine: &Engine<u32, u32>, is_settled: bool) -> Result<(), String> {
        self.has_new_options &= !is_settled;
        for receiver in self.receivers.values().filter(|receiver| !receiver.is_congested) {
            let Receiver { key, replica, .. } = receiver;
            let is_live = engine.topics_of(*key).all(|topic| {
                let hides = topic.options().blocks == adsum::TopicBlocks::Hidden;
                let views_all =
                    topic.view(*key) == Some(adsum::View::All) && topic.looks_at(*key).count() == 0;
                topic.options().coalesce_ms == 0 && !topic.is_large() && (views_all || hides)
            });
            if (is_settled || is_live && !self.has_new_options)
                && let Some(topic) = replica.differs_in_topics(engine, *key)
            {
                let members: Vec<_> = replica.members(topic).collect();
                return Err(format!("{key:?} of topic {topic}: {members:?}"));
            }
            if let Some(wrong) = replica.differs_from(engine, *key) {
                return Err(format!("{key:?} of others: {wrong}"));
            }
            // Whoever has said something is there.
            for topic in replica.topics() {
                let mut said = replica.said(topic);
                if let Some((user, ..)) =
                    said.find(|(.., id, _)| engine.session_by_id(*id).is_none())
                {
                    return Err(format!("{key:?} holds what {user} said in {topic}, who is gone"));
                }
            }
        }
        Ok(())
    }
}
