//! How sessions end, and who is told that somebody is gone (rules 6, 7, 15, 18 and 19).
//!
//! One ending, written once: a session that ends, a user whose last one does or who is expelled,
//! and a user who goes invisible say the same farewell to different receivers.

use crate::config::OfflineNotices;
use crate::fanout::plan::{EndReport, FanOut, Step};
use crate::fanout::subject::{Span, Subject};
use crate::key::SessionId;
use crate::reason::{CloseReason, EndReason};
use crate::rules::State;
use crate::tables::ids::{Place, SessionIndex};
use crate::tables::missed::Note;
use crate::tables::told::Told;
use crate::time::Time;
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};

/// What a farewell is about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Going {
    /// One of a user's sessions, others stay. The newcomer for whom it makes way has not been told
    /// of anything yet.
    Session { session: SessionIndex, newcomer: Option<SessionIndex> },
    /// A session, for the user's own others alone: what it showed is held for everybody else.
    ForOwn { session: SessionIndex, newcomer: Option<SessionIndex> },
    /// What a session that ended showed, for all but the user's own others, who know.
    Held(SessionIndex),
    /// A user, with all its sessions.
    User,
    /// A user who looks offline from now on though its sessions stay: it is invisible, or shows
    /// nothing any more where contacts are told one state of it.
    LooksOffline,
}

/// Who is told a farewell, and what it says.
struct Farewell {
    subject: Subject,
    /// Whether the contacts are told.
    to_contacts: bool,
    own: OwnSessions,
    reached: Reached,
}

/// What becomes of the user's own sessions in a farewell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OwnSessions {
    /// They are told, but for one.
    Told { except: Option<SessionIndex> },
    /// They are not told, unless directed presence reached them.
    NotTold,
    /// They end too: they are as good as told.
    Ending,
}

/// Which of those whom directed presence reached lose it with a farewell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reached {
    Everybody,
    OwnSessions,
    Contacts,
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
        let place = self.tables.sessions().place(session);
        let user = self.tables.state_at(place);
        if user.sessions == 1 {
            self.say_farewell(place, Going::User);
            if user.is_in_topics {
                self.leave_topics((place, session), reason, false);
            }
            let end = self.remove((place, session), reason, at);
            return self.report_end(end);
        }
        let held_until = match reason {
            // Whoever puts it out wants it seen no longer.
            EndReason::Expelled => None,
            _ => self.holds_until(session, at),
        };
        let end = match held_until {
            Some(until) => {
                self.say_farewell(place, Going::ForOwn { session, newcomer });
                self.leave_topics((place, session), reason, false);
                self.hold((place, session), reason, at, until)
            }
            None if self.tells_users() => {
                self.fall_silent_without(session);
                self.say_farewell(place, Going::ForOwn { session, newcomer });
                self.say_farewell(place, Going::Held(session));
                self.leave_topics((place, session), reason, false);
                self.remember_unaware(place, Some(session));
                self.remove((place, session), reason, at)
            }
            None => {
                self.say_farewell(place, Going::Session { session, newcomer });
                self.leave_topics((place, session), reason, false);
                self.remember_unaware(place, Some(session));
                self.remove((place, session), reason, at)
            }
        };
        self.end_held_where(place, |earlier, sessions| earlier >= sessions);
        self.rearm_idle(place);
        self.speak_later(place, None);
        self.report_end(end);
    }

    /// Ends all of a user's sessions at once, so that contacts hear of it once (rule 15).
    pub(crate) fn expel<Q>(&mut self, id: &Q)
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let user = self.tables.find_online(id);
        let Some(place) = user.and_then(|user| self.tables.place(user)) else { return };
        for nth in 0..self.tables.sessions_at(place).len() {
            self.close(self.tables.sessions_at(place)[nth], CloseReason::Expelled);
        }
        self.expel_at(place);
    }

    /// Ends all sessions of the user at this place, whose connections are closed.
    pub(super) fn expel_at(&mut self, place: Place) {
        self.say_farewell(place, Going::User);
        for nth in 0..self.tables.sessions_at(place).len() {
            let session = self.tables.sessions_at(place)[nth];
            self.leave_topics((place, session), EndReason::Expelled, true);
        }
        while let Some(session) = self.tables.sessions_at(place).first().copied() {
            let end = self.remove((place, session), EndReason::Expelled, self.moment);
            self.report_end(end);
        }
    }

    /// Takes a session out of everything. What it said is dropped here and now.
    fn remove(
        &mut self,
        (place, session): (Place, SessionIndex),
        reason: EndReason,
        at: Time,
    ) -> EndReport {
        let end = self.end_report((place, session), reason, at);
        if end.last {
            // Whoever goes last takes with it what was held of others: all have been told.
            while let Some(held) = self.tables.held_at(place).first().copied() {
                self.drop_held(held.session);
            }
        }
        self.lifetimes.disarm(session);
        self.tokens.disarm(session);
        self.forget_expiries(session);
        let said = self.tables.remove_session(session);
        said.into_iter().for_each(|said| self.plan.drop_later(said));
        end
    }

    /// Lets the host know of an end, when all notices about it are out.
    fn report_end(&mut self, end: EndReport) {
        self.plan.push_step(Step::ReportEnd(end));
        if end.last {
            if self.idle.armed() > 0
                && let Some(place) = self.tables.place(end.user)
            {
                self.idle.disarm(place);
            }
            self.leaving = Some(end.user);
        }
    }

    fn end_report(
        &self,
        (place, session): (Place, SessionIndex),
        reason: EndReason,
        at: Time,
    ) -> EndReport {
        let sessions = self.tables.sessions();
        let user = self.tables.state_at(place);
        EndReport {
            user: self.tables.user_at(place),
            session: sessions.key(session),
            id: sessions.id(session),
            reason,
            since: self.tables.loss(session).map_or(at, |(lost_at, _)| lost_at),
            last: user.sessions == 1,
            visible: user.is_visible,
        }
    }

    // ---- what is held while a later session settles

    /// Returns until when what a session showed is held after its end: there is a session that
    /// connected later, is attached and shows nothing yet, and has not been there for too long.
    fn holds_until(&self, session: SessionIndex, at: Time) -> Option<Time> {
        let sessions = self.tables.sessions();
        // Whether anybody heard what it directed must make no difference to whoever sees the user.
        let directed = sessions.told(session).is_some_and(|told| told.name_count() > 0);
        if self.options.settle_ms == 0 || !(sessions.has_published(session) || directed) {
            return None;
        }
        let all = self.tables.sessions_at(sessions.place(session));
        let later = all.iter().rev().take_while(|other| **other != session);
        let settles = |other: &&SessionIndex| {
            self.tables.is_connected(**other) && !sessions.has_published(**other)
        };
        let newcomer = later.filter(settles).copied().next()?;
        let until = sessions.connected(newcomer).saturating_add(self.options.settle_ms);
        (until > at).then_some(until)
    }

    /// Ends a session whose presence is held for others.
    fn hold(
        &mut self,
        (place, session): (Place, SessionIndex),
        reason: EndReason,
        at: Time,
        until: Time,
    ) -> EndReport {
        let end = self.end_report((place, session), reason, at);
        self.drop_waiting(session);
        self.tables.hold_session(session);
        let order = self.next_order();
        self.lifetimes.arm(session, until, order);
        let held = self.tables.held_at(place);
        if held.len() > usize::from(self.options.max_sessions) {
            self.end_held(held[0].session);
        }
        end
    }

    /// Ends what is held of the sessions of the user at this place as far as `is_over` says so of
    /// the number of sessions that connected before and of those there are.
    pub(super) fn end_held_where(&mut self, place: Place, is_over: impl Fn(usize, usize) -> bool) {
        let mut nth = 0;
        while let Some(held) = self.tables.held_at(place).get(nth).copied() {
            self.plan.go_over(1);
            if is_over(held.earlier.into(), self.tables.sessions_at(place).len()) {
                self.end_held(held.session);
            } else {
                nth += 1;
            }
        }
    }

    /// Tells that what was held of a session is over.
    pub(super) fn end_held(&mut self, session: SessionIndex) {
        let place = self.tables.sessions().place(session);
        self.fall_silent_without(session);
        self.say_farewell(place, Going::Held(session));
        self.remember_unaware(place, Some(session));
        self.drop_held(session);
        self.speak_later(place, None);
    }

    fn drop_held(&mut self, session: SessionIndex) {
        self.lifetimes.disarm(session);
        self.forget_expiries(session);
        let said = self.tables.release_held(session);
        said.into_iter().for_each(|said| self.plan.drop_later(said));
    }

    // ---- who is told

    /// Tells everybody who knows something of whoever is going that it is over: contacts and
    /// watchers, the user's own other sessions, and those whom directed presence reached. The user
    /// is at this place, and nothing of it has gone yet.
    pub(super) fn say_farewell(&mut self, place: Place, going: Going) {
        if self.options.offline_notices == OfflineNotices::Never {
            return;
        }
        let farewell = self.farewell(place, going);
        let reached = self.name_all_reached(place, going, &farewell);
        let mut fan_out = FanOut::of(farewell.subject).to_named(reached);
        if farewell.to_contacts {
            fan_out = fan_out.to_viewers_of(place, self.tables.is_watched_at(place));
        }
        if let OwnSessions::Told { except } = farewell.own {
            fan_out = fan_out.to_own_sessions_of(place, except);
        }
        self.plan.tell(fan_out);
    }

    /// Decides who is told. Contacts are told of the end of what they saw: nobody saw anything of
    /// an invisible user, or of a session that showed nothing.
    fn farewell(&mut self, place: Place, going: Going) -> Farewell {
        let visible = self.tables.is_visible_at(place);
        match going {
            Going::Session { session, newcomer } => Farewell {
                subject: self.session_ended(session),
                to_contacts: visible && self.tables.sessions().has_published(session),
                own: self.own_sessions(session, newcomer),
                reached: Reached::Everybody,
            },
            Going::ForOwn { session, newcomer } => Farewell {
                subject: self.session_ended(session),
                to_contacts: false,
                own: self.own_sessions(session, newcomer),
                reached: Reached::OwnSessions,
            },
            // Contacts are told who speaks for the user now; whoever was directed to, this.
            Going::Held(session) if self.tells_users() => Farewell {
                subject: self.directed_over(session),
                to_contacts: false,
                own: OwnSessions::NotTold,
                reached: Reached::Everybody,
            },
            Going::Held(session) => Farewell {
                subject: self.session_ended(session),
                to_contacts: visible && self.tables.sessions().has_published(session),
                own: OwnSessions::NotTold,
                reached: Reached::Everybody,
            },
            Going::User | Going::LooksOffline => {
                let to_all = self.options.offline_notices == OfflineNotices::ToAllContacts;
                let (subject, shows) = self.offline_subject(place);
                let (own, reached) = match going {
                    Going::LooksOffline => (OwnSessions::NotTold, Reached::Contacts),
                    _ => (OwnSessions::Ending, Reached::Everybody),
                };
                Farewell { subject, to_contacts: visible && (shows || to_all), own, reached }
            }
        }
    }

    fn session_ended(&self, session: SessionIndex) -> Subject {
        let sessions = self.tables.sessions();
        Subject::SessionEnded { user: sessions.user(session), session: sessions.id(session) }
    }

    /// Decides whether the user's other sessions are told: if they saw what the session shows.
    fn own_sessions(&self, session: SessionIndex, except: Option<SessionIndex>) -> OwnSessions {
        if self.options.own_echo && self.tables.sessions().has_published(session) {
            OwnSessions::Told { except }
        } else {
            OwnSessions::NotTold
        }
    }

    /// Returns what tells others that the user at this place is offline, with the sessions that are
    /// over for them by that, and whether contacts see any of those.
    pub(super) fn offline_subject(&mut self, place: Place) -> (Subject, bool) {
        let user = self.tables.user_at(place);
        let shows = self.tables.is_shown(user);
        let ended = if !shows {
            self.plan.list_ended(None)
        } else if self.tells_users() {
            self.plan.list_ended([SessionId::OF_USER])
        } else {
            let (tables, sessions) = (&self.tables, self.tables.sessions());
            let shown = tables.shown_records_at(place);
            self.plan.list_ended(shown.map(|session| sessions.id(session)))
        };
        (Subject::Offline { user, ended }, shows)
    }

    /// Names those who are told a farewell because directed presence reached them: that of the
    /// session that is going, or of all the user's.
    fn name_all_reached(&mut self, place: Place, going: Going, farewell: &Farewell) -> Span {
        let from = self.plan.named_len();
        match going {
            Going::Session { session, .. }
            | Going::ForOwn { session, .. }
            | Going::Held(session) => self.name_reached(place, session, farewell),
            Going::User | Going::LooksOffline => {
                let count = self.tables.record_count_at(place);
                self.plan.go_over(count);
                for nth in 0..count {
                    self.name_reached(place, self.tables.record_at(place, nth), farewell);
                }
                if count > 1 {
                    self.plan.make_named_set(from);
                }
            }
        }
        self.plan.named_since(from)
    }

    /// Names those whom the session's directed presence reached, if they lose it with this farewell
    /// and are not told anyway, as contacts or as own sessions.
    #[inline]
    fn name_reached(&mut self, place: Place, session: SessionIndex, farewell: &Farewell) {
        // Most sessions have never directed anything.
        if let Some(mut told) = self.tables.sessions_mut().take_told(session) {
            self.name_those_told((place, session), &mut told, farewell);
            self.tables.sessions_mut().put_told(session, told);
        }
    }

    /// Does so for these, and forgets those of them who lose it.
    fn name_those_told(
        &mut self,
        (place, session): (Place, SessionIndex),
        told: &mut Told,
        farewell: &Farewell,
    ) {
        let (user, id) = (self.tables.user_at(place), self.tables.sessions().id(session));
        self.plan.go_over(told.len());
        told.retain(|attachment| {
            let Some(receiver) = self.tables.sessions().find_attachment(attachment) else {
                // Over, but it still counts towards what is remembered.
                return true;
            };
            let viewer = self.tables.sessions().user(receiver);
            // Nobody who was told is blocked: a block makes both forget.
            let is_own = viewer == user;
            let is_contact = self.tables.has_in_audience(user, viewer)
                || self.tables.sees_by_watch(receiver, user);
            let loses = match farewell.reached {
                Reached::Everybody => true,
                Reached::OwnSessions => is_own,
                Reached::Contacts => is_contact,
            };
            if !loses {
                return true;
            }
            let receives = self.tables.receives_or(receiver, |tables| {
                match farewell.subject {
                    Subject::DirectedOver { session, .. } => {
                        tables.note(receiver, user, Note::DirectedOver { session });
                    }
                    _ => tables.note(receiver, user, Note::DirectedEnded { session: id }),
                }
                if let Subject::Offline { .. } = farewell.subject {
                    tables.note(receiver, user, Note::Offline { unaware: false });
                }
            });
            let is_told_anyway = match is_own {
                true => farewell.own != OwnSessions::NotTold,
                false => farewell.to_contacts && is_contact,
            };
            if receives && !is_told_anyway {
                self.plan.name_receiver(receiver);
            }
            false
        });
    }

    // ---- where nobody is told

    /// Remembers, under [`OfflineNotices::Never`], which attachments may go on believing what a
    /// session of the user at this place showed or directed to them, or what all of them show to
    /// contacts. A later removal or block tells them.
    pub(super) fn remember_unaware(&mut self, place: Place, session: Option<SessionIndex>) {
        if self.options.offline_notices != OfflineNotices::Never {
            return;
        }
        let tables = &self.tables;
        let (user, mut looked_at) = (tables.user_at(place), tables.audience_at(place).len());
        let mut unaware = core::mem::take(&mut self.unaware);
        // Contacts who are told one state of the user go on knowing that, whichever session ends.
        let contacts_lose = session.is_none() || !self.tells_users();
        if tables.is_visible_at(place) && contacts_lose {
            for contact in tables.audience_at(place) {
                if !tables.hides_at(place, *contact) {
                    let receivers = tables.sessions_of(*contact).iter();
                    looked_at += receivers.len();
                    let believing = receivers.filter(|to| self.may_believe(**to, place, session));
                    unaware.extend(believing.map(|to| tables.sessions().attachment(*to)));
                }
            }
            let watchers = tables.watchers_at(place).into_iter();
            let listening = watchers.flat_map(|channel| tables.channels().listening(channel));
            let listening = listening.inspect(|_| looked_at += 1);
            let believing = listening.filter(|to| self.may_believe(*to, place, session));
            unaware.extend(believing.map(|to| tables.sessions().attachment(to)));
        }
        if let Some(told) = session.and_then(|session| tables.sessions().told(session)) {
            looked_at += told.len();
            unaware.extend(told.iter().filter(|attachment| {
                let receiver = tables.sessions().find_attachment(*attachment);
                receiver.is_some_and(|to| {
                    tables.sessions().link(to).is_up() && tables.sessions().user(to) != user
                })
            }));
        }
        self.plan.go_over(looked_at);
        self.tables.add_unaware(user, &unaware);
        unaware.clear();
        self.unaware = unaware;
    }

    /// Returns whether a session of a contact may believe in what a session of the user at this
    /// place published, or any of them. A congested one does not know what it has only missed so
    /// far.
    fn may_believe(
        &self,
        receiver: SessionIndex,
        place: Place,
        session: Option<SessionIndex>,
    ) -> bool {
        let (user, sessions) = (self.tables.user_at(place), self.tables.sessions());
        let missed = sessions.missed(receiver);
        let believes = |shown: SessionIndex| {
            let id = if self.tells_users() { SessionId::OF_USER } else { sessions.id(shown) };
            sessions.has_published(shown) && missed.is_none_or(|missed| missed.believes(user, id))
        };
        sessions.link(receiver).is_up()
            && match session {
                Some(session) => believes(session),
                None => self.tables.shown_records_at(place).any(believes),
            }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Options};
    use crate::connect::Connect;
    use crate::decision::Decision;
    use crate::decisions::Decisions;
    use crate::engine::Engine;
    use crate::hasher::tests::Plain;
    use crate::key::SessionKey;
    use crate::notice::Notice;
    use crate::time::Time;

    type Core = Engine<u32, u8, Plain>;

    fn connect(engine: &mut Core, user: u32, friend: u32) -> SessionKey {
        let newcomer = Connect::new(user).audience([friend]);
        engine.connect(Time::ZERO, newcomer).expect("there is room").0
    }

    fn take(decisions: Decisions<'_, u32, u8, Plain>) {
        decisions.for_each(|_| {});
    }

    /// Rule U1: where contacts are told one state of a user, they know a session by what it
    /// directed alone. So of a user who showed something only while they were slow they are told
    /// that this is over, and not that the user is offline.
    #[test]
    fn what_was_directed_is_over_for_a_slow_contact_that_knew_nothing_else() {
        let config = Config::new(Options::default()).expect("they are in range");
        let mut engine = Core::with_representative(config, Plain, |_| 0);
        let [first, second] = [(); 2].map(|()| connect(&mut engine, 1, 2));
        let slow = connect(&mut engine, 2, 1);
        let now = Time::ZERO;
        let id = engine.id_of(first).expect("it is there");
        take(engine.direct(now, first, [&2], 5).expect("it is attached"));
        take(engine.congested(now, slow).expect("it is attached"));
        // It is held, and over when the other shows something.
        take(engine.disconnect(now, first).expect("it is there"));
        take(engine.publish(now, second, 6).expect("it is attached"));
        take(engine.disconnect(now, second).expect("it is there"));
        let mut decisions = engine.writable(now, slow).expect("it is congested");
        let told = decisions.next();
        let Some(Decision::Deliver { notice: Notice::DirectedOver { user, session, .. }, .. }) =
            told
        else {
            panic!("{told:?}");
        };
        assert_eq!((*user, session), (1, id));
        assert!(decisions.next().is_none(), "it never heard of anything else");
    }
}
