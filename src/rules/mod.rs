#![doc = include_str!("../../docs/RULES.md")]
// What happens: the state changes of each verb, one file for each subject. docs/ARCHITECTURE.md
// says which file has which rules.
//
// Each verb changes the tables and leaves steps in the plan. Nothing is told before the change is
// complete: the drain turns the steps into decisions afterwards.

mod audience;
mod blocks;
mod congestion;
mod deadlines;
mod direct;
mod expiry;
mod farewell;
mod lifecycle;
mod limits;
mod publish;
mod verify;
mod visibility;

use crate::config::Options;
use crate::error::Error;
use crate::fanout::Plan;
use crate::fanout::deliveries::Delivery;
use crate::fanout::plan::{SnapshotOf, Step};
use crate::fanout::snapshots::Part;
use crate::key::{SessionId, SessionKey};
use crate::stats::{Counts, Stats};
use crate::tables::Tables;
use crate::tables::expiries::Expiries;
use crate::tables::ids::{Attachment, SessionIndex, User};
use crate::tables::missed::Change;
use crate::tables::roster::TooManyUsers;
use crate::tables::sessions::Heard;
use crate::tables::timers::Timers;
use crate::time::Time;
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};

/// Everything an engine holds.
pub(crate) struct State<K, P, S> {
    options: Options,
    tables: Tables<K, P, S>,
    plan: Plan<P>,
    stats: Stats,
    /// The moment of the last input that was accepted.
    now: Time,
    /// The moment of the input at hand, which may yet be refused.
    moment: Time,
    /// Counts what sets deadlines, to tell which of two equal ones comes first.
    order: u64,
    /// Leases of attached sessions, graces of detached ones.
    lifetimes: Timers,
    /// When a publish that waits for a token goes out.
    tokens: Timers,
    /// What ends by itself.
    expiries: Expiries<P>,
    /// An input has been begun, and what it leaves behind has not been settled.
    unsettled: bool,
    /// For lists of users while they are being made of ids.
    scratch: [Vec<User>; 2],
    /// For what a list that is replaced loses and gains.
    lost_and_gained: [Vec<User>; 2],
    /// For whom directed presence reaches.
    reached: Vec<Attachment>,
    /// For those who are not told that something is over (rule 7, `Never`).
    unaware: Vec<Attachment>,
    /// For what a congested session missed of one user.
    changes: Vec<(SessionId, Change)>,
    /// The moment of the first input: numbers of notices count from there.
    first: Option<Time>,
}

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    pub(crate) fn new(options: Options, hasher: S) -> Self {
        Self {
            options,
            tables: Tables::new(hasher),
            plan: Plan::default(),
            stats: Stats::default(),
            now: Time::ZERO,
            moment: Time::ZERO,
            order: 0,
            lifetimes: Timers::new(),
            tokens: Timers::new(),
            expiries: Expiries::new(),
            unsettled: false,
            scratch: [Vec::new(), Vec::new()],
            lost_and_gained: [Vec::new(), Vec::new()],
            reached: Vec::new(),
            unaware: Vec::new(),
            changes: Vec::new(),
            first: None,
        }
    }

    // ---- what can be asked

    pub(crate) const fn now(&self) -> Time {
        self.now
    }

    pub(crate) const fn stats(&self) -> Stats {
        self.stats
    }

    pub(crate) const fn tables(&self) -> &Tables<K, P, S> {
        &self.tables
    }

    pub(crate) const fn plan(&self) -> &Plan<P> {
        &self.plan
    }

    pub(crate) fn counts(&self) -> Counts {
        let timers = self.lifetimes.armed() + self.tokens.armed() + self.expiries.armed();
        let counts = self.tables.counts();
        let presences = counts.presences + self.expiries.thens();
        Counts { timers, presences, expiring: self.expiries.len(), ..counts }
    }

    // ---- an input from its beginning to its end

    /// Begins an input, which may yet be refused.
    #[inline]
    pub(crate) fn begin(&mut self, now: Time) {
        // Not settled only if a drain was leaked instead of dropped, or the host's code panicked.
        self.settle();
        self.unsettled = true;
        self.moment = self.now.max(now);
        self.set_moment(self.moment);
    }

    /// Sets the moment at which what is told from now on happens.
    fn set_moment(&mut self, at: Time) {
        self.plan.set_moment(at.since(self.first.unwrap_or(at)));
    }

    /// Accepts the input: only now has it happened, and not if it was refused or if the host's
    /// code panicked.
    pub(crate) const fn accept(&mut self) {
        if self.first.is_none() {
            self.first = Some(self.moment);
        }
        self.now = self.moment;
        self.stats.inputs += 1;
    }

    /// Counts a refusal. Nothing has changed.
    pub(crate) const fn refuse(&mut self) {
        self.stats.refusals += 1;
    }

    /// Takes a heartbeat, by far the most frequent input: there is nothing to settle after it.
    #[inline]
    pub(crate) fn heartbeat(&mut self, now: Time, key: SessionKey) -> Result<(), Error> {
        self.settle();
        self.moment = self.now.max(now);
        let heard = self.hear(key);
        match heard {
            Ok(_) => self.accept(),
            Err(_) => self.refuse(),
        }
        heard.map(|_| ())
    }

    /// Runs such code of the host's as may panic, now that everything is in order: the last thing
    /// about an input.
    pub(crate) fn clean_up(&mut self) {
        self.tables.forget_fresh();
        self.plan.drop_presences();
    }

    /// Completes what a drain left undone: notices that nobody took are lost, state is not.
    #[inline]
    pub(crate) fn settle(&mut self) {
        if self.unsettled {
            self.settle_now();
        }
    }

    fn settle_now(&mut self) {
        while let Some(step) = self.plan.step().copied() {
            // Afterwards: with the last step goes all that steps refer to.
            self.finish(step);
            self.plan.complete_step();
        }
        self.tables.settle_notes();
        self.plan.clear();
        self.unsettled = false;
        self.clean_up();
    }

    // ---- the steps

    /// Returns the current step.
    pub(crate) fn step(&self) -> Option<&Step> {
        self.plan.step()
    }

    /// Completes the current step.
    pub(crate) fn complete_step(&mut self) {
        self.plan.complete_step();
    }

    /// Does a step that gives no decision.
    pub(crate) fn do_step(&mut self, step: Step) {
        self.finish(step);
        self.plan.complete_step();
        self.clean_up();
    }

    pub(crate) fn next_delivery(&mut self) -> Option<Delivery> {
        self.plan.next_delivery(&mut self.tables, &mut self.stats)
    }

    pub(crate) fn next_part(&mut self, snapshot: SnapshotOf) -> Part {
        let own_echo = self.options.own_echo;
        self.plan.next_part(snapshot, &self.tables, &mut self.stats, own_echo)
    }

    /// Does what a step changes, whether or not its decisions are taken.
    fn finish(&mut self, step: Step) {
        match step {
            Step::Evict { victim, newcomer } => self.evict(victim, newcomer),
            Step::Forget { user } => self.tables.go_offline(user),
            Step::Release { user } => self.tables.release(user),
            Step::FanOut(fan_out) => self.plan.pass_over(fan_out, &mut self.tables),
            Step::Snapshot(_) | Step::Close { .. } | Step::Online { .. } | Step::Ended(_) => {}
        }
    }

    // ---- what the rules share

    fn next_order(&mut self) -> u64 {
        self.order += 1;
        self.order
    }

    fn session(&self, key: SessionKey) -> Result<SessionIndex, Error> {
        self.tables.sessions().find(key).ok_or(Error::UnknownSession)
    }

    /// Returns the session of this key, which must be attached.
    fn attached(&self, key: SessionKey) -> Result<SessionIndex, Error> {
        match self.tables.find_session(key) {
            Some((session, link)) if link.is_up() => Ok(session),
            Some(_) => Err(Error::Detached),
            None => Err(Error::UnknownSession),
        }
    }

    /// Returns the session of this key, which must be attached and of which this is an input: its
    /// lease starts anew (rule 11).
    #[inline]
    fn hear(&mut self, key: SessionKey) -> Result<SessionIndex, Error> {
        let now = (self.moment, self.order + 1);
        match self.tables.sessions_mut().hear_key(key, now) {
            Heard::Session(session) => {
                self.order += 1;
                Ok(session)
            }
            Heard::Detached => Err(Error::Detached),
            Heard::Unknown => Err(Error::UnknownSession),
        }
    }

    /// Restarts the lease of a session of which there is an input (rule 11).
    fn touch(&mut self, session: SessionIndex) {
        let now = (self.moment, self.next_order());
        self.tables.sessions_mut().hear(session, now);
    }

    // ---- deadlines

    /// Begins to fire what has come.
    pub(crate) fn look_at_deadlines(&mut self) -> Time {
        self.lifetimes.look_again();
        self.tokens.look_again();
        self.expiries.look_again();
        self.moment
    }
}

impl From<TooManyUsers> for Error {
    fn from(_: TooManyUsers) -> Self {
        Self::Full
    }
}
