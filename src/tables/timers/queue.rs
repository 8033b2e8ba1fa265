//! The deadlines that come within the next seconds, as a priority queue.

use super::heap::Heap;
use super::list::List;
use super::nodes::{Home, Node, Nodes};

/// A list of those that came in order, as most of a crowd does that was lost at once or waits
/// equally long: O(1). And a heap of the others: O(log n).
pub(super) struct Queue {
    in_order: List,
    heap: Heap,
}

impl Queue {
    pub(super) const fn new() -> Self {
        Self { in_order: List::EMPTY, heap: Heap::new() }
    }

    /// Returns the node that fires first, and its index.
    pub(super) fn first<'n>(&self, nodes: &'n Nodes) -> Option<(u32, &'n Node)> {
        let with_node = |index| (index, nodes.at(index));
        match (self.in_order.first().map(with_node), self.heap.first().map(with_node)) {
            (Some(first), Some(other)) if other.1.key() < first.1.key() => Some(other),
            (first, other) => first.or(other),
        }
    }

    pub(super) fn insert(&mut self, nodes: &mut Nodes, index: u32, node: Node) {
        let last = self.in_order.last();
        if last.is_none_or(|last| nodes.at(last).key() <= node.key()) {
            self.in_order.append(nodes, index, node.at_home(Home::IN_ORDER));
        } else {
            self.heap.insert(nodes, index, node.at_home(Home::HEAP));
        }
    }

    /// Takes out a node that is in the queue.
    pub(super) fn remove(&mut self, nodes: &mut Nodes, node: &Node) {
        if node.home() == Home::IN_ORDER {
            self.in_order.remove(nodes, node);
        } else {
            self.heap.remove(nodes, node);
        }
    }

    pub(super) fn shrink_to_fit(&mut self) {
        self.heap.shrink_to_fit();
    }
}
