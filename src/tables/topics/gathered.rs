//! Whose changes wait for a tick.

use crate::tables::ids::MembershipIndex;
use crate::tables::sorted_map::SortedMap;
use alloc::vec::Vec;

/// A gap is as wide as this, at least, before it is taken out: nothing is moved for less.
const WIDE: usize = if cfg!(any(test, feature = "shrunk")) { 2 } else { 64 };

/// Members' sessions that show something new, each once, in the order in which they began to.
///
/// Those that are not so any more are swept out a few at a time, and the others keep their order:
/// what is told of them must not depend on others who wait.
#[derive(Default)]
pub(crate) struct Gathered {
    /// Of those before `looked` only the first `kept` count: a sweep has come so far, and the rest
    /// of them is a gap.
    all: Vec<MembershipIndex>,
    kept: usize,
    looked: usize,
    /// All before this place are known by a snapshot to all who view all, but for those that have
    /// changed once more since. So many of them are in the gap though they were not kept.
    known: usize,
    known_dropped: usize,
    again: SortedMap<MembershipIndex, ()>,
}

impl Gathered {
    pub(crate) const fn len(&self) -> usize {
        self.all.len() - (self.looked - self.kept)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = MembershipIndex> + '_ {
        self.all[..self.kept].iter().chain(&self.all[self.looked..]).copied()
    }

    /// Returns one of them, once they are [settled](Self::close_gap), and whether all who view all
    /// know it by a snapshot.
    pub(crate) fn get(&self, at: usize) -> Option<(MembershipIndex, bool)> {
        debug_assert_eq!(self.looked, 0, "there is a gap");
        let membership = *self.all.get(at)?;
        Some((membership, at < self.known && !self.again.contains(membership)))
    }

    /// Adds one that is not among them.
    pub(super) fn push(&mut self, membership: MembershipIndex) {
        self.all.push(membership);
    }

    /// Notes that one of them has changed once more.
    pub(super) fn change_again(&mut self, membership: MembershipIndex) {
        if self.known > 0 && !self.again.contains(membership) {
            self.again.insert(membership, ());
        }
    }

    /// Notes that all who view all know them by a snapshot.
    pub(super) fn know_all(&mut self) {
        (self.known, self.known_dropped) = (self.all.len(), self.looked - self.kept);
        self.again.clear();
    }

    /// Returns the next one that a sweep is to look at. There is none at the end, and then it
    /// begins anew.
    pub(in crate::tables) fn next_to_sweep(&mut self) -> Option<MembershipIndex> {
        let next = self.all.get(self.looked).copied();
        if next.is_none() {
            self.close_gap();
        }
        next
    }

    /// Keeps that one, or drops it.
    pub(in crate::tables) fn sweep(&mut self, is_kept: bool) {
        if is_kept {
            self.all[self.kept] = self.all[self.looked];
            self.kept += 1;
        } else if self.looked < self.known {
            self.known_dropped += 1;
        }
        self.looked += 1;
        // Where as many come as are swept, a sweep never comes to the end.
        if self.looked - self.kept > self.len().max(WIDE) {
            self.take_out_gap();
        }
    }

    /// Ends a sweep, however far it has come.
    pub(in crate::tables) fn close_gap(&mut self) {
        self.take_out_gap();
        (self.kept, self.looked) = (0, 0);
    }

    /// Takes out those that were not kept, so that the sweep goes on behind those that were.
    fn take_out_gap(&mut self) {
        self.all.drain(self.kept..self.looked);
        self.known -= self.known_dropped;
        (self.looked, self.known_dropped) = (self.kept, 0);
    }

    /// Takes all of them out.
    pub(in crate::tables) fn drain(&mut self) -> impl Iterator<Item = MembershipIndex> + '_ {
        self.close_gap();
        self.known = 0;
        self.again.clear();
        self.all.drain(..)
    }

    pub(super) fn shrink_to_fit(&mut self) {
        self.close_gap();
        self.all.shrink_to_fit();
        self.again.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One of them: who it is, whether it is still so, and whether it is known.
    type One = (u32, bool, bool);

    #[derive(Clone, Debug)]
    enum Step {
        /// It changes, for the first time or once more.
        Change(u32),
        /// It is not so any more.
        End(u32),
        Sweep(usize),
        Know,
        Settle,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let who = 0_u32..12;
        let step = prop_oneof![
            6 => who.clone().prop_map(Step::Change),
            3 => who.prop_map(Step::End),
            3 => (0_usize..6).prop_map(Step::Sweep),
            1 => Just(Step::Know),
            1 => Just(Step::Settle),
        ];
        prop::collection::vec(step, 0..80)
    }

    /// Sweeps one, and takes it out of the list if it is not so any more.
    fn sweep_one(gathered: &mut Gathered, list: &mut Vec<One>) -> bool {
        let Some(next) = gathered.next_to_sweep() else { return false };
        let is_so = list.iter().any(|(who, is_so, _)| *who == next.0 && *is_so);
        gathered.sweep(is_so);
        if !is_so {
            list.retain(|(who, ..)| *who != next.0);
        }
        true
    }

    proptest! {
        #[test]
        fn a_sweep_keeps_the_order_and_what_is_known(all in steps()) {
            let (mut gathered, mut list) = (Gathered::default(), Vec::<One>::new());
            for step in all {
                match step {
                    Step::Change(who) => match list.iter_mut().find(|one| one.0 == who) {
                        Some(one) => {
                            (one.1, one.2) = (true, false);
                            gathered.change_again(MembershipIndex(who));
                        }
                        None => {
                            list.push((who, true, false));
                            gathered.push(MembershipIndex(who));
                        }
                    },
                    Step::End(who) => {
                        list.iter_mut().filter(|one| one.0 == who).for_each(|one| one.1 = false);
                    }
                    Step::Sweep(so_many) => {
                        for _ in 0..so_many {
                            sweep_one(&mut gathered, &mut list);
                        }
                    }
                    Step::Know => {
                        list.iter_mut().for_each(|one| one.2 = true);
                        gathered.know_all();
                    }
                    Step::Settle => {
                        gathered.close_gap();
                        while sweep_one(&mut gathered, &mut list) {}
                        let all = (0..).map_while(|at| gathered.get(at));
                        let all: Vec<_> = all.map(|(one, is_known)| (one.0, is_known)).collect();
                        let expected = list.iter().map(|(who, _, is_known)| (*who, *is_known));
                        prop_assert_eq!(all, expected.collect::<Vec<_>>());
                    }
                }
                let expected: Vec<u32> = list.iter().map(|one| one.0).collect();
                let all: Vec<u32> = gathered.iter().map(|one| one.0).collect();
                prop_assert_eq!(gathered.len(), all.len());
                prop_assert!(gathered.all.len() <= 2 * all.len() + WIDE);
                prop_assert_eq!(all, expected);
            }
            let left: Vec<u32> = gathered.drain().map(|one| one.0).collect();
            prop_assert_eq!(left, list.iter().map(|one| one.0).collect::<Vec<_>>());
            prop_assert_eq!(gathered.len(), 0);
        }
    }

    #[test]
    fn a_gap_is_taken_out_when_it_is_wider_than_what_is_left() {
        let mut gathered = Gathered::default();
        (0..24).for_each(|who| gathered.push(MembershipIndex(who)));
        (0..4).for_each(|_| gathered.sweep(true));
        let gaps = (0..20).map(|_| {
            gathered.sweep(false);
            gathered.looked - gathered.kept
        });
        let expected = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 1, 2, 3, 4, 5, 0, 1];
        assert_eq!(gaps.collect::<Vec<_>>(), expected);
    }

    /// And once, however often it does.
    #[test]
    fn who_changes_once_more_is_noted_only_if_a_snapshot_has_told_of_it() {
        let mut gathered = Gathered::default();
        let noted = |gathered: &mut Gathered| {
            [1, 1, 2, 1].iter().for_each(|who| gathered.change_again(MembershipIndex(*who)));
            gathered.again.len()
        };
        [1, 2].iter().for_each(|who| gathered.push(MembershipIndex(*who)));
        assert_eq!(noted(&mut gathered), 0);
        gathered.know_all();
        assert_eq!(noted(&mut gathered), 2);
    }
}
