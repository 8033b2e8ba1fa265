//! How many instructions do the hot verbs take?
//!
//! This program only does the same operations each time, with fixed hasher seeds and without a
//! clock, and calls [`mark`] before and after those of each verb. `scripts/check-instructions`
//! runs it in Valgrind, which counts between the marks, and compares with
//! `benches/instructions.txt`.
//!
//! The world: 2,000 users with string ids and exactly 100 contacts each, one session a user,
//! everything else as by default but for the rate limit, which is off so that publishes are told.
//! And one user with 10,000 contacts.

mod common;

use adsum::{
    Candidate, Config, Connect, Decision, Decisions, Engine, LostCause, Options, Represent,
    SessionKey, Time,
};
use common::graphs::Ring;
use common::random::Random;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::hint::black_box;

/// The default engine's hasher, but with the same keys each time.
type Hasher = BuildHasherDefault<DefaultHasher>;
type Core = Engine<&'static str, u64, Hasher>;

const USERS: usize = 2_000;
const DEGREE: usize = 100;

fn main() {
    if !is_counting() {
        println!("\ninstructions: not counted here, but by scripts/check-instructions");
    }
    for percent in [5, 20, 100] {
        World::new(percent).publish(&format!("publish-{percent}"));
    }
    // The same where contacts are told one state of each user, and there is but one candidate.
    World::told_as_one(20, None).publish("one-state-20");
    // Nobody is told anything: what three times as many contacts take more is what it takes to
    // look at them.
    for degree in [DEGREE, 3 * DEGREE] {
        World::of_strangers(degree).publish(&format!("unheard-{degree}"));
    }
    // Whether or not one of many contacts is blocked.
    publish_to_many("crowd", |_, _, _| {});
    publish_to_many("crowd-blocks", |engine, hub, contact| {
        drain(engine.block(Time::from_millis(1_000), contact, hub).expect("there is room"));
    });
    publish_to_many("crowd-blocked", |engine, hub, contact| {
        drain(engine.block(Time::from_millis(1_000), hub, contact).expect("there is room"));
    });
    // However many are online.
    World::new(5).counts("counts-few");
    World::new(100).counts("counts-many");
    World::new(100).direct();
    World::new(20).sessions();
    World::told_as_one(20, Some(300_000)).signs();
}

/// Returns whether this is run for the script.
fn is_counting() -> bool {
    std::env::args().any(|argument| argument == "--count")
}

/// Names what was counted last to the script.
fn counted(verb: &str, operations: usize) {
    if is_counting() {
        println!("COUNTED {verb} {operations}");
    }
}

/// Where Valgrind is told to start a new count.
#[inline(never)]
fn mark(step: usize) {
    black_box(step);
}

/// Takes all decisions as a host does that sends nothing.
fn drain(mut decisions: Decisions<'_, &'static str, u64, Hasher>) {
    while let Some(decision) = decisions.next() {
        if let Decision::Snapshot(snapshot) = &decision {
            for entry in snapshot.entries() {
                black_box(entry);
            }
        }
        black_box(&decision);
    }
}

/// Returns an engine whose contacts are told each session or, with a function that chooses, one
/// state of each user.
fn engine(represent: Option<Represent<u64>>, idle_after_ms: Option<u64>) -> Core {
    let options = Options { publish_rate: None, idle_after_ms, ..Options::default() };
    let config = Config::new(options).expect("the rest are the defaults");
    match represent {
        Some(represent) => Core::with_representative(config, Hasher::default(), represent),
        None => Core::with_hasher(config, Hasher::default()),
    }
}

/// The session that connected first speaks for its user.
const fn first(_: &[Candidate<'_, u64>]) -> usize {
    0
}

struct World {
    engine: Core,
    names: Vec<&'static str>,
    graph: Vec<Vec<u32>>,
    /// Those who are online, in no order.
    online: Vec<(u32, SessionKey)>,
    /// All others.
    offline: Vec<u32>,
    now: u64,
}

impl World {
    fn new(percent: usize) -> Self {
        Self::some(percent, engine(None, None))
    }

    /// Contacts are told one state of each user and, with `idle_after_ms`, who is idle.
    fn told_as_one(percent: usize, idle_after_ms: Option<u64>) -> Self {
        Self::some(percent, engine(Some(first), idle_after_ms))
    }

    fn some(percent: usize, engine: Core) -> Self {
        let mut offline = Random::new(3).order(USERS);
        let online = offline.split_off(USERS - USERS * percent / 100);
        Self::with(online, offline, DEGREE, engine)
    }

    /// Nobody who is online has a contact who is.
    fn of_strangers(degree: usize) -> Self {
        let ring = Ring::new(USERS, degree);
        let (mut online, mut offline, mut contacts) = (Vec::new(), Vec::new(), Vec::new());
        for user in 0..USERS as u32 {
            contacts.clear();
            ring.contacts(user, &mut contacts);
            let knows_one = online.iter().any(|other| contacts.contains(other));
            if knows_one { &mut offline } else { &mut online }.push(user);
        }
        Self::with(online, offline, degree, engine(None, None))
    }

    fn with(online: Vec<u32>, offline: Vec<u32>, degree: usize, engine: Core) -> Self {
        let names = (0..USERS).map(|user| &*format!("user{user:08}").leak()).collect();
        let ring = Ring::new(USERS, degree);
        let contacts = |user| {
            let mut list = Vec::with_capacity(degree);
            ring.contacts(user, &mut list);
            list
        };
        let mut world = Self {
            engine,
            names,
            graph: (0..USERS as u32).map(contacts).collect(),
            online: Vec::new(),
            offline,
            now: 1_000,
        };
        for user in online {
            let session = world.connect(user);
            drain(world.engine.publish(world.time(), session, 1).expect("it is attached"));
            world.online.push((user, session));
        }
        world
    }

    const fn time(&self) -> Time {
        Time::from_millis(self.now)
    }

    fn connect(&mut self, user: u32) -> SessionKey {
        let audience = self.graph[user as usize].iter().map(|other| self.names[*other as usize]);
        let name = self.names[user as usize];
        let connected = self.engine.connect(self.time(), Connect::new(name).audience(audience));
        let (session, decisions) = connected.expect("there is room");
        drain(decisions);
        session
    }

    /// Counts `operation`, done once for each of those who are online, when all have done it
    /// twice before: nothing is cold then.
    fn count(&mut self, verb: &str, mut operation: impl FnMut(&mut Self, u32, SessionKey)) {
        let online = self.online.clone();
        let mut all = |world: &mut Self| {
            for (user, session) in &online {
                operation(world, *user, *session);
            }
        };
        (0..2).for_each(|_| all(self));
        mark(1);
        all(self);
        mark(2);
        counted(verb, online.len());
    }

    fn publish(&mut self, verb: &str) {
        self.count(verb, |world, _, session| {
            let now = world.time();
            drain(world.engine.publish(now, session, 2).expect("it is attached"));
        });
    }

    fn counts(&mut self, verb: &str) {
        self.count(verb, |world, _, _| _ = black_box(world.engine.counts()));
    }

    fn direct(&mut self) {
        for receivers in [1, 10] {
            self.count(&format!("direct-{receivers}"), |world, user, session| {
                let contacts = &world.graph[user as usize][..receivers];
                let named = contacts.iter().map(|other| world.names[*other as usize]);
                let now = world.time();
                drain(world.engine.direct(now, session, named, 3).expect("they are contacts"));
            });
        }
    }

    /// Signs of persons and heartbeats, each after one of the same kind and after one of the other.
    fn signs(&mut self) {
        self.count("active", |world, _, session| world.active(session));
        self.count("beat", |world, _, session| world.heartbeat(session));
        self.count_after("active-beat", Self::heartbeat, |world, session| world.active(session));
        self.count_after("beat-active", Self::active, |world, session| world.heartbeat(session));
    }

    #[inline(always)]
    fn active(&mut self, session: SessionKey) {
        self.now += 1;
        drain(self.engine.active(self.time(), session).expect("it is attached"));
    }

    #[inline(always)]
    fn heartbeat(&mut self, session: SessionKey) {
        self.now += 1;
        drain(self.engine.heartbeat(self.time(), session).expect("it is attached"));
    }

    /// Counts `operation` as [`count`](Self::count) does, when all have done `before`.
    fn count_after(
        &mut self,
        verb: &str,
        before: fn(&mut Self, SessionKey),
        operation: impl Fn(&mut Self, SessionKey),
    ) {
        let online = self.online.clone();
        let all = |world: &mut Self| {
            for (_, session) in &online {
                operation(world, *session);
            }
        };
        let all_before =
            |world: &mut Self| online.iter().for_each(|(_, session)| before(world, *session));
        for _ in 0..2 {
            all_before(self);
            all(self);
        }
        all_before(self);
        mark(1);
        all(self);
        mark(2);
        counted(verb, online.len());
    }

    fn sessions(&mut self) {
        self.count("heartbeat", |world, _, session| world.heartbeat(session));
        self.count("advance-idle", |world, _, _| {
            world.now += 1;
            drain(world.engine.advance(world.time()));
        });
        // Each resume gives out another key.
        let (_, some_session) = self.online[0];
        let mut newest = vec![some_session; USERS];
        for (user, session) in &self.online {
            newest[*user as usize] = *session;
        }
        self.count("lost-resume", |world, user, _| {
            let (now, session) = (world.time(), &mut newest[user as usize]);
            let cause = LostCause::ConnectionError;
            drain(world.engine.lost(now, *session, cause).expect("it is attached"));
            let (resumed, decisions) =
                world.engine.resume(now, *session).expect("it was just lost");
            drain(decisions);
            *session = resumed;
        });
        // Each hundredth part of those who are offline comes and goes, so that the share of those
        // who are online stays what it is.
        (0..2).for_each(|_| self.come_and_go(|_| {}));
        self.come_and_go(mark);
        counted("connect", COMING);
        counted("disconnect", COMING);
    }

    fn come_and_go(&mut self, mark: impl Fn(usize)) {
        let coming = self.offline[..COMING].to_vec();
        let mut sessions = Vec::with_capacity(COMING);
        mark(1);
        for user in coming {
            sessions.push(self.connect(user));
        }
        mark(2);
        for session in &sessions {
            drain(self.engine.publish(self.time(), *session, 4).expect("it is attached"));
        }
        mark(3);
        for session in sessions {
            drain(self.engine.disconnect(self.time(), session).expect("it is attached"));
        }
        mark(4);
    }
}

/// Counts the publishes of one who has many contacts, of whom one in five is online, after what is
/// to come before has been done about the one and a contact.
fn publish_to_many(verb: &str, before: impl FnOnce(&mut Core, &'static str, &'static str)) {
    const CONTACTS: usize = 10_000;
    const TIMES: usize = 20;
    let now = Time::from_millis(1_000);
    let mut engine = engine(None, None);
    let name = |user: usize| -> &'static str { format!("user{user:08}").leak() };
    let contacts: Vec<&'static str> = (0..CONTACTS).map(name).collect();
    let hub = name(CONTACTS);
    let mut connect = |user: &'static str, audience: &[&'static str]| {
        let connect = Connect::new(user).audience(audience.iter().copied());
        let (session, decisions) = engine.connect(now, connect).expect("there is room");
        drain(decisions);
        session
    };
    let session = connect(hub, &contacts);
    contacts.iter().step_by(5).for_each(|contact| _ = connect(contact, &[hub]));
    before(&mut engine, hub, contacts[CONTACTS / 2]);
    let mut publish = |times: usize| {
        for _ in 0..times {
            drain(engine.publish(now, session, 2).expect("it is attached"));
        }
    };
    publish(2);
    mark(1);
    publish(TIMES);
    mark(2);
    counted(verb, TIMES);
}

/// How many of those who are offline come and go at a time.
const COMING: usize = 50;
