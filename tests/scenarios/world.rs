//! An engine and its host: gives inputs, takes decisions, and checks after each input what must
//! always hold.

use crate::by_verb::by_verb;
use crate::counted::{Id, Presence, Seeded};
use crate::host::{Host, Life};
use crate::input::{Input, Verb};
use crate::names::{Name, show_moment};
use crate::options::Setting;
use crate::rooms::{RoomInput, RoomKeys, RoomVerb};
use crate::told::Told;
use adsum::{Counts, Decisions, DeviceKind, Engine, Event, SessionKey, Stats, Time};
use std::collections::HashMap;

/// One way to run a scenario. What comes of it must not depend on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mode {
    pub(crate) name: &'static str,
    /// Inputs are given as events, and time advances from deadline to deadline.
    pub(crate) by_events: bool,
    pub(crate) seed: u64,
    /// The moment that the scenario calls zero.
    pub(crate) origin: u64,
}

/// Everything of one run of a scenario.
pub(crate) struct World {
    pub(crate) engine: Engine<Id, Presence, Seeded>,
    pub(crate) host: Host,
    /// Whether contacts are told one state of each user.
    pub(crate) tells_users: bool,
    pub(crate) mode: Mode,
    /// The latest moment the scenario has spoken of.
    pub(crate) latest: u64,
    pub(crate) remembered: Option<(Counts, Option<Time>)>,
    /// Checks that walk over all sessions are done after every input. Not while one line stands
    /// for thousands.
    pub(crate) thorough: bool,
    /// How often the engine has hashed an id to carry inputs out.
    pub(crate) hashed: u64,
    ids: HashMap<String, Vec<u8>>,
    rosters: HashMap<String, Vec<String>>,
    blocklists: HashMap<String, Vec<String>>,
    rooms: RoomKeys,
}

/// A line that stands for more inputs than this is checked once, at its end.
pub(crate) const MANY: usize = 200;

type Bound = Event<Id, Presence>;

/// All that can be asked of an engine as a whole.
type Everything = (Counts, Stats, Option<Time>, Time);

impl World {
    pub(crate) fn new(Setting { config, speaks }: &Setting, mode: Mode) -> Self {
        let (engine, hasher) = (config.clone(), Seeded(mode.seed));
        Self {
            engine: match speaks {
                Some(speaks) => Engine::with_representative(engine, hasher, *speaks),
                None => Engine::with_hasher(engine, hasher),
            },
            host: Host::new(config.options().clone(), mode.origin),
            tells_users: speaks.is_some(),
            mode,
            latest: 0,
            remembered: None,
            thorough: true,
            hashed: 0,
            ids: HashMap::new(),
            rosters: HashMap::new(),
            blocklists: HashMap::new(),
            rooms: RoomKeys::new(),
        }
    }

    pub(crate) fn time(&self, at: u64) -> Time {
        Time::from_millis(self.mode.origin.saturating_add(at))
    }

    /// The id of the user that scenarios call so.
    pub(crate) fn id(&mut self, user: &str) -> Id {
        let bytes = self.ids.get(user).map_or(user.as_bytes(), Vec::as_slice);
        if !self.host.users.contains_key(bytes) {
            self.host.users.insert(bytes.to_vec(), user.to_owned());
        }
        Id::new(bytes)
    }

    fn ids(&mut self, users: &[String]) -> Vec<Id> {
        users.iter().map(|user| self.id(user)).collect()
    }

    /// The key of a session; `forged.1` and so on are keys that were never given out.
    pub(crate) fn key(&self, name: &Name) -> Result<SessionKey, String> {
        if name.user != "forged" {
            let session = self.host.sessions.get(name);
            return session.map(|known| known.key).ok_or_else(|| format!("there is no {name}"));
        }
        let real = self.host.sessions.values().find(|known| known.life != Life::Ended);
        let (index, slot) = real.map_or((1 << 32, 0), |known| known.key.to_bits());
        let forged = match name.number {
            1 => (99 << 32, 0),
            2 => (u64::MAX, u32::MAX),
            3 => (index ^ 1, slot),
            4 => (index ^ 2 << 32, slot),
            5 => (index, slot ^ 1),
            _ => return Err("there are forged.1 to forged.5".to_owned()),
        };
        SessionKey::from_bits(forged).ok_or_else(|| format!("{forged:?} is no key"))
    }

    /// The key that a session had before it was resumed.
    fn old_key(&self, name: &Name) -> Result<SessionKey, String> {
        let known = self.host.sessions.get(name).ok_or_else(|| format!("there is no {name}"))?;
        known.old.last().copied().ok_or_else(|| format!("{name} has no old connection"))
    }

    /// Does what an input line says at `at`, with the checks that fit often, and adds to `told`.
    pub(crate) fn input(
        &mut self,
        at: u64,
        input: &Input,
        take: Option<usize>,
        told: &mut Vec<Told>,
    ) -> Result<(), String> {
        self.latest = self.latest.max(at);
        match input {
            Input::Friends(users, groups) => {
                for group in 0..*groups {
                    let users = users.iter().skip(group).step_by(*groups).cloned();
                    let users: Vec<_> = users.collect();
                    users.iter().for_each(|user| self.befriend(user, &users));
                }
            }
            Input::FriendsWith(user, others) => {
                self.befriend(user, others);
                others.iter().for_each(|other| self.befriend(other, std::slice::from_ref(user)));
            }
            Input::Roster(user, list) => {
                self.rosters.insert(user.clone(), list.clone());
            }
            Input::Blocklist(user, list) => {
                self.blocklists.insert(user.clone(), list.clone());
            }
            Input::Id(user, bytes) => {
                self.ids.insert(user.clone(), bytes.clone());
            }
            Input::Given(names, published) => self.given(at, names, *published)?,
            Input::Remember => {
                self.remembered = Some((self.engine.counts(), self.engine.deadline()));
            }
            Input::ShrinkToFit => self.engine.shrink_to_fit(),
            Input::Advance if self.mode.by_events && take.is_none() => {
                self.advance_by_deadlines(at, &mut |_, more| told.extend(more))?;
            }
            Input::Advance if take.is_none() => {
                let until = self.time(at).max(self.engine.now());
                self.give(at, input, take, told)?;
                while self.engine.deadline().is_some_and(|due| due <= until) {
                    self.give(at, input, take, told)?;
                }
            }
            Input::Wait => return Err("only a line of its own can wait".to_owned()),
            _ => self.give(at, input, take, told)?,
        }
        Ok(())
    }

    /// A session has a connection again, now.
    pub(crate) fn resume(&mut self, name: &Name, told: &mut Vec<Told>) -> Result<(), String> {
        let at = self.engine.now().as_millis() - self.mode.origin;
        self.give(at, &Input::Session(name.clone(), Verb::Resume), None, told)
    }

    fn befriend(&mut self, user: &str, others: &[String]) {
        let roster = self.rosters.entry(user.to_owned()).or_default();
        for other in others.iter().filter(|other| *other != user) {
            if others.len() > 100 || !roster.contains(other) {
                roster.push(other.clone());
            }
        }
    }

    fn given(&mut self, at: u64, names: &[Name], published: bool) -> Result<(), String> {
        self.thorough &= names.len() <= MANY;
        let connect = Verb::Connect { kind: 0, audience: None, blocked: None };
        let mut verbs = vec![connect];
        verbs.extend(published.then(|| Verb::Publish("here".to_owned())));
        for name in names {
            for verb in &verbs {
                let mut told = Vec::new();
                self.give(at, &Input::Session(name.clone(), verb.clone()), None, &mut told)?;
                if let Some(Told::Refused(why)) = told.first() {
                    return Err(format!("{name} was to be given, but is refused: {why}"));
                }
            }
        }
        Ok(())
    }

    /// The host's loop: whenever the engine's deadline comes, up to `at`, time advances.
    pub(crate) fn advance_by_deadlines(
        &mut self,
        at: u64,
        each: &mut dyn FnMut(u64, Vec<Told>),
    ) -> Result<(), String> {
        let until = self.time(at).max(self.engine.now());
        let (mut before, mut calls) = (None, 0);
        while let Some(deadline) = self.engine.deadline().filter(|deadline| *deadline <= until) {
            // While very much is to come, it may stay where it is, but not for ever.
            calls += 1;
            if before.replace(deadline) > Some(deadline) || calls > 1_000_000 {
                return Err(format!("advance left its deadline where it was, at {deadline:?}"));
            }
            let due = deadline.as_millis().saturating_sub(self.mode.origin);
            let mut told = Vec::new();
            self.give(due, &Input::Advance, None, &mut told)?;
            each(due, told);
        }
        let mut late = Vec::new();
        self.give(at, &Input::Advance, None, &mut late)?;
        if late.is_empty() { Ok(()) } else { Err(format!("the deadline came late: {late:?}")) }
    }

    /// Gives the engine one input and carries its decisions out.
    fn give(
        &mut self,
        at: u64,
        input: &Input,
        take: Option<usize>,
        told: &mut Vec<Told>,
    ) -> Result<(), String> {
        let now = self.time(at);
        let before = Presence::alive();
        let event = self.bind(input)?;
        let speaks = Presence::alive() - before;
        self.host.begin(now.max(self.engine.now()), speaker(input), before + speaks);
        let state = self.thorough.then(|| self.state());
        let by_events = self.mode.by_events;
        let hashed = Id::hashed();
        let result = match by_events {
            true => self.engine.apply(now, event),
            false => by_verb(&mut self.engine, now, event),
        };
        let host = &mut self.host;
        let result = result.map(|decisions| {
            host.accepted();
            carry_out(host, input, decisions, take, told)
        });
        self.hashed += Id::hashed() - hashed;
        match result {
            Ok(carried_out) => carried_out?,
            Err(error) => {
                told.push(Told::refused(error, self.mode.origin));
                return self.nothing_changed(state, before);
            }
        }
        self.learn(input)?;
        match take {
            None if self.thorough => self.host.settle(),
            None => Ok(()),
            Some(_) => self.resynchronise(),
        }
    }

    /// Makes the engine's event of an input.
    fn bind(&mut self, input: &Input) -> Result<Bound, String> {
        Ok(match input {
            Input::Session(name, Verb::Connect { kind, audience, blocked }) => {
                return self.bind_connect(name, *kind, audience, blocked);
            }
            Input::Session(name, verb) => return self.bind_verb(self.key(name)?, verb),
            Input::Old(name, verb) => return self.bind_verb(self.old_key(name)?, verb),
            Input::Adds(user, list) => {
                Event::AudienceAdd { user: self.id(user), contacts: self.ids(list) }
            }
            Input::Removes(user, list) => {
                Event::AudienceRemove { user: self.id(user), contacts: self.ids(list) }
            }
            Input::Replaces(user, list) => {
                Event::AudienceReplace { user: self.id(user), contacts: self.ids(list) }
            }
            Input::Blocks(user, other) => {
                Event::Block { user: self.id(user), other: self.id(other) }
            }
            Input::Unblocks(user, other) => {
                Event::Unblock { user: self.id(user), other: self.id(other) }
            }
            Input::System(list, text) => {
                Event::System { users: self.ids(list), presence: Presence::new(text) }
            }
            Input::Expel(user) => Event::Expel { user: self.id(user) },
            Input::Room(RoomInput::Close(room)) => Event::Close { topic: self.id(room) },
            Input::Room(RoomInput::Remove(room, user)) => {
                Event::Remove { topic: self.id(room), user: self.id(user) }
            }
            Input::Room(RoomInput::Options(room, options)) => {
                Event::TopicOptions { topic: self.id(room), options: *options }
            }
            Input::Advance => Event::Advance,
            other => return Err(format!("{other:?} is no input of the engine")),
        })
    }

    fn bind_connect(
        &mut self,
        name: &Name,
        kind: u8,
        audience: &Option<Vec<String>>,
        blocked: &Option<Vec<String>>,
    ) -> Result<Bound, String> {
        if self.host.sessions.contains_key(name) {
            return Err(format!("{name} connects twice: give the new session a new name"));
        }
        let audience = audience.clone().or_else(|| self.rosters.get(&name.user).cloned());
        let blocked = blocked.clone().or_else(|| self.blocklists.get(&name.user).cloned());
        Ok(Event::Connect {
            user: self.id(&name.user),
            kind: DeviceKind(kind),
            audience: self.ids(&audience.unwrap_or_default()),
            blocked: self.ids(&blocked.unwrap_or_default()),
        })
    }

    fn bind_verb(&mut self, session: SessionKey, verb: &Verb) -> Result<Bound, String> {
        Ok(match verb {
            Verb::Connect { .. } => return Err("who connects has no key yet".to_owned()),
            Verb::Disconnect => Event::Disconnect { session },
            Verb::Lost(cause, grace_ms) => {
                Event::Lost { session, cause: *cause, grace_ms: *grace_ms }
            }
            Verb::Resume => Event::Resume { session },
            Verb::Heartbeat => Event::Heartbeat { session },
            Verb::Active => Event::Active { session },
            Verb::Publish(text) => Event::Publish { session, presence: Presence::new(text) },
            Verb::PublishUntil(text, until, then) => Event::PublishUntil {
                session,
                presence: Presence::new(text),
                until: self.time(*until),
                then: then.as_deref().map(Presence::new),
            },
            Verb::Withdraw => Event::Withdraw { session },
            Verb::DirectFor(users, for_ms, text) => {
                let (users, presence) = (self.ids(users), Presence::new(text));
                Event::DirectFor { session, users, presence, for_ms: *for_ms }
            }
            Verb::Direct(users, text) => {
                Event::Direct { session, users: self.ids(users), presence: Presence::new(text) }
            }
            Verb::Watch(users) => Event::Watch { session, users: self.ids(users) },
            Verb::Unwatch(users) => Event::Unwatch { session, users: self.ids(users) },
            Verb::Invisible => Event::Invisible { session },
            Verb::Visible => Event::Visible { session },
            Verb::Congested => Event::Congested { session },
            Verb::Writable => Event::Writable { session },
            Verb::Room(verb) => {
                let room = self.id(&verb.name());
                if let Some(topic) = self.engine.topic(&room) {
                    self.rooms.insert(verb.name(), topic.key());
                }
                let key = self.rooms.get(&verb.name()).copied();
                return verb.bind(session, room, key, |user| self.id(user));
            }
        })
    }

    /// What the host writes down of an accepted input in its own lists.
    fn learn(&mut self, input: &Input) -> Result<(), String> {
        let remove = |list: &mut Vec<String>, gone: &[String]| list.retain(|u| !gone.contains(u));
        match input {
            Input::Session(name, Verb::Connect { audience, blocked, .. }) => {
                let lists = [(&mut self.rosters, audience), (&mut self.blocklists, blocked)];
                for (lists, given) in lists {
                    if let Some(given) = given {
                        lists.insert(name.user.clone(), given.clone());
                    }
                }
                self.learn_id(name)?;
            }
            Input::Session(name, Verb::Resume) => self.learn_id(name)?,
            Input::Session(name, Verb::Unwatch(list)) => self.forget(name, list)?,
            Input::Adds(user, list) => {
                self.rosters.entry(user.clone()).or_default().extend(list.iter().cloned());
            }
            Input::Removes(user, list) => {
                remove(self.rosters.entry(user.clone()).or_default(), list);
            }
            Input::Replaces(user, list) => {
                self.rosters.insert(user.clone(), list.clone());
            }
            Input::Blocks(user, other) => {
                self.blocklists.entry(user.clone()).or_default().push(other.clone());
            }
            Input::Unblocks(user, other) => {
                let blocked = self.blocklists.entry(user.clone()).or_default();
                remove(blocked, std::slice::from_ref(other));
            }
            _ => {}
        }
        Ok(())
    }

    /// A session that watches these no longer forgets those whose contact its user is not.
    fn forget(&mut self, name: &Name, list: &[String]) -> Result<(), String> {
        let (key, viewer) = (self.key(name)?, self.id(&name.user));
        for user in list {
            let id = self.id(user);
            let is_seen = *user == name.user
                || self.engine.audience(&id).any(|contact| *contact == viewer)
                || self.engine.watched(key).any(|watched| *watched == id);
            if let Some(seat) = self.host.seats.get_mut(key).filter(|_| !is_seen) {
                seat.replica.forget(user);
            }
        }
        Ok(())
    }

    /// A session has an id from the beginning, and keeps it when it is resumed.
    fn learn_id(&mut self, name: &Name) -> Result<(), String> {
        let key = self.key(name)?;
        let id = self.engine.id_of(key).ok_or_else(|| format!("{name} has no id"))?;
        let before = self.host.sessions.get(name).and_then(|known| known.id);
        if before.is_some_and(|before| before != id) {
            return Err(format!("{name} was {before:?} and is {id:?}"));
        }
        self.host.learn_id(name, id)
    }

    fn state(&self) -> Everything {
        let engine = &self.engine;
        (engine.counts(), engine.stats(), engine.deadline(), engine.now())
    }

    /// A refused input leaves everything as it was, but for the count of refusals.
    fn nothing_changed(&self, before: Option<Everything>, presences: usize) -> Result<(), String> {
        if let Some(mut expected) = before {
            expected.1.refusals += 1;
            if self.state() != expected {
                return Err(format!("a refusal left {:?}, not {expected:?}", self.state()));
            }
        }
        if Presence::alive() != presences {
            return Err("a refused presence is kept".to_owned());
        }
        Ok(())
    }

    /// Brings up to date, after a drain that was dropped, which sessions the engine still has.
    fn resynchronise(&mut self) -> Result<(), String> {
        self.host.expect_nothing_more();
        let sessions = self.host.sessions.iter().map(|(name, known)| (name.clone(), known.key));
        for (name, key) in sessions.collect::<Vec<_>>() {
            let is = self.life(key);
            if is != Life::Attached {
                self.host.unseat(&name, is, None)?;
            }
            if let Some(known) = self.host.sessions.get_mut(&name) {
                known.life = is;
            }
        }
        Ok(())
    }

    /// How a session is, if the engine is asked.
    pub(crate) fn life(&self, key: SessionKey) -> Life {
        match (self.engine.user_of(key), self.engine.is_attached(key)) {
            (None, _) => Life::Ended,
            (Some(_), true) => Life::Attached,
            (Some(_), false) => Life::Detached,
        }
    }
}

/// Takes the decisions about an input, all or only so many.
fn carry_out(
    host: &mut Host,
    input: &Input,
    mut decisions: Decisions<'_, Id, Presence, Seeded>,
    take: Option<usize>,
    told: &mut Vec<Told>,
) -> Result<(), String> {
    note(host, input, decisions.session())?;
    match (decisions.waits_until(), input) {
        (None, _) => {}
        (
            Some(until),
            Input::Session(
                _,
                Verb::Publish(_) | Verb::PublishUntil(..) | Verb::Room(RoomVerb::Update(..)),
            ),
        ) if until > host.now => {
            told.push(Told::Waits { until: show_moment(until.as_millis() - host.origin) });
        }
        (Some(until), _) => return Err(format!("{input:?} is to wait until {until:?}")),
    }
    let mut left = take.unwrap_or(usize::MAX);
    while left > 0 {
        let Some(decision) = decisions.next() else { break };
        host.carry_out(&decision, told)?;
        left -= 1;
    }
    if left > 0 && decisions.next().is_some() {
        return Err("a decision comes after the last one".to_owned());
    }
    Ok(())
}

/// What the host notes at once of an accepted input.
fn note(host: &mut Host, input: &Input, session: Option<SessionKey>) -> Result<(), String> {
    let Input::Session(name, verb) = input else {
        return match (input, session) {
            (Input::Old(name, _), _) => Err(format!("the old key of {name} is good for something")),
            (_, Some(session)) => Err(format!("this is not about {session:?}")),
            (_, None) => Ok(()),
        };
    };
    let key = session.ok_or("the decisions do not say which session they are about")?;
    match verb {
        Verb::Connect { .. } => {
            return host.seat(name.clone(), key, host.options.snapshot_on_connect);
        }
        Verb::Resume => return host.seat(name.clone(), key, true),
        Verb::Disconnect => host.unseat(name, Life::Ending, Some(host.now))?,
        Verb::Lost(cause, grace_ms) => {
            let grace_ms = grace_ms.unwrap_or_else(|| host.options.grace.after(*cause));
            let life = if grace_ms > 0 { Life::Detached } else { Life::Ending };
            host.unseat(name, life, Some(host.now))?;
        }
        Verb::Congested | Verb::Writable => {
            let seat = host.seats.get_mut(key).ok_or("a detached session speaks")?;
            seat.congested = *verb == Verb::Congested;
            host.writable = (*verb == Verb::Writable).then(|| name.clone());
        }
        Verb::Watch(_) => {
            let seat = host.seats.get_mut(key).ok_or("a detached session speaks")?;
            host.watching = (!seat.congested).then(|| name.clone());
        }
        _ => {}
    }
    if host.name(key)? != *name {
        return Err(format!("the decisions are about {key:?}, not about {name}"));
    }
    Ok(())
}

/// Who says something in this input.
fn speaker(input: &Input) -> Option<Name> {
    match input {
        Input::Session(name, verb) => {
            let speaks = match verb {
                Verb::Publish(_)
                | Verb::PublishUntil(..)
                | Verb::Direct(..)
                | Verb::DirectFor(..) => true,
                Verb::Room(verb) => verb.speaks(),
                _ => false,
            };
            speaks.then(|| name.clone())
        }
        _ => None,
    }
}
