//! How many sessions a user may have, and who makes way for a newcomer (rule 12).

use crate::config::OverLimit;
use crate::error::Error;
use crate::key::DeviceKind;
use crate::rules::State;
use crate::tables::ids::{SessionIndex, User};
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    /// Returns who has to go for another session of this kind. A detached session never stands in
    /// a newcomer's way.
    pub(super) fn victim_for(
        &self,
        user: User,
        kind: DeviceKind,
    ) -> Result<Option<SessionIndex>, Error> {
        let sessions = self.tables.sessions_of(user);
        if let Some(limit) = self.options.max_sessions_per_kind {
            let of_kind = |session: &&SessionIndex| self.tables.sessions().kind(**session) == kind;
            if sessions.iter().filter(of_kind).count() >= usize::from(limit) {
                let refused = Error::SessionLimit { limit, kind: Some(kind) };
                return self.victim_among(sessions.iter().filter(of_kind), refused);
            }
        }
        let limit = self.options.max_sessions;
        if sessions.len() >= usize::from(limit) {
            let refused = Error::SessionLimit { limit, kind: None };
            return self.victim_among(sessions.iter(), refused);
        }
        Ok(None)
    }

    /// Returns the one of these, the oldest first, that has to go. If another node has it, that
    /// node ends it when it hears of the newcomer, and nobody goes here.
    fn victim_among<'a>(
        &self,
        mut candidates: impl Iterator<Item = &'a SessionIndex> + Clone,
        refused: Error,
    ) -> Result<Option<SessionIndex>, Error> {
        let sessions = self.tables.sessions();
        let own = |session: SessionIndex| Ok(sessions.link(session).is_local().then_some(session));
        let detached = |session: &&SessionIndex| !self.tables.is_connected(**session);
        if let Some(session) = candidates.clone().find(detached) {
            return own(*session);
        }
        let oldest = candidates.next().ok_or(refused)?;
        match self.options.over_limit {
            OverLimit::EvictOldest { min_age_ms }
                if self.moment.since(sessions.connected(*oldest)) >= min_age_ms =>
            {
                own(*oldest)
            }
            OverLimit::EvictOldest { .. } | OverLimit::Refuse => Err(refused),
        }
    }
}
