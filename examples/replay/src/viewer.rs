//! One viewer of a topic: what it is told, held against who is in the topic.
//!
//! After each tick, and where there is none after each input, its [`Replica`] believes what is so,
//! and it was told exactly what had changed since it was told last: each session that had come and
//! each that had gone once, and nothing of those who had come and gone meanwhile. Whatever changes
//! is told within a tick, and no two ticks are nearer to each other than that.

use crate::members::{Change, Member, Members};
use crate::room::TOPIC;
use adsum::{
    Changes, EndReason, LeaveReason, LostCause, Notice, Replica, SessionId, SessionKey, Time,
    TopicChange, TopicCounts, TopicEntry, TopicOptions, TopicSnapshot, View,
};
use adsum_model::User;
use std::collections::{BTreeMap, HashMap};

/// What is not all is told no more often.
const SLOWEST_MS: u64 = 200;

/// What a viewer was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Ticks that had something to tell.
    pub ticks: u64,
    /// What was told at once.
    pub notices: u64,
    pub snapshots: u64,
    /// How often it was shown something else because the topic had become large, or was so no
    /// longer.
    pub switches: u64,
    /// Sessions that came into the view, and that went out of it.
    pub shown: u64,
    pub gone: u64,
    /// Sessions that came and went between two ticks, of which nothing is told.
    pub unseen: u64,
    /// The most that a tick told to be gone, and the most of them with a lost node.
    pub largest_tick: u64,
    pub largest_netsplit: u64,
}

/// How somebody is told to be gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gone {
    /// With this session, and the user is there with another one.
    Session(SessionId),
    User(LeaveReason),
}

/// What it was told with the input at hand.
#[derive(Default)]
struct Heard {
    /// The view and the entries of a snapshot, if one has begun.
    view: Option<View>,
    entries: Option<HashMap<SessionId, Member>>,
    shown: BTreeMap<SessionId, Member>,
    gone: BTreeMap<User, Gone>,
    counts: Option<TopicCounts>,
    notices: u64,
    is_tick: bool,
}

pub struct Viewer {
    pub wished: View,
    pub tally: Tally,
    pub session: Option<SessionKey>,
    replica: Replica<User, u32>,
    options: TopicOptions,
    /// What it is shown; `None` before its first snapshot.
    served: Option<View>,
    /// What it was told last: who is there, and how many.
    held: HashMap<SessionId, Member>,
    counts: TopicCounts,
    /// Those who have come since, and those of whom it holds something who have gone since.
    fresh: BTreeMap<SessionId, Member>,
    ended: BTreeMap<SessionId, (User, LeaveReason)>,
    /// Since when something is so that it was not told.
    changed: Option<Time>,
    /// When it was told by a tick last.
    ticked: Option<Time>,
    /// Whether a tick may tell it once more what a snapshot has told it.
    may_repeat: bool,
    heard: Option<Heard>,
}

impl Viewer {
    pub fn new(wished: View, options: TopicOptions) -> Self {
        Self {
            wished,
            tally: Tally::default(),
            session: None,
            replica: Replica::new(usize::MAX),
            options,
            served: None,
            held: HashMap::new(),
            counts: TopicCounts::default(),
            fresh: BTreeMap::new(),
            ended: BTreeMap::new(),
            changed: None,
            ticked: None,
            may_repeat: false,
            heard: None,
        }
    }

    // ---- what it is told

    /// Takes in a notice.
    ///
    /// # Errors
    /// One that nobody has reason to give it.
    pub fn notice(&mut self, notice: &Notice<'_, User, u32>) -> Result<(), String> {
        let heard = self.heard.get_or_insert_default();
        heard.notices += 1;
        match *notice {
            Notice::Joined { topic: &TOPIC, user, session, presence, .. } => {
                heard.show(*user, session, presence.copied())?;
            }
            Notice::Left { topic: &TOPIC, user, reason, .. } => {
                heard.end(*user, Gone::User(reason))?;
            }
            other => return Err(format!("nobody has reason to be told {other:?}")),
        }
        self.replica.apply(notice).map_err(|full| full.to_string())
    }

    /// Takes in what a tick tells, or a part of it.
    ///
    /// # Errors
    /// What is told twice, or not of this topic.
    pub fn changes(&mut self, changes: &Changes<'_, User, u32>) -> Result<(), String> {
        let heard = self.heard.get_or_insert_default();
        let served = heard.view.or(self.served);
        if (*changes.topic(), Some(changes.view())) != (TOPIC, served) {
            return Err(format!("it is shown {served:?}, and told {changes:?}"));
        }
        (heard.is_tick, heard.counts) = (true, Some(changes.counts()));
        for change in changes.iter() {
            match change {
                TopicChange::Member { user, session, presence } => {
                    heard.show(*user, session, presence.copied())?;
                }
                TopicChange::SessionEnded { user, session } => {
                    heard.end(*user, Gone::Session(session))?;
                }
                TopicChange::Left { user, reason } => heard.end(*user, Gone::User(reason))?,
                other => return Err(format!("nobody has reason to be told {other:?}")),
            }
        }
        self.replica.apply_changes(changes).map_err(|full| full.to_string())
    }

    /// Takes in a snapshot, or a part of one.
    ///
    /// # Errors
    /// A snapshot of something else than the topic.
    pub fn snapshot(&mut self, snapshot: &TopicSnapshot<'_, User, u32>) -> Result<(), String> {
        if *snapshot.topic() != TOPIC {
            return Err(format!("nobody has reason to be told {snapshot:?}"));
        }
        let heard = self.heard.get_or_insert_default();
        if snapshot.is_first() {
            // It says all that was said before it.
            *heard = Heard { entries: Some(HashMap::new()), ..Heard::default() };
            heard.view = Some(snapshot.view());
        }
        heard.counts = Some(snapshot.counts());
        let entries = heard.entries.as_mut().ok_or("a snapshot has no beginning")?;
        for TopicEntry { user, session, presence, .. } in snapshot.entries() {
            let presence = *presence.ok_or("a member shows nothing")?;
            let member = Member { user: *user, session, presence };
            if entries.insert(session, member).is_some() {
                return Err(format!("{user} is twice in a snapshot"));
            }
        }
        self.replica.apply_topic(snapshot).map_err(|full| full.to_string())
    }

    // ---- what is so

    /// Notes what an input has changed, and checks what it was told of it.
    ///
    /// # Errors
    /// In what the two differ.
    pub fn check(
        &mut self,
        (now, is_advance): (Time, bool),
        changes: &[Change],
        members: &Members,
    ) -> Result<(), String> {
        let since = self.changed;
        let due = since.map(|since| since.saturating_add(self.tick_ms()));
        if due.is_some_and(|due| now > due) {
            return Err(format!("it was not told what has changed at {since:?}"));
        }
        changes.iter().for_each(|change| self.note(now, *change));
        if let Some(heard) = self.heard.take() {
            self.take_in(now, heard, members)?;
            self.fresh.clear();
            self.ended.clear();
            self.changed = None;
            return self.believes(members);
        }
        let is_due = self.tick_ms() == 0 || is_advance && due == Some(now);
        match self.misses_something(members) {
            true if is_due => Err(format!("it is not told what has changed at {:?}", self.changed)),
            true => Ok(()),
            false => {
                self.changed = None;
                Ok(())
            }
        }
    }

    fn note(&mut self, now: Time, change: Change) {
        self.changed.get_or_insert(now);
        match change {
            Change::Joined(member) => {
                self.fresh.insert(member.session, member);
            }
            Change::Left(Member { user, session, .. }, reason) => {
                self.tally.unseen += u64::from(self.fresh.remove(&session).is_some());
                if self.held.contains_key(&session) {
                    self.ended.insert(session, (user, reason));
                }
            }
            Change::Observers => {}
        }
    }

    /// Returns whether anything is so that it was not told.
    fn misses_something(&self, members: &Members) -> bool {
        let Some(view) = self.served else { return self.changed.is_some() };
        let last_seat = members.last_seat(view);
        let is_in_view =
            |session: &SessionId| members.find(*session).is_some_and(|(seat, _)| seat <= last_seat);
        let is_counted = view != View::All;
        !self.ended.is_empty()
            || is_counted && self.counts != members.counts()
            || self.fresh.keys().any(is_in_view)
    }

    /// Returns how long it may be before a change is told.
    fn tick_ms(&self) -> u64 {
        match self.served.unwrap_or(self.wished) {
            View::All => self.options.coalesce_ms.into(),
            _ => SLOWEST_MS.max(self.options.coalesce_ms.into()),
        }
    }

    fn take_in(&mut self, now: Time, mut heard: Heard, members: &Members) -> Result<(), String> {
        self.tally.notices += heard.notices;
        let mut may_repeat = self.may_repeat && heard.is_tick;
        if let Some(entries) = heard.entries.take() {
            self.tally.snapshots += 1;
            self.tally.switches += u64::from(self.served.is_some() && self.served != heard.view);
            self.served = heard.view;
            self.tally.shown += missing(&entries, &self.held);
            self.tally.gone += missing(&self.held, &entries);
            self.held = entries;
            self.fresh.clear();
            self.ended.clear();
            (may_repeat, self.may_repeat, self.ticked) = (true, true, None);
            self.counts = heard.counts.unwrap_or_default();
        }
        if may_repeat {
            let held = &self.held;
            heard.shown.retain(|session, member| held.get(session) != Some(member));
            heard.gone.retain(|user, _| held.values().any(|member| member.user == *user));
        } else if heard.shown.is_empty()
            && heard.gone.is_empty()
            && heard.counts.is_none_or(|counts| counts == self.counts)
        {
            return Err("it is told what it knows".into());
        }
        let last_seat = members.last_seat(self.served.unwrap_or(View::Nothing));
        self.same_shown(&heard.shown, members, last_seat)?;
        self.same_gone(&heard.gone, members, last_seat)?;
        self.tally.shown += heard.shown.len() as u64;
        self.tally.gone += heard.gone.len() as u64;
        if heard.is_tick {
            self.tally.ticks += 1;
            self.may_repeat = false;
            let before = self.ticked.replace(now);
            if before.is_some_and(|before| now.since(before) < self.tick_ms()) {
                return Err(format!("two ticks at {before:?} and {now:?}"));
            }
            let lost = Gone::User(LeaveReason::Ended(EndReason::Lost(LostCause::NodeLoss)));
            let of_node = heard.gone.values().filter(|gone| **gone == lost).count() as u64;
            self.tally.largest_netsplit = self.tally.largest_netsplit.max(of_node);
            self.tally.largest_tick = self.tally.largest_tick.max(heard.gone.len() as u64);
        }
        self.counts = heard.counts.unwrap_or(self.counts);
        for session in self.ended.keys() {
            self.held.remove(session);
        }
        self.held.extend(heard.shown);
        Ok(())
    }

    /// Checks that those are shown to it who are in its view and were not.
    fn same_shown(
        &self,
        told: &BTreeMap<SessionId, Member>,
        members: &Members,
        last_seat: u64,
    ) -> Result<(), String> {
        let new: BTreeMap<SessionId, Member> = match self.served {
            Some(View::All) => self.fresh.clone(),
            Some(view) => {
                let new =
                    members.of(view).filter(|member| !self.held.contains_key(&member.session));
                new.map(|member| (member.session, *member)).collect()
            }
            None => BTreeMap::new(),
        };
        if *told == new {
            return Ok(());
        }
        Err(format!("it is shown {told:?}, and new up to {last_seat} are {new:?}"))
    }

    /// Checks that those are gone whom it was shown and who have gone, and why.
    fn same_gone(
        &self,
        told: &BTreeMap<User, Gone>,
        members: &Members,
        last_seat: u64,
    ) -> Result<(), String> {
        let gone = |(session, (user, reason)): (&SessionId, &(User, LeaveReason))| {
            let is_back = members.has(*user, last_seat);
            (*user, if is_back { Gone::Session(*session) } else { Gone::User(*reason) })
        };
        let must: BTreeMap<User, Gone> = self.ended.iter().map(gone).collect();
        if *told == must {
            return Ok(());
        }
        Err(format!("it is told that {told:?} are gone, and that are {must:?}"))
    }

    /// Checks that it believes what is so.
    fn believes(&self, members: &Members) -> Result<(), String> {
        let told = self.replica.topic_counts(&TOPIC);
        let Some((counts, view)) = told else { return Err("it was told nothing".into()) };
        let (users, full) = (u64::from(members.counts().users), u64::from(self.options.full_up_to));
        let is_right = match (self.wished, view) {
            (View::All, View::All) => users <= full,
            (View::All, View::Sample(sample)) => {
                sample == self.options.sample && users * 5 >= full * 4
            }
            (wished, view) => wished == view,
        };
        if !is_right || self.served != Some(view) {
            return Err(format!("it is shown {view:?} of {users}, and wished {:?}", self.wished));
        }
        if view != View::All && (counts != members.counts() || counts != self.counts) {
            return Err(format!("it believes in {counts:?}, which is {:?}", members.counts()));
        }
        let last_seat = members.last_seat(view);
        let mut believed = 0;
        for (user, session, presence) in self.replica.members(&TOPIC) {
            let member = members.find(session).filter(|(seat, _)| *seat <= last_seat);
            let member = member.map(|(_, member)| (member.user, Some(member.presence)));
            if member != Some((*user, presence.copied())) {
                return Err(format!("it believes that {user} shows {presence:?}: {member:?}"));
            }
            believed += 1;
        }
        let must = members.len(view);
        if (believed, self.held.len()) == (must, must) {
            return Ok(());
        }
        Err(format!("it believes in {believed} of {must}, and was told {}", self.held.len()))
    }

    /// Checks, when all have left, that each join and each end were told it once, but for those
    /// within a tick.
    ///
    /// # Errors
    /// The numbers that do not agree.
    pub fn finish(&self, members: &Members) -> Result<(), String> {
        let Tally { shown, gone, unseen, switches, .. } = self.tally;
        let is_whole = self.wished != View::All
            || switches > 0
            || (shown + unseen, gone + unseen) == (members.joined, members.left);
        if shown == gone && self.held.is_empty() && is_whole {
            return Ok(());
        }
        let (joined, left) = (members.joined, members.left);
        Err(format!("{joined} joined and {left} left, and it was told {:?}", self.tally))
    }
}

/// Returns how many of the first are not among the others.
fn missing(some: &HashMap<SessionId, Member>, others: &HashMap<SessionId, Member>) -> u64 {
    some.keys().filter(|session| !others.contains_key(session)).count() as u64
}

impl Heard {
    fn show(
        &mut self,
        user: User,
        session: SessionId,
        presence: Option<u32>,
    ) -> Result<(), String> {
        let presence = presence.ok_or("a member shows nothing")?;
        match self.shown.insert(session, Member { user, session, presence }) {
            None => Ok(()),
            Some(_) => Err(format!("it is told twice that {user} is there")),
        }
    }

    fn end(&mut self, user: User, gone: Gone) -> Result<(), String> {
        match self.gone.insert(user, gone) {
            None => Ok(()),
            Some(_) => Err(format!("it is told twice that {user} is gone")),
        }
    }
}
