//! How sessions come, are lost and are resumed, and make way for a newcomer (rules 1, 4, 5, 12
//! and 18).

use crate::config::Grace;
use crate::connect::Connect;
use crate::error::Error;
use crate::event::LostCause;
use crate::fanout::plan::Step;
use crate::key::{DeviceKind, SessionKey};
use crate::reason::{CloseReason, EndReason};
use crate::rules::State;
use crate::tables::ids::{Place, SessionIndex, User};
use crate::tables::lists;
use crate::time::Time;
use alloc::vec::Vec;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    pub(crate) fn connect(
        &mut self,
        newcomer: Connect<K, impl IntoIterator<Item = K>, impl IntoIterator<Item = K>>,
    ) -> Result<SessionKey, Error> {
        let kind = newcomer.kind;
        let victim = match self.tables.find_online(&newcomer.user) {
            Some(user) => self.victim_for(user, kind)?,
            None => None,
        };
        if !self.tables.sessions().has_room() {
            return Err(Error::Full);
        }
        let [mut audience, mut blocked] = core::mem::take(&mut self.scratch);
        let interned = self.intern_lists(newcomer, &mut audience, &mut blocked);
        let key = interned.map(|(user, spelling)| {
            // It is spelt as its owner does, whoever listed it before.
            if let Some(spelling) = spelling.filter(|_| self.tables.place(user).is_none()) {
                self.tables.spell(user, spelling);
            }
            lists::make_set(&mut audience, user);
            lists::make_set(&mut blocked, user);
            let (place, is_first) = self.set_lists(user, &audience, &blocked);
            self.attach_new((user, place), kind, victim, is_first)
        });
        audience.clear();
        blocked.clear();
        self.scratch = [audience, blocked];
        key
    }

    fn intern_lists(
        &mut self,
        newcomer: Connect<K, impl IntoIterator<Item = K>, impl IntoIterator<Item = K>>,
        audience: &mut Vec<User>,
        blocked: &mut Vec<User>,
    ) -> Result<(User, Option<K>), Error> {
        let (max_audience, max_blocked) = (self.options.max_audience, self.options.max_blocked);
        let (user, spelling) = self.tables.intern_owner(newcomer.user)?;
        if !self.tables.intern_all(newcomer.audience, max_audience, audience)? {
            return Err(Error::AudienceLimit { limit: max_audience });
        }
        if !self.tables.intern_all(newcomer.blocked, max_blocked, blocked)? {
            return Err(Error::BlockedLimit { limit: max_blocked });
        }
        Ok((user, spelling))
    }

    /// Gives a user these lists, and returns its place among those online and whether it comes
    /// online with this.
    pub(super) fn set_lists(
        &mut self,
        user: User,
        audience: &[User],
        blocked: &[User],
    ) -> (Place, bool) {
        let Some(place) = self.tables.place(user) else {
            return (self.tables.go_online(user, audience, blocked), true);
        };
        // Users who move from the audience to the blocked list must not be forgotten in between.
        blocked.iter().for_each(|other| self.tables.retain(*other));
        self.replace_audience(user, audience);
        self.replace_blocked(user, blocked);
        blocked.iter().for_each(|other| self.tables.release(*other));
        (place, false)
    }

    fn attach_new(
        &mut self,
        (user, place): (User, Place),
        kind: DeviceKind,
        victim: Option<SessionIndex>,
        is_first: bool,
    ) -> SessionKey {
        let now = (self.moment, self.next_order());
        let session = self.tables.add_session((user, place), kind, now);
        self.start_lease(session);
        let is_news = self.note_sign(session, true) && !is_first;
        if is_first {
            self.plan.push_step(Step::Online { user, session });
        }
        if victim.is_some() || self.has_over(place) {
            // What the lists changed may still tell of those who go: that comes first. With their
            // end it is worked out who speaks for the user.
            self.plan.push_step(Step::MakeWay { victim, newcomer: session });
        } else {
            if is_news {
                self.speak_later(place, None);
            }
            self.greet(session);
        }
        self.tables.sessions().key(session)
    }

    /// Ends whoever has to go for a newcomer, who is told last, when they have gone.
    pub(super) fn make_way(&mut self, victim: Option<SessionIndex>, newcomer: SessionIndex) {
        self.end_over(self.tables.sessions().place(newcomer), Some(newcomer));
        if let Some(victim) = victim {
            self.close(victim, CloseReason::Evicted);
            self.end_for(victim, Some(newcomer), EndReason::Evicted, self.moment);
        }
        self.greet(newcomer);
    }

    fn greet(&mut self, newcomer: SessionIndex) {
        if self.options.snapshot_on_connect {
            self.plan.send_snapshot(newcomer);
        }
    }

    /// Has the connection of a session closed, if it has one.
    pub(super) fn close(&mut self, session: SessionIndex, reason: CloseReason) {
        if self.tables.sessions().link(session).is_up() {
            self.plan.close(self.tables.sessions().key(session), reason, false);
        }
    }

    pub(crate) fn disconnect(&mut self, key: SessionKey) -> Result<(), Error> {
        self.tables.fetch_sender(key);
        let session = self.session(key)?;
        self.end(session, EndReason::Disconnected, self.moment);
        Ok(())
    }

    /// Takes the loss of a connection. The grace is the cause's own if none is given.
    pub(crate) fn lost(
        &mut self,
        key: SessionKey,
        cause: LostCause,
        grace_ms: Option<u64>,
    ) -> Result<(), Error> {
        let session = self.session(key)?;
        let grace_ms = grace_ms.unwrap_or_else(|| self.options.grace.after(cause));
        if grace_ms > Grace::LIMIT_MS {
            return Err(Error::GraceLimit { limit_ms: Grace::LIMIT_MS });
        }
        if self.tables.sessions().link(session).is_up() {
            self.detach_or_end(session, self.moment, cause, grace_ms);
        }
        Ok(())
    }

    pub(super) fn detach_or_end(
        &mut self,
        session: SessionIndex,
        at: Time,
        cause: LostCause,
        grace_ms: u64,
    ) {
        if grace_ms == 0 {
            self.end(session, EndReason::Lost(cause), at);
            return;
        }
        self.tables.detach(session, at, cause);
        self.speak_later(self.tables.sessions().place(session), None);
        let order = self.next_order();
        self.lifetimes.arm(session, at.saturating_add(grace_ms), order);
    }

    /// Begins a new attachment, whose key it returns.
    pub(crate) fn resume(&mut self, key: SessionKey) -> Result<SessionKey, Error> {
        let session = self.session(key)?;
        let had_connection = self.tables.sessions().link(session).is_up();
        if !had_connection {
            // The grace may be over though `advance` has not been called yet.
            let over = self.lifetimes.deadline(session).is_some_and(|over| self.moment > over);
            if over {
                return Err(Error::UnknownSession);
            }
        }
        self.tables.attach(session).ok_or(Error::Full)?;
        if had_connection {
            self.plan.close(key, CloseReason::Replaced, false);
        }
        self.renew_lease(session);
        self.start_lease(session);
        if !had_connection {
            self.speak_later(self.tables.sessions().place(session), None);
        }
        self.plan.send_snapshot(session);
        self.catch_up_on_topics(session, true);
        Ok(self.tables.sessions().key(session))
    }
}
