//! What a session shows, and how often it may say so (rules 2 and 13).

use crate::state::Expiry;
use crate::{Model, Output};
use adsum::{Error, Rate, SessionId, SessionKey, Time};

/// Returns how far the bucket may be overdrawn, in milliseconds.
fn credit(rate: Rate) -> u64 {
    u64::from(rate.burst - 1) * u64::from(rate.interval_ms)
}

impl Model {
    pub(super) fn publish(
        &mut self,
        now: u64,
        key: SessionKey,
        presence: u32,
        end: Option<(u64, Option<u32>)>,
    ) -> Result<Output, Error> {
        let id = self.find_attached(key)?;
        let now = self.clamp(now);
        self.accept_from(now, id);
        let mut out = Output::default();
        if self.has_token(id, now) {
            self.take_token(id, now);
            let session = self.session_mut(id);
            (session.waiting, session.waiting_end, session.token) = (None, None, None);
            self.show_until(&mut out, id, presence, end);
        } else {
            let (free_at, order) = (self.free_at(id), self.moments);
            let session = self.session_mut(id);
            (session.waiting, session.waiting_end) = (Some(presence), end);
            session.token.get_or_insert((free_at, order));
            out.waits_until = Some(free_at);
        }
        Ok(out)
    }

    /// Publishes what waited for a token, now that it is there.
    pub(super) fn publish_waiting(&mut self, out: &mut Output, id: SessionId, at: u64) {
        let session = self.session_mut(id);
        session.token = None;
        let presence = session.waiting.take().expect("a publish waits");
        match session.waiting_end.take() {
            // Its clock has gone on, and it takes no token to show nothing.
            Some((until, None)) if until <= at => self.take_back(out, id),
            Some((until, Some(then))) if until <= at => {
                self.take_token(id, at);
                self.show_until(out, id, then, None);
            }
            end => {
                self.take_token(id, at);
                self.show_until(out, id, presence, end);
            }
        }
    }

    /// Shows a presence, which may have an end.
    fn show_until(
        &mut self,
        out: &mut Output,
        id: SessionId,
        presence: u32,
        end: Option<(u64, Option<u32>)>,
    ) {
        let order = self.moments;
        let expiry = end.map(|(until, then)| Expiry { timer: (until, order), then });
        self.session_mut(id).expiry = expiry;
        self.show_presence(out, id, presence);
    }

    pub(super) fn show_presence(&mut self, out: &mut Output, id: SessionId, presence: u32) {
        let at = self.at;
        let session = self.showing_mut(id);
        let first = session.presence.replace(presence).is_none();
        session.version += 1;
        session.published = at;
        let to = self.attached(|receiver, _| self.reaches(id, receiver));
        self.tell_presence(out, id, first, to);
        if self.sessions.contains_key(&id) {
            self.take_over(out, id);
        }
    }

    // ---- the rate: a token bucket, told as the moment up to which its tokens are spent

    fn has_token(&self, id: SessionId, now: u64) -> bool {
        self.options
            .publish_rate
            .is_none_or(|rate| self.sessions[&id].tat <= now.saturating_add(credit(rate)))
    }

    pub(super) fn take_token(&mut self, id: SessionId, now: u64) {
        if let Some(rate) = self.options.publish_rate {
            let session = self.session_mut(id);
            session.tat = session.tat.max(now).saturating_add(rate.interval_ms.into());
        }
    }

    fn free_at(&self, id: SessionId) -> u64 {
        let rate = self.options.publish_rate.expect("without a rate nothing waits");
        self.sessions[&id].tat.saturating_sub(credit(rate))
    }

    /// Takes a token for a directed presence, of a bucket of its own.
    pub(super) fn take_direct_token(&mut self, id: SessionId, now: u64) -> Result<(), Error> {
        if let Some(rate) = self.options.direct_rate {
            let session = self.session_mut(id);
            let free_at = session.direct_tat.saturating_sub(credit(rate));
            if free_at > now {
                return Err(Error::RateLimited { retry_at: Time::from_millis(free_at) });
            }
            session.direct_tat =
                session.direct_tat.max(now).saturating_add(rate.interval_ms.into());
        }
        Ok(())
    }
}
