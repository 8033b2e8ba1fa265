//! What other nodes are told: changes, beats, and answers.

use crate::cluster::Cluster;
use crate::desk::{Desk, Leaving, Post, tick};
use crate::message::{Body, Message, Need, Sync, To, UserState};
use crate::node::NodeId;
use crate::people::{Change, Seen, SeenList};
use adsum::{EndReason, LocalUser, RemoteSession, RemoteState, SessionId};
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
            // But what its host orders, that it has done what it was ordered, and who hides.
            let is_said = |post: &Post<K, P>| match post {
                Post::Orders(_) => true,
                Post::Say { body, .. } => matches!(body, Body::Done { .. } | Body::Wish { .. }),
                _ => false,
            };
            self.desk.outbox.retain(is_said);
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
                Post::Orders(to) => match self.desk.orders(to) {
                    Some(body) => (To::Node(to), body),
                    None => continue,
                },
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
        let options = self.engine.options();
        let limit = options.max_sessions_per_kind.unwrap_or(options.max_sessions);
        let limit = usize::from(limit.min(options.max_sessions));
        while ops.len() < self.desk.config.max_batch as usize {
            let Self { engine, desk } = self;
            let next = if let Some(local) = engine.next_changed() {
                next_op(desk, local.id(), local.is_online().then_some(local))
            } else if let Some(user) = desk.people.next_listed() {
                next_op(desk, &user, engine.local_user(&user))
            } else {
                break;
            };
            let Some((op, sessions)) = next else { continue };
            if sessions > limit {
                self.make_room(&op.user);
            }
            ops.push(op);
        }
        self.desk.people.forget_gone(self.desk.config.max_gone);
        ops
    }

    /// Forgets what changes at a node that has left: it is told to nobody.
    fn forget_changes(&mut self) {
        while self.engine.next_changed().is_some() {}
        while self.desk.people.next_listed().is_some() {}
        self.desk.ended.clear();
        self.desk.edges.clear();
    }

    // ---- answers

    /// Returns what a node needs, or the first part of it.
    fn answer(&mut self, to: NodeId, need: &Need) -> Sync<K, P> {
        self.desk.stats.syncs_sent += 1;
        let people = &self.desk.people;
        let (seq, forgotten) = (people.stream.seq, people.forgotten);
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
        let (Change { user, number, is_gone }, posted) = (change, None);
        let nothing = RemoteState { lists: None, sessions: Vec::new(), ended: Vec::new() };
        if is_gone {
            if broken!(self.desk, SyncWithoutGone) {
                return None;
            }
            let (version, stamps) = (Default::default(), Vec::new());
            let state = nothing;
            return Some(UserState {
                user,
                number,
                is_gone,
                posted,
                version,
                is_cut: false,
                stamps,
                state,
            });
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
        Some(UserState { user, number, is_gone, posted, version, is_cut: false, stamps, state })
    }
}

/// Returns the change of a user who is to be told, if there is anything to tell, and how many
/// sessions the user has at all nodes.
fn next_op<K, P, S>(
    desk: &mut Desk<K, P, S>,
    user: &K,
    local: Option<LocalUser<'_, K, P, S>>,
) -> Option<(UserState<K, P>, usize)>
where
    K: Eq + Hash + Clone,
    P: Clone,
    S: BuildHasher,
{
    let ended = match desk.ended.is_empty() {
        true => Vec::new(),
        false => desk.ended.remove(user).unwrap_or_default(),
    };
    let posted = if desk.edges.is_empty() { None } else { desk.edges.remove(user) };
    let is_online = local.is_some();
    let has_past = local.as_ref().is_some_and(LocalUser::is_elsewhere);
    match local {
        Some(local) if local.sessions().next().is_some() => {
            Some(state_here(desk, user, &local, (ended, posted)))
        }
        Some(local) if desk.speaks_of_lists(user) => {
            let version = desk.people.get(user).map(|one| one.version).unwrap_or_default();
            let number = desk.people.note_lists(user, version);
            let state = RemoteState { ended, ..local.to_remote(desk.now, true) };
            let (user, stamps) = (user.clone(), Vec::new());
            let (is_gone, posted) = (false, None);
            Some((
                UserState { user, number, is_gone, posted, version, is_cut: false, stamps, state },
                0,
            ))
        }
        _ => {
            let person = desk.people.get(user)?;
            let version = person.version;
            if person.own.is_none() {
                // Who has come and gone before anything was said of it leaves nothing.
                desk.tidy(user, is_online, posted, has_past);
                return None;
            }
            let number = desk.people.note_gone(user);
            desk.tidy(user, is_online, posted, has_past);
            let state = RemoteState { lists: None, sessions: Vec::new(), ended };
            let (user, stamps) = (user.clone(), Vec::new());
            let is_gone = true;
            Some((
                UserState { user, number, is_gone, posted, version, is_cut: false, stamps, state },
                0,
            ))
        }
    }
}

/// Returns the change of a user who has sessions here. The table is asked once: this is what each
/// publish costs.
fn state_here<K, P, S>(
    desk: &mut Desk<K, P, S>,
    user: &K,
    local: &LocalUser<'_, K, P, S>,
    (ended, posted): (Vec<(SessionId, EndReason)>, Option<u64>),
) -> (UserState<K, P>, usize)
where
    K: Eq + Hash + Clone,
    P: Clone,
    S: BuildHasher,
{
    desk.unpart(user);
    let Desk { people, peers, me, clock, now, .. } = desk;
    let person = people.all.entry_ref(user).or_default();
    let version = person.version;
    let with_lists = person.own.as_ref().is_none_or(|own| own.told != version);
    let state = RemoteState { ended, ..local.to_remote(*now, with_lists) };
    let own = person.own.get_or_insert_default();
    people.stream.number(user, own);
    let number = own.number;
    own.told = version;
    stamp_all(&mut own.seen, &state.sessions, || tick(clock, *now));
    let stamps = own.seen.iter().map(|seen| seen.stamp).collect();
    person.note_newest(|life| peers.name_of(life, *me));
    let sessions = person.sessions().count();
    let (user, is_gone) = (user.clone(), false);
    (UserState { user, number, is_gone, posted, version, is_cut: false, stamps, state }, sessions)
}

/// Brings up to date what is kept of the sessions that this node has of a user. Those that are new
/// get their stamps.
fn stamp_all<K, P>(
    known: &mut SeenList,
    sessions: &[RemoteSession<K, P>],
    mut stamp: impl FnMut() -> u64,
) {
    let are_known = known.iter().map(|seen| seen.id).eq(sessions.iter().map(|session| session.id));
    if are_known {
        for (seen, session) in known.iter_mut().zip(sessions) {
            seen.is_lost = session.lost.is_some();
        }
        return;
    }
    let stamp_of = |id| known.iter().find(|seen| seen.id == id).map(|seen| seen.stamp);
    let stamps = sessions.iter().map(|session| stamp_of(session.id).unwrap_or_else(&mut stamp));
    *known = Seen::all(sessions, stamps);
}
