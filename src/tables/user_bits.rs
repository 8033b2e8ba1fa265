//! A plain set of users.

use crate::tables::contiguous::Contiguous;
use crate::tables::ids::User;

/// A set of users, a bit for each.
pub(crate) struct UserBits(Contiguous<u64>);

impl UserBits {
    pub(crate) const fn new() -> Self {
        Self(Contiguous::new())
    }

    pub(crate) fn get(&self, user: User) -> bool {
        let word = self.0.as_slice().get(user.0 as usize >> 6).copied().unwrap_or(0);
        word >> (user.0 & 63) & 1 == 1
    }

    pub(crate) fn set(&mut self, user: User, value: bool) {
        let at = user.0 as usize >> 6;
        if at >= self.0.len() {
            if !value {
                return;
            }
            self.extend_to(user.0 as usize + 1);
        }
        let (word, bit) = (self.0.as_slice()[at], 1 << (user.0 & 63));
        self.0.set(at, if value { word | bit } else { word & !bit });
    }

    /// Makes bits for so many users. It is called whenever users become known, so that there are
    /// never many to be made at once.
    pub(crate) fn extend_to(&mut self, users: usize) {
        while self.0.len() << 6 < users {
            self.0.push(0);
        }
    }

    /// Makes room for so many users in all.
    pub(crate) fn reserve(&mut self, users: usize) {
        self.0.reserve(users.div_ceil(64));
    }

    /// Gives back what is not needed for so many users: none behind them is in the set.
    pub(crate) fn shrink_to(&mut self, users: usize) {
        self.0.shrink_to(users.div_ceil(64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::steps;
    use alloc::collections::BTreeSet;

    #[test]
    fn where_room_is_made_nothing_moves_as_the_set_grows() {
        let mut bits = UserBits::new();
        bits.reserve(100_000);
        assert_eq!(steps::tests::of(|| bits.extend_to(100_000)), 0);
    }

    #[test]
    fn neighbours_do_not_touch_each_other() {
        let mut bits = UserBits::new();
        (0..200).for_each(|user| bits.set(User(user), user % 3 == 0));
        assert!((0..200).all(|user| bits.get(User(user)) == (user % 3 == 0)));
        assert!(!bits.get(User(1_000_000)));
        (0..200).for_each(|user| bits.set(User(user), false));
        bits.shrink_to(0);
        assert_eq!(bits.0.len(), 0);
    }

    #[test]
    fn does_as_a_sorted_set_does_while_it_grows() {
        let (mut bits, mut set) = (UserBits::new(), BTreeSet::new());
        let users = if cfg!(feature = "shrunk") { 10_000 } else { 600_000 };
        for user in 0..users {
            bits.extend_to(user as usize + 1);
            // Old ones as well, wherever they are copied to.
            for user in [user, user / 2, user / 7 * 3] {
                let value = user % 3 == 0 || !set.contains(&user);
                bits.set(User(user), value);
                if value {
                    set.insert(user)
                } else {
                    set.remove(&user)
                };
            }
        }
        assert!((0..users).all(|user| bits.get(User(user)) == set.contains(&user)));
        bits.shrink_to(users as usize / 2);
        assert!((0..users / 2).all(|user| bits.get(User(user)) == set.contains(&user)));
    }
}
