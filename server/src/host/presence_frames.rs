//! A presence as it goes out: numbered, and encoded once for each form.

use std::collections::BTreeMap;

use adsum_tim::{Form, Prepared, Tid, TimPresence};

use crate::host::command::Presence;
use crate::host::metrics::Metrics;
use crate::host::transport::wire::Wire;

/// What says, in `extend` of a presence, since when nobody is at any device of its account.
pub(crate) const IDLE: &str = "adsum.idle";

/// `subStatus` of a presence whose sender asks for the receiver's own. tim's web client answers
/// each such presence.
pub(crate) const ASKS: i8 = 1;

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
            metrics.encoded(Wire::Tim(form));
            self.presence.prepare_with(form, &self.extend)
        })
    }
}

/// Returns the presence with the notice's number.
pub(crate) fn numbered(presence: &Presence, id: u64) -> TimPresence {
    TimPresence { id: Some(id as i64), ..TimPresence::clone(presence) }
}

/// Returns the one state of an account: from no device of it. Where nobody is at any of them, it
/// says since when, in milliseconds since 1970.
pub(crate) fn of_account(presence: &Presence, id: u64, idle_since_ms: Option<u64>) -> TimPresence {
    let mut state = numbered(presence, id);
    if let Some(from) = &mut state.from_tid {
        (from.resource, from.termtyp, from.extend) = (None, None, None);
    }
    if let Some(since) = idle_since_ms {
        state.extend.get_or_insert_default().insert(IDLE.to_owned(), since.to_string());
    }
    state
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
