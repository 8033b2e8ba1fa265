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
    /// The reach in the two lowest bits, above them the number of references, or [`MANY`].
    words: Contiguous<u16>,
    /// Those with more references than fit beside the reach, sorted: celebrities.
    many: Vec<(User, u32)>,
}

const REACH: u16 = 3;
/// One reference.
const ONE: u16 = REACH + 1;
/// So many references or more do not fit.
const MANY: u16 = if cfg!(feature = "shrunk") { 3 } else { u16::MAX / ONE };

impl Reaches {
    pub(crate) const fn new() -> Self {
        Self { words: Contiguous::new(), many: Vec::new() }
    }

    /// Adds a user with the next index, to whom nothing refers and whom nothing reaches.
    pub(crate) fn push(&mut self) {
        self.words.push(0);
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
        match self.words.as_slice()[user.0 as usize] / ONE {
            MANY => self.many[place_of(&self.many, user).expect(LISTED)].1,
            few => few.into(),
        }
    }

    #[inline]
    pub(crate) fn retain(&mut self, user: User) {
        let word = &mut self.words.as_mut_slice()[user.0 as usize];
        if *word / ONE < MANY - 1 {
            *word += ONE;
        } else {
            retain_many(word, &mut self.many, user);
        }
        self.words.mirror(user.0 as usize);
    }

    /// Gives a reference to each of them back, up to the first whose last it was: that one, and
    /// those who are left.
    #[inline]
    pub(crate) fn release_until_last<'u>(
        &mut self,
        users: &'u [User],
    ) -> Option<(User, &'u [User])> {
        let Self { words, many } = self;
        let (all, mut left) = (words.as_mut_slice(), users);
        let mut last = None;
        while let [user, others @ ..] = left {
            left = others;
            let word = &mut all[user.0 as usize];
            *word -= ONE;
            // One comparison for both: if it was the last, this is far below zero.
            let usual = word.wrapping_sub(ONE) < (MANY - 2) * ONE;
            if !usual && release_last_or_many(word, many, *user) {
                last = Some((*user, left));
                break;
            }
        }
        if words.is_moving() {
            let done = &users[..users.len() - left.len()];
            done.iter().for_each(|user| words.mirror(user.0 as usize));
        }
        last
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

/// Counts a reference that does not fit beside the reach.
#[cold]
fn retain_many(word: &mut u16, many: &mut Vec<(User, u32)>, user: User) {
    match place_of(many, user) {
        Ok(place) => many[place].1 += 1,
        Err(place) => {
            many.insert(place, (user, MANY.into()));
            *word += ONE;
        }
    }
}

/// Gives back a reference that was the last, or one of those that do not fit beside the reach.
/// Returns whether it was the last.
#[cold]
fn release_last_or_many(word: &mut u16, many: &mut Vec<(User, u32)>, user: User) -> bool {
    if *word < ONE {
        return true;
    }
    let place = place_of(many, user).expect(LISTED);
    let left = many[place].1 - 1;
    many[place].1 = left;
    let mut beside = MANY;
    // Not as soon as they fit: else one who comes and goes would have the list moved each time.
    if left <= u32::from(MANY / 2) {
        many.remove(place);
        beside = left as u16;
    }
    *word = *word & REACH | (beside * ONE);
    false
}

fn place_of(many: &[(User, u32)], user: User) -> Result<usize, usize> {
    many.binary_search_by_key(&user, |(other, _)| *other)
}

const LISTED: &str = "whoever has more references than fit is listed";

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
        let (some, most) = ([Reach::Nobody, Reach::Both, Reach::First], 2 * u32::from(MANY) + 1);
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
                let last =
                    reaches.release_until_last(&[user]).map(|(last, left)| (last, left.len()));
                assert_eq!(last, (count == 0).then_some((user, 0)));
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
            let mut left = &others.map(User)[1..];
            while let Some((last, others)) = reaches.release_until_last(left) {
                assert_eq!(
                    list[last.0 as usize].1,
                    left.iter().filter(|u| **u == last).count() as u32
                );
                left = others;
            }
            others[1..].iter().for_each(|other| list[*other as usize].1 -= 1);
        }
        for (user, (reach, references)) in (0..).map(User).zip(list) {
            assert_eq!((reaches.reach(user), reaches.references(user)), (reach as u64, references));
        }
    }
}
