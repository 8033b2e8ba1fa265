//! Bitmaps over the known users: who can receive, and who has something to show.
//!
//! A fan-out asks one question of every contact, and most contacts are offline. So the answer is
//! two bits a user, which for a million users is 250 kB and stays in a core's L2 cache, and in the
//! usual cases it names the receivers' slots without any further look.

use crate::users::User;
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

/// How each known user is reached. It [covers](Self::cover) them all, so that a look-up need not
/// ask whether it does.
#[derive(Default)]
pub(crate) struct ReachMap(Vec<u64>);

/// So many users share a word.
const SHARING: usize = 32;

#[inline]
fn reach_in(words: &[u64], user: User) -> u64 {
    // A shift by more than 63 takes only what is beyond that.
    words[user.0 as usize / SHARING].wrapping_shr(user.0 * 2) & 3
}

impl ReachMap {
    /// Makes room for a user who has become known.
    #[inline]
    pub(crate) fn cover(&mut self, user: User) {
        let word = user.0 as usize / SHARING;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
    }

    pub(crate) fn get(&self, user: User) -> u64 {
        reach_in(&self.0, user)
    }

    /// How each of these is reached, two bits each, the first in the lowest ones: of thirty-two
    /// users at most.
    #[inline]
    pub(crate) fn pack(&self, users: &[User]) -> u64 {
        let words = &self.0[..];
        let (fours, rest) = users.as_chunks::<4>();
        let packed = rest.iter().rev().fold(0, |packed, user| packed << 2 | reach_in(words, *user));
        fours.iter().rev().fold(packed, |packed, four| {
            four.iter().rev().fold(packed, |packed, user| packed << 2 | reach_in(words, *user))
        })
    }

    pub(crate) fn set(&mut self, user: User, reach: Reach) {
        let word = &mut self.0[user.0 as usize / SHARING];
        let shift = user.0 as usize % SHARING * 2;
        *word = *word & !(3 << shift) | (reach as u64) << shift;
    }

    /// Gives back what is not needed for this many users.
    pub(crate) fn shrink_to(&mut self, users: usize) {
        self.0.truncate(users.div_ceil(SHARING));
        self.0.shrink_to_fit();
    }
}

/// A plain set of users.
#[derive(Default)]
pub(crate) struct UserBits(Vec<u64>);

impl UserBits {
    pub(crate) fn get(&self, user: User) -> bool {
        let word = self.0.get(user.0 as usize >> 6).copied().unwrap_or(0);
        word >> (user.0 & 63) & 1 == 1
    }

    pub(crate) fn set(&mut self, user: User, value: bool) {
        let word = user.0 as usize >> 6;
        if word >= self.0.len() {
            if !value {
                return;
            }
            self.0.resize(word + 1, 0);
        }
        let bit = 1 << (user.0 & 63);
        if value {
            self.0[word] |= bit;
        } else {
            self.0[word] &= !bit;
        }
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        let used = self.0.iter().rposition(|word| *word != 0).map_or(0, |last| last + 1);
        self.0.truncate(used);
        self.0.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_do_not_touch_each_other() {
        let (mut reach, mut bits) = (ReachMap::default(), UserBits::default());
        for user in 0..200 {
            reach.cover(User(user));
            reach.set(
                User(user),
                [Reach::Nobody, Reach::First, Reach::Listed, Reach::Both][user as usize % 4],
            );
            bits.set(User(user), user % 3 == 0);
        }
        for user in 0..200 {
            assert_eq!(reach.get(User(user)), u64::from(user % 4));
            assert_eq!(bits.get(User(user)), user % 3 == 0);
        }
        let some: Vec<User> = (0..31).map(|at| User(at * 7 % 200)).collect();
        for len in 0..=some.len() {
            let packed = reach.pack(&some[..len]);
            for (at, user) in some[..len].iter().enumerate() {
                assert_eq!(packed >> (2 * at) & 3, reach.get(*user));
            }
            assert_eq!(packed >> (2 * len), 0);
        }
        assert!(!bits.get(User(1_000_000)));
        for user in 0..200 {
            bits.set(User(user), false);
        }
        reach.shrink_to(100);
        bits.shrink_to_fit();
        assert_eq!(reach.get(User(99)), u64::from(99_u32 % 4));
        reach.shrink_to(0);
        assert!(reach.0.is_empty() && bits.0.is_empty());
    }
}
