//! What each command asks of the engine.

use adsum::{Decisions, Engine, Error, SessionKey, Time};
use adsum_tim::{Kind, TimMessage, bare};

use super::core::Core;
use super::dispatch::Deferred;
use super::sessions::Entry;
use crate::host::command::{
    Command, Direct, Figures, Node, OnlinePage, Presence, PublishFor, RosterChange,
    RosterChangeKind, System, SystemOutcome,
};
use crate::host::roster_messages::{WITHDRAW, done};

/// What the engine says to a publish.
type Published<'e> = Result<Decisions<'e, Node, Presence>, Error>;

impl Core {
    pub(super) fn take(&mut self, command: Command) {
        let now = self.clock.now();
        match command {
            Command::Connect(connect) => self.connect(now, *connect),
            Command::WhoResumes(secret, reply) => {
                let session = self.dispatch.sessions.named_by(secret);
                let user = session.and_then(|session| self.engine.user_of(session));
                let _ = reply.send(user.cloned());
            }
            Command::Resume(resume) => self.resume(now, *resume),
            Command::Heartbeat(session) => self.heartbeat(now, session),
            Command::Publish(session, presence) => {
                self.note_person(now, session);
                // What is refused is counted.
                let _ = self.publish(session, |engine| engine.publish(now, session, presence));
            }
            Command::PublishFor(publish) => self.publish_for(now, *publish),
            Command::Asked(asked) => self.asked(now, *asked),
            Command::Withdraw(session) => self.withdraw(now, session),
            Command::Direct(direct) => self.direct(now, *direct),
            Command::Watch(watch) => self.watch(now, *watch),
            Command::Unwatch(watch) => self.unwatch(now, *watch),
            Command::Active(session) => self.person_did_something(now, session),
            Command::Person(session) => self.note_person(now, session),
            Command::Disconnect(session) => {
                let result = self.engine.disconnect(now, session);
                self.dispatch.carry_out_if_taken(result);
            }
            Command::Lost(session, cause) => {
                self.dispatch.detach(session);
                let result = self.engine.lost(now, session, cause);
                self.dispatch.carry_out_if_taken(result);
            }
            Command::SentAway(session, for_ms) => self.send_away(now, session, for_ms),
            Command::Invisible(session) => self.hide(now, session),
            Command::Visible(session) => self.show_again(now, session),
            Command::Roster(change) => self.change_roster(now, *change),
            Command::RosterMessage(user, message) => self.send_to_all(&user, &message),
            Command::System(system) => self.system(now, *system),
            Command::Expel(user, reply) => {
                let outcome = self.dispatch.carry_out(self.engine.expel(now, &user));
                let _ = reply.send(outcome.ended);
            }
            Command::Online(after, limit, reply) => {
                let _ = reply.send(self.page_of_online(after, limit));
            }
            Command::IsOnline(user, reply) => {
                let _ = reply.send(self.engine.is_online(&user));
            }
            Command::WhoIsOnline(who, reply) => {
                let _ = reply.send(self.who_is_online(who));
            }
            Command::Figures(reply) => {
                let (counts, stats) = (self.engine.counts(), self.engine.stats());
                let _ = reply.send(Figures { counts, stats });
            }
            Command::QueuesChanged | Command::Stop => {}
        }
    }

    fn heartbeat(&mut self, now: Time, session: SessionKey) {
        let result = self.engine.heartbeat(now, session);
        match result.map(|decisions| self.dispatch.carry_out(decisions)) {
            // Answered here and not by the connection's task, so that the answer comes after
            // everything that was decided before.
            Ok(_) => self.dispatch.send_frame(session, &bare(Kind::PING)),
            Err(error) => self.metrics.refused(error),
        }
    }

    /// Makes a session's user visible again, and tells all of the user's sessions.
    pub(super) fn show_again(&mut self, now: Time, session: SessionKey) {
        let result = self.engine.visible(now, session);
        self.dispatch.carry_out_if_taken(result);
        self.send_visibility_to_all(session);
    }

    fn publish_for(&mut self, now: Time, publish: PublishFor) {
        let PublishFor { session, presence, for_ms, then } = publish;
        self.note_person(now, session);
        let until = Time::from_millis(now.as_millis().saturating_add(for_ms));
        // What is refused is counted.
        let _ = self
            .publish(session, |engine| engine.publish_until(now, session, presence, until, then));
    }

    fn withdraw(&mut self, now: Time, session: SessionKey) {
        let result = self.engine.withdraw(now, session);
        self.dispatch.carry_out_if_taken(result);
        let entry = self.dispatch.sessions.get(session);
        let Some(form) = entry.and_then(Entry::form) else { return };
        let ack = done(WITHDRAW, None).to_frame(form, Kind::ACK);
        self.dispatch.send_frame(session, &ack);
    }

    /// Publishes, and settles what waited for this session's first presence. Returns until when
    /// that waits, if it is over the rate.
    pub(super) fn publish(
        &mut self,
        session: SessionKey,
        publish: impl FnOnce(&mut Engine<Node, Presence>) -> Published<'_>,
    ) -> Result<Option<Time>, Error> {
        let pending = self.take_pending(session);
        self.dispatch.replaced = pending.as_ref().map(|pending| pending.ended.clone());
        let result = publish(&mut self.engine).map(|decisions| {
            let waits_until = decisions.waits_until();
            self.dispatch.carry_out(decisions);
            waits_until
        });
        if let Err(error) = result {
            self.metrics.refused(error);
        }
        self.dispatch.replaced = None;
        self.newcomer_published(session, pending);
        self.review_silent_of(session);
        result
    }

    fn direct(&mut self, now: Time, direct: Direct) {
        let Direct { session, to, presence, for_ms, refused } = direct;
        self.note_sender(now, session, &presence);
        let result = match for_ms {
            None => self.engine.direct(now, session, &to, presence),
            Some(for_ms) => self.engine.direct_for(now, session, &to, presence, for_ms),
        };
        let result = result.map(|decisions| self.dispatch.carry_out(decisions));
        if let Err(error) = result {
            self.metrics.refused(error);
            let _ = refused.send(error);
        }
    }

    fn review_silent_of(&mut self, session: SessionKey) {
        if let Some(user) = self.engine.user_of(session).cloned() {
            self.review_silent(&user);
        }
    }

    fn change_roster(&mut self, now: Time, change: RosterChange) {
        let RosterChange { user, other, kind } = change;
        let both = [user.clone(), other.clone()];
        let result = match kind {
            RosterChangeKind::Befriended => {
                let result = self.engine.audience_add(now, &user, [other.clone()]);
                self.dispatch.carry_out_if_taken(result);
                self.engine.audience_add(now, &other, [user])
            }
            RosterChangeKind::Unfriended => {
                let result = self.engine.audience_remove(now, &user, [&other]);
                self.dispatch.carry_out_if_taken(result);
                self.engine.audience_remove(now, &other, [&user])
            }
            RosterChangeKind::Blocked => self.engine.block(now, &user, other),
            RosterChangeKind::Unblocked => self.engine.unblock(now, &user, &other),
        };
        self.dispatch.carry_out_if_taken(result);
        for user in &both {
            self.review_silent(user);
        }
    }

    fn system(&mut self, now: Time, system: System) {
        let System { to, presence, reply } = system;
        let outcome = self.dispatch.carry_out_if_taken(self.engine.system(now, &to, presence));
        let (delivered, skipped) = (outcome.delivered, outcome.skipped);
        let _ = reply.send(SystemOutcome { delivered, skipped });
    }

    /// Returns the next users online after this one, `limit` at most.
    fn page_of_online(&self, after: Option<Node>, limit: usize) -> OnlinePage {
        let mut rest = self.dispatch.online.after(after);
        let sessions = |(user, _): (&Node, _)| (user.clone(), self.engine.sessions(user).len());
        let users = rest.by_ref().take(limit).map(sessions).collect();
        let total = self.engine.counts().users_online;
        OnlinePage { users, more: rest.next().is_some(), total }
    }

    /// Sends a message to all of a user's sessions.
    fn send_to_all(&mut self, user: &Node, message: &TimMessage) {
        let sessions: Vec<_> = self.engine.sessions(user).collect();
        for session in sessions {
            self.send_message(session, message);
        }
    }

    pub(super) fn send_message(&mut self, session: SessionKey, message: &TimMessage) {
        // A session that does not read finds a request in its list when it next logs in.
        if self.engine.is_congested(session) {
            return;
        }
        let Some(entry) = self.dispatch.sessions.get_mut(session) else { return };
        let Some(form) = entry.form() else { return };
        entry.sync = entry.sync.wrapping_add(1);
        let frame = message.to_sync_frame(form, Kind::MESSAGE, entry.sync);
        self.dispatch.send_frame(session, &frame);
    }

    /// Tells all of a user's sessions, and the webhook, whether the user is invisible.
    pub(super) fn send_visibility_to_all(&mut self, session: SessionKey) {
        let Some(user) = self.engine.user_of(session) else { return };
        self.dispatch.deferred.push_back(Deferred::Visible(user.clone()));
        let invisible = self.engine.is_invisible(user);
        let sessions: Vec<_> = self.engine.sessions(user).collect();
        for session in sessions {
            self.send_visibility(session, invisible);
        }
    }
}
