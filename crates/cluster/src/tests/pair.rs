//! Two nodes and a network that may lose, repeat and reorder, as a state that is reached by a path
//! of actions. The nodes are the real ones.

use super::{name, node};
use crate::{Body, Cluster, ClusterConfig, Fault, Message, Next, To, UserState};
use adsum::{Event, Grace, Options, SessionKey, Time};
use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

/// How much may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    /// Changes of users, by each node.
    pub(super) changes: [u8; 2],
    pub(super) beats: [u8; 2],
    /// How often the first node suspects the second, and its grace may be over.
    pub(super) suspicions: u8,
    /// How often the second node is started anew.
    pub(super) restarts: u8,
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
    /// A node hears nothing of the other for too long.
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
    /// All that the other had is over here, and nothing of it is shown yet.
    is_over: bool,
    /// What the present life has shown, from the beginning.
    history: Vec<Shown>,
    /// By life of the other node: the last place in its history that this node has shown.
    seen: BTreeMap<u64, usize>,
    /// By life and user: the last value that this node has shown, and whether it is gone again.
    values: BTreeMap<(u64, u32), (u32, bool)>,
}

pub(super) struct Pair {
    scope: Scope,
    nodes: [One; 2],
    /// What lives that are over have shown, by node and life.
    histories: BTreeMap<(usize, u64), Vec<Shown>>,
    /// Everything that was sent, and to whom. Nothing is ever taken out.
    pub(super) air: Vec<(usize, Message<u32, u32>)>,
    value: u32,
    suspicions: u8,
    can_be_over: bool,
}

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

impl Pair {
    pub(super) fn new(scope: Scope) -> Self {
        let one = |at| One {
            cluster: start(at, 1, &scope),
            now: 1_000_000_000_000,
            life: 1,
            keys: BTreeMap::new(),
            is_over: false,
            history: vec![Shown::new()],
            seen: BTreeMap::new(),
            values: BTreeMap::new(),
        };
        let nodes = [one(0), one(1)];
        let (histories, air) = (BTreeMap::new(), Vec::new());
        let mut pair =
            Self { scope, nodes, histories, air, value: 0, suspicions: 0, can_be_over: false };
        // The nodes know of each other, and what they said to that end is gone.
        for at in 0..2 {
            pair.advance_to(at, pair.nodes[at].now).expect("a node starts");
        }
        for nth in 0..pair.air.len() {
            pair.deliver(nth).expect("nodes meet");
        }
        pair.air.clear();
        pair
    }

    /// Returns what may happen next.
    pub(super) fn actions(&self, taken: &[Action]) -> Vec<Action> {
        let count = |is: &dyn Fn(&Action) -> bool| taken.iter().filter(|one| is(one)).count();
        let mut all = Vec::new();
        for at in 0..2 {
            let changes = count(&|one| matches!(one, Action::Change { at: of, .. } if *of == at));
            if changes < usize::from(self.scope.changes[at]) {
                // Which of two users is the first makes no difference.
                let is_used = taken
                    .iter()
                    .any(|one| matches!(one, Action::Change { at: of, .. } if *of == at));
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
                self.nodes[at].is_over = true;
                self.quietly(at, GRACE_MS)?;
            }
            Action::Restart { at } => {
                let one = &mut self.nodes[at];
                self.histories.insert((at, one.life), core::mem::take(&mut one.history));
                one.life += 1;
                one.cluster = start(at, one.life, &self.scope);
                (one.history, one.seen) = (vec![Shown::new()], BTreeMap::new());
                one.values.clear();
                one.keys.clear();
                let now = one.now;
                self.advance_to(at, now)?;
            }
            Action::Deliver { nth } => self.deliver(usize::from(nth))?,
        }
        self.check()
    }

    /// Lets time pass at a node whose own beats are not heard.
    fn quietly(&mut self, at: usize, for_ms: u64) -> Result<(), String> {
        let before = self.air.len();
        let until = self.nodes[at].now + for_ms;
        self.advance_to(at, until)?;
        self.air.truncate(before);
        Ok(())
    }

    fn change(&mut self, at: usize, user: u32, ends: bool) -> Result<(), String> {
        self.value += 1;
        let value = self.value;
        let one = &mut self.nodes[at];
        // Each node has users of its own.
        let id = at as u32 * 10 + user;
        let now = Time::from_millis(one.now);
        let known = one.keys.get(&user).copied();
        let refused = |error: adsum::Error| error.to_string();
        let session = match known {
            Some(session) => session,
            None => {
                let (kind, audience) = (adsum::DeviceKind(0), vec![0, 1, 10, 11]);
                let connect = Event::Connect { user: id, kind, audience, blocked: Vec::new() };
                let outputs = one.cluster.apply(now, connect).map_err(refused)?;
                outputs.session().ok_or("a connect gives a key")?
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
                Next::Send { to, message } => {
                    let is_other = to == To::Everyone || to == To::Node(name(1 - at));
                    assert!(is_other, "{to:?} is nobody");
                    sent.push((1 - at, message));
                }
                Next::Decisions(outputs) => drop(outputs),
            }
        }
        for message in sent {
            if !self.air.contains(&message) {
                self.air.push(message);
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

    // ---- what must hold

    /// Returns what a node shows of one: of itself, or of the present life of the other.
    fn shown_by(&self, at: usize, of: usize) -> Shown {
        let cluster = &self.nodes[at].cluster;
        let life = cluster.desk.peers.find(name(of)).map(|peer| cluster.desk.peers.at(peer).life.0);
        let sessions = cluster.engine().all_sessions().filter(|session| {
            let origin = cluster.engine().origin_of(session.id).map(|origin| origin.0);
            if at == of { origin.is_none() } else { origin.is_some() && origin == life }
        });
        sessions.map(|session| (*session.user, session.presence.copied().unwrap_or(0))).collect()
    }

    /// Whether what each shows of the other is what that has shown at one moment, and none before
    /// the last such.
    fn check(&mut self) -> Result<(), String> {
        for at in 0..2 {
            let of = 1 - at;
            let shown = self.shown_by(at, of);
            let one = &self.nodes[at];
            if one.cluster.stats().wrong_digests > 0 {
                return Err(format!("{at} finds a wrong digest"));
            }
            let Some(peer) = one.cluster.desk.peers.find(name(of)) else { continue };
            let peer = one.cluster.desk.peers.at(peer);
            // Nothing is shown when everything is over, until something is again.
            if one.is_over && shown.is_empty() {
                continue;
            }
            let life = peer.incarnation.started_ms;
            let history = match self.histories.get(&(of, life)) {
                Some(history) => history,
                None => &self.nodes[of].history,
            };
            if self.scope.max_batch < 100 {
                // An answer in parts is that of one moment for each user by itself.
                self.check_values(at, life, &shown)?;
                continue;
            }
            let last = one.seen.get(&life).copied().unwrap_or(0);
            let found = history.iter().skip(last).position(|one| *one == shown);
            let Some(found) = found else {
                let was = history.contains(&shown);
                let what = if was { "what was before" } else { "what never was" };
                return Err(format!("{at} shows {what}: {shown:?} of {history:?}"));
            };
            self.nodes[at].seen.insert(life, last + found);
            self.nodes[at].is_over = false;
        }
        Ok(())
    }

    /// Whether no user shows what it showed before, or was gone since.
    fn check_values(&mut self, at: usize, life: u64, shown: &Shown) -> Result<(), String> {
        let values = &mut self.nodes[at].values;
        for ((of, user), (_, is_gone)) in values.iter_mut() {
            *is_gone |= *of == life && !shown.contains_key(user);
        }
        for (user, value) in shown {
            let known = values.insert((life, *user), (*value, false));
            if known.is_some_and(|(last, is_gone)| *value < last || (is_gone && *value == last)) {
                return Err(format!("{at} shows what {user} showed before: {value}"));
            }
        }
        Ok(())
    }

    /// One round of beats, questions and answers of which nothing is lost. Then both show what the
    /// other does.
    pub(super) fn heal(&mut self) -> Result<(), String> {
        self.air.clear();
        for at in 0..2 {
            let due = self.nodes[at].cluster.desk.next_beat.as_millis();
            self.advance_to(at, due)?;
        }
        let mut nth = 0;
        while nth < self.air.len() {
            self.deliver(nth)?;
            nth += 1;
            if nth > 100 {
                return Err("the nodes go on and on".to_owned());
            }
        }
        self.check()?;
        for at in 0..2 {
            let (shown, theirs) = (self.shown_by(at, 1 - at), self.shown_by(1 - at, 1 - at));
            if shown != theirs {
                return Err(format!("after a round {at} shows {shown:?}, and it is {theirs:?}"));
            }
            let peer = self.nodes[at].cluster.desk.peers.find(name(1 - at));
            let peer = peer.map(|peer| self.nodes[at].cluster.desk.peers.at(peer));
            let own = &self.nodes[1 - at].cluster.desk.people;
            if peer.is_none_or(|peer| {
                peer.sum != own.stream.sum || peer.held != own.stream.seq || peer.is_lost
            }) {
                return Err(format!("after a round {at} holds {peer:?}"));
            }
        }
        Ok(())
    }

    // ---- which states are the same

    /// Returns a number for all that matters from now on. Clocks do not: no more than two beats
    /// pass, and each user is of one node, so no two words of lists are to be compared.
    pub(super) fn fingerprint(&self) -> u128 {
        let mut hashers = [DefaultHasher::new(), DefaultHasher::new()];
        1_u8.hash(&mut hashers[1]);
        for hasher in &mut hashers {
            (self.value, self.suspicions, self.can_be_over).hash(hasher);
            for (at, one) in self.nodes.iter().enumerate() {
                let desk = &one.cluster.desk;
                (one.life, &one.history, &one.seen, &one.values, &one.keys).hash(hasher);
                one.is_over.hash(hasher);
                (desk.people.stream.seq, desk.people.stream.sum.digest, desk.people.forgotten)
                    .hash(hasher);
                (desk.round, desk.now >= desk.next_beat).hash(hasher);
                let mut sessions: Vec<_> = one.cluster.engine().all_sessions().collect();
                sessions.sort_unstable_by_key(|session| session.id);
                for session in &sessions {
                    let origin = one.cluster.engine().origin_of(session.id);
                    (session.user, session.presence, origin, session.lost.is_some()).hash(hasher);
                }
                for peer in desk.peers.iter() {
                    let asked = peer.asked.is_some_and(|at| desk.now.since(at) < BEAT_MS);
                    (peer.incarnation, peer.held, peer.seq, peer.round).hash(hasher);
                    (peer.is_floor, peer.is_lost, peer.ends.is_some(), asked).hash(hasher);
                    (peer.sum.digest, peer.chain.map(|chain| (chain.start, chain.at))).hash(hasher);
                }
                at.hash(hasher);
            }
        }
        let sum = self.air.iter().fold(0_u64, |sum, message| sum.wrapping_add(number_of(message)));
        let [a, b] = hashers.map(|hasher| hasher.finish());
        u128::from(a ^ sum) << 64 | u128::from(b.wrapping_add(sum.rotate_left(17)))
    }
}

/// Returns a number for what a message says: the same for two that differ by clocks alone.
fn number_of((to, message): &(usize, Message<u32, u32>)) -> u64 {
    let mut hasher = DefaultHasher::new();
    (to, message.incarnation).hash(&mut hasher);
    let states = |states: &[UserState<u32, u32>], hasher: &mut DefaultHasher| {
        for state in states {
            (state.user, state.number, state.is_gone, state.state.lists.is_some()).hash(hasher);
            for session in &state.state.sessions {
                let shown = session.shown.as_ref().map(|shown| shown.presence);
                (session.id, session.number, shown).hash(hasher);
            }
        }
    };
    match &message.body {
        Body::Ops(ops) => states(ops, &mut hasher),
        Body::Beat(beat) => (1, beat.round, beat.seq, beat.digest).hash(&mut hasher),
        Body::Need(need) => (2, need.since, need.is_full, need.start).hash(&mut hasher),
        Body::Sync(sync) => {
            (3, sync.since, sync.seq, sync.start, sync.last).hash(&mut hasher);
            states(&sync.states, &mut hasher);
        }
        other => std::format!("{other:?}").hash(&mut hasher),
    }
    hasher.finish()
}
