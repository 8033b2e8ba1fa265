//! What few sessions have: a publish that waits, what ends by itself, whom directed presence
//! reached, what was missed.

use super::{Extras, Sessions, extras_index};
use crate::tables::ids::{Attachment, ExpiryIndex, MembershipIndex, SessionIndex, User};
use crate::tables::lists::UserList;
use crate::tables::missed::{Missed, Note, Noted};
use crate::tables::rate::Bucket;
use crate::tables::told::Told;
use alloc::vec::Vec;
use core::num::NonZeroU32;

impl<P> Sessions<P> {
    fn extras(&self, index: SessionIndex) -> Option<&Extras<P>> {
        Some(&self.extras[extras_index(self.detail(index).extras?)])
    }

    fn extras_mut(&mut self, index: SessionIndex) -> Option<&mut Extras<P>> {
        Some(&mut self.extras[extras_index(self.details[index.0 as usize].extras?)])
    }

    /// Returns the session's extras, which it gets if it has none. They come from a pool and keep
    /// the memory of whoever had them before, so that nothing is allocated once the pool is warm.
    fn extras_or_new(&mut self, index: SessionIndex) -> &mut Extras<P> {
        let own = &mut self.details[index.0 as usize].extras;
        let own = *own.get_or_insert_with(|| {
            let free = self.free_extras.pop().unwrap_or_else(|| {
                self.extras.push(Extras::default());
                self.extras.len() as u32 - 1
            });
            // There are never more of them than sessions.
            NonZeroU32::MIN.saturating_add(free)
        });
        &mut self.extras[extras_index(own)]
    }

    /// Returns whether the session has ever needed any.
    #[inline]
    pub(crate) fn has_extras(&self, index: SessionIndex) -> bool {
        self.detail(index).extras.is_some()
    }

    pub(crate) fn has_waiting(&self, index: SessionIndex) -> bool {
        self.extras(index).is_some_and(|extras| extras.waiting.is_some())
    }

    /// Keeps a publish that waits for a token, and gives back the one that it replaces.
    pub(crate) fn set_waiting(&mut self, index: SessionIndex, presence: P) -> Option<P> {
        let replaced = self.extras_or_new(index).waiting.replace(presence);
        self.counts.waiting += usize::from(replaced.is_none());
        replaced
    }

    pub(crate) fn take_waiting(&mut self, index: SessionIndex) -> Option<P> {
        let waiting = self.extras_mut(index)?.waiting.take();
        self.counts.waiting -= usize::from(waiting.is_some());
        waiting
    }

    /// Returns what ends what the session shows, and what ends the publish that waits.
    pub(crate) fn expiries(&self, index: SessionIndex) -> [Option<ExpiryIndex>; 2] {
        self.extras(index).map_or([None; 2], |extras| [extras.shown_until, extras.waits_until])
    }

    /// Says what ends what the session shows.
    pub(crate) fn set_shown_until(&mut self, index: SessionIndex, expiry: ExpiryIndex) {
        self.extras_or_new(index).shown_until = Some(expiry);
    }

    /// Takes out what ends what the session shows.
    pub(crate) fn take_shown_until(&mut self, index: SessionIndex) -> Option<ExpiryIndex> {
        self.extras_mut(index)?.shown_until.take()
    }

    /// Says what ends the publish that waits.
    pub(crate) fn set_waits_until(&mut self, index: SessionIndex, expiry: ExpiryIndex) {
        self.extras_or_new(index).waits_until = Some(expiry);
    }

    /// Takes out what ends the publish that waits.
    pub(crate) fn take_waits_until(&mut self, index: SessionIndex) -> Option<ExpiryIndex> {
        self.extras_mut(index)?.waits_until.take()
    }

    /// Returns the rate of the session's directed presence.
    pub(crate) fn direct_bucket_mut(&mut self, index: SessionIndex) -> &mut Bucket {
        &mut self.extras_or_new(index).direct_bucket
    }

    /// Returns whom the session's directed presence reached.
    pub(crate) fn told(&self, index: SessionIndex) -> Option<&Told> {
        self.extras(index).map(|extras| &extras.told)
    }

    /// Takes that out, to be changed and [put back](Self::put_told). `None` if the session has
    /// never had one.
    pub(crate) fn take_told(&mut self, index: SessionIndex) -> Option<Told> {
        let told = core::mem::take(&mut self.extras_mut(index)?.told);
        self.counts.told -= told.len();
        Some(told)
    }

    /// Takes that list out to be added to. A session that has none gets one, with the memory of
    /// whoever had it before.
    pub(crate) fn take_told_or_new(&mut self, index: SessionIndex) -> Told {
        let told = core::mem::take(&mut self.extras_or_new(index).told);
        self.counts.told -= told.len();
        told
    }

    /// Forgets that the session's directed presence reached an attachment. Returns whether it did.
    pub(crate) fn forget_told(&mut self, index: SessionIndex, attachment: Attachment) -> bool {
        let told = self.extras_mut(index).map(|extras| &mut extras.told);
        let was_told = told.is_some_and(|told| told.forget(attachment));
        self.counts.told -= usize::from(was_told);
        was_told
    }

    pub(crate) fn put_told(&mut self, index: SessionIndex, told: Told) {
        self.counts.told += told.len();
        self.extras_or_new(index).told = told;
    }

    /// Returns whom the session watches, sorted, with its place in the channel of each.
    pub(crate) fn watched(&self, index: SessionIndex) -> &[(User, MembershipIndex)] {
        self.extras(index).map_or(&[], |extras| &extras.watched)
    }

    /// Takes that list out, to be changed and [put back](Self::put_watched).
    pub(crate) fn take_watched(&mut self, index: SessionIndex) -> Vec<(User, MembershipIndex)> {
        core::mem::take(&mut self.extras_or_new(index).watched)
    }

    pub(crate) fn put_watched(
        &mut self,
        index: SessionIndex,
        watched: Vec<(User, MembershipIndex)>,
    ) {
        self.extras_or_new(index).watched = watched;
    }

    /// Returns those whom the session watched until they removed its user.
    pub(crate) fn struck(&self, index: SessionIndex) -> &[User] {
        self.extras(index).map_or(&[], |extras| extras.struck.as_slice())
    }

    pub(crate) fn struck_mut(&mut self, index: SessionIndex) -> &mut UserList {
        &mut self.extras_or_new(index).struck
    }

    pub(crate) fn missed(&self, index: SessionIndex) -> Option<&Missed> {
        self.extras(index).map(|extras| &extras.missed)
    }

    /// Notes something about a user that the session is not told.
    pub(crate) fn note(
        &mut self,
        index: SessionIndex,
        user: User,
        note: Note,
        by_watch: bool,
    ) -> Noted {
        let noted = self.extras_or_new(index).missed.note(user, note, by_watch);
        match noted {
            Noted::Added => self.counts.missed += 1,
            Noted::Removed => self.counts.missed -= 1,
            Noted::AsBefore => {}
        }
        noted
    }

    /// Forgets what the session was to be told of a user only because it watched it. Returns the
    /// number of notes that are gone.
    pub(crate) fn forget_watched_notes(&mut self, index: SessionIndex, user: User) -> usize {
        let gone = self.extras_mut(index).map_or(0, |extras| extras.missed.forget_watched(user));
        self.counts.missed -= gone;
        gone
    }

    /// Notes that the session has to hear whether its user is visible.
    pub(crate) fn note_own_visibility(&mut self, index: SessionIndex) {
        self.extras_or_new(index).missed.own_visibility = true;
    }

    /// Takes out what the session missed, to be [put back](Self::put_missed). `None` if it has
    /// never missed anything.
    pub(crate) fn take_missed(&mut self, index: SessionIndex) -> Option<Missed> {
        let missed = core::mem::take(&mut self.extras_mut(index)?.missed);
        self.counts.missed -= missed.len();
        Some(missed)
    }

    /// Puts back what was taken out, when no entry is left in it: it keeps its memory.
    pub(crate) fn put_missed(&mut self, index: SessionIndex, missed: Missed) {
        self.extras_or_new(index).missed = missed;
    }
}

impl<P> Default for Extras<P> {
    fn default() -> Self {
        Self {
            waiting: None,
            shown_until: None,
            waits_until: None,
            told: Told::default(),
            direct_bucket: Bucket::default(),
            missed: Missed::default(),
            watched: Vec::new(),
            struck: UserList::default(),
        }
    }
}
