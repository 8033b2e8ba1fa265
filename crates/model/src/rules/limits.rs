//! How many sessions a user may have, how long lists may be, and who makes way (rule 12).

use crate::{Model, User};
use adsum::{DeviceKind, Error, OverLimit, SessionId};

impl Model {
    /// Returns who must go so that a newcomer finds room.
    pub(super) fn victim(
        &self,
        now: u64,
        user: User,
        kind: DeviceKind,
    ) -> Result<Option<SessionId>, Error> {
        let all = self.sessions_of(user);
        let mut same_kind = all.clone();
        same_kind.retain(|id| self.sessions[id].kind == kind.0);
        let (candidates, refused) = match self.options.max_sessions_per_kind {
            Some(limit) if same_kind.len() >= limit.into() => {
                (same_kind, Error::SessionLimit { limit, kind: Some(kind) })
            }
            _ if all.len() >= self.options.max_sessions.into() => {
                (all, Error::SessionLimit { limit: self.options.max_sessions, kind: None })
            }
            _ => return Ok(None),
        };
        if let Some(detached) = candidates.iter().find(|id| !self.sessions[id].is_attached()) {
            return Ok(Some(*detached));
        }
        let oldest = candidates[0];
        match self.options.over_limit {
            OverLimit::EvictOldest { min_age_ms }
                if now - self.sessions[&oldest].connected >= min_age_ms =>
            {
                Ok(Some(oldest))
            }
            _ => Err(refused),
        }
    }

    pub(super) fn must_fit_audience(&self, len: usize) -> Result<(), Error> {
        let limit = self.options.max_audience;
        if len as u64 <= u64::from(limit) { Ok(()) } else { Err(Error::AudienceLimit { limit }) }
    }

    pub(super) fn must_fit_watched(&self, len: usize) -> Result<(), Error> {
        let limit = self.options.max_watched;
        if len as u64 <= u64::from(limit) { Ok(()) } else { Err(Error::WatchLimit { limit }) }
    }

    pub(super) fn must_fit_blocked(&self, len: usize) -> Result<(), Error> {
        let limit = self.options.max_blocked;
        if len as u64 <= u64::from(limit) { Ok(()) } else { Err(Error::BlockedLimit { limit }) }
    }
}
