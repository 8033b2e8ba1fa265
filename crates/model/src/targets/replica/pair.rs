//! A replica, what it should hold, and whatever is told to both.

use super::names::{TOPICS, USERS};
use super::truth::{Truth, Where};

use adsum::{
    Changes, Decision, Notice, Replica, Scope, SessionId, Snapshot, Time, TopicChange, TopicCounts,
    TopicSnapshot, View,
};
use std::collections::BTreeSet;
use std::hash::BuildHasher;

/// The replica, and what it should hold.
pub(super) struct Pair<S> {
    replica: Replica<u8, u8, SessionId, S>,
    pub(super) truth: Truth,
}

impl<S: BuildHasher> Pair<S> {
    pub(super) fn new(limit: usize, hasher: S) -> Self {
        let replica = Replica::with_hasher(limit, hasher);
        Self { replica, truth: Truth::new(limit) }
    }

    // ---- contacts, in parts

    pub(super) fn set_presence(&mut self, user: u8, session: SessionId, presence: u8) {
        let fits = self.truth.set_presence(user, session, presence);
        assert_eq!(self.replica.set_presence(user, session, presence).is_ok(), fits);
    }

    pub(super) fn set_user(&mut self, user: u8, presence: u8, idle_since: Option<Time>) {
        let fits = self.truth.set_user(user, presence, idle_since);
        assert_eq!(self.replica.set_user(user, presence, idle_since).is_ok(), fits);
    }

    pub(super) fn set_directed(&mut self, user: u8, session: SessionId, presence: u8) {
        let fits = self.truth.set_directed(user, session, presence);
        assert_eq!(self.replica.set_directed(user, session, presence).is_ok(), fits);
    }

    pub(super) fn set_visible(&mut self, visible: bool) {
        self.truth.visible = Some(visible);
        self.replica.set_visible(visible);
    }

    pub(super) fn end_published(&mut self, user: u8, session: SessionId) {
        self.truth.keep(|key| key == (user, Some(session)), |held| held.published = None);
        self.replica.end_published(&user, session);
    }

    pub(super) fn end_directed(&mut self, user: u8, session: SessionId) {
        self.truth.keep(|key| key == (user, Some(session)), |held| held.directed = None);
        self.replica.end_directed(&user, session);
    }

    pub(super) fn end_session(&mut self, user: u8, session: SessionId) {
        self.truth.keep(
            |key| key == (user, Some(session)),
            |held| {
                (held.published, held.directed) = (None, None);
            },
        );
        self.replica.end_session(&user, session);
    }

    pub(super) fn end_user(&mut self, user: u8) {
        self.truth
            .keep(|(of, _)| of == user, |held| (held.published, held.directed) = (None, None));
        self.replica.end_user(&user);
    }

    pub(super) fn forget(&mut self, user: u8) {
        self.truth.keep(|(of, _)| of == user, |held| held.published = None);
        self.replica.forget(&user);
    }

    pub(super) fn begin_snapshot(&mut self) {
        self.truth.begin();
        self.replica.begin_snapshot();
    }

    pub(super) fn end_snapshot(&mut self) {
        let fits = self.truth.end();
        assert_eq!(self.replica.end_snapshot().is_ok(), fits);
    }

    pub(super) fn begin_snapshot_of(&mut self, users: &[u8]) {
        self.truth.begin_of(users);
        self.replica.begin_snapshot_of(users);
    }

    pub(super) fn end_snapshot_of(&mut self, users: &[u8]) {
        let fits = self.truth.end_of(users);
        assert_eq!(self.replica.end_snapshot_of(users).is_ok(), fits);
    }

    // ---- topics, in parts

    pub(super) fn begin_topic_snapshot(&mut self, topic: u8, view: View) {
        let fits = self.truth.begin_topic(topic, view);
        assert_eq!(self.replica.begin_topic_snapshot(topic, view).is_ok(), fits);
    }

    pub(super) fn end_topic_snapshot(&mut self, topic: u8) {
        let fits = self.truth.end_topic(topic);
        assert_eq!(self.replica.end_topic_snapshot(&topic).is_ok(), fits);
    }

    pub(super) fn set_topic_counts(&mut self, topic: u8, counts: TopicCounts) {
        self.truth.set_counts(topic, counts);
        self.replica.set_topic_counts(&topic, counts);
    }

    pub(super) fn set_member(&mut self, topic: u8, of: Where, presence: Option<u8>) {
        let fits = self.truth.set_member(topic, of, presence);
        assert_eq!(self.replica.set_member(&topic, of.0, of.1, presence).is_ok(), fits);
    }

    pub(super) fn set_said(&mut self, topic: u8, of: Where, said: u8) {
        let fits = self.truth.set_said(topic, of, said);
        assert_eq!(self.replica.set_said(&topic, of.0, of.1, said).is_ok(), fits);
    }

    pub(super) fn end_said(&mut self, topic: u8, of: Where) {
        self.truth.end_said(topic, of);
        self.replica.end_said(&topic, &of.0, of.1);
    }

    pub(super) fn end_member_session(&mut self, topic: u8, of: Where) {
        self.truth.end_members(topic, |key| key == of);
        self.replica.end_member_session(&topic, &of.0, of.1);
    }

    pub(super) fn end_member(&mut self, topic: u8, user: u8) {
        self.truth.end_members(topic, |(of, _)| of == user);
        self.replica.end_member(&topic, &user);
    }

    pub(super) fn forget_topic(&mut self, topic: u8) {
        self.truth.topics.remove(&topic);
        self.replica.forget_topic(&topic);
    }

    // ---- whole snapshots, which recover from anything

    /// Tells of so many sessions, and no others.
    pub(super) fn whole_snapshot(&mut self, sessions: usize, session: SessionId) {
        self.begin_snapshot();
        (0..sessions as u8).for_each(|user| self.set_presence(user, session, user));
        self.end_snapshot();
        assert_eq!(self.truth.contacts.len(), sessions.min(self.truth.limit));
        assert!(self.truth.topics.is_empty());
    }

    /// Tells of so many members of a topic from this one on, and no others.
    pub(super) fn whole_topic(&mut self, topic: u8, first: u8, users: usize, session: SessionId) {
        // What an open snapshot of contacts is to drop would make way for the topic.
        self.end_snapshot_of(&[]);
        let others = |truth: &Truth| {
            truth.held() - truth.topics.get(&topic).map_or(0, |topic| 1 + topic.members.len())
        };
        let before = others(&self.truth);
        self.begin_topic_snapshot(topic, View::All);
        for nth in 0..users as u8 {
            self.set_member(topic, ((first + nth) % USERS, session), Some(nth));
        }
        self.end_topic_snapshot(topic);
        assert_eq!(others(&self.truth), before, "nobody else makes way");
        let Truth { topics, limit, .. } = &self.truth;
        let members = topics.get(&topic).map_or(0, |topic| topic.members.len());
        // As many as fit, or those that were there at takeovers as well.
        let fits = users.min(limit.saturating_sub(before + 1));
        let most = users.min(limit + 1 - (self.truth.sessions() - members));
        assert!((fits..=most).contains(&members), "{members} members, {fits} to {most} fit");
        assert!(topics.contains_key(&topic) || before >= *limit, "it is known if it fits");
    }

    // ---- what an engine decides

    /// Takes in a decision, whoever it is for.
    pub(super) fn apply(&mut self, decision: &Decision<'_, u8, u8>) {
        match decision {
            Decision::Deliver { notice, .. } | Decision::Skipped { notice, .. } => {
                let fits = self.expect(notice);
                assert_eq!(self.replica.apply(notice).is_ok(), fits);
            }
            Decision::Snapshot(snapshot) => self.apply_snapshot(snapshot),
            Decision::Topic(snapshot) => self.apply_topic(snapshot),
            Decision::Changes(changes) => {
                self.truth.set_counts(*changes.topic(), changes.counts());
                let fits = self.expect_changes(changes) || self.expect_changes(changes);
                assert_eq!(self.replica.apply_changes(changes).is_ok(), fits);
            }
            _ => {}
        }
    }

    fn apply_snapshot(&mut self, snapshot: &Snapshot<'_, u8, u8>) {
        let Self { truth, replica } = self;
        let is_whole = snapshot.scope() == Scope::Everything;
        let named: Vec<u8> = snapshot.named().copied().collect();
        match snapshot.is_first() {
            true if is_whole => truth.begin(),
            true => truth.begin_of(&named),
            false => {}
        }
        truth.visible = Some(snapshot.is_visible());
        for entry in snapshot.entries() {
            if entry.is_user {
                truth.set_user(*entry.user, *entry.presence, entry.idle_since);
            } else {
                truth.set_presence(*entry.user, entry.session, *entry.presence);
            }
        }
        let fits = match snapshot.is_last() {
            true if is_whole => truth.end(),
            true => truth.end_of(&named),
            false => true,
        };
        assert_eq!(replica.apply_snapshot(snapshot).is_ok(), fits);
    }

    fn apply_topic(&mut self, snapshot: &TopicSnapshot<'_, u8, u8>) {
        let topic = *snapshot.topic();
        if snapshot.is_first() {
            self.truth.begin_topic(topic, snapshot.view());
        }
        self.truth.set_counts(topic, snapshot.counts());
        for entry in snapshot.entries() {
            let of = (*entry.user, entry.session);
            self.truth.set_member(topic, of, entry.presence.copied());
        }
        let fits = !snapshot.is_last() || self.truth.end_topic(topic);
        assert_eq!(self.replica.apply_topic(snapshot).is_ok(), fits);
    }

    fn expect_changes(&mut self, changes: &Changes<'_, u8, u8>) -> bool {
        let topic = *changes.topic();
        let mut fits = true;
        for change in changes.iter() {
            match change {
                TopicChange::Member { user, session, presence } => {
                    fits &= self.truth.set_member(topic, (*user, session), presence.copied());
                }
                TopicChange::SessionEnded { user, session } => {
                    self.truth.end_members(topic, |key| key == (*user, session));
                }
                TopicChange::Left { user, .. } => {
                    self.truth.end_members(topic, |(of, _)| of == *user);
                }
                _ => {}
            }
        }
        fits
    }

    fn expect(&mut self, notice: &Notice<'_, u8, u8>) -> bool {
        let truth = &mut self.truth;
        match *notice {
            Notice::Presence { user, session, presence, .. } => {
                return truth.set_presence(*user, session, *presence);
            }
            Notice::User { user, presence, idle_since, .. } => {
                return truth.set_user(*user, *presence, idle_since);
            }
            Notice::Directed { user, session, presence, .. } => {
                return truth.set_directed(*user, session, *presence);
            }
            Notice::SessionEnded { user, session, .. } => {
                truth.keep(
                    |key| key == (*user, Some(session)),
                    |held| (held.published, held.directed) = (None, None),
                );
            }
            Notice::UserOffline { user, .. } => {
                truth.keep(
                    |(of, _)| of == *user,
                    |held| (held.published, held.directed) = (None, None),
                );
            }
            Notice::DirectedOver { user, session, .. } => {
                truth.keep(|key| key == (*user, Some(session)), |held| held.directed = None);
            }
            Notice::Withdrawn { user, session, .. } => {
                truth.keep(|key| key == (*user, Some(session)), |held| held.published = None);
            }
            Notice::Visibility { visible, .. } => truth.visible = Some(visible),
            Notice::Joined { topic, user, session, presence, .. }
            | Notice::Member { topic, user, session, presence, .. } => {
                return truth.set_member(*topic, (*user, session), presence.copied());
            }
            Notice::Said { topic, user, session, presence, .. } => {
                return truth.set_said(*topic, (*user, session), *presence);
            }
            Notice::SaidOver { topic, user, session, .. } => {
                truth.end_said(*topic, (*user, session));
            }
            Notice::MemberSessionEnded { topic, user, session, .. } => {
                truth.end_members(*topic, |key| key == (*user, session));
            }
            Notice::Left { topic, user, .. } => truth.end_members(*topic, |(of, _)| of == *user),
            Notice::TopicClosed { topic, .. } => _ = truth.topics.remove(topic),
            _ => {}
        }
        true
    }

    // ---- what it says of itself

    pub(super) fn check(&self) {
        let Self { replica, truth } = self;
        assert_eq!(replica.is_visible(), truth.visible);
        // So that is one more than the limit for contacts, and one for each topic.
        assert!(truth.topics.len() <= truth.limit && truth.sessions() <= truth.limit + 1);
        assert_eq!(replica.len(), truth.contacts.len());
        assert_eq!(replica.is_empty(), truth.contacts.is_empty());
        let present: BTreeSet<u8> = truth.contacts.keys().map(|(user, _)| *user).collect();
        let mut users: Vec<u8> = replica.users().copied().collect();
        users.sort_unstable();
        assert!(users.iter().eq(&present), "each once");
        for user in 0..USERS {
            let state = replica.user(&user).map(|(presence, idle)| (Some(*presence), idle));
            let expected = truth.contacts.get(&(user, None));
            assert_eq!(state, expected.map(|held| (held.published, held.idle_since)));
            let mut held: Vec<_> = replica
                .sessions_of(&user)
                .map(|(session, published, directed)| {
                    ((user, Some(session)), published.copied(), directed.copied())
                })
                .collect();
            held.sort_unstable();
            let of_user =
                truth.contacts.iter().filter(|((of, session), _)| *of == user && session.is_some());
            let expected: Vec<_> =
                of_user.map(|(key, h)| (*key, h.published, h.directed)).collect();
            assert_eq!(held, expected);
            assert_eq!(replica.is_present(&user), present.contains(&user));
        }
        let lines = format!("{replica:#?}").matches("session ").count();
        let sessions = truth.contacts.keys().filter(|(_, session)| session.is_some()).count();
        assert_eq!(lines, sessions, "each is shown once");
        self.check_topics();
    }

    fn check_topics(&self) {
        let Self { replica, truth } = self;
        let mut topics: Vec<u8> = replica.topics().copied().collect();
        topics.sort_unstable();
        assert!(topics.iter().eq(truth.topics.keys()), "each once");
        for name in 0..TOPICS {
            let topic = truth.topics.get(&name);
            let told = topic.map(|topic| (topic.counts, topic.view));
            assert_eq!(replica.topic_counts(&name), told);
            let all = || topic.into_iter().flat_map(|topic| &topic.members);
            let members = replica.members(&name);
            let mut members: Vec<_> = members.map(|(u, s, p)| ((*u, s), p.copied())).collect();
            members.sort_unstable();
            let expected = all().filter(|(_, member)| member.is_member);
            let expected = expected.map(|(key, member)| (*key, member.presence));
            assert!(members.into_iter().eq(expected), "who is in topic {name}");
            let mut said: Vec<_> =
                replica.said(&name).map(|(user, session, p)| ((*user, session), *p)).collect();
            said.sort_unstable();
            let expected = all().filter_map(|(key, member)| Some((*key, member.said?)));
            assert!(said.into_iter().eq(expected), "what is said in topic {name}");
        }
    }
}
