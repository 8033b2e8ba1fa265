//! Deadlines, one a session at most: a hierarchical timer wheel of intrusive lists.
//!
//! Eleven levels of 64 buckets span every moment there is: a deadline lies on the level of the
//! highest six-bit digit in which it differs from the wheel's own time. Arming, disarming and
//! firing are O(1), a deadline moves down a level at most ten times, and it fires at its very
//! millisecond.
//!
//! Why not one FIFO per duration, which is simpler? Because moving a session to the back of a list
//! at each heartbeat touches its two neighbours as well as itself: three random memory accesses
//! where one would do. So heartbeats do not touch the timer; when its moment comes, the engine is
//! asked when it last heard of the session, and the deadline moves. Such deadlines come in any
//! order, which a FIFO cannot take.

use crate::tables::ids::SessionIndex;
use crate::time::Time;
use alloc::vec::Vec;

const LEVELS: u32 = 11;
const BUCKETS: u32 = 64;
/// The first nodes are the buckets' list heads; a session's node comes after them.
const HEADS: u32 = LEVELS * BUCKETS;
/// The `next` of a node that is in no list.
const UNARMED: u32 = u32::MAX;

#[derive(Clone, Copy)]
struct Node {
    deadline: u64,
    /// Among equal deadlines, the smaller order fires first.
    order: u64,
    next: u32,
    prev: u32,
}

pub(crate) struct Timers {
    nodes: Vec<Node>,
    /// A bit for each bucket that may have something in it.
    occupied: [u64; LEVELS as usize],
    /// Every deadline before this moment has fired.
    now: u64,
    armed: usize,
    /// The moment whose bucket is known to be in order.
    in_order: Option<u64>,
    scratch: Vec<(u64, u32)>,
}

/// A deadline that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Due {
    pub(crate) at: Time,
    pub(crate) order: u64,
    pub(crate) session: SessionIndex,
}

const fn node_of(session: SessionIndex) -> u32 {
    HEADS + session.0
}

impl Timers {
    pub(crate) const fn new() -> Self {
        let occupied = [0; LEVELS as usize];
        Self { nodes: Vec::new(), occupied, now: 0, armed: 0, in_order: None, scratch: Vec::new() }
    }

    pub(crate) fn armed(&self) -> usize {
        self.armed
    }

    /// The session's deadline, if it has one.
    pub(crate) fn deadline(&self, session: SessionIndex) -> Option<Time> {
        let node = self.nodes.get(node_of(session) as usize)?;
        (node.next != UNARMED).then_some(Time::from_millis(node.deadline))
    }

    /// Sets the session's deadline, instead of any it had.
    pub(crate) fn arm(&mut self, session: SessionIndex, at: Time, order: u64) {
        self.disarm(session);
        let node = node_of(session);
        self.grow(node);
        // The engine never asks for a moment that has passed; if it did, it would be due at once.
        let deadline = at.as_millis().max(self.now);
        self.nodes[node as usize] = Node { deadline, order, next: UNARMED, prev: UNARMED };
        self.link(node);
        self.armed += 1;
    }

    pub(crate) fn disarm(&mut self, session: SessionIndex) {
        let node = node_of(session);
        if self.nodes.get(node as usize).is_some_and(|node| node.next != UNARMED) {
            self.unlink(node);
            self.armed -= 1;
        }
    }

    fn grow(&mut self, node: u32) {
        while self.nodes.len() <= node as usize {
            let own = self.nodes.len() as u32;
            let link = if own < HEADS { own } else { UNARMED };
            self.nodes.push(Node { deadline: 0, order: 0, next: link, prev: link });
        }
    }

    /// Puts a node at the end of the bucket that its deadline belongs to now.
    fn link(&mut self, node: u32) {
        let deadline = self.nodes[node as usize].deadline;
        let level = (63 - ((deadline ^ self.now) | (BUCKETS as u64 - 1)).leading_zeros()) / 6;
        let bucket = (deadline >> (6 * level)) as u32 & (BUCKETS - 1);
        let head = level * BUCKETS + bucket;
        self.occupied[level as usize] |= 1 << bucket;
        self.link_last(node, head);
    }

    fn link_last(&mut self, node: u32, head: u32) {
        let last = self.nodes[head as usize].prev;
        self.nodes[node as usize].next = head;
        self.nodes[node as usize].prev = last;
        self.nodes[last as usize].next = node;
        self.nodes[head as usize].prev = node;
    }

    fn unlink(&mut self, node: u32) {
        let Node { next, prev, .. } = self.nodes[node as usize];
        self.nodes[prev as usize].next = next;
        self.nodes[next as usize].prev = prev;
        self.nodes[node as usize].next = UNARMED;
    }

    /// The first bucket with something in it: its level, its head, and the moment it starts.
    fn first_bucket(&self) -> Option<(u32, u32, u64)> {
        if self.armed == 0 {
            return None;
        }
        for level in 0..LEVELS {
            let shift = 6 * level;
            let position = (self.now >> shift) as u32 & (BUCKETS - 1);
            let mut buckets = self.occupied[level as usize] >> position << position;
            while buckets != 0 {
                let bucket = buckets.trailing_zeros();
                let head = level * BUCKETS + bucket;
                if self.nodes[head as usize].next != head {
                    let above = u64::MAX.checked_shl(shift + 6).unwrap_or(0);
                    return Some((level, head, self.now & above | u64::from(bucket) << shift));
                }
                buckets &= buckets - 1;
            }
        }
        None
    }

    /// The first moment at which there may be something to do: never later than the first
    /// deadline, but earlier if that lies in a bucket that has still to be spread out.
    pub(crate) fn next_look(&self) -> Option<Time> {
        self.first_bucket().map(|(_, _, start)| Time::from_millis(start))
    }

    /// To be called before a new series of [`first_due`](Self::first_due).
    pub(crate) fn look_again(&mut self) {
        self.in_order = None;
    }

    /// The first deadline, if it is not after `limit`. It stays armed: the caller arms it anew or
    /// disarms it. `moved` says where a deadline really lies and what its order is, if that has
    /// changed since it was armed: later, never earlier.
    pub(crate) fn first_due(
        &mut self,
        limit: Time,
        moved: impl Fn(SessionIndex) -> Option<(Time, u64)>,
    ) -> Option<Due> {
        let limit = limit.as_millis();
        loop {
            let Some((level, head, start)) = self.first_bucket().filter(|first| first.2 <= limit)
            else {
                // Nothing fires up to here, so every deadline keeps its bucket.
                self.now = self.now.max(limit);
                return None;
            };
            self.now = start;
            if level > 0 {
                self.occupied[level as usize] &= !(1 << (head % BUCKETS));
                while self.nodes[head as usize].next != head {
                    let node = self.nodes[head as usize].next;
                    self.unlink(node);
                    self.link(node);
                }
            } else if self.in_order != Some(start) {
                self.put_in_order(head, &moved);
                self.in_order = Some(start);
            } else {
                let first = self.nodes[head as usize].next;
                let Node { deadline, order, .. } = self.nodes[first as usize];
                let session = SessionIndex(first - HEADS);
                return Some(Due { at: Time::from_millis(deadline), order, session });
            }
        }
    }

    /// Takes out of a bucket what has moved on, and sorts the rest unless it is sorted already, as
    /// it is where nothing has moved: lists are in order as they grow.
    fn put_in_order(&mut self, head: u32, moved: impl Fn(SessionIndex) -> Option<(Time, u64)>) {
        let (mut in_order, mut before) = (true, 0);
        let mut node = self.nodes[head as usize].next;
        while node != head {
            let next = self.nodes[node as usize].next;
            if let Some((at, order)) = moved(SessionIndex(node - HEADS)) {
                self.nodes[node as usize].order = order;
                self.nodes[node as usize].deadline = at.as_millis().max(self.now);
            }
            let Node { deadline, order, .. } = self.nodes[node as usize];
            if deadline > self.now {
                self.unlink(node);
                self.link(node);
            } else {
                in_order &= before <= order;
                before = order;
            }
            node = next;
        }
        if !in_order {
            self.sort(head);
        }
    }

    fn sort(&mut self, head: u32) {
        self.scratch.clear();
        let mut node = self.nodes[head as usize].next;
        while node != head {
            let Node { order, next, .. } = self.nodes[node as usize];
            self.scratch.push((order, node));
            node = next;
        }
        self.scratch.sort_unstable();
        for at in 0..self.scratch.len() {
            let (_, node) = self.scratch[at];
            self.unlink(node);
            self.link_last(node, head);
        }
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        if self.armed == 0 {
            self.nodes.clear();
            self.occupied = [0; LEVELS as usize];
        }
        self.nodes.shrink_to_fit();
        self.scratch = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Arm { session: u32, after: u64 },
        Disarm { session: u32 },
        Advance { by: u64 },
    }

    /// Distances of every magnitude, so that every level is used.
    fn distance() -> impl Strategy<Value = u64> {
        (0_u32..64, any::<u64>()).prop_map(|(shift, bits)| bits >> shift)
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => (0_u32..8, distance()).prop_map(|(session, after)| Step::Arm { session, after }),
            4 => (0_u32..8, 0_u64..3).prop_map(|(session, after)| Step::Arm { session, after }),
            1 => (0_u32..8).prop_map(|session| Step::Disarm { session }),
            2 => distance().prop_map(|by| Step::Advance { by }),
        ];
        proptest::collection::vec(step, 0..80)
    }

    proptest! {
        #[test]
        fn fires_what_a_sorted_set_would(steps in steps()) {
            let mut timers = Timers::new();
            let mut set = BTreeSet::<Due>::new();
            let mut now = Time::ZERO;
            for (order, step) in (0..).zip(steps) {
                match step {
                    Step::Arm { session, after } => {
                        let session = SessionIndex(session);
                        let at = now.saturating_add(after);
                        timers.arm(session, at, order);
                        set.retain(|due| due.session != session);
                        set.insert(Due { at, order, session });
                        prop_assert_eq!(timers.deadline(session), Some(at));
                    }
                    Step::Disarm { session } => {
                        timers.disarm(SessionIndex(session));
                        set.retain(|due| due.session != SessionIndex(session));
                        prop_assert_eq!(timers.deadline(SessionIndex(session)), None);
                    }
                    Step::Advance { by } => {
                        now = now.saturating_add(by);
                        while let Some(due) = timers.first_due(now, |_| None) {
                            prop_assert_eq!(set.pop_first(), Some(due));
                            timers.disarm(due.session);
                        }
                        prop_assert!(set.first().is_none_or(|due| due.at > now));
                    }
                }
                prop_assert_eq!(timers.armed(), set.len());
                let look = timers.next_look();
                prop_assert_eq!(look.is_none(), set.is_empty());
                prop_assert!(set.first().is_none_or(|due| look.is_some_and(|look| look <= due.at)));
            }
        }

        /// Deadlines armed out of their order, as leases are, still fire in it.
        #[test]
        fn equal_deadlines_fire_by_order(orders in proptest::collection::vec(any::<u64>(), 0..50)) {
            let mut timers = Timers::new();
            for (session, order) in (0..).map(SessionIndex).zip(&orders) {
                timers.arm(session, Time::from_millis(70), *order);
            }
            let mut fired = Vec::new();
            while let Some(due) = timers.first_due(Time::MAX, |_| None) {
                fired.push(due.order);
                timers.disarm(due.session);
            }
            prop_assert!(fired.is_sorted());
            prop_assert_eq!(fired.len(), orders.len());
        }
    }

    /// What has moved on fires where it lies now, and among equals where its order puts it now.
    #[test]
    fn deadlines_that_moved_fire_where_they_lie() {
        let mut timers = Timers::new();
        let at = Time::from_millis;
        for session in 0..4 {
            timers.arm(SessionIndex(session), at(70), session.into());
        }
        let moved = |session: SessionIndex| match session.0 {
            0 => Some((at(70), 9)),
            1 => Some((at(5_000), 1)),
            _ => None,
        };
        let mut fired = Vec::new();
        while let Some(due) = timers.first_due(at(10_000), moved) {
            fired.push((due.session.0, due.at));
            timers.disarm(due.session);
        }
        assert_eq!(fired, [(2, at(70)), (3, at(70)), (0, at(70)), (1, at(5_000))]);
    }

    #[test]
    fn looking_again_and_again_comes_to_an_end() {
        let mut timers = Timers::new();
        timers.arm(SessionIndex(0), Time::from_millis(u64::MAX), 0);
        let mut looks = 0;
        while timers.first_due(timers.next_look().unwrap(), |_| None).is_none() {
            looks += 1;
        }
        assert!(looks <= LEVELS);
    }
}
