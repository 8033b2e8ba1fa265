//! What ends by itself or is taken back: presences with an end, directed ones, and withdrawals
//! (rules 25 to 27).

use crate::error::Error;
use crate::fanout::plan::FanOut;
use crate::fanout::subject::Subject;
use crate::key::SessionKey;
use crate::rules::State;
use crate::tables::expiries::{Expiring, Expiry};
use crate::tables::ids::{ExpiryIndex, SessionIndex};
use crate::tables::sessions::Link;
use crate::tables::timers::Due;
use crate::time::Time;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    // ---- the verbs

    /// Publishes a presence with an end. Returns when it goes out, if it has to wait for a token.
    pub(crate) fn publish_until(
        &mut self,
        key: SessionKey,
        presence: P,
        until: Time,
        then: Option<P>,
    ) -> Result<Option<Time>, Error> {
        let session = self.attached(key)?;
        self.check_duration(until.since(self.moment))?;
        if until <= self.moment {
            self.plan.drop_later(Some(presence));
            return match then {
                Some(then) => self.publish(key, then),
                None => self.withdraw(key).map(|()| None),
            };
        }
        self.renew_lease(session);
        let waits_until = self.take_token(session);
        match waits_until {
            Some(free_at) => {
                self.defer(session, presence, free_at);
                let of = Expiring::Waiting;
                let expiry = self.expiries.insert(Expiry { session, of, until, then });
                self.tables.sessions_mut().set_waits_until(session, expiry);
            }
            None => {
                self.show(session, presence);
                let of = Expiring::Shown;
                self.set_shown_end(Expiry { session, of, until, then });
            }
        }
        Ok(waits_until)
    }

    /// Takes back what a session shows and what waits to be shown.
    pub(crate) fn withdraw(&mut self, key: SessionKey) -> Result<(), Error> {
        let session = self.renew_lease_of(key)?;
        self.drop_waiting(session);
        self.clear_shown_end(session);
        self.take_back(session);
        Ok(())
    }

    /// Checks that something does not last longer than it may.
    pub(super) const fn check_duration(&self, millis: u64) -> Result<(), Error> {
        let limit_ms = self.options.max_expiry_ms;
        if millis > limit_ms { Err(Error::ExpiryLimit { limit_ms }) } else { Ok(()) }
    }

    // ---- what a session shows has an end, or has none any more

    pub(super) fn set_shown_end(&mut self, expiry: Expiry<P>) {
        let session = expiry.session;
        let expiry = self.expiries.insert(expiry);
        self.tables.sessions_mut().set_shown_until(session, expiry);
        self.arm_expiry(expiry);
    }

    /// Arms the deadline of something that ends. What comes of inputs, and of tokens that are still
    /// to fire, ends no earlier than these have fired.
    pub(super) fn arm_expiry(&mut self, expiry: ExpiryIndex) {
        self.expiries.arm(expiry, self.order, self.tokens.now());
    }

    /// Forgets the end of what the session shows: something else is shown, or nothing.
    #[cold]
    pub(super) fn clear_shown_end(&mut self, session: SessionIndex) {
        let expiry = self.tables.sessions_mut().take_shown_until(session);
        self.forget_expiry(expiry);
    }

    /// Takes the end of what waited: it has its token, or will not be shown.
    #[cold]
    pub(super) fn take_waiting_end(&mut self, session: SessionIndex) -> Option<Expiry<P>> {
        let expiry = self.tables.sessions_mut().take_waits_until(session)?;
        self.expiries.remove(expiry)
    }

    /// Drops what waits to be shown.
    pub(super) fn drop_waiting(&mut self, session: SessionIndex) {
        self.tokens.disarm(session);
        let waiting = self.tables.sessions_mut().take_waiting(session);
        self.plan.drop_later(waiting);
        self.forget_waiting_end(session);
    }

    /// Forgets the end of a publish that waited and will not be shown.
    pub(super) fn forget_waiting_end(&mut self, session: SessionIndex) {
        if !self.expiries.is_empty() {
            let expiry = self.take_waiting_end(session);
            self.plan.drop_later(expiry.and_then(|expiry| expiry.then));
        }
    }

    fn forget_expiry(&mut self, expiry: Option<ExpiryIndex>) {
        let expiry = expiry.and_then(|expiry| self.expiries.remove(expiry));
        self.plan.drop_later(expiry.and_then(|expiry| expiry.then));
    }

    /// Forgets all that ends by itself of a session that has ended.
    pub(super) fn forget_expiries(&mut self, session: SessionIndex) {
        if self.expiries.is_empty() {
            return;
        }
        self.forget_waiting_end(session);
        self.clear_shown_end(session);
        if let Some(told) = self.tables.sessions().told(session) {
            for (_, expiry) in told.expiries() {
                self.plan.go_over(1);
                self.expiries.remove(expiry);
            }
        }
    }

    // ---- the moment has come

    /// Shows a publish that waited and had an end, or what it was to end in.
    pub(super) fn show_until(
        &mut self,
        session: SessionIndex,
        presence: P,
        expiry: Expiry<P>,
        at: Time,
    ) {
        if expiry.until > at {
            self.show(session, presence);
            self.next_order();
            self.set_shown_end(Expiry { of: Expiring::Shown, ..expiry });
            return;
        }
        self.plan.drop_later(Some(presence));
        match expiry.then {
            Some(then) => self.show(session, then),
            None => {
                self.clear_shown_end(session);
                self.take_back(session);
            }
        }
    }

    /// Ends what has come to its end.
    pub(super) fn fire_expiry(&mut self, due: Due<ExpiryIndex>) {
        let Some(Expiry { session, of, then, .. }) = self.expiries.remove(due.of) else { return };
        let number = self.tables.changed().number(session);
        match (of, then) {
            (Expiring::Call(number), _) => self.end_call(session, number),
            (Expiring::Said(membership), _) => {
                let topic = self.tables.topics().topic_of(membership);
                self.end_said(topic, membership, false);
            }
            (Expiring::Update(membership), then) => self.update_waiting(membership, then, due.at),
            (_, None) => {
                self.tables.sessions_mut().take_shown_until(session);
                self.take_back(session);
                self.tables.count_end(session, number);
            }
            (_, Some(then)) => {
                self.tables.sessions_mut().take_shown_until(session);
                if self.tables.sessions().link(session) == Link::Held {
                    self.show_held(session, then);
                } else {
                    self.show(session, then);
                }
                self.tables.count_end(session, number);
            }
        }
    }

    /// Makes a presence that of a session which is held: the user's own others know it no more.
    fn show_held(&mut self, session: SessionIndex, presence: P) {
        let replaced = self.tables.set_presence(session, presence);
        if self.tells_users() {
            self.tables.voices_mut().signs_mut(session).published = self.happening;
            self.speak_later(self.tables.sessions().place(session), Some(session));
        } else {
            self.tell_contacts_and_own(session, Subject::Presence { session, first: false });
        }
        self.plan.drop_later(replaced);
    }

    /// Takes back what a session shows, if it shows anything.
    pub(super) fn take_back(&mut self, session: SessionIndex) {
        self.fall_silent_without(session);
        let presence = self.tables.take_presence(session);
        if presence.is_some() {
            let sessions = self.tables.sessions();
            let (user, id) = (sessions.user(session), sessions.id(session));
            self.tell_contacts_and_own(session, Subject::Withdrawn { user, session: id });
            self.plan.drop_later(presence);
            self.speak_later(self.tables.sessions().place(session), None);
            self.tell_published(session);
        }
    }

    /// Tells all who see what the session shows; of one that is held, those of other users.
    fn tell_contacts_and_own(&mut self, session: SessionIndex, subject: Subject) {
        let sessions = self.tables.sessions();
        let (place, link) = (sessions.place(session), sessions.link(session));
        let mut fan_out = FanOut::of(subject);
        if self.tables.is_visible_at(place) && !self.tells_users() {
            fan_out = fan_out.to_viewers_of(place, self.tables.is_watched_at(place));
        }
        if self.options.own_echo && link.is_there() {
            fan_out = fan_out.to_own_sessions_of(place, Some(session));
        }
        self.plan.tell(fan_out);
    }
}
