//! Nodes with clients that believe what they are told, clocks that are apart, and a network that
//! loses, repeats and reorders, or that is cut.

#[path = "edges.rs"]
mod edges;
#[path = "inputs.rs"]
mod inputs;
#[path = "mishaps.rs"]
mod mishaps;
#[path = "wishes.rs"]
pub(super) mod wishes;

use super::{config, name, node};
use crate::{Body, Cluster, ClusterConfig, Fault, Message, Next, Output, To};
use adsum::{Decision, DeviceKind, Event, Notice, Options, SessionKey, Time};
use adsum_model::beliefs::Beliefs;
use edges::Stamped;
use std::collections::{BTreeMap, BTreeSet};
use wishes::Wishes;

pub(super) const USERS: u32 = 6;
const TOPICS: u32 = 2;

/// What the network does to messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weather {
    /// Of a hundred messages, so many are lost.
    pub(super) lost: u32,
    /// Of a hundred, so many come twice.
    pub(super) repeated: u32,
    /// The longest that one takes, in milliseconds.
    pub(super) delay_ms: u32,
}

impl Weather {
    pub(super) const FINE: Self = Self { lost: 0, repeated: 0, delay_ms: 3 };
    pub(super) const FOUL: Self = Self { lost: 30, repeated: 10, delay_ms: 40 };
}

pub(super) struct Node {
    pub(super) cluster: Cluster<u32, u32>,
    beliefs: Beliefs,
    /// How far ahead its clock is.
    ahead_ms: u64,
    life: u64,
    pub(super) is_up: bool,
    /// Users who are online as the host was told by edges.
    online: BTreeSet<u32>,
    faults: Vec<Fault>,
    /// Inputs that end a session, which wait until what was heard is done.
    waiting: Vec<Event<u32, u32>>,
}

/// From whom to whom a message is under way.
type Flight = (usize, usize, Message<u32, u32>);

pub(super) struct World {
    pub(super) nodes: Vec<Node>,
    options: Options,
    config: ClusterConfig,
    /// What is under way: when it arrives, from whom, to whom.
    air: BTreeMap<(u64, u64), Flight>,
    sent: u64,
    /// The last beat of each node.
    beats: BTreeMap<usize, Message<u32, u32>>,
    pub(super) weather: Weather,
    /// Pairs of nodes that hear nothing of each other.
    cuts: BTreeSet<(usize, usize)>,
    friends: BTreeSet<(u32, u32)>,
    /// The host's version of everything.
    version: u64,
    state: u64,
    pub(super) now: u64,
    pub(super) log: Vec<String>,
    /// Whether lists are changed, so that for a moment they are not mutual.
    pub(super) has_edits: bool,
    /// Whether hosts give a node several inputs, and messages, before they ask what there is to do.
    pub(super) is_lazy: bool,
    /// Whether each node's clients are looked at after each input.
    pub(super) is_exact: bool,
    pub(super) offline_notices: usize,
    pub(super) notices: usize,
    pub(super) ends: usize,
    /// Edges that were posted, by any node: the user, and whether it comes.
    pub(super) posts: Vec<(u32, bool)>,
    /// The newest of them of each user.
    stamped: BTreeMap<u32, Stamped>,
    /// What each node knew up to before it knew of the life of another.
    before: BTreeMap<(usize, usize), (u64, u64)>,
    /// How often each node has said that an edge may have been missed.
    pub(super) missed: Vec<usize>,
    wishes: Wishes,
}

impl Node {
    fn give(
        &mut self,
        now: Time,
        version: Option<u64>,
        event: Event<u32, u32>,
    ) -> Result<(Vec<Taken>, Option<adsum::Error>), String> {
        let Self { cluster, beliefs, waiting, .. } = self;
        beliefs.expect(cluster.engine(), &event);
        let mut taken = Vec::new();
        let given = match version {
            Some(version) => cluster.apply_version(now, version, event.clone()),
            None => cluster.apply(now, event.clone()),
        };
        let mut outputs = match given {
            Ok(outputs) => outputs,
            Err(refused) => return Ok((taken, Some(refused))),
        };
        if let Event::Resume { session } = &event {
            waiting.retain(|one| !matches!(one, Event::Lost { session: of, .. } if of == session));
        }
        match event {
            Event::Lost { .. } | Event::Disconnect { .. } => waiting.push(event),
            event => beliefs.accept(&event, outputs.session()),
        }
        while let Some(output) = outputs.next() {
            beliefs.take_in(&output.decision)?;
            taken.push(Taken::of(&output));
        }
        Ok((taken, None))
    }

    /// Forgets receivers that have gone.
    fn let_go(&mut self) {
        let Self { cluster, beliefs, waiting, .. } = self;
        waiting.retain(|event| {
            let (Event::Lost { session, .. } | Event::Disconnect { session }) = event else {
                return false;
            };
            let is_there = cluster.engine().is_attached(*session);
            if !is_there {
                beliefs.accept(event, None);
            }
            is_there
        });
    }
}

impl World {
    pub(super) fn new(count: usize, options: &Options, seed: u64) -> Self {
        Self::with_config(count, options, config(), seed)
    }

    pub(super) fn with_config(
        count: usize,
        options: &Options,
        config: ClusterConfig,
        seed: u64,
    ) -> Self {
        let ahead = [0, 3_600_000, 20_000, 999_999, 5];
        let nodes = (0..count).map(|at| Node {
            cluster: node(at, 1, options, config.clone()),
            beliefs: Beliefs::default(),
            ahead_ms: 1_000_000 + ahead[at],
            life: 1,
            is_up: true,
            online: BTreeSet::new(),
            faults: Vec::new(),
            waiting: Vec::new(),
        });
        let pairs = [(0, 1), (0, 2), (1, 2), (2, 3), (3, 4), (4, 5)];
        Self {
            nodes: nodes.collect(),
            options: options.clone(),
            config,
            air: BTreeMap::new(),
            sent: 0,
            beats: BTreeMap::new(),
            weather: Weather::FINE,
            cuts: BTreeSet::new(),
            friends: pairs.iter().flat_map(|(a, b)| [(*a, *b), (*b, *a)]).collect(),
            version: 1,
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            now: 0,
            log: Vec::new(),
            has_edits: false,
            is_lazy: false,
            is_exact: true,
            offline_notices: 0,
            notices: 0,
            ends: 0,
            posts: Vec::new(),
            stamped: BTreeMap::new(),
            before: BTreeMap::new(),
            missed: vec![0; count],
            wishes: Wishes::default(),
        }
    }

    pub(super) fn random(&mut self, below: u32) -> u32 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 33) as u32 % below
    }

    pub(super) fn clock(&self, at: usize) -> Time {
        Time::from_millis(self.now + self.nodes[at].ahead_ms)
    }

    // ---- the network

    fn send(&mut self, from: usize, to: To, message: &Message<u32, u32>) {
        if matches!(message.body, Body::Beat(_)) {
            self.beats.insert(from, message.clone());
        }
        for other in 0..self.nodes.len() {
            let is_meant = match to {
                To::Everyone => other != from,
                To::Node(id) => id == name(other),
            };
            let is_cut = self.cuts.contains(&(from.min(other), from.max(other)));
            if !is_meant || is_cut || self.random(100) < self.weather.lost {
                continue;
            }
            let copies = if self.random(100) < self.weather.repeated { 2 } else { 1 };
            for _ in 0..copies {
                self.sent += 1;
                let arrives = self.now + u64::from(self.random(self.weather.delay_ms + 1));
                self.air.insert((arrives, self.sent), (from, other, message.clone()));
            }
        }
    }

    /// Lets the time pass, with everything that arrives and is due.
    pub(super) fn run(&mut self, for_ms: u64) -> Result<(), String> {
        let until = self.now + for_ms;
        loop {
            let arrives = self.air.keys().next().map(|(at, _)| *at);
            let due =
                self.nodes.iter().enumerate().filter(|(_, node)| node.is_up).map(|(at, one)| {
                    let due = one.cluster.deadline().as_millis().saturating_sub(one.ahead_ms);
                    (due.max(self.now), at)
                });
            let due = due.min().filter(|(at, _)| *at <= until);
            match (arrives.filter(|at| *at <= until), due) {
                (Some(arrives), due) if due.is_none_or(|(at, _)| arrives <= at) => {
                    self.now = self.now.max(arrives);
                    self.deliver()?;
                }
                (_, Some((at, node))) => {
                    self.now = at;
                    self.give(node, Event::Advance)?;
                    // All that is due comes before what arrives.
                    let due = |one: &Self| one.nodes[node].cluster.engine().deadline();
                    while due(self).is_some_and(|due| due <= self.clock(node)) {
                        self.give(node, Event::Advance)?;
                    }
                }
                _ => break,
            }
        }
        self.now = until;
        Ok(())
    }

    fn deliver(&mut self) -> Result<(), String> {
        let Some((_, (from, to, message))) = self.air.pop_first() else { return Ok(()) };
        if !self.nodes[to].is_up {
            return Ok(());
        }
        self.receive(from, to, message);
        // A host may give inputs of its own before it does what it has heard.
        let waits = self.has_edits && self.random(4) == 0 || self.is_lazy && self.random(2) == 0;
        if waits { Ok(()) } else { self.pump(to) }
    }

    /// Returns a beat of a node that is under way, or was: the last.
    pub(super) fn last_beat(&self, of: usize) -> Option<Message<u32, u32>> {
        self.beats.get(&of).cloned()
    }

    /// A message arrives once more.
    pub(super) fn arrive(&mut self, from: usize, to: usize, message: Message<u32, u32>) {
        self.air.insert((self.now, 0), (from, to, message));
        self.deliver().expect("nothing goes wrong");
    }

    // ---- inputs

    /// Gives a node an input, and does what there is to do about it.
    pub(super) fn give(&mut self, at: usize, event: Event<u32, u32>) -> Result<(), String> {
        self.input(at, event)?;
        // A host may hear something, or give more, before it says what has changed.
        if self.has_edits && self.random(4) == 0 {
            self.hear(at);
        }
        if self.is_lazy && self.random(2) == 0 { Ok(()) } else { self.pump(at) }
    }

    /// Gives a node an input, and does nothing about it yet but what the engine decides.
    fn input(&mut self, at: usize, event: Event<u32, u32>) -> Result<(), String> {
        let now = self.clock(at);
        if !matches!(event, Event::Advance) {
            self.log.push(format!("{} at {at}: {event:?}", self.now));
        }
        let is_edit = matches!(event, Event::AudienceReplace { .. });
        self.version += u64::from(is_edit);
        let version = (is_edit || matches!(event, Event::Connect { .. })).then_some(self.version);
        let wish = self.wish_in(at, &event);
        let (taken, refused) = self.nodes[at].give(now, version, event)?;
        self.nodes[at].let_go();
        if let Some(wish) = wish.filter(|_| refused.is_none()) {
            self.wishes.note(wish);
        }
        self.log.extend(refused.map(|refused| format!("    refused: {refused}")));
        self.take(at, taken)?;
        self.look(at)
    }

    pub(super) fn pump(&mut self, at: usize) -> Result<(), String> {
        let now = self.clock(at);
        loop {
            let mut taken = Vec::new();
            let node = &mut self.nodes[at];
            let sends = match node.cluster.next(now) {
                None => break,
                Some(Next::PostOnline { user, number }) => {
                    taken.push(Taken::Posted { user, number });
                    None
                }
                Some(Next::Send { to, message }) => Some((to, message)),
                Some(Next::Decisions(mut outputs)) => {
                    while let Some(output) = outputs.next() {
                        node.beliefs.take_in(&output.decision)?;
                        taken.push(Taken::of(&output));
                    }
                    None
                }
            };
            if let Some((to, message)) = sends {
                self.send(at, to, &message);
                continue;
            }
            self.nodes[at].let_go();
            self.take(at, taken)?;
            self.look(at)?;
        }
        self.missed[at] += usize::from(self.nodes[at].cluster.take_missed());
        self.look_at_what_is_known(at)
    }

    fn take(&mut self, at: usize, taken: Vec<Taken>) -> Result<(), String> {
        for one in taken {
            match one {
                Taken::Online { user, posts } => {
                    if !self.nodes[at].online.insert(user) {
                        return Err(format!("{user} comes online at {at} and is"));
                    }
                    self.log.push(format!("    {} at {at}: {user} is online", self.now));
                    self.post(at, user, (posts, true));
                }
                Taken::Ended { user, last, posts } => {
                    self.ends += 1;
                    if last && !self.nodes[at].online.remove(&user) {
                        return Err(format!("{user} goes at {at} and is not there"));
                    }
                    let what = if last { "is offline" } else { "has a session less" };
                    self.log.push(format!("    {} at {at}: {user} {what} {posts:?}", self.now));
                    self.post(at, user, (posts, false));
                }
                Taken::Told { is_offline } => {
                    self.notices += 1;
                    self.offline_notices += usize::from(is_offline);
                    self.log.push(format!("    {} at {at}: told {is_offline}", self.now));
                }
                Taken::Posted { user, number } => {
                    self.log.push(format!("    {} at {at}: {user} is posted again", self.now));
                    self.post(at, user, (Some(number), true));
                }
                Taken::Else => {}
            }
        }
        Ok(())
    }

    /// Whether a node is as it should be after an input.
    fn look(&mut self, at: usize) -> Result<(), String> {
        let is_exact = self.is_exact && !self.has_edits;
        let node = &mut self.nodes[at];
        node.beliefs.learn(node.cluster.engine());
        node.cluster.engine().verify()?;
        let online: BTreeSet<u32> = node.cluster.engine().users_online().copied().collect();
        if online != node.online {
            return Err(format!(
                "{at}: {online:?} are online, the host knows of {:?}",
                node.online
            ));
        }
        if is_exact { self.believe(at) } else { Ok(()) }
    }

    fn believe(&mut self, at: usize) -> Result<(), String> {
        let node = &mut self.nodes[at];
        let checked = node.beliefs.check(node.cluster.engine(), false);
        checked.map_err(|wrong| format!("node {at}: {wrong}"))
    }

    // ---- random inputs

    pub(super) fn session(&mut self, at: usize, is_attached: bool) -> Option<SessionKey> {
        let all = self.nodes[at].cluster.engine().all_sessions();
        let own = all.filter(|one| !one.key.is_remote() && (!is_attached || one.is_attached()));
        let mut all: Vec<_> = own.map(|session| session.key).collect();
        all.sort_unstable();
        let nth = self.random(all.len().max(1) as u32);
        all.get(nth as usize).copied()
    }

    /// Connects a device of a user, whose contacts are those of the world.
    pub(super) fn log_in(&mut self, at: usize, user: u32) -> SessionKey {
        let before: BTreeSet<_> = self.keys(at, user);
        let connect = self.connect(user, 0);
        self.give(at, connect).expect("a connect is right");
        let new = self.keys(at, user).difference(&before).next().copied();
        new.expect("the connect is not refused")
    }

    /// Returns the keys of a user's sessions at a node of its own.
    pub(super) fn keys(&self, at: usize, user: u32) -> BTreeSet<SessionKey> {
        let sessions = self.nodes[at].cluster.engine().sessions(&user);
        sessions.filter(|key| !key.is_remote()).collect()
    }

    pub(super) fn publish(&mut self, at: usize, session: SessionKey, presence: u32) {
        self.give(at, Event::Publish { session, presence }).expect("a publish is right");
    }

    /// Returns what a node shows of a user: each session's presence.
    pub(super) fn shown(&self, at: usize, user: u32) -> Vec<Option<u32>> {
        let all = self.nodes[at].cluster.engine().all_sessions();
        let of_user = all.filter(|session| *session.user == user);
        let mut shown: Vec<_> = of_user.map(|session| session.presence.copied()).collect();
        shown.sort_unstable();
        shown
    }

    /// Lets time pass in which nothing may go wrong.
    pub(super) fn wait(&mut self, for_ms: u64) {
        self.run(for_ms).expect("nothing goes wrong by itself");
    }

    pub(super) fn connect(&self, user: u32, kind: u8) -> Event<u32, u32> {
        let contacts = self.contacts(user);
        let kind = DeviceKind(kind);
        Event::Connect { user, kind, audience: contacts, blocked: Vec::new() }
    }

    fn contacts(&self, user: u32) -> Vec<u32> {
        self.friends.iter().filter(|(of, _)| *of == user).map(|(_, other)| *other).collect()
    }

    // ---- in quiet

    /// All nodes are up and hear of each other. Two beats later each has of the others what they
    /// say, and when what has died is over, all are the same.
    pub(super) fn agree(&mut self) -> Result<(), String> {
        self.heal();
        (0..self.nodes.len()).for_each(|at| self.start(at));
        let is_lazy = core::mem::take(&mut self.is_lazy);
        (0..self.nodes.len()).try_for_each(|at| self.pump(at))?;
        let weather = core::mem::replace(&mut self.weather, Weather::FINE);
        // What is under way has arrived, and then there are two beats.
        self.run(u64::from(weather.delay_ms) + 2 * config().beat_ms + 20)?;
        self.compare_soon()?;
        self.run(self.options.grace.node_loss_ms + config().suspect_ms + 1_000)?;
        self.compare_soon()?;
        let views: Vec<_> = (0..self.nodes.len()).map(|at| self.view(at)).collect();
        if let Some(at) = views.iter().position(|view| *view != views[0]) {
            return Err(format!("the nodes hold different things:\n{}\n{}", views[0], views[at]));
        }
        for at in 0..self.nodes.len() {
            // Lists that change were not mutual for a moment: a snapshot in it may lack somebody.
            if !self.has_edits {
                self.believe(at)?;
            }
            let stats = self.nodes[at].cluster.stats();
            if stats.wrong_digests > 0 {
                return Err(format!("{at} had {} wrong digests", stats.wrong_digests));
            }
        }
        (self.weather, self.is_lazy) = (weather, is_lazy);
        self.look_at_wishes()?;
        self.look_at_posts()
    }

    /// What ended a moment ago by itself is still under way.
    fn compare_soon(&mut self) -> Result<(), String> {
        for _ in 0..3 {
            for at in 0..self.nodes.len() {
                self.pump(at)?;
            }
            if self.compare_by_node().is_ok() {
                return Ok(());
            }
            self.run(u64::from(Weather::FINE.delay_ms) + 1)?;
        }
        self.compare_by_node()
    }

    fn compare_by_node(&self) -> Result<(), String> {
        let up = || (0..self.nodes.len()).filter(|at| self.nodes[*at].is_up);
        for of in up() {
            let said = self.said(of, of);
            for at in up() {
                let held = self.said(at, of);
                if held != said {
                    return Err(format!("{at} holds of {of}: {held:?}, which says {said:?}"));
                }
            }
        }
        Ok(())
    }

    /// Returns what a node holds of what another one says: user, presence, is detached.
    fn said(&self, at: usize, of: usize) -> Vec<(u32, Option<u32>, bool)> {
        let Node { cluster, .. } = &self.nodes[at];
        let life = cluster.desk.peers.find(name(of)).map(|peer| cluster.desk.peers.at(peer).life.0);
        let sessions = cluster.engine().all_sessions().filter(|session| {
            // One whose end is kept back for a moment is not there any more.
            let mut origins = cluster.engine().origins_of(session.user);
            let origin = cluster.engine().origin_of(session.id);
            let origin = origin.filter(|origin| origins.any(|of| of == *origin));
            let is_theirs = origin.is_some_and(|origin| Some(origin.0) == life);
            if at == of { !session.key.is_remote() } else { is_theirs }
        });
        let sessions = sessions.map(|one| (*one.user, one.presence.copied(), one.lost.is_some()));
        let mut sessions: Vec<_> = sessions.collect();
        sessions.sort_unstable();
        sessions
    }

    fn view(&self, at: usize) -> String {
        let engine = self.nodes[at].cluster.engine();
        let sessions = engine.all_sessions();
        let sessions = sessions.map(|one| (*one.user, one.presence.copied(), one.lost.is_some()));
        let mut sessions: Vec<_> = sessions.collect();
        sessions.sort_unstable();
        let users: Vec<_> = self.nodes[at].online.iter().copied().collect();
        let lists: Vec<_> = users
            .iter()
            .map(|user| {
                let audience: BTreeSet<_> = engine.audience(user).copied().collect();
                let blocked: BTreeSet<_> = engine.blocked(user).copied().collect();
                (audience, blocked, engine.is_invisible(user))
            })
            .collect();
        let topics: Vec<_> = (100..100 + TOPICS)
            .map(|topic| {
                let topic = engine.topic(&topic)?;
                let members = topic.members().map(|one| (*one.user, one.presence.copied()));
                let members: BTreeSet<_> = members.collect();
                Some((topic.counts(), topic.options().sample, members))
            })
            .collect();
        format!("{sessions:?} {users:?} {lists:?} {topics:?}")
    }
}

/// What of a decision matters beyond beliefs.
enum Taken {
    Online { user: u32, posts: Option<u64> },
    Ended { user: u32, last: bool, posts: Option<u64> },
    Told { is_offline: bool },
    Posted { user: u32, number: u64 },
    Else,
}

impl Taken {
    fn of(output: &Output<'_, u32, u32>) -> Self {
        let posts = output.posts_edge;
        match &output.decision {
            Decision::Online { user, .. } => Self::Online { user: **user, posts },
            Decision::Ended { user, last, .. } => Self::Ended { user: **user, last: *last, posts },
            Decision::Deliver { notice, .. } => {
                Self::Told { is_offline: matches!(notice, Notice::UserOffline { .. }) }
            }
            _ => Self::Else,
        }
    }
}
