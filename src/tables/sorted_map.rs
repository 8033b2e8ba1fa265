//! A sorted map of small values, in pieces: adding to it moves a bounded number of entries,
//! however large it is.

use alloc::vec::Vec;

/// A piece is split when it has so many entries.
const PIECE: usize = if cfg!(feature = "shrunk") { 4 } else { 128 };

/// Keys in ascending order, each with a value. Looking one up, adding and removing it take
/// O(log n), besides the entries of one piece and, once in half a piece, the list of pieces.
pub(crate) struct SortedMap<K, V> {
    /// None of them is empty.
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
        let Some(piece) = self.pieces.get_mut(at) else {
            let mut piece = self.spare.pop().unwrap_or_default();
            piece.push((key, value));
            self.pieces.push(piece);
            return;
        };
        let place = piece.partition_point(|(own, _)| *own < key);
        piece.insert(place, (key, value));
        if piece.len() >= PIECE {
            let mut upper = self.spare.pop().unwrap_or_default();
            upper.extend(piece.drain(PIECE / 2..));
            self.pieces.insert(at + 1, upper);
        }
    }

    /// Removes a key, if it is there.
    pub(crate) fn remove(&mut self, key: K) -> Option<V> {
        let at = self.piece_of(key);
        let piece = self.pieces.get_mut(at)?;
        let place = piece.binary_search_by_key(&key, |(own, _)| *own).ok()?;
        let (_, value) = piece.remove(place);
        if piece.is_empty() {
            let piece = self.pieces.remove(at);
            self.spare.push(piece);
        }
        self.len -= 1;
        Some(value)
    }

    /// Removes everything and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.pieces.iter_mut().for_each(Vec::clear);
        self.spare.append(&mut self.pieces);
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

    #[test]
    fn no_piece_grows_and_memory_is_used_again() {
        let mut map = SortedMap::<u32, ()>::default();
        for round in 0..3 {
            (0..10_000).for_each(|key| map.insert(key * 7_919 % 10_007, ()));
            assert!(map.pieces.iter().all(|piece| (1..PIECE).contains(&piece.len())));
            let pieces = map.pieces.len() + map.spare.len();
            map.clear();
            assert_eq!((map.pieces.len(), map.spare.len()), (0, pieces), "round {round}");
        }
    }
}
