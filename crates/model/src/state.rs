//! What the model holds, and what can be asked of it.

use crate::choice::{Choice, Voice};
use crate::missed::Missed;
use crate::timer::Timer;
use crate::topics::Topic;
use crate::{Decision, User};
use adsum::{Config, Counts, Error, LostCause, Options, SessionId, SessionKey, TopicKey};
use std::collections::{BTreeMap, BTreeSet};

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
    /// Attachments that may hold something of the user that is over and that they were not told:
    /// under [`OfflineNotices::Never`](adsum::OfflineNotices::Never).
    pub unaware: BTreeSet<SessionKey>,
    /// What contacts were told last, where that is one state, and how often they were.
    pub voice: Option<Voice>,
    pub told: u64,
}

/// One directed presence that is remembered.
#[derive(Clone, Debug)]
pub struct Call {
    /// The number of names that were handed in.
    pub names: usize,
    /// The attachments that it reached, and what it said.
    pub reached: BTreeMap<SessionKey, u32>,
    /// When it ends by itself, if it does.
    pub expiry: Option<Timer>,
}

/// The end of what a session shows.
#[derive(Clone, Copy, Debug)]
pub struct Expiry {
    pub timer: Timer,
    /// What takes its place.
    pub then: Option<u32>,
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
    /// Since when it shows that.
    pub published: u64,
    /// When a person last did something on it, which input that was, and whether that is so long
    /// ago that it is idle.
    pub active: u64,
    pub signed: u64,
    pub is_idle: bool,
    /// When what it shows ends, if it does.
    pub expiry: Option<Expiry>,
    /// The publish that waits for its token.
    pub waiting: Option<u32>,
    /// When that ends, if it does, and in what.
    pub waiting_end: Option<(u64, Option<u32>)>,
    /// Its directed presences that are remembered, the oldest first.
    pub calls: Vec<Call>,
    /// Whom it watches, whether or not it sees them.
    pub watched: BTreeSet<User>,
    /// Whom it watched until they removed its user, and has not named since.
    pub struck: BTreeSet<User>,
    /// What it was not told; `None` while it is not congested.
    pub missed: Option<Missed>,
    /// The "theoretical arrival time" of the rate of publishes, and of directed presences.
    pub tat: u64,
    pub direct_tat: u64,
    pub lease: Option<Timer>,
    pub grace: Option<Timer>,
    pub token: Option<Timer>,
    /// Until when what it showed is held after its end.
    pub held_until: Option<Timer>,
}

impl Session {
    /// Returns whether it has a connection, congested or not.
    pub const fn is_attached(&self) -> bool {
        self.lost.is_none()
    }

    /// Returns what this attachment was told last by directed presence that is remembered.
    pub fn told(&self, receiver: SessionKey) -> Option<u32> {
        self.calls.iter().rev().find_map(|call| call.reached.get(&receiver).copied())
    }

    /// Returns the attachments that its directed presence reached.
    pub fn all_told(&self) -> BTreeSet<SessionKey> {
        self.calls.iter().flat_map(|call| call.reached.keys().copied()).collect()
    }

    /// Returns the attachments that its directed presence reached, each with the place of the last
    /// that did.
    pub fn last_calls(&self) -> BTreeMap<SessionKey, usize> {
        let numbered = self.calls.iter().enumerate();
        numbered.flat_map(|(at, call)| call.reached.keys().map(move |key| (*key, at))).collect()
    }

    /// Returns everything that it has set and that comes by itself.
    pub fn timers(&self) -> impl Iterator<Item = Timer> {
        let own = [self.lease, self.grace, self.token, self.held_until];
        let expiry = self.expiry.map(|expiry| expiry.timer);
        own.into_iter().chain([expiry]).chain(self.calls.iter().map(|call| call.expiry)).flatten()
    }

    /// Returns the number of things of it that end by themselves.
    pub fn expiring(&self) -> usize {
        let calls = self.calls.iter().filter(|call| call.expiry.is_some());
        let own = [self.expiry.is_some(), self.waiting_end.is_some()];
        calls.count() + own.into_iter().filter(|ends| *ends).count()
    }

    /// Returns the number of presences that it holds.
    pub fn presences(&self) -> usize {
        let then = self.expiry.and_then(|expiry| expiry.then);
        let waiting_then = self.waiting_end.and_then(|(_, then)| then);
        [self.presence, then, self.waiting, waiting_then].into_iter().flatten().count()
    }

    /// Forgets that its directed presence reached this attachment.
    pub fn forget_told(&mut self, receiver: SessionKey) {
        for call in &mut self.calls {
            call.reached.remove(&receiver);
        }
    }
}

/// The engine's rules, carried out by looking at everyone for everything.
#[derive(Clone, Debug)]
pub struct Model {
    pub options: Options,
    /// How the session is chosen that speaks for a user, if contacts are told one state of each.
    pub choice: Option<Choice>,
    pub now: u64,
    /// The moment of what is happening: of the input, or of the deadline.
    pub at: u64,
    /// Counts inputs and deadlines that fired, so that timers can stand in line.
    pub moments: u64,
    pub accounts: BTreeMap<User, Account>,
    /// By what stays the same as they are resumed.
    pub sessions: BTreeMap<SessionId, Session>,
    /// Sessions that have ended and whose presence is held while a later one settles (rule 6).
    pub held: BTreeMap<SessionId, Session>,
    /// The moment of the first input.
    pub first: Option<u64>,
    /// Keys that were good once, in the order in which they became stale.
    pub stale: Vec<Stale>,
    /// Counts the ticks of topics that have begun, so that they can stand in line.
    pub ticks: u64,
    /// By name: topics that somebody is in.
    pub topics: BTreeMap<User, Topic>,
    /// Keys of topics that nobody is in any more, in the order in which they became stale.
    pub stale_topics: Vec<TopicKey>,
    /// What the engine told of topics with the input at hand: where more than one thing is right,
    /// what it has chosen.
    pub heard: Vec<Decision>,
    /// Whether those of it that say the same, each to others, were taken for one.
    pub is_heard_merged: bool,
}

impl Model {
    pub fn new(config: &Config) -> Self {
        Self {
            options: config.options().clone(),
            choice: None,
            now: 0,
            at: 0,
            moments: 0,
            accounts: BTreeMap::new(),
            sessions: BTreeMap::new(),
            held: BTreeMap::new(),
            first: None,
            stale: Vec::new(),
            ticks: 0,
            topics: BTreeMap::new(),
            stale_topics: Vec::new(),
            heard: Vec::new(),
            is_heard_merged: false,
        }
    }

    /// Returns one whose users' contacts are told one state of each, if it is said how to choose.
    pub fn with_choice(config: &Config, choice: Option<Choice>) -> Self {
        Self { choice, ..Self::new(config) }
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

    /// Returns those of a user's sessions that have ended and are held, in the order in which they
    /// ended.
    pub fn held_of(&self, user: User) -> Vec<SessionId> {
        let mut held: Vec<_> =
            self.held.iter().filter(|(_, session)| session.user == user).collect();
        held.sort_by_key(|(_, session)| session.held_until.map(|(_, order)| order));
        held.into_iter().map(|(id, _)| *id).collect()
    }

    /// Returns a user's sessions, and then those that are held: all that may show something.
    pub fn showing_of(&self, user: User) -> Vec<SessionId> {
        [self.sessions_of(user), self.held_of(user)].concat()
    }

    /// Returns a session that is there or is held.
    pub fn shown(&self, id: SessionId) -> Option<&Session> {
        self.sessions.get(&id).or_else(|| self.held.get(&id))
    }

    /// Returns all of those.
    pub fn showing(&self) -> impl Iterator<Item = (SessionId, &Session)> {
        self.sessions.iter().chain(&self.held).map(|(id, session)| (*id, session))
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

    /// Returns whether a session may see what `user` publishes: as its contact's, or because it
    /// watches the user.
    ///
    /// # Panics
    /// If there is no such session.
    pub fn session_sees(&self, receiver: SessionId, user: User) -> bool {
        let Session { user: viewer, watched, .. } = &self.sessions[&receiver];
        *viewer != user
            && self.is_online(user)
            && !self.is_invisible(user)
            && !self.is_blocked(*viewer, user)
            && (self.has_in_audience(user, *viewer) || watched.contains(&user))
    }

    /// Returns whether nothing but a watch lets a session see another user, if it does.
    ///
    /// # Panics
    /// If there is no such session.
    pub fn only_watches(&self, receiver: SessionId, user: User) -> bool {
        let viewer = self.sessions[&receiver].user;
        viewer != user && !self.has_in_audience(user, viewer)
    }

    /// Returns whether what `session` publishes reaches `receiver`, or would if that were
    /// attached. What is held of a session that has ended is so for others, not for the user's own.
    ///
    /// # Panics
    /// If there is no such session.
    pub fn reaches(&self, session: SessionId, receiver: SessionId) -> bool {
        let user = self.shown(session).expect("it may show something").user;
        let viewer = self.sessions[&receiver].user;
        if user == viewer {
            session != receiver && self.options.own_echo && self.sessions.contains_key(&session)
        } else {
            // Where one state of each user is told, nothing is told of single sessions.
            self.choice.is_none() && self.session_sees(receiver, user)
        }
    }

    /// Returns every published session that this receiver should know of, with its presence: what
    /// [`no ghosts`](adsum#what-it-promises) calls the truth.
    pub fn truth(&self, receiver: SessionId) -> BTreeMap<SessionId, (User, u32)> {
        let mut truth = BTreeMap::new();
        for (id, session) in self.showing() {
            if let Some(presence) = session.presence
                && self.reaches(id, receiver)
            {
                truth.insert(id, (session.user, presence));
            }
        }
        truth
    }

    /// Returns all deadlines, the next one first.
    pub fn deadlines(&self) -> Vec<u64> {
        let mut deadlines: Vec<u64> =
            self.showing().flat_map(|(_, session)| session.timers()).map(|(at, _)| at).collect();
        // One for each user: when the next of its sessions becomes idle.
        for user in self.accounts.keys() {
            let idle = self.sessions_of(*user).into_iter().filter_map(|id| self.idle_timer(id));
            deadlines.extend(idle.map(|(at, _)| at).min());
        }
        deadlines.extend(self.topic_timers().map(|(at, _)| at));
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
            known.extend(missed.users());
        }
        for session in sessions() {
            known.extend(session.watched.union(&session.struck));
        }
        let places = || self.topics.values().flat_map(|topic| topic.places.values());
        known.extend(places().flat_map(|place| &place.named));
        let mut counts = Counts::default();
        counts.users_online = self.accounts.len();
        counts.users_known = known.len();
        counts.sessions = self.sessions.len();
        counts.detached = sessions().filter(|session| !session.is_attached()).count();
        counts.congested = sessions().filter(|session| session.missed.is_some()).count();
        counts.conflated = sessions().filter(|session| session.waiting.is_some()).count();
        counts.presences = self.showing().map(|(_, session)| session.presences()).sum();
        counts.audience_entries = self.accounts.values().map(|a| a.audience.len()).sum();
        counts.blocked_pairs = self.accounts.values().map(|a| a.blocked.len()).sum();
        counts.watches = sessions().map(|session| session.watched.len()).sum();
        counts.told = self.showing().map(|(_, session)| session.all_told().len()).sum();
        counts.missed =
            sessions().filter_map(|session| session.missed.as_ref()).map(Missed::len).sum();
        counts.expiring = self.showing().map(|(_, session)| session.expiring()).sum();
        let waiting = places().filter(|place| place.waiting.is_some()).count();
        counts.presences += places().filter(|place| place.presence.is_some()).count() + waiting;
        counts.expiring += places().filter(|place| place.said.flatten().is_some()).count();
        counts.expiring += waiting;
        counts.topics = self.topics.len();
        counts.memberships = places().count();
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
        (self.now, self.at) = (now, now);
        self.first.get_or_insert(now);
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

    /// Returns a session that is there or is held, to be changed.
    ///
    /// # Panics
    /// If there is none.
    pub fn showing_mut(&mut self, id: SessionId) -> &mut Session {
        let session = self.sessions.get_mut(&id).or_else(|| self.held.get_mut(&id));
        session.expect("it may show something")
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
        for session in self.sessions.values_mut().chain(self.held.values_mut()) {
            session.forget_told(key);
        }
        for account in self.accounts.values_mut() {
            account.unaware.remove(&key);
        }
    }

    /// Returns every attached session for which `is_told` holds.
    pub fn attached(&self, is_told: impl Fn(SessionId, &Session) -> bool) -> BTreeSet<SessionId> {
        let sessions = self.sessions.iter();
        sessions.filter(|(id, s)| s.is_attached() && is_told(**id, s)).map(|(id, _)| *id).collect()
    }

    /// Returns the attached sessions that see this user, as its contacts' or by watching it.
    pub fn onlookers(&self, user: User) -> BTreeSet<SessionId> {
        self.attached(|id, _| self.session_sees(id, user))
    }

    /// Returns the number of sessions that watch this user, detached ones included.
    pub fn watchers(&self, user: User) -> usize {
        self.sessions.values().filter(|session| session.watched.contains(&user)).count()
    }

    /// Returns the attachments of these sessions.
    pub fn attachments(&self, sessions: &BTreeSet<SessionId>) -> BTreeSet<SessionKey> {
        sessions.iter().map(|id| self.sessions[id].key).collect()
    }
}
