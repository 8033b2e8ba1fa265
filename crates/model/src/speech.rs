//! Publish, direct, system, and the rate.

use crate::{Decision, Model, Notice, Output, User};
use adsum::{DirectTo, Error, Rate, SessionKey, Time};
use std::collections::BTreeSet;

/// How far the bucket may be overdrawn, in milliseconds.
fn credit(rate: Rate) -> u64 {
    u64::from(rate.burst - 1) * u64::from(rate.interval_ms)
}

impl Model {
    pub fn publish(&mut self, now: u64, key: SessionKey, presence: u32) -> Result<Output, Error> {
        self.must_be_attached(key)?;
        let now = self.clamp(now);
        self.accept_from(now, key);
        let mut out = Output::default();
        if self.is_allowed(key, now) {
            self.take_token(key, now);
            let session = self.session_mut(key);
            (session.waiting, session.token) = (None, None);
            self.publish_now(&mut out, key, presence);
        } else {
            let (free_at, order) = (self.free_at(key), self.moments);
            let session = self.session_mut(key);
            session.waiting = Some(presence);
            session.token.get_or_insert((free_at, order));
        }
        Ok(out)
    }

    /// The token that a conflated publish waited for is there.
    pub fn publish_waiting(&mut self, out: &mut Output, key: SessionKey, at: u64) {
        self.take_token(key, at);
        let session = self.session_mut(key);
        session.token = None;
        let presence = session.waiting.take().expect("a publish waits");
        self.publish_now(out, key, presence);
    }

    fn publish_now(&mut self, out: &mut Output, key: SessionKey, presence: u32) {
        let session = self.session_mut(key);
        let first = session.presence.replace(presence).is_none();
        session.version += 1;
        let to = self.attached(|receiver, _| self.reaches(key, receiver));
        self.tell_presence(out, key, first, to);
    }

    pub fn direct(
        &mut self,
        now: u64,
        key: SessionKey,
        users: &[User],
        presence: u32,
    ) -> Result<Output, Error> {
        self.must_be_attached(key)?;
        let now = self.clamp(now);
        if users.len() as u64 > u64::from(self.options.max_direct) {
            return Err(Error::DirectLimit { limit: self.options.max_direct });
        }
        let user = self.sessions[&key].user;
        for named in users {
            if self.is_online(*named) && !self.may_direct(user, *named) {
                return Err(Error::NotPermitted);
            }
        }
        let named = self.attached(|k, receiver| k != key && users.contains(&receiver.user));
        let (skipped, to) = self.part_congested(named);
        let mut told: BTreeSet<SessionKey> = self.sessions[&key].told.keys().copied().collect();
        told.extend(&to);
        if told.len() as u64 > u64::from(self.options.max_told) {
            return Err(Error::ToldLimit { limit: self.options.max_told });
        }
        self.must_have_token(key, now)?;

        self.accept_from(now, key);
        self.take_token(key, now);
        for receiver in &to {
            self.session_mut(key).told.insert(*receiver, Some(presence));
        }
        Ok(at_once(Notice::Directed { user, session: key, presence }, to, skipped))
    }

    fn may_direct(&self, user: User, to: User) -> bool {
        let contacts = self.has_in_audience(user, to) || self.has_in_audience(to, user);
        let permitted = self.options.direct_to == DirectTo::Anyone || contacts;
        user == to || permitted && !self.is_blocked(user, to)
    }

    pub fn system(&mut self, now: u64, users: &[User], presence: u32) -> Output {
        let now = self.clamp(now);
        self.accept(now);
        let named = self.attached(|_, receiver| users.contains(&receiver.user));
        let (skipped, to) = self.part_congested(named);
        at_once(Notice::System { presence }, to, skipped)
    }

    /// Those who are congested, and the others.
    fn part_congested(
        &self,
        receivers: BTreeSet<SessionKey>,
    ) -> (BTreeSet<SessionKey>, BTreeSet<SessionKey>) {
        receivers.into_iter().partition(|key| self.sessions[key].missed.is_some())
    }

    // ---- the rate: a token bucket, told as the moment up to which its tokens are spent

    fn is_allowed(&self, key: SessionKey, now: u64) -> bool {
        self.options
            .publish_rate
            .is_none_or(|rate| self.sessions[&key].tat <= now.saturating_add(credit(rate)))
    }

    fn take_token(&mut self, key: SessionKey, now: u64) {
        if let Some(rate) = self.options.publish_rate {
            let session = self.session_mut(key);
            session.tat = session.tat.max(now).saturating_add(rate.interval_ms.into());
        }
    }

    fn free_at(&self, key: SessionKey) -> u64 {
        let rate = self.options.publish_rate.expect("without a rate nothing waits");
        self.sessions[&key].tat.saturating_sub(credit(rate))
    }

    fn must_have_token(&self, key: SessionKey, now: u64) -> Result<(), Error> {
        let refused = |at: u64| Err(Error::RateLimited { retry_at: Time::from_millis(at) });
        if self.sessions[&key].waiting.is_some() {
            // The one that waits takes the next token.
            let rate = self.options.publish_rate.expect("without a rate nothing waits");
            refused(self.free_at(key).saturating_add(rate.interval_ms.into()))
        } else if self.is_allowed(key, now) {
            Ok(())
        } else {
            refused(self.free_at(key))
        }
    }
}

/// A notice that is not state: now or never.
fn at_once(notice: Notice, to: BTreeSet<SessionKey>, skipped: BTreeSet<SessionKey>) -> Output {
    let mut out = Output::default();
    crate::state::deliver(&mut out, notice.clone(), to);
    if !skipped.is_empty() {
        out.decisions.push(Decision::Skipped { notice, to: skipped });
    }
    out
}
