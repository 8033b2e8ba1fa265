//! What the model holds, and what can be asked of it.

use crate::{Decision, Notice, Output, User};
use adsum::{Config, Counts, Error, Options, SessionKey};
use std::collections::{BTreeMap, BTreeSet};

/// A deadline and the place in line among those of the same moment.
pub type Timer = (u64, u64);

/// What is known of a user while it has a session.
#[derive(Clone, Debug, Default)]
pub struct Account {
    pub audience: BTreeSet<User>,
    pub blocked: BTreeSet<User>,
    pub invisible: bool,
}

#[derive(Clone, Debug)]
pub struct Session {
    pub user: User,
    pub kind: u8,
    pub connected_at: u64,
    /// A user's sessions stand in the order in which they connected.
    pub order: u64,
    pub attached: bool,
    pub presence: Option<u32>,
    /// How often it has published so that others could see it.
    pub version: u64,
    /// The publish that waits for its token.
    pub waiting: Option<u32>,
    /// Whom its directed presence reached, and what each of them still holds of that.
    pub told: BTreeMap<SessionKey, Option<u32>>,
    /// What it was not told; `None` while it is not congested.
    pub missed: Option<Missed>,
    /// The rate's "theoretical arrival time".
    pub tat: u64,
    pub lease: Option<Timer>,
    pub grace: Option<Timer>,
    pub token: Option<Timer>,
}

/// What a congested session was not told.
#[derive(Clone, Debug, Default)]
pub struct Missed {
    /// Sessions that changed, and whether the receiver holds something of each.
    pub sessions: BTreeMap<(User, SessionKey), bool>,
    /// Users of whom it would have been told that they are offline.
    pub offline: BTreeSet<User>,
}

/// The engine's rules, carried out by looking at everyone for everything.
#[derive(Clone, Debug)]
pub struct Model {
    pub options: Options,
    pub now: u64,
    /// Counts inputs and deadlines that fired, so that timers can stand in line.
    pub moments: u64,
    pub accounts: BTreeMap<User, Account>,
    pub sessions: BTreeMap<SessionKey, Session>,
    /// Sessions that have ended.
    pub ended: Vec<SessionKey>,
}

/// The sessions that a receiver held something of, and whether it held directed presence.
pub type Held = Vec<(SessionKey, bool)>;

impl Model {
    pub fn new(config: &Config) -> Self {
        Self {
            options: config.options().clone(),
            now: 0,
            moments: 0,
            accounts: BTreeMap::new(),
            sessions: BTreeMap::new(),
            ended: Vec::new(),
        }
    }

    // ---- what can be asked

    pub fn is_online(&self, user: User) -> bool {
        self.accounts.contains_key(&user)
    }

    /// A user's sessions in the order in which they connected.
    pub fn sessions_of(&self, user: User) -> Vec<SessionKey> {
        let mut sessions: Vec<_> =
            self.sessions.iter().filter(|(_, session)| session.user == user).collect();
        sessions.sort_by_key(|(_, session)| session.order);
        sessions.into_iter().map(|(key, _)| *key).collect()
    }

    pub fn is_invisible(&self, user: User) -> bool {
        self.accounts.get(&user).is_some_and(|account| account.invisible)
    }

    /// Has one of the two blocked the other? Known only of those who are online.
    pub fn is_blocked(&self, one: User, other: User) -> bool {
        let blocks = |by: User, whom: User| {
            self.accounts.get(&by).is_some_and(|account| account.blocked.contains(&whom))
        };
        blocks(one, other) || blocks(other, one)
    }

    pub fn has_in_audience(&self, user: User, other: User) -> bool {
        self.accounts.get(&user).is_some_and(|account| account.audience.contains(&other))
    }

    pub fn sees(&self, viewer: User, user: User) -> bool {
        self.is_online(user)
            && !self.is_invisible(user)
            && self.has_in_audience(user, viewer)
            && !self.is_blocked(viewer, user)
    }

    /// Does what `session` publishes reach `receiver`, or would it if that were attached?
    pub fn reaches(&self, session: SessionKey, receiver: SessionKey) -> bool {
        let (user, viewer) = (self.sessions[&session].user, self.sessions[&receiver].user);
        session != receiver
            && if user == viewer { self.options.own_echo } else { self.sees(viewer, user) }
    }

    /// Every published session that this receiver should know of, with its presence: what
    /// [`no ghosts`](adsum#what-it-promises) calls the truth.
    pub fn truth(&self, receiver: SessionKey) -> BTreeMap<SessionKey, (User, u32)> {
        let mut truth = BTreeMap::new();
        for (key, session) in &self.sessions {
            if let Some(presence) = session.presence
                && self.reaches(*key, receiver)
            {
                truth.insert(*key, (session.user, presence));
            }
        }
        truth
    }

    /// All deadlines, the next one first.
    pub fn deadlines(&self) -> Vec<u64> {
        let mut deadlines: Vec<u64> = self
            .sessions
            .values()
            .flat_map(|session| [session.lease, session.grace, session.token])
            .flatten()
            .map(|(at, _)| at)
            .collect();
        deadlines.sort_unstable();
        deadlines
    }

    pub fn counts(&self) -> Counts {
        let mut known: BTreeSet<User> = self.accounts.keys().copied().collect();
        for account in self.accounts.values() {
            known.extend(account.audience.iter().chain(&account.blocked));
        }
        let sessions = || self.sessions.values();
        for missed in sessions().filter_map(|session| session.missed.as_ref()) {
            // A receiver is still to be told of them, so their ids are kept.
            known.extend(
                missed.sessions.keys().map(|(user, _)| *user).chain(missed.offline.clone()),
            );
        }
        let missed = |missed: &Missed| missed.sessions.len() + missed.offline.len();
        let mut counts = Counts::default();
        counts.users_online = self.accounts.len();
        counts.users_known = known.len();
        counts.sessions = self.sessions.len();
        counts.detached = sessions().filter(|session| !session.attached).count();
        counts.congested = sessions().filter(|session| session.missed.is_some()).count();
        counts.conflated = sessions().filter(|session| session.waiting.is_some()).count();
        counts.presences =
            sessions().filter(|session| session.presence.is_some()).count() + counts.conflated;
        counts.audience_entries = self.accounts.values().map(|a| a.audience.len()).sum();
        counts.blocked_pairs = self.accounts.values().map(|a| a.blocked.len()).sum();
        counts.told = sessions().map(|session| session.told.len()).sum();
        counts.missed = sessions().filter_map(|session| session.missed.as_ref()).map(missed).sum();
        counts.timers = self.deadlines().len();
        counts
    }

    // ---- what the verbs share

    /// Time never runs backwards.
    pub fn clamp(&self, now: u64) -> u64 {
        now.max(self.now)
    }

    /// An input has been accepted: only now does the clock move.
    pub fn accept(&mut self, now: u64) {
        self.now = now;
        self.moments += 1;
    }

    /// A session says something, which restarts its lease.
    pub fn accept_from(&mut self, now: u64, key: SessionKey) {
        self.accept(now);
        let order = self.moments;
        let lease = self.options.lease.as_ref();
        let lease = lease.map(|lease| (now.saturating_add(lease.lease_ms), order));
        self.session_mut(key).lease = lease;
    }

    pub fn session_mut(&mut self, key: SessionKey) -> &mut Session {
        self.sessions.get_mut(&key).expect("the session is there")
    }

    pub fn account_mut(&mut self, user: User) -> &mut Account {
        self.accounts.get_mut(&user).expect("the user is online")
    }

    pub fn must_be_known(&self, key: SessionKey) -> Result<(), Error> {
        if self.sessions.contains_key(&key) { Ok(()) } else { Err(Error::UnknownSession) }
    }

    pub fn must_be_attached(&self, key: SessionKey) -> Result<(), Error> {
        self.must_be_known(key)?;
        if self.sessions[&key].attached { Ok(()) } else { Err(Error::Detached) }
    }

    /// Every attached session for which `is_told` holds.
    pub fn attached(&self, is_told: impl Fn(SessionKey, &Session) -> bool) -> BTreeSet<SessionKey> {
        let sessions = self.sessions.iter();
        sessions.filter(|(k, s)| s.attached && is_told(**k, s)).map(|(k, _)| *k).collect()
    }

    /// Tells these receivers the presence of a session, or notes that a congested one missed it.
    pub fn tell_presence(
        &mut self,
        out: &mut Output,
        key: SessionKey,
        first: bool,
        to: BTreeSet<SessionKey>,
    ) {
        let session = &self.sessions[&key];
        let user = session.user;
        let presence = session.presence.expect("only a session that has published is told of");
        let mut told = BTreeSet::new();
        for receiver in to {
            match &mut self.session_mut(receiver).missed {
                None => _ = told.insert(receiver),
                Some(missed) => _ = missed.sessions.entry((user, key)).or_insert(!first),
            }
        }
        let notice = Notice::Presence { user, session: key, first, presence };
        deliver(out, notice, told);
    }

    /// The attached receivers that hold something of these sessions of one user.
    pub fn holders(&self, user: User, sessions: &[SessionKey]) -> BTreeMap<SessionKey, Held> {
        let mut holders = BTreeMap::new();
        for receiver in self.attached(|key, _| !sessions.contains(&key)) {
            let mut held = Held::new();
            for key in sessions {
                let session = &self.sessions[key];
                assert_eq!(session.user, user, "all are of one user");
                let directed = session.told.contains_key(&receiver);
                if directed || session.presence.is_some() && self.reaches(*key, receiver) {
                    held.push((*key, directed));
                }
            }
            if !held.is_empty() {
                holders.insert(receiver, held);
            }
        }
        holders
    }

    /// The attached sessions of all who see this user.
    pub fn watchers(&self, user: User) -> BTreeSet<SessionKey> {
        self.attached(|_, receiver| receiver.user != user && self.sees(receiver.user, user))
    }

    /// Tells these receivers that what they held is over, or notes that a congested one missed it.
    pub fn tell_ending(
        &mut self,
        out: &mut Output,
        notice: Notice,
        to: &BTreeMap<SessionKey, Held>,
    ) {
        let user = notice.user().expect("an ending is about a user");
        let mut told = BTreeSet::new();
        for (receiver, held) in to {
            let Some(missed) = &mut self.session_mut(*receiver).missed else {
                told.insert(*receiver);
                continue;
            };
            if notice == (Notice::UserOffline { user }) {
                missed.offline.insert(user);
            }
            for (key, directed) in held {
                match missed.sessions.get(&(user, *key)) {
                    // It never heard of the session, so it need not hear that it has ended.
                    Some(false) if !directed => _ = missed.sessions.remove(&(user, *key)),
                    _ => _ = missed.sessions.insert((user, *key), true),
                }
            }
        }
        deliver(out, notice, told);
    }
}

/// A notice that nobody receives is none.
pub fn deliver(out: &mut Output, notice: Notice, to: BTreeSet<SessionKey>) {
    if !to.is_empty() {
        out.decisions.push(Decision::Deliver { notice, to });
    }
}
