//! What a receiver believes of topics.

use crate::tables::Users;
use crate::tables::ids::User;
use crate::tables::index::{Index, Number, ShortHash};
use crate::topic::{TopicCounts, View};
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};

/// Where a belief stands in its topic's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct At(u32);

impl Number for At {
    const NONE: Self = Self(u32::MAX);
}

/// What is believed of one session in a topic: that it is a member's and shows this, or said that,
/// or both.
pub(super) struct MemberBelief<P, I> {
    pub(super) user: User,
    pub(super) session: I,
    pub(super) is_member: bool,
    pub(super) presence: Option<P>,
    pub(super) said: Option<P>,
    /// The last snapshot of the topic that said so.
    snapshot: u32,
}

/// What is believed of one topic.
pub(super) struct TopicBelief<P, I> {
    pub(super) view: View,
    pub(super) counts: TopicCounts,
    pub(super) members: Vec<MemberBelief<P, I>>,
    by_user: Index<At>,
    snapshot: u32,
    is_open: bool,
    /// Whether all that the open snapshot is to drop has made way for what it says.
    has_made_room: bool,
}

pub(super) struct TopicBeliefs<K, P, I> {
    names: Users<K>,
    users: Users<K>,
    /// By name; `None` for those of which nothing is known.
    topics: Vec<Option<TopicBelief<P, I>>>,
    members: usize,
}

impl<K: Eq + Hash, P, I: Copy + Eq> TopicBeliefs<K, P, I> {
    pub(super) const fn new() -> Self {
        Self { names: Users::new(), users: Users::new(), topics: Vec::new(), members: 0 }
    }

    /// Returns the number of sessions it holds something of.
    pub(super) const fn len(&self) -> usize {
        self.members
    }

    /// Returns whether it knows no topic.
    pub(super) fn is_empty(&self) -> bool {
        self.names.len() == 0
    }

    pub(super) fn user(&self, user: User) -> &K {
        self.users.id(user)
    }

    pub(super) fn find<Q>(&self, hasher: &impl BuildHasher, topic: &Q) -> Option<&TopicBelief<P, I>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let name = self.names.find(hasher, topic)?;
        self.topics[name.0 as usize].as_ref()
    }

    fn find_mut<Q>(
        &mut self,
        hasher: &impl BuildHasher,
        topic: &Q,
    ) -> Option<&mut TopicBelief<P, I>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let name = self.names.find(hasher, topic)?;
        self.topics[name.0 as usize].as_mut()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &K> {
        self.names.iter_known().map(|name| self.names.id(name))
    }

    // ---- snapshots

    /// Begins a snapshot of a topic.
    pub(super) fn begin(&mut self, hasher: &impl BuildHasher, topic: K, view: View) {
        let Some(name) = self.names.intern(hasher, topic) else { return };
        let at = name.0 as usize;
        if self.topics.len() <= at {
            self.topics.resize_with(at + 1, || None);
        }
        if self.topics[at].is_none() {
            self.names.retain(name);
        }
        self.names.forget_fresh();
        let belief = self.topics[at].get_or_insert_with(|| TopicBelief {
            view,
            counts: TopicCounts::default(),
            members: Vec::new(),
            by_user: Index::new(),
            snapshot: 0,
            is_open: false,
            has_made_room: false,
        });
        belief.view = view;
        belief.snapshot = belief.snapshot.wrapping_add(1);
        (belief.is_open, belief.has_made_room) = (true, false);
    }

    /// Ends a snapshot of a topic: whoever is not in it is gone, and so is what was said.
    pub(super) fn end<Q>(&mut self, hasher: &impl BuildHasher, topic: &Q)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let Some(belief) = self.find_mut(hasher, topic).filter(|belief| belief.is_open) else {
            return;
        };
        belief.is_open = false;
        let snapshot = belief.snapshot;
        self.keep(hasher, topic, None, |member| member.is_kept_by(snapshot));
    }

    pub(super) fn set_counts<Q>(
        &mut self,
        hasher: &impl BuildHasher,
        topic: &Q,
        counts: TopicCounts,
    ) where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        if let Some(belief) = self.find_mut(hasher, topic) {
            belief.counts = counts;
        }
    }

    // ---- members

    /// Returns what is believed of a session, from now on as a member's if it `is_member`. It is
    /// added if the topic is known and there is room: `has_room`, or what the topic's open snapshot
    /// is to drop makes way.
    pub(super) fn member_mut<Q>(
        &mut self,
        hasher: &impl BuildHasher,
        topic: &Q,
        (user, session, is_member): (K, I, bool),
        has_room: bool,
    ) -> Result<Option<&mut MemberBelief<P, I>>, ()>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let Some(name) = self.names.find(hasher, topic) else { return Ok(None) };
        let Some(user) = self.users.intern(hasher, user) else { return Err(()) };
        let Some(belief) = self.topics[name.0 as usize].as_mut() else { return Ok(None) };
        let hash = ShortHash::of_user(user);
        let is_it = |at: At| {
            let member = &belief.members[at.0 as usize];
            member.user == user && member.session == session
        };
        let at = belief.by_user.find(hash, is_it).map(|at| at.0 as usize).or_else(|| {
            // First, so that it stays known if all that was believed of it makes way.
            self.users.retain(user);
            if !has_room && !belief.make_room(&mut self.users, &mut self.members) {
                self.users.release(user);
                return None;
            }
            self.members += 1;
            belief.members.push(MemberBelief {
                user,
                session,
                is_member: false,
                presence: None,
                said: None,
                snapshot: belief.snapshot,
            });
            belief.by_user.insert(hash, At(belief.members.len() as u32 - 1));
            Some(belief.members.len() - 1)
        });
        self.users.forget_fresh();
        self.users.drop_unused();
        let member = &mut belief.members[at.ok_or(())?];
        member.snapshot = belief.snapshot;
        member.is_member |= is_member;
        // What others say is not kept by a snapshot, and makes way for it again.
        belief.has_made_room &= member.is_member;
        Ok(Some(member))
    }

    /// Keeps of what is believed in a topic, or there of one user, what `keep` says.
    pub(super) fn keep<Q>(
        &mut self,
        hasher: &impl BuildHasher,
        topic: &Q,
        user: Option<User>,
        mut keep: impl FnMut(&mut MemberBelief<P, I>) -> bool,
    ) where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let Some(name) = self.names.find(hasher, topic) else { return };
        let Some(belief) = self.topics[name.0 as usize].as_mut() else { return };
        let mut next = belief.members.len();
        loop {
            // From the last to the first: whoever takes the place of one that goes has been asked.
            let at = match user {
                None if next == 0 => break,
                None => next - 1,
                Some(user) => {
                    let members = &belief.members;
                    let mut last = None;
                    belief.by_user.find(ShortHash::of_user(user), |at| {
                        let at = at.0 as usize;
                        if at < next && members[at].user == user && last < Some(at) {
                            last = Some(at);
                        }
                        false
                    });
                    match last {
                        Some(at) => at,
                        None => break,
                    }
                }
            };
            next = at;
            if !keep(&mut belief.members[at]) {
                let gone = belief.take_out(at);
                self.members -= 1;
                self.users.release(gone.user);
            }
        }
        self.users.drop_unused();
    }

    pub(super) fn find_user<Q>(&self, hasher: &impl BuildHasher, user: &Q) -> Option<User>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.users.find(hasher, user)
    }

    /// Forgets a topic.
    pub(super) fn forget<Q>(&mut self, hasher: &impl BuildHasher, topic: &Q)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        if let Some(name) = self.names.find(hasher, topic) {
            self.forget_named(name);
        }
    }

    /// Forgets all topics.
    pub(super) fn clear(&mut self) {
        for name in (0..self.topics.len() as u32).map(User) {
            self.forget_named(name);
        }
    }

    fn forget_named(&mut self, name: User) {
        let Some(belief) = self.topics[name.0 as usize].take() else { return };
        self.members -= belief.members.len();
        belief.members.iter().for_each(|member| self.users.release(member.user));
        self.names.release(name);
        self.users.drop_unused();
        self.names.drop_unused();
    }
}

impl<P, I> MemberBelief<P, I> {
    /// Forgets what was said. Returns whether the topic's snapshot leaves anything.
    fn is_kept_by(&mut self, snapshot: u32) -> bool {
        self.said = None;
        self.is_member && self.snapshot == snapshot
    }
}

impl<P, I> TopicBelief<P, I> {
    /// Lets go of what the open snapshot is to drop. Returns whether there was anything.
    fn make_room<K>(&mut self, users: &mut Users<K>, members: &mut usize) -> bool {
        if !self.is_open || core::mem::replace(&mut self.has_made_room, true) {
            return false;
        }
        let before = self.members.len();
        for at in (0..before).rev() {
            if !self.members[at].is_kept_by(self.snapshot) {
                users.release(self.take_out(at).user);
            }
        }
        let gone = before - self.members.len();
        *members -= gone;
        gone > 0
    }

    fn take_out(&mut self, at: usize) -> MemberBelief<P, I> {
        let hash = |member: &MemberBelief<P, I>| ShortHash::of_user(member.user);
        self.by_user.remove(hash(&self.members[at]), At(at as u32));
        let last = self.members.len() - 1;
        if at != last {
            let moved = hash(&self.members[last]);
            self.by_user.remove(moved, At(last as u32));
            self.by_user.insert(moved, At(at as u32));
        }
        self.members.swap_remove(at)
    }
}
