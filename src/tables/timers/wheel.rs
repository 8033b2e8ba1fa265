//! The deadlines that are further away: a hierarchical timer wheel of intrusive lists.
//!
//! A bucket of the lowest level is a block of 1,024 ms, one of each level above is as wide as 32 of
//! the level below. A level has 64 buckets in a ring: those in the current bucket of the level
//! above, and in the one after that. So when a bucket is the next to come, what is in it can be
//! moved down before time enters it, some at a time, and nothing new comes into it.

use super::list::List;
use super::nodes::{Home, Node, Nodes};
use alloc::vec::Vec;

const BLOCK_BITS: u32 = if cfg!(feature = "shrunk") { 4 } else { 10 };
/// What fires after so much time or later is on a level of the wheel.
pub(super) const NEAR_MS: u64 = 2 << BLOCK_BITS;
const LEVEL_BITS: u32 = 5;
pub(super) const LEVELS: u32 = (u64::BITS - BLOCK_BITS).div_ceil(LEVEL_BITS);
/// Twice those of one bucket of the level above: one bit each in a word.
const BUCKETS: u32 = u64::BITS;
const _: () = assert!(BUCKETS == 2 << LEVEL_BITS && Home::on_level(LEVELS - 1).level().is_some());

/// How many nodes are moved down in one look ahead: some 10 microseconds in the caches, some 50
/// beyond them.
pub(super) const QUANTUM: u32 = if cfg!(feature = "shrunk") { 32 } else { 256 };
/// How much time passes between two quanta, where there is enough.
const PACE_MS: u64 = 2;
/// How long before a bucket begins no more than a quantum is to be left in it, so that a host may
/// wake up late.
const SLACK_MS: u64 = 1 << (BLOCK_BITS - 4);
/// How long before a bucket begins the first quantum is moved down at the earliest.
const AHEAD_MS: u64 = 1 << 20;

/// A bucket that has something in it.
#[derive(Clone, Copy)]
pub(super) struct Bucket {
    level: u32,
    /// The place of its list.
    place: usize,
    pub(super) start: u64,
}

pub(super) struct Wheel {
    /// One for each bucket, as soon as there has been a node.
    lists: Vec<List>,
    /// A bit for each level that has something on it.
    in_use: u32,
    /// A bit for each bucket that has something in it.
    occupied: [u64; LEVELS as usize],
}

/// Returns the logarithm of the width of a level's buckets.
const fn width_bits(level: u32) -> u32 {
    BLOCK_BITS + LEVEL_BITS * level
}

const fn place_of(level: u32, number: u64) -> usize {
    level as usize * BUCKETS as usize + (number % BUCKETS as u64) as usize
}

/// Returns the bit that says whether a bucket has something in it.
const fn bit_of(number: u64) -> u64 {
    1 << (number % BUCKETS as u64)
}

/// Returns the level that a deadline belongs to: the lowest that reaches so far. `None` if it is in
/// this block or the next.
pub(super) const fn level_of(deadline: u64, now: u64) -> Option<u32> {
    let mut level = 0;
    while level < LEVELS {
        let width = width_bits(level);
        if (deadline >> width) - (now >> width) <= 1 {
            break;
        }
        level += 1;
    }
    level.checked_sub(1)
}

/// Returns which bits are set.
fn bits(mut left: u32) -> impl Iterator<Item = u32> {
    core::iter::from_fn(move || {
        let first = left.trailing_zeros();
        left &= left.wrapping_sub(1);
        (first < u32::BITS).then_some(first)
    })
}

/// Returns how long before it begins a bucket with so many nodes is to be looked at next.
fn ahead_ms(level: u32, nodes: u32) -> u64 {
    if nodes <= QUANTUM {
        // What is left goes down as time enters the bucket: on one level, as all may begin at once.
        return if level == 0 { 0 } else { SLACK_MS };
    }
    // As long as it takes at the pace, but the more nodes there are the faster, since it cannot
    // begin before the bucket is the next: half the harmonic mean of the two.
    let at_pace = u64::from(nodes.div_ceil(QUANTUM)) * PACE_MS;
    let longest = AHEAD_MS.min(1 << width_bits(level)) - SLACK_MS;
    SLACK_MS + at_pace * longest / (at_pace + longest)
}

impl Wheel {
    pub(super) const fn new() -> Self {
        Self { lists: Vec::new(), in_use: 0, occupied: [0; LEVELS as usize] }
    }

    /// Puts a node at the end of its bucket on a level.
    pub(super) fn insert(&mut self, nodes: &mut Nodes, index: u32, node: Node, level: u32) {
        if self.lists.is_empty() {
            self.lists.resize((LEVELS * BUCKETS) as usize, List::EMPTY);
        }
        let number = node.deadline >> width_bits(level);
        self.in_use |= 1 << level;
        self.occupied[level as usize] |= bit_of(number);
        let list = &mut self.lists[place_of(level, number)];
        list.append(nodes, index, node.at_home(Home::on_level(level)));
    }

    /// Takes out a node that is on this level.
    pub(super) fn remove(&mut self, nodes: &mut Nodes, node: &Node, level: u32) {
        let number = node.deadline >> width_bits(level);
        let list = &mut self.lists[place_of(level, number)];
        list.remove(nodes, node);
        if list.first().is_none() {
            let occupied = &mut self.occupied[level as usize];
            *occupied &= !bit_of(number);
            self.in_use &= !(u32::from(*occupied == 0) << level);
        }
    }

    /// Takes out the first node of a bucket.
    pub(super) fn take_first(&mut self, nodes: &mut Nodes, bucket: Bucket) -> Option<(u32, Node)> {
        let index = self.lists[bucket.place].first()?;
        let node = *nodes.at(index);
        self.remove(nodes, &node, bucket.level);
        Some((index, node))
    }

    /// Returns the first bucket of each level that has something in it.
    fn first_buckets(&self, now: u64) -> impl Iterator<Item = Bucket> + '_ {
        bits(self.in_use).map(move |level| {
            let current = now >> width_bits(level);
            // All that has something in it is one of the 63 after the current one.
            let from_current = self.occupied[level as usize].rotate_right(current as u32 % BUCKETS);
            let number = current + u64::from(from_current.trailing_zeros());
            let (place, start) = (place_of(level, number), number << width_bits(level));
            Bucket { level, place, start }
        })
    }

    /// Returns the start of the first bucket that has something in it.
    pub(super) fn first_start(&self, now: u64) -> Option<u64> {
        self.first_buckets(now).map(|bucket| bucket.start).reduce(u64::min)
    }

    /// Returns the bucket, current by now, of each level that has still something in it.
    pub(super) fn entered(&self, now: u64) -> impl Iterator<Item = Bucket> + 'static {
        let occupied = self.occupied;
        bits(self.in_use).filter_map(move |level| {
            let number = now >> width_bits(level);
            let is_occupied = occupied[level as usize] & bit_of(number) != 0;
            let (place, start) = (place_of(level, number), number << width_bits(level));
            is_occupied.then_some(Bucket { level, place, start })
        })
    }

    /// Returns when a bucket is next to be looked at.
    fn look(&self, bucket: Bucket) -> u64 {
        bucket.start - ahead_ms(bucket.level, self.lists[bucket.place].len())
    }

    /// Returns when the next bucket is to be looked at.
    pub(super) fn next_look(&self, now: u64) -> Option<u64> {
        let first = self.first_buckets(now).map(|bucket| self.look(bucket)).reduce(u64::min);
        first.map(|look| look.max(now))
    }

    /// Returns the bucket that is to be looked at, if one is by now: the one that is most overdue.
    pub(super) fn bucket_to_empty(&self, now: u64) -> Option<Bucket> {
        let looks = self.first_buckets(now).map(|bucket| (self.look(bucket), bucket));
        let (look, bucket) = looks.min_by_key(|(look, _)| *look)?;
        (look <= now).then_some(bucket)
    }

    /// Gives back the memory, if there is nothing in any bucket.
    pub(super) fn shrink_to_fit(&mut self) {
        if self.in_use == 0 {
            self.lists = Vec::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Nodes of every number, more or less.
    fn numbers() -> impl Iterator<Item = u32> {
        (0..u32::BITS).flat_map(|shift| [1 << shift, (1 << shift) + 1, u32::MAX >> shift])
    }

    #[test]
    fn a_bucket_is_not_looked_at_before_it_is_the_next() {
        for level in 0..LEVELS {
            assert!(numbers().all(|nodes| ahead_ms(level, nodes) <= 1 << width_bits(level)));
        }
    }

    #[test]
    fn a_host_may_be_late_until_a_quantum_is_left() {
        for level in 0..LEVELS {
            let many = numbers().filter(|nodes| *nodes > QUANTUM);
            assert!({ many }.all(|nodes| ahead_ms(level, nodes) > SLACK_MS));
        }
        assert_eq!(ahead_ms(0, QUANTUM), 0);
    }

    /// While there is time for it, each quantum gets some of its own.
    #[test]
    fn quanta_are_moved_down_one_after_the_other() {
        for (level, quanta) in [(0, 1 << (BLOCK_BITS - 3)), (1, 1 << BLOCK_BITS)] {
            for nth in 2..quanta {
                let (before, after) = (nth * QUANTUM, nth * QUANTUM + 1);
                let time = ahead_ms(level, after) - ahead_ms(level, before);
                assert!((1..=PACE_MS).contains(&time), "level {level}, quantum {nth}: {time} ms");
            }
        }
    }

    #[test]
    fn a_wheel_that_is_empty_gives_its_lists_back() {
        let (mut wheel, mut nodes) = (Wheel::new(), Nodes::new());
        nodes.make_room(0);
        wheel.insert(&mut nodes, 0, Node::new(1 << 20, 1), 1);
        wheel.shrink_to_fit();
        let node = *nodes.at(0);
        wheel.remove(&mut nodes, &node, 1);
        wheel.shrink_to_fit();
        assert_eq!(wheel.lists.capacity(), 0);
    }
}
