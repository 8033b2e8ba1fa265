//! Which states of a group of nodes count as one.

use super::{BEAT_MS, Group, One, START_MS, Scope, Shown};
use crate::{Body, Message, UserState, Version};
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

/// Orders in which nodes may be looked at: nodes that may do the same are interchangeable.
pub(in crate::tests) struct Orders(Vec<Vec<usize>>);

impl Orders {
    pub(in crate::tests) fn of(scope: &Scope) -> Self {
        let count = scope.changes.len();
        let mut all: Vec<Vec<usize>> = vec![Vec::new()];
        for _ in 0..count {
            let longer = |order: &Vec<usize>| {
                let left: Vec<_> = (0..count).filter(|at| !order.contains(at)).collect();
                let order = order.clone();
                left.into_iter().map(move |at| order.iter().copied().chain([at]).collect())
            };
            all = all.iter().flat_map(longer).collect();
        }
        all.retain(|order| order.iter().enumerate().all(|(place, at)| is_same(scope, place, *at)));
        Self(all)
    }
}

/// Returns whether two nodes may do the same.
fn is_same(scope: &Scope, one: usize, other: usize) -> bool {
    // The first node suspects, the second is suspected and starts anew.
    let has_part = |at| match at {
        0 => scope.suspicions > 0,
        1 => scope.restarts > 0 || (scope.suspicions > 0 && !scope.is_cut_off),
        _ => false,
    };
    let may = |at: usize| (scope.changes[at], scope.beats[at]);
    // Of lists of one user the name of the node decides which are newer.
    one == other
        || (!scope.is_shared && may(one) == may(other) && !has_part(one) && !has_part(other))
}

/// One order of the nodes.
struct Naming<'a> {
    group: &'a Group,
    order: &'a [usize],
    /// Whether there are others: then checksums, which depend on names, are left to what they are
    /// made of.
    has_others: bool,
}

impl Group {
    /// Returns a number for all that matters from now on. Clocks do not: no more than two beats
    /// pass, and where each user is of one node, no two words of lists are to be compared.
    pub(in crate::tests) fn fingerprint(&self, Orders(orders): &Orders) -> u128 {
        let has_others = orders.len() > 1;
        let each = orders.iter().map(|order| {
            let naming = Naming { group: self, order, has_others };
            let mut hashers = [DefaultHasher::new(), DefaultHasher::new()];
            1_u8.hash(&mut hashers[1]);
            for hasher in &mut hashers {
                (self.value, self.suspicions, self.can_be_over).hash(hasher);
                order.iter().for_each(|at| naming.hash_node(*at, hasher));
            }
            let numbers = self.air.iter().map(|(to, message)| naming.number_of(*to, message));
            let sum = numbers.fold(0_u64, u64::wrapping_add);
            let [a, b] = hashers.map(|hasher| hasher.finish());
            u128::from(a ^ sum) << 64 | u128::from(b.wrapping_add(sum.rotate_left(17)))
        });
        each.min().unwrap_or_default()
    }
}

impl Naming<'_> {
    fn place(&self, at: usize) -> Option<usize> {
        self.order.iter().position(|of| *of == at)
    }

    fn user(&self, user: u32) -> (Option<usize>, u32) {
        if self.group.scope.is_shared {
            return (None, user);
        }
        (self.place(user as usize / 10), user % 10)
    }

    fn shown(&self, shown: &Shown) -> Vec<(Option<usize>, u32, u32)> {
        let renamed = shown.iter().map(|(user, value)| {
            let (place, user) = self.user(*user);
            (place, user, *value)
        });
        renamed.collect()
    }

    /// Returns which node and which life of it another one has this number for.
    fn life(&self, one: &One, life: u32) -> Option<(Option<usize>, u64)> {
        let (of, life) = one.lives.get(&life)?;
        Some((self.place(*of), *life))
    }

    const fn digest(&self, digest: u64) -> u64 {
        if self.has_others { 0 } else { digest }
    }

    /// Returns a moment of a logical clock as far as it matters.
    const fn clock(&self, clock: u64) -> u64 {
        if self.group.scope.is_shared { clock.saturating_sub(START_MS) } else { 0 }
    }

    const fn version(&self, version: Version) -> (u64, u64, u64) {
        let Version { clock, by, wish, .. } = version;
        if self.group.scope.is_shared { (self.clock(clock), by, wish) } else { (0, 0, wish) }
    }

    fn hash_node(&self, at: usize, hasher: &mut DefaultHasher) {
        let one = &self.group.nodes[at];
        let lives = (1..one.life).filter_map(|life| self.group.histories.get(&(at, life)));
        for history in lives.chain([&one.history]) {
            let history = history.iter().map(|shown| self.shown(shown));
            history.collect::<Vec<_>>().hash(hasher);
        }
        let mut seen: Vec<_> =
            one.seen.iter().map(|((of, life), last)| (self.place(*of), life, last)).collect();
        seen.sort_unstable();
        let values = one.values.iter();
        let mut values: Vec<_> = values
            .map(|((of, life, user), value)| (self.place(*of), life, self.user(*user), value))
            .collect();
        values.sort_unstable();
        let mut over: Vec<_> = one.over.iter().map(|of| self.place(*of)).collect();
        over.sort_unstable();
        (one.life, seen, values, over).hash(hasher);
        one.keys.keys().for_each(|user| user.hash(hasher));
        let desk = &one.cluster.desk;
        let stream = &desk.people.stream;
        (stream.seq, self.digest(stream.sum.digest), desk.people.forgotten).hash(hasher);
        (desk.round, desk.now >= desk.next_beat).hash(hasher);
        if self.group.scope.is_shared {
            (self.clock(desk.clock), desk.now.as_millis() - START_MS).hash(hasher);
        }
        self.hash_sessions(one, hasher);
        self.hash_people(one, hasher);
        let mut peers: Vec<_> = desk.peers.iter().collect();
        peers.sort_unstable_by_key(|peer| self.life(one, peer.life.0));
        for peer in peers {
            let asked = peer.asked.is_some_and(|at| desk.now.since(at) < BEAT_MS);
            self.life(one, peer.life.0).hash(hasher);
            (peer.held, peer.seq, peer.round).hash(hasher);
            (peer.is_floor, peer.is_lost, peer.ends.is_some(), asked).hash(hasher);
            let is_right = peer.sum == desk.people.sum_of(peer.life);
            (self.digest(peer.sum.digest), is_right).hash(hasher);
            peer.chain.map(|chain| (chain.start, chain.at)).hash(hasher);
        }
    }

    fn hash_sessions(&self, one: &One, hasher: &mut DefaultHasher) {
        let engine = one.cluster.engine();
        let sessions = engine.all_sessions().map(|session| {
            let origin = engine.origin_of(session.id);
            let origin = origin.map(|origin| self.life(one, origin.0));
            let presence = session.presence.copied();
            (self.user(*session.user), origin, presence, session.lost.is_some())
        });
        let mut sessions: Vec<_> = sessions.collect();
        sessions.sort_unstable();
        sessions.hash(hasher);
    }

    /// Takes in what is kept of users: the numbers of changes, and where a user may be at several
    /// nodes, how old lists and sessions are.
    fn hash_people(&self, one: &One, hasher: &mut DefaultHasher) {
        let mut people: Vec<_> = one.cluster.desk.people.all.iter().collect();
        people.sort_unstable_by_key(|(user, _)| self.user(**user));
        for (user, person) in people {
            (self.user(*user), self.version(person.version)).hash(hasher);
            (person.is_listed, person.is_doubted).hash(hasher);
            if let Some(own) = &person.own {
                (own.number, self.version(own.told)).hash(hasher);
                own.seen.iter().for_each(|seen| self.clock(seen.stamp).hash(hasher));
            }
            let held = person.held.iter().map(|held| {
                let stamps = held.seen.iter().map(|seen| self.clock(seen.stamp));
                let stamps: Vec<_> = stamps.collect();
                let life = self.life(one, held.life.0);
                (life, held.number, self.version(held.version), stamps)
            });
            let mut held: Vec<_> = held.collect();
            held.sort_unstable();
            held.hash(hasher);
        }
        for unsaid in &one.cluster.desk.unsaid {
            (self.life(one, unsaid.life.0), self.user(unsaid.user), unsaid.number).hash(hasher);
        }
    }

    /// Returns a number for what a message says: the same for two that differ by clocks alone,
    /// where those do not matter.
    fn number_of(&self, to: usize, message: &Message<u32, u32>) -> u64 {
        let mut hasher = DefaultHasher::new();
        // A node's name in these tests.
        let from = message.incarnation.random as usize;
        (self.place(to), self.place(from), message.incarnation.started_ms).hash(&mut hasher);
        self.clock(message.clock).hash(&mut hasher);
        match &message.body {
            Body::Ops(ops) => self.hash_states(from, message, ops, &mut hasher),
            Body::Beat(beat) => {
                let digest = self.digest(beat.digest);
                (1, beat.round, beat.seq, digest, beat.is_joining).hash(&mut hasher);
            }
            Body::Need(need) => (2, need.since, need.is_full, need.start).hash(&mut hasher),
            Body::Sync(sync) => {
                (3, sync.since, sync.seq, sync.start, sync.last).hash(&mut hasher);
                self.hash_states(from, message, &sync.states, &mut hasher);
            }
            other => std::format!("{other:?}").hash(&mut hasher),
        }
        hasher.finish()
    }

    fn hash_states(
        &self,
        from: usize,
        message: &Message<u32, u32>,
        states: &[UserState<u32, u32>],
        hasher: &mut DefaultHasher,
    ) {
        let life = message.incarnation.started_ms;
        let born = &self.group.nodes[from].born;
        for state in states {
            let has_lists = state.state.lists.is_some();
            (self.user(state.user), state.number, state.is_gone, has_lists).hash(hasher);
            self.version(state.version).hash(hasher);
            state.stamps.iter().for_each(|stamp| self.clock(*stamp).hash(hasher));
            for session in &state.state.sessions {
                let shown = session.shown.as_ref().map(|shown| shown.presence);
                let nth = born.iter().position(|one| *one == (life, session.id));
                (nth, session.number, shown).hash(hasher);
            }
        }
    }
}
