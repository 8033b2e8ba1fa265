//! An engine with people in it.

use adsum::{Config, Connect, Decision, Decisions, Engine, Options, SessionKey, Time};
use std::hash::Hash;
use std::hint::black_box;

/// Integer ids.
pub(crate) fn numbers(users: usize) -> Vec<u32> {
    // Not the numbers 0, 1, 2 ..., which no directory gives out.
    (0..users as u32).map(|user| user.wrapping_mul(0x9e37_79b1)).collect()
}

/// String ids of 12 bytes.
pub(crate) fn names(users: usize) -> Vec<&'static str> {
    const LENGTH: usize = 12;
    let all: String = (0..users).map(|user| format!("user{user:08}")).collect();
    let all: &'static str = all.leak();
    (0..users).map(|user| &all[user * LENGTH..(user + 1) * LENGTH]).collect()
}

/// As by default, but without a rate and without leases: what is published is told.
pub(crate) fn unlimited() -> Options {
    let (publish_rate, direct_rate) = (None, None);
    Options { lease: None, publish_rate, direct_rate, max_audience: 1 << 27, ..Options::default() }
}

/// Takes all decisions as a host does that sends nothing; says how many receivers and entries
/// there were.
pub(crate) fn drain<K: Eq + Hash>(mut decisions: Decisions<'_, K, u64>) -> usize {
    let mut told = 0;
    while let Some(decision) = decisions.next() {
        match &decision {
            Decision::Deliver { notice, to } => {
                black_box(notice);
                told += to.len();
            }
            Decision::Snapshot(snapshot) => {
                for entry in snapshot.entries() {
                    black_box(entry.presence);
                    told += 1;
                }
            }
            other => {
                black_box(other);
            }
        }
    }
    told
}

/// For so many inputs at a time is fetched what they will read.
pub(crate) const PREFETCHED: usize = 32;

/// An engine, and what its host knows of its users.
pub(crate) struct World<K: 'static> {
    pub(crate) engine: Engine<K, u64>,
    pub(crate) ids: Vec<K>,
    pub(crate) now: Time,
}

impl<K: Copy + Eq + Hash> World<K> {
    pub(crate) fn new(ids: Vec<K>, options: Options) -> Self {
        let config = Config::new(options).expect("the options are in range");
        Self { engine: Engine::new(config), ids, now: Time::from_millis(1_000) }
    }

    /// Connects a user and takes the snapshot.
    pub(crate) fn connect(&mut self, user: u32, contacts: &[u32]) -> SessionKey {
        let Self { engine, ids, now } = self;
        let audience = contacts.iter().map(|other| ids[*other as usize]);
        connect(engine, *now, ids[user as usize], audience)
    }

    /// The same of a user whose id, and those of the contacts, are at hand.
    pub(crate) fn connect_by_id(&mut self, id: K, audience: &[K]) -> SessionKey {
        connect(&mut self.engine, self.now, id, audience.iter().copied())
    }

    pub(crate) fn publish(&mut self, session: SessionKey, presence: u64) -> usize {
        drain(self.engine.publish(self.now, session, presence).expect("it is attached"))
    }

    pub(crate) fn disconnect(&mut self, session: SessionKey) -> usize {
        drain(self.engine.disconnect(self.now, session).expect("it is attached"))
    }

    /// As a host does that has many publishes waiting. Says how many were told.
    pub(crate) fn publish_all(&mut self, sessions: &[SessionKey], presence: u64) -> usize {
        self.for_all(sessions, |world, session| world.publish(session, presence))
    }

    pub(crate) fn disconnect_all(&mut self, sessions: &[SessionKey]) -> usize {
        self.for_all(sessions, Self::disconnect)
    }

    fn for_all(
        &mut self,
        sessions: &[SessionKey],
        mut verb: impl FnMut(&mut Self, SessionKey) -> usize,
    ) -> usize {
        let mut told = 0;
        for some in sessions.chunks(PREFETCHED) {
            self.engine.prefetch(some.iter().copied());
            for session in some {
                told += verb(self, *session);
            }
        }
        told
    }
}

fn connect<K: Eq + Hash>(
    engine: &mut Engine<K, u64>,
    now: Time,
    id: K,
    audience: impl Iterator<Item = K>,
) -> SessionKey {
    let connected = engine.connect(now, Connect::new(id).audience(audience));
    let (session, decisions) = connected.expect("there is room");
    drain(decisions);
    session
}
