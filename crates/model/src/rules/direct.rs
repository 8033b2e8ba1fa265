//! What is said to named users, by a session or by the application (rules 3, 15 and 26).

use crate::state::Call;
use crate::{Decision, Model, Notice, Output, User};
use adsum::{DirectTo, Error, SessionId, SessionKey};
use std::collections::BTreeSet;

/// The most users that a system notice may name.
const SYSTEM_LIMIT: u32 = 1 << 20;

impl Model {
    pub(super) fn direct(
        &mut self,
        now: u64,
        key: SessionKey,
        users: &[User],
        presence: u32,
        for_ms: Option<u64>,
    ) -> Result<Output, Error> {
        let id = self.find_attached(key)?;
        let now = self.clamp(now);
        for_ms.map_or(Ok(()), |for_ms| self.must_not_last_longer(for_ms))?;
        if users.len() as u64 > u64::from(self.options.max_direct) {
            return Err(Error::DirectLimit { limit: self.options.max_direct });
        }
        self.take_direct_token(id, now)?;
        self.accept_from(now, id);

        let user = self.sessions[&id].user;
        let named = self.attached(|other, receiver| {
            other != id && users.contains(&receiver.user) && self.may_direct(user, receiver.user)
        });
        let (skipped, to) = self.part_congested(named);
        let notice = Notice::Directed { user, session: id, presence };
        let mut out = self.at_once(notice, &to, &skipped);
        if !users.is_empty() {
            let reached = self.attachments(&to).into_iter().map(|key| (key, presence)).collect();
            let expiry = for_ms.map(|for_ms| (now.saturating_add(for_ms), self.moments));
            self.session_mut(id).calls.push(Call { names: users.len(), reached, expiry });
            self.forget_oldest_calls(&mut out, id);
        }
        Ok(out)
    }

    fn may_direct(&self, user: User, to: User) -> bool {
        let contacts = self.has_in_audience(user, to) || self.has_in_audience(to, user);
        let permitted = self.options.direct_to == DirectTo::Anyone || contacts;
        user == to || permitted && !self.is_blocked(user, to)
    }

    /// Forgets what the session said longest ago, as far as it has named too many.
    fn forget_oldest_calls(&mut self, out: &mut Output, id: SessionId) {
        let max_told = self.options.max_told as usize;
        let session = self.session_mut(id);
        let user = session.user;
        let before = session.all_told();
        while session.calls.iter().map(|call| call.names).sum::<usize>() > max_told {
            session.calls.remove(0);
        }
        let left = session.all_told();
        let mut over = self.attached(|_, s| before.contains(&s.key) && !left.contains(&s.key));
        over.retain(|receiver| {
            self.is_told_or_notes(*receiver, |missed| missed.note_directed_over(user, id))
        });
        self.deliver(out, Notice::DirectedOver { user, session: id }, &over);
    }

    pub(super) fn system(
        &mut self,
        now: u64,
        users: &[User],
        presence: u32,
    ) -> Result<Output, Error> {
        if users.len() > SYSTEM_LIMIT as usize {
            return Err(Error::DirectLimit { limit: SYSTEM_LIMIT });
        }
        let now = self.clamp(now);
        self.accept(now);
        let named = self.attached(|_, receiver| users.contains(&receiver.user));
        let (skipped, to) = self.part_congested(named);
        Ok(self.at_once(Notice::System { presence }, &to, &skipped))
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
