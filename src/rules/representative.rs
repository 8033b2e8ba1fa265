//! One state a user: which session speaks for it, and whether it is idle (rules U1 to U7).

use crate::candidate::{Candidate, Represent};
use crate::error::Error;
use crate::fanout::plan::{FanOut, Step};
use crate::fanout::subject::Subject;
use crate::key::SessionKey;
use crate::rules::State;
use crate::rules::farewell::Going;
use crate::tables::UserState;
use crate::tables::ids::{Place, SessionIndex};
use crate::tables::sessions::Renewal;
use crate::tables::timers::Due;
use crate::tables::voices::Voice;
use crate::time::Time;
use core::hash::{BuildHasher, Hash};
use smallvec::SmallVec;

/// So many candidates are put on the stack: more allocate. It is as many sessions of a user as
/// there may be by default, and as many that are held.
const CANDIDATES: usize = 32;

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    /// Returns whether contacts are told one state of each user.
    pub(super) const fn tells_users(&self) -> bool {
        self.represent.is_some()
    }

    /// Returns whether contacts are told who is idle.
    pub(super) const fn tells_idleness(&self) -> bool {
        self.represent.is_some() && self.options.idle_after_ms.is_some()
    }

    // ---- who speaks

    /// Makes a presence the session's own and tells everyone who may see it, contacts only if it
    /// is what they are told of the user.
    #[inline]
    pub(super) fn show_as_one(&mut self, place: Place, session: SessionIndex, first: bool) {
        self.tables.voices_mut().signs_mut(session).published = self.happening;
        let of_user = self.tables.state_at(place);
        if of_user.sessions != 1 || of_user.any_held {
            return self.show_beside_others(place, session, first);
        }
        // Nobody else can speak, so there is nothing to choose, and what is shown is news.
        let voice = Voice { session: Some(session), idle_since: self.idle_since(place) };
        let first = self.tables.voices_mut().let_speak(place, voice);
        if of_user.is_visible {
            let subject = Subject::User { user: self.tables.user_at(place), first };
            self.plan.tell(FanOut::of(subject).to_viewers_of(place, of_user.is_watched));
        }
        if of_user.is_in_topics {
            self.tell_published(session);
        }
    }

    /// The same where others of the user may speak.
    #[cold]
    fn show_beside_others(&mut self, place: Place, session: SessionIndex, first: bool) {
        let UserState { sessions, any_held, is_in_topics, .. } = self.tables.state_at(place);
        if self.options.own_echo && sessions > 1 {
            let fan_out = FanOut::of(Subject::Presence { session, first });
            self.plan.tell(fan_out.to_own_sessions_of(place, Some(session)));
        }
        if any_held {
            self.end_held_before(place, session);
        }
        self.speak_later(place, Some(session));
        if is_in_topics {
            self.tell_published(session);
        }
    }

    /// Has it worked out who speaks for the user at this place when everything about the input is
    /// in order: the host's function may panic. `published` is a session that shows something new;
    /// of several, whichever speaks for the user matters. However often one input has it done, it
    /// is done once, as late as said last.
    pub(super) fn speak_later(&mut self, place: Place, published: Option<SessionIndex>) {
        if self.tells_users() {
            let before = self.plan.take_back_speaking(place).flatten();
            let speaks = self.tables.voices().voice(place).and_then(|voice| voice.session);
            let published = before.filter(|_| before == speaks).or(published).or(before);
            self.plan.push_step(Step::Speak { place, published });
        }
    }

    /// Works out who speaks for the user at this place, and returns what contacts are told if that
    /// has changed, or says something new.
    pub(super) fn speak(
        &mut self,
        place: Place,
        published: Option<SessionIndex>,
    ) -> Option<FanOut> {
        let represent = self.represent.filter(|_| !self.is_choosing)?;
        self.plan.go_over(self.tables.record_count_at(place));
        self.is_choosing = true;
        let chosen = self.choose(place, represent);
        self.is_choosing = false;
        match chosen {
            Some(session) => self.set_voice(place, session, published == Some(session)),
            None => {
                self.tables.voices_mut().set_voice(place, None);
                None
            }
        }
    }

    /// Has a session speak for its user. Returns what contacts are told if that is news.
    fn set_voice(&mut self, place: Place, session: SessionIndex, is_new: bool) -> Option<FanOut> {
        let voice = Voice { session: Some(session), idle_since: self.idle_since(place) };
        let before = self.tables.voices().voice(place);
        if before == Some(voice) && !is_new {
            return None;
        }
        self.tables.voices_mut().set_voice(place, Some(voice));
        if !self.tables.is_visible_at(place) {
            return None;
        }
        let subject = Subject::User { user: self.tables.user_at(place), first: before.is_none() };
        Some(FanOut::of(subject).to_viewers_of(place, self.tables.is_watched_at(place)))
    }

    /// Chooses who speaks among the sessions that show something.
    fn choose(&self, place: Place, represent: Represent<P>) -> Option<SessionIndex> {
        let sessions = self.tables.sessions();
        let shown: SmallVec<[SessionIndex; CANDIDATES]> =
            self.tables.shown_by_connect(place).collect();
        if shown.len() < 2 {
            return shown.first().copied();
        }
        let candidates: SmallVec<[Candidate<'_, P>; CANDIDATES]> = shown
            .iter()
            .filter_map(|session| {
                let signs = self.tables.signs(*session);
                Some(Candidate {
                    kind: sessions.kind(*session),
                    presence: sessions.presence(*session)?,
                    published: signs.published,
                    idle_since: signs.is_idle.then_some(signs.active),
                    detached: !self.tables.is_connected(*session),
                })
            })
            .collect();
        let chosen = represent(&candidates);
        shown.get(chosen).or_else(|| shown.first()).copied()
    }

    /// Tells contacts that the user is offline, before a session shows nothing any more, if no
    /// other speaks for the user then, or will by what its node says.
    pub(super) fn fall_silent_without(&mut self, session: SessionIndex) {
        if !self.tells_users() || self.shows_next {
            return;
        }
        let place = self.tables.sessions().place(session);
        let mut shown = self.tables.shown_records_at(place);
        let is_only = shown.next() == Some(session) && shown.next().is_none();
        drop(shown);
        if is_only {
            // Whoever does not see the user must not learn from it that it showed something.
            if self.tables.is_visible_at(place) {
                self.say_farewell(place, Going::LooksOffline);
                self.remember_unaware(place, None);
            }
            self.tables.voices_mut().set_voice(place, None);
        }
    }

    // ---- idle

    /// Notes that a person did something on a session: as a heartbeat, there is nothing to drain
    /// after it unless the session was idle.
    #[inline]
    pub(crate) fn active(&mut self, now: Time, key: SessionKey) -> Result<(), Error> {
        if !self.tells_idleness() {
            return self.heartbeat(now, key).map(drop);
        }
        self.finish_drain();
        self.moment = self.now.max(now);
        let heard = (self.moment, self.order + 1);
        let renewal = self.tables.sessions_mut().renew_lease_by_person(
            key,
            heard,
            [self.late_ms, self.sign_late_ms],
        );
        self.accept_or_refuse(!matches!(renewal, Renewal::Detached | Renewal::Unknown));
        match renewal {
            // It was heard of by such a sign last, so it is not idle.
            Renewal::AfterSign(_) => self.order += 1,
            Renewal::Of(session) | Renewal::Late(session) => {
                self.order += 1;
                // Of the sign before, but for one that this one has just replaced.
                let signs = self.tables.voices().signs(session);
                let is_late = self.moment.since(signs.active) >= self.sign_late_ms;
                if signs.is_idle | is_late | (renewal == Renewal::Late(session)) {
                    self.follow_sign(session, renewal, signs.is_idle, is_late);
                }
            }
            Renewal::Detached => return Err(Error::Detached),
            Renewal::Unknown => return Err(Error::UnknownSession),
        }
        Ok(())
    }

    /// Does what follows from a sign of a person, if anything does.
    #[cold]
    #[inline(never)]
    fn follow_sign(
        &mut self,
        session: SessionIndex,
        renewal: Renewal,
        is_idle: bool,
        is_late: bool,
    ) {
        if is_idle {
            self.wake(session);
        } else if is_late {
            self.rearm_idle(self.tables.sessions().place(session));
        }
        if renewal == Renewal::Late(session) {
            self.renew_late(session);
        }
    }

    /// Ends the idleness of a session on which a person does something again, which may be news of
    /// its user.
    #[cold]
    fn wake(&mut self, session: SessionIndex) {
        self.is_draining = true;
        self.set_moment(self.moment);
        self.note_sign(session, false);
        self.speak_later(self.tables.sessions().place(session), None);
    }

    /// Notes a sign of a person on a session: its connect is the first. Returns whether the session
    /// is idle no longer, which may be news of its user.
    pub(super) fn note_sign(&mut self, session: SessionIndex, is_first: bool) -> bool {
        if !self.tells_idleness() {
            return false;
        }
        let (now, order) = (self.moment, self.order);
        let signs = self.tables.voices_mut().signs_mut(session);
        (signs.active, signs.order) = (now, order);
        let was_idle = core::mem::take(&mut signs.is_idle) || is_first;
        if was_idle {
            self.tables.list_changed_session(session);
            self.arm_idle(self.tables.sessions().place(session));
        }
        was_idle
    }

    /// Returns since when the user at this place is idle, if all of its sessions are.
    fn idle_since(&self, place: Place) -> Option<Time> {
        self.options.idle_after_ms?;
        let mut last = None;
        for session in self.tables.sessions_at(place) {
            let signs = self.tables.signs(*session);
            if !signs.is_idle {
                return None;
            }
            last = last.max(Some(signs.active));
        }
        last
    }

    /// Arms the deadline at which a session of the user is idle next, if any still can be.
    fn arm_idle(&mut self, place: Place) {
        let now = self.tokens.now();
        let next = self.tables.next_idle(place, self.options.idle_after_ms.unwrap_or(0));
        match next {
            Some((at, order)) => {
                if self.idle.armed() == 0 {
                    self.idle.skip_to(now);
                }
                self.idle.arm(place, at, order);
            }
            None => self.idle.disarm(place),
        }
    }

    /// Has the deadline be right for those of a user's sessions that are left.
    pub(super) fn rearm_idle(&mut self, place: Place) {
        if self.idle.armed() > 0 {
            self.arm_idle(place);
        }
    }

    /// Sessions of a user have become idle.
    pub(super) fn fire_idle(&mut self, due: Due<Place>) {
        let (place, idle_after_ms) = (due.of, self.options.idle_after_ms.unwrap_or(0));
        let mut any = false;
        self.plan.go_over(self.tables.sessions_at(place).len());
        for nth in 0..self.tables.sessions_at(place).len() {
            let session = self.tables.sessions_at(place)[nth];
            if !self.tables.sessions().link(session).is_local() {
                continue;
            }
            let signs = self.tables.signs(session);
            if !signs.is_idle && signs.active.saturating_add(idle_after_ms) <= due.at {
                self.tables.keep_last_sign(session);
                self.tables.voices_mut().signs_mut(session).is_idle = true;
                any = true;
                self.tables.list_changed_session(session);
            }
        }
        self.arm_idle(place);
        if any {
            self.speak_later(place, None);
        }
    }
}
