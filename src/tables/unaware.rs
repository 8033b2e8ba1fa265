//! Who may believe something of a user that is over and that nobody tells: under
//! [`OfflineNotices::Never`](crate::OfflineNotices::Never).

use crate::tables::ids::Attachment;
use crate::tables::sorted_map::SortedMap;
use alloc::vec::Vec;

/// For each attachment that is added so many are looked at, whether they are over: so of those
/// remembered at most every fourth is.
const LOOKS: usize = 4;

/// A set of attachments. What comes or goes moves a bounded number of them, however many there are.
pub(super) struct Unaware {
    attachments: SortedMap<Attachment, ()>,
    /// The last that was looked at.
    looked_at: Attachment,
}

impl Default for Unaware {
    fn default() -> Self {
        Self { attachments: SortedMap::new(), looked_at: Attachment::FIRST }
    }
}

impl Unaware {
    /// Adds these, of whom some may be there, and forgets some that are over: they believe nothing
    /// any more. `added` is made empty.
    pub(super) fn add(
        &mut self,
        added: &mut Vec<Attachment>,
        is_over: impl Fn(Attachment) -> bool,
    ) {
        self.forget_some(LOOKS * added.len(), is_over);
        added.sort_unstable();
        added.dedup();
        added.retain(|attachment| !self.attachments.contains(*attachment));
        self.attachments.insert_all(added.iter().map(|attachment| (*attachment, ())));
        added.clear();
    }

    /// Looks at so many, those first that have not been looked at for longest.
    fn forget_some(&mut self, looks: usize, is_over: impl Fn(Attachment) -> bool) {
        if looks >= self.attachments.len() {
            return self.attachments.retain(|attachment, ()| !is_over(attachment));
        }
        for _ in 0..looks {
            let next = self.attachments.first_after(self.looked_at);
            let next = next.or_else(|| self.attachments.iter().next());
            let Some((attachment, ())) = next else { return };
            self.looked_at = attachment;
            if is_over(attachment) {
                self.attachments.remove(attachment);
            }
        }
    }

    /// Forgets one. Returns whether it was there.
    pub(super) fn forget(&mut self, attachment: Attachment) -> bool {
        self.attachments.remove(attachment).is_some()
    }

    /// Forgets those that are over, and gives back what is not needed for the others. Returns
    /// whether there are any.
    pub(super) fn shrink_to_fit(&mut self, is_over: impl Fn(Attachment) -> bool) -> bool {
        self.attachments.retain(|attachment, ()| !is_over(attachment));
        self.attachments.shrink_to_fit();
        !self.attachments.is_empty()
    }

    pub(super) fn is_sorted(&self) -> bool {
        self.attachments.iter().is_sorted_by(|a, b| a.0 < b.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::ids::SessionIndex;
    use crate::tables::steps;

    fn attachment(session: u32) -> Attachment {
        Attachment { session: SessionIndex(session), ..Attachment::FIRST }
    }

    #[test]
    fn those_that_are_over_do_not_pile_up() {
        let mut unaware = Unaware::default();
        // A thousand are there at a time.
        for newest in 0..20_000 {
            let is_over = |one: Attachment| one.session.0 + 1_000 <= newest;
            unaware.add(&mut Vec::from([attachment(newest)]), is_over);
            let there = unaware.attachments.len();
            assert!(there <= 1_000 * LOOKS / (LOOKS - 1) + LOOKS, "{there}");
        }
        assert!((19_001..20_000).all(|there| unaware.forget(attachment(there))));
        assert!(!unaware.forget(attachment(19_500)) && unaware.is_sorted());
    }

    #[test]
    fn those_that_are_over_do_not_pile_up_where_many_are_added_at_once() {
        const AT_ONCE: usize = 20;
        let mut unaware = Unaware::default();
        // A thousand are there at a time.
        for newest in (0..4_000).step_by(AT_ONCE) {
            let is_over = |one: Attachment| one.session.0 + 1_000 <= newest;
            unaware.add(&mut (newest..).take(AT_ONCE).map(attachment).collect(), is_over);
            let there = unaware.attachments.len();
            assert!(there <= (1_000 + AT_ONCE) * LOOKS / (LOOKS - 1) + LOOKS, "{there}");
        }
    }

    #[test]
    fn a_set_stays_a_set_whatever_is_added() {
        let mut unaware = Unaware::default();
        let mut add = |some: &[u32]| {
            let mut added = some.iter().map(|session| attachment(*session)).collect();
            unaware.add(&mut added, |_| false);
            assert!(added.is_empty() && unaware.is_sorted());
            unaware.attachments.len()
        };
        assert_eq!([add(&[5, 1, 5]), add(&[3, 1]), add(&[]), add(&[1, 2, 3, 4, 5])], [2, 3, 3, 5]);
    }

    #[test]
    fn few_entries_move_to_add_one_and_to_forget_one() {
        const MANY: u32 = if cfg!(feature = "shrunk") { 2_000 } else { 100_000 };
        let (mut unaware, mut longest) = (Unaware::default(), 0);
        // Backwards, so that each has its place before all others.
        for session in (0..MANY).rev() {
            let one = steps::tests::moved(|| {
                unaware.add(&mut Vec::from([attachment(session)]), |_| false);
            });
            longest = longest.max(one);
        }
        for session in 0..MANY {
            longest = longest.max(steps::tests::moved(|| _ = unaware.forget(attachment(session))));
        }
        assert!(longest <= 4_000, "{longest}");
        assert_eq!(unaware.attachments.len(), 0);
    }

    #[test]
    fn an_attachment_that_is_there_twice_is_seen() {
        let mut unaware = Unaware::default();
        for session in [1, 2, 2] {
            unaware.attachments.insert(attachment(session), ());
        }
        assert!(!unaware.is_sorted());
    }
}
