//! An edge: a user came online, went offline, or became visible or invisible.

use std::sync::Arc;
use std::time::Instant;

use serde::ser::{Serialize, SerializeMap as _, Serializer};

/// What is told of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    /// Grows by one with every edge of the process, whoever's it is.
    pub(crate) number: u64,
    pub(crate) user: Arc<str>,
    pub(crate) state: State,
    /// Whether others may see the user; of one who is offline, whether they could until then.
    pub(crate) visible: bool,
    /// Since when the user is online or offline, in milliseconds since 1970.
    pub(crate) since_ms: u64,
    /// When it was noted.
    pub(crate) noted: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Online,
    /// Offline, for this cause.
    Offline(&'static str),
}

impl Serialize for Edge {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("number", &self.number)?;
        map.serialize_entry("user", self.user.as_ref())?;
        match self.state {
            State::Online => map.serialize_entry("state", "online")?,
            State::Offline(cause) => {
                map.serialize_entry("state", "offline")?;
                map.serialize_entry("cause", cause)?;
            }
        }
        map.serialize_entry("visible", &self.visible)?;
        map.serialize_entry("since", &self.since_ms)?;
        map.end()
    }
}
