//! The nodes: one for each number of what has, or had, a deadline.

use super::sparse::Sparse;

/// Where a node is: on a level of the wheel, or one of these.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Home(u8);

impl Home {
    /// In the queue's list.
    pub(super) const IN_ORDER: Self = Self(13);
    /// In the queue's heap.
    pub(super) const HEAP: Self = Self(14);
    const NOWHERE: Self = Self(15);
    const BITS: u32 = 4;

    pub(super) const fn on_level(level: u32) -> Self {
        debug_assert!(level < Self::IN_ORDER.0 as u32);
        Self(level as u8)
    }

    /// Returns the level of the wheel, if it is one.
    pub(super) const fn level(self) -> Option<u32> {
        if self.0 < Self::IN_ORDER.0 { Some(self.0 as u32) } else { None }
    }
}

#[derive(Clone, Copy)]
pub(super) struct Node {
    pub(super) deadline: u64,
    /// Its order, by which equal deadlines are told apart, and in the low bits its home. An engine
    /// that takes a billion inputs a second comes to an order of 2^60 in 36 years.
    order_and_home: u64,
    /// In a list the index of the next node, in the heap the place there.
    pub(super) next: u32,
    pub(super) prev: u32,
}

const _: () = assert!(size_of::<Node>() == 24);

impl Node {
    /// Returns a node that is nowhere.
    pub(super) const fn new(deadline: u64, order: u64) -> Self {
        debug_assert!(order < 1 << (u64::BITS - Home::BITS));
        let order_and_home = order << Home::BITS | Home::NOWHERE.0 as u64;
        Self { deadline, order_and_home, next: 0, prev: 0 }
    }

    pub(super) const fn order(&self) -> u64 {
        self.order_and_home >> Home::BITS
    }

    /// Returns what decides which node fires first.
    pub(super) const fn key(&self) -> (u64, u64) {
        (self.deadline, self.order())
    }

    pub(super) const fn home(&self) -> Home {
        Home(self.order_and_home as u8 % (1 << Home::BITS))
    }

    /// Returns the same node, at home there.
    pub(super) const fn at_home(self, home: Home) -> Self {
        let order_and_home = self.order() << Home::BITS | home.0 as u64;
        Self { order_and_home, ..self }
    }

    const fn is_armed(&self) -> bool {
        self.home().0 != Home::NOWHERE.0
    }
}

/// The nodes by their index, the number of what has the deadline.
pub(super) struct Nodes(Sparse<Node>);

impl Nodes {
    pub(super) const fn new() -> Self {
        Self(Sparse::new())
    }

    /// Returns a node, if it is armed.
    pub(super) fn armed(&self, index: u32) -> Option<&Node> {
        self.0.get(index as usize).filter(|node| node.is_armed())
    }

    /// Returns a node for which there is room.
    pub(super) fn at(&self, index: u32) -> &Node {
        self.0.at(index as usize)
    }

    pub(super) fn at_mut(&mut self, index: u32) -> &mut Node {
        self.0.at_mut(index as usize)
    }

    pub(super) fn make_room(&mut self, index: u32) {
        self.0.make_room(index as usize, &Node::new(0, 0));
    }

    /// Makes room for so many of them.
    pub(super) fn reserve(&mut self, count: usize) {
        self.0.reserve(count, &Node::new(0, 0));
    }

    /// Disarms a node that has been taken out of wherever it was.
    pub(super) fn disarm(&mut self, index: u32) {
        *self.at_mut(index) = Node::new(0, 0);
    }

    pub(super) fn shrink_to_fit(&mut self) {
        self.0.shrink_to(|_, node| node.is_armed());
    }
}
