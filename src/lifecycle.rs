//! How sessions come, are lost, come back and end (rules 1, 4 to 7, 11 and 12).

use crate::config::{OfflineNotices, OverLimit};
use crate::list;
use crate::sessions::{Link, SessionIndex};
use crate::state::State;
use crate::timers::Due;
use crate::users::User;
use crate::work::{About, SnapshotOf, Span, Step, Tell};
use crate::{CloseReason, DeviceKind, Error, LostCause, SessionKey, Time};
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    pub(crate) fn connect(
        &mut self,
        user: K,
        kind: DeviceKind,
        audience: impl IntoIterator<Item = K>,
        blocked: impl IntoIterator<Item = K>,
    ) -> Result<SessionKey, Error> {
        let victim = match self.find_online(&user) {
            Some(user) => self.room_for(user, kind)?,
            None => None,
        };
        if !self.sessions.has_room() {
            return Err(Error::Full);
        }
        let [mut audience_list, mut blocked_list] = core::mem::take(&mut self.scratch);
        let interned =
            self.intern_lists(user, (audience, &mut audience_list), (blocked, &mut blocked_list));
        let key = interned.map(|user| {
            list::make_set(&mut audience_list, user);
            list::make_set(&mut blocked_list, user);
            let place = if let Some(place) = self.users.online(user) {
                // Who leaves the audience to be blocked must not be forgotten in between.
                blocked_list.iter().for_each(|other| self.users.retain(*other));
                self.replace_audience(user, &audience_list);
                self.replace_blocked(user, &blocked_list);
                blocked_list.iter().for_each(|other| self.release(*other));
                place
            } else {
                self.go_online(user, &audience_list, &blocked_list)
            };
            self.attach_new((user, place), kind, victim)
        });
        audience_list.clear();
        blocked_list.clear();
        self.scratch = [audience_list, blocked_list];
        key
    }

    fn intern_lists(
        &mut self,
        user: K,
        (audience, audience_list): (impl IntoIterator<Item = K>, &mut Vec<User>),
        (blocked, blocked_list): (impl IntoIterator<Item = K>, &mut Vec<User>),
    ) -> Result<User, Error> {
        let (max_audience, max_blocked) = (self.options.max_audience, self.options.max_blocked);
        let user = self.intern(user)?;
        self.intern_all(audience, max_audience, audience_list)?
            .ok_or(Error::AudienceLimit { limit: max_audience })?;
        self.intern_all(blocked, max_blocked, blocked_list)?
            .ok_or(Error::BlockedLimit { limit: max_blocked })?;
        Ok(user)
    }

    /// Who has to go for another session of this kind (rule 12). A detached session never stands
    /// in a newcomer's way.
    fn room_for(&self, user: User, kind: DeviceKind) -> Result<Option<SessionIndex>, Error> {
        let sessions = self.sessions_of(user);
        let of_kind = |session: &&SessionIndex| self.sessions.get(**session).kind == kind;
        let count_of_kind = sessions.iter().filter(of_kind).count();
        if count_of_kind >= usize::from(self.options.max_sessions_per_kind) {
            self.victim_among(sessions.iter().filter(of_kind)).map(Some)
        } else if sessions.len() >= usize::from(self.options.max_sessions) {
            self.victim_among(sessions.iter()).map(Some)
        } else {
            Ok(None)
        }
    }

    fn victim_among<'a>(
        &self,
        mut candidates: impl Iterator<Item = &'a SessionIndex> + Clone,
    ) -> Result<SessionIndex, Error> {
        let detached =
            |session: &&SessionIndex| self.sessions.get(**session).link == Link::Detached;
        if let Some(session) = candidates.clone().find(detached) {
            return Ok(*session);
        }
        let oldest = candidates.next().ok_or(Error::SessionLimit)?;
        match self.options.over_limit {
            OverLimit::EvictOldest { min_age_ms }
                if self.moment.since(self.sessions.rest(*oldest).connected) >= min_age_ms =>
            {
                Ok(*oldest)
            }
            OverLimit::EvictOldest { .. } | OverLimit::Refuse => Err(Error::SessionLimit),
        }
    }

    fn attach_new(
        &mut self,
        (user, place): (User, u32),
        kind: DeviceKind,
        victim: Option<SessionIndex>,
    ) -> SessionKey {
        let (now, order) = (self.moment, self.next_order());
        let near = self.free_near_slot(user);
        let session = self.sessions.insert((user, place), near, kind, now, order);
        self.online.at_mut(place).sessions.push(session);
        self.update_reach(user);
        self.start_lease(session);
        match victim {
            // What the lists changed may still tell of the victim: that comes first.
            Some(victim) => self.work.then(Step::Evict { victim, newcomer: session }),
            None if self.options.snapshot_on_connect => self.send_snapshot(session),
            None => {}
        }
        self.sessions.key(session)
    }

    /// The newcomer is told last, when the victim has gone.
    pub(crate) fn evict(&mut self, victim: SessionIndex, newcomer: SessionIndex) {
        self.work.close(self.sessions.key(victim), CloseReason::Evicted, false);
        self.end(victim, Some(newcomer));
        if self.options.snapshot_on_connect {
            self.send_snapshot(newcomer);
        }
    }

    fn start_lease(&mut self, session: SessionIndex) {
        let heard = self.sessions.get(session);
        match self.options.lease {
            Some(lease) => {
                let lapses = heard.heard.saturating_add(lease.lease_ms);
                self.lifetimes.arm(session, lapses, heard.heard_order);
            }
            None => self.lifetimes.disarm(session),
        }
    }

    fn send_snapshot(&mut self, to: SessionIndex) {
        let snapshot = SnapshotOf { to, done: 0, done_sessions: 0, is_first: true };
        self.work.then(Step::Snapshot(snapshot));
    }

    pub(crate) fn disconnect(&mut self, key: SessionKey) -> Result<(), Error> {
        self.fetch_sender(key);
        let session = self.session(key)?;
        self.end(session, None);
        Ok(())
    }

    pub(crate) fn lost(&mut self, key: SessionKey, cause: LostCause) -> Result<(), Error> {
        let session = self.session(key)?;
        if self.sessions.get(session).link != Link::Detached {
            let grace = self.options.grace;
            let grace_ms = match cause {
                LostCause::ConnectionError => grace.connection_error_ms,
                LostCause::Timeout => grace.timeout_ms,
                LostCause::NodeLoss => grace.node_loss_ms,
            };
            self.detach_or_end(session, self.moment, grace_ms);
        }
        Ok(())
    }

    fn detach_or_end(&mut self, session: SessionIndex, at: Time, grace_ms: u64) {
        if grace_ms == 0 {
            self.end(session, None);
            return;
        }
        self.set_link(session, Link::Detached);
        let order = self.next_order();
        self.lifetimes.arm(session, at.saturating_add(grace_ms), order);
    }

    /// What was missed is forgotten: whoever attaches again is sent a snapshot.
    fn set_link(&mut self, session: SessionIndex, link: Link) {
        self.sessions.get_mut(session).link = link;
        let user = self.sessions.user(session);
        self.clear_missed(session);
        self.update_reach(user);
    }

    pub(crate) fn resume(&mut self, key: SessionKey) -> Result<(), Error> {
        let session = self.session(key)?;
        if self.sessions.get(session).link == Link::Detached {
            // The grace may be over though `advance` has not been called yet.
            let over = self.lifetimes.deadline(session).is_some_and(|over| self.moment > over);
            if over {
                return Err(Error::UnknownSession);
            }
        }
        self.set_link(session, Link::Attached);
        self.touch(session);
        self.start_lease(session);
        self.send_snapshot(session);
        Ok(())
    }

    /// The first lease or grace that is over by then, if there is one. Leases are not touched when
    /// something is heard of their session; they move when their moment comes.
    pub(crate) fn first_lifetime_over(&mut self, until: Time) -> Option<Due> {
        let lease_ms = self.options.lease.map_or(0, |lease| lease.lease_ms);
        let sessions = &self.sessions;
        self.lifetimes.first_due(until, |session| {
            let record = sessions.get(session);
            let lapses = || (record.heard.saturating_add(lease_ms), record.heard_order);
            (record.link != Link::Detached).then(lapses)
        })
    }

    pub(crate) fn lifetime_over(&mut self, due: Due) {
        let session = due.session;
        let key = self.sessions.key(session);
        if self.sessions.get(session).link == Link::Detached {
            self.work.close(key, CloseReason::GraceOver, false);
            self.end(session, None);
        } else {
            let grace_ms = self.options.grace.timeout_ms;
            self.work.close(key, CloseReason::LeaseLapsed, grace_ms > 0);
            self.detach_or_end(session, due.at, grace_ms);
        }
    }

    /// Ends a session and tells those who were told of it (rules 6 and 7), but not `newcomer`,
    /// for whom it makes way: that one has not been told of anything yet.
    pub(crate) fn end(&mut self, session: SessionIndex, newcomer: Option<SessionIndex>) {
        let user = self.sessions.user(session);
        let last = self.sessions_of(user).len() == 1;
        let published = self.has_published(session);
        let visible = self.online(user).is_some_and(|online| online.visible);
        if self.options.offline_notices != OfflineNotices::Never {
            let to_all = last && self.options.offline_notices == OfflineNotices::ToAllContacts;
            let contacts = visible && (published || to_all);
            let own = self.options.own_echo && published && !last;
            let key = self.sessions.key(session);
            let about = if last {
                let from = self.work.gone.len();
                if published && visible {
                    self.work.gone.push(key);
                }
                About::Offline { user, gone: self.work.gone_from(from) }
            } else {
                About::Ended { user, session: key }
            };
            let from = self.work.listed.len();
            self.list_told(session, about, contacts, own);
            let mut tell = Tell::new(about).listed(self.work.listed_from(from));
            let place = self.sessions.get(session).place;
            if contacts {
                tell = tell.contacts_of(place);
            }
            if own {
                tell = tell.own_sessions_of(place, newcomer);
            }
            self.work.tell(tell);
        }
        self.remove(session);
        if last {
            self.work.then(Step::GoOffline { user });
        }
    }

    /// Lists those whom the session's directed presence reached and who are not told anyway, as
    /// contacts or as own sessions.
    pub(crate) fn list_told(
        &mut self,
        session: SessionIndex,
        about: About,
        contacts: bool,
        own: bool,
    ) {
        let user = self.sessions.user(session);
        let key = self.sessions.key(session);
        let Some(extras) = self.sessions.extras_mut(session) else { return };
        let told = core::mem::take(&mut extras.told);
        for receiver in &told {
            let Some(receiver) = self.sessions.find_ref(*receiver) else { continue };
            let viewer = self.sessions.user(receiver);
            let told_anyway = if viewer == user {
                own
            } else {
                // Nobody who was told is blocked: a block makes both forget.
                contacts && self.has_in_audience(user, viewer)
            };
            match self.sessions.get(receiver).link {
                Link::Detached => {}
                Link::Congested => {
                    let offline = matches!(about, About::Offline { .. });
                    self.note_told_ended(receiver, user, key, offline);
                }
                Link::Attached if told_anyway => {}
                Link::Attached => self.work.listed.push(receiver),
            }
        }
        self.sessions.extras_or_new(session).told = told;
    }

    /// Takes a session out of everything. What it said is dropped here and now.
    pub(crate) fn remove(&mut self, session: SessionIndex) {
        self.clear_missed(session);
        self.lifetimes.disarm(session);
        self.conflations.disarm(session);
        let user = self.sessions.user(session);
        if let Some(online) = self.online_mut(user) {
            online.sessions.retain(|other| *other != session);
        }
        let said = self.sessions.remove(session);
        self.work.dead.extend(said.into_iter().flatten());
        self.update_reach(user);
        self.update_shown(user);
    }

    /// Ends all of a user's sessions at once, so that contacts hear of it once (rule 15).
    pub(crate) fn expel(&mut self, id: &K) {
        let Some(user) = self.find_online(id) else { return };
        let Some(place) = self.users.online(user) else { return };
        let sessions = self.online.at(place).sessions.len();
        for at in 0..sessions {
            let key = self.sessions.key(self.sessions_of(user)[at]);
            self.work.close(key, CloseReason::Expelled, false);
        }
        if self.options.offline_notices != OfflineNotices::Never {
            let visible = self.online(user).is_some_and(|online| online.visible);
            let to_all = self.options.offline_notices == OfflineNotices::ToAllContacts;
            let contacts = visible && (to_all || self.any_published(user));
            let gone = if visible { self.list_published(user) } else { Span::default() };
            let about = About::Offline { user, gone };
            let from = self.work.listed.len();
            for at in 0..sessions {
                // Own sessions are ending too: they are as good as told.
                self.list_told(self.sessions_of(user)[at], about, contacts, true);
            }
            self.work.make_listed_set(from);
            let mut tell = Tell::new(about).listed(self.work.listed_from(from));
            if contacts {
                tell = tell.contacts_of(place);
            }
            self.work.tell(tell);
        }
        while let Some(session) = self.sessions_of(user).first() {
            self.remove(*session);
        }
        self.work.then(Step::GoOffline { user });
    }

    /// Lists those sessions of a user that have published.
    pub(crate) fn list_published(&mut self, user: User) -> Span {
        let from = self.work.gone.len();
        for at in 0..self.sessions_of(user).len() {
            let session = self.sessions_of(user)[at];
            if self.has_published(session) {
                self.work.gone.push(self.sessions.key(session));
            }
        }
        self.work.gone_from(from)
    }
}
