//! How sessions end, and who is told that somebody is gone (rules 6, 7 and 15).
//!
//! One ending, written once: a session that ends, a user whose last one does or who is expelled,
//! and a user who goes invisible say the same farewell to different receivers.

use crate::config::OfflineNotices;
use crate::fanout::plan::{Ended, FanOut, Step};
use crate::fanout::subject::Subject;
use crate::reason::{CloseReason, EndReason};
use crate::rules::State;
use crate::tables::ids::{SessionIndex, User};
use crate::tables::missed::Note;
use crate::time::Time;
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};

/// The sessions that a farewell is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Going {
    /// One of a user's sessions, others stay. The newcomer for whom it makes way has not been told
    /// of anything yet.
    Session { session: SessionIndex, newcomer: Option<SessionIndex> },
    /// A session, for the user's own others alone: what it showed is held for everybody else.
    ForOwn { session: SessionIndex, newcomer: Option<SessionIndex> },
    /// What a session that ended showed, for all but the user's own others, who know.
    Held(SessionIndex),
    /// All sessions of a user.
    User(User),
    /// A user out of sight: its sessions stay.
    OutOfSight(User),
}

impl Going {
    /// Returns the session, if only one is going.
    const fn session(self) -> Option<SessionIndex> {
        match self {
            Self::Session { session, .. } | Self::ForOwn { session, .. } | Self::Held(session) => {
                Some(session)
            }
            Self::User(_) | Self::OutOfSight(_) => None,
        }
    }
}

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    /// Ends a session.
    pub(super) fn end(&mut self, session: SessionIndex, reason: EndReason, at: Time) {
        self.end_for(session, None, reason, at);
    }

    /// Ends a session, perhaps to make way for a newcomer of the same user.
    pub(super) fn end_for(
        &mut self,
        session: SessionIndex,
        newcomer: Option<SessionIndex>,
        reason: EndReason,
        at: Time,
    ) {
        let user = self.tables.sessions().user(session);
        let place = self.tables.sessions().place(session);
        if self.tables.sessions_at(place).len() == 1 {
            self.say_farewell(Going::User(user));
            let ended = self.remove(session, reason, at);
            return self.tell_ended(ended);
        }
        let ended = match self.holds_until(session, at) {
            Some(until) => {
                self.say_farewell(Going::ForOwn { session, newcomer });
                self.hold(session, reason, at, until)
            }
            None => {
                self.say_farewell(Going::Session { session, newcomer });
                self.leave_unaware(user, Some(session));
                self.remove(session, reason, at)
            }
        };
        self.let_go_of_held(user, |earlier, sessions| earlier >= sessions);
        self.tell_ended(ended);
    }

    /// Ends all of a user's sessions at once, so that contacts hear of it once (rule 15).
    pub(crate) fn expel<Q>(&mut self, id: &Q)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let Some(user) = self.tables.find_online(id) else { return };
        for at in 0..self.tables.sessions_of(user).len() {
            self.close(self.tables.sessions_of(user)[at], CloseReason::Expelled);
        }
        self.say_farewell(Going::User(user));
        while let Some(session) = self.tables.sessions_of(user).first().copied() {
            let ended = self.remove(session, EndReason::Expelled, self.moment);
            self.tell_ended(ended);
        }
    }

    /// Takes a session out of everything. What it said is dropped here and now.
    fn remove(&mut self, session: SessionIndex, reason: EndReason, at: Time) -> Ended {
        let ended = self.ended(session, reason, at);
        if ended.last {
            // Whoever goes last takes with it what was held of others: all have been told.
            while let Some(held) = self.tables.held_of(ended.user).first().copied() {
                self.drop_held(held.session);
            }
        }
        self.lifetimes.disarm(session);
        self.tokens.disarm(session);
        self.forget_expiries(session);
        let said = self.tables.remove_session(session);
        said.into_iter().for_each(|said| self.plan.drop_later(said));
        ended
    }

    /// Lets the host know of an end, when all notices about it are out.
    fn tell_ended(&mut self, ended: Ended) {
        self.plan.then(Step::Ended(ended));
        if ended.last {
            self.plan.then(Step::Forget { user: ended.user });
        }
    }

    fn ended(&self, session: SessionIndex, reason: EndReason, at: Time) -> Ended {
        let sessions = self.tables.sessions();
        let (visible, count, _) = self.tables.showing_state_at(sessions.place(session));
        Ended {
            user: sessions.user(session),
            session: sessions.key(session),
            id: sessions.id(session),
            reason,
            since: sessions.loss(session).map_or(at, |(lost_at, _)| lost_at),
            last: count == 1,
            visible,
        }
    }

    // ---- what is held while a later session settles

    /// Returns until when what a session showed is held after its end: there is a session that
    /// connected later, is attached and shows nothing yet, and has not been there for too long.
    fn holds_until(&self, session: SessionIndex, at: Time) -> Option<Time> {
        let sessions = self.tables.sessions();
        // Whether anybody heard what it directed must make no difference to whoever sees the user.
        let directed = sessions.told(session).is_some_and(|told| told.names() > 0);
        if self.options.settle_ms == 0 || !(sessions.has_published(session) || directed) {
            return None;
        }
        let all = self.tables.sessions_of(sessions.user(session));
        let later = all.iter().rev().take_while(|other| **other != session);
        let settles = |other: &&SessionIndex| {
            sessions.link(**other).is_up() && !sessions.has_published(**other)
        };
        let newcomer = later.filter(settles).copied().next()?;
        let until = sessions.connected(newcomer).saturating_add(self.options.settle_ms);
        (until > at).then_some(until)
    }

    /// Ends a session whose presence is held for others.
    fn hold(&mut self, session: SessionIndex, reason: EndReason, at: Time, until: Time) -> Ended {
        let ended = self.ended(session, reason, at);
        self.drop_waiting(session);
        self.tables.hold_session(session);
        let order = self.next_order();
        self.lifetimes.arm(session, until, order);
        let held = self.tables.held_of(ended.user);
        if held.len() > usize::from(self.options.max_sessions) {
            self.end_held(held[0].session);
        }
        ended
    }

    /// Ends what is held of a user's sessions as far as `is_over` says so of the number of
    /// sessions that connected before and of those there are.
    pub(super) fn let_go_of_held(&mut self, user: User, is_over: impl Fn(usize, usize) -> bool) {
        let mut at = 0;
        while let Some(held) = self.tables.held_of(user).get(at).copied() {
            if is_over(held.earlier.into(), self.tables.sessions_of(user).len()) {
                self.end_held(held.session);
            } else {
                at += 1;
            }
        }
    }

    /// Tells that what was held of a session is over.
    pub(super) fn end_held(&mut self, session: SessionIndex) {
        self.say_farewell(Going::Held(session));
        self.leave_unaware(self.tables.sessions().user(session), Some(session));
        self.drop_held(session);
    }

    fn drop_held(&mut self, session: SessionIndex) {
        self.lifetimes.disarm(session);
        self.forget_expiries(session);
        let said = self.tables.release_held(session);
        said.into_iter().for_each(|said| self.plan.drop_later(said));
    }

    // ---- who is told

    /// Tells those who were told of whoever is going, while it is still there.
    pub(super) fn say_farewell(&mut self, going: Going) {
        if self.options.offline_notices == OfflineNotices::Never {
            return;
        }
        let user = match going {
            Going::User(user) | Going::OutOfSight(user) => user,
            Going::Session { session, .. }
            | Going::ForOwn { session, .. }
            | Going::Held(session) => self.tables.sessions().user(session),
        };
        let Some(place) = self.tables.place(user) else { return };
        let count = going.session().map_or_else(|| self.tables.showing_len_at(place), |_| 1);
        let visible = self.tables.is_visible_at(place);
        let (subject, published) = match going.session() {
            Some(session) => {
                let id = self.tables.sessions().id(session);
                let published = self.tables.sessions().has_published(session);
                (Subject::Ended { user, session: id }, published)
            }
            None => self.offline(user, visible),
        };
        let is_whole = going.session().is_none();
        let to_all = is_whole && self.options.offline_notices == OfflineNotices::ToAllContacts;
        let for_others = !matches!(going, Going::ForOwn { .. });
        let to_contacts = for_others && visible && (published || to_all);
        let newcomer = match going {
            Going::Session { newcomer, .. } | Going::ForOwn { newcomer, .. } => Some(newcomer),
            Going::Held(_) | Going::User(_) | Going::OutOfSight(_) => None,
        };
        let to_own = newcomer.is_some() && published && self.options.own_echo;

        let from = self.plan.names();
        for at in 0..count {
            let session =
                going.session().unwrap_or_else(|| self.tables.showing_at_place(place, at));
            self.name_told(going, user, session, (to_contacts, to_own));
        }
        if count > 1 {
            self.plan.make_named_set(from);
        }
        let mut fan_out = FanOut::of(subject).to_named(self.plan.named_since(from));
        if to_contacts {
            fan_out = fan_out.to_viewers_of(place, self.tables.watchers_at(place));
        }
        if let Some(newcomer) = newcomer.filter(|_| to_own) {
            fan_out = fan_out.to_own_sessions_of(place, newcomer);
        }
        self.plan.tell(fan_out);
    }

    /// Returns that a user looks offline, and whether contacts could see anything of it: that no
    /// longer holds.
    pub(super) fn offline(&mut self, user: User, visible: bool) -> (Subject, bool) {
        let sessions = self.tables.sessions();
        let shown = self.tables.shown_of(user).filter(|_| visible);
        let ended = self.plan.list_ended(shown.map(|session| sessions.id(session)));
        (Subject::Offline { user, ended }, !ended.is_empty())
    }

    /// Names those whom the session's directed presence reached, if they are going to lose it and
    /// are not told anyway, as contacts or as own sessions.
    fn name_told(
        &mut self,
        going: Going,
        user: User,
        session: SessionIndex,
        (to_contacts, to_own): (bool, bool),
    ) {
        let Some(mut told) = self.tables.sessions_mut().take_told(session) else { return };
        let id = self.tables.sessions().id(session);
        told.retain(|attachment| {
            let Some(receiver) = self.tables.sessions().find_attachment(attachment) else {
                // Over, but it still counts towards what is remembered.
                return true;
            };
            let viewer = self.tables.sessions().user(receiver);
            // Nobody who was told is blocked: a block makes both forget.
            let is_contact = self.tables.has_in_audience(user, viewer)
                || self.tables.sees_by_watch(receiver, user);
            let told_anyway = match going {
                Going::OutOfSight(_) if !is_contact => return true,
                Going::ForOwn { .. } if viewer != user => return true,
                // Own sessions are ending too: they are as good as told.
                Going::User(_) if viewer == user => true,
                _ if viewer == user => to_own,
                _ => to_contacts && is_contact,
            };
            let offline = going.session().is_none();
            let receives = self.tables.receives_or(receiver, |tables| {
                tables.note(receiver, user, Note::DirectedEnded { session: id });
                if offline {
                    tables.note(receiver, user, Note::Offline { unaware: false });
                }
            });
            if receives && !told_anyway {
                self.plan.name(receiver);
            }
            false
        });
        self.tables.sessions_mut().put_told(session, told);
    }

    // ---- where nobody is told

    /// Under [`OfflineNotices::Never`]: remembers which attachments may go on holding what a
    /// session of the user showed or directed to them, or what all of them show to contacts. A
    /// later removal or block tells them.
    pub(super) fn leave_unaware(&mut self, user: User, session: Option<SessionIndex>) {
        let never = self.options.offline_notices == OfflineNotices::Never;
        let Some(place) = self.tables.place(user).filter(|_| never) else { return };
        let tables = &self.tables;
        let mut unaware = core::mem::take(&mut self.unaware);
        if tables.is_visible_at(place) {
            for contact in tables.audience_at(place) {
                if !tables.hides_at(place, *contact) {
                    let receivers = tables.sessions_of(*contact).iter();
                    let holding = receivers.filter(|to| self.may_hold(**to, user, session));
                    unaware.extend(holding.map(|to| tables.sessions().attachment(*to)));
                }
            }
            let watchers = tables.watchers_at(place).into_iter();
            let listening = watchers.flat_map(|channel| tables.channels().listening(channel));
            let holding = listening.filter(|to| self.may_hold(*to, user, session));
            unaware.extend(holding.map(|to| tables.sessions().attachment(to)));
        }
        if let Some(told) = session.and_then(|session| tables.sessions().told(session)) {
            unaware.extend(told.iter().filter(|attachment| {
                let receiver = tables.sessions().find_attachment(*attachment);
                receiver.is_some_and(|to| {
                    tables.sessions().link(to).is_up() && tables.sessions().user(to) != user
                })
            }));
        }
        self.tables.add_unaware(user, &unaware);
        unaware.clear();
        self.unaware = unaware;
    }

    /// Returns whether a session of a contact may hold what a session of the user published, or any
    /// of them. A congested one does not hold what it has only missed so far.
    fn may_hold(&self, receiver: SessionIndex, user: User, session: Option<SessionIndex>) -> bool {
        let sessions = self.tables.sessions();
        let missed = sessions.missed(receiver);
        let holds = |shown: SessionIndex| {
            sessions.has_published(shown)
                && missed.is_none_or(|missed| missed.believes(user, sessions.id(shown)))
        };
        sessions.link(receiver).is_up()
            && match session {
                Some(session) => holds(session),
                None => self.tables.shown_of(user).any(holds),
            }
    }
}
