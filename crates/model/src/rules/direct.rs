//! What is said to named users, by a session or by the application (rules 3 and 15).

use crate::{Decision, Model, Notice, Output, User};
use adsum::{DirectTo, Error, SessionId, SessionKey};
use std::collections::BTreeSet;

impl Model {
    pub(super) fn direct(
        &mut self,
        now: u64,
        key: SessionKey,
        users: &[User],
        presence: u32,
    ) -> Result<Output, Error> {
        let id = self.find_attached(key)?;
        let now = self.clamp(now);
        if users.len() as u64 > u64::from(self.options.max_direct) {
            return Err(Error::DirectLimit { limit: self.options.max_direct });
        }
        let user = self.sessions[&id].user;
        for (at, named) in users.iter().enumerate() {
            if self.is_online(*named) && !self.may_direct(user, *named) {
                return Err(Error::NotPermitted { at });
            }
        }
        let named = self.attached(|other, receiver| other != id && users.contains(&receiver.user));
        let (skipped, to) = self.part_congested(named);
        let mut told: BTreeSet<SessionKey> = self.sessions[&id].told.keys().copied().collect();
        told.extend(self.attachments(&to));
        if told.len() as u64 > u64::from(self.options.max_told) {
            return Err(Error::ToldLimit { limit: self.options.max_told });
        }
        self.must_have_token(id, now)?;

        self.accept_from(now, id);
        self.take_token(id, now);
        for receiver in self.attachments(&to) {
            self.session_mut(id).told.insert(receiver, presence);
        }
        Ok(self.at_once(Notice::Directed { user, session: id, presence }, &to, &skipped))
    }

    fn may_direct(&self, user: User, to: User) -> bool {
        let contacts = self.has_in_audience(user, to) || self.has_in_audience(to, user);
        let permitted = self.options.direct_to == DirectTo::Anyone || contacts;
        user == to || permitted && !self.is_blocked(user, to)
    }

    pub(super) fn system(&mut self, now: u64, users: &[User], presence: u32) -> Output {
        let now = self.clamp(now);
        self.accept(now);
        let named = self.attached(|_, receiver| users.contains(&receiver.user));
        let (skipped, to) = self.part_congested(named);
        self.at_once(Notice::System { presence }, &to, &skipped)
    }

    /// Returns those who are congested, and the others.
    fn part_congested(
        &self,
        receivers: BTreeSet<SessionId>,
    ) -> (BTreeSet<SessionId>, BTreeSet<SessionId>) {
        receivers.into_iter().partition(|id| self.sessions[id].missed.is_some())
    }

    /// Tells a notice that is not state: now or never.
    fn at_once(
        &self,
        notice: Notice,
        to: &BTreeSet<SessionId>,
        skipped: &BTreeSet<SessionId>,
    ) -> Output {
        let mut out = Output::default();
        self.deliver(&mut out, notice.clone(), to);
        if !skipped.is_empty() {
            let to = self.attachments(skipped);
            out.decisions.push(Decision::Skipped { notice, to });
        }
        out
    }
}
