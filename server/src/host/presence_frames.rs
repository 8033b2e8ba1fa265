//! A presence as it goes out: numbered, and encoded once for each form.

use std::collections::BTreeMap;

use adsum_tim::{Form, Prepared, Tid, TimPresence};

use crate::host::command::Presence;
use crate::host::metrics::Metrics;

/// A presence in both forms, each encoded when the first receiver needs it.
pub(crate) struct PresenceFrames<'a> {
    presence: &'a TimPresence,
    /// What goes with the receiver: `extend` of `toTid`.
    extend: BTreeMap<String, String>,
    json: Option<Prepared>,
    thrift: Option<Prepared>,
}

impl<'a> PresenceFrames<'a> {
    pub(crate) const fn of(presence: &'a TimPresence, extend: BTreeMap<String, String>) -> Self {
        Self { presence, extend, json: None, thrift: None }
    }

    pub(crate) fn get(&mut self, form: Form, metrics: &Metrics) -> &Prepared {
        let prepared = match form {
            Form::Json => &mut self.json,
            Form::Thrift => &mut self.thrift,
        };
        prepared.get_or_insert_with(|| {
            metrics.encoded(form);
            self.presence.prepare_with(form, &self.extend)
        })
    }
}

/// Returns the presence with the notice's number.
pub(crate) fn numbered(presence: &Presence, id: u64) -> TimPresence {
    TimPresence { id: Some(id as i64), ..TimPresence::clone(presence) }
}

/// Returns the notice that a user is offline, from the device by which they were last seen.
pub(crate) fn offline(id: u64, from: &Tid) -> TimPresence {
    TimPresence {
        id: Some(id as i64),
        offline: Some(true),
        from_tid: Some(from.clone()),
        ..TimPresence::default()
    }
}
