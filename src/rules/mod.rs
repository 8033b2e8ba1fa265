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
mod leases;
mod lifecycle;
mod limits;
mod nodes;
mod publish;
mod remote;
mod remote_topics;
mod representative;
mod topic_blocks;
mod topic_news;
mod topic_ticks;
mod topic_words;
mod topics;
mod verify;
mod visibility;
mod watch;

use crate::candidate::Represent;
use crate::config::Options;
use crate::error::Error;
use crate::fanout::Plan;
use crate::fanout::deliveries::Delivery;
use crate::fanout::plan::{SnapshotOf, Step};
use crate::fanout::snapshots::Part;
use crate::fanout::tick_news::TickNews;
use crate::fanout::topic_steps::{ChangesOf, TopicFanOut, TopicPart, TopicSnapshotOf};
use crate::key::{SessionId, SessionKey};
use crate::stats::{Counts, Stats};
use crate::tables::Tables;
use crate::tables::expiries::Expiries;
use crate::tables::ids::{Attachment, Place, SessionIndex, TickIndex, User};
use crate::tables::missed::Change;
use crate::tables::remotes::RemoteUpdate;
use crate::tables::roster::TooManyUsers;
use crate::tables::timers::Timers;
use crate::time::Time;
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};

/// Everything an engine keeps.
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
    /// So long after a session was heard of its lease lies near, where there are leases.
    late_ms: u64,
    /// So long after a sign of a person its session is idle soon, where that is told.
    sign_late_ms: u64,
    /// When a publish that waits for a token goes out.
    tokens: Timers,
    /// Who goes offline when all have been told of the end of its last session.
    leaving: Option<User>,
    /// When a session of the user at a place is idle next.
    idle: Timers<Place>,
    /// What ends by itself.
    expiries: Expiries<P>,
    /// When topics tell what has changed.
    ticks: Timers<TickIndex>,
    /// An input has been begun, and its drain has not been finished.
    is_draining: bool,
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
    /// For what a tick of a topic has to tell.
    tick_news: TickNews,
    /// When what is worked on happens: the input's moment, or that of a deadline.
    happening: Time,
    /// Chooses which of a user's sessions speaks for it.
    represent: Option<Represent<P>>,
    /// It is choosing, or has panicked when it was and is not asked again about this input, or this
    /// deadline.
    is_choosing: bool,
    /// The moment of the first input: numbers of notices count from there. The greatest, before
    /// there was any.
    first: Time,
    /// What is yet to be done about what another node says.
    remote_update: Option<RemoteUpdate<K, P>>,
    /// Whether a session shows something by the rest of it.
    shows_next: bool,
    /// Contacts are told one state of each user, or this engine is one of several: what a publish
    /// does besides its notice, and what is due besides, is looked at only then.
    is_clustered_or_represented: bool,
}

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    pub(crate) fn new(options: Options, hasher: S) -> Self {
        let late = |after: Option<u64>| {
            after.map_or(u64::MAX, |ms| ms.saturating_sub(Timers::<SessionIndex>::NEAR_MS))
        };
        Self {
            late_ms: late(options.lease.map(|lease| lease.lease_ms)),
            sign_late_ms: late(options.idle_after_ms),
            options,
            tables: Tables::new(hasher),
            plan: Plan::default(),
            stats: Stats::default(),
            now: Time::ZERO,
            moment: Time::ZERO,
            order: 0,
            lifetimes: Timers::new(),
            tokens: Timers::new(),
            leaving: None,
            idle: Timers::new(),
            expiries: Expiries::new(),
            ticks: Timers::new(),
            is_draining: false,
            scratch: [Vec::new(), Vec::new()],
            lost_and_gained: [Vec::new(), Vec::new()],
            reached: Vec::new(),
            unaware: Vec::new(),
            changes: Vec::new(),
            tick_news: TickNews::default(),
            happening: Time::ZERO,
            represent: None,
            is_choosing: false,
            first: Time::MAX,
            remote_update: None,
            shows_next: false,
            is_clustered_or_represented: false,
        }
    }

    // ---- what can be asked

    pub(crate) const fn now(&self) -> Time {
        self.now
    }

    pub(crate) const fn stats(&self) -> Stats {
        self.stats
    }

    pub(crate) const fn expiries(&self) -> &Expiries<P> {
        &self.expiries
    }

    pub(crate) const fn tables(&self) -> &Tables<K, P, S> {
        &self.tables
    }

    pub(crate) const fn plan(&self) -> &Plan<P> {
        &self.plan
    }

    pub(crate) fn counts(&self) -> Counts {
        let timers = self.lifetimes.armed()
            + self.tokens.armed()
            + self.idle.armed()
            + self.expiries.armed()
            + self.ticks.armed();
        let counts = self.tables.counts();
        let presences = counts.presences + self.expiries.thens();
        Counts { timers, presences, expiring: self.expiries.len(), ..counts }
    }

    // ---- an input from its beginning to its end

    /// Has contacts be told one state of each user, chosen by this function. Nobody is online.
    pub(crate) fn set_representative(&mut self, represent: Represent<P>) {
        (self.represent, self.is_clustered_or_represented) = (Some(represent), true);
        self.tables.voices_mut().is_on = true;
    }

    /// Begins an input, which may yet be refused.
    #[inline]
    pub(crate) fn begin(&mut self, now: Time) {
        // Not finished only if a drain was leaked instead of dropped, or the host's code panicked.
        self.finish_drain();
        self.is_draining = true;
        self.moment = self.now.max(now);
        self.set_moment(self.moment);
    }

    /// Sets the moment at which what is told from now on happens.
    fn set_moment(&mut self, at: Time) {
        self.happening = at;
        self.plan.set_moment(at.since(self.first));
    }

    /// Accepts the input: only now has it happened, and not if it was refused or if the host's
    /// code panicked.
    pub(crate) const fn accept(&mut self) {
        if self.first.as_millis() == u64::MAX {
            self.first = self.moment;
        }
        self.now = self.moment;
        self.stats.inputs += 1;
    }

    /// Counts a refusal. Nothing has changed.
    pub(crate) const fn refuse(&mut self) {
        self.stats.refusals += 1;
    }

    /// Takes a heartbeat, by far the most frequent input: there is nothing to drain after it.
    #[inline]
    pub(crate) fn heartbeat(&mut self, now: Time, key: SessionKey) -> Result<SessionIndex, Error> {
        self.finish_drain();
        self.moment = self.now.max(now);
        let renewed = self.renew_lease_of(key);
        self.accept_or_refuse(renewed.is_ok());
        renewed
    }

    #[inline]
    const fn accept_or_refuse(&mut self, is_accepted: bool) {
        if is_accepted {
            self.accept();
        } else {
            self.refuse();
        }
    }

    /// Runs such code of the host's as may panic, now that everything is in order: the last thing
    /// about an input.
    pub(crate) fn clean_up(&mut self) {
        self.tables.forget_fresh();
        self.plan.drop_presences();
    }

    /// Completes what a drain left undone: notices that nobody took are lost, state is not.
    #[inline]
    pub(crate) fn finish_drain(&mut self) {
        if self.is_draining {
            self.finish_steps();
        }
    }

    fn finish_steps(&mut self) {
        while let Some(step) = self.plan.step().copied() {
            // Afterwards: with the last step goes all that steps refer to.
            self.finish(step);
            self.plan.complete_step();
        }
        self.tables.judge_notes();
        self.plan.clear();
        self.forget_leaving();
        self.tables.release_caught_up();
        self.tables.forget_named();
        self.is_draining = false;
        self.is_choosing = false;
        self.clean_up();
    }

    /// Forgets the user whose last session has ended, now that all have been told.
    #[inline]
    fn forget_leaving(&mut self) {
        if let Some(user) = self.leaving {
            self.leaving = None;
            self.tables.go_offline(user);
        }
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

    /// Begins a call for the next decision.
    #[inline]
    pub(crate) const fn begin_call(&mut self) {
        self.plan.begin_call();
    }

    /// Does a step that gives no decision.
    #[inline(never)]
    pub(crate) fn do_step(&mut self) {
        let Some(step) = self.plan.step().copied() else { return };
        if let Step::Speak { place, published } = step {
            self.plan.replace_step(Step::Pass);
            if let Some(fan_out) = self.speak(place, published) {
                return self.plan.replace_step(Step::FanOut(fan_out));
            }
        } else {
            self.finish(step);
        }
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

    pub(crate) fn next_topic_delivery(&mut self, of: TopicFanOut) -> Option<Delivery> {
        self.plan.next_topic_delivery(of, &self.tables, &mut self.stats)
    }

    pub(crate) fn next_topic_part(&mut self, of: TopicSnapshotOf) -> TopicPart {
        self.plan.next_topic_part(of, &self.tables, &mut self.stats)
    }

    pub(crate) fn next_changes(&mut self, of: ChangesOf) -> TopicPart {
        self.plan.next_changes(of, &self.tables, &mut self.stats)
    }

    /// Does what a step changes, whether or not its decisions are taken.
    fn finish(&mut self, step: Step) {
        match step {
            Step::MakeWay { victim, newcomer } => self.make_way(victim, newcomer),
            Step::RemoteUpdate => self.continue_remote_update(),
            Step::Speak { place, published } => {
                // So that nothing of it is left if the host's function panics.
                self.plan.replace_step(Step::Pass);
                let rest = Rest(self);
                let fan_out = rest.0.speak(place, published);
                core::mem::forget(rest);
                if let Some(fan_out) = fan_out {
                    self.plan.pass_over(fan_out, &mut self.tables);
                }
            }
            Step::FanOut(fan_out) => self.plan.pass_over(fan_out, &mut self.tables),
            Step::EndTick { tick } => self.end_tick(tick),
            Step::KnowTopic { topic } => self.know_topic(topic),
            Step::ForgetTopic { topic } => self.forget_topic(topic),
            Step::Pass
            | Step::Snapshot(_)
            | Step::Close { .. }
            | Step::Online { .. }
            | Step::ReportEnd(_)
            | Step::TellTopic(_)
            | Step::CloseTopic(_)
            | Step::TopicSnapshot(_)
            | Step::Changes(_)
            | Step::Occupied { .. }
            | Step::Vacated { .. } => {}
        }
    }

    // ---- what the rules share

    /// Calls `with` with an empty list of users, whose memory is kept for the next time.
    fn with_users<T>(&mut self, with: impl FnOnce(&mut Self, &mut Vec<User>) -> T) -> T {
        let mut users = core::mem::take(&mut self.scratch[0]);
        let result = with(self, &mut users);
        users.clear();
        self.scratch[0] = users;
        result
    }

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

    // ---- deadlines

    /// Begins to fire the deadlines that have come.
    pub(crate) fn begin_firing(&mut self) -> Time {
        self.lifetimes.look_again();
        self.tokens.look_again();
        self.expiries.look_again();
        self.idle.look_again();
        self.ticks.look_again();
        self.moment
    }
}

/// What is left of a drain while the host's function runs: it is completed though that panics.
struct Rest<'a, K: Eq + Hash, P, S: BuildHasher>(&'a mut State<K, P, S>);

impl<K: Eq + Hash, P, S: BuildHasher> Drop for Rest<'_, K, P, S> {
    fn drop(&mut self) {
        // The function is not called again: it is not over.
        self.0.finish_drain();
    }
}

impl From<TooManyUsers> for Error {
    fn from(_: TooManyUsers) -> Self {
        Self::Full
    }
}
