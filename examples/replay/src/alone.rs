//! An engine by itself, fast enough for years of a channel. What comes out of it is held against
//! what must come out where everyone sees everyone, and its memory is measured.

use crate::channel::Door;
use crate::edges::Edges;
use adsum::{Config, Counts, Decision, Engine, Notice, NoticeId, PresenceKind, SessionKey, Time};
use adsum_model::{Event, User};
use allocation_counter::measure;

pub struct Alone {
    engine: Engine<User, u32>,
    pub told: Told,
    pub edges: Edges,
    /// Bytes that the engine has allocated and not freed, now and at most.
    pub bytes: i64,
    pub peak_bytes: i64,
}

/// What was told, and to how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub presences: u64,
    pub offline: u64,
    /// Receivers of both.
    pub receivers: u64,
    pub snapshots: u64,
    pub entries: u64,
    /// Connections that the host must close.
    pub closed: u64,
}

impl Alone {
    /// Makes an engine with the same grace whatever the cause.
    pub fn new(config: Config) -> Self {
        let edges = Edges::new(config.options().grace.timeout_ms);
        let mut engine = None;
        let bytes = measure(|| engine = Some(Engine::new(config))).bytes_current;
        let engine = engine.expect("it was made");
        Self { engine, told: Told::default(), edges, bytes, peak_bytes: bytes }
    }
}

impl Door for Alone {
    fn engine(&self) -> &Engine<User, u32> {
        &self.engine
    }

    fn input(&mut self, now: Time, event: Event) -> Result<(), String> {
        let before = self.engine.counts();
        let mut outcome = Ok((Told::default(), None));
        self.edges.reserve();
        // The lists of the event are the host's, and end with it.
        let memory = measure(|| {
            outcome = told_by(&mut self.engine, now, event.clone(), &mut self.edges);
        });
        let of_event = |fault| format!("{event:?}: {fault}");
        let (told, attached) = outcome.map_err(of_event)?;
        self.edges.hold(now, &event, attached).map_err(of_event)?;
        self.peak_bytes =
            self.peak_bytes.max(self.bytes + i64::try_from(memory.bytes_max).unwrap_or(i64::MAX));
        self.bytes += memory.bytes_current;
        let must = must_be_told(&event, before, self.engine.counts());
        if told != must {
            return Err(format!("{event:?}: told were {told:?} instead of {must:?}"));
        }
        self.told.presences += told.presences;
        self.told.offline += told.offline;
        self.told.receivers += told.receivers;
        self.told.snapshots += told.snapshots;
        self.told.entries += told.entries;
        self.told.closed += told.closed;
        Ok(())
    }
}

/// Gives the engine an input, and returns what was told and the key that was given out.
fn told_by(
    engine: &mut Engine<User, u32>,
    now: Time,
    event: Event,
    edges: &mut Edges,
) -> Result<(Told, Option<SessionKey>), String> {
    let mut decisions = engine.apply(now, event).map_err(|error| error.to_string())?;
    let attached = decisions.session();
    let (mut told, mut last): (Told, Option<NoticeId>) = (Told::default(), None);
    while let Some(decision) = decisions.next() {
        edges.note(&decision);
        match decision {
            Decision::Deliver { notice, to } => {
                // A large fan-out comes as several decisions of the same number.
                let is_new = u64::from(last.replace(notice.id()) != Some(notice.id()));
                told.receivers += to.len() as u64;
                match notice {
                    Notice::Presence { kind: PresenceKind::First, .. } => told.presences += is_new,
                    Notice::UserOffline { .. } => told.offline += is_new,
                    other => return Err(format!("nobody has reason to be told {other:?}")),
                }
            }
            Decision::Snapshot(snapshot) => {
                told.snapshots += u64::from(snapshot.is_first());
                told.entries += snapshot.len() as u64;
            }
            Decision::Close { .. } => told.closed += 1,
            Decision::Online { .. } | Decision::Ended { .. } => {}
            other => return Err(format!("nobody has reason to decide {other:?}")),
        }
    }
    Ok((told, attached))
}

/// Returns what must be told: to everyone there of everyone who comes and of everyone who has gone,
/// once, and nothing else; to who attaches of everyone else; and to the host of every connection
/// that is still there. Of edges, [`Edges`] knows.
fn must_be_told(event: &Event, before: Counts, now: Counts) -> Told {
    let mut told = Told::default();
    let attached = (now.sessions - now.detached) as u64;
    let none_was_detached = before.detached == now.detached;
    match event {
        Event::Publish { .. } => {
            told.receivers = attached - 1;
            told.presences = u64::from(attached > 1);
        }
        // One who has connected has not published yet.
        Event::Connect { .. } | Event::Resume { .. } => {
            told.snapshots = 1;
            told.entries = now.sessions as u64 - 1;
            let is_resume = matches!(event, Event::Resume { .. });
            told.closed = u64::from(is_resume && none_was_detached);
        }
        _ => {
            let ended = (before.sessions - now.sessions) as u64;
            told.offline = if attached > 0 { ended } else { 0 };
            told.receivers = ended * attached;
            let is_expel = matches!(event, Event::Expel { .. });
            told.closed = u64::from(is_expel && ended > 0 && none_was_detached);
        }
    }
    told
}
