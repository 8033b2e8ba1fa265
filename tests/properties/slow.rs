//! Slow readers that miss so much that a snapshot makes good (rule 14).

use adsum::{
    Config, Connect, Counts, Decision, DefaultHashBuilder, Engine, Options, OverLimit, SessionKey,
    Time,
};
use adsum_model::{Event, Model, World, strategy};
use std::cell::Cell;
use std::collections::BTreeSet;

/// The most notes, for whoever has a short list.
const NOTES: u32 = if cfg!(feature = "shrunk") { 4 } else { 1_024 };
const READER: u32 = 0;

/// Sessions that have lived for a while see much. With constants as they are shipped nobody in so
/// small a world misses enough for a mark.
#[test]
fn engine_and_model_agree_on_long_lives() {
    let made_good = Cell::new(0);
    strategy::check(300, 300, |case| {
        let mut world = World::with_hasher(case.setup, DefaultHashBuilder::default());
        for op in &case.ops {
            let before = marked(&world.model);
            world.op(*op)?;
            made_good.set(made_good.get() + taking_notices(&world.model, &before));
        }
        for session in world.model.keys() {
            let before = marked(&world.model);
            let now = Time::from_millis(world.model.now);
            world.input(now, &Event::Writable { session })?;
            made_good.set(made_good.get() + taking_notices(&world.model, &before));
        }
        world.everyone_leaves(case.ops.len().is_multiple_of(2))
    });
    assert_eq!(made_good.get() > 0, cfg!(feature = "shrunk"), "{} marks", made_good.get());
}

/// Returns how many of these attachments are not congested any more.
fn taking_notices(model: &Model, attachments: &BTreeSet<SessionKey>) -> usize {
    let takes_notices = |key: &&SessionKey| {
        let session = model.find_attached(**key).map(|id| &model.sessions[&id]);
        session.is_ok_and(|session| session.missed.is_none())
    };
    attachments.iter().filter(takes_notices).count()
}

/// Returns the attachments for which a mark is noted.
fn marked(model: &Model) -> BTreeSet<SessionKey> {
    let sessions = model.sessions.values();
    let marked = sessions.filter(|session| session.missed.as_ref().is_some_and(|m| m.everything));
    marked.map(|session| session.key).collect()
}

struct Readers {
    engine: Engine<u32, u32>,
    next: u32,
}

impl Readers {
    fn new() -> Self {
        let mut options = Options { lease: None, publish_rate: None, ..Options::default() };
        options.max_sessions = 2;
        options.over_limit = OverLimit::EvictOldest { min_age_ms: 0 };
        let engine = Engine::new(Config::new(options).expect("the options go together"));
        Self { engine, next: READER + 1 }
    }

    fn connect(&mut self, user: u32, audience: &[u32], blocked: &[u32]) -> SessionKey {
        let (audience, blocked) = (audience.iter().copied(), blocked.iter().copied());
        let connect = Connect::new(user).audience(audience).blocked(blocked);
        self.engine.connect(Time::ZERO, connect).expect("there is room").0
    }

    fn publish(&mut self, session: SessionKey) {
        let published = self.engine.publish(Time::ZERO, session, 1);
        published.expect("it is attached").for_each(|_| {});
    }

    fn congest(&mut self, session: SessionKey) {
        let congested = self.engine.congested(Time::ZERO, session);
        congested.expect("it is attached").for_each(|_| {});
    }

    /// Somebody new, whom the reader sees, publishes.
    fn somebody_publishes(&mut self) -> u32 {
        let user = self.next;
        self.next += 1;
        let session = self.connect(user, &[READER], &[]);
        self.publish(session);
        user
    }

    /// Returns how many notes there are, and how many notices and snapshots make good for them.
    fn made_good(&mut self, reader: SessionKey) -> (usize, [u32; 2]) {
        let Counts { missed, .. } = self.engine.counts();
        assert_eq!(self.engine.verify(), Ok(()));
        let mut told = [0; 2];
        let writable = self.engine.writable(Time::ZERO, reader);
        writable.expect("it is attached").for_each(|decision| match decision {
            Decision::Deliver { .. } => told[0] += 1,
            Decision::Snapshot(snapshot) => told[1] += u32::from(snapshot.is_first()),
            other => panic!("{other:?}"),
        });
        (missed, told)
    }
}

/// What one input notes and takes back counts for nothing: what the reader misses when it is over
/// decides. Here a connect blocks somebody whom the reader knew, which makes two notes, and then
/// ends a session that it never heard of, which takes one back.
#[test]
fn what_an_input_takes_back_sets_no_mark() {
    for surplus in [0, 1] {
        let mut readers = Readers::new();
        let known = readers.somebody_publishes();
        let oldest = readers.connect(READER, &[], &[]);
        let reader = readers.connect(READER, &[], &[]);
        readers.congest(reader);
        readers.publish(oldest);
        let others = NOTES - 2 + surplus;
        for _ in 0..others {
            readers.somebody_publishes();
        }
        readers.connect(READER, &[], &[known]);
        // Of the one who is known two things are noted, and one is told.
        let notices = (NOTES as usize, [others + 1, 0]);
        let expected = if surplus == 0 { notices } else { (0, [0, 1]) };
        assert_eq!(readers.made_good(reader), expected, "{surplus} too many");
    }
}

/// The bound is that of the audience that there is, not of one that there was.
#[test]
fn a_shorter_audience_allows_fewer_notes() {
    for left in [NOTES + 1, 0] {
        let mut readers = Readers::new();
        let audience: Vec<u32> = (10_000..10_001 + NOTES).collect();
        let reader = readers.connect(READER, &audience, &[]);
        readers.congest(reader);
        for _ in 0..=NOTES {
            readers.somebody_publishes();
        }
        let audience = audience.into_iter().take(left as usize);
        let replaced = readers.engine.audience_replace(Time::ZERO, &READER, audience);
        replaced.expect("it is short enough").for_each(|_| {});
        let notices = (NOTES as usize + 1, [NOTES + 1, 0]);
        let expected = if left > 0 { notices } else { (0, [0, 1]) };
        assert_eq!(readers.made_good(reader), expected, "{left} are left");
    }
}
