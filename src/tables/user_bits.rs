//! A plain set of users.

use crate::tables::ids::User;
use alloc::vec::Vec;

/// A set of users, a bit for each.
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
        let mut bits = UserBits::default();
        (0..200).for_each(|user| bits.set(User(user), user % 3 == 0));
        assert!((0..200).all(|user| bits.get(User(user)) == (user % 3 == 0)));
        assert!(!bits.get(User(1_000_000)));
        (0..200).for_each(|user| bits.set(User(user), false));
        bits.shrink_to_fit();
        assert!(bits.0.is_empty());
    }
}
