//! What sessions and the application say (rules 2, 3, 13 and 15).

use crate::config::DirectTo;
use crate::list;
use crate::sessions::{Link, SessionIndex, SessionRef};
use crate::state::State;
use crate::timers::Due;
use crate::users::User;
use crate::work::{About, Span, Tell};
use crate::{Error, SessionKey};
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    pub(crate) fn publish(&mut self, key: SessionKey, presence: P) -> Result<(), Error> {
        self.fetch_sender(key);
        let session = self.hear(key)?;
        if let Some(rate) = self.options.publish_rate {
            let bucket = &mut self.sessions.rest_mut(session).bucket;
            let free_at = bucket.free_at(rate);
            if free_at > self.moment {
                self.stats.conflated += 1;
                let waiting = &mut self.sessions.extras_or_new(session).conflated;
                match waiting.replace(presence) {
                    Some(replaced) => self.work.dead.push(replaced),
                    None => {
                        let order = self.sessions.get(session).heard_order;
                        self.conflations.arm(session, free_at, order);
                    }
                }
                return Ok(());
            }
            bucket.take(rate, self.moment);
            // The newest is going out now, so what waited is not sent late.
            self.conflations.disarm(session);
            let waited =
                self.sessions.extras_mut(session).and_then(|extras| extras.conflated.take());
            self.work.dead.extend(waited);
        }
        self.show(session, presence);
        Ok(())
    }

    /// A conflated publish has its token.
    pub(crate) fn conflation_over(&mut self, due: Due) {
        self.conflations.disarm(due.session);
        let extras = self.sessions.extras_mut(due.session);
        let Some(presence) = extras.and_then(|extras| extras.conflated.take()) else { return };
        if let Some(rate) = self.options.publish_rate {
            self.sessions.rest_mut(due.session).bucket.take(rate, due.at);
        }
        self.show(due.session, presence);
    }

    /// Makes a presence the session's own and tells everyone who may see it.
    fn show(&mut self, session: SessionIndex, presence: P) {
        let place = self.sessions.get(session).place;
        let replaced = self.sessions.rest_mut(session).presence.replace(presence);
        let first = replaced.is_none();
        let online = self.online.at(place);
        let (visible, alone) = (online.visible, online.sessions.len() == 1);
        if first {
            self.shown.set(self.sessions.user(session), visible);
        }
        let mut tell = Tell::new(About::Presence { session, first });
        if visible {
            tell = tell.contacts_of(place);
        }
        if self.options.own_echo && !alone {
            tell = tell.own_sessions_of(place, Some(session));
        }
        self.work.tell(tell);
        self.work.dead.extend(replaced);
    }

    pub(crate) fn direct(
        &mut self,
        key: SessionKey,
        users: impl IntoIterator<Item: Borrow<K>>,
        presence: P,
    ) -> Result<(), Error> {
        let session = self.attached(key)?;
        let mut named = core::mem::take(&mut self.scratch[0]);
        let limit = self.options.max_direct;
        let mut users = users.into_iter();
        self.find_all_online(users.by_ref().take(limit as usize), &mut named);
        let result = if users.next().is_some() {
            Err(Error::DirectLimit { limit })
        } else {
            self.direct_to(session, &named, presence)
        };
        named.clear();
        self.scratch[0] = named;
        if result.is_err() {
            self.work.listed.clear();
        }
        result
    }

    fn direct_to(
        &mut self,
        session: SessionIndex,
        named: &[User],
        presence: P,
    ) -> Result<(), Error> {
        let sender = self.sessions.user(session);
        if !named.iter().all(|user| self.may_direct(sender, *user)) {
            return Err(Error::NotPermitted);
        }
        let (listed, skipped) = self.list_sessions(named, Some(session));
        self.check_told(session, listed)?;
        if let Some(rate) = self.options.publish_rate {
            let waiting =
                self.sessions.extras(session).is_some_and(|extras| extras.conflated.is_some());
            let free_at = self.sessions.rest(session).bucket.free_at(rate);
            if waiting {
                let retry_at = free_at.saturating_add(rate.interval_ms.into());
                return Err(Error::RateLimited { retry_at });
            }
            if free_at > self.moment {
                return Err(Error::RateLimited { retry_at: free_at });
            }
            self.sessions.rest_mut(session).bucket.take(rate, self.moment);
        }
        self.remember_told(session, listed);
        self.touch(session);
        self.say(About::Directed { session }, presence, listed, skipped);
        Ok(())
    }

    fn may_direct(&self, sender: User, target: User) -> bool {
        if sender == target {
            return true;
        }
        let contacts =
            || self.has_in_audience(sender, target) || self.has_in_audience(target, sender);
        let known = match self.options.direct_to {
            DirectTo::Anyone => true,
            DirectTo::Contacts => contacts(),
        };
        known && !self.blocked_between(sender, target)
    }

    /// Would everyone who is about to be told fit in the sender's memory, if those who have ended
    /// were forgotten?
    fn check_told(&self, session: SessionIndex, listed: Span) -> Result<(), Error> {
        let limit = self.options.max_told;
        let told = self.sessions.extras(session).map_or(&[][..], |extras| &extras.told);
        if told.len() + listed.range().len() <= limit as usize {
            return Ok(());
        }
        let is_there = |receiver: &&SessionRef| self.sessions.find_ref(**receiver).is_some();
        let is_new = |receiver: &&SessionIndex| {
            told.binary_search(&self.sessions.reference(**receiver)).is_err()
        };
        let new = self.work.listed[listed.range()].iter().filter(is_new).count();
        let fits = told.iter().filter(is_there).count() + new <= limit as usize;
        if fits { Ok(()) } else { Err(Error::ToldLimit { limit }) }
    }

    /// To be called when [`check_told`](Self::check_told) has passed. Forgets those who have ended
    /// where there is need, which nobody can notice.
    fn remember_told(&mut self, session: SessionIndex, listed: Span) {
        if listed.is_empty() {
            return;
        }
        let mut told: Vec<SessionRef> =
            core::mem::take(&mut self.sessions.extras_or_new(session).told);
        if told.len() + listed.range().len() > self.options.max_told as usize {
            told.retain(|receiver| self.sessions.find_ref(*receiver).is_some());
        }
        for at in listed.range() {
            let receiver = self.sessions.reference(self.work.listed[at]);
            if let Err(place) = told.binary_search(&receiver) {
                told.insert(place, receiver);
            }
        }
        self.sessions.extras_or_new(session).told = told;
    }

    pub(crate) fn system(&mut self, users: impl IntoIterator<Item: Borrow<K>>, presence: P) {
        let mut named = core::mem::take(&mut self.scratch[0]);
        self.find_all_online(users, &mut named);
        let (listed, skipped) = self.list_sessions(&named, None);
        self.say(About::System, presence, listed, skipped);
        named.clear();
        self.scratch[0] = named;
    }

    fn say(&mut self, about: About, presence: P, listed: Span, skipped: Span) {
        self.work.saying = Some(presence);
        self.stats.skipped += skipped.range().len() as u64;
        self.work.tell(Tell { skipped, ..Tell::new(about).listed(listed) });
    }

    /// The set of those named who are online.
    fn find_all_online(&self, ids: impl IntoIterator<Item: Borrow<K>>, into: &mut Vec<User>) {
        self.users.find_all(&self.hasher, ids.into_iter(), |user| {
            if self.users.online(user).is_some() {
                list::push_into_set(into, user, self.online.len());
            }
        });
        into.sort_unstable();
        into.dedup();
    }

    /// Lists the sessions of these users that can receive, and then those that are congested.
    fn list_sessions(&mut self, users: &[User], except: Option<SessionIndex>) -> (Span, Span) {
        let mut list = |wanted| {
            let from = self.work.listed.len();
            for user in users {
                let Some(place) = self.users.online(*user) else { continue };
                for session in &self.online.at(place).sessions {
                    if self.sessions.get(*session).link == wanted && Some(*session) != except {
                        self.work.listed.push(*session);
                    }
                }
            }
            self.work.listed_from(from)
        };
        (list(Link::Attached), list(Link::Congested))
    }
}
