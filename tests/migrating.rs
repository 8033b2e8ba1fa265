//! docs/MIGRATING.md: the lines of the engine that are to be written now compile, and do what the
//! page says. Each of them stands below as it stands there.

use adsum::{
    Config, Connect, Decision, Decisions, Engine, Error, Event, LostCause, Notice, Options,
    OverLimit, Replica, SessionId, SessionKey, SlotMap, Time,
};
use std::collections::HashSet;

const PAGE: &str = include_str!("../docs/MIGRATING.md");
const HERE: &str = include_str!("migrating.rs");

#[derive(Clone, Debug, PartialEq)]
struct Status;

#[derive(Debug)]
struct Stale;

impl From<Error> for Stale {
    fn from(_: Error) -> Self {
        Self
    }
}

fn engine() -> Engine<String, Status> {
    Engine::new(Config::default())
}

fn connected(engine: &mut Engine<String, Status>, user: &str, friend: &str) -> SessionKey {
    let connect = Connect::new(user.to_owned()).audience([friend.to_owned()]);
    engine.connect(Time::from_millis(0), connect).unwrap().0
}

/// Returns the lines that are to be written now, but for those of the server and of a shell.
fn lines() -> impl Iterator<Item = &'static str> {
    let blocks = PAGE.split("```diff\n").skip(1).map(|after| after.split("```").next().unwrap());
    let lines = blocks.flat_map(str::lines).filter_map(|line| line.strip_prefix('+'));
    lines.map(str::trim).filter(|line| !line.starts_with("curl") && !line.contains("adsum_tim"))
}

#[test]
fn every_line_to_write_stands_here() {
    let here: HashSet<_> = HERE.lines().map(str::trim).collect();
    assert!(lines().count() >= 16);
    for line in lines() {
        let is_here = here.contains(line) || here.contains(format!("{line},").as_str());
        assert!(is_here, "this stands in MIGRATING.md and not here: {line}");
    }
}

#[test]
fn a_connection_is_kept_by_its_key() -> Result<(), Error> {
    let mut engine = Engine::<&str, &str>::new(Config::default());
    let mut sockets = SlotMap::new();
    let (now, friends, socket) = (Time::from_millis(0), ["bob"], "ann's");
    let (key, decisions) = engine.connect(now, Connect::new("ann").audience(friends))?;
    drop(decisions);
    sockets.insert(key, socket);
    let to = [key.slot()];
    let mut written = Vec::new();
    for (_key, socket) in to.iter().filter_map(|slot| sockets.at(*slot)) {
        written.push(*socket);
    }
    assert_eq!(written, ["ann's"]);
    let old = key;
    let (key, decisions) = engine.resume(now, key)?;
    drop(decisions);
    assert_eq!(engine.heartbeat(now, old).err(), Some(Error::UnknownSession));
    sockets.insert(key, "ann's second");
    assert_eq!(sockets.get(old), None);
    sockets.remove(key);
    assert_eq!(sockets.at(key.slot()), None);
    Ok(())
}

#[test]
fn ends_and_presences_name_sessions() {
    let (mut engine, now) = (engine(), Time::from_millis(0));
    let [_, ann] = ["bob", "ann"].map(|user| {
        let friend = if user == "ann" { "bob" } else { "ann" };
        connected(&mut engine, user, friend)
    });
    let id = engine.id_of(ann).unwrap();
    let mut seen: Vec<SessionId> = Vec::new();
    engine.publish(now, ann, Status).unwrap().for_each(|decision| {
        if let Decision::Deliver { notice, .. } = decision {
            match &notice {
                Notice::Presence { session, .. } => seen.push(*session), // a SessionId
                other => panic!("{other:?}"),
            }
        }
    });
    assert_eq!(seen, [id]);
    let mut forgotten = Vec::new();
    let mut forget = |session| forgotten.push(session);
    engine.disconnect(now, ann).unwrap().for_each(|decision| match decision {
        Decision::Ended { session, .. } => forget(session),
        Decision::Close { .. } => panic!("its connection was closed already"),
        _ => {}
    });
    assert_eq!(forgotten, [ann]);
}

#[test]
fn a_verb_is_a_result_and_ids_are_borrowed() -> Result<(), Error> {
    fn done(verb: Result<Decisions<'_, String, Status>, Error>) {
        verb.expect("it is not refused").for_each(|_| {});
    }
    let (mut engine, now, presence) = (engine(), Time::from_millis(0), Status);
    let key = connected(&mut engine, "ann", "bob");
    connected(&mut engine, "bob", "ann");
    done(engine.heartbeat(now, key));
    let mut is_told = false;
    if engine.is_online("bob") {
        is_told = true;
    }
    assert!(is_told);
    let decisions = engine.direct(now, key, ["bob"], presence)?;
    drop(decisions);
    let (users, presence) = (["ann", "bob"], Status);
    let decisions = engine.system(now, users, presence)?;
    drop(decisions);
    Ok(())
}

#[test]
fn a_key_of_nothing_is_refused() {
    fn read(bits: (u64, u32)) -> Result<SessionKey, Stale> {
        let key = SessionKey::from_bits(bits).ok_or(Stale)?; // (u64, u32)
        Ok(key)
    }
    let key = connected(&mut engine(), "ann", "bob");
    assert_eq!(read(key.to_bits()).unwrap(), key);
    assert!(read((0, 0)).is_err());
}

#[test]
fn a_snapshot_that_does_not_fit_is_an_error() {
    fn end(replica: &mut Replica<String, Status>) -> Result<(), adsum::ReplicaFull> {
        replica.begin_snapshot();
        replica.end_snapshot()?;
        Ok(())
    }
    assert!(end(&mut Replica::new(4)).is_ok());
}

#[test]
fn options_errors_and_losses_are_as_the_page_says() {
    let options = Options { max_sessions: 4, ..Options::default() };
    assert_eq!(options.max_sessions_per_kind, None);
    let over_limit = options.over_limit;
    match over_limit {
        OverLimit::Refuse => {}
        OverLimit::EvictOldest { .. } => {}
        _ => {}
    }
    let options = Options { max_sessions: 1, over_limit: OverLimit::Refuse, ..options };
    let mut engine = Engine::<String, Status>::new(Config::new(options).unwrap());
    let session = connected(&mut engine, "ann", "bob");
    let mut refused = 0;
    let mut refuse = || refused += 1;
    match engine.connect(Time::from_millis(0), Connect::new("ann".to_owned())) {
        Err(Error::SessionLimit { .. }) => refuse(),
        other => panic!("{:?}", other.err()),
    }
    assert_eq!(refused, 1);
    let cause = LostCause::ConnectionError;
    let event = Event::Lost { session, cause, grace_ms: None };
    assert!(engine.apply(Time::from_millis(1), event).is_ok());
    let ((_, decisions), mut last) = (engine.resume(Time::from_millis(2), session).unwrap(), 0);
    decisions.for_each(|decision| {
        if let Decision::Deliver { notice, .. } = decision {
            assert!(notice.id().get() > last);
            last = notice.id().get();
        }
    });
}
