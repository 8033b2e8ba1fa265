//! A channel as a topic: the events of a trace become inputs.
//!
//! Nobody has contacts here. Whoever joins connects and joins the topic, and views all of it, a
//! sample, or how many there are, by its number. Beside the people of the trace, one observer for
//! each view is there from the beginning to the end.
//!
//! | event | input |
//! | --- | --- |
//! | join | connect and join; where there is a session: resume |
//! | part | leave, and disconnect |
//! | quit: clean | disconnect |
//! | quit: error, timeout, netsplit | lost by a connection error, a timeout, the loss of a node |
//! | kick | remove, and disconnect |
//! | quit: killed | expel |
//! | nick | the old name disconnects, and the new one joins |
//!
//! Those who quit one after the other in one minute because of a netsplit do so at one moment.

use crate::channel::Door;
use crate::trace::{Reason, Record, What};
use adsum::{Counts, DeviceKind, Join, LostCause, SessionKey, Time, View};
use adsum_model::{Event, User};
use std::collections::BTreeSet;

/// The topic's name.
pub const TOPIC: User = 0;
const MINUTE_MS: u64 = 60_000;

/// Returns the number of the observer of that view, which nobody in a trace has.
pub const fn observer(nth: usize) -> User {
    User::MAX - nth as User
}

/// What became of the events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub events: u64,
    /// Quits and the like of those who were not there.
    pub strays: u64,
    /// Joins that did not fit into a room with a limit.
    pub left_out: u64,
    pub joins: u64,
    /// Joins of those who were still there.
    pub takeovers: u64,
    /// Connections that were lost.
    pub lost: u64,
    /// Those of them that came back within the grace, so that nobody was told anything.
    pub hidden: u64,
    /// Netsplits that took at least two.
    pub netsplits: u64,
    pub largest_netsplit: u64,
    pub peak_users: usize,
}

pub struct Room<D> {
    pub door: D,
    pub tally: Tally,
    limit: usize,
    views: [View; 3],
    members: BTreeSet<User>,
    /// Those members whose sessions are detached.
    detached: BTreeSet<User>,
    /// The netsplit at hand: when it was, and how many it has taken.
    netsplit: Option<(Time, u64)>,
}

impl<D: Door> Room<D> {
    /// Returns a room with an observer of each view and space for so many others.
    pub fn new(door: D, limit: usize, views: [View; 3]) -> Self {
        let (members, detached) = (BTreeSet::new(), BTreeSet::new());
        Self { door, tally: Tally::default(), limit, views, members, detached, netsplit: None }
    }

    /// Has the observers come.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub fn open(&mut self, now: Time) -> Result<(), String> {
        for (nth, view) in self.views.into_iter().enumerate() {
            self.connect(now, observer(nth), Join::Observer { view })?;
        }
        Ok(())
    }

    /// Replays one event of the trace. Deadlines before it get their due first; at the same moment,
    /// the input is first.
    ///
    /// # Errors
    /// A fault that the door has found, or a member more or less than the engine has.
    pub fn record(&mut self, record: Record) -> Result<(), String> {
        let Record { at, user, what } = record;
        let new = if let What::Nick(new) = what { new } else { user };
        if user.max(new) > observer(self.views.len()) {
            return Err(format!("{} is the number of an observer", user.max(new)));
        }
        let at = self.moment(at, what);
        self.pass_time(at)?;
        self.tally.events += 1;
        match what {
            What::Join => self.enter(at, user)?,
            What::Part => self.leave(at, user, Way::Parted)?,
            What::Kick => self.leave(at, user, Way::Removed)?,
            What::Quit(Reason::Clean) => self.leave(at, user, Way::Clean)?,
            What::Quit(Reason::Killed) => self.leave(at, user, Way::Expelled)?,
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
        self.tally.peak_users = self.tally.peak_users.max(self.members.len());
        self.check_counts()
    }

    /// Returns when an event happens: of a netsplit, when the first of it did.
    fn moment(&mut self, at: Time, what: What) -> Time {
        let minute = |time: Time| time.as_millis() / MINUTE_MS;
        let is_split = what == What::Quit(Reason::Netsplit);
        let same = self.netsplit.filter(|(first, _)| is_split && minute(*first) == minute(at));
        self.netsplit = is_split.then_some(same.unwrap_or((at, 0)));
        self.netsplit.map_or(at, |(first, _)| first)
    }

    fn check_counts(&self) -> Result<(), String> {
        let engine = self.door.engine();
        let users = engine.topic(&TOPIC).map(|topic| topic.counts().users as usize);
        let detached = engine.counts().detached;
        if (users, detached) == (Some(self.members.len()), self.detached.len()) {
            return Ok(());
        }
        let (members, lost) = (self.members.len(), self.detached.len());
        Err(format!("{members} members, {lost} of them detached, and not {users:?}, {detached}"))
    }

    /// Fires every deadline before this moment.
    fn pass_time(&mut self, until: Time) -> Result<(), String> {
        let mut has_passed = false;
        while let Some(at) = self.door.engine().deadline().filter(|at| *at < until) {
            self.door.input(at, Event::Advance)?;
            has_passed = true;
        }
        if has_passed && !self.detached.is_empty() {
            let engine = self.door.engine();
            self.detached.retain(|user| {
                let is_there = engine.is_online(user);
                if !is_there {
                    self.members.remove(user);
                }
                is_there
            });
        }
        Ok(())
    }

    fn session(&self, user: User) -> Option<SessionKey> {
        self.door.engine().sessions(&user).next()
    }

    fn enter(&mut self, now: Time, user: User) -> Result<(), String> {
        if let Some(session) = self.session(user) {
            if self.detached.remove(&user) {
                self.tally.hidden += 1;
            } else {
                self.tally.takeovers += 1;
            }
            return self.door.input(now, Event::Resume { session });
        }
        if self.members.len() >= self.limit {
            self.tally.left_out += 1;
            return Ok(());
        }
        self.tally.joins += 1;
        self.members.insert(user);
        // Most view all, and no two show the same.
        let view = self.views[(user as usize % 4).saturating_sub(1)];
        let presence = Some(self.tally.events as u32);
        self.connect(now, user, Join::Member { presence, view })
    }

    fn connect(&mut self, now: Time, user: User, join: Join<u32>) -> Result<(), String> {
        let (kind, audience, blocked) = (DeviceKind(0), Vec::new(), Vec::new());
        self.door.input(now, Event::Connect { user, kind, audience, blocked })?;
        let session = self.session(user).ok_or_else(|| format!("{user} cannot connect"))?;
        self.door.input(now, Event::Join { session, topic: TOPIC, join })
    }

    fn leave(&mut self, now: Time, user: User, way: Way) -> Result<(), String> {
        let Some(session) = self.session(user) else {
            self.tally.strays += 1;
            return Ok(());
        };
        let is_detached = self.detached.contains(&user);
        let topic = self.door.engine().topic(&TOPIC).map(|topic| topic.key());
        match (way, topic) {
            // Who has no connection cannot say that it leaves.
            (Way::Parted, Some(topic)) if !is_detached => {
                self.door.input(now, Event::Leave { session, topic })?;
            }
            (Way::Removed, _) => self.door.input(now, Event::Remove { topic: TOPIC, user })?,
            _ => {}
        }
        let event = match way {
            Way::Clean | Way::Parted | Way::Removed => Event::Disconnect { session },
            Way::Expelled => Event::Expel { user },
            Way::Lost(cause) => Event::Lost { session, cause, grace_ms: None },
        };
        if let Way::Lost(cause) = way
            && !is_detached
        {
            self.tally.lost += 1;
            if let Some((_, taken)) = &mut self.netsplit
                && cause == LostCause::NodeLoss
            {
                *taken += 1;
                self.tally.netsplits += u64::from(*taken == 2);
                self.tally.largest_netsplit = self.tally.largest_netsplit.max(*taken);
            }
        }
        self.door.input(now, event)?;
        if self.door.engine().is_online(&user) {
            self.detached.insert(user);
        } else {
            self.detached.remove(&user);
            self.members.remove(&user);
        }
        Ok(())
    }

    /// Has all members leave, those whose sessions are detached by the end of their grace, and the
    /// last tick come.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub fn close_members(&mut self) -> Result<(), String> {
        self.pass_time(Time::MAX)?;
        let now = self.door.engine().now();
        for user in self.members.clone() {
            self.leave(now, user, Way::Parted)?;
        }
        self.pass_time(Time::MAX)?;
        self.check_counts()
    }

    /// Has the observers leave: nothing is left of the topic.
    ///
    /// # Errors
    /// As [`record`](Self::record).
    pub fn close(&mut self) -> Result<(), String> {
        let now = self.door.engine().now();
        for nth in 0..self.views.len() {
            self.leave(now, observer(nth), Way::Clean)?;
        }
        let (counts, deadline) = (self.door.engine().counts(), self.door.engine().deadline());
        if (counts, deadline) == (Counts::default(), None) {
            return Ok(());
        }
        Err(format!("everyone has left, and there is still {counts:?}, {deadline:?}"))
    }
}

#[derive(Clone, Copy)]
enum Way {
    Clean,
    Parted,
    Removed,
    Lost(LostCause),
    Expelled,
}
