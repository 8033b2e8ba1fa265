//! How long who believes something wrong, or does not know something true.

use super::wire::{Device, User, Word};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub(crate) struct Watch {
    /// By viewer and user: the words that are believed and not true, or true and not believed.
    wrong_since: BTreeMap<(Device, User), BTreeMap<Word, u64>>,
    pub(crate) longest_ms: u64,
}

impl Watch {
    pub(crate) fn note(
        &mut self,
        now: u64,
        viewer: Device,
        user: User,
        believed: &BTreeSet<Word>,
        truth: &BTreeSet<Word>,
    ) {
        let wrong_since = self.wrong_since.entry((viewer, user)).or_default();
        let mut is_wrong = believed.symmetric_difference(truth).copied().collect::<BTreeSet<_>>();
        wrong_since.retain(|word, since| {
            let lasts = is_wrong.remove(word);
            if !lasts {
                self.longest_ms = self.longest_ms.max(now - *since);
            }
            lasts
        });
        wrong_since.extend(is_wrong.into_iter().map(|word| (word, now)));
    }

    /// A client that is not connected knows that it may be wrong.
    pub(crate) fn forget(&mut self, viewer: Device) {
        self.wrong_since.retain(|(device, _), _| *device != viewer);
    }
}
