//! A set of users as a plain sorted run of indices: an audience, or a list of blocked users.
//!
//! Four bytes per user. Sorted, so that "is v in it?" does not scan a celebrity's list for each fan
//! that connects, and because ascending indices are kinder to caches when the list is walked.

use crate::tables::ids::User;
use crate::tables::sorted_map::UserSet;
use crate::tables::steps;
use alloc::vec::Vec;
use core::hint::black_box;

#[derive(Default)]
pub(crate) struct UserList(Vec<User>);

/// A list of so many users is searched by reading all of it.
const STRETCH: usize = if cfg!(feature = "shrunk") { 3 } else { 64 };

impl UserList {
    pub(super) const EMPTY: Self = Self(Vec::new());

    /// Makes a list of a sorted run without repetition, in exactly the memory it needs.
    pub(crate) fn from_sorted(users: &[User]) -> Self {
        debug_assert!(users.is_sorted_by(|a, b| a < b));
        Self(users.to_vec())
    }

    pub(crate) fn as_slice(&self) -> &[User] {
        &self.0
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Empties the list and keeps its memory.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Gives back what is not needed for those who are in the list.
    pub(crate) fn shrink_to_fit(&mut self) {
        self.0.shrink_to_fit();
    }

    /// Searches by halves down to a stretch that is read as a whole: its cache lines are fetched
    /// all at once, where each half would wait for the one before.
    pub(crate) fn contains(&self, user: User) -> bool {
        let mut stretch = &self.0[..];
        while stretch.len() > STRETCH {
            let (low, high) = stretch.split_at(stretch.len() / 2);
            stretch = if high.first().is_some_and(|first| *first <= user) { high } else { low };
        }
        // Numbers of one width, and no way out before the end: the compiler compares several at
        // once.
        stretch.iter().fold(0, |found, other| found | u32::from(other.0 == user.0)) != 0
    }

    /// Adds a sorted run of users, none of whom is in the list yet, by one merge from the back.
    pub(crate) fn insert_sorted(&mut self, added: &[User]) {
        let mut end = self.0.len();
        let mut left = added.len();
        self.0.resize(end + left, User(0));
        let list = &mut self.0[..];
        while left > 0 {
            if end > 0 && list[end - 1] > added[left - 1] {
                list[end + left - 1] = list[end - 1];
                end -= 1;
            } else {
                list[end + left - 1] = added[left - 1];
                left -= 1;
            }
        }
        steps::count_moved(self.0.len() - end);
        debug_assert!(self.0.is_sorted_by(|a, b| a < b));
    }

    /// Removes those of a sorted run of users who are in the list.
    pub(crate) fn remove_any(&mut self, removed: &[User]) {
        let mut removed = removed.iter().peekable();
        steps::count_moved(self.0.len());
        self.0.retain(|user| {
            while removed.next_if(|other| *other < user).is_some() {}
            removed.next_if(|other| *other == user).is_none()
        });
    }

    /// Removes a sorted run of users, each of whom is in the list.
    pub(crate) fn remove_sorted(&mut self, removed: &[User]) {
        let Some(first) = removed.first().and_then(|user| self.0.binary_search(user).ok()) else {
            return;
        };
        let mut removed = removed.iter().peekable();
        let mut kept = first;
        steps::count_moved(self.0.len() - first);
        for at in first..self.0.len() {
            if removed.next_if(|user| **user == self.0[at]).is_none() {
                self.0[kept] = self.0[at];
                kept += 1;
            }
        }
        self.0.truncate(kept);
    }
}

/// Makes a set of `users`: sorted, no repetition, without `not`.
pub(crate) fn make_set(users: &mut Vec<User>, not: User) {
    users.sort_unstable();
    users.dedup();
    users.retain(|user| *user != not);
}

/// Adds to what is to be made a set and has `most` members at most, however often each is added:
/// repetitions do not pile up.
pub(crate) fn push_into_set(users: &mut Vec<User>, user: User, most: usize) {
    if users.len() > 2 * most {
        users.sort_unstable();
        users.dedup();
    }
    users.push(user);
}

/// Calls `each` with the runs that are left of a sorted run when those of a set are taken out.
pub(crate) fn without(users: &[User], out: &UserSet, mut each: impl FnMut(&[User])) {
    let (Some(first), Some(last)) = (users.first(), users.last()) else { return };
    let mut left = users;
    for (user, ()) in out.iter_from(*first).take_while(|(user, ())| user <= last) {
        if let Ok(at) = left.binary_search(&user) {
            each(&left[..at]);
            left = &left[at + 1..];
        }
    }
    each(left);
}

/// Compares two sorted runs: calls `only_old` for each user only in the first, and `only_new` for
/// each only in the second.
pub(crate) fn difference(
    old: &[User],
    new: &[User],
    mut only_old: impl FnMut(User),
    mut only_new: impl FnMut(User),
) {
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    loop {
        match (old.peek(), new.peek()) {
            (Some(a), Some(b)) if a == b => {
                old.next();
                new.next();
            }
            (Some(a), b) if b.is_none_or(|b| a < b) => {
                only_old(**a);
                old.next();
            }
            (_, Some(b)) => {
                only_new(**b);
                new.next();
            }
            (_, None) => return,
        }
    }
}

/// The number of contacts that lie in a cache line.
const LINE: usize = 64 / size_of::<User>();

/// So much of a list is fetched. When a longer one is read the processor sees where it goes on.
const CONTACTS: usize = 16 * LINE;

/// Fetches all cache lines of a list at once, where a walk would come to them one after the other.
#[inline]
pub(crate) fn fetch_list(contacts: &[User]) {
    let lines = contacts.iter().take(CONTACTS).step_by(LINE);
    black_box(lines.fold(0, |read, user| read ^ user.0));
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use proptest::prelude::*;

    fn users(set: &BTreeSet<u32>) -> Vec<User> {
        set.iter().copied().map(User).collect()
    }

    proptest! {
        #[test]
        fn merges_removals_and_differences_are_those_of_sets(
            old in proptest::collection::btree_set(0_u32..40, 0..20),
            new in proptest::collection::btree_set(0_u32..40, 0..20),
        ) {
            let (mut gone, mut came) = (Vec::new(), Vec::new());
            difference(&users(&old), &users(&new), |u| gone.push(u), |u| came.push(u));
            prop_assert_eq!(&gone, &users(&(&old - &new)));
            prop_assert_eq!(&came, &users(&(&new - &old)));
            let mut list = UserList::from_sorted(&users(&old));
            list.insert_sorted(&came);
            let both = users(&(&old | &new));
            prop_assert_eq!(list.as_slice(), both.as_slice());
            let mut rest = UserList::from_sorted(&both);
            rest.remove_any(&users(&new));
            let only_old = users(&(&old - &new));
            prop_assert_eq!(rest.as_slice(), only_old.as_slice());
            list.remove_sorted(&gone);
            let new_list = users(&new);
            prop_assert_eq!(list.as_slice(), new_list.as_slice());
            prop_assert_eq!(list.len(), new.len());
            let (mut left, all, mut out) = (Vec::new(), users(&old), UserSet::new());
            out.insert_all(users(&new).into_iter().map(|user| (user, ())));
            without(&all, &out, |run| left.extend_from_slice(run));
            prop_assert_eq!(&left, &users(&(&old - &new)));
            for user in 0..40 {
                prop_assert_eq!(list.contains(User(user)), new.contains(&user));
            }
        }
    }

    #[test]
    fn to_remove_some_moves_only_those_behind_them() {
        let mut list = UserList::from_sorted(&users(&(0..1_000).collect()));
        let moved = steps::tests::moved(|| list.remove_sorted(&[User(990), User(995)]));
        assert_eq!((moved, list.len()), (10, 998));
    }
}
