//! What is said to named users, by a session or by the application (rules 3 and 15).

use crate::config::DirectTo;
use crate::error::Error;
use crate::fanout::plan::FanOut;
use crate::fanout::subject::{Span, Subject};
use crate::key::SessionKey;
use crate::rules::State;
use crate::tables::ids::{SessionIndex, User};
use crate::tables::lists;
use crate::tables::sessions::Link;
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    pub(crate) fn direct<'q, Q>(
        &mut self,
        key: SessionKey,
        users: impl IntoIterator<Item = &'q Q>,
        presence: P,
    ) -> Result<(), Error>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized + 'q,
    {
        let session = self.attached(key)?;
        let mut named = core::mem::take(&mut self.scratch[0]);
        let result = self
            .find_permitted(session, users, &mut named)
            .and_then(|()| self.direct_to(session, &named, presence));
        named.clear();
        self.scratch[0] = named;
        if result.is_err() {
            self.plan.clear();
        }
        result
    }

    /// Makes a set of those named who are online, all of whom the session may direct to.
    fn find_permitted<'q, Q>(
        &self,
        session: SessionIndex,
        users: impl IntoIterator<Item = &'q Q>,
        into: &mut Vec<User>,
    ) -> Result<(), Error>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized + 'q,
    {
        let sender = self.tables.sessions().user(session);
        let limit = self.options.max_direct;
        let mut users = users.into_iter();
        let mut refused = None;
        self.tables.find_all(users.by_ref().take(limit as usize), |at, user| {
            if self.tables.place(user).is_some() {
                if refused.is_none() && !self.may_direct(sender, user) {
                    refused = Some(at);
                }
                into.push(user);
            }
        });
        if users.next().is_some() {
            return Err(Error::DirectLimit { limit });
        }
        if let Some(at) = refused {
            return Err(Error::NotPermitted { at });
        }
        into.sort_unstable();
        into.dedup();
        Ok(())
    }

    fn direct_to(
        &mut self,
        session: SessionIndex,
        named: &[User],
        presence: P,
    ) -> Result<(), Error> {
        let (receivers, skipped) = self.name_sessions(named, Some(session));
        self.check_told(session, receivers)?;
        if let Some(rate) = self.options.publish_rate {
            let sessions = self.tables.sessions_mut();
            let free_at = sessions.bucket(session).free_at(rate);
            if sessions.has_waiting(session) {
                let retry_at = free_at.saturating_add(rate.interval_ms.into());
                return Err(Error::RateLimited { retry_at });
            }
            if free_at > self.moment {
                return Err(Error::RateLimited { retry_at: free_at });
            }
            sessions.bucket_mut(session).take(rate, self.moment);
        }
        self.remember_told(session, receivers);
        self.touch(session);
        self.say(Subject::Directed { session }, presence, receivers, skipped);
        Ok(())
    }

    fn may_direct(&self, sender: User, target: User) -> bool {
        if sender == target {
            return true;
        }
        let tables = &self.tables;
        let permitted = match self.options.direct_to {
            DirectTo::Anyone => true,
            DirectTo::Contacts => {
                tables.has_in_audience(sender, target) || tables.has_in_audience(target, sender)
            }
        };
        permitted && !tables.blocked_between(sender, target)
    }

    /// Checks that everyone who is about to be told fits in the sender's memory, if those who have
    /// ended are forgotten.
    fn check_told(&self, session: SessionIndex, receivers: Span) -> Result<(), Error> {
        let limit = self.options.max_told;
        let sessions = self.tables.sessions();
        let told = sessions.told(session);
        if told.len() + receivers.range().len() <= limit as usize {
            return Ok(());
        }
        let there = told.iter().filter(|told| sessions.find_attachment(**told).is_some()).count();
        let is_new = |receiver: &&SessionIndex| {
            told.binary_search(&sessions.attachment(**receiver)).is_err()
        };
        let new = self.plan.named(receivers).iter().filter(is_new).count();
        if there + new <= limit as usize { Ok(()) } else { Err(Error::ToldLimit { limit }) }
    }

    /// Remembers who is told, when [`check_told`](Self::check_told) has passed. Forgets those who
    /// have ended where there is need, which nobody can notice.
    fn remember_told(&mut self, session: SessionIndex, receivers: Span) {
        if receivers.is_empty() {
            return;
        }
        let mut told = self.tables.sessions_mut().take_told_or_new(session);
        let sessions = self.tables.sessions();
        if told.len() + receivers.range().len() > self.options.max_told as usize {
            told.retain(|receiver| sessions.find_attachment(*receiver).is_some());
        }
        for receiver in self.plan.named(receivers) {
            let receiver = sessions.attachment(*receiver);
            if let Err(place) = told.binary_search(&receiver) {
                told.insert(place, receiver);
            }
        }
        self.tables.sessions_mut().put_told(session, told);
    }

    pub(crate) fn system<'q, Q>(&mut self, users: impl IntoIterator<Item = &'q Q>, presence: P)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized + 'q,
    {
        let mut named = core::mem::take(&mut self.scratch[0]);
        self.tables.find_all(users, |_, user| {
            if self.tables.place(user).is_some() {
                lists::push_into_set(&mut named, user, self.tables.users_online());
            }
        });
        named.sort_unstable();
        named.dedup();
        let (receivers, skipped) = self.name_sessions(&named, None);
        self.say(Subject::System, presence, receivers, skipped);
        named.clear();
        self.scratch[0] = named;
    }

    fn say(&mut self, subject: Subject, presence: P, receivers: Span, skipped: Span) {
        self.plan.say(presence);
        self.stats.skipped += skipped.range().len() as u64;
        self.plan.tell(FanOut::of(subject).to_named(receivers).not_to(skipped));
    }

    /// Names the sessions of these users that can receive, and then those that are congested.
    fn name_sessions(&mut self, users: &[User], except: Option<SessionIndex>) -> (Span, Span) {
        let mut name = |wanted| {
            let from = self.plan.names();
            for user in users {
                for session in self.tables.sessions_of(*user) {
                    let link = self.tables.sessions().link(*session);
                    if link == wanted && Some(*session) != except {
                        self.plan.name(*session);
                    }
                }
            }
            self.plan.named_since(from)
        };
        (name(Link::Attached), name(Link::Congested))
    }
}
