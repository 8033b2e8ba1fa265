//! The `expect` lines: what the engine says when it is asked.

use crate::always;
use crate::counted::{Id, Presence};
use crate::host::Life;
use crate::names::{Name, moment, show_moment};
use crate::told::{Shown, Told, end_reason};
use crate::words::{Words, split};
use crate::world::World;
use adsum::{Counts, EndReason, Session, SessionKey, Time};
use std::collections::BTreeSet;

/// `hashed` is how often the engine hashed ids in the inputs of the block.
pub(crate) fn check(world: &mut World, line: &str, hashed: u64) -> Result<(), String> {
    let mut words = Words::new(split(line)?);
    let subject = words.word()?;
    match subject.as_str() {
        "beliefs" => always::beliefs_are_true(world)?,
        "pristine" => pristine(world)?,
        "remembered" => remembered(world)?,
        "fresh" => fresh_snapshots(world)?,
        "payloads" => same(words.number()?, Presence::alive())?,
        "ids" => same(words.number()?, Id::alive())?,
        "hashed" if words.take("at") => return at_most(words, hashed as usize),
        "hashed" => same(words.number()?, hashed as usize)?,
        "deadline" => deadline(world, &mut words)?,
        "counts" | "stats" => numbers(world, &subject, &mut words)?,
        "sessions" => sessions(world, &mut words)?,
        "audience" | "blocked" => list(world, &subject, &mut words)?,
        "watched" => watched(world, &mut words)?,
        "watchers" => {
            let user = words.word()?;
            let user = world.id(&user);
            words.colon()?;
            same(words.number()?, world.engine.watchers(&user))?;
        }
        "online" => online_of(world, &mut words)?,
        "members" => members(world, &mut words)?,
        "same" => {
            let (one, other) = (words.word()?, words.word()?);
            let slots = [session(world, &one)?, session(world, &other)?].map(|key| key.slot());
            same(slots[0], slots[1])?;
        }
        _ if subject.contains('.') => of_session(world, &subject, &mut words)?,
        _ => of_user(world, &subject, &mut words)?,
    }
    words.end()
}

fn same<T: PartialEq + std::fmt::Debug>(expected: T, is: T) -> Result<(), String> {
    if expected == is { Ok(()) } else { Err(format!("it is {is:?}")) }
}

/// `hashed at most 7`, of which the first two words have been read.
fn at_most(mut words: Words, is: usize) -> Result<(), String> {
    if !words.take("most") {
        return Err("write `at most`".to_owned());
    }
    if is <= words.number()? { words.end() } else { Err(format!("it is {is}")) }
}

fn session(world: &World, name: &str) -> Result<SessionKey, String> {
    world.key(&Name::parse(name)?)
}

fn of_session(world: &mut World, name: &str, words: &mut Words) -> Result<(), String> {
    let key = session(world, name)?;
    match words.word()?.as_str() {
        "attached" => same(Life::Attached, world.life(key)),
        "detached" => same(Life::Detached, world.life(key)),
        "ended" => same(Life::Ended, world.life(key)),
        "congested" => same(true, world.engine.is_congested(key)),
        "writable" => same(false, world.engine.is_congested(key)),
        "silent" => same(None, world.engine.presence(key).map(Presence::text)),
        verb @ ("sees" | "misses") => {
            for other in words.list()? {
                let other = world.id(&other);
                let sees = world.engine.session_sees(key, &other);
                same(verb == "sees", sees).map_err(|error| format!("{other:?}: {error}"))?;
            }
            Ok(())
        }
        "kind" => same(Some(words.number()?), described(world, key).map(|s| s.kind.0.into())),
        "connected" => at(world, words, described(world, key).map(|s| s.connected)),
        "heard" => at(world, words, described(world, key).map(|s| s.heard)),
        "lost" => {
            let lost = described(world, key).and_then(|session| session.lost);
            let cause = lost.map(|(_, cause)| end_reason(EndReason::Lost(cause))).transpose()?;
            same(Some(format!("lost {}", words.list_until(&["at"])?.join(" ")).as_str()), cause)?;
            at(world, words, lost.map(|(lost_at, _)| lost_at))
        }
        "says" => {
            let text = words.text()?;
            same(Some(text.as_str()), world.engine.presence(key).map(Presence::text))
        }
        other => Err(format!("no session is `{other}`")),
    }
}

fn described(world: &World, key: SessionKey) -> Option<Session<'_, Id, Presence>> {
    world.engine.session(key)
}

/// `at 5s`
fn at(world: &World, words: &mut Words, is: Option<Time>) -> Result<(), String> {
    if !words.take("at") {
        return Err("write `at 5s`".to_owned());
    }
    let is = is.map(|at| show_moment(at.as_millis().saturating_sub(world.mode.origin)));
    same(Some(show_moment(moment(&words.word()?)?)), is)
}

fn of_user(world: &mut World, name: &str, words: &mut Words) -> Result<(), String> {
    let verb = words.word()?;
    let user = world.id(name);
    match verb.as_str() {
        "online" => same(true, world.engine.is_online(&user)),
        "offline" => same(false, world.engine.is_online(&user)),
        "invisible" => same(true, world.engine.is_invisible(&user)),
        "visible" => same(false, world.engine.is_invisible(&user)),
        "sees" | "misses" => {
            for other in words.list()? {
                let other = world.id(&other);
                same(verb == "sees", world.engine.sees(&user, &other))?;
            }
            Ok(())
        }
        other => Err(format!("no user is `{other}`")),
    }
}

fn sessions(world: &mut World, words: &mut Words) -> Result<(), String> {
    let user = words.word()?;
    words.colon()?;
    let expected = words.list()?;
    let id = world.id(&user);
    let keys: Vec<_> = world.engine.sessions(&id).collect();
    let names: Result<Vec<_>, _> = keys.into_iter().map(|key| world.host.name(key)).collect();
    same(expected, names?.iter().map(Name::to_string).collect())
}

/// `members room: A.1 B.1`: the sessions of those who are shown in a topic, in their order.
fn members(world: &mut World, words: &mut Words) -> Result<(), String> {
    let room = words.word()?;
    words.colon()?;
    let expected = words.list()?;
    let id = world.id(&room);
    let topic = world.engine.topic(&id);
    let members = topic.iter().flat_map(|topic| topic.members());
    let names: Result<Vec<_>, _> =
        members.map(|member| world.host.name_of_id(member.session)).collect();
    same(expected, names?.iter().map(Name::to_string).collect())
}

/// `audience A: B C`: in any order.
fn list(world: &mut World, which: &str, words: &mut Words) -> Result<(), String> {
    let user = words.word()?;
    words.colon()?;
    let expected: BTreeSet<_> = words.list()?.into_iter().collect();
    let id = world.id(&user);
    let (engine, host) = (&world.engine, &world.host);
    let names: Result<BTreeSet<_>, _> = match which {
        "audience" => engine.audience(&id).map(|other| host.user(other)).collect(),
        _ => engine.blocked(&id).map(|other| host.user(other)).collect(),
    };
    same(expected, names?)
}

/// `watched A.1: B C`: whom the session watches, in any order.
fn watched(world: &World, words: &mut Words) -> Result<(), String> {
    let key = session(world, &words.word()?)?;
    words.colon()?;
    let expected: BTreeSet<_> = words.list()?.into_iter().collect();
    let watched = world.engine.watched(key);
    same(expected.len(), watched.len())?;
    let names: Result<BTreeSet<_>, _> = watched.map(|user| world.host.user(user)).collect();
    same(expected, names?)
}

/// `online A B C: A C`: those of them who are online, in their order.
fn online_of(world: &mut World, words: &mut Words) -> Result<(), String> {
    let asked: Vec<_> = words.list()?.iter().map(|user| world.id(user)).collect();
    words.colon()?;
    let expected = words.list()?;
    let online: Result<Vec<_>, _> =
        world.engine.online_of(&asked).map(|id| world.host.user(id)).collect();
    same(expected, online?)
}

/// `deadline none` or `deadline by 60s`: it may be earlier, as long as it is not later.
fn deadline(world: &World, words: &mut Words) -> Result<(), String> {
    let deadline = world.engine.deadline();
    let shown = deadline.map(|at| show_moment(at.as_millis().saturating_sub(world.mode.origin)));
    if words.take("none") {
        return same(None, shown);
    }
    if !words.take("by") {
        return Err("a deadline is none, or by some moment".to_owned());
    }
    let latest = world.time(moment(&words.word()?)?);
    if deadline.is_some_and(|at| at <= latest) { Ok(()) } else { Err(format!("it is {shown:?}")) }
}

/// `counts sessions=2 timers=1`
fn numbers(world: &World, which: &str, words: &mut Words) -> Result<(), String> {
    let (counts, stats) = (world.engine.counts(), world.engine.stats());
    for word in words.list()? {
        let (name, value) = word.split_once('=').ok_or("write sessions=2")?;
        let value: u64 = value.parse().map_err(|_| format!("`{value}` is no number"))?;
        let is = match (which, name) {
            ("counts", "users_online") => counts.users_online as u64,
            ("counts", "users_known") => counts.users_known as u64,
            ("counts", "sessions") => counts.sessions as u64,
            ("counts", "detached") => counts.detached as u64,
            ("counts", "congested") => counts.congested as u64,
            ("counts", "presences") => counts.presences as u64,
            ("counts", "conflated") => counts.conflated as u64,
            ("counts", "audience_entries") => counts.audience_entries as u64,
            ("counts", "blocked_pairs") => counts.blocked_pairs as u64,
            ("counts", "watches") => counts.watches as u64,
            ("counts", "topics") => counts.topics as u64,
            ("counts", "memberships") => counts.memberships as u64,
            ("counts", "told") => counts.told as u64,
            ("counts", "missed") => counts.missed as u64,
            ("counts", "expiring") => counts.expiring as u64,
            ("counts", "timers") => counts.timers as u64,
            ("stats", "inputs") => stats.inputs,
            ("stats", "refusals") => stats.refusals,
            ("stats", "notices") => stats.notices,
            ("stats", "deliveries") => stats.deliveries,
            ("stats", "conflated") => stats.conflated,
            ("stats", "skipped") => stats.skipped,
            _ => return Err(format!("there is no number `{name}` in the {which}")),
        };
        same(value, is).map_err(|error| format!("{name}: {error}"))?;
    }
    Ok(())
}

/// Nothing at all is held any more.
fn pristine(world: &World) -> Result<(), String> {
    same(Counts::default(), world.engine.counts())?;
    same(None, world.engine.deadline())?;
    same((0, 0), (Presence::alive(), Id::alive()))
}

/// As much is held as when the scenario said `remember`.
fn remembered(world: &World) -> Result<(), String> {
    let remembered = world.remembered.ok_or("nothing was remembered")?;
    same(remembered.0, world.engine.counts())?;
    same(remembered.1.is_some(), world.engine.deadline().is_some())
}

/// Every attached session resumes, and its snapshot says what it believed anyway.
fn fresh_snapshots(world: &mut World) -> Result<(), String> {
    let held = |seat: &crate::host::Seat| {
        let of = |user| seat.replica.sessions_of(user);
        let published = seat.replica.users().flat_map(of).filter_map(|(id, published, _)| {
            let name = world.host.ids.get(&id)?;
            published.map(|text| (Shown::Session(name.clone()), text.clone()))
        });
        let states = seat.replica.users().filter_map(|user| {
            let (text, since) = seat.replica.user(user)?;
            let since = since.map(|since| since.as_millis() - world.host.origin);
            Some((Shown::User(user.clone(), since), text.clone()))
        });
        let mut published: Vec<_> = published.chain(states).collect();
        published.sort();
        (seat.name.clone(), published)
    };
    let seats = world.host.attached().filter(|seat| !seat.congested);
    let before: Vec<_> = seats.map(held).collect();
    for (name, believed) in before {
        let mut told = Vec::new();
        world.resume(&name, &mut told)?;
        // Its old connection is closed first.
        let Some(Told::Snapshot { presences, .. }) = told.last_mut() else {
            return Err(format!("{name} gets no snapshot"));
        };
        presences.sort();
        if *presences != believed {
            return Err(format!("{name} believed {believed:?}, but a snapshot says {presences:?}"));
        }
    }
    Ok(())
}

/// Returns whether this is the line of a check, not of a decision.
pub(crate) fn is_check(line: &str) -> Option<&str> {
    line.strip_prefix("expect ")
}
