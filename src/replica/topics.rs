//! What a receiver believes of topics.

use crate::replica::beliefs::{At, Beliefs, give_back, intern_as_told};
use crate::replica::full::ReplicaFull;
use crate::tables::Users;
use crate::tables::ids::User;
use crate::tables::index::{Index, ShortHash};
use crate::topic::{TopicCounts, View};
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};

/// What is believed of one session in a topic: that it is a member's and shows this, or said that,
/// or both.
pub(super) struct MemberBelief<P> {
    pub(super) is_member: bool,
    pub(super) presence: Option<P>,
    pub(super) said: Option<P>,
    /// The last snapshot of the topic that said so.
    snapshot: u32,
}

/// What is believed of one topic.
pub(super) struct TopicBelief<P, I> {
    name: User,
    pub(super) view: View,
    pub(super) counts: TopicCounts,
    pub(super) members: Beliefs<I, MemberBelief<P>>,
    snapshot: u32,
    is_open: bool,
    /// Whether anything has found no room since it began.
    is_cut: bool,
    /// Whether all that the open snapshot is to drop has made way for what it says.
    has_made_room: bool,
}

pub(super) struct TopicBeliefs<K, P, I> {
    names: Users<K>,
    users: Users<K>,
    /// Those that are known, without gaps: a walk over them takes as long as there are topics,
    /// however many there were.
    topics: Vec<TopicBelief<P, I>>,
    by_name: Index<At>,
    members: usize,
}

impl<K: Eq + Hash, P, I: Copy + Eq + Hash> TopicBeliefs<K, P, I> {
    pub(super) const fn new() -> Self {
        Self {
            names: Users::new(),
            users: Users::new(),
            topics: Vec::new(),
            by_name: Index::new(),
            members: 0,
        }
    }

    /// Returns the number of topics.
    pub(super) const fn len(&self) -> usize {
        self.topics.len()
    }

    /// Returns the number of sessions in them.
    pub(super) const fn sessions(&self) -> usize {
        self.members
    }

    /// Returns whether it knows no topic.
    pub(super) const fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    pub(super) fn user(&self, user: User) -> &K {
        self.users.id(user)
    }

    pub(super) fn find<Q>(&self, hasher: &impl BuildHasher, topic: &Q) -> Option<&TopicBelief<P, I>>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        Some(&self.topics[self.find_at(hasher, topic)?.index()])
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
        let at = self.find_at(hasher, topic)?;
        Some(&mut self.topics[at.index()])
    }

    fn find_at<Q>(&self, hasher: &impl BuildHasher, topic: &Q) -> Option<At>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.at(self.names.find(hasher, topic)?)
    }

    fn at(&self, name: User) -> Option<At> {
        // No two names share a hash.
        self.by_name.find(ShortHash::of_user(name), |_| true)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &K> {
        self.topics.iter().map(|belief| self.names.id(belief.name))
    }

    // ---- snapshots

    /// Begins a snapshot of a topic.
    pub(super) fn begin(
        &mut self,
        hasher: &impl BuildHasher,
        topic: K,
        view: View,
    ) -> Result<(), ReplicaFull> {
        let name = intern_as_told(&mut self.names, hasher, topic)?;
        let at = self.at(name).unwrap_or_else(|| {
            self.names.retain(name);
            let at = At::after(self.topics.len());
            self.topics.push(TopicBelief {
                name,
                view,
                counts: TopicCounts::default(),
                members: Beliefs::new(),
                snapshot: 0,
                is_open: false,
                is_cut: false,
                has_made_room: false,
            });
            self.by_name.insert(ShortHash::of_user(name), at);
            at
        });
        let belief = &mut self.topics[at.index()];
        belief.view = view;
        belief.snapshot = belief.snapshot.wrapping_add(1);
        belief.is_open = true;
        (belief.is_cut, belief.has_made_room) = (false, false);
        self.names.forget_fresh();
        self.names.drop_unused();
        Ok(())
    }

    /// Ends a snapshot of a topic: whoever is not in it is gone, and so is what was said.
    pub(super) fn end<Q>(&mut self, hasher: &impl BuildHasher, topic: &Q) -> Result<(), ReplicaFull>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let (belief, users, members) = self.parts_of(hasher, topic).ok_or(ReplicaFull)?;
        if core::mem::take(&mut belief.is_open) {
            belief.forget_old(users, members);
            users.drop_unused();
        }
        if belief.is_cut { Err(ReplicaFull) } else { Ok(()) }
    }

    /// Returns what is believed of a topic, beside all users, and how many sessions in topics there
    /// are.
    fn parts_of<Q>(
        &mut self,
        hasher: &impl BuildHasher,
        topic: &Q,
    ) -> Option<(&mut TopicBelief<P, I>, &mut Users<K>, &mut usize)>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let at = self.find_at(hasher, topic)?;
        Some((&mut self.topics[at.index()], &mut self.users, &mut self.members))
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
    /// added if the topic is known and there is room: no more than `most` topics and sessions, or
    /// where it may take over from another of its user no more than one session beyond `most`,
    /// topics not counted. What the topic's open snapshot is to drop makes way.
    pub(super) fn member_mut<Q>(
        &mut self,
        hasher: &impl BuildHasher,
        topic: &Q,
        (user, session, is_member): (K, I, bool),
        most: usize,
    ) -> Result<Option<&mut MemberBelief<P>>, ReplicaFull>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        // Less than that of sessions, as the topics count, too.
        let (at_a_takeover, most) = (most, most.saturating_sub(self.topics.len()));
        let Some((belief, users, members)) = self.parts_of(hasher, topic) else { return Ok(None) };
        let user = intern_as_told(users, hasher, user)?;
        let at = belief.members.find(hasher, user, session).or_else(|| {
            let may_take_over = !belief.is_open && belief.members.first_of(user).is_some();
            let takes_over = may_take_over && *members <= at_a_takeover;
            // First, so that it stays known if all that was believed of it makes way.
            users.retain(user);
            if !takes_over && *members >= most && !belief.make_room(users, members, most) {
                users.release(user);
                belief.is_cut = true;
                return None;
            }
            *members += 1;
            let (is_member, snapshot) = (false, belief.snapshot);
            let member = MemberBelief { is_member, presence: None, said: None, snapshot };
            Some(belief.members.add(hasher, user, session, member))
        });
        users.forget_fresh();
        users.drop_unused();
        let member = &mut belief.members.at_mut(at.ok_or(ReplicaFull)?).belief;
        member.snapshot = belief.snapshot;
        member.is_member |= is_member;
        // What others say is not kept by a snapshot, and makes way for it again.
        belief.has_made_room &= member.is_member;
        Ok(Some(member))
    }

    /// Keeps of what is believed in a topic of one user, or of a session of that user's, what
    /// `keep` says.
    pub(super) fn keep<Q, R>(
        &mut self,
        hasher: &impl BuildHasher,
        topic: &Q,
        (user, session): (&R, Option<I>),
        keep: impl FnMut(&mut MemberBelief<P>) -> bool,
    ) where
        K: Borrow<Q> + Borrow<R>,
        Q: Eq + Hash + ?Sized,
        R: Eq + Hash + ?Sized,
    {
        let Some((belief, users, members)) = self.parts_of(hasher, topic) else { return };
        let Some(user) = users.find(hasher, user) else { return };
        let gone = |user| {
            *members -= 1;
            users.release(user);
        };
        match session {
            None => belief.members.keep_of(user, keep, gone),
            Some(session) => {
                if let Some(at) = belief.members.find(hasher, user, session) {
                    belief.members.keep_at(at, keep, gone);
                }
            }
        }
        users.drop_unused();
    }

    /// Forgets a topic.
    pub(super) fn forget<Q>(&mut self, hasher: &impl BuildHasher, topic: &Q)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        if let Some(at) = self.find_at(hasher, topic) {
            self.forget_at(at);
        }
    }

    /// Forgets all topics.
    pub(super) fn clear(&mut self) {
        while let Some(last) = self.topics.len().checked_sub(1) {
            self.forget_at(At::after(last));
        }
    }

    /// Forgets a topic. The last one takes its place.
    fn forget_at(&mut self, at: At) {
        let last = At::after(self.topics.len() - 1);
        let belief = self.topics.swap_remove(at.index());
        self.by_name.remove(ShortHash::of_user(belief.name), at);
        if let Some(moved) = self.topics.get(at.index()) {
            self.by_name.replace(ShortHash::of_user(moved.name), last, at);
        }
        self.members -= belief.members.len();
        belief.members.iter().for_each(|member| self.users.release(member.user));
        self.names.release(belief.name);
        if give_back(&mut self.topics) {
            self.by_name.shrink_to_fit();
        }
        self.users.drop_unused();
        self.names.drop_unused();
    }

    /// Gives back what only a past peak needed.
    pub(super) fn shrink_to_fit(&mut self) {
        self.names.shrink_to_fit();
        self.users.shrink_to_fit();
        self.topics.shrink_to_fit();
        self.by_name.shrink_to_fit();
        self.topics.iter_mut().for_each(|belief| belief.members.shrink_to_fit());
    }
}

impl<P> MemberBelief<P> {
    /// Forgets what was said. Returns whether the topic's snapshot leaves anything.
    fn is_kept_by(&mut self, snapshot: u32) -> bool {
        self.said = None;
        self.is_member && self.snapshot == snapshot
    }
}

impl<P, I> TopicBelief<P, I> {
    /// Lets go of what the open snapshot is to drop. Returns whether there is room then, of so many
    /// sessions in all topics.
    fn make_room<K>(&mut self, users: &mut Users<K>, members: &mut usize, most: usize) -> bool {
        if self.is_open && !core::mem::replace(&mut self.has_made_room, true) {
            self.forget_old(users, members);
        }
        *members < most
    }

    /// Forgets whoever is not in the last snapshot, and what was said.
    fn forget_old<K>(&mut self, users: &mut Users<K>, members: &mut usize) {
        let gone = |user| {
            *members -= 1;
            users.release(user);
        };
        self.members.keep_all(|member| member.is_kept_by(self.snapshot), gone);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hasher::tests::Plain;
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    proptest! {
        /// Whatever was there, no more places are walked over, or kept, than topics are there now.
        #[test]
        fn topics_that_are_forgotten_leave_no_gaps(
            steps in proptest::collection::vec((0_u64..60, 0_u8..16), 0..200),
        ) {
            let (mut topics, mut model) = (TopicBeliefs::<u64, (), u8>::new(), BTreeMap::new());
            for (name, step) in steps {
                match step {
                    0 => {
                        topics.clear();
                        model.clear();
                    }
                    1 => topics.shrink_to_fit(),
                    2..9 => {
                        topics.forget(&Plain, &name);
                        model.remove(&name);
                    }
                    _ => {
                        topics.begin(&Plain, name, View::Sample(step.into())).expect("it is new");
                        let added = topics.member_mut(&Plain, &name, (name, step, true), 1_000);
                        prop_assert!(added.is_ok_and(|member| member.is_some()));
                        let (view, sessions): &mut (_, BTreeMap<_, _>) =
                            model.entry(name).or_default();
                        (*view, _) = (step, sessions.insert(step, ()));
                    }
                }
                let names: BTreeMap<_, _> = topics.names().map(|name| (*name, ())).collect();
                prop_assert!(names.keys().eq(model.keys()) && topics.topics.len() == model.len());
                prop_assert!(topics.topics.capacity() <= (4 * model.len()).max(8));
                let sessions: usize = model.values().map(|(_, sessions)| sessions.len()).sum();
                prop_assert_eq!((topics.len(), topics.sessions()), (model.len(), sessions));
                for name in 0..60 {
                    let own = topics.find(&Plain, &name);
                    let own = own.map(|belief| (belief.view, belief.members.len()));
                    let expected = model.get(&name);
                    let expected =
                        expected.map(|(view, all)| (View::Sample((*view).into()), all.len()));
                    prop_assert_eq!(own, expected);
                }
            }
        }
    }
}
