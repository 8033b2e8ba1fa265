//! A few nodes and a network that may lose, repeat and reorder, as a state that is reached by a
//! path of actions. The nodes are the real ones.

mod fingerprint;
mod holds;

pub(super) use fingerprint::Orders;

use super::{name, node};
use crate::{Cluster, ClusterConfig, Fault, Message, Next, To};
use adsum::{Event, Grace, Options, SessionId, SessionKey, Time};
use std::collections::{BTreeMap, BTreeSet};

/// How much may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    /// Changes of users, by each node: there are as many nodes as these.
    pub(super) changes: &'static [u8],
    pub(super) beats: &'static [u8],
    /// How often the first node suspects the second, and its grace may be over.
    pub(super) suspicions: u8,
    /// Whether the first node then hears nothing of the third either.
    pub(super) is_cut_off: bool,
    /// How often the second node is started anew.
    pub(super) restarts: u8,
    /// Whether the users of all nodes are the same. Else each node has users of its own.
    pub(super) is_shared: bool,
    /// How many who have gone are remembered.
    pub(super) max_gone: u32,
    /// How many users a message has.
    pub(super) max_batch: u32,
}

/// What happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// A user at a node connects, shows something else or goes.
    Change {
        at: usize,
        user: u32,
        ends: bool,
    },
    Beat {
        at: usize,
    },
    /// A node hears nothing of another for too long.
    Suspect {
        at: usize,
    },
    /// And for so long that all that it had is over.
    GraceOver {
        at: usize,
    },
    Restart {
        at: usize,
    },
    /// A message that was sent arrives. It may arrive again.
    Deliver {
        nth: u16,
    },
}

/// What a node shows: users, and what each shows.
type Shown = BTreeMap<u32, u32>;

struct One {
    cluster: Cluster<u32, u32>,
    now: u64,
    life: u64,
    keys: BTreeMap<u32, SessionKey>,
    /// Nodes all of whose sessions are over here, and of which nothing is shown yet.
    over: BTreeSet<usize>,
    /// What the present life has shown, from the beginning.
    history: Vec<Shown>,
    /// By node and its life: the last place in its history that this node has shown.
    seen: BTreeMap<(usize, u64), usize>,
    /// By node, life and user: the last value that this node has shown, and whether it is gone
    /// again.
    values: BTreeMap<(usize, u64, u32), (u32, bool)>,
    /// Sessions of all its lives, in the order in which they connected.
    born: Vec<(u64, SessionId)>,
    /// The nodes and lives that this node has numbers for.
    lives: BTreeMap<u32, (usize, u64)>,
}

impl One {
    fn new(at: usize, life: u64, scope: &Scope) -> Self {
        Self {
            cluster: start(at, life, scope),
            now: START_MS,
            life,
            keys: BTreeMap::new(),
            over: BTreeSet::new(),
            history: vec![Shown::new()],
            seen: BTreeMap::new(),
            values: BTreeMap::new(),
            born: Vec::new(),
            lives: BTreeMap::new(),
        }
    }
}

pub(super) struct Group {
    scope: Scope,
    nodes: Vec<One>,
    /// What lives that are over have shown, by node and life.
    histories: BTreeMap<(usize, u64), Vec<Shown>>,
    /// Everything that was sent, and to whom. Nothing is ever taken out.
    air: Vec<(usize, Message<u32, u32>)>,
    value: u32,
    suspicions: u8,
    can_be_over: bool,
}

const START_MS: u64 = 1_000_000_000_000;
const BEAT_MS: u64 = 1_000;
const SUSPECT_MS: u64 = 100_000;
const GRACE_MS: u64 = 100_000_000;

fn start(at: usize, life: u64, scope: &Scope) -> Cluster<u32, u32> {
    let options = Options {
        publish_rate: None,
        lease: None,
        skew_ms: 0,
        settle_ms: 0,
        grace: Grace { node_loss_ms: GRACE_MS, ..Grace::default() },
        ..Options::default()
    };
    let config = ClusterConfig {
        beat_ms: BEAT_MS,
        suspect_ms: SUSPECT_MS,
        max_gone: scope.max_gone,
        max_batch: scope.max_batch,
        ..ClusterConfig::default()
    };
    node(at, life, &options, config)
}

impl Group {
    pub(super) fn new(scope: Scope) -> Self {
        let nodes: Vec<_> = (0..scope.changes.len()).map(|at| One::new(at, 1, &scope)).collect();
        let (histories, air) = (BTreeMap::new(), Vec::new());
        let mut group =
            Self { scope, nodes, histories, air, value: 0, suspicions: 0, can_be_over: false };
        // The nodes know of each other, and what they said to that end is gone.
        for at in 0..group.nodes.len() {
            group.advance_to(at, START_MS).expect("a node starts");
        }
        for nth in 0..group.air.len() {
            group.deliver(nth).expect("nodes meet");
        }
        group.air.clear();
        group.check().expect("nobody shows anything");
        group
    }

    /// Returns what may happen next.
    pub(super) fn actions(&self, taken: &[Action]) -> Vec<Action> {
        let count = |is: &dyn Fn(&Action) -> bool| taken.iter().filter(|one| is(one)).count();
        let mut all = Vec::new();
        for at in 0..self.nodes.len() {
            let changes = count(&|one| matches!(one, Action::Change { at: of, .. } if *of == at));
            if changes < usize::from(self.scope.changes[at]) {
                // Which of two users is the first makes no difference.
                let is_used = taken.iter().any(|one| match one {
                    Action::Change { at: of, .. } => *of == at || self.scope.is_shared,
                    _ => false,
                });
                for user in 0..1 + u32::from(is_used) {
                    all.push(Action::Change { at, user, ends: false });
                    if self.nodes[at].keys.contains_key(&user) {
                        all.push(Action::Change { at, user, ends: true });
                    }
                }
            }
            let beats = count(&|one| matches!(one, Action::Beat { at: of } if *of == at));
            if beats < usize::from(self.scope.beats[at]) {
                all.push(Action::Beat { at });
            }
        }
        if self.suspicions < self.scope.suspicions {
            all.push(Action::Suspect { at: 0 });
        }
        if self.can_be_over {
            all.push(Action::GraceOver { at: 0 });
        }
        if count(&|one| matches!(one, Action::Restart { .. })) < usize::from(self.scope.restarts) {
            all.push(Action::Restart { at: 1 });
        }
        all.extend((0..self.air.len()).map(|nth| Action::Deliver { nth: nth as u16 }));
        all
    }

    pub(super) fn act(&mut self, action: Action) -> Result<(), String> {
        match action {
            Action::Change { at, user, ends } => self.change(at, user, ends)?,
            Action::Beat { at } => {
                let due = self.nodes[at].cluster.desk.next_beat.as_millis();
                self.advance_to(at, due)?;
            }
            Action::Suspect { at } => {
                self.suspicions += 1;
                self.can_be_over = true;
                self.quietly(at, SUSPECT_MS)?;
            }
            Action::GraceOver { at } => {
                self.can_be_over = false;
                self.quietly(at, GRACE_MS)?;
                let one = &mut self.nodes[at];
                let desk = &one.cluster.desk;
                let is_over = |of: &usize| {
                    let peer = desk.peers.find(name(*of)).map(|peer| desk.peers.at(peer));
                    peer.is_some_and(|peer| peer.is_lost && peer.ends.is_none())
                };
                one.over.extend((0..self.scope.changes.len()).filter(is_over));
            }
            Action::Restart { at } => {
                let one = &mut self.nodes[at];
                self.histories.insert((at, one.life), core::mem::take(&mut one.history));
                let (now, born) = (one.now, core::mem::take(&mut one.born));
                *one = One { now, born, ..One::new(at, one.life + 1, &self.scope) };
                self.advance_to(at, now)?;
            }
            Action::Deliver { nth } => self.deliver(usize::from(nth))?,
        }
        self.check()
    }

    /// Lets time pass at the first node, whose own beats are not heard.
    fn quietly(&mut self, at: usize, for_ms: u64) -> Result<(), String> {
        let before = self.air.len();
        let until = self.nodes[at].now + for_ms;
        let desk = &mut self.nodes[at].cluster.desk;
        // Of the third it hears all the time, though not of what is new there.
        for of in (2..self.scope.changes.len()).filter(|_| !self.scope.is_cut_off) {
            if let Some(peer) = desk.peers.find(name(of)) {
                desk.peers.at_mut(peer).heard = Time::from_millis(until);
            }
        }
        self.advance_to(at, until)?;
        self.air.truncate(before);
        Ok(())
    }

    fn change(&mut self, at: usize, user: u32, ends: bool) -> Result<(), String> {
        self.value += 1;
        let value = self.value;
        let one = &mut self.nodes[at];
        let id = if self.scope.is_shared { user } else { at as u32 * 10 + user };
        let now = Time::from_millis(one.now);
        let known = one.keys.get(&user).copied();
        let refused = |error: adsum::Error| error.to_string();
        let session = match known {
            Some(session) => session,
            None => {
                let (kind, audience) = (adsum::DeviceKind(0), vec![0, 1, 10, 11, 20, 21]);
                let connect = Event::Connect { user: id, kind, audience, blocked: Vec::new() };
                let outputs = one.cluster.apply(now, connect).map_err(refused)?;
                let session = outputs.session().ok_or("a connect gives a key")?;
                drop(outputs);
                let id = one.cluster.engine().session(session).map(|session| session.id);
                one.born.extend(id.map(|id| (one.life, id)));
                session
            }
        };
        let event = if ends {
            one.keys.remove(&user);
            Event::Disconnect { session }
        } else {
            one.keys.insert(user, session);
            Event::Publish { session, presence: value }
        };
        drop(one.cluster.apply(now, event).map_err(refused)?);
        self.pump(at);
        let shown = self.shown_by(at, at);
        self.nodes[at].history.push(shown);
        Ok(())
    }

    fn advance_to(&mut self, at: usize, now: u64) -> Result<(), String> {
        let one = &mut self.nodes[at];
        one.now = one.now.max(now);
        drop(one.cluster.advance(Time::from_millis(one.now)));
        self.pump(at);
        self.nodes[at].cluster.engine().verify().map_err(str::to_owned)
    }

    fn pump(&mut self, at: usize) {
        let one = &mut self.nodes[at];
        let mut sent = Vec::new();
        while let Some(next) = one.cluster.next(Time::from_millis(one.now)) {
            match next {
                Next::Send { to, message } => sent.push((to, message)),
                Next::Decisions(outputs) => drop(outputs),
                Next::PostOnline { .. } => {}
            }
        }
        for (to, message) in sent {
            let is_meant = |other: &usize| match to {
                To::Everyone => *other != at,
                To::Node(id) => id == name(*other),
            };
            let meant: Vec<_> = (0..self.nodes.len()).filter(is_meant).collect();
            assert!(!meant.is_empty() && !meant.contains(&at), "{to:?} is nobody else");
            for other in meant {
                let flight = (other, message.clone());
                if !self.air.contains(&flight) {
                    self.air.push(flight);
                }
            }
        }
    }

    fn deliver(&mut self, nth: usize) -> Result<(), String> {
        let (to, message) = self.air[nth].clone();
        let from = message.from;
        let now = Time::from_millis(self.nodes[to].now);
        let taken = self.nodes[to].cluster.receive(now, from, message);
        self.pump(to);
        match taken {
            Ok(()) | Err(Fault::OldIncarnation { .. }) => Ok(()),
            Err(fault) => Err(format!("a node's message is refused: {fault}")),
        }
    }
}
