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

/// The most users that one system notice may name.
const SYSTEM_LIMIT: u32 = 1 << 20;

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
        let limit = self.options.max_direct;
        let mut users = users.into_iter();
        let mut names = 0;
        let counted = users.by_ref().take(limit as usize).inspect(|_| names += 1);
        self.tables.find_all(counted, |_, user| named.push(user));
        let result = if users.next().is_some() {
            Err(Error::DirectLimit { limit })
        } else {
            self.take_direct_token(session)
        };
        if result.is_ok() {
            self.direct_to(session, names, &mut named, presence);
        }
        named.clear();
        self.scratch[0] = named;
        result
    }

    /// Takes a token of the session's rate, which is charged whoever is there (rule 13).
    fn take_direct_token(&mut self, session: SessionIndex) -> Result<(), Error> {
        let Some(rate) = self.options.direct_rate else { return Ok(()) };
        let bucket = self.tables.sessions_mut().direct_bucket_mut(session);
        let free_at = bucket.free_at(rate);
        if free_at > self.moment {
            return Err(Error::RateLimited { retry_at: free_at });
        }
        bucket.take(rate, self.moment);
        Ok(())
    }

    /// Tells those of a list who are online and may be told. The others are passed over as if they
    /// were not there: nothing that the sender can observe tells which it is.
    fn direct_to(&mut self, session: SessionIndex, names: u32, named: &mut Vec<User>, presence: P) {
        let sender = self.tables.sessions().user(session);
        named.sort_unstable();
        named.dedup();
        named.retain(|user| self.tables.place(*user).is_some() && self.may_direct(sender, *user));
        let (receivers, skipped) = self.name_sessions(named, Some(session));
        self.touch(session);
        self.say(Subject::Directed { session }, presence, receivers, skipped);
        self.remember_told(session, names, receivers);
    }

    /// Remembers who is told, so that they are told of the end too. What the session said longest
    /// ago is over when it has named more than is remembered.
    fn remember_told(&mut self, session: SessionIndex, names: u32, receivers: Span) {
        let mut told = self.tables.sessions_mut().take_told_or_new(session);
        let mut reached = core::mem::take(&mut self.reached);
        let sessions = self.tables.sessions();
        let attachments = self.plan.named(receivers).iter();
        reached.extend(attachments.map(|receiver| sessions.attachment(*receiver)));
        reached.sort_unstable();
        let from = self.plan.names();
        let (user, id) = (sessions.user(session), sessions.id(session));
        let subject = Subject::DirectedOver { user, session: id };
        told.remember(names, reached.iter().copied(), self.options.max_told, |attachment| {
            let receiver = self.tables.sessions().find_attachment(attachment);
            if let Some(receiver) = receiver {
                let receives = self.tables.receives_or(receiver, |tables| {
                    self.plan.note_missed(tables, receiver, subject);
                });
                if receives {
                    self.plan.name(receiver);
                }
            }
        });
        let over = self.plan.named_since(from);
        if !over.is_empty() {
            self.plan.tell(FanOut::of(subject).to_named(over));
        }
        reached.clear();
        self.reached = reached;
        self.tables.sessions_mut().put_told(session, told);
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

    pub(crate) fn system<'q, Q>(
        &mut self,
        users: impl IntoIterator<Item = &'q Q>,
        presence: P,
    ) -> Result<(), Error>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized + 'q,
    {
        let mut named = core::mem::take(&mut self.scratch[0]);
        let mut users = users.into_iter();
        self.tables.find_all(users.by_ref().take(SYSTEM_LIMIT as usize), |_, user| {
            if self.tables.place(user).is_some() {
                lists::push_into_set(&mut named, user, self.tables.users_online());
            }
        });
        let result = if users.next().is_some() {
            Err(Error::DirectLimit { limit: SYSTEM_LIMIT })
        } else {
            named.sort_unstable();
            named.dedup();
            let (receivers, skipped) = self.name_sessions(&named, None);
            self.say(Subject::System, presence, receivers, skipped);
            Ok(())
        };
        named.clear();
        self.scratch[0] = named;
        result
    }

    fn say(&mut self, subject: Subject, presence: P, receivers: Span, skipped: Span) {
        self.plan.say(presence);
        self.stats.skipped += skipped.range().len() as u64;
        self.plan.tell(FanOut::of(subject).to_named(receivers).not_to(skipped));
    }

    /// Names the sessions of these users that can receive, and then those that are congested, of
    /// which nothing is noted: what is said here is not state, so the host is told that they are
    /// skipped, where `receives_or` would note what they miss.
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
