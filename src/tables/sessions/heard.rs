//! What was last heard of each session, and whether a person gave that sign.

use super::{Link, Renewal, Sessions, Sign};
use crate::key::SessionKey;
use crate::tables::ids::SessionIndex;
use crate::time::Time;

impl<P> Sessions<P> {
    /// Returns when something was last heard of it.
    pub(crate) fn heard(&self, index: SessionIndex) -> Time {
        self.record(index).heard
    }

    /// Returns which input was the last that was heard of it, while it has a connection.
    pub(crate) fn heard_order(&self, index: SessionIndex) -> Option<u64> {
        let record = self.record(index);
        record.link.is_up().then_some(record.stamp)
    }

    /// Returns what was heard of it last, if that was a sign of a person.
    pub(crate) fn sign(&self, index: SessionIndex) -> Option<Sign> {
        let record = self.record(index);
        record.by_person.then_some((record.heard, record.stamp))
    }

    /// Takes that sign out, for the caller to keep elsewhere.
    #[inline]
    pub(in crate::tables) fn take_sign(&mut self, index: SessionIndex) -> Option<Sign> {
        let record = &mut self.records[index.0 as usize];
        core::mem::take(&mut record.by_person).then_some((record.heard, record.stamp))
    }

    /// Renews the session's lease: it is heard of in this input. Returns the sign of a person that
    /// it was heard of by before, if it was one, for the caller to keep elsewhere.
    #[inline]
    pub(in crate::tables) fn renew_lease(
        &mut self,
        index: SessionIndex,
        heard: (Time, u64),
    ) -> Option<Sign> {
        let record = &mut self.records[index.0 as usize];
        let before = (record.heard, record.stamp);
        (record.heard, record.stamp) = heard;
        core::mem::take(&mut record.by_person).then_some(before)
    }

    /// Renews it by the session's key, if that is current and the session has a connection. It is
    /// late if so much time has passed since it was heard of before. After a sign of a person
    /// nothing is done: that is to be kept first.
    #[inline]
    pub(crate) fn renew_lease_of(
        &mut self,
        key: SessionKey,
        heard: (Time, u64),
        late_ms: u64,
    ) -> Renewal {
        match self.records.get_mut(key.index as usize) {
            Some(record) if record.has(key) && record.link.is_up() => {
                if record.by_person {
                    return Renewal::AfterSign(SessionIndex(key.index));
                }
                // It never was heard of later than now.
                let since = heard.0.as_millis().wrapping_sub(record.heard.as_millis());
                let is_late = since >= late_ms;
                (record.heard, record.stamp) = heard;
                let session = SessionIndex(key.index);
                if is_late { Renewal::Late(session) } else { Renewal::Of(session) }
            }
            Some(record) if record.has(key) && record.link == Link::Detached => Renewal::Detached,
            _ => Renewal::Unknown,
        }
    }

    /// Renews it likewise by a sign of a person, after another one too: only the last one counts.
    /// After one that lies so far back, the second of these, it is late as well.
    #[inline]
    pub(crate) fn renew_lease_by_person(
        &mut self,
        key: SessionKey,
        heard: (Time, u64),
        [late_ms, sign_late_ms]: [u64; 2],
    ) -> Renewal {
        match self.records.get_mut(key.index as usize) {
            Some(record) if record.has(key) && record.link.is_up() => {
                let since = heard.0.as_millis().wrapping_sub(record.heard.as_millis());
                let is_after_sign = core::mem::replace(&mut record.by_person, true);
                let is_late = since >= late_ms || is_after_sign && since >= sign_late_ms;
                (record.heard, record.stamp) = heard;
                let session = SessionIndex(key.index);
                match () {
                    () if is_late => Renewal::Late(session),
                    () if is_after_sign => Renewal::AfterSign(session),
                    () => Renewal::Of(session),
                }
            }
            Some(record) if record.has(key) && record.link == Link::Detached => Renewal::Detached,
            _ => Renewal::Unknown,
        }
    }
}
