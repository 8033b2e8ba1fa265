//! Maps over the known users: who can receive, and who has something to show.
//!
//! A fan-out asks one question of every contact, and most contacts are offline. So the answer lies
//! apart from everything else, small enough for a core's caches, and in the usual cases it names
//! the receivers' slots without any further look.

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

/// How each known user is reached: a byte each. It [covers](Self::cover) all of them, so that a
/// look-up need not ask whether it does.
///
/// Two bits would do, and were measured: a quarter of the memory, but six more instructions for
/// each contact, which cost more than the caches gave back, up to a million users at least.
#[derive(Default)]
pub(crate) struct ReachMap(Vec<u8>);

impl ReachMap {
    /// Makes room for a user who has become known.
    #[inline]
    pub(crate) fn cover(&mut self, user: User) {
        if user.0 as usize >= self.0.len() {
            self.0.resize(user.0 as usize + 1, Reach::Nobody as u8);
        }
    }

    pub(crate) fn get(&self, user: User) -> u64 {
        u64::from(self.0[user.0 as usize])
    }

    /// How each of these is reached, two bits each, the first in the lowest ones: of thirty-two
    /// users at most.
    #[inline]
    pub(crate) fn pack(&self, users: &[User]) -> u64 {
        let map = &self.0[..];
        let add = |packed, user: &User| packed << 2 | u64::from(map[user.0 as usize]);
        // By fours, which the compiler unrolls.
        let (fours, rest) = users.as_chunks::<4>();
        let packed = rest.iter().rev().fold(0, add);
        fours.iter().rev().fold(packed, |packed, four| four.iter().rev().fold(packed, add))
    }

    pub(crate) fn set(&mut self, user: User, reach: Reach) {
        self.0[user.0 as usize] = reach as u8;
    }

    /// Gives back what is not needed for this many users.
    pub(crate) fn shrink_to(&mut self, users: usize) {
        self.0.truncate(users);
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
