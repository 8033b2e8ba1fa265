//! A replica that is told anything at all, by a server that may be hostile: it must hold no more
//! than it was made for, and say of itself what is so.

use crate::hasher::Constant;
use adsum::{
    Candidate, Config, Decision, DefaultHashBuilder, DeviceKind, Engine, Event, LostCause, Notice,
    Options, Replica, Scope, SessionId, SessionKey, Snapshot, Time,
};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};

/// A session of a user, or the user as one.
type Whose = (u8, Option<SessionId>);

/// What the replica should hold of a session, or of a user as one.
#[derive(Clone, Copy, Default)]
struct Held {
    published: Option<u8>,
    directed: Option<u8>,
    /// Since when the user is idle, if it is told as one.
    idle_since: Option<Time>,
    /// Whether each was said by the last snapshot, or by a notice since.
    published_again: bool,
    directed_again: bool,
}

impl Held {
    const fn is_repeated(&self) -> bool {
        self.published_again || self.directed_again
    }
}

/// Who speaks for whom. A hostile server may give one session to several users.
const USERS: u8 = 8;
const OWN_SESSIONS: u8 = 4;

/// Tells a replica what these bytes stand for; says how many inputs there were.
///
/// # Panics
/// Where the replica is not as it should be.
pub fn run(bytes: &[u8]) -> u64 {
    let (first, told) = bytes.split_first().unwrap_or((&0, &[]));
    let (limit, tells_users) = (usize::from(first / 2 % 8), first / 16 % 2 == 1);
    if first % 2 == 0 {
        tell(Pair::new(limit, RandomState::new()), tells_users, told)
    } else {
        tell(Pair::new(limit, Constant), tells_users, told)
    }
}

fn tell<S: BuildHasher>(mut pair: Pair<S>, tells_users: bool, told: &[u8]) -> u64 {
    let told = told.as_chunks::<3>().0;
    let mut server = Server::new(tells_users);
    for [verb, whom, presence] in told.iter().copied() {
        let (user, session) = (whom % USERS, own_session(whom / USERS % OWN_SESSIONS));
        match verb % 8 {
            0 => pair.set_presence(user, session, presence),
            1 => pair.set_directed(user, session, presence),
            2 => pair.end_session(user, session),
            3 => pair.end_user(user),
            4 => pair.begin_snapshot(),
            5 => pair.end_snapshot(),
            // Of those that are told of the server's decisions, a few in their parts.
            6 if presence >= 0xf8 => pair.end_published(user, session),
            6 if presence >= 0xf0 => pair.end_directed(user, session),
            6 if presence >= 0xe8 => pair.set_visible(presence % 2 == 0),
            6 if presence >= 0xe5 => pair.forget(user),
            6 if presence >= 0xe2 => pair.begin_snapshot_of_users(),
            6 if presence >= 0xdc => pair.end_snapshot_of(&[user, (user + presence) % USERS]),
            6 if presence >= 0xd8 => pair.set_user(user, presence, idle_since(whom / USERS)),
            _ => server.speak(&mut pair, verb / 8, whom, presence),
        }
        pair.check();
    }
    told.len() as u64
}

/// Returns a session that the engine gives out as well, sooner or later.
fn own_session(nth: u8) -> SessionId {
    SessionId::from_bits(u64::from(nth + 1) << 32).expect("it is not zero")
}

fn idle_since(at: u8) -> Option<Time> {
    (at > 0).then(|| Time::from_millis(at.into()))
}

/// The replica, and what it should hold.
struct Pair<S> {
    replica: Replica<u8, u8, SessionId, S>,
    limit: usize,
    truth: BTreeMap<Whose, Held>,
    /// Whether a snapshot has begun and not ended.
    is_open: bool,
    /// Whether one of some users has.
    is_open_of_users: bool,
    /// Whether what it said did not all fit.
    is_cut: bool,
    visible: Option<bool>,
}

impl<S: BuildHasher> Pair<S> {
    fn new(limit: usize, hasher: S) -> Self {
        Self {
            replica: Replica::with_hasher(limit, hasher),
            limit,
            truth: BTreeMap::new(),
            is_open: false,
            is_open_of_users: false,
            is_cut: false,
            visible: None,
        }
    }

    /// Returns what is to be held of a session, if it fits. While a snapshot is open, somebody
    /// whom it has not repeated makes way: which one is the replica's affair, so it is asked.
    fn held_mut(&mut self, key: Whose) -> Option<&mut Held> {
        let stays = |held: &Held| !self.is_open || held.is_repeated();
        let staying = self.truth.values().filter(|held| stays(held)).count();
        if staying >= self.limit && !self.truth.get(&key).is_some_and(stays) {
            self.is_cut |= self.is_open || self.is_open_of_users;
            return None;
        }
        Some(self.truth.entry(key).or_default())
    }

    /// Forgets those who have made way for others in an open snapshot.
    fn some_made_way(&mut self) {
        // What it holds of one, and of that what was directed.
        let of = |(user, session): &Whose| match session {
            None => self.replica.user(user).map(|_| None),
            Some(session) => {
                let held = self.replica.sessions_of(user).find(|(held, ..)| held == session);
                held.map(|(.., directed)| directed)
            }
        };
        let before = self.truth.len();
        self.truth.retain(|key, held| match of(key) {
            None => held.is_repeated(),
            Some(directed) => {
                // It made way and came back with what the snapshot says alone.
                held.directed.take_if(|_| !held.directed_again && directed.is_none());
                true
            }
        });
        let is_full = self.is_open && self.truth.len() == self.limit;
        assert!(self.truth.len() == before || is_full, "nobody makes way where there is room");
    }

    fn expect_user(&mut self, user: u8, presence: u8, idle_since: Option<Time>) -> bool {
        let held = self.held_mut((user, None));
        held.map(|held| {
            (held.published, held.published_again) = (Some(presence), true);
            held.idle_since = idle_since;
        })
        .is_some()
    }

    fn expect_presence(&mut self, user: u8, session: SessionId, presence: u8) -> bool {
        let held = self.held_mut((user, Some(session)));
        held.map(|held| (held.published, held.published_again) = (Some(presence), true)).is_some()
    }

    fn expect_directed(&mut self, user: u8, session: SessionId, presence: u8) -> bool {
        let held = self.held_mut((user, Some(session)));
        held.map(|held| (held.directed, held.directed_again) = (Some(presence), true)).is_some()
    }

    fn expect_begin(&mut self) {
        for held in self.truth.values_mut() {
            (held.published_again, held.directed_again) = (false, false);
        }
        (self.is_open, self.is_open_of_users, self.is_cut) = (true, false, false);
    }

    /// Nobody makes way in one of some users.
    fn expect_begin_of_users(&mut self) {
        self.expect_begin();
        (self.is_open, self.is_open_of_users) = (false, true);
    }

    /// Returns whether all that the snapshot of these users said was taken in.
    fn expect_end_of(&mut self, users: &[u8]) -> bool {
        self.truth.retain(|(user, _), held| {
            if users.contains(user) {
                held.published.take_if(|_| !held.published_again);
            }
            held.published.is_some() || held.directed.is_some()
        });
        self.is_open_of_users = false;
        !self.is_cut
    }

    /// Returns whether all that the snapshot said was taken in.
    fn expect_end(&mut self) -> bool {
        for held in self.truth.values_mut() {
            held.published.take_if(|_| !held.published_again);
            held.directed.take_if(|_| !held.directed_again);
        }
        self.truth.retain(|_, held| held.published.is_some() || held.directed.is_some());
        (self.is_open, self.is_open_of_users) = (false, false);
        !self.is_cut
    }

    fn expect_directed_over(&mut self, user: u8, session: SessionId) {
        if let Some(held) = self.truth.get_mut(&(user, Some(session))) {
            (held.directed, held.directed_again) = (None, false);
            if held.published.is_none() {
                self.truth.remove(&(user, Some(session)));
            }
        }
    }

    fn expect_withdrawn(&mut self, user: u8, session: SessionId) {
        if let Some(held) = self.truth.get_mut(&(user, Some(session))) {
            (held.published, held.published_again) = (None, false);
            if held.directed.is_none() {
                self.truth.remove(&(user, Some(session)));
            }
        }
    }

    fn end_published(&mut self, user: u8, session: SessionId) {
        self.expect_withdrawn(user, session);
        self.replica.end_published(&user, session);
    }

    fn end_directed(&mut self, user: u8, session: SessionId) {
        self.expect_directed_over(user, session);
        self.replica.end_directed(&user, session);
    }

    const fn set_visible(&mut self, visible: bool) {
        self.visible = Some(visible);
        self.replica.set_visible(visible);
    }

    fn set_presence(&mut self, user: u8, session: SessionId, presence: u8) {
        let fits = self.expect_presence(user, session, presence);
        assert_eq!(self.replica.set_presence(user, session, presence).is_ok(), fits);
        self.some_made_way();
    }

    fn set_user(&mut self, user: u8, presence: u8, idle_since: Option<Time>) {
        let fits = self.expect_user(user, presence, idle_since);
        assert_eq!(self.replica.set_user(user, presence, idle_since).is_ok(), fits);
        self.some_made_way();
    }

    fn set_directed(&mut self, user: u8, session: SessionId, presence: u8) {
        let fits = self.expect_directed(user, session, presence);
        assert_eq!(self.replica.set_directed(user, session, presence).is_ok(), fits);
        self.some_made_way();
    }

    fn end_session(&mut self, user: u8, session: SessionId) {
        self.truth.remove(&(user, Some(session)));
        self.replica.end_session(&user, session);
    }

    fn end_user(&mut self, user: u8) {
        self.truth.retain(|(other, _), _| *other != user);
        self.replica.end_user(&user);
    }

    fn begin_snapshot(&mut self) {
        self.expect_begin();
        self.replica.begin_snapshot();
    }

    fn end_snapshot(&mut self) {
        let fits = self.expect_end();
        assert_eq!(self.replica.end_snapshot().is_ok(), fits);
    }

    fn begin_snapshot_of_users(&mut self) {
        self.expect_begin_of_users();
        self.replica.begin_snapshot_of_users();
    }

    fn end_snapshot_of(&mut self, users: &[u8]) {
        let fits = self.expect_end_of(users);
        assert_eq!(self.replica.end_snapshot_of(users).is_ok(), fits);
    }

    fn forget(&mut self, user: u8) {
        self.truth.retain(|(other, _), held| {
            if *other == user {
                held.published = None;
            }
            held.published.is_some() || held.directed.is_some()
        });
        self.replica.forget(&user);
    }

    /// Takes in a decision, whoever it is for.
    fn apply(&mut self, decision: &Decision<'_, u8, u8>) {
        match decision {
            Decision::Deliver { notice, .. } | Decision::Skipped { notice, .. } => {
                let fits = self.expect_notice(notice);
                assert_eq!(self.replica.apply(notice).is_ok(), fits);
                self.some_made_way();
            }
            Decision::Snapshot(snapshot) => {
                self.apply_snapshot(snapshot);
            }
            _ => {}
        }
    }

    /// Takes in a part of a snapshot: as many of its entries as fit beside those repeated before.
    fn apply_snapshot(&mut self, snapshot: &Snapshot<'_, u8, u8>) {
        let is_whole = snapshot.scope() == Scope::Everything;
        match snapshot.is_first() {
            true if is_whole => self.expect_begin(),
            true => self.expect_begin_of_users(),
            false => {}
        }
        self.visible = Some(snapshot.is_visible());
        for entry in snapshot.entries() {
            if entry.is_user {
                self.expect_user(*entry.user, *entry.presence, entry.idle_since);
            } else {
                self.expect_presence(*entry.user, entry.session, *entry.presence);
            }
        }
        let fits = match snapshot.is_last() {
            true if is_whole => self.expect_end(),
            true => self.expect_end_of(&snapshot.named().copied().collect::<Vec<u8>>()),
            false => true,
        };
        assert_eq!(self.replica.apply_snapshot(snapshot).is_ok(), fits);
        if !snapshot.is_last() {
            self.some_made_way();
        }
    }

    fn expect_notice(&mut self, notice: &Notice<'_, u8, u8>) -> bool {
        match *notice {
            Notice::Presence { user, session, presence, .. } => {
                self.expect_presence(*user, session, *presence)
            }
            Notice::User { user, presence, idle_since, .. } => {
                self.expect_user(*user, *presence, idle_since)
            }
            Notice::Directed { user, session, presence, .. } => {
                self.expect_directed(*user, session, *presence)
            }
            Notice::SessionEnded { user, session, .. } => {
                self.truth.remove(&(*user, Some(session)));
                true
            }
            Notice::UserOffline { user, .. } => {
                self.truth.retain(|(other, _), _| other != user);
                true
            }
            Notice::DirectedOver { user, session, .. } => {
                self.expect_directed_over(*user, session);
                true
            }
            Notice::Withdrawn { user, session, .. } => {
                self.expect_withdrawn(*user, session);
                true
            }
            Notice::Visibility { visible, .. } => {
                self.visible = Some(visible);
                true
            }
            _ => true,
        }
    }

    fn check(&self) {
        let Self { replica, limit, truth, .. } = self;
        assert_eq!(replica.is_visible(), self.visible);
        assert!(replica.len() <= *limit);
        assert_eq!(replica.len(), truth.len());
        assert_eq!(replica.is_empty(), truth.is_empty());
        let present: BTreeSet<u8> = truth.keys().map(|(user, _)| *user).collect();
        let mut users: Vec<u8> = replica.users().copied().collect();
        users.sort_unstable();
        assert!(users.iter().eq(&present), "each once");
        for user in 0..USERS {
            let state = replica.user(&user).map(|(presence, idle)| (Some(*presence), idle));
            let expected = truth.get(&(user, None));
            assert_eq!(state, expected.map(|held| (held.published, held.idle_since)));
            let mut held: Vec<_> = replica
                .sessions_of(&user)
                .map(|(session, published, directed)| {
                    ((user, Some(session)), published.copied(), directed.copied())
                })
                .collect();
            held.sort_unstable();
            let of_user =
                truth.iter().filter(|((of, session), _)| *of == user && session.is_some());
            let expected: Vec<_> =
                of_user.map(|(key, h)| (*key, h.published, h.directed)).collect();
            assert_eq!(held, expected);
            assert_eq!(replica.is_present(&user), present.contains(&user));
        }
        let lines = format!("{replica:#?}").matches("session ").count();
        let sessions = truth.keys().filter(|(_, session)| session.is_some()).count();
        assert_eq!(lines, sessions, "each is shown once");
    }
}

/// A server that sends all it has to say to one receiver.
struct Server {
    engine: Engine<u8, u8>,
    keys: Vec<SessionKey>,
    now: Time,
}

/// Chooses the session that shows most.
fn highest(all: &[Candidate<'_, u8>]) -> usize {
    (0..all.len()).max_by_key(|at| all[*at].presence).unwrap_or(0)
}

impl Server {
    /// Makes one that tells of each session, or one state of each user.
    fn new(tells_users: bool) -> Self {
        let (publish_rate, lease, idle_after_ms) = (None, None, Some(100));
        let options = Options { publish_rate, lease, idle_after_ms, ..Options::default() };
        let config = Config::new(options).expect("the options go together");
        let engine = if tells_users {
            Engine::with_representative(config, DefaultHashBuilder::default(), highest)
        } else {
            Engine::new(config)
        };
        Self { engine, keys: Vec::new(), now: Time::ZERO }
    }

    fn speak<S: BuildHasher>(&mut self, to: &mut Pair<S>, verb: u8, whom: u8, presence: u8) {
        let (user, everyone) = (whom % USERS, (0..USERS).collect::<Vec<u8>>());
        let at = self.keys.len().checked_sub(1 + usize::from(whom) % self.keys.len().max(1));
        let later = self.now.saturating_add(presence.into());
        let some = (0..USERS).filter(|user| presence & 1 << user != 0).collect();
        // Those from 20 on came later.
        let verb = if verb < 20 { verb % 10 } else { verb };
        let event = match (verb, at.map(|at| self.keys[at])) {
            (20, Some(session)) => {
                let then = whom.is_multiple_of(2).then_some(!presence);
                Event::PublishUntil { session, presence, until: later, then }
            }
            (21, Some(session)) => Event::Withdraw { session },
            (22, Some(session)) => {
                Event::DirectFor { session, users: everyone, presence, for_ms: presence.into() }
            }
            (23, Some(session)) => Event::Active { session },
            (24, Some(session)) => Event::Unwatch { session, users: some },
            (25 | 26, _) => {
                self.now = later;
                Event::Advance
            }
            (2, Some(session)) if presence >= 0xc0 => Event::Watch { session, users: some },
            (1 | 2 | 31, Some(session)) => Event::Publish { session, presence },
            (3, Some(session)) => Event::Direct { session, users: everyone, presence },
            (4, Some(session)) => Event::Disconnect { session },
            (5, Some(session)) => Event::Resume { session },
            (6, Some(session)) => {
                Event::Lost { session, cause: LostCause::NodeLoss, grace_ms: None }
            }
            (7 | 27, Some(session)) => Event::Invisible { session },
            (8 | 28, _) => Event::Expel { user },
            (9 | 29, _) => Event::System { users: everyone, presence },
            _ => {
                let kind = DeviceKind(presence);
                Event::Connect { user, kind, audience: everyone, blocked: Vec::new() }
            }
        };
        let resumed = at.filter(|_| matches!(event, Event::Resume { .. }));
        let is_connect = matches!(event, Event::Connect { .. });
        let Ok(mut decisions) = self.engine.apply(self.now, event) else {
            return;
        };
        if is_connect {
            self.keys.extend(decisions.session());
        } else if let (Some(at), Some(key)) = (resumed, decisions.session()) {
            self.keys[at] = key;
        }
        while let Some(decision) = decisions.next() {
            to.apply(&decision);
        }
    }
}
