//! What other nodes are told: changes, beats, and answers.

use crate::cluster::Cluster;
use crate::desk::{Desk, Leaving, Post};
use crate::message::{Body, Message, Need, Sync, To, UserState};
use crate::node::NodeId;
use crate::people::{Change, Seen};
use adsum::{RemoteSession, RemoteState};
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};

impl<K, P, S> Cluster<K, P, S>
where
    K: Eq + Hash + Clone,
    P: Clone,
    S: BuildHasher + Clone,
{
    /// Returns the next message. Changes come first: a beat counts them, and what a session says
    /// is understood by those who know the session.
    pub(crate) fn next_message(&mut self) -> Option<(To, Message<K, P>)> {
        if self.desk.leaving == Leaving::Done && !broken!(self.desk, TalkOn) {
            self.forget_changes();
            self.desk.outbox.clear();
            return None;
        }
        let ops = self.next_ops();
        if !ops.is_empty() {
            self.desk.stats.ops_sent += ops.len() as u64;
            return Some((To::Everyone, self.desk.message(Body::Ops(ops))));
        }
        loop {
            let (to, body) = match self.desk.outbox.pop_front()? {
                Post::Beat(to) => (to, Body::Beat(self.desk.beat())),
                Post::Need(need) => (To::Node(need.to), Body::Need(need)),
                Post::Answer { to, need } => (To::Node(to), Body::Sync(self.answer(to, &need))),
                Post::Say { to, body } => (to, body),
                Post::Leaving => {
                    self.desk.leaving = Leaving::Done;
                    (To::Everyone, Body::Leaving)
                }
            };
            // A node that is gone from the table is told nothing.
            let is_known = |id: NodeId| self.desk.peers.find(id).is_some();
            if !matches!(to, To::Node(id) if !is_known(id)) {
                return Some((to, self.desk.message(body)));
            }
        }
    }

    fn next_ops(&mut self) -> Vec<UserState<K, P>> {
        let mut ops = Vec::new();
        while ops.len() < self.desk.config.max_batch as usize {
            let changed = self.engine.next_changed().cloned();
            let Some(user) = changed.or_else(|| self.desk.people.next_listed()) else { break };
            ops.extend(self.next_op(user));
        }
        self.desk.people.forget_gone(self.desk.config.max_gone);
        ops
    }

    /// What changes at a node that has left is told to nobody.
    fn forget_changes(&mut self) {
        while self.engine.next_changed().is_some() {}
        while self.desk.people.next_listed().is_some() {}
        self.desk.ended.clear();
    }

    /// Returns the change of a user who is to be told, if there is anything to tell.
    fn next_op(&mut self, user: K) -> Option<UserState<K, P>> {
        let ended = match self.desk.ended.is_empty() {
            true => Vec::new(),
            false => self.desk.ended.remove(&user).unwrap_or_default(),
        };
        let person = self.desk.people.get(&user);
        let version = person.map(|person| person.version).unwrap_or_default();
        let told = person.and_then(|person| person.own.as_ref()).map(|own| own.told);
        let local = self.engine.local_user(&user);
        let is_here = local.as_ref().is_some_and(|local| local.sessions().next().is_some());
        let Some(local) = local.filter(|_| is_here || self.speaks_of_lists(&user)) else {
            told?;
            let number = self.desk.people.note_own(&user, None);
            self.desk.tidy(&user, self.engine.is_online(&user));
            let state = RemoteState { lists: None, sessions: Vec::new(), ended };
            let stamps = Vec::new();
            return Some(UserState { user, number, is_gone: true, version, stamps, state });
        };
        let with_lists = !is_here || told != Some(version);
        let state = RemoteState { ended, ..local.to_remote(self.desk.now, with_lists) };
        let seen = Self::stamp_all(&mut self.desk, &user, &state.sessions);
        let stamps = seen.iter().map(|seen| seen.stamp).collect();
        self.desk.unpart(&user);
        let number = self.desk.people.note_own(&user, Some((version, seen)));
        self.make_room(&user);
        Some(UserState { user, number, is_gone: false, version, stamps, state })
    }

    /// Returns what is kept of the sessions that this node has of a user. Those that are new get
    /// their stamps.
    fn stamp_all(
        desk: &mut Desk<K, P, S>,
        user: &K,
        sessions: &[RemoteSession<K, P>],
    ) -> Vec<Seen> {
        let mut seen = Vec::with_capacity(sessions.len());
        let known = desk.people.get(user).and_then(|person| person.own.as_ref());
        let stamp_of = |id| known?.seen.iter().find(|seen| seen.id == id).map(|seen| seen.stamp);
        seen.extend(sessions.iter().map(|session| Seen {
            id: session.id,
            stamp: stamp_of(session.id).unwrap_or(0),
            kind: session.kind.0,
            is_lost: session.lost.is_some(),
        }));
        for seen in seen.iter_mut().filter(|seen| seen.stamp == 0) {
            seen.stamp = desk.tick_clock();
        }
        seen
    }

    /// Returns whether this node, which has no sessions of the user, says what its lists are: a
    /// node that has sessions does not have them.
    fn speaks_of_lists(&self, user: &K) -> bool {
        let Some(person) = self.desk.people.get(user) else { return false };
        self.engine.is_online(user) && !person.all_have(person.version)
    }

    // ---- answers

    /// Returns what a node needs, or the first part of it.
    fn answer(&mut self, to: NodeId, need: &Need) -> Sync<K, P> {
        self.desk.stats.syncs_sent += 1;
        let people = &self.desk.people;
        let (seq, forgotten) = (people.seq, people.forgotten);
        let since = need.since;
        let (since, start) = match need.start {
            Some(start) if need.is_full && forgotten <= start && since <= seq && start <= seq => {
                (since, Some(start))
            }
            None if !need.is_full && since >= forgotten && since <= seq => (since, None),
            _ => (0, Some(seq)),
        };
        let max = self.desk.config.max_batch as usize;
        let mut changes: Vec<_> = people.changes(since, start.unwrap_or(0)).take(max + 1).collect();
        let has_more = changes.len() > max;
        changes.truncate(max);
        let end = changes.last().map(|change| change.number).filter(|_| has_more);
        let states = changes.into_iter().filter_map(|change| self.present(change)).collect();
        Sync { to, since, seq: end.unwrap_or(seq), start, last: seq, states }
    }

    /// Returns what there is to say of a user now.
    fn present(&self, change: Change<K>) -> Option<UserState<K, P>> {
        let Change { user, number, is_gone } = change;
        let nothing = RemoteState { lists: None, sessions: Vec::new(), ended: Vec::new() };
        if is_gone {
            if broken!(self.desk, SyncWithoutGone) {
                return None;
            }
            let (version, stamps) = (Default::default(), Vec::new());
            let state = nothing;
            return Some(UserState { user, number, is_gone, version, stamps, state });
        }
        let person = self.desk.people.get(&user)?;
        let own = person.own.as_ref()?;
        let with_lists = !broken!(self.desk, SyncWithoutLists);
        let local = self.engine.local_user(&user);
        let mut state = local.map_or(nothing, |local| local.to_remote(self.desk.now, with_lists));
        // What is not numbered yet comes with its own number.
        state.sessions.retain(|session| own.seen.iter().any(|seen| seen.id == session.id));
        let stamp = |id| own.seen.iter().find(|seen| seen.id == id).map(|seen| seen.stamp);
        let stamps = state.sessions.iter().filter_map(|session| stamp(session.id)).collect();
        let version = person.version;
        Some(UserState { user, number, is_gone, version, stamps, state })
    }
}
