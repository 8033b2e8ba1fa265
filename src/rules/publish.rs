//! What a session shows, and how often it may say so (rules 2 and 13).

use crate::error::Error;
use crate::fanout::plan::FanOut;
use crate::fanout::subject::Subject;
use crate::key::SessionKey;
use crate::rules::State;
use crate::tables::UserState;
use crate::tables::expiries::Expiry;
use crate::tables::ids::{Place, SessionIndex};
use crate::tables::timers::Due;
use crate::time::Time;
use core::hash::{BuildHasher, Hash};

impl<K: Eq + Hash, P, S: BuildHasher> State<K, P, S> {
    /// Publishes a presence. Returns when it goes out, if it has to wait for a token.
    pub(crate) fn publish(&mut self, key: SessionKey, presence: P) -> Result<Option<Time>, Error> {
        self.tables.fetch_sender(key);
        let session = self.renew_lease_of(key)?;
        let waits_until = self.take_token(session);
        match waits_until {
            Some(free_at) => self.defer(session, presence, free_at),
            None => self.show(session, presence),
        }
        Ok(waits_until)
    }

    /// Takes a token for a publish, or returns when there will be one.
    #[inline]
    pub(super) fn take_token(&mut self, session: SessionIndex) -> Option<Time> {
        let rate = self.options.publish_rate?;
        let sessions = self.tables.sessions_mut();
        let free_at = sessions.bucket(session).free_at(rate);
        if free_at > self.moment {
            return Some(free_at);
        }
        sessions.bucket_mut(session).take(rate, self.moment);
        // The newest is going out now, so what waited is not sent late.
        self.drop_waiting(session);
        None
    }

    /// Keeps a publish until there is a token, instead of any that waits already.
    pub(super) fn defer(&mut self, session: SessionIndex, presence: P, free_at: Time) {
        self.stats.conflated += 1;
        self.forget_waiting_end(session);
        let sessions = self.tables.sessions_mut();
        match (sessions.set_waiting(session, presence), sessions.heard_order(session)) {
            (Some(replaced), _) => self.plan.drop_later(Some(replaced)),
            (None, order) => self.tokens.arm(session, free_at, order.unwrap_or(self.order)),
        }
    }

    /// Tells what a publish said that waited, now that it has its token.
    pub(super) fn publish_waiting(&mut self, due: Due) {
        self.tokens.disarm(due.of);
        let Some(presence) = self.tables.sessions_mut().take_waiting(due.of) else { return };
        let expiry = self.take_waiting_end(due.of);
        // It takes no token to show nothing.
        let is_shown = |expiry: &Expiry<P>| expiry.until > due.at || expiry.then.is_some();
        if let Some(rate) = self.options.publish_rate.filter(|_| expiry.iter().all(is_shown)) {
            self.tables.sessions_mut().bucket_mut(due.of).take(rate, due.at);
        }
        match expiry {
            Some(expiry) => self.show_until(due.of, presence, expiry, due.at),
            None => self.show(due.of, presence),
        }
    }

    /// Makes a presence the session's own and tells everyone who may see it.
    #[inline]
    pub(super) fn show(&mut self, session: SessionIndex, presence: P) {
        let place = self.tables.sessions().place(session);
        let replaced = self.tables.set_presence(session, presence);
        let first = replaced.is_none();
        self.plan.drop_later(replaced);
        if !self.expiries.is_empty() {
            self.clear_shown_end(session);
        }
        if self.is_clustered_or_represented
            && self.show_clustered_or_represented(place, session, first)
        {
            return;
        }
        let mut fan_out = FanOut::of(Subject::Presence { session, first });
        let of_user = self.tables.state_at(place);
        let UserState { is_visible, is_watched, sessions, any_held, is_in_topics } = of_user;
        if is_visible {
            fan_out = fan_out.to_viewers_of(place, is_watched);
        }
        if self.options.own_echo && sessions > 1 {
            fan_out = fan_out.to_own_sessions_of(place, Some(session));
        }
        self.plan.tell(fan_out);
        // Asked at once: hardly ever is either so.
        if any_held | is_in_topics {
            self.follow_up(place, session, is_in_topics);
        }
    }

    /// Counts that a session shows something else, where other nodes are told how often it has.
    /// Returns whether its contacts are told one state of the user, which has been done then.
    #[inline(never)]
    fn show_clustered_or_represented(
        &mut self,
        place: Place,
        session: SessionIndex,
        first: bool,
    ) -> bool {
        self.tables.count_shown(session);
        let tells_users = self.tells_users();
        if tells_users {
            self.show_as_one(place, session, first);
        }
        tells_users
    }

    /// Tells what follows from what a session shows: contacts come first, and then its topics.
    #[cold]
    fn follow_up(&mut self, place: Place, session: SessionIndex, is_in_topics: bool) {
        self.end_held_before(place, session);
        if is_in_topics {
            self.tell_published(session);
        }
    }

    /// Ends what is held of sessions that connected before this one of their user.
    pub(super) fn end_held_before(&mut self, place: Place, session: SessionIndex) {
        let sessions = self.tables.sessions_at(place);
        self.plan.go_over(sessions.len());
        let own = sessions.iter().position(|other| *other == session).unwrap_or(0);
        self.end_held_where(place, |earlier, _| earlier <= own);
    }
}
