//! Deadlines, one at most of each session or whatever else has one: exact to the millisecond, and
//! no call that takes long.
//!
//! What fires in this block of 1,024 ms or the next is in a priority queue, what fires later in a
//! hierarchical timer wheel of eleven levels that span every moment there is. So arming and
//! disarming is O(1), or O(log n) in what fires within two seconds.
//!
//! A deadline moves down a level at most eleven times. It does so ahead of time, in quanta of 256:
//! for a host that looks whenever [`Timers::next_look`] says so, or once a millisecond, no call
//! visits more than a few quanta besides what fires, even with a million deadlines in one
//! millisecond. A host that missed its looks pays for all of them in the next.
//!
//! Heartbeats do not touch the timer, since that would cost several random memory accesses where
//! one will do. Instead the engine is asked, whenever a node is visited, when it last heard of the
//! session, and the deadline moves. Only what may be in the queue already, because it would fire
//! within [`NEAR_MS`](Timers::NEAR_MS), is armed anew at once. So nothing in the queue has moved,
//! and a crowd that is heard of at the last moment leaves nothing to be put off when that comes.
//! For whoever does not do so, those at the head of the queue that have moved are put where they
//! belong in quanta, too.

mod heap;
mod list;
mod nodes;
mod queue;
pub(super) mod sparse;
#[cfg(test)]
mod tests;
mod wheel;

use crate::tables::ids::{ExpiryIndex, SessionIndex, TickIndex};
use crate::tables::steps;
use crate::time::Time;
use core::marker::PhantomData;
use nodes::{Node, Nodes};
use queue::Queue;
use wheel::{Bucket, QUANTUM, Wheel};

/// The number of what has a deadline, which is that of its node.
pub(crate) trait Timed: Copy {
    fn of(number: u32) -> Self;
    fn number(self) -> u32;
}

impl Timed for SessionIndex {
    fn of(number: u32) -> Self {
        Self(number)
    }

    fn number(self) -> u32 {
        self.0
    }
}

impl Timed for ExpiryIndex {
    fn of(number: u32) -> Self {
        Self::at(number)
    }

    fn number(self) -> u32 {
        self.index()
    }
}

impl Timed for TickIndex {
    fn of(number: u32) -> Self {
        Self(number)
    }

    fn number(self) -> u32 {
        self.0
    }
}

pub(crate) struct Timers<I = SessionIndex> {
    nodes: Nodes,
    queue: Queue,
    wheel: Wheel,
    /// Every deadline before this moment has fired.
    now: u64,
    armed: usize,
    /// This series of [`first_due`](Self::first_due) has looked ahead.
    has_looked_ahead: bool,
    /// When time was looked ahead of last.
    looked_ahead: u64,
    timed: PhantomData<I>,
}

/// A deadline that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Due<I = SessionIndex> {
    pub(crate) at: Time,
    pub(crate) order: u64,
    /// Whose it is.
    pub(crate) of: I,
}

/// So many quanta are moved in one look at most: enough that a million deadlines of one millisecond
/// have all been moved when it comes, for a host that looks once a millisecond.
const QUANTA_A_MS: u32 = 5;
/// So many deadlines at the head of the queue are corrected instead of a quantum: each takes a
/// little longer than one in a bucket.
const CORRECTIONS: u32 = QUANTUM * 3 / 4;

/// Returns where a deadline lies and what its order is, if it has moved since it was armed.
fn later<I: Timed>(
    index: u32,
    node: &Node,
    moved: impl Fn(I) -> Option<(Time, u64)>,
) -> Option<(Time, u64)> {
    let as_armed = (Time::from_millis(node.deadline), node.order());
    moved(I::of(index)).filter(|moved| *moved > as_armed)
}

impl<I: Timed> Timers<I> {
    pub(crate) const fn new() -> Self {
        Self {
            nodes: Nodes::new(),
            queue: Queue::new(),
            wheel: Wheel::new(),
            now: 0,
            armed: 0,
            has_looked_ahead: false,
            looked_ahead: 0,
            timed: PhantomData,
        }
    }

    /// What does not fire within so much time is not in the queue.
    pub(crate) const NEAR_MS: u64 = wheel::NEAR_MS;

    /// Returns the number of deadlines.
    pub(crate) const fn armed(&self) -> usize {
        self.armed
    }

    /// Returns the moment before which every deadline has fired.
    pub(crate) const fn now(&self) -> Time {
        Time::from_millis(self.now)
    }

    /// Comes to a moment, while nothing is armed.
    pub(crate) const fn skip_to(&mut self, now: Time) {
        debug_assert!(self.armed == 0);
        if self.now < now.as_millis() {
            self.now = now.as_millis();
        }
    }

    /// Returns the deadline of this, if it has one.
    pub(crate) fn deadline(&self, of: I) -> Option<Time> {
        self.nodes.armed(of.number()).map(|node| Time::from_millis(node.deadline))
    }

    /// Returns whether the deadline of this is in the queue.
    pub(crate) fn is_near(&self, of: I) -> bool {
        self.nodes.armed(of.number()).is_some_and(|node| node.home().level().is_none())
    }

    /// Sets the deadline of this, instead of any it had.
    pub(crate) fn arm(&mut self, of: I, at: Time, order: u64) {
        match self.nodes.armed(of.number()).copied() {
            Some(node) => self.take_out(&node),
            None => {
                self.nodes.make_room(of.number());
                self.armed += 1;
            }
        }
        self.file(of.number(), at, order);
    }

    /// Takes away the deadline of this, if it has one.
    pub(crate) fn disarm(&mut self, of: I) {
        if let Some(node) = self.nodes.armed(of.number()).copied() {
            self.take_out(&node);
            self.nodes.disarm(of.number());
            self.armed -= 1;
        }
    }

    /// Returns the first moment at which there may be something to do: never later than the first
    /// deadline, but earlier if something has still to be moved before that. `moved` is that of
    /// [`first_due`](Self::first_due).
    pub(crate) fn next_look(&self, moved: impl Fn(I) -> Option<(Time, u64)>) -> Option<Time> {
        if self.armed == 0 {
            return None;
        }
        let look = match self.queue.first(&self.nodes) {
            Some((index, node)) if later(index, node, &moved).is_some() => Some(self.now),
            first => {
                let first = first.map(|(_, node)| node.deadline);
                [first, self.wheel.next_look(self.now)].into_iter().flatten().min()
            }
        };
        look.map(Time::from_millis)
    }

    /// Begins a new series of [`first_due`](Self::first_due), which looks ahead once.
    pub(crate) const fn look_again(&mut self) {
        self.has_looked_ahead = false;
    }

    /// Returns the first deadline, if it is not after `limit`. It stays armed: the caller arms it
    /// anew or disarms it. `moved` says where a deadline really lies and what its order is, if that
    /// may have changed since it was armed: later, never earlier.
    pub(crate) fn first_due(
        &mut self,
        limit: Time,
        moved: impl Fn(I) -> Option<(Time, u64)>,
    ) -> Option<Due<I>> {
        let limit = limit.as_millis();
        while self.armed > 0 {
            let first = self.queue.first(&self.nodes).map(|(index, node)| (index, node.deadline));
            let start = self.wheel.first_start(self.now);
            match (first, start) {
                // What is in a bucket that begins at this very moment may fire before it.
                (Some((index, deadline)), start)
                    if deadline <= limit && start.is_none_or(|start| deadline < start) =>
                {
                    if let Some(due) = self.confirm(index, &moved) {
                        return Some(due);
                    }
                }
                (_, Some(start)) if start <= limit => self.enter(start, &moved),
                _ => break,
            }
        }
        // Nothing fires up to here, and no bucket begins that has something in it.
        self.now = self.now.max(limit);
        self.look_ahead(&moved);
        None
    }

    /// Returns the first deadline of the queue as due, unless it has moved.
    fn confirm(&mut self, index: u32, moved: impl Fn(I) -> Option<(Time, u64)>) -> Option<Due<I>> {
        let node = *self.nodes.at(index);
        match later(index, &node, moved) {
            Some((at, order)) => {
                steps::count(1);
                self.queue.remove(&mut self.nodes, &node);
                self.file(index, at, order);
                None
            }
            None => Some(Due {
                at: Time::from_millis(node.deadline),
                order: node.order(),
                of: I::of(index),
            }),
        }
    }

    /// Comes to the moment at which some buckets begin.
    fn enter(&mut self, start: u64, moved: impl Fn(I) -> Option<(Time, u64)>) {
        self.now = start;
        for bucket in self.wheel.entered(start) {
            self.move_down(bucket, u32::MAX, &moved);
        }
    }

    /// Moves what is overdue to be moved, once in each series of looks: a quantum, or a few if time
    /// has passed since the last series, for a host that looks no more than once a millisecond.
    fn look_ahead(&mut self, moved: impl Fn(I) -> Option<(Time, u64)>) {
        if self.has_looked_ahead {
            return;
        }
        self.has_looked_ahead = true;
        let quanta = if self.looked_ahead < self.now { QUANTA_A_MS } else { 1 };
        self.looked_ahead = self.now;
        for _ in 0..quanta {
            match self.wheel.bucket_to_empty(self.now) {
                Some(bucket) => self.move_down(bucket, QUANTUM, &moved),
                None if self.correct_first(&moved) => {}
                None => return,
            }
        }
    }

    /// Puts those at the head of the queue that have moved to where they belong, some at a time.
    /// Returns whether there were any.
    fn correct_first(&mut self, moved: impl Fn(I) -> Option<(Time, u64)>) -> bool {
        for corrected in 0..CORRECTIONS {
            let Some((index, _)) = self.queue.first(&self.nodes) else { return corrected > 0 };
            if self.confirm(index, &moved).is_some() {
                return corrected > 0;
            }
        }
        true
    }

    /// Moves nodes of a bucket, which is current or the next, to where they belong by now.
    fn move_down(
        &mut self,
        bucket: Bucket,
        at_most: u32,
        moved: impl Fn(I) -> Option<(Time, u64)>,
    ) {
        for _ in 0..at_most {
            let taken = self.wheel.take_first(&mut self.nodes, bucket);
            let Some((index, node)) = taken else { return };
            steps::count(1);
            let as_armed = (Time::from_millis(node.deadline), node.order());
            let (at, order) = moved(I::of(index)).unwrap_or(as_armed);
            self.file(index, at, order);
        }
    }

    /// Puts a node that is nowhere to where it belongs.
    fn file(&mut self, index: u32, at: Time, order: u64) {
        // The engine never asks for a moment that has passed; if it did, it would be due at once.
        let node = Node::new(at.as_millis().max(self.now), order);
        match wheel::level_of(node.deadline, self.now) {
            Some(level) => self.wheel.insert(&mut self.nodes, index, node, level),
            None => self.queue.insert(&mut self.nodes, index, node),
        }
    }

    /// Takes a node out of where it is. It is nowhere after that.
    fn take_out(&mut self, node: &Node) {
        match node.home().level() {
            Some(level) => self.wheel.remove(&mut self.nodes, node, level),
            None => self.queue.remove(&mut self.nodes, node),
        }
    }

    /// Makes room for so many deadlines.
    pub(crate) fn reserve(&mut self, count: usize) {
        self.nodes.reserve(count);
    }

    /// Gives back the memory that is not needed now.
    pub(crate) fn shrink_to_fit(&mut self) {
        self.nodes.shrink_to_fit();
        self.queue.shrink_to_fit();
        self.wheel.shrink_to_fit();
    }
}
