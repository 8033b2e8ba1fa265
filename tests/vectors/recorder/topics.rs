//! What the sessions of `tests/topics` are sent.

use super::Recorder;
use adsum::{Decision, Engine, Event, SessionKey, View};
use serde_json::json;

/// Listens to the driver in place of its own test's listener.
#[derive(Default)]
pub(crate) struct Beliefs {
    pub(crate) recorder: Recorder,
    /// The name of the topic that is left by the input at hand, and by whom.
    leaves: Option<(SessionKey, u32)>,
}

impl Beliefs {
    /// Before an input: notes what its session forgets with it.
    pub(crate) fn expect(&mut self, engine: &Engine<u32, u32>, event: &Event<u32, u32>) {
        let named = |session: SessionKey, topic| {
            let topic = engine.topic_by_key(topic)?;
            Some((topic.looks_at(session).count(), topic.view(session)?, *topic.name()))
        };
        self.leaves = match event {
            Event::Leave { session, topic } => {
                named(*session, *topic).map(|(.., name)| (*session, name))
            }
            Event::Look { session, topic, view: View::Nothing } => named(*session, *topic)
                .filter(|(named, ..)| *named == 0)
                .map(|(.., name)| (*session, name)),
            Event::LookAt { session, topic, users } if users.is_empty() => named(*session, *topic)
                .filter(|(_, view, _)| *view == View::Nothing)
                .map(|(.., name)| (*session, name)),
            _ => None,
        };
    }

    /// An input is accepted.
    pub(crate) fn accept(&mut self, event: &Event<u32, u32>, key: Option<SessionKey>) {
        match (event, key) {
            (Event::Connect { .. }, Some(key)) => self.recorder.welcome(key.slot(), true),
            (Event::Resume { .. }, Some(key)) => self.recorder.welcome(key.slot(), false),
            _ => {}
        }
        if let Some((session, topic)) = self.leaves.take() {
            let topic = crate::wire::topic_name(topic);
            self.recorder.tell(session.slot(), json!({ "do": "forget_topic", "topic": topic }));
        }
    }

    #[allow(clippy::unnecessary_wraps, reason = "the driver's other listener may object")]
    pub(crate) fn take_in(&mut self, decision: &Decision<'_, u32, u32>) -> Result<(), String> {
        self.recorder.hear(decision);
        Ok(())
    }

    /// The input has had its whole effect.
    pub(crate) fn learn(&mut self, engine: &Engine<u32, u32>) {
        self.recorder.end_input(engine);
    }

    #[allow(clippy::unnecessary_wraps, reason = "the driver's other listener may object")]
    pub(crate) const fn check(&self, _: &Engine<u32, u32>, _: bool) -> Result<(), String> {
        Ok(())
    }
}
