//! A sorted map of small values, in pieces: adding to it and taking from it move a bounded number
//! of entries, however large it is. Its memory is bounded by what is in it, whatever was.

use alloc::vec::Vec;

/// A piece is split when it has so many entries.
const PIECE: usize = if cfg!(feature = "shrunk") { 4 } else { 128 };
/// Two neighbours become one when they have no more entries than this together: a part of a piece,
/// so that what comes and goes around a bound moves nothing each time.
const SPARSE: usize = PIECE / 2;
/// So many pieces that are not needed are kept for their memory: those of 256 entries, so that a
/// short list that comes and goes allocates nothing.
const SPARE: usize = 256 / PIECE;

/// Keys in ascending order, each with a value. Looking one up, adding and removing it take
/// O(log n), besides the entries of one piece and, now and then, the list of pieces.
///
/// There is room for at most four times as many entries as there are, and for those of a few
/// pieces.
pub(crate) struct SortedMap<K, V> {
    /// None of them is empty, and no two neighbours are [sparse](SPARSE) together.
    pieces: Vec<Vec<(K, V)>>,
    len: usize,
    /// Pieces that were used once, kept for their memory.
    spare: Vec<Vec<(K, V)>>,
}

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self { pieces: Vec::new(), len: 0, spare: Vec::new() }
    }
}

impl<K: Copy + Ord, V: Copy> SortedMap<K, V> {
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (K, V)> + '_ {
        self.pieces.iter().flatten().copied()
    }

    pub(crate) fn get(&self, key: K) -> Option<&V> {
        let (piece, place) = self.find(key)?;
        Some(&self.pieces[piece][place].1)
    }

    pub(crate) fn get_mut(&mut self, key: K) -> Option<&mut V> {
        let (piece, place) = self.find(key)?;
        Some(&mut self.pieces[piece][place].1)
    }

    fn find(&self, key: K) -> Option<(usize, usize)> {
        let piece = self.piece_of(key);
        let place = self.pieces.get(piece)?.binary_search_by_key(&key, |(own, _)| *own).ok()?;
        Some((piece, place))
    }

    /// Returns the first entry after this key, which need not be there.
    pub(crate) fn first_after(&self, key: K) -> Option<(K, V)> {
        let at = self.piece_of(key);
        let piece = self.pieces.get(at)?;
        let place = piece.partition_point(|(own, _)| *own <= key);
        piece.get(place).or_else(|| self.pieces.get(at + 1)?.first()).copied()
    }

    /// Adds a key that is not there yet.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.len += 1;
        let at = self.piece_of(key);
        let is_last = at + 1 == self.pieces.len();
        let Some(piece) = self.pieces.get_mut(at) else {
            let mut piece = self.spare.pop().unwrap_or_default();
            piece.push((key, value));
            self.pieces.push(piece);
            return;
        };
        let place = piece.partition_point(|(own, _)| *own < key);
        piece.insert(place, (key, value));
        if piece.len() >= PIECE {
            // Those that come in order leave full pieces behind.
            let from = if is_last && place + 1 == PIECE { place } else { PIECE / 2 };
            let mut upper = self.spare.pop().unwrap_or_default();
            upper.extend(piece.drain(from..));
            self.pieces.insert(at + 1, upper);
        }
    }

    /// Removes a key, if it is there.
    pub(crate) fn remove(&mut self, key: K) -> Option<V> {
        let at = self.piece_of(key);
        let piece = self.pieces.get_mut(at)?;
        let place = piece.binary_search_by_key(&key, |(own, _)| *own).ok()?;
        let (_, value) = piece.remove(place);
        self.len -= 1;
        if piece.is_empty() {
            // Neither neighbour was sparse with one entry more, so they are not with each other.
            self.remove_piece(at);
        } else {
            self.merge(at);
            self.merge(at.wrapping_sub(1));
        }
        Some(value)
    }

    /// Makes one of a piece and the next, if there are both and they are sparse.
    fn merge(&mut self, at: usize) {
        let Some([lower, upper]) = self.pieces.get_mut(at..).and_then(<[_]>::first_chunk_mut)
        else {
            return;
        };
        if lower.len() + upper.len() <= SPARSE {
            lower.append(upper);
            self.remove_piece(at + 1);
        }
    }

    /// Removes a piece in which there is nothing any more.
    fn remove_piece(&mut self, at: usize) {
        let piece = self.pieces.remove(at);
        if self.spare.len() < SPARE {
            self.spare.push(piece);
        }
        self.shorten();
    }

    /// Gives back what the list of pieces does not need, if that is most of it.
    fn shorten(&mut self) {
        if self.pieces.capacity() > 4 * self.pieces.len().max(SPARE) {
            self.pieces.shrink_to(2 * self.pieces.len().max(SPARE));
        }
    }

    /// Removes everything, and keeps the memory of a few pieces.
    pub(crate) fn clear(&mut self) {
        while let Some(mut piece) = self.pieces.pop().filter(|_| self.spare.len() < SPARE) {
            piece.clear();
            self.spare.push(piece);
        }
        self.pieces.clear();
        self.shorten();
        self.len = 0;
    }

    /// Returns the piece in which a key belongs: the last that does not begin after it.
    fn piece_of(&self, key: K) -> usize {
        let begins_before = |piece: &Vec<(K, V)>| piece.first().is_some_and(|(own, _)| *own <= key);
        self.pieces.partition_point(begins_before).saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use core::ops::Bound;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn does_what_a_sorted_map_does(
            steps in proptest::collection::vec((0_u16..600, 0_u8..4), 0..1_500),
        ) {
            let (mut map, mut model) = (SortedMap::default(), BTreeMap::new());
            for (key, step) in steps {
                match step {
                    0 => prop_assert_eq!(map.remove(key), model.remove(&key)),
                    _ => match (map.get_mut(key), model.get_mut(&key)) {
                        (None, None) => {
                            map.insert(key, step);
                            model.insert(key, step);
                        }
                        (Some(own), Some(other)) => {
                            prop_assert_eq!(*own, *other);
                            (*own, *other) = (step, step);
                        }
                        differ => prop_assert!(false, "{:?}", differ),
                    },
                }
                prop_assert_eq!(map.len(), model.len());
                prop_assert_eq!(map.get(key), model.get(&key));
                let after = model.range((Bound::Excluded(key), Bound::Unbounded)).next();
                prop_assert_eq!(map.first_after(key), after.map(|(key, step)| (*key, *step)));
            }
            let own: Vec<_> = map.iter().collect();
            prop_assert_eq!(own, model.into_iter().collect::<Vec<_>>());
            map.clear();
            prop_assert_eq!((map.len(), map.iter().count()), (0, 0));
        }
    }

    type Map = SortedMap<u32, u64>;

    /// Returns the number of entries for which there is memory, in use and to spare.
    fn room(map: &Map) -> [usize; 2] {
        [&map.pieces, &map.spare].map(|pieces| pieces.iter().map(Vec::capacity).sum())
    }

    /// Memory is bounded by the entries: no piece is empty or too large, no neighbours are sparse.
    fn assert_bounded(map: &Map) {
        assert!(map.pieces.iter().all(|piece| (1..PIECE).contains(&piece.len())));
        assert!(map.pieces.windows(2).all(|two| two[0].len() + two[1].len() > SPARSE));
        let [used, spare] = room(map);
        assert!(used <= 4 * map.len() + PIECE, "{used} for {}", map.len());
        assert!(spare <= SPARE * PIECE && map.spare.capacity() <= SPARE.next_power_of_two().max(4));
        assert!(map.spare.iter().all(Vec::is_empty));
        assert!(map.pieces.capacity() <= 4 * map.pieces.len().max(SPARE));
    }

    proptest! {
        /// Each wave adds or removes keys of a stretch, all of them or a part, in some order.
        #[test]
        fn memory_is_bounded_by_the_entries(
            waves in proptest::collection::vec(
                (0_u32..4_000, 1_u32..4_000, 1_u32..200, any::<bool>(), 0_u8..3), 1..12,
            ),
        ) {
            let (mut map, mut model) = (Map::default(), BTreeMap::new());
            for (from, count, spared, adds, order) in waves {
                for nth in 0..count {
                    let nth = match order {
                        0 => nth,
                        1 => count - 1 - nth,
                        // A prime, so that all come.
                        _ => (u64::from(nth) * 2_654_435_761 % u64::from(count)) as u32,
                    };
                    let key = from + nth;
                    if !adds && key % spared != 0 {
                        prop_assert_eq!(map.remove(key), model.remove(&key));
                    } else if adds && model.insert(key, key.into()).is_none() {
                        map.insert(key, key.into());
                    }
                    // Looked at now and then: it is a walk.
                    if nth % 256 == 0 {
                        assert_bounded(&map);
                    }
                }
                assert_bounded(&map);
                prop_assert!(map.iter().eq(model.iter().map(|(key, value)| (*key, *value))));
            }
            map.clear();
            assert_bounded(&map);
            prop_assert_eq!(room(&map)[0], 0);
        }
    }

    /// In the order of their keys they take hardly more memory than they need.
    #[test]
    fn what_comes_in_order_fills_its_pieces() {
        let mut map = Map::default();
        (0..10_000).for_each(|key| map.insert(key, 0));
        assert!(room(&map)[0] <= 10_000 * PIECE / (PIECE - 1) + PIECE);
    }

    /// One entry is left in every so many, as where a crowd comes and all but a few go.
    #[test]
    fn what_is_left_of_a_crowd_takes_little() {
        for one_in in [2, PIECE as u32 / 2, PIECE as u32, 1_000] {
            let mut map = Map::default();
            (0..100_000).for_each(|key| map.insert(key, 0));
            (0..100_000).filter(|key| key % one_in != 0).for_each(|key| _ = map.remove(key));
            assert_eq!(map.len(), 100_000_usize.div_ceil(one_in as usize));
            assert_bounded(&map);
        }
    }

    /// A list that comes and goes around a bound neither splits nor merges each time.
    #[test]
    fn pieces_change_seldom() {
        let mut map = Map::default();
        let pieces = |map: &Map| map.pieces.len() + map.spare.len();
        (0..PIECE as u32).for_each(|key| map.insert(key * 2, 0));
        for key in 0..PIECE as u32 {
            let before = pieces(&map);
            for _ in 0..8 {
                map.insert(key * 2 + 1, 0);
                map.remove(key * 2 + 1);
            }
            assert!(pieces(&map) <= before + 1);
        }
        assert_bounded(&map);
    }

    /// As many as fit the spare pieces are noted again and again without anything allocated.
    #[test]
    fn memory_is_used_again_and_a_crowd_gives_it_back() {
        let mut map = Map::default();
        let short = 0..(SPARE * (PIECE - 1)) as u32;
        short.clone().for_each(|key| map.insert(key, 0));
        map.clear();
        let (spare, table) = (room(&map)[1], map.pieces.capacity());
        assert_eq!(spare, SPARE * PIECE);
        for crowd in [0, 0, 10_000, 0] {
            (0..crowd).for_each(|key| map.insert(key * 7_919 % 10_007, 0));
            map.clear();
            short.clone().for_each(|key| map.insert(key, 0));
            assert_eq!((room(&map), map.spare.len()), ([spare, 0], 0), "after {crowd}");
            assert!(map.pieces.capacity() >= table);
            map.clear();
            assert_eq!(room(&map), [0, spare]);
            assert_bounded(&map);
        }
    }
}
