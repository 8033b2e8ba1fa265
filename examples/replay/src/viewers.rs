//! An engine with a topic by itself, fast enough for years of a channel, and its observers.

use crate::channel::Door;
use crate::members::Members;
use crate::room::{TOPIC, observer};
use crate::viewer::Viewer;
use adsum::{Config, Decision, Engine, SessionKey, Slot, Time, View};
use adsum_model::{Event, User};

/// What the host was told to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Notices, snapshots of the topic and changes, each a frame to encode.
    pub frames: u64,
    /// Receivers of them.
    pub receivers: u64,
    /// How often somebody was in the topic, and nobody any more.
    pub occupied: u64,
    pub vacated: u64,
}

pub struct Viewers {
    engine: Engine<User, u32>,
    pub members: Members,
    pub viewers: [Viewer; 3],
    pub told: Told,
}

impl Viewers {
    /// Makes an engine with the same grace whatever the cause, and an observer of each view.
    pub fn new(config: Config, views: [View; 3]) -> Self {
        let (grace_ms, topics) = (config.options().grace.timeout_ms, config.options().topics);
        Self {
            members: Members::new(grace_ms),
            viewers: views.map(|view| Viewer::new(view, topics)),
            told: Told::default(),
            engine: Engine::new(config),
        }
    }

    /// Checks, when all members have left, that everything adds up.
    ///
    /// # Errors
    /// What does not.
    pub fn finish(&self) -> Result<(), String> {
        self.engine.verify()?;
        for viewer in &self.viewers {
            viewer.finish(&self.members).map_err(|fault| named(viewer.wished, &fault))?;
        }
        Ok(())
    }

    /// Checks, when the observers have left too, that the host was told so.
    ///
    /// # Errors
    /// What it was told.
    pub fn vacated(&self) -> Result<(), String> {
        match self.told {
            Told { occupied: 1, vacated: 1, .. } => Ok(()),
            told => Err(format!("the topic was there once: {told:?}")),
        }
    }
}

impl Door for Viewers {
    fn engine(&self) -> &Engine<User, u32> {
        &self.engine
    }

    fn input(&mut self, now: Time, event: Event) -> Result<(), String> {
        let of_event = |fault| format!("{event:?} at {now:?}: {fault}");
        let begun = self.hear(now, &event).map_err(of_event)?;
        let begun = begun.and_then(|key| Some((key, self.engine.id_of(key)?)));
        let changes = self.members.input(now, &event, begun).map_err(of_event)?;
        let is_advance = matches!(event, Event::Advance);
        for (nth, viewer) in self.viewers.iter_mut().enumerate() {
            if let (Event::Connect { user, .. }, Some((key, _))) = (&event, begun)
                && *user == observer(nth)
            {
                viewer.session = Some(key);
            }
            if matches!(event, Event::Disconnect { session } if viewer.session == Some(session)) {
                viewer.session = None;
            }
            if viewer.session.is_some() {
                viewer
                    .check((now, is_advance), &changes, &self.members)
                    .map_err(|fault| of_event(named(viewer.wished, &fault)))?;
            }
        }
        Ok(())
    }
}

impl Viewers {
    /// Gives the engine an input, and the viewers what they are told. Returns the key that it gave
    /// out or was about.
    fn hear(&mut self, now: Time, event: &Event) -> Result<Option<SessionKey>, String> {
        let Self { engine, viewers, told, .. } = self;
        let mut decisions = engine.apply(now, event.clone()).map_err(|error| error.to_string())?;
        let about = decisions.session();
        while let Some(decision) = decisions.next() {
            match &decision {
                Decision::Deliver { notice, to } => {
                    told.count(to);
                    told_to(viewers, to).try_for_each(|viewer| viewer.notice(notice))?;
                }
                Decision::Changes(changes) => {
                    told.count(changes.to());
                    told_to(viewers, changes.to()).try_for_each(|one| one.changes(changes))?;
                }
                Decision::Topic(snapshot) => {
                    told.count(snapshot.to());
                    told_to(viewers, snapshot.to()).try_for_each(|one| one.snapshot(snapshot))?;
                }
                Decision::TopicOccupied { topic, .. } if **topic == TOPIC => told.occupied += 1,
                Decision::TopicVacated { topic, .. } if **topic == TOPIC => told.vacated += 1,
                // Of contacts there are none, and whoever comes and goes is held elsewhere.
                Decision::Snapshot(snapshot) if snapshot.is_empty() => {}
                Decision::Online { .. } | Decision::Ended { .. } | Decision::Close { .. } => {}
                other => return Err(format!("nobody has reason to decide {other:?}")),
            }
        }
        Ok(about)
    }
}

impl Told {
    const fn count(&mut self, to: &[Slot]) {
        self.frames += 1;
        self.receivers += to.len() as u64;
    }
}

/// Returns those of the viewers who are among the receivers.
fn told_to<'v>(viewers: &'v mut [Viewer], to: &'v [Slot]) -> impl Iterator<Item = &'v mut Viewer> {
    viewers
        .iter_mut()
        .filter(move |viewer| viewer.session.is_some_and(|session| to.contains(&session.slot())))
}

fn named(view: View, fault: &str) -> String {
    format!("who views {view:?}: {fault}")
}
