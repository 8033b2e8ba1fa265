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
mod tests;
