//! Once warm, no input but a connect and a growing list allocates; and whatever comes and goes,
//! memory stays where it was.

use adsum::{
    Config, Connect, Counts, Decision, Decisions, Engine, Error, Lease, LostCause, Options, Rate,
    SessionKey, Time,
};
use allocation_counter::measure;
use std::collections::BTreeMap;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash};
use std::hint::black_box;

/// The same in every run.
type Hasher = BuildHasherDefault<DefaultHasher>;

/// Takes all decisions as a host does, without allocating; says how many there were.
fn drain<K: Eq + Hash, P>(mut decisions: Decisions<'_, K, P, Hasher>) -> usize {
    let mut count = 0;
    while let Some(decision) = decisions.next() {
        count += 1;
        if let Decision::Snapshot(snapshot) = &decision {
            for entry in snapshot.entries() {
                black_box(entry);
            }
        }
        black_box(&decision);
    }
    count
}

/// What the inputs of one sort did.
#[derive(Default, Debug)]
struct Row {
    calls: u64,
    decisions: usize,
    allocations: u64,
}

/// An engine of which every input is measured.
struct Metered {
    engine: Engine<u32, u64, Hasher>,
    now: u64,
    rows: BTreeMap<&'static str, Row>,
}

const USERS: u32 = 24;
const WARM_DAYS: usize = 60;

impl Metered {
    fn new() -> Self {
        let config = Config::new(Options {
            lease: Some(Lease { lease_ms: 100_000, heartbeat_ms: 30_000 }),
            publish_rate: Some(Rate { burst: 4, interval_ms: 1_000 }),
            max_sessions: 3,
            ..Options::default()
        });
        let config = config.expect("the options are in range");
        let engine = Engine::with_hasher(config, Hasher::default());
        Self { engine, now: 1_000, rows: BTreeMap::new() }
    }

    /// Gives one input and adds what it did to its row.
    fn give(
        &mut self,
        name: &'static str,
        input: impl FnOnce(&mut Engine<u32, u64, Hasher>, Time) -> Result<usize, Error>,
    ) {
        let (engine, now) = (&mut self.engine, Time::from_millis(self.now));
        let mut result = Ok(0);
        let info = measure(|| result = input(engine, now));
        let row = self.rows.entry(name).or_default();
        row.calls += 1;
        row.decisions += result.unwrap_or_else(|error| panic!("{name} is refused: {error}"));
        row.allocations += info.count_total;
    }

    fn connect(&mut self, user: u32) -> SessionKey {
        let mut key = None;
        let again = self.engine.is_online(&user);
        self.give(if again { "connect again" } else { "connect" }, |engine, now| {
            let contacts = 0..USERS;
            let (session, decisions) =
                engine.connect(now, Connect::new(user).audience(contacts).blocked([user + 100]))?;
            key = Some(session);
            Ok(drain(decisions))
        });
        key.expect("it was not refused")
    }

    fn publish(&mut self, session: SessionKey) {
        self.give("publish", |engine, now| Ok(drain(engine.publish(now, session, 1)?)));
    }

    fn advance(&mut self, millis: u64) {
        self.now += millis;
        self.give("advance", |engine, now| Ok(drain(engine.advance(now))));
    }

    fn of_session(
        &mut self,
        name: &'static str,
        session: SessionKey,
        verb: impl FnOnce(
            &mut Engine<u32, u64, Hasher>,
            Time,
            SessionKey,
        ) -> Result<Decisions<'_, u32, u64, Hasher>, Error>,
    ) {
        self.give(name, |engine, now| Ok(drain(verb(engine, now, session)?)));
    }

    /// A day in which everything happens, from an empty engine to an empty engine.
    fn day(&mut self) {
        let users: Vec<u32> = (0..USERS).collect();
        let mut sessions: Vec<_> =
            users.iter().flat_map(|user| [*user; 3]).map(|user| self.connect(user)).collect();
        for session in &sessions {
            self.publish(*session);
        }
        for (at, session) in sessions.iter().enumerate() {
            let named = &users[at % 20..at % 20 + 3];
            self.give("direct", |engine, now| Ok(drain(engine.direct(now, *session, named, 2)?)));
        }
        self.give("system", |engine, now| Ok(drain(engine.system(now, &users, 3)?)));
        self.what_ends(&users, &sessions);
        self.watching(&sessions);
        // Over the rate: the newest waits, and goes out when time advances.
        for session in &sessions[..12] {
            (0..6).for_each(|_| self.publish(*session));
        }
        self.advance(5_000);
        self.slow_and_hidden(&sessions);
        self.lists();
        self.losses(&mut sessions);
        // Whoever is still there leaves in one of three ways.
        let expelled = users[20];
        self.give("expel", |engine, now| Ok(drain(engine.expel(now, &expelled))));
        for session in &sessions[..30] {
            let there = self.engine.is_attached(*session);
            if there {
                self.of_session("disconnect", *session, Engine::disconnect);
            }
        }
        // Leases lapse, graces end.
        self.advance(90_000);
        self.advance(200_000);
        assert_eq!(self.engine.counts(), Counts::default());
    }

    /// Half of what is said ends by itself, some of it while it waits for a token, and the rest is
    /// taken back.
    fn what_ends(&mut self, users: &[u32], sessions: &[SessionKey]) {
        let until = Time::from_millis(self.now + 2_000);
        for (at, session) in sessions.iter().enumerate() {
            for then in [Some(4), None, Some(5), Some(6), None] {
                self.of_session("publish_until", *session, |engine, now, session| {
                    engine.publish_until(now, session, 3, until, then)
                });
            }
            let named = &users[at % 20..at % 20 + 3];
            self.of_session("direct_for", *session, |engine, now, session| {
                engine.direct_for(now, session, named, 7, 1_500)
            });
            if at % 2 == 0 {
                self.of_session("withdraw", *session, Engine::withdraw);
            }
        }
        let counts = self.engine.counts();
        assert!(counts.expiring > sessions.len(), "nothing ends: {counts:?}");
        self.advance(6_000);
        assert_eq!(self.engine.counts().expiring, 0);
    }

    /// Some watch contacts and strangers, of whom two come and speak to nobody else.
    fn watching(&mut self, sessions: &[SessionKey]) {
        let stars = [40, 41];
        let watched = || stars.into_iter().chain(0..6).chain([50, 51]);
        for session in &sessions[..30] {
            self.of_session("watch", *session, |engine, now, session| {
                engine.watch(now, session, watched())
            });
        }
        let mut keys = Vec::new();
        for star in stars {
            let mut key = None;
            self.give("connect alone", |engine, now| {
                let (session, decisions) = engine.connect(now, Connect::new(star))?;
                key = Some(session);
                Ok(drain(decisions))
            });
            keys.extend(key);
        }
        for session in &sessions[..6] {
            self.of_session("congested", *session, Engine::congested);
        }
        for session in &keys {
            self.of_session("publish to watchers", *session, |engine, now, session| {
                engine.publish(now, session, 8)
            });
        }
        assert_eq!(self.engine.watchers(&40), 30);
        // Slow ones watch more, and fewer; whom a user removes stops watching it.
        for session in &sessions[..4] {
            self.of_session("watch while slow", *session, |engine, now, session| {
                engine.watch(now, session, [0, 1, 2, 3, 41, 52])
            });
            self.of_session("unwatch while slow", *session, |engine, now, session| {
                engine.unwatch(now, session, &[40, 0])
            });
        }
        self.give("audience_remove of watchers", |engine, now| {
            Ok(drain(engine.audience_remove(now, &41, &[7, 8])?))
        });
        for session in &sessions[..6] {
            self.of_session("writable", *session, Engine::writable);
        }
        for session in &sessions[..12] {
            self.of_session("unwatch", *session, |engine, now, session| {
                engine.unwatch(now, session, &[40, 41, 0, 50])
            });
        }
        for session in &keys {
            self.of_session("disconnect alone", *session, Engine::disconnect);
        }
        assert_eq!(self.engine.watchers(&40), 18);
    }

    fn slow_and_hidden(&mut self, sessions: &[SessionKey]) {
        for session in &sessions[..6] {
            self.of_session("congested", *session, Engine::congested);
        }
        for session in &sessions[6..] {
            self.of_session("heartbeat", *session, Engine::heartbeat);
            self.publish(*session);
        }
        for session in &sessions[30..36] {
            self.of_session("invisible", *session, Engine::invisible);
            self.publish(*session);
        }
        for session in &sessions[..6] {
            self.of_session("writable", *session, Engine::writable);
        }
        for session in &sessions[30..36] {
            self.of_session("visible", *session, Engine::visible);
        }
        self.advance(5_000);
    }

    fn lists(&mut self) {
        self.give("block", |engine, now| Ok(drain(engine.block(now, &1, 2)?)));
        self.give("unblock", |engine, now| Ok(drain(engine.unblock(now, &1, &2)?)));
        self.give("audience_remove", |engine, now| {
            Ok(drain(engine.audience_remove(now, &3, &[4, 5, 6])?))
        });
        self.give("audience_add", |engine, now| {
            Ok(drain(engine.audience_add(now, &3, [4, 5, 6])?))
        });
        for contacts in [8..30, 0..USERS] {
            self.give("audience_replace", |engine, now| {
                Ok(drain(engine.audience_replace(now, &3, contacts)?))
            });
        }
    }

    /// Twelve are lost. Half of them are resumed, twice, the second time on another connection
    /// while the first seems to be up, and the others end.
    fn losses(&mut self, sessions: &mut [SessionKey]) {
        for (at, session) in sessions[..12].iter().enumerate() {
            self.of_session("lost", *session, |engine, now, session| match at % 2 {
                0 => engine.lost(now, session, LostCause::ConnectionError),
                _ => engine.lost_with_grace(now, session, LostCause::GoingAway, 50_000),
            });
        }
        self.advance(10_000);
        for _ in 0..2 {
            sessions[..6].iter_mut().for_each(|session| self.resume(session));
        }
        self.advance(55_000);
    }

    fn resume(&mut self, session: &mut SessionKey) {
        self.give("resume", |engine, now| {
            let (resumed, decisions) = engine.resume(now, *session)?;
            *session = resumed;
            Ok(drain(decisions))
        });
    }
}

#[test]
fn once_warm_nothing_allocates_but_a_connect_and_a_growing_list() {
    let mut metered = Metered::new();
    // The lists of slow receivers are handed round, so each must have been used for each purpose.
    (0..WARM_DAYS).for_each(|_| metered.day());
    let warming: u64 = metered.rows.values().map(|row| row.allocations).sum();
    assert!(warming > 0, "nothing was measured");
    metered.rows.clear();
    metered.day();
    for (name, row) in &metered.rows {
        let allowed = match *name {
            // A user who comes online brings two lists: the audience, and the blocked, which most
            // users leave empty and which therefore lies behind a pointer.
            "connect" => 3,
            // Lists get longer than they ever were: whom a user has blocked and, of each of the
            // two, who is hidden from it, which is a list of pieces and a piece.
            "block" => 5,
            _ => 0,
        };
        println!("{name:>16}: {row:?}");
        // With the shrunk constants places are given up after four sessions, so new ones are made,
        // and tables and lists come in pieces of a few.
        // A watch names ten users, whose channels come so too, and one advance ends many sessions.
        let pieces = match *name {
            "watch" => 10 * row.calls,
            "advance" => row.calls + 16,
            _ => row.calls,
        };
        let slack = if cfg!(feature = "shrunk") { pieces } else { 0 };
        let most = row.calls * allowed + slack;
        assert!(
            (row.calls * allowed..=most).contains(&row.allocations),
            "{name} may allocate {allowed} times: {row:?}"
        );
        let silent =
            ["heartbeat", "congested", "lost", "unwatch", "watch while slow", "unwatch while slow"]
                .contains(name);
        assert_eq!(row.decisions > 0, !silent, "is {name} a part of the day at all? {row:?}");
    }
    assert_eq!(metered.rows.len(), 31, "inputs that were measured");
}

/// With ids and presences that own memory, so that a leaked one would show.
type Owning = Engine<String, String, Hasher>;

fn owning(options: Options) -> Owning {
    let config = Config::new(options).expect("the options are in range");
    Engine::with_hasher(config, Hasher::default())
}

/// Somebody new, with eight contacts of whom nobody has heard, comes, speaks, and goes.
fn come_and_go(engine: &mut Owning, person: u32) {
    let now = Time::from_millis(u64::from(person));
    let contacts = (0..8).map(|nth| format!("contact {nth} of {person}"));
    let contacts = contacts.chain(["the one who stays".to_owned()]);
    let user = format!("person {person}");
    let connected = engine.connect(now, Connect::new(user).audience(contacts));
    let (session, decisions) = connected.expect("there is room");
    drain(decisions);
    let presence = format!("I am number {person}");
    drain(engine.publish(now, session, presence).expect("it is connected"));
    drain(engine.disconnect(now, session).expect("it is connected"));
}

#[test]
fn a_hundred_thousand_who_come_and_go_leave_memory_as_it_was() {
    const PEOPLE: u32 = 100_000;
    let mut engine = owning(Options::default());
    let stays = engine.connect(Time::ZERO, Connect::new("the one who stays".to_owned()));
    let (stays, decisions) = stays.expect("there is room");
    drain(decisions);
    (0..1_000).for_each(|person| come_and_go(&mut engine, person));
    let before = engine.counts();
    let info = measure(|| (1_000..1_000 + PEOPLE).for_each(|p| come_and_go(&mut engine, p)));
    assert_eq!(engine.counts(), before);
    assert!(engine.is_attached(stays));
    assert!(info.count_total > u64::from(PEOPLE) * 10, "the churn was not measured: {info:?}");
    // With the shrunk constants a place that was used four times is given up for good.
    let given_up = if cfg!(feature = "shrunk") { i64::from(PEOPLE) / 4 * 512 } else { 0 };
    assert!(info.bytes_current <= given_up, "memory has grown by {} bytes", info.bytes_current);
    // Nor was it needed in between, but for the one who was there at the moment.
    let peak = info.bytes_max as i64;
    assert!(peak <= 4_096 + 2 * given_up, "memory had grown by {peak} bytes");
}

#[test]
fn a_thousand_heartbeats_leave_memory_as_it_was() {
    let mut engine = owning(Options::default());
    let connected = engine.connect(Time::ZERO, Connect::new("ann".to_owned()));
    let (session, decisions) = connected.expect("there is room");
    drain(decisions);
    let info = measure(|| {
        for beat in 1..=1_000 {
            let now = Time::from_millis(beat * 30_000);
            drain(engine.heartbeat(now, session).expect("it is attached"));
            drain(engine.advance(now));
        }
    });
    assert!(engine.is_attached(session), "the heartbeats were not heard");
    assert_eq!((info.count_total, info.bytes_current), (0, 0));
}

/// Ten thousand are lost in one tick: ending them takes the memory of one decision, not of all.
#[test]
fn a_mass_loss_is_told_in_bounded_memory() {
    const PEOPLE: u32 = 10_000;
    let mut engine = owning(Options::default());
    let name = |person: u32| format!("person {person}");
    let everybody = (0..PEOPLE).map(name);
    let watcher =
        engine.connect(Time::ZERO, Connect::new("watcher".to_owned()).audience(everybody));
    let (watcher, decisions) = watcher.expect("there is room");
    drain(decisions);
    // The first time, what is freed has to be noted somewhere for the first time: places that are
    // free again, 4 bytes each in three tables, and in which order the deadlines of one moment
    // were set, 24 bytes each; all that in lists that grow by doubling. Then nothing more.
    for (day, most) in [(0_u64, 64 * u64::from(PEOPLE)), (100_000, 0)] {
        let at = |millis| Time::from_millis(day + millis);
        drain(engine.heartbeat(at(0), watcher).expect("it is attached"));
        let mut sessions = Vec::new();
        for person in 0..PEOPLE {
            let audience = ["watcher".to_owned()];
            let connected = engine.connect(at(0), Connect::new(name(person)).audience(audience));
            let (session, decisions) = connected.expect("there is room");
            drain(decisions);
            drain(engine.publish(at(0), session, "here".to_owned()).expect("it is connected"));
            sessions.push(session);
        }
        let losing = measure(|| {
            for session in &sessions {
                drain(engine.lost(at(5), *session, LostCause::NodeLoss).expect("it is attached"));
            }
        });
        assert_eq!((losing.count_total, losing.bytes_current), (0, 0), "to be lost");
        let mut decisions = 0;
        let ending = measure(|| decisions = drain(engine.advance(at(60_005))));
        assert_eq!(decisions, 2 * PEOPLE as usize, "a close and a notice each");
        assert_eq!(engine.counts().sessions, 1);
        assert!(ending.bytes_max <= most, "{} bytes at once: {ending:?}", ending.bytes_max);
        let given_back = ending.bytes_current - most as i64;
        assert!(given_back < 0, "what they held was not given back: {ending:?}");
    }
}

/// The measure itself: it sees what is allocated, grown, kept and given back, on this thread.
#[test]
fn the_measure_can_fail() {
    assert_eq!(
        measure(|| {
            black_box([1_u8; 1_000]);
        })
        .count_total,
        0
    );
    let mut kept = Vec::new();
    let info = measure(|| kept = black_box(Vec::<u64>::with_capacity(8)));
    assert_eq!((info.count_total, info.bytes_current), (1, 64));
    kept.extend(0..8);
    assert_eq!(measure(|| kept.clear()).count_total, 0);
    kept.extend(0..8);
    let grown = measure(|| kept.push(black_box(8)));
    assert!(grown.count_total > 0 && grown.bytes_current > 0, "{grown:?}");
    let freed = measure(|| kept = Vec::new());
    assert_eq!((freed.count_total, freed.bytes_current), (0, -128));
    let passing = measure(|| drop(black_box(vec![0_u8; 1_000])));
    assert_eq!((passing.count_total, passing.bytes_current, passing.bytes_max), (1, 0, 1_000));
}

/// An engine that has never done anything allocates when it does so for the first time: so the
/// zeros above are not those of a measure that sees no engine.
#[test]
fn a_cold_engine_allocates_and_a_growing_list_does() {
    let mut metered = Metered::new();
    metered.day();
    for name in ["connect", "publish", "direct", "advance", "block", "writable"] {
        println!("{name}: {:?}", metered.rows[name]);
    }
    assert!(metered.rows["connect"].allocations > 48);
    assert!(metered.rows["direct"].allocations > 0);
    let cold: u64 = metered.rows.values().map(|row| row.allocations).sum();
    assert!(cold > 100, "only {cold} allocations");
}

/// Chooses the one that says the greatest number, and of those alike the newest.
fn greatest(all: &[adsum::Candidate<'_, u64>]) -> usize {
    let rank = |at: &usize| (*all[*at].presence, all[*at].published);
    (0..all.len()).max_by_key(rank).unwrap_or(0)
}

/// Where contacts are told one state of each user, publishes, signs of a person and the choice
/// among so many sessions as there may be by default, or twice as many, allocate nothing, nor does
/// becoming idle (rules U2 and U5). Each choice among more allocates.
#[test]
fn once_warm_one_state_a_user_allocates_nothing() {
    for devices in [8, Options::default().max_sessions.into(), 32] {
        assert_eq!(allocations_of_one_state(devices), 0, "{devices} sessions");
    }
    assert!(allocations_of_one_state(33) > 0, "33 sessions");
}

/// Returns how often a day of a user with so many sessions allocates.
fn allocations_of_one_state(devices: u64) -> u64 {
    let config = Config::new(Options {
        idle_after_ms: Some(5_000),
        max_sessions: devices as u16,
        lease: None,
        publish_rate: None,
        ..Options::default()
    });
    let config = config.expect("the options are in range");
    let mut engine =
        Engine::<u32, u64, Hasher>::with_representative(config, Hasher::default(), greatest);
    let mut connect = |user: u32| {
        let connect = Connect::new(user).audience(0..USERS);
        let (key, decisions) = engine.connect(Time::ZERO, connect).expect("there is room");
        drain(decisions);
        key
    };
    (1..USERS).for_each(|user| _ = connect(user));
    let keys: Vec<SessionKey> = (0..devices).map(|_| connect(0)).collect();
    let (mut now, mut told) = (1_000, [0; 3]);
    let mut day = |engine: &mut Engine<u32, u64, Hasher>, told: &mut [usize; 3]| {
        for (nth, device) in (0..).zip(&keys) {
            now += 10;
            let at = Time::from_millis(now);
            let published = engine.publish(at, *device, (nth * 5) % devices);
            told[0] += drain(published.expect("it is attached"));
            told[1] += drain(engine.active(at, *device).expect("it is attached"));
            drain(engine.withdraw(at, keys[0]).expect("it is attached"));
        }
        now += 10_000;
        while engine.deadline().is_some_and(|due| due.as_millis() <= now) {
            told[2] += drain(engine.advance(Time::from_millis(now)));
        }
        told[1] += drain(engine.active(Time::from_millis(now), keys[3]).expect("attached"));
    };
    (0..3).for_each(|_| day(&mut engine, &mut told));
    let warm = told;
    let info = measure(|| day(&mut engine, &mut told));
    assert!((0..3).all(|at| told[at] > warm[at]), "each tells something: {warm:?}, {told:?}");
    info.count_total
}
