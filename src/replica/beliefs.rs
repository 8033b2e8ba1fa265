//! What is believed of sessions: found by session, or those of one user in the order in which they
//! were first heard of.

use crate::replica::full::ReplicaFull;
use crate::tables::Users;
use crate::tables::ids::User;
use crate::tables::index::{Index, Number, ShortHash};
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};

/// Where a belief stands in the table. It is another one's once that is gone, or one after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct At(u32);

impl At {
    /// The place of the entry that is added next to so many.
    pub(super) const fn after(len: usize) -> Self {
        Self(len as u32)
    }

    pub(super) const fn index(self) -> usize {
        self.0 as usize
    }
}

impl Number for At {
    const NONE: Self = Self(u32::MAX);
}

/// What is believed of one session.
pub(super) struct Row<I, B> {
    pub(super) user: User,
    pub(super) session: I,
    pub(super) belief: B,
    /// So that an id is hashed once only.
    hash: ShortHash,
    /// The next row of this user, and the one before. The first follows the last.
    next: At,
    before: At,
}

/// One row for each session, without gaps. It takes no more memory than four times what its rows
/// need, whatever it held before.
pub(super) struct Beliefs<I, B> {
    rows: Vec<Row<I, B>>,
    by_session: Index<At>,
    /// The first row of each user who has any.
    by_user: Index<At>,
}

/// A table of so few rows gives nothing back.
const FEW: usize = 8;

impl<I, B> Beliefs<I, B> {
    pub(super) const fn new() -> Self {
        Self { rows: Vec::new(), by_session: Index::new(), by_user: Index::new() }
    }

    pub(super) const fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Row<I, B>> {
        self.rows.iter()
    }

    pub(super) fn at(&self, at: At) -> &Row<I, B> {
        &self.rows[at.index()]
    }

    pub(super) fn at_mut(&mut self, at: At) -> &mut Row<I, B> {
        &mut self.rows[at.index()]
    }

    /// Returns the first row of a user.
    pub(super) fn first_of(&self, user: User) -> Option<At> {
        // No two users share a hash.
        self.by_user.find(ShortHash::of_user(user), |_| true)
    }

    /// Returns a user's rows in the order in which they were added.
    pub(super) fn of_user(&self, user: User) -> impl Iterator<Item = &Row<I, B>> {
        let first = self.first_of(user);
        let mut next = first;
        core::iter::from_fn(move || {
            let row = &self.rows[next?.index()];
            next = Some(row.next).filter(|next| Some(*next) != first);
            Some(row)
        })
    }

    // ---- and to forget them

    /// Removes a row. The last one takes its place.
    fn take_out(&mut self, at: At) {
        let Row { user, hash, next, before, .. } = self.rows[at.index()];
        self.by_session.remove(hash, at);
        let is_first = self.first_of(user) == Some(at);
        if next == at {
            self.by_user.remove(ShortHash::of_user(user), at);
        } else {
            self.link(before, next);
            if is_first {
                self.by_user.replace(ShortHash::of_user(user), at, next);
            }
        }
        let last = self.end();
        if at != last {
            self.make_place(last, at);
        }
        self.rows.swap_remove(at.index());
    }

    /// Has everything that leads to the row in one place lead to another, to which it goes.
    fn make_place(&mut self, from: At, to: At) {
        let Row { user, hash, next, before, .. } = self.rows[from.index()];
        self.by_session.replace(hash, from, to);
        if self.first_of(user) == Some(from) {
            self.by_user.replace(ShortHash::of_user(user), from, to);
        }
        if next == from {
            let row = &mut self.rows[from.index()];
            (row.next, row.before) = (to, to);
        } else {
            self.rows[before.index()].next = to;
            self.rows[next.index()].before = to;
        }
    }

    fn link(&mut self, one: At, other: At) {
        self.rows[one.index()].next = other;
        self.rows[other.index()].before = one;
    }

    /// Returns the place of the last row; there is one.
    const fn end(&self) -> At {
        At(self.rows.len() as u32 - 1)
    }

    /// Keeps of a row, of a user's or of all what `keep` says, and calls `gone` with the user of
    /// each that goes.
    pub(super) fn keep_at(
        &mut self,
        at: At,
        keep: impl FnOnce(&mut B) -> bool,
        gone: impl FnOnce(User),
    ) {
        let row = &mut self.rows[at.index()];
        if !keep(&mut row.belief) {
            gone(row.user);
            self.take_out(at);
            self.give_back();
        }
    }

    pub(super) fn keep_of(
        &mut self,
        user: User,
        mut keep: impl FnMut(&mut B) -> bool,
        mut gone: impl FnMut(User),
    ) {
        let Some(mut at) = self.first_of(user) else { return };
        let mut last = self.rows[at.index()].before;
        loop {
            let (is_last, mut next) = (at == last, self.rows[at.index()].next);
            if !keep(&mut self.rows[at.index()].belief) {
                gone(user);
                let moved = self.end();
                self.take_out(at);
                for place in [&mut next, &mut last] {
                    *place = if *place == moved { at } else { *place };
                }
            }
            if is_last {
                break;
            }
            at = next;
        }
        self.give_back();
    }

    pub(super) fn keep_all(
        &mut self,
        mut keep: impl FnMut(&mut B) -> bool,
        mut gone: impl FnMut(User),
    ) {
        // From the last to the first: whoever takes the place of one that goes has been asked.
        for at in (0..self.rows.len()).rev() {
            let row = &mut self.rows[at];
            if !keep(&mut row.belief) {
                gone(row.user);
                self.take_out(At(at as u32));
            }
        }
        self.give_back();
    }

    /// Gives back what is not needed, once that is most of it.
    fn give_back(&mut self) {
        if give_back(&mut self.rows) {
            self.by_session.shrink_to_fit();
            self.by_user.shrink_to_fit();
        }
    }

    /// Gives back whatever is not needed.
    pub(super) fn shrink_to_fit(&mut self) {
        self.rows.shrink_to_fit();
        self.by_session.shrink_to_fit();
        self.by_user.shrink_to_fit();
    }
}

/// Gives back what a table does not need, once that is most of it. Returns whether it is.
pub(super) fn give_back<T>(table: &mut Vec<T>) -> bool {
    let is_most = table.capacity() > FEW && table.len() <= table.capacity() / 4;
    if is_most {
        table.shrink_to((2 * table.len()).max(FEW / 2));
    }
    is_most
}

impl<I: Copy + Eq + Hash, B> Beliefs<I, B> {
    pub(super) fn find(&self, hasher: &impl BuildHasher, user: User, session: I) -> Option<At> {
        self.by_session.find(hash(hasher, user, session), |at| {
            let row = &self.rows[at.index()];
            row.user == user && row.session == session
        })
    }

    /// Adds a row for a session that has none.
    pub(super) fn add(
        &mut self,
        hasher: &impl BuildHasher,
        user: User,
        session: I,
        belief: B,
    ) -> At {
        let (at, hash) = (At::after(self.rows.len()), hash(hasher, user, session));
        self.rows.push(Row { user, session, belief, hash, next: at, before: at });
        match self.first_of(user) {
            None => self.by_user.insert(ShortHash::of_user(user), at),
            Some(first) => {
                let last = self.rows[first.index()].before;
                self.link(last, at);
                self.link(at, first);
            }
        }
        self.by_session.insert(hash, at);
        at
    }
}

/// Returns the number of an id, which is spelt like this from now on. Whoever calls it has unused
/// ids dropped when everything is in order.
pub(super) fn intern_as_told<K: Eq + Hash>(
    users: &mut Users<K>,
    hasher: &impl BuildHasher,
    id: K,
) -> Result<User, ReplicaFull> {
    match users.find(hasher, &id) {
        Some(user) => {
            users.spell(user, id);
            Ok(user)
        }
        None => users.intern(hasher, id).ok_or(ReplicaFull),
    }
}

fn hash(hasher: &impl BuildHasher, user: User, session: impl Hash) -> ShortHash {
    ShortHash::of(hasher, &(user, session))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hasher::DefaultHashBuilder;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Add(u32, u8),
        Drop(u32, u8),
        DropOf(u32, u8),
        DropAll(u8),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let (user, session) = (0..4_u32, 0..12_u8);
        let step = prop_oneof![
            12 => (user.clone(), session.clone()).prop_map(|(user, id)| Step::Add(user, id)),
            4 => (user.clone(), session).prop_map(|(user, id)| Step::Drop(user, id)),
            1 => (user, 1..5_u8).prop_map(|(user, every)| Step::DropOf(user, every)),
            1 => (1..5_u8).prop_map(Step::DropAll),
        ];
        proptest::collection::vec(step, 0..120)
    }

    #[test]
    fn memory_is_given_back_once_most_of_it_is_unused_and_some_room_is_left() {
        let after = |capacity: usize, len: usize| {
            let mut table = Vec::<u64>::with_capacity(capacity);
            table.resize(len, 0);
            let is_given_back = give_back(&mut table);
            assert_eq!(table.len(), len);
            (is_given_back, table.capacity())
        };
        // A quarter in use is kept with as much again, more than a quarter stays as it is.
        assert_eq!(after(100, 26), (false, 100));
        assert_eq!(after(100, 25), (true, 50));
        // A few have room whatever goes.
        assert_eq!(after(FEW, 0), (false, FEW));
        assert_eq!(after(FEW + 1, 0), (true, FEW / 2));
        assert_eq!(after(FEW / 2, 0), (false, FEW / 2));
    }

    proptest! {
        /// Beside a plain list.
        #[test]
        fn what_is_believed_of_a_user_is_in_order_whatever_goes(steps in steps()) {
            let hasher = DefaultHashBuilder::default();
            let (mut table, mut list) = (Beliefs::new(), Vec::<(User, u8)>::new());
            for step in steps {
                let before = list.clone();
                let mut gone = Vec::new();
                match step {
                    Step::Add(user, id) if table.find(&hasher, User(user), id).is_none() => {
                        table.add(&hasher, User(user), id, id);
                        list.push((User(user), id));
                    }
                    Step::Add(..) => {}
                    Step::Drop(user, id) => {
                        if let Some(at) = table.find(&hasher, User(user), id) {
                            table.keep_at(at, |_| false, |user| gone.push(user));
                        }
                        list.retain(|row| *row != (User(user), id));
                    }
                    Step::DropOf(user, every) => {
                        let keep = |id: &mut u8| !id.is_multiple_of(every);
                        table.keep_of(User(user), keep, |user| gone.push(user));
                        list.retain(|(of, id)| *of != User(user) || !id.is_multiple_of(every));
                    }
                    Step::DropAll(every) => {
                        table.keep_all(|id| !id.is_multiple_of(every), |user| gone.push(user));
                        list.retain(|(_, id)| !id.is_multiple_of(every));
                    }
                }
                let mut gone_in_list = before;
                gone_in_list.retain(|row| !list.contains(row));
                gone.sort();
                let mut gone_in_list: Vec<User> =
                    gone_in_list.into_iter().map(|(user, _)| user).collect();
                gone_in_list.sort();
                prop_assert_eq!(gone, gone_in_list);
                prop_assert_eq!(table.len(), list.len());
                prop_assert!(table.rows.capacity() <= (4 * list.len()).max(FEW));
                for user in (0..4).map(User) {
                    let own: Vec<_> = list.iter().filter(|(of, _)| *of == user).collect();
                    let rows = table.of_user(user).map(|row| (row.user, row.session));
                    prop_assert!(rows.eq(own.iter().copied().copied()));
                    prop_assert!(table.of_user(user).all(|row| row.belief == row.session));
                    prop_assert_eq!(table.first_of(user).is_some(), !own.is_empty());
                    for id in 0..12 {
                        let at = table.find(&hasher, user, id);
                        let found = at.map(|at| &table.rows[at.index()]);
                        let found = found.map(|row| (row.user, row.session));
                        prop_assert_eq!(found, own.iter().find(|row| row.1 == id).map(|row| **row));
                    }
                }
            }
        }
    }
}
