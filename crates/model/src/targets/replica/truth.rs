//! What a replica should hold: what it was told, as much of it as fits, looked through from one end
//! to the other for every question.

use adsum::{SessionId, Time, TopicCounts, View};
use std::collections::{BTreeMap, BTreeSet};

/// A session of a user, or the user as one.
pub(super) type Whose = (u8, Option<SessionId>);
/// A session of a user in a topic.
pub(super) type Where = (u8, SessionId);

/// What the replica should hold of a session, or of a user as one.
#[derive(Clone, Copy, Default)]
pub(super) struct Held {
    pub(super) published: Option<u8>,
    pub(super) directed: Option<u8>,
    /// Since when the user is idle, if it is told as one.
    pub(super) idle_since: Option<Time>,
    /// Whether each was said by the last snapshot, or by a notice since.
    published_again: bool,
    directed_again: bool,
}

impl Held {
    fn drop_old(&mut self) {
        self.published.take_if(|_| !self.published_again);
        self.directed.take_if(|_| !self.directed_again);
    }

    const fn is_any(&self) -> bool {
        self.published.is_some() || self.directed.is_some()
    }
}

/// What it should hold of a session in a topic.
#[derive(Clone, Copy, Default)]
pub(super) struct Member {
    pub(super) is_member: bool,
    pub(super) presence: Option<u8>,
    pub(super) said: Option<u8>,
    is_repeated: bool,
}

impl Member {
    const fn is_left(&self) -> bool {
        self.is_member || self.said.is_some()
    }
}

/// What it should hold of a topic.
pub(super) struct Topic {
    pub(super) view: View,
    pub(super) counts: TopicCounts,
    pub(super) members: BTreeMap<Where, Member>,
    is_open: bool,
    /// Whether anything of it did not fit since its last snapshot began.
    is_cut: bool,
}

impl Topic {
    /// Takes out what its open snapshot is to drop.
    fn drop_old(&mut self) {
        self.members.retain(|_, member| member.is_member && member.is_repeated);
        self.members.values_mut().for_each(|member| member.said = None);
    }
}

/// What a snapshot of contacts is about that has begun and not ended.
enum Open {
    Everything,
    Of(Vec<u8>),
}

#[derive(Default)]
pub(super) struct Truth {
    pub(super) limit: usize,
    pub(super) contacts: BTreeMap<Whose, Held>,
    pub(super) topics: BTreeMap<u8, Topic>,
    pub(super) visible: Option<bool>,
    open: Option<Open>,
    /// Whether anything of contacts did not fit since the last snapshot of them began.
    is_cut: bool,
    /// Of whom it has told, as long as nobody has been taken out since it began.
    told: Option<BTreeSet<Whose>>,
}

impl Truth {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Returns how much it holds: sessions of contacts, topics, and sessions in them.
    pub(super) fn held(&self) -> usize {
        let in_topics = self.topics.values().map(|topic| 1 + topic.members.len());
        self.contacts.len() + in_topics.sum::<usize>()
    }

    fn is_full(&self) -> bool {
        self.held() >= self.limit
    }

    /// Returns how many sessions it holds, of contacts and in topics.
    pub(super) fn sessions(&self) -> usize {
        self.held() - self.topics.len()
    }

    /// Whether a session that may take over from another finds room.
    fn has_room_at_a_takeover(&self) -> bool {
        self.sessions() <= self.limit
    }

    /// Takes out what an open snapshot is to drop, if there is no room without that.
    fn make_room(&mut self) {
        if self.is_full()
            && let Some(Open::Everything) = self.open
        {
            self.topics.clear();
        }
        if !self.is_full() {
            return;
        }
        match &self.open {
            Some(Open::Everything) => self.drop_old(),
            Some(Open::Of(users)) => self.drop_old_of(&users.clone()),
            None => {}
        }
    }

    // ---- contacts

    /// Returns what is to be held of a session, if it fits once that has made way which an open
    /// snapshot is to drop.
    fn held_mut(&mut self, key: Whose) -> Option<&mut Held> {
        self.told.as_mut().map(|told| told.insert(key));
        if !self.contacts.contains_key(&key) {
            let is_there = self.contacts.keys().any(|(user, _)| *user == key.0);
            let takes_over = is_there && self.open.is_none() && self.has_room_at_a_takeover();
            self.make_room();
            if self.is_full() && !takes_over {
                self.is_cut = true;
                return None;
            }
        }
        Some(self.contacts.entry(key).or_default())
    }

    fn drop_old(&mut self) {
        self.contacts.values_mut().for_each(Held::drop_old);
        self.contacts.retain(|_, held| held.is_any());
    }

    fn drop_old_of(&mut self, users: &[u8]) {
        self.contacts.retain(|(user, _), held| {
            if users.contains(user) {
                held.published.take_if(|_| !held.published_again);
            }
            held.is_any()
        });
    }

    pub(super) fn set_user(&mut self, user: u8, presence: u8, idle_since: Option<Time>) -> bool {
        let held = self.held_mut((user, None));
        held.map(|held| {
            (held.published, held.published_again) = (Some(presence), true);
            held.idle_since = idle_since;
        })
        .is_some()
    }

    pub(super) fn set_presence(&mut self, user: u8, session: SessionId, presence: u8) -> bool {
        let held = self.held_mut((user, Some(session)));
        held.map(|held| (held.published, held.published_again) = (Some(presence), true)).is_some()
    }

    pub(super) fn set_directed(&mut self, user: u8, session: SessionId, presence: u8) -> bool {
        let held = self.held_mut((user, Some(session)));
        held.map(|held| (held.directed, held.directed_again) = (Some(presence), true)).is_some()
    }

    fn begin_with(&mut self, open: Open) {
        for held in self.contacts.values_mut() {
            (held.published_again, held.directed_again) = (false, false);
        }
        (self.open, self.is_cut) = (Some(open), false);
    }

    pub(super) fn begin(&mut self) {
        self.begin_with(Open::Everything);
        self.told = Some(BTreeSet::new());
    }

    pub(super) fn begin_of(&mut self, users: &[u8]) {
        self.begin_with(Open::Of(users.to_vec()));
        self.told = None;
    }

    /// Returns whether all that the snapshot said was taken in.
    pub(super) fn end(&mut self) -> bool {
        self.drop_old();
        self.topics.clear();
        self.open = None;
        if let Some(told) = self.told.take() {
            // As many as fit, whatever was held; or those that were there at takeovers as well.
            let (fits, most) = (told.len().min(self.limit), told.len().min(self.limit + 1));
            assert!((fits..=most).contains(&self.contacts.len()));
            assert_eq!(self.is_cut, told.len() > self.contacts.len());
        }
        !self.is_cut
    }

    /// Returns whether all that the snapshot of these users said was taken in.
    pub(super) fn end_of(&mut self, users: &[u8]) -> bool {
        self.drop_old_of(users);
        (self.open, self.told) = (None, None);
        !self.is_cut
    }

    /// Changes what is held of these sessions, and takes out those of which nothing is left.
    pub(super) fn keep(&mut self, is_meant: impl Fn(Whose) -> bool, change: impl Fn(&mut Held)) {
        self.told = None;
        self.contacts.iter_mut().filter(|(key, _)| is_meant(**key)).for_each(|(_, h)| change(h));
        self.contacts.retain(|_, held| held.is_any());
    }

    // ---- topics

    /// Returns whether there is room for the topic.
    pub(super) fn begin_topic(&mut self, name: u8, view: View) -> bool {
        if !self.topics.contains_key(&name) {
            self.make_room();
            if self.is_full() {
                return false;
            }
        }
        let counts = TopicCounts::default();
        let none =
            || Topic { view, counts, members: BTreeMap::new(), is_open: true, is_cut: false };
        let topic = self.topics.entry(name).or_insert_with(none);
        topic.members.values_mut().for_each(|member| member.is_repeated = false);
        (topic.view, topic.is_open, topic.is_cut) = (view, true, false);
        true
    }

    /// Returns whether all that the snapshot of this topic said was taken in.
    pub(super) fn end_topic(&mut self, name: u8) -> bool {
        let Some(topic) = self.topics.get_mut(&name) else { return false };
        if std::mem::take(&mut topic.is_open) {
            topic.drop_old();
        }
        !topic.is_cut
    }

    pub(super) fn set_counts(&mut self, name: u8, counts: TopicCounts) {
        self.topics.entry(name).and_modify(|topic| topic.counts = counts);
    }

    /// Changes what is held of a session in a topic that is known. Returns whether it fits, once
    /// that has made way which the topic's open snapshot is to drop.
    fn set_in(&mut self, name: u8, key: Where, set: impl Fn(&mut Member)) -> bool {
        let (held, limit) = (self.held(), self.limit);
        let has_room_at_a_takeover = self.has_room_at_a_takeover();
        let Some(topic) = self.topics.get_mut(&name) else { return true };
        if held >= limit && !topic.members.contains_key(&key) {
            let is_there = topic.members.keys().any(|(user, _)| *user == key.0);
            let takes_over = is_there && !topic.is_open && has_room_at_a_takeover;
            let before = topic.members.len();
            if topic.is_open {
                topic.drop_old();
            }
            let gone = before - topic.members.len();
            if held - gone >= limit && !takes_over {
                topic.is_cut = true;
                return false;
            }
        }
        let member = topic.members.entry(key).or_default();
        set(member);
        member.is_repeated = true;
        true
    }

    pub(super) fn set_member(&mut self, name: u8, key: Where, presence: Option<u8>) -> bool {
        self.set_in(name, key, |member| (member.is_member, member.presence) = (true, presence))
    }

    pub(super) fn set_said(&mut self, name: u8, key: Where, said: u8) -> bool {
        self.set_in(name, key, |member| member.said = Some(said))
    }

    pub(super) fn end_said(&mut self, name: u8, key: Where) {
        self.topics.entry(name).and_modify(|topic| {
            topic.members.entry(key).and_modify(|member| member.said = None);
            topic.members.retain(|_, member| member.is_left());
        });
    }

    pub(super) fn end_members(&mut self, name: u8, is_meant: impl Fn(Where) -> bool) {
        self.topics.entry(name).and_modify(|topic| topic.members.retain(|key, _| !is_meant(*key)));
    }
}
