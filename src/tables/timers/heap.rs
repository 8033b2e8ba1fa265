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
