//! Presences that end by themselves or are taken back, and directed ones that do (rules 25 to 27).

use crate::state::Expiry;
use crate::{Model, Notice, Output};
use adsum::{Error, SessionId, SessionKey, Time};

impl Model {
    pub(super) fn publish_until(
        &mut self,
        now: u64,
        key: SessionKey,
        presence: u32,
        until: Time,
        then: Option<u32>,
    ) -> Result<Output, Error> {
        self.find_attached(key)?;
        let (moment, until) = (self.clamp(now), until.as_millis());
        if until <= moment {
            return match then {
                Some(then) => self.publish(now, key, then, None),
                None => self.withdraw(now, key),
            };
        }
        self.must_not_last_longer(until - moment)?;
        self.publish(now, key, presence, Some((until, then)))
    }

    pub(super) fn must_not_last_longer(&self, millis: u64) -> Result<(), Error> {
        let limit_ms = self.options.max_expiry_ms;
        if millis > limit_ms { Err(Error::ExpiryLimit { limit_ms }) } else { Ok(()) }
    }

    pub(super) fn withdraw(&mut self, now: u64, key: SessionKey) -> Result<Output, Error> {
        let id = self.find_attached(key)?;
        self.accept_from(self.clamp(now), id);
        let mut out = Output::default();
        let session = self.session_mut(id);
        (session.waiting, session.waiting_end, session.token) = (None, None, None);
        self.take_back(&mut out, id);
        Ok(out)
    }

    /// The session shows nothing any more.
    pub(super) fn take_back(&mut self, out: &mut Output, id: SessionId) {
        self.fall_silent(out, id);
        let session = self.showing_mut(id);
        session.expiry = None;
        if session.presence.take().is_none() {
            return;
        }
        session.version += 1;
        let user = session.user;
        let mut to = self.attached(|receiver, _| self.reaches(id, receiver));
        to.retain(|receiver| {
            let by_watch = self.only_watches(*receiver, user);
            self.is_told_or_notes(*receiver, |missed| missed.note_withdrawn(user, id, by_watch))
        });
        self.deliver(out, Notice::Withdrawn { user, session: id }, &to);
    }

    /// What a session shows has come to its end.
    pub(super) fn expire(&mut self, out: &mut Output, id: SessionId) {
        let Some(Expiry { then, .. }) = self.showing_mut(id).expiry.take() else { return };
        match then {
            Some(then) => self.show_presence(out, id, then),
            None => self.take_back(out, id),
        }
    }

    /// The directed presences of a session that end now are over, for those who were not told
    /// anything by it since.
    pub(super) fn end_call(&mut self, out: &mut Output, id: SessionId, order: u64) {
        let session = self.showing_mut(id);
        let user = session.user;
        let ends = |timer: Option<(u64, u64)>| timer.is_some_and(|(_, of)| of == order);
        let last_of = session.last_calls();
        let at = session.calls.iter().position(|call| ends(call.expiry)).expect("it is there");
        let of_it: Vec<_> = last_of.into_iter().filter(|(_, last)| *last == at).collect();
        session.calls.remove(at);
        for (receiver, _) in &of_it {
            // What it replaced is over too.
            session.forget_told(*receiver);
        }
        let mut over =
            self.attached(|_, receiver| of_it.iter().any(|(key, _)| *key == receiver.key));
        over.retain(|receiver| {
            self.is_told_or_notes(*receiver, |missed| missed.note_directed_over(user, id))
        });
        self.deliver(out, Notice::DirectedOver { user, session: id }, &over);
    }
}
