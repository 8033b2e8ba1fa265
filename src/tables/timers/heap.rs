//! A heap of nodes with four children a parent, each of which knows its place.

use super::nodes::{Node, Nodes};
use crate::tables::segments::{Segments, per_segment};
use crate::tables::steps;

/// What a node is compared by, so that the node itself need not be read.
#[derive(Clone, Copy, Default)]
struct Entry {
    order: u64,
    /// The low half of the deadline. Those in the heap are seconds apart.
    at: u32,
    /// The node's.
    index: u32,
}

impl Entry {
    /// Returns whether this fires before the other.
    const fn is_before(&self, other: &Self) -> bool {
        let later = self.at.wrapping_sub(other.at).cast_signed();
        // No branches: nobody could foretell them.
        (later < 0) | ((later == 0) & (self.order < other.order))
    }
}

/// The four children of one parent, in one cache line.
#[derive(Clone, Default)]
#[repr(align(64))]
struct Siblings([Entry; 4]);

const _: () = assert!(size_of::<Siblings>() == 64);

/// The first place, so chosen that siblings share their line.
const ROOT: usize = 3;

const fn parent_of(place: usize) -> usize {
    place / 4 + 2
}

const fn first_child_of(place: usize) -> usize {
    (place - 2) * 4
}

pub(super) struct Heap {
    siblings: Segments<Siblings, { per_segment(256) }>,
    /// One more than the last place in use.
    end: usize,
}

impl Heap {
    pub(super) const fn new() -> Self {
        Self { siblings: Segments::new(), end: ROOT }
    }

    /// Returns the index of the node that fires first.
    pub(super) fn first(&self) -> Option<u32> {
        (self.end > ROOT).then(|| self.entry(ROOT).index)
    }

    pub(super) fn insert(&mut self, nodes: &mut Nodes, index: u32, node: Node) {
        *nodes.at_mut(index) = node;
        if self.siblings.len() == self.end / 4 {
            self.siblings.push(Siblings::default());
        }
        self.end += 1;
        let entry = Entry { order: node.order(), at: node.deadline as u32, index };
        self.rise(nodes, self.end - 1, entry);
    }

    /// Takes out a node that is in the heap.
    pub(super) fn remove(&mut self, nodes: &mut Nodes, node: &Node) {
        let place = node.next as usize;
        self.end -= 1;
        // The last entry takes the place that is free, which may be its own.
        let entry = *self.entry(self.end);
        if place > ROOT && entry.is_before(self.entry(parent_of(place))) {
            self.rise(nodes, place, entry);
        } else {
            self.sink(nodes, place, entry);
        }
    }

    fn entry(&self, place: usize) -> &Entry {
        &self.siblings[place / 4].0[place % 4]
    }

    fn put(&mut self, nodes: &mut Nodes, place: usize, entry: Entry) {
        steps::count(1);
        self.siblings[place / 4].0[place % 4] = entry;
        nodes.at_mut(entry.index).next = place as u32;
    }

    /// Puts an entry at a place or, as long as it fires before its parent there, above it.
    fn rise(&mut self, nodes: &mut Nodes, mut place: usize, entry: Entry) {
        while place > ROOT {
            let parent = *self.entry(parent_of(place));
            if !entry.is_before(&parent) {
                break;
            }
            self.put(nodes, place, parent);
            place = parent_of(place);
        }
        self.put(nodes, place, entry);
    }

    /// Puts an entry at a place or, as long as one of its children there fires before it, below.
    fn sink(&mut self, nodes: &mut Nodes, mut place: usize, entry: Entry) {
        loop {
            let first_child = first_child_of(place);
            if first_child >= self.end {
                break;
            }
            let children = &self.siblings[first_child / 4].0;
            let mut least = 0;
            for child in 1..children.len().min(self.end - first_child) {
                least = if children[child].is_before(&children[least]) { child } else { least };
            }
            let child = children[least];
            if !child.is_before(&entry) {
                break;
            }
            self.put(nodes, place, child);
            place = first_child + least;
        }
        self.put(nodes, place, entry);
    }

    pub(super) fn shrink_to_fit(&mut self) {
        self.siblings.truncate(if self.end > ROOT { self.end.div_ceil(4) } else { 0 });
        self.siblings.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// Whichever are taken out, and whatever order they came in.
    #[test]
    fn none_fires_before_its_parent() {
        let (mut heap, mut nodes, mut seed) = (Heap::new(), Nodes::new(), 1_u32);
        let mut next = |below: usize| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as usize % below
        };
        let (mut there, mut free) = (Vec::new(), Vec::from_iter(0..60_u32));
        (0..60).for_each(|index| nodes.make_room(index));
        for step in 0..1_500 {
            if !free.is_empty() && (there.is_empty() || next(2) == 0) {
                let index = free.swap_remove(next(free.len()));
                let node = Node::new(next(30) as u64, step);
                heap.insert(&mut nodes, index, node);
                there.push(index);
            } else {
                let index = there.swap_remove(next(there.len()));
                let node = *nodes.at(index);
                heap.remove(&mut nodes, &node);
                free.push(index);
            }
            assert_eq!(heap.end - ROOT, there.len());
            for place in ROOT + 1..heap.end {
                let (entry, parent) = (heap.entry(place), heap.entry(parent_of(place)));
                assert!(!entry.is_before(parent), "step {step}: {place}");
                assert_eq!(nodes.at(entry.index).next as usize, place);
            }
        }
        for index in there {
            let node = *nodes.at(index);
            heap.remove(&mut nodes, &node);
        }
        heap.shrink_to_fit();
        assert_eq!(heap.siblings.len(), 0, "nothing of it is kept");
    }
}
