//! Users of whom a node has something to say, and what that is as far as the protocol goes:
//! numbers, versions and stamps. What they show is the engine's.

use crate::digest;
use crate::log::Log;
use crate::message::Version;
use adsum::{RemoteSession, SessionId, Time};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::hash::{BuildHasher, Hash};
use core::ops::{Deref, DerefMut};
use hashbrown::HashMap;

/// A node in the view of this one: itself, or a life of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Life(pub(crate) u32);

impl Life {
    /// This node.
    pub(crate) const ME: Self = Self(0);
}

/// A session as limits and edges look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) id: SessionId,
    /// When it connected, by the logical clock of its node.
    pub(crate) stamp: u64,
    pub(crate) kind: u8,
    /// Whether its node has said that it is detached.
    pub(crate) is_lost: bool,
    /// Whether it is one of another node that has an order to end it.
    pub(crate) is_expelled: bool,
}

impl Seen {
    /// Returns what is kept of the sessions that a node has, with when each of them connected.
    pub(crate) fn all<K, P>(
        sessions: &[RemoteSession<K, P>],
        stamps: impl IntoIterator<Item = u64>,
    ) -> SeenList {
        let seen = stamps.into_iter().zip(sessions).map(|(stamp, session)| Self {
            id: session.id,
            stamp,
            kind: session.kind.0,
            is_lost: session.lost.is_some(),
            is_expelled: false,
        });
        seen.collect()
    }
}

/// The sessions that one node has of a user.
///
/// Most often it is one. That lies in the record itself: nothing is allocated for it, and no
/// memory besides is waited for.
#[derive(Debug)]
pub(crate) enum SeenList {
    One(Seen),
    Some(Vec<Seen>),
    /// There are some, of which nothing is known: they and the lists fit into no message.
    Cut,
}

impl Default for SeenList {
    fn default() -> Self {
        Self::Some(Vec::new())
    }
}

impl SeenList {
    /// Notes of those that were to be ended before that they still are.
    pub(crate) fn keep_expelled(&mut self, before: &[Seen]) {
        for one in before.iter().filter(|one| one.is_expelled) {
            for seen in self.iter_mut().filter(|seen| seen.id == one.id) {
                seen.is_expelled = true;
            }
        }
    }

    pub(crate) const fn is_cut(&self) -> bool {
        matches!(self, Self::Cut)
    }
}

impl Deref for SeenList {
    type Target = [Seen];

    fn deref(&self) -> &[Seen] {
        match self {
            Self::One(seen) => core::slice::from_ref(seen),
            Self::Some(all) => all,
            Self::Cut => &[],
        }
    }
}

impl DerefMut for SeenList {
    fn deref_mut(&mut self) -> &mut [Seen] {
        match self {
            Self::One(seen) => core::slice::from_mut(seen),
            Self::Some(all) => all,
            Self::Cut => &mut [],
        }
    }
}

impl FromIterator<Seen> for SeenList {
    fn from_iter<I: IntoIterator<Item = Seen>>(all: I) -> Self {
        let mut all = all.into_iter();
        let Some(first) = all.next() else { return Self::default() };
        match all.next() {
            None => Self::One(first),
            Some(second) => Self::Some([first, second].into_iter().chain(all).collect()),
        }
    }
}

/// What this node says of a user.
#[derive(Debug, Default)]
pub(crate) struct Own {
    /// The number of the last change.
    pub(crate) number: u64,
    /// What the user is in checksums: kept, so that the id is not read for each change.
    pub(crate) digest: u64,
    /// Of when the lists are that the stream had last.
    pub(crate) told: Version,
    pub(crate) seen: SeenList,
}

/// What another node says of a user.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) life: Life,
    pub(crate) number: u64,
    /// The last time that everything was asked for and this was named.
    pub(crate) epoch: u32,
    /// Of when the lists are that the node has.
    pub(crate) version: Version,
    pub(crate) seen: SeenList,
}

impl Held {
    /// Returns whether it has sessions, and all of them have been expelled.
    pub(crate) fn is_expelled(&self) -> bool {
        !self.seen.is_empty() && self.seen.iter().all(|seen| seen.is_expelled)
    }
}

/// What all nodes say of a user.
#[derive(Debug, Default)]
pub(crate) struct Person {
    /// Of when the lists are that this node's engine has.
    pub(crate) version: Version,
    /// Aside, since most users are at other nodes.
    pub(crate) own: Option<Box<Own>>,
    pub(crate) held: Vec<Held>,
    /// The newest session that there has been since the user came online, and who has or had it.
    pub(crate) newest: Option<(u64, Life)>,
    /// Whether it is among those whose state is to be told.
    pub(crate) is_listed: bool,
    /// Whether it is among those of whom a node may not have the newest lists.
    pub(crate) is_doubted: bool,
    /// How often the engine is yet to be told of sessions at other nodes.
    pub(crate) coming: u16,
    /// Whether this node was told lists while only lives that are over had sessions of the user.
    pub(crate) is_edited: bool,
}

impl Person {
    pub(crate) fn held_of(&self, life: Life) -> Option<&Held> {
        self.held.iter().find(|held| held.life == life)
    }

    /// Returns whether this node has sessions of the user.
    pub(crate) fn is_here(&self) -> bool {
        self.own.as_ref().is_some_and(|own| !own.seen.is_empty())
    }

    /// Returns all sessions of the user with who has them.
    pub(crate) fn sessions(&self) -> impl Iterator<Item = (Life, &Seen)> {
        let own = self.own.iter().flat_map(|own| own.seen.iter().map(|seen| (Life::ME, seen)));
        own.chain(self.held.iter().flat_map(|held| held.seen.iter().map(|seen| (held.life, seen))))
    }

    /// Returns whether all nodes that have sessions of the user have lists as new as these.
    pub(crate) fn all_have(&self, version: Version) -> bool {
        let mut others = self.held.iter().filter(|held| !held.seen.is_empty());
        others.all(|held| held.version.covers(version))
    }

    /// Returns of when the lists are that the engine has of the user: of nobody who is offline.
    pub(crate) fn version_in(&self, is_online: impl FnOnce() -> bool) -> Version {
        let is_known = self.version != Version::default() && (self.is_coming() || is_online());
        if is_known { self.version } else { Version::default() }
    }

    /// Returns whether there is nobody but this node to say what the user's lists are: a node that
    /// has sessions does not know, or none has any, and they have changed since.
    pub(crate) fn speaks_of_lists(&self) -> bool {
        let is_alone = || self.held.iter().all(|held| held.seen.is_empty());
        !self.all_have(self.version) || self.is_edited && is_alone()
    }

    /// Returns whether this node, which has no sessions of the user, still says what its lists
    /// are, though all that have some know.
    pub(crate) fn is_retired(&self) -> bool {
        self.own.is_some() && !self.is_here() && !self.speaks_of_lists()
    }

    /// Returns whether it is to be noted that a node that has sessions has older lists than this
    /// one, which has none.
    pub(crate) fn is_doubtful(&self) -> bool {
        !self.is_here() && !self.is_doubted && !self.all_have(self.version)
    }

    /// Returns the newest of the sessions. Two may have begun at the same moment of the logical
    /// clock: all nodes must take the same one, so the later name decides.
    pub(crate) fn newest_of<N: Ord>(&self, name: impl Fn(Life) -> N) -> Option<(u64, Life)> {
        let all = self.sessions().map(|(life, seen)| (seen.stamp, life));
        all.max_by(|one, other| later(one, other, &name))
    }

    /// Notes the newest session, if it is newer than all that there have been.
    pub(crate) fn note_newest<N: Ord>(&mut self, name: impl Fn(Life) -> N) {
        let all = self.newest.into_iter().chain(self.newest_of(&name));
        self.newest = all.max_by(|one, other| later(one, other, &name));
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.own.is_none() && self.held.is_empty()
    }

    /// Returns whether there is something to be said of the user yet, or to be done.
    pub(crate) const fn is_awaited(&self) -> bool {
        self.is_listed || self.is_coming()
    }

    /// Returns whether the engine is yet to be told of sessions at another node.
    pub(crate) const fn is_coming(&self) -> bool {
        self.coming > 0
    }
}

/// Which of two sessions is the later.
fn later<N: Ord>(one: &(u64, Life), other: &(u64, Life), name: impl Fn(Life) -> N) -> Ordering {
    one.0.cmp(&other.0).then_with(|| name(one.1).cmp(&name(other.1)))
}

/// A user of whom a node is to say something new: what it said last may not be what is shown here.
#[derive(Debug)]
pub(crate) struct Unsaid<K> {
    pub(crate) life: Life,
    pub(crate) user: K,
    /// The number of what that node had said last.
    pub(crate) number: u64,
    /// From when on it is asked with each beat.
    pub(crate) due: Time,
}

/// The last order of another node that has changed a user's lists here.
#[derive(Debug)]
pub(crate) struct Ordered {
    /// Of when the order was.
    pub(crate) order: Version,
    /// Of when the lists are that it made.
    pub(crate) made: Version,
    /// When it was carried out.
    pub(crate) at: Time,
}

/// A checksum over what one node says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) digest: u64,
    pub(crate) users: u64,
}

impl Sum {
    pub(crate) fn add<K: Hash>(&mut self, user: &K, number: u64) {
        self.digest ^= digest::of_change(digest::of(user), number);
        self.users += 1;
    }

    pub(crate) fn take<K: Hash>(&mut self, user: &K, number: u64) {
        self.digest ^= digest::of_change(digest::of(user), number);
        self.users -= 1;
    }

    /// Has a user, of whom this is the number in checksums, another number.
    pub(crate) const fn renumber(&mut self, user: u64, [before, now]: [u64; 2]) {
        self.digest ^= digest::of_change(user, before) ^ digest::of_change(user, now);
    }
}

/// This node's own changes.
pub(crate) struct Stream<K> {
    /// The number of the last one.
    pub(crate) seq: u64,
    pub(crate) sum: Sum,
    /// This node's users by the numbers of their last changes.
    log: Log<K>,
}

impl<K: Hash + Clone> Stream<K> {
    /// Gives the next number to a user of whom this was said until now, or nothing.
    pub(crate) fn number(&mut self, user: &K, own: &mut Own) {
        self.seq += 1;
        // No change has the number 0.
        let listed = if own.number == 0 {
            own.digest = digest::of(user);
            self.sum.digest ^= digest::of_change(own.digest, self.seq);
            self.sum.users += 1;
            None
        } else {
            self.sum.renumber(own.digest, [own.number, self.seq]);
            self.log.take(own.number)
        };
        self.log.push(Some(listed.unwrap_or_else(|| user.clone())));
        own.number = self.seq;
    }

    /// Gives the next number to a user of whom nothing is said any more, and who is returned.
    fn take_out(&mut self, user: &K, before: Option<u64>) -> K {
        self.seq += 1;
        let listed = before.and_then(|before| self.log.take(before));
        before.into_iter().for_each(|before| self.sum.take(user, before));
        self.log.push(None);
        listed.unwrap_or_else(|| user.clone())
    }
}

/// The table of users, and this node's own stream of changes.
pub(crate) struct People<K, S> {
    pub(crate) all: HashMap<K, Person, S>,
    /// This node's own changes.
    pub(crate) stream: Stream<K>,
    /// Users of whom this node has nothing to say any more, by the number of that change.
    gone: VecDeque<(u64, K)>,
    /// Those with numbers up to this one are not remembered.
    pub(crate) forgotten: u64,
    /// Users whose state is to be told though nothing of it has changed in the engine.
    listed: VecDeque<K>,
    /// Users of whom a node that has sessions may not have the newest lists.
    doubted: Vec<K>,
}

/// One change of this node's stream.
pub(crate) struct Change<K> {
    pub(crate) user: K,
    pub(crate) number: u64,
    pub(crate) is_gone: bool,
}

impl<K: Eq + Hash + Clone, S: BuildHasher> People<K, S> {
    pub(crate) fn new(hasher: S) -> Self {
        Self {
            all: HashMap::with_hasher(hasher),
            stream: Stream { seq: 0, sum: Sum::default(), log: Log::new() },
            gone: VecDeque::new(),
            forgotten: 0,
            listed: VecDeque::new(),
            doubted: Vec::new(),
        }
    }

    pub(crate) fn get(&self, user: &K) -> Option<&Person> {
        self.all.get(user)
    }

    /// Returns a user's entry, which it gets if it has none.
    pub(crate) fn entry(&mut self, user: &K) -> &mut Person {
        self.all.entry_ref(user).or_default()
    }

    /// Lists a user whose state is to be told.
    pub(crate) fn list(&mut self, user: &K) {
        if let Some(person) = self.all.get_mut(user)
            && !core::mem::replace(&mut person.is_listed, true)
        {
            self.listed.push_back(user.clone());
        }
    }

    /// Notes a user if a node that has sessions of it has older lists than this node, which has
    /// none: it may be the only one that knows.
    pub(crate) fn doubt(&mut self, user: &K) {
        let Some(person) = self.all.get_mut(user) else { return };
        if person.is_doubtful() {
            person.is_doubted = true;
            self.doubted.push(user.clone());
        }
    }

    /// Lists those who were doubted: if it was only that the news was under way, nothing is told.
    pub(crate) fn list_doubted(&mut self) {
        for user in core::mem::take(&mut self.doubted) {
            let Some(person) = self.all.get_mut(&user) else { continue };
            person.is_doubted = false;
            if !person.is_here() && !person.all_have(person.version) {
                self.list(&user);
            }
        }
    }

    pub(crate) fn next_listed(&mut self) -> Option<K> {
        let user = self.listed.pop_front()?;
        if let Some(person) = self.all.get_mut(&user) {
            person.is_listed = false;
        }
        Some(user)
    }

    // ---- this node's stream

    /// Notes that this node says so of a user: another one has sessions, and not the newest lists.
    /// Returns the number of the change.
    pub(crate) fn note_lists(&mut self, user: &K, told: Version) -> u64 {
        let person = self.all.entry_ref(user).or_default();
        let own = person.own.get_or_insert_default();
        self.stream.number(user, own);
        (own.told, own.seen) = (told, SeenList::default());
        own.number
    }

    /// Notes that this node says nothing of a user any more, and returns the number of the change.
    pub(crate) fn note_gone(&mut self, user: &K) -> u64 {
        let person = self.all.get_mut(user).and_then(|person| person.own.take());
        let user = self.stream.take_out(user, person.map(|own| own.number));
        self.gone.push_back((self.stream.seq, user));
        self.stream.seq
    }

    /// Forgets those who have gone longest ago beyond so many.
    pub(crate) fn forget_gone(&mut self, max: u32) {
        while self.gone.len() > max as usize {
            if let Some((number, _)) = self.gone.pop_front() {
                self.forgotten = number;
            }
        }
    }

    /// Returns the changes after a number, by ascending numbers: the last of each user, and of
    /// those who have gone only such as went after `gone_since`.
    pub(crate) fn changes(&self, since: u64, gone_since: u64) -> impl Iterator<Item = Change<K>> {
        let mut present = self.stream.log.after(since).peekable();
        let from = since.max(gone_since);
        let at = self.gone.partition_point(|(number, _)| *number <= from);
        let mut gone = self.gone.range(at..).peekable();
        core::iter::from_fn(move || {
            let gone_next = match (present.peek(), gone.peek()) {
                (Some((number, _)), Some((other, _))) => other < number,
                (None, Some(_)) => true,
                (_, None) => false,
            };
            if gone_next {
                let (number, user) = gone.next()?;
                return Some(Change { user: user.clone(), number: *number, is_gone: true });
            }
            let (number, user) = present.next()?;
            Some(Change { user: user.clone(), number, is_gone: false })
        })
        // Who has come again since is there by a later number.
        .filter(|change| {
            let own = || self.all.get(&change.user)?.own.as_ref();
            !change.is_gone || own().is_none()
        })
    }

    // ---- other nodes' streams

    /// Returns those of whom a node has said something, but not since everything was asked for
    /// this time, by the numbers of what it has said.
    pub(crate) fn unnamed(&self, life: Life, epoch: Option<u32>) -> Vec<K> {
        let of_life = self.all.iter().filter_map(|(user, person)| {
            let held = person.held_of(life)?;
            (Some(held.epoch) != epoch).then(|| (held.number, user.clone()))
        });
        let mut unnamed: Vec<_> = of_life.collect();
        unnamed.sort_unstable_by_key(|(number, _)| *number);
        unnamed.into_iter().map(|(_, user)| user).collect()
    }

    /// Returns users whose sessions at a node have all been expelled.
    pub(crate) fn expelled(&self, life: Life) -> Vec<K> {
        let is_expelled = |held: &Held| held.is_expelled();
        let of_life = self.all.iter().filter(|(_, one)| one.held_of(life).is_some_and(is_expelled));
        of_life.map(|(user, _)| user.clone()).collect()
    }

    /// Returns the checksum over what a node has said, worked out anew.
    pub(crate) fn sum_of(&self, life: Life) -> Sum {
        let mut sum = Sum::default();
        for (user, person) in &self.all {
            person.held_of(life).into_iter().for_each(|held| sum.add(user, held.number));
        }
        sum
    }

    /// Returns how many users who have gone are remembered, for tests.
    #[cfg(test)]
    pub(crate) fn gone_count(&self) -> usize {
        self.gone.len()
    }
}
