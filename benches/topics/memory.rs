//! What a membership takes, counted by an allocator that counts. The topics take their share.

use crate::common::random::Random;
use crate::common::report::Report;
use crate::common::row::Row;
use crate::{IN_A_ROOM, ROOMS_EACH, fixed, options, take};
use adsum::{
    Config, Connect, Engine, Join, Options, SessionKey, Time, TopicKey, TopicOptions, View,
};
use allocation_counter::measure;
use std::num::NonZeroU64;

/// What a membership may take in bytes, without what it shows.
const MEMBERSHIP: f64 = 44.0;

/// What is shown takes no more where it may be missing, as with all that holds a pointer.
type Presence = NonZeroU64;

struct World {
    engine: Engine<u32, Presence>,
    sessions: Vec<SessionKey>,
    rooms: usize,
    random: Random,
}

impl World {
    fn new(sessions: usize, options: Options) -> Self {
        let mut engine = Engine::new(Config::new(options).expect("they are in range"));
        let connect = |user| {
            let (key, decisions) =
                engine.connect(Time::ZERO, Connect::new(user)).expect("there is room");
            take(decisions);
            key
        };
        let sessions: Vec<_> = (0..sessions as u32).map(connect).collect();
        let rooms = (sessions.len() * ROOMS_EACH / IN_A_ROOM).max(ROOMS_EACH);
        Self { engine, sessions, rooms, random: Random::new(11) }
    }

    fn join(&mut self, session: SessionKey, presence: Option<Presence>) -> TopicKey {
        loop {
            let room = self.random.below(self.rooms) as u32;
            let join = Join::Member { presence, view: View::All };
            // It may be there already.
            if let Ok((topic, decisions)) = self.engine.join(Time::ZERO, session, room, join) {
                take(decisions);
                return topic;
            }
        }
    }

    fn join_all(&mut self, presence: Option<Presence>) {
        for _ in 0..ROOMS_EACH {
            for at in 0..self.sessions.len() {
                self.join(self.sessions[at], presence);
            }
        }
    }

    /// Everybody leaves a room and joins another.
    fn move_on(&mut self) {
        for at in 0..self.sessions.len() {
            let session = self.sessions[at];
            let rooms: Vec<_> =
                self.engine.topics_of(session).map(|topic| topic.key()).take(ROOMS_EACH).collect();
            let room = rooms[self.random.below(rooms.len())];
            take(self.engine.leave(Time::ZERO, session, room).expect("it is there"));
            self.join(session, None);
        }
    }

    fn memberships(&self) -> f64 {
        self.engine.counts().memberships as f64
    }
}

fn row(question: &str, sessions: usize, bytes: f64, note: &str) -> Row {
    fixed(format!("topics/memory/{question}/{sessions}"), "B", bytes, MEMBERSHIP, note)
}

pub(super) fn measure_all(report: &mut Report, sessions: usize) {
    let no_rate = || options(TopicOptions::default());
    let mut world = World::new(sessions, no_rate());
    let taken = measure(|| world.join_all(None));
    let each = taken.bytes_current as f64 / world.memberships();
    report.add(row("membership", sessions, each, "rooms of 50; the rooms take their share"));

    let moved = measure(|| (0..ROOMS_EACH).for_each(|_| world.move_on()));
    let each = (taken.bytes_current + moved.bytes_current) as f64 / world.memberships();
    let note = "after everybody has left and joined five times";
    report.add(Row { target: None, ..row("membership-later", sessions, each, note) });
    drop(world);

    let (shown, size) = (Presence::new(7), size_of::<Presence>() as f64);
    let mut world = World::new(sessions, no_rate());
    let taken = measure(|| world.join_all(shown));
    let each = taken.bytes_current as f64 / world.memberships() - size;
    report.add(row("membership-with-presence", sessions, each, "besides the presence"));
    drop(world);

    let rate = Options { topic_rate: Options::default().topic_rate, ..no_rate() };
    let mut world = World::new(sessions / 10, rate);
    let taken = measure(|| {
        world.join_all(shown);
        for at in 0..world.sessions.len() {
            let session = world.sessions[at];
            let rooms: Vec<_> = world.engine.topics_of(session).map(|topic| topic.key()).collect();
            for room in rooms {
                let shown = Presence::MIN;
                let updated = world.engine.update(Time::ZERO, session, room, shown);
                take(updated.expect("it is there"));
            }
        }
    });
    let each = taken.bytes_current as f64 / world.memberships() - size;
    let note = "the same, after an update under a rate";
    let row = row("membership-with-rate", sessions / 10, each, note);
    report.add(Row { target: None, ..row });
}
