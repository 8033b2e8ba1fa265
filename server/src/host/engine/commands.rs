//! What each command asks of the engine.

use adsum::{Error, Event, LostCause, SessionKey, Time};
use adsum_tim::{Kind, TimMessage, bare};

use super::core::Core;
use super::dispatch::{Deferred, Outcome};
use super::sessions::{Entry, Heard};
use crate::host::command::{
    Command, Direct, Figures, Node, OnlinePage, Presence, PublishFor, RosterChange,
    RosterChangeKind, System, SystemOutcome,
};
use crate::host::roster_messages::{WITHDRAW, done};

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
                let _ = self.publish(now, session, Event::Publish { session, presence });
            }
            Command::PublishFor(publish) => self.publish_for(now, *publish),
            Command::LateWord(session) => self.say_late_word(session),
            Command::Asked(asked) => self.asked(now, *asked),
            Command::Withdraw(session) => self.withdraw(now, session),
            Command::Direct(direct) => self.direct(now, *direct),
            Command::Watch(watch) => self.watch(now, *watch),
            Command::Unwatch(watch) => self.unwatch(now, *watch),
            Command::Active(session) => self.person_did_something(now, session),
            Command::Person(session) => self.note_person(now, session),
            Command::Disconnect(session) => self.disconnect(now, session),
            Command::Lost(session, cause) => self.lose(now, session, cause),
            Command::LetGo(session) => {
                self.say_late_word(session);
                self.dispatch.detach(session);
            }
            Command::SentAway(session, for_ms) => self.send_away(now, session, for_ms),
            Command::Invisible(session) => self.hide(now, session),
            Command::Visible(session) => self.show_again(now, session),
            Command::Roster(change) => self.change_roster(now, *change),
            Command::RosterMessage(user, message) => self.send_to_all(&user, &message),
            Command::Relation(user, frame) => self.tell_relation(&user, &frame),
            Command::System(system) => self.system(now, *system),
            Command::Expel(user, reply) => {
                let _ = reply.send(self.give(now, Event::Expel { user }).ended);
            }
            Command::Online(after, limit, reply) => {
                let _ = reply.send(self.page_of_online(after, limit));
            }
            Command::WhoIsOffline(mut users, reply) => {
                users.retain(|user| !self.engine.is_online(user));
                let _ = reply.send(users);
            }
            Command::WhoIsOnline(who, reply) => {
                let _ = reply.send(self.who_is_online(who));
            }
            Command::Ask(question) => self.answer_question(now, question),
            Command::Figures(reply) => {
                let (counts, stats) = (self.engine.counts(), self.engine.stats());
                let cluster = self.engine.cluster_figures();
                let _ = reply.send(Figures { counts, stats, cluster });
            }
            Command::Begin => self.begin(),
            Command::Hear(heard) => self.hear(*heard),
            Command::Leave(done) => self.leave(done),
            Command::QueuesChanged | Command::Stop => {}
        }
    }

    /// Gives the engine an input, and carries out what it decides, or counts why it was refused.
    pub(super) fn give(&mut self, now: Time, event: Event<Node, Presence>) -> Outcome {
        self.dispatch.carry_out_if_taken(self.engine.apply(now, event))
    }

    /// The same, and says why it was refused, or until when an accepted publish waits that is over
    /// the rate.
    pub(super) fn decide(
        &mut self,
        now: Time,
        event: Event<Node, Presence>,
    ) -> Result<Option<Time>, Error> {
        match self.engine.apply(now, event) {
            Ok(taken) => {
                let waits_until = taken.waits_until();
                self.dispatch.carry_out(taken);
                Ok(waits_until)
            }
            Err(error) => {
                self.metrics.refused(error);
                Err(error)
            }
        }
    }

    /// Publishes what came over the rate and is kept, if anything is: before the session goes on
    /// elsewhere or ends, since it is what the client said last.
    pub(super) fn say_late_word(&mut self, session: SessionKey) {
        let socket = self.dispatch.sessions.get(session).and_then(|entry| entry.socket.as_ref());
        if let Some(word) = socket.and_then(|socket| socket.take_late_word()) {
            let command = Command::of_word(session, word);
            self.metrics.event(&command);
            self.take(command);
        }
    }

    fn disconnect(&mut self, now: Time, session: SessionKey) {
        self.say_late_word(session);
        self.give(now, Event::Disconnect { session });
    }

    fn lose(&mut self, now: Time, session: SessionKey, cause: LostCause) {
        self.say_late_word(session);
        self.dispatch.detach(session);
        self.give(now, Event::Lost { session, cause, grace_ms: None });
    }

    fn heartbeat(&mut self, now: Time, session: SessionKey) {
        let result = self.engine.apply(now, Event::Heartbeat { session });
        match result.map(|decisions| self.dispatch.carry_out(decisions)) {
            // Answered here and not by the connection's task, so that the answer comes after
            // everything that was decided before.
            Ok(_) => self.dispatch.send_frame(session, &bare(Kind::PING)),
            Err(error) => self.metrics.refused(error),
        }
    }

    /// Makes a session's user visible again, and tells all of the user's sessions.
    pub(super) fn show_again(&mut self, now: Time, session: SessionKey) {
        self.give(now, Event::Visible { session });
        self.send_visibility_to_all(session);
    }

    fn publish_for(&mut self, now: Time, publish: PublishFor) {
        let PublishFor { session, presence, for_ms, then } = publish;
        self.note_person(now, session);
        let until = Time::from_millis(now.as_millis().saturating_add(for_ms));
        // What is refused is counted.
        let _ = self.publish(now, session, Event::PublishUntil { session, presence, until, then });
    }

    fn withdraw(&mut self, now: Time, session: SessionKey) {
        self.give(now, Event::Withdraw { session });
        let entry = self.dispatch.sessions.get(session);
        let Some(form) = entry.and_then(Entry::form) else { return };
        let ack = done(WITHDRAW, None).to_frame(form, Kind::ACK);
        self.dispatch.send_frame(session, &ack);
    }

    /// Publishes, and settles what waited for this session's first presence. Returns until when
    /// that waits, if it is over the rate.
    pub(super) fn publish(
        &mut self,
        now: Time,
        session: SessionKey,
        event: Event<Node, Presence>,
    ) -> Result<Option<Time>, Error> {
        let pending = self.take_pending(session);
        self.dispatch.replaced = pending.as_ref().map(|pending| pending.ended.clone());
        let result = self.decide(now, event);
        self.dispatch.replaced = None;
        self.newcomer_published(session, pending);
        self.review_silent_of(session);
        result
    }

    fn direct(&mut self, now: Time, direct: Direct) {
        let Direct { session, to: users, presence, for_ms, refused } = direct;
        self.note_sender(now, session, &presence);
        let event = match for_ms {
            None => Event::Direct { session, users, presence },
            Some(for_ms) => Event::DirectFor { session, users, presence, for_ms },
        };
        let result = self.engine.apply(now, event);
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
        match kind {
            RosterChangeKind::Befriended => {
                let contacts = vec![other.clone()];
                self.give(now, Event::AudienceAdd { user: user.clone(), contacts });
                self.give(now, Event::AudienceAdd { user: other, contacts: vec![user] });
            }
            RosterChangeKind::Unfriended => {
                let contacts = vec![other.clone()];
                self.give(now, Event::AudienceRemove { user: user.clone(), contacts });
                self.give(now, Event::AudienceRemove { user: other, contacts: vec![user] });
            }
            RosterChangeKind::Blocked => {
                self.give(now, Event::Block { user, other });
            }
            RosterChangeKind::Unblocked => {
                self.give(now, Event::Unblock { user, other });
            }
        }
        for user in &both {
            self.review_silent(user);
        }
    }

    fn system(&mut self, now: Time, system: System) {
        let System { to, presence, reply } = system;
        let outcome = self.give(now, Event::System { users: to, presence });
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

    /// Tells those sessions of a user that have asked for its roster of a change. One that does not
    /// read is told later to ask again.
    fn tell_relation(&mut self, user: &Node, frame: &[u8]) {
        let sessions: Vec<_> = self.engine.sessions(user).collect();
        for session in sessions {
            let is_full = self.engine.is_congested(session);
            let Some(entry) = self.dispatch.sessions.get_mut(session) else { continue };
            match entry.roster {
                Heard::No => {}
                _ if is_full => entry.roster = Heard::Owed,
                _ => self.dispatch.send_frame(session, frame),
            }
        }
    }

    /// Has a session told of changes of its user's roster from now on, and of all that is in it.
    pub(super) fn tell_roster(&mut self, session: SessionKey, frames: &[Vec<u8>]) {
        if let Some(entry) = self.dispatch.sessions.get_mut(session) {
            entry.roster = Heard::Yes;
        }
        for frame in frames {
            self.dispatch.send_frame(session, frame);
        }
    }

    /// Tells a session that it has missed changes of its user's roster, if it has.
    pub(super) fn settle_roster(&mut self, session: SessionKey) {
        let Some(entry) = self.dispatch.sessions.get_mut(session) else { return };
        if entry.roster == Heard::Owed {
            entry.roster = Heard::Yes;
            self.dispatch.send_frame(session, br#"{"op":"relation"}"#);
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
        self.dispatch.deferred.push_back(Deferred::Visible(user.clone(), true));
        let invisible = self.engine.is_invisible(user);
        let sessions: Vec<_> = self.engine.sessions(user).collect();
        for session in sessions {
            self.send_visibility(session, invisible);
        }
    }
}
