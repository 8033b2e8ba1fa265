//! What was last heard of each session, and whether a person gave that sign.

use super::Sessions;
use crate::key::SessionKey;
use crate::tables::ids::SessionIndex;
use crate::time::Time;

/// When a person did something on a session, and which input that was.
pub(crate) type Sign = (Time, u64);

/// What came of the renewal of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renewal {
    Of(SessionIndex),
    /// As above, and what was heard before it was a sign of a person.
    AfterSign(SessionIndex, Sign),
    Detached,
    Unknown,
}

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
    pub(in crate::tables) fn take_sign(&mut self, index: SessionIndex) -> Option<Sign> {
        let sign = self.sign(index);
        self.records[index.0 as usize].by_person = false;
        sign
    }

    /// Renews the session's lease: it is heard of in this input. What was heard before must not be
    /// a sign of a person.
    pub(in crate::tables) fn renew_lease(&mut self, index: SessionIndex, heard: (Time, u64)) {
        let record = &mut self.records[index.0 as usize];
        debug_assert!(!record.by_person, "a sign of a person would be lost");
        (record.heard, record.stamp) = heard;
    }

    /// Renews it by the session's key, if that is current and the session has a connection.
    #[inline]
    pub(crate) fn renew_lease_of<const BY_PERSON: bool>(
        &mut self,
        key: SessionKey,
        heard: (Time, u64),
    ) -> Renewal {
        match self.records.get_mut(key.index as usize) {
            Some(record) if record.has(key) && record.link.is_up() => {
                let (before, session) = ((record.heard, record.stamp), SessionIndex(key.index));
                (record.heard, record.stamp) = heard;
                match core::mem::replace(&mut record.by_person, BY_PERSON) {
                    false => Renewal::Of(session),
                    true => Renewal::AfterSign(session, before),
                }
            }
            Some(record) if record.has(key) && record.link == super::Link::Detached => {
                Renewal::Detached
            }
            _ => Renewal::Unknown,
        }
    }
}
