//! A doubly linked list, whose links are in the nodes.

use super::nodes::{Node, Nodes};

const NONE: u32 = u32::MAX;

#[derive(Clone, Copy)]
pub(super) struct List {
    first: u32,
    last: u32,
    length: u32,
}

impl List {
    pub(super) const EMPTY: Self = Self { first: NONE, last: NONE, length: 0 };

    /// Returns the index of the first node.
    pub(super) fn first(&self) -> Option<u32> {
        (self.first != NONE).then_some(self.first)
    }

    /// Returns the index of the last node.
    pub(super) fn last(&self) -> Option<u32> {
        (self.last != NONE).then_some(self.last)
    }

    pub(super) const fn len(&self) -> u32 {
        self.length
    }

    /// Puts a node at the end, with this index.
    #[inline]
    pub(super) fn append(&mut self, nodes: &mut Nodes, index: u32, mut node: Node) {
        (node.prev, node.next) = (self.last, NONE);
        *nodes.at_mut(index) = node;
        if self.last == NONE {
            self.first = index;
        } else {
            nodes.at_mut(self.last).next = index;
        }
        self.last = index;
        self.length += 1;
    }

    /// Takes out a node that is in this list.
    #[inline]
    pub(super) fn remove(&mut self, nodes: &mut Nodes, node: &Node) {
        if node.prev == NONE {
            self.first = node.next;
        } else {
            nodes.at_mut(node.prev).next = node.next;
        }
        if node.next == NONE {
            self.last = node.prev;
        } else {
            nodes.at_mut(node.next).prev = node.prev;
        }
        self.length -= 1;
    }
}
