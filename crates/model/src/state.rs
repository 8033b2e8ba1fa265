//! What the model holds, and what can be asked of it.

use crate::{Decision, Notice, Output, User};
use adsum::{Config, Counts, Error, LostCause, Options, SessionId, SessionKey};
use std::collections::{BTreeMap, BTreeSet};

/// A deadline and the place in line among those of the same moment.
pub type Timer = (u64, u64);

/// The names that the engine gives out as a session attaches. The model is handed them, since it
/// cannot make them itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Names this attachment: what a host hands in.
    pub key: SessionKey,
    /// Names the session: what receivers are told.
    pub session: SessionId,
}

impl Attachment {
    /// Names that no engine gives out: for inputs that attach nobody.
    pub const NONE: Self = Self::of(u64::MAX, u32::MAX);

    /// Returns made-up names. `name` is that of the key and of the session: 2^32 or more.
    ///
    /// # Panics
    /// If the name is less than that.
    pub const fn of(name: u64, slot: u32) -> Self {
        match (SessionKey::from_bits((name, slot)), SessionId::from_bits(name)) {
            (Some(key), Some(session)) => Self { key, session },
            _ => panic!("no key has this name"),
        }
    }
}

/// A key that is refused from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stale {
    pub key: SessionKey,
    /// The session whose key it was.
    pub session: SessionId,
    /// Whether a resume has replaced the attachment; otherwise its session has ended.
    pub replaced: bool,
}

/// What is known of a user while it has a session.
#[derive(Clone, Debug, Default)]
pub struct Account {
    pub audience: BTreeSet<User>,
    pub blocked: BTreeSet<User>,
    pub invisible: bool,
}

#[derive(Clone, Debug)]
pub struct Session {
    /// The key of its attachment, or of the last one while it is detached.
    pub key: SessionKey,
    pub user: User,
    pub kind: u8,
    pub connected: u64,
    /// A user's sessions stand in the order in which they connected.
    pub order: u64,
    /// When something was last heard of it.
    pub heard: u64,
    /// When and why it was lost, while it is detached.
    pub lost: Option<(u64, LostCause)>,
    pub presence: Option<u32>,
    /// How often it has published so that others could see it.
    pub version: u64,
    /// The publish that waits for its token.
    pub waiting: Option<u32>,
    /// The attachments that its directed presence reached, and what each holds of it.
    pub told: BTreeMap<SessionKey, u32>,
    /// What it was not told; `None` while it is not congested.
    pub missed: Option<Missed>,
    /// The rate's "theoretical arrival time".
    pub tat: u64,
    pub lease: Option<Timer>,
    pub grace: Option<Timer>,
    pub token: Option<Timer>,
}

impl Session {
    /// Returns whether it has a connection, congested or not.
    pub const fn is_attached(&self) -> bool {
        self.lost.is_none()
    }
}

/// What a congested session was not told.
#[derive(Clone, Debug, Default)]
pub struct Missed {
    /// Sessions that changed, and whether the receiver holds something of each.
    pub sessions: BTreeMap<(User, SessionId), bool>,
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
    /// By what stays the same as they are resumed.
    pub sessions: BTreeMap<SessionId, Session>,
    /// Keys that were good once, in the order in which they became stale.
    pub stale: Vec<Stale>,
}

/// The sessions that a receiver held something of, and whether it held directed presence.
pub type Held = Vec<(SessionId, bool)>;

impl Model {
    pub fn new(config: &Config) -> Self {
        Self {
            options: config.options().clone(),
            now: 0,
            moments: 0,
            accounts: BTreeMap::new(),
            sessions: BTreeMap::new(),
            stale: Vec::new(),
        }
    }

    // ---- what can be asked

    pub fn is_online(&self, user: User) -> bool {
        self.accounts.contains_key(&user)
    }

    /// Returns a user's sessions in the order in which they connected.
    pub fn sessions_of(&self, user: User) -> Vec<SessionId> {
        let mut sessions: Vec<_> =
            self.sessions.iter().filter(|(_, session)| session.user == user).collect();
        sessions.sort_by_key(|(_, session)| session.order);
        sessions.into_iter().map(|(id, _)| *id).collect()
    }

    /// Returns the keys of a user's sessions in the order in which they connected.
    pub fn keys_of(&self, user: User) -> Vec<SessionKey> {
        self.sessions_of(user).into_iter().map(|id| self.sessions[&id].key).collect()
    }

    /// Returns the key of every session.
    pub fn keys(&self) -> Vec<SessionKey> {
        self.sessions.values().map(|session| session.key).collect()
    }

    pub fn is_invisible(&self, user: User) -> bool {
        self.accounts.get(&user).is_some_and(|account| account.invisible)
    }

    /// Returns whether one of the two has blocked the other, as far as they are online.
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

    /// Returns whether what `session` publishes reaches `receiver`, or would if that were
    /// attached.
    pub fn reaches(&self, session: SessionId, receiver: SessionId) -> bool {
        let (user, viewer) = (self.sessions[&session].user, self.sessions[&receiver].user);
        session != receiver
            && if user == viewer { self.options.own_echo } else { self.sees(viewer, user) }
    }

    /// Returns every published session that this receiver should know of, with its presence: what
    /// [`no ghosts`](adsum#what-it-promises) calls the truth.
    pub fn truth(&self, receiver: SessionId) -> BTreeMap<SessionId, (User, u32)> {
        let mut truth = BTreeMap::new();
        for (id, session) in &self.sessions {
            if let Some(presence) = session.presence
                && self.reaches(*id, receiver)
            {
                truth.insert(*id, (session.user, presence));
            }
        }
        truth
    }

    /// Returns all deadlines, the next one first.
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
        counts.detached = sessions().filter(|session| !session.is_attached()).count();
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

    // ---- what the rules share

    /// Returns the moment that an input has, since time never runs backwards.
    pub fn clamp(&self, now: u64) -> u64 {
        now.max(self.now)
    }

    /// Accepts an input: only now does the clock move.
    pub fn accept(&mut self, now: u64) {
        self.now = now;
        self.moments += 1;
    }

    /// Accepts an input in which a session says something, which restarts its lease.
    pub fn accept_from(&mut self, now: u64, id: SessionId) {
        self.accept(now);
        let order = self.moments;
        let lease = self.options.lease.as_ref();
        let lease = lease.map(|lease| (now.saturating_add(lease.lease_ms), order));
        let session = self.session_mut(id);
        (session.heard, session.lease) = (now, lease);
    }

    pub fn session_mut(&mut self, id: SessionId) -> &mut Session {
        self.sessions.get_mut(&id).expect("the session is there")
    }

    pub fn account_mut(&mut self, user: User) -> &mut Account {
        self.accounts.get_mut(&user).expect("the user is online")
    }

    /// Returns the session whose attachment, or last one, has this key.
    ///
    /// # Errors
    /// [`Error::UnknownSession`].
    pub fn find(&self, key: SessionKey) -> Result<SessionId, Error> {
        let mut sessions = self.sessions.iter();
        let found = sessions.find(|(_, session)| session.key == key);
        found.map(|(id, _)| *id).ok_or(Error::UnknownSession)
    }

    /// Returns the session that has this key and a connection.
    ///
    /// # Errors
    /// [`Error::UnknownSession`] and [`Error::Detached`].
    pub fn find_attached(&self, key: SessionKey) -> Result<SessionId, Error> {
        let id = self.find(key)?;
        if self.sessions[&id].is_attached() { Ok(id) } else { Err(Error::Detached) }
    }

    /// Makes the key of a session stale. Whoever told this attachment something need not tell it
    /// anything more: it holds nothing of that any longer, or is no more.
    pub fn make_stale(&mut self, id: SessionId, replaced: bool) {
        let key = self.sessions[&id].key;
        self.stale.push(Stale { key, session: id, replaced });
        for session in self.sessions.values_mut() {
            session.told.remove(&key);
        }
    }

    /// Returns every attached session for which `is_told` holds.
    pub fn attached(&self, is_told: impl Fn(SessionId, &Session) -> bool) -> BTreeSet<SessionId> {
        let sessions = self.sessions.iter();
        sessions.filter(|(id, s)| s.is_attached() && is_told(**id, s)).map(|(id, _)| *id).collect()
    }

    /// Returns the attached sessions of all who see this user.
    pub fn watchers(&self, user: User) -> BTreeSet<SessionId> {
        self.attached(|_, receiver| receiver.user != user && self.sees(receiver.user, user))
    }

    /// Returns the attachments of these sessions.
    pub fn attachments(&self, sessions: &BTreeSet<SessionId>) -> BTreeSet<SessionKey> {
        sessions.iter().map(|id| self.sessions[id].key).collect()
    }

    // ---- telling

    /// Delivers a notice. One that nobody receives is none.
    pub fn deliver(&self, out: &mut Output, notice: Notice, to: &BTreeSet<SessionId>) {
        if !to.is_empty() {
            let to = self.attachments(to);
            out.decisions.push(Decision::Deliver { notice, to });
        }
    }

    /// Tells these receivers the presence of a session, or notes that a congested one missed it.
    pub fn tell_presence(
        &mut self,
        out: &mut Output,
        id: SessionId,
        first: bool,
        to: BTreeSet<SessionId>,
    ) {
        let session = &self.sessions[&id];
        let user = session.user;
        let presence = session.presence.expect("only a session that has published is told of");
        let mut told = BTreeSet::new();
        for receiver in to {
            match &mut self.session_mut(receiver).missed {
                None => _ = told.insert(receiver),
                Some(missed) => _ = missed.sessions.entry((user, id)).or_insert(!first),
            }
        }
        self.deliver(out, Notice::Presence { user, session: id, first, presence }, &told);
    }

    /// Returns the attached receivers that hold something of these sessions of one user.
    pub fn holders(&self, user: User, sessions: &[SessionId]) -> BTreeMap<SessionId, Held> {
        let mut holders = BTreeMap::new();
        for receiver in self.attached(|id, _| !sessions.contains(&id)) {
            let mut held = Held::new();
            for id in sessions {
                let session = &self.sessions[id];
                assert_eq!(session.user, user, "all are of one user");
                let directed = session.told.contains_key(&self.sessions[&receiver].key);
                if directed || session.presence.is_some() && self.reaches(*id, receiver) {
                    held.push((*id, directed));
                }
            }
            if !held.is_empty() {
                holders.insert(receiver, held);
            }
        }
        holders
    }

    /// Tells these receivers that what they held is over, or notes that a congested one missed it.
    pub fn tell_ending(
        &mut self,
        out: &mut Output,
        notice: Notice,
        to: &BTreeMap<SessionId, Held>,
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
            for (id, directed) in held {
                match missed.sessions.get(&(user, *id)) {
                    // It never heard of the session, so it need not hear that it has ended.
                    Some(false) if !directed => _ = missed.sessions.remove(&(user, *id)),
                    _ => _ = missed.sessions.insert((user, *id), true),
                }
            }
        }
        self.deliver(out, notice, &told);
    }
}
