//! What is said to named users, by a session or by the application (rules 3, 13, 15 and 26).

use crate::config::DirectTo;
use crate::error::Error;
use crate::fanout::Plan;
use crate::fanout::plan::FanOut;
use crate::fanout::subject::{Span, Subject};
use crate::key::SessionKey;
use crate::rules::State;
use crate::tables::Tables;
use crate::tables::expiries::{Expiring, Expiry};
use crate::tables::ids::{Attachment, SessionIndex, User};
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
        for_ms: Option<u64>,
    ) -> Result<(), Error>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized + 'q,
    {
        let session = self.attached(key)?;
        self.check_duration(for_ms.unwrap_or(0))?;
        self.with_users(|state, named| {
            let limit = state.options.max_direct;
            let mut users = users.into_iter();
            let mut names = 0;
            let counted = users.by_ref().take(limit as usize).inspect(|_| names += 1);
            state.tables.find_all(counted, |_, user| named.push(user));
            if users.next().is_some() {
                return Err(Error::DirectLimit { limit });
            }
            state.take_direct_token(session)?;
            state.renew_lease(session);
            state.direct_to(session, (names, for_ms), named, presence);
            Ok(())
        })
    }

    /// Takes a token of the session's rate, which is charged whoever is there (rule 13).
    pub(super) fn take_direct_token(&mut self, session: SessionIndex) -> Result<(), Error> {
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
    pub(super) fn direct_to(
        &mut self,
        session: SessionIndex,
        (names, for_ms): (u32, Option<u64>),
        named: &mut Vec<User>,
        presence: P,
    ) {
        let sender = self.tables.sessions().user(session);
        named.sort_unstable();
        named.dedup();
        named.retain(|user| self.tables.place(*user).is_some() && self.may_direct(sender, *user));
        let (receivers, skipped) = self.name_sessions(named, Some(session));
        self.say(Subject::Directed { session }, presence, receivers, skipped);
        self.remember_told(session, (names, for_ms), receivers);
    }

    /// Remembers who is told, so that they are told of the end too. What the session said longest
    /// ago is over when it has named more than is remembered.
    fn remember_told(
        &mut self,
        session: SessionIndex,
        (names, for_ms): (u32, Option<u64>),
        receivers: Span,
    ) {
        let mut told = self.tables.sessions_mut().take_told_or_new(session);
        let until = for_ms.filter(|_| names > 0).map(|for_ms| self.moment.saturating_add(for_ms));
        let expiry = until.map(|until| {
            let of = Expiring::Call(told.next_call());
            let expiry = self.expiries.insert(Expiry { session, of, until, then: None });
            self.arm_expiry(expiry);
            expiry
        });
        let mut reached = core::mem::take(&mut self.reached);
        let sessions = self.tables.sessions();
        let attachments = self.plan.named(receivers).iter();
        reached.extend(attachments.map(|receiver| sessions.attachment(*receiver)));
        reached.sort_unstable();
        let from = self.plan.named_len();
        let subject = self.directed_over(session);
        let Self { tables, plan, expiries, .. } = self;
        told.remember(
            (names, expiry),
            &mut reached,
            self.options.max_told,
            |attachment| name_over(tables, plan, attachment, subject),
            |expiry| _ = expiries.remove(expiry),
        );
        self.tell_over(from, subject);
        self.reached = reached;
        self.tables.sessions_mut().put_told(session, told);
    }

    /// Ends a directed presence of a session whose moment has come (rule 26).
    pub(super) fn end_call(&mut self, session: SessionIndex, number: u32) {
        let Some(mut told) = self.tables.sessions_mut().take_told(session) else { return };
        let from = self.plan.named_len();
        let subject = self.directed_over(session);
        let Self { tables, plan, reached, .. } = self;
        told.end_call(number, reached, |attachment| name_over(tables, plan, attachment, subject));
        self.tell_over(from, subject);
        self.tables.sessions_mut().put_told(session, told);
    }

    pub(super) fn directed_over(&self, session: SessionIndex) -> Subject {
        let sessions = self.tables.sessions();
        Subject::DirectedOver { user: sessions.user(session), session: sessions.id(session) }
    }

    /// Tells those named from there on that what was directed to them is over.
    fn tell_over(&mut self, from: usize, subject: Subject) {
        let over = self.plan.named_since(from);
        if !over.is_empty() {
            self.plan.tell(FanOut::of(subject).to_named(over));
        }
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
        self.with_users(|state, named| {
            let mut users = users.into_iter();
            state.tables.find_all(users.by_ref().take(SYSTEM_LIMIT as usize), |_, user| {
                if state.tables.place(user).is_some() {
                    lists::push_into_set(named, user, state.tables.users_online());
                }
            });
            if users.next().is_some() {
                return Err(Error::DirectLimit { limit: SYSTEM_LIMIT });
            }
            named.sort_unstable();
            named.dedup();
            let (receivers, skipped) = state.name_sessions(named, None);
            state.say(Subject::System, presence, receivers, skipped);
            Ok(())
        })
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
            let from = self.plan.named_len();
            for user in users {
                for session in self.tables.sessions_of(*user) {
                    let link = self.tables.sessions().link(*session);
                    if link == wanted && Some(*session) != except {
                        self.plan.name_receiver(*session);
                    }
                }
            }
            self.plan.named_since(from)
        };
        (name(Link::Attached), name(Link::Congested))
    }
}

/// Names a receiver that is told that something is over, if it is there. Of one that is congested
/// it is noted.
fn name_over<K: Eq + Hash, P, S: BuildHasher>(
    tables: &mut Tables<K, P, S>,
    plan: &mut Plan<P>,
    attachment: Attachment,
    subject: Subject,
) {
    plan.go_over(1);
    if let Some(receiver) = tables.sessions().find_attachment(attachment) {
        let note = |tables: &mut Tables<K, P, S>| plan.note_missed(tables, receiver, subject);
        if tables.receives_or(receiver, note) {
            plan.name_receiver(receiver);
        }
    }
}
