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
use crate::tables::notes::Note;
use crate::time::Time;
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};

/// Who is going.
#[derive(Clone, Copy, Debug)]
pub(super) enum Going {
    /// One of a user's sessions, others stay. The newcomer for whom it makes way has not been told
    /// of anything yet.
    Session { session: SessionIndex, newcomer: Option<SessionIndex> },
    /// All sessions of a user.
    User(User),
    /// A user out of sight: its sessions stay.
    OutOfSight(User),
}

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    /// Ends a session.
    pub(super) fn end(&mut self, session: SessionIndex, reason: EndReason, at: Time) {
        let user = self.tables.sessions().user(session);
        let last = self.tables.sessions_of(user).len() == 1;
        let going =
            if last { Going::User(user) } else { Going::Session { session, newcomer: None } };
        self.end_as(session, going, reason, at);
    }

    /// Ends a session that makes way for a newcomer of the same user.
    pub(super) fn end_for(&mut self, session: SessionIndex, newcomer: SessionIndex) {
        let going = Going::Session { session, newcomer: Some(newcomer) };
        self.end_as(session, going, EndReason::Evicted, self.moment);
    }

    fn end_as(&mut self, session: SessionIndex, going: Going, reason: EndReason, at: Time) {
        self.say_farewell(going);
        self.remove(session, reason, at);
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
            self.remove(session, EndReason::Expelled, self.moment);
        }
    }

    /// Takes a session out of everything, and lets the host know when its receivers do. What it
    /// said is dropped here and now.
    fn remove(&mut self, session: SessionIndex, reason: EndReason, at: Time) {
        let sessions = self.tables.sessions();
        let user = sessions.user(session);
        let last = self.tables.sessions_of(user).len() == 1;
        let ended = Ended {
            user,
            session: sessions.key(session),
            id: sessions.id(session),
            reason,
            since: sessions.loss(session).map_or(at, |(lost_at, _)| lost_at),
            last,
            visible: self.tables.is_visible_at(sessions.place(session)),
        };
        self.lifetimes.disarm(session);
        self.tokens.disarm(session);
        for said in self.tables.remove_session(session) {
            self.plan.drop_later(said);
        }
        self.plan.then(Step::Ended(ended));
        if last {
            self.plan.then(Step::Forget { user });
        }
    }

    /// Tells those who were told of whoever is going, while it is still there.
    pub(super) fn say_farewell(&mut self, going: Going) {
        if self.options.offline_notices == OfflineNotices::Never {
            return;
        }
        let (user, sessions) = match going {
            Going::Session { session, .. } => (self.tables.sessions().user(session), 1),
            Going::User(user) | Going::OutOfSight(user) => {
                (user, self.tables.sessions_of(user).len())
            }
        };
        let Some(place) = self.tables.place(user) else { return };
        let visible = self.tables.is_visible_at(place);
        let (subject, published) = match going {
            Going::Session { session, .. } => {
                let id = self.tables.sessions().id(session);
                let published = self.tables.sessions().has_published(session);
                (Subject::Ended { user, session: id }, published)
            }
            Going::User(_) | Going::OutOfSight(_) => self.offline(user, visible),
        };
        let is_whole = !matches!(going, Going::Session { .. });
        let to_all = is_whole && self.options.offline_notices == OfflineNotices::ToAllContacts;
        let to_contacts = visible && (published || to_all);
        let to_own = !is_whole && published && self.options.own_echo;

        let from = self.plan.names();
        for at in 0..sessions {
            let session = match going {
                Going::Session { session, .. } => session,
                Going::User(_) | Going::OutOfSight(_) => self.tables.sessions_of(user)[at],
            };
            self.name_told(going, user, session, (to_contacts, to_own));
        }
        if sessions > 1 {
            self.plan.make_named_set(from);
        }
        let mut fan_out = FanOut::of(subject).to_named(self.plan.named_since(from));
        if to_contacts {
            fan_out = fan_out.to_contacts_of(place);
        }
        if let Going::Session { newcomer, .. } = going
            && to_own
        {
            fan_out = fan_out.to_own_sessions_of(place, newcomer);
        }
        self.plan.tell(fan_out);
    }

    /// Returns that a user looks offline, and whether contacts could see anything of it: that no
    /// longer holds.
    pub(super) fn offline(&mut self, user: User, visible: bool) -> (Subject, bool) {
        let sessions = self.tables.sessions();
        let shows = |session: &&SessionIndex| visible && sessions.has_published(**session);
        let shown = self.tables.sessions_of(user).iter().filter(shows);
        let ended = self.plan.list_ended(shown.map(|session| sessions.id(*session)));
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
            let Some(receiver) = self.tables.sessions().find_attachment(*attachment) else {
                return false;
            };
            let viewer = self.tables.sessions().user(receiver);
            // Nobody who was told is blocked: a block makes both forget.
            let is_contact = self.tables.has_in_audience(user, viewer);
            let told_anyway = match going {
                Going::OutOfSight(_) if !is_contact => return true,
                // Own sessions are ending too: they are as good as told.
                Going::User(_) if viewer == user => true,
                Going::Session { .. } if viewer == user => to_own,
                _ => to_contacts && is_contact,
            };
            let offline = !matches!(going, Going::Session { .. });
            let receives = self.tables.receives_or(receiver, |tables| {
                tables.note(receiver, user, Note::DirectedEnded { session: id });
                if offline {
                    tables.note(receiver, user, Note::Offline);
                }
            });
            if receives && !told_anyway {
                self.plan.name(receiver);
            }
            false
        });
        self.tables.sessions_mut().put_told(session, told);
    }
}
