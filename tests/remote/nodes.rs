//! Three engines that tell each other of their users, each with sessions of its own that believe
//! what they are told.

use adsum::{
    Candidate, Decision, DeviceKind, EndReason, Engine, Event, Join, LostCause, Options, Origin,
    RemoteState, SessionId, SessionKey, Time, View,
};
use adsum_model::beliefs::Beliefs;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::RandomState;

pub(crate) const NODES: usize = 3;
const USERS: u32 = 5;
const TOPICS: u32 = 2;

pub(crate) struct Node {
    pub(crate) engine: Engine<u32, u32>,
    pub(crate) beliefs: Beliefs,
    /// Why sessions have ended, for those who are to be told.
    ended: BTreeMap<u32, Vec<(SessionId, EndReason)>>,
    /// Which word of the host a user's lists are, and its wish to be seen: the newest counts.
    versions: BTreeMap<u32, u64>,
    /// Users whose first session or last end the host was told of, and who are online by that.
    online: BTreeSet<u32>,
}

/// What two nodes know of each other.
#[derive(Default)]
struct Link {
    is_down: bool,
    /// Whom the receiving node has not heard of since.
    unheard: BTreeSet<u32>,
    down_since: u64,
}

pub(crate) struct Nodes {
    pub(crate) nodes: Vec<Node>,
    /// From each to each.
    links: Vec<Link>,
    /// Who is whose contact, and who has blocked whom: what the application knows.
    friends: BTreeSet<(u32, u32)>,
    blocked: BTreeSet<(u32, u32)>,
    grace_ms: u64,
    version: u64,
    state: u64,
    pub(crate) now: u64,
    pub(crate) log: Vec<String>,
    pub(crate) ends: usize,
}

impl Nodes {
    pub(crate) fn new(options: &Options, seed: u64) -> Self {
        let node = || {
            let config = adsum::Config::new(options.clone()).expect("the options are in range");
            let mut engine = match options.idle_after_ms {
                Some(_) => Engine::with_representative(config, RandomState::default(), newest),
                None => Engine::new(config),
            };
            engine.note_changes();
            let (beliefs, ended, online) = (Beliefs::default(), BTreeMap::new(), BTreeSet::new());
            let versions = BTreeMap::new();
            Node { engine, beliefs, ended, versions, online }
        };
        Self {
            nodes: (0..NODES).map(|_| node()).collect(),
            links: (0..NODES * NODES).map(|_| Link::default()).collect(),
            grace_ms: options.grace.node_loss_ms,
            friends: [(0, 1), (0, 2), (1, 2), (2, 3)]
                .iter()
                .flat_map(|(a, b)| [(*a, *b), (*b, *a)])
                .collect(),
            blocked: BTreeSet::new(),
            version: 0,
            state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            now: 1_000,
            log: Vec::new(),
            ends: 0,
        }
    }

    fn random(&mut self, below: u32) -> u32 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state >> 33) as u32 % below
    }

    fn session(&mut self, at: usize, is_attached: bool) -> Option<SessionKey> {
        let all = self.nodes[at].engine.all_sessions();
        let own = all.filter(|one| !one.key.is_remote() && (!is_attached || one.is_attached()));
        let all: Vec<_> = own.map(|session| session.key).collect();
        let nth = self.random(all.len().max(1) as u32);
        all.get(nth as usize).copied()
    }

    fn users(&mut self) -> Vec<u32> {
        let mask = self.random(1 << USERS);
        (0..USERS).filter(|user| mask >> user & 1 == 1).collect()
    }

    fn event(&mut self, at: usize) -> Option<Event<u32, u32>> {
        let attached = self.session(at, true);
        let presence = self.random(1_000);
        let user = self.random(USERS);
        Some(match self.random(34) {
            0..5 => {
                let kind = DeviceKind(self.random(2) as u8);
                let of = |pairs: &BTreeSet<(u32, u32)>| {
                    let own = pairs.iter().filter(|(of, _)| *of == user);
                    own.map(|(_, other)| *other).collect()
                };
                let (audience, blocked) = (of(&self.friends), of(&self.blocked));
                Event::Connect { user, kind, audience, blocked }
            }
            5..11 => Event::Publish { session: attached?, presence },
            11 => {
                let until = Time::from_millis(self.now + u64::from(self.random(400)));
                let then = (self.random(2) == 0).then_some(presence + 1_000);
                Event::PublishUntil { session: attached?, presence, until, then }
            }
            12 => Event::Withdraw { session: attached? },
            13 => Event::Invisible { session: attached? },
            14 => Event::Visible { session: attached? },
            15 => Event::AudienceAdd { user, contacts: vec![self.random(USERS)] },
            16 => Event::AudienceRemove { user, contacts: vec![self.random(USERS)] },
            17 => Event::Block { user, other: self.random(USERS) },
            18 => Event::Unblock { user, other: self.random(USERS) },
            19 => Event::Congested { session: attached? },
            20 => {
                let all = self.nodes[at].engine.all_sessions();
                let session = all.filter(|one| one.is_congested).map(|one| one.key).next()?;
                Event::Writable { session }
            }
            21 | 22 => Event::Lost {
                session: attached?,
                cause: LostCause::ConnectionError,
                grace_ms: [None, Some(0), Some(300)][self.random(3) as usize],
            },
            23 | 24 => Event::Resume { session: self.session(at, false)? },
            25 | 26 => Event::Disconnect { session: self.session(at, false)? },
            27 => Event::Watch { session: attached?, users: self.users() },
            28 | 29 => {
                let topic = 100 + self.random(TOPICS);
                let presence = (self.random(2) == 0).then_some(presence);
                let views = [View::All, View::All, View::Nothing, View::Count, View::Sample(2)];
                let view = views[self.random(views.len() as u32) as usize];
                let join = match self.random(4) {
                    0 => Join::Observer { view },
                    _ => Join::Member { presence, view },
                };
                Event::Join { session: attached?, topic, join }
            }
            30 => {
                let topic = self.nodes[at].engine.topics_of(attached?).next()?.key();
                Event::Update { session: attached?, topic, presence }
            }
            31 => {
                let topic = self.nodes[at].engine.topics_of(attached?).next()?.key();
                Event::Leave { session: attached?, topic }
            }
            32 if self.random(2) == 0 => Event::Active { session: attached? },
            32 => Event::Direct { session: attached?, users: self.users(), presence },
            _ => Event::Expel { user },
        })
    }

    pub(crate) fn step(&mut self) -> Result<(), String> {
        self.now += [0, 0, 3, 40, 200, 700][self.random(6) as usize];
        for at in 0..NODES {
            self.advance(at)?;
        }
        let at = self.random(NODES as u32) as usize;
        match self.event(at) {
            // Whoever expels somebody says so to all nodes.
            Some(event @ Event::Expel { .. }) => {
                for at in 0..NODES {
                    self.give(at, event.clone())?;
                }
            }
            Some(event) => self.edit(at, event)?,
            None => {}
        }
        match self.random(40) {
            0 => self.cut()?,
            1 | 2 => self.heal()?,
            3 => self.nodes[at].engine.shrink_to_fit(),
            _ => {}
        }
        Ok(())
    }

    /// Gives an input, and if it is the application's word on two users, also what it says of the
    /// other: contacts are mutual.
    fn edit(&mut self, at: usize, event: Event<u32, u32>) -> Result<(), String> {
        match &event {
            Event::AudienceAdd { user, contacts } if contacts[0] != *user => {
                let other = contacts[0];
                self.friends.extend([(*user, other), (other, *user)]);
                let back = Event::AudienceAdd { user: other, contacts: vec![*user] };
                self.give(self.host_of(other).unwrap_or(at), back)?;
            }
            Event::AudienceRemove { user, contacts } => {
                let (user, other) = (*user, contacts[0]);
                self.friends.retain(|pair| *pair != (user, other) && *pair != (other, user));
                let back = Event::AudienceRemove { user: other, contacts: vec![user] };
                self.give(self.host_of(other).unwrap_or(at), back)?;
            }
            Event::Block { user, other } if user != other => {
                self.blocked.insert((*user, *other));
            }
            Event::Unblock { user, other } => {
                self.blocked.remove(&(*user, *other));
            }
            _ => {}
        }
        let of = match &event {
            Event::AudienceAdd { user, .. } | Event::AudienceRemove { user, .. } => Some(*user),
            Event::Block { user, .. } | Event::Unblock { user, .. } => Some(*user),
            _ => None,
        };
        let host = of.and_then(|user| self.host_of(user));
        self.give(host.unwrap_or(at), event)
    }

    /// Returns a node that has a session of a user: whoever changes its lists says so there.
    fn host_of(&self, user: u32) -> Option<usize> {
        let is_own = |one: SessionKey| !one.is_remote();
        self.nodes.iter().position(|node| node.engine.sessions(&user).any(is_own))
    }

    /// Tells the time at each deadline up to now.
    fn advance(&mut self, at: usize) -> Result<(), String> {
        for _ in 0..10_000 {
            let due = self.nodes[at].engine.deadline();
            if due.is_none_or(|due| due.as_millis() > self.now) {
                return Ok(());
            }
            self.give(at, Event::Advance)?;
        }
        Err(format!("node {at} has something to do for ever"))
    }

    fn give(&mut self, at: usize, event: Event<u32, u32>) -> Result<(), String> {
        let now = Time::from_millis(self.now);
        self.log.push(format!("{} at {at}: {event:?}", self.now));
        let Self { nodes, log, ends, version, .. } = self;
        let node = &mut nodes[at];
        let edits = match &event {
            Event::Connect { user, .. } => Some(*user),
            Event::AudienceAdd { user, .. } | Event::AudienceRemove { user, .. } => Some(*user),
            Event::Block { user, .. } | Event::Unblock { user, .. } => Some(*user),
            Event::Invisible { session } | Event::Visible { session } => {
                node.engine.user_of(*session).copied()
            }
            _ => None,
        };
        let before = edits.map(|user| lists(&node.engine, user));
        node.beliefs.expect(&node.engine, &event);
        match node.engine.apply(now, event.clone()) {
            Ok(mut decisions) => {
                node.beliefs.accept(&event, decisions.session());
                while let Some(decision) = decisions.next() {
                    log.push(format!("    {decision:?}"));
                    Node::take(&mut node.beliefs, &mut node.ended, &mut node.online, &decision)?;
                    *ends += usize::from(matches!(decision, Decision::Ended { .. }));
                }
            }
            Err(refused) => log.push(format!("    refused: {refused}")),
        }
        // An edit that changes nothing is none.
        if let Some(user) = edits.filter(|user| before != Some(lists(&node.engine, *user))) {
            *version += 1;
            node.versions.insert(user, *version);
        }
        self.look(at)?;
        self.spread(at)
    }

    /// Whether a node is as it should be after an input.
    fn look(&mut self, at: usize) -> Result<(), String> {
        let node = &mut self.nodes[at];
        node.beliefs.learn(&node.engine);
        node.engine.verify()?;
        node.beliefs.check(&node.engine, false).map_err(|wrong| format!("node {at}: {wrong}"))?;
        let online: BTreeSet<u32> = node.engine.users_online().copied().collect();
        if online == node.online {
            return Ok(());
        }
        Err(format!("node {at}: {online:?} are online, the host knows of {:?}", node.online))
    }

    /// Has the other nodes hear of whoever has changed at this one.
    fn spread(&mut self, at: usize) -> Result<(), String> {
        while let Some(user) = self.nodes[at].engine.next_changed().map(|user| *user.id()) {
            for to in (0..NODES).filter(|to| *to != at) {
                if self.links[at * NODES + to].is_down {
                    self.links[at * NODES + to].unheard.insert(user);
                } else {
                    self.tell(at, to, user)?;
                }
            }
            self.nodes[at].ended.remove(&user);
        }
        Ok(())
    }

    fn tell(&mut self, at: usize, to: usize, user: u32) -> Result<(), String> {
        let now = Time::from_millis(self.now);
        let ended = self.nodes[at].ended.get(&user).cloned().unwrap_or_default();
        // A node to which the user is offline knows nothing of its lists.
        let version = |at: usize| {
            let is_known = self.nodes[at].engine.is_online(&user);
            self.nodes[at].versions.get(&user).copied().filter(|_| is_known).unwrap_or(0)
        };
        let (own, theirs) = (version(at), version(to));
        let with_lists = own >= theirs;
        let local = self.nodes[at].engine.local_user(&user);
        let nothing = RemoteState { lists: None, sessions: Vec::new(), ended: Vec::new() };
        let state = local.map_or(nothing, |local| local.to_remote(now, with_lists));
        self.nodes[to].versions.insert(user, own.max(theirs));
        let state = RemoteState { ended, ..state };
        self.log.push(format!("  {at} tells {to} of {user}: {state:?}"));
        let Self { nodes, log, .. } = self;
        let node = &mut nodes[to];
        let mut decisions = node
            .engine
            .remote_state(now, Origin(at as u32), user, state)
            .map_err(|refused| format!("{to} refuses what {at} says of {user}: {refused}"))?;
        while let Some(decision) = decisions.next() {
            log.push(format!("    {decision:?}"));
            Node::take(&mut node.beliefs, &mut node.ended, &mut node.online, &decision)?;
        }
        drop(decisions);
        self.look(to)?;
        // What ends at the other because of this is its own word.
        self.spread(to)
    }

    // ---- nodes that hear nothing of each other

    fn cut(&mut self) -> Result<(), String> {
        let (a, b) = (self.random(NODES as u32) as usize, self.random(NODES as u32) as usize);
        if a == b || self.links[a * NODES + b].is_down {
            return Ok(());
        }
        self.log.push(format!("{} {a} and {b} hear nothing of each other", self.now));
        for (from, to) in [(a, b), (b, a)] {
            let link = &mut self.links[from * NODES + to];
            (link.is_down, link.down_since) = (true, self.now);
            self.of_origin(to, |engine, now| engine.origin_lost(now, Origin(from as u32)))?;
        }
        Ok(())
    }

    fn of_origin(
        &mut self,
        to: usize,
        verb: impl FnOnce(&mut Engine<u32, u32>, Time) -> adsum::Decisions<'_, u32, u32>,
    ) -> Result<(), String> {
        let Self { nodes, log, .. } = self;
        let node = &mut nodes[to];
        let mut decisions = verb(&mut node.engine, Time::from_millis(self.now));
        while let Some(decision) = decisions.next() {
            log.push(format!("    {decision:?}"));
            Node::take(&mut node.beliefs, &mut node.ended, &mut node.online, &decision)?;
        }
        drop(decisions);
        self.look(to)?;
        self.spread(to)
    }

    /// All hear of each other again.
    pub(crate) fn heal(&mut self) -> Result<(), String> {
        self.log.push(format!("{} all hear of each other", self.now));
        for from in 0..NODES {
            for to in 0..NODES {
                let link = &mut self.links[from * NODES + to];
                if !core::mem::take(&mut link.is_down) {
                    continue;
                }
                let mut unheard = core::mem::take(&mut link.unheard);
                if self.now >= link.down_since + self.grace_ms {
                    // All that the node had has ended here.
                    unheard.extend(0..USERS);
                }
                self.of_origin(to, |engine, now| engine.origin_back(now, Origin(from as u32)))?;
                for user in unheard {
                    self.tell(from, to, user)?;
                }
            }
        }
        Ok(())
    }

    /// In quiet, whether all nodes hold the same of everybody.
    pub(crate) fn agree(&mut self) -> Result<(), String> {
        self.heal()?;
        for _ in 0..3 {
            self.now += 1_000;
            for at in 0..NODES {
                self.advance(at)?;
            }
        }
        let view = |node: &Node| {
            let sessions = node.engine.all_sessions();
            let sessions =
                sessions.map(|one| (*one.user, one.presence.copied(), one.lost.is_some()));
            let mut sessions: Vec<_> = sessions.collect();
            sessions.sort_unstable();
            let users: Vec<_> = node.online.iter().copied().collect();
            let lists: Vec<_> = users.iter().map(|user| lists(&node.engine, *user)).collect();
            let topics: Vec<_> = (100..100 + TOPICS)
                .map(|topic| node.engine.topic(&topic).map(|topic| topic.counts()))
                .collect();
            (sessions, users, lists, topics)
        };
        let views: Vec<_> = self.nodes.iter().map(view).collect();
        if views.iter().all(|other| *other == views[0]) {
            return Ok(());
        }
        Err(format!("the nodes hold different things: {views:?}"))
    }
}

/// Has the session speak for its user that shows the greatest number: at every node the same one.
pub(crate) fn newest(candidates: &[Candidate<'_, u32>]) -> usize {
    let all = candidates.iter().enumerate();
    all.max_by_key(|(_, one)| (!one.detached, one.presence)).map_or(0, |(nth, _)| nth)
}

/// Returns what belongs to a user and not to one node, as an engine has it.
fn lists(engine: &Engine<u32, u32>, user: u32) -> (Vec<u32>, Vec<u32>, bool) {
    let mut audience: Vec<_> = engine.audience(&user).copied().collect();
    let mut blocked: Vec<_> = engine.blocked(&user).copied().collect();
    audience.sort_unstable();
    blocked.sort_unstable();
    (audience, blocked, engine.is_invisible(&user))
}

impl Node {
    fn take(
        beliefs: &mut Beliefs,
        ended: &mut BTreeMap<u32, Vec<(SessionId, EndReason)>>,
        online: &mut BTreeSet<u32>,
        decision: &Decision<'_, u32, u32>,
    ) -> Result<(), String> {
        beliefs.take_in(decision)?;
        match decision {
            Decision::Online { user, .. } if !online.insert(**user) => {
                return Err(format!("{user} comes online and is"));
            }
            Decision::Ended { user, session, id, reason, last, .. } => {
                if !session.is_remote() {
                    ended.entry(**user).or_default().push((*id, *reason));
                }
                if *last && !online.remove(*user) {
                    return Err(format!("{user} goes and is not there"));
                }
            }
            _ => {}
        }
        Ok(())
    }
}
