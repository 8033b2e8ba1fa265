//! Which user each number of a node's stream is of, as far as it is the user's last.

use alloc::collections::VecDeque;

/// The users of a stream by the numbers of their last changes.
///
/// Every number is given once, and the next one to each change. So the newest lie in one dense
/// queue, where a number says the place; those of users who have long said nothing move on to a
/// sorted one, a few with each change.
#[derive(Debug)]
pub(crate) struct Log<K> {
    old: VecDeque<(u64, Option<K>)>,
    /// How many of those are a user's last.
    old_users: usize,
    /// From this number on.
    base: u64,
    new: VecDeque<Option<K>>,
    /// How many of all are a user's last.
    users: usize,
}

/// How many more numbers than users the dense queue has before some of it move on.
const SLACK: usize = 64;

impl<K> Log<K> {
    pub(crate) const fn new() -> Self {
        Self { old: VecDeque::new(), old_users: 0, base: 1, new: VecDeque::new(), users: 0 }
    }

    /// Gives the next number to a user, or to nobody.
    pub(crate) fn push(&mut self, user: Option<K>) {
        self.users += usize::from(user.is_some());
        self.new.push_back(user);
        // Two for one: the queue becomes not much longer than there are users. Where all change in
        // turn nothing has to move on.
        for _ in 0..2 {
            if self.new.len() <= self.users + self.users / 4 + SLACK {
                break;
            }
            let first = self.new.pop_front().flatten();
            if first.is_some() {
                self.old.push_back((self.base, first));
                self.old_users += 1;
            }
            self.base += 1;
        }
    }

    /// Takes out the user whose last change has had this number until now.
    pub(crate) fn take(&mut self, number: u64) -> Option<K> {
        let user = if number >= self.base {
            self.new.get_mut((number - self.base) as usize)?.take()?
        } else {
            let at = self.old.binary_search_by_key(&number, |(number, _)| *number).ok()?;
            let user = self.old.get_mut(at)?.1.take()?;
            self.old_users -= 1;
            if self.old.len() > 2 * self.old_users + SLACK {
                self.old.retain(|(_, user)| user.is_some());
            }
            user
        };
        self.users -= 1;
        Some(user)
    }

    /// Returns the users whose last changes have greater numbers, with these, in order.
    pub(crate) fn after(&self, number: u64) -> impl Iterator<Item = (u64, &K)> {
        let old = self.old.partition_point(|(of, _)| *of <= number);
        let skipped = (number + 1).saturating_sub(self.base) as usize;
        let old = self.old.range(old..).map(|(number, user)| (*number, user.as_ref()));
        let new = self.new.range(skipped.min(self.new.len())..);
        let from = self.base + skipped as u64;
        let new = (from..).zip(new).map(|(number, user)| (number, user.as_ref()));
        old.chain(new).filter_map(|(number, user)| Some((number, user?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Whoever changes when: it is as a map by number would be, and no longer than need be.
    #[test]
    fn it_is_a_map_by_number() {
        let (mut log, mut map, mut random) = (Log::new(), BTreeMap::new(), 7_u64);
        let mut numbers = [None; 40];
        for number in 1..=20_000_u64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // Some hardly ever change, and at times few are there.
            let user = (random >> 33) as usize % if number % 7 == 0 { 40 } else { 5 };
            if let Some(before) = numbers[user].take() {
                assert_eq!((log.take(before), map.remove(&before)), (Some(user), Some(user)));
            }
            let goes = (random >> 20) % 4 == 0;
            log.push((!goes).then_some(user));
            if !goes {
                numbers[user] = Some(number);
                map.insert(number, user);
            }
            assert_eq!(log.take(number + 1), None, "nobody has had it");
            let since = number.saturating_sub((random >> 40) % 60);
            let after: Vec<_> = log.after(since).map(|(number, user)| (number, *user)).collect();
            let wanted: Vec<_> = map.range(since + 1..).map(|(of, user)| (*of, *user)).collect();
            assert_eq!(after, wanted);
            assert!(log.new.len() <= 2 * 40 + SLACK && log.old.len() <= 2 * 40 + SLACK);
        }
        assert_eq!(log.after(0).count(), map.len());
    }
}
