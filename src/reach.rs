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

#[derive(Default)]
pub(crate) struct ReachMap(Vec<u64>);

impl ReachMap {
    pub(crate) fn get(&self, user: User) -> u64 {
        let word = self.0.get(user.0 as usize >> 5).copied().unwrap_or(0);
        word >> ((user.0 & 31) * 2) & 3
    }

    pub(crate) fn set(&mut self, user: User, reach: Reach) {
        let word = user.0 as usize >> 5;
        let shift = (user.0 & 31) * 2;
        if word >= self.0.len() {
            if reach == Reach::Nobody {
                return;
            }
            self.0.resize(word + 1, 0);
        }
        self.0[word] = self.0[word] & !(3 << shift) | (reach as u64) << shift;
    }

    pub(crate) fn shrink_to_fit(&mut self) {
        shrink(&mut self.0);
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
        shrink(&mut self.0);
    }
}

fn shrink(words: &mut Vec<u64>) {
    let used = words.iter().rposition(|word| *word != 0).map_or(0, |last| last + 1);
    words.truncate(used);
    words.shrink_to_fit();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_do_not_touch_each_other() {
        let (mut reach, mut bits) = (ReachMap::default(), UserBits::default());
        for user in 0..200 {
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
        assert_eq!(reach.get(User(1_000_000)), 0);
        assert!(!bits.get(User(1_000_000)));
        for user in 0..200 {
            reach.set(User(user), Reach::Nobody);
            bits.set(User(user), false);
        }
        reach.shrink_to_fit();
        bits.shrink_to_fit();
        assert!(reach.0.is_empty() && bits.0.is_empty());
    }
}
