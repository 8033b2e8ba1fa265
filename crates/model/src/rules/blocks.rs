//! Users who want nothing of each other (rule 9).

use crate::{Model, Notice, Output, User};
use adsum::Error;
use std::collections::BTreeSet;

impl Model {
    pub(super) fn block(&mut self, now: u64, user: User, other: User) -> Result<Output, Error> {
        if let Some(account) = self.accounts.get(&user)
            && user != other
            && !account.blocked.contains(&other)
        {
            self.must_fit_blocked(account.blocked.len() + 1)?;
        }
        self.accept(self.clamp(now));
        let mut out = Output::default();
        if self.is_online(user) && user != other {
            self.set_blocked(&mut out, user, other);
        }
        Ok(out)
    }

    fn set_blocked(&mut self, out: &mut Output, user: User, other: User) {
        let was_blocked = self.is_blocked(user, other);
        // Whoever is blocked already, by either, holds nothing; so only the first block tells.
        let pairs = [(user, other), (other, user)];
        let endings =
            pairs.map(|(user, viewer)| self.holders_among(user, &BTreeSet::from([viewer])));
        self.account_mut(user).blocked.insert(other);
        for ((user, viewer), holders) in pairs.into_iter().zip(endings) {
            self.forget_told(user, &self.sessions_of(viewer).into_iter().collect());
            self.tell_ending(out, Notice::UserOffline { user }, &holders);
        }
        if !was_blocked {
            self.part_in_topics(out, user, other);
        }
    }

    pub(super) fn unblock(&mut self, now: u64, user: User, other: User) -> Result<Output, Error> {
        self.accept(self.clamp(now));
        let mut out = Output::default();
        if self.is_online(user) {
            self.set_unblocked(&mut out, user, other);
        }
        Ok(out)
    }

    fn set_unblocked(&mut self, out: &mut Output, user: User, other: User) {
        let was_there = self.account_mut(user).blocked.remove(&other);
        if was_there && !self.is_blocked(user, other) {
            for (user, viewer) in [(user, other), (other, user)] {
                let mut others = self.onlookers(user);
                others.retain(|receiver| self.sessions[receiver].user != viewer);
                self.show(out, user, &others);
            }
            self.meet_in_topics(out, user, other);
        }
    }

    /// Makes these the users whom a user has blocked.
    pub(super) fn set_all_blocked(
        &mut self,
        out: &mut Output,
        user: User,
        blocked: &BTreeSet<User>,
    ) {
        let before = self.accounts[&user].blocked.clone();
        let start = out.decisions.len();
        for other in before.difference(blocked) {
            self.set_unblocked(out, user, *other);
        }
        out.unordered_since(start);
        let start = out.decisions.len();
        for other in blocked.difference(&before) {
            self.set_blocked(out, user, *other);
        }
        out.unordered_since(start);
    }
}
