//! A sorted map of small values, in pieces: adding to it and taking from it move a bounded number
//! of entries, however large it is. Its memory is bounded by what is in it, whatever was.

use crate::tables::ids::User;
use crate::tables::steps;
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
    /// None of them is empty but the only one, and no two neighbours are [sparse](SPARSE) together.
    pieces: Vec<Vec<(K, V)>>,
    len: usize,
    /// Pieces that were used once, kept for their memory.
    spare: Vec<Vec<(K, V)>>,
}

/// A set of users that may be long though nobody handed it in as a list.
pub(crate) type UserSet = SortedMap<User, ()>;

impl<K, V> SortedMap<K, V> {
    pub(crate) const fn new() -> Self {
        Self { pieces: Vec::new(), len: 0, spare: Vec::new() }
    }
}

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Copy + Ord, V: Copy> SortedMap<K, V> {
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (K, V)> + '_ {
        self.pieces.iter().flatten().copied()
    }

    /// Returns the entries from this key on, which need not be there.
    pub(crate) fn iter_from(&self, key: K) -> impl Iterator<Item = (K, V)> + '_ {
        let (first, others) = match self.pieces.get(self.piece_of(key)..) {
            Some([piece, others @ ..]) => {
                (&piece[piece.partition_point(|(own, _)| *own < key)..], others)
            }
            _ => (&[][..], &[][..]),
        };
        first.iter().chain(others.iter().flatten()).copied()
    }

    /// Returns the first of those.
    pub(crate) fn first_from(&self, key: K) -> Option<(K, V)> {
        self.iter_from(key).next()
    }

    pub(crate) fn contains(&self, key: K) -> bool {
        self.find(key).is_some()
    }

    pub(crate) fn get(&self, key: K) -> Option<&V> {
        let (piece, place) = self.find(key)?;
        Some(&self.pieces[piece][place].1)
    }

    pub(crate) fn get_mut(&mut self, key: K) -> Option<&mut V> {
        let (piece, place) = self.find(key)?;
        Some(&mut self.pieces[piece][place].1)
    }

    /// Sets the value of those of a sorted run of keys that are there, and keeps the others in the
    /// run: by one walk.
    pub(crate) fn replace_all(&mut self, keys: &mut Vec<K>, value: V) {
        let mut entries = self.pieces.iter_mut().flatten();
        let mut entry = entries.next();
        keys.retain(|key| {
            while let Some((own, _)) = &entry
                && own < key
            {
                entry = entries.next();
            }
            match &mut entry {
                Some((own, of)) if own == key => {
                    *of = value;
                    false
                }
                _ => true,
            }
        });
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
            // Most have but one piece, and there may be very many of them.
            self.pieces.reserve_exact(1);
            self.pieces.push(piece);
            return;
        };
        let place = piece.partition_point(|(own, _)| *own < key);
        steps::count_moved(piece.len() - place);
        piece.insert(place, (key, value));
        if piece.len() >= PIECE {
            // Those that come in order leave full pieces behind.
            let from = if is_last && place + 1 == PIECE { place } else { PIECE / 2 };
            let mut upper = self.spare.pop().unwrap_or_default();
            steps::count_moved(piece.len() - from + self.pieces.len() - at);
            let piece = &mut self.pieces[at];
            upper.extend(piece.drain(from..));
            self.pieces.insert(at + 1, upper);
        }
    }

    /// Adds a sorted run of keys, none of which is there yet: one by one if they are few, else by
    /// one merge.
    pub(crate) fn insert_all(&mut self, added: impl ExactSizeIterator<Item = (K, V)>) {
        if self.are_few(added.len()) {
            return added.for_each(|(key, value)| self.insert(key, value));
        }
        let all = self.len + added.len();
        steps::count_moved(all);
        let old = core::mem::take(&mut self.pieces);
        self.len = 0;
        self.pieces.reserve_exact(all.div_ceil(PIECE - 1));
        let mut added = added.peekable();
        for entry in old.into_iter().flatten() {
            while let Some(new) = added.next_if(|new| new.0 < entry.0) {
                self.push(new);
            }
            self.push(entry);
        }
        added.for_each(|new| self.push(new));
    }

    /// Removes those of a sorted run of keys that are there, likewise.
    pub(crate) fn remove_all(&mut self, removed: impl ExactSizeIterator<Item = K>) {
        if self.are_few(removed.len()) {
            return removed.for_each(|key| _ = self.remove(key));
        }
        let mut removed = removed.peekable();
        self.retain(|key, _| {
            while removed.next_if(|other| *other < key).is_some() {}
            removed.next_if(|other| *other == key).is_none()
        });
    }

    /// Returns whether to look at so many keys one by one moves less than to look at everything,
    /// or no more than a short list has, which keeps its memory so.
    fn are_few(&self, keys: usize) -> bool {
        let is_short = self.len.saturating_add(keys) <= SPARE * PIECE;
        is_short || keys.saturating_mul(PIECE) <= self.len
    }

    /// Adds a key behind all others.
    fn push(&mut self, entry: (K, V)) {
        self.len += 1;
        match self.pieces.last_mut() {
            Some(piece) if piece.len() + 1 < PIECE => piece.push(entry),
            last => {
                let mut piece = self.spare.pop().unwrap_or_default();
                piece.reserve_exact(if last.is_some() { PIECE } else { 1 });
                piece.push(entry);
                self.pieces.push(piece);
            }
        }
    }

    /// Keeps what `keep` says of each key and its value, by one walk.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(K, V) -> bool) {
        steps::count_moved(self.len);
        let (mut pieces, mut len) = (0, 0);
        for at in 0..self.pieces.len() {
            self.pieces[at].retain(|(key, value)| keep(*key, *value));
            let left = self.pieces[at].len();
            len += left;
            if left == 0 {
                continue;
            }
            self.pieces.swap(pieces, at);
            pieces += 1;
            if let [.., lower, upper] = &mut self.pieces[..pieces]
                && lower.len() + upper.len() <= SPARSE
            {
                lower.append(upper);
                pieces -= 1;
            }
        }
        let rest = self.pieces.drain(pieces..);
        self.spare.extend(rest.take(SPARE - self.spare.len()));
        self.len = len;
        self.shorten();
    }

    /// Removes a key, if it is there.
    pub(crate) fn remove(&mut self, key: K) -> Option<V> {
        let at = self.piece_of(key);
        let piece = self.pieces.get_mut(at)?;
        let place = piece.binary_search_by_key(&key, |(own, _)| *own).ok()?;
        steps::count_moved(piece.len() - place);
        let (_, value) = piece.remove(place);
        self.len -= 1;
        if self.len == 0 {
            // The only piece stays where it is: most that come and go are the only entry.
        } else if self.pieces[at].is_empty() {
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
            steps::count_moved(upper.len());
            lower.append(upper);
            self.remove_piece(at + 1);
        }
    }

    /// Removes a piece in which there is nothing any more.
    fn remove_piece(&mut self, at: usize) {
        steps::count_moved(self.pieces.len() - at);
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

    /// Gives back what is not needed for the entries that there are, pieces to spare included. Of
    /// each piece up to half of it is still room, so that none grows beyond [`PIECE`] afterwards.
    pub(crate) fn shrink_to_fit(&mut self) {
        self.spare = Vec::new();
        self.pieces.retain(|piece| !piece.is_empty());
        for piece in &mut self.pieces {
            piece.shrink_to(piece.len().next_power_of_two());
        }
        self.pieces.shrink_to_fit();
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
            steps in proptest::collection::vec((0_u16..600, 0_u8..5), 0..1_500),
        ) {
            let (mut map, mut model) = (SortedMap::default(), BTreeMap::new());
            for (key, step) in steps {
                match step {
                    0 => prop_assert_eq!(map.remove(key), model.remove(&key)),
                    // Runs, now and then.
                    4 if key % 64 == 0 => {
                        let new = (0..key).filter(|key| !model.contains_key(key));
                        let new: Vec<u16> = new.step_by(3).collect();
                        map.insert_all(new.iter().map(|key| (*key, step)));
                        model.extend(new.iter().map(|key| (*key, step)));
                    }
                    4 if key % 64 == 1 => {
                        let (from, by) = (key / 3, usize::from(key % 5) + 1);
                        map.remove_all((from..key).step_by(by));
                        (from..key).step_by(by).for_each(|key| _ = model.remove(&key));
                    }
                    4 if key % 64 == 3 => {
                        let mut keys: Vec<u16> = (key / 2..key).step_by(3).collect();
                        let mut others = keys.clone();
                        others.retain(|key| match model.get_mut(key) {
                            Some(value) => {
                                *value = step;
                                false
                            }
                            None => true,
                        });
                        map.replace_all(&mut keys, step);
                        prop_assert_eq!(keys, others);
                    }
                    4 if key % 64 == 4 => map.shrink_to_fit(),
                    4 if key % 64 == 2 => {
                        map.retain(|own, value| own > key || value % 2 == 0);
                        model.retain(|own, value| *own > key || *value % 2 == 0);
                    }
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
                let from = map.iter_from(key).map(|(key, _)| key).take(5);
                prop_assert!(from.eq(model.range(key..).map(|(key, _)| *key).take(5)));
                prop_assert_eq!(map.contains(key), model.contains_key(&key));
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
        let least = usize::from(!map.is_empty());
        assert!(map.pieces.iter().all(|piece| (least..PIECE).contains(&piece.len())));
        assert!(!map.is_empty() || map.pieces.len() <= 1);
        assert!(map.pieces.windows(2).all(|two| two[0].len() + two[1].len() > SPARSE));
        let [used, spare] = room(map);
        assert!(used <= 4 * map.len() + PIECE, "{used} for {}", map.len());
        assert!(spare <= SPARE * PIECE && map.spare.capacity() <= SPARE.next_power_of_two().max(4));
        assert!(map.spare.iter().all(Vec::is_empty));
        assert!(map.pieces.capacity() <= 4 * map.pieces.len().max(SPARE));
    }

    /// There is nothing to spare but up to half of each piece.
    fn assert_fits(map: &Map) {
        assert_bounded(map);
        assert_eq!((map.spare.capacity(), map.pieces.capacity()), (0, map.pieces.len()));
        assert!(map.pieces.iter().all(|piece| piece.capacity() == piece.len().next_power_of_two()));
        assert!(!map.is_empty() || map.pieces.is_empty());
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
                if order == 1 {
                    map.shrink_to_fit();
                    assert_fits(&map);
                }
            }
            map.clear();
            assert_bounded(&map);
            prop_assert_eq!(room(&map)[0], 0);
        }
    }

    proptest! {
        /// However long a run is against what is there, and however much of it goes.
        #[test]
        fn runs_come_and_go_in_bounded_memory(
            waves in proptest::collection::vec(
                (0_u32..4_000, 1_u32..1_000, 1_usize..40, any::<bool>()), 1..12,
            ),
        ) {
            let (mut map, mut model) = (Map::default(), BTreeMap::new());
            for (from, count, step, adds) in waves {
                let mut run: Vec<u32> = (from..from + count).step_by(step).collect();
                if adds {
                    run.retain(|key| !model.contains_key(key));
                    map.insert_all(run.iter().map(|key| (*key, 0)));
                    model.extend(run.iter().map(|key| (*key, 0)));
                } else {
                    map.remove_all(run.iter().copied());
                    run.iter().for_each(|key| _ = model.remove(key));
                }
                assert_bounded(&map);
                prop_assert!(map.iter().eq(model.iter().map(|(key, value)| (*key, *value))));
                prop_assert_eq!(map.len(), model.len());
                if step % 4 == 0 {
                    map.shrink_to_fit();
                    assert_fits(&map);
                }
            }
        }
    }

    /// Neither one by one, nor where a run goes into much more, or into nothing.
    #[test]
    fn few_entries_move_for_each_that_comes_or_goes() {
        let mut map = Map::default();
        let moved = |call: &mut dyn FnMut()| steps::tests::moved(call);
        let all = moved(&mut || map.insert_all((0..20_000).map(|key| (key * 2, 0))));
        assert!(all <= 20_000, "{all}");
        for key in (0..10_000).rev() {
            let one = moved(&mut || map.insert(key * 4 + 1, 0));
            // Entries of a piece, and the table of them.
            assert!(one <= 2 * PIECE + 4 * 30_000 / PIECE, "{one}");
        }
        let some = moved(&mut || map.remove_all((0..10).map(|key| key * 1_000)));
        assert!(some <= 10 * (2 * PIECE + 4 * 30_000 / PIECE), "{some}");
        let many = moved(&mut || map.remove_all(0..30_000));
        assert!(many <= 30_000, "{many}");
        assert_bounded(&map);
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
