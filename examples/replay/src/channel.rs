//! A channel as a host of the engine would keep it: the events of a trace become inputs.
//!
//! In a channel everyone sees everyone. The engine knows audiences, one a user, and the host keeps
//! them mutual: before somebody connects, all who are there get the newcomer into their audience,
//! and the newcomer's audience are all who are there. So the newcomer learns of them by one
//! snapshot, and not by a notice for each, and they learn of the newcomer as it publishes.
//!
//! Somebody who leaves stays in the audiences of the others: to take them out of `n` lists costs
//! `n` inputs and tells nobody anything, and they are likely to be back (then nothing needs to be
//! added either). So that lists do not grow for ever, one that has had as many additions as there
//! are members is replaced by those who are there now. A list thus holds at most twice the most
//! members there were, plus `FEW`, and a join costs one connect, one publish and at most `n`
//! additions to lists, each a search in a list of about `n`: tens of microseconds for the few
//! hundred that a busy channel has. `max_audience` is as it is by default. A channel so large that
//! its lists do not fit would have its connects refused, which a replay reports.
//!
//! | event | input |
//! | --- | --- |
//! | join | connect and publish; where there is a session: resume |
//! | part, quit: clean | disconnect |
//! | quit: error, timeout, netsplit | lost by a connection error, a timeout, the loss of a node |
//! | kick, quit: killed | expel |
//! | nick | the old name disconnects, and the new one joins |
//!
//! A session counts as there while it is detached, and where the trace has lost its quit. Somebody
//! who leaves and has not been seen to join was there before the trace began, and is not counted
//! among the members.

use crate::trace::{Reason, Record, What};
use adsum::{Config, ConfigError, DeviceKind, Engine, Grace, LostCause, Options, SessionKey, Time};
use adsum_model::{Event, User};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A list with fewer additions than this is never worth replacing.
const FEW: u64 = 16;

/// What takes inputs, and finds a fault in what comes of them if there is one.
pub trait Door {
    fn engine(&self) -> &Engine<User, u32>;

    /// Takes one input.
    ///
    /// # Errors
    /// What is wrong with what came of it.
    fn input(&mut self, now: Time, event: Event) -> Result<(), String>;
}

/// Returns the options of a replay: the same grace whatever the cause. A trace has no heartbeats,
/// so there is no lease.
///
/// # Errors
/// A grace that no engine allows.
pub fn config(grace_ms: u64) -> Result<Config, ConfigError> {
    let grace = Grace {
        connection_error_ms: grace_ms,
        timeout_ms: grace_ms,
        node_loss_ms: grace_ms,
        going_away_ms: grace_ms,
    };
    Config::new(Options { grace, lease: None, ..Options::default() })
}

/// What became of the events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub events: u64,
    /// Quits and the like of those who were not there.
    pub strays: u64,
    /// Joins that did not fit into a channel with a limit.
    pub left_out: u64,
    /// Connections that were lost.
    pub lost: u64,
    /// Those of them that came back within the grace, so that nobody was told anything.
    pub hidden: u64,
    /// Joins of those who were still there.
    pub takeovers: u64,
    pub peak_users: usize,
    pub peak_entries: usize,
}

/// What the host remembers of somebody who is there.
struct Member {
    /// The step at which the list was given or replaced.
    since: u64,
    /// How many were added since.
    added: u64,
}

pub struct Channel<D> {
    pub door: D,
    pub tally: Tally,
    limit: usize,
    members: BTreeMap<User, Member>,
    /// Those members whose sessions are detached.
    detached: BTreeSet<User>,
    /// The step at which somebody left last.
    left: HashMap<User, u64>,
    step: u64,
}

impl<D: Door> Channel<D> {
    /// Returns an empty channel with room for so many.
    pub fn new(door: D, limit: usize) -> Self {
        Self {
            door,
            tally: Tally::default(),
            limit,
            members: BTreeMap::new(),
            detached: BTreeSet::new(),
            left: HashMap::new(),
            step: 0,
        }
    }

    /// Replays one event of the trace. Deadlines before it get their due first; at the same moment,
    /// the input is first.
    ///
    /// # Errors
    /// A fault that the door has found, or a member more or less than the engine has.
    pub fn record(&mut self, record: Record) -> Result<(), String> {
        let Record { at, user, what } = record;
        self.pass_time(at)?;
        self.tally.events += 1;
        match what {
            What::Join => self.enter(at, user)?,
            What::Part | What::Quit(Reason::Clean) => self.leave(at, user, Way::Clean)?,
            What::Kick | What::Quit(Reason::Killed) => self.leave(at, user, Way::Expelled)?,
            What::Quit(Reason::Error) => {
                self.leave(at, user, Way::Lost(LostCause::ConnectionError))?;
            }
            What::Quit(Reason::Timeout) => self.leave(at, user, Way::Lost(LostCause::Timeout))?,
            What::Quit(Reason::Netsplit) => self.leave(at, user, Way::Lost(LostCause::NodeLoss))?,
            What::Nick(new) if new == user => {}
            What::Nick(new) => {
                self.leave(at, user, Way::Clean)?;
                self.enter(at, new)?;
            }
        }
        let counts = self.door.engine().counts();
        if (counts.users_online, counts.detached) != (self.members.len(), self.detached.len()) {
            let (members, detached) = (self.members.len(), self.detached.len());
            return Err(format!("{members} members, {detached} of them detached: {counts:?}"));
        }
        self.tally.peak_users = self.tally.peak_users.max(counts.users_online);
        self.tally.peak_entries = self.tally.peak_entries.max(counts.audience_entries);
        Ok(())
    }

    /// Fires every deadline before this moment.
    fn pass_time(&mut self, until: Time) -> Result<(), String> {
        let mut has_passed = false;
        while let Some(at) = self.door.engine().deadline().filter(|at| *at < until) {
            self.door.input(at, Event::Advance)?;
            has_passed = true;
        }
        if has_passed {
            let engine = self.door.engine();
            let over: Vec<User> =
                self.detached.iter().copied().filter(|user| !engine.is_online(user)).collect();
            over.into_iter().for_each(|user| self.forget(user));
        }
        Ok(())
    }

    fn session(&self, user: User) -> Option<SessionKey> {
        self.door.engine().sessions(&user).next()
    }

    fn enter(&mut self, now: Time, user: User) -> Result<(), String> {
        let Some(session) = self.session(user) else {
            return self.admit(now, user);
        };
        if self.detached.remove(&user) {
            self.tally.hidden += 1;
        } else {
            self.tally.takeovers += 1;
        }
        self.door.input(now, Event::Resume { session })
    }

    fn admit(&mut self, now: Time, user: User) -> Result<(), String> {
        if self.members.len() >= self.limit {
            self.tally.left_out += 1;
            return Ok(());
        }
        self.step += 1;
        let left = self.left.get(&user).copied().unwrap_or_default();
        let audience: Vec<User> = self.members.keys().copied().collect();
        for (other, member) in &mut self.members {
            // Who was there since the list was made is in it.
            if left > member.since {
                continue;
            }
            member.added += 1;
            let event = if member.added > FEW.max(audience.len() as u64) {
                *member = Member { since: self.step, added: 0 };
                let contacts = audience.iter().copied().chain([user]).collect();
                Event::AudienceReplace { user: *other, contacts }
            } else {
                Event::AudienceAdd { user: *other, contacts: vec![user] }
            };
            self.door.input(now, event)?;
        }
        self.members.insert(user, Member { since: self.step, added: 0 });
        let (kind, blocked) = (DeviceKind(0), Vec::new());
        self.door.input(now, Event::Connect { user, kind, audience, blocked })?;
        let session = self.session(user).ok_or_else(|| format!("{user} cannot connect"))?;
        // No two say the same.
        let presence = self.tally.events as u32;
        self.door.input(now, Event::Publish { session, presence })
    }

    fn leave(&mut self, now: Time, user: User, way: Way) -> Result<(), String> {
        let Some(session) = self.session(user) else {
            self.tally.strays += 1;
            return Ok(());
        };
        let event = match way {
            Way::Clean => Event::Disconnect { session },
            Way::Lost(cause) => Event::Lost { session, cause, grace_ms: None },
            Way::Expelled => Event::Expel { user },
        };
        self.tally.lost += u64::from(matches!(way, Way::Lost(_)) && !self.detached.contains(&user));
        self.door.input(now, event)?;
        if self.door.engine().is_online(&user) {
            self.detached.insert(user);
        } else {
            self.forget(user);
        }
        Ok(())
    }

    fn forget(&mut self, user: User) {
        self.step += 1;
        self.members.remove(&user);
        self.detached.remove(&user);
        self.left.insert(user, self.step);
    }

    /// Has everyone leave, those whose sessions are detached by the end of their grace.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub fn close(&mut self) -> Result<(), String> {
        self.pass_time(Time::MAX)?;
        let now = self.door.engine().now();
        let members: Vec<User> = self.members.keys().copied().collect();
        for user in members {
            self.leave(now, user, Way::Clean)?;
        }
        let counts = self.door.engine().counts();
        if counts == adsum::Counts::default() {
            Ok(())
        } else {
            Err(format!("everyone has left, and there is still {counts:?}"))
        }
    }
}

#[derive(Clone, Copy)]
enum Way {
    Clean,
    Lost(LostCause),
    Expelled,
}
