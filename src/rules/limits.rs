//! How many sessions a user may have, and who makes way for a newcomer (rule 12).

use crate::config::OverLimit;
use crate::error::Error;
use crate::key::DeviceKind;
use crate::rules::State;
use crate::tables::ids::{SessionIndex, User};
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    /// Returns who has to go here for another session of this kind. Those of other nodes count, and
    /// each goes at its own node: whoever is too many beyond them goes here. A detached session
    /// never stands in a newcomer's way.
    pub(super) fn victim_for(
        &self,
        user: User,
        kind: DeviceKind,
    ) -> Result<Option<SessionIndex>, Error> {
        let sessions = self.tables.sessions_of(user);
        let is_of_kind = |session: SessionIndex| self.tables.sessions().kind(session) == kind;
        // How many of this kind go, each at its own node.
        let mut gone = 0;
        if let Some(limit) = self.options.max_sessions_per_kind {
            let of_kind = sessions.iter().copied().filter(|session| is_of_kind(*session));
            gone = (of_kind.clone().count() + 1).saturating_sub(usize::from(limit));
            let refused = Error::SessionLimit { limit, kind: Some(kind) };
            let victim = self.victim_among(of_kind, gone, refused)?;
            if victim.is_some() {
                return Ok(victim);
            }
        }
        let limit = self.options.max_sessions;
        let too_many = (sessions.len() + 1 - gone).saturating_sub(usize::from(limit));
        let refused = Error::SessionLimit { limit, kind: None };
        if gone == 0 {
            return self.victim_among(sessions.iter().copied(), too_many, refused);
        }
        let of_kind = sessions.iter().copied().filter(|session| is_of_kind(*session));
        let goes = self.by_rank(of_kind).take(gone);
        let stay = sessions.iter().copied().filter(|one| !goes.clone().any(|gone| gone == *one));
        self.victim_among(stay, too_many, refused)
    }

    /// Returns these in the order in which they have to go: those that are detached first.
    fn by_rank(
        &self,
        sessions: impl Iterator<Item = SessionIndex> + Clone,
    ) -> impl Iterator<Item = SessionIndex> + Clone {
        let is_connected = |session: &SessionIndex| self.tables.is_connected(*session);
        let detached = sessions.clone().filter(move |session| !is_connected(session));
        detached.chain(sessions.filter(is_connected))
    }

    /// Returns the first of this node's among those of these, the oldest first, that are too many
    /// with the newcomer. The last of those is the one that goes for the newcomer's sake.
    fn victim_among(
        &self,
        candidates: impl Iterator<Item = SessionIndex> + Clone,
        too_many: usize,
        refused: Error,
    ) -> Result<Option<SessionIndex>, Error> {
        let Some(before) = too_many.checked_sub(1) else { return Ok(None) };
        let sessions = self.tables.sessions();
        let go = self.by_rank(candidates).take(too_many);
        let makes_way = go.clone().nth(before).ok_or(refused)?;
        let may_go = !self.tables.is_connected(makes_way)
            || match self.options.over_limit {
                OverLimit::EvictOldest { min_age_ms } => {
                    self.moment.since(sessions.connected(makes_way)) >= min_age_ms
                }
                OverLimit::Refuse => false,
            };
        if !may_go {
            return Err(refused);
        }
        let mut own = go.filter(|session| sessions.link(*session).is_local());
        Ok(own.next())
    }
}
