//! A replica that is told anything at all, by a server that may be hostile: it must hold no more
//! than it was made for, and say of itself what is so.

use crate::hasher::Constant;
use adsum::{
    Config, Decision, DeviceKind, Engine, Event, LostCause, Notice, Options, Replica, Scope,
    SessionId, SessionKey, Snapshot, Time,
};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};

/// What the replica should hold of a session.
#[derive(Clone, Copy, Default)]
struct Held {
    published: Option<u8>,
    directed: Option<u8>,
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
    let limit = usize::from(first / 2 % 8);
    if first % 2 == 0 {
        tell(Pair::new(limit, RandomState::new()), told)
    } else {
        tell(Pair::new(limit, Constant), told)
    }
}

fn tell<S: BuildHasher>(mut pair: Pair<S>, told: &[u8]) -> u64 {
    let told = told.as_chunks::<3>().0;
    let mut server = Server::new();
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

/// The replica, and what it should hold.
struct Pair<S> {
    replica: Replica<u8, u8, SessionId, S>,
    limit: usize,
    truth: BTreeMap<(u8, SessionId), Held>,
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
    fn held_mut(&mut self, user: u8, session: SessionId) -> Option<&mut Held> {
        let key = (user, session);
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
        let of = |(user, session): &(u8, SessionId)| {
            self.replica.sessions_of(user).find(|(held, ..)| held == session)
        };
        let before = self.truth.len();
        self.truth.retain(|key, held| match of(key) {
            None => held.is_repeated(),
            Some((.., directed)) => {
                // It made way and came back with what the snapshot says alone.
                held.directed.take_if(|_| !held.directed_again && directed.is_none());
                true
            }
        });
        let is_full = self.is_open && self.truth.len() == self.limit;
        assert!(self.truth.len() == before || is_full, "nobody makes way where there is room");
    }

    fn expect_presence(&mut self, user: u8, session: SessionId, presence: u8) -> bool {
        let held = self.held_mut(user, session);
        held.map(|held| (held.published, held.published_again) = (Some(presence), true)).is_some()
    }

    fn expect_directed(&mut self, user: u8, session: SessionId, presence: u8) -> bool {
        let held = self.held_mut(user, session);
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
        if let Some(held) = self.truth.get_mut(&(user, session)) {
            (held.directed, held.directed_again) = (None, false);
            if held.published.is_none() {
                self.truth.remove(&(user, session));
            }
        }
    }

    fn expect_withdrawn(&mut self, user: u8, session: SessionId) {
        if let Some(held) = self.truth.get_mut(&(user, session)) {
            (held.published, held.published_again) = (None, false);
            if held.directed.is_none() {
                self.truth.remove(&(user, session));
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

    fn set_directed(&mut self, user: u8, session: SessionId, presence: u8) {
        let fits = self.expect_directed(user, session, presence);
        assert_eq!(self.replica.set_directed(user, session, presence).is_ok(), fits);
        self.some_made_way();
    }

    fn end_session(&mut self, user: u8, session: SessionId) {
        self.truth.remove(&(user, session));
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
            self.expect_presence(*entry.user, entry.session, *entry.presence);
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
            Notice::Directed { user, session, presence, .. } => {
                self.expect_directed(*user, session, *presence)
            }
            Notice::SessionEnded { user, session, .. } => {
                self.truth.remove(&(*user, session));
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
            let mut held: Vec<_> = replica
                .sessions_of(&user)
                .map(|(session, published, directed)| {
                    ((user, session), published.copied(), directed.copied())
                })
                .collect();
            held.sort_unstable();
            let of_user = truth.iter().filter(|((of, _), _)| *of == user);
            let expected: Vec<_> =
                of_user.map(|(key, h)| (*key, h.published, h.directed)).collect();
            assert_eq!(held, expected);
            assert_eq!(replica.is_present(&user), !held.is_empty());
        }
        let lines = format!("{replica:#?}").matches("session ").count();
        assert_eq!(lines, truth.len(), "each is shown once");
    }
}

/// A server that sends all it has to say to one receiver.
struct Server {
    engine: Engine<u8, u8>,
    keys: Vec<SessionKey>,
}

impl Server {
    fn new() -> Self {
        let options = Options { publish_rate: None, lease: None, ..Options::default() };
        let config = Config::new(options).expect("the options go together");
        Self { engine: Engine::new(config), keys: Vec::new() }
    }

    fn speak<S: BuildHasher>(&mut self, to: &mut Pair<S>, verb: u8, whom: u8, presence: u8) {
        let (user, everyone) = (whom % USERS, (0..USERS).collect::<Vec<u8>>());
        let at = self.keys.len().checked_sub(1 + usize::from(whom) % self.keys.len().max(1));
        let event = match (verb % 10, at.map(|at| self.keys[at])) {
            (2, Some(session)) if presence >= 0xc0 => {
                let users = (0..USERS).filter(|user| presence & 1 << user != 0).collect();
                Event::Watch { session, users }
            }
            (1 | 2, Some(session)) => Event::Publish { session, presence },
            (3, Some(session)) => Event::Direct { session, users: everyone, presence },
            (4, Some(session)) => Event::Disconnect { session },
            (5, Some(session)) => Event::Resume { session },
            (6, Some(session)) => {
                Event::Lost { session, cause: LostCause::NodeLoss, grace_ms: None }
            }
            (7, Some(session)) => Event::Invisible { session },
            (8, _) => Event::Expel { user },
            (9, _) => Event::System { users: everyone, presence },
            _ => {
                let kind = DeviceKind(presence);
                Event::Connect { user, kind, audience: everyone, blocked: Vec::new() }
            }
        };
        let resumed = at.filter(|_| matches!(event, Event::Resume { .. }));
        let is_connect = matches!(event, Event::Connect { .. });
        let Ok(mut decisions) = self.engine.apply(Time::ZERO, event) else {
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
