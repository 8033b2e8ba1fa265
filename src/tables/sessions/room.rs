//! Room for sessions, made ahead and given back.

use super::{Extras, LAST_DROPPED, Record, Sessions, extras_index};
use crate::tables::ids::{Place, SessionIndex};
use core::num::NonZeroU32;

impl<P> Sessions<P> {
    /// Makes room for so many sessions in all.
    pub(in crate::tables) fn reserve(&mut self, sessions: usize) {
        self.records.reserve_and_fill(sessions);
        self.details.reserve_and_fill(sessions);
    }

    /// Notes that the session's user has another place among those online.
    pub(in crate::tables) fn set_place(&mut self, index: SessionIndex, place: Place) {
        self.records[index.0 as usize].place = place;
    }

    /// Gives back what only a past peak needed. Of the records that have no session those at the
    /// end of the table are dropped, and where there is none in a segment all of that. Their keys
    /// stay stale for ever, because no session begins any more with a generation that one of them
    /// has used.
    pub(in crate::tables) fn shrink_to_fit(&mut self) {
        let Self { records, details, far, free, free_far, first_generation, .. } = self;
        let may_go = |record: &Record| record.generation.get() <= LAST_DROPPED;
        let mut begin_after = |record: &Record| {
            *first_generation = record.generation.max(*first_generation);
        };
        let len = records.len();
        let end = free.cut_off(len, |record| records.get(record).is_none_or(may_go));
        (end..len).filter_map(|record| records.get(record)).for_each(&mut begin_after);
        records.shrink_to(end, |places, segment| {
            let goes = free.has_all(&places) && segment.iter().all(may_go);
            if goes {
                segment.iter().for_each(&mut begin_after);
            }
            goes
        });
        details.shrink_to(end, |places, _| free.has_all(&places));
        let end = free_far.cut_off(far.len(), |_| true);
        far.shrink_to(end, |places, _| free_far.has_all(&places));
        self.shrink_extras();
    }

    /// Gives back what the lists of sessions do not need, and the extras of those that use none.
    /// Then moves the last extras to the places that are free, so that none is, and gives the rest
    /// back.
    fn shrink_extras(&mut self) {
        for session in 0..self.details.len() {
            let own = self.details.get_mut(session).map(|detail| &mut detail.extras);
            let Some(own) = own else { continue };
            let Some(place) = *own else { continue };
            let extras = &mut self.extras[extras_index(place)];
            extras.shrink_to_fit();
            if extras.is_blank() {
                *own = None;
                self.free_extras.push(place.get() - 1);
            }
        }
        let free = core::mem::take(&mut self.free_extras);
        let used = self.extras.len() - free.len();
        let mut free = free.iter().filter(|index| *index < used);
        for session in 0..self.details.len() {
            let own = self.details.get_mut(session).and_then(|detail| detail.extras.as_mut());
            let Some(own) = own.filter(|own| extras_index(**own) >= used) else { continue };
            let to = free.next().expect("as many before are free as are used behind");
            self.extras[to] = core::mem::take(&mut self.extras[extras_index(*own)]);
            *own = NonZeroU32::MIN.saturating_add(to as u32);
        }
        self.extras.truncate(used);
        self.extras.shrink_to_fit();
    }
}

impl<P> Extras<P> {
    /// Gives back what its lists do not need.
    fn shrink_to_fit(&mut self) {
        self.told.shrink_to_fit();
        self.missed.shrink_to_fit();
        self.watched.shrink_to_fit();
        self.struck.shrink_to_fit();
    }

    /// Returns whether a session that has these is as one that has none.
    fn is_blank(&self) -> bool {
        let Self { waiting, shown_until, waits_until, told, direct_bucket, .. } = self;
        let Self { missed, watched, struck, .. } = self;
        waiting.is_none()
            && shown_until.or(*waits_until).is_none()
            && told.is_blank()
            && direct_bucket.is_unused()
            && missed.is_empty()
            && watched.is_empty()
            && struck.len() == 0
    }
}
