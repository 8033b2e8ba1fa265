//! What a session shows: tim's presence, and beside it the neutral protocol's `p`, if that is what
//! its client sent.

use std::ops::{Deref, DerefMut};

use adsum_tim::TimPresence;
use serde::de::{Error, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};

/// What a session shows.
///
/// tim's presence is always there, so that tim's clients are served as if there were no others. Of
/// a client that speaks the neutral protocol it is made once, when its `p` comes, and `p` itself is
/// kept beside it, as it came. Of one that speaks tim's there is no `p`, and it is made for those
/// who want it when a frame for them is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Shown {
    tim: TimPresence,
    #[serde(deserialize_with = "json")]
    p: Option<Box<str>>,
}

/// Reads JSON that another server says that a client has sent: it goes into frames as it is.
fn json<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Box<str>>, D::Error> {
    let p = Option::<Box<str>>::deserialize(from)?;
    let is_json = |p: &str| serde_json::from_str::<IgnoredAny>(p).is_ok();
    if p.as_deref().is_none_or(is_json) { Ok(p) } else { Err(D::Error::custom("no JSON")) }
}

impl Shown {
    /// Returns what a client of the neutral protocol sent, and the same as tim has it.
    pub(crate) fn with_p(tim: TimPresence, p: &str) -> Self {
        Self { tim, p: Some(p.into()) }
    }

    /// Returns the JSON that a client of the neutral protocol sent, if one did.
    pub(crate) fn p(&self) -> Option<&str> {
        self.p.as_deref()
    }
}

impl From<TimPresence> for Shown {
    fn from(tim: TimPresence) -> Self {
        Self { tim, p: None }
    }
}

impl Deref for Shown {
    type Target = TimPresence;

    fn deref(&self) -> &TimPresence {
        &self.tim
    }
}

impl DerefMut for Shown {
    fn deref_mut(&mut self) -> &mut TimPresence {
        &mut self.tim
    }
}
