//! How each known user is reached: maps that a fan-out reads for every contact.
//!
//! A fan-out asks one question of every contact, and most contacts are offline. So the answer lies
//! apart from everything else, small enough for a core's caches, and in the usual cases it names
//! the receivers' slots without any further look.

use crate::tables::contiguous::Contiguous;
use crate::tables::ids::User;
use alloc::vec::Vec;

/// How a user's sessions are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// No session receives.
    Nobody = 0,
    /// The session in the first near slot, no other.
    First = 1,
    /// Anything else: the list of sessions tells.
    Listed = 2,
    /// The sessions in both near slots, no other.
    Both = 3,
}

/// How each known user is reached, and how many references there are to it, in two bytes each.
///
/// They lie together because a user who goes offline first tells the contacts and then gives their
/// references back: by then these words are in the nearest cache.
///
/// Two bits would do for the fan-out, and were measured, with and without another bit for who
/// receives at all: more instructions for each contact, and no faster with a million users.
pub(crate) struct Reaches {
    /// The reach in the two lowest bits, above them one less than a number of references, which is
    /// not zero if there are any at all: so the last one is given back where the word would go
    /// below zero. Then it is [`NONE`].
    words: Contiguous<u16>,
    /// The other references of those who have more than fit beside the reach, sorted: celebrities.
    many: Vec<(User, u32)>,
}

const REACH: u16 = 3;
/// One reference.
const ONE: u16 = REACH + 1;
/// No reference, and nothing reaches the user.
const NONE: u16 = !REACH;
/// No more references fit.
const MOST: u16 = if cfg!(feature = "shrunk") { 3 } else { NONE / ONE };
/// So many are moved to the list at a time, or back.
const SHARE: u16 = MOST / 2;

impl Reaches {
    pub(crate) const fn new() -> Self {
        Self { words: Contiguous::new(), many: Vec::new() }
    }

    /// Adds a user with the next index, to whom nothing refers and whom nothing reaches.
    pub(crate) fn push(&mut self) {
        self.words.push(NONE);
    }

    pub(crate) fn reach(&self, user: User) -> u64 {
        u64::from(self.words.as_slice()[user.0 as usize] & REACH)
    }

    pub(crate) fn set_reach(&mut self, user: User, reach: Reach) {
        let at = user.0 as usize;
        self.words.set(at, self.words.as_slice()[at] & !REACH | reach as u16);
    }

    /// Returns how each of these is reached, two bits each, the first in the lowest ones: of
    /// thirty-two users at most.
    #[inline]
    pub(crate) fn pack(&self, users: &[User]) -> u64 {
        let words = self.words.as_slice();
        let add = |packed, user: &User| packed << 2 | u64::from(words[user.0 as usize] & REACH);
        // By fours, which the compiler unrolls.
        let (fours, rest) = users.as_chunks::<4>();
        let packed = rest.iter().rev().fold(0, add);
        fours.iter().rev().fold(packed, |packed, four| four.iter().rev().fold(packed, add))
    }

    pub(crate) fn references(&self, user: User) -> u32 {
        let others = find_in(&self.many, user).map_or(0, |at| self.many[at].1);
        u32::from(self.words.as_slice()[user.0 as usize].wrapping_add(ONE) / ONE) + others
    }

    #[inline]
    pub(crate) fn retain(&mut self, user: User) {
        let word = &mut self.words.as_mut_slice()[user.0 as usize];
        *word = word.wrapping_add(ONE);
        if *word >= MOST * ONE {
            move_to_list(word, &mut self.many, user);
        }
        self.words.mirror(user.0 as usize);
    }

    /// Gives a reference back. Returns whether it was the last.
    #[inline]
    pub(crate) fn release(&mut self, user: User) -> bool {
        let word = &mut self.words.as_mut_slice()[user.0 as usize];
        let is_last = count_down(word) && !move_from_list(word, &mut self.many, user);
        self.words.mirror(user.0 as usize);
        is_last
    }

    /// Gives a reference to each of them back, and lists those whose last it was.
    #[inline]
    pub(crate) fn release_all(&mut self, users: &[User], unreferenced: &mut Vec<User>) {
        let Self { words, many } = self;
        let all = words.as_mut_slice();
        let mut release = |user: User| {
            let word = &mut all[user.0 as usize];
            if count_down(word) && !move_from_list(word, many, user) {
                unreferenced.push(user);
            }
        };
        // By eights, which the compiler unrolls.
        let (eights, rest) = users.as_chunks::<8>();
        for eight in eights {
            eight.iter().for_each(|user| release(*user));
        }
        rest.iter().for_each(|user| release(*user));
        if words.is_moving() {
            users.iter().for_each(|user| words.mirror(user.0 as usize));
        }
    }

    /// Makes room for so many users in all.
    pub(crate) fn reserve(&mut self, users: usize) {
        self.words.reserve(users);
    }

    /// Gives back what is not needed for this many users.
    pub(crate) fn shrink_to(&mut self, users: usize) {
        self.words.shrink_to(users);
        self.many.shrink_to_fit();
    }
}

/// Takes one off the references beside the reach. Returns whether there is none any more.
#[inline]
fn count_down(word: &mut u16) -> bool {
    debug_assert!(*word < NONE, "whoever gives a reference back has taken one");
    let is_over;
    (*word, is_over) = word.overflowing_sub(ONE);
    is_over
}

/// Moves references that do not fit beside the reach to the list.
#[cold]
fn move_to_list(word: &mut u16, many: &mut Vec<(User, u32)>, user: User) {
    *word -= SHARE * ONE;
    match find_in(many, user) {
        Ok(at) => many[at].1 += u32::from(SHARE),
        Err(at) => many.insert(at, (user, SHARE.into())),
    }
}

/// Moves references to where the last one beside the reach was. Returns whether there are any.
#[cold]
fn move_from_list(word: &mut u16, many: &mut Vec<(User, u32)>, user: User) -> bool {
    let Ok(at) = find_in(many, user) else { return false };
    *word = word.wrapping_add(SHARE * ONE);
    many[at].1 -= u32::from(SHARE);
    if many[at].1 == 0 {
        many.remove(at);
    }
    true
}

fn find_in(many: &[(User, u32)], user: User) -> Result<usize, usize> {
    many.binary_search_by_key(&user, |(other, _)| *other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_do_not_touch_each_other() {
        let mut reaches = Reaches::new();
        for user in 0..200 {
            reaches.push();
            let reach = [Reach::Nobody, Reach::First, Reach::Listed, Reach::Both];
            reaches.set_reach(User(user), reach[user as usize % 4]);
        }
        for user in 0..200 {
            assert_eq!(reaches.reach(User(user)), u64::from(user % 4));
        }
        let some: Vec<User> = (0..31).map(|at| User(at * 7 % 200)).collect();
        for len in 0..=some.len() {
            let packed = reaches.pack(&some[..len]);
            for (at, user) in some[..len].iter().enumerate() {
                assert_eq!(packed >> (2 * at) & 3, reaches.reach(*user));
            }
            assert_eq!(packed >> (2 * len), 0);
        }
        reaches.shrink_to(100);
        assert_eq!(reaches.reach(User(99)), u64::from(99_u32 % 4));
        reaches.shrink_to(0);
        assert_eq!(reaches.words.len(), 0);
    }

    #[test]
    fn references_are_counted_beyond_what_fits_and_leave_the_reach_alone() {
        let mut reaches = Reaches::new();
        let (some, most) = ([Reach::Nobody, Reach::Both, Reach::First], 2 * u32::from(MOST) + 1);
        for (user, reach) in (0..).map(User).zip(some) {
            reaches.push();
            reaches.set_reach(user, reach);
        }
        // By turns, so that their places in the list are found among others.
        for count in 0..most {
            for user in [1, 2, 0].map(User) {
                assert_eq!(reaches.references(user), count);
                reaches.retain(user);
            }
        }
        assert_eq!(reaches.many.len(), 3);
        for count in (0..most).rev() {
            for user in [2, 0, 1].map(User) {
                let mut last = Vec::new();
                reaches.release_all(&[user], &mut last);
                assert_eq!(last, Vec::from_iter((count == 0).then_some(user)));
                assert_eq!(reaches.references(user), count);
            }
        }
        assert!(reaches.many.is_empty(), "nobody stays in the list for ever");
        for (user, reach) in (0..).map(User).zip(some) {
            assert_eq!(reaches.reach(user), reach as u64);
        }
    }

    #[test]
    fn nothing_is_lost_while_the_words_move() {
        let mut reaches = Reaches::new();
        let (mut list, some) = (Vec::new(), [Reach::Both, Reach::Nobody, Reach::First]);
        for user in 0..20_000_u32 {
            reaches.push();
            list.push((Reach::Nobody, 0_u32));
            // Old ones as well, wherever they are copied to.
            let others = [user, user / 2, user / 7 * 3, user / 3];
            for other in others {
                let (reach, references) = &mut list[other as usize];
                *reach = some[(user % 3) as usize];
                *references += 1;
                reaches.set_reach(User(other), *reach);
                reaches.retain(User(other));
            }
            let mut last = Vec::new();
            reaches.release_all(&others.map(User)[1..], &mut last);
            let mut unreferenced = Vec::new();
            for other in &others[1..] {
                let references = &mut list[*other as usize].1;
                *references -= 1;
                if *references == 0 {
                    unreferenced.push(User(*other));
                }
            }
            assert_eq!(last, unreferenced);
        }
        for (user, (reach, references)) in (0..).map(User).zip(list) {
            assert_eq!((reaches.reach(user), reaches.references(user)), (reach as u64, references));
        }
    }
}
